"""
Handover codes: once, for ten minutes, and refused alike.
"""

from __future__ import annotations

import asyncio
import pickle
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from acme import Clock
from awaitable import Awaitable
from hypothesis import given
from hypothesis import strategies as st

from cxcontext.errors import (
    CodeMistypedError,
    CodeRefusedError,
    LongerCodeError,
    NotPicklableError,
    RecordTamperedError,
    TriesExhaustedError,
    UnavailableError,
    UsageError,
)
from cxcontext.homes import AsyncCodes, CodeLimits, Codes, HandoverCode
from cxcontext.homes.damm import check_digit
from cxcontext.homes.handover_code import draw, parse
from cxcontext.stores.memory import MemoryStore
from cxcontext.stores.sqlite import SQLiteStore

PEPPER = b"pepper that the store never sees"
LINE = "+12025550100"
OTHER_LINE = "+12025550101"
NUMBER = "+12025550123"
OTHER_NUMBER = "+442079460123"
REFERENCE = b"\x15\xc0" + bytes(range(100, 128))
CALL = "CA-1"
# As many as a fair crowd at one counter.
MANY = 200
# Where the rules are tried, and not the engine.
in_memory = pytest.mark.parametrize("store", ["memory"], indirect=True)


@pytest.fixture
def clock():
    """
    A clock that the tests move.
    """
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    """
    An empty store of either engine.
    """
    if request.param == "memory":
        yield MemoryStore()
        return
    store = SQLiteStore(tmp_path / "codes.db")
    yield store
    store.close()


def codes_on(store, clock, **options):
    """
    Return `Codes` whose digits are the same each time.
    """
    return Codes(
        store,
        pepper=PEPPER,
        clock=clock,
        random=random.Random(7).randbytes,
        **options,
    )


@pytest.fixture
def codes(store, clock):
    """
    The codes that everybody issues and redeems.
    """
    return codes_on(store, clock)


def redeem(codes, digits, *, line=LINE, call=CALL, caller=NUMBER):
    """
    Redeem as the usual caller on the usual line.
    """
    return codes.redeem(str(digits), line=line, call=call, caller=caller)


def unknown(codes, *but):
    """
    Return nine valid digits that are none of *but*.
    """
    taken = {str(code) for code in but}
    for number in range(10**8):
        digits = f"{number:08}"
        digits += check_digit(digits)
        if digits not in taken:
            return digits
    raise AssertionError


def guess(codes, number, *, first=0, line=LINE, caller=None):
    """
    Let *number* unknown codes be refused, one in each call.
    """
    for which in range(first, first + number):
        digits = f"{which:08}"
        with pytest.raises((CodeRefusedError, LongerCodeError)):
            redeem(
                codes,
                digits + check_digit(digits),
                line=line,
                call=f"guess-{which}",
                caller=caller,
            )


