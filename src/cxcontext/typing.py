"""
What users of the library may implement themselves, as protocols.

An implementation does not inherit from these; it has the same methods. Nothing
here does anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from cxcontext.core.carrier import Limits
    from cxcontext.core.keys import KeySet

__all__ = [
    "Carrier",
    "Clock",
    "ErasureSecrets",
    "KeySource",
    "Random",
    "Signer",
    "Store",
]

Clock: TypeAlias = Callable[[], datetime]
"""
Returns the present instant as an aware datetime.

.. versionadded:: 0.1.0
"""

Random: TypeAlias = Callable[[int], bytes]
"""
Returns that many unpredictable bytes, as `secrets.token_bytes` does.

.. versionadded:: 0.1.0
"""


@runtime_checkable
class Signer(Protocol):
    """
    Signs for a department: a private key in memory, or one in a KMS or an HSM.

    For the implementer: *key_id* and *algorithm* are those of the department's
    entry in the public key set and never change during the object's life.
    `sign` may be called from several threads at once. An error of the service
    behind it is raised as `cxcontext.errors.UnavailableError` when trying again
    can help. ESP256 signatures are the 64 raw bytes r and s, not DER, and s is
    at most half the group's order: replace s by n - s where the service
    returns a larger one.

    .. versionadded:: 0.1.0
    """

    @property
    def key_id(self) -> bytes:
        """
        The first 8 bytes of the public key's RFC 7638 SHA-256 thumbprint.
        """
        ...

    @property
    def algorithm(self) -> int:
        """
        The COSE algorithm: -19 (Ed25519) or -9 (ESP256).
        """
        ...

    def sign(self, data: bytes) -> bytes:
        """
        Return the 64 bytes of signature over *data*, unhashed as passed.
        """
        ...


@runtime_checkable
class KeySource(Protocol):
    """
    Where the public key set comes from when it is not a file read once.

    For the implementer: `load` is called when the trust domain is constructed,
    and again when an unknown key id is met, but at most once a minute (protocol,
    section 2). It may block; it may be called from any thread, by one
    at a time. Where the set travels over something that others can write to, it
    must be signed and the pin passed to `KeySet.from_json`.

    .. versionadded:: 0.1.0
    """

    def load(self) -> KeySet:
        """
        Return the present key set.

        Raises:
            cxcontext.errors.UnavailableError: When the source cannot be
                reached now. At construction that is passed on; later the key
                set at hand stays in use.
            cxcontext.errors.KeySetError: When what it holds is refused.
        """
        ...


@runtime_checkable
class ErasureSecrets(Protocol):
    """
    Where the secrets of erasable journeys are: keeps them, and deletes them for good.

    For the implementer: the library asks for a secret on every use and keeps
    none, so a secret that was deleted must no longer be returned after the time
    that you publish, by no process; that time is when every copy of the journey
    is unreadable. Keep secrets where no backup outlives it either. Both methods
    are called from any thread, `find` each time that a field is read: answer it
    from memory, within that time. Errors never contain a secret.

    .. versionadded:: 0.1.0
    """

    def create(self, journey_id: str) -> bytes:
        """
        Return 32 random bytes for a journey that begins, and keep them.

        The same ones, if it is asked again: a root that could not be sealed is
        tried again.

        Raises:
            cxcontext.errors.UnavailableError: When they cannot be kept now. The
                journey is not sealed then.
        """
        ...

    def find(self, journey_id: str) -> bytes | None:
        """
        Return the secret of a journey, or None: it was deleted, or never was here.

        Raises:
            cxcontext.errors.UnavailableError: When that cannot be said now. What
                is sealed under it cannot be read then.
        """
        ...


class Carrier(Protocol):
    """
    One message's metadata: headers, properties, attributes.

    For the implementer: wrap the library's own object and change nothing else
    in it. Names are compared as the protocol compares them: HTTP without case,
    Kafka with. Keep duplicates apart in `get_all`: two values are an error that
    only the propagator may judge.

    .. versionadded:: 0.1.0
    """

    @property
    def limits(self) -> Limits:
        """
        What the message takes.
        """
        ...

    def get_all(self, name: str) -> Sequence[str | bytes]:
        """
        Return every value under *name*, in order; empty when there is none.
        """
        ...

    def set(self, name: str, value: str | bytes) -> None:
        """
        Put *value* under *name*, in place of all others.
        """
        ...

    def remove(self, name: str) -> None:
        """
        Take away every value under *name*; nothing, when there is none.
        """
        ...


class Store(Protocol):
    """
    Where homes keep journeys: records found by an opaque lookup, and links.

    For the implementer: a store sees nothing but bytes, and decides nothing.
    What `replace` promises must hold between processes: of two writers that
    saw the same version, exactly one succeeds. Raise
    `cxcontext.errors.UnavailableError` when the engine cannot be reached.

    .. versionadded:: 0.1.0
    """

    def load(self, lookup: bytes, *, now_s: int) -> tuple[int, bytes] | None:
        """
        Return version and record; None when there is none, or it has expired.
        """
        ...

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

        None as *version* means that there must be no live record yet.
        """
        ...

    def link(self, key: bytes, lookup: bytes, *, now_s: int, expires_s: int) -> None:
        """
        Let *key* lead to *lookup*, besides what it leads to already.
        """
        ...

    def linked(self, key: bytes, *, now_s: int) -> Sequence[bytes]:
        """
        Return the lookups that *key* leads to, the latest linked first.
        """
        ...
