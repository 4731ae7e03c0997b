"""
Reading a journey: what is known, what is missing and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

import attrs

from cxcontext.core.context import Touchpoint
from cxcontext.core.events import Avoided, GapFound
from cxcontext.core.fact import Fact
from cxcontext.core.gaps import Gap, Needs, Reason
from cxcontext.core.journey.state import JourneyState
from cxcontext.core.known import Known
from cxcontext.core.numeric_date import from_seconds
from cxcontext.core.promising import Promise, fold_promises
from cxcontext.core.recall import (
    Answer,
    Question,
    answer,
    consent_reading,
    make_fact,
    read_field,
    readable_fields,
)
from cxcontext.core.section import SectionContent
from cxcontext.core.standard import CONSENT, IDENTITY_VERIFICATION, PROMISE
from cxcontext.core.vocabulary import FieldDefinition, Key, KeyOf, Vocabulary
from cxcontext.errors import ForeignFieldError, UsageError
from cxcontext.hiding import hiding

V = TypeVar("V", bound=Vocabulary)
T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Explained:
    """
    What can be said of one field without its value.

    .. versionadded:: 0.1.0
    """

    field: str
    scope: str
    fact: Fact[Any] | None
    gap: Gap | None

    def __str__(self) -> str:
        if self.gap is None:
            fact = self.fact
            return f"{self.field}: known, {fact}" if fact else f"{self.field}: known"
        shown = f" (shown: {self.fact})" if self.fact is not None else ""
        return f"{self.gap}{shown}"


class JourneyReading(JourneyState[V]):
    """
    The reading verbs. None of them changes what the journey says.
    """

    @hiding
    def recall(
        self,
        key: KeyOf[V, T],
        *,
        qualifier: str | None = None,
        purpose: str | None = None,
        max_age: timedelta | None = None,
        at_least: Known = Known.INFERRED,
    ) -> T | None:
        """
        Return the value that may be used, or None; `needs` says why not.

        Args:
            key: The field, read on the vocabulary class.
            qualifier: Which one, of a field with many values.
            purpose: The W3C DPV purpose, if not the department's own.
            max_age: Refuse values older than this, besides the field's own.
            at_least: Refuse values known less surely than this.

        Raises:
            ForeignFieldError: When *key* is of another vocabulary.

        .. versionadded:: 0.1.0
        """
        found = self._answer(key, qualifier, purpose, max_age, at_least)
        value: T | None = found.value
        return value

    @hiding
    def recall_all(
        self,
        key: KeyOf[V, T],
        *,
        purpose: str | None = None,
        max_age: timedelta | None = None,
        at_least: Known = Known.INFERRED,
    ) -> Mapping[str | None, T]:
        """
        Return all values of a field with many, by qualifier, that may be used.

        .. versionadded:: 0.1.0
        """
        values: dict[str | None, T] = {}
        for qualifier in self._qualifiers(key):
            found = self._answer(key, qualifier, purpose, max_age, at_least)
            if found.gap is None and found.claim is not None:
                values[qualifier] = found.value
        return values

    @hiding
    def fact(
        self,
        key: KeyOf[V, T],
        *,
        qualifier: str | None = None,
        purpose: str | None = None,
    ) -> Fact[T] | None:
        """
        Return the fact to show, also where it is not settled or not recalled.

        None where nothing can be shown: nothing is known or readable, or the
        arrival, purpose or consent does not allow it.

        .. versionadded:: 0.1.0
        """
        return self._answer(key, qualifier, purpose, None, Known.INFERRED).fact

    @hiding
    def facts(
        self, key: KeyOf[V, T], *, qualifier: str | None = None
    ) -> tuple[Fact[T], ...]:
        """
        Return every fact that stands, the one to show first: all of a conflict.

        .. versionadded:: 0.1.0
        """
        if self.fact(key, qualifier=qualifier) is None:
            return ()
        with self._lock:
            context = self._view()
            reading = read_field(
                key.field, qualifier, context=context, now_s=self.now_s()
            )
            return tuple(
                make_fact(key.field, claim, reading, context)
                for claim in reading.standing
            )

    @hiding
    def needs(
        self,
        *keys: KeyOf[V, Any],
        purpose: str | None = None,
        max_age: timedelta | None = None,
        at_least: Known = Known.INFERRED,
    ) -> Needs:
        """
        Return which of *keys* are known, and the gaps with reason and remedy.

        Call it before asking anything: it raises the events by which repeated
        and avoided questions are counted.

        .. versionadded:: 0.1.0
        """
        known: list[Key[Any, Any]] = []
        gaps: list[Gap] = []
        for key in keys:
            gap = self._answer(key, None, purpose, max_age, at_least).gap
            if gap is None:
                known.append(key)
                self._avoid(key, None)
            else:
                gaps.append(gap)
                self._emit(
                    GapFound, field=key.name, reason=gap.reason, remedy=gap.remedy
                )
        return Needs(known=tuple(known), gaps=tuple(gaps))

    @hiding
    def gap(
        self,
        key: KeyOf[V, Any],
        *,
        qualifier: str | None = None,
        purpose: str | None = None,
        max_age: timedelta | None = None,
        at_least: Known = Known.INFERRED,
    ) -> Gap | None:
        """
        Return why *key* cannot be recalled, or None when it can. Raises no event.

        .. versionadded:: 0.1.0
        """
        return self._answer(key, qualifier, purpose, max_age, at_least).gap

    @property
    def trail(self) -> tuple[Touchpoint, ...]:
        """
        Which departments had the customer, oldest first.
        """
        return self.context.trail

    @property
    def promises(self) -> tuple[Promise, ...]:
        """
        Every promise that this department can see; none for a mere hint.
        """
        field = self._standard_field(PROMISE)
        if field is None:
            return ()
        with self._lock:
            if not self._arrival.identifies and not (
                self._arrival.value and field.scope.on_possession
            ):
                return ()
            return self._all_promises(field)

    def _all_promises(self, field: FieldDefinition[Any]) -> tuple[Promise, ...]:
        with self._lock:
            context = self._view()
            now_s = self.now_s()
            return fold_promises(
                field,
                nodes=context.nodes,
                contents=context.contents(field, now_s=now_s),
                now_s=now_s,
                instant=from_seconds,
            )

    @hiding
    def has_consent(self, purpose: str) -> bool:
        """
        Whether consent for *purpose* was given and counts now.

        .. versionadded:: 0.1.0
        """
        return self._consent_gap(purpose) is None

    def explain(self) -> tuple[Explained, ...]:
        """
        Return, per field that this department may read, what is known or why not.

        Without values: fit for logs and for the screen of a privacy officer.

        .. versionadded:: 0.1.0
        """
        explained = []
        vocabulary = self._department.vocabulary
        with self._lock:
            for field in readable_fields(vocabulary, self._view()):
                key: Key[Any, Any] = field.key
                for qualifier in self._qualifiers(key) or [None]:
                    found = self._answer(key, qualifier, None, None, Known.INFERRED)
                    explained.append(
                        Explained(
                            field=field.name,
                            scope=field.scope.name,
                            fact=found.fact,
                            gap=found.gap,
                        )
                    )
        return tuple(explained)

    def known_to(self, department: str) -> tuple[str, ...]:
        """
        Return the names of what is recalled here and *department* may read.

        It is what that department must ask again where the journey cannot go.

        .. versionadded:: 0.1.0
        """
        fields = self._department.vocabulary.fields.values()
        return tuple(
            field.name
            for field in fields
            if department in field.scope.readers
            and any(
                self.gap(field.key, qualifier=qualifier) is None
                for qualifier in self._qualifiers(field.key)
            )
        )

    # --- for the other verbs -------------------------------------------------

    def _answer(
        self,
        key: Key[Any, Any],
        qualifier: str | None,
        purpose: str | None,
        max_age: timedelta | None,
        at_least: Known,
    ) -> Answer:
        self._check_key(key, qualifier)
        if key.number == IDENTITY_VERIFICATION:
            # That somebody merely says so is no verification.
            at_least = Known.VERIFIED
        question = Question(
            key=key,
            qualifier=qualifier,
            purpose=purpose if purpose is not None else self._department.purpose,
            max_age=max_age,
            at_least=at_least,
        )
        with self._lock:
            return answer(
                question,
                context=self._view(),
                standing=self._standing(),
                now_s=self.now_s(),
            )

    def _check_key(self, key: Key[Any, Any], qualifier: str | None) -> None:
        vocabulary = self._department.vocabulary
        if not isinstance(key, Key):
            msg = (
                f"a {type(key).__name__} is not a key; pass a field read on the "
                f"vocabulary class, such as {vocabulary.__name__}.field_name"
            )
            raise UsageError(msg)
        if vocabulary.fields_by_number.get(key.number) is not key.field:
            raise ForeignFieldError(key.name, vocabulary.__name__)
        if qualifier is not None and not key.field.many:
            msg = f"{key.name} has one value; declare it many=True to qualify it"
            raise UsageError(msg)

    def _qualifiers(self, key: Key[Any, Any]) -> list[str | None]:
        """
        Return the qualifiers under which anything was said, oldest first.
        """
        self._check_key(key, None)
        if not key.field.many:
            return [None]
        with self._lock:
            contents = self._view().contents(key.field, now_s=self.now_s())
        found: dict[str | None, None] = {}
        for content in contents:
            if isinstance(content, SectionContent):
                for fact in content.facts:
                    if fact.field == key.number:
                        found[fact.qualifier] = None
        return list(found)

    def _avoid(self, key: Key[Any, Any], qualifier: str | None) -> None:
        slot = (key.number, qualifier)
        with self._lock:
            if slot in self._avoided or slot in self._told:
                return
            self._avoided.add(slot)
        self._emit(Avoided, field=key.name)

    def _standard_field(self, number: int) -> FieldDefinition[Any] | None:
        return self._department.vocabulary.fields_by_number.get(number)

    def _consent_gap(self, purpose: str) -> Reason | None:
        field = self._standard_field(CONSENT)
        with self._lock:
            if field is None or not (
                self._arrival.identifies or (CONSENT, purpose) in self._told
            ):
                return Reason.NO_CONSENT
            found = consent_reading(purpose, context=self._view(), now_s=self.now_s())
        return None if found.granted is not None else Reason.NO_CONSENT
