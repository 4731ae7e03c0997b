"""
Key sets: JSON from a file or a `KeySource`, public and private, signed and not.

One byte chooses: the set as it is, with and without a pin; the same signed by the
pinned key, so that what is inside is reached; a JWS of parts; a private file.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from typing import Any, ClassVar

from making.world import Fixed

from cxcontext.core import base64url, jws
from cxcontext.core.keygen import generate_signer
from cxcontext.core.keys import KeySet, PrivateKeys
from cxcontext.errors import KeySetError, KeySetUnsignedError
from fuzz import items, shapes
from fuzz.guard import Finding, Target
from fuzz.vectors import rings

_DOMAIN_KEY = generate_signer(random=Fixed("domain key"))
PIN = jws.pin_of(_DOMAIN_KEY.verifying_key)

PUBLIC, SIGNED, PINNED, PRIVATE = range(4)

_SCALARS: tuple[Any, ...] = (
    *(0, 1, -1, 2**53, 2**53 + 1, -(2**53), 253_402_300_799, 253_402_300_800, 10**400),
    *(True, False, None, 1.0, 0.5, 1e400, "", "a", "A", "\ud800", "\x00", "=", "_-_-"),
    *("Ed25519", "P-256", "X25519", "OKP", "EC", "AKP", "ESP256", "MLKEM768-X25519"),
    *(
        "sig",
        "enc",
        "x" * 300,
        [],
        {},
        [[]],
        "AAAAAAAAAAA",
        base64url.encode(bytes(32)),
    ),
    *(base64url.encode(b"\xff" * 32), base64url.encode(bytes(64)), "domain", "d"),
    *(base64url.encode(bytes(1216)), base64url.encode(b"\x01" + bytes(31)), "kid"),
    *("priv", "department", "departments", "payload", "crit", "protected", "a\n"),
)


class KeySetTarget(Target):
    """
    `KeySet.from_json` and `PrivateKeys.from_json`: what is taken is written as it was.
    """

    name: ClassVar[str] = "key_sets"
    share: ClassVar[int] = 19
    refusals: ClassVar[tuple[type[Exception], ...]] = (
        KeySetError,
        KeySetUnsignedError,
    )
    # One private key of each kind, of which each must be computed.
    floor_s: ClassVar[float] = 0.005
    max_bytes: ClassVar[int] = 4096
    words: ClassVar[tuple[bytes, ...]] = (
        *(b'"domain":', b'"departments":', b'"keys":', b'"scopes":', b'"external":'),
        *(b'"kty":"OKP"', b'"kty":"EC"', b'"kty":"AKP"', b'"revoked":', b'"d":'),
        *(b'"sequence":', b'"payload":"', b'"protected":"', b'"signature":"', b"1e400"),
        *(b'"not_before":', b'"\\ud800"', b"NaN", b"Infinity", b"-0", b"[[[[[[[["),
    )

    def seeds(self) -> Iterable[bytes]:
        """
        Return small sets of each kind of key, and small private files.
        """
        for ring in rings().values():
            whole = json.loads(ring.public.to_json())
            for document in _cut(whole):
                text = json.dumps(document).encode()
                for kind in (PUBLIC, SIGNED, PINNED):
                    yield bytes([kind]) + text
            signed = jws.sign(json.dumps({**whole, "departments": {}}), _DOMAIN_KEY)
            yield bytes([PUBLIC]) + signed.encode()
            yield bytes([PINNED]) + signed.encode()
            for keys in ring.private.values():
                for document in _cut_private(json.loads(keys.to_json())):
                    yield bytes([PRIVATE]) + json.dumps(document).encode()

    def shapes(self) -> Iterable[bytes]:
        """
        Return what is as large as a key file can be, and some that is signed.
        """
        for text in shapes.key_sets():
            yield bytes([PUBLIC]) + text
            yield bytes([PRIVATE]) + text
            yield bytes([SIGNED]) + text[: len(text) // 2]

    def prepare(self, data: bytes) -> Any:
        """
        Return which it is and its bytes, signed if it is to be.
        """
        if not data:
            return None
        kind, text = data[0] % 4, data[1:]
        return (kind, _signed(text)) if kind == SIGNED else (kind, text)

    def size_bytes(self, prepared: Any) -> int:
        """
        Return the size of the file.
        """
        return len(prepared[1])

    def run(self, prepared: Any) -> None:
        """
        Read it, and hold what was read against what it would be written as.
        """
        kind, data = prepared
        if kind == PRIVATE:
            keys = PrivateKeys.from_json(data)
            repr(keys)
            if PrivateKeys.from_json(keys.to_json()).to_json() != keys.to_json():
                raise Finding("private keys that are read otherwise than written")
            return
        pin = None if kind == PUBLIC else PIN
        key_set = KeySet.from_json(data, pin=pin)
        repr(key_set)
        if KeySet.from_json(key_set.to_json()) != key_set:
            raise Finding("a key set that is read otherwise than written")
        key_set.check_successor(key_set)
        for number in {key.scope for key in key_set.sealing_keys}:
            key_set.sealing_key(number, now=0)

    def mutate(self, data: bytes, *, source: random.Random) -> bytes | None:
        """
        Change something within the JSON.
        """
        try:
            document = json.loads(data[1:])
        except (ValueError, RecursionError):
            return None
        changed = items.mutated(document, source, scalars=_SCALARS, within=False)
        try:
            text = json.dumps(changed, default=_pairs, skipkeys=True)
        except (ValueError, RecursionError):
            return None
        kind = source.randrange(4) if source.random() < 0.1 else data[0]
        return bytes([kind]) + text.encode()


def _pairs(value: Any) -> Any:
    # Two members of one name, as `json` cannot write them itself.
    return [*map(list, getattr(value, "entries", ()))]


def _signed(text: bytes) -> bytes:
    header = base64url.encode(b'{"alg":"Ed25519","typ":"%s"}' % jws.TYPE.encode())
    payload = base64url.encode(text)
    signature = _DOMAIN_KEY.sign(f"{header}.{payload}".encode())
    document = {
        "payload": payload,
        "protected": header,
        "signature": base64url.encode(signature),
    }
    return json.dumps(document).encode()


def _cut(whole: dict[str, Any]) -> Iterable[dict[str, Any]]:
    names = [*whole["departments"]][:2]
    some = {name: whole["departments"][name] for name in names}
    for scopes in (whole["scopes"][:1], whole["scopes"][1:3]):
        yield {**whole, "departments": some, "scopes": scopes}
    yield {**whole, "scopes": []}


def _cut_private(whole: dict[str, Any]) -> Iterable[dict[str, Any]]:
    yield {**whole, "scopes": whole["scopes"][:1]}
    yield {**whole, "keys": [], "scopes": whole["scopes"][1:2]}
