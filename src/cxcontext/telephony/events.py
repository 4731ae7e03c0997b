"""
What happens to journeys on the phone, told to the observers of `cx.events`.
"""

from __future__ import annotations

import attrs

import cxcontext as cx


@attrs.frozen(kw_only=True)
class LegResolved(cx.events.Event):
    """
    The journey of a call was looked for: the metric ``cx_resolve_rung``.

    Attributes:
        rung: By what it was found; None where it was not.
        arrival: How surely it is this customer's; None where nothing was found.

    .. versionadded:: 0.1.0
    """

    rung: str | None
    arrival: str | None


@attrs.frozen(kw_only=True)
class ConflictingReferences(cx.events.Event):
    """
    A call brought two valid references that differ, so none was taken.

    An insider, a proxy or an attacker put one there.

    Attributes:
        rungs: Where they were found.

    .. versionadded:: 0.1.0
    """

    rungs: tuple[str, ...]


@attrs.frozen(kw_only=True)
class NotAccepted(cx.events.Event):
    """
    A department that a call was transferred to has not said that it took it over.

    Attributes:
        by: Which department.
        after_s: How long it had.

    .. versionadded:: 0.1.0
    """

    by: str
    after_s: int
