"""
A fact: a field's value with its provenance, never shown by accident.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, NoReturn, TypeVar

import attrs

from cxcontext.core.known import Arrival, Known
from cxcontext.errors import NotPicklableError
from cxcontext.hiding import unshown

T = TypeVar("T")


@attrs.frozen(kw_only=True, repr=False, field_transformer=unshown)
class Fact(Generic[T]):
    """
    What is known of one field, by whom, since when, and how surely.

    ``repr``, ``str`` and ``format`` show provenance only; ``fact.value`` hands
    over the bare value, and the duty to keep it out of logs.

    Attributes:
        value: The value; None also where it was retracted.
        retracted: Whether the last word is that there is no value.
        known: How surely.
        department: Who said so.
        channel: Through which channel it came.
        at: When it became known, in UTC.
        arrival: How the journey had reached that department.
        settled: Whether nothing unreadable could contradict it. An unsettled
            fact is not recalled.
        conflicting: Whether other values stand against it.
        qualifier: Which of many values it is.
        reported_by: Who had told that department, where it restated a
            partner's or another journey's word.

    .. versionadded:: 0.1.0
    """

    field: str
    value: T | None
    retracted: bool
    known: Known
    department: str
    channel: str
    at: datetime
    arrival: Arrival
    settled: bool
    conflicting: bool
    qualifier: str | None
    reported_by: str | None

    def __repr__(self) -> str:
        unsettled = "" if self.settled else " unsettled"
        conflict = " in conflict" if self.conflicting else ""
        return (
            f"<Fact {self.field} {self.known.name} by {self.department} "
            f"at {self.at:%Y-%m-%dT%H:%M:%SZ}{unsettled}{conflict}>"
        )

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise NotPicklableError("Fact", "pass on the envelope, or fact.value knowingly")

    def __getstate__(self) -> Any:
        raise NotPicklableError("Fact", "pass on the envelope, or fact.value knowingly")
