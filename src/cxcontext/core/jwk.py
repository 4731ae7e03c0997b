"""
Keys as JSON Web Keys: strict reading, and back (RFC 7517).

Members by key type: RFC 7518, section 6.2 (``EC``), RFC 8037, section 2 (``OKP``),
draft-ietf-cose-dilithium (``AKP``, algorithm key pair); ``alg`` by RFC 9864.
``not_before``, ``sign_until``, ``verify_until``, ``revoked``, ``scope``,
``generation``, ``seal_until`` and ``open_until`` are this library's
(``docs/specification.md``). Unknown members are ignored (RFC 7517, section 4);
members of a private key in a public one are refused.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from cxcontext.core import base64url
from cxcontext.core.department_keys import SigningKeyEntry
from cxcontext.core.key_json import Members, data, exactly, integer, seconds, text
from cxcontext.core.numeric_date import from_seconds, to_seconds
from cxcontext.core.sealing import (
    MLKEM768_X25519,
    X25519,
    OpeningKey,
    SealingKey,
    SuiteName,
)
from cxcontext.core.signing import ED25519, ESP256, LocalSigner, VerifyingKey
from cxcontext.errors import KeySetError

JWK: TypeAlias = dict[str, Any]  # JSON values, ready for json.dumps

# RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1; "priv" is that of AKP.
PRIVATE_MEMBERS: Final = ("d", "priv", "k", "p", "q", "dp", "dq", "qi", "oth")

_COORDINATE_BYTES: Final = 32  # RFC 7518, section 6.2.1.2
_ALGORITHM_NAMES: Final = {ED25519: "Ed25519", ESP256: "ESP256"}


def verifying_key(jwk: Members) -> VerifyingKey:
    """
    Return the public signing key that *jwk* is.

    Raises:
        KeySetError: When it is none, has a private member, or its ``kid`` is not
            the base64url of its thumbprint's first 8 bytes.
    """
    _refuse_private(jwk)
    return _verifying_key(jwk)


def signing_entry(jwk: Members, *, department: str, external: bool) -> SigningKeyEntry:
    """
    Return the entry of a department's public signing key that *jwk* is.

    Raises:
        KeySetError: As `verifying_key` and `SigningKeyEntry` do.
    """
    revoked = seconds(jwk, "revoked") if "revoked" in jwk else None
    return SigningKeyEntry(
        department=department,
        external=external,
        key=verifying_key(jwk),
        not_before=from_seconds(seconds(jwk, "not_before")),
        sign_until=from_seconds(seconds(jwk, "sign_until")),
        verify_until=from_seconds(seconds(jwk, "verify_until")),
        revoked_at=None if revoked is None else from_seconds(revoked),
    )


def signing_entry_jwk(entry: SigningKeyEntry) -> JWK:
    """
    Return what `signing_entry` reads.
    """
    jwk = verifying_key_jwk(entry.key) | {
        "not_before": to_seconds(entry.not_before),
        "sign_until": to_seconds(entry.sign_until),
        "verify_until": to_seconds(entry.verify_until),
    }
    if entry.revoked_at is not None:
        jwk["revoked"] = to_seconds(entry.revoked_at)
    return jwk


def verifying_key_jwk(key: VerifyingKey) -> JWK:
    """
    Return what `verifying_key` reads.
    """
    return {
        **key.thumbprint_members,
        "alg": _ALGORITHM_NAMES[key.algorithm],
        "use": "sig",
        "kid": base64url.encode(key.key_id),
    }


def local_signer(jwk: Members) -> LocalSigner:
    """
    Return the private signing key that *jwk* is.

    A private file has no windows; those of the public set count, where they
    can change. When some are there they are checked for their type only.

    Raises:
        KeySetError: When it is none, or when its private and public halves
            do not belong together.
    """
    public = _verifying_key(jwk)
    for name in ("not_before", "sign_until", "verify_until", "revoked"):
        if name in jwk:
            seconds(jwk, name)
    signer = LocalSigner.from_private_bytes(public.algorithm, data(jwk, "d"))
    if signer.verifying_key != public:
        raise KeySetError("a private key does not belong to its public half")
    return signer


def local_signer_jwk(signer: LocalSigner) -> JWK:
    """
    Return what `local_signer` reads. It contains the private key.
    """
    private = {"d": base64url.encode(signer.private_bytes())}
    return verifying_key_jwk(signer.verifying_key) | private


def sealing_key(jwk: Members) -> SealingKey:
    """
    Return the public scope key that *jwk* is.

    Raises:
        KeySetError: When it is none, or has a private member.
    """
    _refuse_private(jwk)
    suite, public_bytes = _scope_public(jwk)
    return SealingKey(
        scope=integer(jwk, "scope"),
        generation=integer(jwk, "generation"),
        seal_until=from_seconds(seconds(jwk, "seal_until")),
        open_until=from_seconds(seconds(jwk, "open_until")),
        suite=suite,
        public_bytes=public_bytes,
    )


def sealing_key_jwk(key: SealingKey) -> JWK:
    """
    Return what `sealing_key` reads.
    """
    return _scope_public_jwk(key.suite, key.public_bytes) | {
        "scope": key.scope,
        "generation": key.generation,
        "seal_until": to_seconds(key.seal_until),
        "open_until": to_seconds(key.open_until),
    }


def opening_key(jwk: Members) -> OpeningKey:
    """
    Return the private scope key that *jwk* is.

    Raises:
        KeySetError: When it is none, or when its private and public halves
            do not belong together.
    """
    suite, public_bytes = _scope_public(jwk)
    if "seal_until" in jwk:
        seconds(jwk, "seal_until")
    private_bytes = data(jwk, "d" if suite == X25519 else "priv")
    key = OpeningKey.from_private_bytes(
        private_bytes,
        scope=integer(jwk, "scope"),
        generation=integer(jwk, "generation"),
        open_until=from_seconds(seconds(jwk, "open_until")),
    )
    if (key.suite, key.public_bytes) != (suite, public_bytes):
        raise KeySetError("a private key does not belong to its public half")
    return key


def opening_key_jwk(key: OpeningKey) -> JWK:
    """
    Return what `opening_key` reads. It contains the private key.
    """
    private = "d" if key.suite == X25519 else "priv"
    return _scope_public_jwk(key.suite, key.public_bytes) | {
        private: base64url.encode(key.private_bytes()),
        "scope": key.scope,
        "generation": key.generation,
        "open_until": to_seconds(key.open_until),
    }


def _refuse_private(jwk: Members) -> None:
    for name in PRIVATE_MEMBERS:
        if name in jwk:
            raise KeySetError(f"a public key has the private member {name}; replace it")


def _verifying_key(jwk: Members) -> VerifyingKey:
    kind = text(jwk, "kty")
    exactly(jwk, "use", "sig")
    if kind == "OKP":
        exactly(jwk, "crv", "Ed25519")
        exactly(jwk, "alg", "Ed25519")
        key = VerifyingKey(algorithm=ED25519, public_bytes=data(jwk, "x"))
    elif kind == "EC":
        exactly(jwk, "crv", "P-256")
        exactly(jwk, "alg", "ESP256")
        x, y = data(jwk, "x"), data(jwk, "y")
        if (len(x), len(y)) != (_COORDINATE_BYTES, _COORDINATE_BYTES):
            raise KeySetError("x and y of a P-256 key are not 32 bytes each")
        key = VerifyingKey(algorithm=ESP256, public_bytes=x + y)
    else:
        raise KeySetError("kty of a signing key is neither OKP nor EC")
    if data(jwk, "kid") != key.key_id:
        raise KeySetError("kid is not the first 8 bytes of the key's thumbprint")
    return key


def _scope_public(jwk: Members) -> tuple[SuiteName, bytes]:
    kind = text(jwk, "kty")
    exactly(jwk, "use", "enc")
    if kind == "OKP":
        exactly(jwk, "crv", "X25519")
        return X25519, data(jwk, "x")
    if kind == "AKP":
        exactly(jwk, "alg", MLKEM768_X25519)
        return MLKEM768_X25519, data(jwk, "pub")

    raise KeySetError("kty of a scope key is neither OKP nor AKP")


def _scope_public_jwk(suite: SuiteName, public_bytes: bytes) -> JWK:
    public = base64url.encode(public_bytes)
    if suite == X25519:
        return {"kty": "OKP", "crv": "X25519", "x": public, "use": "enc"}

    return {"kty": "AKP", "alg": MLKEM768_X25519, "pub": public, "use": "enc"}
