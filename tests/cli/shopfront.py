"""
The shop that the tests of the command line play in, and what a command left.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

import cxcontext as cx

SENTINEL = "S3NTINEL"
MODULE = """
from datetime import timedelta

import cxcontext as cx

class Wares(cx.Vocabulary, revision=1):
    contact = cx.Scope(1, readers={"sales", "support", "billing"})
    order = cx.Scope(2, readers={"sales", "support", "billing"})
    payment = cx.Scope(3, readers={"billing"}, writers={"sales", "billing"})

    full_name = cx.Field(1, str, scope=contact)
    order_number = cx.Field(2, str, scope=order, max_age=timedelta(days=90))
    card_last4 = cx.Field(3, str, scope=payment)
    product = cx.Field(4, str, scope=order, many=True)
    language = cx.standard.preferred_language(scope=contact, clear=True)

class NotOne:
    Wares = Wares
"""


@attrs.frozen
class Ran:
    """
    How a command ended.
    """

    status: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """
        The one line of its error.
        """
        (line,) = self.err.splitlines()
        return line


@attrs.frozen
class Shop:
    """
    The shop's departments, for making envelopes.
    """

    keys: Path
    vocabulary: Any
    domain: cx.TrustDomain[Any]

    def at(self, name: str) -> cx.Department[Any]:
        """
        Return the department.
        """
        held = cx.PrivateKeys.load(self.keys / f"{name}.keys.json")
        return self.domain.department(name, keys=held)

    def journey(self) -> cx.Journey[Any]:
        """
        Return a journey of sales that says what must never be printed.
        """
        wares = self.vocabulary
        journey = self.at("sales").begin(channel="chat")
        journey.learn(wares.order_number, SENTINEL)
        journey.learn(wares.card_last4, SENTINEL)
        journey.learn(wares.product, SENTINEL, qualifier=SENTINEL)
        journey.learn(wares.language, "fr-CA")
        return journey
