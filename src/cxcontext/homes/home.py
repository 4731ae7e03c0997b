"""
A home: where a journey's statements gather and rest between touchpoints.

Every contribution is verified, merged and signed for rest by the department
that makes it; the store behind is given bytes and opaque lookups only. Keys
that customers are found by (account, phone, e-mail, handle) are normalised and
go through HMAC-SHA256 under a pepper that departments hold and stores do not
(protocol, section 7).
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from enum import Enum
from typing import Any, Final, TypeVar

import attrs

import cxcontext as cx
from cxcontext.errors import (
    DifferentJourneyError,
    JourneyExpiredError,
    UnavailableError,
    UsageError,
    VerificationError,
    WrongBindingError,
)
from cxcontext.typing import Store

V = TypeVar("V", bound=cx.Vocabulary)

MIN_PEPPER_BYTES: Final = 32
DEFAULT_LIFETIME: Final = timedelta(days=90)
# Each try means that another department contributed in between.
MAX_TRIES: Final = 100

_PLACE_CHARS: Final = 34  # a journey id in hex, a point, the arrival
_PLACE: Final = re.compile(r"([0-9a-f]{32})\.([0-3])")


class KeyKind(Enum):
    """
    By what a customer is found.

    .. versionadded:: 0.1.0
    """

    ACCOUNT = "account"
    PHONE = "phone"
    EMAIL = "email"
    HANDLE = "handle"


@attrs.frozen
class CustomerKey:
    """
    One thing by which a customer may be found again. Hidden in ``repr``.

    Args:
        kind: What it is.
        value: The account id, E.164 number, e-mail address or handle.

    Raises:
        UsageError: When nothing is left to look up: every caller who withholds
            the number would be the same customer.

    .. versionadded:: 0.1.0
    """

    kind: KeyKind
    value: str = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        if self.normalised().endswith(b":"):
            msg = f"nothing in it is a {self.kind.value}; look nobody up by it"
            raise UsageError(msg)

    def normalised(self) -> bytes:
        """
        Return the spelling that is looked up.
        """
        text = unicodedata.normalize("NFC", self.value).strip()
        if self.kind is KeyKind.PHONE:
            text = unicodedata.normalize("NFKC", text)
            digits = (str(int(c)) if c.isdecimal() else c for c in text)
            text = "".join(c for c in digits if c in "+0123456789")
        elif self.kind in (KeyKind.EMAIL, KeyKind.HANDLE):
            text = text.casefold()
        return f"{self.kind.value}:{text}".encode()


@attrs.frozen
class RestingPlace:
    """
    Where a journey rests, and how surely it is this customer's.

    For the server's own session, never for a cookie: what the customer carries
    is a possession. ``str`` and `parse` are inverse to each other.

    .. versionadded:: 0.1.0
    """

    journey_id: str
    arrival: cx.Arrival

    def __str__(self) -> str:
        return f"{self.journey_id}.{int(self.arrival)}"

    @classmethod
    def parse(cls, text: str) -> RestingPlace:
        """
        Return the place that ``str`` gave.

        Raises:
            UsageError: When *text* is not one.
        """
        found = _PLACE.fullmatch(text)
        if found is None:
            raise UsageError("not a resting place; store str(home.contribute(...))")
        return cls(found[1], cx.Arrival(int(found[2])))


class Home:
    """
    Keeps journeys between touchpoints, and finds them again.

    Args:
        store: The engine that keeps the bytes.
        pepper: 32 random bytes or more that the departments share and the store
            never sees.
        lifetime: How long a journey rests after the last contribution.

    Raises:
        UsageError: When the pepper is too short.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self, store: Store, *, pepper: bytes, lifetime: timedelta = DEFAULT_LIFETIME
    ) -> None:
        if len(pepper) < MIN_PEPPER_BYTES:
            msg = f"a pepper is {MIN_PEPPER_BYTES} random bytes or more"
            raise UsageError(msg)
        self._store = store
        self._pepper = pepper
        self._lifetime_s = int(lifetime.total_seconds())

    def __repr__(self) -> str:
        return f"<Home on {type(self._store).__name__}>"

    def contribute(
        self, journey: cx.Journey[Any], *, keys: Collection[CustomerKey] = ()
    ) -> RestingPlace:
        """
        Bring what was learned home, merged with what others brought meanwhile.

        The journey takes over what was there, so it knows both afterwards.

        Args:
            journey: The journey.
            keys: By what the customer may be found from now on.

        Returns:
            Where it rests, for `resume`: keep it in the session.

        Raises:
            VerificationError: When what rests there does not verify.
            JourneyFullError: When it would no longer fit with what rests there.
            UnavailableError: When the store cannot be reached, or too many
                contribute at once.

        .. versionadded:: 0.1.0
        """
        for _ in range(MAX_TRIES):
            now_s = journey.now_s()
            journey_id = journey.begun()
            lookup = self._lookup(journey_id)
            found = self._store.load(lookup, now_s=now_s)
            stated = journey.arrival
            if found is not None:
                # Where every head has expired, so has all that is below.
                with suppress(JourneyExpiredError):
                    stated = _merge_rested(journey, found[1])
            record = journey.seal_for_rest(arrival=stated)
            expires_s = now_s + self._lifetime_s
            if self._store.replace(
                lookup,
                record,
                version=None if found is None else found[0],
                now_s=now_s,
                expires_s=expires_s,
            ):
                journey.carried()
                place = RestingPlace(journey_id, journey.arrival)
                for key in keys:
                    mac = self._mac(key.normalised())
                    self._store.link(
                        mac,
                        self._signpost(mac, str(place).encode()),
                        now_s=now_s,
                        expires_s=expires_s,
                    )
                return place
        raise UnavailableError("the home, which too many contribute to at once,")

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
            VerificationError: When what rests there does not verify.
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        lookup = self._lookup(place.journey_id)
        found = self._store.load(lookup, now_s=department.now_s())
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
        return journey

    def find(
        self,
        key: CustomerKey,
        *,
        department: cx.Department[V],
        channel: str,
        authenticated: bool = False,
    ) -> tuple[cx.Journey[V], ...]:
        """
        Return the journeys that a key leads to, the latest first.

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
            VerificationError: When a link is not one that a department made.
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        sure = authenticated and key.kind is KeyKind.ACCOUNT
        arrival = cx.Arrival.HOME if sure else cx.Arrival.HINT
        mac = self._mac(key.normalised())
        signposts = self._store.linked(mac, now_s=department.now_s())
        # Several may have linked one journey: the surest of them counts.
        surest: dict[str, cx.Arrival] = {}
        for signpost in signposts:
            place = self._place(mac, signpost)
            known = surest.setdefault(place.journey_id, place.arrival)
            surest[place.journey_id] = max(known, place.arrival)
        found: list[cx.Journey[V]] = []
        for journey_id, linked in surest.items():
            place = RestingPlace(journey_id, min(linked, arrival))
            try:
                journey = self.resume(place, department=department, channel=channel)
            except VerificationError as problem:
                # One record that was tampered with must not hide the others.
                department.refuse(problem, journey_id=place.journey_id)
                continue
            if journey is not None:
                found.append(journey)
        return tuple(found)

    def _lookup(self, journey_id: str) -> bytes:
        return self._mac(b"journey:" + journey_id.encode())

    def _signpost(self, mac: bytes, place: bytes) -> bytes:
        """
        Return the link's other end, which the store cannot make for another key.
        """
        return place + self._mac(b"link:" + mac + place)

    def _place(self, mac: bytes, signpost: bytes) -> RestingPlace:
        place = signpost[:_PLACE_CHARS]
        if not hmac.compare_digest(signpost, self._signpost(mac, place)):
            raise WrongBindingError
        return RestingPlace.parse(place.decode())

    def _mac(self, data: bytes) -> bytes:
        return hmac.digest(self._pepper, data, "sha256")


def _merge_rested(journey: cx.Journey[Any], record: bytes) -> cx.Arrival:
    try:
        return journey.merge_rested(record)
    except DifferentJourneyError:
        raise WrongBindingError from None
