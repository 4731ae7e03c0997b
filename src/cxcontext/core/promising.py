"""
Promises: who may change one, and in which state it is.

Protocol, section 4: named by creating department and random id; proposed until
the owner accepts, when made in another's name; only the owner keeps, misses,
moves, releases or hands over; others may only observe it broken; concurrent
different updates are a conflict.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

import attrs

from cxcontext.core.fold import Content, Node
from cxcontext.core.section import SectionContent
from cxcontext.core.standard import PromiseAction, PromiseEntry
from cxcontext.core.vocabulary import FieldDefinition
from cxcontext.errors import MalformedError
from cxcontext.hiding import unshown


class PromiseStatus(Enum):
    """
    In which state a promise is.

    .. versionadded:: 0.1.0
    """

    PROPOSED = "proposed"  # made in another's name, who has not accepted it
    OPEN = "open"
    MOVED = "moved"  # open, with another due time than first told
    KEPT = "kept"
    MISSED = "missed"
    RELEASED = "released"
    CONFLICT = "conflict"  # its owner said different things at the same time


@attrs.frozen(kw_only=True, repr=False, field_transformer=unshown)
class Promise:
    """
    A commitment made to the customer, and by whom it is to be kept.

    Attributes:
        id: Creating department, slash, random id.
        kind: What sort of commitment, in the domain's own codes.
        wording: What the customer was told. Never shown in ``repr``.
        owner: The department that answers for it.
        proposed_to: Who has been asked to take it over and has not accepted yet.
        due_from: First instant at which it may be kept; None where there is none.
        due_until: Last instant at which keeping it is still in time.
        told_at: When the customer was told.
        status: In which state it is.
        observed_broken_by: Departments, other than the owner, that saw it broken.

    .. versionadded:: 0.1.0
    """

    id: str
    kind: str
    wording: str
    created_by: str
    owner: str
    proposed_to: str | None
    due_from: datetime | None
    due_until: datetime | None
    told_at: datetime
    status: PromiseStatus
    observed_broken_by: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Promise {self.id} of {self.owner}, {self.status.value}>"

    @property
    def is_open(self) -> bool:
        """
        Whether it is still to be kept.
        """
        return self.status in (PromiseStatus.OPEN, PromiseStatus.MOVED)

    def is_overdue(self, *, now: datetime) -> bool:
        """
        Whether it is still to be kept and its time has passed.
        """
        return self.is_open and self.due_until is not None and self.due_until < now


@attrs.frozen(kw_only=True, eq=False)
class _Step:
    index: int
    department: str
    at_s: int
    entry: PromiseEntry = attrs.field(repr=False)

    @property
    def outcome(self) -> tuple[Any, ...]:
        entry = self.entry
        whose = self.department if entry.action is PromiseAction.ACCEPT else entry.owner
        return (entry.action, whose, *self.due)

    @property
    def due(self) -> tuple[datetime | None, datetime | None]:
        return self.entry.due_from, self.entry.due_until


_OUTCOMES = {
    PromiseAction.KEEP: PromiseStatus.KEPT,
    PromiseAction.MISS: PromiseStatus.MISSED,
    PromiseAction.RELEASE: PromiseStatus.RELEASED,
}
# A promise has two stories, in each of which a later step replaces an earlier one:
# what became of it, and whose it is.
_BECAME = frozenset((PromiseAction.MAKE, PromiseAction.MOVE, *_OUTCOMES))
_WHOSE = frozenset((PromiseAction.MAKE, PromiseAction.ACCEPT, PromiseAction.HAND_OVER))
_WHEN = frozenset((PromiseAction.MAKE, PromiseAction.MOVE))


def fold_promises(
    field: FieldDefinition[Any],
    *,
    nodes: Sequence[Node],
    contents: Sequence[Content],
    now_s: int,
    instant: Any,
) -> tuple[Promise, ...]:
    """
    Return every promise that this reader can see, oldest first.
    """
    by_name: dict[str, list[_Step]] = {}
    for name, step in _steps(field, nodes, contents, now_s):
        by_name.setdefault(name, []).append(step)
    found = (_promise(name, steps, nodes, instant) for name, steps in by_name.items())
    return tuple(promise for promise in found if promise is not None)


def promise_name(qualifier: str, department: str) -> str:
    """
    Return a promise's whole name; its creator's own statements leave that out.
    """
    return qualifier if "/" in qualifier else f"{department}/{qualifier}"


def _steps(
    field: FieldDefinition[Any],
    nodes: Sequence[Node],
    contents: Sequence[Content],
    now_s: int,
) -> Iterator[tuple[str, _Step]]:
    for index, (node, content) in enumerate(zip(nodes, contents, strict=True)):
        if (
            not isinstance(content, SectionContent)
            or node.department is None
            or node.expires_s <= now_s
            or not field.may_write(node.department)
        ):
            continue
        for fact in content.facts:
            if fact.field != field.number or not fact.has_value:
                continue
            try:
                entry = field.codec.from_wire(fact.value)
            except MalformedError:
                continue  # a newer vocabulary's step; the rest still stands
            yield (
                promise_name(fact.qualifier or "", node.department),
                _Step(
                    index=index,
                    department=node.department,
                    at_s=node.issued_s - fact.age_s,
                    entry=entry,
                ),
            )


def _promise(
    name: str, steps: list[_Step], nodes: Sequence[Node], instant: Any
) -> Promise | None:
    makes = [step for step in steps if _makes(name, step)]
    if not makes:
        return None
    # What was accepted is what the acceptance builds upon, whatever else its
    # creator says under the same name, earlier in the graph or later.
    accepted = [s for s in steps if s.entry.action is PromiseAction.ACCEPT]
    made = next(
        (m for a in accepted for m in makes if _builds_on(nodes, a, m)), makes[0]
    )
    valid = [made]
    owners = {
        made.index: _Owner(
            made.department, made.entry.owner or made.department
        ).settled()
    }
    broken: list[str] = []
    # Steps come in topological order, so what a step builds upon is done before.
    for step in steps:
        if step.entry.action is PromiseAction.MAKE:
            continue
        seen = [other for other in valid if _builds_on(nodes, step, other)]
        if not seen:
            continue
        # More than one where hand-overs were concurrent: any of them may act on it.
        held = [owners[other.index] for other in _latest(nodes, seen, _WHOSE)]
        if step.entry.action is PromiseAction.OBSERVE_BROKEN:
            if step.department not in (*(one.owner for one in held), *broken):
                broken.append(step.department)
            continue
        allowed = (one.after(step) for one in reversed(held))
        after = next((one for one in allowed if one is not None), None)
        if after is not None:
            valid.append(step)
            owners[step.index] = after
    promise = _state(name, made, valid, owners, tuple(broken), nodes, instant)
    if any(step.entry != made.entry for step in makes):
        return attrs.evolve(promise, status=PromiseStatus.CONFLICT)
    return promise


def _makes(name: str, step: _Step) -> bool:
    # The name says who created it, and the signature says whether that is so.
    creator = name.partition("/")[0]
    return step.entry.action is PromiseAction.MAKE and step.department == creator


def _builds_on(nodes: Sequence[Node], later: _Step, earlier: _Step) -> bool:
    return bool(nodes[later.index].ancestors >> earlier.index & 1)


def _latest(
    nodes: Sequence[Node],
    steps: Sequence[_Step],
    actions: Collection[PromiseAction] = frozenset(PromiseAction),
) -> list[_Step]:
    """
    Return the steps of these actions that no other such step builds upon.
    """
    chosen = [step for step in steps if step.entry.action in actions]
    return [
        step
        for step in chosen
        if not any(_builds_on(nodes, other, step) for other in chosen)
    ]


@attrs.frozen
class _Owner:
    """
    Who answers for a promise, and who was asked to.
    """

    owner: str
    proposed_to: str | None

    def settled(self) -> _Owner:
        return _Owner(self.owner, None) if self.owner == self.proposed_to else self

    def after(self, step: _Step) -> _Owner | None:
        """
        Who answers after *step*; None where its author may not take it.
        """
        action = step.entry.action
        if action is PromiseAction.ACCEPT:
            if step.department != self.proposed_to:
                return None
            return _Owner(step.department, None)
        if step.department != self.owner:
            return None
        if action is PromiseAction.HAND_OVER:
            return _Owner(self.owner, step.entry.owner).settled()
        return self


def _state(
    name: str,
    made: _Step,
    valid: Sequence[_Step],
    owners: dict[int, _Owner],
    broken: tuple[str, ...],
    nodes: Sequence[Node],
    instant: Any,
) -> Promise:
    became = _latest(nodes, valid, _BECAME)
    whose = _latest(nodes, valid, _WHOSE)
    held = owners[whose[-1].index]
    due_from, due_until = _latest(nodes, valid, _WHEN)[-1].due
    last = became[-1].entry.action
    differ = any(
        len({step.outcome for step in steps}) > 1
        for steps in (_latest(nodes, valid), became, whose)
    )
    if differ:
        status = PromiseStatus.CONFLICT
    elif last in _OUTCOMES:
        status = _OUTCOMES[last]
    elif held.proposed_to is not None and held.owner == made.department != (
        made.entry.owner or made.department
    ):
        status = PromiseStatus.PROPOSED
    elif last is PromiseAction.MOVE:
        status = PromiseStatus.MOVED
    else:
        status = PromiseStatus.OPEN
    return Promise(
        id=name,
        kind=made.entry.kind or "",
        wording=made.entry.wording or "",
        created_by=made.department,
        owner=held.owner,
        proposed_to=held.proposed_to,
        due_from=due_from,
        due_until=due_until,
        # An age may be longer than there are years.
        told_at=instant(max(0, made.at_s)),
        status=status,
        observed_broken_by=broken,
    )
