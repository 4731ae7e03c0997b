"""
What the type checkers refuse, and by that name. An unneeded comment is an error.
"""

from __future__ import annotations

import cxcontext as cx


class Base(cx.Vocabulary, revision=1):
    contact = cx.Scope(1, readers={"sales"})

    full_name = cx.Field(1, str, scope=contact)


class Acme(Base, revision=2):
    order_number = cx.Field(2, str, scope=Base.contact)


class Other(cx.Vocabulary, revision=1):
    contact = cx.Scope(1, readers={"sales"})

    full_name = cx.Field(1, str, scope=contact)


def another_vocabulary(journey: cx.Journey[Acme]) -> None:
    journey.recall(Other.full_name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.learn(Other.full_name, "Alex Example")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    journey.needs(Acme.order_number, Other.full_name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def a_derived_field_at_a_base(journey: cx.Journey[Base]) -> None:
    # mypy infers the owner from what is expected, and lets this pass.
    journey.recall(Acme.order_number)  # pyright: ignore[reportArgumentType]


def a_wrong_value(journey: cx.Journey[Acme]) -> None:
    journey.learn(Acme.order_number, 118)  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    journey.learn(Acme.order_number, None)  # type: ignore[misc]  # pyright: ignore[reportArgumentType]


def a_string_for_a_field(journey: cx.Journey[Acme]) -> None:
    journey.recall("order_number")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def a_string_for_readers() -> None:
    cx.Scope(1, readers=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def an_answer_of_another_type(journey: cx.Journey[Acme]) -> None:
    journey.ask_once(Acme.order_number, len)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def no_facts_without_verification(envelope: cx.Envelope) -> None:
    envelope.recall(Acme.order_number)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def positional_where_words_say_more(journey: cx.Journey[Acme]) -> None:
    journey.learn(Acme.order_number, "A-118", cx.Known.OBSERVED)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
