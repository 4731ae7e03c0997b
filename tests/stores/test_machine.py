"""
All stores at once and a model: whatever is done, they agree.
"""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from functools import partial
from pathlib import Path

import psycopg
import pytest
import redis
from awaited import Awaited
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from servers import PostgresServer, RedisServer, listening, within_patience

from cxcontext.stores import memory, postgres, sqlite
from cxcontext.stores.memory import MemoryStore
from cxcontext.stores.postgres import AsyncPostgresStore, PostgresStore
from cxcontext.stores.redis import AsyncRedisStore, RedisStore
from cxcontext.stores.sqlite import SQLiteStore

KEYS = st.sampled_from([b"", b"k" * 64])
VALUES = st.sampled_from([b"", b"a", b"v" * 1024])
RECORDS = st.sampled_from([b"", b"\0", b"\0\1\2", bytes(range(256)) * 8])
CLAIMANTS = st.sampled_from([b"a", b"b", b"c" * 64])
ORDERS = st.integers(0, 5) | st.just(2**53 - 1)
LIFETIMES_S = st.sampled_from([9999, 9999, 9999, 50, 2, 0, -5])
# Clocks differ, by less than an hour.
SKEWS_S = st.sampled_from([0, 0, 0, 0, -1, 1, -1700, 1700])


class Model:
    """
    What a store is, without an engine: nothing is ever forgotten.
    """

    def __init__(self):
        self.records, self.links, self.counts = {}, {}, {}

    def load(self, key, now_s):
        """
        Return version, record and claimant, or None.
        """
        found = self.records.get(key)
        return found[:3] if found and found[3] > now_s else None

    def linked(self, key, now_s, until, limit):
        """
        Return what is alive, sorted.
        """
        found = [
            (order, value)
            for (its, value), (order, ends_s) in self.links.items()
            if its == key and ends_s > now_s and (until is None or order <= until)
        ]
        return sorted(found, reverse=True)[:limit]


class Agreement(RuleBasedStateMachine):
    """
    Every rule is done to the model and, by one of its clients, to each store.
    """

    made = staticmethod(list)

    @initialize()
    def begin(self):
        """
        Have empty stores, each with several clients.
        """
        self.model, self.now_s, self.number = Model(), 10**9, 0
        self.engines = self.made()
        # Versions are each engine's own; what they stand for is the same.
        self.versions = [{} for _ in self.engines]
        for key in (b"", b"k" * 64):
            self.replace(0, key, b"\0first", 0, 9999, "present")
            self.link(0, key, b"first", 1, 0, 9999)

    def teardown(self):
        """
        Close what has connections.
        """
        for clients in getattr(self, "engines", ()):
            for client in dict.fromkeys(clients):
                if hasattr(client, "close"):
                    client.close()

    def each(self, which):
        """
        Yield of every engine one client, and the versions that its clients saw.
        """
        for clients, versions in zip(self.engines, self.versions, strict=True):
            yield clients[which % len(clients)], versions

    @rule(lifetime_s=st.sampled_from([1, 2, 20, 20, 20, 4000]))
    def wait(self, lifetime_s):
        """
        Time passes.
        """
        self.now_s += lifetime_s

    @rule(which=st.integers(0, 1), key=KEYS, skew_s=SKEWS_S)
    def load(self, which, key, skew_s):
        """
        All find the same record, at any client's clock.
        """
        now_s = self.now_s + skew_s
        expected = self.model.load(key, now_s)
        for store, versions in self.each(which):
            found = store.load(key, now_s=now_s)

            assert (expected and expected[1]) == (found and found[1])
            if found is not None:
                # One version stands for one record, for ever.
                assert expected[0] == versions.setdefault((key, found[0]), expected[0])

    @rule(
        which=st.integers(0, 1),
        key=KEYS,
        record=RECORDS,
        skew_s=SKEWS_S,
        lifetime_s=LIFETIMES_S,
        seen=st.sampled_from(["present", "present", "old", "none"]),
    )
    def replace(self, which, key, record, skew_s, lifetime_s, seen):
        """
        All take it, or none does.
        """
        now_s, found = self.now_s + skew_s, self.model.load(key, self.now_s + skew_s)
        self.number += 1
        done = set()
        for store, versions in self.each(which):
            version = None
            if seen == "present" and (loaded := store.load(key, now_s=now_s)):
                version = loaded[0]
                versions.setdefault((key, version), found[0])
            if seen == "old":
                old = [v for (k, v), n in versions.items() if k == key]
                version = old[0] if old else 2**63 - 1
                known = versions.get((key, version))
                expected = found is not None and known == found[0]
            else:
                expected = (version is None) == (found is None)
            ends_s = now_s + lifetime_s
            replaced = store.replace(
                key, record, version=version, now_s=now_s, expires_s=ends_s
            )

            assert expected == replaced
            done.add(replaced)
        if done == {True}:
            self.model.records[key] = self.number, record, b"", now_s + lifetime_s
        assert len(done) == 1

    @rule(
        which=st.integers(0, 1),
        key=KEYS,
        by=CLAIMANTS,
        prefix=st.sampled_from([b"", b"", b"\0"]),
        skew_s=SKEWS_S,
    )
    def claim(self, which, key, by, prefix, skew_s):
        """
        All name the same claimant.
        """
        now_s = self.now_s + skew_s
        found = self.model.load(key, now_s)
        expected = None
        if found is not None:
            expected = b"", found[1]
            if found[1].startswith(prefix):
                number, record, claimant, ends_s = self.model.records[key]
                expected = claimant or by, record
                self.model.records[key] = number, record, expected[0], ends_s
        for store, _ in self.each(which):
            assert expected == store.claim(key, by, prefix=prefix, now_s=now_s)

    @rule(which=st.integers(0, 1), key=KEYS)
    def remove(self, which, key):
        """
        It is gone everywhere.
        """
        self.model.records.pop(key, None)
        for store, _ in self.each(which):
            store.remove(key)

    @rule(
        which=st.integers(0, 1),
        key=KEYS,
        value=VALUES,
        order=ORDERS,
        skew_s=SKEWS_S,
        lifetime_s=LIFETIMES_S,
    )
    def link(self, which, key, value, order, skew_s, lifetime_s):
        """
        It is linked everywhere.
        """
        now_s = self.now_s + skew_s
        ends_s = now_s + lifetime_s
        self.model.links[key, value] = order, ends_s
        for store, _ in self.each(which):
            store.link(key, value, order=order, now_s=now_s, expires_s=ends_s)

    @rule(
        which=st.integers(0, 1),
        key=KEYS,
        skew_s=SKEWS_S,
        until=st.none() | ORDERS,
        limit=st.integers(0, 3) | st.just(1000),
    )
    def linked(self, which, key, skew_s, until, limit):
        """
        All lead to the same, in the same order.
        """
        now_s = self.now_s + skew_s
        expected = self.model.linked(key, now_s, until, limit)
        for store, _ in self.each(which):
            found = store.linked(key, now_s=now_s, until=until, limit=limit)

            assert expected == list(found)

    @rule(which=st.integers(0, 1), key=KEYS, value=VALUES)
    def unlink(self, which, key, value):
        """
        It is unlinked everywhere.
        """
        self.model.links.pop((key, value), None)
        for store, _ in self.each(which):
            store.unlink(key, value)

    @rule(which=st.integers(0, 1), key=KEYS, skew_s=SKEWS_S, lifetime_s=LIFETIMES_S)
    def increment(self, which, key, skew_s, lifetime_s):
        """
        All count the same.
        """
        now_s = self.now_s + skew_s
        number, ends_s = self.model.counts.get(key, (0, 0))
        if ends_s <= now_s:
            number, ends_s = 0, now_s + lifetime_s
        self.model.counts[key] = number + 1, ends_s
        for store, _ in self.each(which):
            found = store.increment(key, now_s=now_s, expires_s=now_s + lifetime_s)

            assert number + 1 == found


