"""
The engines that are here, each with the plainest round trip of the same bytes.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import tempfile
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import attrs

from cxcontext.stores.memory import MemoryStore
from cxcontext.stores.sqlite import SQLiteStore

REDIS_URL: Final = "redis://127.0.0.1:6379"
CONNINFO: Final = "host=127.0.0.1 port=5432 user=postgres dbname=test"


@attrs.frozen(kw_only=True)
class Engine:
    """
    One engine, with an empty store.

    Args:
        name: What the tables call it.
        store: The store.
        filler: The same store, for filling it up without waiting for the disk.
        small: Another store of the engine, in which little is kept.
        put: Writes key and value as plainly as the engine's library can.
        get: Reads it.
        size_bytes: What the engine keeps at present.
    """

    name: str
    store: Any
    filler: Any
    small: Any
    put: Callable[[bytes, bytes], object]
    get: Callable[[bytes], object]
    size_bytes: Callable[[], int]


@contextmanager
def engines() -> Generator[list[Engine]]:
    """
    Yield every engine that can be reached; what they keep is removed afterwards.
    """
    with ExitStack() as stack:
        found = [_memory(), _sqlite(stack)]
        # An engine that is not here has no row, and the table says which have.
        with suppress(Exception):
            found.append(_redis(stack))
        with suppress(Exception):
            found.append(_postgres(stack))
        yield found


def _memory() -> Engine:
    plain: dict[bytes, bytes] = {}
    store = MemoryStore()

    def size_bytes() -> int:
        with Path("/proc/self/statm").open() as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    return Engine(
        name="memory",
        store=store,
        filler=store,
        small=MemoryStore(),
        put=plain.__setitem__,
        get=plain.get,
        size_bytes=size_bytes,
    )


def _sqlite(stack: ExitStack) -> Engine:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    store = SQLiteStore(folder / "home.db")
    stack.callback(store.close)
    filler = SQLiteStore(folder / "home.db", synchronous="NORMAL")
    stack.callback(filler.close)
    small = SQLiteStore(folder / "small.db")
    stack.callback(small.close)
    plain = sqlite3.connect(folder / "plain.db", isolation_level=None)
    stack.callback(plain.close)
    plain.execute("PRAGMA journal_mode = WAL")
    plain.execute("CREATE TABLE t (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID")

    def size_bytes() -> int:
        return sum(path.stat().st_size for path in folder.glob("home.db*"))

    return Engine(
        name=f"SQLite {sqlite3.sqlite_version}",
        store=store,
        filler=filler,
        small=small,
        put=lambda k, v: plain.execute("INSERT INTO t VALUES (?, ?)", (k, v)),
        get=lambda k: plain.execute("SELECT v FROM t WHERE k = ?", (k,)).fetchone(),
        size_bytes=size_bytes,
    )


def _redis(stack: ExitStack) -> Engine:
    import redis  # noqa: PLC0415

    from cxcontext.stores.redis import RedisStore  # noqa: PLC0415

    prefix = f"cxbench-{secrets.token_hex(4)}"
    client = redis.Redis.from_url(REDIS_URL)
    info: Any = client.info()

    def clean() -> None:
        keys: list[Any] = []
        for key in client.scan_iter(f"{prefix}*", count=10_000):
            keys.append(key)
            if len(keys) >= 10_000:
                client.unlink(*keys)
                keys.clear()
        if keys:
            client.unlink(*keys)

    stack.callback(clean)

    def size_bytes() -> int:
        memory: Any = client.info("memory")
        return int(memory["used_memory"])

    plain = f"{prefix}:plain:".encode()
    store = RedisStore(client, prefix=prefix)
    return Engine(
        name=f"Redis {info['redis_version']}",
        store=store,
        filler=store,
        small=RedisStore(client, prefix=f"{prefix}-small"),
        put=lambda k, v: client.set(plain + k, v, ex=3600),
        get=lambda k: client.get(plain + k),
        size_bytes=size_bytes,
    )


def _postgres(stack: ExitStack) -> Engine:
    import psycopg  # noqa: PLC0415

    from cxcontext.stores.postgres import PostgresStore  # noqa: PLC0415

    schema = f"cxbench_{secrets.token_hex(4)}"
    plain = psycopg.connect(CONNINFO, autocommit=True)
    plain.prepare_threshold = 0
    stack.callback(plain.close)
    store = PostgresStore(CONNINFO, schema=schema)
    store.load(b"nothing", now_s=0)
    options = " options='-c synchronous_commit=off'"
    filler = PostgresStore(CONNINFO + options, schema=schema)
    small = PostgresStore(CONNINFO, schema=f"{schema}_small")
    small.load(b"nothing", now_s=0)
    table = f"{schema}.plain"
    plain.execute(f"CREATE TABLE {table} (k bytea PRIMARY KEY, v bytea)".encode())
    for name in (schema, f"{schema}_small"):
        drop = f"DROP SCHEMA {name} CASCADE".encode()
        stack.callback(plain.execute, drop)
    for opened in (store, filler, small):
        stack.callback(opened.close)
    insert = f"INSERT INTO {table} VALUES (%s, %s)".encode()  # noqa: S608
    select = f"SELECT v FROM {table} WHERE k = %s".encode()  # noqa: S608
    sizes = (
        f"SELECT sum(pg_total_relation_size(oid)) FROM pg_class "  # noqa: S608
        f"WHERE relnamespace = '{schema}'::regnamespace AND relkind = 'r'"
    ).encode()

    def size_bytes() -> int:
        (size,) = plain.execute(sizes).fetchone() or (0,)
        return int(size)

    return Engine(
        name=f"PostgreSQL {plain.info.server_version // 10_000}",
        store=store,
        filler=filler,
        small=small,
        put=lambda k, v: plain.execute(insert, (k, v)),
        get=lambda k: plain.execute(select, (k,)).fetchone(),
        size_bytes=size_bytes,
    )
