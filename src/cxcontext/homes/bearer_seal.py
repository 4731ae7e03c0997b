"""
Sealed so that only who brings the code, or the call id, can open it again.

Where it is found and with which key it is opened both derive from the pepper and
from what was brought (protocol, section 7). So the store cannot read it, and the
departments, who have the pepper, cannot list what they were not brought: a call
id is not guessed, while a code of nine digits is, by whoever has both the pepper
and the store.
"""

from __future__ import annotations

from typing import Final

import attrs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cxcontext.errors import RecordTamperedError
from cxcontext.hiding import unshown
from cxcontext.homes.pepper import Pepper

_SIV_KEY_BYTES: Final = 64  # RFC 5297: two keys, here of AES-256


@attrs.frozen(repr=False, field_transformer=unshown)
class BearerPlace:
    """
    Where something rests, and what opens it there.

    Attributes:
        lookup: Under what the store finds it.

    .. versionadded:: 0.1.0
    """

    lookup: bytes
    _secret: bytes
    _info: bytes

    def seal(self, data: bytes) -> bytes:
        """
        Return *data* sealed for this place: the same for the same.
        """
        return self._cipher().encrypt(data, [self.lookup])

    def open(self, sealed: bytes) -> bytes:
        """
        Return what was sealed for this place.

        Raises:
            RecordTamperedError: When it was not.
        """
        try:
            return self._cipher().decrypt(sealed, [self.lookup])
        # ValueError: shorter than a tag.
        except (InvalidTag, ValueError):
            raise RecordTamperedError from None

    def _cipher(self) -> AESSIV:
        # Only now: most places that are looked at have nothing in them.
        kdf = HKDF(SHA256(), _SIV_KEY_BYTES, salt=None, info=self._info)
        return AESSIV(kdf.derive(self._secret))


def bearer_place(pepper: Pepper, purpose: str, brought: bytes) -> BearerPlace:
    """
    Return the place of what is opened with *brought*.

    .. versionadded:: 0.1.0
    """
    secret = pepper.lookup(f"{purpose}/key", brought)
    return BearerPlace(
        pepper.lookup(purpose, brought), secret, f"cxcontext/1/{purpose}".encode()
    )
