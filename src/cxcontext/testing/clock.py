"""
A clock that stands still until it is moved.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import attrs

from cxcontext.errors import UsageError

START: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def _aware(_clock: object, _attribute: object, now: datetime) -> None:
    if now.tzinfo is None:
        msg = "the clock needs an aware instant; pass datetime(..., tzinfo=UTC)"
        raise UsageError(msg)


@attrs.define
class FrozenClock:
    """
    Tells the same instant until a test moves it. Pass it as any ``clock=``.

    Args:
        now: Where it stands first: Monday, 5 January 2026, 09:00 UTC, unless given.

    Raises:
        UsageError: When *now* is naive.

    Example:
        >>> from cxcontext.testing import FrozenClock
        >>> clock = FrozenClock()
        >>> clock.move(days=1)
        >>> f"{clock():%A}"
        'Tuesday'

    .. versionadded:: 0.1.0
    """

    now: datetime = attrs.field(default=START, validator=_aware)

    def __call__(self) -> datetime:
        """
        Return the instant at which it stands.
        """
        return self.now

    def move(self, **span: float) -> None:
        """
        Let time pass, in `datetime.timedelta`'s units; negative spans set it back.
        """
        self.now += timedelta(**span)
