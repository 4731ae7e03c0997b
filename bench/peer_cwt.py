"""
cwt as a peer: COSE_Sign1 over one HPKE-sealed COSE_Encrypt0 per scope.

cwt 3 needs a cbor2 older than the one that the library needs (tags decode
differently since cbor2 6), so both cannot be installed side by side. It may live in
a directory of its own, with its cbor2, and is bound to that one when it is imported.
"""

from __future__ import annotations

import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module, invalidate_caches
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any, Final

import cbor2

from bench.payload import CLEAR, READ_SCOPES, SCOPED
from bench.peers import KEY_ID, AbsentError, Keys, Peer, private_pem, public_pem

# The IANA registry of COSE algorithms: HPKE-3, and its label and that of the key id.
_HPKE_3: Final = 41
_ALGORITHM: Final = 1
_KEY_ID: Final = 4


def make_cwt(keys: Keys, directory: Path | None) -> Peer:
    """
    Return cwt as a peer.

    Args:
        keys: The same as all peers'.
        directory: Where it is installed with its cbor2; the environment, if None.

    Raises:
        ImportError: When it is not installed.
        AbsentError: When it is, and cannot work with the cbor2 that it finds.
    """
    if directory is None:
        return _make(keys, None)
    if not (directory / "cwt").is_dir():
        raise ImportError(name="cwt")
    with _cbor2_of(directory):
        return _make(keys, directory)


def _make(keys: Keys, directory: Path | None) -> Peer:
    cwt: Any = import_module("cwt")
    signing = cwt.COSEKey.from_pem(private_pem(keys.signing), kid=KEY_ID)
    verifying = cwt.COSEKey.from_pem(public_pem(keys.signing), kid=KEY_ID)
    signer = cwt.COSE.new(alg_auto_inclusion=True, kid_auto_inclusion=True)
    sealer = cwt.COSE.new()
    opening = {}
    sealing = {}
    for scope, key in keys.opening.items():
        public = {
            "kty": "OKP",
            "crv": "X25519",
            "alg": "HPKE-3",
            "kid": scope,
            "x": _base64url(key.public_key().public_bytes_raw()),
        }
        private = {**public, "d": _base64url(key.private_bytes_raw())}
        sealing[scope] = cwt.COSEKey.from_jwk(public)
        opening[scope] = cwt.COSEKey.from_jwk(private)

    def seal() -> str:
        sealed = {
            scope: sealer.encode(
                cbor2.dumps(facts),
                sealing[scope],
                protected={_ALGORITHM: _HPKE_3},
                unprotected={_KEY_ID: scope.encode()},
            )
            for scope, facts in SCOPED.items()
        }
        body = cbor2.dumps({**CLEAR, "facts": sealed})
        return _base64url(signer.encode_and_sign(body, signing))

    def open_two(text: str) -> dict[str, Any]:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        facts = cbor2.loads(signer.decode(raw, verifying))["facts"]
        return {
            scope: cbor2.loads(sealer.decode(facts[scope], opening[scope]))
            for scope in READ_SCOPES
        }

    try:
        # Also because cbor2 5 imports parts of itself when it is first used.
        open_two(seal())
    except TypeError:
        raise AbsentError("needs cbor2 older than 6 beside it; see --cwt") from None
    return Peer(
        name="cwt Sign1 + HPKE per scope",
        does="one Ed25519 COSE_Sign1 over one HPKE COSE_Encrypt0 per scope",
        lacks="hops, withheld scopes, padding, audience, expiry, types, key windows",
        offers="standard COSE that other languages read; names instead of a vocabulary",
        seal=seal,
        open=open_two,
        version=_version_in(directory),
    )


@contextmanager
def _cbor2_of(directory: Path) -> Generator[None]:
    """
    Let imports find the cbor2 of *directory*, and leave ours to everybody else.
    """
    ours = {n: sys.modules.pop(n) for n in list(sys.modules) if _is_cbor2(n)}
    sys.path.insert(0, str(directory))
    invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(directory))
        for name in [n for n in sys.modules if _is_cbor2(n)]:
            del sys.modules[name]
        sys.modules.update(ours)


def _is_cbor2(name: str) -> bool:
    return name in ("cbor2", "_cbor2") or name.startswith("cbor2.")


def _version_in(directory: Path | None) -> str:
    if directory is None:
        return version("cwt")
    found = {d.name: d.version for d in distributions(path=[str(directory)])}
    return f"{found['cwt']} (cbor2 {found['cbor2']})"


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
