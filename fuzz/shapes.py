"""
The worst that can be thought of: shapes near every limit, too long to be found.

A fuzzer changes short inputs. What costs more than its length is built here, by who
knows how Python hashes integers and what the format counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from making.forging import Raw, Tag, encode, head, identify, pad

from cxcontext.core.key_json import MAX_BYTES
from cxcontext.core.limits import MAX_ENVELOPE_BYTES

_ITEMS = (
    *(b"\x00", b"\x80", b"\xa0", b"\x40", b"\x61a", b"\xf4", b"\xf9\x00\x00", b"\xf7"),
    *(b"\x1b" + b"\xff" * 8, b"\x4f" + bytes(15), b"\xc1\x00", b"\xc4\x82\x00\x00"),
)
_HEADER = {1: -19, 4: bytes(8)}
_SIGNATURE = bytes(64)

# Slots of Python's table for up to 10,922 keys.
_SLOTS = 2**14


def envelopes() -> Iterable[bytes]:
    """
    Return envelopes, and what pretends to be one.
    """
    for item in _ITEMS:
        for size in (4000, MAX_ENVELOPE_BYTES - 20):
            count = size // len(item)
            for fewer in (count, min(count, 16_000)):
                yield b"\x83\x01" + head(4, fewer) + item * fewer + b"\xf6"
    for nested in (b"\x81", b"\xa1\x00", b"\xc6", b"\x9f", b"\xa1"):
        yield nested * (4000 // len(nested))
        yield nested * (MAX_ENVELOPE_BYTES // len(nested))
    yield bytes(MAX_ENVELOPE_BYTES)
    for tail in ("A", "!", " ", "=", "-"):
        yield b"cx1." + b"A" * 349_500 + tail.encode() * 25
    yield from _wide_envelopes()
    keys = colliding_keys(count=4500, among=3500)
    yield head(5, len(keys)) + b"".join(encode(key) + b"\0" for key in keys)


def _wide_envelopes() -> Iterable[bytes]:
    sections = {scope: encode([1, b""]) for scope in range(1, 17)}
    parents = [number.to_bytes(32) for number in range(1, 17)]
    clear = dict.fromkeys(range(1, 65), 0)
    delivery = encode({**_HEADER, 15: {3: "a", 6: 1, 7: bytes(8), -65537: [0]}})
    for origin, facts, entries in (
        (bytes(16), {}, sections),
        (parents, {}, {}),
        (bytes(16), clear, {}),
    ):
        claims = {4: 2, 6: 1, -65537: [origin, "chat", 4, facts, 0]}
        protected = encode({**_HEADER, 15: claims})
        unprotected = {-65537: entries} if entries else {}
        statements: list[list[Any]] = [
            [protected, unprotected, None, number.to_bytes(64)] for number in range(256)
        ]
        statements.sort(key=identify)
        yield encode([1, statements, [delivery, {}, None, _SIGNATURE]])


def colliding_keys(*, count: int, among: int) -> list[int]:
    """
    Return *count* large integers that Python finds only behind *among* small ones.

    A table is searched at ``i``, then at ``5 * i + 1 + (hash >> 5 * n)``. The small
    integers lie where that leads when nothing is left of the hash, and the bits of
    the large ones are chosen, five at a time, so that they never leave those places.
    """
    cycle = [7]
    while len(cycle) < among:
        cycle.append((5 * cycle[-1] + 1) % _SLOTS)
    place = {slot: number for number, slot in enumerate(cycle)}
    found: list[int] = []
    # The number so far, where it leads, and how many of its bits are chosen.
    stack = [(slot, slot, 14) for slot in cycle]
    while len(found) < count:
        number, at, bits = stack.pop()
        if bits > 60:
            found += [number] if _leads_back(number, at, place, among // 4) else []
            continue
        step = (bits - 14) // 5 + 1
        for five in range(32):
            tried = number | five << bits
            following = (5 * at + 1 + (tried >> 5 * step)) % _SLOTS
            if following in place:
                stack.append((tried, following, bits + 5))
    return sorted(cycle) + sorted(found)


def _leads_back(number: int, at: int, place: dict[int, int], before: int) -> bool:
    # Python takes an integer modulo 2**61 - 1; short ones are encoded elsewhere.
    if not 2**32 <= number < 2**61 - 1:
        return False
    left = number >> 50
    while left:
        left >>= 5
        at = (5 * at + 1 + left) % _SLOTS
        if at not in place:
            return False
    return place[at] < before


def plaintexts() -> Iterable[tuple[int, bytes]]:
    """
    Return plaintexts, by the scope that they are for.
    """
    tiny: tuple[tuple[Any, int], ...] = (
        *((Tag(1, 0), 4000), (Tag(100, 0), 4000), (Tag(4, [0, 0]), 3200)),
        *((Tag(4, [64, 2**63 - 1]), 1000), (1.5, 4000), (1.1, 1700), ({}, 4000)),
        *(("a", 4000), ([], 4000), ({"a": 0, "b": 0}, 800), (2**63 - 1, 1700)),
        *((Tag(0, "2026-01-31T12:00:00.250000Z"), 500), (Raw(b"\xf7"), 4000)),
    )
    for item, count in tiny:
        yield 5, encode({41: {0: [item] * count}})
    for text in ("@", " ", "(0)", "\u2060", "ß", "\u0130", "-"):
        long = (text * 320)[:320]
        yield 1, encode({2: long, 3: long, -1: long})
        yield 3, encode({22: long})
    yield 1, encode({2: "a" * 16_000})
    names = [f"{number:x}" for number in range(450)]
    yield 4, encode({36: [{0: "v", 1: 1, 3: name} for name in names]})
    for number in (-7, -8, -9):
        yield 4, encode({number: [{0: [0], 3: name} for name in names]})
    marks = [[1, 1, name] for name in names]
    yield 4, encode({0: {36: marks}, 36: [{3: name} for name in names]})
    yield 4, encode({0: {30: [[2]] * 2000}})
    for size in (4096, 16_384 - 32):
        yield 2, pad(b"\xa1" * size)[: size - 1]


def key_sets() -> Iterable[bytes]:
    """
    Return JSON of a mebibyte.
    """
    for unit, close in (
        *(("[],", "0]}"), ("{},", "0]}"), ('"ab",', "0]}"), ('"a\u0100",', "0]}")),
        *(("0.1,", "0]}"), ("999,", "0]}"), ('{"a":0},', "0]}"), ('"\U0001f600",', "")),
        *((" ", "]}"), ("1e9,", "0]}"), ("9", "]}"), ('"a":{"":0},', "]}")),
    ):
        size = len(unit.encode())
        yield ('{"a":[' + unit * ((MAX_BYTES - 40) // size) + close).encode()
    yield b"[" * MAX_BYTES
    yield b'{"a":"' + b'\\"' * (MAX_BYTES // 2 - 10) + b'"}'
    yield ('{"a":"\U0001f600' + "a" * (MAX_BYTES - 100) + '"}').encode()
    names = ",".join(f'"{number:x}":0' for number in range(MAX_BYTES // 10))
    yield ("{" + names + "}").encode()
