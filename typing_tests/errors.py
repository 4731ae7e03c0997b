"""
What the type checkers refuse, and by that name. An unneeded comment is an error.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import attrs

import cxcontext as cx


@attrs.frozen
class Address:
    street: str


class Base(cx.Vocabulary, revision=1):
    contact = cx.Scope(1, readers={"sales"})

    full_name = cx.Field(1, str, scope=contact)


class Acme(Base, revision=2):
    order_number = cx.Field(2, str, scope=Base.contact)
    deliver_to = cx.Field(3, Address | None, scope=Base.contact)
    kind = cx.Field(4, Literal["new", "used"], scope=Base.contact)
    quantities = cx.Field(5, list[int], scope=Base.contact)
    when = cx.Field(6, date | int, scope=Base.contact)


class Other(cx.Vocabulary, revision=1):
    contact = cx.Scope(1, readers={"sales"})

    full_name = cx.Field(1, str, scope=contact)


def another_vocabulary(journey: cx.Journey[Acme]) -> None:
    journey.recall(Other.full_name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.learn(Other.full_name, "Alex Example")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.needs(Acme.order_number, Other.full_name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.fact(Other.full_name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.gap(Other.full_name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.asking(Other.full_name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.ask_once(Other.full_name, input)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.confirm(Other.full_name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.export_to("carrier", Other.full_name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def another_vocabularys_journey(
    journey: cx.Journey[Acme], other: cx.Journey[Other]
) -> None:
    journey.merge(other)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.restate(other)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def a_derived_field_at_a_base(journey: cx.Journey[Base]) -> None:
    journey.recall(Acme.order_number)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.recall(Acme.full_name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.learn(Acme.order_number, "A-118")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def a_wrong_value(journey: cx.Journey[Acme]) -> None:
    journey.learn(Acme.order_number, 118)  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    journey.learn(Acme.order_number, None)  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    journey.learn(Acme.deliver_to, "1 Example Street")  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    journey.learn(Acme.kind, "broken")  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    journey.learn(Acme.quantities, (1, 2))  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    journey.learn(Acme.when, "tomorrow")  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    journey.correct(Acme.order_number, 118)  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    journey.learn(Base.full_name, 5)  # type: ignore[misc]  # pyright: ignore[reportArgumentType]


def what_may_be_none(journey: cx.Journey[Acme]) -> str:
    return journey.recall(Acme.order_number)  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


def a_string_for_a_field(journey: cx.Journey[Acme]) -> None:
    journey.recall("order_number")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.learn("order_number", "A-118")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.needs("order_number")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def a_field_from_an_instance(acme: Acme) -> None:
    # There is no instance, so nothing is read on one.
    acme.order_number  # type: ignore[arg-type]  # pyright: ignore[reportAttributeAccessIssue]


def a_field_that_there_is_not(journey: cx.Journey[Acme]) -> None:
    journey.recall(Acme.ordernumber)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def a_string_for_readers() -> None:
    cx.Scope(1, readers=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def a_string_for_a_scope(journey: cx.Journey[Acme]) -> None:
    cx.Field(1, str, scope="contact")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.hand_over("billing", withhold=["contact"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]


def an_answer_of_another_type(journey: cx.Journey[Acme]) -> None:
    async def ask(question: str) -> str:
        return question

    journey.ask_once(Acme.order_number, len)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.ask_once(Acme.order_number, ask)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.ask_once(Acme.quantities, input)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def an_awaited_answer_of_another_type(journey: cx.Journey[Acme]) -> None:
    async def ask(question: str) -> int:
        return len(question)

    await journey.ask_once_async(Acme.order_number, ask)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await journey.ask_once_async(Acme.order_number, input)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def no_facts_without_verification(envelope: cx.Envelope) -> None:
    envelope.recall(Acme.order_number)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def positional_where_words_say_more(journey: cx.Journey[Acme]) -> None:
    journey.learn(Acme.order_number, "A-118", cx.Known.OBSERVED)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def a_word_for_how_known(journey: cx.Journey[Acme]) -> None:
    journey.learn(Acme.order_number, "A-118", known="OBSERVED")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.learn(Acme.order_number, "A-118", known=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
