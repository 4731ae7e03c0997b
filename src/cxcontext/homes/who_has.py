"""
Who has a journey: what the log of hand-overs and the trail say together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from enum import Enum
from typing import Any, Final

import attrs

import cxcontext as cx
from cxcontext.homes.delivery_log import Handed

# More hand-overs of one journey than these are not looked at, and this is said.
MAX_HANDED: Final = 1000


class Source(Enum):
    """
    How it is known that somebody has a journey.

    .. versionadded:: 0.1.0
    """

    LOG = "log"  # it was handed to them, and that was noted
    TRAIL = "trail"  # they have added to it


@attrs.frozen(kw_only=True)
class Holder:
    """
    One way in which a department or a partner came to have a journey.

    Attributes:
        department: Who.
        at: When it was handed to them, or when they added to it.
        scopes: The numbers of the scopes whose sections they were sent, or wrote.
        source: How that is known.
        external: Whether it is a partner.
        export: Under which id a partner knows what it was sent.

    .. versionadded:: 0.1.0
    """

    department: str
    at: datetime
    scopes: tuple[int, ...]
    source: Source
    external: bool = False
    export: str | None = None


@attrs.frozen(kw_only=True)
class WhoHas:
    """
    Who has a journey, as far as this home knows.

    Attributes:
        journey_id: Which journey.
        holders: Every hand-over that was noted and every step of the trail, oldest
            first.
        complete: Whether log and trail leave nothing open. Without a log they do,
            and so they do where somebody has added to it whom no hand-over reached.

    .. versionadded:: 0.1.0
    """

    journey_id: str
    holders: tuple[Holder, ...]
    complete: bool

    @property
    def departments(self) -> tuple[str, ...]:
        """
        Everybody who has it, each once, by name.
        """
        return tuple(sorted({holder.department for holder in self.holders}))


def union(
    journey_id: str,
    handed: Collection[Handed],
    journey: cx.Journey[Any] | None,
    *,
    externals: Collection[str],
) -> WhoHas:
    """
    Return who has a journey.

    Args:
        journey_id: Which one.
        handed: What the log says.
        journey: What rests at home, or None, where nothing does that verifies.
        externals: Which of the departments are partners.
    """
    logged = [
        Holder(
            department=entry.to,
            at=entry.at,
            scopes=entry.scopes,
            source=Source.LOG,
            external=entry.to in externals,
            export=entry.export,
        )
        for entry in handed
    ]
    trail = [] if journey is None else [*_trail(journey, externals)]
    # Whoever began it was handed nothing.
    began = {holder.department for holder in trail[:1]}
    reached = {entry.to for entry in handed} | began
    complete = (
        journey is not None
        and all(step.department is not None for step in journey.trail)
        and 0 < len(handed) < MAX_HANDED
        and all(holder.department in reached for holder in trail)
    )
    return WhoHas(
        journey_id=journey_id,
        holders=tuple(sorted([*trail, *logged], key=lambda holder: holder.at)),
        complete=complete,
    )


def _trail(journey: cx.Journey[Any], externals: Collection[str]) -> Iterable[Holder]:
    context = journey.context
    for step, statement in zip(context.trail, context.statements, strict=False):
        if step.department is not None:
            yield Holder(
                department=step.department,
                at=step.at,
                scopes=tuple(sorted(statement.digests)),
                source=Source.TRAIL,
                external=step.department in externals,
            )
