"""
Signing keys: who a department is, and how it proves it.

Two algorithms, both fully specified (RFC 9864), so that the key alone decides
which one is meant: Ed25519 (RFC 8032) and ESP256 (ECDSA on P-256 with SHA-256).
All arithmetic is that of the ``cryptography`` library.
"""

from __future__ import annotations

import hashlib
import json
from typing import ClassVar, Final, Self, TypeAlias

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from cxcontext.core import base64url
from cxcontext.errors import KeySetError, UsageError
from cxcontext.pickling import NotPicklable

ED25519: Final = -19  # RFC 9864, section 2.2
ESP256: Final = -9  # RFC 9864, section 2.1
KEY_ID_BYTES: Final = 8
PRIVATE_BYTES: Final = 32  # of either algorithm

PrivateKey: TypeAlias = Ed25519PrivateKey | EllipticCurvePrivateKey
PublicKey: TypeAlias = Ed25519PublicKey | EllipticCurvePublicKey

_SIGNATURE_BYTES: Final = 64
_PUBLIC_BYTES: Final = {ED25519: 32, ESP256: 64}
# SEC 2, section 2.4.2: the order of P-256's base point.
P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ESP256_VERIFY: Final = ECDSA(hashes.SHA256())
_SIGN_BIT: Final = 1 << 255
# RFC 8032, section 5.1: the field's prime. A larger y is no canonical encoding.
_ED25519_PRIME: Final = 2**255 - 19
# The y of the eight points whose order divides 8, as in libsodium's
# ge25519_has_small_order. Under such a key one signature fits many messages.
_ORDER_8_Y: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER_Y: Final = frozenset(
    {0, 1, _ED25519_PRIME - 1, _ORDER_8_Y, _ED25519_PRIME - _ORDER_8_Y}
)


