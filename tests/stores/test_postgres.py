"""
The store in PostgreSQL: tables made by many at once, partitions, outages.
"""

from __future__ import annotations

import secrets
from functools import partial

import psycopg
import pytest
from awaited import Awaited
from claims import (
    ENDS_S,
    KEY,
    NOW_S,
    PLACE,
    StoreClaims,
    at_once,
    lead,
    led,
    put,
    raised,
    version_of,
)
from crowds import SharedClaims, acknowledged_until_killed, everything_is_there
from outages import LIMIT_S, OutageClaims, answers
from servers import PostgresServer, listening, within_patience

import cxcontext.stores.postgres
from cxcontext.errors import UnavailableError, UsageError
from cxcontext.stores import postgres_statements
from cxcontext.stores.postgres import AsyncPostgresStore, PostgresStore

KINDS = ["sync", "async"]
USUAL = "postgresql://postgres@127.0.0.1:5432/test"


def store_at(url, kind="sync", **options):
    """
    Return a store of either kind.
    """
    if kind == "sync":
        return PostgresStore(url, **options)
    return Awaited(partial(AsyncPostgresStore, url, **options))


def run_at(url, statement):
    """
    Return what somebody else's connection answers.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        done = connection.execute(statement)
        return done.fetchall() if done.description else None


@pytest.fixture(scope="module")
def our_server():
    """
    A server of our own.
    """
    server = PostgresServer()
    server.start()
    within_patience(lambda: run_at(server.url, "SELECT 1"))
    yield server
    server.end()


@pytest.fixture
def server(our_server):
    """
    The same, running.
    """
    our_server.ensure()
    return our_server


@pytest.fixture(scope="module")
def url(request):
    """
    A server for tests that leave it as it is: the one that runs, or a new one.
    """
    if listening(5432):
        return USUAL
    return request.getfixturevalue("our_server").url


def schema_of(url):
    """
    Give a schema of one test, of which nothing is left.
    """
    schema = f"cx_test_{secrets.token_hex(8)}"
    yield schema
    run_at(url, f"DROP SCHEMA IF EXISTS {schema} CASCADE")


@pytest.fixture
def schema(url):
    """
    A schema of this test.
    """
    yield from schema_of(url)


@pytest.fixture(params=KINDS)
def store(url, schema, request):
    """
    An empty store of either kind.
    """
    store = store_at(url, request.param, schema=schema)
    yield store
    store.close()


class TestPostgresStore(StoreClaims):
    """
    Every claim about stores holds for it, awaited or not.
    """

    def test_both_kinds_share_what_they_keep(self, url, schema):
        """
        What one wrote, the other finds.
        """
        stores = [store_at(url, kind, schema=schema) for kind in KINDS]
        put(stores[0], b"1")
        put(stores[1], b"2", version=version_of(stores[0]))
        found = [store.load(PLACE, now_s=NOW_S)[1] for store in stores]
        for store in stores:
            store.close()

        assert [b"2", b"2"] == found

    def test_closed_it_opens_again_when_it_is_used(self, store):
        """
        Closing ends the connections, any number of times, and no more.
        """
        put(store, b"1")
        if not isinstance(store, Awaited):
            store.close()
            store.close()

        assert b"1" == store.load(PLACE, now_s=NOW_S)[1]

    @pytest.mark.parametrize("schema", ["", "Capital", "a.b", "a;b", "ä", "a" * 64])
    def test_a_schema_has_a_plain_name(self, schema):
        """
        It is part of every statement.
        """
        with pytest.raises(UsageError, match="schema"):
            PostgresStore(USUAL, schema=schema)

    @pytest.mark.parametrize("partitions", [0, 1025])
    def test_partitions_have_a_number(self, partitions):
        """
        One to 1,024.
        """
        with pytest.raises(UsageError, match="partitions"):
            PostgresStore(USUAL, partitions=partitions)

    def test_a_forked_process_has_a_pool_of_its_own(self, url, schema):
        """
        What was open before a fork is not used in the child, and stays the parent's.
        """
        store = store_at(url, schema=schema)
        put(store, b"parent")
        before = store._pool
        store._process_id = -1
        found = store.load(PLACE, now_s=NOW_S)[1], store._pool is not before
        kept = store._of_other_processes == [before]
        store.close()
        before.close()

        assert ((b"parent", True), True) == (found, kept)

    def test_a_number_that_is_none(self, store):
        """
        What the engine cannot keep is an error, and harms no connection.
        """
        with pytest.raises(UnavailableError, match="NumericValueOutOfRange"):
            lead(store, b"a", order=2**64)

        assert [] == led(store)


class TestPartitions(StoreClaims):
    """
    Every claim holds for tables that are partitioned.
    """

    @pytest.fixture
    def store(self, url, schema):
        """
        An empty store in four partitions.
        """
        store = store_at(url, schema=schema, partitions=4)
        yield store
        store.close()

    def test_rows_are_in_all_of_them(self, store, url, schema):
        """
        Keys spread by their hash.
        """
        for number in range(99):
            put(store, key=b"%d" % number)
        found = run_at(url, f"SELECT DISTINCT tableoid FROM {schema}.record")  # noqa: S608

        assert 4 == len(found)


class TestSweeping:
    """
    What has expired goes, by and by.
    """

    @pytest.fixture(autouse=True)
    def often(self, monkeypatch):
        """
        With every write, three of each table at most.
        """
        monkeypatch.setattr(cxcontext.stores.postgres, "SWEEP_EVERY_WRITES", 1)
        monkeypatch.setattr(postgres_statements, "SWEEP_AT_MOST", 3)

    def rows(self, url, schema):
        """
        Return how many there are of each table.
        """
        return [
            run_at(url, f"SELECT count(*) FROM {schema}.{table}")[0][0]  # noqa: S608
            for table in ("record", "link", "count")
        ]

    def test_what_has_long_expired_goes(self, store, url, schema):
        """
        Two hours after its end at the latest, some with every write; what lives stays.
        """
        for number in range(5):
            put(store, b"1", key=b"%d" % number)
            lead(store, b"%d" % number)
            raised(store, key=b"%d" % number)
        put(store, b"1", expires_s=ENDS_S * 9)
        seen = [self.rows(url, schema)]
        for _ in range(2):
            lead(store, b"on", now_s=ENDS_S + 7200, expires_s=ENDS_S * 9)
            seen.append(self.rows(url, schema))

        assert [[6, 5, 5], [3, 3, 2], [1, 1, 0]] == seen

    def test_who_is_behind_by_less_than_an_hour_loses_nothing(self, store):
        """
        A writer whose clock is ahead sweeps nothing that lives for others.
        """
        put(store, b"1")
        lead(store, b"on", key=b"other", now_s=ENDS_S + 3599, expires_s=ENDS_S * 9)

        assert b"1" == store.load(PLACE, now_s=NOW_S)[1]

    def test_a_sweep_that_fails_fails_nobody(self, store, url, schema):
        """
        The write is what counts; sweeping has time.
        """
        put(store, b"1")
        run_at(url, f"DROP TABLE {schema}.count")

        assert put(store, b"2", version=version_of(store))


class TestSharedServer(SharedClaims):
    """
    Several processes on one server.
    """

    @pytest.fixture
    def store(self, opened):
        """
        An empty store.
        """
        store = opened()
        yield store
        store.close()

    @pytest.fixture
    def opened(self, url, schema):
        """
        How another process opens it.
        """
        return partial(store_at, url, schema=schema)


class TestSchema:
    """
    Tables that are made, and tables of another release.
    """

    def test_many_may_start_at_once(self, url, schema):
        """
        Whoever is first makes the tables, and nobody fails.
        """
        stores = [store_at(url, schema=schema, max_connections=1) for _ in range(12)]
        done = at_once(lambda number: put(stores[number]), number=12)
        for store in stores:
            store.close()

        assert 1 == sum(done)

    @pytest.mark.parametrize("version", [2, 99, -1])
    def test_tables_of_another_release(self, store, url, schema, version):
        """
        The error names both versions; nothing is changed, and it is found out again.
        """
        put(store)
        run_at(url, f"UPDATE {schema}.schema_version SET version = {version}")  # noqa: S608
        other = store_at(url, schema=schema)
        for _ in range(2):
            with pytest.raises(UnavailableError, match=rf"version {version}, .* 1:"):
                put(other, key=KEY)
        other.close()

        assert store.load(KEY, now_s=NOW_S) is None


class TestOutages(OutageClaims):
    """
    A server as it is by default that is away.
    """

    @pytest.fixture(params=KINDS)
    def store(self, server, request, monkeypatch):
        """
        An empty store of either kind, that does not wait long.
        """
        monkeypatch.setattr(cxcontext.stores.postgres, "TIMEOUT_S", LIMIT_S)
        url = server.url.replace("postgres@", "postgres:hidden@")
        for schema in schema_of(server.url):
            store = store_at(url, request.param, schema=schema)
            yield store
            store.close()
            server.ensure()
            within_patience(lambda: run_at(server.url, "SELECT 1"))


class TestKilled:
    """
    A client that dies, and then the server.
    """

    def test_a_server_is_killed_after_a_thousand_puts(self, server):
        """
        Everything acknowledged is there when it is started again.
        """
        within_patience(lambda: run_at(server.url, "SELECT 1"))
        numbers = acknowledged_until_killed(partial(store_at, server.url))
        server.kill()
        server.start()
        store = store_at(server.url)
        within_patience(lambda: answers(store))
        everything_is_there(store, numbers)
        store.close()


class TestRefused:
    """
    A server that may not be written, or not be used at all.
    """

    def test_nothing_can_be_written(self, store, url, schema):
        """
        The error is clear, and what was acknowledged is read.
        """
        put(store, b"1")
        read_only = f"{url}?options=-cdefault_transaction_read_only%3Don"
        other = store_at(read_only, schema=schema)
        with pytest.raises(UnavailableError, match="ReadOnlySqlTransaction 25006"):
            put(other, b"2", key=KEY)
        found = other.load(PLACE, now_s=NOW_S)[1], led(other)
        other.close()

        assert (b"1", []) == found

    @pytest.mark.parametrize(
        "wrong", ["postgresql://postgres:planted@127.0.0.1/nowhere", "planted=planted"]
    )
    def test_a_wrong_address(self, wrong, monkeypatch):
        """
        Nothing of it is said.
        """
        monkeypatch.setattr(cxcontext.stores.postgres, "TIMEOUT_S", LIMIT_S)
        store = store_at(wrong)
        with pytest.raises(UnavailableError, match="the store") as ei:
            put(store)
        store.close()

        assert "planted" not in f"{ei.value}{ei.value!r}{store!r}"
