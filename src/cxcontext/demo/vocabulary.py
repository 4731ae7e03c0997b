"""
What the demo's shop calls things, and which department may read what.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Final, Literal

import attrs

import cxcontext as cx

DOMAIN: Final = "acme.example"
DEPARTMENTS: Final = ("bot", "sales", "support", "billing", "phone")


@attrs.frozen
class Address:
    """
    Where a parcel goes.
    """

    street: str
    city: str

    def __str__(self) -> str:
        return f"{self.street}, {self.city}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """
        Return the address that was typed in as one line.
        """
        street, _, city = text.partition(", ")
        return cls(street, city)


class Acme(cx.Vocabulary, revision=1):
    """
    Three scopes: for everybody, for those who care for the customer, for billing.
    """

    case = cx.Scope(1, readers=DEPARTMENTS)
    care = cx.Scope(2, readers={"bot", "support", "billing", "phone"})
    # The shop takes the card and may write what it may not read again.
    payment = cx.Scope(3, readers={"billing"}, writers={"sales", "billing"})

    full_name = cx.Field(
        1, str, scope=case, label="your name", ask="What is your name?"
    )
    order_number = cx.Field(
        2, str, scope=case, label="your order number", ask="What is your order number?"
    )
    email = cx.Field(
        3, str, scope=case, format="email", label="your e-mail", ask="And your e-mail?"
    )
    deliver_to = cx.Field(
        4, Address, scope=case, label="where to deliver", ask="Where do we deliver?"
    )
    parcel = cx.Field(
        5, Literal["sent", "lost"], scope=case, label="where the parcel is"
    )
    refund_reference = cx.Field(6, str, scope=case, label="the refund's reference")
    identity = cx.standard.identity_verification(scope=case, verifiers={"phone"})

    searched = cx.Field(
        10,
        str,
        scope=care,
        label="where you have looked",
        ask="Where have you looked for it already?",
    )
    reason = cx.standard.reason_for_contact(scope=care, max_age=timedelta(hours=12))
    promise = cx.standard.promise(scope=care)

    card_last4 = cx.Field(
        20,
        str,
        scope=payment,
        label="your card's last digits",
        ask="The last four digits of your card?",
    )
    refund_limit = cx.Field(21, Decimal, scope=payment, label="the refund's limit")


def label_of(field: str) -> str:
    """
    Return what a field is called to the customer.
    """
    label = Acme.fields[field].label or field
    return "your reason" if field == Acme.reason.name else label
