"""
The accounts: what the notes and events of all departments come to.

The journey without cxcontext is computed from the same needs: a department that
knows of no other asks for everything that it needs, once in each conversation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from cxcontext.demo.notes import ASKED, CONFIRMED, KNOWN, TOLD, Need
from cxcontext.demo.step import Expectation, Step

# Whose needs are nobody's, and are not counted.
THIEF: Final = "thief"
REFUSED: Final = "refused"
NOT_YOURS: Final = "not_yours"


@attrs.frozen(kw_only=True)
class Question:
    """
    A field that one department needed in one conversation, and what came of it.

    Attributes:
        step: In which step that was, counted from 1.
        outcome: As `Need.outcome`.
        again: Whether the customer was asked for what they had been asked for, or
            had said, before.
        alone: What a department without cxcontext does: "asks" or "asks again".
    """

    step: int
    contact: str
    department: str
    field: str
    outcome: str
    again: bool
    alone: str
    source: str | None
    value: str | None = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Counts:
    """
    The numbers. Each comes from what the departments noted and measured.
    """

    needed: int
    asked: int
    repeated: int
    avoided: int
    confirmed: int
    left_alone: int
    sealed_for_others: int
    asked_without: int
    repeated_without: int
    facts_withheld: int
    envelopes: int
    wire_bytes: int
    largest_bytes: int
    start_ms: float
    library_ms: float
    home_ms: float
    processes: int
    refusals: tuple[tuple[str, str], ...]
    events: Mapping[str, int]


@attrs.frozen(kw_only=True)
class Sight:
    """
    What a department could read of the journey, and what it carried on unread.
    """

    department: str
    read: frozenset[str] = frozenset()
    sealed: frozenset[str] = frozenset()


def questions_of(steps: Sequence[Step]) -> tuple[Question, ...]:
    """
    Return every need of every department, in the order in which they arose.
    """
    slots: dict[tuple[str, str, str], list[tuple[int, Need]]] = {}
    told: set[str] = set()
    for number, need in _needs(steps):
        if need.outcome == TOLD:
            told.add(need.field)
            continue
        slot = (need.contact, need.department, need.field)
        slots.setdefault(slot, []).append((number, need))
    # What the customer has said by now: with cxcontext, and without.
    said, said_alone = {*told}, {*told}
    found: list[Question] = []
    for (contact, department, field), noted in slots.items():
        number, need = _decisive(noted)
        found.append(
            Question(
                step=number,
                contact=contact,
                department=department,
                field=field,
                outcome=need.outcome,
                again=need.outcome == ASKED and field in said,
                alone="asks again" if field in said_alone else "asks",
                source=need.source,
                value=need.value,
            )
        )
        said_alone.add(field)
        if need.outcome == ASKED:
            said.add(field)
    return tuple(found)


def _needs(steps: Sequence[Step]) -> list[tuple[int, Need]]:
    numbered = [
        (number, need)
        for number, step in enumerate(steps, start=1)
        for report in step.reports
        for need in report.needs
        if need.contact != THIEF
    ]
    return sorted(numbered, key=lambda pair: pair[1].at)


def _decisive(noted: Sequence[tuple[int, Need]]) -> tuple[int, Need]:
    """
    Return the note that says what came of a need, and its step.
    """
    outcomes = [need.outcome for _, need in noted]
    told = (outcome for outcome in (ASKED, CONFIRMED) if outcome in outcomes)
    return noted[outcomes.index(next(told, outcomes[-1]))]


def sights_of(steps: Sequence[Step]) -> tuple[Sight, ...]:
    """
    Return per department what it could read, taking all its occasions together.

    A sealed scope tells nobody what is in it. What was, is known from those who
    had read or written it before.
    """
    views = [v for step in steps for report in step.reports for v in report.views]
    there: set[str] = set()
    sights: dict[str, Sight] = {}
    for view in sorted(views, key=lambda view: view.at):
        there.update(view.read)
        before = sights.get(view.department) or Sight(department=view.department)
        sights[view.department] = Sight(
            department=view.department,
            read=before.read | {*view.read},
            sealed=before.sealed | there & {*view.sealed},
        )
    return tuple(sights.values())


def counts_of(steps: Sequence[Step]) -> Counts:
    """
    Return the numbers.
    """
    questions = questions_of(steps)
    reports = [report for step in steps for report in step.reports]
    events = [event for report in reports for event in report.events]
    sizes = [event["size_bytes"] for event in events if event["event"] == "Sent"]
    outcomes = Counter(question.outcome for question in questions)
    spent = Counter[str]()
    for report in reports:
        spent.update(report.spent_s)
    return Counts(
        needed=len(questions),
        asked=outcomes[ASKED],
        repeated=sum(question.again for question in questions),
        avoided=outcomes[KNOWN],
        confirmed=outcomes[CONFIRMED],
        left_alone=outcomes[REFUSED],
        sealed_for_others=outcomes[NOT_YOURS],
        asked_without=len(questions),
        repeated_without=sum(q.alone == "asks again" for q in questions),
        facts_withheld=sum(len(sight.sealed) for sight in sights_of(steps)),
        envelopes=len(sizes),
        wire_bytes=sum(sizes),
        largest_bytes=max(sizes, default=0),
        start_ms=round(spent["start"] * 1000, 1),
        library_ms=round(spent["library"] * 1000, 1),
        home_ms=round(spent["home"] * 1000, 1),
        processes=len({(s.when, r.department) for s in steps for r in s.reports}),
        refusals=tuple(
            (event["department"], event["code"])
            for event in events
            if event["event"] == "Rejected"
        ),
        events=dict(sorted(Counter(event["event"] for event in events).items())),
    )


def balance(
    steps: Sequence[Step],
    *,
    carried_bytes: Iterable[int],
    truth: Mapping[str, str | None],
) -> tuple[Expectation, ...]:
    """
    Hold the accounts against each other, and against the truth.

    Args:
        steps: The whole story.
        carried_bytes: How long the values were that the network saw.
        truth: What the customer has said, by field.
    """
    questions, counts = questions_of(steps), counts_of(steps)
    known = [q for q in questions if q.outcome in (KNOWN, CONFIRMED)]
    right = [q for q in known if q.field not in truth or q.value == truth[q.field]]
    accounted = (
        counts.asked
        + counts.avoided
        + counts.confirmed
        + counts.left_alone
        + counts.sealed_for_others
    )
    carried = sum(carried_bytes)
    told = counts.events
    return (
        Expectation(
            f"{len(right)} of {len(known)} recalled values are what the customer said",
            len(right) == len(known) > 0,
        ),
        Expectation(
            f"nobody asked twice: {counts.repeated} repeated by the notes, "
            f"{told.get('Repeated', 0)} by the library's events",
            counts.repeated == told.get("Repeated", 0) == 0,
        ),
        Expectation(
            f"{accounted} of {counts.needed} needs are accounted for, and the events "
            f"tell of {told.get('Asked', 0)} questions and {_avoided(steps)} avoided",
            accounted == counts.needed
            and told.get("Asked", 0) == counts.asked
            and _avoided(steps) == counts.avoided,
        ),
        Expectation(
            f"{told.get('Unsent', 0) + told.get('Skipped', 0)} facts were left behind, "
            f"{told.get('MergeLeftOut', 0)} statements lost in a merge",
            not told.keys() & {"Unsent", "Skipped", "MergeLeftOut"},
        ),
        Expectation(
            f"the network carried {carried:,} bytes, as the departments say they sent",
            carried == counts.wire_bytes > 0,
        ),
    )


def _avoided(steps: Sequence[Step]) -> int:
    """
    Return how many questions were avoided, by the library's events alone.

    An event tells of one unit of work, and a chat has several: what a department
    had asked itself, in the same process, it would know without cxcontext, too.
    """
    said: dict[str, set[tuple[str, str, str]]] = {"Avoided": set(), "Asked": set()}
    for step in steps:
        for kind, slots in said.items():
            slots.update(
                (step.when, event["department"], event["field"])
                for event in step.events(kind)
            )
    return len(said["Avoided"] - said["Asked"])
