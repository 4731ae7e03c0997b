"""
Which heads a resting journey is known to have had.

A store that serves yesterday's record, or that was restored from a backup,
lacks one of them. They are remembered beside the records and in this process,
so that a store which takes back both is noticed as long as a process lives.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection
from typing import Any, Final

import cxcontext as cx
from cxcontext.errors import RecordTamperedError
from cxcontext.homes.pepper import Pepper
from cxcontext.steps import Steps

MAX_REMEMBERED: Final = 10_000
# As many as an envelope may have (protocol, section 2), and as many again missing.
MAX_KNOWN: Final = 64
_ID_BYTES: Final = 32
# Others note theirs at the same time; what they write is as good.
_TRIES: Final = 3


class KnownHeads:
    """
    Notes heads, and tells them again.
    """

    def __init__(self, pepper: Pepper, *, size: int = MAX_REMEMBERED) -> None:
        self._pepper = pepper
        self._size = size
        self._lock = threading.Lock()
        self._here: OrderedDict[str, frozenset[bytes]] = OrderedDict()

    def load(self, journey_id: str, *, now_s: int) -> Steps[frozenset[bytes]]:
        """
        Return the heads that a resting journey must have among its statements.
        """
        lookup = self._lookup(journey_id)
        found = yield lambda store: store.load(lookup, now_s=now_s)
        stored = frozenset() if found is None else self._read(lookup, found[1])
        with self._lock:
            return stored | self._here.get(journey_id, frozenset())

    def note(
        self, journey: cx.Journey[Any], *, now_s: int, expires_s: int
    ) -> Steps[None]:
        """
        Remember the heads of a journey that rests now.

        Known ones that it lacks stay known: another department may have brought
        them home at the same time.
        """
        journey_id = str(journey.id)
        with self._lock:
            missing = journey.lacks(self._here.get(journey_id, ()))
            self._here[journey_id] = _bounded(journey.heads, missing)
            self._here.move_to_end(journey_id)
            while len(self._here) > self._size:
                self._here.popitem(last=False)
        lookup = self._lookup(journey_id)
        for _ in range(_TRIES):
            found = yield lambda store: store.load(lookup, now_s=now_s)
            stored = frozenset() if found is None else self._read(lookup, found[1])
            heads = _bounded(journey.heads, journey.lacks(stored))
            sealed = self._pepper.seal("heads", b"".join(sorted(heads)), at=lookup)
            version = None if found is None else found[0]
            done = yield lambda store: store.replace(
                lookup,
                sealed,  # noqa: B023
                version=version,  # noqa: B023
                now_s=now_s,
                expires_s=expires_s,
            )
            if done:
                return

    def forget(self, journey_id: str) -> Steps[None]:
        """
        Require nothing of this journey any more.
        """
        with self._lock:
            self._here.pop(journey_id, None)
        lookup = self._lookup(journey_id)
        yield lambda store: store.remove(lookup)

    def _lookup(self, journey_id: str) -> bytes:
        return self._pepper.lookup("heads", journey_id.encode())

    def _read(self, lookup: bytes, sealed: bytes) -> frozenset[bytes]:
        packed = self._pepper.open("heads", sealed, at=lookup)
        if len(packed) % _ID_BYTES:
            raise RecordTamperedError
        return frozenset(
            packed[at : at + _ID_BYTES] for at in range(0, len(packed), _ID_BYTES)
        )


def _bounded(heads: Collection[bytes], missing: Collection[bytes]) -> frozenset[bytes]:
    return frozenset([*heads, *sorted(missing)][:MAX_KNOWN])
