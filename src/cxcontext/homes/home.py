"""
A home: where a journey's statements gather and rest between touchpoints.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, TypeVar

import cxcontext as cx
from cxcontext.errors import UsageError
from cxcontext.homes.customer_keys import CustomerKey
from cxcontext.homes.delivery_log import Handed
from cxcontext.homes.due_times import Overdue
from cxcontext.homes.known_heads import KnownHeads
from cxcontext.homes.pepper import Pepper
from cxcontext.homes.places import RestingPlace
from cxcontext.homes.resting import DEFAULT_LIFETIME, MAX_BYTES, Freshness, Resting
from cxcontext.steps import run, run_async
from cxcontext.typing import AsyncStore, Store

V = TypeVar("V", bound=cx.Vocabulary)


def _rules(pepper: bytes, lifetime: timedelta, max_bytes: int) -> Resting:
    if lifetime < timedelta(seconds=1) or not 0 < max_bytes <= MAX_BYTES:
        msg = f"a journey rests for 1 second or more, in {MAX_BYTES} bytes or fewer"
        raise UsageError(msg)
    kept = Pepper(pepper)
    return Resting(kept, int(lifetime.total_seconds()), max_bytes, KnownHeads(kept))


class Home:
    """
    Keeps journeys between touchpoints, and finds them again.

    Args:
        store: The engine that keeps the bytes.
        pepper: 32 random bytes or more that the departments share and the store
            never sees.
        lifetime: How long a journey rests after the last contribution.
        max_bytes: How large one journey may become here; 262,144 at most.

    Raises:
        UsageError: When the pepper is too short, or a limit out of range.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        store: Store,
        *,
        pepper: bytes,
        lifetime: timedelta = DEFAULT_LIFETIME,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._store = store
        self._rules = _rules(pepper, lifetime, max_bytes)

    def __repr__(self) -> str:
        return f"<Home on {type(self._store).__name__}>"

    def contribute(
        self, journey: cx.Journey[Any], *, keys: Collection[CustomerKey] = ()
    ) -> RestingPlace:
        """
        Bring what was learned home, merged with what others brought meanwhile.

        The journey takes over what was there, so it knows both afterwards. The
        promises that it knows are noted with owner and due time for `overdue`.

        Args:
            journey: The journey.
            keys: By what the customer may be found from now on.

        Returns:
            Where it rests, for `resume`: keep it in the session.

        Raises:
            VerificationError: When what rests there does not verify.
            JourneyFullError: When it would no longer fit with what rests there.
            JourneyErasedError: When it was erased here: begin a new one.
            UnavailableError: When the store cannot be reached, or too many
                contribute at once.

        .. versionadded:: 0.1.0
        """
        return run(self._rules.contribute(journey, keys), self._store)

    def resume(
        self,
        place: RestingPlace,
        *,
        department: cx.Department[V],
        channel: str | None = None,
    ) -> cx.Journey[V] | None:
        """
        Return the journey that rests at *place*, or None; none that has expired.

        Its arrival is at most `Arrival.HOME`, and what it was when this session
        brought it home: a stolen link stays one over any number of turns.

        Args:
            place: What `contribute` returned, kept in the server's session.
            department: Who resumes it.
            channel: Through which channel the customer is here now.

        Raises:
            RolledBackError: When it lacks statements that were there before; see
                `accept_loss`.
            VerificationError: When what rests there does not verify.
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        return run(self._rules.resume(place, department, channel), self._store)

    def find(
        self,
        key: CustomerKey,
        *,
        department: cx.Department[V],
        channel: str,
        authenticated: bool = False,
    ) -> tuple[cx.Journey[V], ...]:
        """
        Return the journeys that a key leads to, the latest first; 1,000 at most.

        Args:
            key: By what to find them.
            department: Who looks.
            channel: Through which channel the customer is here now.
            authenticated: Whether this person has just signed in to the account
                that *key* names. Otherwise the arrival is `Arrival.HINT`: a
                phone number may be somebody else's, and nothing is recalled
                until `Journey.verify_identity` succeeds.

        Whoever linked the key may have been less sure of the customer: the
        lesser counts. A record that does not verify is passed over, with an event.

        Raises:
            RecordTamperedError: When a link is not one that a department made.
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        steps = self._rules.find(key, department, channel, authenticated=authenticated)
        return run(steps, self._store)

    def catch_up(self, journey: cx.Journey[Any]) -> Freshness:
        """
        Take over what the home has and a journey that came from elsewhere lacks.

        An insider, or a carrier that held an envelope back, may bring one from
        before a correction or a withdrawal of consent.

        Returns:
            What was found. When it is `Freshness.ROLLED_BACK`, something was
            said that neither the journey nor the home has any more.

        Raises:
            VerificationError: When what rests there does not verify.
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        return run(self._rules.catch_up(journey), self._store)

    def accept_loss(self, place: RestingPlace) -> None:
        """
        Go on with what rests there, after a store was restored from a backup.

        Every process remembers for itself: call it in each, or restart them.

        .. versionadded:: 0.1.0
        """
        run(self._rules.heads.forget(place.journey_id), self._store)

    def revoke(self, place: RestingPlace) -> None:
        """
        Let the journey rest here no longer. Copies elsewhere are not touched.

        .. versionadded:: 0.1.0
        """
        run(self._rules.revoke(place.journey_id), self._store)

    def overdue(self, department: cx.Department[Any]) -> tuple[Overdue, ...]:
        """
        Return a department's open promises whose time has passed, oldest first.

        No journey is opened for it; the wording is in the journey, which
        `resume` gives.

        Raises:
            RecordTamperedError: When an entry is not one that a department made.
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        steps = self._rules.overdue(department.name, now_s=department.now_s())
        return run(steps, self._store)

    def note_handed(
        self,
        journey_id: str,
        *,
        to: str,
        scopes: Collection[int],
        at: datetime,
        export: str | None = None,
    ) -> None:
        """
        Note that a journey was handed to somebody; `Propagator` does it.

        Raises:
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        steps = self._rules.note_handed(journey_id, to, scopes, at=at, export=export)
        run(steps, self._store)

    def handed(self, place: RestingPlace, *, at: datetime) -> tuple[Handed, ...]:
        """
        Return to whom the journey was handed as of *at*, oldest first.

        Raises:
            RecordTamperedError: When an entry is not one that was noted.
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        steps = self._rules.handed(place.journey_id, now_s=int(at.timestamp()))
        return run(steps, self._store)


