"""
What an agent's screen shows: printed as one line of JSON, for `run.py` to lay out.

A screen holds values; that is what it is for. Nothing here goes into a log.
"""

from __future__ import annotations

import json
from typing import Any

from acme import Acme

import cxcontext as cx
from cxcontext.telephony.ladder import Resolved

SHOWN = (
    Acme.full_name,
    Acme.order_number,
    Acme.problem,
    Acme.refund,
    Acme.card_last4,
    Acme.note,
)


def tell(kind: str, who: str, **what: Any) -> None:
    """
    Print what happened.
    """
    print(json.dumps({"is": kind, "who": who, **what}), flush=True)


def show(
    who: str,
    journey: cx.Journey[Acme],
    needed: tuple[cx.Key[Acme, Any], ...],
    *,
    title: str,
) -> None:
    """
    Print what a department sees of a journey, and what it has to ask.

    Args:
        who: The department.
        journey: As it has it.
        needed: What it needs for this call; asked through `Journey.needs`.
        title: What the screen is about.
    """
    needs = journey.needs(*needed)
    lines = []
    for key in SHOWN:
        gap, fact = journey.gap(key), journey.fact(key)
        if gap is None and fact is not None:
            by = f"{fact.known.name.lower()} to {fact.department} by {fact.channel}"
            lines.append([_words(key.name), str(fact.value), by])
        elif gap is not None and gap.reason is not cx.Reason.NEVER_STATED:
            lines.append([_words(key.name), "", _words(gap.reason.value)])
    promises = [f"{one.wording} ({one.status.value})" for one in journey.promises]
    tell(
        "screen",
        who,
        title=title,
        arrival=journey.arrival.name.lower(),
        lines=lines,
        promises=promises,
        asks=[_words(g.key.name) for g in needs.gaps if g.remedy is cx.Remedy.ASK],
        identify=any(g.reason is cx.Reason.NOT_IDENTIFIED for g in needs.gaps),
    )


def found(resolved: Resolved[Acme]) -> str:
    """
    Say by what a leg's journey was found.
    """
    return "nothing" if resolved.rung is None else _words(resolved.rung.value)


def _words(name: str) -> str:
    return name.replace("_", " ")
