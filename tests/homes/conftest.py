"""
Acme, whose journeys rest in a store.
"""

from __future__ import annotations

import importlib.util
import secrets
import sys
from pathlib import Path

import pytest

# Acme stands beside the tests of the core, and so do its fixtures.
_CORE = Path(__file__).parents[1] / "core"
if str(_CORE) not in sys.path:
    sys.path.insert(0, str(_CORE))
_spec = importlib.util.spec_from_file_location("acme_fixtures", _CORE / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)

ring = _fixtures.ring
clock = _fixtures.clock
world = _fixtures.world
elsewhere = _fixtures.elsewhere
sales = _fixtures.sales
support = _fixtures.support
billing = _fixtures.billing
ivr = _fixtures.ivr

pytest.register_assert_rewrite("claims")

# The servers stand beside the tests of the stores.
_STORES = Path(__file__).parents[1] / "stores"
if str(_STORES) not in sys.path:
    sys.path.append(str(_STORES))

from keeping import opened  # noqa: E402
from servers import (  # noqa: E402
    PostgresServer,
    RedisServer,
    patient_stores,
    within_patience,
)

__all__ = ["patient_stores"]


@pytest.fixture(scope="session")
def redis_url():
    """
    A server of Redis for the tests of homes.
    """
    redis = pytest.importorskip("redis")
    server = RedisServer("--appendonly", "no")
    server.start()
    try:
        with redis.Redis.from_url(server.url) as client:
            within_patience(client.ping)
        yield server.url
    finally:
        server.end()


@pytest.fixture(scope="session")
def postgres_url():
    """
    A server of PostgreSQL for the tests of homes.
    """
    psycopg = pytest.importorskip("psycopg")
    server = PostgresServer()
    server.start()
    try:
        within_patience(lambda: psycopg.connect(server.url).close() or True)
        yield server.url
    finally:
        server.end()


@pytest.fixture(params=["memory", "sqlite", "redis", "postgres"])
def every_store(request, tmp_path):
    """
    An empty store of every engine that is there.
    """
    name = f"cx_test_{secrets.token_hex(4)}"
    if request.param == "redis":
        url = request.getfixturevalue("redis_url")
        from cxcontext.stores.redis import RedisStore  # noqa: PLC0415

        store = RedisStore.from_url(url, prefix=name)
    elif request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
        from cxcontext.stores.postgres import PostgresStore  # noqa: PLC0415

        store = PostgresStore(url, schema=name)
    else:
        yield from opened(request.param, tmp_path)
        return
    yield store
    store.close()


@pytest.fixture
def dump(request, every_store, tmp_path):
    """
    What a copy of the store has, as bytes, when it is asked for.
    """

    def copied():
        found = repr(vars(every_store)).encode()
        found += b"".join(path.read_bytes() for path in tmp_path.iterdir())
        kind = type(every_store).__name__
        if kind == "RedisStore":
            import redis  # noqa: PLC0415

            with redis.Redis.from_url(request.getfixturevalue("redis_url")) as client:
                readers = {b"string": client.get, b"zset": _members(client)}
                for key in client.scan_iter():
                    found += key + readers[client.type(key)](key)
        if kind == "PostgresStore":
            import psycopg  # noqa: PLC0415

            with psycopg.connect(request.getfixturevalue("postgres_url")) as client:
                tables = client.execute(
                    "SELECT oid::regclass::text FROM pg_class "
                    "WHERE relkind = 'r' AND relnamespace::regnamespace::text "
                    "LIKE 'cx_test_%'"
                ).fetchall()
                for (table,) in tables:
                    rows = client.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
                    for row in rows:
                        for cell in row:
                            found += cell if isinstance(cell, bytes) else b"%a" % cell
        return found

    return copied


def _members(client):
    return lambda key: b"".join(client.zrange(key, 0, -1))
