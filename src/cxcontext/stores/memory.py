"""
A store in this process's memory: for tests, and for one process alone.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence


class MemoryStore:
    """
    Keeps everything until the process ends.

    .. versionadded:: 0.1.0
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: dict[bytes, tuple[int, bytes, int]] = {}
        self._links: dict[bytes, dict[bytes, int]] = {}

    def __repr__(self) -> str:
        return f"<MemoryStore of {len(self._records)} records>"

    def load(self, lookup: bytes, *, now_s: int) -> tuple[int, bytes] | None:
        """
        Return version and record, or None.
        """
        found = self._records.get(lookup)
        if found is None or found[2] <= now_s:
            return None
        return found[0], found[1]

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
        with self._lock:
            found = self.load(lookup, now_s=now_s)
            if (None if found is None else found[0]) != version:
                return False
            # No version comes twice, also not after an expired one.
            last = self._records.get(lookup, (0,))[0]
            self._records[lookup] = (last + 1, record, expires_s)
            return True

    def link(self, key: bytes, lookup: bytes, *, now_s: int, expires_s: int) -> None:
        """
        Let *key* lead to *lookup*.
        """
        with self._lock:
            links = self._links.setdefault(key, {})
            links.pop(lookup, None)
            links[lookup] = expires_s

    def linked(self, key: bytes, *, now_s: int) -> Sequence[bytes]:
        """
        Return the lookups that *key* leads to, the latest linked first.
        """
        with self._lock:
            links = self._links.get(key, {})
            alive = [lookup for lookup, ends in links.items() if ends > now_s]
        return alive[::-1]
