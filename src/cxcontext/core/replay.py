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
    Remembers deliveries until they expire; the oldest go first when it is full.
    """

    def __init__(self, *, size: int = MAX_SEEN) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, bytes, bytes], int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def seen(
        self, *, audience: str, key_id: bytes, delivery_id: bytes, expires_s: int
    ) -> bool:
        """
        Remember a delivery at its audience; say whether it was seen before.
        """
        key = (audience, key_id, delivery_id)
        with self._lock:
            if key in self._seen:
                return True
            self._seen[key] = expires_s
            while len(self._seen) > self._size:
                self._seen.popitem(last=False)
            return False
