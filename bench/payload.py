"""
The payload that every row of the benchmark carries: invented, and the same.

Twelve facts in four scopes, an identity verification, a reason, three
consents, a language and two promises. The peers carry the same as plain data.
"""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import attrs

import cxcontext as cx
from cxcontext.core.keygen import generate_keys
from cxcontext.core.standard import (
    AuthenticatorAssurance,
    Consent,
    ConsentStatus,
    IdentityVerification,
    PromiseAction,
    PromiseEntry,
    ReasonForContact,
)

V = TypeVar("V", bound=cx.Vocabulary)

NOW: Final = datetime(2026, 11, 3, 12, tzinfo=UTC)
DEPARTMENTS: Final = ("care", "sales", "billing")


@cx.positional
@attrs.frozen
class Item:
    """
    One line of an order.
    """

    sku: str
    title: str
    qty: int


class Shop(cx.Vocabulary, revision=1):
    """
    What the departments of the benchmark agree to call things.
    """

    contact = cx.Scope(1, readers=DEPARTMENTS)
    order = cx.Scope(2, readers=DEPARTMENTS)
    payment = cx.Scope(3, readers=DEPARTMENTS)
    care = cx.Scope(4, readers=DEPARTMENTS)

    name = cx.Field(1, str, scope=contact)
    email = cx.Field(2, str, scope=contact)
    phone = cx.Field(3, str, scope=contact)
    order_number = cx.Field(4, str, scope=order)
    items = cx.Field(5, list[Item], scope=order)
    placed_on = cx.Field(6, date, scope=order)
    card_last4 = cx.Field(7, str, scope=payment)
    invoice = cx.Field(8, str, scope=payment)
    amount = cx.Field(9, str, scope=payment)
    problem = cx.Field(10, str, scope=care)
    serial = cx.Field(11, str, scope=care)
    accessibility = cx.Field(12, str, scope=care)
    refund_offer = cx.Field(13, str, scope=order, many=True)
    language = cx.standard.preferred_language(scope=contact, clear=True)
    identity = cx.standard.identity_verification(scope=contact, verifiers={"care"})
    reason = cx.standard.reason_for_contact(scope=care)
    consent = cx.standard.consent(scope=contact, max_age=timedelta(days=30))
    promise = cx.standard.promise(scope=care)


PROBLEM: Final = (
    "The keyboard arrived with three keys that do not register. The customer already "
    "replaced the cable, tried two computers and updated the firmware to 2.4.1."
)
ITEMS: Final = [
    Item("KB-201", "Mechanical keyboard, ISO", 1),
    Item("MS-077", "Wireless mouse", 1),
    Item("CB-310", "USB-C cable 2 m", 2),
]
FACTS: tuple[tuple[Any, Any], ...] = (
    (Shop.name, "Alex Example"),
    (Shop.email, "alex@example.com"),
    (Shop.phone, "+442079460123"),
    (Shop.order_number, "EX-2049-118"),
    (Shop.items, ITEMS),
    (Shop.placed_on, date(2026, 11, 3)),
    (Shop.card_last4, "4242"),
    (Shop.invoice, "INV-77120"),
    (Shop.amount, "149.90 EUR"),
    (Shop.problem, PROBLEM),
    (Shop.serial, "KB201-9F3C-55D1"),
    (Shop.accessibility, "Hard of hearing, prefers written follow-up"),
    (Shop.language, "en-GB"),
)


REASON: Final = ReasonForContact(
    code="delivery.damaged", wording="Replacement for a faulty keyboard"
)
SHIPPING: Final = ("shipping", "Replacement ships within 2 working days")
EMAIL: Final = ("email", "Written confirmation by email today")
SHIPPED_BY: Final = NOW + timedelta(days=2)
EMAILED_BY: Final = NOW + timedelta(hours=10)

# What `fill` learns, as values: for timing their structuring by itself.
VALUES: tuple[tuple[Any, Any], ...] = (
    *FACTS,
    (
        Shop.identity,
        IdentityVerification(
            methods=("otp", "sms"),
            authenticator_assurance=AuthenticatorAssurance.AAL2,
        ),
    ),
    (Shop.reason, REASON),
    (Shop.consent, Consent(status=ConsentStatus.GIVEN)),
    (Shop.consent, Consent(status=ConsentStatus.GIVEN)),
    (Shop.consent, Consent(status=ConsentStatus.WITHDRAWN)),
    *(
        (
            Shop.promise,
            PromiseEntry(
                action=PromiseAction.MAKE, kind=kind, wording=wording, due_until=due
            ),
        )
        for (kind, wording), due in ((SHIPPING, SHIPPED_BY), (EMAIL, EMAILED_BY))
    ),
)

