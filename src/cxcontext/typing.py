"""
What users of the library may implement themselves, as protocols.

An implementation does not inherit from these; it has the same methods. Nothing
here does anything.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from cxcontext.core.keys import KeySet

__all__ = ["Clock", "KeySource", "Random", "Signer"]

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
