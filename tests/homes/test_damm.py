"""
The check digit: what it catches, tried for all that there is.
"""

from __future__ import annotations

from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxcontext.errors import UsageError
from cxcontext.homes.damm import TABLE, check_digit

NUMBERS = st.text("0123456789", min_size=1, max_size=15)


def with_check(digits):
    """
    Return *digits* and their check digit.
    """
    return digits + check_digit(digits)


class TestTable:
    """
    The quasigroup.
    """

    def test_it_is_a_quasigroup(self):
        """
        Every digit is once in every row and once in every column.
        """
        lines = [*TABLE, *zip(*TABLE, strict=True)]

        assert {tuple(range(10))} == {tuple(sorted(line)) for line in lines}

    def test_it_tells_swapped_digits_apart_after_any(self):
        """
        For all thousand: (c * x) * y is never (c * y) * x where x is not y.
        """
        alike = [
            (c, x, y)
            for c, (x, y) in product(range(10), permutations(range(10), 2))
            if TABLE[TABLE[c][x]][y] == TABLE[TABLE[c][y]][x]
        ]

        assert [] == alike

    def test_its_diagonal_is_zero(self):
        """
        So the interim digit is the check digit, and checking ends in 0.
        """
        assert [0] * 10 == [TABLE[digit][digit] for digit in range(10)]


class TestCheckDigit:
    """
    What it is for.
    """

    @pytest.mark.parametrize(
        ("digits", "check"),
        [("572", "4"), ("5724", "0"), ("", "0"), ("00000000", "0")],
    )
    def test_known_ones(self, digits, check):
        """
        572 is the example that everybody computes.
        """
        assert check == check_digit(digits)

    @given(NUMBERS, st.data())
    def test_any_wrong_digit_is_caught(self, digits, data):
        """
        One digit changed anywhere, the check digit as well, no longer checks.
        """
        right = with_check(digits)
        at = data.draw(st.integers(0, len(right) - 1))
        wrong = data.draw(
            st.sampled_from("0123456789").filter(lambda d: d != right[at])
        )

        assert check_digit(right[:at] + wrong + right[at + 1 :]) != "0"

    @given(NUMBERS, st.data())
    def test_any_two_swapped_are_caught(self, digits, data):
        """
        Two different neighbours swapped, the check digit as well, no longer check.
        """
        right = with_check(digits)
        at = data.draw(st.integers(0, len(right) - 2))
        one, other = right[at : at + 2]
        swapped = right[:at] + other + one + right[at + 2 :]

        assert (one == other) == (check_digit(swapped) == "0")

    def test_every_slip_in_one_code_is_caught(self):
        """
        Of one code all 81 wrong digits and all 8 swaps are caught.
        """
        right = with_check("40718265")
        slips = {
            right[:at] + wrong + right[at + 1 :]
            for at in range(9)
            for wrong in "0123456789"
        }
        slips |= {
            right[:at] + right[at + 1] + right[at] + right[at + 2 :] for at in range(8)
        }
        slips -= {right}

        assert (89, set()) == (
            len(slips),
            {slip for slip in slips if check_digit(slip) == "0"},
        )

    @given(NUMBERS, NUMBERS)
    def test_valid_digits_may_be_followed_by_others(self, first, second):
        """
        After valid digits the next begin from 0, as if nothing came before.
        """
        assert check_digit(second) == check_digit(with_check(first) + second)

    @pytest.mark.parametrize("digits", ["12a", "1 2", "-1", "\u0661", "\u00b2", "1\n"])
    def test_anything_else_is_refused(self, digits):
        """
        Only the ten digits of ASCII are digits here.
        """
        with pytest.raises(UsageError):
            check_digit(digits)
