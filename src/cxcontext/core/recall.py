"""
From what stands to what may be used: the reader's side of a question.

The order of reasons is protocol, section 4: rejected, not identified, consent
and purpose, conflict, what cannot be read, expired, stale, not verified,
refused, never stated.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import attrs

from cxcontext.core.consenting import ConsentReading, fold_consent
from cxcontext.core.context import Context, arrival_of
from cxcontext.core.fact import Fact
from cxcontext.core.fold import Claim, Reading, fold_field, last_mark
from cxcontext.core.gaps import Gap, Reason, Remedy
from cxcontext.core.known import Arrival, Known
from cxcontext.core.numeric_date import from_seconds
from cxcontext.core.pending import Slot
from cxcontext.core.section import MarkKind
from cxcontext.core.standard import CONSENT, IDENTITY_VERIFICATION
from cxcontext.core.vocabulary import FieldDefinition, Key, Vocabulary
from cxcontext.hiding import unshown


@attrs.frozen(kw_only=True)
class Question:
    """
    What is asked of the journey, and under which conditions.
    """

    key: Key[Any, Any]
    qualifier: str | None = attrs.field(default=None, repr=False)
    purpose: str | None = None
    max_age: timedelta | None = None
    at_least: Known = Known.INFERRED

    @property
    def slot(self) -> Slot:
        """
        The field's number and the qualifier.
        """
        return self.key.number, self.qualifier


@attrs.frozen(kw_only=True)
class Standing:
    """
    The reader's standing: how the journey came, and what it was told here.

    Attributes:
        problem: That something came which could not be used.
        told: What this unit of work was told itself.
        verified_here: Whether identity was verified in this unit of work.
    """

    arrival: Arrival
    problem: Reason | None = None
    told: Collection[Slot] = frozenset()
    verified_here: bool = False


@attrs.frozen(eq=False, repr=False, field_transformer=unshown)
class Answer:
    """
    The claim to show, if there is one, and the gap, if it may not be used.
    """

    field: FieldDefinition[Any]
    claim: Claim | None
    gap: Gap | None
    _reading: Reading
    _context: Context

    @property
    def fact(self) -> Fact[Any] | None:
        """
        The fact to show.
        """
        if self.claim is None:
            return None
        return make_fact(self.field, self.claim, self._reading, self._context)

    @property
    def value(self) -> Any:
        """
        The value that may be used; None where there is a gap.
        """
        return None if self.gap or self.claim is None else self.claim.value


def answer(
    question: Question, *, context: Context, standing: Standing, now_s: int
) -> Answer:
    """
    Return what this reader may use, or exactly why not.
    """
    field = question.key.field
    reading = read_field(field, question.qualifier, context=context, now_s=now_s)
    told = question.slot in standing.told
    # Only what was told here itself: not what somebody else said of the same field.
    here = [told]
    if told and reading.standing:
        here = [
            not reading.conflict and context.said_here(claim.position)
            for claim in reading.standing
        ]
    reason = (
        _not_permitted(question, context, standing, told=here[0], now_s=now_s)
        or _not_usable(question, reading, told=any(here), now_s=now_s)
        or _not_granted(question, reading, context=context, now_s=now_s)
    )  # fmt: skip
    reader = context.reader
    if (
        reason is Reason.NEVER_STATED
        and not reader.may_read(field.scope)
        and not context.in_the_clear(field)
        and reader.department not in field.scope.writers
    ):
        # It could neither read the answer nor note it: it is not its to ask.
        reason = Reason.NOT_YOURS
    shown = reading.shown
    if reason is None:
        return Answer(field, shown, None, reading, context)
    if shown is None and not told and standing.problem is not None:
        reason = standing.problem
    gap = _gap(question, reason, reading, context)
    # What may not be used for this person is not shown either.
    hidden = reason in (Reason.NOT_IDENTIFIED, Reason.NO_CONSENT, Reason.WRONG_PURPOSE)
    return Answer(field, None if hidden else shown, gap, reading, context)


def read_field(
    field: FieldDefinition[Any], qualifier: str | None, *, context: Context, now_s: int
) -> Reading:
    """
    Return what stands of a field for this reader.
    """
    reading = fold_field(
        field,
        qualifier,
        nodes=context.nodes,
        contents=context.contents(field, now_s=now_s),
        now_s=now_s,
        revision=context.reader.vocabulary.revision,
    )
    if not context.in_the_clear(field) or reading.has_value:
        return reading
    # What was asked stays sealed, also of what is said in the clear.
    sealed = context.scope_contents(field.scope, now_s=now_s)
    mark = last_mark(field, qualifier, context.nodes, sealed, now_s)
    return reading._replace(mark=mark)


def make_fact(
    field: FieldDefinition[Any], claim: Claim, reading: Reading, context: Context
) -> Fact[Any]:
    """
    Return the public form of a claim.
    """
    node = context.nodes[claim.position]
    wire = claim.fact
    return Fact(
        field=field.name,
        value=claim.value,
        retracted=not wire.has_value,
        known=claim.known,
        department=claim.department,
        channel=node.channel,
        at=from_seconds(max(0, claim.at_s)),
        arrival=arrival_of(node.flags),
        settled=reading.settled,
        conflicting=reading.conflict,
        qualifier=wire.qualifier,
        reported_by=wire.reported_by,
    )


def consent_reading(purpose: str, *, context: Context, now_s: int) -> ConsentReading:
    """
    Return whether there is consent for *purpose*; none where no field is for it.
    """
    field = context.reader.vocabulary.fields_by_number.get(CONSENT)
    if field is None or field.max_age is None:
        return ConsentReading()
    return fold_consent(
        field,
        purpose,
        nodes=context.nodes,
        contents=context.contents(field, now_s=now_s),
        now_s=now_s,
        # No grant outlives a withdrawal, which lives as long as statements do.
        max_age_s=int(
            min(
                field.max_age, context.reader.key_set.statement_lifetime
            ).total_seconds()
        ),
    )


def _not_permitted(
    question: Question,
    context: Context,
    standing: Standing,
    *,
    told: bool,
    now_s: int,
) -> Reason | None:
    field = question.key.field
    if not told and not _identified(field, standing):
        return Reason.NOT_IDENTIFIED
    if field.purposes:
        if question.purpose not in field.purposes:
            return Reason.WRONG_PURPOSE
        if question.purpose in field.consent_for:
            reading = consent_reading(question.purpose, context=context, now_s=now_s)
            if reading.granted is None:
                return Reason.NO_CONSENT
    return None


def _identified(field: FieldDefinition[Any], standing: Standing) -> bool:
    if standing.arrival.identifies:
        return True
    if standing.arrival is Arrival.HINT:
        return False
    # Verifications made elsewhere do not say who holds the link now.
    return field.scope.on_possession and field.number != IDENTITY_VERIFICATION


def _not_usable(
    question: Question, reading: Reading, *, told: bool, now_s: int
) -> Reason | None:
    shown = reading.shown
    if reading.conflict:
        return Reason.CONFLICT
    here = told and (reading.has_value or reading.mark is not None)
    if reading.unread is not None and not here:
        return reading.unread
    if shown is None or not reading.has_value:
        if reading.expired and shown is None:
            return Reason.EXPIRED
        return _MARK_REASONS.get(reading.mark, Reason.NEVER_STATED)
    age_s = now_s - shown.at_s
    for max_age in (question.max_age, question.key.field.max_age):
        if max_age is not None and age_s > max_age.total_seconds():
            return Reason.STALE
    if shown.known < question.at_least:
        return Reason.NOT_VERIFIED
    return None


def _not_granted(
    question: Question, reading: Reading, *, context: Context, now_s: int
) -> Reason | None:
    """
    Return why a grant of consent does not count, though it is what stands.
    """
    field = question.key.field
    if field.number != CONSENT or question.qualifier is None or reading.shown is None:
        return None
    if not reading.shown.value.granted:
        return None
    counts = consent_reading(question.qualifier, context=context, now_s=now_s)
    if counts.granted is not None:
        return None
    return Reason.NO_CONSENT if counts.withdrawn else counts.unread or Reason.EXPIRED


_MARK_REASONS: dict[MarkKind | None, Reason] = {
    MarkKind.REFUSED: Reason.REFUSED,
    MarkKind.DOES_NOT_KNOW: Reason.CUSTOMER_DOES_NOT_KNOW,
}


def _gap(question: Question, reason: Reason, reading: Reading, context: Context) -> Gap:
    field = question.key.field
    remedy = _REMEDIES[reason]
    departments: tuple[str, ...] = ()
    if reason is Reason.CONFLICT and any(
        claim.known is Known.VERIFIED for claim in reading.standing
    ):
        # The customer cannot settle what somebody has checked.
        remedy = Remedy.REQUEST
        departments = tuple(sorted(field.verifiers))
    elif reason is Reason.NOT_VERIFIED:
        departments = tuple(sorted(field.verifiers))
    elif reason is Reason.NOT_IDENTIFIED:
        identity = context.reader.vocabulary.fields_by_number.get(IDENTITY_VERIFICATION)
        departments = tuple(sorted(identity.verifiers)) if identity else ()
    elif reason is Reason.NOT_YOURS:
        departments = tuple(sorted(field.scope.readers))
    elif reason in _MAY_BE_SHOWN and reading.has_value:
        remedy = Remedy.CONFIRM
    return Gap(
        question.key, reason, remedy, departments, question.qualifier is not None
    )


_MAY_BE_SHOWN = frozenset(
    (
        Reason.WITHHELD,
        Reason.UNREADABLE,
        Reason.UNKNOWN_AUTHOR,
        Reason.NEWER_VOCABULARY,
    )
)
_REMEDIES = {
    Reason.REJECTED: Remedy.ASK,
    Reason.LOST: Remedy.ASK,
    Reason.NOT_IDENTIFIED: Remedy.STEP_UP,
    Reason.NO_CONSENT: Remedy.DO_NOT_ASK,
    Reason.WRONG_PURPOSE: Remedy.DO_NOT_ASK,
    Reason.CONFLICT: Remedy.CONFIRM,
    Reason.NOT_YOURS: Remedy.REQUEST,
    Reason.WITHHELD: Remedy.ASK,
    Reason.UNREADABLE: Remedy.ASK,
    Reason.UNKNOWN_AUTHOR: Remedy.ASK,
    Reason.NEWER_VOCABULARY: Remedy.ASK,
    Reason.EXPIRED: Remedy.ASK,
    Reason.STALE: Remedy.CONFIRM,
    Reason.NOT_VERIFIED: Remedy.STEP_UP,
    Reason.REFUSED: Remedy.DO_NOT_ASK,
    Reason.CUSTOMER_DOES_NOT_KNOW: Remedy.DO_NOT_ASK,
    Reason.NEVER_STATED: Remedy.ASK,
}


def readable_fields(
    vocabulary: type[Vocabulary], context: Context
) -> list[FieldDefinition[Any]]:
    """
    Return the fields whose scope this reader is a reader of, by number.
    """
    return [
        field
        for _, field in sorted(vocabulary.fields_by_number.items())
        if context.reader.may_read(field.scope) or context.in_the_clear(field)
    ]
