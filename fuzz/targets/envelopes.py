"""
Bytes from outside: an envelope, unverified, and at the door of a department.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any, ClassVar

from making.forging import KID, coverage, identify, payload, sign

from cxcontext.core.envelope import (
    TEXT_PREFIX,
    decode_envelope,
    encode_envelope,
    to_bytes,
    to_text,
)
from cxcontext.core.journey import Journey
from cxcontext.errors import VerificationError
from fuzz import items, shapes
from fuzz.guard import Finding, Target
from fuzz.reading import read_everything
from fuzz.vectors import decode_forms, rings, setting_of, settings, vectors

_PREFIX = TEXT_PREFIX.encode()
# What stands in front of every signature: the payload's nil, and 64 bytes' head.
SIGNATURE_HEAD = b"\xf6\x58\x40"
_WORDS = (
    *(b"cx1.", b"\xa3\x01\x32\x04\x48", b"\x3a\x00\x01\x00\x00", b"\xa1\x3a\x00\x01"),
    *(b"\xf6\x58\x40", b"\x83\x01\x81\x84", b"\xa0\xf6\x58\x40", b"\x85\x50", b"\x82"),
)


def mutated_envelope(data: bytes, source: random.Random) -> bytes | None:
    """
    Return an envelope with something changed within, in the form that it had.
    """
    text = data.startswith(_PREFIX)
    try:
        wire = items.decode(to_bytes(data))
    except (ValueError, VerificationError):
        return None
    changed = items.to_cbor(items.mutated(wire, source), source)
    if text ^ (source.random() < 0.05):
        return to_text(changed).encode()
    return changed


class DecodeTarget(Target):
    """
    `decode_envelope`: what is taken has this encoding and no other.
    """

    name: ClassVar[str] = "decode"
    share: ClassVar[int] = 46
    refusals: ClassVar[tuple[type[Exception], ...]] = (VerificationError,)
    # The largest header and the most parents, in too few bytes to pay for themselves.
    floor_s: ClassVar[float] = 0.001
    words: ClassVar[tuple[bytes, ...]] = _WORDS

    def seeds(self) -> Iterable[bytes]:
        """
        Return every form of every vector.
        """
        for kind in ("valid", "invalid"):
            for vector in vectors(kind):
                yield from decode_forms(vector)

    def shapes(self) -> Iterable[bytes]:
        """
        Return what is as large as an envelope can be.
        """
        return shapes.envelopes()

    def run(self, prepared: Any) -> Any:
        """
        Decode it, and hold what was taken against its own encoding.
        """
        data: bytes = prepared
        if data.startswith(_PREFIX):
            # What is not UTF-8 comes as surrogates from a header or a file.
            envelope = decode_envelope(data.decode("utf-8", "surrogateescape"))
            if str(envelope).encode() != data:
                raise Finding("a text form that is not the one of its envelope")
        else:
            envelope = decode_envelope(data)
            if bytes(envelope) != data:
                raise Finding("an envelope that has other bytes than it came with")
        if encode_envelope(envelope.statements, envelope.delivery) != bytes(envelope):
            raise Finding("an envelope that encodes otherwise")
        repr(envelope)

    def mutate(self, data: bytes, *, source: random.Random) -> bytes | None:
        """
        Change something within.
        """
        return mutated_envelope(data, source)


class ReceiveTarget(Target):
    """
    `Department.receive` and `resume`: nothing is believed that was not signed so.

    Two bytes choose the receiver and what it expects, and the envelope follows.
    """

    name: ClassVar[str] = "receive"
    share: ClassVar[int] = 4
    refusals: ClassVar[tuple[type[Exception], ...]] = (VerificationError,)
    # A signature or two of P-256.
    floor_s: ClassVar[float] = 0.002
    words: ClassVar[tuple[bytes, ...]] = _WORDS

    def __init__(self) -> None:
        self._settings = [setting for _, setting in settings()]
        self._numbers = {name: i for i, (name, _) in enumerate(settings())}
        self._signers = {
            signer.key_id: signer
            for ring in rings().values()
            for private in ring.private.values()
            for signer in private.signers
        }

    def seeds(self) -> Iterable[bytes]:
        """
        Return every form of every vector, at its own receiver.
        """
        for kind in ("valid", "invalid"):
            for vector in vectors(kind):
                number = self._numbers[setting_of(vector)]
                for form in decode_forms(vector):
                    yield number.to_bytes(2) + form

    def prepare(self, data: bytes) -> Any:
        """
        Return the setting and the envelope.
        """
        if len(data) < 2:
            return None
        number = int.from_bytes(data[:2]) % len(self._settings)
        return self._settings[number], data[2:]

    def size_bytes(self, prepared: Any) -> int:
        """
        Return the size of the envelope.
        """
        return len(prepared[1])

    def signatures(self, prepared: Any) -> int:
        """
        Return how many stand in its binary form.
        """
        try:
            return to_bytes(prepared[1]).count(SIGNATURE_HEAD)
        except VerificationError:
            return 0

    def run(self, prepared: Any) -> Any:
        """
        Open it.
        """
        setting, data = prepared
        return setting.vector["domain"], data, setting.open(data)

    def use(self, taken: Any) -> None:
        """
        Have it signed again by those whose it says it is, and read everything.
        """
        domain, data, journey = taken
        self._check_signed(items.decode(to_bytes(data)), journey, domain)
        read_everything(journey)

    def _check_signed(self, wire: Any, journey: Journey[Any], domain: str) -> None:
        # Both algorithms are deterministic, so whoever has the keys can tell without
        # verifying anything, and the forge counts what is covered for itself.
        _, statements, delivery = wire
        believed = {
            statement.id
            for statement, author in zip(
                journey.context.statements, journey.context.authors, strict=True
            )
            if author is not None
        }
        signed = [(delivery, coverage(statements), "delivery")]
        signed += [
            (statement, payload(statement), "statement")
            for statement in statements
            if identify(statement) in believed
        ]
        for entry, covered, use in signed:
            signer = self._signers[items.decode(entry[0])[KID]]
            if sign(signer, entry[0], covered, use=use, domain=domain) != entry[3]:
                what = f"a {use} was believed that its signer did not sign so"
                raise Finding(what)

    def mutate(self, data: bytes, *, source: random.Random) -> bytes | None:
        """
        Change something within, or the receiver.
        """
        changed = mutated_envelope(data[2:], source)
        return None if changed is None else data[:2] + changed

    def forget(self) -> None:
        """
        Forget what was verified.
        """
        for setting in self._settings:
            setting.forget()
