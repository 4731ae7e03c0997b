"""
The pepper: what departments know and stores do not.

Whatever a home writes that could lead to a customer or a journey goes through
it first (protocol, section 7): what is looked up becomes an HMAC-SHA256, what
must be read again is encrypted. Keys are separated by HKDF-SHA256 (RFC 5869),
one for each purpose; encryption is AES-SIV (RFC 5297), which makes the same of
the same, so that a link can be found again and replaced.
"""

from __future__ import annotations

import hmac
from functools import cache
from typing import ClassVar, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cxcontext.errors import RecordTamperedError, UsageError
from cxcontext.pickling import NotPicklable

MIN_PEPPER_BYTES: Final = 32
_MAC_KEY_BYTES: Final = 32
_SIV_KEY_BYTES: Final = 64  # RFC 5297: two keys, here of AES-256


class Pepper(NotPicklable):
    """
    Derives what a store may see.

    Args:
        secret: 32 random bytes or more, the same at every department.

    Raises:
        UsageError: When the secret is too short.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "load the pepper where it is used"

    def __init__(self, secret: bytes) -> None:
        if not isinstance(secret, bytes) or len(secret) < MIN_PEPPER_BYTES:
            msg = f"a pepper is {MIN_PEPPER_BYTES} random bytes or more"
            raise UsageError(msg)

        @cache
        def derived(purpose: str, size_bytes: int) -> bytes:
            info = f"cxcontext/1/{purpose}".encode()
            return HKDF(SHA256(), size_bytes, salt=None, info=info).derive(secret)

        self._derived = derived

    def __repr__(self) -> str:
        return "<Pepper>"

    def lookup(self, purpose: str, data: bytes) -> bytes:
        """
        Return the 32 bytes under which a store finds *data* for *purpose*.
        """
        key = self._derived(f"lookup/{purpose}", _MAC_KEY_BYTES)
        return hmac.digest(key, data, "sha256")

    def seal(self, purpose: str, data: bytes, *, at: bytes) -> bytes:
        """
        Return *data* for the place *at* in a store: the same for the same.
        """
        return self._cipher(purpose).encrypt(data, [at])

    def open(self, purpose: str, sealed: bytes, *, at: bytes) -> bytes:
        """
        Return what was sealed for the place *at*.

        Raises:
            RecordTamperedError: When it was not, or for another place.
        """
        try:
            return self._cipher(purpose).decrypt(sealed, [at])
        # ValueError: shorter than a tag.
        except (InvalidTag, ValueError):
            raise RecordTamperedError from None

    def _cipher(self, purpose: str) -> AESSIV:
        return AESSIV(self._derived(f"seal/{purpose}", _SIV_KEY_BYTES))
