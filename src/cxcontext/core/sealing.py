"""
Scope keys: sealing a section so that only the scope's readers open it.

HPKE base mode (RFC 9180) with HKDF-SHA256 and AES-128-GCM. The key decides the
KEM: DHKEM(X25519, HKDF-SHA256), or MLKEM768-X25519 (KEM 0x647A of the HPKE
registry, also called X-Wing). There is no negotiation. All arithmetic is that of
the ``cryptography`` library.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import ClassVar, Final, Literal, Self, TypeAlias

import attrs
from cryptography.hazmat.primitives.asymmetric.mlkem import (
    MLKEM768PrivateKey,
    MLKEM768PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from cxcontext.core.numeric_date import to_seconds, whole_seconds
from cxcontext.errors import KeySetError
from cxcontext.pickling import NotPicklable

SuiteName: TypeAlias = Literal["X25519", "MLKEM768-X25519"]

X25519: Final = "X25519"
MLKEM768_X25519: Final = "MLKEM768-X25519"
X25519_BYTES: Final = 32  # public and private alike (RFC 7748, section 5)
MLKEM_PUBLIC_BYTES: Final = 1184  # FIPS 203, table 3
MLKEM_SEED_BYTES: Final = 64  # FIPS 203, section 7.1: d and z

_HPKE: Final = {
    X25519: Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM),
    MLKEM768_X25519: Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM),
}
_PUBLIC_BYTES: Final = {
    X25519: X25519_BYTES,
    MLKEM768_X25519: MLKEM_PUBLIC_BYTES + X25519_BYTES,
}
_X25519_PRIME: Final = 2**255 - 19  # RFC 7748, section 4.1


@attrs.frozen(kw_only=True)
class SealingKey(NotPicklable):
    """
    The public key of one generation of one scope.

    Args:
        scope: The scope's number in the vocabulary.
        generation: 0 or more; the highest is the newest.
        seal_until: Last instant for which writers seal to it, exclusive.
        open_until: When its private key is destroyed. Not before *seal_until*.
        suite: ``"X25519"`` or ``"MLKEM768-X25519"``.
        public_bytes: 32 bytes of X25519, or 1184 of ML-KEM-768 and 32 of X25519.

    Raises:
        KeySetError: When the suite is neither, the length is wrong, the windows
            contradict each other, the X25519 part is of small order or not
            canonical, or the ML-KEM part fails the check of FIPS 203, section 7.2.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "pickle the key set's JSON instead"

    scope: int
    generation: int
    seal_until: datetime = attrs.field(converter=whole_seconds)
    open_until: datetime = attrs.field(converter=whole_seconds)
    suite: SuiteName
    public_bytes: bytes = attrs.field(repr=False)
    _key: X25519PublicKey | MLKEM768X25519PublicKey = attrs.field(
        init=False, eq=False, repr=False
    )
    _seal_until: int = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.open_until < self.seal_until:
            raise KeySetError("a scope key has an open_until before its seal_until")
        object.__setattr__(self, "_key", _load(self.suite, self.public_bytes))
        object.__setattr__(self, "_seal_until", to_seconds(self.seal_until))

    def seals_at(self, now: int) -> bool:
        """
        Whether writers may still seal to it at *now* (NumericDate seconds).

        A section whose statement was issued when this is false is flagged
        ``STALE_KEY`` (protocol, section 3).
        """
        return now < self._seal_until

    def seal(self, plaintext: bytes, *, info: bytes) -> bytes:
        """
        Return *plaintext* sealed to the scope's readers, bound to *info*.

        The result is the KEM's output followed by the ciphertext and its tag (RFC
        9180, section 6.1), different on every call.
        """
        return _HPKE[self.suite].encrypt(plaintext, self._key, info=info)


