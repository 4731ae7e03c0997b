"""
What each department writes down for the report, and how it travels there.

Values of the invented customer stand in `Need.value` and nowhere else; `shown`
is the one place that makes text of them.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any, Final

import attrs

import cxcontext as cx
from cxcontext.core.events import Event

TOLD: Final = "told"  # not needed, and said by the customer without being asked
OPEN: Final = "open"  # needed, not known, and not asked yet
ASKED: Final = "asked"
KNOWN: Final = "known"
CONFIRMED: Final = "confirmed"


@attrs.frozen(kw_only=True)
class Need:
    """
    That a department needed a field, and what came of it.

    Attributes:
        at: When, so that the notes of all departments can be put in order.
        contact: In which conversation with the customer: a silo remembers what
            it heard in one, and nothing of another.
        outcome: One of the words above, or the reason of a gap.
        source: Who had learned it, and through which channel.
        value: What was known. The only place where the demo writes values.
    """

    at: float
    contact: str
    department: str
    field: str
    outcome: str
    source: str | None = None
    value: str | None = attrs.field(default=None, repr=False)


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


@attrs.frozen(kw_only=True)
class View:
    """
    What a department could and could not read of the journey.
    """

    at: float
    contact: str
    department: str
    read: tuple[str, ...] = attrs.field(converter=_names)
    sealed: tuple[str, ...] = attrs.field(converter=_names)


@attrs.frozen(kw_only=True)
class Trial:
    """
    All private keys of a department, tried on all sections of one scope.
    """

    department: str
    scope: str
    sections: int
    keys: int
    opened: int


@attrs.frozen(kw_only=True)
class Report:
    """
    What one department hands in.
    """

    department: str
    needs: tuple[Need, ...]
    views: tuple[View, ...]
    trials: tuple[Trial, ...]
    events: tuple[Mapping[str, Any], ...]
    spent_s: Mapping[str, float]

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Report:
        """
        Return the report that `Notes.hand_in` made.
        """
        return cls(
            department=raw["department"],
            needs=tuple(Need(**need) for need in raw["needs"]),
            views=tuple(View(**view) for view in raw["views"]),
            trials=tuple(Trial(**trial) for trial in raw["trials"]),
            events=tuple(raw["events"]),
            spent_s=raw["spent_s"],
        )


class Notes:
    """
    A department's notebook and stopwatch.
    """

    def __init__(self) -> None:
        self.needs: list[Need] = []
        self.views: list[View] = []
        self.trials: list[Trial] = []
        self._events: list[Event] = []
        self._spent_s: dict[str, float] = {}

    def observe(self, event: Event) -> None:
        """
        Keep an event of the library.
        """
        self._events.append(event)

    @contextmanager
    def measured(self, where: str = "library") -> Generator[None]:
        """
        Add the time that passes to what was spent in the library, or in its home.

        Nothing is awaited inside, so that no other request's time is counted.
        """
        began_s = time.perf_counter()
        try:
            yield
        finally:
            spent_s = time.perf_counter() - began_s
            self._spent_s[where] = self._spent_s.get(where, 0.0) + spent_s

    def hand_in(self, department: str) -> dict[str, Any]:
        """
        Return what was noted since the last time, as JSON takes it.
        """
        report = {
            "department": department,
            "needs": [attrs.asdict(need) for need in self.needs],
            "views": [attrs.asdict(view) for view in self.views],
            "trials": [attrs.asdict(trial) for trial in self.trials],
            "events": [_event_json(event) for event in self._events],
            "spent_s": dict(self._spent_s),
        }
        for noted in (
            self.needs, self.views, self.trials, self._events, self._spent_s,
        ):  # fmt: skip
            noted.clear()
        return report


def shown(value: object) -> str:
    """
    Return how the report writes a value of the invented customer.
    """
    return value.code if isinstance(value, cx.standard.ReasonForContact) else str(value)


def _event_json(event: Event) -> dict[str, Any]:
    def plain(_owner: Any, _attribute: Any, value: Any) -> Any:
        return value.value if isinstance(value, Enum) else value

    return {
        "event": type(event).__name__,
        **attrs.asdict(event, value_serializer=plain),
    }
