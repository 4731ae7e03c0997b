"""
References: what is put under 48 characters, and fetched with them once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, TypeVar

import cxcontext as cx
from cxcontext.hiding import hiding, hiding_async
from cxcontext.homes.pepper import Pepper
from cxcontext.homes.redeeming import DEFAULT_LIFETIME, Redeemed, Redeeming
from cxcontext.homes.reference import Reference, ReferenceKeys
from cxcontext.steps import Steps, run, run_async
from cxcontext.typing import AsyncStore, Store

V = TypeVar("V", bound=cx.Vocabulary)


class References:
    """
    Puts journeys under references, and redeems them.

    Args:
        store: The engine that keeps the records.
        keys: What references are minted and checked with; departments share them.
        pepper: As that of `Home`.

    .. versionadded:: 0.1.0
    """

    def __init__(self, store: Store, *, keys: ReferenceKeys, pepper: bytes) -> None:
        self._store = store
        self._rules = Redeeming(keys, Pepper(pepper))

    def __repr__(self) -> str:
        return f"<References on {type(self._store).__name__}>"

    @hiding
    def put(
        self,
        journey: cx.Journey[Any],
        to: str,
        *,
        lifetime: timedelta = DEFAULT_LIFETIME,
        parent: Reference | None = None,
        once: bool = False,
        carried: bool = False,
    ) -> Reference:
        """
        Put the journey, handed over to *to*, under a new reference.

        What is pending is sealed first, as in `Journey.hand_over`.

        Args:
            journey: The journey.
            to: The department that may redeem it.
            lifetime: From 1 second to 90 days; half an hour for a call.
            parent: Where the call came with a reference: that one. Each transfer
                gets a child of its own, at most 8 deep, which is revoked with it.
            once: Whether it is redeemed once, also by the leg that did already.
            carried: Whether the customer carries it, in a link or a QR code. It
                then arrives as `Arrival.POSSESSION`, and redeeming it revokes
                what the customer was given before.

        Raises:
            UsageError: As `Journey.hand_over`; when the lifetime is out of range,
                or the tree too deep.
            ReferenceLostError: When *parent* was revoked.
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        steps = self._rules.put(
            journey, to, lifetime=lifetime, parent=parent, once=once, carried=carried
        )
        return run(steps, self._store)

    @hiding
    def redeem(
        self,
        text: str | bytes,
        *,
        department: cx.Department[V],
        lease: str | None = None,
        channel: str | None = None,
        arrival: cx.Arrival = cx.Arrival.POSSESSION,
    ) -> Redeemed:
        """
        Return the journey under a reference.

        Args:
            text: What came, in characters or bytes; believed in nothing.
            department: Who redeems it.
            lease: What identifies the leg that brought it, as its platform has
                authenticated it: the platform's call id, never a header's value.
                The same leg may ask again, another may not. Without one the
                reference is redeemed once.
            channel: Through which channel the customer is here now.
            arrival: How it came: `Arrival.DELIVERY` where it travelled between
                departments only.

        Raises:
            ReferenceMalformedError, ReferenceForgedError, ReferenceExpiredError:
                It is refused without asking the store.
            ReferenceLostError: Nothing is there, or it was revoked.
            ReferenceUsedError: Somebody else has redeemed it.
            WrongAudienceError: It was minted for another department.
            RecordTamperedError: The store returned something else.
            VerificationError: The envelope under it does not verify.
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        steps = self._rules.redeem(
            text, department, lease=lease, channel=channel, arrival=arrival
        )
        return run(steps, self._store)

    @hiding
    def waiting(
        self, texts: Iterable[str | bytes], *, department: cx.Department[V]
    ) -> tuple[Reference, ...]:
        """
        Return which of several references wait for a department, redeeming none.

        For whoever was brought more than one. Not those that are forged, expired,
        revoked or gone, nor the parent of another among them: a carrier has copied
        it from the leg before. What another leg has redeemed still waits.

        Raises:
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        return run(self._rules.waiting(texts, department), self._store)

    def revoke(self, reference: Reference, *, now_s: int) -> None:
        """
        Let a reference, and every one that descends from it, lead nowhere.

        Args:
            reference: The reference, from `put` or `redeem`.
            now_s: The caller's clock, `Journey.now_s`.

        .. versionadded:: 0.1.0
        """
        run(self._rules.revoke(reference.lookup, now_s=now_s), self._store)

    def revoke_carried(self, journey_id: str, *, now_s: int) -> int:
        """
        Revoke all that the customer of a journey carries; return how many.

        .. versionadded:: 0.1.0
        """
        steps = self._rules.revoke_carried(journey_id, now_s=now_s)
        return run(steps, self._store)

    # --- as cxcontext.typing.ReferenceKeeper ---------------------------------------

    @hiding
    def deposit(
        self,
        journey: cx.Journey[Any],
        to: str,
        *,
        lifetime: timedelta,
        binding: bytes | None = None,
    ) -> cx.Deposited:
        """
        Put the journey under a reference for a message of a `Propagator`.

        .. versionadded:: 0.1.0
        """
        steps = self._rules.deposit(journey, to, lifetime, binding)
        return run(steps, self._store)

    @hiding
    def fetch(
        self,
        text: str | bytes,
        *,
        department: cx.Department[V],
        binding: bytes | None = None,
        once: bool = False,
        channel: str | None = None,
        message_id: bytes | None = None,
    ) -> cx.Journey[V]:
        """
        Return the journey under the reference that a message of ours brought.

        .. versionadded:: 0.1.0
        """
        steps = _fetch(
            self._rules, text, department, binding, channel, message_id, once=once
        )
        return run(steps, self._store).journey


