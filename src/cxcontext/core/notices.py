"""
Erasure notices and receipts: what departments sign to each other about an erasure.

GDPR, article 19: whoever was given personal data is told of its erasure. A
notice names the journey and no value; its receipt says that the receiver has
forgotten it. Both are COSE_Sign1 (RFC 9052, 4.2) with a payload of nothing, each
with an external_aad of its own, so that neither passes for the other, for a
statement or for a delivery. No I/O: whoever has a way carries them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

import attrs
from cryptography.exceptions import InvalidSignature

from cxcontext.core import cbor
from cxcontext.core.delivery import MAX_AUDIENCE_CHARS
from cxcontext.core.department import Department
from cxcontext.core.limits import CLOCK_LEEWAY_SECONDS, MAX_PROTECTED_BYTES
from cxcontext.core.numeric_date import from_seconds, to_seconds
from cxcontext.core.statement import (
    ALGORITHM,
    AUDIENCE,
    CLAIMS,
    CWT_ID,
    ISSUED,
    JOURNEY_ID_BYTES,
    KEY_ID,
    PRIVATE,
    SIGNATURE_BYTES,
    instant,
    parse_protected,
    sign,
    signed_bytes,
)
from cxcontext.core.vocabulary import Vocabulary
from cxcontext.errors import (
    ExternalAuthorError,
    ForgedNoticeError,
    IssuedInFutureError,
    MalformedError,
    TooLargeError,
    UnknownKeyError,
    UsageError,
    WrongAudienceError,
)

__all__ = [
    "NOTICE_ID_BYTES",
    "ErasureNotice",
    "ErasureReceipt",
    "sign_notice",
    "sign_receipt",
    "verify_notice",
    "verify_receipt",
]

V = TypeVar("V", bound=Vocabulary)

NOTICE_ID_BYTES: Final = 16
_NOTICE: Final = "cxcontext/1/erasure-notice"
_RECEIPT: Final = "cxcontext/1/erasure-receipt"
_MAX_BYTES: Final = MAX_PROTECTED_BYTES + SIGNATURE_BYTES + 16
_LABELS: Final = {AUDIENCE, ISSUED, CWT_ID, PRIVATE}


@attrs.frozen(kw_only=True)
class ErasureNotice:
    """
    That a journey was erased, by whom, and who is to forget it. ``bytes`` carry it.

    Attributes:
        id: The notice's, in hex, which its receipt names.
        journey_id: The journey's, or the export's that a partner was sent.
        by: The department that erased it and signed this.
        to: The department that is to forget it.
        erased_at: When it was erased.

    .. versionadded:: 0.1.0
    """

    id: str
    journey_id: str
    by: str
    to: str
    erased_at: datetime
    _bytes: bytes = attrs.field(repr=False, alias="bytes")

    def __bytes__(self) -> bytes:
        return self._bytes


@attrs.frozen(kw_only=True)
class ErasureReceipt:
    """
    That a department has forgotten a journey. ``bytes`` carry it.

    Attributes:
        notice_id: Which notice it answers, in hex.
        journey_id: The journey that was forgotten.
        by: The department that has forgotten it and signed this.
        to: The department that sent the notice.
        at: When it was signed.

    .. versionadded:: 0.1.0
    """

    notice_id: str
    journey_id: str
    by: str
    to: str
    at: datetime
    _bytes: bytes = attrs.field(repr=False, alias="bytes")

    def __bytes__(self) -> bytes:
        return self._bytes


def sign_notice(
    department: Department[V],
    *,
    to: str,
    journey_id: str,
    erased_at: datetime,
    notice_id: bytes,
) -> ErasureNotice:
    """
    Return the notice that a journey was erased, signed by *department*.

    Args:
        department: Who has erased it.
        to: Who is to forget it: a department, or a partner.
        journey_id: As *to* knows the journey, in hex.
        erased_at: When it was erased.
        notice_id: 16 bytes; the same for the same notice, sent again.

    Raises:
        UnknownDepartmentError: When *to* is not in the key set.
        UsageError: When an id is not one.
        MissingKeyError: When no signing key is usable now.

    .. versionadded:: 0.1.0
    """
    department.is_external(to)
    if len(notice_id) != NOTICE_ID_BYTES:
        raise UsageError(f"a notice's id has {NOTICE_ID_BYTES} bytes")
    erased_s = to_seconds(erased_at)
    private = [_journey_bytes(journey_id), erased_s]
    raw = _signed(department, _NOTICE, to=to, message_id=notice_id, private=private)
    return ErasureNotice(
        id=notice_id.hex(),
        journey_id=journey_id,
        by=department.name,
        to=to,
        erased_at=from_seconds(erased_s),
        bytes=raw,
    )


def verify_notice(department: Department[V], raw: bytes) -> ErasureNotice:
    """
    Return the notice that came to *department*, from an internal one.

    Raises:
        VerificationError: The first check that failed: shape, key, its window, time,
            sender, audience, signature.

    .. versionadded:: 0.1.0
    """
    found = _verified(department, raw, use=_NOTICE, members=2)
    if found.external:
        raise ExternalAuthorError(found.sender)
    journey_id, erased_s = found.private
    return ErasureNotice(
        id=found.id.hex(),
        journey_id=journey_id.hex(),
        by=found.sender,
        to=department.name,
        erased_at=from_seconds(erased_s),
        bytes=raw,
    )


def sign_receipt(department: Department[V], notice: ErasureNotice) -> ErasureReceipt:
    """
    Return the receipt of a notice that was verified and acted upon.

    Raises:
        UsageError: When the notice is another department's.
        MissingKeyError: When no signing key is usable now.

    .. versionadded:: 0.1.0
    """
    if notice.to != department.name:
        raise UsageError(f"the notice is for {notice.to}, which signs its receipt")
    raw = _signed(
        department,
        _RECEIPT,
        to=notice.by,
        message_id=bytes.fromhex(notice.id),
        private=[_journey_bytes(notice.journey_id)],
    )
    return ErasureReceipt(
        notice_id=notice.id,
        journey_id=notice.journey_id,
        by=department.name,
        to=notice.by,
        at=from_seconds(department.now_s()),
        bytes=raw,
    )


def verify_receipt(department: Department[V], raw: bytes) -> ErasureReceipt:
    """
    Return the receipt that came to *department*; partners sign theirs, too.

    Raises:
        VerificationError: As `verify_notice`, but for the sender.

    .. versionadded:: 0.1.0
    """
    found = _verified(department, raw, use=_RECEIPT, members=1)
    (journey_id,) = found.private
    return ErasureReceipt(
        notice_id=found.id.hex(),
        journey_id=journey_id.hex(),
        by=found.sender,
        to=department.name,
        at=from_seconds(found.issued_s),
        bytes=raw,
    )


# --- for both ----------------------------------------------------------------


class _Message(NamedTuple):
    """
    What both say.
    """

    id: bytes
    sender: str
    external: bool
    issued_s: int
    private: list[Any]


def _signed(
    department: Department[V],
    use: str,
    *,
    to: str,
    message_id: bytes,
    private: list[Any],
) -> bytes:
    now_s = department.now_s()
    signer = department.keys.signer(department.key_set, now=now_s)
    claims = {AUDIENCE: to, ISSUED: now_s, CWT_ID: message_id, PRIVATE: private}
    protected = cbor.encode_structure(
        {ALGORITHM: signer.algorithm, KEY_ID: signer.key_id, CLAIMS: claims}
    )
    to_sign = signed_bytes(protected, b"", use=use, domain=department.domain)
    return cbor.encode_structure([protected, {}, None, sign(signer, to_sign)])


def _verified(
    department: Department[V], raw: bytes, *, use: str, members: int
) -> _Message:
    protected, signature = _parts(raw)
    claims, algorithm, key_id = parse_protected(protected)
    if not isinstance(claims, dict) or claims.keys() != _LABELS:
        raise MalformedError("claims")
    audience, message_id, private = claims[AUDIENCE], claims[CWT_ID], claims[PRIVATE]
    if (
        not isinstance(audience, str)
        or not 1 <= len(audience) <= MAX_AUDIENCE_CHARS
        or not isinstance(message_id, bytes)
        or len(message_id) != NOTICE_ID_BYTES
        or not isinstance(private, list)
        or len(private) != members
    ):
        raise MalformedError("claims")
    journey_id, *instants = private
    if not isinstance(journey_id, bytes) or len(journey_id) != JOURNEY_ID_BYTES:
        raise MalformedError("journey id")
    for erased_s in instants:
        instant(erased_s)
    issued_s, now_s = instant(claims[ISSUED]), department.now_s()
    entry = department.signing_key(key_id)
    if entry is None:
        raise UnknownKeyError(key_id.hex())
    entry.check(algorithm=algorithm, issued_at=issued_s, now=now_s)
    if issued_s > now_s + CLOCK_LEEWAY_SECONDS:
        raise IssuedInFutureError(from_seconds(issued_s))
    if audience != department.name:
        raise WrongAudienceError(department.name)
    to_verify = signed_bytes(protected, b"", use=use, domain=department.domain)
    try:
        entry.key.verify(signature, to_verify)
    except InvalidSignature:
        raise ForgedNoticeError(key_id.hex()) from None
    return _Message(message_id, entry.department, entry.external, issued_s, private)


def _parts(raw: bytes) -> tuple[bytes, bytes]:
    if not isinstance(raw, bytes):
        raise MalformedError("neither a notice nor a receipt")
    if len(raw) > _MAX_BYTES:
        raise TooLargeError(len(raw), _MAX_BYTES)
    wire = cbor.decode(raw, what="notice")
    if not isinstance(wire, list) or len(wire) != 4:
        raise MalformedError("notice")
    protected, unprotected, nothing, signature = wire
    if (
        not isinstance(protected, bytes)
        or unprotected != {}
        or nothing is not None
        or not isinstance(signature, bytes)
        or len(signature) != SIGNATURE_BYTES
    ):
        raise MalformedError("notice")
    return protected, signature


def _journey_bytes(journey_id: str) -> bytes:
    try:
        found = bytes.fromhex(journey_id)
    except (TypeError, ValueError):
        found = b""
    if len(found) != JOURNEY_ID_BYTES or found.hex() != journey_id:
        raise UsageError("a journey's id is 32 hexadecimal digits: Journey.id")
    return found
