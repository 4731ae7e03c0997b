"""
A customer who was in a chat and now calls: what sales knew, and where it is found.
"""

from __future__ import annotations

from acme import Acme

from cxcontext.homes import Codes, Correlations, ReferenceKeys, References
from cxcontext.stores.memory import MemoryStore
from cxcontext.telephony.ladder import Ladder
from cxcontext.telephony.transfer import Transfers

PEPPER = b"pepper that the store never sees"
KEYS = ReferenceKeys({0: bytes(32)})
LINE = "+12025550100"
CALLER = "+12025550123"
SENTINEL = "Ada-sentinel-17"


class Desk:
    """
    A store, and everything at it.
    """

    def __init__(self, world, *, store=None):
        self.world = world
        self.store = store or MemoryStore()
        self.references = References(self.store, keys=KEYS, pepper=PEPPER)
        self.codes = Codes(self.store, pepper=PEPPER, clock=world.clock)
        self.correlations = Correlations(self.store, pepper=PEPPER, clock=world.clock)
        self.transfers = Transfers(self.references, correlations=self.correlations)

    def ladder(self, department):
        """
        Return how a department finds the journeys of its calls.
        """
        return Ladder(
            self.world[department],
            references=self.references,
            correlations=self.correlations,
            codes=self.codes,
        )

    def journey(self):
        """
        Return what sales knows of the customer.
        """
        journey = self.world["sales"].begin(channel="chat")
        journey.learn(Acme.full_name, SENTINEL)
        journey.learn(Acme.order_number, "A-118")
        return journey

    def put(self, to="billing"):
        """
        Return a reference under which a department finds it.
        """
        return self.references.put(self.journey(), to)
