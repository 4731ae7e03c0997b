"""
The rules of rest: merge on the way in, check on the way out.

Every contribution is verified, merged and signed for rest by the department
that makes it; the store is given bytes and opaque lookups only. Beside the
record stand the heads it is known to have had, so that a record served from
yesterday is noticed, the times at which promises are due, and to whom the
journey was sent (protocol, section 7).
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final, TypeVar

import attrs

import cxcontext as cx
from cxcontext.errors import (
    DifferentJourneyError,
    JourneyErasedError,
    JourneyExpiredError,
    JourneyFullError,
    RolledBackError,
    UnavailableError,
    VerificationError,
    WrongBindingError,
)
from cxcontext.hiding import unshown
from cxcontext.homes.customer_keys import CustomerKey, KeyKind
from cxcontext.homes.delivery_log import Handed, pack_handed, unpack_handed
from cxcontext.homes.due_times import Overdue, pack_due, unpack_due
from cxcontext.homes.known_heads import KnownHeads
from cxcontext.homes.paging import all_linked
from cxcontext.homes.pepper import Pepper
from cxcontext.homes.places import RestingPlace
from cxcontext.homes.secret_records import Tombstones
from cxcontext.steps import Steps

V = TypeVar("V", bound=cx.Vocabulary)

DEFAULT_LIFETIME: Final = timedelta(days=90)
MAX_BYTES: Final = 262_144  # protocol, section 2: what an envelope may be
# Each try means that another department contributed in between.
MAX_TRIES: Final = 100


class Freshness(Enum):
    """
    How a journey that came stands to what its home is known to have had.

    .. versionadded:: 0.1.0
    """

    CURRENT = "current"  # it has everything
    BEHIND = "behind"  # it lacked something, which the home had; now it has it
    ROLLED_BACK = "rolled_back"  # it lacks something that cannot be produced


@attrs.frozen(repr=False, field_transformer=unshown)
class Resting:
    """
    The rules, for either kind of home.
    """

    pepper: Pepper
    lifetime_s: int
    max_bytes: int
    heads: KnownHeads

    # --- records -------------------------------------------------------------

    def contribute(
        self, journey: cx.Journey[Any], keys: Collection[CustomerKey]
    ) -> Steps[RestingPlace]:
        """
        As `Home.contribute`.
        """
        journey_id = journey.begun()
        lookup = self.pepper.lookup("journey", journey_id.encode())
        erased = Tombstones(self.pepper)
        yield from erased.check(journey_id, now_s=journey.now_s())
        known = yield from self.heads.load(journey_id, now_s=journey.now_s())
        for _ in range(MAX_TRIES):
            now_s = journey.now_s()
            expires_s = now_s + self.lifetime_s
            found = yield lambda store: store.load(lookup, now_s=now_s)  # noqa: B023
            # What joins the branches there is thrown away where another was first.
            branch = journey.fork()
            stated, left_out = journey.arrival, frozenset[bytes]()
            if found is not None:
                # Where every head has expired, so has all that is below.
                with suppress(JourneyExpiredError):
                    stated = _merge_rested(branch, found[1], joining=True)
                left_out = _left_out(branch.lacks(known), found[1])
            record = branch.seal_for_rest(arrival=stated)
            if len(record) > self.max_bytes:
                raise JourneyFullError(f"{self.max_bytes} bytes in this home")
            version = None if found is None else found[0]
            done = yield lambda store: store.replace(
                lookup,
                record,  # noqa: B023
                version=version,  # noqa: B023
                now_s=now_s,  # noqa: B023
                expires_s=expires_s,  # noqa: B023
            )
            if done:
                break
            yield from erased.check(journey_id, now_s=now_s)
        else:
            raise UnavailableError("the home, which too many contribute to at once,")
        try:
            yield from erased.check(journey_id, now_s=now_s)
        except JourneyErasedError:
            # It was erased while this was on its way: nothing of it stays.
            yield lambda store: store.remove(lookup)
            raise
        # What was learned meanwhile is not in the branch, and so neither carried nor
        # among the heads that are known from now on.
        journey.carried()
        journey.merge(branch)
        place = RestingPlace(journey_id, branch.arrival)
        missing = branch.lacks(known) - left_out
        if missing:
            journey.tell(cx.events.RolledBack, missing=len(missing))
        yield from self.heads.note(
            branch, left_out=left_out, now_s=now_s, expires_s=expires_s
        )
        yield from self._link(place, keys, now_s=now_s, expires_s=expires_s)
        yield from self._note_due(branch, place, now_s=now_s, expires_s=expires_s)
        return place

    def resume(
        self,
        place: RestingPlace,
        department: cx.Department[V],
        channel: str | None,
    ) -> Steps[cx.Journey[V] | None]:
        """
        As `Home.resume`.
        """
        now_s = department.now_s()
        lookup = self.pepper.lookup("journey", place.journey_id.encode())
        # The heads first: whatever is written in between, the record has them.
        known = yield from self.heads.load(place.journey_id, now_s=now_s)
        found = yield lambda store: store.load(lookup, now_s=now_s)
        if found is None:
            return None
        arrival = min(place.arrival, cx.Arrival.HOME)
        try:
            journey = department.resume(found[1], channel=channel, arrival=arrival)
        except JourneyExpiredError:
            return None
        if journey.id != place.journey_id:
            # Genuine, and another customer's: somebody exchanged two records.
            raise WrongBindingError
        missing = journey.lacks(known)
        missing -= _left_out(missing, found[1])
        if missing:
            raise RolledBackError(len(missing))
        return journey

    def catch_up(self, journey: cx.Journey[Any]) -> Steps[Freshness]:
        """
        As `Home.catch_up`.
        """
        journey_id = journey.id
        if journey_id is None:
            return Freshness.CURRENT
        now_s = journey.now_s()
        lookup = self.pepper.lookup("journey", journey_id.encode())
        known = yield from self.heads.load(journey_id, now_s=now_s)
        missing = journey.lacks(known)
        if not missing:
            return Freshness.CURRENT
        found = yield lambda store: store.load(lookup, now_s=now_s)
        before, left_out = len(journey.context.statements), frozenset[bytes]()
        if found is not None:
            with suppress(JourneyExpiredError):
                _merge_rested(journey, found[1])
            left_out = _left_out(missing, found[1])
        gained = len(journey.context.statements) - before
        if gained:
            journey.tell(cx.events.CaughtUp, statements=gained)
        lost = journey.lacks(missing) - left_out
        if lost:
            journey.tell(cx.events.RolledBack, missing=len(lost))
            return Freshness.ROLLED_BACK
        return Freshness.BEHIND if gained else Freshness.CURRENT

    def revoke(self, journey_id: str) -> Steps[None]:
        """
        As `Home.revoke`.
        """
        lookup = self.pepper.lookup("journey", journey_id.encode())
        yield lambda store: store.remove(lookup)
        yield from self.heads.forget(journey_id)

    # --- links ---------------------------------------------------------------

    def find(
        self,
        key: CustomerKey,
        department: cx.Department[V],
        channel: str,
        *,
        authenticated: bool,
    ) -> Steps[tuple[cx.Journey[V], ...]]:
        """
        As `Home.find`.
        """
        sure = authenticated and key.kind is KeyKind.ACCOUNT
        arrival = cx.Arrival.HOME if sure else cx.Arrival.HINT
        lookup = self.pepper.lookup("customer", key.normalised())
        now_s = department.now_s()
        links = yield lambda store: store.linked(lookup, now_s=now_s)
        # Several may have linked one journey: the surest of them counts.
        surest: dict[str, cx.Arrival] = {}
        for _, signpost in links:
            place = self.pepper.open("link", signpost, at=lookup)
            journey_id, linked = place[:-1].hex(), cx.Arrival(place[-1])
            surest[journey_id] = max(surest.get(journey_id, linked), linked)
        found: list[cx.Journey[V]] = []
        for journey_id, linked in surest.items():
            place_there = RestingPlace(journey_id, min(linked, arrival))
            try:
                journey = yield from self.resume(place_there, department, channel)
            except VerificationError as problem:
                # One record that was tampered with must not hide the others.
                department.refuse(problem, journey_id=journey_id)
                continue
            if journey is not None:
                found.append(journey)
        return tuple(found)

    def _link(
        self,
        place: RestingPlace,
        keys: Collection[CustomerKey],
        *,
        now_s: int,
        expires_s: int,
    ) -> Steps[None]:
        packed = bytes.fromhex(place.journey_id) + bytes([place.arrival])
        for key in keys:
            lookup = self.pepper.lookup("customer", key.normalised())
            signpost = self.pepper.seal("link", packed, at=lookup)
            yield lambda store: store.link(
                lookup,  # noqa: B023
                signpost,  # noqa: B023
                order=now_s,
                now_s=now_s,
                expires_s=expires_s,
            )

    # --- promises ------------------------------------------------------------

    def _note_due(
        self,
        journey: cx.Journey[Any],
        place: RestingPlace,
        *,
        now_s: int,
        expires_s: int,
    ) -> Steps[None]:
        # Whoever owned a promise before has had the journey.
        others = {point.department for point in journey.trail if point.department}
        for promise in journey.promises:
            if promise.due_until is None:
                continue
            due_s = int(promise.due_until.timestamp())
            packed = pack_due(promise, place)
            for department in sorted(others | {promise.owner}):
                lookup = self.pepper.lookup("due", department.encode())
                entry = self.pepper.seal("due", packed, at=lookup)
                if promise.is_open and department == promise.owner:
                    yield lambda store: store.link(
                        lookup,  # noqa: B023
                        entry,  # noqa: B023
                        order=due_s,  # noqa: B023
                        now_s=now_s,
                        expires_s=expires_s,
                    )
                else:
                    yield lambda store: store.unlink(lookup, entry)  # noqa: B023

    def overdue(self, owner: str, *, now_s: int) -> Steps[tuple[Overdue, ...]]:
        """
        As `Home.overdue`.
        """
        lookup = self.pepper.lookup("due", owner.encode())
        links = yield from all_linked(lookup, now_s=now_s, until=now_s - 1)
        return tuple(
            unpack_due(
                self.pepper.open("due", entry, at=lookup), owner=owner, due_s=due_s
            )
            for due_s, entry in reversed(links)
        )

    # --- to whom it was sent -----------------------------------------------------

    def note_handed(
        self,
        journey_id: str,
        to: str,
        scopes: Collection[int],
        *,
        at: datetime,
        export: str | None = None,
    ) -> Steps[None]:
        """
        As `Home.note_handed`.
        """
        lookup = self.pepper.lookup("log", journey_id.encode())
        at_s = int(at.timestamp())
        for packed in pack_handed(to, scopes, at_s=at_s, export=export):
            entry = self.pepper.seal("log", packed, at=lookup)
            yield lambda store: store.link(
                lookup,
                entry,  # noqa: B023
                order=at_s,
                now_s=at_s,
                expires_s=at_s + self.lifetime_s,
            )

    def handed(self, journey_id: str, *, now_s: int) -> Steps[tuple[Handed, ...]]:
        """
        As `Home.handed`.
        """
        lookup = self.pepper.lookup("log", journey_id.encode())
        links = yield from all_linked(lookup, now_s=now_s)
        return tuple(
            unpack_handed(self.pepper.open("log", entry, at=lookup))
            for _, entry in reversed(links)
        )


def _merge_rested(
    journey: cx.Journey[Any], record: bytes, *, joining: bool = False
) -> cx.Arrival:
    try:
        return journey.merge_rested(record, joining=joining)
    except DifferentJourneyError:
        raise WrongBindingError from None


def _left_out(missing: frozenset[bytes], record: bytes) -> frozenset[bytes]:
    """
    Return which of *missing* are in the record, and believed by nobody.

    Those by a key that was revoked since: they are not lost.
    """
    if not missing:
        return missing
    there = {statement.id for statement in cx.Envelope.parse(record).statements}
    return missing & there
