"""
Asking: once, and visibly to everyone later.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import MappingProxyType
from typing import Any, TypeVar

from cxcontext.core.events import Asked, GapFound, Repeated
from cxcontext.core.fold import marks_of
from cxcontext.core.forms import Blank, Prefilled, keys_of
from cxcontext.core.gaps import Remedy
from cxcontext.core.journey.learning import JourneyLearning
from cxcontext.core.known import Known
from cxcontext.core.section import MarkKind
from cxcontext.core.vocabulary import Key, KeyOf, Vocabulary
from cxcontext.hiding import hiding, hiding_async

V = TypeVar("V", bound=Vocabulary)
T = TypeVar("T")
F = TypeVar("F")


class JourneyAsking(JourneyLearning[V]):
    """
    The asking verbs.
    """

    @hiding
    def asking(self, key: KeyOf[V, Any], *, qualifier: str | None = None) -> str:
        """
        Note that the customer is being asked now, and return how to ask.

        For chats, IVRs and web forms, which ask in one request and hear in the
        next: `learn`, `refused` or `does_not_know` follows then.

        Returns:
            The field's ask text; one made of its label or name, if it has none.

        .. versionadded:: 0.1.0
        """
        self.asked(key, qualifier=qualifier)
        return question_text(key)

    @hiding
    def asked(
        self,
        key: KeyOf[V, Any],
        *,
        qualifier: str | None = None,
        because: str | None = None,
    ) -> None:
        """
        Note that the customer was asked, and why, if the answer was there.

        Args:
            key: The field.
            qualifier: Which of many values.
            because: The asker's reason, 1 to 256 characters; sealed with the scope.

        .. versionadded:: 0.1.0
        """
        self._check_key(key, qualifier)
        with self._lock:
            before = self._asked_before(key, qualifier)
            found = self._answer(key, qualifier, None, None, Known.INFERRED)
            said = found.gap is None or (
                found.fact is not None and not found.fact.retracted
            )
            if before or said:
                self._emit(
                    Repeated,
                    field=key.name,
                    reason=None if found.gap is None else found.gap.reason,
                    asked_before_by=before,
                )
            else:
                self._emit(Asked, field=key.name)
            self._add_mark(key, MarkKind.ASKED, qualifier, because)

    @hiding
    def refused(self, key: KeyOf[V, Any], *, qualifier: str | None = None) -> None:
        """
        Note that the customer does not want to say. Nobody should ask again.

        .. versionadded:: 0.1.0
        """
        with self._lock:
            self._add_mark(key, MarkKind.REFUSED, qualifier)
            self._told.add((key.number, qualifier))

    @hiding
    def does_not_know(
        self, key: KeyOf[V, Any], *, qualifier: str | None = None
    ) -> None:
        """
        Note that the customer does not know. Asking again would not help.

        .. versionadded:: 0.1.0
        """
        with self._lock:
            self._add_mark(key, MarkKind.DOES_NOT_KNOW, qualifier)
            self._told.add((key.number, qualifier))

    @hiding
    def ask_once(
        self,
        key: KeyOf[V, T],
        ask: Callable[[str], T | None],
        *,
        qualifier: str | None = None,
    ) -> T | None:
        """
        Return what is known, or ask for it and learn the answer.

        Where asking would not help, nothing is asked and None is returned.

        Args:
            key: The field.
            ask: Given the field's ask text, it returns the answer; None for
                none. ``input`` will do for a text field in a terminal.
            qualifier: Which of many values.

        Raises:
            UsageError: As `learn`, for what was answered.

        .. versionadded:: 0.1.0
        """
        if not self._must_ask(key, qualifier):
            return self.recall(key, qualifier=qualifier)
        return self._hear(key, ask(self.asking(key, qualifier=qualifier)), qualifier)

    @hiding_async
    async def ask_once_async(
        self,
        key: KeyOf[V, T],
        ask: Callable[[str], Awaitable[T | None]],
        *,
        qualifier: str | None = None,
    ) -> T | None:
        """
        As `ask_once`, for an *ask* that is awaited.

        .. versionadded:: 0.1.0
        """
        if not self._must_ask(key, qualifier):
            return self.recall(key, qualifier=qualifier)
        answered = await ask(self.asking(key, qualifier=qualifier))
        return self._hear(key, answered, qualifier)

    @hiding
    def prefill(
        self,
        form: type[F],
        *,
        qualifier: str | None = None,
        purpose: str | None = None,
        max_age: timedelta | None = None,
        at_least: Known = Known.INFERRED,
    ) -> Prefilled[F]:
        """
        Return what is known of a form, and what is left to ask and why.

        Filled is what `recall` returns, and nothing else: of a conflict, or of what is
        stale, the facts are there to be shown and confirmed. It raises the events that
        `needs` raises; say with `asked` what was then put to the customer.

        Args:
            form: A class that is a `form`, or a form of an adapter.
            qualifier: Which of many values, for those of its fields that have many.
            purpose, max_age, at_least: As `recall`.

        Raises:
            UsageError: When *form* is no form.
            ForeignFieldError: When it is one of another vocabulary.

        .. versionadded:: 0.1.0
        """
        values: dict[str, Any] = {}
        to_ask: list[Blank] = []
        not_asked: list[Blank] = []
        with self._lock:
            for name, key in keys_of(form).items():
                which = qualifier if key.field.many else None
                found = self._answer(key, which, purpose, max_age, at_least)
                gap = found.gap
                if gap is None:
                    values[name] = found.value
                    self._avoid(key, which)
                    continue
                self._emit(
                    GapFound, field=key.name, reason=gap.reason, remedy=gap.remedy
                )
                confirm = gap.remedy is Remedy.CONFIRM
                shown = self.facts(key, qualifier=which) if confirm else ()
                blank = Blank(
                    name=name,
                    gap=gap,
                    question=question_text(key),
                    facts=tuple(fact for fact in shown if not fact.retracted),
                )
                asks = gap.remedy in (Remedy.ASK, Remedy.CONFIRM)
                (to_ask if asks else not_asked).append(blank)
        return Prefilled(
            form=form,
            values=MappingProxyType(values),
            to_ask=tuple(to_ask),
            not_asked=tuple(not_asked),
        )

    def _must_ask(self, key: KeyOf[V, Any], qualifier: str | None) -> bool:
        gap = self.gap(key, qualifier=qualifier)
        if gap is None:
            self._avoid(key, qualifier)
        # Who may not note the answer has nothing to ask for.
        may_learn = self.department in key.scope.writers
        return gap is not None and may_learn and gap.remedy is not Remedy.DO_NOT_ASK

    def _hear(
        self, key: KeyOf[V, T], answered: T | None, qualifier: str | None
    ) -> T | None:
        if answered is not None:
            self.learn(key, answered, qualifier=qualifier)
        return answered

    def _asked_before(
        self, key: Key[Any, Any], qualifier: str | None
    ) -> tuple[str, ...]:
        context, now_s = self._view(), self.now_s()
        contents = context.scope_contents(key.scope, now_s=now_s)
        marks = marks_of(
            key.field, qualifier, nodes=context.nodes, contents=contents, now_s=now_s
        )
        askers = {
            node.department or "" for node, mark in marks if mark.kind is MarkKind.ASKED
        }
        return tuple(sorted(askers))


def question_text(key: Key[Any, Any]) -> str:
    """
    Return how to ask for a field.
    """
    field = key.field
    return field.ask or f"What is {field.label or field.name.replace('_', ' ')}?"
