"""
Which heads a resting journey is known to have had.

A store that serves yesterday's record, or that was restored from a backup,
lacks one of them. They are remembered beside the records and in this process,
so that a store which takes back both is noticed as long as a process lives.

Each is known until its statement expires, or the record that it rested in: from
then on it may be missing for good reasons.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Any, Final, TypeAlias

import cxcontext as cx
from cxcontext.errors import RecordTamperedError
from cxcontext.homes.pepper import Pepper
from cxcontext.steps import Steps

MAX_REMEMBERED: Final = 10_000
# As many as an envelope may have (protocol, section 2), and as many again missing.
MAX_KNOWN: Final = 64
_ID_BYTES: Final = 32
_EXPIRY_BYTES: Final = 8
_ENTRY_BYTES: Final = _ID_BYTES + _EXPIRY_BYTES
# Each try means that another department noted its own in between.
_TRIES: Final = 100

# The heads' ids, and until when each is known.
Heads: TypeAlias = Mapping[bytes, int]


class KnownHeads:
    """
    Notes heads, and tells them again.
    """

    def __init__(self, pepper: Pepper, *, size: int = MAX_REMEMBERED) -> None:
        self._pepper = pepper
        self._size = size
        self._lock = threading.Lock()
        self._here: OrderedDict[str, Heads] = OrderedDict()

    def load(self, journey_id: str, *, now_s: int) -> Steps[frozenset[bytes]]:
        """
        Return the heads that a resting journey must have among its statements.
        """
        _, stored = yield from self._stored(journey_id, now_s=now_s)
        with self._lock:
            here = self._here.get(journey_id, {})
        known = {**stored, **here}
        return frozenset(head for head in known if known[head] > now_s)

    def note(
        self,
        journey: cx.Journey[Any],
        *,
        left_out: Collection[bytes] = (),
        now_s: int,
        expires_s: int,
    ) -> Steps[None]:
        """
        Remember the heads of a journey that rests now.

        Known ones that it lacks stay known: another department may have brought
        them home at the same time.

        Args:
            journey: The journey.
            left_out: Statements that it lacks because nobody believes them.
            now_s: The domain's clock.
            expires_s: Until when it rests.
        """
        journey_id, heads = str(journey.id), frozenset(journey.heads)
        present = {
            statement.id: min(statement.expires_s, expires_s)
            for statement in journey.context.statements
            if statement.id in heads
        }

        def with_missing(known: Heads) -> Heads:
            missing = journey.lacks(known).difference(left_out)
            kept = sorted((i, known[i]) for i in missing if known[i] > now_s)
            return dict([*present.items(), *kept][:MAX_KNOWN])

        with self._lock:
            self._here[journey_id] = with_missing(self._here.get(journey_id, {}))
            self._here.move_to_end(journey_id)
            while len(self._here) > self._size:
                self._here.popitem(last=False)
        lookup = self._lookup(journey_id)
        for _ in range(_TRIES):
            version, stored = yield from self._stored(journey_id, now_s=now_s)
            noted = with_missing(stored)
            if noted == stored:
                return
            sealed = self._pepper.seal("heads", _pack(noted), at=lookup)
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

    def _stored(
        self, journey_id: str, *, now_s: int
    ) -> Steps[tuple[int | None, Heads]]:
        lookup = self._lookup(journey_id)
        found = yield lambda store: store.load(lookup, now_s=now_s)
        if found is None:
            return None, {}
        version, sealed = found
        return version, _unpack(self._pepper.open("heads", sealed, at=lookup))


def _pack(heads: Heads) -> bytes:
    entries = (head + heads[head].to_bytes(_EXPIRY_BYTES) for head in sorted(heads))
    return b"".join(entries)


def _unpack(packed: bytes) -> Heads:
    if len(packed) % _ENTRY_BYTES:
        raise RecordTamperedError
    entries = (
        packed[at : at + _ENTRY_BYTES] for at in range(0, len(packed), _ENTRY_BYTES)
    )
    return {entry[:_ID_BYTES]: int.from_bytes(entry[_ID_BYTES:]) for entry in entries}
