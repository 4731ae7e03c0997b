"""
A store in PostgreSQL, from version 12 on, and in what speaks its protocol.

Each call is one statement in a transaction of its own, on a connection of a pool.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Generator, Sequence
from itertools import count
from time import monotonic
from typing import Any, Final

import psycopg
from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from cxcontext.errors import UnavailableError
from cxcontext.stores.postgres_statements import (
    SWEEP_EVERY_WRITES,
    Arguments,
    Rows,
    Statements,
    claiming,
    counting,
    finding,
    linking,
    replacing,
    sweeping,
)

# How long a call waits for a connection, and how long for an answer.
TIMEOUT_S: Final = 2.0


def _bounded(steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """
    Go through psycopg's steps as long as the time limit allows.

    PostgreSQL's own limits do not help where it does not answer at all.
    """
    ends_at, ready = monotonic() + TIMEOUT_S, None
    try:
        while True:
            ready = yield steps.send(ready)
            if not ready and monotonic() > ends_at:
                raise psycopg.OperationalError("no answer in time")
    except StopIteration as done:
        return done.value


class _Connection(psycopg.Connection[tuple[Any, ...]]):
    def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        return super().wait(_bounded(gen), *arguments, **options)


class _AsyncConnection(psycopg.AsyncConnection[tuple[Any, ...]]):
    async def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        return await super().wait(_bounded(gen), *arguments, **options)


def _check(connection: _Connection | _AsyncConnection) -> None:
    """
    Raise if the server has ended the connection, without asking it.
    """
    # It may have said why first.
    for _ in range(2):
        connection.pgconn.consume_input()


async def _async_check(connection: _AsyncConnection) -> None:
    _check(connection)


def _ended(connection: _Connection | _AsyncConnection) -> bool:
    """
    Say whether a connection on which something failed is of no more use.
    """
    return connection.pgconn.transaction_status != TransactionStatus.IDLE


def _options(max_size: int, prepare: bool) -> dict[str, Any]:  # noqa: FBT001
    return {
        "kwargs": {
            "autocommit": True,
            "connect_timeout": max(2, int(TIMEOUT_S)),
            "prepare_threshold": 5 if prepare else None,
        },
        "min_size": 0,
        "max_size": max_size,
        "open": False,
        "timeout": TIMEOUT_S,
        # Then it is for the next caller to try again, at once.
        "reconnect_timeout": TIMEOUT_S,
    }


def _unavailable(problem: psycopg.Error) -> UnavailableError:
    # The rest of an answer may repeat what was sent.
    code = f" {problem.sqlstate}" if problem.sqlstate else ""
    return UnavailableError(f"the store ({type(problem).__name__}{code})")


class PostgresStore:
    """
    Keeps everything in PostgreSQL; makes its tables when it is used first.

    Args:
        conninfo: As libpq takes it: ``postgresql://user@host/database``.
        schema: In which the tables are; another schema is another store.
        partitions: In how many tables each kind of row is kept, by hash of the key;
            1 is no partitioning. Counts when the tables are made, and not later.
        max_connections: How many this process opens at most.
        prepare: Whether statements are prepared. False behind a PgBouncer in
            transaction mode that does not follow prepared statements.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        conninfo: str,
        *,
        schema: str = "cxcontext",
        partitions: int = 1,
        max_connections: int = 10,
        prepare: bool = True,
    ) -> None:
        self._conninfo = conninfo
        self._statements = Statements(schema, partitions)
        self._pool_options = _options(max_connections, prepare)
        self._lock, self._process_id = threading.Lock(), os.getpid()
        self._pool: ConnectionPool[_Connection] | None = None
        self._of_other_processes: list[Any] = []
        self._prepared = False
        self._writes = count()

    def __repr__(self) -> str:
        return "<PostgresStore>"

    def close(self) -> None:
        """
        Close the connections; whoever uses the store opens new ones.
        """
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def load(self, key: bytes, *, now_s: int) -> tuple[int, bytes] | None:
        """
        Return version and record, or None.
        """
        found = self._run("load", {"key": key, "now_s": now_s})
        return (found[0][0], found[0][1]) if found else None

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
        name, arguments = replacing(key, record, version, now_s, expires_s)
        self._sweep(now_s)
        return bool(self._run(name, arguments))

    def claim(
        self, key: bytes, claimant: bytes, *, prefix: bytes, now_s: int
    ) -> tuple[bytes, bytes] | None:
        """
        Return claimant and record; the first *claimant* stays the record's.
        """
        found = self._run("claim", claiming(key, claimant, prefix, now_s))
        return (found[0][0], found[0][1]) if found else None

    def remove(self, key: bytes) -> None:
        """
        Remove the record at *key*.
        """
        self._run("remove", {"key": key})

    def link(
        self, key: bytes, value: bytes, *, order: int, now_s: int, expires_s: int
    ) -> None:
        """
        Let *key* lead to *value*.
        """
        self._sweep(now_s)
        self._run("link", linking(key, value, order, expires_s))

    def linked(
        self, key: bytes, *, now_s: int, until: int | None = None, limit: int = 1000
    ) -> Sequence[tuple[int, bytes]]:
        """
        Return order and value of what *key* leads to, the highest order first.
        """
        found = self._run("linked", finding(key, now_s, until, limit))
        return [(order, value) for order, value in found]

    def unlink(self, key: bytes, value: bytes) -> None:
        """
        Let *key* no longer lead to *value*.
        """
        self._run("unlink", {"key": key, "value": value})

    def increment(self, key: bytes, *, now_s: int, expires_s: int) -> int:
        """
        Count one more under *key*, and return how many.
        """
        self._sweep(now_s)
        return int(self._run("increment", counting(key, now_s, expires_s))[0][0])

    def _sweep(self, now_s: int) -> None:
        if next(self._writes) % SWEEP_EVERY_WRITES == 0:
            # What is not swept now is swept another time.
            with contextlib.suppress(UnavailableError):
                self._run("sweep", sweeping(now_s))

    def _run(self, name: str, arguments: Arguments) -> Rows:
        try:
            pool = self._opened()
            connection = pool.getconn()
            try:
                if not self._prepared:
                    self._prepare(connection)
                return connection.execute(
                    self._statements[name], arguments, binary=True
                ).fetchall()
            finally:
                if _ended(connection):
                    connection.close()
                pool.putconn(connection)
        except psycopg.Error as problem:
            raise _unavailable(problem) from None

    def _prepare(self, connection: _Connection) -> None:
        plan = self._statements.preparing()
        with contextlib.suppress(StopIteration):
            statement = next(plan)
            while True:
                found = connection.execute(statement)
                statement = plan.send(found.fetchall() if found.description else [])
        self._prepared = True

    def _opened(self) -> ConnectionPool[_Connection]:
        if self._process_id != os.getpid():
            # After a fork the pool's threads are not there, and its connections are
            # the parent's, as are its locks.
            self._of_other_processes.append(self._pool)
            self._lock, self._process_id = threading.Lock(), os.getpid()
            self._pool = None
        if (pool := self._pool) is not None:
            return pool
        with self._lock:
            if self._pool is None:
                self._pool = ConnectionPool(
                    self._conninfo,
                    connection_class=_Connection,
                    check=_check,
                    **self._pool_options,
                )
                self._pool.open()
            return self._pool


