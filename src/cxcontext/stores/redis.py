"""
A store in Redis or Valkey: one server, a primary with replicas, or a cluster.

The server removes what has expired, an hour after it did by the caller's clock;
its own clock decides nothing. It must not evict: ``maxmemory-policy noeviction``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import redis as library
import redis.asyncio as asynchronous
from redis.asyncio.retry import Retry as AsynchronousRetry
from redis.backoff import NoBackoff
from redis.client import NEVER_DECODE
from redis.exceptions import (
    NoScriptError,
    RedisClusterException,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from cxcontext.errors import UnavailableError
from cxcontext.stores.redis_commands import (
    OTHER_FORMAT,
    Command,
    Commands,
    claimed,
    in_full,
    loaded,
    paired,
)

# How long a call waits for a connection, and how long for an answer.
TIMEOUT_S: Final = 2.0
MAX_CONNECTIONS: Final = 50
# Whatever the application's client does with answers, here they are bytes.
_AS_BYTES: Final = {NEVER_DECODE: True}
# What a client raises, and what it lets through.
_PROBLEMS: Final = (RedisError, RedisClusterException, OSError)


class RedisStore:
    """
    Keeps everything in Redis or Valkey.

    Args:
        client: How it is reached; a cluster by a ``RedisCluster``, a primary that
            Sentinel watches by ``Sentinel.master_for``. Its timeouts and repetitions
            count: a repeated increment may count twice, and nothing else may.
        prefix: With what every key begins; another prefix is another store.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        client: library.Redis | library.RedisCluster,
        *,
        prefix: str = "cxcontext",
    ) -> None:
        self._client: Any = client  # Typed for sync and async at once.
        self._commands = Commands(prefix)

    @classmethod
    def from_url(cls, url: str, *, prefix: str = "cxcontext") -> RedisStore:
        """
        Return a store in one server, with time limits and without repetitions.

        Args:
            url: As `redis.Redis.from_url` takes it: ``rediss://user:password@host``.
            prefix: As for the class.
        """
        pool = library.BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=TIMEOUT_S,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        return cls(library.Redis.from_pool(pool), prefix=prefix)

    def __repr__(self) -> str:
        return "<RedisStore>"

    def close(self) -> None:
        """
        Close the client's connections; whoever uses the store opens new ones.
        """
        self._client.close()

    def load(self, key: bytes, *, now_s: int) -> tuple[int, bytes] | None:
        """
        Return version and record, or None.
        """
        return loaded(self._run(self._commands.load(key)), now_s)

    def replace(
        self,
        key: bytes,
        record: bytes,
        *,
        version: int | None,
        now_s: int,
        expires_s: int,
    ) -> bool:
        """
        Store *record* if the version is still *version*; say whether it was.
        """
        if version is None:
            plain, command = self._commands.first(key, record, now_s, expires_s)
            if self._run(plain):
                return True
        else:
            command = self._commands.replace(key, record, version, now_s, expires_s)
        return bool(self._run(command))

    def claim(
        self, key: bytes, claimant: bytes, *, prefix: bytes, now_s: int
    ) -> tuple[bytes, bytes] | None:
        """
        Return claimant and record; the first *claimant* stays the record's.
        """
        return claimed(self._run(self._commands.claim(key, claimant, prefix, now_s)))

    def remove(self, key: bytes) -> None:
        """
        Remove the record at *key*.
        """
        self._run(self._commands.remove(key))

    def link(
        self, key: bytes, value: bytes, *, order: int, now_s: int, expires_s: int
    ) -> None:
        """
        Let *key* lead to *value*.
        """
        self._run(self._commands.link(key, value, order, now_s, expires_s))

    def linked(
        self, key: bytes, *, now_s: int, until: int | None = None, limit: int = 1000
    ) -> Sequence[tuple[int, bytes]]:
        """
        Return order and value of what *key* leads to, the highest order first.
        """
        return paired(self._run(self._commands.linked(key, now_s, until, limit)))

    def unlink(self, key: bytes, value: bytes) -> None:
        """
        Let *key* no longer lead to *value*.
        """
        self._run(self._commands.unlink(key, value))

    def increment(self, key: bytes, *, now_s: int, expires_s: int) -> int:
        """
        Count one more under *key*, and return how many.
        """
        return int(self._run(self._commands.increment(key, now_s, expires_s)))

    def _run(self, command: Command) -> Any:
        try:
            try:
                return self._client.execute_command(*command, **_AS_BYTES)
            except NoScriptError:
                return self._client.execute_command(*in_full(command), **_AS_BYTES)
        except _PROBLEMS as problem:
            raise _unavailable(problem) from None


