"""
The view: JSON of what one department may see, and nothing else.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from acme import Acme, Address, Company, Item, Size, Tier

import cxcontext as cx
from cxcontext.errors import UsageError
from cxcontext.telephony.view import view


@pytest.fixture
def journey(sales):
    """
    A journey at sales, of every type of value.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Ada")
    journey.learn(Acme.born, date(1990, 2, 3))
    journey.learn(Acme.tier, Tier.GOLD)
    journey.learn(Acme.order_number, "A-118")
    journey.learn(Acme.deliver_to, Address(street="Way 1", city="Town"))
    journey.learn(
        Acme.items, (Item(name="hat", price=Decimal("9.50"), size=Size.LARGE),)
    )
    journey.learn(Acme.gift, value=True)
    journey.learn(Acme.photo, b"\x00\xff")
    journey.learn(Acme.payer, Company(name="Acme"))
    journey.learn(Acme.card_last4, "4242")
    journey.learn(Acme.callback_at, datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    journey.learn(Acme.product, "hat", qualifier="1")
    journey.learn(Acme.product, "coat", qualifier="2")

    return journey


def test_every_type_is_json(journey, billing):
    """
    Dates, decimals, bytes, enums, records and many values survive `json.dumps`.
    """
    arrived = billing.receive(bytes(journey.hand_over("billing")))
    seen = json.loads(json.dumps(view(arrived, department=billing)))

    assert {
        "full_name": "Ada",
        "born": "1990-02-03",
        "tier": "gold",
        "order_number": "A-118",
        "deliver_to": {"street": "Way 1", "city": "Town", "floor": None},
        "items": [{"name": "hat", "price": "9.50", "size": 2}],
        "gift": True,
        "photo": "AP8=",
        "payer": {"name": "Acme", "vat": None},
        "card_last4": "4242",
        "callback_at": "2026-01-02T03:04:00+00:00",
        "product": {"1": "hat", "2": "coat"},
    } == seen["known"]
    assert "delivery" == seen["arrival"]


def test_nothing_of_others(journey, ivr):
    """
    Who reads contact only sees contact only: no name of another scope's field either.
    """
    arrived = ivr.receive(bytes(journey.hand_over("ivr")))
    seen = view(arrived, department=ivr)
    named = {*seen["known"], *(gap["field"] for gap in seen["gaps"])}

    assert {"full_name", "email", "phone", "born", "tier"} == named
    assert "4242" not in json.dumps(seen)


def test_what_is_needed_and_not_yours(journey, ivr):
    """
    Asked for by name, a field of others is a gap that says who can help.
    """
    arrived = ivr.receive(bytes(journey.hand_over("ivr")))
    seen = view(arrived, department=ivr, fields=["card_last4", "email"])

    assert {} == seen["known"]
    assert ["not_yours", "never_stated"] == [gap["reason"] for gap in seen["gaps"]]
    assert "your name" not in json.dumps(seen)


def test_how_to_ask(sales):
    """
    A gap says how: the field's own question, else its label, else its name.
    """
    seen = view(
        sales.begin(channel="voice"), department=sales, fields=["full_name", "email"]
    )

    assert ["What is your name?", "email"] == [gap["ask"] for gap in seen["gaps"]]


def test_only_who_needs_is_counted(world, sales, billing):
    """
    Looking raises no event; needing does.
    """
    journey = sales.begin(channel="voice")
    journey.learn(Acme.full_name, "Ada")
    journey = billing.receive(bytes(journey.hand_over("billing")))
    view(journey, department=billing)
    looked = world.told(cx.events.Avoided) + world.told(cx.events.GapFound)
    view(journey, department=billing, fields=["full_name", "email"])

    assert [] == looked
    assert ["full_name"] == [e.field for e in world.told(cx.events.Avoided)]
    assert ["email"] == [e.field for e in world.told(cx.events.GapFound)]


def test_a_field_that_is_none(sales):
    """
    A name that the vocabulary has not is the caller's mistake.
    """
    with pytest.raises(UsageError):
        view(sales.begin(channel="voice"), department=sales, fields=["shoe_size"])


def test_a_possession_shows_little(journey, billing):
    """
    Of what a customer carried only scopes marked for it are shown.
    """
    arrived = billing.receive(
        bytes(journey.hand_over("billing")), arrival=cx.Arrival.POSSESSION
    )
    seen = view(arrived, department=billing)

    assert {"full_name", "born", "tier"} == set(seen["known"])
    assert "possession" == seen["arrival"]
