"""
To whom a journey was handed, when, and with which scopes.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

import attrs

# So that an entry fits into a link of a store: 1,024 bytes.
MAX_NOTED_SCOPES: Final = 64


@attrs.frozen
class Handed:
    """
    One hand-over, as it was noted when it was sent.

    Attributes:
        to: The department.
        at: When.
        scopes: The numbers of the scopes whose sections went along.
        export: Under which id an external partner knows what it was sent.

    .. versionadded:: 0.1.0
    """

    to: str
    at: datetime
    scopes: tuple[int, ...]
    export: str | None = None


def pack_handed(
    to: str, scopes: Collection[int], *, at_s: int, export: str | None
) -> list[bytes]:
    """
    Return what is stored of a hand-over: one entry, or more for very many scopes.
    """
    numbers = sorted(scopes)
    parts = [
        numbers[start : start + MAX_NOTED_SCOPES]
        for start in range(0, len(numbers), MAX_NOTED_SCOPES)
    ]
    also = [] if export is None else [export]
    return [
        json.dumps([to, at_s, part, *also], separators=(",", ":")).encode()
        for part in parts or [[]]
    ]


def unpack_handed(packed: bytes) -> Handed:
    """
    Return what was stored.
    """
    to, at_s, scopes, *export = json.loads(packed)
    at = datetime.fromtimestamp(at_s, UTC)
    return Handed(to, at, tuple(scopes), export[0] if export else None)
