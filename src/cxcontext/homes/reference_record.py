"""
What a store keeps under a reference: readable for whoever holds the reference.

AES-256-GCM under HKDF-SHA256 of the reference's id, which the store has only
the digest of. Whose it is, when it ends and from which references it descends
is associated data, so that no record stands in another's place (protocol,
section 7).
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import attrs
import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cxcontext.errors import RecordTamperedError
from cxcontext.hiding import unshown
from cxcontext.homes.reference import Reference
from cxcontext.typing import Random

PREFIX_BYTES: Final = 8
MAX_DEPTH: Final = 8
_NONCE_BYTES: Final = 12
_LOOKUP_BYTES: Final = 32
_MAX_NESTING: Final = 4

# A reference's lookup, and when it expires.
Ancestor = tuple[bytes, int]


@attrs.frozen(kw_only=True, repr=False, field_transformer=unshown)
class ReferenceRecord:
    """
    A record, opened.

    Attributes:
        audience: The department that it was minted for.
        message: Whether it stands for an envelope in a message of ours.
        ancestors: The references that it descends from, the first one first.
        once: Whether it is redeemed once, whoever asks.
        carried: Whether the customer carries it.
        envelope: What is fetched, bound to the reference.
    """

    audience: str
    message: bool
    ancestors: tuple[Ancestor, ...]
    once: bool
    carried: bool
    envelope: bytes

    @property
    def prefix(self) -> bytes:
        """
        With what it begins, outside of what is encrypted, for a store to compare.
        """
        return prefix_of(self.audience, once=self.once, message=self.message)

    def seal(self, reference: Reference, *, random: Random) -> bytes:
        """
        Return what the store keeps.
        """
        ancestors = [[*ancestor] for ancestor in self.ancestors]
        header = cbor2.dumps(
            [self.audience, self.message, ancestors, self.once, self.carried]
        )
        nonce = random(_NONCE_BYTES)
        sealed = _cipher(reference).encrypt(
            nonce, self.envelope, _associated(reference, header)
        )
        return self.prefix + cbor2.dumps([header, nonce, sealed])


def prefix_of(audience: str, *, once: bool, message: bool) -> bytes:
    """
    Return with what every such record for *audience* begins.

    So that a department which a reference was not minted for does not claim it, nor
    whoever brings that of a call in a message.
    """
    use = b"cxcontext/1/message" if message else b"cxcontext/1/audience"
    digest = sha256(use + audience.encode()).digest()
    return digest[: PREFIX_BYTES - 1] + bytes([once])


def open_record(record: bytes, reference: Reference) -> ReferenceRecord:
    """
    Return what a store returned for *reference*.

    Raises:
        RecordTamperedError: When it is not what was stored there.
    """
    header, nonce, sealed = _parts(record[PREFIX_BYTES:])
    try:
        envelope = _cipher(reference).decrypt(
            nonce, sealed, _associated(reference, header)
        )
    # ValueError: a nonce of another length.
    except (InvalidTag, ValueError):
        raise RecordTamperedError from None
    opened = _record(_decoded(header), envelope)
    if record[:PREFIX_BYTES] != opened.prefix:
        raise RecordTamperedError
    return opened


def _record(header: Any, envelope: bytes) -> ReferenceRecord:
    # A department made it, which need not mean that it meant well.
    match header:
        case [
            str() as audience,
            bool() as message,
            list() as ancestors,
            bool() as once,
            bool() as carried,
        ] if len(ancestors) <= MAX_DEPTH and all(map(_is_ancestor, ancestors)):
            return ReferenceRecord(
                audience=audience,
                message=message,
                ancestors=tuple((lookup, expires_s) for lookup, expires_s in ancestors),
                once=once,
                carried=carried,
                envelope=envelope,
            )
        case _:
            raise RecordTamperedError


def _is_ancestor(entry: Any) -> bool:
    match entry:
        case [bytes() as lookup, int()]:
            return len(lookup) == _LOOKUP_BYTES
        case _:
            return False


def _parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    match _decoded(data):
        case [bytes() as header, bytes() as nonce, bytes() as sealed]:
            return header, nonce, sealed
        case _:
            raise RecordTamperedError


def _decoded(data: bytes) -> Any:
    try:
        return cbor2.loads(data, max_depth=_MAX_NESTING)
    # Whatever a changed record makes the decoder raise, it is not ours.
    except Exception:  # noqa: BLE001
        raise RecordTamperedError from None


def _cipher(reference: Reference) -> AESGCM:
    info = b"cxcontext/1/reference"
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=info).derive(reference.id))


def _associated(reference: Reference, header: bytes) -> bytes:
    return cbor2.dumps([reference.lookup, reference.expires_s, header])
