"""
The rules of references: put, redeem, descend, revoke.

A record never changes; the store keeps beside it who claimed it first. So one
step redeems, and of many who try at once exactly one succeeds. A reference may
outlive those that it descends from, for a call-back comes later; but revoking one
revokes its tree, also afterwards.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final, TypeVar

import attrs

import cxcontext as cx
from cxcontext.errors import (
    RecordTamperedError,
    ReferenceLostError,
    ReferenceUsedError,
    UnavailableError,
    UsageError,
    VerificationError,
    WrongAudienceError,
)
from cxcontext.hiding import unshown
from cxcontext.homes.paging import all_linked
from cxcontext.homes.pepper import Pepper
from cxcontext.homes.reference import Reference, ReferenceKeys
from cxcontext.homes.reference_record import (
    MAX_DEPTH,
    Ancestor,
    ReferenceRecord,
    open_record,
    prefix_of,
)
from cxcontext.steps import Steps

V = TypeVar("V", bound=cx.Vocabulary)

# Telephony notes, C2: a call, with its queues.
DEFAULT_LIFETIME: Final = timedelta(minutes=30)
MAX_LIFETIME: Final = timedelta(days=90)
_MAX_LIFETIME_S: Final = int(MAX_LIFETIME.total_seconds())
_CLAIM_BYTES: Final = 16
_REVOKED: Final = b"revoked"


@attrs.frozen(kw_only=True)
class Redeemed:
    """
    What a reference led to.

    Attributes:
        journey: The journey; `Journey.replayed` where the same leg asked again.
        reference: The reference, for the children of a further transfer.
        carried: Whether the customer carried it.

    .. versionadded:: 0.1.0
    """

    journey: cx.Journey[Any]
    reference: Reference
    carried: bool


@attrs.frozen(repr=False, field_transformer=unshown)
class Redeeming:
    """
    The rules, for either kind of `References`.
    """

    keys: ReferenceKeys
    pepper: Pepper

    def put(
        self,
        journey: cx.Journey[Any],
        to: str,
        *,
        lifetime: timedelta,
        parent: Reference | None,
        once: bool,
        carried: bool,
    ) -> Steps[Reference]:
        """
        As `References.put`.
        """
        if not timedelta(seconds=1) <= lifetime <= MAX_LIFETIME:
            msg = f"a reference lives from 1 second to {MAX_LIFETIME.days} days"
            raise UsageError(msg)
        now_s = journey.now_s()
        ancestors: tuple[Ancestor, ...] = ()
        if parent is not None:
            ancestors = yield from self._descend(parent, lifetime, now_s=now_s)
        reference, envelope = yield from self._put(
            journey, to, lifetime, None, ancestors=ancestors, once=once, carried=carried
        )
        if carried:
            index = self.pepper.lookup("carried", str(envelope.journey_id).encode())
            yield lambda store: store.link(
                index,
                reference.lookup,
                order=now_s,
                now_s=now_s,
                expires_s=reference.expires_s,
            )
        journey.carried()
        return reference

    def deposit(
        self,
        journey: cx.Journey[Any],
        to: str,
        lifetime: timedelta,
        binding: bytes | None,
    ) -> Steps[cx.Deposited]:
        """
        As `References.deposit`.
        """
        # A destination may be slower than any reference lives.
        lifetime = min(lifetime, MAX_LIFETIME)
        put = yield from self._put(journey, to, lifetime, binding, message=True)
        return cx.Deposited(text=str(put[0]), envelope=put[1])

    def _put(
        self,
        journey: cx.Journey[Any],
        to: str,
        lifetime: timedelta,
        binding: bytes | None,
        *,
        ancestors: tuple[Ancestor, ...] = (),
        message: bool = False,
        once: bool = False,
        carried: bool = False,
    ) -> Steps[tuple[Reference, cx.Envelope]]:
        random, now_s = journey.random, journey.now_s()
        expires_s = now_s + int(lifetime.total_seconds())
        reference = self.keys.mint(expires_s=expires_s, random=random)
        envelope = journey.seal_for(
            to, lifetime=lifetime, binding=_bound_to(reference, binding)
        )
        record = ReferenceRecord(
            audience=to,
            message=message,
            ancestors=ancestors,
            once=once,
            carried=carried,
            envelope=bytes(envelope),
        ).seal(reference, random=random)
        done = yield lambda store: store.replace(
            reference.lookup, record, version=None, now_s=now_s, expires_s=expires_s
        )
        if not done:
            # Whoever is given it would fetch another customer's journey.
            raise UnavailableError("a reference that nobody has")
        return reference, envelope

    def redeem(
        self,
        text: str | bytes,
        department: cx.Department[V],
        *,
        lease: str | None = None,
        channel: str | None = None,
        arrival: cx.Arrival = cx.Arrival.POSSESSION,
        message: bool = False,
        binding: bytes | None = None,
        once: bool = False,
        message_id: bytes | None = None,
    ) -> Steps[Redeemed]:
        """
        As `References.redeem`.
        """
        if lease == "":
            raise UsageError("name the leg: all legs without a name would be one")
        now_s = department.now_s()
        reference = self.keys.parse(text, now_s=now_s)
        sealed = yield from self._claimed(
            reference, department, lease, message=message, now_s=now_s
        )
        record = open_record(sealed, reference)
        if record.audience != department.name:
            raise RecordTamperedError
        yield from self._check_alive(record.ancestors, now_s=now_s)
        journey = department.receive(
            record.envelope,
            binding=_bound_to(reference, binding),
            once=once,
            max_lifetime=MAX_LIFETIME,
            arrival=cx.Arrival.POSSESSION if record.carried else arrival,
            channel=channel,
            message_id=message_id,
        )
        if record.carried:
            yield from self._rotate(reference, journey, now_s=now_s)
        return Redeemed(journey=journey, reference=reference, carried=record.carried)

    def waiting(
        self, texts: Iterable[str | bytes], department: cx.Department[Any]
    ) -> Steps[tuple[Reference, ...]]:
        """
        As `References.waiting`.
        """
        now_s = department.now_s()
        waiting: dict[Reference, tuple[Ancestor, ...]] = {}
        for text in texts:
            try:
                reference = self.keys.parse(text, now_s=now_s)
                found = yield lambda store: store.load(
                    reference.lookup,  # noqa: B023
                    now_s=now_s,
                )
                if found is None:
                    continue
                record = open_record(found[1], reference)
                yield from self._check_alive(record.ancestors, now_s=now_s)
            except VerificationError:
                continue
            if record.audience == department.name and not record.message:
                waiting[reference] = record.ancestors
        older = {lookup for ancestors in waiting.values() for lookup, _ in ancestors}
        return tuple(one for one in waiting if one.lookup not in older)

    def revoke(self, lookup: bytes, *, now_s: int) -> Steps[None]:
        """
        As `References.revoke`, given under what the store finds it.
        """
        mark = self.pepper.lookup("revoked", lookup)
        # First the mark, for as long as anything lives that descends from it: it
        # lives 90 days at most, and its descendants as long again.
        yield lambda store: store.replace(
            mark,
            _REVOKED,
            version=None,
            now_s=now_s,
            expires_s=now_s + 2 * _MAX_LIFETIME_S,
        )
        yield lambda store: store.remove(lookup)

    def revoke_carried(self, journey_id: str, *, now_s: int) -> Steps[int]:
        """
        As `References.revoke_carried`.
        """
        index = self.pepper.lookup("carried", journey_id.encode())
        links = yield from all_linked(index, now_s=now_s)
        for _, lookup in links:
            yield from self.revoke(lookup, now_s=now_s)
            yield lambda store: store.unlink(index, lookup)  # noqa: B023
        return len(links)

    def _rotate(
        self, reference: Reference, journey: cx.Journey[Any], *, now_s: int
    ) -> Steps[None]:
        # Protocol, section 6: what the customer carried before is worth no more. What
        # was given since is, or whoever stole the first would take the last away.
        index = self.pepper.lookup("carried", str(journey.id).encode())
        links = yield from all_linked(index, now_s=now_s)
        given_s = {lookup: order for order, lookup in links}
        for order, lookup in links:
            if lookup != reference.lookup and order <= given_s.get(
                reference.lookup, now_s
            ):
                yield from self.revoke(lookup, now_s=now_s)
                yield lambda store: store.unlink(index, lookup)  # noqa: B023

    def _descend(
        self, parent: Reference, lifetime: timedelta, *, now_s: int
    ) -> Steps[tuple[Ancestor, ...]]:
        found = yield lambda store: store.load(parent.lookup, now_s=now_s)
        if found is None:
            raise ReferenceLostError
        record = open_record(found[1], parent)
        yield from self._check_alive(record.ancestors, now_s=now_s)
        if len(record.ancestors) >= MAX_DEPTH:
            msg = f"a reference descends from {MAX_DEPTH} others at most; put a new one"
            raise UsageError(msg)
        ancestors = (*record.ancestors, (parent.lookup, parent.expires_s))
        # So that marks of revocation need not be kept for ever.
        if now_s + lifetime.total_seconds() > ancestors[0][1] + _MAX_LIFETIME_S:
            msg = (
                "a reference outlives the first that it descends from by "
                f"{MAX_LIFETIME.days} days at most; put a new one"
            )
            raise UsageError(msg)
        return ancestors

    def _check_alive(
        self, ancestors: tuple[Ancestor, ...], *, now_s: int
    ) -> Steps[None]:
        for lookup, expires_s in ancestors:
            # An expired one is not there in any case; a mark says it was revoked.
            live = expires_s > now_s
            place = lookup if live else self.pepper.lookup("revoked", lookup)
            found = yield lambda store: store.load(place, now_s=now_s)  # noqa: B023
            if (found is not None) is not live:
                raise ReferenceLostError

    @staticmethod
    def _claimed(
        reference: Reference,
        department: cx.Department[Any],
        lease: str | None,
        *,
        message: bool,
        now_s: int,
    ) -> Steps[bytes]:
        """
        Return the record, which this leg has claimed first or had claimed already.
        """
        # Without a lease nobody is the same leg, so nobody claims it twice.
        tries = [(department.random(_CLAIM_BYTES), True)]
        if lease is not None:
            tries.insert(0, (_leased(reference, lease), False))
        for claimant, once in tries:
            prefix = prefix_of(department.name, once=once, message=message)
            if lease is None:
                prefix = prefix[:-1]
            found = yield lambda store: store.claim(
                reference.lookup,
                claimant,  # noqa: B023
                prefix=prefix,  # noqa: B023
                now_s=now_s,
            )
            if found is None:
                raise ReferenceLostError
            first, record = found
            if hmac.compare_digest(first, claimant):
                sealed: bytes = record
                return sealed
            if first:
                raise ReferenceUsedError
        raise WrongAudienceError(department.name)


def _leased(reference: Reference, lease: str) -> bytes:
    # No call id stands in a store's dump.
    key = sha256(b"cxcontext/1/lease" + reference.id).digest()
    return hmac.digest(key, lease.encode(), "sha256")[:_CLAIM_BYTES]


def _bound_to(reference: Reference, binding: bytes | None) -> bytes:
    return bytes(reference) + (binding or b"")
