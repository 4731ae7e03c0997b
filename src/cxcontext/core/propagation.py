"""
Move a journey into and out of one message. Sends to nobody by default.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import Enum
from typing import Generic, TypeVar

import attrs

from cxcontext.core.department import Department
from cxcontext.core.destination import Destination, Origin
from cxcontext.core.envelope import Envelope
from cxcontext.core.events import Rejected, Sent, Skipped
from cxcontext.core.gaps import Reason
from cxcontext.core.journey import Journey
from cxcontext.core.limits import DELIVERY_LIFETIME
from cxcontext.core.statement import check_channel
from cxcontext.core.vocabulary import Vocabulary
from cxcontext.errors import (
    DestinationError,
    DifferentJourneyError,
    DuplicateValueError,
    JourneyFullError,
    MalformedError,
    MissingKeyError,
    TooLargeError,
    UnavailableError,
    UnknownDepartmentError,
    VerificationError,
)
from cxcontext.typing import Carrier

V = TypeVar("V", bound=Vocabulary)


class SkipReason(Enum):
    """
    Why a journey did not go with a message.

    .. versionadded:: 0.1.0
    """

    NOT_ALLOWED = "not_allowed"  # the receiver is no destination
    TOO_LARGE = "too_large"  # the carrier does not take so many bytes
    NO_KEY = "no_key"  # no key to sign or seal with now
    FULL = "full"  # the journey exceeds the format
    UNAVAILABLE = "unavailable"  # the signer cannot be reached


@attrs.frozen(kw_only=True)
class Injected:
    """
    What happened to a message.

    Attributes:
        destination: The department it is for; None where it is no destination.
        skipped: Why the journey was not sent; None where it was.
        will_ask: Fields that the receiver will have to ask for, being skipped.
        delivery_id: The delivery's id, which its response names.
        size_bytes: How long the value is.

    .. versionadded:: 0.1.0
    """

    destination: str | None
    skipped: SkipReason | None = None
    will_ask: tuple[str, ...] = ()
    delivery_id: bytes | None = None
    size_bytes: int = 0

    def __str__(self) -> str:
        if self.skipped is None:
            return f"sent to {self.destination}, {self.size_bytes} bytes"
        asks = ", ".join(self.will_ask)
        consequence = (
            f"; {self.destination} will have to ask for {asks}" if asks else ""
        )
        return f"not sent ({self.skipped.value}){consequence}"


@attrs.frozen(kw_only=True)
class Extracted(Generic[V]):
    """
    What a message brought: a journey, nothing, or something that was refused.

    Attributes:
        journey: The journey. Where something was refused, an empty one whose
            needs say ``REJECTED``. None where nothing came.
        problem: Why it was refused.

    .. versionadded:: 0.1.0
    """

    journey: Journey[V] | None = None
    problem: VerificationError | None = None


# A message is sent, and a response served, also where a journey cannot be sealed.
_CANNOT_SEND = (
    MissingKeyError,
    JourneyFullError,
    UnavailableError,
    UnknownDepartmentError,
)


class Propagator(Generic[V]):
    """
    Injects journeys into messages and extracts them, for one department.

    Args:
        department: Who sends and receives.
        destinations: The allow-list. Nobody else is sent anything.
        channel: The channel of a journey that was refused.

    Raises:
        UnknownDepartmentError: When a destination is not in the key set.
        DestinationError: When two destinations share an origin.
        ValueError: When *channel* is not such a word.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        department: Department[V],
        destinations: Iterable[Destination] = (),
        *,
        channel: str = "web",
    ) -> None:
        self.department = department
        self.channel = check_channel(channel)
        self.destinations = tuple(destinations)
        self._by_name: dict[str, Destination] = {}
        self._by_origin: dict[Origin, Destination] = {}
        for destination in self.destinations:
            department.is_external(destination.department)
            self._by_name.setdefault(destination.department, destination)
            for origin in destination.origins:
                if origin in self._by_origin:
                    msg = f"{origin} reaches two destinations; name it once"
                    raise DestinationError(msg)
                self._by_origin[origin] = destination

    def __repr__(self) -> str:
        names = ", ".join(self._by_name) or "nobody"
        return f"<Propagator of {self.department.name} to {names}>"

    def destination_at(self, origin: Origin) -> Destination | None:
        """
        Return the destination that an origin reaches, or None.
        """
        return self._by_origin.get(origin)

    def inject(
        self,
        journey: Journey[V],
        carrier: Carrier,
        *,
        to: Destination | str | None,
        name: str,
        binding: bytes | None = None,
    ) -> Injected:
        """
        Put the journey into a message, if its receiver may have it.

        The message is sent either way: what cannot travel is reported, never
        raised. A value that stands there already is always taken away first.

        Args:
            journey: The journey.
            carrier: The message's metadata.
            to: The destination, or its department; None where the receiver is
                none. Nothing is sent to one that is not on the allow-list.
            name: Under which name the carrier holds it.
            binding: What the receiver will know of the message from elsewhere.

        .. versionadded:: 0.1.0
        """
        carrier.remove(name)
        destination = self._by_name.get(to) if isinstance(to, str) else to
        if destination is None or destination not in self.destinations:
            department = None if destination is None else destination.department
            return self._skip(journey, to if isinstance(to, str) else department)
        try:
            envelope = self._envelope(journey, destination, binding)
        except _CANNOT_SEND as problem:
            return self._skip(journey, destination.department, _reason(problem))
        value = bytes(envelope) if carrier.limits.binary else str(envelope)
        if len(value) > carrier.limits.value_bytes:
            return self._skip(journey, destination.department, SkipReason.TOO_LARGE)
        carrier.set(name, value)
        # An export takes some of it, and to where our departments never look.
        if envelope.journey_id == journey.id:
            journey.carried()
        self._observe_sent(journey, destination.department, len(value))
        return Injected(
            destination=destination.department,
            delivery_id=envelope.delivery.id,
            size_bytes=len(value),
        )

    def extract(
        self,
        carrier: Carrier,
        *,
        name: str,
        binding: bytes | None = None,
        once: bool = False,
        channel: str | None = None,
    ) -> Extracted[V]:
        """
        Take the journey out of a message. Never raises for what came.

        Args:
            carrier: The message's metadata.
            name: Under which name the carrier holds it.
            binding: What this side knows of the message from elsewhere.
            once: Whether a delivery seen before is refused.
            channel: Through which channel the customer is here now.

        .. versionadded:: 0.1.0
        """
        values = carrier.get_all(name)
        if not values:
            return Extracted()
        try:
            raw = self._one(values, carrier)
            journey = self.department.receive(
                raw,
                binding=binding,
                once=once,
                channel=channel,
                max_lifetime=self._longest_lifetime(),
            )
        except VerificationError as problem:
            self.department.observe(
                Rejected(department=self.department.name, code=problem.code)
            )
            return Extracted(
                journey=self.department.begin_after(
                    Reason.REJECTED, channel=channel or self.channel
                ),
                problem=_forgetful(problem),
            )
        return Extracted(journey=journey)

    # --- responses -----------------------------------------------------------

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
        except _CANNOT_SEND as problem:
            self._observe_skipped(journey, sender, _reason(problem))
            return False
        value = bytes(envelope) if carrier.limits.binary else str(envelope)
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
        except (VerificationError, DifferentJourneyError, *_CANNOT_SEND) as problem:
            # What is pending here may not be sealed now; the response is served.
            unmerged = isinstance(problem, _CANNOT_SEND)
            code = getattr(problem, "code", "unmerged" if unmerged else "wrong_reply")
            self.department.observe(
                Rejected(
                    department=self.department.name, journey_id=journey.id, code=code
                )
            )
            return False
        return True

    # --- shared --------------------------------------------------------------

    def _envelope(
        self, journey: Journey[V], destination: Destination, binding: bytes | None
    ) -> Envelope:
        if self.department.is_external(destination.department):
            return journey.export_to(
                destination.department, lifetime=destination.lifetime
            )
        return journey.seal_for(
            destination.department,
            lifetime=destination.lifetime,
            binding=binding if destination.bound else None,
        )

    def _skip(
        self,
        journey: Journey[V],
        department: str | None,
        reason: SkipReason = SkipReason.NOT_ALLOWED,
    ) -> Injected:
        will_ask: tuple[str, ...] = ()
        if reason is not SkipReason.NOT_ALLOWED and department is not None:
            will_ask = journey.known_to(department)
            self._observe_skipped(journey, department, reason, will_ask=will_ask)
        return Injected(destination=department, skipped=reason, will_ask=will_ask)

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


def _reason(problem: Exception) -> SkipReason:
    if isinstance(problem, JourneyFullError):
        return SkipReason.FULL
    if isinstance(problem, UnavailableError):
        return SkipReason.UNAVAILABLE
    # A department that the key set no longer has, or a key.
    return SkipReason.NO_KEY


def _forgetful(problem: VerificationError) -> VerificationError:
    """
    Return *problem* without the frames and causes, which hold what came.
    """
    problem.__cause__ = problem.__context__ = None
    return problem.with_traceback(None)
