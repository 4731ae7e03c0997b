"""
Handing over: sealing, delivering, merging, and crossing to partners.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from hashlib import sha256
from typing import Any, TypeVar

import attrs

from cxcontext.core.delivery import DELIVERY_ID_BYTES, EVERY_DEPARTMENT, sign_delivery
from cxcontext.core.envelope import Envelope, make_envelope
from cxcontext.core.events import Accepted
from cxcontext.core.fact import Fact
from cxcontext.core.journey.promising import JourneyPromising
from cxcontext.core.journey.state import JourneyState
from cxcontext.core.known import Arrival
from cxcontext.core.limits import (
    DELIVERY_LIFETIME,
    MAX_ENVELOPE_BYTES,
    MAX_HEADS,
    MAX_PARENTS,
    MAX_STATEMENTS,
)
from cxcontext.core.standard import CONSENT, IDENTITY_VERIFICATION, PROMISE
from cxcontext.core.statement import FLAG_ACCEPTED, Statement
from cxcontext.core.vocabulary import Key, KeyOf, Scope, Vocabulary
from cxcontext.errors import (
    DifferentJourneyError,
    JourneyFullError,
    LimitExceededError,
    UsageError,
    WithholdError,
    WrongReplyError,
)
from cxcontext.hiding import hiding

V = TypeVar("V", bound=Vocabulary)

# What a partner may bring in at once; it must not fill our journey.
MAX_ACCEPTED_FACTS = 64
_NEVER = timedelta(0)
_PERSONAL = frozenset((CONSENT, PROMISE, IDENTITY_VERIFICATION))


class Journey(JourneyPromising[V]):
    """
    The live handle on one customer's journey: what is known, and what is new.

    Obtained from `Department.begin`, `Department.receive` or
    `Department.resume`. Threads and tasks of one request may share it; it is
    not pickled, and shows no value in ``repr``.

    .. versionadded:: 0.1.0
    """

    @hiding
    def hand_over(
        self,
        to: str,
        *,
        lifetime: timedelta = DELIVERY_LIFETIME,
        binding: bytes | None = None,
        reply_to: bytes | None = None,
        withhold: Collection[Scope] = (),
    ) -> Envelope:
        """
        Return the envelope for another department of the domain.

        What is pending is sealed first; with nothing pending only a new
        delivery is signed. Every sealed section travels on, so that a
        department after next still has it.

        Args:
            to: The department's name.
            lifetime: How long the delivery may be on its way; 1 s or more.
            binding: What the receiver will know of the message from elsewhere:
                a call id, a message id, a request target.
            reply_to: In a response, the id of the request's delivery.
            withhold: Scopes to leave out, which *to* may not read.

        Raises:
            UnknownDepartmentError: When *to* is not in the key set.
            ExternalDepartmentError: When *to* is a partner; use `export_to`.
            WithholdError: When *to* may read a withheld scope.
            MissingKeyError: When no signing key is usable now.
            JourneyFullError: When the envelope exceeds the format's size.

        .. versionadded:: 0.1.0
        """
        envelope = self.seal_for(
            to,
            lifetime=lifetime,
            binding=binding,
            reply_to=reply_to,
            withhold=withhold,
        )
        self.carried()
        return envelope

    @hiding
    def seal_for(
        self,
        to: str,
        *,
        lifetime: timedelta = DELIVERY_LIFETIME,
        binding: bytes | None = None,
        reply_to: bytes | None = None,
        withhold: Collection[Scope] = (),
        reuse: timedelta = _NEVER,
    ) -> Envelope:
        """
        As `hand_over`, for a carrier that may yet refuse it.

        What was learned stays unsent until `carried` is called.

        Args:
            to: As in `hand_over`, and so are the others.
            lifetime: Of a new delivery; one that is given again is shorter by *reuse*
                at most.
            binding: One that is bound is never given again.
            reply_to: Nor is an answer.
            withhold: Nor is what something was withheld from.
            reuse: For how long the same envelope is given again, while nothing is
                learned in between.

        .. versionadded:: 0.1.0
        """
        self._department.check_internal(to)
        if reply_to is not None and len(reply_to) != DELIVERY_ID_BYTES:
            msg = "reply_to is the delivery_id of the journey that the request brought"
            raise UsageError(msg)
        vocabulary = self._department.vocabulary
        for scope in withhold:
            # Another vocabulary's scope has the same number and other readers.
            if scope not in vocabulary.scopes.values():
                msg = (
                    f"withhold takes scopes of {vocabulary.__name__}, such as "
                    f"{vocabulary.__name__}.scope_name, not another "
                    f"{type(scope).__name__}"
                )
                raise UsageError(msg)
            if to in scope.readers:
                raise WithholdError(scope.name, to)
        return self._deliver(
            to,
            lifetime=lifetime,
            binding=binding,
            reply_to=reply_to,
            withheld=frozenset(scope.number for scope in withhold),
            reuse=reuse,
        )

    def carried(self) -> None:
        """
        Note that a carrier, a save or a home took what was learned and sealed.

        .. versionadded:: 0.1.0
        """
        with self._lock:
            # What another thread has learned meanwhile was not in it.
            self._uncarried &= self._pending.fields

    @hiding
    def save(self, *, shared: bool = False) -> bytes:
        """
        Return the journey for rest; `Department.resume` reads it back.

        Args:
            shared: Whether every department of the domain may resume it.

        Raises:
            UsageError: As `hand_over`.

        .. versionadded:: 0.1.0
        """
        audience = EVERY_DEPARTMENT if shared else self.department
        envelope = self._deliver(audience, lifetime=None)
        self.carried()
        return bytes(envelope)

    @hiding
    def begun(self) -> str:
        """
        Return the journey's id, having sealed its root if there was none yet.

        .. versionadded:: 0.1.0
        """
        with self._lock:
            self._seal(at_least_root=True)
            return str(self.id)

    @hiding
    def seal_for_rest(self, *, arrival: Arrival = Arrival.HINT) -> bytes:
        """
        As ``save(shared=True)``, for a home that may yet refuse it.

        What was learned stays unsent until `carried` is called.

        Args:
            arrival: That of what rests there already. The surer of it and of
                this journey's is stated: a caller with a matching number must
                not make the home doubt everybody after them.

        .. versionadded:: 0.1.0
        """
        envelope = self._deliver(
            EVERY_DEPARTMENT, lifetime=None, arrival=max(arrival, self._arrival)
        )
        return bytes(envelope)

    @hiding
    def merge_rested(self, raw: bytes, *, joining: bool = False) -> Arrival:
        """
        Take over what rests of the same journey; return the arrival it states.

        Args:
            raw: What rests.
            joining: Whether many branches that rest there are joined, by a statement
                upon all of them: there may be 32 only.

        Raises:
            DifferentJourneyError, VerificationError: As `merge`.
            JourneyFullError: When both together exceed the format's limits:
                what rests must not be replaced by less.

        .. versionadded:: 0.1.0
        """
        rested = self._department.resume(raw, arrival=Arrival.DELIVERY)
        if joining and len(rested.heads) >= MAX_PARENTS:
            rested._seal(joining=True)
        self.merge(rested)
        with self._lock:
            held = {statement.id for statement in self._context.statements}
        if any(s.id not in held for s in rested.context.statements):
            raise JourneyFullError("with what rests at home")
        return rested.arrival

    def accept(self) -> None:
        """
        Say, signed, that this department has taken the journey over.

        It travels with the next hand-over, response or save.

        Raises:
            JourneyFullError: When the journey holds no more statements.

        .. versionadded:: 0.1.0
        """
        with self._lock:
            self._check_room()
            self._pending = attrs.evolve(self._pending, accepted=True)

    @hiding
    def merge(
        self,
        other: JourneyState[V] | Envelope | bytes | str,
        *,
        reply_to: bytes | None = None,
        sender: str | None = None,
    ) -> None:
        """
        Take over what another branch of the same journey has learned.

        What is pending here is sealed first, on what was known when it was
        learned; and many branches, of many calls at once, are joined by a statement
        upon them, for there may be 32 only. Over the format's limits, what is here stays, and an event
        says what was left out.

        Args:
            other: A fork, or an envelope handed over to this department.
            reply_to: The id of the request's delivery that an envelope answers.
            sender: Who must have sent it, where that is known.

        Raises:
            DifferentJourneyError: When it is another journey; see `restate`.
            UsageError: When it is another department's; that hands it over.
            VerificationError: When an envelope does not verify.

        .. versionadded:: 0.1.0
        """
        if not isinstance(other, JourneyState):
            other = self._department.receive(other, reply_to=reply_to)
            if sender is not None and other.received_from != sender:
                raise WrongReplyError
        if other.department != self.department:
            msg = (
                f"this is a journey of {other.department}, opened with its keys; "
                f"merge what it hands over to {self.department}"
            )
            raise UsageError(msg)
        # Two threads that merge in both directions must not wait for each other.
        first, second = sorted((self._lock, other._lock), key=id)
        with first, second:
            other._seal(at_least_root=True)
            self._seal(at_least_root=True, joining=self._joins(other))
            ours, theirs = str(self.id), str(other.id)
            if ours != theirs:
                raise DifferentJourneyError(ours, theirs)
            added = self._join(other._context)
            self._told |= other._told
            self._learned(other._uncarried)
            if other is not self:
                other._uncarried.clear()
            statements, authors = self._context.statements, self._context.authors
            for index in added:
                if statements[index].flags & FLAG_ACCEPTED:
                    self._emit(Accepted, by=authors[index] or "")

    @hiding
    def fork(self) -> Journey[V]:
        """
        Return a journey for background work, to be merged back later.

        What is pending is sealed first, so that both start from the same.

        .. versionadded:: 0.1.0
        """
        with self._lock:
            self._seal(at_least_root=True)
            twin: Journey[V] = Journey(
                self._department,
                context=self._context,
                channel=self._channel,
                provenance=self._provenance,
            )
            twin._arrival = self._arrival
            twin._verified_here = self._verified_here
            twin._told = set(self._told)
            return twin

    def twin(self) -> Journey[V]:
        """
        Return a copy with what is pending, to be thrown away: for trials only.

        Nobody is told of what it does, and nothing of it is signed.

        .. versionadded:: 0.1.0
        """
        with self._lock:
            twin: Journey[V] = Journey(
                self._department.for_trials(),
                context=self._context,
                channel=self._channel,
                provenance=self._provenance,
                nonce=self._nonce,
            )
            twin._pending = self._pending
            twin._arrival = self._arrival
            twin._told = set(self._told)
            return twin

    @hiding
    def export_to(
        self,
        partner: str,
        *keys: KeyOf[V, Any],
        lifetime: timedelta = DELIVERY_LIFETIME,
    ) -> Envelope:
        """
        Return an export for an external partner: a new journey, not this one.

        It restates only what the partner may read, with the original times and
        "reported by". Nothing in it leads back to this journey; keep its
        `Envelope.journey_id` to accept the partner's answer.

        Args:
            partner: The external department's name.
            keys: Which fields; all that the partner may read, if none.
            lifetime: How long the delivery may be on its way.

        Raises:
            UnknownDepartmentError: When *partner* is not in the key set.
            UsageError: When it is not external, or may not read a field.

        .. versionadded:: 0.1.0
        """
        department = self._department
        department.check_external(partner)
        for key in keys:
            self._check_key(key, None)
            if partner not in key.scope.readers:
                msg = (
                    f"{partner} may not read {key.name}; add it to the scope's readers"
                )
                raise UsageError(msg)
        export = department.begin_export(self._channel)
        # No export launders a stolen link either.
        export._arrival = self._arrival
        export._restate_for(partner, self, keys)
        return export._deliver(partner, lifetime=lifetime)

    @hiding
    def accept_from(
        self, raw: Envelope | bytes | str, *, export: str
    ) -> tuple[Key[V, object], ...]:
        """
        Take over what an external partner answered to an export.

        Its statements stay in the export; their values are restated here under
        this department's name, as reported by the partner.

        Args:
            raw: What the partner sent.
            export: The id of the export that it must answer, in hex.

        Returns:
            The fields whose values were taken over.

        Raises:
            VerificationError: When it does not verify, does not come from an
                external department, or says more than 64 facts.
            UsageError: When a value may not be learned; then none is.
            DifferentJourneyError: When it answers another export.

        .. versionadded:: 0.1.0
        """
        answered, partner = self._department.receive_from_external(raw)
        if answered.id != export:
            raise DifferentJourneyError(export, str(answered.id))
        # These are the partner's words; who holds a link is this journey's question.
        answered._arrival = Arrival.DELIVERY
        found: list[tuple[Key[V, object], str | None, Fact[object]]] = []
        for field in self._department.vocabulary.fields.values():
            key: Key[V, object] = field.key
            # What is said to or by us in person is not taken from others' mouths.
            if key.number in _PERSONAL or self.department not in field.scope.writers:
                continue
            for qualifier in answered._qualifiers(key):
                fact = answered.fact(key, qualifier=qualifier)
                gap = answered.gap(key, qualifier=qualifier)
                if fact is not None and gap is None and fact.department == partner:
                    found.append((key, qualifier, fact))
        if len(found) > MAX_ACCEPTED_FACTS:
            raise LimitExceededError("facts from a partner", MAX_ACCEPTED_FACTS)
        # All of it, or nothing: every value is checked before the first is stored.
        for key, qualifier, fact in found:
            self._checked(key, fact.value, qualifier)
        for key, qualifier, fact in found:
            self._restate_fact(key, qualifier, fact, reported_by=partner)
        return tuple(dict.fromkeys(key for key, _, _ in found))

    # --- for the verbs above -------------------------------------------------

    def _joins(self, other: JourneyState[V]) -> bool:
        """
        Whether a statement upon all heads is due before a merge, and has room.
        """
        ours = len(self._context.verified_heads())
        both = ours + len(other._context.verified_heads())
        room = len(self._context.statements) < MAX_STATEMENTS
        return room and ours > 1 and both > MAX_HEADS

    def _deliver(
        self,
        audience: str,
        *,
        lifetime: timedelta | None,
        binding: bytes | None = None,
        reply_to: bytes | None = None,
        withheld: frozenset[int] = frozenset(),
        arrival: Arrival | None = None,
        reuse: timedelta = _NEVER,
    ) -> Envelope:
        department = self._department
        with self._lock:
            self._seal(at_least_root=True)
            now_s = self.now_s()
            # An answer, a binding and what was left out belong to one message.
            again = bool(reuse) and binding is None and not (reply_to or withheld)
            if again and (last := self._last(audience, reuse, lifetime)) is not None:
                return last
            statements = [
                _for_sending(statement, withheld, now_s=now_s)
                for statement in self._context.statements
            ]
            delivery = sign_delivery(
                statements,
                signer=department.keys.signer(department.key_set, now=now_s),
                domain=department.domain,
                delivery_id=department.random(DELIVERY_ID_BYTES),
                audience=audience,
                issued_s=now_s,
                expires_s=_expiry(now_s, lifetime),
                arrival=self._arrival if arrival is None else arrival,
                reply_to=reply_to,
                binding=None if binding is None else sha256(binding).digest(),
            )
            envelope = make_envelope(
                statements, self._context.graph, delivery, domain=department.domain
            )
            if len(bytes(envelope)) > MAX_ENVELOPE_BYTES:
                raise JourneyFullError(f"{MAX_ENVELOPE_BYTES} bytes")
            if again:
                self._delivered = (self._context, envelope)
            return envelope

    def _last(
        self, audience: str, reuse: timedelta, lifetime: timedelta | None
    ) -> Envelope | None:
        if self._delivered is None:
            return None
        context, envelope = self._delivered
        delivery = envelope.delivery
        age_s = self.now_s() - delivery.issued_s
        if (
            context is self._context
            and 0 <= age_s < reuse.total_seconds()
            and delivery.audience == audience
            and delivery.arrival == self._arrival
            and delivery.expires_s == _expiry(delivery.issued_s, lifetime)
        ):
            return envelope
        return None


def _expiry(now_s: int, lifetime: timedelta | None) -> int | None:
    if lifetime is None:
        return None
    if lifetime < timedelta(seconds=1):
        msg = "a delivery's lifetime is 1 second or more"
        raise UsageError(msg)
    return now_s + int(lifetime.total_seconds())


def _for_sending(
    statement: Statement, withheld: frozenset[int], *, now_s: int
) -> Statement:
    # An expired statement counts for the graph only (protocol, section 5).
    if statement.expires_s <= now_s:
        return statement.without(tuple(statement.sections))
    return statement.without(withheld)