@pytest.fixture
def servers():
    """
    Addresses of the servers that run, or of new ones.
    """
    with contextlib.ExitStack() as stack:
        yield addresses(stack)


def addresses(stack):
    """
    Return them; what is started ends with the stack.
    """
    if listening(6379):
        redis_url = "redis://127.0.0.1:6379/0"
    else:
        server = RedisServer()
        stack.callback(server.end)
        server.start()
        redis_url = server.url
    if listening(5432):
        postgres_url = "postgresql://postgres@127.0.0.1:5432/test"
    else:
        server = PostgresServer()
        stack.callback(server.end)
        server.start()
        postgres_url = server.url
    within_patience(lambda: psycopg.connect(postgres_url).close() is None)
    # No server is killed here, so none need wait for its disk.
    return redis_url, f"{postgres_url}?options=-csynchronous_commit%3Doff"


def test_all_stores_agree(servers, monkeypatch):
    """
    Memory, SQLite, Redis and PostgreSQL do as the model does, for each of several
    clients, at any clock within the hour, while everything is swept all the time.
    """
    redis_url, postgres_url = servers
    schema = f"cx_test_{secrets.token_hex(8)}"
    for engine in (memory, sqlite, postgres):
        monkeypatch.setattr(engine, "SWEEP_EVERY_WRITES", 1)
    shared = [
        PostgresStore(postgres_url, schema=schema),
        Awaited(partial(AsyncPostgresStore, postgres_url, schema=schema)),
    ]
    remembered = MemoryStore()
    tables = "record", "link", "count"
    with (
        tempfile.TemporaryDirectory() as folder,
        redis.Redis.from_url(redis_url) as client,
        psycopg.connect(postgres_url, autocommit=True) as connection,
    ):

        def made():
            number = secrets.token_hex(8)
            path = Path(folder) / f"{number}.db"
            shared[0].load(b"", now_s=0)
            connection.execute(
                "TRUNCATE " + ", ".join(f"{schema}.{table}" for table in tables)
            )
            prefix = f"{schema}:{number}"
            remembered.__init__()
            return [
                [remembered],
                [SQLiteStore(path, synchronous="NORMAL") for _ in range(2)],
                [
                    RedisStore.from_url(redis_url, prefix=prefix),
                    Awaited(
                        partial(AsyncRedisStore.from_url, redis_url, prefix=prefix)
                    ),
                ],
                [Kept(store) for store in shared],
            ]

        monkeypatch.setattr(Agreement, "made", staticmethod(made))
        try:
            run_state_machine_as_test(
                Agreement, settings=settings(max_examples=100, stateful_step_count=40)
            )
        finally:
            for store in shared:
                store.close()
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
            for key in client.scan_iter(f"{schema}:*", count=1000):
                client.delete(key)


class Kept:
    """
    A store that stays open from one example to the next.
    """

    def __init__(self, store):
        self._store = store

    def __getattr__(self, verb):
        if verb == "close":
            raise AttributeError(verb)
        return getattr(self._store, verb)
