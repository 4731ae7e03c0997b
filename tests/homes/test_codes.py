"""
Handover codes: once, for ten minutes, and refused alike.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from acme import Clock
from awaitable import Awaitable
from switchboard import (
    CALL,
    LINE,
    NUMBER,
    OTHER_LINE,
    OTHER_NUMBER,
    PEPPER,
    REFERENCE,
    Recorder,
    codes_on,
    guess,
    redeem,
    unknown,
)

from cxcontext.errors import (
    CodeRefusedError,
    LongerCodeError,
    RecordTamperedError,
    UnavailableError,
    UsageError,
)
from cxcontext.homes import AsyncCodes, CodeLimits, Codes, HandoverCode, ReferenceKeys
from cxcontext.homes.damm import check_digit
from cxcontext.stores.memory import MemoryStore
from cxcontext.stores.sqlite import SQLiteStore

# As many as a fair crowd at one counter.
MANY = 200


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


@pytest.fixture
def codes(store, clock):
    """
    The codes that everybody issues and redeems.
    """
    return codes_on(store, clock)


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

    def test_a_reference_is_taken_as_it_is(self, codes, clock):
        """
        What comes out parses as the `Reference` that went in.
        """
        keys = ReferenceKeys({0: bytes(32)})
        reference = keys.mint(expires_s=clock.now_s + 60, random=bytes)
        raw = redeem(codes, codes.issue(reference, line=LINE))

        assert reference == keys.parse(raw, now_s=clock.now_s)

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
                    caller=f"+447700900{which:03}",
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
        elif alarmed and caller != NUMBER:
            # Nine digits are not enough then, not even live ones.
            texts.append(str(codes.issue(REFERENCE, line=LINE, caller=NUMBER)))
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

    @pytest.mark.parametrize(
        ("other_call", "answers"),
        [(CALL, [REFERENCE, REFERENCE]), ("CA-2", [REFERENCE])],
    )
    def test_who_is_overtaken_looks_again(self, clock, other_call, answers):
        """
        The same request, delivered twice, has its answer; another call is refused,
        and neither has guessed.
        """
        got = []

        class Overtaken(MemoryStore):
            def replace(self, key, record, *, version, **options):
                if version is not None and len(record) > 4 and not got:
                    got.append(None)
                    got.append(redeem(codes, code, call=other_call, caller=None))
                return super().replace(key, record, version=version, **options)

        codes = codes_on(
            Overtaken(), clock, limits=CodeLimits(line_guesses=1, withheld_guesses=1)
        )
        code = codes.issue(REFERENCE, line=LINE)
        with suppress(CodeRefusedError):
            got.append(redeem(codes, code, caller=None))

        assert (answers, False) == (got[1:], codes.asks_for_more(line=LINE))

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

    @pytest.mark.parametrize("line", [" ", "+", "000", "8656696"])
    def test_what_is_dialled_may_be_no_line(self, codes, line):
        """
        A caller decides what is dialled: the code is refused, and nothing breaks.
        """
        with pytest.raises(CodeRefusedError):
            redeem(codes, "572000007", line=line)
        assert not codes.asks_for_more(line=line)

    def test_what_is_dialled_is_given(self, codes):
        """
        Whoever passes nothing has made a mistake.
        """
        with pytest.raises(UsageError, match="name the line"):
            redeem(codes, "572000007", line="")

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
                        caller=f"+447700900{which:03}",
                    )
                except CodeRefusedError:
                    return None

            answers = await asyncio.gather(*map(one, range(MANY)))
            more = await codes.asks_for_more(line=LINE)
            return [answer for answer in answers if answer], more

        assert ([REFERENCE], False) == asyncio.run(main())
