"""
Changing structures: CBOR and JSON as Python values, one change at a time.

A fuzzer that flips bytes never gets past a length or a signature. This one takes an
item apart, changes something in it, and encodes it again; byte strings that hold
another item are changed within.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import Any

from making.forging import Pairs, Raw, Tag, encode, head

MAX_DEPTH = 24
_MAX_PLACES = 4000

Place = tuple[Any, Any]

SCALARS: tuple[Any, ...] = (
    *(0, 1, -1, 2, 3, 23, 24, 255, 256, 65535, 65536, 2**31, 2**32 - 1, 2**40),
    *(2**40 + 1, 253_402_300_799, 253_402_300_800, 2**53, 2**63 - 1, 2**63, 2**64 - 1),
    *(-(2**31), -62135596800, -62135596801, -719162, -719163, 2932896, -(2**63)),
    *(-(2**64), -65537, -65536, 100, 1767225600, 1 << 36, -8, -7, -6),
    *(None, True, False, "", "a", "*", "é", "\x00", "\U0001f600", "x" * 64, "x" * 65),
    *("2026-01-31T12:00:00.250000Z", "0001-01-01T00:00:00.000001Z", "24:00", "dpv:x"),
    *("sales/00", "_type", "Person", "given", b"", b"\x00" * 8, b"\xff" * 16),
    *(b"\x00" * 32, b"\x01" * 64, 0.0, -0.0, 1.5, 1e300, 5e-324),
    *(float("inf"), float("-inf"), float("nan"), 65504.0, 2.0**63, [], {}, [[]]),
    *(Raw(b"\xf7"), Raw(b"\xf8\xff"), Raw(b"\x9f\xff"), Raw(b"\x5f\x40\xff")),
    *(Raw(b"\x18\x00"), Raw(b"\x62\xc3\x28"), Raw(b"\x63\xed\xa0\x80"), Raw(b"\xff")),
    *(Tag(0, "2026-01-31T12:00:00Z"), Tag(0, "2026-01-31T12:00:00.500000Z")),
    *(Tag(1, 0), Tag(1, 253_402_300_799), Tag(1, 2**63), Tag(1, -(2**63)), Tag(1, 1.5)),
    *(Tag(2, b"\x01" * 9), Tag(4, [-2, 1050]), Tag(4, [64, 2**63 - 1])),
    *(Tag(4, [-64, -(2**63)]), Tag(4, [2**63, 1]), Tag(4, [0, 0]), Tag(4, [1, b""])),
    *(Tag(100, 0), Tag(100, -719162), Tag(100, 2932896), Tag(100, 2**40), Tag(28, [])),
    *(
        Tag(29, 0),
        Tag(258, [1, 1]),
        Tag(35, "(a+)+$"),
        Tag(36, ""),
        Tag(37, b"\0" * 16),
    ),
    *(Tag(54, b"\0" * 16), Tag(260, b"\0" * 4), Tag(55799, 1), Tag(2**63, 1)),
)


class _Foreign(ValueError):  # noqa: N818 - never leaves this module
    pass


def decode(data: bytes) -> Any:
    """
    Return what *data* encodes, canonical or not, or raise ValueError.
    """
    value, at = _item(data, 0, 0)
    if at != len(data):
        raise _Foreign
    return value


def _item(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if at >= len(data) or depth > MAX_DEPTH:
        raise _Foreign
    first = data[at]
    major, length = first >> 5, first & 31
    began, at = at, at + 1
    if length >= 28:
        raise _Foreign
    if length >= 24:
        width = 1 << length - 24
        length = int.from_bytes(data[at : at + width])
        at += width
    if major in (0, 1):
        return (length, at) if not major else (-1 - length, at)
    if major in (2, 3):
        if at + length > len(data):
            raise _Foreign
        return _string(data, began, at, length, major)
    if major == 4:
        return _array(data, at, length, depth)
    if major == 5:
        return _map(data, at, length, depth)
    if major == 6:
        content, at = _item(data, at, depth + 1)
        return Tag(length, content), at
    return _simple(data, began, at, length)


def _string(
    data: bytes, began: int, at: int, length: int, major: int
) -> tuple[Any, int]:
    end = at + length
    if major == 2:
        return data[at:end], end
    try:
        return data[at:end].decode(), end
    except UnicodeDecodeError:
        return Raw(data[began:end]), end


def _array(data: bytes, at: int, length: int, depth: int) -> tuple[Any, int]:
    items = []
    for _ in range(length):
        item, at = _item(data, at, depth + 1)
        items.append(item)
    return items, at


def _map(data: bytes, at: int, length: int, depth: int) -> tuple[Any, int]:
    pairs = []
    for _ in range(length):
        key, at = _item(data, at, depth + 1)
        value, at = _item(data, at, depth + 1)
        pairs.append((key, value))
    # True and 1.0 would be the key 1.
    plain = all(type(key) in (int, str, bytes) for key, _ in pairs)
    made = dict(pairs) if plain else {}
    return (made if len(made) == length else Pairs(pairs)), at


def _simple(data: bytes, began: int, at: int, length: int) -> tuple[Any, int]:
    first = data[began]
    if first in (0xF4, 0xF5, 0xF6):
        return {0xF4: False, 0xF5: True, 0xF6: None}[first], at
    forms = {0xF9: ">e", 0xFA: ">f", 0xFB: ">d"}
    if first in forms and at <= len(data):
        return struct.unpack(forms[first], data[began + 1 : at])[0], at
    return Raw(data[began:at]), at


def mutated(
    value: Any,
    source: random.Random,
    *,
    scalars: tuple[Any, ...] = SCALARS,
    within: bool = True,
) -> Any:
    """
    Return *value*, which is changed in place, with something in it changed.

    Args:
        value: Lists and dicts of anything.
        source: What decides.
        scalars: What to put somewhere else.
        within: Whether byte strings may hold items.
    """
    root = [value]
    places = _places(root)
    changes = source.choice((1, 1, 1, 2, 4))
    for _ in range(changes):
        container, key = source.choice(places)
        try:
            _change(container, key, source, places, scalars, within=within)
        # The place may be gone since the change before.
        except (IndexError, KeyError):
            continue
    return root[0]


def _places(root: list[Any]) -> list[Place]:
    found: list[Place] = []
    stack: list[Any] = [root]
    while stack and len(found) < _MAX_PLACES:
        container = stack.pop()
        inside = range(len(container)) if isinstance(container, list) else [*container]
        for key in inside:
            found.append((container, key))
            if isinstance(container[key], (list, dict)):
                stack.append(container[key])
    return found


def _change(
    container: Any,
    key: Any,
    source: random.Random,
    places: list[Place],
    scalars: tuple[Any, ...],
    *,
    within: bool,
) -> None:
    value = container[key]
    kind = source.random()
    if kind < 0.15:
        container[key] = _copy(source.choice(scalars))
    elif kind < 0.25:
        other, where = source.choice(places)
        container[key] = _copy(other[where])
    elif kind < 0.35 and isinstance(container, dict):
        _change_key(container, key, source, scalars)
    elif kind < 0.4:
        container[key] = source.choice(
            ([value], {0: value}, {"": value}, [value, _copy(value)])
        )
    elif isinstance(value, bool) or value is None or isinstance(value, float):
        container[key] = _copy(source.choice(scalars))
    elif isinstance(value, int):
        container[key] = _changed_integer(value, source)
    elif isinstance(value, bytes):
        container[key] = _changed_bytes(value, source, within=within)
    elif isinstance(value, str):
        container[key] = _changed_text(value, source)
    elif isinstance(value, list):
        _change_list(value, source, scalars)
    elif isinstance(value, dict):
        _change_map(container, key, source, scalars)
    elif isinstance(value, Tag):
        content = mutated(_copy(value.content), source, scalars=scalars)
        number = source.choice((value.number, value.number, 0, 1, 4, 100))
        container[key] = Tag(number, content)
    else:
        container[key] = _copy(source.choice(scalars))


def some(source: random.Random) -> Any:
    """
    Return one of the values that are apt to be mistaken for others.
    """
    return _copy(source.choice(SCALARS))


def _copy(value: Any) -> Any:
    if isinstance(value, list):
        return [_copy(item) for item in value]
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, Pairs):
        return Pairs([(key, _copy(item)) for key, item in value.entries])
    if isinstance(value, Tag):
        return Tag(value.number, _copy(value.content))
    return value


def _changed_integer(value: int, source: random.Random) -> int:
    change: Callable[[int], int] = source.choice(
        (
            lambda n: n + 1,
            lambda n: n - 1,
            lambda n: -n,
            lambda n: n * 2,
            lambda n: n ^ 1 << source.randrange(63),
            lambda n: n + source.randrange(-100_000, 100_000),
        )
    )
    return max(-(2**64), min(2**64 - 1, change(value)))


def _changed_bytes(value: bytes, source: random.Random, *, within: bool) -> bytes:
    if within and value and source.random() < 0.8:
        try:
            inner = decode(value)
        except ValueError:
            pass
        else:
            if not isinstance(inner, int) or len(value) > 9:
                return to_cbor(mutated(inner, source), source)
    changed = bytearray(value)
    if not changed:
        return source.randbytes(source.randrange(40))
    at = source.randrange(len(changed))
    kind = source.randrange(4)
    if kind == 0:
        changed[at] ^= 1 << source.randrange(8)
    elif kind == 1:
        del changed[at : at + source.randrange(1, 9)]
    elif kind == 2:
        changed[at:at] = source.randbytes(source.randrange(1, 9))
    else:
        changed = changed[:at] * 2
    return bytes(changed)


def _changed_text(value: str, source: random.Random) -> str:
    at = source.randrange(len(value) + 1)
    kind = source.randrange(4)
    if kind == 0:
        return (
            value[:at] + source.choice("a0-/:. \u200b\u0130ß\U0001f600+=(") + value[at:]
        )
    if kind == 1:
        return value[:at]
    if kind == 2:
        return value[:at] + value[at + 1 :]
    return value * source.choice((2, 8, 64)) if len(value) < 400 else value.upper()


def _change_list(
    value: list[Any], source: random.Random, scalars: tuple[Any, ...]
) -> None:
    at = source.randrange(len(value) + 1)
    kind = source.randrange(4)
    if kind == 0 and value:
        del value[at % len(value)]
    elif kind == 1 and value:
        value.insert(at, _copy(value[at % len(value)]))
    elif kind == 2:
        source.shuffle(value)
    else:
        value.insert(at, _copy(source.choice(scalars)))


def _change_map(
    container: Any, key: Any, source: random.Random, scalars: tuple[Any, ...]
) -> None:
    value = container[key]
    kind = source.randrange(4)
    if kind == 0 and value:
        del value[source.choice([*value])]
    elif kind == 1 and value:
        pairs = [*value.items(), source.choice([*value.items()])]
        container[key] = Pairs(pairs)
    elif kind == 2:
        pairs = [*value.items()]
        source.shuffle(pairs)
        container[key] = Pairs(pairs)
    else:
        value[_key(source, scalars)] = _copy(source.choice(scalars))


def _change_key(
    container: dict[Any, Any], key: Any, source: random.Random, scalars: tuple[Any, ...]
) -> None:
    value = container.pop(key)
    if isinstance(key, int):
        container[_changed_integer(key, source)] = value
    elif isinstance(key, str) and source.random() < 0.5:
        container[_changed_text(key, source)] = value
    else:
        container[_key(source, scalars)] = value


def _key(source: random.Random, scalars: tuple[Any, ...]) -> Any:
    return source.choice([s for s in scalars if type(s) in (int, str)])


def to_cbor(value: Any, source: random.Random) -> bytes:
    """
    Return the encoding of *value*, seldom with a head that is longer than need be.
    """
    data = encode(value)
    if source.random() < 0.02 and data and data[0] & 31 < 24:
        data = head(data[0] >> 5, data[0] & 31, width=1) + data[1:]
    return data
