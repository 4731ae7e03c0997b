"""
What an insider seals: the plaintext of a section, and the values in it.

One byte chooses the scope, and the plaintext follows without its padding. It is read
as a section that was opened, by all verbs; every so often it is also sealed, signed
and received, so that the shorter way is known to be the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, ClassVar

import attrs
from making.world import Acme, World

from cxcontext.core.context import Context
from cxcontext.core.journey import Journey
from cxcontext.core.journey.state import Provenance
from cxcontext.core.known import Arrival
from cxcontext.core.section import SectionContent, decode_section, pad
from cxcontext.core.statement import section_info
from cxcontext.errors import VerificationError
from fuzz import items, shapes
from fuzz.guard import Finding, Target
from fuzz.reading import read_everything
from fuzz.vectors import DOMAIN, Forge, Setting, rings, vectors

# Who reads each scope.
READERS = {
    1: "support",
    2: "support",
    3: "billing",
    4: "support",
    5: "support",
    6: "sales",
}
WRITERS = {1: "sales", 2: "sales", 3: "sales", 4: "sales", 5: "support", 6: "support"}
_TRULY_ONE_IN = 64


@attrs.frozen(kw_only=True)
class Plaintext:
    """
    A plaintext on its way, and the envelope around it if there truly is one.
    """

    scope: int
    padded: bytes
    envelope: bytes | None


class PlaintextTarget(Target):
    """
    `decode_section`, and all that reads what it returns.
    """

    name: ClassVar[str] = "plaintext"
    share: ClassVar[int] = 28
    refusals: ClassVar[tuple[type[Exception], ...]] = (VerificationError,)
    # Two signatures, where it truly is in an envelope.
    floor_s: ClassVar[float] = 0.002
    max_bytes: ClassVar[int] = 2048
    words: ClassVar[tuple[bytes, ...]] = (
        *(b"\xc0\x78\x1b", b"\xc1\x1a", b"\xc4\x82", b"\xd8\x64", b"\xa1\x00", b"\xa2"),
        *(b"\xa1\x01\x03", b"\xa1\x02", b"\xa1\x03\x61", b"\x3b", b"\x1b", b"\xfb"),
        *(b"\x26", b"\x27", b"\x25", b"\x24", b"\x28", b"\x18\x22", b"\x18\x24"),
    )

    def __init__(self) -> None:
        self._forge = Forge(rings()["acme"])
        world = World(rings()["acme"], "fuzz")
        self._departments = {scope: world[name] for scope, name in READERS.items()}
        self._contexts: dict[int, Context] = {}
        for scope in READERS:
            raw = self._envelope(scope, pad(b"\xa0"))
            context = self._departments[scope].receive(raw).context
            self._contexts[scope] = context

    def seeds(self) -> Iterable[bytes]:
        """
        Return what is in the sections of the valid vectors.
        """
        for scope, plaintext in sorted(plaintexts()):
            yield bytes([scope]) + plaintext

    def shapes(self) -> Iterable[bytes]:
        """
        Return what is as large as a section can be.
        """
        for scope, plaintext in shapes.plaintexts():
            yield bytes([scope]) + plaintext

    def prepare(self, data: bytes) -> Any:
        """
        Return the padded plaintext, now and then in an envelope.
        """
        if not data:
            return None
        scope = data[0] % len(READERS) + 1 if data[0] not in READERS else data[0]
        # The padding is hostile, too, where the size already fits.
        as_it_is = len(data) % 32 == 1 and data[-1] in (0, 0x80)
        padded = data[1:] if as_it_is else pad(data[1:])
        truly = sha256(data).digest()[0] % _TRULY_ONE_IN == 0
        envelope = self._envelope(scope, padded) if truly else None
        return Plaintext(scope=scope, padded=padded, envelope=envelope)

    def size_bytes(self, prepared: Any) -> int:
        """
        Return the size of the padded plaintext.
        """
        return len(prepared.padded)

    def run(self, prepared: Any) -> Any:
        """
        Decode it, or open the envelope that it is in.
        """
        scope, department = prepared.scope, self._departments[prepared.scope]
        if prepared.envelope is not None:
            return prepared, department.receive(prepared.envelope)
        return prepared, decode_section(prepared.padded, scope=scope)

    def use(self, taken: Any) -> None:
        """
        Encode it again, and read all that may be in the scope.
        """
        prepared, found = taken
        scope = prepared.scope
        if isinstance(found, SectionContent):
            if found.encode() != prepared.padded:
                raise Finding("a section that encodes otherwise")
            found = self._journey(scope, found)
        read_everything(found, scopes={scope})

    def mutate(self, data: bytes, *, source: random.Random) -> bytes | None:
        """
        Change something within; sometimes put a value into a field of the scope.
        """
        try:
            plain = items.decode(data[1:])
        except ValueError:
            return None
        if isinstance(plain, dict) and source.random() < 0.2:
            numbers = [*Acme.fields_by_number, 0]
            plain[source.choice(numbers)] = items.some(source)
        return data[:1] + items.to_cbor(items.mutated(plain, source), source)

    def forget(self) -> None:
        """
        Forget what was verified.
        """
        for department in self._departments.values():
            department._trust_domain.verified.clear()  # noqa: SLF001 - its caches
            department.forget_recent()

    def _journey(self, scope: int, content: SectionContent) -> Journey[Any]:
        context = self._contexts[scope]
        opened = {(context.statements[0].id, scope): content}
        return Journey(
            self._departments[scope],
            context=attrs.evolve(context, opened=opened),
            channel="chat",
            provenance=Provenance(arrival=Arrival.DELIVERY, received_from="sales"),
        )

    def _envelope(self, scope: int, padded: bytes) -> bytes:
        forge = self._forge
        statement = forge.statement(by=WRITERS[scope], padded={scope: padded})
        return forge.envelope(statement, by=WRITERS[scope], to=READERS[scope])


def plaintexts() -> set[tuple[int, bytes]]:
    """
    Return the plaintexts of all sections of valid vectors, without padding, by scope.
    """
    found = set()
    for vector in vectors("valid"):
        setting = Setting(vector)
        journey = setting.open(bytes.fromhex(vector["envelope"]["hex"]))
        found |= {(scope, data) for _, scope, _, data in opened(journey)}
    return found


def opened(journey: Journey[Any]) -> Iterable[tuple[int, int, int, bytes]]:
    """
    Return position, scope, generation and plaintext of each section, as far as any
    department of the vectors can open it.
    """
    keys = [key for ring in rings().values() for key in _opening_keys(ring)]
    for index, statement in enumerate(journey.context.statements):
        for scope, raw in statement.sections.items():
            generation, sealed = items.decode(raw)
            info = section_info(
                domain=DOMAIN,
                protected=statement.protected,
                scope=scope,
                generation=generation,
            )
            for key in keys:
                if (key.scope, key.generation) == (scope, generation):
                    try:
                        padded = key.open(sealed, info=info)
                    except Exception:  # noqa: BLE001, S112 - another ring's key
                        continue
                    yield index, scope, generation, padded.rpartition(b"\x80")[0]
                    break


def _opening_keys(ring: Any) -> Iterable[Any]:
    for private in ring.private.values():
        yield from private.opening_keys
