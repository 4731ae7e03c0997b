"""
The fold: from what many departments said to what one reader may believe.

Protocol, section 4, for one (field, qualifier) at a time. A pure function of
the statements' order and contents; it decides nothing about purposes, arrival
or age, which are the reader's side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import attrs

from cxcontext.core.formats import FORMATS
from cxcontext.core.gaps import Reason
from cxcontext.core.known import Known
from cxcontext.core.section import MarkKind, SectionContent, WireFact, WireMark
from cxcontext.core.statement import FLAG_EXPORT
from cxcontext.core.value_types import comparable
from cxcontext.core.vocabulary import FieldDefinition
from cxcontext.errors import MalformedError

# Of several reasons why something cannot be read, the first here is given.
_REASONS: Final = (
    Reason.NOT_YOURS,
    Reason.WITHHELD,
    Reason.UNREADABLE,
    Reason.UNKNOWN_AUTHOR,
    Reason.NEWER_VOCABULARY,
)


@attrs.frozen(kw_only=True, eq=False)
class Node:
    """
    A statement as the fold sees it.

    Attributes:
        department: Its author; None where the signing key is not known here.
        ancestors: A bit for each position in the order that it descends from.
    """

    id: bytes
    department: str | None
    issued_s: int
    expires_s: int
    revision: int
    channel: str
    flags: int
    ancestors: int


# What the reader finds of a scope in one statement: what it says, why it
# cannot be read, or None where the statement has no section of the scope.
Content = SectionContent | Reason | None


class Claim(NamedTuple):
    """
    One fact of one statement, with the authority of its author applied.

    Attributes:
        value: As the vocabulary has it; None for a retraction.
    """

    position: int
    department: str
    known: Known
    at_s: int
    fact: WireFact
    value: Any

    def __repr__(self) -> str:
        return f"<Claim of statement {self.position} by {self.department}>"


@attrs.frozen(kw_only=True, eq=False)
class Unread:
    """
    A section that may hold something of the field, and why it is not read.
    """

    index: int
    department: str | None
    worst: Known
    reason: Reason


class Reading(NamedTuple):
    """
    What stands of one (field, qualifier).

    Attributes:
        standing: What nothing supersedes, the one to show first.
        conflict: Whether different values stand.
        settled: Whether nothing unread could change the one value.
        unread: Why not, or why nothing is known.
        expired: Whether an expired statement had something.
        mark: That the customer refused or does not know, if said last.
    """

    standing: tuple[Claim, ...] = ()
    conflict: bool = False
    settled: bool = False
    unread: Reason | None = None
    expired: bool = False
    mark: MarkKind | None = None

    @property
    def shown(self) -> Claim | None:
        """
        The claim to show, be it a retraction.
        """
        return self.standing[0] if self.standing else None

    @property
    def has_value(self) -> bool:
        """
        Whether the claim to show has a value.
        """
        return bool(self.standing) and self.standing[0].fact.has_value


def fold_field(
    field: FieldDefinition[Any],
    qualifier: str | None,
    *,
    nodes: Sequence[Node],
    contents: Sequence[Content],
    now_s: int,
    revision: int,
) -> Reading:
    """
    Return what stands of *field*.

    Args:
        field: The field, with the rules of this reader's vocabulary.
        qualifier: Which of many values; None for the one without.
        nodes: The statements in topological order.
        contents: Per statement, what this reader finds of the field's scope.
        now_s: The reader's clock, in seconds.
        revision: The revision of the reader's vocabulary.
    """
    claims: list[Claim] = []
    unread: list[Unread] = []
    expired = False
    exporter = nodes[0].department if nodes and nodes[0].flags & FLAG_EXPORT else None
    number = field.number
    for index, (node, content) in enumerate(zip(nodes, contents, strict=True)):
        # Most of a long journey says nothing of the field; it costs no call.
        if content is None or (
            isinstance(content, SectionContent)
            and node.department is not None
            and node.revision <= revision
            and content.find(number, qualifier) is None
        ):
            continue
        if not _counts(field, node, revision):
            continue
        found = read_content(
            field, qualifier, index, node, content, revision, exporter=exporter
        )
        if node.expires_s <= now_s:
            expired = expired or isinstance(found, Claim)
        elif isinstance(found, Claim):
            claims.append(found)
        elif found is not None:
            unread.append(found)
    standing = _standing(field, nodes, claims)
    conflict = _in_conflict(field, standing)
    settled, reason = _settled(field, nodes, standing, unread, conflict=conflict)
    return Reading(
        standing=standing,
        conflict=conflict,
        settled=settled,
        unread=reason,
        expired=expired,
        mark=last_mark(field, qualifier, nodes, contents, now_s),
    )


def _settled(
    field: FieldDefinition[Any],
    nodes: Sequence[Node],
    standing: Sequence[Claim],
    unread: Sequence[Unread],
    *,
    conflict: bool,
) -> tuple[bool, Reason | None]:
    """
    Return whether the one value is settled, and which unread section is why not.
    """
    if not unread:
        return bool(standing) and not conflict, None
    open_questions = [
        [other for other in unread if not _answers(field, nodes, claim, other)]
        for claim in standing
    ]
    if not conflict and not all(open_questions):
        return True, None
    blocking = open_questions[0] if standing else unread
    reasons = {other.reason for other in blocking}
    return False, next((reason for reason in _REASONS if reason in reasons), None)


def _counts(field: FieldDefinition[Any], node: Node, revision: int) -> bool:
    """
    Whether the author may write the scope, or might under newer rules.
    """
    return (
        node.department is None
        or node.revision > revision
        or field.may_write(node.department)
    )


def read_content(
    field: FieldDefinition[Any],
    qualifier: str | None,
    index: int,
    node: Node,
    content: Content,
    revision: int,
    *,
    exporter: str | None = None,
) -> Claim | Unread | None:
    """
    Return what one statement says of the field, or why that is not known.
    """
    newer = node.revision > revision
    department = node.department
    if not isinstance(content, SectionContent) or department is None:
        reason = content if isinstance(content, Reason) else Reason.UNKNOWN_AUTHOR
        return _unread(field, index, node, reason, newer=newer)
    if not field.may_write(department):
        return _unread(field, index, node, Reason.NEWER_VOCABULARY, newer=newer)
    fact = content.find(field.number, qualifier)
    if fact is None:
        return None
    value = None
    try:
        if fact.has_value:
            value = field.codec.from_wire(fact.value)
    except MalformedError:
        reason = Reason.NEWER_VOCABULARY if newer else Reason.UNREADABLE
        return _unread(field, index, node, reason, newer=newer)
    return Claim(
        position=index,
        department=department,
        known=effective_known(field, _speaker(department, fact, exporter), fact.known),
        at_s=node.issued_s - fact.age_s,
        fact=fact,
        value=value,
    )


def _speaker(department: str, fact: WireFact, exporter: str | None) -> str:
    # Who exports restates in the words of others; nothing else does.
    if department == exporter and fact.reported_by is not None:
        return fact.reported_by
    return department


def effective_known(
    field: FieldDefinition[Any], department: str, known: Known
) -> Known:
    """
    Return how surely a fact is known, as far as its author may say so.
    """
    if field.inferred_only:
        return Known.INFERRED
    if known is Known.VERIFIED and not field.may_verify(department):
        return Known.STATED
    return known


def _unread(
    field: FieldDefinition[Any], index: int, node: Node, reason: Reason, *, newer: bool
) -> Unread:
    department = node.department
    could_verify = (
        bool(field.verifiers or field.former_verifiers)
        if department is None
        else field.may_verify(department)
    )
    worst = Known.VERIFIED if newer or could_verify else Known.STATED
    if field.inferred_only and not newer:
        worst = Known.INFERRED
    return Unread(index=index, department=department, worst=worst, reason=reason)


def _in_conflict(field: FieldDefinition[Any], standing: Sequence[Claim]) -> bool:
    if len(standing) < 2:
        return False
    return len({_comparable(field, claim.fact) for claim in standing}) > 1


def _comparable(field: FieldDefinition[Any], fact: WireFact) -> bytes | None:
    if not fact.has_value:
        return None
    value = fact.value
    if field.format is not None and isinstance(value, str):
        value = FORMATS[field.format].normalise(value)
    return comparable(value)


def _standing(
    field: FieldDefinition[Any], nodes: Sequence[Node], claims: Sequence[Claim]
) -> tuple[Claim, ...]:
    if len(claims) < 2:
        return tuple(claims)
    standing = [
        claim
        for claim in claims
        if not any(supersedes(field, nodes, other, claim) for other in claims)
    ]
    # What is inferred counts only where nothing surer stands.
    surer = [claim for claim in standing if claim.known > Known.INFERRED]
    chosen = surer or standing
    chosen.sort(key=lambda claim: nodes[claim.position].id)
    chosen.sort(key=lambda claim: (claim.known, claim.at_s), reverse=True)
    return tuple(chosen)


def supersedes(
    field: FieldDefinition[Any], nodes: Sequence[Node], later: Claim, earlier: Claim
) -> bool:
    """
    Whether *later* takes the place of *earlier* (protocol, section 4).
    """
    return _outranks(
        field,
        nodes,
        later,
        index=earlier.position,
        department=earlier.department,
        known=earlier.known,
    )


def _answers(
    field: FieldDefinition[Any], nodes: Sequence[Node], claim: Claim, unread: Unread
) -> bool:
    """
    Whether *claim* would supersede whatever the unread section may hold.
    """
    return claim.position == unread.index or _outranks(
        field,
        nodes,
        claim,
        index=unread.index,
        department=unread.department,
        known=unread.worst,
    )


def _outranks(
    field: FieldDefinition[Any],
    nodes: Sequence[Node],
    claim: Claim,
    *,
    index: int,
    department: str | None,
    known: Known,
) -> bool:
    if not nodes[claim.position].ancestors >> index & 1:
        return False
    if claim.known is Known.INFERRED:
        return known is Known.INFERRED
    return (
        claim.department == department
        or claim.known >= known
        or claim.department in field.authority
    )


def marks_of(
    field: FieldDefinition[Any],
    qualifier: str | None,
    *,
    nodes: Sequence[Node],
    contents: Sequence[Content],
    now_s: int,
) -> Iterator[tuple[Node, WireMark]]:
    """
    Yield what happened around one (field, qualifier), oldest statement first.
    """
    for node, content in zip(nodes, contents, strict=True):
        if (
            isinstance(content, SectionContent)
            and content.marks
            and node.department is not None
            and node.expires_s > now_s
            and field.may_write(node.department)
        ):
            for mark in content.find_marks(field.number, qualifier):
                yield node, mark


def last_mark(
    field: FieldDefinition[Any],
    qualifier: str | None,
    nodes: Sequence[Node],
    contents: Sequence[Content],
    now_s: int,
) -> MarkKind | None:
    """
    Return that the customer refused or does not know, whichever was noted last.
    """
    last: tuple[int, MarkKind] | None = None
    marks = marks_of(field, qualifier, nodes=nodes, contents=contents, now_s=now_s)
    for node, mark in marks:
        at_s = node.issued_s - mark.age_s
        if mark.kind is not MarkKind.ASKED and (last is None or at_s >= last[0]):
            last = (at_s, mark.kind)
    return None if last is None else last[1]
