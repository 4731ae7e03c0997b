"""
How often one may be wrong, what rings then, and who gets through all the same.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from acme import Clock
from switchboard import (
    LINE,
    NUMBER,
    OTHER_LINE,
    OTHER_NUMBER,
    REFERENCE,
    codes_on,
    guess,
    redeem,
    unknown,
)

from cxcontext.errors import (
    CodeMistypedError,
    CodeRefusedError,
    LongerCodeError,
    TriesExhaustedError,
    UnavailableError,
)
from cxcontext.homes import CodeLimits
from cxcontext.homes.damm import check_digit
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


class TestLimits:
    """
    How often one may be wrong.
    """

    def test_three_in_a_call(self, codes):
        """
        The fourth is not looked at, were it right.
        """
        code = codes.issue(REFERENCE, line=LINE)
        for which in range(3):
            with pytest.raises(CodeRefusedError):
                redeem(codes, f"{which}0000000" + check_digit(f"{which}0000000"))

        with pytest.raises(TriesExhaustedError, match="in this call"):
            redeem(codes, code)
        assert REFERENCE == redeem(codes, code, call="CA-2")

    def test_mistyped_ones_count(self, codes):
        """
        They are told apart at once, so that the prompt is repeated, and count.
        """
        code = codes.issue(REFERENCE, line=LINE)
        wrong = str(code)[:-1] + str((int(str(code)[-1]) + 1) % 10)
        for _ in range(3):
            with pytest.raises(CodeMistypedError):
                redeem(codes, wrong)

        with pytest.raises(TriesExhaustedError):
            redeem(codes, code)

    def test_five_by_a_caller_in_a_quarter_of_an_hour(self, codes, clock):
        """
        Over any number of calls; in the next quarter there are five more.
        """
        code = codes.issue(REFERENCE, line=LINE)
        guess(codes, 5, caller=NUMBER)
        with pytest.raises(TriesExhaustedError, match="by this caller"):
            redeem(codes, code, call="CA-6")
        other = redeem(codes, code, call="CA-7", caller=OTHER_NUMBER)
        clock.advance(minutes=15)
        later = codes.issue(REFERENCE, line=LINE)

        assert (REFERENCE, REFERENCE) == (other, redeem(codes, later, call="CA-8"))

    def test_a_number_is_spelled_in_several_ways(self, codes):
        """
        Another spelling is no other caller.
        """
        spellings = [
            "+12025550123",
            "12025550123",
            "0012025550123",
            "+1 (202) 555-0123",
            "sip:+12025550123@198.51.100.7",
        ]
        for which, spelling in enumerate(spellings):
            guess(codes, 1, first=which, caller=spelling)

        with pytest.raises(TriesExhaustedError):
            redeem(codes, unknown(codes), call="CA-9")

    def test_good_ones_do_not_count_for_a_caller(self, codes):
        """
        From one switchboard twenty may call in a quarter of an hour.
        """
        found = [
            redeem(codes, codes.issue(REFERENCE, line=LINE), call=f"CA-{which}")
            for which in range(20)
        ]

        assert [REFERENCE] * 20 == found

    def test_a_good_one_gives_back_one_try(self, codes):
        """
        After ten good ones five bad ones are left, as before.
        """
        for which in range(10):
            redeem(codes, codes.issue(REFERENCE, line=LINE), call=f"CA-{which}")
        guess(codes, 5, caller=NUMBER)

        with pytest.raises(TriesExhaustedError):
            redeem(codes, codes.issue(REFERENCE, line=LINE), call="CA-10")

    def test_in_a_crowd_a_good_one_may_count(self, clock):
        """
        If others give theirs back all the time, the answer is given all the same.
        """

        class Crowded(MemoryStore):
            def replace(self, key, record, **options):
                return len(record) > 4 and super().replace(key, record, **options)

        codes = codes_on(Crowded(), clock)

        assert REFERENCE == redeem(codes, codes.issue(REFERENCE, line=LINE))

    def test_a_store_that_fails_afterwards_loses_no_answer(self, clock):
        """
        The code is used by then, so the caller gets what it led to.
        """

        class Failing(MemoryStore):
            def replace(self, key, record, **options):
                if len(record) == 4:
                    raise UnavailableError("the store")
                return super().replace(key, record, **options)

        codes = codes_on(Failing(), clock)

        assert REFERENCE == redeem(codes, codes.issue(REFERENCE, line=LINE))

    @pytest.mark.parametrize("failing", range(5))
    def test_a_store_that_fails_before_uses_no_code(self, clock, failing):
        """
        Whichever step fails first, the code is as good as before.
        """

        class Failing(MemoryStore):
            left = None

            def _ask(self):
                if self.left is not None:
                    self.left -= 1
                    if self.left < 0:
                        raise UnavailableError("the store")

            def load(self, key, **options):
                self._ask()
                return super().load(key, **options)

            def increment(self, key, **options):
                self._ask()
                return super().increment(key, **options)

        store = Failing()
        codes = codes_on(store, clock)
        code = codes.issue(REFERENCE, line=LINE)
        store.left = failing
        with pytest.raises(UnavailableError):
            redeem(codes, code)
        store.left = None

        assert REFERENCE == redeem(codes, code, call="CA-2")

    def test_at_the_same_moment_they_count_as_well(self, codes):
        """
        Of a hundred calls from one number at once, five codes are looked at.
        """
        meet = threading.Barrier(100)

        def one(which):
            meet.wait()
            digits = f"{which:08}"
            try:
                redeem(codes, digits + check_digit(digits), call=f"CA-{which}")
            except TriesExhaustedError:
                return 0
            except (CodeRefusedError, LongerCodeError):
                return 1

        with ThreadPoolExecutor(100) as crowd:
            assert 5 == sum(crowd.map(one, range(100)))

    @pytest.mark.parametrize(
        "caller",
        [
            None,
            "",
            "anonymous",
            "Restricted",
            "sip:anonymous@anonymous.invalid",
            "0000000000",
            "+266696687",
            "+7378742833",
            "86282452253",
        ],
    )
    def test_nobody_without_a_number_is_stopped_by_another(self, codes, caller):
        """
        Fifty guesses from withheld numbers stop no withheld number: it has to type
        more, and no more than that.
        """
        code = codes.issue(REFERENCE, line=LINE)
        guess(codes, 50, caller=caller)
        with pytest.raises(LongerCodeError):
            redeem(codes, code, call="CA-1", caller=caller)

        assert REFERENCE == redeem(codes, code.long, call="CA-1", caller=caller)

    def test_limits_are_arguments(self, clock):
        """
        Who needs others sets them.
        """
        limits = CodeLimits(per_call=1, lifetime=timedelta(hours=1))
        codes = codes_on(MemoryStore(), clock, limits=limits)
        code = codes.issue(REFERENCE, line=LINE)
        clock.advance(minutes=59)
        with pytest.raises(CodeRefusedError):
            redeem(codes, unknown(codes, code))
        with pytest.raises(TriesExhaustedError):
            redeem(codes, code)

        assert REFERENCE == redeem(codes, code, call="CA-2")


class TestAlarm:
    """
    What rings, for whom, and what is asked for then.
    """

    def test_guesses_on_a_line_ring_there(self, codes):
        """
        The twentieth within an hour; another line hears nothing.
        """
        for which in range(19):
            guess(codes, 1, first=which, caller=f"+447700900{which:03}")
        before = codes.asks_for_more(line=LINE, caller=NUMBER)
        guess(codes, 1, first=19, caller="+442079460999")

        assert (False, True, False) == (
            before,
            codes.asks_for_more(line=LINE, caller=NUMBER),
            codes.asks_for_more(line=OTHER_LINE, caller=NUMBER),
        )

    def test_guesses_on_all_lines_ring_on_all(self, codes):
        """
        A hundred that are spread over fifty lines, two on each.
        """
        for which in range(100):
            guess(
                codes,
                1,
                first=which,
                line=f"+120255501{which % 50:02}",
                caller=f"+447700900{which:03}",
            )

        assert codes.asks_for_more(line="+442079460000", caller=NUMBER)

    def test_withheld_numbers_have_one_of_their_own(self, codes):
        """
        Five guesses ring it; callers with a number hear nothing.
        """
        guess(codes, 5)

        assert (True, True, False) == (
            codes.asks_for_more(line=LINE),
            codes.asks_for_more(line=OTHER_LINE),
            codes.asks_for_more(line=LINE, caller=NUMBER),
        )

    def test_the_customers_number_goes_on_with_nine(self, codes):
        """
        Who calls from where the code was issued for notices nothing.
        """
        code = codes.issue(REFERENCE, line=LINE, caller=NUMBER)
        guess(codes, 30)

        assert REFERENCE == redeem(codes, code)

    @pytest.mark.parametrize("issued_for", [None, NUMBER])
    @pytest.mark.parametrize("caller", [None, OTHER_NUMBER])
    def test_everybody_else_types_fifteen(self, codes, issued_for, caller):
        """
        From another number, from none, or if none was known: nine are refused as
        too few, whatever they are, and fifteen will do in the same call.
        """
        code = codes.issue(REFERENCE, line=LINE, caller=issued_for)
        guess(codes, 30)
        for digits in (str(code), unknown(codes, code)):
            with pytest.raises(LongerCodeError):
                redeem(codes, digits, caller=caller)

        assert REFERENCE == redeem(codes, code.long, caller=caller)

    def test_it_stops_ringing(self, codes, clock):
        """
        An hour after the last twenty.
        """
        guess(codes, 20)
        clock.advance(minutes=59)
        before = codes.asks_for_more(line=LINE, caller=NUMBER)
        clock.advance(minutes=1)

        assert (True, False) == (
            before,
            codes.asks_for_more(line=LINE, caller=NUMBER),
        )

    def test_going_on_makes_it_ring_longer(self, codes, clock):
        """
        Forty, of which the second twenty came later, ring until an hour after those.
        """
        guess(codes, 20)
        clock.advance(minutes=50)
        guess(codes, 20, first=20)
        clock.advance(minutes=59)

        assert codes.asks_for_more(line=LINE, caller=NUMBER)

    def test_wrong_further_digits_ring(self, codes):
        """
        Who has nine digits and guesses the others guesses.
        """
        code = codes.issue(REFERENCE, line=LINE)
        for which in range(20):
            five = f"{(int(code.further[:5]) + 1 + which) % 100_000:05}"
            with pytest.raises(CodeRefusedError):
                redeem(
                    codes,
                    str(code) + five + check_digit(five),
                    call=f"CA-{which}",
                    caller=f"+447700900{which:03}",
                )

        assert codes.asks_for_more(line=LINE, caller=NUMBER)

    def test_who_is_asked_for_more_rings_nothing(self, codes, clock):
        """
        Honest callers who begin with nine digits do not keep the alarm ringing.
        """
        guess(codes, 20)
        clock.advance(minutes=30)
        for which in range(40):
            code = codes.issue(REFERENCE, line=LINE)
            with pytest.raises(LongerCodeError):
                redeem(codes, code, call=f"CA-{which}", caller=None)
        clock.advance(minutes=30)

        assert not codes.asks_for_more(line=LINE)

    def test_who_is_late_or_mistypes_rings_nothing(self, codes, clock):
        """
        Expired, used and mistyped codes are no guesses, however many.
        """
        late = [codes.issue(REFERENCE, line=LINE) for _ in range(120)]
        clock.advance(minutes=10)
        for which, code in enumerate(late):
            with pytest.raises(CodeRefusedError):
                redeem(codes, code, call=f"CA-{which}", caller=None)
            with pytest.raises(CodeMistypedError):
                redeem(codes, "123", call=f"CA-{which}", caller=None)

        assert not codes.asks_for_more(line=LINE)
