"""
The store in Redis: one server, a cluster, outages, and a server that is full.
"""

from __future__ import annotations

import contextlib
import secrets
from functools import partial

import pytest
import redis
import redis.asyncio
from awaited import Awaited
from claims import (
    ENDS_S,
    KEY,
    MANY,
    NOW_S,
    PLACE,
    StoreClaims,
    claimed,
    lead,
    led,
    put,
    raised,
    version_of,
)
from crowds import SharedClaims, acknowledged_until_killed, everything_is_there
from outages import LIMIT_S, OutageClaims, answers
from servers import RedisServer, free_port, listening, within_patience

import cxcontext.stores.redis
from cxcontext.errors import UnavailableError, UsageError
from cxcontext.stores import redis_commands
from cxcontext.stores.redis import AsyncRedisStore, RedisStore

KINDS = ["sync", "async"]


def store_at(url, kind="sync", **options):
    """
    Return a store of either kind.
    """
    if kind == "sync":
        return RedisStore.from_url(url, **options)
    return Awaited(partial(AsyncRedisStore.from_url, url, **options))


def started(*options):
    """
    Return a server that is ready.
    """
    server = RedisServer(*options)
    server.start()
    with redis.Redis.from_url(server.url) as client:
        try:
            within_patience(client.ping)
        except BaseException:
            server.end()
            raise
    return server


@pytest.fixture(scope="module")
def url():
    """
    A server for tests that leave it as it is: the one that runs, or a new one.
    """
    if listening(6379):
        yield "redis://127.0.0.1:6379/0"
        return
    server = started("--appendonly", "no")
    yield server.url
    server.end()


@pytest.fixture
def client(url):
    """
    Somebody else's connection to that server.
    """
    client = redis.Redis.from_url(url)
    yield client
    client.close()


@pytest.fixture
def prefix(client):
    """
    With what the keys of one test begin, of which none are left.
    """
    prefix = f"cx-test-{secrets.token_hex(8)}"
    yield prefix
    for key in client.scan_iter(f"{prefix}:*", count=1000):
        client.delete(key)


@pytest.fixture(params=KINDS)
def store(url, prefix, request):
    """
    An empty store of either kind.
    """
    store = store_at(url, request.param, prefix=prefix)
    yield store
    store.close()


class TestRedisStore(StoreClaims):
    """
    Every claim about stores holds for it, awaited or not.
    """

    def test_both_kinds_share_what_they_keep(self, url, prefix):
        """
        What one wrote, the other finds.
        """
        stores = [store_at(url, kind, prefix=prefix) for kind in KINDS]
        put(stores[0], b"1")
        put(stores[1], b"2", version=version_of(stores[0]))
        found = [store.load(PLACE, now_s=NOW_S)[1] for store in stores]
        for store in stores:
            store.close()

        assert [b"2", b"2"] == found

    def test_another_prefix_is_another_store(self, url, prefix):
        """
        Neither sees what the other keeps.
        """
        one, other = (store_at(url, prefix=f"{prefix}:{i}") for i in range(2))
        put(one, b"1")
        found = other.load(PLACE, now_s=NOW_S)
        for store in (one, other):
            store.close()

        assert found is None

    @pytest.mark.parametrize("prefix", ["", "{tag}", "a}b"])
    def test_a_prefix_has_no_tag_of_its_own(self, prefix):
        """
        It would decide on which node of a cluster everything is.
        """
        with pytest.raises(UsageError, match="prefix"):
            RedisStore.from_url("redis://127.0.0.1", prefix=prefix)

    def test_a_client_that_decodes_answers(self, url, prefix):
        """
        An application's own client may be one that returns text; bytes stay bytes.
        """
        store = RedisStore(
            redis.Redis.from_url(url, decode_responses=True), prefix=prefix
        )
        put(store, b"\xff")
        lead(store, b"\xfe")
        found = store.load(PLACE, now_s=NOW_S)[1], led(store), claimed(store, b"\xfd")
        store.close()

        assert (b"\xff", [b"\xfe"], (b"\xfd", b"\xff")) == found

    def test_closed_it_opens_again_when_it_is_used(self, store):
        """
        Closing ends the connections, any number of times, and no more.
        """
        put(store, b"1")
        if not isinstance(store, Awaited):
            store.close()
            store.close()

        assert b"1" == store.load(PLACE, now_s=NOW_S)[1]

    def test_a_server_that_forgot_the_scripts_is_told_them(self, store, client):
        """
        After a restart nothing is different.
        """
        lead(store, b"a")
        client.script_flush()

        assert (None, [b"a"]) == (lead(store, b"a"), led(store))

    def test_who_asks_twice_is_told_the_same(self, store, client, prefix):
        """
        A client that heard no answer may send its command again.
        """
        if isinstance(store, Awaited):
            return
        commands = redis_commands.Commands(prefix)
        plain, command = commands.first(PLACE, b"1", NOW_S, ENDS_S)
        answers = [store._run(said) for said in (plain, plain, command, command)]
        version = version_of(store)
        again = commands.replace(PLACE, b"2", version, NOW_S, ENDS_S)
        answers += [store._run(again) for _ in range(2)]

        assert [True, None, 1, 1, 1, 1] == answers
        assert not put(store, b"3")


