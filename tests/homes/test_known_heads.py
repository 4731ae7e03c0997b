"""
Known heads: a store that goes back is noticed, and nobody is alarmed for nothing.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from acme import Acme, World, ring_of
from keeping import PEPPER, WAYS, Open, at_once, home_on

from cxcontext.core.events import RolledBack
from cxcontext.core.keygen import revoke
from cxcontext.errors import (
    RecordTamperedError,
    RolledBackError,
)
from cxcontext.homes import Freshness
from cxcontext.homes.known_heads import MAX_KNOWN, KnownHeads
from cxcontext.homes.pepper import Pepper
from cxcontext.steps import run
from cxcontext.stores.memory import MemoryStore

LATER = "said after the copy was made"


@pytest.fixture
def store():
    """
    A store that somebody else has access to.
    """
    return Open()


@pytest.fixture(params=WAYS)
def home(request, store):
    """
    A home on it, in this process.
    """
    return home_on(store, request.param)


@pytest.fixture
def journey(sales):
    """
    A journey at sales on which a name was learned.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Ada Lovelace")
    return journey


def heads_place(journey):
    """
    Return where the store keeps a journey's heads.
    """
    return Pepper(PEPPER).lookup("heads", journey.id.encode())


def learned(home, place, department, word):
    """
    Resume, learn one thing, and bring it home.
    """
    journey = home.resume(place, department=department)
    journey.learn(Acme.product, word, qualifier=word)
    home.contribute(journey)
    return journey


class TestNoticing:
    """
    A store that serves what was.
    """

    def test_a_record_of_yesterday_is_refused(self, store, home, journey, sales):
        """
        Where only the record goes back, the heads beside it say what is missing.
        """
        place = home.contribute(journey)
        before = store.records()
        learned(home, place, sales, LATER)
        record = Pepper(PEPPER).lookup("journey", journey.id.encode())
        store.put(record, before[record])
        with pytest.raises(RolledBackError, match="accept_loss"):
            home.resume(place, department=sales)
        # Another process has only what the store says.
        with pytest.raises(RolledBackError):
            home_on(store).resume(place, department=sales)

    def test_a_whole_snapshot_is_refused_by_who_was_there(
        self, store, home, journey, sales
    ):
        """
        A store that takes back record and heads is noticed by the process.
        """
        place = home.contribute(journey)
        before = store.copy()
        learned(home, place, sales, LATER)
        store.restore(before)
        with pytest.raises(RolledBackError):
            home.resume(place, department=sales)

        assert home_on(store).resume(place, department=sales) is not None

    def test_a_loss_that_is_accepted_is_over(self, store, home, journey, sales):
        """
        After a restored backup the journey goes on, from what is there.
        """
        place = home.contribute(journey)
        before = store.copy()
        learned(home, place, sales, LATER)
        store.restore(before)
        home.accept_loss(place)
        learned(home, place, sales, "again")
        found = home.resume(place, department=sales)

        assert {"again": "again"} == found.recall_all(Acme.product)

    def test_who_still_has_it_mends_it(self, store, home, journey, sales, world):
        """
        The next contributor that knows what is missing brings it back.
        """
        place = home.contribute(journey)
        before = store.copy()
        held = learned(home, place, sales, LATER)
        store.restore(before)
        home.contribute(held)

        assert ([], {LATER: LATER}) == (
            world.told(RolledBack),
            home.resume(place, department=sales).recall_all(Acme.product),
        )

    def test_who_has_not_is_told_and_goes_on(self, store, home, journey, sales, world):
        """
        Contributing to what was rolled back raises nothing; resuming still does.
        """
        place = home.contribute(journey)
        before = store.copy()
        learned(home, place, sales, LATER)
        store.restore(before)
        journey.learn(Acme.email, "ada@example.org")
        home.contribute(journey)
        with pytest.raises(RolledBackError):
            home.resume(place, department=sales)

        assert [1] == [event.missing for event in world.told(RolledBack)]

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda sealed: b"",
            lambda sealed: sealed[:-1],
            lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]),
            lambda sealed: bytes(16),
            lambda sealed: None,
        ],
    )
    def test_heads_that_were_changed_are_refused(
        self, store, home, journey, sales, spoil
    ):
        """
        A changed record of heads is never taken for one without heads.
        """
        place = home.contribute(journey)
        at = heads_place(journey)
        made = spoil(store.records()[at])
        if made is None:  # sealed by whoever has the pepper, of no whole heads
            made = Pepper(PEPPER).seal("heads", bytes(39), at=at)
        store.put(at, made)
        with pytest.raises(RecordTamperedError):
            home.resume(place, department=sales)
        with pytest.raises(RecordTamperedError):
            home.contribute(journey)

    def test_two_journeys_heads_are_not_exchanged(self, store, home, journey, sales):
        """
        Heads open at their own place only.
        """
        other = sales.begin(channel="chat")
        place = home.contribute(journey)
        home.contribute(other)
        store.put(heads_place(journey), store.records()[heads_place(other)])
        with pytest.raises(RecordTamperedError):
            home.resume(place, department=sales)

    def test_a_late_note_weakens_nothing(self, journey, sales):
        """
        Whoever writes heads after another keeps those that it does not have.
        """
        store, heads = MemoryStore(), KnownHeads(Pepper(PEPPER))
        other = journey.fork()
        for branch in (journey, other):
            branch.learn(Acme.product, "x", qualifier=str(id(branch)))
            branch.save()
            run(heads.note(branch, now_s=0, expires_s=10**10), store)
        elsewhere = KnownHeads(Pepper(PEPPER))
        known = run(elsewhere.load(journey.id, now_s=0), store)

        assert {*journey.heads, *other.heads} == known

    def test_they_are_bounded(self, sales):
        """
        However many branches: 64 of one journey, and 10,000 journeys in a process.
        """
        store, heads = MemoryStore(), KnownHeads(Pepper(PEPPER), size=2)
        journey = sales.begin(channel="chat")
        journey.save()
        for number in range(MAX_KNOWN + 9):
            branch = journey.fork()
            branch.learn(Acme.product, "x", qualifier=str(number))
            branch.save()
            run(heads.note(branch, now_s=0, expires_s=10**10), store)
        for _ in range(3):
            other = sales.begin(channel="chat")
            other.save()
            run(heads.note(other, now_s=0, expires_s=10**10), store)
        known = run(KnownHeads(Pepper(PEPPER)).load(journey.id, now_s=0), store)

        assert (MAX_KNOWN, 2) == (len(known), len(heads._here))


