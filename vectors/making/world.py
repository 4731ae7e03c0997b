"""
The world of the vectors: a vocabulary, and keys that are the same in every run.

Keys, nonces and delivery ids come from a hash of a name. HPKE draws an ephemeral
key of its own, so what is sealed, and every id that depends on it, is not the same.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from typing import Any, Literal

import attrs

import cxcontext as cx
from cxcontext.core.department import Department
from cxcontext.core.domain import TrustDomain
from cxcontext.core.keygen import (
    KeyRing,
    add_department,
    generate_keys,
    revoke,
    rotate_scope,
    rotate_signing,
)
from cxcontext.core.keys import KeySet
from cxcontext.core.signing import ED25519, ESP256

DOMAIN = "acme.example"
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = int(START.timestamp())
DAY_S = 24 * 3600
LIFETIME_S = 90 * DAY_S


class Fixed:
    """
    Bytes that are the same in every run, and never twice the same in one.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0

    def __call__(self, size_bytes: int) -> bytes:
        """
        Return the next *size_bytes*.
        """
        made = b""
        while len(made) < size_bytes:
            self._count += 1
            made += sha256(f"{self._name} {self._count}".encode()).digest()
        return made[:size_bytes]


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
    A record in a list, with a decimal and an enumeration.
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


_FRONT = {"sales", "support", "billing"}


class Acme(cx.Vocabulary, revision=4, retired={99}):
    """
    Every sort of scope, every type of value, every standard field.
    """

    contact = cx.Scope(1, readers={*_FRONT, "ivr"}, on_possession=True)
    order = cx.Scope(2, readers=_FRONT)
    payment = cx.Scope(3, readers={"billing"}, writers={"sales", "billing"})
    care = cx.Scope(4, readers=_FRONT, writers={*_FRONT, "ivr"})
    notes = cx.Scope(5, readers={"support"}, former_writers={"sales"})
    shipping = cx.Scope(6, readers={"sales", "support", "carrier"})

    full_name = cx.Field(1, str, scope=contact)
    email = cx.Field(2, str, scope=contact, format="email")
    phone = cx.Field(3, str, scope=contact, format="e164", verifiers={"support", "ivr"})
    born = cx.Field(4, date, scope=contact, verifiers={"support"})
    tier = cx.Field(5, Tier, scope=contact, clear=True)
    newsletter = cx.Field(6, Literal[True, False], scope=contact, clear=True)

    order_number = cx.Field(10, str, scope=order, max_age=timedelta(days=30))
    deliver_to = cx.Field(11, Address | None, scope=order)
    items = cx.Field(12, tuple[Item, ...], scope=order)
    gift = cx.Field(13, bool, scope=order)
    photo = cx.Field(14, bytes, scope=order)
    payer = cx.Field(15, Person | Company, scope=order)
    weight = cx.Field(16, float, scope=order)
    dimensions = cx.Field(17, tuple[int, int, int], scope=order)

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

    tracking = cx.Field(50, str, scope=shipping, verifiers={"support"})
    parcel = cx.Field(51, Literal["packed", "sent", "lost"], scope=shipping)

    language = cx.standard.preferred_language(scope=contact, clear=True)
    contact_by = cx.standard.contact_preference(scope=contact)
    reason = cx.standard.reason_for_contact(scope=care)
    entitlement = cx.standard.entitlement(scope=care, authority={"billing"})
    accessibility = cx.standard.accessibility(scope=contact)
    identity = cx.standard.identity_verification(
        scope=contact, verifiers={"support", "ivr"}
    )
    promise = cx.standard.promise(scope=care)
    consent = cx.standard.consent(scope=care, max_age=timedelta(days=30))
    told = cx.standard.told(scope=care)
    sentiment = cx.standard.sentiment(scope=care, max_age=timedelta(hours=4))


class Acme3(cx.Vocabulary, revision=3):
    """
    A revision earlier: ivr did not write care yet, and phones were numbers.
    """

    contact = cx.Scope(1, readers={*_FRONT, "ivr"}, on_possession=True)
    order = cx.Scope(2, readers=_FRONT)
    care = cx.Scope(4, readers=_FRONT)

    full_name = cx.Field(1, str, scope=contact)
    phone = cx.Field(3, int, scope=contact, verifiers={"support", "ivr"})
    order_number = cx.Field(10, str, scope=order, max_age=timedelta(days=30))
    account = cx.Field(
        30, str, scope=care, verifiers={"billing"}, authority={"billing"}
    )
    attempts = cx.Field(31, int, scope=care)
    reason = cx.standard.reason_for_contact(scope=care)