class TestKeys:
    """
    What is in the server.
    """

    def test_names_show_prefix_and_kind_only(self, store, client, prefix):
        """
        The key itself, which is opaque, is the hash tag.
        """
        put(store, b"1")
        lead(store, b"a")
        raised(store)
        names = sorted(client.scan_iter(f"{prefix}:*"))

        assert [
            f"{prefix}:{{{tag}}}:{kind}".encode()
            for tag, kind in [
                (KEY.hex(), "count"),
                (KEY.hex(), "ends"),
                (KEY.hex(), "orders"),
                (PLACE.hex(), "record"),
            ]
        ] == names

    def test_everything_goes_an_hour_after_its_end(self, store, client, prefix):
        """
        Counted from the caller's clock, wherever the server's is.
        """
        put(store, b"1")
        claimed(store, b"a")
        lead(store, b"a")
        lead(store, b"b", expires_s=NOW_S + 7)
        raised(store)
        raised(store, expires_s=ENDS_S * 9)
        left_s = {client.ttl(name) for name in client.scan_iter(f"{prefix}:*")}

        assert left_s <= {ENDS_S - NOW_S + 3600, ENDS_S - NOW_S + 3599}

    def test_what_has_long_expired_goes_with_the_next_link(self, store, client, prefix):
        """
        A key that is linked again and again does not grow for ever.
        """
        for number in range(5):
            lead(store, b"%d" % number)
        lead(store, b"new", now_s=ENDS_S + 3600, expires_s=ENDS_S * 9)
        sizes = {client.zcard(name) for name in client.scan_iter(f"{prefix}:*")}

        assert {1} == sizes

    @pytest.mark.parametrize(
        "verb",
        [
            lambda store: store.load(PLACE, now_s=NOW_S),
            lambda store: claimed(store, b"a"),
            put,
        ],
    )
    def test_a_record_of_another_format(self, store, client, prefix, verb):
        """
        Neither read nor replaced: the error says what it is.
        """
        name = f"{prefix}:{{{PLACE.hex()}}}:record"
        client.set(name, b"\x02 something else that is long enough")
        with pytest.raises(UnavailableError, match="format of another release"):
            verb(store)

        assert client.get(name).startswith(b"\x02")

    def test_an_error_repeats_nothing_that_was_sent(self, store, client, prefix):
        """
        A key that is of another kind is told by the name of the error alone.
        """
        client.lpush(f"{prefix}:{{{PLACE.hex()}}}:record", "planted")
        with pytest.raises(UnavailableError, match="WRONGTYPE") as ei:
            put(store, b"planted")

        assert "planted" not in str(ei.value)


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
    def opened(self, url, prefix):
        """
        How another process opens it.
        """
        return partial(store_at, url, prefix=prefix)


