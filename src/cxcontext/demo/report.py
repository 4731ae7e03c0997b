"""
The report: the same for a person, 88 columns wide, and for a machine.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Final

import attrs

from cxcontext.demo.accounts import (
    NOT_YOURS,
    REFUSED,
    Counts,
    Question,
    Sight,
    counts_of,
    questions_of,
    sights_of,
)
from cxcontext.demo.notes import ASKED, CONFIRMED, KNOWN
from cxcontext.demo.step import Expectation, Step
from cxcontext.demo.vocabulary import DEPARTMENTS, Acme, label_of

WIDTH: Final = 88
MEASURED: Final = (
    "wall-clock time (perf_counter) around every call of the library, by the "
    "departments and by its adapters, added up over all processes; at home, the SQLite "
    "file is in it"
)
SIGHTS: Final = (
    "Sealed: it was there, was carried on, and could not be opened. Wrote: learned from "
    "the customer, and sealed from then on. Nothing: it was not there yet."
)
OPENING: Final = f"""\
cxcontext demo: one customer's journey through a shop, with and without cxcontext

Each department is a process of its own, with its own private keys and nobody else's:
{", ".join(DEPARTMENTS)}. This process plays the customer and the network
between them, and has no keys. The customer and all values are invented.

The journey without cxcontext is reckoned from the same needs: whoever knows of no
other department asks for all that it needs, once in each conversation.
"""


@attrs.frozen(kw_only=True)
class Result:
    """
    What the demo has shown.

    Attributes:
        steps: The story.
        balance: What should be so of the whole.
        ended: Why the story ended early, if it did.
        seconds: How long all of it took.
    """

    steps: Sequence[Step]
    balance: Sequence[Expectation]
    ended: str | None
    seconds: float

    @property
    def expectations(self) -> list[Expectation]:
        """
        All that should be so.
        """
        told = [e for step in self.steps for e in step.expectations]
        end = [] if self.ended is None else [Expectation(self.ended, held=False)]
        return [*told, *self.balance, *end]

    @property
    def held(self) -> bool:
        """
        Whether all of it is so.
        """
        return all(expectation.held for expectation in self.expectations)


def as_json(result: Result) -> str:
    """
    Return the whole result as one JSON document.
    """
    questions = questions_of(result.steps)
    document: dict[str, Any] = {
        "held": result.held,
        "ended": result.ended,
        "seconds": round(result.seconds, 2),
        "steps": [
            {
                "number": number,
                "title": step.title,
                "when": step.when,
                "dialogue": [{"who": w, "text": text} for w, text in step.dialogue],
                "questions": [attrs.asdict(q) for q in questions if q.step == number],
                "expectations": [attrs.asdict(e) for e in step.expectations],
            }
            for number, step in enumerate(result.steps, start=1)
        ],
        "sights": [
            {
                "department": sight.department,
                "read": sorted(sight.read),
                "sealed": sorted(sight.sealed),
            }
            for sight in sights_of(result.steps)
        ],
        "counts": attrs.asdict(counts_of(result.steps)),
        "measured": MEASURED,
        "balance": [attrs.asdict(expectation) for expectation in result.balance],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_text(result: Result) -> str:
    """
    Return what a person can follow.
    """
    questions = questions_of(result.steps)
    lines = [OPENING]
    for number, step in enumerate(result.steps, start=1):
        mine = [question for question in questions if question.step == number]
        lines += [*_step(number, step, mine), ""]
    lines += [*_sights(sights_of(result.steps)), ""]
    lines += [*_counts(counts_of(result.steps)), ""]
    for expectation in result.balance:
        lines += _expectation(expectation)
    if result.ended is not None:
        lines += _wrapped("   NO  ", f"the story ended early: {result.ended}")
    lines.append("")
    lines.append(_closing(result))
    return "\n".join(lines) + "\n"


def _closing(result: Result) -> str:
    all_of_it = result.expectations
    failed = sum(not expectation.held for expectation in all_of_it)
    outcome = (
        f"{failed} of {len(all_of_it)} expectations did NOT hold; they are marked NO"
        if failed
        else f"All {len(all_of_it)} expectations held"
    )
    return f"{outcome}. {result.seconds:.1f} s."


def _step(number: int, step: Step, questions: Sequence[Question]) -> Iterator[str]:
    title = f"{number}. {step.title}"
    yield f"{title}{step.when:>{WIDTH - len(title)}}"
    for who, text in step.dialogue:
        yield f"   {who:<9} {text}"
    if questions:
        yield f"   {'needed by':<33}{'with cxcontext':<41}without"
    for question in questions:
        who = f"{question.department:<8} {label_of(question.field)}"
        yield f"   {who:<33}{_outcome(question):<41}{question.alone}"
    for expectation in step.expectations:
        yield from _expectation(expectation)


def _outcome(question: Question) -> str:
    outcome = question.outcome
    if outcome == ASKED:
        return "ASKS AGAIN" if question.again else "asks"
    if outcome in (KNOWN, CONFIRMED):
        verb = "knew" if outcome == KNOWN else "confirmed"
        source = f" ({question.source})"
        value = _shortened(str(question.value), 39 - len(verb) - len(source))
        return f"{verb} {value}{source}"
    return _LEFT.get(outcome, f"does not know: {outcome}")


_LEFT: Final = {
    REFUSED: "leaves it: the customer would not say",
    NOT_YOURS: "leaves it: not for this department",
}


def _shortened(text: str, characters: int) -> str:
    if len(text) <= characters:
        return text
    return text[: characters - 3].rstrip(" ,") + "..."


def _sights(sights: Sequence[Sight]) -> Iterator[str]:
    row = "".join(f"{sight.department:<10}" for sight in sights)
    yield f"{'Who could read what':<34}{row}".rstrip()
    for field in Acme.fields:
        cells = [_cell(field, sight) for sight in sights]
        if any(cells):
            row = "".join(f"{cell:<10}" for cell in cells)
            yield f"   {label_of(field):<31}{row}".rstrip()
    yield from _wrapped("   ", SIGHTS)


def _cell(field: str, sight: Sight) -> str:
    if field in sight.sealed:
        return "wrote" if field in sight.read else "sealed"
    return "read" if field in sight.read else ""


def _counts(counts: Counts) -> Iterator[str]:
    rows = (
        ("needed by a department", counts.needed, counts.needed),
        ("questions asked", counts.asked, counts.asked_without),
        ("   of them repeated", counts.repeated, counts.repeated_without),
        ("questions avoided", counts.avoided, 0),
        ("confirmed with a yes", counts.confirmed, 0),
        ("left alone, once refused", counts.left_alone, 0),
        ("left to who may read it", counts.sealed_for_others, 0),
    )
    yield f"{'The counts':<34}{'with cxcontext':>14}{'without':>12}"
    for what, with_it, without in rows:
        yield f"   {what:<31}{with_it:>14}{without:>12}"
    yield f"   {'facts withheld':<31}{counts.facts_withheld:>14}"
    yield f"   {'envelopes on the wire':<31}{counts.envelopes:>14}"
    yield f"   {'bytes on the wire':<31}{counts.wire_bytes:>14,}"
    yield f"   {'   of the largest envelope':<31}{counts.largest_bytes:>14,}"
    yield f"   {'processes':<31}{counts.processes:>14}"
    yield f"   {'ms to set the library up':<31}{counts.start_ms:>14,.0f}"
    yield f"   {'ms in the library':<31}{counts.library_ms:>14,.0f}"
    yield f"   {'ms at home':<31}{counts.home_ms:>14,.0f}"
    refusals = [f"{code} at {department}" for department, code in counts.refusals]
    yield f"   {'envelopes refused':<31}{len(refusals):>14}"
    yield from _wrapped("   ", f"Refused: {', '.join(refusals)}.")
    yield from _wrapped("   ", f"Time is {MEASURED}.")


def _expectation(expectation: Expectation) -> list[str]:
    mark = "ok" if expectation.held else "NO"
    return _wrapped(f"   {mark}  ", expectation.what)


def _wrapped(indent: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent)
    )
