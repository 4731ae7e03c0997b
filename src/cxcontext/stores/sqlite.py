"""
A store in one SQLite file: safe between the processes of one machine.

Write-ahead logging lets readers go on while somebody writes; a writer waits
for its turn instead of failing (https://www.sqlite.org/wal.html). Every thread
has a connection of its own, and so has every process that was forked.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Generator, Sequence
from os import PathLike, fspath
from typing import Final

from cxcontext.errors import UnavailableError

BUSY_TIMEOUT_S: Final = 10.0
SCHEMA_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS journey (
    lookup BLOB PRIMARY KEY,
    version INTEGER NOT NULL,
    record BLOB NOT NULL,
    expires_s INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS journey_expiry ON journey (expires_s);
CREATE TABLE IF NOT EXISTS link (
    key BLOB NOT NULL,
    lookup BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    expires_s INTEGER NOT NULL,
    PRIMARY KEY (key, lookup)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS link_expiry ON link (expires_s);
"""


class SQLiteStore:
    """
    Keeps journeys in one file.

    Args:
        path: The file; made when it is not there. Its folder must be writable.

    Raises:
        UnavailableError: When the file cannot be opened, or is of another schema.

    .. versionadded:: 0.1.0
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = fspath(path)
        self._local, self._pid = threading.local(), os.getpid()
        self._before_fork: list[threading.local] = []
        with self._connection() as connection:
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            if found not in (0, SCHEMA_VERSION):
                raise UnavailableError(f"the store, whose schema is version {found},")
            _use_wal(connection)
            connection.executescript(
                f"BEGIN IMMEDIATE; {_SCHEMA} "
                f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )

    def __repr__(self) -> str:
        return "<SQLiteStore>"

    def close(self) -> None:
        """
        Close this thread's connection.
        """
        local = self._own()
        connection = getattr(local, "connection", None)
        if connection is not None:
            connection.close()
            local.connection = None

    def load(self, lookup: bytes, *, now_s: int) -> tuple[int, bytes] | None:
        """
        Return version and record, or None.
        """
        with self._connection() as connection:
            found: tuple[int, bytes] | None = connection.execute(
                "SELECT version, record FROM journey "
                "WHERE lookup = ? AND expires_s > ?",
                (lookup, now_s),
            ).fetchone()
        return found

    def replace(
        self,
        lookup: bytes,
        record: bytes,
        *,
        version: int | None,
        now_s: int,
        expires_s: int,
    ) -> bool:
        """
        Store *record* if the version is still *version*; say whether it was.
        """
        with self._connection() as connection:
            if version is None:
                done = connection.execute(
                    "INSERT INTO journey VALUES (?, 1, ?, ?) "
                    "ON CONFLICT (lookup) DO UPDATE SET version = version + 1, "
                    "record = excluded.record, expires_s = excluded.expires_s "
                    "WHERE journey.expires_s <= ?",
                    (lookup, record, expires_s, now_s),
                )
            else:
                done = connection.execute(
                    "UPDATE journey SET version = version + 1, record = ?, "
                    "expires_s = ? WHERE lookup = ? AND version = ? "
                    "AND expires_s > ?",
                    (record, expires_s, lookup, version, now_s),
                )
            return done.rowcount == 1

    def link(self, key: bytes, lookup: bytes, *, now_s: int, expires_s: int) -> None:
        """
        Let *key* lead to *lookup*.
        """
        with self._connection() as connection:
            connection.execute(
                "INSERT INTO link VALUES (?1, ?2, (SELECT coalesce(max(sequence), 0) "
                "+ 1 FROM link WHERE key = ?1), ?3) ON CONFLICT (key, lookup) "
                "DO UPDATE SET sequence = excluded.sequence, "
                "expires_s = excluded.expires_s",
                (key, lookup, expires_s),
            )

    def linked(self, key: bytes, *, now_s: int) -> Sequence[bytes]:
        """
        Return the lookups that *key* leads to, the latest linked first.
        """
        with self._connection() as connection:
            found = connection.execute(
                "SELECT lookup FROM link WHERE key = ? AND expires_s > ? "
                "ORDER BY sequence DESC",
                (key, now_s),
            ).fetchall()
        return [lookup for (lookup,) in found]

    def _own(self) -> threading.local:
        """
        Return where this process keeps its connections, one per thread.
        """
        if self._pid != os.getpid():
            # https://www.sqlite.org/howtocorrupt.html, 2.6: a connection must not
            # be used after a fork, nor closed.
            self._before_fork.append(self._local)
            self._local, self._pid = threading.local(), os.getpid()
        return self._local

    @contextlib.contextmanager
    def _connection(self) -> Generator[sqlite3.Connection]:
        local = self._own()
        try:
            connection: sqlite3.Connection | None = getattr(local, "connection", None)
            if connection is None:
                # Autocommit: each statement here is one whole transaction.
                connection = sqlite3.connect(
                    self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None
                )
                local.connection = connection
            yield connection
        except sqlite3.Error as problem:
            # The engine's message may name the file, never a record.
            raise UnavailableError(f"the store ({problem})") from problem


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