VOCABULARIES: dict[str, type[cx.Vocabulary]] = {"acme": Acme, "acme-3": Acme3}
READERS = {scope.number: scope.readers for scope in Acme.scopes.values()}


# --- keys --------------------------------------------------------------------

INTERNAL = ("sales", "support", "billing", "ivr")
# Two of them are partners'.
_DEPARTMENTS = {**dict.fromkeys(INTERNAL, False), "carrier": True, "courier": True}


def _acme() -> KeyRing:
    random = Fixed("acme")
    ring = generate_keys(
        domain=DOMAIN,
        departments=_DEPARTMENTS,
        readers=READERS,
        now=START,
        sign_for=timedelta(days=365),
        random=random,
    )
    # Four whose keys are not as they should be.
    began = {
        # Signed for 200 days, and stopped verifying 110 days ago.
        "closed": START - timedelta(days=400),
        # Stopped signing 10 days ago, and still verifies.
        "leaving": START - timedelta(days=210),
        "coming": START + timedelta(days=30),
        "rogue": START - timedelta(days=100),
    }
    for name, now in began.items():
        ring = add_department(
            ring,
            name,
            external=False,
            now=now,
            publish_ahead=timedelta(0),
            sign_for=timedelta(days=200),
            random=random,
        )
    rogue = ring.private["rogue"].signers[0].key_id
    return revoke(ring, rogue, now=START - timedelta(days=1))


def _before_ivr(ring: KeyRing) -> KeyRing:
    departments = dict(ring.public.departments)
    del departments["ivr"]
    public = attrs.evolve(ring.public, departments=departments, sequence=1)
    private = {name: keys for name, keys in ring.private.items() if name != "ivr"}
    return KeyRing(public=public, private=private)


def _rotated(ring: KeyRing) -> KeyRing:
    """
    Return *ring* where orders were sealed anew, and support was not given that key.
    """
    random = Fixed("acme-rotated")
    ring = rotate_signing(
        ring,
        "sales",
        now=START,
        publish_ahead=timedelta(0),
        sign_for=timedelta(days=400),
        random=random,
    )
    return rotate_scope(ring, 2, readers={"sales", "billing"}, now=START, random=random)


def _simple(name: str, **options: Any) -> KeyRing:
    return generate_keys(
        domain=DOMAIN,
        departments=_DEPARTMENTS,
        readers=READERS,
        now=START,
        random=Fixed(name),
        **options,
    )


def make_rings() -> dict[str, KeyRing]:
    """
    Return every key ring by its name, made anew and always the same.
    """
    acme = _acme()
    return {
        "acme": acme,
        "acme-before-ivr": _before_ivr(acme),
        "acme-rotated": _rotated(acme),
        "acme-p256": _simple("acme-p256", algorithm=ESP256),
        "acme-pq": _simple(
            "acme-pq",
            algorithm=ED25519,
            suites={2: "MLKEM768-X25519", 4: "MLKEM768-X25519"},
        ),
    }


# --- who is there ------------------------------------------------------------

SECRET = sha256(b"the secret of an erasable journey").digest()


class Secrets:
    """
    One secret, whatever journey is asked for; none, if there is none.
    """

    def __init__(self, secret: bytes | None = SECRET) -> None:
        self._secret = secret

    def create(self, _journey_id: str) -> bytes:
        """
        Return it for a journey that begins.
        """
        return SECRET

    def find(self, _journey_id: str) -> bytes | None:
        """
        Return it, if it is there.
        """
        return self._secret


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
        Let time pass: ``advance(days=1)``.
        """
        self.now += timedelta(**span)


class World:
    """
    Departments at work: one key ring, one vocabulary, one clock.

    Args:
        ring: Whose keys are whose.
        name: What the random bytes are made of.
        vocabulary: What things are called.
        keys: The public key set, if another than the ring's.
    """

    def __init__(
        self,
        ring: KeyRing,
        name: str,
        *,
        vocabulary: type[cx.Vocabulary] = Acme,
        keys: KeySet | None = None,
    ) -> None:
        self.ring = ring
        self.clock = Clock()
        self.domain: TrustDomain[Any] = TrustDomain(
            ring.public.domain,
            vocabulary,
            keys=ring.public if keys is None else keys,
            clock=self.clock,
            random=Fixed(name),
        )
        self._departments: dict[str, Department[Any]] = {}

    def __getitem__(self, name: str) -> Department[Any]:
        """
        Return the department of that name.
        """
        if name not in self._departments:
            self._departments[name] = self.domain.department(
                name, keys=self.ring.private[name], secrets=Secrets()
            )
        return self._departments[name]