@pytest.fixture(scope="module")
def cluster():
    """
    Three nodes that know each other, without replicas.
    """
    with contextlib.ExitStack() as stack:
        nodes, ports = [], [free_port() for _ in range(3)]
        for port in ports:
            options = "--appendonly no --cluster-enabled yes --cluster-port"
            nodes.append(started(*options.split(), str(port)))
            stack.callback(nodes[-1].end)
        clients = [redis.Redis.from_url(node.url) for node in nodes]
        slots = [0, 5461, 10923, 16384]
        for i, client in enumerate(clients):
            stack.callback(client.close)
            mine = range(slots[i], slots[i + 1])
            client.execute_command("CLUSTER", "ADDSLOTS", *mine)
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
        for client in clients[1:]:
            meet = "CLUSTER", "MEET", "127.0.0.1", nodes[0].port, ports[0]
            client.execute_command(*meet)
        for client in clients:
            within_patience(
                lambda client=client: (
                    client.execute_command("CLUSTER INFO")["cluster_state"] == "ok"
                    and len(client.execute_command("CLUSTER NODES")) == 3
                )
            )
        yield nodes[0].url


class TestCluster(StoreClaims):
    """
    Every claim about stores holds on a cluster of three nodes.
    """

    @pytest.fixture(params=KINDS)
    def store(self, cluster, request):
        """
        A store of either kind, empty by its prefix.
        """
        prefix = secrets.token_hex(8)
        if request.param == "sync":
            client = redis.RedisCluster.from_url(cluster, max_connections=2 * MANY)
            store = RedisStore(client, prefix=prefix)
        else:

            async def made():
                client = redis.asyncio.RedisCluster.from_url(
                    cluster, max_connections=2 * MANY
                )
                # Two hundred that are all the first trip over each other in redis-py.
                return AsyncRedisStore(await client.initialize(), prefix=prefix)

            store = Awaited(made)
        yield store
        store.close()


@pytest.fixture(scope="module")
def our_server():
    """
    A server of our own, that writes everything before it answers.
    """
    server = started()
    yield server
    server.end()


@pytest.fixture
def server(our_server):
    """
    The same, running.
    """
    our_server.ensure()
    return our_server


class TestOutages(OutageClaims):
    """
    A server with ``appendfsync always`` that is away.
    """

    @pytest.fixture(params=KINDS)
    def store(self, server, request, monkeypatch):
        """
        An empty store of either kind, that does not wait long.
        """
        monkeypatch.setattr(cxcontext.stores.redis, "TIMEOUT_S", LIMIT_S)
        store = store_at(server.url, request.param, prefix=secrets.token_hex(8))
        yield store
        store.close()


class TestKilled:
    """
    What ``appendfsync always`` promises, and a client that dies.
    """

    def test_a_server_is_killed_after_a_thousand_puts(self, server):
        """
        A writer dies and then the server: everything acknowledged is there.
        """
        prefix = secrets.token_hex(8)
        numbers = acknowledged_until_killed(
            partial(store_at, server.url, prefix=prefix)
        )
        server.kill()
        server.start()
        store = store_at(server.url, prefix=prefix)
        within_patience(lambda: answers(store))
        everything_is_there(store, numbers)
        store.close()


class TestFull:
    """
    A server that has no room, or may not be written.
    """

    @pytest.fixture(params=KINDS)
    def store(self, server, request):
        """
        An empty store of either kind.
        """
        store = store_at(server.url, request.param, prefix=secrets.token_hex(8))
        within_patience(lambda: answers(store))
        yield store
        store.close()

    @pytest.mark.parametrize(
        ("option", "full", "usual", "said"),
        [
            ("maxmemory", "1", "0", "OutOfMemoryError|OOM"),
            ("min-replicas-to-write", "1", "0", "NOREPLICAS"),
        ],
    )
    def test_nothing_can_be_written(self, store, server, option, full, usual, said):
        """
        The error is clear, what was acknowledged is read, and with room it goes on.
        """
        put(store, b"1")
        lead(store, b"a")
        client = redis.Redis.from_url(server.url)
        client.config_set(option, full)
        for verb in (lambda: put(store, b"2", key=b"2"), lambda: lead(store, b"b")):
            with pytest.raises(UnavailableError, match=said):
                verb()
        found = store.load(PLACE, now_s=NOW_S)[1]
        client.config_set(option, usual)
        client.close()

        assert (b"1", True, [b"a"]) == (found, put(store, b"2", key=b"2"), led(store))

    def test_a_wrong_password(self, server):
        """
        It is not said, and the error is.
        """
        store = store_at(server.url.replace("hidden", "planted"))
        with pytest.raises(UnavailableError, match="AuthenticationError") as ei:
            put(store)
        store.close()

        assert "planted" not in f"{ei.value}{ei.value!r}{store!r}"