class TestNoFalseAlarm:
    """
    What is missing for good reasons.
    """

    def test_a_root_alone_is_known(self, home, sales):
        """
        A journey without facts has a head, too.
        """
        place = home.contribute(sales.begin(channel="chat"))

        assert home.resume(place, department=sales) is not None

    def test_what_had_expired_is_not_missed(self, store, clock):
        """
        A branch that lives on goes home where all that rested there was dead.
        """
        world = World(ring_of(sign_for=timedelta(days=365)), clock)
        home = home_on(store)
        journey = world["sales"].begin(channel="chat")
        place = home.contribute(journey)
        learned(home, place, world["support"], "dead by then")
        clock.advance(days=20)
        home.contribute(home.resume(place, department=world["support"]))
        journey.learn(Acme.full_name, "Ada Lovelace")
        journey.save()
        clock.advance(days=75)
        home.contribute(journey)
        found = home.resume(place, department=world["support"])

        assert ("Ada Lovelace", []) == (
            found.recall(Acme.full_name),
            world.told(RolledBack),
        )

    def test_what_rested_long_enough_is_not_missed(self, store, clock, sales, world):
        """
        After a home's lifetime an older copy begins to rest there anew.
        """
        home = home_on(store, lifetime=timedelta(hours=1))
        journey = sales.begin(channel="chat")
        place = home.contribute(journey)
        copy = journey.fork()
        learned(home, place, sales, LATER)
        clock.advance(hours=2)
        home.contribute(copy)

        assert home.resume(place, department=sales) is not None
        assert [] == world.told(RolledBack)

    @pytest.mark.parametrize("goes_on", [False, True])
    def test_whose_key_was_revoked_is_not_missed(
        self, home, journey, ring, clock, world, goes_on
    ):
        """
        A statement that nobody believes any more is left out, and rolls nothing back.
        """
        place = home.contribute(journey)
        learned(home, place, world["support"], LATER)
        home.contribute(home.resume(place, department=world["sales"]))
        key_id = ring.private["support"].signers[0].key_id
        later = World(revoke(ring, key_id, now=clock.now), clock)
        if goes_on:
            learned(home, place, later["billing"], "new")
        found = home.resume(place, department=later["sales"])
        words = {"new": "new"} if goes_on else {}

        assert ("Ada Lovelace", words, [], Freshness.CURRENT) == (
            found.recall(Acme.full_name),
            found.recall_all(Acme.product),
            later.told(RolledBack),
            home.catch_up(found),
        )

    def test_two_homes_on_one_store_alarm_nobody(self, store, sales, world):
        """
        Forty threads of two processes read and write one journey for a while.
        """
        homes = [home_on(store) for _ in range(2)]
        place = homes[0].contribute(sales.begin(channel="chat"))

        def visit(number):
            for turn in range(3):
                home = homes[(number + turn) % 2]
                journey = home.resume(place, department=sales)
                assert home.catch_up(journey) is not Freshness.ROLLED_BACK
                if number % 4 == 0:
                    journey.learn(Acme.product, "x", qualifier=f"{number}-{turn}")
                    home.contribute(journey)

        at_once(visit, 40)
        found = homes[0].resume(place, department=sales)

        assert (30, []) == (len(found.recall_all(Acme.product)), world.told(RolledBack))

    def test_what_another_thread_hands_over_meanwhile_is_not_missed(
        self, journey, sales, world
    ):
        """
        What is sealed while the record is on its way is not in it, nor known.
        """

        class Meanwhile(MemoryStore):
            def replace(self, *args, **how):
                if not journey.unsent:
                    journey.learn(Acme.email, "ada@example.org")
                    journey.seal_for("billing")
                return super().replace(*args, **how)

        home = home_on(Meanwhile())
        journey.save()
        place = home.contribute(journey)

        assert home.resume(place, department=sales).recall(Acme.email) is None
        assert [] == world.told(RolledBack)

    @pytest.mark.parametrize("hours", [-1, 1])
    def test_a_clock_that_is_an_hour_off_alarms_nobody(
        self, store, ring, clock, sales, hours
    ):
        """
        Nor does a process whose clock is behind lose what another noted.
        """
        home = home_on(store)
        place = home.contribute(sales.begin(channel="chat"))
        learned(home, place, sales, LATER)
        world = World(ring, type(clock)(clock.now + timedelta(hours=hours)))
        heads = KnownHeads(Pepper(PEPPER))
        known = run(heads.load(place.journey_id, now_s=world.clock.now_s), store)

        assert 1 == len(known)