@attrs.frozen(kw_only=True)
class OpeningKey(NotPicklable):
    """
    The private key of one generation of one scope. Whoever holds it is a reader.

    Args:
        scope: The scope's number in the vocabulary.
        generation: As that of the public key.
        open_until: From this instant on the key is not used any more.
        x25519_key: Never shown, never pickled.
        mlkem_key: For the hybrid suite. Never shown, never pickled.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "load the private key file where it is used"

    scope: int
    generation: int
    open_until: datetime = attrs.field(converter=whole_seconds)
    _x25519_key: X25519PrivateKey = attrs.field(
        alias="x25519_key", eq=False, repr=False
    )
    _mlkem_key: MLKEM768PrivateKey | None = attrs.field(
        alias="mlkem_key", default=None, eq=False, repr=False
    )
    suite: SuiteName = attrs.field(init=False)
    public_bytes: bytes = attrs.field(init=False, repr=False)
    _key: X25519PrivateKey | MLKEM768X25519PrivateKey = attrs.field(
        init=False, eq=False, repr=False
    )
    _open_until: int = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        suite: SuiteName = X25519
        key: X25519PrivateKey | MLKEM768X25519PrivateKey = self._x25519_key
        public = self._x25519_key.public_key().public_bytes_raw()
        if self._mlkem_key is not None:
            suite = MLKEM768_X25519
            key = MLKEM768X25519PrivateKey(self._mlkem_key, self._x25519_key)
            public = self._mlkem_key.public_key().public_bytes_raw() + public
        object.__setattr__(self, "suite", suite)
        object.__setattr__(self, "public_bytes", public)
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "_open_until", to_seconds(self.open_until))

    @classmethod
    def from_private_bytes(
        cls, data: bytes, *, scope: int, generation: int, open_until: datetime
    ) -> Self:
        """
        Return the key of raw private bytes; their number says which suite.

        Args:
            data: 32 bytes of X25519, or the 64 of ML-KEM-768's seed and 32 of X25519.
            scope: As in the class.
            generation: As in the class.
            open_until: As in the class.

        Raises:
            KeySetError: When *data* has neither length.
        """
        mlkem_key = None
        if len(data) == MLKEM_SEED_BYTES + X25519_BYTES:
            mlkem_key = MLKEM768PrivateKey.from_seed_bytes(data[:MLKEM_SEED_BYTES])
            data = data[MLKEM_SEED_BYTES:]
        if len(data) != X25519_BYTES:
            raise KeySetError("a private scope key has not the length of a suite")
        return cls(
            scope=scope,
            generation=generation,
            open_until=open_until,
            x25519_key=X25519PrivateKey.from_private_bytes(data),
            mlkem_key=mlkem_key,
        )

    def private_bytes(self) -> bytes:
        """
        Return what `from_private_bytes` takes, to be written to the key file only.
        """
        seed = b"" if self._mlkem_key is None else self._mlkem_key.private_bytes_raw()
        return seed + self._x25519_key.private_bytes_raw()

    def opens_at(self, now: int) -> bool:
        """
        Whether the key may still be used at *now* (NumericDate seconds).
        """
        return now < self._open_until

    def open(self, sealed: bytes, *, info: bytes) -> bytes:
        """
        Return what was sealed with the same *info* to the public key.

        Raises:
            cryptography.exceptions.InvalidTag: If it was not, whatever the length
                and content; a small-order share of the sender included.
        """
        return _HPKE[self.suite].decrypt(sealed, self._key, info=info)


def _load(suite: str, data: bytes) -> X25519PublicKey | MLKEM768X25519PublicKey:
    if suite not in _PUBLIC_BYTES:
        raise KeySetError("a scope key is neither X25519 nor MLKEM768-X25519")
    if len(data) != _PUBLIC_BYTES[suite]:
        raise KeySetError("a public scope key has not the length of its suite")
    x25519_key = _load_x25519(data[-X25519_BYTES:])
    if suite == X25519:
        return x25519_key

    try:
        mlkem_key = MLKEM768PublicKey.from_public_bytes(data[:-X25519_BYTES])
    except ValueError:
        raise KeySetError("a scope key's ML-KEM-768 part is not one") from None
    return MLKEM768X25519PublicKey(mlkem_key, x25519_key)


def _load_x25519(data: bytes) -> X25519PublicKey:
    # RFC 7748, section 5 masks these; HPKE's context binds the bytes as they are.
    if int.from_bytes(data, "little") >= _X25519_PRIME:
        raise KeySetError("an X25519 key is not canonically encoded")
    key = X25519PublicKey.from_public_bytes(data)
    try:
        _probe().exchange(key)
    except ValueError:
        raise KeySetError("an X25519 key is of small order") from None
    return key


@cache
def _probe() -> X25519PrivateKey:
    # Any private key shows a small-order public one: the exchange gives all zeros.
    # Made when first needed, for it loads the whole of OpenSSL.
    return X25519PrivateKey.from_private_bytes(bytes(X25519_BYTES))