# The two scopes of four that the reader reads, and all their facts.
READ: tuple[Any, ...] = (
    Shop.name,
    Shop.email,
    Shop.phone,
    Shop.order_number,
    Shop.items,
    Shop.placed_on,
)


class Ring(Generic[V]):
    """
    One domain's fresh keys, from which departments are made that share no cache.

    Args:
        vocabulary: What the departments agree to call things.
    """

    def __init__(self, vocabulary: type[V]) -> None:
        self._vocabulary = vocabulary
        self._keys = generate_keys(
            domain="shop.example",
            departments=dict.fromkeys(DEPARTMENTS, False),
            readers={s.number: s.readers for s in vocabulary.scopes.values()},
            now=NOW,
        )

    def department(self, name: str) -> cx.Department[V]:
        """
        Return a department as in a process of its own, which has seen nothing.
        """
        return self.domain_and_department(name)[1]

    def domain_and_department(
        self, name: str
    ) -> tuple[cx.TrustDomain[V], cx.Department[V]]:
        """
        Return it with the domain that holds its caches.
        """
        domain = cx.TrustDomain(
            "shop.example", self._vocabulary, keys=self._keys.public, clock=lambda: NOW
        )
        return domain, domain.department(name, keys=self._keys.private_keys(name))

    def save(self, directory: Path, name: str) -> None:
        """
        Write the public keys and a department's own, for another process.
        """
        (directory / "public.json").write_text(self._keys.public.to_json())
        own = directory / f"{name}.json"
        own.write_text(self._keys.private_keys(name).to_json())
        own.chmod(0o600)


def fill(journey: cx.Journey[Shop]) -> cx.Journey[Shop]:
    """
    Let *journey* learn the whole payload.
    """
    for key, value in FACTS:
        journey.learn(key, value)
    journey.verify_identity(
        "otp", "sms", authenticator_assurance=AuthenticatorAssurance.AAL2
    )
    journey.learn(Shop.reason, REASON)
    journey.consent("service")
    journey.consent("recording")
    journey.withdraw("marketing")
    for (kind, wording), due in ((SHIPPING, SHIPPED_BY), (EMAIL, EMAILED_BY)):
        journey.promise(kind, wording=wording, due=due)
    return journey


# --- the same as plain data, for the peers -----------------------------------

# A fixed instant in the past: PyJWT compares it with the system's clock.
ISSUED_S: Final = 1_760_000_000
EXPIRES_S: Final = 4_102_444_800
READ_SCOPES: Final = ("contact", "order")
_AAL2: Final = "aal2"

CLEAR: Final[dict[str, Any]] = {
    "jti": secrets.token_hex(16),
    "iss": "care",
    "iat": ISSUED_S,
    "exp": EXPIRES_S,
    "lang": "en-GB",
}
SCOPED: Final[dict[str, dict[str, Any]]] = {
    "contact": {
        "name": "Alex Example",
        "email": "alex@example.com",
        "phone": "+442079460123",
        "identity": {"method": "otp-sms", "level": _AAL2, "at": ISSUED_S - 40},
        "consents": [
            {"purpose": "service", "granted": True, "at": ISSUED_S - 90},
            {"purpose": "recording", "granted": True, "at": ISSUED_S - 88},
            {"purpose": "marketing", "granted": False, "at": ISSUED_S - 86},
        ],
    },
    "order": {
        "order_number": "EX-2049-118",
        "items": [attrs.asdict(item) for item in ITEMS],
        "placed_on": "2026-11-03",
    },
    "payment": {
        "card_last4": "4242",
        "invoice": "INV-77120",
        "amount": "149.90 EUR",
    },
    "care": {
        "problem": PROBLEM,
        "serial": "KB201-9F3C-55D1",
        "accessibility": "Hard of hearing, prefers written follow-up",
        "reason": {"code": REASON.code, "text": REASON.wording},
        "promises": [
            {"kind": kind, "text": text, "due": ISSUED_S + due_s}
            for (kind, text), due_s in ((SHIPPING, 172_800), (EMAIL, 36_000))
        ],
    },
}
PLAIN: Final[dict[str, Any]] = {**CLEAR, "facts": SCOPED}
WANTED: Final = {scope: SCOPED[scope] for scope in READ_SCOPES}
