"""
To whom a journey was handed, when, and with which scopes.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime

import attrs


@attrs.frozen
class Handed:
    """
    One hand-over, as it was noted when it was sent.

    Attributes:
        to: The department.
        at: When.
        scopes: The numbers of the scopes whose sections went along.

    .. versionadded:: 0.1.0
    """

    to: str
    at: datetime
    scopes: tuple[int, ...]


def pack_handed(to: str, scopes: Collection[int], *, at_s: int) -> bytes:
    """
    Return what is stored of a hand-over.
    """
    return json.dumps([to, at_s, sorted(scopes)], separators=(",", ":")).encode()


def unpack_handed(packed: bytes) -> Handed:
    """
    Return what was stored.
    """
    to, at_s, scopes = json.loads(packed)
    return Handed(to=to, at=datetime.fromtimestamp(at_s, UTC), scopes=tuple(scopes))
