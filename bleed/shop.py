"""
The shop: sales sends each customer's envelope again and again, billing serves.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

import cxcontext as cx
from bleed import KEYS_VARIABLE
from cxcontext.core.keygen import generate_keys

DOMAIN: Final = "shop.example"
LIFETIME: Final = timedelta(hours=12)


class Shop(cx.Vocabulary, revision=1):
    """
    Who the customer is, and what was learned of them.
    """

    contact = cx.Scope(1, readers={"sales", "billing"})
    name = cx.Field(1, str, scope=contact)
    note = cx.Field(2, str, scope=contact)


def name_of(number: str) -> str:
    """
    Return what the journey of a customer recalls.
    """
    return f"Customer {number}"


def make_keys(directory: Path) -> None:
    """
    Write billing's keys where the servers find them, and sales' beside them.
    """
    ring = generate_keys(
        domain=DOMAIN,
        departments={"sales": False, "billing": False},
        readers={1: ("sales", "billing")},
        now=datetime.now(UTC),
    )
    (directory / "public.json").write_text(ring.public.to_json())
    for name, keys in ring.private.items():
        path = directory / f"{name}.json"
        path.touch(mode=0o600)
        path.write_text(keys.to_json())


def department(name: str, directory: Path) -> cx.Department[Shop]:
    """
    Return a department with the keys of a directory.
    """
    domain = cx.TrustDomain(
        DOMAIN, Shop, keys=cx.KeySet.load(directory / "public.json")
    )
    return domain.department(name, keys=cx.PrivateKeys.load(directory / f"{name}.json"))


def envelopes(customers: int, directory: Path) -> dict[str, str]:
    """
    Return an envelope for each customer, by number.
    """
    sales = department("sales", directory)
    made = {}
    for number in map(str, range(customers)):
        journey = sales.begin(channel="chat")
        journey.learn(Shop.name, name_of(number))
        made[number] = str(journey.hand_over("billing", lifetime=LIFETIME))
    return made


@cache
def propagator() -> cx.Propagator[Shop]:
    """
    Return what a server's middleware is given.
    """
    billing = department("billing", Path(os.environ[KEYS_VARIABLE]))
    return cx.Propagator(billing, [cx.Destination("sales", lifetime=LIFETIME)])
