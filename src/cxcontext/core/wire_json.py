"""
Values on the wire as JSON: for the defaults of records in a vocabulary file.

Text, integers, numbers, booleans, null and lists are themselves. What JSON
lacks is an object of one member: ``{"bytes": "AQI"}`` in base64url, ``{"date":
"2026-01-31"}``, ``{"datetime": "2026-01-31T12:00:00Z"}``, ``{"decimal":
"1.50"}``, and ``{"map": {...}}``, so that a map is never taken for one of these.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from cxcontext.core import base64url, cbor
from cxcontext.errors import LimitExceededError, MalformedError, NotCanonicalError

# 19 digits and an exponent within 64 take fewer (docs/values.md).
_MAX_SCALAR_CHARS: Final = 128


def wire_to_json(wire: Any) -> Any:
    """
    Return *wire*, which `TypeCodec.to_wire` has made, as JSON.
    """
    if isinstance(wire, bytes):
        return {"bytes": base64url.encode(wire)}
    if isinstance(wire, datetime):
        return {"datetime": wire.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"}
    if isinstance(wire, date):
        return {"date": wire.isoformat()}
    if isinstance(wire, Decimal):
        return {"decimal": str(wire)}
    if isinstance(wire, list):
        return [wire_to_json(item) for item in wire]
    if isinstance(wire, dict):
        return {"map": {key: wire_to_json(item) for key, item in wire.items()}}
    return wire


def wire_from_json(value: Any) -> Any:
    """
    Return what *value*, as `wire_to_json` writes it, is on the wire.

    Raises:
        ValueError: When it is nothing that can be on the wire. The message does
            not say more.
    """
    try:
        wire = _wire(value)
        # Held against every limit that a value has.
        return cbor.decode(cbor.encode(wire), what="default", values=True)
    except (
        ArithmeticError,
        LimitExceededError,
        MalformedError,
        NotCanonicalError,
        ValueError,
    ):
        raise ValueError("not a value") from None


def _wire(value: Any) -> Any:
    if isinstance(value, list):
        return [_wire(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) != 1:
        raise ValueError
    ((kind, content),) = value.items()
    if kind == "map" and isinstance(content, dict):
        return {key: _wire(item) for key, item in content.items()}
    if (
        kind in _SCALARS
        and isinstance(content, str)
        and (kind == "bytes" or len(content) <= _MAX_SCALAR_CHARS)
    ):
        return _SCALARS[kind](content)
    raise ValueError


def _datetime(text: str) -> datetime:
    if not text.endswith("Z"):
        raise ValueError
    return datetime.fromisoformat(text)


_SCALARS: Final = {
    "bytes": base64url.decode,
    "date": date.fromisoformat,
    "datetime": _datetime,
    "decimal": Decimal,
}
