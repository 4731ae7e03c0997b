"""
A propagator with a stopwatch: all that the adapters call of the library.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import cxcontext as cx
from cxcontext.demo.notes import Notes
from cxcontext.demo.vocabulary import Acme
from cxcontext.typing import Carrier


class MeasuredPropagator(cx.Propagator[Acme]):
    """
    A propagator that notes how long it took: all that the adapters call.
    """

    def __init__(
        self,
        department: cx.Department[Acme],
        destinations: Collection[cx.Destination],
        *,
        notes: Notes,
    ) -> None:
        super().__init__(department, destinations)
        self._notes = notes

    def inject(
        self,
        journey: cx.Journey[Acme],
        carrier: Carrier,
        *,
        to: cx.Destination | str | None,
        name: str,
        binding: bytes | None = None,
    ) -> cx.Injected:
        """
        Measure it.
        """
        with self._notes.measured():
            return super().inject(journey, carrier, to=to, name=name, binding=binding)

    def extract(
        self,
        carrier: Carrier,
        *,
        name: str,
        binding: bytes | None = None,
        once: bool = False,
        channel: str | None = None,
        waits: timedelta | None = None,
        message_id: bytes | None = None,
    ) -> cx.Extracted[Acme]:
        """
        Measure it.
        """
        with self._notes.measured():
            return super().extract(
                carrier,
                name=name,
                binding=binding,
                once=once,
                channel=channel,
                waits=waits,
                message_id=message_id,
            )

    def inject_reply(
        self, journey: cx.Journey[Acme], carrier: Carrier, *, name: str
    ) -> bool:
        """
        Measure it.
        """
        with self._notes.measured():
            return super().inject_reply(journey, carrier, name=name)

    def merge_reply(
        self,
        journey: cx.Journey[Acme],
        carrier: Carrier,
        *,
        name: str,
        reply_to: bytes,
        sender: str | None = None,
    ) -> bool:
        """
        Measure it.
        """
        with self._notes.measured():
            return super().merge_reply(
                journey, carrier, name=name, reply_to=reply_to, sender=sender
            )
