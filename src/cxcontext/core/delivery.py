"""
A delivery: the sender's signature over exactly this envelope.

Short-lived and for one audience when it is handed over; without expiry, for
the department itself or for all of its domain, when it rests.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final

import attrs

from cxcontext.core import cbor
from cxcontext.core.known import Arrival
from cxcontext.core.limits import CLOCK_LEEWAY_SECONDS
from cxcontext.core.statement import (
    ALGORITHM,
    AUDIENCE,
    CLAIMS,
    CWT_ID,
    DIGEST_BYTES,
    EXPIRES,
    ISSUED,
    KEY_ID,
    PRIVATE,
    SIGNATURE_BYTES,
    Statement,
    instant,
    parse_protected,
    sign,
    signed_bytes,
)
from cxcontext.errors import MalformedError, NotCanonicalError
from cxcontext.hiding import unshown
from cxcontext.typing import Signer

EVERY_DEPARTMENT: Final = "*"
DELIVERY_ID_BYTES: Final = 8
MAX_AUDIENCE_CHARS: Final = 64
USE: Final = "cxcontext/1/delivery"


@attrs.frozen(kw_only=True, repr=False, field_transformer=unshown, eq=False)
class Delivery:
    """
    One delivery, parsed; claimed until it is verified.

    Attributes:
        id: Eight random bytes, unique per signer while it is alive.
        expires_s: None for what rests.
        arrival: How surely the sender holds the journey to be this customer's.
        reply_to: The id of the request's delivery, in a response.
        binding: SHA-256 of what the receiver knows of the message otherwise.
    """

    protected: bytes
    signature: bytes
    algorithm: int
    key_id: bytes
    id: bytes
    audience: str
    issued_s: int
    expires_s: int | None
    arrival: Arrival
    reply_to: bytes | None
    binding: bytes | None

    def __repr__(self) -> str:
        return f"<Delivery {self.id.hex()} by key {self.key_id.hex()}>"

    @property
    def rests(self) -> bool:
        """
        Whether it is for rest rather than for a hand-over.
        """
        return self.expires_s is None

    def has_ended(self, now_s: int) -> bool:
        """
        Whether its time is over, clocks being what they are. What rests never ends.
        """
        expires_s = self.expires_s
        return expires_s is not None and expires_s + CLOCK_LEEWAY_SECONDS <= now_s

    def to_wire(self) -> list[Any]:
        """
        Return the delivery as it stands in an envelope.
        """
        return [self.protected, {}, None, self.signature]

    def signed_bytes(self, statements: Iterable[Statement], *, domain: str) -> bytes:
        """
        Return what the signature must cover for these *statements*.
        """
        return signed_bytes(
            self.protected, coverage(statements), use=USE, domain=domain
        )


def coverage(statements: Iterable[Statement]) -> bytes:
    """
    Return the delivery's payload: which statements, with which sections present.
    """
    ordered = sorted(statements, key=_id)
    contents = [[s.id, [*s.sections]] for s in ordered]
    return sha256(cbor.encode_structure(contents)).digest()


def _id(statement: Statement) -> bytes:
    return statement.id


def parse_delivery(wire: Any) -> Delivery:
    """
    Return the delivery that the last element of an envelope encodes.

    Raises:
        MalformedError, NotCanonicalError, LimitExceededError: It is not one.
    """
    if not isinstance(wire, list) or len(wire) != 4:
        raise MalformedError("delivery")
    protected, unprotected, nothing, signature = wire
    if (
        not isinstance(protected, bytes)
        or unprotected != {}
        or nothing is not None
        or not isinstance(signature, bytes)
        or len(signature) != SIGNATURE_BYTES
    ):
        raise MalformedError("delivery")
    return _parse(protected, signature)


def sign_delivery(
    statements: Iterable[Statement],
    *,
    signer: Signer,
    domain: str,
    delivery_id: bytes,
    audience: str,
    issued_s: int,
    expires_s: int | None,
    arrival: Arrival,
    reply_to: bytes | None = None,
    binding: bytes | None = None,
) -> Delivery:
    """
    Return a delivery of exactly these *statements*.
    """
    private: list[Any] = [int(arrival), reply_to, binding]
    while private[-1] is None:
        private.pop()
    claims: dict[int, Any] = {AUDIENCE: audience}
    if expires_s is not None:
        claims[EXPIRES] = expires_s
    claims |= {ISSUED: issued_s, CWT_ID: delivery_id, PRIVATE: private}
    protected = cbor.encode_structure(
        {ALGORITHM: signer.algorithm, KEY_ID: signer.key_id, CLAIMS: claims}
    )
    to_sign = signed_bytes(protected, coverage(statements), use=USE, domain=domain)
    return Delivery(
        protected=protected,
        signature=sign(signer, to_sign),
        algorithm=signer.algorithm,
        key_id=signer.key_id,
        id=delivery_id,
        audience=audience,
        issued_s=issued_s,
        expires_s=expires_s,
        arrival=arrival,
        reply_to=reply_to,
        binding=binding,
    )


def _parse(protected: bytes, signature: bytes) -> Delivery:
    claims, algorithm, key_id = parse_protected(protected)
    if not isinstance(claims, dict) or claims.keys() | {EXPIRES} != _LABELS:
        raise MalformedError("claims")
    audience, delivery_id = claims[AUDIENCE], claims[CWT_ID]
    if (
        not isinstance(audience, str)
        or not 1 <= len(audience) <= MAX_AUDIENCE_CHARS
        or not isinstance(delivery_id, bytes)
        or len(delivery_id) != DELIVERY_ID_BYTES
    ):
        raise MalformedError("claims")
    arrival, reply_to, binding = _private(claims[PRIVATE])
    issued_s = instant(claims[ISSUED])
    expires_s = instant(claims[EXPIRES]) if EXPIRES in claims else None
    if expires_s is not None and expires_s < issued_s:
        raise MalformedError("a delivery that expires before it is issued")
    return Delivery(
        protected=protected,
        signature=signature,
        algorithm=algorithm,
        key_id=key_id,
        id=delivery_id,
        audience=audience,
        issued_s=issued_s,
        expires_s=expires_s,
        arrival=arrival,
        reply_to=reply_to,
        binding=binding,
    )


def _private(private: Any) -> tuple[Arrival, bytes | None, bytes | None]:
    if not isinstance(private, list) or not 1 <= len(private) <= 3:
        raise MalformedError("claims")
    if len(private) > 1 and private[-1] is None:
        raise NotCanonicalError("claims")
    arrival, reply_to, binding = [*private, None, None][:3]
    if type(arrival) is not int or arrival not in _ARRIVALS:
        raise MalformedError("arrival")
    for value, size in ((reply_to, DELIVERY_ID_BYTES), (binding, DIGEST_BYTES)):
        if value is not None and (not isinstance(value, bytes) or len(value) != size):
            raise MalformedError("claims")
    return Arrival(arrival), reply_to, binding


_LABELS: Final = {AUDIENCE, EXPIRES, ISSUED, CWT_ID, PRIVATE}
_ARRIVALS: Final = frozenset(int(arrival) for arrival in Arrival)
