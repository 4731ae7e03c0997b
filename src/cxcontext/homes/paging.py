"""
All that a key leads to, however many there are.
"""

from __future__ import annotations

from typing import Final

from cxcontext.errors import RecordTamperedError
from cxcontext.steps import Steps

PAGE: Final = 1000
HIGHEST: Final = 2**53


def all_linked(
    key: bytes, *, now_s: int, until: int = HIGHEST
) -> Steps[list[tuple[int, bytes]]]:
    """
    Return order and value of all that *key* leads to, the highest order first.

    Raises:
        RecordTamperedError: When the store does not keep to what it was asked.
    """
    found: dict[bytes, int] = {}
    limit = PAGE
    while True:
        page = yield lambda store: store.linked(
            key,
            now_s=now_s,
            until=until,  # noqa: B023
            limit=limit,  # noqa: B023
        )
        if not all(0 <= order <= until for order, _ in page):
            raise RecordTamperedError
        for order, value in page:
            found.setdefault(value, order)
        if len(page) < limit:
            return [(order, value) for value, order in found.items()]
        # The next page begins with what stands beside the last of this one, and is
        # larger where a whole page stands there.
        last = page[-1][0]
        limit = 2 * limit if last == until else PAGE
        until = last
