"""
Promises, consent and identity: what is said through verbs of its own.
"""

from __future__ import annotations

from base64 import b32encode
from datetime import datetime
from typing import Any, TypeVar

from cxcontext.core.events import PromiseChanged
from cxcontext.core.journey.asking import JourneyAsking
from cxcontext.core.known import Arrival, Known
from cxcontext.core.limits import MAX_QUALIFIER_CHARS
from cxcontext.core.numeric_date import to_seconds
from cxcontext.core.promising import Promise, PromiseStatus
from cxcontext.core.section import WireFact
from cxcontext.core.standard import (
    CONSENT,
    IDENTITY_VERIFICATION,
    PROMISE,
    AuthenticatorAssurance,
    Consent,
    ConsentStatus,
    IdentityAssurance,
    IdentityVerification,
    PromiseAction,
    PromiseEntry,
)
from cxcontext.core.vocabulary import FieldDefinition, Key, Vocabulary
from cxcontext.errors import NotAuthorisedError, PromiseError, UsageError
from cxcontext.hiding import hiding

V = TypeVar("V", bound=Vocabulary)

# Random within one journey and department; 5 bytes are 8 characters of base32.
_PROMISE_ID_BYTES = 5
_OWNERS_ACTIONS = frozenset(
    (
        PromiseAction.KEEP,
        PromiseAction.MISS,
        PromiseAction.MOVE,
        PromiseAction.RELEASE,
        PromiseAction.HAND_OVER,
    )
)


