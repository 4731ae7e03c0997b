"""
Events: one stream, free of values, by which the why is found.

Every event names departments, field names and numbers, reasons and codes.
None carries what a customer said, a key, or a whole envelope.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from cxcontext.core.gaps import Reason, Remedy


@attrs.frozen(kw_only=True)
class Event:
    """
    Something that happened to a journey.

    Attributes:
        department: At which department.
        journey_id: Of which journey, in hex; None where none was verified.

    .. versionadded:: 0.1.0
    """

    department: str
    journey_id: str | None = None


@attrs.frozen(kw_only=True)
class Avoided(Event):
    """
    A question was not asked, because the journey knew the answer.
    """

    field: str


@attrs.frozen(kw_only=True)
class Asked(Event):
    """
    The customer was asked.
    """

    field: str


@attrs.frozen(kw_only=True)
class Repeated(Event):
    """
    The customer was asked something that had been asked or said before.

    Attributes:
        reason: Why the known answer could not be used; None where it could.
        asked_before_by: The departments that had asked before.
    """

    field: str
    reason: Reason | None
    asked_before_by: tuple[str, ...]


@attrs.frozen(kw_only=True)
class GapFound(Event):
    """
    A needed value was not there.
    """

    field: str
    reason: Reason
    remedy: Remedy


@attrs.frozen(kw_only=True)
class Received(Event):
    """
    An envelope was verified.

    Attributes:
        replayed: Whether the same delivery had been seen before.
        stale: Whether the delivery had ended, in a message that waited.
    """

    sender: str
    statements: int
    replayed: bool
    stale: bool = False


@attrs.frozen(kw_only=True)
class Rejected(Event):
    """
    Something that came was refused.
    """

    code: str
    claimed_key_id: str | None = None


@attrs.frozen(kw_only=True)
class LeftOutStatement(Event):
    """
    A statement that did not verify was left out; nothing genuine built upon it.
    """

    code: str
    key_id: str


@attrs.frozen(kw_only=True)
class SectionIgnored(Event):
    """
    A section, or a fact of it, does not count: its author may not say that.
    """

    author: str
    scope: int
    code: str


@attrs.frozen(kw_only=True)
class Skipped(Event):
    """
    A journey was not sent with a message, and the consequence.

    Attributes:
        reason: Why: not allowed, too large, no room, ...
        will_ask: Fields that the receiver will have to ask for.
    """

    destination: str
    reason: str
    will_ask: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Sent(Event):
    """
    A journey was sent with a message.
    """

    destination: str
    size_bytes: int


@attrs.frozen(kw_only=True)
class Unnoted(Event):
    """
    A journey was sent, and the delivery log could not be reached.
    """

    destination: str


@attrs.frozen(kw_only=True)
class Unsent(Event):
    """
    A unit of work ended with facts that no carrier, save or home took.

    Attributes:
        fields: Their numbers.
    """

    fields: tuple[int, ...]


@attrs.frozen(kw_only=True)
class Accepted(Event):
    """
    The receiving department took the journey over.
    """

    by: str


@attrs.frozen(kw_only=True)
class PromiseChanged(Event):
    """
    A promise was made, moved, kept, missed or released here.
    """

    promise_id: str
    action: str


@attrs.frozen(kw_only=True)
class NearlyFull(Event):
    """
    The journey nears the limit of statements; begin a new one and restate.
    """

    statements: int


@attrs.frozen(kw_only=True)
class MergeLeftOut(Event):
    """
    A merge over the limits kept what was here and left these statements out.

    Attributes:
        statements: How many.
        statement_ids: Which, in hex.
    """

    statements: int
    statement_ids: tuple[str, ...]


@attrs.frozen(kw_only=True)
class CaughtUp(Event):
    """
    A journey that was behind took over what the home had.

    Attributes:
        statements: How many it lacked.
    """

    statements: int


@attrs.frozen(kw_only=True)
class RolledBack(Event):
    """
    Statements that the home is known to have had cannot be produced any more.

    Attributes:
        missing: How many heads of them.
    """

    missing: int


Observer: TypeAlias = Callable[[Any], None]


def notify(observers: tuple[Observer, ...], event: Event) -> None:
    """
    Tell every observer. One that fails never breaks the customer's request.

    Its error goes to `sys.unraisablehook`, where also the errors of finalizers
    go: the place for errors that nobody up the stack can handle.
    """
    for observer in observers:
        try:
            observer(event)
        # An observer is foreign code, and the request is the customer's.
        except Exception as problem:  # noqa: BLE001
            _Unraisable(problem)


class _Unraisable:
    """
    The way to `sys.unraisablehook`, whose arguments nobody but Python can make.
    """

    def __init__(self, problem: Exception) -> None:
        self._problem = problem

    def __del__(self) -> None:
        raise self._problem
