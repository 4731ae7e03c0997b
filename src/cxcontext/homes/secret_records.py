"""
What a store keeps of an erasable journey's secret, and of its erasure.

A secret is found under the pepper and sealed under it. When it is deleted, a
tombstone stays, by which a home knows for years that nothing more is to be
brought there.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple

import attrs

from cxcontext.errors import JourneyErasedError, RecordTamperedError, UnavailableError
from cxcontext.hiding import unshown
from cxcontext.homes.pepper import Pepper
from cxcontext.steps import Steps
from cxcontext.typing import Random

SECRET_BYTES: Final = 32
# Twice the longest that a statement lives, unless the key set says otherwise: a
# journey to which somebody adds today may be read for 90 days.
SECRET_LIFETIME: Final = timedelta(days=180)
# Longer than anybody would go on adding to a copy that the home does not know of.
TOMBSTONE_LIFETIME: Final = timedelta(days=3650)
_INSTANT_BYTES: Final = 8
_TRIES: Final = 10


@attrs.frozen(repr=False, field_transformer=unshown)
class SecretRecords:
    """
    The rules of secrets, for stores of either kind.
    """

    pepper: Pepper
    lifetime_s: int

    def lookup(self, journey_id: str) -> bytes:
        """
        Return under what a journey's secret is kept.
        """
        return self.pepper.lookup("secret", journey_id.encode())

    def create(self, journey_id: str, *, random: Random, now_s: int) -> Steps[bytes]:
        """
        Return the secret of a journey that begins, kept from now on.

        Raises:
            UnavailableError: When it cannot be kept.
        """
        for _ in range(_TRIES):
            held = yield from self.find(journey_id, now_s=now_s)
            if held is not None:
                return held
            secret = random(SECRET_BYTES)
            if (yield from self._keep(journey_id, secret, None, now_s=now_s)):
                return secret
        raise UnavailableError("the store of secrets")

    def find(self, journey_id: str, *, now_s: int) -> Steps[bytes | None]:
        """
        Return the secret of a journey, or None.

        What is used is kept on: for its whole lifetime again, once half is over.

        Raises:
            RecordTamperedError: When the store returned something else.
        """
        lookup = self.lookup(journey_id)
        found = yield lambda store: store.load(lookup, now_s=now_s)
        if found is None:
            return None
        version, sealed = found
        packed = self.pepper.open("secret", sealed, at=lookup)
        if len(packed) != SECRET_BYTES + _INSTANT_BYTES:
            raise RecordTamperedError
        secret, since = packed[:SECRET_BYTES], packed[SECRET_BYTES:]
        if now_s - int.from_bytes(since) > self.lifetime_s // 2:
            # Of an erasure in between this leaves nothing: its version is gone.
            yield from self._keep(journey_id, secret, version, now_s=now_s)
        return secret

    def is_kept(self, journey_id: str, *, now_s: int) -> Steps[bool]:
        """
        Whether there is a secret of a journey.
        """
        lookup = self.lookup(journey_id)
        found = yield lambda store: store.load(lookup, now_s=now_s)
        return found is not None

    def forget(self, journey_id: str) -> Steps[None]:
        """
        Delete the secret of a journey.
        """
        lookup = self.lookup(journey_id)
        yield lambda store: store.remove(lookup)

    def _keep(
        self, journey_id: str, secret: bytes, version: int | None, *, now_s: int
    ) -> Steps[bool]:
        lookup = self.lookup(journey_id)
        packed = secret + now_s.to_bytes(_INSTANT_BYTES)
        sealed = self.pepper.seal("secret", packed, at=lookup)
        kept: bool = yield lambda store: store.replace(
            lookup,
            sealed,
            version=version,
            now_s=now_s,
            expires_s=now_s + self.lifetime_s,
        )
        return kept


class Tombstone(NamedTuple):
    """
    That a journey was erased.

    Attributes:
        at_s: When, in seconds.
        erasable: Whether it was an erasable journey; None if nobody could tell.
    """

    at_s: int
    erasable: bool | None


_ERASABLE: Final = (None, False, True)


@attrs.frozen(repr=False, field_transformer=unshown)
class Tombstones:
    """
    Which journeys were erased here, and when.
    """

    pepper: Pepper

    def load(self, journey_id: str, *, now_s: int) -> Steps[Tombstone | None]:
        """
        Return the tombstone of a journey, or None.

        Raises:
            RecordTamperedError: When the store returned something else.
        """
        lookup = self.pepper.lookup("tombstone", journey_id.encode())
        found = yield lambda store: store.load(lookup, now_s=now_s)
        if found is None:
            return None
        packed = self.pepper.open("tombstone", found[1], at=lookup)
        return Tombstone(int.from_bytes(packed[:-1]), _ERASABLE[packed[-1]])

    def check(self, journey_id: str, *, now_s: int) -> Steps[None]:
        """
        Refuse a journey that was erased.

        Raises:
            JourneyErasedError: When it was.
        """
        if (yield from self.load(journey_id, now_s=now_s)) is not None:
            raise JourneyErasedError(journey_id)

    def put(
        self, journey_id: str, *, at_s: int, erasable: bool | None, now_s: int
    ) -> Steps[Tombstone]:
        """
        Let a journey be erased from now on; return the first tombstone of it.
        """
        lookup = self.pepper.lookup("tombstone", journey_id.encode())
        packed = at_s.to_bytes(_INSTANT_BYTES) + bytes([_ERASABLE.index(erasable)])
        sealed = self.pepper.seal("tombstone", packed, at=lookup)
        expires_s = now_s + int(TOMBSTONE_LIFETIME.total_seconds())
        yield lambda store: store.replace(
            lookup, sealed, version=None, now_s=now_s, expires_s=expires_s
        )
        stone = yield from self.load(journey_id, now_s=now_s)
        return stone or Tombstone(at_s, erasable)
