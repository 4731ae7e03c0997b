"""
Secrets of erasable journeys, kept in a store and for a while in memory.

How long memory holds one is published: `max_age` after an erasure, no copy of the
journey can be read any more by any process.
"""

from __future__ import annotations

import asyncio
import secrets as system
import threading
from collections import OrderedDict
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar

import cxcontext as cx
from cxcontext.errors import UnavailableError, UsageError
from cxcontext.homes.pepper import Pepper
from cxcontext.homes.secret_records import SECRET_LIFETIME, SecretRecords
from cxcontext.steps import run, run_async
from cxcontext.typing import AsyncStore, Clock, Random, Store

S = TypeVar("S")
T = TypeVar("T")

MAX_AGE: Final = timedelta(minutes=15)
MAX_REMEMBERED: Final = 10_000
# That there is none is asked again soon: but not for each field that is read.
_ABSENT_S: Final = 5


def _utc_now() -> datetime:
    return datetime.now(UTC)


class _Remembered:
    """
    The secrets found last, each for a bounded time.
    """

    def __init__(self, *, max_age: timedelta, clock: Clock, size: int) -> None:
        self.max_age_s = max_age.total_seconds()
        self._clock = clock
        self._size = size
        self._lock = threading.Lock()
        self._found: OrderedDict[str, tuple[float, bytes | None]] = OrderedDict()

    def now(self) -> float:
        return self._clock().timestamp()

    def get(self, journey_id: str) -> tuple[bytes | None] | None:
        """
        Return the secret, or that there is none, in a tuple; None to ask anew.
        """
        with self._lock:
            found = self._found.get(journey_id)
            if found is None:
                return None
            since, secret = found
            lives_s = (
                min(self.max_age_s, _ABSENT_S) if secret is None else self.max_age_s
            )
            # A clock that was set back does not prolong anything.
            if not 0 <= self.now() - since < lives_s:
                del self._found[journey_id]
                return None
            return (secret,)

    def put(self, journey_id: str, secret: bytes | None, *, since: float) -> None:
        with self._lock:
            self._found[journey_id] = (since, secret)
            self._found.move_to_end(journey_id)
            while len(self._found) > self._size:
                self._found.popitem(last=False)

    def forget(self, journey_id: str) -> None:
        with self._lock:
            self._found.pop(journey_id, None)


class _Secrets(Generic[S]):
    def __init__(
        self,
        store: S,
        *,
        pepper: bytes,
        max_age: timedelta = MAX_AGE,
        lifetime: timedelta = SECRET_LIFETIME,
        remembered: int = MAX_REMEMBERED,
        clock: Clock = _utc_now,
        random: Random = system.token_bytes,
    ) -> None:
        if max_age < timedelta(0) or lifetime < timedelta(seconds=1):
            raise UsageError(
                "a secret lives a second or more, in memory not less than 0"
            )
        self._store = store
        self._random = random
        self._records = SecretRecords(Pepper(pepper), int(lifetime.total_seconds()))
        self._remembered = _Remembered(max_age=max_age, clock=clock, size=remembered)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {type(self._store).__name__}>"

    @property
    def max_age(self) -> timedelta:
        """
        How long after an erasure a copy may still be read: publish it.
        """
        return timedelta(seconds=self._remembered.max_age_s)

    def forget(self, journey_id: str) -> None:
        """
        Let go of a secret in this process's memory, without waiting for its age.
        """
        self._remembered.forget(journey_id)


