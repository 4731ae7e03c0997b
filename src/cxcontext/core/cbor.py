"""
Deterministic CBOR (RFC 8949, section 4.2.1), bounded and strict.

One value has one encoding: what does not encode back to the very same bytes
is refused, which takes care of indefinite lengths, longer forms than needed,
unsorted or repeated keys, and trailing bytes at once. Only four tags exist
inside values: decimal fraction (4), days since 1970 (100, RFC 8943), and for an
instant seconds since 1970 (1), or its text (0) where it has a fraction;
everywhere else there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any, Final

import cbor2

from cxcontext.core.limits import (
    MAX_DECIMAL_EXPONENT,
    MAX_ITEMS,
    MAX_MAP_ENTRIES,
    MAX_NESTING,
)
from cxcontext.errors import (
    LimitExceededError,
    MalformedError,
    NotCanonicalError,
    VerificationError,
)

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1

# cbor2 gives these a meaning of its own (shared references, regular
# expressions, MIME, big numbers, ...); none of them is in our grammar.
_BUILTIN_TAGS: Final = (
    *(0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261),
    *(1004, 43000, 55799),
)


def encode(value: object) -> bytes:
    """
    Return the one encoding of *value*.

    Args:
        value: None, bool, int of 64 bits, finite float, str, bytes, aware
            datetime in UTC, date, Decimal, list, tuple, or dict of such.
    """
    if type(value) in _PLAIN:
        return encode_structure(value)
    return encode_ordered(_ordered(value))


def encode_ordered(value: object) -> bytes:
    """
    Return the encoding of a *value* whose maps are in order already.

    The same bytes as `encode`, without the cost of sorting what is sorted.
    """
    return cbor2.dumps(value, encoders=_ENCODERS)


def encode_structure(value: object) -> bytes:
    """
    Return the encoding of one of the format's own structures.

    Those hold integers, bytes, text, None, lists and ordered maps only, whose
    encoding needs none of what values need.
    """
    return cbor2.dumps(value)


def decode(data: bytes, *, what: str, values: bool = False) -> Any:
    """
    Return what *data* encodes, or refuse it.

    Args:
        data: Bytes of a size that the caller has bounded already.
        what: What is being read, for the message.
        values: Whether the tags of facts' values may occur, and the limits of
            a section's plaintext hold. If not, a float or simple value in its
            one encoding comes out: each place's grammar is for its caller.

    Raises:
        MalformedError: Not CBOR, or something the grammar has no place for.
        NotCanonicalError: Not the one encoding of its value.
        LimitExceededError: Too deep, too many items or map entries.
    """
    if len(data) > _SCANNED_ABOVE_BYTES:
        _scan(data, what)
    try:
        value = cbor2.loads(
            data,
            tag_hook=_refuse_tag,
            object_hook=None if values else _check_structure_map,
            semantic_decoders=_VALUE_TAGS if values else _NO_TAGS,
            max_depth=MAX_NESTING,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        )
        if not values or _check_value(value, what):
            again = encode_structure(value)
        else:
            again = encode_ordered(value)
        if again != data and not values:
            # It refuses what has no place in a structure, however it is written.
            cbor2.dumps(value, encoders=_STRUCTURE_ENCODERS)
    # cbor2 raises CBORError for bytes and TypeError for map keys that cannot
    # be hashed; nothing else has been seen in fuzzing, and nothing else is hidden.
    except (cbor2.CBORError, TypeError, ValueError) as exc:
        # From None: the cause could quote what was being decoded.
        raise _refusal(exc, what) from None
    if again != data:
        raise NotCanonicalError(what)
    return value


# Beyond this size, what decoding costs is bounded before anything is built.
_SCANNED_ABOVE_BYTES: Final = 4096
# An envelope of 256 statements and 16 scopes each has fewer.
_MAX_SCANNED_ITEMS: Final = 16_384
_LENGTHS: Final = {24: 1, 25: 2, 26: 4, 27: 8}


def _scan(data: bytes, what: str) -> None:
    """
    Walk over the heads of all items, so that no hostile bytes build anything.

    Arrays and maps as map keys are refused here: their hashes can be made to
    collide, and decoding them would take quadratic time.
    """
    at, items = 0, 0
    # Per open array or map: how many items are left, and whether it is a map.
    stack: list[tuple[int, bool]] = []
    while at < len(data):
        items += 1
        if items > _MAX_SCANNED_ITEMS:
            raise LimitExceededError("items", _MAX_SCANNED_ITEMS)
        head, length = data[at], data[at] & 31
        at += 1
        if length in _LENGTHS:
            width = _LENGTHS[length]
            length = int.from_bytes(data[at : at + width], "big")
            at += width
        major = head >> 5
        if stack and stack[-1][1] and not stack[-1][0] % 2 and major not in (0, 1, 3):
            raise MalformedError(what)
        if major in (2, 3):
            at += length
        if major == 5 and MAX_MAP_ENTRIES < length <= (len(data) - at) // 2:
            # Before one is built: integers that collide make it take quadratic time.
            raise LimitExceededError("entries in a map", MAX_MAP_ENTRIES)
        if major in (4, 5) and length:
            stack.append((length if major == 4 else 2 * length, major == 5))
            if len(stack) > MAX_NESTING:
                raise LimitExceededError("levels of nesting", MAX_NESTING)
            continue
        if major == 6:
            continue  # a tag; its content is the item
        while stack:
            left, is_map = stack.pop()
            if left > 1:
                stack.append((left - 1, is_map))
                break


_ABOVE_POSITIVE: Final = 2**64
_VALUE_KEYS: Final = frozenset((int, str))
_WITHOUT_LIMITS: Final = frozenset((str, bytes, bool, type(None)))
_PLAIN: Final = _WITHOUT_LIMITS | {int}


class _UnorderedError(ValueError):
    pass


def _refusal(exc: Exception, what: str) -> VerificationError:
    if isinstance(exc, _UnorderedError) or isinstance(exc.__cause__, _UnorderedError):
        return NotCanonicalError(what)
    if "nesting depth" in str(exc):
        return LimitExceededError("levels of nesting", MAX_NESTING)
    return MalformedError(what)


def _ordered(value: object) -> object:
    if isinstance(value, dict):
        items = [(k, _ordered(v)) for k, v in value.items()]
        if len(items) > 1:
            items.sort(key=_encoded_key)
        return dict(items)
    if isinstance(value, (list, tuple)):
        return [_ordered(v) for v in value]
    return value


def _encoded_key(item: tuple[Any, Any]) -> bytes:
    return cbor2.dumps(item[0])


def _check_structure_map(entries: Any, _immutable: bool) -> Any:
    _check_integer_keys(entries)
    return entries


def _check_integer_keys(entries: dict[Any, Any]) -> None:
    ordered = True
    before = -1
    for key in entries:
        # By exact type: Python takes True and 1.0 for the key 1.
        if type(key) is not int:
            raise TypeError
        # RFC 8949, 4.2.1: by their encoding, so that negative ones come last.
        rank = key if key >= 0 else _ABOVE_POSITIVE - key
        if rank <= before:
            ordered = False
        before = rank
    if not ordered:
        raise _UnorderedError


def _check_value_map(entries: dict[Any, Any]) -> None:
    if len(entries) > MAX_MAP_ENTRIES:
        raise LimitExceededError("entries in a map", MAX_MAP_ENTRIES)
    kinds = set(map(type, entries))
    if str not in kinds:
        _check_integer_keys(entries)
    elif not kinds <= _VALUE_KEYS:
        raise TypeError
    elif len(entries) > 1:
        _check_order(entries)


def _check_order(entries: Any) -> None:
    before = b""
    for key in entries:
        encoded = cbor2.dumps(key)
        if encoded <= before:
            raise _UnorderedError
        before = encoded


def _check_value(value: object, what: str) -> bool:
    """
    Hold what was decoded against the limits of a section, level by level.

    Returns whether it has only what `encode_structure` can write.
    """
    plain = True
    items = 0
    levels = 0
    level: list[Any] = [value]
    while level:
        items += len(level)
        if items > MAX_ITEMS:
            raise LimitExceededError("items", MAX_ITEMS)
        inner: list[Any] = []
        for item in level:
            kind = type(item)
            if kind in _WITHOUT_LIMITS:
                continue
            if kind is int:
                if not INT_MIN <= item <= INT_MAX:
                    raise MalformedError(what)
            elif kind is dict or kind is list:
                # cbor2 does not count an empty list or map as a level.
                if levels >= MAX_NESTING:
                    raise LimitExceededError("levels of nesting", MAX_NESTING)
                inner += item
                if kind is dict:
                    _check_value_map(item)
                    inner += item.values()
            else:
                plain = False
                _check_scalar(item, what)
        level = inner
        levels += 1
    return plain


def _check_scalar(item: object, what: str) -> None:
    if isinstance(item, float):
        # RFC 8949 4.2.2: not-a-number has many encodings, so it has none here.
        if not isfinite(item):
            raise MalformedError(what)
    elif not isinstance(item, (date, datetime, Decimal)):
        raise MalformedError(what)


def _refuse_tag(_tag: object, _immutable: bool) -> object:
    raise ValueError


def _decode_datetime(text: object, _immutable: bool) -> datetime:
    if not isinstance(text, str) or not text.endswith("Z"):
        raise ValueError
    return datetime.fromisoformat(text)


def _decode_seconds(seconds: object, _immutable: bool) -> datetime:
    if type(seconds) is not int:
        raise ValueError
    return _EPOCH + timedelta(seconds=seconds)


def _decode_days(days: object, _immutable: bool) -> date:
    if type(days) is not int:
        raise ValueError
    return date.fromordinal(_EPOCH_ORDINAL + days)


def _decode_decimal(pair: object, _immutable: bool) -> Decimal:
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        raise ValueError
    exponent, mantissa = pair
    if type(exponent) is not int or type(mantissa) is not int:
        raise ValueError
    if abs(exponent) > MAX_DECIMAL_EXPONENT or not INT_MIN <= mantissa <= INT_MAX:
        raise ValueError
    # The constructor takes every digit, whatever the application's own context says.
    return Decimal(f"{mantissa}e{exponent}")


_NO_TAGS: Final[Mapping[int, Callable[[Any, bool], Any]]] = dict.fromkeys(
    _BUILTIN_TAGS, _refuse_tag
)
_VALUE_TAGS: Final[Mapping[int, Callable[[Any, bool], Any]]] = {
    **_NO_TAGS,
    0: _decode_datetime,
    1: _decode_seconds,
    4: _decode_decimal,
    100: _decode_days,
}


def _encode_float(encoder: cbor2.CBOREncoder, value: float) -> None:
    encoder.write(cbor2.dumps(value, canonical=True))


def _encode_datetime(encoder: cbor2.CBOREncoder, value: datetime) -> None:
    if value.tzinfo is None:
        raise ValueError
    if value.microsecond:
        text = value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
        encoder.write(b"\xc0" + cbor2.dumps(text))
    else:
        # Whole seconds of the years that there are fit into a float's 53 bits.
        encoder.write(b"\xc1" + cbor2.dumps(int(value.timestamp())))


def _encode_date(encoder: cbor2.CBOREncoder, value: date) -> None:
    encoder.write(b"\xd8\x64" + cbor2.dumps(value.toordinal() - _EPOCH_ORDINAL))


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL: Final = _EPOCH.toordinal()


def _refuse_value(_encoder: object, _value: object) -> None:
    raise ValueError


# The structures of the format hold neither numbers with a point nor odd simple
# values: the code says so also where they are not in their one encoding.
_STRUCTURE_ENCODERS: Final[Any] = {
    float: _refuse_value,
    cbor2.CBORSimpleValue: _refuse_value,
    type(cbor2.undefined): _refuse_value,
}
_ENCODERS: Final[Any] = {
    float: _encode_float,
    datetime: _encode_datetime,
    date: _encode_date,
}
