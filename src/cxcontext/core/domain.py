"""
The trust domain: departments that share one vocabulary and one key set.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from cxcontext.core.department import Department
from cxcontext.core.events import Observer
from cxcontext.core.keys import KeySet, PrivateKeys
from cxcontext.core.numeric_date import to_seconds
from cxcontext.core.replay import ReplayCache
from cxcontext.core.verified_cache import VerifiedCache
from cxcontext.core.vocabulary import Vocabulary
from cxcontext.errors import (
    KeySetError,
    KeySetRollbackError,
    KeySetUnsignedError,
    UnavailableError,
    UsageError,
)
from cxcontext.typing import Clock, ErasureSecrets, KeySource, Random

V = TypeVar("V", bound=Vocabulary)


_REFUSED = (KeySetError, KeySetRollbackError, KeySetUnsignedError)

# An unknown key id makes the key source load again, at most this often.
REFRESH_INTERVAL_S = 60


def _utc_now() -> datetime:
    return datetime.now(UTC)


class TrustDomain(Generic[V]):
    """
    The organisation whose departments share a vocabulary and a key set.

    Make one at start-up and share it; it is safe to use from many threads. It
    holds caches of what was verified, bounded, and no customer's values.

    Args:
        name: The domain's name, as in the key set; every signature covers it.
        vocabulary: What the departments agree to call things.
        keys: The public key set, or a `KeySource` that loads it and loads it
            again when an unknown key appears.
        pin: The domain's public key, as in `KeySet.from_json`: then only key sets
            that were read with it are taken, now and later.
        clock: Returns the present instant; the system's, unless given.
        random: Returns unpredictable bytes; the system's, unless given.
        on_event: Called with every event of every department; see `Event`.

    Raises:
        UsageError: When the key set is another domain's.
        KeySetUnsignedError: When it was not read with the *pin*.
        KeySetError: When a key source's set is refused.
        UnavailableError: When a key source cannot be reached now.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        name: str,
        vocabulary: type[V],
        *,
        keys: KeySet | KeySource,
        pin: str | None = None,
        clock: Clock = _utc_now,
        random: Random = secrets.token_bytes,
        on_event: Observer | None = None,
    ) -> None:
        self.name = name
        self.vocabulary = vocabulary
        self.random = random
        self.observers: tuple[Observer, ...] = () if on_event is None else (on_event,)
        self.verified = VerifiedCache()
        self.replays = ReplayCache()
        self._clock = clock
        self._source: KeySource | None = None
        if not isinstance(keys, KeySet):
            if not isinstance(keys, KeySource):
                msg = f"keys is a {type(keys).__name__}; pass KeySet.load(path)"
                raise UsageError(msg)
            self._source = keys
            keys = keys.load()
        if keys.domain != name:
            msg = f"the key set is {keys.domain}'s, this domain is {name}; load its own"
            raise UsageError(msg)
        self._pin = pin
        self._check_pin(keys)
        self._key_set = keys
        self._lock = threading.Lock()
        self._refreshed_s = self.now_s()

    def __repr__(self) -> str:
        return f"<TrustDomain {self.name}, key set {self._key_set.sequence}>"

    @property
    def key_set(self) -> KeySet:
        """
        The present public key set.
        """
        return self._key_set

    def now_s(self) -> int:
        """
        The clock, in whole seconds.
        """
        return to_seconds(self._clock())

    def department(
        self,
        name: str,
        *,
        keys: PrivateKeys,
        secrets: ErasureSecrets | None = None,
        purpose: str | None = None,
        on_event: Callable[[Any], None] | None = None,
    ) -> Department[V]:
        """
        Return the department that this process is.

        Args:
            name: Its name in the key set.
            keys: Its private keys.
            secrets: Where it finds the secrets of erasable journeys. Without them
                it begins none, and what others write in one stays unreadable.
            purpose: For which W3C DPV purpose it reads, unless a call says another.
            on_event: Called with this department's events, besides the domain's.

        Raises:
            UnknownDepartmentError: When the key set has no such department.
            UsageError: When the private keys are another department's.

        .. versionadded:: 0.1.0
        """
        return Department(
            self, name, keys=keys, secrets=secrets, purpose=purpose, on_event=on_event
        )

    def update_keys(self, key_set: KeySet) -> None:
        """
        Use a newer key set from now on.

        Raises:
            KeySetUnsignedError: When a pin is set and it was not read with it.
            KeySetRollbackError: When its sequence is lower than the present one's.
            KeySetError: When it is another domain's, or moves a key id.

        .. versionadded:: 0.1.0
        """
        with self._lock:
            self._check_pin(key_set)
            self._key_set.check_successor(key_set)
            self._key_set = key_set

    def refresh(self) -> bool:
        """
        Load the key set again, at most once a minute; say whether it changed.

        A source that cannot be reached, or whose set is refused, changes nothing.
        """
        if self._source is None:
            return False
        with self._lock:
            now_s = self.now_s()
            if now_s - self._refreshed_s < REFRESH_INTERVAL_S:
                return False
            self._refreshed_s = now_s
            try:
                newer = self._source.load()
                self._check_pin(newer)
                self._key_set.check_successor(newer)
            # A source is foreign code; files and sockets raise OSError.
            except (UnavailableError, OSError, *_REFUSED):
                return False
            changed = newer is not self._key_set
            self._key_set = newer
            return changed

    def _check_pin(self, key_set: KeySet) -> None:
        if self._pin is not None and key_set.pinned_to != self._pin:
            raise KeySetUnsignedError
