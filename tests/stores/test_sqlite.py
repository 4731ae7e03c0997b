"""
The store in an SQLite file: also between processes, and when the file is bad.
"""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from claims import (
    ENDS_S,
    KEY,
    NOW_S,
    PLACE,
    StoreClaims,
    lead,
    led,
    put,
    raised,
    version_of,
)
from crowds import SharedClaims

from cxcontext.errors import UnavailableError, UsageError
from cxcontext.stores import sqlite
from cxcontext.stores.sqlite import SQLiteStore

HERE = Path(__file__).parent


@pytest.fixture
def path(tmp_path):
    """
    Where the file is to be.
    """
    return tmp_path / "home.db"


@pytest.fixture
def store(path):
    """
    An empty store, with its file.
    """
    store = SQLiteStore(path)
    yield store
    store.close()


@pytest.fixture
def opened(path):
    """
    How another process opens the store.
    """
    return partial(SQLiteStore, path)


@pytest.fixture
def other(path):
    """
    Somebody else's connection to the file.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


def run(script, *arguments):
    """
    Start a Python process that runs *script*, with pipes.
    """
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])},
    )


class TestSQLiteStore(StoreClaims):
    """
    Every claim about stores holds for it.
    """

    def test_what_was_stored_outlives_the_store(self, store, path):
        """
        Another store on the same file has the same records and links.
        """
        put(store, b"1")
        lead(store, b"a")
        raised(store)
        before = store.load(PLACE, now_s=NOW_S)
        store.close()
        again = SQLiteStore(path)
        found = again.load(PLACE, now_s=NOW_S), led(again), raised(again)
        again.close()

        assert (before, [b"a"], 2) == found

    def test_a_path_is_text_or_a_path(self, path):
        """
        The file is named in either way.
        """
        stores = [SQLiteStore(path), SQLiteStore(str(path))]
        put(stores[0], b"1")
        found = stores[1].load(PLACE, now_s=NOW_S)
        for store in stores:
            store.close()

        assert b"1" == found[1]

    def test_closed_it_opens_again_when_it_is_used(self, store):
        """
        Closing ends the connections of the process, any number of times, and no more.
        """
        put(store, b"1")
        store.close()
        store.close()

        assert b"1" == store.load(PLACE, now_s=NOW_S)[1]

    def test_its_repr_does_not_show_the_file(self, store):
        """
        The representation shows no path.
        """
        assert "<SQLiteStore>" == repr(store)

    def test_readers_go_on_while_somebody_writes(self, store, other):
        """
        A transaction that is still open keeps nobody from reading.
        """
        put(store, b"1")
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM record")
        found = store.load(PLACE, now_s=NOW_S)
        other.execute("ROLLBACK")

        assert b"1" == found[1]

    def test_threads_share_connections(self, store):
        """
        Whoever comes later uses what rests; there are as many as were needed at once.
        """
        for _ in range(3):
            thread = threading.Thread(target=put, args=(store, b"1"))
            thread.start()
            thread.join()

        assert 1 == len(store._connections.resting)

    @pytest.mark.parametrize("path", ["", ":memory:"])
    def test_a_database_in_memory_is_refused(self, path):
        """
        It would be another one for every connection; the message names what to use.
        """
        with pytest.raises(UsageError, match="use MemoryStore"):
            SQLiteStore(path)

    @pytest.mark.parametrize(("word", "number"), [("FULL", 2), ("NORMAL", 1)])
    def test_how_surely_it_is_on_the_disk_is_chosen(self, path, word, number):
        """
        Every connection waits for the disk as long as was asked for.
        """
        store = SQLiteStore(path, synchronous=word)
        with store._connection() as connection:
            found = connection.execute("PRAGMA synchronous").fetchone()
        store.close()

        assert (number,) == found

    def test_not_to_wait_for_the_disk_at_all_is_no_choice(self, path):
        """
        With OFF a power cut could destroy the file.
        """
        with pytest.raises(UsageError, match="FULL"):
            SQLiteStore(path, synchronous="OFF")


class TestSweeping:
    """
    What has expired goes, by and by.
    """

    @pytest.fixture(autouse=True)
    def often(self, monkeypatch):
        """
        With every write, three of each table at most.
        """
        monkeypatch.setattr(sqlite, "SWEEP_EVERY_WRITES", 1)
        monkeypatch.setattr(sqlite, "SWEEP_AT_MOST", 3)

    def rows(self, other):
        """
        Return how many there are of each table.
        """
        return [
            other.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            for table in ("record", "link", "count")
        ]

    def test_what_has_long_expired_goes(self, store, other):
        """
        An hour after its end, some with every write; what lives stays.
        """
        for number in range(5):
            put(store, b"1", key=b"%d" % number)
            lead(store, b"%d" % number)
            raised(store, key=b"%d" % number)
        put(store, b"1", expires_s=ENDS_S * 9)
        seen = [self.rows(other)]
        for _ in range(2):
            lead(store, b"on", now_s=ENDS_S + 3600, expires_s=ENDS_S * 9)
            seen.append(self.rows(other))

        assert [[6, 5, 5], [3, 3, 2], [1, 1, 0]] == seen

    def test_who_is_behind_by_less_than_an_hour_loses_nothing(self, store):
        """
        A writer whose clock is ahead sweeps nothing that lives for others.
        """
        put(store, b"1")
        lead(store, b"on", key=b"other", now_s=ENDS_S + 3599, expires_s=ENDS_S * 9)

        assert b"1" == store.load(PLACE, now_s=NOW_S)[1]

    def test_a_sweep_that_fails_fails_nobody(self, store, other):
        """
        The write is what counts; sweeping has time.
        """
        other.execute("DROP TABLE count")

        assert (True, b"1") == (put(store, b"1"), store.load(PLACE, now_s=NOW_S)[1])


class TestSharedFile(SharedClaims):
    """
    Several processes on one file.
    """

    def test_a_new_file_may_be_opened_by_many_at_once(self, path):
        """
        Whoever of several processes is first makes the file, and nobody fails.
        """
        script = (
            "import sys; from cxcontext.stores.sqlite import SQLiteStore\n"
            "print('ready', flush=True)\n"
            "for line in sys.stdin:\n"
            "    store = SQLiteStore(line.strip())\n"
            "    store.close()\n"
            "    print('made', flush=True)\n"
        )
        processes = [run(script) for _ in range(4)]
        said = [[process.stdout.readline()] for process in processes]
        for number in range(15):
            for process in processes:
                process.stdin.write(f"{path}.{number}\n")
                process.stdin.flush()
        for process, lines in zip(processes, said, strict=True):
            out, err = process.communicate()
            lines += [*out.splitlines(keepends=True), err]

        assert [["ready\n", *["made\n"] * 15, ""]] * 4 == said

    def test_of_many_processes_exactly_one_replaces_a_version(self, store, path):
        """
        Counters that four processes raise by turns end at the number of raises.
        """
        script = (
            "import sys; from claims import *\n"
            "from cxcontext.stores.sqlite import SQLiteStore\n"
            "store = SQLiteStore(sys.argv[1])\n"
            "print('ready', flush=True); sys.stdin.readline()\n"
            "for _ in range(25):\n"
            "    done = False\n"
            "    while not done:\n"
            "        version, record = store.load(PLACE, now_s=NOW_S)\n"
            "        done = put(store, b'%d' % (int(record) + 1), version=version)\n"
            "store.close()\n"
        )
        put(store, b"0")
        processes = [run(script, path) for _ in range(4)]
        for process in processes:
            process.stdout.readline()
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        errors = [process.communicate()[1] for process in processes]

        assert ([""] * 4, b"100") == (errors, store.load(PLACE, now_s=NOW_S)[1])

    def test_a_forked_process_has_connections_of_its_own(self, path):
        """
        What was open before a fork is neither used nor closed in the child, nor is a
        turn waited for that a thread of the parent had.
        """
        script = (
            "import os, sys; from claims import *\n"
            "from cxcontext.stores.sqlite import SQLiteStore\n"
            "store = SQLiteStore(sys.argv[1])\n"
            "put(store, b'parent')\n"
            "before = store._connections\n"
            "with before.turn:\n"
            "    child = os.fork()\n"
            "if child == 0:\n"
            "    done = put(store, b'child', version=version_of(store))\n"
            "    before.resting[0].execute('SELECT 1')\n"
            "    kept = store._of_other_processes == [before]\n"
            "    os._exit(0 if done and kept else 1)\n"
            "_, status = os.waitpid(child, 0)\n"
            "print(status, store.load(PLACE, now_s=NOW_S)[1],\n"
            "    store._connections is before)\n"
            "store.close()\n"
        )
        out, err = run(script, path).communicate(timeout=60)

        assert ("0 b'child' True\n", "") == (out, err)


class TestUnavailable:
    """
    An engine that cannot be reached is one error, and harms nothing.
    """

    def test_a_folder_that_is_not_there(self, tmp_path):
        """
        A path in no folder is an error at once, that says to try again.
        """
        with pytest.raises(UnavailableError, match="try again"):
            SQLiteStore(tmp_path / "nowhere" / "home.db")

    def test_a_folder_in_place_of_the_file(self, tmp_path):
        """
        A directory is no store.
        """
        with pytest.raises(UnavailableError, match="the store"):
            SQLiteStore(tmp_path)

    @pytest.mark.parametrize("content", [b"no database" * 99, bytes(range(256)) * 99])
    def test_a_file_of_another_kind(self, path, content):
        """
        A file that is no database is an error, and stays as it was.
        """
        path.write_bytes(content)
        with pytest.raises(UnavailableError, match="the store"):
            SQLiteStore(path)

        assert content == path.read_bytes()

    @pytest.mark.parametrize("version", [3, 99, -1])
    def test_a_file_of_another_schema(self, path, version):
        """
        A file of another release is an error that names its schema; it is not changed.
        """
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.close()
        content = path.read_bytes()
        with pytest.raises(UnavailableError, match=f"schema is version {version}"):
            SQLiteStore(path)

        assert content == path.read_bytes()

    @pytest.mark.parametrize(
        "use",
        [
            lambda store: store.load(PLACE, now_s=NOW_S),
            lambda store: put(store, b"2", version=1),
            lambda store: put(store, b"2"),
            lambda store: store.remove(PLACE),
            lambda store: lead(store, b"a"),
            led,
            lambda store: store.unlink(KEY, b"a"),
            raised,
        ],
    )
    def test_a_file_that_was_destroyed(self, store, path, use):
        """
        Every verb says that the store is not available, and shows no bytes of it.
        """
        put(store, b"1")
        store.close()
        header = path.read_bytes()[:100]
        path.write_bytes(header + b"secret" * 20_000)
        with pytest.raises(UnavailableError) as ei:
            use(store)

        assert ("the store", False) == (
            str(ei.value)[:9],
            "secret" in str(ei.value) + repr(ei.value),
        )

    def test_a_writer_that_does_not_end(self, store, other, monkeypatch):
        """
        Whoever waited too long for their turn is told, and may try again.
        """
        put(store, b"1")
        seen = version_of(store)
        store.close()
        monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match="locked"):
            put(store, b"2", version=seen)
        other.execute("COMMIT")

        assert put(store, b"2", version=seen)

    def test_a_number_that_is_none(self, store):
        """
        What no engine could keep is an error at once, and harms no connection.
        """
        with pytest.raises(OverflowError):
            lead(store, b"a", order=2**64)

        assert [] == led(store)

    def test_a_full_disk(self, store, path, monkeypatch):
        """
        The write fails clearly, all that was acknowledged stays, and with room again
        it goes on.
        """
        for number in range(20):
            put(store, b"%d" % number, key=b"%d" % number)
        store.close()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 65536, hard))
        try:
            with pytest.raises(UnavailableError, match="disk"):
                put(store, bytes(500_000), key=b"large")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        found = [store.load(b"%d" % number, now_s=NOW_S)[1] for number in range(20)]

        assert ([b"%d" % number for number in range(20)], None, True) == (
            found,
            store.load(b"large", now_s=NOW_S),
            put(store, bytes(500_000), key=b"large"),
        )

    def test_a_full_database(self, store):
        """
        The same where SQLite's own limit is reached.
        """
        put(store, b"1")
        with store._connection() as connection:
            connection.execute("PRAGMA max_page_count = 20")
        with pytest.raises(UnavailableError, match="full"):
            put(store, bytes(200_000), key=b"large")

        assert (b"1", True) == (
            store.load(PLACE, now_s=NOW_S)[1],
            put(store, b"2", key=b"small"),
        )

    def test_a_file_that_may_only_be_read(self, store, monkeypatch):
        """
        What is there is found, and writing says why it cannot.
        """
        put(store, b"1")
        connect = sqlite3.connect

        def read_only(path, **options):
            return connect(f"{Path(path).as_uri()}?mode=ro", uri=True, **options)

        store.close()
        monkeypatch.setattr(sqlite3, "connect", read_only)
        with pytest.raises(UnavailableError, match="readonly"):
            put(store, b"2", version=version_of(store))

        assert b"1" == store.load(PLACE, now_s=NOW_S)[1]


class TestSchema:
    """
    Files of earlier releases.
    """

    def test_a_file_of_the_first_schema_is_brought_up_to_date(self, path, other):
        """
        What rests and what leads to it is there, and counting begins.
        """
        for statement in sqlite._STEPS[0].split(";"):
            other.execute(statement)
        other.execute("INSERT INTO journey VALUES (?, 7, ?, 2000)", (PLACE, b"old"))
        other.execute("INSERT INTO link VALUES (?, ?, 3, 2000)", (KEY, PLACE))
        other.execute("PRAGMA user_version = 1")
        store = SQLiteStore(path)
        found = (
            store.load(PLACE, now_s=NOW_S),
            store.linked(KEY, now_s=NOW_S),
            raised(store),
            put(store, b"new", version=7),
        )
        store.close()

        assert ((7, b"old"), [(3, PLACE)], 1, True) == found

    def test_a_step_that_fails_changes_nothing(self, path, other, monkeypatch):
        """
        Half a schema is none: the next one begins where this one did.
        """
        monkeypatch.setattr(
            sqlite, "_STEPS", (sqlite._STEPS[0], "CREATE TABLE a (b); nonsense")
        )
        with pytest.raises(UnavailableError, match="syntax error"):
            SQLiteStore(path)
        tables = other.execute("SELECT count(*) FROM sqlite_schema").fetchone()

        assert (0,) == tables


class TestWriteAheadLog:
    """
    Switching a file to write-ahead logging.
    """

    def test_a_file_is_switched_once_and_for_all(self, store, path):
        """
        Also who opens the file later finds it so.
        """
        connection = sqlite3.connect(path)
        mode = connection.execute("PRAGMA journal_mode").fetchone()
        connection.close()

        assert ("wal",) == mode

    def test_two_that_switch_at_once_take_turns(self, path):
        """
        Where another holds the lock, the switch waits for a turn and tries again.
        """
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("CREATE TABLE one (a)")
        other.execute("BEGIN IMMEDIATE")
        statements = []

        def told(statement):
            statements.append(statement)
            if statement.startswith("BEGIN"):
                other.execute("COMMIT")

        connection = sqlite3.connect(path, isolation_level=None)
        connection.set_trace_callback(told)
        sqlite._use_wal(connection)
        for opened in (connection, other):
            opened.close()

        assert [
            "PRAGMA journal_mode = WAL",
            "BEGIN EXCLUSIVE",
            "COMMIT",
            "PRAGMA journal_mode = WAL",
        ] == statements

    def test_what_cannot_be_written_is_not_tried_again(self, path):
        """
        An error that waiting does not mend is raised at once.
        """
        sqlite3.connect(path).execute("CREATE TABLE one (a)").connection.close()
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            sqlite._use_wal(connection)
        connection.close()