class AsyncRedisStore:
    """
    As `RedisStore`, for an event loop: every verb is awaited.

    Args:
        client: A client of `redis.asyncio`; it belongs to one event loop. That of a
            cluster should be initialised before many use it at once.
        prefix: As for `RedisStore`; both kinds of store share what they keep.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        client: asynchronous.Redis | asynchronous.RedisCluster,
        *,
        prefix: str = "cxcontext",
    ) -> None:
        self._client: Any = client
        self._commands = Commands(prefix)

    @classmethod
    def from_url(cls, url: str, *, prefix: str = "cxcontext") -> AsyncRedisStore:
        """
        As `RedisStore.from_url`.
        """
        pool = asynchronous.BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=TIMEOUT_S,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=AsynchronousRetry(NoBackoff(), 0),
        )
        return cls(asynchronous.Redis.from_pool(pool), prefix=prefix)

    def __repr__(self) -> str:
        return "<AsyncRedisStore>"

    async def close(self) -> None:
        """
        Close the client's connections; whoever uses the store opens new ones.
        """
        await self._client.aclose()

    async def load(self, key: bytes, *, now_s: int) -> tuple[int, bytes] | None:
        """
        Return version and record, or None.
        """
        return loaded(await self._run(self._commands.load(key)), now_s)

    async def replace(
        self,
        key: bytes,
        record: bytes,
        *,
        version: int | None,
        now_s: int,
        expires_s: int,
    ) -> bool:
        """
        Store *record* if the version is still *version*; say whether it was.
        """
        if version is None:
            plain, command = self._commands.first(key, record, now_s, expires_s)
            if await self._run(plain):
                return True
        else:
            command = self._commands.replace(key, record, version, now_s, expires_s)
        return bool(await self._run(command))

    async def claim(
        self, key: bytes, claimant: bytes, *, prefix: bytes, now_s: int
    ) -> tuple[bytes, bytes] | None:
        """
        Return claimant and record; the first *claimant* stays the record's.
        """
        command = self._commands.claim(key, claimant, prefix, now_s)
        return claimed(await self._run(command))

    async def remove(self, key: bytes) -> None:
        """
        Remove the record at *key*.
        """
        await self._run(self._commands.remove(key))

    async def link(
        self, key: bytes, value: bytes, *, order: int, now_s: int, expires_s: int
    ) -> None:
        """
        Let *key* lead to *value*.
        """
        await self._run(self._commands.link(key, value, order, now_s, expires_s))

    async def linked(
        self, key: bytes, *, now_s: int, until: int | None = None, limit: int = 1000
    ) -> Sequence[tuple[int, bytes]]:
        """
        Return order and value of what *key* leads to, the highest order first.
        """
        command = self._commands.linked(key, now_s, until, limit)
        return paired(await self._run(command))

    async def unlink(self, key: bytes, value: bytes) -> None:
        """
        Let *key* no longer lead to *value*.
        """
        await self._run(self._commands.unlink(key, value))

    async def increment(self, key: bytes, *, now_s: int, expires_s: int) -> int:
        """
        Count one more under *key*, and return how many.
        """
        return int(await self._run(self._commands.increment(key, now_s, expires_s)))

    async def _run(self, command: Command) -> Any:
        try:
            try:
                return await self._client.execute_command(*command, **_AS_BYTES)
            except NoScriptError:
                return await self._client.execute_command(
                    *in_full(command), **_AS_BYTES
                )
        except _PROBLEMS as problem:
            raise _unavailable(problem) from None


def _unavailable(problem: Exception) -> UnavailableError:
    what = type(problem).__name__
    if isinstance(problem, ResponseError):
        # The rest of an answer may repeat what was sent.
        word = str(problem).removeprefix("ERR ").partition(" ")[0]
        if word == "FORMAT":
            return UnavailableError(OTHER_FORMAT)
        if word.isupper():
            what = f"{what}: {word}"
    return UnavailableError(f"the store ({what})")
