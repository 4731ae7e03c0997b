"""
The current journey of a unit of work: always bound, always restored.

One ContextVar. What was there before is put back by its value and never by
token: ``reset(token)`` fails where a generator is closed by another task, and
such a failure must not depend on who consumed a response.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from cxcontext.core.journey import Journey
from cxcontext.errors import NoJourneyError

_current: ContextVar[Journey[Any] | None] = ContextVar(
    "cxcontext.current", default=None
)


def current() -> Journey[Any] | None:
    """
    Return the journey of this unit of work, or None.

    Tasks and `asyncio.to_thread` inherit it; plain threads and executors do not.

    .. versionadded:: 0.1.0
    """
    return _current.get()


def require_current() -> Journey[Any]:
    """
    Return the journey of this unit of work.

    Raises:
        NoJourneyError: When there is none.

    .. versionadded:: 0.1.0
    """
    journey = _current.get()
    if journey is None:
        raise NoJourneyError
    return journey


@contextmanager
def bound(journey: Journey[Any] | None) -> Generator[Journey[Any] | None]:
    """
    Make *journey* the current one while a unit of work lasts.

    Bind None too, where nothing came: else a former customer's journey could
    show through. At the end, facts that nothing took raise the event `Unsent`.

    Example:
        >>> import cxcontext as cx
        >>> with cx.bound(None):
        ...     cx.current() is None
        True

    .. versionadded:: 0.1.0
    """
    previous = _current.get()
    _current.set(journey)
    try:
        yield journey
    finally:
        _current.set(previous)
        # Bound again inside itself, the outer unit of work reports.
        if journey is not None and journey is not previous:
            journey.end_of_work()
