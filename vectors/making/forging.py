"""
The forge: envelopes made byte by byte, as wrong as a vector wants them.

A second writer of the format. Of the library it takes keys only. What it makes is
genuine but for what it is asked to make otherwise.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import attrs
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cxcontext.core.keygen import KeyRing
from cxcontext.typing import Signer
from making.world import DOMAIN, LIFETIME_S, NOW

ALG, KID, CLAIMS = 1, 4, 15
AUD, EXP, IAT, CTI, PRIVATE = 3, 4, 6, 7, -65537
SECTIONS = -65537
NONCE = bytes(range(16))
DELIVERY_ID = b"delivery"

Wire = list[Any]
Change = Callable[[dict[Any, Any]], None]


# --- CBOR --------------------------------------------------------------------


@attrs.frozen
class Raw:
    """
    Bytes that stand in an encoding as they are.
    """

    data: bytes


@attrs.frozen
class Tag:
    """
    A tagged item.
    """

    number: int
    content: Any


@attrs.frozen
class Pairs:
    """
    A map's entries in the order in which they are to stand, repeated or not.
    """

    entries: Sequence[tuple[Any, Any]]


def head(major: int, argument: int, *, width: int | None = None) -> bytes:
    """
    Return the head of an item, with its argument in 0, 1, 2, 4 or 8 bytes.
    """
    if width is None:
        width = next(
            width
            for width, limit in ((0, 24), (1, 2**8), (2, 2**16), (4, 2**32), (8, 2**64))
            if argument < limit
        )
    if not width:
        return bytes([major << 5 | argument])
    code = {1: 24, 2: 25, 4: 26, 8: 27}[width]
    return bytes([major << 5 | code]) + argument.to_bytes(width)


def encode(value: Any) -> bytes:
    """
    Return the deterministic encoding of *value*.
    """
    if isinstance(value, Raw):
        return value.data
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        data = value.encode("utf-8", "surrogatepass")
        return head(3, len(data)) + data
    if isinstance(value, Tag):
        return head(6, value.number) + encode(value.content)
    if isinstance(value, (list, tuple)):
        return head(4, len(value)) + b"".join(map(encode, value))
    pairs = value.entries if isinstance(value, Pairs) else value.items()
    entries = [(encode(key), encode(entry)) for key, entry in pairs]
    if not isinstance(value, Pairs):
        entries.sort()
    return head(5, len(entries)) + b"".join(key + entry for key, entry in entries)


def _float(value: float) -> bytes:
    for first, form in ((0xF9, ">e"), (0xFA, ">f")):
        try:
            data = struct.pack(form, value)
        except OverflowError:
            continue
        if struct.unpack(form, data)[0] == value:
            return bytes([first]) + data
    return b"\xfb" + struct.pack(">d", value)


# --- the pieces --------------------------------------------------------------


def digest(data: bytes) -> bytes:
    """
    Return the SHA-256 of *data*.
    """
    return sha256(data).digest()


def pad(plaintext: bytes) -> bytes:
    """
    Return *plaintext*, 0x80, and zeros up to a multiple of 32 bytes.
    """
    return plaintext + b"\x80" + bytes(-(len(plaintext) + 1) % 32)


def flip(data: bytes, bit: int = 0) -> bytes:
    """
    Return *data* with one bit changed.
    """
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def lock(padded: bytes, secret: bytes, info: bytes) -> bytes:
    """
    Return a nonce and AES-256-GCM of *padded* under HKDF of *secret* and *info*.
    """
    key = HKDF(SHA256(), 32, salt=None, info=info).derive(secret)
    nonce = digest(padded)[:12]
    return nonce + AESGCM(key).encrypt(nonce, padded, None)


def payload(statement: Wire) -> bytes:
    """
    Return what a statement signs: each scope's digest, there or withheld.
    """
    entries = statement[1].get(SECTIONS, {})
    return encode(
        {
            scope: entry[0] if isinstance(entry, list) else digest(entry)
            for scope, entry in entries.items()
        }
    )


def identify(statement: Wire) -> bytes:
    """
    Return the statement's id.
    """
    return digest(encode([statement[0], payload(statement), statement[3]]))


def coverage(statements: Sequence[Wire]) -> bytes:
    """
    Return what a delivery of *statements* signs.
    """
    contents = []
    for statement in sorted(statements, key=identify):
        entries = statement[1].get(SECTIONS, {})
        there = sorted(s for s, entry in entries.items() if isinstance(entry, bytes))
        contents.append([identify(statement), there])
    return digest(encode(contents))


def withheld(statement: Wire, *scopes: int) -> Wire:
    """
    Return the statement with digests in place of these scopes' sections.
    """
    entries = dict(statement[1][SECTIONS])
    for scope in scopes:
        entries[scope] = [digest(entries[scope])]
    return [statement[0], {SECTIONS: entries}, None, statement[3]]


def sign(
    signer: Signer, protected: bytes, signed: bytes, *, use: str, domain: str
) -> bytes:
    """
    Return a COSE_Sign1 signature (RFC 9052, 4.4) for one of the two uses.
    """
    external = encode([f"cxcontext/1/{use}", domain])
    return signer.sign(encode(["Signature1", protected, external, signed]))


class Forge:
    """
    Makes statements, deliveries and envelopes with anybody's keys.
    """

    def __init__(self, ring: KeyRing, *, now: int = NOW, domain: str = DOMAIN) -> None:
        self.ring = ring
        self.now = now
        self.domain = domain

    def signer(self, name: str) -> Signer:
        """
        Return a department's first signing key.
        """
        return self.ring.private[name].signers[0]

    def seal(
        self,
        padded: bytes,
        *,
        scope: int,
        protected: bytes,
        generation: int = 1,
        key_of: int | None = None,
        domain: str | None = None,
        secret: bytes | None = None,
    ) -> bytes:
        """
        Return the section of what is *padded*, sealed for a statement's header.

        Args:
            padded: The plaintext with its padding.
            scope: Which scope HPKE's info names.
            protected: The statement's header.
            generation: Which generation of it.
            key_of: To which scope's key, if not to its own.
            domain: Which domain HPKE's info names.
            secret: With which it is locked before, if at all.
        """
        key = self.ring.public.sealing_generation(key_of or scope, generation)
        if key is None:
            raise LookupError(scope, generation)
        info = [
            "cxcontext/1/section",
            self.domain if domain is None else domain,
            digest(protected),
            scope,
            generation,
        ]
        if secret is not None:
            padded = lock(padded, secret, encode(info))
        return encode([generation, key.seal(padded, info=encode(info))])

    def statement(
        self,
        *parents: Wire | bytes,
        by: str = "sales",
        iat: Any = None,
        exp: Any = None,
        origin: Any = None,
        channel: Any = "chat",
        revision: Any = 4,
        clear: Any = None,
        flags: Any = 0,
        says: Mapping[int, Any] | None = None,
        padded: Mapping[int, bytes] | None = None,
        raw: Mapping[Any, Any] | None = None,
        sealing: Callable[[bytes], Mapping[int, Any]] | None = None,
        change: Change | None = None,
        protected: bytes | None = None,
        use: str = "statement",
        domain: str | None = None,
        signer: Signer | None = None,
    ) -> Wire:
        """
        Return a signed statement; without *parents* it is a root.

        Args:
            parents: Statements, or bare ids.
            by: Whose key signs and is named.
            iat: The forge's now, unless given.
            exp: 90 days after *iat*, unless given.
            origin: What stands for parents or nonce, whatever that is.
            channel: As it stands in the claims.
            revision: As it stands in the claims.
            clear: As it stands in the claims.
            flags: As they stand in the claims.
            says: Per scope, the plaintext of a section.
            padded: Per scope, the bytes to seal.
            raw: Per scope, what stands for a section, whatever that is.
            sealing: Given the header, per scope what stands for a section.
            change: What is done to the header before it is encoded.
            protected: A whole header instead.
            use: For what it is signed.
            domain: For which domain it is signed.
            signer: Who signs in truth, if not *by*.
        """
        named = self.signer(by)
        iat = self.now if iat is None else iat
        if origin is None:
            ids = [p if isinstance(p, bytes) else identify(p) for p in parents]
            origin = sorted(ids) or NONCE
        claims = {
            EXP: iat + LIFETIME_S if exp is None else exp,
            IAT: iat,
            PRIVATE: [origin, channel, revision, {} if clear is None else clear, flags],
        }
        if protected is None:
            header = {ALG: named.algorithm, KID: named.key_id, CLAIMS: claims}
            if change is not None:
                change(header)
            protected = encode(header)
        to_seal = {
            scope: pad(encode(content)) for scope, content in (says or {}).items()
        }
        to_seal |= padded or {}
        entries: dict[Any, Any] = {
            scope: self.seal(data, scope=scope, protected=protected)
            for scope, data in to_seal.items()
        }
        entries |= raw or {}
        if sealing is not None:
            entries |= sealing(protected)
        made = [protected, {SECTIONS: entries} if entries else {}, None, b""]
        made[3] = sign(
            named if signer is None else signer,
            protected,
            payload(made),
            use=use,
            domain=self.domain if domain is None else domain,
        )
        return made

    def delivery(
        self,
        statements: Sequence[Wire],
        *,
        by: str = "sales",
        to: Any = "support",
        iat: Any = None,
        exp: Any = None,
        lifetime: int | None = 300,
        private: Any = None,
        arrival: Any = 3,
        reply_to: Any = None,
        binding: bytes | None = None,
        delivery_id: Any = DELIVERY_ID,
        change: Change | None = None,
        protected: bytes | None = None,
        use: str = "delivery",
        domain: str | None = None,
        signer: Signer | None = None,
    ) -> Wire:
        """
        Return a signed delivery of *statements*; it rests without a lifetime.

        Args:
            statements: What it covers.
            by: Whose key signs and is named.
            to: The audience.
            iat: The forge's now, unless given.
            exp: *lifetime* after *iat*, unless given.
            lifetime: In seconds.
            private: The private array, instead of one of the next three.
            arrival: As it stands in the claims.
            reply_to: As it stands in the claims.
            binding: What is known of the message; its SHA-256 stands in the claims.
            delivery_id: As it stands in the claims.
            change: What is done to the header before it is encoded.
            protected: A whole header instead.
            use: For what it is signed.
            domain: For which domain it is signed.
            signer: Who signs in truth, if not *by*.
        """
        named = self.signer(by)
        iat = self.now if iat is None else iat
        if private is None:
            private = [arrival, reply_to, None if binding is None else digest(binding)]
            while private[-1] is None:
                private.pop()
        claims = {AUD: to, IAT: iat, CTI: delivery_id, PRIVATE: private}
        if exp is not None:
            claims[EXP] = exp
        elif lifetime is not None:
            claims[EXP] = iat + lifetime
        if protected is None:
            header = {ALG: named.algorithm, KID: named.key_id, CLAIMS: claims}
            if change is not None:
                change(header)
            protected = encode(header)
        signature = sign(
            named if signer is None else signer,
            protected,
            coverage(statements),
            use=use,
            domain=self.domain if domain is None else domain,
        )
        return [protected, {}, None, signature]

    def wire(
        self, *statements: Wire, delivery: Wire | None = None, **options: Any
    ) -> Wire:
        """
        Return an envelope that is not encoded yet.
        """
        if delivery is None:
            delivery = self.delivery(statements, **options)
        return [1, sorted(statements, key=identify), delivery]

    def envelope(
        self, *statements: Wire, delivery: Wire | None = None, **options: Any
    ) -> bytes:
        """
        Return an envelope of *statements*, sorted, and a delivery of them.

        Args:
            statements: As `statement` returns them.
            delivery: The one to use; made with *options* unless given.
            options: As for `delivery`.
        """
        return encode(self.wire(*statements, delivery=delivery, **options))