@attrs.frozen(kw_only=True)
class VerifyingKey(NotPicklable):
    """
    A department's public key.

    Args:
        algorithm: `ED25519` or `ESP256`.
        public_bytes: The 32 bytes of RFC 8032, section 5.1.5, or the 32 bytes of x
            followed by the 32 bytes of y.

    Attributes:
        key_id: The first 8 bytes of the key's SHA-256 thumbprint (RFC 7638).

    Raises:
        KeySetError: When the algorithm is neither; when the length is wrong; when
            an Ed25519 key is of small order or not canonically encoded; when x
            and y are not a point of P-256.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "pickle the key set's JSON instead"

    algorithm: int
    public_bytes: bytes = attrs.field(repr=False)
    key_id: bytes = attrs.field(init=False, eq=False, repr=bytes.hex)
    _key: PublicKey = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_key", _load(self.algorithm, self.public_bytes))
        object.__setattr__(self, "key_id", _key_id(self.thumbprint_members))

    @property
    def thumbprint_members(self) -> dict[str, str]:
        """
        The required members of the key's JWK (RFC 7638, section 3.2; RFC 8037, 2).
        """
        x = base64url.encode(self.public_bytes[:32])
        if self.algorithm == ED25519:
            return {"crv": "Ed25519", "kty": "OKP", "x": x}

        y = base64url.encode(self.public_bytes[32:])
        return {"crv": "P-256", "kty": "EC", "x": x, "y": y}

    def verify(self, signature: bytes, data: bytes) -> None:
        """
        Return if *signature* is this key's over *data*.

        Raises:
            cryptography.exceptions.InvalidSignature: If not, whatever the
                length. For ESP256 also when s is more than half the group's
                order: each signature has one form (protocol, section 1).
        """
        if isinstance(self._key, Ed25519PublicKey):
            self._key.verify(signature, data)
            return

        if len(signature) != _SIGNATURE_BYTES:
            raise InvalidSignature
        r = int.from_bytes(signature[:32])
        s = int.from_bytes(signature[32:])
        if s > P256_ORDER // 2:
            raise InvalidSignature
        self._key.verify(encode_dss_signature(r, s), data, _ESP256_VERIFY)


@attrs.frozen
class LocalSigner(NotPicklable):
    """
    A signing key whose private half is in this process's memory.

    Implements `cxcontext.typing.Signer`.

    Args:
        key: A private key of the ``cryptography`` library: Ed25519, or an
            elliptic curve one on P-256. Never shown, never pickled.

    Attributes:
        verifying_key: The public half.
        key_id: That of the public half.
        algorithm: `ED25519` or `ESP256`.

    Raises:
        UsageError: When *key* is on another curve.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "load the private key file where it is used"

    _key: PrivateKey = attrs.field(alias="key", eq=False, repr=False)
    verifying_key: VerifyingKey = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "verifying_key", _public_half(self._key))

    @classmethod
    def from_private_bytes(cls, algorithm: int, data: bytes) -> Self:
        """
        Return the signer of a raw private key.

        Args:
            algorithm: `ED25519` or `ESP256`.
            data: The 32 bytes of RFC 8032's private key, or of the big-endian
                private number (RFC 7518, section 6.2.2.1).

        Raises:
            KeySetError: When the algorithm is neither, when the length is
                wrong, or the number is not below the group's order.
        """
        _check_algorithm(algorithm)
        if len(data) != PRIVATE_BYTES:
            raise KeySetError("a private signing key is not 32 bytes long")
        if algorithm == ED25519:
            return cls(Ed25519PrivateKey.from_private_bytes(data))

        number = int.from_bytes(data)
        if not 0 < number < P256_ORDER:
            raise KeySetError("a private P-256 key is not below the group's order")
        return cls(derive_private_key(number, SECP256R1()))

    @property
    def key_id(self) -> bytes:
        """
        The first 8 bytes of the public half's SHA-256 thumbprint (RFC 7638).
        """
        return self.verifying_key.key_id

    @property
    def algorithm(self) -> int:
        """
        The COSE algorithm of the key.
        """
        return self.verifying_key.algorithm

    def sign(self, data: bytes) -> bytes:
        """
        Return the 64 bytes of signature over *data*.

        Both algorithms are deterministic: ESP256 takes its nonce from RFC 6979,
        so no bad random source can betray the key. Its s is always the low
        one.
        """
        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(data)

        method = ECDSA(hashes.SHA256(), deterministic_signing=True)
        r, s = decode_dss_signature(self._key.sign(data, method))
        return r.to_bytes(32) + min(s, P256_ORDER - s).to_bytes(32)

    def private_bytes(self) -> bytes:
        """
        Return what `from_private_bytes` takes, to be written to the key file only.
        """
        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.private_bytes_raw()

        return self._key.private_numbers().private_value.to_bytes(32)


def _check_algorithm(algorithm: int) -> None:
    if algorithm not in _PUBLIC_BYTES:
        raise KeySetError("a signing algorithm is neither Ed25519 nor ESP256")


def _load(algorithm: int, data: bytes) -> PublicKey:
    _check_algorithm(algorithm)
    if len(data) != _PUBLIC_BYTES[algorithm]:
        raise KeySetError("a public signing key has not the length of its algorithm")
    if algorithm == ED25519:
        y = int.from_bytes(data, "little") % _SIGN_BIT
        if y >= _ED25519_PRIME:
            raise KeySetError("an Ed25519 key is not canonically encoded")
        if y in _SMALL_ORDER_Y:
            raise KeySetError("an Ed25519 key is of small order")
        return Ed25519PublicKey.from_public_bytes(data)

    x, y = int.from_bytes(data[:32]), int.from_bytes(data[32:])
    try:
        return EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
    except ValueError:
        raise KeySetError("x and y are not a point of P-256") from None


def _key_id(members: dict[str, str]) -> bytes:
    # RFC 7638, section 3: no white space, members in lexicographic order.
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).digest()[:KEY_ID_BYTES]


def _public_half(key: PrivateKey) -> VerifyingKey:
    if isinstance(key, Ed25519PrivateKey):
        raw = key.public_key().public_bytes_raw()
        return VerifyingKey(algorithm=ED25519, public_bytes=raw)

    if not isinstance(key.curve, SECP256R1):
        raise UsageError(f"{key.curve.name} keys do not sign here; pass a P-256 one")
    point = key.public_key().public_numbers()
    raw = point.x.to_bytes(32) + point.y.to_bytes(32)
    return VerifyingKey(algorithm=ESP256, public_bytes=raw)
