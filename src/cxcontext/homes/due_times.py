"""
When promises are due: random id, owner, instant, and never the wording.
"""

from __future__ import annotations

from datetime import UTC, datetime

import attrs

import cxcontext as cx
from cxcontext.homes.places import RestingPlace

_PLACE_BYTES = 17  # a journey's id and an arrival


@attrs.frozen
class Overdue:
    """
    A promise whose time has passed, and where its journey rests.

    .. versionadded:: 0.1.0
    """

    promise_id: str
    owner: str
    due_at: datetime
    place: RestingPlace


def pack_due(promise: cx.Promise, place: RestingPlace) -> bytes:
    """
    Return what is stored of a promise, the same as long as it rests there.
    """
    # As a department that works a list finds it; no customer is in front of it.
    home = bytes([cx.Arrival.HOME])
    return bytes.fromhex(place.journey_id) + home + promise.id.encode()


def unpack_due(packed: bytes, *, owner: str, due_s: int) -> Overdue:
    """
    Return what was stored.
    """
    place, promise_id = packed[:_PLACE_BYTES], packed[_PLACE_BYTES:]
    return Overdue(
        promise_id=promise_id.decode(),
        owner=owner,
        due_at=datetime.fromtimestamp(due_s, UTC),
        place=RestingPlace(place[:-1].hex(), cx.Arrival(place[-1])),
    )
