"""
``cxcontext who-has``: who has a journey, as a table and for machines.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from shopfront import SENTINEL

from cxcontext.homes import Home, RestingPlace
from cxcontext.stores.sqlite import SQLiteStore

PEPPER = bytes(range(32))
WHO_HAS = (
    *("who-has", "--store", "home.db", "--pepper", "pepper"),
    *("--key-set", "keys/wares.keys.json"),
)


@pytest.fixture
def place(trade, shop) -> RestingPlace:
    """
    Where a journey rests that was handed to billing, in a home of that name.
    """
    (shop / "pepper").write_bytes(PEPPER)
    store = SQLiteStore(shop / "home.db")
    home = Home(store, pepper=PEPPER)
    journey = trade.journey()
    place = home.contribute(journey)
    now = datetime.now(UTC)
    home.note_handed(place.journey_id, to="billing", scopes=(1, 3), at=now)
    store.close()
    return place


def test_it_is_a_table(run, place):
    """
    Each hand-over and each step of the trail is a line, with scopes by number.
    """
    ran = run(*WHO_HAS, place.journey_id)

    assert 0 == ran.status
    lines = ran.out.splitlines()
    assert f"who has journey {place.journey_id}:" == lines[0]
    [billing] = [line for line in lines if "billing" in line]
    assert "handed to them" in billing
    assert "1, 3" in billing
    assert [line for line in lines if "sales" in line and "added to it" in line]
    assert SENTINEL not in ran.out


def test_scopes_have_names_where_they_are_known(run, place):
    """
    With a vocabulary, scopes are called as it calls them.
    """
    ran = run(*WHO_HAS, place.journey_id, "--vocabulary", "wares:Wares")

    assert "contact, payment" in ran.out


def test_it_is_json_for_machines(run, place):
    """
    The same is there for machines, in full.
    """
    ran = run(*WHO_HAS, place.journey_id, "--vocabulary", "wares:Wares", "--json")

    document = json.loads(ran.out)
    assert (place.journey_id, True) == (document["journey"], document["complete"])
    [billing] = [h for h in document["holders"] if h["department"] == "billing"]
    assert {
        "department": "billing",
        "external": False,
        "at": billing["at"],
        "source": "log",
        "scopes": [
            {"scope": 1, "name": "contact"},
            {"scope": 3, "name": "payment"},
        ],
        "export": None,
    } == billing


def test_that_it_may_not_be_all_is_said(run, place):
    """
    Where log and trail leave something open, it says so, and the status is 1.
    """
    ran = run(*WHO_HAS, "00" * 16)

    assert 1 == ran.status
    assert "incomplete" in ran.out
    assert "who has journey 00000000000000000000000000000000: none" in ran.out


def test_as_of_another_instant(run, place):
    """
    Before there was anything, nobody had it.
    """
    ran = run(*WHO_HAS, place.journey_id, "--at", "2020-01-01T00:00:00Z", "--json")

    assert 1 == ran.status
    assert not json.loads(ran.out)["complete"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--store", "none.db"), "none.db: there is no such file"),
        (("--pepper", "none"), "none: No such file"),
        (("--key-set", "none.json"), "none.json"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(run, place, shop, change, said):
    """
    A file that is not there is named, and no empty store is made of it.
    """
    arguments = [*WHO_HAS, place.journey_id]
    arguments[arguments.index(change[0]) + 1] = change[1]

    ran = run(*arguments)

    assert 2 == ran.status
    assert said in ran.line
    assert not (shop / "none.db").exists()


def test_another_pepper_finds_nothing(run, place, shop):
    """
    Who has the store and not its pepper is not told who has what.
    """
    (shop / "pepper").write_bytes(bytes(32))

    ran = run(*WHO_HAS, place.journey_id)

    assert 1 == ran.status
    assert "none" in ran.out


def test_what_is_no_journeys_id_is_refused(run, place):
    """
    A mistyped id is one line, and no table of nothing.
    """
    ran = run(*WHO_HAS, "A-118")

    assert 2 == ran.status
    assert "32 hexadecimal digits" in ran.line


def test_a_short_pepper_is_refused(run, place, shop):
    """
    A file that is no pepper is one line.
    """
    (shop / "pepper").write_bytes(b"short")

    ran = run(*WHO_HAS, place.journey_id)

    assert 2 == ran.status
    assert "pepper" in ran.line
