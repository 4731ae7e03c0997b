"""
The current journey of a unit of work: always bound, always restored.

One ContextVar. What was there before is put back by its value and never by
token: ``reset(token)`` fails where a generator is closed by another task, and
such a failure must not depend on who consumed a response.

Tasks, and threads since Python 3.14, inherit the binding and may live longer: one
that a pool started within somebody's request works for all others, too. So the end
of a unit of work empties its binding wherever that was inherited; `carry` takes a
journey further.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import attrs

from cxcontext.core.journey import Journey
from cxcontext.errors import NoJourneyError


@attrs.define(eq=False)
class _Binding:
    """
    One call of `bound`: two of the same journey are not the same. Empty at its end.
    """

    journey: Journey[Any] | None


_current: ContextVar[_Binding | None] = ContextVar("cxcontext.current", default=None)


def current() -> Journey[Any] | None:
    """
    Return the journey of this unit of work, or None.

    Tasks and `asyncio.to_thread` inherit it, until the unit of work is over; plain
    threads and executors do not. `carry` hands it on to all of them.

    .. versionadded:: 0.1.0
    """
    binding = _current.get()
    return None if binding is None else binding.journey


def require_current() -> Journey[Any]:
    """
    Return the journey of this unit of work.

    Raises:
        NoJourneyError: When there is none.

    .. versionadded:: 0.1.0
    """
    journey = current()
    if journey is None:
        raise NoJourneyError
    return journey


@contextmanager
def bound(journey: Journey[Any] | None) -> Generator[Journey[Any] | None]:
    """
    Make *journey* the current one while a unit of work lasts.

    Bind None too, where nothing came: else a former customer's journey could
    show through. At the end, facts that nothing took raise the event `Unsent`; of
    several units of work on one journey, in whatever threads, the last one raises it.
    What is learned after that raises it at once.

    Example:
        >>> import cxcontext as cx
        >>> with cx.bound(None):
        ...     cx.current() is None
        True

    .. versionadded:: 0.1.0
    """
    previous, binding = _current.get(), _Binding(journey)
    if journey is not None:
        journey.begin_of_work()
    _current.set(binding)
    try:
        yield journey
    finally:
        binding.journey = None
        # A generator that another task closes must not bind its own customer's
        # journey there.
        if _current.get() is binding:
            _current.set(previous)
        if journey is not None:
            journey.end_of_work()
