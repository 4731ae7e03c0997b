"""
A store in one SQLite file: safe between the processes of one machine.

Write-ahead logging lets readers go on while somebody writes; a writer waits
for its turn instead of failing (https://www.sqlite.org/wal.html). The file must
be on a disk of this machine: the log's index is shared memory, which no network
file system has. Threads share connections by turns; a process that was forked
makes its own.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import threading
from collections.abc import Generator, Sequence
from itertools import count
from os import PathLike, fspath
from typing import Final, Literal

from cxcontext.errors import UnavailableError, UsageError

BUSY_TIMEOUT_S: Final = 10.0
# Each so many writes, so many of what has expired go from each table at most: no
# call takes long, and yet more goes than comes.
SWEEP_EVERY_WRITES: Final = 128
SWEEP_AT_MOST: Final = 256
# Somebody whose clock is behind by less still finds what lives by that clock.
GRACE_S: Final = 3600

# One step for every version of the schema, each from the version before it. Records
# are in a table with rows of their own: in one without, what is longer than about a
# quarter of a page goes onto a page of its own (sqlite.org/fileformat2.html, 1.6).
_STEPS: Final = (
    """
    CREATE TABLE journey (
        lookup BLOB PRIMARY KEY,
        version INTEGER NOT NULL,
        record BLOB NOT NULL,
        expires_s INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX journey_expiry ON journey (expires_s);
    CREATE TABLE link (
        key BLOB NOT NULL,
        lookup BLOB NOT NULL,
        sequence INTEGER NOT NULL,
        expires_s INTEGER NOT NULL,
        PRIMARY KEY (key, lookup)
    ) WITHOUT ROWID;
    CREATE INDEX link_expiry ON link (expires_s)
    """,
    """
    CREATE TABLE record (
        key BLOB PRIMARY KEY,
        version INTEGER NOT NULL,
        record BLOB NOT NULL,
        expires_s INTEGER NOT NULL,
        claimant BLOB
    );
    INSERT INTO record SELECT lookup, version, record, expires_s, NULL FROM journey;
    DROP TABLE journey;
    CREATE INDEX record_expiry ON record (expires_s);
    ALTER TABLE link RENAME COLUMN lookup TO value;
    ALTER TABLE link RENAME COLUMN sequence TO ordinal;
    CREATE INDEX link_order ON link (key, ordinal);
    CREATE TABLE count (
        key BLOB PRIMARY KEY,
        number INTEGER NOT NULL,
        expires_s INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX count_expiry ON count (expires_s)
    """,
)
SCHEMA_VERSION: Final = len(_STEPS)

_LOAD: Final = "SELECT version, record FROM record WHERE key = ? AND expires_s > ?"
_FIRST: Final = """
INSERT INTO record (key, version, record, expires_s) VALUES (?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET version = excluded.version,
    record = excluded.record, expires_s = excluded.expires_s, claimant = NULL
    WHERE record.expires_s <= ?
"""
_NEXT: Final = """
UPDATE record SET version = ?, record = ?, expires_s = ?, claimant = NULL
WHERE key = ? AND version = ? AND expires_s > ?
"""
# Of an empty record, substr makes NULL.
_CLAIM: Final = """
UPDATE record SET claimant = iif(ifnull(substr(record, 1, length(?1)), x'') = ?1,
    coalesce(claimant, ?2), claimant)
WHERE key = ?3 AND expires_s > ?4
RETURNING iif(ifnull(substr(record, 1, length(?1)), x'') = ?1, claimant, x''), record
"""
_REMOVE: Final = "DELETE FROM record WHERE key = ?"
_LINK: Final = """
INSERT INTO link (key, value, ordinal, expires_s) VALUES (?, ?, ?, ?)
ON CONFLICT (key, value) DO UPDATE SET ordinal = excluded.ordinal,
    expires_s = excluded.expires_s
"""
_LINKED: Final = """
SELECT ordinal, value FROM link WHERE key = ? AND expires_s > ? AND ordinal <= ?
ORDER BY ordinal DESC, value DESC LIMIT ?
"""
_UNLINK: Final = "DELETE FROM link WHERE key = ? AND value = ?"
_INCREMENT: Final = """
INSERT INTO count (key, number, expires_s) VALUES (?1, 1, ?2)
ON CONFLICT (key) DO UPDATE SET
    number = iif(expires_s > ?3, number + 1, 1),
    expires_s = iif(expires_s > ?3, expires_s, ?2)
RETURNING number
"""
_SWEEPS: Final = tuple(
    f"DELETE FROM {table} WHERE {key} IN "  # noqa: S608
    f"(SELECT {columns} FROM {table} WHERE expires_s <= ? LIMIT ?)"
    for table, key, columns in (
        ("record", "key", "key"),
        ("link", "(key, value)", "key, value"),
        ("count", "key", "key"),
    )
)


class _Connections:
    """
    What one process has open: connections that rest, and the writer's turn.
    """

    def __init__(self) -> None:
        self.process_id = os.getpid()
        self.resting: list[sqlite3.Connection] = []
        # Within the process a writer waits here, which is fair and wakes it at once;
        # between processes SQLite asks again after growing pauses.
        self.turn = threading.Lock()


class SQLiteStore:
    """
    Keeps everything in one file.

    Args:
        path: The file; made when it is not there. Its folder must be writable.
        synchronous: SQLite's own word. ``"FULL"``: what was acknowledged is on
            the disk, and survives a power cut. ``"NORMAL"``: it survives the end
            of the process, however sudden; a power cut may take the last writes.
            That is faster, and a reference may then be redeemed a second time.

    Raises:
        UsageError: For ``":memory:"``, which would be a database per connection.
        UnavailableError: When the file cannot be opened, or is of a newer schema.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
    ) -> None:
        self._path = fspath(path)
        if self._path in ("", ":memory:"):
            raise UsageError(
                "SQLite in memory is another database for every connection; "
                "use MemoryStore, or a file in a temporary directory"
            )
        if synchronous not in ("FULL", "NORMAL"):
            raise UsageError('synchronous is "FULL" or "NORMAL"')
        self._synchronous = synchronous
        self._connections = _Connections()
        self._of_other_processes: list[_Connections] = []
        self._writes = count()
        with self._connection() as connection:
            _migrate(connection)

    def __repr__(self) -> str:
        return "<SQLiteStore>"

    def close(self) -> None:
        """
        Close this process's connections; whoever uses the store opens new ones.
        """
        resting = self._own().resting
        while resting:
            resting.pop().close()

    def load(self, key: bytes, *, now_s: int) -> tuple[int, bytes] | None:
        """
        Return version and record, or None.
        """
        with self._connection() as connection:
            found: list[tuple[int, bytes]] = connection.execute(
                _LOAD, (key, now_s)
            ).fetchall()
        return found[0] if found else None

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
        # Drawn from so many that none comes twice, also where a record was removed.
        new = secrets.randbits(63)
        with self._writing(now_s) as connection:
            if version is None:
                done = connection.execute(_FIRST, (key, new, record, expires_s, now_s))
            else:
                done = connection.execute(
                    _NEXT, (new, record, expires_s, key, version, now_s)
                )
            return done.rowcount == 1

    def claim(
        self, key: bytes, claimant: bytes, *, prefix: bytes, now_s: int
    ) -> tuple[bytes, bytes] | None:
        """
        Return claimant and record; the first *claimant* stays the record's.
        """
        with self._writing() as connection:
            found: list[tuple[bytes, bytes]] = connection.execute(
                _CLAIM, (prefix, claimant, key, now_s)
            ).fetchall()
        return found[0] if found else None

    def remove(self, key: bytes) -> None:
        """
        Remove the record at *key*.
        """
        with self._writing() as connection:
            connection.execute(_REMOVE, (key,))

    def link(
        self, key: bytes, value: bytes, *, order: int, now_s: int, expires_s: int
    ) -> None:
        """
        Let *key* lead to *value*.
        """
        with self._writing(now_s) as connection:
            connection.execute(_LINK, (key, value, order, expires_s))

    def linked(
        self, key: bytes, *, now_s: int, until: int | None = None, limit: int = 1000
    ) -> Sequence[tuple[int, bytes]]:
        """
        Return order and value of what *key* leads to, the highest order first.
        """
        highest = 2**53 if until is None else until
        with self._connection() as connection:
            return connection.execute(_LINKED, (key, now_s, highest, limit)).fetchall()

    def unlink(self, key: bytes, value: bytes) -> None:
        """
        Let *key* no longer lead to *value*.
        """
        with self._writing() as connection:
            connection.execute(_UNLINK, (key, value))

    def increment(self, key: bytes, *, now_s: int, expires_s: int) -> int:
        """
        Count one more under *key*, and return how many.
        """
        with self._writing(now_s) as connection:
            counted: list[tuple[int]] = connection.execute(
                _INCREMENT, (key, expires_s, now_s)
            ).fetchall()
        return counted[0][0]

    def _own(self) -> _Connections:
        """
        Return the connections of this process.
        """
        if self._connections.process_id != os.getpid():
            # https://www.sqlite.org/howtocorrupt.html, 2.6: a connection must not
            # be used after a fork, nor closed.
            self._of_other_processes.append(self._connections)
            self._connections = _Connections()
        return self._connections

    @contextlib.contextmanager
    def _connection(self) -> Generator[sqlite3.Connection]:
        resting = self._own().resting
        connection = None
        try:
            try:
                connection = resting.pop()
            except IndexError:
                connection = self._connect()
            yield connection
        except BaseException as problem:
            # Whatever is wrong with it, the next one is new.
            if connection is not None:
                connection.close()
            if not isinstance(problem, sqlite3.Error):
                raise
            # The engine's message may name a table, never a key or a record.
            raise UnavailableError(f"the store ({problem})") from problem
        else:
            resting.append(connection)

    @contextlib.contextmanager
    def _writing(self, now_s: int | None = None) -> Generator[sqlite3.Connection]:
        with self._own().turn, self._connection() as connection:
            if now_s is not None and next(self._writes) % SWEEP_EVERY_WRITES == 0:
                # What is not swept now is swept another time.
                with contextlib.suppress(sqlite3.Error):
                    for sweep in _SWEEPS:
                        connection.execute(sweep, (now_s - GRACE_S, SWEEP_AT_MOST))
            yield connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path,
            timeout=BUSY_TIMEOUT_S,
            # Autocommit: each statement here is one whole transaction.
            isolation_level=None,
            # They are used by one thread at a time.
            check_same_thread=False,
        )
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        # What is removed is overwritten: it may be the secret of an erased journey.
        connection.execute("PRAGMA secure_delete = ON")
        return connection


def _migrate(connection: sqlite3.Connection) -> None:
    """
    Make the schema, or bring it up to date, while others may be at it, too.
    """
    if _version_of(connection) == SCHEMA_VERSION:
        return
    _use_wal(connection)
    connection.execute("BEGIN IMMEDIATE")
    for step in _STEPS[_version_of(connection) :]:
        for statement in step.split(";"):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _version_of(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if not 0 <= found <= SCHEMA_VERSION:
        raise UnavailableError(
            f"the store (its schema is version {found}, and this release of cxcontext "
            f"knows {SCHEMA_VERSION}: upgrade it)"
        )
    return int(found)


def _use_wal(connection: sqlite3.Connection) -> None:
    """
    Switch a new file to write-ahead logging, while others may be at it, too.
    """
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            # Two that switch at once both give way instead of waiting for each
            # other; for a transaction, everybody waits.
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
        else:
            return
