"""
References: 48 characters that fetch a journey from a store.

Layout (30 bytes, RFC 4648 base32 without padding, which always begins ``CX``):

====== ================================================================
0      0x15; another value is another version
1      0xC0 and the number of the minting key, 0 to 63
2-5    expiry, seconds since 1970, big-endian
6-20   120 random bits, under whose SHA-256 the record is found
21-29  the first 72 bits of HMAC-SHA256(key, ``cxref1|`` + bytes 0 to 20)
====== ================================================================

The check value lets an edge drop what is forged or expired without asking the
store. It authorises nothing: whoever redeems must be a department that the
reference was minted for.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32decode, b32encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from types import MappingProxyType
from typing import ClassVar, Final

import attrs

from cxcontext.errors import (
    ReferenceExpiredError,
    ReferenceForgedError,
    ReferenceMalformedError,
    UsageError,
)
from cxcontext.hiding import hiding, unshown
from cxcontext.pickling import NotPicklable
from cxcontext.typing import Random

REFERENCE_BYTES: Final = 30
REFERENCE_CHARS: Final = 48
MAX_KEY_NUMBER: Final = 63
MIN_KEY_BYTES: Final = 32
_ID_BYTES: Final = 15
_CHECK_BYTES: Final = 9
_FIRST: Final = 0x15
_KEY_BITS: Final = 0xC0
_LATEST_S: Final = 2**32 - 1
_TEXT: Final = re.compile(r"CX[A-Z2-7]{46}")
_SHOWN_CHARS: Final = 8


@attrs.frozen(repr=False, field_transformer=unshown)
class Reference(NotPicklable):
    """
    A short capability that fetches an envelope from a store.

    ``str`` gives the 48 characters, ``bytes`` the 30 bytes; ``repr`` only the
    first eight characters, which tell the version and the minting key.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "pass on str(reference) knowingly"

    _raw: bytes = attrs.field(alias="raw")

    def __str__(self) -> str:
        return b32encode(self._raw).decode("ascii")

    def __bytes__(self) -> bytes:
        return self._raw

    def __repr__(self) -> str:
        return f"<Reference {str(self)[:_SHOWN_CHARS]}...>"

    def __format__(self, _spec: str) -> str:
        # In an f-string it would be in a log before anybody thinks of it.
        return repr(self)

    @property
    def id(self) -> bytes:
        """
        The 120 random bits.
        """
        return self._raw[6 : 6 + _ID_BYTES]

    @property
    def lookup(self) -> bytes:
        """
        Under what a store finds the record.
        """
        return sha256(self.id).digest()

    @property
    def expires_s(self) -> int:
        """
        From when on it is not redeemed, in seconds since 1970.
        """
        return int.from_bytes(self._raw[2:6])

    @property
    def expires_at(self) -> datetime:
        """
        From when on it is not redeemed.
        """
        return datetime.fromtimestamp(self.expires_s, UTC)


def _keys(keys: Mapping[int, bytes]) -> Mapping[int, bytes]:
    for number, key in keys.items():
        if not 0 <= number <= MAX_KEY_NUMBER:
            raise UsageError(f"a reference key's number is 0 to {MAX_KEY_NUMBER}")
        if not isinstance(key, bytes) or len(key) < MIN_KEY_BYTES:
            msg = f"a reference key is {MIN_KEY_BYTES} random bytes or more"
            raise UsageError(msg)
    return MappingProxyType(dict(keys))


@attrs.frozen(repr=False, field_transformer=unshown)
class ReferenceKeys(NotPicklable):
    """
    The keys that references are minted and checked with.

    Args:
        keys: By number, 0 to 63: 32 random bytes or more each. Old ones stay
            until the last reference that they minted has expired.
        minting: The number of the one that mints; the highest, unless given.

    Raises:
        UsageError: When there is none, or one is too short.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "load the keys where they are used"

    _keys: Mapping[int, bytes] = attrs.field(alias="keys", converter=_keys)
    minting: int = attrs.field(
        kw_only=True,
        default=attrs.Factory(
            lambda self: max(self._keys, default=-1), takes_self=True
        ),
    )

    def __attrs_post_init__(self) -> None:
        if self.minting not in self._keys:
            raise UsageError(
                "no reference key mints; pass {0: secrets.token_bytes(32)}"
            )

    def __repr__(self) -> str:
        return f"<ReferenceKeys {sorted(self._keys)}, {self.minting} mints>"

    def mint(self, *, expires_s: int, random: Random) -> Reference:
        """
        Return a new reference.

        Args:
            expires_s: From when on it is not redeemed; before the year 2106.
            random: The source of its id.

        Raises:
            UsageError: When the expiry does not fit into 32 bits.
        """
        if not 0 <= expires_s <= _LATEST_S:
            raise UsageError("a reference expires before the year 2106")
        head = bytes([_FIRST, _KEY_BITS | self.minting]) + expires_s.to_bytes(4)
        head += random(_ID_BYTES)
        return Reference(head + self._check(self._keys[self.minting], head))

    @hiding
    def parse(self, text: str | bytes, *, now_s: int) -> Reference:
        """
        Return the reference that *text* is, checked without a store.

        Args:
            text: The 48 characters, as ``str`` or ASCII, or the 30 bytes.
            now_s: The reader's clock, in seconds.

        Raises:
            ReferenceMalformedError: It is not one at all.
            ReferenceForgedError: None of our keys minted it, or it was changed.
            ReferenceExpiredError: It has expired.
        """
        raw = _raw(text)
        key = self._keys.get(raw[1] & MAX_KEY_NUMBER)
        head, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
        if key is None or not hmac.compare_digest(check, self._check(key, head)):
            raise ReferenceForgedError
        reference = Reference(raw)
        if reference.expires_s <= now_s:
            raise ReferenceExpiredError
        return reference

    @staticmethod
    def _check(key: bytes, head: bytes) -> bytes:
        return hmac.digest(key, b"cxref1|" + head, "sha256")[:_CHECK_BYTES]


def _raw(text: str | bytes) -> bytes:
    if isinstance(text, bytes) and len(text) == REFERENCE_BYTES:
        raw = text
    else:
        if isinstance(text, bytes) and len(text) == REFERENCE_CHARS:
            text = text.decode("ascii", errors="replace")
        if not isinstance(text, str) or not _TEXT.fullmatch(text):
            raise ReferenceMalformedError
        raw = b32decode(text)
    if raw[0] != _FIRST or raw[1] & _KEY_BITS != _KEY_BITS:
        raise ReferenceMalformedError
    return raw
