"""
Where a journey rests, as a session remembers it.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

import cxcontext as cx
from cxcontext.errors import UsageError

_PLACE: Final = re.compile(r"([0-9a-f]{32})\.([0-3])")


@attrs.frozen
class RestingPlace:
    """
    Where a journey rests, and how surely it is this customer's.

    For the server's own session, never for a cookie: what the customer carries
    is a possession. ``str`` and `parse` are inverse to each other.

    .. versionadded:: 0.1.0
    """

    journey_id: str
    arrival: cx.Arrival

    def __str__(self) -> str:
        return f"{self.journey_id}.{int(self.arrival)}"

    @classmethod
    def parse(cls, text: str) -> RestingPlace:
        """
        Return the place that ``str`` gave.

        Raises:
            UsageError: When *text* is not one.
        """
        found = _PLACE.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise UsageError("not a resting place; store str(home.contribute(...))")
        return cls(found[1], cx.Arrival(int(found[2])))
