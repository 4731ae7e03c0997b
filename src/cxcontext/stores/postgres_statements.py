"""
What a store says to PostgreSQL for each verb, and how it makes its tables.

Pure functions; `cxcontext.stores.postgres` sends what they return. Every statement
is one whole transaction, finds its rows by the first column of the primary key, and
needs no order between keys: so tables may be partitioned by the hash of the key.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from cxcontext.errors import UnavailableError, UsageError

# Each so many writes, so many of what has expired go from each table at most: no
# call takes long, and yet more goes than comes.
SWEEP_EVERY_WRITES: Final = 128
SWEEP_AT_MOST: Final = 256
# Somebody whose clock is behind by less still finds what lives by that clock.
GRACE_S: Final = 3600
# Whoever makes or changes tables waits for this lock: "cxcontext" in ASCII, cut to 63
# bits.
_LOCK: Final = int.from_bytes(b"cxcontex", "big")

_TABLES: Final = {
    "record": """
    key bytea PRIMARY KEY, version bigint NOT NULL, record bytea NOT NULL,
    claimant bytea, expires_s bigint NOT NULL""",
    "link": """
    key bytea, value bytea, ordinal bigint NOT NULL, expires_s bigint NOT NULL,
    PRIMARY KEY (key, value)""",
    "count": """
    key bytea PRIMARY KEY, number bigint NOT NULL, expires_s bigint NOT NULL""",
}
# What is indexed for sweeping is the hour: where an update does not move it, the row
# stays on its page and no index is touched (PostgreSQL, "Heap-Only Tuples"). For that
# there must be room on the page, and dead rows must go soon.
_HOUR: Final = "hour bigint GENERATED ALWAYS AS (expires_s / 3600) STORED"
_ROOM: Final = "WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02)"

_STATEMENTS: Final = {
    "load": """
SELECT version, record FROM {schema}.record
WHERE key = %(key)s AND expires_s > %(now_s)s
""",
    "first": """
INSERT INTO {schema}.record (key, version, record, expires_s)
VALUES (%(key)s, %(new)s, %(record)s, %(expires_s)s)
ON CONFLICT (key) DO UPDATE SET version = excluded.version,
    record = excluded.record, expires_s = excluded.expires_s, claimant = NULL
    WHERE record.expires_s <= %(now_s)s
RETURNING 1
""",
    "next": """
UPDATE {schema}.record SET version = %(new)s, record = %(record)s,
    expires_s = %(expires_s)s, claimant = NULL
WHERE key = %(key)s AND version = %(seen)s AND expires_s > %(now_s)s
RETURNING 1
""",
    "claim": """
UPDATE {schema}.record
SET claimant = CASE WHEN substring(record FOR length(%(prefix)s)) = %(prefix)s
    THEN coalesce(claimant, %(claimant)s) ELSE claimant END
WHERE key = %(key)s AND expires_s > %(now_s)s
RETURNING CASE WHEN substring(record FOR length(%(prefix)s)) = %(prefix)s
    THEN claimant ELSE '' END, record
""",
    "remove": "DELETE FROM {schema}.record WHERE key = %(key)s RETURNING 1",
    "link": """
INSERT INTO {schema}.link (key, value, ordinal, expires_s)
VALUES (%(key)s, %(value)s, %(order)s, %(expires_s)s)
ON CONFLICT (key, value) DO UPDATE SET ordinal = excluded.ordinal,
    expires_s = excluded.expires_s
RETURNING 1
""",
    "linked": """
SELECT ordinal, value FROM {schema}.link
WHERE key = %(key)s AND expires_s > %(now_s)s AND ordinal <= %(highest)s
ORDER BY ordinal DESC, value DESC LIMIT %(limit)s
""",
    "unlink": """
DELETE FROM {schema}.link WHERE key = %(key)s AND value = %(value)s RETURNING 1
""",
    "increment": """
INSERT INTO {schema}.count AS known (key, number, expires_s)
VALUES (%(key)s, 1, %(expires_s)s)
ON CONFLICT (key) DO UPDATE SET
    number = CASE WHEN known.expires_s > %(now_s)s THEN known.number + 1 ELSE 1 END,
    expires_s = CASE WHEN known.expires_s > %(now_s)s THEN known.expires_s
        ELSE excluded.expires_s END
RETURNING number
""",
    # Asked of a table, which is up to date also in a transaction that waited.
    "is_made": """
SELECT count(*) FROM pg_catalog.pg_tables
WHERE schemaname = '{schema}' AND tablename = 'schema_version'
""",
    "version": "SELECT version FROM {schema}.schema_version",
    "at_first": "INSERT INTO {schema}.schema_version VALUES (0)",
    "stepped": "UPDATE {schema}.schema_version SET version = version + 1",
    # Two that sweep at once take different rows, and neither waits for a writer.
    "sweep": """
WITH records AS (
    DELETE FROM {schema}.record WHERE key IN (SELECT key FROM {schema}.record
        WHERE hour < %(hour)s LIMIT %(most)s FOR UPDATE SKIP LOCKED)
), links AS (
    DELETE FROM {schema}.link WHERE (key, value) IN (SELECT key, value
        FROM {schema}.link WHERE hour < %(hour)s LIMIT %(most)s FOR UPDATE SKIP LOCKED)
)
DELETE FROM {schema}.count WHERE key IN (SELECT key FROM {schema}.count
    WHERE hour < %(hour)s LIMIT %(most)s FOR UPDATE SKIP LOCKED)
