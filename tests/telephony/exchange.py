"""
The departments of Acme on the phone: their ladders, their transfers, one store.
"""

from __future__ import annotations

import asyncio
from typing import Any

from acme import Acme
from keeping import KEYS, PEPPER

from cxcontext.homes import (
    AsyncCodes,
    AsyncCorrelations,
    AsyncHome,
    AsyncReferences,
    Codes,
    Correlations,
    Home,
    References,
)
from cxcontext.stores.threads import InThreads
from cxcontext.telephony.ladder import Ladder, Leg, Resolved
from cxcontext.telephony.transfer import Kind, Transfer, Transfers

WAYS = ["waited", "awaited"]
LINE = "+12025550100"
CALLER = "+12025550123"
NAME = "Ada Lovelace"
ORDER = "A-118"


class Exchange:
    """
    What every department of one domain shares, and who answers its phones.
    """

    def __init__(self, store: Any, world: Any, way: str = "waited") -> None:
        self.world, self.way = world, way
        slow = InThreads(store) if way == "awaited" else store
        kinds = {
            "waited": (References, Correlations, Codes, Home),
            "awaited": (AsyncReferences, AsyncCorrelations, AsyncCodes, AsyncHome),
        }[way]
        # For the tests themselves, which always wait.
        self.references = References(store, keys=KEYS, pepper=PEPPER)
        self.correlations = Correlations(store, pepper=PEPPER, clock=world.clock)
        self.codes = Codes(store, pepper=PEPPER, clock=world.clock)
        self.home = Home(store, pepper=PEPPER)
        self.parts = {
            "references": kinds[0](slow, keys=KEYS, pepper=PEPPER),
            "correlations": kinds[1](slow, pepper=PEPPER, clock=world.clock),
            "codes": kinds[2](slow, pepper=PEPPER, clock=world.clock),
            "home": kinds[3](slow, pepper=PEPPER),
        }

    def ladder(self, department: str, **options: Any) -> Ladder[Any]:
        """
        Return the ladder of a department.
        """
        return Ladder(self.world[department], **{**self.parts, **options})

    def resolve(self, department: str, leg: Leg, **options: Any) -> Resolved[Any]:
        """
        Resolve a leg at a department, in the way of this exchange.
        """
        ladder = self.ladder(department, **options)
        if self.way == "waited":
            return ladder.resolve(leg)
        return asyncio.run(ladder.resolve_async(leg))

    def transfers(self, **options: Any) -> Transfers:
        """
        Return what prepares transfers here.
        """
        parts = {key: self.parts[key] for key in ("correlations", "home")}
        return Transfers(self.parts["references"], **{**parts, **options})

    def transfer(
        self, journey: Any, *, to: str = "billing", kind: Kind, **how: Any
    ) -> Transfer:
        """
        Transfer, in the way of this exchange.
        """
        transfers = how.pop("transfers", None) or self.transfers()
        if self.way == "waited":
            return transfers.transfer(journey, to=to, kind=kind, **how)
        return asyncio.run(transfers.transfer_async(journey, to=to, kind=kind, **how))

    def begin(self, name: str = NAME, *, department: str = "sales") -> Any:
        """
        Return a journey of a customer who gave a name and an order.
        """
        journey = self.world[department].begin(channel="chat")
        journey.learn(Acme.full_name, name)
        journey.learn(Acme.order_number, ORDER)
        return journey

    def put(self, to: str = "support", *, name: str = NAME, **how: Any) -> str:
        """
        Put a new customer's journey under a reference, and return its characters.
        """
        return str(self.references.put(self.begin(name), to, **how))