class AsyncReferences:
    """
    As `References`, on a store whose calls are awaited.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self, store: AsyncStore, *, keys: ReferenceKeys, pepper: bytes
    ) -> None:
        self._store = store
        self._rules = Redeeming(keys, Pepper(pepper))

    def __repr__(self) -> str:
        return f"<AsyncReferences on {type(self._store).__name__}>"

    @hiding_async
    async def put(
        self,
        journey: cx.Journey[Any],
        to: str,
        *,
        lifetime: timedelta = DEFAULT_LIFETIME,
        parent: Reference | None = None,
        once: bool = False,
        carried: bool = False,
    ) -> Reference:
        """
        As `References.put`.
        """
        steps = self._rules.put(
            journey, to, lifetime=lifetime, parent=parent, once=once, carried=carried
        )
        return await run_async(steps, self._store)

    @hiding_async
    async def redeem(
        self,
        text: str | bytes,
        *,
        department: cx.Department[V],
        lease: str | None = None,
        channel: str | None = None,
        arrival: cx.Arrival = cx.Arrival.POSSESSION,
    ) -> Redeemed:
        """
        As `References.redeem`.
        """
        steps = self._rules.redeem(
            text, department, lease=lease, channel=channel, arrival=arrival
        )
        return await run_async(steps, self._store)

    @hiding_async
    async def waiting(
        self, texts: Iterable[str | bytes], *, department: cx.Department[V]
    ) -> tuple[Reference, ...]:
        """
        As `References.waiting`.
        """
        return await run_async(self._rules.waiting(texts, department), self._store)

    async def revoke(self, reference: Reference, *, now_s: int) -> None:
        """
        As `References.revoke`.
        """
        steps = self._rules.revoke(reference.lookup, now_s=now_s)
        await run_async(steps, self._store)

    async def revoke_carried(self, journey_id: str, *, now_s: int) -> int:
        """
        As `References.revoke_carried`.
        """
        steps = self._rules.revoke_carried(journey_id, now_s=now_s)
        return await run_async(steps, self._store)

    # --- as cxcontext.typing.AsyncReferenceKeeper ------------------------------------

    @hiding_async
    async def deposit(
        self,
        journey: cx.Journey[Any],
        to: str,
        *,
        lifetime: timedelta,
        binding: bytes | None = None,
    ) -> cx.Deposited:
        """
        As `References.deposit`.
        """
        steps = self._rules.deposit(journey, to, lifetime, binding)
        return await run_async(steps, self._store)

    @hiding_async
    async def fetch(
        self,
        text: str | bytes,
        *,
        department: cx.Department[V],
        binding: bytes | None = None,
        once: bool = False,
        channel: str | None = None,
        message_id: bytes | None = None,
    ) -> cx.Journey[V]:
        """
        As `References.fetch`.
        """
        steps = _fetch(
            self._rules, text, department, binding, channel, message_id, once=once
        )
        return (await run_async(steps, self._store)).journey


def _fetch(
    rules: Redeeming,
    text: str | bytes,
    department: cx.Department[Any],
    binding: bytes | None,
    channel: str | None,
    message_id: bytes | None,
    *,
    once: bool,
) -> Steps[Redeemed]:
    return rules.redeem(
        text,
        department,
        # A message may be delivered again, and to another process of ours.
        lease=f"department {department.name}",
        channel=channel,
        arrival=cx.Arrival.DELIVERY,
        message=True,
        binding=binding,
        once=once,
        message_id=message_id,
    )
