"""
A store in this process's memory: for tests, and for one process alone.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import count
from typing import Final

# Each so many writes, what has expired goes.
SWEEP_EVERY_WRITES: Final = 1024
# Somebody whose clock is behind by less still finds what lives by that clock.
GRACE_S: Final = 3600


class MemoryStore:
    """
    Keeps everything until it expires or the process ends.

    .. versionadded:: 0.1.0
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: dict[bytes, tuple[int, bytes, int]] = {}
        self._claims: dict[bytes, bytes] = {}
        self._links: dict[bytes, dict[bytes, tuple[int, int]]] = {}
        self._counts: dict[bytes, tuple[int, int]] = {}
        self._versions = count(1)
        self._writes_left = SWEEP_EVERY_WRITES

    def __repr__(self) -> str:
        return f"<MemoryStore of {len(self._records)} records>"

    def load(self, key: bytes, *, now_s: int) -> tuple[int, bytes] | None:
        """
        Return version and record, or None.
        """
        found = self._records.get(key)
        if found is None or found[2] <= now_s:
            return None
        return found[0], found[1]

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
        with self._lock:
            self._sweep(now_s)
            found = self.load(key, now_s=now_s)
            if (None if found is None else found[0]) != version:
                return False
            self._records[key] = (next(self._versions), record, expires_s)
            self._claims.pop(key, None)
            return True

    def claim(
        self, key: bytes, claimant: bytes, *, prefix: bytes, now_s: int
    ) -> tuple[bytes, bytes] | None:
        """
        Return claimant and record; the first *claimant* stays the record's.
        """
        with self._lock:
            found = self.load(key, now_s=now_s)
            if found is None:
                return None
            record = found[1]
            if not record.startswith(prefix):
                return b"", record
            return self._claims.setdefault(key, claimant), record

    def remove(self, key: bytes) -> None:
        """
        Remove the record at *key*.
        """
        with self._lock:
            self._records.pop(key, None)
            self._claims.pop(key, None)

    def link(
        self, key: bytes, value: bytes, *, order: int, now_s: int, expires_s: int
    ) -> None:
        """
        Let *key* lead to *value*.
        """
        with self._lock:
            self._sweep(now_s)
            self._links.setdefault(key, {})[value] = (order, expires_s)

    def linked(
        self, key: bytes, *, now_s: int, until: int | None = None, limit: int = 1000
    ) -> Sequence[tuple[int, bytes]]:
        """
        Return order and value of what *key* leads to, the highest order first.
        """
        with self._lock:
            found = [
                (order, value)
                for value, (order, expires_s) in self._links.get(key, {}).items()
                if expires_s > now_s and (until is None or order <= until)
            ]
        return sorted(found, reverse=True)[:limit]

    def unlink(self, key: bytes, value: bytes) -> None:
        """
        Let *key* no longer lead to *value*.
        """
        with self._lock:
            self._links.get(key, {}).pop(value, None)

    def increment(self, key: bytes, *, now_s: int, expires_s: int) -> int:
        """
        Count one more under *key*, and return how many.
        """
        with self._lock:
            self._sweep(now_s)
            number, ends_s = self._counts.get(key, (0, expires_s))
            if ends_s <= now_s:
                number, ends_s = 0, expires_s
            self._counts[key] = (number + 1, ends_s)
            return number + 1

    def _sweep(self, now_s: int) -> None:
        self._writes_left -= 1
        if self._writes_left > 0:
            return
        # A sweep looks at everything, so the next comes after as many writes.
        kept = len(self._records) + len(self._links) + len(self._counts)
        self._writes_left = max(SWEEP_EVERY_WRITES, kept)
        now_s -= GRACE_S
        self._records = {k: r for k, r in self._records.items() if r[2] > now_s}
        self._claims = {k: c for k, c in self._claims.items() if k in self._records}
        self._counts = {k: c for k, c in self._counts.items() if c[1] > now_s}
        alive = {
            key: {v: link for v, link in links.items() if link[1] > now_s}
            for key, links in self._links.items()
        }
        self._links = {key: links for key, links in alive.items() if links}
