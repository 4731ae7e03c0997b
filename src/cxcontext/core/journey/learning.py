"""
Learning: what this department adds to the journey under its own name.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from cxcontext.core import cbor
from cxcontext.core.contribution import missing_sealing_key
from cxcontext.core.erasable import sealing_secret
from cxcontext.core.forbidden import contains_card_number
from cxcontext.core.formats import FORMATS
from cxcontext.core.journey.reading import JourneyReading
from cxcontext.core.known import Known
from cxcontext.core.limits import MAX_CLEAR_BYTES, MAX_QUALIFIER_CHARS
from cxcontext.core.numeric_date import from_seconds, to_seconds
from cxcontext.core.pending import (
    MAX_PENDING_BYTES,
    PendingFact,
    PendingMark,
)
from cxcontext.core.section import (
    MAX_AGE_SECONDS,
    MAX_BECAUSE_CHARS,
    MarkKind,
    SectionContent,
    WireFact,
    WireMark,
)
from cxcontext.core.standard import CONSENT, PROMISE
from cxcontext.core.value_types import comparable, is_whole_text
from cxcontext.core.vocabulary import FieldDefinition, Key, KeyOf, Vocabulary
from cxcontext.errors import (
    ConflictError,
    ForbiddenDataError,
    FormatError,
    JourneyFullError,
    MissingKeyError,
    NotAuthorisedError,
    UnavailableError,
    UsageError,
    ValueDoesNotFitError,
)
from cxcontext.hiding import hiding

V = TypeVar("V", bound=Vocabulary)
T = TypeVar("T")


class JourneyLearning(JourneyReading[V]):
    """
    The learning verbs. Each is atomic; nothing is sealed until it is carried.
    """

    @hiding
    def learn(
        self,
        key: KeyOf[V, T],
        value: T,
        *,
        known: Known | None = None,
        qualifier: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """
        Take up what has become known. Nothing, if it is recalled already.

        Args:
            key: The field, read on the vocabulary class.
            value: The value; it must come back exactly from the wire.
            known: How surely; STATED unless given, INFERRED for a field that
                is only inferred.
            qualifier: Which of many values: a product, a trip; 1 to 64 characters.
            at: When it became known, aware; now unless given, never later.

        Raises:
            ForeignFieldError: When *key* is of another vocabulary.
            ValueDoesNotFitError: When *value* is not of the field's type.
            FormatError: When it fails the check of the field's format.
            ForbiddenDataError: When it contains a payment card number.
            NotAuthorisedError: When this department may not write the scope, or
                may not verify the field.
            MissingKeyError: When the scope has no key to seal to.
            JourneyFullError: When the journey holds no more statements.

        .. versionadded:: 0.1.0
        """
        self._check_not_promise(key)
        wire = self._checked(key, value, qualifier)
        with self._lock:
            if self._says_nothing_new(key, wire, known, qualifier):
                return
            self._store(key, wire, known=known, qualifier=qualifier, at=at)

    @hiding
    def correct(
        self,
        key: KeyOf[V, T],
        value: T,
        *,
        known: Known | None = None,
        qualifier: str | None = None,
    ) -> None:
        """
        State what is right instead of what is known. Always written.

        It supersedes what this department has said, and what others have said
        no more surely; a value that somebody verified stays, as a conflict.

        Raises:
            UsageError: As `learn`.

        .. versionadded:: 0.1.0
        """
        self._check_not_promise(key)
        wire = self._checked(key, value, qualifier)
        with self._lock:
            self._store(key, wire, known=known, qualifier=qualifier, at=None)

    @hiding
    def confirm(self, key: KeyOf[V, Any], *, qualifier: str | None = None) -> None:
        """
        Say the value that `fact` shows again, now and under this name.

        It makes a stale value fresh and an unsettled one settled.

        Raises:
            ConflictError: When no single value is shown; `correct` says which.
            UsageError: As `learn`.

        .. versionadded:: 0.1.0
        """
        self._check_not_promise(key)
        self._check_key(key, qualifier)
        with self._lock:
            shown = self.fact(key, qualifier=qualifier)
            if shown is None or shown.retracted or shown.conflicting:
                raise ConflictError(key.name)
            wire = self._checked(key, shown.value, qualifier)
            self._store(key, wire, known=None, qualifier=qualifier, at=None)

    @hiding
    def retract(self, key: KeyOf[V, Any], *, qualifier: str | None = None) -> None:
        """
        State that the value does not hold, without saying another.

        Raises:
            UsageError: As `learn`.

        .. versionadded:: 0.1.0
        """
        self._check_not_promise(key)
        self._check_key(key, qualifier)
        self._check_qualifier(key.field, qualifier)
        with self._lock:
            self._store(
                key, None, known=None, qualifier=qualifier, at=None, retraction=True
            )

    @hiding
    def restate(
        self, other: JourneyReading[V], *keys: KeyOf[V, Any]
    ) -> tuple[Key[V, Any], ...]:
        """
        Carry another journey's values over, under this department's own name.

        For when both are surely the same customer: it is an assertion of this
        department, with the original times and "reported by" the original
        departments. Consents and promises are not carried over; they are made
        to somebody, and must be made again.

        Args:
            other: A journey of the same vocabulary.
            keys: Which fields; all that can be recalled and written, if none.

        Returns:
            The fields whose values were carried over.

        Raises:
            UsageError: When *other* is of another vocabulary or trust domain, or
                as `learn`.

        .. versionadded:: 0.1.0
        """
        ours = self._department
        theirs = other._department
        if ours.vocabulary is not theirs.vocabulary or ours.domain != theirs.domain:
            msg = "restate() takes a journey of the same vocabulary and trust domain"
            raise UsageError(msg)
        for key in keys:
            self._check_key(key, None)
        chosen = keys or tuple(
            field.key
            for field in ours.vocabulary.fields.values()
            if ours.name in field.scope.writers
        )
        done: list[Key[Any, Any]] = []
        for key in chosen:
            if key.number in (CONSENT, PROMISE):
                continue
            for qualifier in other._qualifiers(key):
                found = other.fact(key, qualifier=qualifier)
                if other.gap(key, qualifier=qualifier) is not None or found is None:
                    continue
                self._restate_fact(key, qualifier, found)
                done.append(key)
        return tuple(dict.fromkeys(done))

    # --- for the other verbs -------------------------------------------------

    def _restate_fact(
        self,
        key: Key[Any, Any],
        qualifier: str | None,
        fact: Any,
        *,
        reported_by: str | None = None,
    ) -> None:
        field = key.field
        known = fact.known
        if known is Known.VERIFIED and self.department not in field.verifiers:
            known = Known.STATED
        wire = self._checked(key, fact.value, qualifier)
        by = reported_by or fact.reported_by or fact.department
        in_the_clear = self._context.in_the_clear(field)
        with self._lock:
            # Its author's clock may be ahead of ours, as far as clocks may differ.
            at = min(fact.at, from_seconds(self.now_s()))
            self._store(
                key,
                wire,
                known=known,
                qualifier=qualifier,
                at=at,
                # In the clear stands nothing that somebody else has worded.
                reported_by=None if by == self.department or in_the_clear else by,
            )

    def _restate_for(
        self, partner: str, other: JourneyReading[V], keys: tuple[KeyOf[V, Any], ...]
    ) -> None:
        """
        Restate what *partner* may read, as surely known as it was.
        """
        vocabulary = self._department.vocabulary
        chosen = keys or tuple(
            field.key
            for field in vocabulary.fields.values()
            if partner in field.scope.readers
        )
        with self._lock:
            for key in chosen:
                if key.number in (CONSENT, PROMISE):
                    continue
                for qualifier in other._qualifiers(key):
                    fact = other.fact(key, qualifier=qualifier)
                    gap = other.gap(key, qualifier=qualifier)
                    if fact is None or gap is not None:
                        continue
                    wire = key.field.codec.to_wire(fact.value, field=key.name)
                    restated = WireFact(
                        field=key.number,
                        has_value=True,
                        value=wire,
                        known=fact.known,
                        qualifier=qualifier,
                        reported_by=(
                            None
                            if self._context.in_the_clear(key.field)
                            else fact.reported_by or fact.department
                        ),
                    )
                    self._check_sealing_key(key.field)
                    self._add_fact(key.field, restated, at_s=to_seconds(fact.at))

    def _checked(self, key: Key[Any, Any], value: Any, qualifier: str | None) -> Any:
        """
        Return the value on the wire.
        """
        self._check_key(key, qualifier)
        self._check_qualifier(key.field, qualifier)
        return self._wire_value(key.field, value)

    def _check_not_promise(self, key: Key[Any, Any]) -> None:
        """
        Refuse a promise, whose steps are not overwritten but follow each other.
        """
        if isinstance(key, Key) and key.number == PROMISE:
            msg = "promises are made with promise(), and changed with its verbs"
            raise UsageError(msg)

    def _wire_value(self, field: FieldDefinition[Any], value: Any) -> Any:
        wire = field.codec.to_wire(value, field=field.name)
        if field.format is not None and isinstance(wire, str):
            written = FORMATS[field.format].normalise(wire)
            if not FORMATS[field.format].check(written):
                raise FormatError(field.name, field.format)
            # A private-use subtag may hold anything, and this is for all to read.
            if field.clear and "x" in written.lower().split("-"):
                raise FormatError(field.name, f"{field.format} without private use")
            # How an IBAN is grouped makes digits look like a card that are none.
            forbidden = contains_card_number(written)
        else:
            forbidden = contains_card_number(wire)
        if forbidden:
            raise ForbiddenDataError(field.name)
        size = len(cbor.encode(wire))
        if field.clear and size > MAX_CLEAR_BYTES:
            raise ValueDoesNotFitError(
                field.name, f"at most {MAX_CLEAR_BYTES} bytes in the clear", f"{size}"
            )
        if size > MAX_PENDING_BYTES:
            # So large a value must prove now that a section can hold it, whatever
            # stands beside it.
            fact = WireFact(
                field=field.number,
                has_value=True,
                value=wire,
                known=Known.VERIFIED,
                age_s=MAX_AGE_SECONDS,
                qualifier="\U0010ffff" * MAX_QUALIFIER_CHARS,
                reported_by="-" * MAX_QUALIFIER_CHARS,
            )
            try:
                SectionContent(facts=(fact,)).encode()
            except JourneyFullError as full:
                raise ValueDoesNotFitError(
                    field.name, full.limit, f"{size} bytes"
                ) from None
        return wire

    def _check_qualifier(
        self, field: FieldDefinition[Any], qualifier: str | None
    ) -> None:
        if qualifier is None:
            return
        _check_text(f"{field.name}: a qualifier", qualifier, MAX_QUALIFIER_CHARS)
        if contains_card_number(qualifier):
            raise ForbiddenDataError(field.name)

    def _check_authority(self, field: FieldDefinition[Any], known: Known) -> None:
        name, scope = self.department, field.scope
        if name not in scope.writers:
            raise NotAuthorisedError(
                name, f"write {field.name}", tuple(sorted(scope.writers))
            )
        if known is Known.VERIFIED and name not in field.verifiers:
            raise NotAuthorisedError(
                name, f"verify {field.name}", tuple(sorted(field.verifiers))
            )
        if field.inferred_only and known is not Known.INFERRED:
            msg = f"{field.name} is only ever INFERRED; leave known out"
            raise UsageError(msg)
        self._check_sealing_key(field)

    def _check_sealing_key(self, field: FieldDefinition[Any]) -> None:
        key_set = self._department.key_set
        if key_set.sealing_key(field.scope.number, now=self.now_s()) is None:
            raise MissingKeyError(missing_sealing_key(field.scope.name))
        context = self._context
        if context.is_erasable and context.journey_id is not None:
            # What is learned must be passed on; a store may be back by then.
            with suppress(UnavailableError):
                secrets = self._department.secrets
                sealing_secret(secrets, context.journey_id, begins=False)

    def _says_nothing_new(
        self, key: Key[Any, Any], wire: Any, known: Known | None, qualifier: str | None
    ) -> bool:
        field = key.field
        known = _how_known(field, known)
        # What may not be recalled for a purpose may still be learned again.
        found = self._answer(key, qualifier, None, None, Known.INFERRED)
        shown = found.claim
        if found.gap is not None or shown is None or shown.known < known:
            return False
        # Not as another writer wrote it: what our types leave out is not said here.
        said = field.codec.to_wire(shown.value, field=field.name)
        return self._comparable(field, said) == self._comparable(field, wire)

    def _comparable(self, field: FieldDefinition[Any], wire: Any) -> bytes:
        if field.format is not None and isinstance(wire, str):
            wire = FORMATS[field.format].normalise(wire)
        return comparable(wire)

    def _store(
        self,
        key: Key[Any, Any],
        wire: Any,
        *,
        known: Known | None,
        qualifier: str | None,
        at: datetime | None,
        retraction: bool = False,
        reported_by: str | None = None,
    ) -> None:
        """
        Add one fact to what is pending. The lock is held.
        """
        field = key.field
        known = _how_known(field, known)
        self._check_authority(field, known)
        self._add_fact(
            field,
            WireFact(
                field=field.number,
                has_value=not retraction,
                value=wire,
                known=known,
                qualifier=qualifier,
                reported_by=reported_by,
            ),
            at_s=self._instant(at),
        )

    def _add_fact(
        self, field: FieldDefinition[Any], fact: WireFact, *, at_s: int
    ) -> None:
        self._check_room()
        held = self._pending.facts.get((fact.field, fact.qualifier))
        # What is inferred does not take the place of what is surer.
        surer = held is not None and fact.known is Known.INFERRED < held.fact.known
        entry = PendingFact(
            scope=field.scope.number,
            at_s=at_s,
            clear=self._context.in_the_clear(field),
            fact=fact,
        )
        pending = self._pending
        room = pending.has_clear_room if entry.clear else pending.has_room(entry)
        if surer or not room:
            self._seal()
        self._pending = self._pending.with_fact(entry)
        self._told.add((fact.field, fact.qualifier))
        self._learned((fact.field,))

    def _add_mark(
        self,
        key: Key[Any, Any],
        kind: MarkKind,
        qualifier: str | None,
        because: str | None = None,
    ) -> None:
        """
        Add one mark to what is pending. The lock is held.
        """
        self._check_key(key, qualifier)
        field = key.field
        if self.department not in field.scope.writers:
            # Who may not write the scope cannot tell the others that it asked.
            return
        self._check_qualifier(field, qualifier)
        if because is not None:
            _check_text("because", because, MAX_BECAUSE_CHARS)
            if contains_card_number(because):
                raise ForbiddenDataError(field.name)
        self._check_sealing_key(field)
        self._check_room()
        mark = WireMark(
            field=field.number, kind=kind, qualifier=qualifier, because=because
        )
        entry = PendingMark(scope=field.scope.number, at_s=self.now_s(), mark=mark)
        if not self._pending.has_room(entry):
            self._seal()
        self._pending = self._pending.with_mark(entry)
        self._learned((field.number,))

    def _instant(self, at: datetime | None) -> int:
        now_s = self.now_s()
        if at is None:
            return now_s
        at_s = to_seconds(at)
        if at_s > now_s:
            msg = "at lies in the future; nothing is known before it happens"
            raise UsageError(msg)
        return at_s


def _how_known(field: FieldDefinition[Any], known: Known | None) -> Known:
    if known is None:
        return Known.INFERRED if field.inferred_only else Known.STATED
    if not isinstance(known, Known):
        msg = f"{field.name}: known is one of Known, such as Known.OBSERVED"
        raise UsageError(msg)
    return known


def _check_text(what: str, text: str, limit: int) -> None:
    if (
        not isinstance(text, str)
        or not 1 <= len(text) <= limit
        or not is_whole_text(text)
    ):
        msg = f"{what} is Unicode text of 1 to {limit} characters"
        raise UsageError(msg)
