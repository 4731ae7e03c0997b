"""
The ladder: by which of many traces the journey of a call is found.

A transfer inherits nothing, carriers strip headers, and what is left differs from
call to call. So everything is tried, the surest first, and how surely the journey
is this customer's follows from what it was found by:

======================  ====================================================
found by                arrives as
======================  ====================================================
header, Call-ID         a delivery from a trusted peer, else a possession
Request-URI, To         a possession: whoever dials can write it there
a platform's own id     a delivery, or what it was when it was noted
code                    a possession
line and caller         a possession; the line alone is a hint
caller's number         a hint, and never on a leg that was transferred
======================  ====================================================

Two valid references that differ: none is taken, and the event
`ConflictingReferences` says so. To choose would show one customer another's
journey.
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar

import attrs

import cxcontext as cx
from cxcontext.errors import (
    CXContextError,
    ReferenceExpiredError,
    ReferenceLostError,
    ReferenceUsedError,
    UnavailableError,
    VerificationError,
)
from cxcontext.homes import (
    AsyncCodes,
    AsyncCorrelations,
    AsyncHome,
    AsyncReferences,
    CallKey,
    Codes,
    Correlations,
    CustomerKey,
    Home,
    KeyKind,
    Redeemed,
    Reference,
    References,
)
from cxcontext.steps import Steps, call, call_async, run, run_async
from cxcontext.telephony.events import ConflictingReferences, LegResolved
from cxcontext.telephony.rung import Rung
from cxcontext.telephony.sip import Offer, Signalling

V = TypeVar("V", bound=cx.Vocabulary)

# Who called within a day calls about the same; later, more often about another thing.
DEFAULT_RECENCY: Final = timedelta(hours=24)
_LOST: Final = (
    UnavailableError,
    ReferenceLostError,
    ReferenceExpiredError,
    ReferenceUsedError,
)


def dialog_key(call_id: str, *, exchange: str = "sip") -> CallKey:
    """
    Return the key of the leg that has this Call-ID.

    .. versionadded:: 0.1.0
    """
    return CallKey(exchange, "call", call_id)


def replaces_key(call_id: str, *, exchange: str = "sip") -> CallKey:
    """
    Return the key of the leg that will take this dialog's place.

    Another than the dialog's own: each leg redeems a reference of its own.

    .. versionadded:: 0.1.0
    """
    return CallKey(exchange, "replaces", call_id)


def session_key(session_id: str, *, exchange: str = "sip") -> CallKey:
    """
    Return the key of one half of a Session-ID (RFC 7989).

    .. versionadded:: 0.1.0
    """
    return CallKey(exchange, "session", session_id)


def line_key(line: str, caller: str | None = None) -> CallKey:
    """
    Return the key of a line that is kept for one customer for a while.

    Args:
        line: What is dialled, as `cxcontext.telephony.sip.party` writes it.
        caller: Who will dial it, written alike, where that is known. Without, a
            wrong number meets this customer's journey, as a hint.

    .. versionadded:: 0.1.0
    """
    if caller is None:
        return CallKey("line", "dialled", line)
    return CallKey("line", "dialled by", f"{line}\n{caller}")


@attrs.frozen(kw_only=True)
class Leg:
    """
    One leg of a call, and every trace that it brings.

    Args:
        lease: What identifies this leg, as its platform has authenticated it: the
            platform's id of the channel or call, never a header's value. The same
            leg may ask again. Without one, a reference is redeemed once.
        offers: References that came with it, from `cxcontext.telephony.sip.read`
            or from a platform's attributes.
        index: Ids from its signalling, by which a reference may have been noted.
        ids: Ids that its platform authenticates, likewise.
        code: Digits that the customer typed or read aloud.
        line: The number that was dialled.
        caller: The number that calls; None where it is withheld.
        transferred: Whether another leg had a part in this one. Then *caller* may
            be an agent, and nobody is found by it.
        trusted: Whether a peer of ours sent it: one that is authenticated, and at
            whose edge our headers and ``Replaces`` are taken off what comes from
            outside.
        channel: Through which channel the customer is here.

    .. versionadded:: 0.1.0
    """

    lease: str | None = attrs.field(default=None, repr=False)
    offers: tuple[Offer, ...] = ()
    index: tuple[CallKey, ...] = ()
    ids: tuple[CallKey, ...] = ()
    code: str | None = attrs.field(default=None, repr=False)
    line: str | None = attrs.field(default=None, repr=False)
    caller: str | None = attrs.field(default=None, repr=False)
    transferred: bool = False
    trusted: bool = False
    channel: str = "phone"


def leg_of(
    signalling: Signalling,
    *,
    lease: str | None,
    trusted: bool = False,
    exchange: str = "sip",
    ids: Iterable[CallKey] = (),
    code: str | None = None,
    channel: str = "phone",
) -> Leg:
    """
    Return the leg that a SIP request begins.

    Args:
        signalling: From `cxcontext.telephony.sip.read`.
        lease: As that of `Leg`.
        trusted: As that of `Leg`.
        exchange: Whose Call-IDs they are, where several exchanges share a store.
        ids: As those of `Leg`.
        code: As that of `Leg`.
        channel: As that of `Leg`.

    .. versionadded:: 0.1.0
    """
    index = []
    if signalling.replaces is not None:
        index.append(replaces_key(signalling.replaces, exchange=exchange))
    if signalling.call_id is not None:
        index.append(dialog_key(signalling.call_id, exchange=exchange))
    index += [session_key(one, exchange=exchange) for one in signalling.sessions]
    return Leg(
        lease=lease or None,
        offers=signalling.offers,
        index=tuple(index),
        ids=tuple(ids),
        code=code,
        line=signalling.line,
        caller=signalling.caller,
        transferred=signalling.transferred,
        trusted=trusted,
        channel=channel,
    )


@attrs.frozen(kw_only=True)
class Refusal:
    """
    What was tried and refused, and on which rung.

    .. versionadded:: 0.1.0
    """

    rung: Rung
    problem: CXContextError


@attrs.frozen(kw_only=True)
class Resolved(Generic[V]):
    """
    What a leg led to.

    Attributes:
        journey: The journey. Where something came and could not be used, an empty
            one whose needs say ``REJECTED`` or ``LOST``. None where nothing came.
        rung: By what it was found; None where it was not.
        reference: The reference that led there: the parent of the next transfer.
        conflict: Whether two references differed, so that neither was taken.
        refusals: What was refused on the way, in the order in which it was tried.

    .. versionadded:: 0.1.0
    """

    journey: cx.Journey[V] | None = None
    rung: Rung | None = None
    reference: Reference | None = None
    conflict: bool = False
    refusals: tuple[Refusal, ...] = ()

    @property
    def code_problem(self) -> CXContextError | None:
        """
        Why the code was refused, which decides what the prompt says next.
        """
        return next((r.problem for r in self.refusals if r.rung is Rung.CODE), None)


@attrs.frozen
class _Found:
    rung: Rung
    text: str = attrs.field(repr=False)
    arrival: cx.Arrival


@attrs.define
class _Climb:
    """
    One leg's way up: what was refused so far, and whether it goes on.
    """

    leg: Leg
    refusals: list[Refusal] = attrs.field(factory=list)
    conflict: bool = False
    goes_on: bool = True

    def refuse(self, rung: Rung, problem: CXContextError) -> None:
        problem.__cause__ = problem.__context__ = None
        self.refusals.append(Refusal(rung=rung, problem=problem.with_traceback(None)))
        # Each further rung would wait for the store in vain, and so would the caller.
        self.goes_on = self.goes_on and not isinstance(problem, UnavailableError)


class Ladder(Generic[V]):
    """
    Finds the journey of a call for one department.

    The parts are those that wait, `References` and the like, or those that await;
    `resolve_async` takes either.

    Args:
        department: Who answers.
        references: Where references are redeemed.
        correlations: Where ids were noted; without it, no rung needs them.
        codes: Where typed codes are redeemed.
        home: Where journeys are found by the caller's number.
        recency: How old a journey's last word may be, to be found by a number.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        department: cx.Department[V],
        *,
        references: References | AsyncReferences,
        correlations: Correlations | AsyncCorrelations | None = None,
        codes: Codes | AsyncCodes | None = None,
        home: Home | AsyncHome | None = None,
        recency: timedelta = DEFAULT_RECENCY,
    ) -> None:
        self.department = department
        self._references = references
        self._correlations = correlations
        self._codes = codes
        self._home = home
        self._recency = recency

    def __repr__(self) -> str:
        return f"<Ladder of {self.department.name}>"

    def resolve(self, leg: Leg) -> Resolved[V]:
        """
        Return the journey of a call, by the first trace that leads to one.

        Call handling goes on whatever came: what is malformed, forged, expired,
        used or lost is in `Resolved.refusals`, and the next rung is tried.

        Raises:
            UsageError: When the parts are awaited ones.

        .. versionadded:: 0.1.0
        """
        return run(self._resolve(leg), call)

    async def resolve_async(self, leg: Leg) -> Resolved[V]:
        """
        As `resolve`, awaiting the store, or calling it in a thread of its own.

        .. versionadded:: 0.1.0
        """
        return await run_async(self._resolve(leg), call_async)

    def _resolve(self, leg: Leg) -> Steps[Resolved[V]]:
        climb = _Climb(leg)
        resolved = yield from self._by_reference(climb)
        if resolved is None and climb.goes_on:
            resolved = yield from self._by_code(climb)
        if resolved is None and climb.goes_on:
            resolved = yield from self._by_line(climb)
        if resolved is None and climb.goes_on:
            resolved = yield from self._by_caller(climb)
        if resolved is None:
            resolved = Resolved(journey=self._after(climb))
        resolved = attrs.evolve(
            resolved, conflict=climb.conflict, refusals=tuple(climb.refusals)
        )
        self._tell(resolved)
        return resolved

    # --- references, and what they were noted under -----------------------------

    def _by_reference(self, climb: _Climb) -> Steps[Resolved[V] | None]:
        leg = climb.leg
        sure = cx.Arrival.DELIVERY if leg.trusted else cx.Arrival.POSSESSION
        found = [
            # An edge takes headers off, and leaves the number that was dialled.
            _Found(
                offer.rung,
                offer.text,
                cx.Arrival.POSSESSION if offer.rung is Rung.REQUEST_URI else sure,
            )
            for offer in leg.offers
        ]
        for key in leg.index:
            found += yield from self._noted(climb, key, Rung.INDEX, sure)
        for key in leg.ids:
            found += yield from self._noted(
                climb, key, Rung.VENDOR, cx.Arrival.DELIVERY
            )
            found += yield from self._noted(
                climb, _doubtful(key), Rung.VENDOR, cx.Arrival.POSSESSION
            )
        texts = dict.fromkeys(one.text for one in found)
        if len(texts) > 1:
            valid = yield from self._waiting(climb, texts, found)
            if len(valid) > 1:
                rungs = [next(f.rung for f in found if f.text == v) for v in valid]
                self._note_conflict(climb, rungs)
                climb.goes_on = False
                return None
            # The one that is valid first; the others say why they are not.
            texts = dict.fromkeys([*valid, *texts])
        for text in texts:
            ways = [one for one in found if one.text == text]
            if not climb.goes_on:
                return None
            redeemed = yield from self._redeem(
                climb, text, ways[0].rung, max(one.arrival for one in ways)
            )
            if redeemed is not None:
                yield from self._remember(leg, redeemed, found)
                return _resolved(redeemed, ways[0].rung)
        return None

    def _noted(
        self, climb: _Climb, key: CallKey, rung: Rung, arrival: cx.Arrival
    ) -> Steps[list[_Found]]:
        correlations = self._correlations
        if correlations is None or not climb.goes_on:
            return []
        try:
            noted = yield lambda do: do(correlations.resolve, key)
        except (VerificationError, UnavailableError) as problem:
            climb.refuse(rung, problem)
            return []
        if noted.conflict:
            # None of them is taken; what else came may be.
            self._note_conflict(climb, [rung, rung])
        if noted.reference is None:
            return []
        return [_Found(rung, b32encode(noted.reference).decode("ascii"), arrival)]

    def _waiting(
        self, climb: _Climb, texts: Iterable[str], found: list[_Found]
    ) -> Steps[list[str]]:
        try:
            waiting: tuple[Reference, ...] = yield lambda do: do(
                self._references.waiting, tuple(texts), department=self.department
            )
        except UnavailableError as problem:
            climb.refuse(found[0].rung, problem)
            return []
        return [str(reference) for reference in waiting]

    def _note_conflict(self, climb: _Climb, rungs: Iterable[Rung]) -> None:
        climb.conflict = True
        self.department.observe(
            ConflictingReferences(
                department=self.department.name,
                rungs=tuple(rung.value for rung in rungs),
            )
        )

    def _redeem(
        self, climb: _Climb, text: str | bytes, rung: Rung, arrival: cx.Arrival
    ) -> Steps[Redeemed | None]:
        leg = climb.leg
        try:
            redeemed: Redeemed = yield lambda do: do(
                self._references.redeem,
                text,
                department=self.department,
                lease=leg.lease,
                channel=leg.channel,
                arrival=arrival,
            )
        except (VerificationError, UnavailableError) as problem:
            climb.refuse(rung, problem)
            return None
        return redeemed

    def _remember(
        self, leg: Leg, redeemed: Redeemed, found: Iterable[_Found]
    ) -> Steps[None]:
        """
        Note the platform's ids, so that its next request finds the journey by them.
        """
        correlations = self._correlations
        arrival = redeemed.journey.arrival
        if correlations is None or leg.lease is None or arrival is cx.Arrival.HINT:
            return
        text = str(redeemed.reference)
        for key in leg.ids:
            # What came as a possession must not be a delivery the next time.
            place = key if arrival.identifies else _doubtful(key)
            if any(f.rung is Rung.VENDOR and f.text == text for f in found):
                continue
            try:
                yield lambda do: do(
                    correlations.note,
                    place,  # noqa: B023
                    reference=redeemed.reference,
                    expires_at=redeemed.reference.expires_at,
                )
            # It is found by its header as well.
            except UnavailableError:
                return

    # --- codes, lines, numbers --------------------------------------------------

    def _by_code(self, climb: _Climb) -> Steps[Resolved[V] | None]:
        leg, codes = climb.leg, self._codes
        # Without the platform's id, all callers would be one.
        if codes is None or not leg.code or not leg.line or not leg.lease:
            return None
        try:
            raw: bytes = yield lambda do: do(
                codes.redeem,
                leg.code,
                line=leg.line,
                call=leg.lease,
                # An agent's number is not tried out by the customers he passes on.
                caller=None if leg.transferred else leg.caller,
            )
        except (VerificationError, UnavailableError) as problem:
            climb.refuse(Rung.CODE, problem)
            return None
        redeemed = yield from self._redeem(climb, raw, Rung.CODE, cx.Arrival.POSSESSION)
        if redeemed is None:
            return None
        yield from self._remember(leg, redeemed, ())
        return _resolved(redeemed, Rung.CODE)

    def _by_line(self, climb: _Climb) -> Steps[Resolved[V] | None]:
        leg = climb.leg
        if not leg.line:
            return None
        keys = [(line_key(leg.line), cx.Arrival.HINT)]
        if leg.caller:
            keys.insert(0, (line_key(leg.line, leg.caller), cx.Arrival.POSSESSION))
        for key, arrival in keys:
            for one in (yield from self._noted(climb, key, Rung.LINE, arrival)):
                redeemed = yield from self._redeem(climb, one.text, Rung.LINE, arrival)
                if redeemed is not None:
                    yield from self._remember(leg, redeemed, ())
                    return _resolved(redeemed, Rung.LINE)
        return None

    def _by_caller(self, climb: _Climb) -> Steps[Resolved[V] | None]:
        leg, home = climb.leg, self._home
        if home is None or leg.transferred or not leg.caller:
            return None
        # Among digits only: a name is somebody's choice.
        if not any(char.isdecimal() for char in leg.caller):
            return None
        try:
            journeys: tuple[cx.Journey[V], ...] = yield lambda do: do(
                home.find,
                CustomerKey(KeyKind.PHONE, leg.caller or ""),
                department=self.department,
                channel=leg.channel,
            )
        except (VerificationError, UnavailableError) as problem:
            climb.refuse(Rung.CALLER, problem)
            return None
        since = datetime.fromtimestamp(self.department.now_s(), UTC) - self._recency
        recent = [j for j in journeys if j.trail and j.trail[-1].at >= since]
        if len(recent) != 1:
            # Several are a household's, or two things that one customer is about.
            return None
        return Resolved(journey=recent[0], rung=Rung.CALLER)

    # --- what came of it --------------------------------------------------------

    def _after(self, climb: _Climb) -> cx.Journey[V] | None:
        problems = [refusal.problem for refusal in climb.refusals]
        if not problems and not climb.conflict:
            return None
        lost = not climb.conflict and all(isinstance(p, _LOST) for p in problems)
        return self.department.begin_after(
            cx.Reason.LOST if lost else cx.Reason.REJECTED, channel=climb.leg.channel
        )

    def _tell(self, resolved: Resolved[V]) -> None:
        department, journey = self.department, resolved.journey
        for refusal in resolved.refusals:
            department.observe(
                cx.events.Rejected(
                    department=department.name,
                    code=getattr(refusal.problem, "code", "unavailable"),
                )
            )
        found = journey if resolved.rung is not None else None
        department.observe(
            LegResolved(
                department=department.name,
                journey_id=None if found is None else found.id,
                rung=None if resolved.rung is None else resolved.rung.value,
                arrival=None if found is None else found.arrival.name.lower(),
            )
        )


def _doubtful(key: CallKey) -> CallKey:
    return attrs.evolve(key, kind=f"{key.kind}, carried by the customer")


def _resolved(redeemed: Redeemed, rung: Rung) -> Resolved[Any]:
    return Resolved(journey=redeemed.journey, rung=rung, reference=redeemed.reference)
