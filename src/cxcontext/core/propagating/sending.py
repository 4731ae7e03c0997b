"""
Into a message: inline, by reference, or not at all and why.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

from cxcontext.core.destination import Destination
from cxcontext.core.envelope import Envelope
from cxcontext.core.events import Unnoted
from cxcontext.core.journey import Journey
from cxcontext.core.limits import REFERENCE_CHARS
from cxcontext.core.numeric_date import from_seconds
from cxcontext.core.outcomes import Deposited, Fit, Injected, SkipReason, Transport
from cxcontext.core.propagating.allow_list import (
    CANNOT_SEND,
    AllowList,
    reason_of,
    written,
)
from cxcontext.core.vocabulary import Vocabulary
from cxcontext.errors import UnavailableError
from cxcontext.steps import Steps, call, call_async, run, run_async
from cxcontext.typing import Carrier

V = TypeVar("V", bound=Vocabulary)


class _Sent(NamedTuple):
    envelope: Envelope
    transport: Transport
    size_bytes: int


class Sending(AllowList[V]):
    """
    The sending verbs.
    """

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
        What the carrier is too small for goes by reference, where there are
        `references`.

        Args:
            journey: The journey.
            carrier: The message's metadata.
            to: The destination, or its department; None where the receiver is
                none. Nothing is sent to one that is not on the allow-list.
            name: Under which name the carrier holds it.
            binding: What the receiver will know of the message from elsewhere.

        Raises:
            UsageError: When the references or the log are awaited ones.

        .. versionadded:: 0.1.0
        """
        self._check_waiting()
        return run(
            self.injecting(journey, carrier, to=to, name=name, binding=binding), call
        )

    async def inject_async(
        self,
        journey: Journey[V],
        carrier: Carrier,
        *,
        to: Destination | str | None,
        name: str,
        binding: bytes | None = None,
    ) -> Injected:
        """
        As `inject`, awaiting the store, or calling it in a thread of its own.

        .. versionadded:: 0.1.0
        """
        steps = self.injecting(journey, carrier, to=to, name=name, binding=binding)
        return await run_async(steps, call_async)

    def fit(
        self, journey: Journey[V], carrier: Carrier, *, to: Destination | str | None
    ) -> Fit:
        """
        Return what `inject` would do, and what the customer would be asked again.

        Nothing is sent, sealed or stored by it.

        Args:
            journey: The journey.
            carrier: The message's metadata; only its limits are looked at.
            to: As in `inject`.

        .. versionadded:: 0.1.0
        """
        limits = carrier.limits
        destination = self._allowed(to)
        department = to.department if isinstance(to, Destination) else to
        transport, skipped, size_bytes = None, SkipReason.NOT_ALLOWED, 0
        if destination is not None:
            try:
                # As long as any binding is; it counts where deliveries are bound.
                trial = self._envelope(journey.twin(), destination, b"")
                size_bytes = len(written(trial, carrier))
                skipped = _no_place_in(carrier)
                if size_bytes <= limits.value_bytes:
                    transport = Transport.INLINE
                elif self._references_for(destination, carrier) is not None:
                    transport, size_bytes = Transport.REFERENCE, REFERENCE_CHARS
            except CANNOT_SEND as problem:
                skipped = reason_of(problem)
        may_ask = transport is None and destination is not None
        return Fit(
            destination=department,
            transport=transport,
            skipped=None if transport is not None else skipped,
            will_ask=journey.known_to(str(department)) if may_ask else (),
            size_bytes=size_bytes,
            limit_bytes=limits.value_bytes,
        )

    def injecting(
        self,
        journey: Journey[V],
        carrier: Carrier,
        *,
        to: Destination | str | None,
        name: str,
        binding: bytes | None = None,
    ) -> Steps[Injected]:
        """
        As `inject`, as steps: for an adapter that has both kinds of clients.

        .. versionadded:: 0.1.0
        """
        carrier.remove(name)
        destination = self._allowed(to)
        if destination is None:
            department = to.department if isinstance(to, Destination) else to
            return Injected(destination=department, skipped=SkipReason.NOT_ALLOWED)
        try:
            if self.log is not None and self.department.is_external(
                destination.department
            ):
                # An export has another id, and is noted under this journey's.
                journey.begun()
            sent = self._inline(journey, carrier, destination, name, binding)
            references = self._references_for(destination, carrier)
            if sent is None and references is not None:
                deposited = yield lambda do: do(
                    references.deposit,
                    journey,
                    destination.department,
                    lifetime=destination.lifetime,
                    binding=binding if destination.bound else None,
                )
                sent = self._by_reference(carrier, name, deposited)
        except CANNOT_SEND as problem:
            return self._skip(journey, destination.department, reason_of(problem))
        if sent is None:
            reason = _no_place_in(carrier)
            return self._skip(journey, destination.department, reason)
        if self.log is not None:
            handed = self._handed(journey, destination, sent)
            try:
                yield lambda do: do(self.log.note_handed, **handed)
            except UnavailableError:
                self._observe_unnoted(journey, destination.department)
        return self._sent(journey, destination, sent)

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
            reuse=destination.reuse,
        )

    def _references_for(self, destination: Destination, carrier: Carrier) -> Any:
        # Nothing is put into the store that the carrier does not take.
        if carrier.limits.value_bytes < REFERENCE_CHARS:
            return None
        # An export is a journey of its own, which no home of ours redeems.
        if self.department.is_external(destination.department):
            return None
        return self.references

    def _inline(
        self,
        journey: Journey[V],
        carrier: Carrier,
        destination: Destination,
        name: str,
        binding: bytes | None,
    ) -> _Sent | None:
        envelope = self._envelope(journey, destination, binding)
        value = written(envelope, carrier)
        if len(value) > carrier.limits.value_bytes:
            return None
        carrier.set(name, value)
        return _Sent(envelope, Transport.INLINE, len(value))

    def _by_reference(
        self, carrier: Carrier, name: str, deposited: Deposited
    ) -> _Sent | None:
        text = deposited.text
        if len(text) > carrier.limits.value_bytes:
            return None
        carrier.set(name, text.encode("ascii") if carrier.limits.binary else text)
        return _Sent(deposited.envelope, Transport.REFERENCE, len(text))

    def _handed(
        self, journey: Journey[V], destination: Destination, sent: _Sent
    ) -> dict[str, Any]:
        scopes = {scope for s in sent.envelope.statements for scope in s.sections}
        sent_id = sent.envelope.journey_id
        return {
            # An export is another journey; whose it is, only this side knows.
            "journey_id": str(journey.id),
            "export": None if sent_id == journey.id else sent_id,
            "to": destination.department,
            "scopes": scopes,
            "at": from_seconds(journey.now_s()),
        }

    def _sent(
        self, journey: Journey[V], destination: Destination, sent: _Sent
    ) -> Injected:
        # An export takes some of it, and to where our departments never look.
        if sent.envelope.journey_id == journey.id:
            journey.carried()
        self._observe_sent(journey, destination.department, sent.size_bytes)
        return Injected(
            destination=destination.department,
            transport=sent.transport,
            delivery_id=sent.envelope.delivery.id,
            size_bytes=sent.size_bytes,
        )

    def _skip(
        self, journey: Journey[V], department: str, reason: SkipReason
    ) -> Injected:
        will_ask = journey.known_to(department)
        self._observe_skipped(journey, department, reason, will_ask=will_ask)
        return Injected(destination=department, skipped=reason, will_ask=will_ask)

    def _observe_unnoted(self, journey: Journey[V], to: str) -> None:
        self.department.observe(
            Unnoted(
                department=self.department.name, journey_id=journey.id, destination=to
            )
        )


def _no_place_in(carrier: Carrier) -> SkipReason:
    # Amazon SQS has ten slots, and somebody else may have taken them all.
    return SkipReason.TOO_LARGE if carrier.limits.value_bytes else SkipReason.NO_ROOM
