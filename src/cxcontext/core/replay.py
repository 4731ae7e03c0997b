"""
Which deliveries were seen already: a bounded memory of (signer, id).

A broker may deliver a message again. The same delivery in the same message is no
replay, so each is remembered with the message that it came in, where that is known.
"""

from __future__ import annotations

import threading
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

MAX_SEEN: Final = 100_000
# Those that wait in queues live for days, and must not push out those of requests.
SOON_S: Final = 3_600


_Key: TypeAlias = tuple[str, bytes, bytes]


class _Sight(NamedTuple):
    expires_s: int
    message: bytes | None


class ReplayCache:
    """
    Remembers deliveries; when it is full, the expired and first to expire go.

    Those that end within the hour, and those that live longer, are so many each.
    """

    def __init__(self, *, size: int = MAX_SEEN) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._soon: dict[_Key, _Sight] = {}
        self._later: dict[_Key, _Sight] = {}

    def __len__(self) -> int:
        return len(self._soon) + len(self._later)

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
            sight = self._soon.get(key) or self._later.get(key)
            if sight is not None:
                return message is None or sight.message != message
            memory = self._soon if expires_s - now_s <= SOON_S else self._later
            if len(memory) >= self._size:
                self._forget_expired(memory, now_s)
            memory[key] = _Sight(expires_s, message)
            return False

    def _forget_expired(self, memory: dict[_Key, _Sight], now_s: int) -> None:
        # Whole passes over a full memory stay rare: it must fill up again first.
        alive = {key: s for key, s in memory.items() if s.expires_s > now_s}
        if len(alive) >= self._size // 2:
            # Else the nearest to its end goes, not the one that came first.
            first = sorted(alive, key=lambda key: alive[key].expires_s)
            for key in first[: self._size // 10 + 1]:
                del alive[key]
        memory.clear()
        memory.update(alive)
