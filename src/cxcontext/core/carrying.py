"""
Carrying the current journey to where context variables do not reach.

Threads and executors see nobody's journey, and what outlives a request sees it no
longer. Nothing is guessed: what was not carried finds none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import wraps
from typing import Any, Final, Generic, ParamSpec, TypeVar, cast

from cxcontext.core.current import bound, current
from cxcontext.core.journey import Journey
from cxcontext.errors import NotPicklableError, UsageError

P = ParamSpec("P")
R = TypeVar("R")

_PICKLE_ADVICE: Final = (
    "another process has a department and keys of its own: give it "
    "journey.hand_over(...) or journey.save(), and let it receive or resume that"
)


class _Carried(Generic[P, R]):
    """
    A function with the journey that is current wherever it is called.
    """

    def __init__(self, function: Callable[P, R], journey: Journey[Any] | None) -> None:
        self._function = function
        self._journey = journey

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        with bound(self._journey):
            return self._function(*args, **kwargs)

    def __repr__(self) -> str:
        # Of a partial function, whose repr shows its arguments, the type only.
        name = getattr(self._function, "__qualname__", type(self._function).__name__)
        return f"<{name} carrying {self._journey}>"

    def __reduce__(self) -> Any:
        raise NotPicklableError("carried function", _PICKLE_ADVICE)


def carry(function: Callable[P, R], /) -> Callable[P, R]:
    """
    Return *function*, to be called with the present journey wherever that is.

    For threads, timers, executors, ``loop.run_in_executor``, and for tasks and other
    background work that may outlive the request. Who calls it shares the journey with
    the request; facts that nothing took when the last of both ends raise the event
    `Unsent`. Where none is current now, none will be there.

    Args:
        function: A function or a coroutine function; of a generator, carry what
            consumes it.

    Raises:
        UsageError: When *function* is a generator function, whose body runs later.
        NotPicklableError: When a process pool pickles what is returned.

    Example:
        >>> import threading, cxcontext as cx
        >>> with cx.bound(None):
        ...     thread = threading.Thread(target=cx.carry(print), args=("carried",))
        >>> thread.start(); thread.join()
        carried

    .. versionadded:: 0.1.0
    """
    if _is(function, inspect.isgeneratorfunction, inspect.isasyncgenfunction):
        msg = "a generator runs when it is consumed; carry the function that does that"
        raise UsageError(msg)
    journey = current()
    if not _is(function, inspect.iscoroutinefunction):
        return _Carried(function, journey)
    awaited: Callable[..., Any] = function

    # A function, for that is how frameworks know what to await.
    @wraps(awaited)
    async def carried(*args: Any, **kwargs: Any) -> Any:
        with bound(journey):
            return await awaited(*args, **kwargs)

    return cast("Callable[P, R]", carried)


class CarryingExecutor(ThreadPoolExecutor):
    """
    A pool of threads in which each function has its caller's journey, or none.

    A `concurrent.futures.ThreadPoolExecutor` and used as one, also as the default
    executor of an event loop. For an executor that exists already, `carry` what is
    submitted.

    Example:
        >>> import cxcontext as cx
        >>> with cx.CarryingExecutor(max_workers=2) as pool, cx.bound(None):
        ...     pool.submit(cx.current).result() is None
        True

    .. versionadded:: 0.1.0
    """

    def submit(
        self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[R]:
        """
        Schedule *fn*, with the journey that is current now.
        """
        return super().submit(carry(fn), *args, **kwargs)


def _is(function: Callable[..., Any], *kinds: Callable[[Any], bool]) -> bool:
    # An object may be called, too, and be of that kind by its `__call__`.
    call = getattr(function, "__call__", None)  # noqa: B004
    return any(kind(function) or kind(call) for kind in kinds)
