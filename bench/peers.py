"""
The peers: the nearest equivalent job of other libraries, on the same payload.

Each is used as its own documentation shows, with keys loaded outside the timing and
the fastest JSON at hand, which favours it. None does the whole job; what each leaves
out stands beside its figures. Peers that are not installed are named as absent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib import import_module
from importlib.metadata import version
from typing import Any, Final

import attrs
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from bench.payload import CLEAR, PLAIN, READ_SCOPES, SCOPED, WANTED

KEY_ID: Final = "k-2026-11"


class AbsentError(Exception):
    """
    A peer cannot be had here; the message says why.
    """


@attrs.frozen(kw_only=True)
class Peer:
    """
    Another library, and how it does the job.

    Args:
        name: What its row says.
        does: What it does of the job.
        lacks: What it leaves out that the library does.
        offers: What it offers that the library does not.
        seal: From values to text.
        present: From the sealed text to what the reader gets.
        open: From that to the readable scopes.
        version: Of the distribution.
    """

    name: str
    does: str
    lacks: str
    offers: str
    seal: Callable[[], str]
    open: Callable[[str], Any]
    version: str
    present: Callable[[str], str] | None = None


class Keys:
    """
    One signing key, and one key per scope, in the forms that libraries load.
    """

    def __init__(self) -> None:
        self.signing = Ed25519PrivateKey.generate()
        self.verifying = self.signing.public_key()
        self.opening = {scope: X25519PrivateKey.generate() for scope in SCOPED}


def private_pem(key: Ed25519PrivateKey | X25519PrivateKey) -> bytes:
    """
    Return a private key as every library reads it.
    """
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: Ed25519PrivateKey | X25519PrivateKey) -> bytes:
    """
    Return the public key of a private one, as every library reads it.
    """
    return key.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )


def _json() -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    try:
        # Any: a peer's helper, installed or not.
        orjson: Any = import_module("orjson")
    except ImportError:
        return lambda value: json.dumps(value, separators=(",", ":")).encode(), (
            json.loads
        )
    return orjson.dumps, orjson.loads


DUMPS, LOADS = _json()


def _readable(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {scope: plain["facts"][scope] for scope in READ_SCOPES}


def _joserfc(keys: Keys) -> Peer:
    jwk: Any = import_module("joserfc.jwk").OKPKey
    jws: Any = import_module("joserfc.jws")
    jwe: Any = import_module("joserfc.jwe")
    signing = jwk.import_key(private_pem(keys.signing))
    verifying = jwk.import_key(public_pem(keys.signing))
    opening = {s: jwk.import_key(private_pem(k)) for s, k in keys.opening.items()}
    sealing = {s: jwk.import_key(public_pem(k)) for s, k in keys.opening.items()}

    def seal() -> str:
        sealed = {
            scope: jwe.encrypt_compact(
                {"alg": "ECDH-ES", "enc": "A128GCM", "kid": scope},
                DUMPS(facts),
                sealing[scope],
            )
            for scope, facts in SCOPED.items()
        }
        header = {"alg": "Ed25519", "kid": KEY_ID}
        body = DUMPS({**CLEAR, "facts": sealed})
        signed: str = jws.serialize_compact(
            header, body, signing, algorithms=["Ed25519"]
        )
        return signed

    def open_two(text: str) -> dict[str, Any]:
        token = jws.deserialize_compact(text, verifying, algorithms=["Ed25519"])
        facts = LOADS(token.payload)["facts"]
        return {
            scope: LOADS(jwe.decrypt_compact(facts[scope], opening[scope]).plaintext)
            for scope in READ_SCOPES
        }

    return Peer(
        name="joserfc JWS + JWE per scope",
        does="one Ed25519 JWS over one ECDH-ES (X25519, A128GCM) JWE per scope",
        lacks="hops, withheld scopes, padding, audience, expiry, types, key windows",
        offers="standard JOSE that other languages read; names instead of a vocabulary",
        seal=seal,
        open=open_two,
        version=version("joserfc"),
    )


def _pyjwt(keys: Keys) -> Peer:
    jwt: Any = import_module("jwt")

    def seal() -> str:
        text: str = jwt.encode(
            PLAIN, keys.signing, algorithm="EdDSA", headers={"kid": KEY_ID}
        )
        return text

    return Peer(
        name="PyJWT",
        does="one signed EdDSA token; checks expiry",
        lacks="any encryption: every carrier reads everything; hops, withheld scopes",
        offers="the most widely read token there is",
        seal=seal,
        open=lambda text: _readable(
            jwt.decode(text, keys.verifying, algorithms=["EdDSA"])
        ),
        version=version("PyJWT"),
    )


def _biscuit(keys: Keys) -> Peer:
    biscuit: Any = import_module("biscuit_auth")
    ed25519 = biscuit.Algorithm.Ed25519
    root = biscuit.PrivateKey.from_bytes(keys.signing.private_bytes_raw(), ed25519)
    public = biscuit.PublicKey.from_bytes(keys.verifying.public_bytes_raw(), ed25519)
    check = 'check if department("billing");'
    query = (
        "data($scope, $name, $value) <- fact($scope, $name, $value), "
        '{"contact", "order"}.contains($scope)'
    )
    rule = biscuit.Rule(query)

    def seal() -> str:
        lines: list[str] = []
        terms: dict[str, Any] = {}
        rows = [
            (scope, name, value if isinstance(value, str) else DUMPS(value).decode())
            for scope, facts in SCOPED.items()
            for name, value in facts.items()
        ]
        for index, (name, value) in enumerate(CLEAR.items()):
            lines.append(f"claim({{c{index}}}, {{d{index}}});")
            terms |= {f"c{index}": name, f"d{index}": value}
        for index, row in enumerate(rows):
            lines.append(f"fact({{s{index}}}, {{n{index}}}, {{v{index}}});")
            terms |= {f"{k}{index}": v for k, v in zip("snv", row, strict=True)}
        token = biscuit.BiscuitBuilder("\n".join(lines), terms).build(root)
        text: str = token.append(biscuit.BlockBuilder(check)).to_base64()
        return text

    def open_two(text: str) -> dict[str, Any]:
        token = biscuit.Biscuit.from_base64(text, public)
        builder = biscuit.AuthorizerBuilder('department("billing"); allow if true;')
        # The default is one millisecond, which a busy machine exceeds.
        limits = builder.limits()
        limits.max_time = timedelta(seconds=1)
        builder.set_limits(limits)
        authorizer = builder.build(token)
        authorizer.authorize()
        found: dict[str, Any] = {scope: {} for scope in READ_SCOPES}
        for fact in authorizer.query(rule):
            scope, name, value = fact.terms
            plain = isinstance(SCOPED[scope][name], str)
            found[scope][name] = value if plain else LOADS(value)
        return found

    return Peer(
        name="biscuit-python",
        does="a signed authority block and a block that names the audience; a query",
        lacks="any encryption; withheld scopes; nested values (JSON inside)",
        offers="attenuation by any holder, and a policy language",
        seal=seal,
        open=open_two,
        version=version("biscuit-python"),
    )


def _sd_jwt(keys: Keys) -> Peer:
    jwk: Any = import_module("jwcrypto.jwk").JWK
    hidden: Any = import_module("sd_jwt.common").SDObj
    issuer: Any = import_module("sd_jwt.issuer").SDJWTIssuer
    holder: Any = import_module("sd_jwt.holder").SDJWTHolder
    verifier: Any = import_module("sd_jwt.verifier").SDJWTVerifier
    signing = jwk.from_pem(private_pem(keys.signing))
    verifying = jwk.from_pem(public_pem(keys.signing))
    claims = {
        **CLEAR,
        "facts": {
            scope: {hidden(name): value for name, value in facts.items()}
            for scope, facts in SCOPED.items()
        },
    }
    shown = {"facts": {s: dict.fromkeys(SCOPED[s], True) for s in READ_SCOPES}}

    def seal() -> str:
        issued: str = issuer(claims, signing, sign_alg="EdDSA").sd_jwt_issuance
        return issued

    def present(issued: str) -> str:
        held = holder(issued)
        held.create_presentation(shown)
        presented: str = held.sd_jwt_presentation
        return presented

    return Peer(
        name="sd-jwt",
        does="one signed EdDSA token of salted digests; the holder shows two scopes",
        lacks="any encryption: the holder reads all; hops; sealing to readers",
        offers="disclosure fact by fact, chosen by the holder",
        seal=seal,
        present=present,
        open=lambda text: _readable(
            verifier(text, lambda issuer, header: verifying).get_verified_payload()
        ),
        version=version("sd-jwt"),
    )


MAKERS: Final[dict[str, Callable[[Keys], Peer]]] = {
    "joserfc": _joserfc,
    "PyJWT": _pyjwt,
    "biscuit-python": _biscuit,
    "sd-jwt": _sd_jwt,
}


def check_peer(peer: Peer) -> None:
    """
    Refuse to time a peer that does not give back what the reader may read.

    Raises:
        RuntimeError: When it gives something else.
    """
    text = peer.seal()
    presented = peer.present(text) if peer.present else text
    if peer.open(presented) != WANTED:
        msg = f"{peer.name} does not open to the facts that were sealed"
        raise RuntimeError(msg)
