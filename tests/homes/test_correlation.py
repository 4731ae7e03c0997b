"""
The correlation index: a platform's id leads to one reference, or to none.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import attrs
import pytest
from acme import Clock
from awaitable import Awaitable
from hypothesis import given
from hypothesis import strategies as st

from cxcontext.errors import RecordTamperedError, UsageError
from cxcontext.homes import AsyncCorrelations, CallKey, Correlations, Found
from cxcontext.stores.memory import MemoryStore
from cxcontext.stores.sqlite import SQLiteStore

PEPPER = b"pepper that the store never sees"
FIRST = b"\x15\xc0" + bytes(range(100, 128))
SECOND = b"\x15\xc0" + bytes(range(28))
CALL = CallKey("twilio", "call", "CA0123456789abcdef")
DIALOG = CallKey("sip", "dialog", "f81d4fae-7dec@198.51.100.7")
PARTS = st.text(min_size=1, max_size=5)


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
    store = SQLiteStore(tmp_path / "correlations.db")
    yield store
    store.close()


@pytest.fixture
def correlations(store, clock):
    """
    The index that all legs share.
    """
    return Correlations(store, pepper=PEPPER, clock=clock)


@pytest.fixture
def note(correlations, clock):
    """
    Note for half an hour.
    """

    def note(key, reference, **options):
        expires_at = clock.now + timedelta(minutes=30)
        correlations.note(key, reference=reference, expires_at=expires_at, **options)

    return note


class TestResolve:
    """
    What an id leads to.
    """

    def test_a_stripped_transfer_still_resolves(self, correlations, note):
        """
        The second leg knows the consultation's dialog only, and that is enough.
        """
        note(CALL, FIRST)
        note(DIALOG, FIRST)

        assert Found(reference=FIRST) == correlations.resolve(DIALOG)
        assert Found(reference=FIRST) == correlations.resolve(CALL)

    @pytest.mark.parametrize("field", ["platform", "kind", "value"])
    def test_all_of_a_key_counts(self, correlations, note, field):
        """
        Another platform's call of the same id is another call.
        """
        note(CALL, FIRST)
        other = attrs.evolve(CALL, **{field: getattr(CALL, field) + "x"})

        assert Found() == correlations.resolve(other)

    def test_case_counts(self, correlations, note):
        """
        RFC 3261 compares a Call-ID with its case.
        """
        note(CALL, FIRST)

        assert Found() == correlations.resolve(
            attrs.evolve(CALL, value=CALL.value.upper())
        )

    @given(st.tuples(PARTS, PARTS, PARTS), st.tuples(PARTS, PARTS, PARTS))
    def test_no_two_keys_are_spelled_alike(self, one, other):
        """
        However the parts are cut, another key leads nowhere.
        """
        correlations = Correlations(MemoryStore(), pepper=PEPPER, clock=Clock())
        correlations.note(
            CallKey(*one), reference=FIRST, expires_at=Clock().now + timedelta(1)
        )

        assert (one == other) == (
            correlations.resolve(CallKey(*other)).reference is not None
        )

    def test_half_a_character_is_a_value_too(self, correlations, note):
        """
        What a platform took for text need not be encodable.
        """
        key = CallKey("sip", "dialog", "\udc80abc")
        note(key, FIRST)

        assert FIRST == correlations.resolve(key).reference

    def test_it_ends(self, correlations, note, clock):
        """
        At its end it leads nowhere.
        """
        note(CALL, FIRST)
        clock.advance(minutes=29, seconds=59)
        before = correlations.resolve(CALL)
        clock.advance(seconds=1)

        assert (FIRST, Found()) == (before.reference, correlations.resolve(CALL))

    def test_noting_again_renews(self, correlations, note, clock):
        """
        The same reference under the same id is one entry, with the later end.
        """
        note(CALL, FIRST)
        clock.advance(minutes=20)
        note(CALL, FIRST)
        clock.advance(minutes=20)

        assert Found(reference=FIRST) == correlations.resolve(CALL)

    def test_it_can_be_forgotten(self, correlations, note):
        """
        When the call has ended.
        """
        note(CALL, FIRST)
        correlations.forget(CALL, reference=FIRST)

        assert Found() == correlations.resolve(CALL)


class TestConflict:
    """
    Two references under one id.
    """

    def test_two_are_none(self, correlations, note):
        """
        Neither the first nor the latest is taken, and it is said.
        """
        note(CALL, FIRST)
        note(CALL, SECOND)

        assert Found(conflict=True) == correlations.resolve(CALL)

    def test_a_child_takes_its_parents_place(self, correlations, note):
        """
        Who knows what was there may replace it.
        """
        note(CALL, FIRST)
        note(CALL, SECOND, replaces=FIRST)

        assert Found(reference=SECOND) == correlations.resolve(CALL)

    def test_who_does_not_know_the_first_replaces_nothing(self, correlations, note):
        """
        An insider with a reference of their own makes a conflict, never a theft.
        """
        note(CALL, FIRST)
        note(CALL, SECOND, replaces=bytes(30))

        assert Found(conflict=True) == correlations.resolve(CALL)

    def test_replacing_with_itself_keeps_it(self, correlations, note):
        """
        A request that is delivered twice replaces twice.
        """
        note(CALL, FIRST)
        for _ in range(2):
            note(CALL, SECOND, replaces=FIRST)
        note(CALL, SECOND, replaces=SECOND)

        assert Found(reference=SECOND) == correlations.resolve(CALL)

    def test_it_passes_with_the_first(self, correlations, note, clock):
        """
        When one of the two has expired, the other is found.
        """
        note(CALL, FIRST)
        clock.advance(minutes=10)
        note(CALL, SECOND)
        clock.advance(minutes=20)

        assert Found(reference=SECOND) == correlations.resolve(CALL)


class TestStore:
    """
    What the store has.
    """

    def test_a_dump_tells_nothing(self, store, note, tmp_path):
        """
        No id, no platform and no reference is in it.
        """
        note(CALL, FIRST)
        note(DIALOG, FIRST)
        if isinstance(store, MemoryStore):
            dump = repr(store._links).encode() + b"".join(
                key + value for key, links in store._links.items() for value in links
            )
        else:
            dump = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        secrets = [FIRST, FIRST[6:21], FIRST.hex().encode(), b"twilio", b"dialog"]
        secrets += [key.value.encode() for key in (CALL, DIALOG)]

        assert len(dump) > 100
        assert [] == [secret for secret in secrets if secret in dump]

    def test_one_reference_looks_different_under_each_id(self, clock):
        """
        So the store cannot tell which calls belong together.
        """
        store = MemoryStore()
        correlations = Correlations(store, pepper=PEPPER, clock=clock)
        for key in (CALL, DIALOG):
            correlations.note(
                key, reference=FIRST, expires_at=clock.now + timedelta(hours=1)
            )

        assert 2 == len({value for links in store._links.values() for value in links})

    def test_a_swapped_entry_does_not_open(self, clock):
        """
        A store that leads one call to another's reference is found out.
        """
        store = MemoryStore()
        correlations = Correlations(store, pepper=PEPPER, clock=clock)
        for key, reference in ((CALL, FIRST), (DIALOG, SECOND)):
            correlations.note(
                key, reference=reference, expires_at=clock.now + timedelta(hours=1)
            )
        one, other = store._links
        store._links[one] = store._links[other]

        with pytest.raises(RecordTamperedError):
            correlations.resolve(CALL)

    def test_what_is_too_short_does_not_open(self, clock):
        """
        An entry that is cut is no entry.
        """
        store = MemoryStore()
        correlations = Correlations(store, pepper=PEPPER, clock=clock)
        correlations.note(
            CALL, reference=FIRST, expires_at=clock.now + timedelta(hours=1)
        )
        (key,) = store._links
        store._links[key] = {b"cut": (1, clock.now_s + 60)}

        with pytest.raises(RecordTamperedError):
            correlations.resolve(CALL)


class TestUsage:
    """
    What the calling code is told.
    """

    @pytest.mark.parametrize("parts", [("", "b", "c"), ("a", "", "c"), ("a", "b", "")])
    def test_a_key_is_whole(self, parts):
        """
        All calls without an id would be one call.
        """
        with pytest.raises(UsageError, match="a platform, a kind and a value"):
            CallKey(*parts)

    def test_nothing_is_shown(self, correlations, note, store):
        """
        Neither ids nor references are in ``repr``.
        """
        note(CALL, FIRST)
        shown = (repr(CALL), repr(correlations.resolve(CALL)), repr(correlations))

        assert (
            "CallKey(platform='twilio', kind='call')",
            "Found(conflict=False)",
            f"<Correlations on {type(store).__name__}>",
        ) == shown

    @pytest.mark.parametrize("minutes", [0, -1])
    def test_it_ends_later_than_now(self, correlations, clock, minutes):
        """
        What has ended is not noted.
        """
        with pytest.raises(UsageError, match="later than now"):
            correlations.note(
                CALL,
                reference=FIRST,
                expires_at=clock.now + timedelta(minutes=minutes),
            )

    def test_instants_are_aware(self, correlations):
        """
        A naive one is another on each machine.
        """
        with pytest.raises(UsageError, match="aware"):
            correlations.note(CALL, reference=FIRST, expires_at=datetime(2027, 1, 1))  # noqa: DTZ001

    def test_the_clock_is_the_systems_unless_given(self, store, clock):
        """
        Noted until tomorrow, it is found today.
        """
        correlations = Correlations(store, pepper=PEPPER)
        tomorrow = datetime.now(tz=clock.now.tzinfo) + timedelta(days=1)
        correlations.note(CALL, reference=FIRST, expires_at=tomorrow)

        assert FIRST == correlations.resolve(CALL).reference


class TestAsync:
    """
    The same, awaited.
    """

    def test_it_is_the_same(self, clock):
        """
        Note, note another, replace, forget.
        """

        async def main():
            correlations = AsyncCorrelations(Awaitable(), pepper=PEPPER, clock=clock)
            options = {"expires_at": clock.now + timedelta(minutes=1)}
            await correlations.note(CALL, reference=FIRST, **options)
            found = [await correlations.resolve(CALL)]
            await correlations.note(CALL, reference=SECOND, **options)
            found.append(await correlations.resolve(CALL))
            await correlations.forget(CALL, reference=FIRST)
            return [*found, await correlations.resolve(CALL)], repr(correlations)

        assert (
            [Found(reference=FIRST), Found(conflict=True), Found(reference=SECOND)],
            "<AsyncCorrelations on Awaitable>",
        ) == asyncio.run(main())
