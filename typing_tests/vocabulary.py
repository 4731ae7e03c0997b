"""
What the type checkers know of a vocabulary's fields.
"""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Literal, assert_type

import attrs

import cxcontext as cx


@attrs.frozen
class Address:
    street: str


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Base(cx.Vocabulary, revision=1):
    contact = cx.Scope(1, readers={"sales"})

    full_name = cx.Field(1, str, scope=contact)


class Acme(Base, revision=2):
    order = cx.Scope(2, readers={"sales"})

    order_number = cx.Field(2, str, scope=order)
    deliver_to = cx.Field(3, Address | None, scope=order)
    kind = cx.Field(4, Literal["new", "used"], scope=order)
    quantities = cx.Field(5, list[int], scope=order)
    size = cx.Field(6, Size, scope=order)
    when = cx.Field(7, date | str, scope=order)
    reason = cx.standard.reason_for_contact(scope=order)
    language = cx.standard.preferred_language(scope=order)


class Other(cx.Vocabulary, revision=1):
    contact = cx.Scope(1, readers={"sales"})

    full_name = cx.Field(1, str, scope=contact)


def recall(journey: cx.Journey[Acme]) -> None:
    assert_type(journey.recall(Acme.order_number), str | None)
    assert_type(journey.recall(Acme.deliver_to), Address | None)
    assert_type(journey.recall(Acme.quantities), list[int] | None)
    assert_type(journey.recall(Acme.size), Size | None)
    assert_type(journey.recall(Acme.when), date | str | None)
    assert_type(journey.recall(Acme.reason), cx.standard.ReasonForContact | None)
    assert_type(journey.recall(Acme.language), str | None)
    kind = journey.recall(Acme.kind)
    if kind is not None:
        assert_type(kind, Literal["new", "used"])


def inherited(journey: cx.Journey[Acme]) -> None:
    # A field of a base vocabulary is a field of what is derived from it. mypy infers
    # the owner from what is expected, so read it on the derived class.
    assert_type(journey.recall(Base.full_name), str | None)  # type: ignore[arg-type]
    assert_type(journey.recall(Acme.full_name), str | None)


def learn(journey: cx.Journey[Acme]) -> None:
    journey.learn(Acme.order_number, "A-118")
    journey.learn(Acme.deliver_to, None)
    journey.learn(Acme.deliver_to, Address("1 Example Street"))
    journey.learn(Acme.kind, "new")
    journey.learn(Acme.when, date(2026, 1, 1))


def ask(journey: cx.Journey[Acme]) -> None:
    assert_type(journey.ask_once(Acme.full_name, input), str | None)


async def ask_async(journey: cx.Journey[Acme]) -> None:
    async def ask(question: str) -> str | None:
        return question

    assert_type(await journey.ask_once_async(Acme.full_name, ask), str | None)


def many(journey: cx.Journey[Acme]) -> None:
    found = journey.recall_all(Acme.order_number)
    for qualifier, value in found.items():
        assert_type(qualifier, str | None)
        assert_type(value, str)


def fact(journey: cx.Journey[Acme]) -> None:
    found = journey.fact(Acme.order_number)
    if found is not None:
        assert_type(found.value, str | None)


def departments(department: cx.Department[Acme], raw: bytes) -> None:
    assert_type(department.begin(channel="chat"), cx.Journey[Acme])
    assert_type(department.receive(raw), cx.Journey[Acme])
    assert_type(department.resume(raw), cx.Journey[Acme])