class AsyncHome:
    """
    As `Home`, on a store whose calls are awaited. Its methods are those of `Home`.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        store: AsyncStore,
        *,
        pepper: bytes,
        lifetime: timedelta = DEFAULT_LIFETIME,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._store = store
        self._rules = _rules(pepper, lifetime, max_bytes)

    def __repr__(self) -> str:
        return f"<AsyncHome on {type(self._store).__name__}>"

    async def contribute(
        self, journey: cx.Journey[Any], *, keys: Collection[CustomerKey] = ()
    ) -> RestingPlace:
        """
        As `Home.contribute`.
        """
        return await run_async(self._rules.contribute(journey, keys), self._store)

    async def resume(
        self,
        place: RestingPlace,
        *,
        department: cx.Department[V],
        channel: str | None = None,
    ) -> cx.Journey[V] | None:
        """
        As `Home.resume`.
        """
        steps = self._rules.resume(place, department, channel)
        return await run_async(steps, self._store)

    async def find(
        self,
        key: CustomerKey,
        *,
        department: cx.Department[V],
        channel: str,
        authenticated: bool = False,
    ) -> tuple[cx.Journey[V], ...]:
        """
        As `Home.find`.
        """
        steps = self._rules.find(key, department, channel, authenticated=authenticated)
        return await run_async(steps, self._store)

    async def catch_up(self, journey: cx.Journey[Any]) -> Freshness:
        """
        As `Home.catch_up`.
        """
        return await run_async(self._rules.catch_up(journey), self._store)

    async def accept_loss(self, place: RestingPlace) -> None:
        """
        As `Home.accept_loss`.
        """
        await run_async(self._rules.heads.forget(place.journey_id), self._store)

    async def revoke(self, place: RestingPlace) -> None:
        """
        As `Home.revoke`.
        """
        await run_async(self._rules.revoke(place.journey_id), self._store)

    async def overdue(self, department: cx.Department[Any]) -> tuple[Overdue, ...]:
        """
        As `Home.overdue`.
        """
        steps = self._rules.overdue(department.name, now_s=department.now_s())
        return await run_async(steps, self._store)

    async def note_handed(
        self,
        journey_id: str,
        *,
        to: str,
        scopes: Collection[int],
        at: datetime,
        export: str | None = None,
    ) -> None:
        """
        As `Home.note_handed`.
        """
        steps = self._rules.note_handed(journey_id, to, scopes, at=at, export=export)
        await run_async(steps, self._store)

    async def handed(self, place: RestingPlace, *, at: datetime) -> tuple[Handed, ...]:
        """
        As `Home.handed`.
        """
        steps = self._rules.handed(place.journey_id, now_s=int(at.timestamp()))
        return await run_async(steps, self._store)
