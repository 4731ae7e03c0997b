"""
Move a journey into and out of one message. Sends to nobody by default.
"""

from __future__ import annotations

from typing import TypeVar

from cxcontext.core.events import Rejected
from cxcontext.core.journey import Journey
from cxcontext.core.outcomes import SkipReason
from cxcontext.core.propagating.allow_list import CANNOT_SEND, reason_of, written
from cxcontext.core.propagating.receiving import Receiving
from cxcontext.core.vocabulary import Vocabulary
from cxcontext.errors import DifferentJourneyError, VerificationError
from cxcontext.typing import Carrier

V = TypeVar("V", bound=Vocabulary)


class Propagator(Receiving[V]):
    """
    Injects journeys into messages and extracts them, for one department.

    Args:
        department: Who sends and receives.
        destinations: The allow-list. Nobody else is sent anything.
        channel: The channel of a journey that was refused.
        references: Where what a carrier is too small for is put, and fetched from:
            `cxcontext.homes.References` or the like.
        log: Where every hand-over is noted for `who_has`: `cxcontext.homes.Home`.

    Raises:
        UnknownDepartmentError: When a destination is not in the key set.
        DestinationError: When two destinations share an origin.
        ValueError: When *channel* is not such a word.

    .. versionadded:: 0.1.0
    """

    def inject_reply(self, journey: Journey[V], carrier: Carrier, *, name: str) -> bool:
        """
        Put what was learned here into the response; say whether there was any.

        Only for a journey that came with a delivery: the response's names the
        request's, and goes to its sender. What cannot go is reported.

        .. versionadded:: 0.1.0
        """
        carrier.remove(name)
        sender, request_id = journey.received_from, journey.delivery_id
        if sender is None or request_id is None or not journey.has_news:
            return False
        try:
            if self.department.is_external(sender):
                return False
            envelope = journey.seal_for(sender, reply_to=request_id)
        except CANNOT_SEND as problem:
            self._observe_skipped(journey, sender, reason_of(problem))
            return False
        value = written(envelope, carrier)
        if len(value) > carrier.limits.value_bytes:
            self._observe_skipped(journey, sender, SkipReason.TOO_LARGE)
            return False
        carrier.set(name, value)
        journey.carried()
        self._observe_sent(journey, sender, len(value))
        return True

    def merge_reply(
        self,
        journey: Journey[V],
        carrier: Carrier,
        *,
        name: str,
        reply_to: bytes,
        sender: str | None = None,
    ) -> bool:
        """
        Merge what a response brought into *journey*; say whether it brought any.

        What does not verify, answers another request, is of another journey or
        cannot be merged now is ignored with an event. The value is taken away in
        any case.

        .. versionadded:: 0.1.0
        """
        values = carrier.get_all(name)
        carrier.remove(name)
        if not values:
            return False
        try:
            journey.merge(self._one(values, carrier), reply_to=reply_to, sender=sender)
        except (VerificationError, DifferentJourneyError, *CANNOT_SEND) as problem:
            # What is pending here may not be sealed now; the response is served.
            unmerged = isinstance(problem, CANNOT_SEND)
            code = getattr(problem, "code", "unmerged" if unmerged else "wrong_reply")
            self.department.observe(
                Rejected(
                    department=self.department.name, journey_id=journey.id, code=code
                )
            )
            return False
        return True