class JourneyPromising(JourneyAsking[V]):
    """
    The verbs of the standard fields promise, consent and identity verification.
    """

    @hiding
    def promise(
        self,
        kind: str,
        *,
        wording: str,
        owner: str | None = None,
        due: datetime | None = None,
        due_from: datetime | None = None,
    ) -> Promise:
        """
        Note what the customer was promised.

        Args:
            kind: What sort of commitment, a code of the domain's.
            wording: What the customer was told, in the words used.
            owner: Who answers for it, this department unless given. Another
                department's promise is only proposed until it accepts.
            due: Last instant at which keeping it is in time, aware.
            due_from: First such instant, where a range was promised.

        Raises:
            UsageError: When the vocabulary has no promise field, the owner is
                unknown, an instant is naive, or the range is empty.

        .. versionadded:: 0.1.0
        """
        department = self._department
        owner = department.name if owner is None else owner
        department.check_internal(owner)
        _check_due(due, due_from)
        random_id = b32encode(department.random(_PROMISE_ID_BYTES)).decode().lower()
        name = f"{department.name}/{random_id}"
        entry = PromiseEntry(
            action=PromiseAction.MAKE,
            kind=kind,
            wording=wording,
            owner=None if owner == department.name else owner,
            due_from=due_from,
            due_until=due,
        )
        return self._add_step(name, entry)

    @hiding
    def accept_promise(self, promise_id: str) -> Promise:
        """
        Answer for a promise that was proposed to this department.

        Raises:
            PromiseError: When it is unknown, ended, or not proposed to it.

        .. versionadded:: 0.1.0
        """
        promise = self._promise(promise_id)
        if promise.proposed_to != self.department:
            raise PromiseError(promise_id, f"it is not proposed to {self.department}")
        if promise.status is PromiseStatus.CONFLICT:
            raise PromiseError(promise_id, "its creator says different things of it")
        _check_not_ended(promise)
        return self._add_step(promise_id, PromiseEntry(action=PromiseAction.ACCEPT))

    @hiding
    def keep(self, promise_id: str) -> Promise:
        """
        Note that the promise was kept. Only its owner can.

        Raises:
            PromiseError: When it is unknown, or not open.
            NotAuthorisedError: When another department owns it.

        .. versionadded:: 0.1.0
        """
        return self._own(promise_id, PromiseEntry(action=PromiseAction.KEEP))

    @hiding
    def miss(self, promise_id: str) -> Promise:
        """
        Note that the promise was not kept. Only its owner can.

        Raises:
            PromiseError, NotAuthorisedError: As `keep`.

        .. versionadded:: 0.1.0
        """
        return self._own(promise_id, PromiseEntry(action=PromiseAction.MISS))

    @hiding
    def release(self, promise_id: str) -> Promise:
        """
        Note that the customer no longer holds us to it. Only its owner can.

        Raises:
            PromiseError, NotAuthorisedError: As `keep`.

        .. versionadded:: 0.1.0
        """
        return self._own(promise_id, PromiseEntry(action=PromiseAction.RELEASE))

    @hiding
    def move(
        self, promise_id: str, *, due: datetime, due_from: datetime | None = None
    ) -> Promise:
        """
        Give the promise another time. Only its owner can.

        Raises:
            PromiseError, NotAuthorisedError: As `keep`; also when it is due
                then already.
            UsageError: When an instant is naive, or the range is empty.

        .. versionadded:: 0.1.0
        """
        _check_due(due, due_from)
        promise = self._promise(promise_id)
        if (promise.due_from, promise.due_until) == (due_from, due):
            raise PromiseError(promise_id, "it is due then already")
        entry = PromiseEntry(
            action=PromiseAction.MOVE, due_from=due_from, due_until=due
        )
        return self._own(promise_id, entry)

    @hiding
    def hand_over_promise(self, promise_id: str, *, to: str) -> Promise:
        """
        Ask another department to answer for it; it does once it accepts.

        Raises:
            PromiseError, NotAuthorisedError: As `keep`.
            UnknownDepartmentError: When *to* is not in the key set.

        .. versionadded:: 0.1.0
        """
        self._department.check_internal(to)
        entry = PromiseEntry(action=PromiseAction.HAND_OVER, owner=to)
        return self._own(promise_id, entry)

    @hiding
    def observe(self, promise_id: str) -> Promise:
        """
        Note that another department's promise was broken, as the customer says.

        Raises:
            PromiseError: When it is unknown, or this department's own.

        .. versionadded:: 0.1.0
        """
        promise = self._promise(promise_id)
        if promise.owner == self.department:
            raise PromiseError(promise_id, "it is our own; say miss()")
        entry = PromiseEntry(action=PromiseAction.OBSERVE_BROKEN)
        return self._add_step(promise_id, entry)

    # --- consent -------------------------------------------------------------

    @hiding
    def consent(
        self,
        purpose: str,
        *,
        lawful_basis: str = "dpv:Consent",
        expires_at: datetime | None = None,
    ) -> None:
        """
        Note that the customer consented to *purpose*. Only writers of the field can.

        Args:
            purpose: A W3C DPV purpose, such as ``dpv:Marketing``.
            lawful_basis: A W3C DPV legal basis.
            expires_at: When it ends; at most the field's maximum age from now.

        Raises:
            UsageError: When the vocabulary has no consent field, or the grant
                would outlive its maximum age.
            NotAuthorisedError: When this department may not write it.

        .. versionadded:: 0.1.0
        """
        key = self._standard_key(CONSENT, "consent")
        max_age = key.field.max_age
        if expires_at is not None and max_age is not None:
            latest_s = self.now_s() + max_age.total_seconds()
            if to_seconds(expires_at) > latest_s:
                msg = f"a grant counts for {max_age} at most; leave expires_at earlier"
                raise UsageError(msg)
        grant = Consent(
            status=ConsentStatus.GIVEN,
            lawful_basis=lawful_basis,
            expires_at=expires_at,
        )
        self.correct(key, grant, qualifier=purpose)

    @hiding
    def withdraw(self, purpose: str) -> None:
        """
        Note that the customer withdrew consent, or never gave it. Anybody can.

        Raises:
            UsageError: When the vocabulary has no consent field.

        .. versionadded:: 0.1.0
        """
        key = self._standard_key(CONSENT, "consent")
        wire = self._checked(key, Consent(status=ConsentStatus.WITHDRAWN), purpose)
        fact = WireFact(field=key.number, has_value=True, value=wire, qualifier=purpose)
        with self._lock:
            # Not `_store`: whoever hears it must be able to pass it on.
            self._check_sealing_key(key.field)
            self._add_fact(key.field, fact, at_s=self.now_s())

    # --- identity ------------------------------------------------------------

    @hiding
    def verify_identity(
        self,
        *methods: str,
        identity_assurance: IdentityAssurance | None = None,
        authenticator_assurance: AuthenticatorAssurance | None = None,
        evidence_type: str | None = None,
        evidence_digest: bytes | None = None,
    ) -> None:
        """
        Note that this person was verified here to be this journey's customer.

        It is the only thing that raises the arrival: from now on everything
        that this department may read is recalled.

        Args:
            methods: Values of RFC 8176, such as ``"otp"`` or ``"kba"``.
            identity_assurance: Of the proofing behind the account.
            authenticator_assurance: Of this authentication.
            evidence_type: What was looked at.
            evidence_digest: SHA-256 of the evidence with a salt; never the evidence.

        Raises:
            NotAuthorisedError: When this department is no verifier.
            UsageError: When the vocabulary has no identity verification field.

        .. versionadded:: 0.1.0
        """
        key = self._standard_key(IDENTITY_VERIFICATION, "identity_verification")
        value = IdentityVerification(
            methods=methods,
            identity_assurance=identity_assurance,
            authenticator_assurance=authenticator_assurance,
            evidence_type=evidence_type,
            evidence_digest=evidence_digest,
        )
        with self._lock:
            self.correct(key, value, known=Known.VERIFIED)
            self._verified_here = True
            self._arrival = Arrival.DELIVERY

    # --- for the verbs above -------------------------------------------------

    def _standard_key(self, number: int, function: str) -> Key[Any, Any]:
        field: FieldDefinition[Any] | None = self._standard_field(number)
        vocabulary = self._department.vocabulary
        if field is None:
            msg = (
                f"{vocabulary.__name__} has no such field; place it in a scope with "
                f"standard.{function}(scope=...)"
            )
            raise UsageError(msg)
        return field.key

    def _promise(self, promise_id: str) -> Promise:
        self._standard_key(PROMISE, "promise")
        for promise in self.promises:
            if promise.id == promise_id:
                return promise
        raise PromiseError(promise_id, "no such promise can be seen here")

    def _own(self, promise_id: str, entry: PromiseEntry) -> Promise:
        promise = self._promise(promise_id)
        if promise.owner != self.department:
            raise NotAuthorisedError(
                self.department,
                f"{entry.action.name.lower().replace('_', ' ')} promise {promise_id}",
                (promise.owner,),
            )
        _check_not_ended(promise)
        return self._add_step(promise_id, entry)

    def _add_step(self, promise_id: str, entry: PromiseEntry) -> Promise:
        key = self._standard_key(PROMISE, "promise")
        if len(promise_id) > MAX_QUALIFIER_CHARS:
            raise PromiseError(promise_id, "no such promise can be seen here")
        creator, _, random_id = promise_id.partition("/")
        qualifier = random_id if creator == self.department else promise_id
        wire = self._checked(key, entry, qualifier)
        with self._lock:
            if (PROMISE, qualifier) in self._pending.facts:
                # Each step is a statement's own: the order of steps is the graph's.
                self._seal()
            self._store(key, wire, known=None, qualifier=qualifier, at=None)
            self._emit(
                PromiseChanged, promise_id=promise_id, action=entry.action.name.lower()
            )
            # Also where the arrival hides what others have promised.
            promises = self._all_promises(key.field)
            return next(p for p in promises if p.id == promise_id)


def _check_due(due: datetime | None, due_from: datetime | None) -> None:
    for instant in (due, due_from):
        if instant is not None:
            to_seconds(instant)  # refuses a naive one
    if due is not None and due_from is not None and due < due_from:
        msg = "due lies before due_from; the range is empty"
        raise UsageError(msg)


def _check_not_ended(promise: Promise) -> None:
    if not promise.is_open and promise.status.value not in ("proposed", "conflict"):
        raise PromiseError(promise.id, f"it is {promise.status.value} already")
