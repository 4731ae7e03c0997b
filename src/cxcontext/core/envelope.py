"""
The envelope: statements and a delivery, as bytes or as text.

An `Envelope` is unverified: it can be passed on, looked at from outside and
stripped of sections, but no fact can be had from it. `Department.receive` and
`Department.resume` are the only doors from bytes to facts.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import attrs

from cxcontext.core import cbor
from cxcontext.core.delivery import Delivery, parse_delivery
from cxcontext.core.graph import Graph, build_graph
from cxcontext.core.limits import MAX_ENVELOPE_BYTES, MAX_STATEMENTS
from cxcontext.core.statement import Statement, journey_id, parse_statement
from cxcontext.core.verified_cache import VerifiedCache
from cxcontext.errors import (
    LimitExceededError,
    MalformedError,
    NotCanonicalError,
    TooLargeError,
    UnsupportedVersionError,
    VerificationError,
)
from cxcontext.hiding import unshown

VERSION: Final = 1
TEXT_PREFIX: Final = "cx1."
_MAX_TEXT_CHARS: Final = len(TEXT_PREFIX) + -(-MAX_ENVELOPE_BYTES * 4 // 3)


@attrs.frozen(kw_only=True, repr=False, field_transformer=unshown, eq=False)
class Envelope:
    """
    What is carried: ``bytes(envelope)`` or ``str(envelope)``.

    Its text is readable to nobody without keys, yet whoever holds it can
    present it while its delivery is alive: keep it out of logs. ``repr`` shows
    counts only.

    .. versionadded:: 0.1.0
    """

    statements: tuple[Statement, ...]
    graph: Graph
    delivery: Delivery
    _bytes: bytes = attrs.field(alias="bytes")
    _domain: str | None = attrs.field(default=None, alias="domain")

    def __bytes__(self) -> bytes:
        return self._bytes

    def __str__(self) -> str:
        return to_text(self._bytes)

    def __repr__(self) -> str:
        return (
            f"<Envelope of {len(self.statements)} statements, {len(self._bytes)} bytes>"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Envelope):
            return NotImplemented
        return self._bytes == other._bytes

    def __hash__(self) -> int:
        return hash(self._bytes)

    def __reduce__(self) -> tuple[Any, ...]:
        return decode_envelope, (self._bytes,)

    @classmethod
    def parse(cls, raw: bytes | str, *, domain: str | None = None) -> Envelope:
        """
        Return the envelope that *raw* is, unverified: all that it says is claimed.

        Args:
            raw: Binary or text form.
            domain: The trust domain that it is taken for; without it, it has no
                `journey_id`.

        Raises:
            VerificationError: Size, shape, encoding, limits or graph are not right.

        .. versionadded:: 0.1.0
        """
        return attrs.evolve(decode_envelope(raw), domain=domain)

    @property
    def journey_id(self) -> str | None:
        """
        The journey's id in hex; None when it was only decoded, for no domain.
        """
        if self._domain is None:
            return None
        return journey_id(domain=self._domain, root=self.root).hex()

    @property
    def root(self) -> Statement:
        """
        The statement that began the journey.
        """
        return self.statements[0]


def encode_envelope(statements: Iterable[Statement], delivery: Delivery) -> bytes:
    """
    Return the bytes of an envelope.
    """
    ordered = sorted(statements, key=lambda statement: statement.id)
    wire = [VERSION, [s.to_wire() for s in ordered], delivery.to_wire()]
    return cbor.encode_structure(wire)


def make_envelope(
    statements: Sequence[Statement], graph: Graph, delivery: Delivery, *, domain: str
) -> Envelope:
    """
    Return the envelope of *statements*, which are in the order of their *graph*.
    """
    return Envelope(
        statements=tuple(statements),
        graph=graph,
        delivery=delivery,
        bytes=encode_envelope(statements, delivery),
        domain=domain,
    )


def decode_envelope(
    raw: bytes | str, *, cache: VerifiedCache | None = None
) -> Envelope:
    """
    Return the envelope that *raw* is, in either form, unverified.

    Args:
        raw: Binary form, or text form as ``str`` or ASCII bytes.
        cache: Statements verified before, which need not be parsed again.

    Raises:
        VerificationError: In the order of protocol, section 2: size, shape and
            encoding, version, limits, graph.
    """
    data = to_bytes(raw)
    wire = cbor.decode(data, what="envelope")
    if not isinstance(wire, list) or not wire or type(wire[0]) is not int:
        raise MalformedError("envelope")
    if wire[0] != VERSION:
        raise UnsupportedVersionError(wire[0])
    if len(wire) != 3 or not isinstance(wire[1], list) or not wire[1]:
        raise MalformedError("envelope")
    if len(wire[1]) > MAX_STATEMENTS:
        raise LimitExceededError("statements", MAX_STATEMENTS)
    known = cache.find if cache is not None else _unknown
    statements = [known(entry) or parse_statement(entry) for entry in wire[1]]
    ids = [statement.id for statement in statements]
    if any(a >= b for a, b in pairwise(ids)):
        raise NotCanonicalError("statements are not sorted by id, or repeated")
    delivery = parse_delivery(wire[2])
    graph = build_graph(statements)
    by_id: Mapping[bytes, Statement] = dict(zip(ids, statements, strict=True))
    ordered = tuple(by_id[identifier] for identifier in graph.order)
    if ordered[0].is_erasable and any(statement.clear for statement in ordered):
        # What no deletion reaches must not be there to begin with.
        raise MalformedError("clear fact in an erasable journey")
    return Envelope(
        statements=ordered,
        graph=graph,
        delivery=delivery,
        bytes=data,
    )


def _unknown(_entry: Any) -> None:
    return None


def to_text(data: bytes) -> str:
    """
    Return the text form: ``cx1.`` and base64url without padding.
    """
    return TEXT_PREFIX + _base64url(data).decode("ascii")


def to_bytes(raw: bytes | str) -> bytes:
    """
    Return the binary form of either form, bounded before anything is parsed.

    Raises:
        TooLargeError: More than the format's limit.
        MalformedError: Text that is not base64url after the prefix.
        NotCanonicalError: Text with padding or with unused bits that are not zero.
    """
    if isinstance(raw, str):
        if len(raw) > _MAX_TEXT_CHARS:
            raise TooLargeError(len(raw), _MAX_TEXT_CHARS)
        try:
            raw = raw.encode("ascii")
        except UnicodeEncodeError:
            raise MalformedError("text form") from None
        if not raw.startswith(_PREFIX_BYTES):
            raise MalformedError("text form")
    elif not isinstance(raw, bytes):
        raise MalformedError("neither bytes nor text")
    if not raw.startswith(_PREFIX_BYTES):
        if len(raw) > MAX_ENVELOPE_BYTES:
            raise TooLargeError(len(raw), MAX_ENVELOPE_BYTES)
        return raw
    if len(raw) > _MAX_TEXT_CHARS:
        raise TooLargeError(len(raw), _MAX_TEXT_CHARS)
    text = raw[len(_PREFIX_BYTES) :]
    try:
        data = binascii.a2b_base64(
            text.translate(_TO_STANDARD) + _PADDING[len(text) % 4], strict_mode=True
        )
    except binascii.Error:
        raise _text_problem(text) from None
    # The decoder drops unused bits, which only the last characters have.
    unfinished = len(text) % 4
    if unfinished and _base64url(data[-(len(data) % 3) :]) != text[-unfinished:]:
        raise NotCanonicalError("text form")
    return data


def _base64url(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def _text_problem(text: bytes) -> VerificationError:
    if b"=" in text:
        return NotCanonicalError("text form")
    return MalformedError("text form")


_PREFIX_BYTES: Final = TEXT_PREFIX.encode()
# To the alphabet that binascii knows; what is foreign to ours becomes so to it.
_TO_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING: Final = (b"", b"===", b"==", b"=")
