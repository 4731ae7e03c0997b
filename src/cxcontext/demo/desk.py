"""
A department at its desk: its keys, its home, its notebook, its telephone.

What every department of the demo does in the same way. All calls of the library
stand in a ``measured`` block, or in `MeasuredPropagator` where an adapter makes
them.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final, TypeAlias

import httpx
from cryptography.exceptions import InvalidTag

import cxcontext as cx
from cxcontext.core.statement import parse_section, section_info
from cxcontext.demo.ceremony import HOME, PEPPER, PRIVATE_KEYS, PUBLIC_KEYS
from cxcontext.demo.json_app import Answer, ByPrefix, Handler, JSONApp, Request
from cxcontext.demo.measured import MeasuredPropagator
from cxcontext.demo.notes import (
    ASKED,
    CONFIRMED,
    KNOWN,
    OPEN,
    TOLD,
    Need,
    Notes,
    Trial,
    View,
    shown,
)
from cxcontext.demo.vocabulary import DOMAIN, Acme, Address
from cxcontext.homes import CustomerKey, Home, RestingPlace
from cxcontext.stores.sqlite import SQLiteStore
from cxcontext.web import http
from cxcontext.web.asgi import ASGIApp, CustomerContextMiddleware
from cxcontext.web.httpx import AsyncCustomerContextTransport

CLOCK_OFFSET: Final = "CXCONTEXT_DEMO_CLOCK_OFFSET_S"
# Nothing but Python's own servers is on the way here, so a header may be as long
# as the binding knows proxies to take.
LIMITS: Final = cx.Limits(value_bytes=http.MAX_VALUE_BYTES)

Journey: TypeAlias = cx.Journey[Acme]
Key: TypeAlias = cx.Key[Acme, Any]


class Desk:
    """
    One department in its own process.

    Args:
        name: Which one.
        folder: Its own, with its private keys; the public ones lie beside it.
        peers: Where other departments are reached.
    """

    # Paths under /internal/ that serve no request without a valid journey, and
    # take each delivery once: there, money moves.
    once: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, name: str, folder: Path, peers: Mapping[str, str]) -> None:
        self.name = name
        self.notes = Notes()
        self.sessions: dict[str, str] = {}
        self._offset = timedelta(seconds=float(os.environ.get(CLOCK_OFFSET, "0")))
        shared = folder.parent
        with self.notes.measured("start"):
            acme = cx.TrustDomain(
                DOMAIN,
                Acme,
                keys=cx.KeySet.load(shared / PUBLIC_KEYS),
                clock=self.now,
                on_event=self.notes.observe,
            )
            keys = cx.PrivateKeys.load(folder / PRIVATE_KEYS)
            self.department = acme.department(name, keys=keys)
            propagator = MeasuredPropagator(
                self.department,
                [
                    cx.Destination(peer, origins=[origin], returns=True)
                    for peer, origin in peers.items()
                ],
                notes=self.notes,
            )
            pepper = (folder / PEPPER).read_bytes()
            self.home = Home(SQLiteStore(shared / HOME), pepper=pepper)
        self._propagator = propagator
        self._peers = peers
        self._client = httpx.AsyncClient(
            transport=AsyncCustomerContextTransport(propagator, limits=LIMITS)
        )

    def now(self) -> datetime:
        """
        Return this process's clock.
        """
        return datetime.now(UTC) + self._offset

    # --- the application -----------------------------------------------------

    def public(self) -> Mapping[str, Handler]:
        """
        Return what the customer may call.
        """
        return {}

    def internal(self) -> Mapping[str, Handler]:
        """
        Return what other departments may call.
        """
        return {}

    def app(self) -> ASGIApp:
        """
        Return the department's whole application.
        """
        internal = CustomerContextMiddleware(
            JSONApp(self.internal()),
            self._propagator,
            required=lambda scope: scope["path"] in self.once,
            once=lambda scope: scope["path"] in self.once,
            returns=True,
            limits=LIMITS,
        )
        # What the customer carries is not looked at; nothing is sent out there.
        edge = CustomerContextMiddleware(
            JSONApp(self.public()), self._propagator, edge=True
        )
        notes = JSONApp({"/admin/notes": self._hand_in})
        return ByPrefix({"internal": internal, "admin": notes, "": edge})

    async def _hand_in(self, _request: Request) -> Answer:
        return self.notes.hand_in(self.name)

    async def post(self, peer: str, path: str, body: Mapping[str, Any]) -> Any:
        """
        Call another department; the current journey goes with it, and comes back.
        """
        response = await self._client.post(self._peers[peer] + path, json=body)
        if response.is_error:
            code = response.json().get("code", "no code")
            msg = f"{peer} answers {path} with {response.status_code}, {code}"
            raise RuntimeError(msg)
        return response.json()

    # --- between turns -------------------------------------------------------

    def rest(
        self,
        journey: Journey,
        session: str | None = None,
        keys: Collection[CustomerKey] = (),
    ) -> str:
        """
        Bring the journey home. All that stays here is the place, as a string.
        """
        with self.notes.measured("home"):
            place = self.home.contribute(journey, keys=keys)
        session = session or secrets.token_urlsafe(8)
        self.sessions[session] = str(place)
        return session

    def resume(self, session: str, *, channel: str) -> Journey:
        """
        Return the journey of a session.
        """
        with self.notes.measured("home"):
            place = RestingPlace.parse(self.sessions[session])
            journey = self.home.resume(
                place, department=self.department, channel=channel
            )
            lost = cx.Reason.LOST
            return journey or self.department.begin_after(lost, channel=channel)

    @contextmanager
    def turn(self, request: Request, *, channel: str) -> Generator[Journey]:
        """
        Make the journey of the request's session current while it is served.
        """
        journey = self.resume(str(request.session), channel=channel)
        with cx.bound(journey):
            yield journey

    def arrived(self, *, channel: str) -> Journey:
        """
        Return the journey that came with the request; a new one if none did.
        """
        with self.notes.measured():
            return cx.current() or self.department.begin(channel=channel)

    # --- before and instead of asking ----------------------------------------

    def needs(self, journey: Journey, contact: str, *keys: Key) -> cx.Needs:
        """
        Return what is known of *keys*, and note who told it.
        """
        with self.notes.measured():
            needs = journey.needs(*keys)
        for key in needs.known:
            self._note(journey, contact, key, KNOWN)
        for gap in needs:
            asks = gap.reason is cx.Reason.NEVER_STATED
            self._note(journey, contact, gap.key, OPEN if asks else gap.reason.value)
        return needs

    def ask(self, journey: Journey, contact: str, key: Key) -> str:
        """
        Ask the customer, visibly to everybody later.
        """
        with self.notes.measured():
            question = journey.asking(key)
        self._note(journey, contact, key, ASKED)
        return question

    def ask_first(
        self, journey: Journey, contact: str, needs: cx.Needs
    ) -> dict[str, Any]:
        """
        Ask for the first that the customer must be asked, if there is any.
        """
        for key in needs.to_ask:
            question = self.ask(journey, contact, key)
            return {"asks": key.name, "question": question}
        return {"asks": None, "question": None}

    def hear(self, journey: Journey, text: str | None, *keys: Key) -> None:
        """
        Take the answer to what `ask_first` asked; None where the customer declines.

        Which question that was, the journey knows: the first that is still open.
        """
        with self.notes.measured():
            gaps = [journey.gap(key) for key in keys]
            key = next(g.key for g in gaps if g and g.remedy is cx.Remedy.ASK)
            if text is None:
                journey.refused(key)
            else:
                journey.learn(key, understood(key, text))

    def note_told(self, journey: Journey, contact: str, key: Key) -> None:
        """
        Note that the customer said something without being asked.
        """
        self._note(journey, contact, key, TOLD)

    def confirm(self, journey: Journey, contact: str, key: Key) -> None:
        """
        Note that the customer said yes to what is known.
        """
        self._note(journey, contact, key, CONFIRMED)
        with self.notes.measured():
            journey.confirm(key)

    # --- for the report, and so not measured ---------------------------------

    def note_view(self, journey: Journey, contact: str) -> None:
        """
        Note what this department can and cannot read of the journey.
        """
        gaps = {f.name: journey.gap(f.key) for f in Acme.fields.values()}
        read = [name for name, gap in gaps.items() if gap is None]
        # Each promise has a name of its own, so none is under none.
        read += ["promise"] if journey.promises else []
        sealed = cx.Reason.NOT_YOURS
        self.notes.views.append(
            View(
                at=time.time(),
                contact=contact,
                department=self.name,
                read=read,
                sealed=[n for n, gap in gaps.items() if gap and gap.reason is sealed],
            )
        )

    def try_keys(self, journey: Journey, scope: cx.Scope) -> None:
        """
        Try every private key of this department on every section of *scope*.

        Nobody does that who is honest. It shows that a scope which is not yours is
        a matter of keys, not of manners.
        """
        keys = self.department.keys.opening_keys
        sections = opened = 0
        for statement in journey.context.statements:
            raw = statement.sections.get(scope.number)
            if raw is None:
                continue
            sections += 1
            generation, sealed = parse_section(raw)
            info = section_info(
                domain=self.department.domain,
                protected=statement.protected,
                scope=scope.number,
                generation=generation,
            )
            for key in keys:
                try:
                    key.open(sealed, info=info)
                except InvalidTag:
                    continue
                opened += 1
        self.notes.trials.append(
            Trial(
                department=self.name,
                scope=scope.name,
                sections=sections,
                keys=len(keys),
                opened=opened,
            )
        )

    def _note(self, journey: Journey, contact: str, key: Key, outcome: str) -> None:
        fact = journey.fact(key) if outcome in (KNOWN, CONFIRMED) else None
        self.notes.needs.append(
            Need(
                at=time.time(),
                contact=contact,
                department=self.name,
                field=key.name,
                outcome=outcome,
                source=f"{fact.department} by {fact.channel}" if fact else None,
                value=shown(fact.value) if fact else None,
            )
        )


def understood(key: Key, text: str) -> Any:
    """
    Return the value that the customer's words for *key* mean.
    """
    if key == Acme.deliver_to:
        return Address.parse(text)
    return cx.standard.ReasonForContact(code=text) if key == Acme.reason else text
