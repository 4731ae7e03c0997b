"""
Who may be sent a journey, and what both directions share.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from inspect import iscoroutinefunction
from typing import Any, Final, Generic, TypeVar

from cxcontext.core.department import Department
from cxcontext.core.destination import Destination, Origin
from cxcontext.core.envelope import Envelope
from cxcontext.core.events import Sent, Skipped
from cxcontext.core.journey import Journey
from cxcontext.core.limits import DELIVERY_LIFETIME
from cxcontext.core.outcomes import SkipReason
from cxcontext.core.statement import check_channel
from cxcontext.core.vocabulary import Vocabulary
from cxcontext.errors import (
    DestinationError,
    DuplicateValueError,
    JourneyFullError,
    MalformedError,
    MissingKeyError,
    TooLargeError,
    UnavailableError,
    UnknownDepartmentError,
    UsageError,
)
from cxcontext.typing import (
    AsyncDeliveryLog,
    AsyncReferenceKeeper,
    Carrier,
    DeliveryLog,
    ReferenceKeeper,
)

V = TypeVar("V", bound=Vocabulary)

# A message is sent, and a response served, also where a journey cannot be sealed.
CANNOT_SEND: Final = (
    MissingKeyError,
    JourneyFullError,
    UnavailableError,
    UnknownDepartmentError,
)


class AllowList(Generic[V]):
    """
    A department, its destinations, and where references and hand-overs are kept.
    """

    def __init__(
        self,
        department: Department[V],
        destinations: Iterable[Destination] = (),
        *,
        channel: str = "web",
        references: ReferenceKeeper | AsyncReferenceKeeper | None = None,
        log: DeliveryLog | AsyncDeliveryLog | None = None,
    ) -> None:
        self.department = department
        # Which of both kinds each is, `_check_waiting` and `cxcontext.steps` find out.
        self.references: Any = references
        self.log: Any = log
        self._awaited = [
            type(keeper).__name__
            for keeper, method in ((references, "deposit"), (log, "note_handed"))
            if iscoroutinefunction(getattr(keeper, method, None))
        ]
        self.channel = check_channel(channel)
        self.destinations = tuple(destinations)
        self._by_name: dict[str, Destination] = {}
        self._by_origin: dict[Origin, Destination] = {}
        self._by_queue: dict[str, Destination] = {}
        for destination in self.destinations:
            department.is_external(destination.department)
            self._by_name.setdefault(destination.department, destination)
            for origin in destination.origins:
                if origin in self._by_origin:
                    msg = f"{origin} reaches two destinations; name it once"
                    raise DestinationError(msg)
                self._by_origin[origin] = destination
            for queue in destination.queues:
                if queue in self._by_queue:
                    msg = (
                        f"{queue!r} reaches two destinations, and a delivery is for "
                        "one; give each department a queue of its own"
                    )
                    raise DestinationError(msg)
                self._by_queue[queue] = destination

    def __repr__(self) -> str:
        names = ", ".join(self._by_name) or "nobody"
        return f"<Propagator of {self.department.name} to {names}>"

    def destination_at(self, origin: Origin) -> Destination | None:
        """
        Return the destination that an origin reaches, or None.
        """
        return self._by_origin.get(origin)

    def destination_of(self, queue: str) -> Destination | None:
        """
        Return the destination that consumes a queue, topic or subject, or None.
        """
        return self._by_queue.get(queue)

    # --- for both directions -------------------------------------------------

    def _allowed(self, to: Destination | str | None) -> Destination | None:
        destination = self._by_name.get(to) if isinstance(to, str) else to
        return destination if destination in self.destinations else None

    def _check_waiting(self) -> None:
        if self._awaited:
            msg = (
                f"this propagator's {self._awaited[0]} is awaited; use "
                "inject_async() and extract_async()"
            )
            raise UsageError(msg)

    def _one(self, values: Iterable[str | bytes], carrier: Carrier) -> str | bytes:
        found = list(values)
        if len(found) != 1:
            raise DuplicateValueError(len(found))
        (value,) = found
        if len(value) > carrier.limits.value_bytes:
            raise TooLargeError(len(value), carrier.limits.value_bytes)
        if isinstance(value, bytes) and not carrier.limits.binary:
            # Where text goes, the binary form is no other spelling of it.
            try:
                return value.decode("ascii")
            except UnicodeDecodeError:
                raise MalformedError("text form") from None
        return value

    def _longest_lifetime(self) -> timedelta:
        # Whoever sends to a slow destination may be answered as slowly.
        lifetimes = [d.lifetime for d in self.destinations]
        return max([DELIVERY_LIFETIME, *lifetimes])

    def _observe_skipped(
        self,
        journey: Journey[V],
        to: str,
        reason: SkipReason,
        *,
        will_ask: tuple[str, ...] = (),
    ) -> None:
        self.department.observe(
            Skipped(
                department=self.department.name,
                journey_id=journey.id,
                destination=to,
                reason=reason.value,
                will_ask=will_ask,
            )
        )

    def _observe_sent(self, journey: Journey[V], to: str, size_bytes: int) -> None:
        self.department.observe(
            Sent(
                department=self.department.name,
                journey_id=journey.id,
                destination=to,
                size_bytes=size_bytes,
            )
        )


def written(envelope: Envelope, carrier: Carrier) -> str | bytes:
    """
    Return *envelope* in the form that *carrier* takes.
    """
    return bytes(envelope) if carrier.limits.binary else str(envelope)


def reason_of(problem: Exception) -> SkipReason:
    """
    Return how a message says why a journey did not go with it.
    """
    if isinstance(problem, JourneyFullError):
        return SkipReason.FULL
    if isinstance(problem, UnavailableError):
        return SkipReason.UNAVAILABLE
    # A department that the key set no longer has, or a key.
    return SkipReason.NO_KEY
