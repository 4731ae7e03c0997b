"""
Acme: the shop that the tests of the core play in, and the worlds it is set in.

A world is one process: a trust domain with its own caches, and departments at
it. Several worlds of one key ring are several processes.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

import attrs

import cxcontext as cx
from cxcontext.core.department import Department
from cxcontext.core.domain import TrustDomain
from cxcontext.core.events import Event
from cxcontext.core.keygen import KeyRing, generate_keys
from cxcontext.core.keys import KeySet
from cxcontext.typing import ErasureSecrets, KeySource

DOMAIN = "acme.example"
START = datetime(2026, 1, 1, tzinfo=UTC)
START_S = int(START.timestamp())
INTERNAL = ("sales", "support", "billing", "ivr")
EXTERNAL = ("carrier",)
DEPARTMENTS = {name: name in EXTERNAL for name in (*INTERNAL, *EXTERNAL)}


# --- the vocabulary ----------------------------------------------------------


class Tier(Enum):
    """
    A closed list, so it may travel in the clear.
    """

    BASIC = "basic"
    GOLD = "gold"


class Size(Enum):
    """
    A closed list of numbers.
    """

    SMALL = 1
    LARGE = 2


@attrs.frozen
class Address:
    """
    A record, with a default.
    """

    street: str
    city: str
    floor: int | None = None


@attrs.frozen
class Item:
    """
    A record in a list, with a Decimal and an enum.
    """

    name: str
    price: Decimal
    size: Size = Size.SMALL


@attrs.frozen
class Person:
    """
    One of two records in a union.
    """

    name: str


@attrs.frozen
class Company:
    """
    The other record in the union.
    """

    name: str
    vat: str | None = None


class Acme(cx.Vocabulary, revision=4, retired={99}):
    """
    Every sort of scope, every type of value, every standard field.
    """

    contact = cx.Scope(1, readers=set(INTERNAL), on_possession=True)
    order = cx.Scope(2, readers={"sales", "support", "billing"})
    payment = cx.Scope(3, readers={"billing"}, writers={"sales", "billing"})
    care = cx.Scope(4, readers={"sales", "support", "billing"})
    notes = cx.Scope(5, readers={"support"})
    shipping = cx.Scope(6, readers={"sales", "support", "carrier"})

    full_name = cx.Field(
        1, str, scope=contact, label="your name", ask="What is your name?"
    )
    email = cx.Field(2, str, scope=contact, format="email", category="pd:EmailAddress")
    phone = cx.Field(3, str, scope=contact, format="e164", verifiers={"support", "ivr"})
    born = cx.Field(4, date, scope=contact, verifiers={"support"})
    tier = cx.Field(5, Tier, scope=contact, clear=True)

    order_number = cx.Field(10, str, scope=order, max_age=timedelta(days=30))
    deliver_to = cx.Field(11, Address | None, scope=order)
    items = cx.Field(12, tuple[Item, ...], scope=order)
    gift = cx.Field(13, bool, scope=order)
    photo = cx.Field(14, bytes, scope=order)
    payer = cx.Field(15, Person | Company, scope=order)

    card_last4 = cx.Field(20, str, scope=payment)
    balance = cx.Field(
        21, Decimal, scope=payment, authority={"billing"}, verifiers={"billing"}
    )
    iban = cx.Field(22, str, scope=payment, format="iban")

    account = cx.Field(
        30, str, scope=care, verifiers={"billing"}, authority={"billing"}
    )
    attempts = cx.Field(31, int, scope=care)
    score = cx.Field(32, float, scope=care, inferred_only=True)
    callback_at = cx.Field(33, datetime, scope=care)
    answers = cx.Field(34, dict[str, int | str], scope=care)
    hobby = cx.Field(
        35,
        str,
        scope=care,
        purposes={"dpv:ServiceProvision", "dpv:Marketing"},
        consent_for={"dpv:Marketing"},
    )
    product = cx.Field(36, str, scope=care, many=True)

    note = cx.Field(40, str, scope=notes)
    notice = cx.Field(41, list[str], scope=notes)

    tracking = cx.Field(50, str, scope=shipping)
    parcel = cx.Field(51, Literal["packed", "sent", "lost"], scope=shipping)

    language = cx.standard.preferred_language(scope=contact, clear=True)
    contact_by = cx.standard.contact_preference(scope=contact)
    reason = cx.standard.reason_for_contact(scope=care, max_age=timedelta(days=7))
    entitlement = cx.standard.entitlement(scope=care, authority={"billing"})
    accessibility = cx.standard.accessibility(scope=contact)
    identity = cx.standard.identity_verification(
        scope=contact, verifiers={"support", "ivr"}
    )
    promise = cx.standard.promise(scope=care)
    consent = cx.standard.consent(scope=care, max_age=timedelta(days=30))
    told = cx.standard.told(scope=care)
    sentiment = cx.standard.sentiment(scope=care, max_age=timedelta(hours=4))


class Brief(cx.Vocabulary, revision=4):
    """
    The little that is said where statements live for an hour: no consent.
    """

    contact = cx.Scope(1, readers=set(INTERNAL), on_possession=True)
    order = cx.Scope(2, readers={"sales", "support", "billing"})
    full_name = cx.Field(1, str, scope=contact)
    tier = cx.Field(5, Tier, scope=contact, clear=True)
    order_number = cx.Field(10, str, scope=order)


READERS = {scope.number: scope.readers for scope in Acme.scopes.values()}


def ring_of(**changes: Any) -> KeyRing:
    """
    Return a ring of throw-away keys for all of Acme, but for *changes*.
    """
    arguments: dict[str, Any] = {
        "domain": DOMAIN,
        "departments": DEPARTMENTS,
        "readers": READERS,
        "now": START,
    }
    return generate_keys(**(arguments | changes))


# --- the world ---------------------------------------------------------------


@attrs.define
class Clock:
    """
    A clock that stands still until it is told to advance.
    """

    now: datetime = START

    def __call__(self) -> datetime:
        """
        Return the instant at which it stands.
        """
        return self.now

    @property
    def now_s(self) -> int:
        """
        The same in seconds.
        """
        return int(self.now.timestamp())

    def advance(self, **span: float) -> None:
        """
        Let time pass: ``advance(days=1)``. Negative spans set it back.
        """
        self.now += timedelta(**span)


class World:
    """
    One process: a trust domain with caches of its own, and who works there.

    ``world["sales"]`` is a department; `events` is all that was told.
    """

    def __init__(
        self,
        ring: KeyRing,
        clock: Clock,
        *,
        vocabulary: type[cx.Vocabulary] = Acme,
        keys: KeySet | KeySource | None = None,
        secrets: ErasureSecrets | None = None,
    ) -> None:
        self.ring = ring
        self.secrets = secrets
        self.clock = clock
        self.events: list[Event] = []
        self.domain: TrustDomain[Any] = TrustDomain(
            ring.public.domain,
            vocabulary,
            keys=ring.public if keys is None else keys,
            clock=clock,
            on_event=self.events.append,
        )
        self._departments: dict[str, Department[Any]] = {}

    def __getitem__(self, name: str) -> Department[Any]:
        if name not in self._departments:
            self._departments[name] = self.domain.department(
                name, keys=self.ring.private[name], secrets=self.secrets
            )
        return self._departments[name]

    def told(self, kind: type[Event]) -> list[Any]:
        """
        Return the events of one kind, oldest first.
        """
        return [event for event in self.events if isinstance(event, kind)]
