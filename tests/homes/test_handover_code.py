"""
The digits themselves: drawn, shown, hidden and typed.
"""

from __future__ import annotations

import pickle
from datetime import timedelta

import pytest
from acme import Clock
from hypothesis import given
from hypothesis import strategies as st
from switchboard import (
    LINE,
    REFERENCE,
    codes_on,
)

from cxcontext.errors import (
    NotPicklableError,
)
from cxcontext.homes.damm import check_digit
from cxcontext.homes.handover_code import draw, parse
from cxcontext.stores.memory import MemoryStore


@pytest.fixture
def clock():
    """
    A clock that the tests move.
    """
    return Clock()


@pytest.fixture
def codes(clock):
    """
    The codes that everybody issues and redeems.
    """
    return codes_on(MemoryStore(), clock)


class TestCode:
    """
    What the customer is given.
    """

    def test_it_is_eight_digits_and_their_check_digit(self, codes, clock):
        """
        ``str`` gives nine digits, which check, and it ends after ten minutes.
        """
        code = codes.issue(REFERENCE, line=LINE)

        assert (9, True, "0", clock.now + timedelta(minutes=10)) == (
            len(str(code)),
            str(code).isdigit(),
            check_digit(str(code)),
            code.expires_at,
        )

    def test_it_is_spoken_in_threes(self, codes):
        """
        Groups of three are what people read without losing their place.
        """
        code = codes.issue(REFERENCE, line=LINE)
        digits = str(code)

        assert f"{digits[:3]} {digits[3:6]} {digits[6:]}" == code.spoken

    def test_its_further_digits_check_with_all(self, codes):
        """
        Nine and six are fifteen, which check, too.
        """
        code = codes.issue(REFERENCE, line=LINE)

        assert (code.long, 15, "0") == (
            str(code) + code.further,
            len(code.long),
            check_digit(code.long),
        )

    def test_it_is_not_shown(self, codes):
        """
        Neither ``repr`` nor an f-string has its digits, and it is not pickled.
        """
        code = codes.issue(REFERENCE, line=LINE)

        assert ("<HandoverCode>", "<HandoverCode>") == (repr(code), f"{code}")
        with pytest.raises(NotPicklableError):
            pickle.dumps(code)

    def test_digits_are_equally_likely(self):
        """
        From the last whole multiple of all codes on, it is drawn again.
        """
        fair = 2**64 // 10**13 * 10**13
        draws = [number.to_bytes(8) for number in (2**64 - 1, fair, fair - 1)]
        last = draw(lambda size: draws.pop(0))

        assert ("99999999", "99999", []) == (last[:8], last[9:14], draws)

    @pytest.mark.parametrize("wrong", [0, 8, 9, 14])
    def test_both_check_digits_count(self, wrong):
        """
        One wrong digit among the nine or the six, and all is mistyped.
        """
        digits = draw(bytes)
        typed = digits[:wrong] + "1" + digits[wrong + 1 :]

        assert (False, None) == (parse(digits) is None, parse(typed))

    @given(st.binary(min_size=8, max_size=8))
    def test_whatever_is_drawn_is_read_back(self, drawn):
        """
        What was drawn checks, in both lengths.
        """
        parts = iter([drawn, bytes(8)])
        digits = draw(lambda size: next(parts))
        short, long = parse(digits[:9]), parse(digits)

        assert ((digits[:9], None), (digits[:9], digits[9:])) == (
            (short.short, short.further),
            (long.short, long.further),
        )

    @pytest.mark.parametrize(
        "typed",
        [
            "572 000 007",
            "572-000-007",
            " 572.000.007 ",
            "572000007#",
            "\u0665\u0667\u0662000007",
            "\uff15\uff17\uff12000007",
            "572\u2013000\u2013007",
            "572\u00a0000\u00a0007",
        ],
    )
    def test_what_people_make_of_it_is_understood(self, typed):
        """
        Spaces, dashes, a final ``#`` and other scripts' digits are the same code.
        """
        assert "572000007" == parse(typed).short

    @given(st.one_of(st.text(), st.text("0123456789 -#*"), st.none(), st.binary()))
    def test_anything_may_be_typed(self, typed):
        """
        It is nine or fifteen digits that check, or nothing; it never raises.
        """
        found = parse(typed)

        assert found is None or check_digit(found.short + (found.further or "")) == "0"
