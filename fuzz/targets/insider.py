"""
A hostile insider: signs and seals as it should, and says what it likes.

The input is a draft, itself CBOR: who receives it, when, statements and a delivery.
A statement's header names parents by their place in the draft; what it seals stands
in it as plaintext. Sealing and signing come last, so that every change is a genuine
statement by whoever its key id names.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any, ClassVar

import attrs
from making.forging import (
    CLAIMS,
    KID,
    PRIVATE,
    SECTIONS,
    digest,
    encode,
    pad,
    sign,
)
from making.world import NOW, Acme, Acme3

from cxcontext.core.domain import TrustDomain
from cxcontext.core.journey import Journey
from cxcontext.core.numeric_date import LATEST, from_seconds
from cxcontext.errors import UsageError, VerificationError
from fuzz import items
from fuzz.guard import Finding, Target
from fuzz.reading import read_everything
from fuzz.targets.envelopes import SIGNATURE_HEAD
from fuzz.targets.plaintext import opened
from fuzz.vectors import DOMAIN, Forge, Setting, rings, vectors

MAX_STATEMENTS = 10
_RECEIVERS = ("support", "sales", "billing", "ivr", "carrier")


@attrs.frozen(kw_only=True)
class Draft:
    """
    A draft that was signed.
    """

    receiver: int
    now_s: int
    raw: bytes


class _Clock:
    def __init__(self) -> None:
        self.now_s = NOW

    def __call__(self) -> Any:
        return from_seconds(self.now_s)


class InsiderTarget(Target):
    """
    `receive`, `resume`, every reading verb, and handing over to the next.
    """

    name: ClassVar[str] = "insider"
    share: ClassVar[int] = 3
    structured: ClassVar[float] = 0.9
    refusals: ClassVar[tuple[type[Exception], ...]] = (VerificationError,)
    # It is opened twice, with a signature of some statements that are almost empty.
    floor_s: ClassVar[float] = 0.004
    max_bytes: ClassVar[int] = 8192

    def __init__(self) -> None:
        ring = rings()["acme"]
        self._forge = Forge(ring)
        self._clock = _Clock()
        self._signers = {
            signer.key_id: signer
            for private in ring.private.values()
            for signer in private.signers
        }
        self._domains = [
            TrustDomain(DOMAIN, vocabulary, keys=ring.public, clock=self._clock)
            for vocabulary in (Acme, Acme3)
        ]
        self._departments = [
            domain.department(name, keys=ring.private[name])
            for domain in self._domains
            for name in _RECEIVERS
        ]

    def seeds(self) -> Iterable[bytes]:
        """
        Return the valid vectors of one key set as drafts.
        """
        for vector in vectors("valid"):
            journey = Setting(vector).open(bytes.fromhex(vector["envelope"]["hex"]))
            few = len(journey.context.statements) <= MAX_STATEMENTS
            if vector["keys"] == "acme" and few:
                yield encode(_draft_of(vector, journey))

    def prepare(self, data: bytes) -> Any:
        """
        Return the draft, signed; None where it is no draft.
        """
        try:
            draft = items.decode(data)
            receiver, now_s, statements, header = draft
        except (ValueError, TypeError):
            return None
        if not isinstance(statements, list) or not isinstance(now_s, int):
            return None
        wires: list[Any] = []
        ids: list[bytes] = []
        for entry in statements[:MAX_STATEMENTS]:
            wires.append(self._statement(entry, ids))
            ids.append(_id(wires[-1]))
        pairs = sorted(zip(ids, wires, strict=True), key=_first)
        delivery = self._delivery(header, pairs)
        ordered = [wire for _, wire in pairs]
        return Draft(
            receiver=receiver if isinstance(receiver, int) else 0,
            now_s=max(0, min(now_s, LATEST)),
            raw=encode([1, ordered, delivery]),
        )

    def size_bytes(self, prepared: Any) -> int:
        """
        Return the size of the envelope.
        """
        return len(prepared.raw)

    def signatures(self, prepared: Any) -> int:
        """
        Return how many stand in it.
        """
        count: int = prepared.raw.count(SIGNATURE_HEAD)
        return count

    def run(self, prepared: Any) -> Any:
        """
        Open it, as a hand-over or from rest.
        """
        self._clock.now_s = prepared.now_s
        department = self._departments[prepared.receiver % len(self._departments)]
        try:
            journey = department.receive(prepared.raw)
        except VerificationError:
            journey = department.resume(prepared.raw)
        return journey

    def use(self, taken: Any) -> None:
        """
        Read everything, and hand it on; the next must be able to open it.
        """
        read_everything(taken)
        self._hand_on(taken)

    def mutate(self, data: bytes, *, source: random.Random) -> bytes | None:
        """
        Change something in the draft.
        """
        try:
            draft = items.decode(data)
        except ValueError:
            return None
        return items.to_cbor(items.mutated(draft, source), source)

    def forget(self) -> None:
        """
        Forget what was verified.
        """
        for domain in self._domains:
            domain.verified.clear()
        for department in self._departments:
            department.forget_recent()

    def _hand_on(self, journey: Journey[Any]) -> None:
        if journey.department == "carrier":
            return
        next_one = self._departments[1 if journey.department == "support" else 0]
        try:
            journey.accept()
            raw = bytes(journey.hand_over(next_one.name))
        except UsageError:
            # No key that signs now, or no room: its own department's affair.
            return
        try:
            next_one.receive(raw)
        except VerificationError as refusal:
            what = f"what an honest department handed on was refused: {refusal.code}"
            raise Finding(what) from refusal

    def _statement(self, entry: Any, ids: list[bytes]) -> Any:
        header, sections = entry if _is_pair(entry) else (entry, {})
        protected = encode(_with_parents(header, ids))
        entries: Any = {}
        if isinstance(sections, dict):
            for scope, section in sections.items():
                entries[scope] = self._section(scope, section, protected)
        wire = [protected, {SECTIONS: entries} if entries else {}, None, b""]
        signer = self._signer(header)
        wire[3] = sign(
            signer, protected, _payload(wire), use="statement", domain=DOMAIN
        )
        if not isinstance(sections, dict):
            wire[1] = sections
        return wire

    def _section(self, scope: Any, section: Any, protected: bytes) -> Any:
        if not (_is_pair(section) and isinstance(section[1], bytes)):
            return section
        generation, plaintext = section
        if type(scope) is not int or type(generation) is not int:
            return encode(section)
        if self._forge.ring.public.sealing_generation(scope, generation) is None:
            return encode(section)
        return self._forge.seal(
            pad(plaintext), scope=scope, protected=protected, generation=generation
        )

    def _delivery(self, header: Any, pairs: list[tuple[bytes, Any]]) -> Any:
        protected = encode(header)
        contents = []
        for identifier, wire in pairs:
            entries = _entries(wire)
            there = [s for s, entry in entries.items() if isinstance(entry, bytes)]
            contents.append([identifier, sorted(there, key=encode)])
        signature = sign(
            self._signer(header),
            protected,
            digest(encode(contents)),
            use="delivery",
            domain=DOMAIN,
        )
        return [protected, {}, None, signature]

    def _signer(self, header: Any) -> Any:
        named = header.get(KID) if isinstance(header, dict) else None
        found = self._signers.get(named) if isinstance(named, bytes) else None
        return self._forge.signer("sales") if found is None else found


def _first(pair: tuple[bytes, Any]) -> bytes:
    return pair[0]


def _entries(wire: Any) -> dict[Any, Any]:
    # What is no map commits to nothing; it is refused for its shape.
    unprotected = wire[1]
    found = unprotected.get(SECTIONS, {}) if isinstance(unprotected, dict) else {}
    return found if isinstance(found, dict) else {}


def _payload(wire: Any) -> bytes:
    committed = {scope: _committed(entry) for scope, entry in _entries(wire).items()}
    return encode(committed)


def _id(wire: Any) -> bytes:
    return digest(encode([wire[0], _payload(wire), wire[3]]))


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def _committed(entry: Any) -> Any:
    if isinstance(entry, bytes):
        return digest(entry)
    if isinstance(entry, list) and entry and isinstance(entry[0], bytes):
        return entry[0]
    return digest(encode(entry))


def _with_parents(header: Any, ids: list[bytes]) -> Any:
    try:
        claims = header[CLAIMS]
        private = [*claims[PRIVATE]]
        parents = private[0]
    except (TypeError, KeyError, IndexError):
        return header
    if not isinstance(parents, list):
        return header
    named = [
        ids[parent] if type(parent) is int and 0 <= parent < len(ids) else parent
        for parent in parents
    ]
    if all(isinstance(name, bytes) for name in named):
        named.sort()
    private[0] = named
    return {**header, CLAIMS: {**claims, PRIVATE: private}}


def _draft_of(vector: dict[str, Any], journey: Journey[Any]) -> list[Any]:
    statements = journey.context.statements
    place = {statement.id: index for index, statement in enumerate(statements)}
    found: dict[int, dict[int, Any]] = {index: {} for index in range(len(statements))}
    for index, scope, generation, plaintext in opened(journey):
        found[index][scope] = [generation, plaintext]
    drafts = []
    for index, statement in enumerate(statements):
        header = items.decode(statement.protected)
        origin = header[CLAIMS][PRIVATE]
        if isinstance(origin[0], list):
            origin[0] = [place[parent] for parent in origin[0]]
        for scope, taken in statement.digests.items():
            found[index].setdefault(scope, [taken])
        drafts.append([header, found[index]])
    raw = items.decode(bytes.fromhex(vector["envelope"]["hex"]))
    delivery = items.decode(raw[2][0])
    # A binding or a reply would be known to nobody here.
    delivery[CLAIMS][PRIVATE] = delivery[CLAIMS][PRIVATE][:1]
    receiver = _RECEIVERS.index(vector["receiver"])
    older = vector["vocabulary"] != "acme"
    now_s = vector["expectation"]["now"]
    return [receiver + len(_RECEIVERS) * older, now_s, drafts, delivery]
