"""
A signed key set: one Ed25519 signature around the JSON of the set.

JWS in its flattened JSON form (RFC 7515, section 7.2.2), all of its header
protected. The key that counts is the pinned one; nothing in the header chooses
a key.
"""

from __future__ import annotations

import json
from typing import Final

from cryptography.exceptions import InvalidSignature

from cxcontext.core import base64url
from cxcontext.core.key_json import Members, data, exactly, parse, text
from cxcontext.core.signing import ED25519, VerifyingKey
from cxcontext.errors import KeySetError, KeySetUnsignedError, UsageError
from cxcontext.typing import Signer

TYPE: Final = "cxcontext-key-set+json"
_ALGORITHM: Final = "Ed25519"  # RFC 9864, section 2.2
_MEMBERS: Final = {"payload", "protected", "signature"}


def is_signed(document: Members) -> bool:
    """
    Whether *document* has the shape of a JWS, signed by whomever.
    """
    return "payload" in document


def sign(payload: str, domain_key: Signer) -> str:
    """
    Return the JSON of a JWS around *payload*.

    Raises:
        UsageError: When *domain_key* is not an Ed25519 one.
    """
    if domain_key.algorithm != ED25519:
        raise UsageError("the domain key is not Ed25519; make one that is")
    header = {"alg": _ALGORITHM, "typ": TYPE}
    protected = base64url.encode(json.dumps(header, separators=(",", ":")).encode())
    encoded = base64url.encode(payload.encode())
    signature = domain_key.sign(_signing_input(protected, encoded))
    document = {
        "payload": encoded,
        "protected": protected,
        "signature": base64url.encode(signature),
    }
    return json.dumps(document) + "\n"


def payload_of(document: Members) -> bytes:
    """
    Return the payload without verifying: for where no pin is set.

    Raises:
        KeySetError: When *document* is not a JWS of the type above. RFC 7515,
            section 4.1.11: extensions named in ``crit`` must be understood, and
            none are.
    """
    if set(document) != _MEMBERS:
        raise KeySetError("a signed key set is not payload, protected and signature")
    header = parse(data(document, "protected"))
    exactly(header, "alg", _ALGORITHM)
    exactly(header, "typ", TYPE)
    if "crit" in header:
        raise KeySetError("the signature's header has critical extensions")
    data(document, "signature")
    return data(document, "payload")


def verified_payload(document: Members, key: VerifyingKey) -> bytes:
    """
    Return the payload, if *key* has signed it.

    Raises:
        KeySetUnsignedError: When *document* is no JWS, or is signed by another
            key, or was changed after it was signed.
        KeySetError: When *document* is not a JWS of the type above.
    """
    if not is_signed(document):
        raise KeySetUnsignedError
    payload = payload_of(document)
    signed = _signing_input(text(document, "protected"), text(document, "payload"))
    try:
        key.verify(data(document, "signature"), signed)
    except InvalidSignature:
        raise KeySetUnsignedError from None
    return payload


def pinned_key(pin: str) -> VerifyingKey:
    """
    Return the domain key that *pin* is.

    Raises:
        UsageError: When *pin* is not the base64url, without padding, of the 32
            bytes of a usable Ed25519 key.
    """
    try:
        return VerifyingKey(algorithm=ED25519, public_bytes=base64url.decode(pin))
    except (ValueError, KeySetError):
        pass
    raise UsageError("the pin is not a public Ed25519 key; pass what pin_of() returns")


def pin_of(key: VerifyingKey) -> str:
    """
    Return the pin that lets only *key* sign key sets.

    Raises:
        UsageError: When *key* is not an Ed25519 one.
    """
    if key.algorithm != ED25519:
        raise UsageError("the domain key is not Ed25519; make one that is")
    return base64url.encode(key.public_bytes)


def _signing_input(protected: str, payload: str) -> bytes:
    # RFC 7515, section 5.1, step 5. Both are base64url, checked to be so.
    return f"{protected}.{payload}".encode("ascii")
