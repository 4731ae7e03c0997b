"""
Nobody asks twice: who asked what again, at which seam, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import attrs

import cxcontext as cx
from cxcontext.testing.observed import ObservedQuestions

Journeys: TypeAlias = cx.Journey[Any] | Iterable[cx.Journey[Any]]

_DECLARED_MARK: Final = "declared (a mark in the journey)"
_DECLARED_EVENT: Final = "declared (an event)"
_OBSERVED: Final = "observed (a prompt or form)"
# Between the mark and the prompt, where the clock runs.
_SAME_QUESTION_S: Final = 5


@attrs.frozen(kw_only=True)
class _Touch:
    """
    One moment at which a field was asked for or became known.
    """

    number: int
    qualifier: str | None
    field: str
    department: str
    channel: str
    at_s: int
    asked: bool
    # Its id; before it has one, its place.
    journey: str
    # Where several are of one second: of which handle, which statement, which entry.
    order: tuple[int, int, int]
    source: str = ""
    explained: bool = False

    @property
    def place(self) -> str:
        return f"{self.department} ({self.channel or 'channel unknown'})"


@attrs.frozen(kw_only=True)
class _Repeated:
    before: _Touch
    again: _Touch
    why: cx.Reason | None = None


def assert_never_reasked(
    journeys: Journeys,
    *,
    events: Iterable[Any] = (),
    observed: ObservedQuestions | None = None,
    explained: bool = False,
) -> None:
    """
    Check that the customer was not asked for what had been asked or said before.

    Declared questions are seen as marks in the journeys (``asking``, ``asked``,
    ``ask_once``) and as events; observed ones at a prompt or form. The message says
    which. A field that is known when it is asked for counts as said, whoever said it.

    Args:
        journeys: All handles that this customer had, in the order in which they
            came, such as `Story.journeys`: also of a journey that was begun anew,
            for to the customer it is the same matter. Each sees what its department
            may read; what none of them may read is not seen.
        events: What departments told ``on_event``; they add why the known
            answer was not used.
        observed: What was seen at a prompt or a form.
        explained: Whether questions asked again with ``because=...`` are in order.

    Raises:
        AssertionError: It names field, seam, how the question was seen, and the
            remedy; never a value.

    .. versionadded:: 0.1.0
    """
    __tracebackhide__ = True
    handles = [journeys] if isinstance(journeys, cx.Journey) else list(journeys)
    told = list(events)
    touches = _marked(handles)
    if observed is not None:
        touches = _with_observed(touches, observed, handles)
    found = _repeated(touches, told)
    found += _only_in_events(found, told)
    wrong = [each for each in found if not (explained and each.again.explained)]
    if wrong:
        raise AssertionError(_report(wrong))


# --- what is in the journeys ---------------------------------------------------


def _marked(handles: Sequence[cx.Journey[Any]]) -> list[_Touch]:
    """
    Return what the marks and facts of all handles say, each once, in order.
    """
    seen: dict[tuple[object, ...], _Touch] = {}
    for at, journey in enumerate(handles):
        context, now_s = journey.context, journey.now_s()
        vocabulary = context.reader.vocabulary
        for scope in vocabulary.scopes.values():
            contents = context.scope_contents(scope, now_s=now_s)
            for position, (node, content) in enumerate(
                zip(context.nodes, contents, strict=True)
            ):
                if content is None or isinstance(content, cx.Reason):
                    continue
                # A statement has an id; what is pending is its own handle's.
                source = node.id or (at, "pending")
                entries: list[tuple[Any, str]] = [
                    (mark, mark.kind.name) for mark in content.marks
                ]
                entries += [(f, "FACT") for f in content.facts if f.has_value]
                for index, (entry, kind) in enumerate(entries):
                    field = vocabulary.fields_by_number.get(entry.field)
                    if field is None or kind not in ("ASKED", "FACT"):
                        continue
                    touch = _Touch(
                        number=entry.field,
                        qualifier=entry.qualifier,
                        field=field.name,
                        department=node.department or "an unknown author",
                        channel=node.channel,
                        at_s=node.issued_s - entry.age_s,
                        asked=kind == "ASKED",
                        journey=_name(journey, at),
                        order=(at, position, index),
                        source=_DECLARED_MARK,
                        explained=getattr(entry, "because", None) is not None,
                    )
                    seen.setdefault((source, scope.number, index), touch)
    return sorted(seen.values(), key=_in_time)


def _name(journey: cx.Journey[Any], place: int) -> str:
    return journey.id or f"not sealed yet, {place}"


def _in_time(touch: _Touch) -> tuple[object, ...]:
    return touch.at_s, touch.order


def _with_observed(
    touches: list[_Touch],
    observed: ObservedQuestions,
    handles: Sequence[cx.Journey[Any]],
) -> list[_Touch]:
    """
    Return *touches* with what was observed: the same question is one question.
    """
    result = list(touches)
    paired: set[int] = set()
    for index, question in enumerate(observed.asked):
        at_s = int(question.at.timestamp())
        department = question.journey.department
        same = next(
            (
                at
                for at, touch in enumerate(result)
                if at not in paired
                and touch.asked
                and (touch.number, touch.department)
                == (question.key.number, department)
                and abs(touch.at_s - at_s) <= _SAME_QUESTION_S
            ),
            None,
        )
        if same is not None:
            both = f"{result[same].source} and {_OBSERVED}"
            result[same] = attrs.evolve(result[same], source=both)
            paired.add(same)
            continue
        place = next(
            (at for at, handle in enumerate(handles) if handle is question.journey),
            len(handles),
        )
        touch = _Touch(
            number=question.key.number,
            qualifier=None,
            field=question.key.name,
            department=department,
            channel=question.journey.channel,
            at_s=at_s,
            asked=True,
            journey=_name(question.journey, place),
            order=(place, len(question.journey.context.nodes), index),
            source=_OBSERVED,
        )
        result.append(touch)
        paired.add(len(result) - 1)
        if question.known is not None and not question.known.retracted:
            result.append(_said(question.known, touch))
    return sorted(result, key=_in_time)


def _said(fact: cx.Fact[Any], asked: _Touch) -> _Touch:
    """
    Return that something was known when it was asked for.
    """
    return attrs.evolve(
        asked,
        department=fact.department,
        channel=fact.channel,
        at_s=int(fact.at.timestamp()),
        asked=False,
        order=(asked.order[0], -1, 0),
        source="",
    )


# --- what was repeated ---------------------------------------------------------


def _repeated(touches: Sequence[_Touch], told: Sequence[Any]) -> list[_Repeated]:
    first: dict[tuple[int, str | None], _Touch] = {}
    found = []
    for touch in touches:
        slot = (touch.number, touch.qualifier)
        if slot in first and touch.asked:
            found.append(
                _Repeated(before=first[slot], again=touch, why=_why(touch, told))
            )
        first.setdefault(slot, touch)
    return found


def _why(again: _Touch, told: Sequence[Any]) -> cx.Reason | None:
    kinds = (cx.events.Repeated, cx.events.GapFound)
    for event in told:
        if isinstance(event, kinds) and (event.department, event.field) == (
            again.department,
            again.field,
        ):
            return event.reason
    return None


def _only_in_events(found: Sequence[_Repeated], told: Sequence[Any]) -> list[_Repeated]:
    """
    Return what departments told of that none of the handles has.
    """
    marked = [(each.again.department, each.again.field) for each in found]
    missing = []
    for event in told:
        if not isinstance(event, cx.events.Repeated):
            continue
        place = (event.department, event.field)
        if place in marked:
            marked.remove(place)
            continue
        again = _Touch(
            number=0,
            qualifier=None,
            field=event.field,
            department=event.department,
            channel="",
            at_s=0,
            asked=True,
            journey="",
            order=(0, 0, 0),
            source=_DECLARED_EVENT,
        )
        before = attrs.evolve(
            again,
            department=", ".join(event.asked_before_by) or "the journey itself",
            asked=bool(event.asked_before_by),
        )
        missing.append(_Repeated(before=before, again=again, why=event.reason))
    return missing


# --- what to say ---------------------------------------------------------------


def _report(wrong: Sequence[_Repeated]) -> str:
    count = "1 question was" if len(wrong) == 1 else f"{len(wrong)} questions were"
    return "\n".join(
        [f"{count} asked again:", *(line for each in wrong for line in _lines(each))]
    )


def _lines(each: _Repeated) -> list[str]:
    before, again = each.before, each.again
    verb = "asked" if before.asked else "known"
    when = "" if not before.at_s else f", {_instant(before.at_s)}"
    then = "" if not again.at_s else f", {_instant(again.at_s)}"
    lines = [
        f"  {again.field}: {verb} at {before.place}{when}",
        f"    asked again by {again.place}{then}",
        f"    seam: {before.place} -> {again.place}",
        f"    seen: {again.source}",
    ]
    if each.why is not None:
        lines.append(f"    why: {each.why.value}")
    lines.append(f"    remedy: {_remedy(each)}")
    return lines


def _remedy(each: _Repeated) -> str:
    before, again = each.before, each.again
    if again.journey != before.journey:
        return (
            f"{again.department} began another journey; carry the first one across "
            "this seam: hand_over, a Propagator with this destination, or a Home"
        )
    if again.source == _OBSERVED:
        return (
            f"{again.department} asked without the journey; ask through "
            f"ask_once({again.field}, ...) or look at needs({again.field}) first"
        )
    if each.why in (cx.Reason.NOT_YOURS, cx.Reason.WITHHELD):
        return (
            f"the value was sealed to others; let {again.department} read the scope "
            "of it, or let it request the answer instead of asking"
        )
    if each.why is not None:
        return (
            f"the answer could not be used; see to it that it is not {each.why.value}"
        )
    return (
        f"look at needs({again.field}) or use ask_once({again.field}, ...); where "
        "asking again is right, say asked(..., because=...) and pass explained=True"
    )


def _instant(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, tz=UTC):%Y-%m-%d %H:%M:%S}"
