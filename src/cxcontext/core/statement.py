"""
A statement: what one department contributes at one touchpoint, signed once.

A COSE_Sign1 with a detached payload (RFC 9052, section 4.2). The signature
covers the digests of the sections, so a section can be withheld without
breaking it. Parsing believes nothing: until a statement is verified, all that
it says is *claimed*.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import attrs

from cxcontext.core import cbor
from cxcontext.core.limits import (
    MAX_CHANNEL_CHARS,
    MAX_CLEAR_BYTES,
    MAX_MAP_ENTRIES,
    MAX_PARENTS,
    MAX_PROTECTED_BYTES,
    MAX_SCOPES,
    MAX_SEALED_BYTES,
)
from cxcontext.core.section import WireFact, as_encoded, decode_clear
from cxcontext.core.vocabulary import MAX_SCOPE_NUMBER
from cxcontext.errors import (
    LimitExceededError,
    MalformedError,
    NotCanonicalError,
    UsageError,
)
from cxcontext.hiding import unshown
from cxcontext.typing import Signer

ALGORITHM: Final = 1  # RFC 9052, 3.1
KEY_ID: Final = 4  # RFC 9052, 3.1
CLAIMS: Final = 15  # RFC 9597
AUDIENCE: Final = 3  # RFC 8392, 3.1
EXPIRES: Final = 4
ISSUED: Final = 6
CWT_ID: Final = 7
# RFC 9052 and RFC 8392 leave what is below -65536 to private use.
PRIVATE: Final = -65537
SECTIONS: Final = -65537

DIGEST_BYTES: Final = 32
NONCE_BYTES: Final = 16
SIGNATURE_BYTES: Final = 64
KEY_ID_BYTES: Final = 8
JOURNEY_ID_BYTES: Final = 16
MAX_INSTANT_S: Final = 253_402_300_799  # the end of the year 9999, as datetime
_CHANNEL: Final = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{MAX_CHANNEL_CHARS - 1}}}")

FLAG_POSSESSION: Final = 1
FLAG_HINT: Final = 2
FLAG_EXPORT: Final = 4
FLAG_ACCEPTED: Final = 8
FLAG_ERASABLE: Final = 16  # in a root, for the whole journey
_FLAGS: Final = FLAG_POSSESSION | FLAG_HINT | FLAG_EXPORT | FLAG_ACCEPTED


@attrs.frozen(
    kw_only=True, repr=False, field_transformer=unshown, eq=False, cache_hash=False
)
class Statement:
    """
    One statement, parsed. ``parents`` is empty for the root, which has a nonce.
    """

    id: bytes
    protected: bytes
    signature: bytes
    sections: Mapping[int, bytes]
    digests: Mapping[int, bytes]
    payload: bytes
    algorithm: int
    key_id: bytes
    issued_s: int
    expires_s: int
    parents: tuple[bytes, ...]
    nonce: bytes
    channel: str
    revision: int
    clear: tuple[WireFact, ...]
    flags: int

    def __repr__(self) -> str:
        return f"<Statement {self.id.hex()[:8]} by key {self.key_id.hex()}>"

    def __hash__(self) -> int:
        return hash(self.id)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Statement):
            return NotImplemented
        return self.id == other.id and self.sections == other.sections

    @property
    def is_erasable(self) -> bool:
        """
        Whether it is the root of an erasable journey.
        """
        return bool(self.flags & FLAG_ERASABLE)

    def to_wire(self) -> list[Any]:
        """
        Return the statement as it stands in an envelope.
        """
        present = self.sections
        entries: dict[int, Any] = {
            scope: present.get(scope) or [digest]
            for scope, digest in self.digests.items()
        }
        unprotected = {SECTIONS: entries} if entries else {}
        return [self.protected, unprotected, None, self.signature]

    def without(self, scopes: Sequence[int] | frozenset[int]) -> Statement:
        """
        Return the statement with digests in place of these scopes' sections.
        """
        if not any(scope in self.sections for scope in scopes):
            return self
        kept = {s: raw for s, raw in self.sections.items() if s not in scopes}
        return attrs.evolve(self, sections=MappingProxyType(kept))

    def joined(self, other: Statement) -> Statement:
        """
        Return the statement with the sections that either copy has.
        """
        if other.sections.keys() <= self.sections.keys():
            return self
        both = {**other.sections, **self.sections}
        return attrs.evolve(self, sections=MappingProxyType(dict(sorted(both.items()))))

    def signed_bytes(self, domain: str) -> bytes:
        """
        Return what the signature covers (RFC 9052, 4.4).
        """
        return signed_bytes(
            self.protected, self.payload, use="cxcontext/1/statement", domain=domain
        )


def signed_bytes(protected: bytes, payload: bytes, *, use: str, domain: str) -> bytes:
    """
    Return the Sig_structure of a COSE_Sign1 (RFC 9052, 4.4).
    """
    return cbor.encode_structure(
        ["Signature1", protected, _external(use, domain), payload]
    )


@lru_cache(maxsize=16)
def _external(use: str, domain: str) -> bytes:
    # Of as many values as there are trust domains in the process.
    return cbor.encode_structure([use, domain])


def section_info(
    *, domain: str, protected: bytes, scope: int, generation: int
) -> bytes:
    """
    Return the HPKE info that ties a section to its statement, scope and domain.
    """
    digest = sha256(protected).digest()
    return cbor.encode_structure(
        ["cxcontext/1/section", domain, digest, scope, generation]
    )


def parse_section(raw: bytes) -> tuple[int, bytes]:
    """
    Return generation and sealed bytes of a section.

    Raises:
        MalformedError, NotCanonicalError: When it is not ``[generation, bstr]``.
    """
    entry = cbor.decode(raw, what="section")
    if (
        not isinstance(entry, list)
        or len(entry) != 2
        or type(entry[0]) is not int
        or not 0 <= entry[0] <= MAX_SCOPE_NUMBER
        or not isinstance(entry[1], bytes)
    ):
        raise MalformedError("section")
    if len(entry[1]) > MAX_SEALED_BYTES:
        raise LimitExceededError("bytes in a section", MAX_SEALED_BYTES)
    return entry[0], entry[1]


def parse_statement(wire: Any) -> Statement:
    """
    Return the statement that one element of an envelope encodes.

    Raises:
        MalformedError, NotCanonicalError, LimitExceededError: It is not one.
    """
    if not isinstance(wire, list) or len(wire) != 4:
        raise MalformedError("statement")
    protected, unprotected, nothing, signature = wire
    if (
        not isinstance(protected, bytes)
        or not isinstance(unprotected, dict)
        or nothing is not None
        or not isinstance(signature, bytes)
        or len(signature) != SIGNATURE_BYTES
        or not set(unprotected) <= {SECTIONS}
    ):
        raise MalformedError("statement")
    sections, digests = _sections(unprotected)
    return _statement(_claims(protected), protected, signature, sections, digests)


class Claims(NamedTuple):
    """
    What the protected header of a statement claims.
    """

    algorithm: int
    key_id: bytes
    issued_s: int
    expires_s: int
    parents: tuple[bytes, ...]
    nonce: bytes
    channel: str
    revision: int
    clear: tuple[WireFact, ...] = ()
    flags: int = 0

    def encode(self) -> bytes:
        """
        Return the protected header.
        """
        origin = sorted(self.parents) if self.parents else self.nonce
        facts = {fact.field: fact.to_entry() for fact in self.clear}
        ordered = {field: facts[field] for field in sorted(facts, key=as_encoded)}
        private = [origin, self.channel, self.revision, ordered, self.flags]
        return cbor.encode_structure(
            {
                ALGORITHM: self.algorithm,
                KEY_ID: self.key_id,
                CLAIMS: {
                    EXPIRES: self.expires_s,
                    ISSUED: self.issued_s,
                    PRIVATE: private,
                },
            }
        )


def sign_statement(
    claims: Claims,
    *,
    signer: Signer,
    protected: bytes,
    sections: Mapping[int, bytes],
    domain: str,
) -> Statement:
    """
    Return the signed statement of *claims* and the sealed *sections*.

    Args:
        claims: What is claimed.
        signer: Whose key they name.
        protected: Their encoding, to which the sections are sealed.
        sections: By scope.
        domain: The trust domain's name.
    """
    ordered = dict(sorted(sections.items()))
    digests = {scope: sha256(raw).digest() for scope, raw in ordered.items()}
    payload = cbor.encode_structure(digests)
    to_sign = signed_bytes(
        protected, payload, use="cxcontext/1/statement", domain=domain
    )
    return _statement(claims, protected, sign(signer, to_sign), ordered, digests)


def sign(signer: Signer, data: bytes) -> bytes:
    """
    Return the signature of a signer who may be somebody else's code.

    Raises:
        UsageError: When it is not a signature of our two algorithms by its length.
    """
    signature = signer.sign(data)
    if not isinstance(signature, bytes) or len(signature) != SIGNATURE_BYTES:
        msg = (
            f"the signer returned no {SIGNATURE_BYTES} bytes; Ed25519 and ESP256 "
            "signatures are raw here, not in DER"
        )
        raise UsageError(msg)
    return signature


def journey_id(*, domain: str, root: Statement) -> bytes:
    """
    Return the journey's id, which its root certifies by itself.
    """
    return identify_journey(domain=domain, key_id=root.key_id, nonce=root.nonce)


def identify_journey(*, domain: str, key_id: bytes, nonce: bytes) -> bytes:
    """
    Return the id of the journey whose root is by this key and has this nonce.
    """
    preimage = ["cxcontext/1/journey", domain, key_id, nonce]
    return sha256(cbor.encode_structure(preimage)).digest()[:JOURNEY_ID_BYTES]


def check_channel(channel: str) -> str:
    """
    Return *channel*, or raise ValueError: it is readable by every carrier.
    """
    if not isinstance(channel, str) or not _CHANNEL.fullmatch(channel):
        msg = (
            "a channel is 1 to 32 characters of a-z 0-9 . _ - such as 'chat' or "
            "'phone'; it travels unencrypted, so it never names the customer"
        )
        raise ValueError(msg)
    return channel


def _statement(
    claims: Claims,
    protected: bytes,
    signature: bytes,
    sections: Mapping[int, bytes],
    digests: Mapping[int, bytes],
) -> Statement:
    payload = cbor.encode_structure(digests)
    return Statement(
        id=sha256(cbor.encode_structure([protected, payload, signature])).digest(),
        protected=protected,
        signature=signature,
        sections=MappingProxyType(sections),
        digests=MappingProxyType(digests),
        payload=payload,
        algorithm=claims.algorithm,
        key_id=claims.key_id,
        issued_s=claims.issued_s,
        expires_s=claims.expires_s,
        parents=claims.parents,
        nonce=claims.nonce,
        channel=claims.channel,
        revision=claims.revision,
        clear=claims.clear,
        flags=claims.flags,
    )


def parse_protected(protected: bytes) -> tuple[Any, int, bytes]:
    """
    Return the claims, algorithm and key id of a protected header.

    Raises:
        MalformedError, NotCanonicalError, LimitExceededError: It is not one.
    """
    if len(protected) > MAX_PROTECTED_BYTES:
        raise LimitExceededError("bytes in a protected header", MAX_PROTECTED_BYTES)
    header = cbor.decode(protected, what="protected header")
    if not isinstance(header, dict) or header.keys() != _HEADER_LABELS:
        # RFC 9052 3.1: what one does not understand there must not be passed over.
        raise MalformedError("protected header")
    algorithm, key_id = header[ALGORITHM], header[KEY_ID]
    if (
        type(algorithm) is not int
        or not isinstance(key_id, bytes)
        or len(key_id) != KEY_ID_BYTES
    ):
        raise MalformedError("protected header")
    return header[CLAIMS], algorithm, key_id


def instant(value: Any) -> int:
    """
    Return a claimed instant in seconds, or refuse it.

    Raises:
        MalformedError: When it is not a whole number of seconds in range.
    """
    if type(value) is not int or not 0 <= value <= MAX_INSTANT_S:
        raise MalformedError("instant")
    return value


def _claims(protected: bytes) -> Claims:
    claims, algorithm, key_id = parse_protected(protected)
    if not isinstance(claims, dict) or claims.keys() != _CLAIM_LABELS:
        raise MalformedError("claims")
    private = claims[PRIVATE]
    if not isinstance(private, list) or len(private) != 5:
        raise MalformedError("claims")
    origin, channel, revision, clear, flags = private
    if isinstance(origin, list):
        _check_parents(origin)
    elif not isinstance(origin, bytes) or len(origin) != NONCE_BYTES:
        raise MalformedError("parents")
    is_root = isinstance(origin, bytes)
    if (
        not isinstance(channel, str)
        or not _CHANNEL.fullmatch(channel)
        or type(revision) is not int
        or not 0 <= revision <= cbor.INT_MAX
        or type(flags) is not int
        or flags & ~(_FLAGS | FLAG_ERASABLE if is_root else _FLAGS)
        or flags < 0
    ):
        raise MalformedError("claims")
    return Claims(
        algorithm=algorithm,
        key_id=key_id,
        issued_s=instant(claims[ISSUED]),
        expires_s=instant(claims[EXPIRES]),
        parents=() if is_root else tuple(origin),
        nonce=origin if is_root else b"",
        channel=channel,
        revision=revision,
        clear=_clear(clear),
        flags=flags,
    )


def _check_parents(parents: list[Any]) -> None:
    if len(parents) > MAX_PARENTS:
        raise LimitExceededError("parents", MAX_PARENTS)
    if not parents or not all(
        isinstance(parent, bytes) and len(parent) == DIGEST_BYTES for parent in parents
    ):
        raise MalformedError("parents")
    if any(a >= b for a, b in pairwise(parents)):
        raise NotCanonicalError("parents")


def _clear(entries: Any) -> tuple[WireFact, ...]:
    if not entries and isinstance(entries, dict):
        return ()
    if not isinstance(entries, dict):
        raise MalformedError("clear facts")
    if len(entries) > MAX_MAP_ENTRIES:
        raise LimitExceededError("entries in a map", MAX_MAP_ENTRIES)
    facts = decode_clear(entries)
    for fact in facts:
        if fact.has_value and (
            not isinstance(fact.value, (str, int))
            or len(cbor.encode_structure(fact.value)) > MAX_CLEAR_BYTES
        ):
            raise MalformedError("clear fact")
    return facts


def _sections(
    unprotected: dict[Any, Any],
) -> tuple[dict[int, bytes], dict[int, bytes]]:
    sections: dict[int, bytes] = {}
    digests: dict[int, bytes] = {}
    if not unprotected:
        return sections, digests
    entries = unprotected[SECTIONS]
    if not isinstance(entries, dict) or not entries:
        raise MalformedError("sections")
    if len(entries) > MAX_SCOPES:
        raise LimitExceededError("scopes", MAX_SCOPES)
    for scope, entry in entries.items():
        if type(scope) is not int or not 1 <= scope <= MAX_SCOPE_NUMBER:
            raise MalformedError("scope")
        if isinstance(entry, bytes):
            parse_section(entry)
            sections[scope] = entry
            digests[scope] = sha256(entry).digest()
        elif (
            isinstance(entry, list)
            and len(entry) == 1
            and isinstance(entry[0], bytes)
            and len(entry[0]) == DIGEST_BYTES
        ):
            digests[scope] = entry[0]
        else:
            raise MalformedError("section")
    return sections, digests


_HEADER_LABELS: Final = {ALGORITHM, KEY_ID, CLAIMS}
_CLAIM_LABELS: Final = {EXPIRES, ISSUED, PRIVATE}
