"""
An envelope taken apart and put together, byte by byte.

A second writer of the format, after ``docs/specification.md``: nothing here comes
from the code that it tests, so what both agree on is what the specification says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, SupportsBytes, TypeAlias

import cbor2

# Labels of RFC 9052, RFC 8392 and RFC 9597; what is negative is our own.
ALG: Final = 1
KID: Final = 4
CLAIMS: Final = 15
AUD: Final = 3
EXP: Final = 4
IAT: Final = 6
CTI: Final = 7
PRIVATE: Final = -65537
SECTIONS: Final = -65537

Wire: TypeAlias = list[Any]


def canonical(value: object) -> bytes:
    """
    Return the deterministic encoding of *value*, which holds no floats.

    .. versionadded:: 0.1.0
    """
    return cbor2.dumps(_in_order(value))


def _in_order(value: object) -> object:
    if isinstance(value, Mapping):
        entries = [(key, _in_order(entry)) for key, entry in value.items()]
        return dict(sorted(entries, key=lambda entry: cbor2.dumps(entry[0])))
    if isinstance(value, (list, tuple)):
        return [_in_order(entry) for entry in value]
    return value


def digest(data: bytes) -> bytes:
    """
    Return the SHA-256 of *data*.

    .. versionadded:: 0.1.0
    """
    return sha256(data).digest()


def flip(data: bytes, bit: int) -> bytes:
    """
    Return *data* with one bit changed.

    .. versionadded:: 0.1.0
    """
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def unpack(envelope: SupportsBytes | bytes) -> Wire:
    """
    Return ``[version, statements, delivery]`` of an envelope's bytes, to be changed.

    .. versionadded:: 0.1.0
    """
    wire: Wire = cbor2.loads(bytes(envelope))
    return wire


def pack(wire: object) -> bytes:
    """
    Return the bytes of what was unpacked, in the order in which it stands.

    .. versionadded:: 0.1.0
    """
    return cbor2.dumps(wire)


def header(signed: Wire) -> dict[Any, Any]:
    """
    Return the protected header of a statement or delivery, to be changed.

    .. versionadded:: 0.1.0
    """
    decoded: dict[Any, Any] = cbor2.loads(signed[0])
    return decoded


def parents(statement: Wire) -> list[bytes]:
    """
    Return the ids that a statement builds upon; none for the root.

    .. versionadded:: 0.1.0
    """
    origin = header(statement)[CLAIMS][PRIVATE][0]
    return [] if isinstance(origin, bytes) else list(origin)


def payload(statement: Wire) -> bytes:
    """
    Return what a statement signs: each scope's digest, there or withheld.

    .. versionadded:: 0.1.0
    """
    entries = statement[1].get(SECTIONS, {})
    return canonical(
        {
            scope: entry[0] if isinstance(entry, list) else digest(entry)
            for scope, entry in entries.items()
        }
    )


def identify(statement: Wire) -> bytes:
    """
    Return the statement's id.

    .. versionadded:: 0.1.0
    """
    return digest(canonical([statement[0], payload(statement), statement[3]]))


def coverage(statements: Sequence[Wire]) -> bytes:
    """
    Return what a delivery of *statements* signs.

    .. versionadded:: 0.1.0
    """
    contents = [
        [identify(statement), sorted(sections(statement))]
        for statement in sorted(statements, key=identify)
    ]
    return digest(canonical(contents))


def sections(statement: Wire) -> dict[int, bytes]:
    """
    Return the sections that are there, by scope.

    .. versionadded:: 0.1.0
    """
    entries = statement[1].get(SECTIONS, {})
    return {s: entry for s, entry in entries.items() if isinstance(entry, bytes)}


def withheld(statement: Wire, *scopes: int) -> Wire:
    """
    Return the statement with digests in place of these scopes' sections.

    .. versionadded:: 0.1.0
    """
    entries = dict(statement[1][SECTIONS])
    for scope in scopes:
        entries[scope] = [digest(entries[scope])]
    return [statement[0], {SECTIONS: entries}, None, statement[3]]


def sealed(
    section: bytes, *, domain: str, protected: bytes, scope: int
) -> tuple[int, bytes, bytes]:
    """
    Return generation, sealed bytes and HPKE info of a section.

    .. versionadded:: 0.1.0
    """
    generation, ciphertext = cbor2.loads(section)
    info = canonical(
        ["cxcontext/1/section", domain, digest(protected), scope, generation]
    )
    return generation, ciphertext, info
