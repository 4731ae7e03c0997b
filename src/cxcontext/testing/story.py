"""
A journey at any point of a story, said in a line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar

import cxcontext as cx
from cxcontext.errors import UsageError
from cxcontext.testing.clock import FrozenClock

V = TypeVar("V", bound=cx.Vocabulary)
T = TypeVar("T")


class Story(Generic[V]):
    """
    What happens to one customer, step by step; each step happens when it is said.

    From `ThrowAwayDomain.story`, or the fixture ``cx_story``. Every step returns
    the story.

    Args:
        department: Returns a department by its name.
        clock: What `later` moves.

    Attributes:
        journeys: Every handle there was, oldest first: what
            `assert_never_reasked` takes.
        envelope: The last one that was handed over; None before.

    Example:
        >>> from cxcontext.testing import SampleShop, ThrowAwayDomain
        >>> story = ThrowAwayDomain(SampleShop).story()
        >>> journey = (
        ...     story.began("sales", channel="chat")
        ...     .told(SampleShop.order_number, "A-118")
        ...     .handed_to("support")
        ...     .later(days=1)
        ...     .resumed_by("support", channel="phone")
        ...     .journey
        ... )
        >>> journey.recall(SampleShop.order_number), journey.channel
        ('A-118', 'phone')

    .. versionadded:: 0.1.0
    """

    def __init__(
        self, department: Callable[[str], cx.Department[V]], *, clock: FrozenClock
    ) -> None:
        self._department = department
        self._clock = clock
        self.journeys: list[cx.Journey[V]] = []
        self.envelope: cx.Envelope | None = None

    def __repr__(self) -> str:
        return f"<Story of {len(self.journeys)} handles>"

    @property
    def journey(self) -> cx.Journey[V]:
        """
        The handle of whichever department has the customer now.

        Raises:
            UsageError: When nothing has begun.
        """
        if not self.journeys:
            msg = 'nothing has begun; say .began("sales", channel="chat") first'
            raise UsageError(msg)
        return self.journeys[-1]

    def began(self, department: str, *, channel: str) -> Self:
        """
        The customer brought nothing. Later in a story: all was lost on the way.
        """
        return self._at(self._department(department).begin(channel=channel))

    def told(
        self,
        key: cx.Key[V, T],
        value: T,
        *,
        known: cx.Known | None = None,
        qualifier: str | None = None,
    ) -> Self:
        """
        The department that has the customer learned a value.
        """
        self.journey.learn(key, value, known=known, qualifier=qualifier)
        return self

    def asked(self, key: cx.Key[V, Any], *, because: str | None = None) -> Self:
        """
        The department that has the customer asked.
        """
        self.journey.asked(key, because=because)
        return self

    def refused(self, key: cx.Key[V, Any]) -> Self:
        """
        The customer did not want to say.
        """
        self.journey.refused(key)
        return self

    def handed_to(self, department: str, *, channel: str | None = None) -> Self:
        """
        The journey went to another department, which verified it.
        """
        self.envelope = self.journey.hand_over(department)
        return self._at(
            self._department(department).receive(self.envelope, channel=channel)
        )

    def later(self, **span: float) -> Self:
        """
        Time passed, in `datetime.timedelta`'s units: ``later(days=1)``.
        """
        self._clock.move(**span)
        return self

    def resumed_by(
        self,
        department: str,
        *,
        channel: str,
        arrival: cx.Arrival = cx.Arrival.HOME,
    ) -> Self:
        """
        The journey rested where all departments find it, and one took it up again.
        """
        rested = self.journey.save(shared=True)
        return self._at(
            self._department(department).resume(
                rested, channel=channel, arrival=arrival
            )
        )

    def _at(self, journey: cx.Journey[V]) -> Self:
        self.journeys.append(journey)
        return self
