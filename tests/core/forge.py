"""
The forge: envelopes as hostile as wanted, made byte by byte.

A second writer of the format, after protocol, section 1. Of the library it
takes keys and errors only, so what both agree on is what the protocol says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from acme import DOMAIN, START_S
from hypothesis import strategies as st

from cxcontext.core.keygen import KeyRing
from cxcontext.errors import VerificationError
from cxcontext.testing.wire import (
    ALG,
    AUD,
    CLAIMS,
    CTI,
    EXP,
    IAT,
    KID,
    PRIVATE,
    SECTIONS,
    Wire,
    canonical,
    coverage,
    digest,
    flip,
    header,
    identify,
    pack,
    payload,
    unpack,
    withheld,
)
from cxcontext.typing import Signer

# What takes envelopes apart is the test kit's; what forges them is here.
__all__ = [
    "ALG",
    "AUD",
    "CLAIMS",
    "CTI",
    "EXP",
    "IAT",
    "KID",
    "LIFETIME_S",
    "NONCE",
    "PRIVATE",
    "SECTIONS",
    "WIRES",
    "Forge",
    "Wire",
    "canonical",
    "coverage",
    "digest",
    "flip",
    "header",
    "identify",
    "pack",
    "pad",
    "payload",
    "refuses",
    "signature",
    "unpack",
    "withheld",
]

LIFETIME_S = 90 * 24 * 3600
NONCE = bytes(range(16))
Change = Callable[[dict[Any, Any]], None]


def pad(plaintext: bytes) -> bytes:
    """
    Return *plaintext*, 0x80, and zeros up to a multiple of 32 bytes.
    """
    padded = plaintext + b"\x80"
    while len(padded) % 32:
        padded += b"\0"
    return padded


def signature(
    signer: Signer, protected: bytes, signed: bytes, *, use: str, domain: str = DOMAIN
) -> bytes:
    """
    Return a COSE_Sign1 signature (RFC 9052, 4.4) for one of the two uses.
    """
    external = canonical([f"cxcontext/1/{use}", domain])
    return signer.sign(canonical(["Signature1", protected, external, signed]))


# --- putting together --------------------------------------------------------


class Forge:
    """
    Makes statements, deliveries and envelopes with anybody's keys.

    What it makes is genuine, except for what a test asks to be different.
    """

    def __init__(
        self, ring: KeyRing, *, now_s: int = START_S, domain: str = DOMAIN
    ) -> None:
        self.ring = ring
        self.now_s = now_s
        self.domain = domain

    def signer(self, name: str) -> Signer:
        """
        Return a department's first signing key.
        """
        return self.ring.private[name].signers[0]

    def protected(
        self,
        claims: Mapping[Any, Any],
        *,
        signer: Signer,
        change: Change | None = None,
    ) -> bytes:
        """
        Return a protected header, after *change* did to it what it wants.
        """
        made: dict[Any, Any] = {
            ALG: signer.algorithm,
            KID: signer.key_id,
            CLAIMS: dict(claims),
        }
        if change is not None:
            change(made)
        return canonical(made)

    def seal(
        self,
        plaintext: bytes,
        *,
        scope: int,
        protected: bytes,
        generation: int = 1,
        domain: str | None = None,
    ) -> bytes:
        """
        Return the section of *plaintext*, sealed for a statement's header.
        """
        key = self.ring.public.sealing_generation(scope, generation)
        assert key is not None
        info = [
            "cxcontext/1/section",
            self.domain if domain is None else domain,
            digest(protected),
            scope,
            generation,
        ]
        return canonical([generation, key.seal(plaintext, info=canonical(info))])

    def statement(
        self,
        *parents: Wire | bytes,
        by: str = "sales",
        signer: Signer | None = None,
        issued_s: int | None = None,
        expires_s: int | None = None,
        origin: object = None,
        channel: object = "chat",
        revision: object = 4,
        clear: object = None,
        flags: object = 0,
        says: Mapping[int, Mapping[Any, Any]] | None = None,
        raw: Mapping[Any, Any] | None = None,
        change: Change | None = None,
        protected: bytes | None = None,
        use: str = "statement",
        domain: str | None = None,
    ) -> Wire:
        """
        Return a signed statement; without *parents* it is a root.

        Args:
            parents: Statements, or bare ids.
            by: Whose key signs, unless *signer* is given.
            issued_s: Now, unless given.
            expires_s: 90 days after it was issued, unless given.
            origin: What stands for parents or nonce, whatever that is.
            channel: As it stands in the claims.
            revision: As it stands in the claims.
            clear: As it stands in the claims.
            flags: As they stand in the claims.
            says: Per scope, the plaintext of a section, ``{field: fact}``.
            raw: Per scope, what stands for a section, whatever that is.
            change: What is done to the protected header before it is signed.
            protected: A whole protected header instead.
            use: For what it is signed.
            domain: For which domain it is signed.
        """
        signer = self.signer(by) if signer is None else signer
        issued_s = self.now_s if issued_s is None else issued_s
        if origin is None:
            ids = [p if isinstance(p, bytes) else identify(p) for p in parents]
            origin = sorted(ids) or NONCE
        claims = {
            EXP: issued_s + LIFETIME_S if expires_s is None else expires_s,
            IAT: issued_s,
            PRIVATE: [origin, channel, revision, {} if clear is None else clear, flags],
        }
        if protected is None:
            protected = self.protected(claims, signer=signer, change=change)
        entries = {
            scope: self.seal(pad(canonical(content)), scope=scope, protected=protected)
            for scope, content in sorted((says or {}).items())
        }
        entries |= raw or {}
        made = [protected, {SECTIONS: entries} if entries else {}, None, b""]
        made[3] = signature(
            signer,
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
        to: object = "support",
        signer: Signer | None = None,
        issued_s: int | None = None,
        lifetime_s: int | None = 300,
        arrival: object = 3,
        reply_to: object = None,
        binding: bytes | None = None,
        delivery_id: object = b"delivery",
        change: Change | None = None,
        protected: bytes | None = None,
        use: str = "delivery",
        domain: str | None = None,
    ) -> Wire:
        """
        Return a signed delivery of *statements*; it rests without a lifetime.

        Args:
            statements: What it covers.
            by: Whose key signs, unless *signer* is given.
            to: The audience.
            issued_s: Now, unless given.
            lifetime_s: In seconds.
            arrival: As it stands in the claims.
            reply_to: As it stands in the claims.
            binding: What is known of the message; its SHA-256 stands in the claims.
            delivery_id: As it stands in the claims.
            change: What is done to the protected header before it is signed.
            protected: A whole protected header instead.
            use: For what it is signed.
            domain: For which domain it is signed.
        """
        signer = self.signer(by) if signer is None else signer
        issued_s = self.now_s if issued_s is None else issued_s
        private = [arrival, reply_to, None if binding is None else digest(binding)]
        while private[-1] is None:
            private.pop()
        claims = {AUD: to, IAT: issued_s, CTI: delivery_id, PRIVATE: private}
        if lifetime_s is not None:
            claims[EXP] = issued_s + lifetime_s
        if protected is None:
            protected = self.protected(claims, signer=signer, change=change)
        made = signature(
            signer,
            protected,
            coverage(statements),
            use=use,
            domain=self.domain if domain is None else domain,
        )
        return [protected, {}, None, made]

    def envelope(
        self, *statements: Wire, delivery: Wire | None = None, **arguments: Any
    ) -> bytes:
        """
        Return an envelope of *statements*, sorted, and a delivery of them.

        Args:
            statements: As `statement` returns them.
            delivery: The one to use; made with *arguments* unless given.
            arguments: As for `delivery`.
        """
        if delivery is None:
            delivery = self.delivery(statements, **arguments)
        return pack([1, sorted(statements, key=identify), delivery])

    def redelivered(self, envelope: object, **arguments: Any) -> bytes:
        """
        Return an envelope's statements under a new delivery.
        """
        return self.envelope(*unpack(envelope)[1], **arguments)


# --- what comes by chance ---------------------------------------------------

# Structures that have something of a statement or a delivery.
WIRES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-70000, 2**64 - 1)
    | st.binary(max_size=4)
    | st.sampled_from([b"\0" * 8, b"\0" * 16, b"\0" * 32, b"\0" * 64, "chat"]),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from([1, 2, 3, 4, 5, 6, 7, 15, PRIVATE]), inner, max_size=5
        )
    ),
    max_leaves=24,
)


# --- what is expected --------------------------------------------------------


@contextmanager
def refuses(kind: type[VerificationError], code: str) -> Iterator[Any]:
    """
    Check that what runs within is refused with exactly this class and code.
    """
    with pytest.raises(VerificationError) as ei:
        yield ei

    assert (kind, code) == (type(ei.value), ei.value.code)
