"""
What a trace leads to: one reference, or none.

A call id that a carrier used twice, or a mail thread with two journeys in it,
leads to two. Then none is taken, and it is said that there were two: to choose
would show one customer another's journey.
"""

from __future__ import annotations

from typing import Final, Generic, SupportsBytes, TypeVar

import attrs

from cxcontext.errors import UsageError

T = TypeVar("T", bytes, str)

REFERENCE_BYTES: Final = 30


@attrs.frozen(kw_only=True)
class Found(Generic[T]):
    """
    The one reference that was found. Hidden in ``repr``.

    Attributes:
        reference: It, or None: there was none, or there were several.
        conflict: Whether there were several. Note it: an insider or a carrier
            used one id twice.

    .. versionadded:: 0.1.0
    """

    reference: T | None = attrs.field(default=None, repr=False)
    conflict: bool = False


def raw_bytes(reference: SupportsBytes) -> bytes:
    """
    Return a reference's 30 bytes.

    Args:
        reference: A `Reference`, or its bytes.

    Raises:
        UsageError: When it is neither.

    .. versionadded:: 0.1.0
    """
    raw = bytes(reference) if isinstance(reference, SupportsBytes) else b""
    if len(raw) != REFERENCE_BYTES:
        msg = f"pass a Reference, or the {REFERENCE_BYTES} bytes that bytes() gives"
        raise UsageError(msg)
    return raw
