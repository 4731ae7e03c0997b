"""
What the handler of the contract does, whatever framework calls it.
"""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import AsyncIterator, Generator, Iterable, Iterator
from contextlib import contextmanager

import attrs

import cxcontext as cx
from cxcontext.testing.shop import PATIENCE_S, Shop, customer


class DeskError(Exception):
    """
    What a handler fails with when it is asked to.

    .. versionadded:: 0.1.0
    """


@attrs.define(eq=False)
class Desk:
    """
    The work of a handler: it answers with the name of the customer it serves.

    An adapter's test calls these methods from handlers of its framework, the
    synchronous or the asynchronous ones, and adds no binding and no copying; where the
    framework's work in the background outlives the request, `cxcontext.carry` does.

    Attributes:
        headers: What the handler puts on every response, of its own accord.
        learns: The email address that every answer and stream learns; None for none.
        fails: Whether answers fail.
        pause_s: How long answers and parts take, so that customers meet.
        length: How many parts a stream has.
        outer: A journey that is current around the adapter; None for none.
        knew: The email address that each answer found known before it learned one.
        around: Who the customer was around the adapter, after each request that had
            an `outer`.
        names: The names of the request's headers, for each answer, in small letters.
        notes: Who the customer was, for each work in the background and each stream
            that ended.

    .. versionadded:: 0.1.0
    """

    headers: list[tuple[str, str]] = attrs.field(factory=list)
    learns: str | None = None
    fails: bool = False
    pause_s: float = 0.0
    length: int = 3
    outer: cx.Journey[Shop] | None = None
    knew: list[str | None] = attrs.field(factory=list)
    around: queue.Queue[bytes] = attrs.field(factory=queue.Queue)
    names: list[set[str]] = attrs.field(factory=list)
    notes: queue.Queue[bytes] = attrs.field(factory=queue.Queue)

    def answer(self, names: Iterable[str] = ()) -> bytes:
        """
        Return the customer's name: the whole body of a response.

        Args:
            names: Those of the request's headers, as the framework shows them.
        """
        before = self._begin(names)
        time.sleep(self.pause_s)
        return self._end(before)

    async def answer_async(self, names: Iterable[str] = ()) -> bytes:
        """
        As `answer`, letting other tasks run in between.
        """
        before = self._begin(names)
        await asyncio.sleep(self.pause_s)
        return self._end(before)

    def parts(self) -> Iterator[bytes]:
        """
        Yield the customer's name, a line for each part of a streamed body.
        """
        try:
            self._learn()
            for _ in range(self.length):
                yield customer() + b"\n"
                time.sleep(self.pause_s)
        finally:
            self.notes.put(customer())

    async def parts_async(self) -> AsyncIterator[bytes]:
        """
        As `parts`, letting other tasks run in between.
        """
        try:
            self._learn()
            for _ in range(self.length):
                yield customer() + b"\n"
                await asyncio.sleep(self.pause_s)
        finally:
            self.notes.put(customer())

    def later(self) -> None:
        """
        Work on when the response is on its way: in the framework's background task.
        """
        self.notes.put(customer())

    @contextmanager
    def outside(self) -> Generator[None]:
        """
        Be what is around the adapter: another middleware, or whoever calls it.
        """
        if self.outer is None:
            yield
            return
        with cx.bound(self.outer):
            yield
            self.around.put(customer())

    def noted(self) -> bytes:
        """
        Return the oldest of `notes`, and wait for it.
        """
        return self.notes.get(timeout=PATIENCE_S)

    def _begin(self, names: Iterable[str]) -> bytes:
        self.names.append({name.lower() for name in names})
        if self.fails:
            raise DeskError
        return customer()

    def _end(self, before: bytes) -> bytes:
        self._learn()
        after = customer()
        return after if after == before else before + b" became " + after

    def _learn(self) -> None:
        journey = cx.current()
        if self.learns is not None and journey is not None:
            self.knew.append(journey.recall(Shop.email))
            journey.learn(Shop.email, self.learns)
