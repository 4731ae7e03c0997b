"""
The yardstick: the ``cryptography`` calls of a job, and a count of those it made.

What is left out on purpose: parsing, hashing, encoding, keys, memory. So a ratio
of 1 cannot be reached; it says what a library could at best be.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, Final

import attrs
import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

import cxcontext as cx

SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
# RFC 9180, section 7.1: an encapsulated X25519 key; then the tag of AES-GCM.
_ENCAPSULATED_BYTES: Final = 32
_TAG_BYTES: Final = 16
_USE_AND_DOMAIN: Final = cbor2.dumps(["cxcontext/1/statement", "shop.example"])

_NAMES: Final = {
    ("Suite", "encrypt"): "seals",
    ("Suite", "decrypt"): "opens",
    ("Ed25519PrivateKey", "sign"): "signatures",
    ("Ed25519PublicKey", "verify"): "verifications",
}


@attrs.frozen(kw_only=True)
class Operations:
    """
    How many of each the job does.
    """

    seals: int = 0
    opens: int = 0
    signatures: int = 0
    verifications: int = 0

    def __str__(self) -> str:
        counts = attrs.asdict(self)
        said = [
            f"{n} {what if n > 1 else what[:-1]}" for what, n in counts.items() if n
        ]
        return ", ".join(said) or "none"


def count_operations(job: Callable[[], object]) -> Operations:
    """
    Return which operations *job* really does, by watching the calls into C.
    """
    counted: Counter[str] = Counter()

    def watch(_frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call":
            owner = type(getattr(called, "__self__", None)).__name__
            name = _NAMES.get((owner, called.__name__))
            if name:
                counted[name] += 1

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        job()
    finally:
        sys.setprofile(before)
    return Operations(**counted)


class Raw:
    """
    The primitives of a job on bytes of the same sizes as in *envelope*.

    Each operation has bytes of its own, as it has in the job.
    """

    def __init__(self, envelope: cx.Envelope) -> None:
        statement, delivery = _wire_of(envelope)
        protected, unprotected, _, _ = statement
        sections = [
            cbor2.loads(raw)[1] for raw in next(iter(unprotected.values())).values()
        ]
        self._plaintexts = [
            bytes(len(sealed) - _ENCAPSULATED_BYTES - _TAG_BYTES) for sealed in sections
        ]
        # ["cxcontext/1/section", domain, digest, scope, generation] of CBOR.
        info = ["cxcontext/1/section", "shop.example", bytes(32), 1, 1]
        self._info = cbor2.dumps(info)
        digests = cbor2.dumps({n: bytes(32) for n in range(1, len(sections) + 1)})
        self._messages = [
            cbor2.dumps(["Signature1", protected, _USE_AND_DOMAIN, digests]),
            cbor2.dumps(["Signature1", delivery[0], _USE_AND_DOMAIN, bytes(32)]),
        ]
        self._signing = [Ed25519PrivateKey.generate() for _ in range(2)]
        self._verifying = [key.public_key() for key in self._signing]
        self._signatures = [
            key.sign(message)
            for key, message in zip(self._signing, self._messages, strict=True)
        ]
        self._opening = [X25519PrivateKey.generate() for _ in sections]
        self._sealing = [key.public_key() for key in self._opening]
        self._sealed = [
            SUITE.encrypt(plaintext, key, info=self._info)
            for plaintext, key in zip(self._plaintexts, self._sealing, strict=True)
        ]

    def job(self, operations: Operations) -> Callable[[object], None]:
        """
        Return a function that does just these *operations*.
        """
        info = self._info
        seals = list(zip(self._plaintexts, self._sealing, strict=True))
        opens = list(zip(self._sealed, self._opening, strict=True))
        signs = list(zip(self._signing, self._messages, strict=True))
        verifies = list(
            zip(self._verifying, self._signatures, self._messages, strict=True)
        )
        seals = _first(seals, operations.seals)
        opens = _first(opens, operations.opens)
        signs = _first(signs, operations.signatures)
        # A single verification is the delivery's, which is the shorter message.
        verifies = _first(verifies[::-1], operations.verifications)

        def run(_: object) -> None:
            for plaintext, public in seals:
                SUITE.encrypt(plaintext, public, info=info)
            for private, message in signs:
                private.sign(message)
            for verifying, signature, message in verifies:
                verifying.verify(signature, message)
            for sealed, opening in opens:
                SUITE.decrypt(sealed, opening, info=info)

        return run


def _wire_of(envelope: cx.Envelope) -> tuple[Sequence[Any], Sequence[Any]]:
    """
    Return the only statement and the delivery, read without the library.
    """
    _version, statements, delivery = cbor2.loads(bytes(envelope))
    (statement,) = statements
    return statement, delivery


def _first(items: list[Any], count: int) -> list[Any]:
    if count > len(items):
        msg = f"the yardstick has {len(items)} of these, not {count}"
        raise ValueError(msg)
    return items[:count]
