"""
What the type checkers know of a vocabulary's fields, and of a journey's verbs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, assert_type

import attrs

import cxcontext as cx


@attrs.frozen
class Address:
    street: str


@attrs.frozen
class Person:
    name: str


@attrs.frozen
class Company:
    name: str


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Base(cx.Vocabulary, revision=1):
    contact = cx.Scope(1, readers={"sales"})

    full_name = cx.Field(1, str, scope=contact)


class Acme(Base, revision=2):
    order = cx.Scope(2, readers={"sales"})

    order_number = cx.Field(2, str, scope=order, max_age=timedelta(days=90))
    deliver_to = cx.Field(3, Address | None, scope=order)
    kind = cx.Field(4, Literal["new", "used"], scope=order)
    quantities = cx.Field(5, list[int], scope=order)
    size = cx.Field(6, Size, scope=order)
    when = cx.Field(7, date | str, scope=order)
    payer = cx.Field(8, Person | Company, scope=order)
    pair = cx.Field(9, tuple[int, str], scope=order)
    prices = cx.Field(10, dict[str, Decimal], scope=order)
    weight = cx.Field(11, float, scope=order)
    product = cx.Field(12, str, scope=order, many=True)


class Further(Acme, revision=3):
    gift = cx.Field(13, bool, scope=Acme.order)


def keys() -> None:
    assert_type(Acme.order_number, cx.Key[Acme, str])
    assert_type(Acme.deliver_to, cx.Key[Acme, Address | None])
    assert_type(Further.order_number, cx.Key[Further, str])
    assert_type(Acme.order, cx.Scope)
    assert_type(Acme.order_number.name, str)


def recall(journey: cx.Journey[Acme]) -> None:
    assert_type(journey.recall(Acme.order_number), str | None)
    assert_type(journey.recall(Acme.deliver_to), Address | None)
    assert_type(journey.recall(Acme.quantities), list[int] | None)
    assert_type(journey.recall(Acme.size), Size | None)
    assert_type(journey.recall(Acme.when), date | str | None)
    assert_type(journey.recall(Acme.payer), Person | Company | None)
    assert_type(journey.recall(Acme.pair), tuple[int, str] | None)
    assert_type(journey.recall(Acme.prices), dict[str, Decimal] | None)
    assert_type(journey.recall(Acme.weight), float | None)
    kind = journey.recall(Acme.kind)
    if kind is not None:
        assert_type(kind, Literal["new", "used"])


def inherited(journey: cx.Journey[Further], older: cx.Journey[Acme]) -> None:
    # A field of a base vocabulary is a field of what is derived from it, on
    # whichever of them it is read.
    assert_type(journey.recall(Base.full_name), str | None)
    assert_type(journey.recall(Acme.full_name), str | None)
    assert_type(journey.recall(Further.full_name), str | None)
    assert_type(journey.recall(Acme.quantities), list[int] | None)
    assert_type(journey.recall(Further.gift), bool | None)
    assert_type(older.recall(Base.full_name), str | None)
    journey.learn(Base.full_name, "Alex")
    journey.needs(Base.full_name, Acme.order_number, Further.gift)


def learn(journey: cx.Journey[Acme]) -> None:
    journey.learn(Acme.order_number, "A-118")
    journey.learn(Acme.deliver_to, None)
    journey.learn(Acme.deliver_to, Address("1 Example Street"))
    journey.learn(Acme.kind, "new")
    journey.learn(Acme.when, date(2026, 1, 1))
    journey.learn(Acme.when, "tomorrow")
    journey.learn(Acme.payer, Company("Acme"))
    journey.learn(Acme.quantities, [1, 2])
    journey.learn(Acme.quantities, [])
    journey.learn(Acme.weight, 5)
    journey.learn(Acme.product, "a kettle", qualifier="1", known=cx.Known.OBSERVED)
    journey.correct(Acme.size, Size.LARGE)
    journey.confirm(Acme.size)
    journey.retract(Acme.product, qualifier="1")


def ask(journey: cx.Journey[Acme]) -> None:
    def ask_size(question: str) -> Size | None:
        return None if question else Size.SMALL

    def ask_kind(question: str) -> Literal["new"]:
        return "new"

    assert_type(journey.asking(Acme.full_name), str)
    assert_type(journey.ask_once(Acme.full_name, input), str | None)
    assert_type(journey.ask_once(Acme.size, ask_size), Size | None)
    assert_type(journey.ask_once(Acme.size, lambda _: Size.LARGE), Size | None)
    journey.ask_once(Acme.kind, ask_kind)
    journey.ask_once(Base.full_name, lambda question: question)


async def ask_async(journey: cx.Journey[Acme]) -> None:
    async def ask(question: str) -> str | None:
        return question

    async def ask_size(question: str) -> Size:
        return Size.SMALL

    assert_type(await journey.ask_once_async(Acme.full_name, ask), str | None)
    assert_type(await journey.ask_once_async(Acme.size, ask_size), Size | None)
    assert_type(
        await journey.ask_once_async(Acme.product, ask, qualifier="1"), str | None
    )


def many(journey: cx.Journey[Acme]) -> None:
    found = journey.recall_all(Acme.product)
    assert_type(found, Mapping[str | None, str])
    for qualifier, value in found.items():
        assert_type(qualifier, str | None)
        assert_type(value, str)


def fact(journey: cx.Journey[Acme]) -> None:
    found = journey.fact(Acme.order_number)
    assert_type(found, cx.Fact[str] | None)
    if found is not None:
        assert_type(found.value, str | None)
        assert_type(found.at, datetime)
        assert_type(found.known, cx.Known)
    assert_type(journey.facts(Acme.size), tuple[cx.Fact[Size], ...])


def needs(journey: cx.Journey[Acme]) -> None:
    found = journey.needs(Acme.order_number, Acme.full_name)
    assert_type(found, cx.Needs)
    assert_type(bool(found), bool)
    for gap in found:
        assert_type(gap, cx.Gap)
        assert_type(gap.reason, cx.Reason)
        assert_type(gap.remedy, cx.Remedy)
    assert_type(journey.gap(Acme.order_number), cx.Gap | None)
    assert_type(journey.explain(), tuple[cx.Explained, ...])


def departments(department: cx.Department[Acme], raw: bytes) -> None:
    journey = department.begin(channel="chat")
    assert_type(journey, cx.Journey[Acme])
    assert_type(department.receive(raw), cx.Journey[Acme])
    assert_type(department.resume(raw), cx.Journey[Acme])
    envelope = journey.hand_over(to="billing", withhold=[Acme.order])
    assert_type(envelope, cx.Envelope)
    assert_type(bytes(envelope), bytes)
    assert_type(journey.save(), bytes)
    assert_type(journey.fork(), cx.Journey[Acme])
    journey.merge(journey.fork())
    journey.merge(envelope)
    journey.restate(department.receive(raw), Acme.order_number, Base.full_name)
    export = journey.export_to("carrier", Acme.order_number, Acme.size, Base.full_name)
    assert_type(export, cx.Envelope)


def domains(keys: cx.KeySet, private: cx.PrivateKeys) -> None:
    domain = cx.TrustDomain("acme.example", Acme, keys=keys)
    assert_type(domain, cx.TrustDomain[Acme])
    assert_type(domain.department("sales", keys=private), cx.Department[Acme])


def promises(journey: cx.Journey[Acme], due: datetime) -> None:
    made = journey.promise("refund", wording="By Friday", due=due)
    assert_type(made, cx.Promise)
    assert_type(journey.keep(made.id), cx.Promise)
    assert_type(journey.promises, tuple[cx.Promise, ...])
    assert_type(made.status, cx.PromiseStatus)


def any_vocabulary(journey: cx.Journey[Any]) -> None:
    # Adapters know no vocabulary, and any key is good for them.
    assert_type(journey.recall(Acme.order_number), str | None)
