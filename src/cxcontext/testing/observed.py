"""
What the customer was really shown: questions seen at a prompt or in a form.

A department may ask without telling the journey. Such a question leaves no mark
and raises no event; only whoever stands where the customer stands can see it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import attrs

import cxcontext as cx

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class ObservedQuestion:
    """
    One question that the customer saw.

    Attributes:
        journey: The handle of the department that asked.
        key: What it asked for.
        at: When, by the journey's clock.
        known: What was known then and there, if it could be shown at all.

    .. versionadded:: 0.1.0
    """

    journey: cx.Journey[Any] = attrs.field(repr=False)
    key: cx.Key[Any, Any]
    at: datetime
    known: cx.Fact[Any] | None = None


class ObservedQuestions:
    """
    Takes note of what is asked, at the place where the customer is asked.

    Put `prompt` or `prompt_async` around whatever shows a question to the customer,
    and call `form` where a form is shown. Pass this to `assert_never_reasked`.

    Attributes:
        asked: The questions, oldest first.
        unrecognised: How many prompts were about no field of the vocabulary.

    Example:
        >>> from cxcontext.testing import (
        ...     ObservedQuestions, SampleShop, ThrowAwayDomain
        ... )
        >>> journey = ThrowAwayDomain(SampleShop).story().began(
        ...     "sales", channel="chat"
        ... ).journey
        >>> observed = ObservedQuestions()
        >>> ask = observed.prompt(journey, lambda question: "Alex")
        >>> ask("And what is your name?")
        'Alex'
        >>> [question.key.name for question in observed.asked]
        ['full_name']

    .. versionadded:: 0.1.0
    """

    def __init__(self) -> None:
        self.asked: list[ObservedQuestion] = []
        self.unrecognised = 0

    def __repr__(self) -> str:
        return f"<ObservedQuestions {len(self.asked)}>"

    def prompt(
        self, journey: cx.Journey[Any], ask: Callable[[str], T]
    ) -> Callable[[str], T]:
        """
        Return *ask*, watched: its argument is what the customer reads or hears.

        The text is about a field if the field's ask text, its label or its name
        (with spaces) is in it, whatever the case.
        """

        def watched(question: str) -> T:
            self._note_text(journey, question)
            return ask(question)

        return watched

    def prompt_async(
        self, journey: cx.Journey[Any], ask: Callable[[str], Awaitable[T]]
    ) -> Callable[[str], Awaitable[T]]:
        """
        As `prompt`, for an *ask* that is awaited.
        """

        async def watched(question: str) -> T:
            self._note_text(journey, question)
            return await ask(question)

        return watched

    def form(self, journey: cx.Journey[Any], *keys: cx.Key[Any, Any]) -> None:
        """
        Note that a form was shown in which these fields were empty.
        """
        for key in keys:
            self.asked.append(
                ObservedQuestion(
                    journey=journey,
                    key=key,
                    at=datetime.fromtimestamp(journey.now_s(), tz=UTC),
                    known=journey.fact(key),
                )
            )

    def _note_text(self, journey: cx.Journey[Any], question: str) -> None:
        vocabulary = journey.context.reader.vocabulary
        said = question.casefold()
        found = [
            field.key
            for field in vocabulary.fields.values()
            if any(text.casefold() in said for text in _texts(field.key))
        ]
        self.form(journey, *found)
        self.unrecognised += not found


def _texts(key: cx.Key[Any, Any]) -> tuple[str, ...]:
    field = key.field
    texts = (field.ask, field.label, field.name.replace("_", " "))
    return tuple(text for text in texts if text)
