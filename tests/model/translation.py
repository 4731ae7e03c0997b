"""
From the model's symbols to what the real fold takes, and its answer back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import model

from cxcontext.core.consenting import fold_consent
from cxcontext.core.fold import Content, Node, Reading, fold_field
from cxcontext.core.gaps import Reason
from cxcontext.core.graph import build_graph
from cxcontext.core.known import Known
from cxcontext.core.numeric_date import from_seconds
from cxcontext.core.promising import Promise, fold_promises
from cxcontext.core.section import MarkKind, SectionContent, WireFact, WireMark
from cxcontext.core.standard import (
    Consent,
    ConsentStatus,
    PromiseAction,
    PromiseEntry,
    consent,
    promise,
)
from cxcontext.core.vocabulary import FieldDefinition, Scope

FIELD = 7
REVISION = 4
PURPOSE = "dpv:Marketing"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Linked:
    """
    A statement's place in the graph, for the real graph to order.
    """

    id: bytes
    parents: tuple[bytes, ...]


class Order:
    """
    Statements in the order that the real graph gives them.
    """

    def __init__(self, parents: dict[str, tuple[str, ...]]) -> None:
        self.parents = parents
        graph = build_graph(
            Linked(name.encode(), tuple(p.encode() for p in named))
            for name, named in parents.items()
        )
        self.names = tuple(identifier.decode() for identifier in graph.order)
        self.ancestors = dict(zip(self.names, graph.ancestors, strict=True))
        self.descends = model.descent(parents)

    def sorted(self, statements: Iterable[Any]) -> list[Any]:
        """
        Return *statements*, each of which is in the graph, in its order.
        """
        by_name = {statement.name: statement for statement in statements}
        return [by_name[name] for name in self.names]

    def nodes(self, ordered: Sequence[Any]) -> list[Node]:
        """
        Return what the fold sees of statements in order.
        """
        return [
            node_of(
                s.name,
                s.department,
                s.issued,
                s.expires,
                self.ancestors[s.name],
                getattr(s, "newer", False),
            )
            for s in ordered
        ]


@cache
def node_of(
    name: str,
    department: str | None,
    issued: int,
    expires: int,
    ancestors: int,
    newer: bool,  # noqa: FBT001 - a cache's key
) -> Node:
    """
    Return one statement as the fold sees it.
    """
    return Node(
        id=name.encode(),
        department=department,
        issued_s=issued,
        expires_s=expires,
        revision=REVISION + newer,
        channel="chat",
        flags=0,
        ancestors=ancestors,
    )


@cache
def scope_of(rules: model.Rules) -> Scope:
    """
    Return a scope with these writers.
    """
    return Scope(
        1,
        readers={"reader"},
        writers=rules.writers,
        former_writers=rules.former_writers,
    )


# --- one field ---------------------------------------------------------------


@cache
def field_of(rules: model.Rules) -> FieldDefinition[str]:
    """
    Return a field with these rules.
    """
    return FieldDefinition(
        FIELD,
        str,
        scope=scope_of(rules),
        verifiers=rules.verifiers,
        former_verifiers=rules.former_verifiers,
        authority=rules.authority,
        inferred_only=rules.inferred_only,
    )


_MARKS = {"refused": MarkKind.REFUSED, "customer_does_not_know": MarkKind.DOES_NOT_KNOW}
_MARK_NAMES = {kind: name for name, kind in _MARKS.items()}


@cache
def content_of(
    section: bool,  # noqa: FBT001 - a cache's key
    unread: str | None,
    says: model.Said | None,
    mark: str | None,
) -> Content:
    """
    Return what the reader finds of the scope.
    """
    if not section:
        return None
    if unread is not None:
        return Reason(unread)
    facts = () if says is None else (fact_of(says),)
    marks = () if mark is None else (WireMark(field=FIELD, kind=_MARKS[mark]),)
    return SectionContent(facts=facts, marks=marks)


def fact_of(says: model.Said) -> WireFact:
    """
    Return a symbolic fact as it stands in a section.
    """
    return WireFact(
        field=FIELD,
        has_value=says.value is not None,
        value=says.value,
        known=Known(says.known),
        age_s=says.age,
    )


def fold(
    statements: Collection[model.Statement],
    *,
    order: Order,
    rules: model.Rules,
    now: int,
) -> Reading:
    """
    Return what the real fold makes of symbolic statements.
    """
    ordered = order.sorted(statements)
    return fold_field(
        field_of(rules),
        None,
        nodes=order.nodes(ordered),
        contents=[content_of(s.section, s.unread, s.says, s.mark) for s in ordered],
        now_s=now,
        revision=REVISION,
    )


def recalled(reading: Reading) -> str | None:
    """
    Return the value that a real reading lets be used.
    """
    if not reading.settled or reading.shown is None:
        return None
    value: str | None = reading.shown.fact.value
    return value


def agree(expected: model.Reading, found: Reading, *, order: Order) -> bool:
    """
    Whether the real fold said what the model says, in every respect.
    """
    names = [order.names[claim.position] for claim in found.standing]
    shown = None if expected.shown is None else expected.shown.statement
    reason = None if found.unread is None else found.unread.value
    return (
        {(f.statement, f.known, f.value, f.at) for f in expected.standing}
        == {
            (name, int(c.known), c.fact.value, c.at_s)
            for name, c in zip(names, found.standing, strict=True)
        }
        and len(names) == len(expected.standing)
        and shown == (names[0] if names else None)
        and expected.conflict == found.conflict
        and expected.settled == found.settled
        and expected.recalled == recalled(found)
        and (reason in expected.reasons if expected.reasons else reason is None)
        and expected.expired == found.expired
        and expected.mark == (None if found.mark is None else _MARK_NAMES[found.mark])
    )


# --- consent -----------------------------------------------------------------


@cache
def consent_field_of(rules: model.Rules, max_age: int) -> FieldDefinition[Consent]:
    """
    Return the consent field of a scope with these writers.
    """
    return consent(scope=scope_of(rules), max_age=timedelta(seconds=max_age))


@cache
def consent_content_of(
    section: bool,  # noqa: FBT001 - a cache's key
    unread: str | None,
    says: model.Grant | model.Withdrawal | None,
    field: FieldDefinition[Consent],
) -> Content:
    """
    Return what the reader finds of the scope of consent.
    """
    if not section:
        return None
    if unread is not None:
        return Reason(unread)
    if says is None:
        return SectionContent()
    if isinstance(says, model.Grant):
        ends = None if says.ends is None else from_seconds(says.ends)
        value = Consent(status=ConsentStatus.GIVEN, expires_at=ends)
        age = says.age
    else:
        value, age = Consent(status=ConsentStatus.WITHDRAWN), 0
    fact = WireFact(
        field=field.number,
        has_value=True,
        value=field.codec.to_wire(value, field="consent"),
        qualifier=PURPOSE,
        age_s=age,
    )
    return SectionContent(facts=(fact,))


def fold_has_consent(
    statements: Collection[model.ConsentStatement],
    *,
    order: Order,
    rules: model.Rules,
    now: int,
    max_age: int,
) -> bool:
    """
    Return whether the real fold finds consent.
    """
    ordered = order.sorted(statements)
    field = consent_field_of(rules, max_age)
    found = fold_consent(
        field,
        PURPOSE,
        nodes=order.nodes(ordered),
        contents=[
            consent_content_of(s.section, s.unread, s.says, field) for s in ordered
        ],
        now_s=now,
        max_age_s=max_age,
    )
    return found.granted is not None


# --- promises ----------------------------------------------------------------


@cache
def promise_field_of(rules: model.Rules) -> FieldDefinition[PromiseEntry]:
    """
    Return the promise field of a scope with these writers.
    """
    return promise(scope=scope_of(rules))


_ACTIONS = {
    model.MAKE: PromiseAction.MAKE,
    model.ACCEPT: PromiseAction.ACCEPT,
    model.KEEP: PromiseAction.KEEP,
    model.MISS: PromiseAction.MISS,
    model.MOVE: PromiseAction.MOVE,
    model.RELEASE: PromiseAction.RELEASE,
    model.OBSERVE: PromiseAction.OBSERVE_BROKEN,
    model.HAND_OVER: PromiseAction.HAND_OVER,
}


@cache
def promise_content_of(
    creator: str,
    unread: str | None,
    says: model.Step | None,
    field: FieldDefinition[PromiseEntry],
) -> Content:
    """
    Return what the reader finds of the scope of promises.
    """
    if unread is not None:
        return Reason(unread)
    if says is None:
        return SectionContent()
    due = None if says.due is None else EPOCH + timedelta(seconds=says.due)
    entry = PromiseEntry(action=_ACTIONS[says.action], owner=says.to, due_until=due)
    fact = WireFact(
        field=field.number,
        has_value=True,
        value=field.codec.to_wire(entry, field="promise"),
        qualifier=f"{creator}/1",
    )
    return SectionContent(facts=(fact,))


def fold_promise(
    creator: str,
    statements: Collection[model.PromiseStatement],
    *,
    order: Order,
    rules: model.Rules,
    now: int,
) -> Promise | None:
    """
    Return what the real fold makes of the one promise.
    """
    ordered = order.sorted(statements)
    field = promise_field_of(rules)
    found = fold_promises(
        field,
        nodes=order.nodes(ordered),
        contents=[
            promise_content_of(creator, s.unread, s.says, field) for s in ordered
        ],
        now_s=now,
        instant=from_seconds,
    )
    return found[0] if found else None


def promises_agree(
    expected: model.PromiseReading | None, found: Promise | None
) -> bool:
    """
    Whether the real fold said of a promise what the model says.

    Where it is in conflict who owns it or when it is due, either may be shown.
    """
    if expected is None or found is None:
        return expected is found
    due = found.due_until
    return (
        expected.status == found.status.value
        and model.Hold(found.owner, found.proposed_to) in expected.holds
        and (None if due is None else int((due - EPOCH).total_seconds()))
        in expected.due
        and expected.broken == frozenset(found.observed_broken_by)
        and len(found.observed_broken_by) == len(expected.broken)
    )
