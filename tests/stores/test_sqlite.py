"""
The store in an SQLite file: also between processes, and when the file is bad.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from claims import ENDS_S, KEY, NOW_S, PLACE, StoreClaims, put, version_of

from cxcontext.errors import UnavailableError
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
        store.link(KEY, PLACE, now_s=NOW_S, expires_s=ENDS_S)
        store.close()
        again = SQLiteStore(path)
        found = again.load(PLACE, now_s=NOW_S), again.linked(KEY, now_s=NOW_S)
        again.close()

        assert ((1, b"1"), [PLACE]) == found

    def test_a_path_is_text_or_a_path(self, path):
        """
        The file is named in either way.
        """
        stores = [SQLiteStore(path), SQLiteStore(str(path))]
        put(stores[0], b"1")
        found = stores[1].load(PLACE, now_s=NOW_S)
        for store in stores:
            store.close()

        assert (1, b"1") == found

    def test_closed_it_opens_again_when_it_is_used(self, store):
        """
        Closing ends this thread's connection, any number of times, and no more.
        """
        put(store, b"1")
        store.close()
        store.close()

        assert (1, b"1") == store.load(PLACE, now_s=NOW_S)

    def test_its_repr_does_not_show_the_file(self, store):
        """
        The representation shows no path.
        """
        assert "<SQLiteStore>" == repr(store)

    def test_readers_go_on_while_somebody_writes(self, store, path):
        """
        A transaction that is still open keeps nobody from reading.
        """
        put(store, b"1")
        writer = sqlite3.connect(path, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM journey")
        found = store.load(PLACE, now_s=NOW_S)
        writer.execute("ROLLBACK")
        writer.close()

        assert (1, b"1") == found


class TestProcesses:
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

        assert ([""] * 4, (101, b"100")) == (errors, store.load(PLACE, now_s=NOW_S))

    def test_a_forked_process_has_connections_of_its_own(self, path):
        """
        A connection that was open before a fork is not used in the child.
        """
        script = (
            "import os, sys; from claims import *\n"
            "from cxcontext.stores.sqlite import SQLiteStore\n"
            "store = SQLiteStore(sys.argv[1])\n"
            "put(store, b'parent')\n"
            "before = store._local.connection\n"
            "child = os.fork()\n"
            "if child == 0:\n"
            "    done = put(store, b'child', version=version_of(store))\n"
            "    before_fork = store._before_fork[0].connection is before\n"
            "    mine = store._local.connection is not before\n"
            "    os._exit(0 if done and before_fork and mine else 1)\n"
            "_, status = os.waitpid(child, 0)\n"
            "print(status, store.load(PLACE, now_s=NOW_S),\n"
            "    store._local.connection is before)\n"
            "store.close()\n"
        )
        out, err = run(script, path).communicate()

        assert ("0 (2, b'child') True\n", "") == (out, err)

    def test_what_was_open_before_a_fork_is_not_closed(self, store):
        """
        In another process the old connection is kept, untouched.
        """
        put(store, b"1")
        before = store._local.connection
        store._pid = -1
        found = store.load(PLACE, now_s=NOW_S)
        kept = store._before_fork[0].connection
        kept.execute("SELECT 1")
        before.close()

        assert ((1, b"1"), before, True) == (
            found,
            kept,
            before is not store._local.connection,
        )


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

    @pytest.mark.parametrize("version", [2, 99, -1])
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
            lambda store: store.link(KEY, PLACE, now_s=NOW_S, expires_s=ENDS_S),
            lambda store: store.linked(KEY, now_s=NOW_S),
        ],
        ids=["load", "replace", "first", "link", "linked"],
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

    def test_a_writer_that_does_not_end(self, store, path, monkeypatch):
        """
        Whoever waited too long for their turn is told, and may try again.
        """
        put(store, b"1")
        store.close()
        monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0)
        writer = sqlite3.connect(path, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match="locked"):
            put(store, b"2", version=1)
        writer.execute("COMMIT")
        writer.close()

        assert put(store, b"2", version=1)

    def test_a_thread_has_a_connection_of_its_own(self, store):
        """
        What one thread has closed, another has open.
        """
        put(store, b"1")
        found = []

        def other():
            found.append(version_of(store))
            store.close()

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

        assert ([1], 1) == (found, store._local.connection and version_of(store))


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
