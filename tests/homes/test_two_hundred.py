"""
Two hundred at once, on every engine that is there: one redeems, nobody loses.
"""

from __future__ import annotations

import pytest
from acme import Acme
from keeping import MANY, at_once, home_on, references_on

from cxcontext.core.events import RolledBack
from cxcontext.errors import ReferenceUsedError, UnavailableError
from cxcontext.stores.memory import MemoryStore


@pytest.fixture
def store(every_store):
    """
    An empty store of every engine.
    """
    return every_store


@pytest.mark.parametrize("once", [True, False])
def test_exactly_one_redeems(store, sales, once):
    """
    Of two hundred legs that bring the same reference, the others are told so.
    """
    references = references_on(store)
    reference = references.put(sales.begin(channel="phone"), "sales", once=once)

    def redeem(number):
        try:
            found = references.redeem(
                bytes(reference), department=sales, lease=f"leg-{number}"
            )
        except ReferenceUsedError:
            return None
        return found.journey.id

    found = at_once(redeem)

    assert (1, MANY - 1) == (
        len([one for one in found if one]),
        found.count(None),
    )


def test_one_leg_asks_two_hundred_times(store, sales):
    """
    The same leg is answered as often as it asks, at once or not.
    """
    references = references_on(store)
    journey = sales.begin(channel="phone")
    reference = references.put(journey, "sales")
    found = at_once(
        lambda _: (
            references.redeem(
                bytes(reference), department=sales, lease="leg"
            ).journey.id
        )
    )

    assert {journey.id} == set(found)


def test_nothing_that_was_contributed_is_lost(store, sales, world):
    """
    All contribute to one journey; whoever was told that it is at home, is right.
    """
    home = home_on(store)
    place = home.contribute(sales.begin(channel="chat"))
    # Each time somebody is first, all others merge again. The other engines have
    # twice as many as a journey has branches.
    number = MANY if isinstance(store, MemoryStore) else 64

    def contribute(which):
        journey = None
        while True:
            try:
                if journey is None:
                    journey = home.resume(place, department=sales)
                    journey.learn(Acme.product, "x", qualifier=str(which))
                home.contribute(journey)
            except UnavailableError:
                # Too many at once: nothing is lost, and trying again helps.
                continue
            return

    at_once(contribute, number)
    found = home.resume(place, department=sales)

    assert (number, []) == (
        len(found.recall_all(Acme.product)),
        world.told(RolledBack),
    )
