"""
The secrets of erasable journeys: kept in a store, and in memory for a bounded time.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from acme import Acme, World
from engines import AWAITED, PEPPER, awaited, engine

from cxcontext.core.gaps import Reason
from cxcontext.errors import RecordTamperedError, UnavailableError, UsageError
from cxcontext.homes import AsyncJourneySecrets, JourneySecrets
from cxcontext.homes.pepper import Pepper
from cxcontext.homes.secret_records import SECRET_LIFETIME, SecretRecords
from cxcontext.steps import run
from cxcontext.stores.memory import MemoryStore

JOURNEY = "00112233445566778899aabbccddeeff"


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    """
    An empty store of either engine.
    """
    yield from engine(request.param, tmp_path)


@pytest.fixture
def secrets(store, clock):
    """
    The secrets that every department of the world shares.
    """
    return JourneySecrets(store, pepper=PEPPER, clock=clock)


@pytest.fixture
def world(ring, clock, secrets):
    """
    All of Acme in one process, with secrets.
    """
    return World(ring, clock, secrets=secrets)


def begun(world):
    """
    Return an erasable journey of sales with a name.
    """
    journey = world["sales"].begin(channel="chat", erasable=True)
    journey.learn(Acme.full_name, "Ada Lovelace")
    return journey


class TestKeeping:
    """
    What is made is found again, by every process.
    """

    def test_another_process_reads_what_was_sealed(self, ring, clock, store, world):
        """
        A secret made here is found there, under the same pepper.
        """
        elsewhere = JourneySecrets(store, pepper=PEPPER, clock=clock)
        support = World(ring, clock, secrets=elsewhere)["support"]

        received = support.receive(begun(world).hand_over("support"))

        assert "Ada Lovelace" == received.recall(Acme.full_name)

    def test_it_is_made_once(self, secrets, store, clock):
        """
        Asked again, here or elsewhere, it is the same secret.
        """
        elsewhere = JourneySecrets(store, pepper=PEPPER, clock=clock)
        made = secrets.create(JOURNEY)

        assert {made} == {secrets.create(JOURNEY), elsewhere.create(JOURNEY)}
        assert 32 == len(made)

    def test_each_journey_has_its_own(self, secrets):
        """
        No two journeys share a secret.
        """
        assert secrets.create(JOURNEY) != secrets.create(JOURNEY[::-1])

    def test_by_itself_it_takes_the_systems_clock(self, store):
        """
        Nothing but a store and the pepper is needed.
        """
        secrets = JourneySecrets(store, pepper=PEPPER)

        assert secrets.create(JOURNEY) == secrets.find(JOURNEY)

    def test_there_is_none_where_none_was_made(self, secrets):
        """
        A journey without a secret has none.
        """
        assert secrets.find(JOURNEY) is None

    def test_the_store_sees_neither_id_nor_secret(self, clock):
        """
        What is written is under the pepper, both of it.
        """
        store = MemoryStore()
        secret = JourneySecrets(store, pepper=PEPPER, clock=clock).create(JOURNEY)

        written = repr(vars(store))
        assert repr(secret)[2:-1] not in written
        assert JOURNEY not in written

    def test_another_pepper_finds_nothing(self, store, secrets, clock):
        """
        Who has the store and not the pepper has no secret.
        """
        secrets.create(JOURNEY)
        other = JourneySecrets(store, pepper=b"x" * 32, clock=clock)

        assert other.find(JOURNEY) is None

    def test_an_exchanged_record_is_refused(self, store, secrets, clock):
        """
        A secret opens at its own place only.
        """
        secrets.create(JOURNEY)
        records = SecretRecords(Pepper(PEPPER), 1)
        other = "ff" * 16
        _, sealed = store.load(records.lookup(JOURNEY), now_s=clock.now_s)
        store.replace(
            records.lookup(other),
            sealed,
            version=None,
            now_s=clock.now_s,
            expires_s=clock.now_s + 9,
        )

        with pytest.raises(RecordTamperedError):
            secrets.find(other)

    def test_a_record_of_another_length_is_refused(self, store, secrets, clock):
        """
        What is under the pepper and no secret is not taken for one.
        """
        records, pepper = SecretRecords(Pepper(PEPPER), 1), Pepper(PEPPER)
        lookup = records.lookup(JOURNEY)
        store.replace(
            lookup,
            pepper.seal("secret", b"short", at=lookup),
            version=None,
            now_s=clock.now_s,
            expires_s=clock.now_s + 9,
        )

        with pytest.raises(RecordTamperedError):
            secrets.find(JOURNEY)

    def test_what_is_used_is_kept(self, ring, clock, store, world):
        """
        Found now and then it outlives its lifetime; unused it does not.
        """
        journey = begun(world)
        journey.hand_over("support")
        fresh = [JourneySecrets(store, pepper=PEPPER, clock=clock) for _ in range(3)]

        clock.advance(seconds=SECRET_LIFETIME.total_seconds() * 0.75)
        assert fresh[0].find(journey.id)
        clock.advance(seconds=SECRET_LIFETIME.total_seconds() * 0.75)
        assert fresh[1].find(journey.id)
        clock.advance(seconds=SECRET_LIFETIME.total_seconds() + 1)
        assert fresh[2].find(journey.id) is None

    def test_what_was_deleted_meanwhile_is_not_kept_on(self, store, clock):
        """
        An erasure between reading and keeping on leaves nothing.
        """
        secrets = JourneySecrets(store, pepper=PEPPER, clock=clock)
        secrets.create(JOURNEY)
        records = SecretRecords(Pepper(PEPPER), int(SECRET_LIFETIME.total_seconds()))
        clock.advance(seconds=SECRET_LIFETIME.total_seconds() * 0.75)
        steps = records.find(JOURNEY, now_s=clock.now_s)
        found = next(steps)(store)
        run(records.forget(JOURNEY), store)

        keeping = steps.send(found)
        with pytest.raises(StopIteration):
            steps.send(keeping(store))

        assert not run(records.is_kept(JOURNEY, now_s=clock.now_s), store)

    def test_a_store_that_never_takes_it_is_unavailable(self, clock):
        """
        Where the secret cannot be kept, none is handed out.
        """

        class Full(MemoryStore):
            def replace(self, *_args, **_how):
                return False

        with pytest.raises(UnavailableError):
            JourneySecrets(Full(), pepper=PEPPER, clock=clock).create(JOURNEY)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"pepper": b"short"},
            {"max_age": timedelta(seconds=-1)},
            {"lifetime": timedelta(0)},
        ],
    )
    def test_what_cannot_be_is_refused_at_once(self, store, wrong):
        """
        A short pepper and times before their beginning are errors at start-up.
        """
        with pytest.raises(UsageError):
            JourneySecrets(store, **({"pepper": PEPPER} | wrong))


class TestMemory:
    """
    How long a process may answer from memory.
    """

    def test_a_deleted_secret_is_found_for_as_long_as_is_published(
        self, secrets, store, clock
    ):
        """
        Up to `max_age` after the deletion, and not a second longer.
        """
        secrets.create(JOURNEY)
        run(SecretRecords(Pepper(PEPPER), 1).forget(JOURNEY), store)

        clock.advance(seconds=secrets.max_age.total_seconds() - 1)
        assert secrets.find(JOURNEY)
        clock.advance(seconds=1)
        assert secrets.find(JOURNEY) is None

    def test_reading_does_not_prolong_it(self, secrets, store, clock):
        """
        Its age is counted from when the store was asked, whoever asks memory since.
        """
        secrets.create(JOURNEY)
        run(SecretRecords(Pepper(PEPPER), 1).forget(JOURNEY), store)
        for _ in range(14):
            clock.advance(minutes=1)
            assert secrets.find(JOURNEY)

        clock.advance(minutes=1)

        assert secrets.find(JOURNEY) is None

    def test_a_clock_that_is_set_back_prolongs_nothing(self, secrets, store, clock):
        """
        What was found in the future is asked for anew.
        """
        secrets.create(JOURNEY)
        run(SecretRecords(Pepper(PEPPER), 1).forget(JOURNEY), store)

        clock.advance(hours=-1)

        assert secrets.find(JOURNEY) is None

    def test_this_process_can_forget_at_once(self, secrets, store):
        """
        Who erases does not wait for its own memory.
        """
        secrets.create(JOURNEY)
        run(SecretRecords(Pepper(PEPPER), 1).forget(JOURNEY), store)

        secrets.forget(JOURNEY)

        assert secrets.find(JOURNEY) is None

    def test_it_is_bounded(self, store, clock):
        """
        More than so many secrets are not remembered.
        """
        secrets = JourneySecrets(store, pepper=PEPPER, clock=clock, remembered=2)
        ids = [f"{n:032x}" for n in range(3)]
        for each in ids:
            secrets.create(each)
            run(SecretRecords(Pepper(PEPPER), 1).forget(each), store)

        found = [bool(secrets.find(each)) for each in reversed(ids)]
        assert [True, True, False] == found

    def test_with_no_age_every_reading_asks_the_store(self, store, clock):
        """
        A published time of nothing is one that is kept.
        """
        secrets = JourneySecrets(
            store, pepper=PEPPER, clock=clock, max_age=timedelta(0)
        )
        secrets.create(JOURNEY)
        run(SecretRecords(Pepper(PEPPER), 1).forget(JOURNEY), store)

        assert secrets.find(JOURNEY) is None

    def test_that_there_is_none_is_not_believed_for_long(self, secrets, store, clock):
        """
        A secret that comes later is found some seconds later.
        """
        assert secrets.find(JOURNEY) is None
        JourneySecrets(store, pepper=PEPPER, clock=clock).create(JOURNEY)
        assert secrets.find(JOURNEY) is None

        clock.advance(seconds=5)

        assert secrets.find(JOURNEY)

    def test_it_shows_no_secret(self, secrets):
        """
        What is shown of it is on what it is.
        """
        secret = secrets.create(JOURNEY)

        assert "JourneySecrets on" in repr(secrets)
        assert repr(secret)[2:-1] not in repr(secrets)


class TestWithoutWaiting:
    """
    On an event loop nothing waits for the store.
    """

    def test_what_was_prefetched_is_read_from_memory(self, world, secrets, store):
        """
        After `prefetch` a field is read without the store.
        """
        envelope = begun(world).hand_over("support")
        received = world["support"].receive(envelope)
        secrets.forget(received.id)

        async def serve():
            await secrets.prefetch(received)
            run(SecretRecords(Pepper(PEPPER), 1).forget(received.id), store)
            return received.recall(Acme.full_name)

        assert "Ada Lovelace" == asyncio.run(serve())

    def test_a_journey_that_begins_is_sealed_elsewhere(self, world):
        """
        The root is sealed in a thread, so that handing over waits for nothing.
        """
        journey = begun(world)

        asyncio.run(world.secrets.prefetch(journey))

        assert journey.id is not None

    @pytest.mark.parametrize("kind", ["waited", "awaited"])
    def test_another_journey_costs_nothing(self, ring, clock, kind):
        """
        What is not erasable is neither sealed nor asked for.
        """
        secrets = (
            JourneySecrets(None, pepper=PEPPER)
            if kind == "waited"
            else AsyncJourneySecrets(None, pepper=PEPPER)
        )
        journey = World(ring, clock)["sales"].begin(channel="chat")

        asyncio.run(secrets.prefetch(journey))

        assert journey.id is None


@pytest.mark.parametrize("name", AWAITED)
class TestAwaited:
    """
    On a store whose calls are awaited.
    """

    def test_a_journey_is_begun_and_read(self, ring, clock, name, tmp_path):
        """
        From the first word to another process, nothing is asked of the store but by
        `prefetch`.
        """

        async def serve():
            with awaited(name, tmp_path) as store:
                here, there = (
                    AsyncJourneySecrets(store, pepper=PEPPER, clock=clock)
                    for _ in range(2)
                )
                journey = begun(World(ring, clock, secrets=here))
                await here.prefetch(journey)
                journey.learn(Acme.email, "ada@example.com")
                envelope = journey.hand_over("support")
                support = World(ring, clock, secrets=there)["support"]
                received = support.receive(envelope)
                before = received.gap(Acme.full_name)
                await there.prefetch(received)
                await there.prefetch(received)
                return before, received.recall(Acme.full_name), received

        before, name_, received = asyncio.run(serve())

        assert Reason.UNREADABLE is before.reason
        assert "Ada Lovelace" == name_
        assert "ada@example.com" == received.recall(Acme.email)

    def test_without_prefetch_nothing_is_sealed(self, ring, clock, name, tmp_path):
        """
        What would have to wait on the loop is unavailable, and says what to await.
        """

        async def serve():
            with awaited(name, tmp_path) as store:
                secrets = AsyncJourneySecrets(store, pepper=PEPPER, clock=clock)
                journey = begun(World(ring, clock, secrets=secrets))
                with pytest.raises(UnavailableError, match="prefetch"):
                    journey.hand_over("support")
                await secrets.prefetch(journey)
                return journey.hand_over("support")

        assert asyncio.run(serve()).journey_id

    def test_without_a_loop_it_is_unavailable_too(self, ring, clock, name, tmp_path):
        """
        A thread that has no loop to ask says so, and does not wait for ever.
        """
        with awaited(name, tmp_path) as store:
            secrets = AsyncJourneySecrets(store, pepper=PEPPER, clock=clock)

            with pytest.raises(UnavailableError):
                secrets.find(JOURNEY)

    def test_a_thread_asks_on_the_loop(self, ring, clock, name, tmp_path):
        """
        Work that the loop has put into a thread may wait.
        """

        async def serve():
            with awaited(name, tmp_path) as store:
                secrets = AsyncJourneySecrets(store, pepper=PEPPER, clock=clock)
                journey = begun(World(ring, clock, secrets=secrets))
                await secrets.prefetch(journey)
                secrets.forget(journey.id)
                return await asyncio.to_thread(secrets.find, journey.id)

        assert 32 == len(asyncio.run(serve()))
