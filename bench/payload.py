"""
The payload that every row of the benchmark carries: invented, and the same.

Twelve facts in four scopes, an identity verification, a reason, three
consents, a language and two promises.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs

import cxcontext as cx
from cxcontext.core.keygen import generate_keys
from cxcontext.core.standard import AuthenticatorAssurance, ReasonForContact

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
DEPARTMENTS = ("care", "sales", "billing")


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


PROBLEM = (
    "The keyboard arrived with three keys that do not register. The customer already "
    "replaced the cable, tried two computers and updated the firmware to 2.4.1."
)
ITEMS = [
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


def make_domain(
    clock: Callable[[], datetime] = lambda: NOW,
) -> tuple[cx.TrustDomain[Shop], dict[str, cx.Department[Shop]]]:
    """
    Return a trust domain with fresh keys, and its departments.
    """
    ring = generate_keys(
        domain="shop.example",
        departments=dict.fromkeys(DEPARTMENTS, False),
        readers={scope.number: scope.readers for scope in Shop.scopes.values()},
        now=NOW,
    )
    domain = cx.TrustDomain("shop.example", Shop, keys=ring.public, clock=clock)
    departments = {
        name: domain.department(name, keys=ring.private_keys(name))
        for name in DEPARTMENTS
    }
    return domain, departments


def fill(journey: cx.Journey[Shop]) -> cx.Journey[Shop]:
    """
    Let *journey* learn the whole payload.
    """
    for key, value in FACTS:
        journey.learn(key, value)
    journey.verify_identity(
        "otp", "sms", authenticator_assurance=AuthenticatorAssurance.AAL2
    )
    reason = ReasonForContact(
        code="delivery.damaged", wording="Replacement for a faulty keyboard"
    )
    journey.learn(Shop.reason, reason)
    journey.consent("service")
    journey.consent("recording")
    journey.withdraw("marketing")
    journey.promise(
        "shipping",
        wording="Replacement ships within 2 working days",
        due=NOW + timedelta(days=2),
    )
    journey.promise(
        "email",
        wording="Written confirmation by email today",
        due=NOW + timedelta(hours=10),
    )
    return journey
