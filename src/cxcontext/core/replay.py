"""
Which deliveries were seen already: a bounded memory of (signer, id).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

MAX_SEEN: Final = 100_000


class ReplayCache:
    """
    Remembers deliveries; when it is full, the expired and first to expire go.
    """

    def __init__(self, *, size: int = MAX_SEEN) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, bytes, bytes], int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def seen(
        self,
        *,
        audience: str,
        key_id: bytes,
        delivery_id: bytes,
        expires_s: int,
        now_s: int = 0,
    ) -> bool:
        """
        Remember a delivery at its audience; say whether it was seen before.
        """
        key = (audience, key_id, delivery_id)
        with self._lock:
            if key in self._seen:
                return True
            if len(self._seen) >= self._size:
                self._forget_expired(now_s)
            self._seen[key] = expires_s
            return False

    def _forget_expired(self, now_s: int) -> None:
        # Whole passes over a full memory stay rare: it must fill up again first.
        alive = {key: ends for key, ends in self._seen.items() if ends > now_s}
        if len(alive) < self._size // 2:
            self._seen = OrderedDict(alive)
            return
        # Else the nearest to its end goes, not the one that came first.
        first = sorted(alive, key=alive.__getitem__)[: self._size // 10 + 1]
        for key in first:
            del alive[key]
        self._seen = OrderedDict(alive)