class Recorder(MemoryStore):
    """
    A store that remembers what was asked of it.
    """

    def __init__(self):
        super().__init__()
        self.asked = []
        for name in ("load", "replace", "increment", "link", "linked", "unlink"):
            setattr(self, name, self._recording(name, getattr(self, name)))

    def _recording(self, name, method):
        def recording(key, *arguments, **options):
            self.asked.append((name, len(key), *map(len, arguments)))
            return method(key, *arguments, **options)

        return recording


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
        A draw that would make small numbers likelier is drawn again.
        """
        draws = [bytes([0xFF] * 8), bytes(8)]

        assert ("000000000000000", []) == (draw(lambda size: draws.pop(0)), draws)

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


class TestRedeem:
    """
    Once, and by one call.
    """

    def test_it_leads_to_the_reference(self, codes):
        """
        Who types the code gets the 30 bytes.
        """
        code = codes.issue(REFERENCE, line=LINE)

        assert REFERENCE == redeem(codes, code)

    def test_all_fifteen_digits_do_as_well(self, codes):
        """
        Nobody need know whether six more are asked for.
        """
        code = codes.issue(REFERENCE, line=LINE)

        assert REFERENCE == redeem(codes, code.long)

    def test_wrong_further_digits_do_not(self, codes):
        """
        Whoever types more than nine must have them all right.
        """
        code = codes.issue(REFERENCE, line=LINE)
        five = f"{(int(code.further[:5]) + 1) % 100_000:05}"

        with pytest.raises(CodeRefusedError):
            redeem(codes, str(code) + five + check_digit(five))

    def test_another_call_gets_nothing(self, codes):
        """
        It was used.
        """
        code = codes.issue(REFERENCE, line=LINE)
        redeem(codes, code)

        with pytest.raises(CodeRefusedError):
            redeem(codes, code, call="CA-2")

    def test_the_same_call_may_ask_again_for_a_minute(self, codes, clock):
        """
        A request that was delivered twice gets the same answer, after 60 s none.
        """
        code = codes.issue(REFERENCE, line=LINE)
        redeem(codes, code)
        clock.advance(seconds=60)
        again = redeem(codes, code)
        clock.advance(seconds=1)

        assert REFERENCE == again
        with pytest.raises(CodeRefusedError):
            redeem(codes, code)

    def test_asking_again_is_not_limited(self, codes):
        """
        However often a platform delivers the same request: the answer stands.
        """
        code = codes.issue(REFERENCE, line=LINE)

        assert {REFERENCE} == {redeem(codes, code) for _ in range(20)}

    def test_it_ends(self, codes, clock):
        """
        A second before ten minutes it leads somewhere, at ten minutes no more.
        """
        early, late = (codes.issue(REFERENCE, line=LINE) for _ in range(2))
        clock.advance(seconds=599)
        found = redeem(codes, early)
        clock.advance(seconds=1)

        assert REFERENCE == found
        with pytest.raises(CodeRefusedError):
            redeem(codes, late, call="CA-2")

    def test_it_is_the_lines(self, codes):
        """
        On another line it is unknown.
        """
        code = codes.issue(REFERENCE, line=LINE)

        with pytest.raises(CodeRefusedError):
            redeem(codes, code, line=OTHER_LINE)

    def test_a_line_is_spelled_in_several_ways(self, codes):
        """
        Who issues and who redeems need not write the number alike.
        """
        code = codes.issue(REFERENCE, line="+1 (202) 555-0100")

        assert REFERENCE == redeem(codes, code, line="0012025550100")

    def test_a_line_may_have_a_name(self, codes):
        """
        An agent's tool is a line as well.
        """
        code = codes.issue(REFERENCE, line="desk 1")

        assert REFERENCE == redeem(codes, code, line="desk 1")
        with pytest.raises(CodeRefusedError):
            redeem(codes, code, line="desk 2", call="CA-2")

    def test_two_hundred_at_once(self, codes):
        """
        Of two hundred calls that redeem one code at the same moment, one succeeds.
        """
        code = codes.issue(REFERENCE, line=LINE)
        meet = threading.Barrier(MANY)

        def one(which):
            meet.wait()
            try:
                return redeem(
                    codes,
                    code,
                    call=f"CA-{which}",
                    caller=f"+1202555{which:04}",
                )
            except (CodeRefusedError, LongerCodeError):
                return None

        with ThreadPoolExecutor(MANY) as crowd:
            answers = list(crowd.map(one, range(MANY)))

        assert [REFERENCE] == [answer for answer in answers if answer]

    @pytest.mark.parametrize("which", range(20))
    def test_one_call_at_once(self, codes, which):
        """
        One request that is delivered three times at once succeeds three times.
        """
        code = codes.issue(REFERENCE, line=LINE)
        meet = threading.Barrier(3)

        def one(_):
            meet.wait()
            return redeem(codes, code)

        with ThreadPoolExecutor(3) as crowd:
            answers = list(crowd.map(one, range(3)))

        assert [REFERENCE] * 3 == answers


class TestIssue:
    """
    No two of a line are the same.
    """

    def test_codes_differ(self, codes):
        """
        Three hundred on one line are three hundred.
        """
        issued = {str(codes.issue(REFERENCE, line=LINE)) for _ in range(300)}

        assert 300 == len(issued)

    @pytest.mark.parametrize(("hours", "fails"), [(0, True), (24, True), (24.2, False)])
    def test_what_expired_rests_for_a_day(self, store, clock, hours, fails):
        """
        If always the same is drawn, there is none until it has rested.
        """
        codes = Codes(store, pepper=PEPPER, clock=clock, random=bytes)
        first = codes.issue(REFERENCE, line=LINE)
        clock.advance(hours=hours)

        if fails:
            with pytest.raises(UnavailableError, match="a code that nobody has"):
                codes.issue(REFERENCE, line=LINE)
        else:
            assert str(first) == str(codes.issue(REFERENCE, line=LINE))

    def test_what_was_used_rests_as_long(self, store, clock):
        """
        A code is not given out again because it was used.
        """
        codes = Codes(store, pepper=PEPPER, clock=clock, random=bytes)
        redeem(codes, codes.issue(REFERENCE, line=LINE))
        clock.advance(hours=24)

        with pytest.raises(UnavailableError):
            codes.issue(REFERENCE, line=LINE)

    def test_another_line_may_have_the_same(self, store, clock):
        """
        The line is part of what is looked up.
        """
        codes = Codes(store, pepper=PEPPER, clock=clock, random=bytes)
        other = bytes(reversed(REFERENCE))
        first = codes.issue(REFERENCE, line=LINE)
        second = codes.issue(other, line=OTHER_LINE)

        assert str(first) == str(second)
        assert (REFERENCE, other) == (
            redeem(codes, first),
            redeem(codes, second, line=OTHER_LINE, call="CA-2"),
        )

    @pytest.mark.parametrize("reference", [b"", b"short", "CX" * 24, None, bytes(31)])
    def test_only_a_reference_is_led_to(self, codes, reference):
        """
        30 bytes, or what gives them.
        """
        with pytest.raises(UsageError, match="30 bytes"):
            codes.issue(reference, line=LINE)


class TestAlike:
    """
    Unknown, expired and used are one.
    """

    @pytest.mark.parametrize("caller", [None, NUMBER, OTHER_NUMBER])
    @pytest.mark.parametrize("alarmed", [False, True])
    @pytest.mark.parametrize("long", [False, True])
    def test_same_answer_and_same_work(self, clock, caller, alarmed, long):
        """
        The error is equal to the last letter, and the store is asked the same.
        """
        store = Recorder()
        codes = codes_on(store, clock)
        expired, used = (
            codes.issue(REFERENCE, line=LINE, caller=NUMBER) for _ in range(2)
        )
        clock.advance(minutes=10)
        live = codes.issue(REFERENCE, line=LINE, caller=NUMBER)
        redeem(codes, live, call="elsewhere")
        never = unknown(codes, expired, used, live)
        if alarmed:
            guess(codes, 21, first=1)
        texts = [str(expired), str(live), never]
        if long:
            texts = [expired.long, live.long, never + "000000"]
        answers = []
        for which, text in enumerate(texts):
            store.asked.clear()
            with pytest.raises((CodeRefusedError, LongerCodeError)) as ei:
                redeem(codes, text, call=f"CA-{which}", caller=caller)
            answers.append((repr(ei.value), str(ei.value), tuple(store.asked)))

        assert 1 == len(set(answers))
        assert (LongerCodeError if alarmed and not long else CodeRefusedError) is type(
            ei.value
        )

    def test_a_refusal_says_when_to_tell_it(self, codes):
        """
        One second after the question, whatever the store took.
        """
        with pytest.raises(CodeRefusedError) as ei:
            redeem(codes, unknown(codes))

        assert 1 == ei.value.answer_after_s


@in_memory
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

    def test_limits_are_arguments(self, store, clock):
        """
        Who needs others sets them.
        """
        limits = CodeLimits(per_call=1, lifetime=timedelta(hours=1))
        codes = codes_on(store, clock, limits=limits)
        code = codes.issue(REFERENCE, line=LINE)
        clock.advance(minutes=59)
        with pytest.raises(CodeRefusedError):
            redeem(codes, unknown(codes, code))
        with pytest.raises(TriesExhaustedError):
            redeem(codes, code)

        assert REFERENCE == redeem(codes, code, call="CA-2")


@in_memory
class TestAlarm:
    """
    What rings, for whom, and what is asked for then.
    """

    def test_guesses_on_a_line_ring_there(self, codes):
        """
        The twentieth within an hour; another line hears nothing.
        """
        for which in range(19):
            guess(codes, 1, first=which, caller=f"+1202555{which:04}")
        before = codes.asks_for_more(line=LINE, caller=NUMBER)
        guess(codes, 1, first=19, caller="+12025559999")

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
                caller=f"+1202555{which:04}",
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


class TestStore:
    """
    What the store has, and what it can do.
    """

    def test_a_dump_tells_nothing(self, store, clock, tmp_path):
        """
        No code, reference, call id, number or line is in it.
        """
        codes = codes_on(store, clock)
        issued = [codes.issue(REFERENCE, line=LINE, caller=NUMBER) for _ in range(20)]
        for which, code in enumerate(issued[:10]):
            redeem(codes, code, call=f"call-id-{which}")
        guess(codes, 25)
        guess(codes, 5, first=25, caller=OTHER_NUMBER)
        if isinstance(store, MemoryStore):
            dump = b"".join(
                part
                for table in (store._records, store._links, store._counts)
                for key, row in table.items()
                for part in (key, *(p for p in row if isinstance(p, bytes)))
            )
        else:
            dump = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        secrets = [
            REFERENCE,
            REFERENCE[6:21],
            REFERENCE.hex().encode(),
            b"call-id-",
            b"guess-",
            *(text[-10:].encode() for text in (LINE, NUMBER, OTHER_NUMBER)),
            *(str(code).encode() for code in issued),
            *(code.further.encode() for code in issued),
        ]

        assert len(dump) > 1000
        assert [] == [secret for secret in secrets if secret in dump]

    def test_whether_a_code_was_used_is_not_seen(self, clock):
        """
        The record keeps its size.
        """
        store = MemoryStore()
        codes = codes_on(store, clock)
        code = codes.issue(REFERENCE, line=LINE)
        sizes = {len(record) for _, record, _ in store._records.values()}
        redeem(codes, code, caller=None)

        assert sizes == {len(record) for _, record, _ in store._records.values()}

    def test_swapped_records_do_not_open(self, clock):
        """
        A store that gives one code's record for another's is found out.
        """
        store = MemoryStore()
        codes = codes_on(store, clock)
        first, _ = (codes.issue(REFERENCE, line=LINE) for _ in range(2))
        keys = list(store._records)
        store._records[keys[0]] = store._records[keys[1]]

        with pytest.raises(RecordTamperedError):
            redeem(codes, first)

    def test_another_pepper_finds_nothing(self, store, clock):
        """
        Whoever has the store and a pepper of their own.
        """
        code = codes_on(store, clock).issue(REFERENCE, line=LINE)
        other = Codes(store, pepper=bytes(32), clock=clock)

        with pytest.raises(CodeRefusedError):
            redeem(other, code)


class TestUsage:
    """
    What the calling code is told.
    """

    @pytest.mark.parametrize(
        "options",
        [
            {"per_call": 0},
            {"per_caller": 2.5},
            {"lifetime": timedelta(0)},
            {"rest": 86_400},
        ],
    )
    def test_a_limit_is_from_one(self, options):
        """
        None can be switched off by mistake.
        """
        with pytest.raises(UsageError, match=next(iter(options))):
            CodeLimits(**options)

    @pytest.mark.parametrize("line", ["", " ", "+", "---"])
    def test_a_line_is_named(self, codes, line):
        """
        All lines without a name would be one.
        """
        with pytest.raises(UsageError, match="name the line"):
            codes.issue(REFERENCE, line=line)

    def test_a_call_is_named(self, codes):
        """
        All calls without a name would share three tries.
        """
        with pytest.raises(UsageError, match="name the call"):
            redeem(codes, "123456789", call="")

    def test_the_clock_knows_where_it_is(self, store):
        """
        A naive instant is another one on each machine.
        """
        naive = Codes(store, pepper=PEPPER, clock=lambda: datetime(2026, 1, 1))  # noqa: DTZ001

        with pytest.raises(UsageError, match="aware"):
            naive.issue(REFERENCE, line=LINE)

    def test_the_clock_is_the_systems_unless_given(self, store):
        """
        And so is the source of the digits.
        """
        codes = Codes(store, pepper=PEPPER)
        code = codes.issue(REFERENCE, line=LINE)

        assert (True, REFERENCE) == (
            isinstance(code, HandoverCode),
            redeem(codes, code),
        )

    def test_it_shows_its_store_only(self, store):
        """
        The pepper is nowhere in ``repr``.
        """
        name = type(store).__name__

        assert (f"<Codes on {name}>", f"<AsyncCodes on {name}>") == (
            repr(Codes(store, pepper=PEPPER)),
            repr(AsyncCodes(store, pepper=PEPPER)),
        )


class TestAsync:
    """
    The same, awaited.
    """

    def test_two_hundred_at_once(self, clock):
        """
        Of two hundred tasks exactly one gets the reference, and all the rules hold.
        """

        async def main():
            codes = AsyncCodes(Awaitable(), pepper=PEPPER, clock=clock)
            code = await codes.issue(REFERENCE, line=LINE, caller=NUMBER)

            async def one(which):
                try:
                    return await codes.redeem(
                        str(code),
                        line=LINE,
                        call=f"CA-{which}",
                        caller=f"+1202555{which:04}",
                    )
                except CodeRefusedError:
                    return None

            answers = await asyncio.gather(*map(one, range(MANY)))
            more = await codes.asks_for_more(line=LINE)
            return [answer for answer in answers if answer], more

        assert ([REFERENCE], False) == asyncio.run(main())
