"""
A journey that came from elsewhere catches up; what one home takes.
"""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from acme import Acme, World
from keeping import ENGINES, PEPPER, WAYS, Open, home_on, opened

import cxcontext as cx
from cxcontext.core.events import CaughtUp, RolledBack
from cxcontext.errors import (
    UsageError,
    WrongBindingError,
)
from cxcontext.homes import Freshness, Home, RestingPlace
from cxcontext.homes.pepper import Pepper
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


class TestCatchingUp:
    """
    A journey that came from elsewhere, and what its home knows.
    """

    def test_one_that_has_everything_is_current(self, home, journey, sales, support):
        """
        Also one that never was at home, or has not begun.
        """
        fresh = sales.begin(channel="chat")
        known = [home.catch_up(fresh), home.catch_up(journey)]
        home.contribute(journey)
        handed = support.receive(journey.hand_over("support"))

        assert [Freshness.CURRENT] * 3 == [*known, home.catch_up(handed)]

    def test_one_that_is_behind_takes_over_the_rest(
        self, home, journey, sales, support, world
    ):
        """
        An envelope from before a correction knows it afterwards, with an event.
        """
        place = home.contribute(journey)
        held_back = journey.hand_over("support")
        journey.correct(Acme.full_name, "Ada King")
        home.contribute(journey)
        late = support.receive(held_back)
        before = late.recall(Acme.full_name)
        found = home.catch_up(late)

        assert (Freshness.BEHIND, "Ada Lovelace", "Ada King", [1]) == (
            found,
            before,
            late.recall(Acme.full_name),
            [event.statements for event in world.told(CaughtUp)],
        )
        assert home.catch_up(late) is Freshness.CURRENT
        assert home.resume(place, department=sales) is not None

    @pytest.mark.parametrize("record", ["older", "gone"])
    def test_what_nobody_has_is_rolled_back(
        self, store, home, journey, support, world, record
    ):
        """
        Where the home cannot produce it either, that is said, with an event.
        """
        place = home.contribute(journey)
        before, held_back = store.copy(), journey.hand_over("support")
        learned(home, place, world["sales"], LATER)
        store.restore(before)
        if record == "gone":
            store.remove(Pepper(PEPPER).lookup("journey", journey.id.encode()))

        assert Freshness.ROLLED_BACK is home.catch_up(support.receive(held_back))
        assert [1] == [event.missing for event in world.told(RolledBack)]

    def test_another_customers_record_is_not_taken_over(
        self, store, home, journey, sales, support
    ):
        """
        A record in another's place is refused, and merged with nothing.
        """
        other = sales.begin(channel="chat")
        home.contribute(other)
        home.contribute(journey)
        held_back = journey.hand_over("support")
        journey.learn(Acme.email, "ada@example.org")
        home.contribute(journey)
        places = [
            Pepper(PEPPER).lookup("journey", j.id.encode()) for j in (journey, other)
        ]
        store.put(places[0], store.records()[places[1]])
        late = support.receive(held_back)
        with pytest.raises(WrongBindingError):
            home.catch_up(late)

        assert 1 == len(late.trail)

    def test_a_journey_by_unknown_authors_catches_up(self, store, clock, ring):
        """
        A process whose key set is behind neither fails nor alarms anybody.
        """
        world = World(ring, clock)
        home = home_on(store)
        begun = world["support"].begin(channel="chat")
        place = home.contribute(begun)
        envelope = begun.hand_over("sales")
        taken = world["sales"].receive(envelope)
        home.contribute(taken)
        sent = taken.hand_over("billing")
        public = ring.public
        named = {n: d for n, d in public.departments.items() if n != "support"}
        behind = World(ring, clock, keys=attrs.evolve(public, departments=named))
        journey = behind["billing"].receive(sent)

        assert (Freshness.CURRENT, ()) == (home.catch_up(journey), journey.heads)
        home.contribute(journey)
        assert home.resume(place, department=world["sales"]) is not None


class TestLimits:
    """
    What a home is made with.
    """

    @pytest.mark.parametrize(
        "limits",
        [
            {"lifetime": timedelta(0)},
            {"lifetime": timedelta(milliseconds=999)},
            {"max_bytes": 0},
            {"max_bytes": 262_145},
        ],
    )
    def test_what_nothing_fits_into_is_an_error(self, limits):
        """
        A home in which nothing could rest is noticed when it is made.
        """
        with pytest.raises(UsageError, match="rests for 1 second or more"):
            Home(MemoryStore(), pepper=PEPPER, **limits)

    @pytest.mark.parametrize("engine", ENGINES)
    @pytest.mark.parametrize("way", WAYS)
    def test_one_journey_takes_so_much(self, engine, way, tmp_path, sales):
        """
        Over the home's limit a contribution is refused, and what rests stays.
        """
        for store in opened(engine, tmp_path):
            home = home_on(store, way, max_bytes=1500)
            journey = sales.begin(channel="chat")
            place = home.contribute(journey)
            journey.learn(Acme.photo, bytes(2000))
            with pytest.raises(cx.errors.JourneyFullError, match="1500 bytes"):
                home.contribute(journey)

            assert (1, (14,)) == (
                len(home.resume(place, department=sales).trail),
                journey.unsent,
            )
            home.revoke(place)
            assert home.resume(place, department=sales) is None
            assert place == RestingPlace.parse(str(place))