class AsyncPostgresStore:
    """
    As `PostgresStore`, for an event loop: every verb is awaited.

    Args:
        conninfo: As for `PostgresStore`, and so are the others; both kinds of store
            share what they keep. The connections belong to one event loop.
        schema: In which the tables are.
        partitions: In how many tables each kind of row is kept.
        max_connections: How many this process opens at most.
        prepare: Whether statements are prepared.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        conninfo: str,
        *,
        schema: str = "cxcontext",
        partitions: int = 1,
        max_connections: int = 10,
        prepare: bool = True,
    ) -> None:
        self._conninfo = conninfo
        self._statements = Statements(schema, partitions)
        self._pool_options = _options(max_connections, prepare)
        self._lock = asyncio.Lock()
        self._pool: AsyncConnectionPool[_AsyncConnection] | None = None
        self._prepared = False
        self._writes = count()

    def __repr__(self) -> str:
        return "<AsyncPostgresStore>"

    async def close(self) -> None:
        """
        Close the connections; whoever uses the store opens new ones.
        """
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def load(self, key: bytes, *, now_s: int) -> tuple[int, bytes] | None:
        """
        Return version and record, or None.
        """
        found = await self._run("load", {"key": key, "now_s": now_s})
        return (found[0][0], found[0][1]) if found else None

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
        name, arguments = replacing(key, record, version, now_s, expires_s)
        await self._sweep(now_s)
        return bool(await self._run(name, arguments))

    async def claim(
        self, key: bytes, claimant: bytes, *, prefix: bytes, now_s: int
    ) -> tuple[bytes, bytes] | None:
        """
        Return claimant and record; the first *claimant* stays the record's.
        """
        found = await self._run("claim", claiming(key, claimant, prefix, now_s))
        return (found[0][0], found[0][1]) if found else None

    async def remove(self, key: bytes) -> None:
        """
        Remove the record at *key*.
        """
        await self._run("remove", {"key": key})

    async def link(
        self, key: bytes, value: bytes, *, order: int, now_s: int, expires_s: int
    ) -> None:
        """
        Let *key* lead to *value*.
        """
        await self._sweep(now_s)
        await self._run("link", linking(key, value, order, expires_s))

    async def linked(
        self, key: bytes, *, now_s: int, until: int | None = None, limit: int = 1000
    ) -> Sequence[tuple[int, bytes]]:
        """
        Return order and value of what *key* leads to, the highest order first.
        """
        found = await self._run("linked", finding(key, now_s, until, limit))
        return [(order, value) for order, value in found]

    async def unlink(self, key: bytes, value: bytes) -> None:
        """
        Let *key* no longer lead to *value*.
        """
        await self._run("unlink", {"key": key, "value": value})

    async def increment(self, key: bytes, *, now_s: int, expires_s: int) -> int:
        """
        Count one more under *key*, and return how many.
        """
        await self._sweep(now_s)
        found = await self._run("increment", counting(key, now_s, expires_s))
        return int(found[0][0])

    async def _sweep(self, now_s: int) -> None:
        if next(self._writes) % SWEEP_EVERY_WRITES == 0:
            with contextlib.suppress(UnavailableError):
                await self._run("sweep", sweeping(now_s))

    async def _run(self, name: str, arguments: Arguments) -> Rows:
        try:
            pool = await self._opened()
            connection = await pool.getconn()
            try:
                if not self._prepared:
                    await self._prepare(connection)
                done = await connection.execute(
                    self._statements[name], arguments, binary=True
                )
                return await done.fetchall()
            finally:
                if _ended(connection):
                    await connection.close()
                await pool.putconn(connection)
        except psycopg.Error as problem:
            raise _unavailable(problem) from None

    async def _prepare(self, connection: _AsyncConnection) -> None:
        plan = self._statements.preparing()
        with contextlib.suppress(StopIteration):
            statement = next(plan)
            while True:
                done = await connection.execute(statement)
                statement = plan.send(await done.fetchall() if done.description else [])
        self._prepared = True

    async def _opened(self) -> AsyncConnectionPool[_AsyncConnection]:
        if (pool := self._pool) is not None:
            return pool
        async with self._lock:
            if self._pool is None:
                pool = AsyncConnectionPool(
                    self._conninfo,
                    connection_class=_AsyncConnection,
                    check=_async_check,
                    **self._pool_options,
                )
                await pool.open()
                self._pool = pool
            return self._pool
