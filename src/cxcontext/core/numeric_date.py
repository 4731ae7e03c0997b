"""
Instants on the wire and in key files: whole seconds since 1970 (NumericDate).

RFC 7519, section 2 and RFC 8392, section 2. Python code sees aware UTC
datetimes; the wire and the checks on the hot path see integers.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from cxcontext.errors import UsageError

LATEST: Final = 253_402_300_799  # 9999-12-31T23:59:59Z, the last that datetime has


def to_seconds(instant: datetime) -> int:
    """
    Return *instant* as whole seconds since 1970; a fraction is dropped.

    Raises:
        UsageError: When *instant* is naive, before 1970, or after 9999 in UTC.
    """
    if instant.utcoffset() is None:
        raise UsageError("the instant is naive; pass an aware one, datetime.now(UTC)")
    seconds = int(instant.timestamp() // 1)
    if not 0 <= seconds <= LATEST:
        raise UsageError("the instant is not of the years 1970 to 9999; pass another")
    return seconds


def from_seconds(seconds: int) -> datetime:
    """
    Return the aware UTC datetime of *seconds*, which is 0 to `LATEST`.
    """
    return datetime.fromtimestamp(seconds, UTC)


def whole_seconds(instant: datetime) -> datetime:
    """
    Return *instant* in UTC and without its fraction, as it would come back.

    Raises:
        UsageError: As `to_seconds` does.
    """
    return from_seconds(to_seconds(instant))
