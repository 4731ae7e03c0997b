"""
What every handler does: it asserts at each step that the journey is its customer's.

A request names its customer in the path, and the journey that comes in its header
recalls one; both must be the same wherever the request's work goes on. What was not
carried may find nobody's journey, and never another's.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import cxcontext as cx
from bleed import NOBODY
from bleed.shop import Shop, name_of

PARTS: Final = 3
# Long enough for the request to be over, mostly; nothing depends on it.
LINGER_S: Final = 0.02


class Witness:
    """
    Counts what was looked at, and remembers each stranger that was seen.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lingering = 0
        self.checks = 0
        self.strangers: list[str] = []
        self.missed: list[str] = []

    def own(self, number: str, where: str) -> None:
        """
        The journey is this customer's; for `NOBODY` there is none.
        """
        seen = _seen()
        expected = None if number == NOBODY else name_of(number)
        with self._lock:
            self.checks += 1
            if seen != expected:
                found = self.missed if seen is None else self.strangers
                found.append(f"{where} of {expected} saw {seen}")

    def own_or_none(self, number: str, where: str) -> None:
        """
        The journey is this customer's, or there is none any more.
        """
        if _seen() is not None:
            self.own(number, where)

    def none(self, where: str) -> None:
        """
        There is no journey, for nothing was carried here.
        """
        self.own(NOBODY, where)

    def lingers(self, more: int) -> None:
        """
        Note that work in the background began, or, by -1, ended.
        """
        with self._lock:
            self._lingering += more

    def report(self) -> dict[str, Any]:
        """
        Return all of it, and how much work is still to end.
        """
        with self._lock:
            return {
                "checks": self.checks,
                "strangers": self.strangers[:20],
                "missed": self.missed[:20],
                "lingering": self._lingering,
            }


WITNESS: Final = Witness()
_POOL: Final = ThreadPoolExecutor(8)
_CARRYING: Final = cx.CarryingExecutor(8)
_TASKS: Final[set[asyncio.Task[None]]] = set()


def _seen() -> str | None:
    journey = cx.current()
    return None if journey is None else journey.recall(Shop.name)


def _pause() -> float:
    return random.random() * 0.002  # noqa: S311 - it protects nothing


# --- in threads ----------------------------------------------------------------


def plain(number: str, where: str = "plain") -> str:
    """
    Look, learn, pause and look again; return whom was seen.
    """
    WITNESS.own(number, where)
    if (journey := cx.current()) is not None:
        journey.learn(Shop.note, number)
    time.sleep(_pause())
    WITNESS.own(number, where)
    return _seen() or NOBODY


def threads(number: str) -> str:
    """
    Go on in pools that all customers share, carried and not.
    """
    carried = _POOL.submit(cx.carry(plain), number, "carried")
    pooled = _CARRYING.submit(plain, number, "pooled")
    _POOL.submit(WITNESS.none, "a thread that carries nothing").result()
    return plain(number) if {carried.result(), pooled.result()} else NOBODY


def parts(number: str) -> Iterator[str]:
    """
    Yield a stream, and look at its end, however it ends.
    """
    try:
        for _ in range(PARTS):
            WITNESS.own(number, "stream")
            yield (_seen() or NOBODY) + "\n"
            time.sleep(_pause())
    finally:
        WITNESS.own(number, "end of a stream")


def after(number: str) -> None:
    """
    Work on when the response is on its way.
    """
    WITNESS.own(number, "background")
    linger(number)


def linger(number: str) -> None:
    """
    Start threads that may outlive the request, carried and not.
    """

    def carried() -> None:
        time.sleep(LINGER_S)
        WITNESS.own(number, "a thread that outlives the request")
        WITNESS.lingers(-1)

    def bare() -> None:
        time.sleep(LINGER_S)
        WITNESS.none("a thread that was merely started")
        WITNESS.lingers(-1)

    for work in (cx.carry(carried), bare):
        WITNESS.lingers(1)
        threading.Thread(target=work, daemon=True).start()


# --- in an event loop ----------------------------------------------------------


async def plain_async(number: str, where: str = "plain") -> str:
    """
    As `plain`, letting others run in between.
    """
    WITNESS.own(number, where)
    if (journey := cx.current()) is not None:
        journey.learn(Shop.note, number)
    await asyncio.sleep(_pause())
    WITNESS.own(number, where)
    return _seen() or NOBODY


async def tasks_async(number: str) -> str:
    """
    Gather tasks that take turns with everybody else's.
    """
    found = await asyncio.gather(*(plain_async(number, "task") for _ in range(3)))
    return found[0]


async def threads_async(number: str) -> str:
    """
    Go on in threads, by every way there is.
    """
    loop = asyncio.get_running_loop()
    found = await asyncio.gather(
        asyncio.to_thread(plain, number, "to_thread"),
        loop.run_in_executor(_POOL, cx.carry(plain), number, "carried"),
        loop.run_in_executor(_CARRYING, plain, number, "pooled"),
        loop.run_in_executor(_POOL, WITNESS.none, "a thread that carries nothing"),
    )
    return found[0] or NOBODY


async def parts_async(number: str) -> AsyncIterator[str]:
    """
    As `parts`, letting others run in between.
    """
    try:
        for _ in range(PARTS):
            WITNESS.own(number, "stream")
            yield (_seen() or NOBODY) + "\n"
            await asyncio.sleep(_pause())
    finally:
        WITNESS.own(number, "end of a stream")


async def after_async(number: str) -> None:
    """
    As `after`, in a coroutine.
    """
    WITNESS.own(number, "background")
    linger_async(number)


def linger_async(number: str) -> None:
    """
    Start tasks that may outlive the request, carried and not.
    """

    async def carried() -> None:
        await asyncio.sleep(LINGER_S)
        WITNESS.own(number, "a task that outlives the request")

    async def bare() -> None:
        await asyncio.sleep(LINGER_S)
        WITNESS.own_or_none(number, "a task that was merely started")

    works: tuple[Callable[[], Coroutine[Any, Any, None]], ...]
    works = (cx.carry(carried), bare)
    for work in works:
        WITNESS.lingers(1)
        task = asyncio.create_task(work())
        _TASKS.add(task)
        task.add_done_callback(_ended)


def _ended(task: asyncio.Task[None]) -> None:
    _TASKS.discard(task)
    WITNESS.lingers(-1)


async def slow_async(number: str) -> str:
    """
    Take so long that the client has given up; look at the end, however it comes.
    """
    try:
        await asyncio.sleep(0.05)
    finally:
        WITNESS.own(number, "a request that was cancelled")
    return await plain_async(number)


def slow(number: str) -> str:
    """
    As `slow_async`, in a thread that nobody can cancel.
    """
    time.sleep(0.05)
    return plain(number, "a request that was given up")
