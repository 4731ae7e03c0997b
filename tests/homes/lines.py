"""
A sender and a receiver, the message between them, and a store that can be cut off.
"""

from __future__ import annotations

import asyncio

from keeping import KEYS, PEPPER, home_on, references_on

import cxcontext as cx
from cxcontext.errors import UnavailableError
from cxcontext.homes import AsyncHome, AsyncReferences
from cxcontext.stores.memory import MemoryStore
from cxcontext.stores.threads import InThreads

NAME = "customer-context"
SMALL = cx.Limits(value_bytes=100)
DESTINATIONS = [
    cx.Destination("billing"),
    cx.Destination("support", bound=True),
    cx.Destination("carrier"),
]
VERBS = ["load", "replace", "claim", "link", "linked"]


class Message:
    """
    A message that holds what was put into it.
    """

    def __init__(self, *values, limits=SMALL):
        self.values = list(values)
        self.limits = limits

    def get_all(self, _name):
        """
        Return all.
        """
        return list(self.values)

    def set(self, _name, value):
        """
        Put one in place of all.
        """
        self.values = [value]

    def remove(self, _name):
        """
        Take all away.
        """
        self.values = []


class Cut(MemoryStore):
    """
    A store that cannot be reached for some verbs, and counts what it was asked.
    """

    def __init__(self):
        super().__init__()
        self.cut, self.asked = set(), []

    def __getattribute__(self, verb):
        """
        Give a verb, if it can be reached.
        """
        if verb in (*VERBS, "remove", "unlink", "increment"):
            self.asked.append(verb)
            if verb in self.cut:
                raise UnavailableError("the store")
        return super().__getattribute__(verb)


class Line:
    """
    A sender and a receiver that wait, or that await.
    """

    def __init__(self, store, sales, way, receivers):
        self.way = way
        self.log = home_on(store)
        if way == "waited":
            references, log = references_on(store), self.log
        else:
            slow = InThreads(store)
            references = AsyncReferences(slow, keys=KEYS, pepper=PEPPER)
            log = AsyncHome(slow, pepper=PEPPER)
        self.sender = cx.Propagator(sales, DESTINATIONS, references=references, log=log)
        self.receivers = {
            name: cx.Propagator(receivers[name], references=references)
            for name in ("billing", "support")
        }

    def inject(self, journey, message, *, to="billing", **how):
        """
        Inject, in the way of this line.
        """
        if self.way == "waited":
            return self.sender.inject(journey, message, to=to, name=NAME, **how)
        return asyncio.run(
            self.sender.inject_async(journey, message, to=to, name=NAME, **how)
        )

    def extract(self, message, *, at="billing", **how):
        """
        Extract, in the way of this line.
        """
        receiver = self.receivers[at]
        if self.way == "waited":
            return receiver.extract(message, name=NAME, **how)
        return asyncio.run(receiver.extract_async(message, name=NAME, **how))
