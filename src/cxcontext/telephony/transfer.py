"""
Transfers: what goes with a call, so that the next leg's journey is found.

A transfer is a new dialog and inherits nothing. So the child reference is minted
and noted first, and then the call is sent: with headers for whoever honours them,
and in the index for the rest. Each leg redeems a reference of its own.

=========  ====================================================================
kind       what is returned is for
=========  ====================================================================
BLIND      the REFER: ``Refer-To``, and the same on the REFER for a B2BUA
ATTENDED   the REFER: ``Refer-To`` with ``Replaces``; the consultation's INVITE
           had that of a BRIDGE before
REDIRECT   the 302: ``Contact``
BRIDGE     an INVITE of our own: an agent's leg, a consultation
CALLBACK   an INVITE of our own, later
=========  ====================================================================
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

import attrs

import cxcontext as cx
from cxcontext.errors import UsageError
from cxcontext.homes import (
    AsyncCorrelations,
    AsyncHome,
    AsyncReferences,
    CallKey,
    Correlations,
    Home,
    Reference,
    References,
)
from cxcontext.steps import Steps, call, call_async, run, run_async
from cxcontext.telephony import platforms
from cxcontext.telephony.events import NotAccepted
from cxcontext.telephony.ladder import line_key, replaces_key
from cxcontext.telephony.platforms import Platform
from cxcontext.telephony.refer_to import Dialog, with_headers
from cxcontext.telephony.sip import party

# Telephony notes, C2.
CALL_LIFETIME: Final = timedelta(minutes=30)
CALLBACK_LIFETIME: Final = timedelta(hours=24)
# How long the next leg may take to ring; a line is this customer's no longer.
LINE_WINDOW: Final = timedelta(minutes=2)
ACCEPT_WITHIN: Final = timedelta(minutes=2)
# Protocol, section 5.
CLOCK_LEEWAY: Final = timedelta(seconds=60)


class Kind(Enum):
    """
    How a call is transferred.

    .. versionadded:: 0.1.0
    """

    BLIND = "blind"
    ATTENDED = "attended"
    REDIRECT = "redirect"
    BRIDGE = "bridge"
    CALLBACK = "callback"


_LIFETIMES: Final = {Kind.CALLBACK: CALLBACK_LIFETIME}


@attrs.frozen(kw_only=True)
class Transfer:
    """
    What to send a call on with. Hides the reference in ``repr``.

    Attributes:
        kind: How it is transferred.
        to: The department that takes it.
        reference: The child, which the next leg redeems.
        headers: Names and values for the message that the kind says.
        attributes: The same for a platform that has attributes instead.
        noted: Under which ids the next leg finds it without any header.
        at: When it was prepared.
        accept_by: Until when *to* is to have accepted.
        accepted_before: How often it had, of earlier transfers.

    .. versionadded:: 0.1.0
    """

    kind: Kind
    to: str
    reference: Reference
    headers: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    attributes: Mapping[str, str] = attrs.field(repr=False)
    noted: tuple[CallKey, ...] = ()
    at: datetime
    accept_by: datetime
    accepted_before: int = 0


@attrs.frozen(kw_only=True)
class _Plan:
    """
    What a caller wants, checked before anything is minted.
    """

    journey: cx.Journey[Any]
    to: str
    kind: Kind
    target: str | None = attrs.field(repr=False)
    parent: Reference | None
    replaces: Dialog | None
    keys: tuple[CallKey, ...]
    caller: str | None = attrs.field(repr=False)
    lifetime: timedelta

    def __attrs_post_init__(self) -> None:
        needs_target = self.kind in (Kind.BLIND, Kind.ATTENDED, Kind.REDIRECT)
        if self.target is None and needs_target:
            msg = f"a {self.kind.value} transfer has a target, such as sip:user@host"
            raise UsageError(msg)
        if (self.replaces is not None) is not (self.kind is Kind.ATTENDED):
            raise UsageError("an attended transfer, and no other, replaces a dialog")
        if self.replaces is not None:
            self.replaces.encode()
        if self.target is not None:
            with_headers(self.target)


class Transfers:
    """
    Prepares transfers, and says whether they were accepted.

    The parts are those that wait or those that await, as for `Ladder`.

    Args:
        references: Where the child is put.
        correlations: Where ids are noted; without it, stripped headers are lost.
        home: Where the next department says that it accepted.
        platform: What takes the call there, from `cxcontext.telephony.platforms`.
        exchange: As that of `leg_of` at the other end.
        accept_within: How long the next department has to accept.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        references: References | AsyncReferences,
        *,
        correlations: Correlations | AsyncCorrelations | None = None,
        home: Home | AsyncHome | None = None,
        platform: Platform = platforms.SIP,
        exchange: str = "sip",
        accept_within: timedelta = ACCEPT_WITHIN,
    ) -> None:
        self._references = references
        self._correlations = correlations
        self._home = home
        self._platform = platform
        self._exchange = exchange
        self._accept_within = accept_within

    def __repr__(self) -> str:
        return f"<Transfers to {self._platform.name}>"

    def transfer(
        self,
        journey: cx.Journey[Any],
        *,
        to: str,
        kind: Kind,
        target: str | None = None,
        parent: Reference | None = None,
        replaces: Dialog | None = None,
        keys: Collection[CallKey] = (),
        caller: str | None = None,
        lifetime: timedelta | None = None,
    ) -> Transfer:
        """
        Mint the next leg's reference, note it, and return what to send with it.

        Send the call only afterwards. Where no header reaches the next leg and no id
        is noted either, the event `cx.events.Skipped` says what will be asked.

        Args:
            journey: The journey; what is pending is sealed first.
            to: The department that takes the call.
            kind: How it is transferred.
            target: Where to: ``sip:user@host`` or ``tel:``; needed for a REFER and
                a 302.
            parent: The reference by which the call came, `Resolved.reference`.
            replaces: For an attended transfer: the consultation's dialog.
            keys: Ids that the next leg will have, too: the Call-ID of the INVITE
                that is sent, a conversation's id.
            caller: The customer's address, where it is known: then a blind transfer
                is found by it and *target*, for two minutes.
            lifetime: Of the reference; half an hour, for a call-back a day.

        Raises:
            UsageError: When something that the kind needs is missing, or one of
                them is not what it is to be.
            ReferenceLostError: When *parent* was revoked.
            UnavailableError: When the store cannot be reached: transfer the call
                without.

        .. versionadded:: 0.1.0
        """
        plan = _Plan(
            journey=journey,
            to=to,
            kind=kind,
            target=target,
            parent=parent,
            replaces=replaces,
            keys=tuple(keys),
            caller=caller,
            lifetime=lifetime or _LIFETIMES.get(kind, CALL_LIFETIME),
        )
        return run(self._transfer(plan), call)

    async def transfer_async(
        self,
        journey: cx.Journey[Any],
        *,
        to: str,
        kind: Kind,
        target: str | None = None,
        parent: Reference | None = None,
        replaces: Dialog | None = None,
        keys: Collection[CallKey] = (),
        caller: str | None = None,
        lifetime: timedelta | None = None,
    ) -> Transfer:
        """
        As `transfer`, awaiting the store, or calling it in a thread of its own.

        .. versionadded:: 0.1.0
        """
        plan = _Plan(
            journey=journey,
            to=to,
            kind=kind,
            target=target,
            parent=parent,
            replaces=replaces,
            keys=tuple(keys),
            caller=caller,
            lifetime=lifetime or _LIFETIMES.get(kind, CALL_LIFETIME),
        )
        return await run_async(self._transfer(plan), call_async)

    def withdraw(self, transfer: Transfer, *, parent: Reference | None = None) -> None:
        """
        Take back a transfer that came to nothing: its reference leads nowhere.

        Args:
            transfer: What `transfer` returned.
            parent: What the same ids led to before, and lead to again.

        Raises:
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        run(self._withdraw(transfer, parent), call)

    async def withdraw_async(
        self, transfer: Transfer, *, parent: Reference | None = None
    ) -> None:
        """
        As `withdraw`, awaiting.

        .. versionadded:: 0.1.0
        """
        await run_async(self._withdraw(transfer, parent), call_async)

    def accepted(self, transfer: Transfer, journey: cx.Journey[Any]) -> bool:
        """
        Say whether the next department took the call over; ask until it did.

        It did when its agent called `Journey.accept` and `Home.contribute`. Asked
        after `Transfer.accept_by`, it raises the event `NotAccepted` where it did
        not: ask then, once, so that somebody hears of a customer who waits.

        Args:
            transfer: What `transfer` returned.
            journey: The journey, which takes over what the home has of it.

        Raises:
            UsageError: When there is no home.
            VerificationError: When what rests there does not verify.
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        return run(self._accepted(transfer, journey), call)

    async def accepted_async(
        self, transfer: Transfer, journey: cx.Journey[Any]
    ) -> bool:
        """
        As `accepted`, awaiting.

        .. versionadded:: 0.1.0
        """
        return await run_async(self._accepted(transfer, journey), call_async)

    def fit(
        self,
        journey: cx.Journey[Any],
        *,
        to: str,
        needs: Collection[cx.Key[Any, Any]] = (),
        target: str | None = None,
        arrival: cx.Arrival = cx.Arrival.DELIVERY,
    ) -> cx.Fit:
        """
        Return what the next agent will have to ask, before the call is sent.

        Nothing is sealed, minted or stored by it. What this department cannot read
        itself is taken to be there.

        Args:
            journey: The journey.
            to: The department that would take it.
            needs: What it will need.
            target: Where the call would be sent; a ``tel:`` takes no header.
            arrival: How surely the journey will be the customer's there:
                `Arrival.POSSESSION` where the peers do not trust each other.

        .. versionadded:: 0.1.0
        """
        platform, limit_chars = self._platform, self._platform.value_chars
        sizes = [len(value) for _, value in platform.headers(_SAMPLE)]
        goes = bool(sizes) and not _takes_no_header(target)
        if goes:
            surely = min(arrival, journey.arrival)
            will_ask = tuple(k.name for k in needs if _asked(journey, k, to, surely))
        else:
            will_ask = journey.known_to(to)
        return cx.Fit(
            destination=to,
            transport=cx.Transport.REFERENCE if goes else None,
            skipped=None if goes else cx.SkipReason.TOO_LARGE,
            will_ask=will_ask,
            size_bytes=max(sizes, default=len(_SAMPLE)),
            limit_bytes=limit_chars.most if limit_chars else _SIP_VALUE_BYTES,
        )

    # --- the rules ---------------------------------------------------------------

    def _transfer(self, plan: _Plan) -> Steps[Transfer]:
        journey, target = plan.journey, plan.target
        accepted = _acceptances(journey, plan.to)
        reference: Reference = yield lambda do: do(
            self._references.put,
            journey,
            plan.to,
            lifetime=plan.lifetime,
            parent=plan.parent,
        )
        keys = plan.keys
        if plan.replaces is not None:
            call_id = plan.replaces.call_id
            keys = (*keys, replaces_key(call_id, exchange=self._exchange))
        noted = yield from self._note(
            keys, reference, plan.parent, reference.expires_at
        )
        at = datetime.fromtimestamp(journey.now_s(), UTC)
        line = None if target is None else party(target)
        if line is not None and plan.caller is not None:
            key = line_key(line, party(plan.caller) or plan.caller)
            noted += yield from self._note((key,), reference, None, at + LINE_WINDOW)
        headers = self._headers(plan, str(reference))
        if not noted and (_takes_no_header(target) or not headers):
            journey.tell(
                cx.events.Skipped,
                destination=plan.to,
                reason=cx.SkipReason.TOO_LARGE.value,
                will_ask=journey.known_to(plan.to),
            )
        return Transfer(
            kind=plan.kind,
            to=plan.to,
            reference=reference,
            headers=headers,
            attributes=MappingProxyType({self._platform.attribute: str(reference)}),
            noted=noted,
            at=at,
            accept_by=at + self._accept_within,
            accepted_before=len(accepted),
        )

    def _note(
        self,
        keys: tuple[CallKey, ...],
        reference: Reference,
        parent: Reference | None,
        expires_at: datetime,
    ) -> Steps[tuple[CallKey, ...]]:
        correlations = self._correlations
        if correlations is None:
            return ()
        for key in keys:
            yield lambda do: do(
                correlations.note,
                key,  # noqa: B023
                reference=reference,
                expires_at=min(expires_at, reference.expires_at),
                replaces=parent,
            )
        return keys

    def _headers(self, plan: _Plan, text: str) -> tuple[tuple[str, str], ...]:
        own, target = self._platform.headers(text), plan.target
        if plan.kind in (Kind.BRIDGE, Kind.CALLBACK) or target is None:
            return own
        inside = () if _takes_no_header(target) else own[:1]
        if plan.replaces is not None:
            # First, for some read no further (telephony notes, A1).
            inside = (("Replaces", plan.replaces.encode()), *inside)
        address = with_headers(target, inside)
        if plan.kind is Kind.REDIRECT:
            return (("Contact", address),)
        # A B2BUA may copy what is on the REFER.
        return (("Refer-To", address), *own)

    def _withdraw(self, transfer: Transfer, parent: Reference | None) -> Steps[None]:
        # Whatever was noted, was noted there.
        correlations: Any = self._correlations
        child = transfer.reference
        for key in transfer.noted:
            # No parent was ever under a line.
            if parent is None or key.platform == "line":
                yield lambda do: do(correlations.forget, key, reference=child)  # noqa: B023
            else:
                yield from self._note((key,), parent, child, parent.expires_at)
        now_s = int(transfer.at.timestamp())
        yield lambda do: do(self._references.revoke, child, now_s=now_s)

    def _accepted(self, transfer: Transfer, journey: cx.Journey[Any]) -> Steps[bool]:
        home = self._home
        if home is None:
            raise UsageError(
                "whoever accepts says so at home: pass Transfers(home=...)"
            )
        yield lambda do: do(home.catch_up, journey)
        # Another's clock may be behind by as much as is forgiven everywhere.
        since = transfer.at - CLOCK_LEEWAY
        said = _acceptances(journey, transfer.to)
        if len(said) > transfer.accepted_before and max(said) >= since:
            return True
        if journey.now_s() >= transfer.accept_by.timestamp():
            after = transfer.accept_by - transfer.at
            journey.tell(
                NotAccepted, by=transfer.to, after_s=int(after.total_seconds())
            )
        return False


# Of the length of any.
_SAMPLE: Final = "CX" + "A" * 46
_SIP_VALUE_BYTES: Final = 1024


def _takes_no_header(target: str | None) -> bool:
    return target is not None and target[:4].lower() == "tel:"


def _asked(
    journey: cx.Journey[Any], key: cx.Key[Any, Any], to: str, arrival: cx.Arrival
) -> bool:
    if to not in key.scope.readers:
        return True
    if not arrival.identifies and not (
        arrival is cx.Arrival.POSSESSION and key.scope.on_possession
    ):
        return True
    gap = journey.gap(key)
    return gap is not None and gap.reason is not cx.Reason.NOT_YOURS


def _acceptances(journey: cx.Journey[Any], by: str) -> list[datetime]:
    return [p.at for p in journey.trail if p.accepted and p.department == by]