class JourneySecrets(_Secrets[Store]):
    """
    Keeps the secrets of erasable journeys: `TrustDomain.department(secrets=...)`.

    Args:
        store: The engine that keeps them, sealed under the pepper. What it keeps
            of a deleted record, in backups above all, is kept of a secret, too.
        pepper: As that of `Home`.
        max_age: How long this process remembers one. It is how long after an
            erasure a copy may still be read.
        lifetime: How long one is kept that nobody uses.
        remembered: How many at most.
        clock: Returns the present instant; the system's, unless given.
        random: Returns unpredictable bytes; the system's, unless given.

    Raises:
        UsageError: When the pepper is too short, or a time is negative.

    .. versionadded:: 0.1.0
    """

    def create(self, journey_id: str) -> bytes:
        """
        Return the secret of a journey that begins; see `ErasureSecrets`.
        """
        since = self._remembered.now()
        secret = run(
            self._records.create(journey_id, random=self._random, now_s=int(since)),
            self._store,
        )
        self._remembered.put(journey_id, secret, since=since)
        return secret

    def find(self, journey_id: str) -> bytes | None:
        """
        Return the secret of a journey, or None; see `ErasureSecrets`.
        """
        known = self._remembered.get(journey_id)
        if known is not None:
            return known[0]
        since = self._remembered.now()
        secret = run(self._records.find(journey_id, now_s=int(since)), self._store)
        self._remembered.put(journey_id, secret, since=since)
        return secret

    async def prefetch(self, journey: cx.Journey[Any]) -> None:
        """
        Have a journey's secret in memory, without waiting on the event loop.

        Await it once in each request, before anything is recalled or handed
        over. What is not erasable costs nothing. The root of a journey that is
        not sealed yet is sealed by it.

        Raises:
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        if journey.is_erasable and journey.id is None:
            await asyncio.to_thread(journey.begun)
        elif journey.is_erasable:
            await asyncio.to_thread(self.find, str(journey.id))


class AsyncJourneySecrets(_Secrets[AsyncStore]):
    """
    As `JourneySecrets`, on a store whose calls are awaited.

    Reading a field awaits nothing, so await `prefetch` in each request first. A
    secret that is not in memory then is out of reach: its sections cannot be
    read, and nothing is sealed.

    .. versionadded:: 0.1.0
    """

    # Where `prefetch` seals in a thread, the store is awaited on this loop.
    _loop: asyncio.AbstractEventLoop | None = None

    def create(self, journey_id: str) -> bytes:
        """
        Return the secret of a journey that begins; see `ErasureSecrets`.

        Raises:
            UnavailableError: On an event loop, which must not wait; see `prefetch`.
        """
        return self._from_a_thread(self._create(journey_id))

    def find(self, journey_id: str) -> bytes | None:
        """
        Return the secret that `prefetch` has found; see `ErasureSecrets`.

        Raises:
            UnavailableError: On an event loop, where none is in memory.
        """
        known = self._remembered.get(journey_id)
        if known is not None:
            return known[0]
        return self._from_a_thread(self._find(journey_id))

    async def prefetch(self, journey: cx.Journey[Any]) -> None:
        """
        As `JourneySecrets.prefetch`.

        .. versionadded:: 0.1.0
        """
        self._loop = asyncio.get_running_loop()
        if journey.is_erasable and journey.id is None:
            await asyncio.to_thread(journey.begun)
        elif journey.is_erasable and self._remembered.get(str(journey.id)) is None:
            await self._find(str(journey.id))

    async def _create(self, journey_id: str) -> bytes:
        since = self._remembered.now()
        secret = await run_async(
            self._records.create(journey_id, random=self._random, now_s=int(since)),
            self._store,
        )
        self._remembered.put(journey_id, secret, since=since)
        return secret

    async def _find(self, journey_id: str) -> bytes | None:
        since = self._remembered.now()
        secret = await run_async(
            self._records.find(journey_id, now_s=int(since)), self._store
        )
        self._remembered.put(journey_id, secret, since=since)
        return secret

    def _from_a_thread(self, wanted: Coroutine[Any, Any, T]) -> T:
        loop = self._loop
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            if loop is not None and loop.is_running():
                return asyncio.run_coroutine_threadsafe(wanted, loop).result()
        wanted.close()
        raise UnavailableError("a secret that was not prefetched")
