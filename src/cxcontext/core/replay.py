"""
Which deliveries were seen already: a bounded memory of (signer, id).

A broker may deliver a message again. The same delivery in the same message is no
replay, so each is remembered with the message that it came in, where that is known.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from hashlib import sha256
from typing import Final, NamedTuple

MAX_SEEN: Final = 100_000


class _Sight(NamedTuple):
    expires_s: int
    message: bytes | None


class ReplayCache:
    """
    Remembers deliveries; when it is full, the expired and first to expire go.
    """

    def __init__(self, *, size: int = MAX_SEEN) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, bytes, bytes], _Sight] = OrderedDict()

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
        message_id: bytes | None = None,
    ) -> bool:
        """
        Remember a delivery at its audience; say whether it was seen before.

        Args:
            audience: Who received it.
            key_id: Whose delivery it is.
            delivery_id: Its id.
            expires_s: When it ends.
            now_s: The clock, in seconds.
            message_id: What message it came in. Seen before in the same one, it was
                delivered again by the broker, and counts as not seen.
        """
        key = (audience, key_id, delivery_id)
        # Of any length, and somebody else's choice.
        message = None if message_id is None else sha256(message_id).digest()[:16]
        with self._lock:
            sight = self._seen.get(key)
            if sight is not None:
                return message is None or sight.message != message
            if len(self._seen) >= self._size:
                self._forget_expired(now_s)
            self._seen[key] = _Sight(expires_s, message)
            return False

    def _forget_expired(self, now_s: int) -> None:
        # Whole passes over a full memory stay rare: it must fill up again first.
        alive = {key: s for key, s in self._seen.items() if s.expires_s > now_s}
        if len(alive) < self._size // 2:
            self._seen = OrderedDict(alive)
            return
        # Else the nearest to its end goes, not the one that came first.
        first = sorted(alive, key=lambda key: alive[key].expires_s)
        first = first[: self._size // 10 + 1]
        for key in first:
            del alive[key]
        self._seen = OrderedDict(alive)