RETURNING 1
""",
}

Arguments: TypeAlias = Mapping[str, int | bytes | None]
Rows: TypeAlias = Sequence[tuple[Any, ...]]


class Statements:
    """
    What is sent for each verb, the same for both kinds of store.

    Args:
        schema: In which all tables are.
        partitions: In how many tables each kind of row is kept, by hash of the key;
            1 is no partitioning. Counts when the tables are made, and not later.

    .. versionadded:: 0.1.0
    """

    def __init__(self, schema: str, partitions: int) -> None:
        if not re.fullmatch("[a-z_][a-z0-9_]{0,62}", schema):
            raise UsageError("a schema is small letters, digits and _, at most 63")
        if not 1 <= partitions <= 1024:
            raise UsageError("there are 1 to 1,024 partitions")
        self._schema, self._partitions = schema, partitions
        self._texts = {
            name: text.format(schema=schema).encode()
            for name, text in _STATEMENTS.items()
        }

    def __getitem__(self, name: str) -> bytes:
        return self._texts[name]

    def preparing(self) -> Generator[bytes, Rows]:
        """
        Yield what makes the tables or brings them up to date; take each one's rows.

        Whoever stops in the middle must roll back.
        """
        steps = self._steps()
        found = (yield self["version"])[0][0] if (yield self["is_made"])[0][0] else 0
        if found == len(steps):
            return
        yield b"BEGIN"
        yield b"SELECT pg_advisory_xact_lock(%d)" % _LOCK
        found = (yield self["version"])[0][0] if (yield self["is_made"])[0][0] else 0
        if not 0 <= found <= len(steps):
            raise UnavailableError(
                f"the store (its schema is version {found}, and this release of "
                f"cxcontext knows {len(steps)}: upgrade it)"
            )
        for step in steps[found:]:
            # A list takes no answers, as `yield from` would have it do.
            for statement in step:  # noqa: UP028
                yield statement
            yield self["stepped"]
        yield b"COMMIT"

    def _steps(self) -> list[list[bytes]]:
        """
        Return one list of statements for each version, from the version before it.
        """
        schema = self._schema
        first = [
            f"CREATE SCHEMA IF NOT EXISTS {schema}",
            f"CREATE TABLE {schema}.schema_version (version bigint PRIMARY KEY)",
        ]
        for name, columns in _TABLES.items():
            table = f"{schema}.{name}"
            if self._partitions == 1:
                first.append(f"CREATE TABLE {table} ({columns}, {_HOUR}) {_ROOM}")
            else:
                first.append(
                    f"CREATE TABLE {table} ({columns}, {_HOUR}) PARTITION BY HASH (key)"
                )
                first += (
                    f"CREATE TABLE {table}_{i} PARTITION OF {table} FOR VALUES "
                    f"WITH (MODULUS {self._partitions}, REMAINDER {i}) {_ROOM}"
                    for i in range(self._partitions)
                )
            first.append(f"CREATE INDEX {name}_hour ON {table} (hour)")
        first += [
            f"CREATE INDEX link_order ON {schema}.link (key, ordinal)",
            # What is sealed does not compress, and of what is stored so, a prefix
            # is read without the rest.
            f"ALTER TABLE {schema}.record ALTER record SET STORAGE EXTERNAL",
        ]
        return [[*(statement.encode() for statement in first), self["at_first"]]]


def replacing(
    key: bytes, record: bytes, version: int | None, now_s: int, expires_s: int
) -> tuple[str, Arguments]:
    """
    Return which statement replaces a record, and its arguments.

    .. versionadded:: 0.1.0
    """
    arguments: dict[str, int | bytes | None] = {
        "key": key,
        # Drawn from so many that none comes twice, also where a record was removed.
        "new": secrets.randbits(63),
        "record": record,
        "seen": version,
        "now_s": now_s,
        "expires_s": expires_s,
    }
    return ("first" if version is None else "next"), arguments


def claiming(key: bytes, claimant: bytes, prefix: bytes, now_s: int) -> Arguments:
    """
    Return the arguments of the statement that claims.

    .. versionadded:: 0.1.0
    """
    return {"key": key, "claimant": claimant, "prefix": prefix, "now_s": now_s}


def linking(key: bytes, value: bytes, order: int, expires_s: int) -> Arguments:
    """
    Return the arguments of the statement that links.

    .. versionadded:: 0.1.0
    """
    return {"key": key, "value": value, "order": order, "expires_s": expires_s}


def finding(key: bytes, now_s: int, until: int | None, limit: int) -> Arguments:
    """
    Return the arguments of the statement that finds what a key leads to.

    .. versionadded:: 0.1.0
    """
    highest = 2**53 if until is None else until
    return {"key": key, "now_s": now_s, "highest": highest, "limit": limit}


def counting(key: bytes, now_s: int, expires_s: int) -> Arguments:
    """
    Return the arguments of the statement that counts.

    .. versionadded:: 0.1.0
    """
    return {"key": key, "now_s": now_s, "expires_s": expires_s}


def sweeping(now_s: int) -> Arguments:
    """
    Return the arguments of the statement that sweeps.

    .. versionadded:: 0.1.0
    """
    return {"hour": (now_s - GRACE_S) // 3600, "most": SWEEP_AT_MOST}
