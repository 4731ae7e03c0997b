"""
The departments that customers are handed to: support and billing.

Under /internal/ other departments call, with the journey in a header; what is
learned here goes back to them in the response.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

import cxcontext as cx
from cxcontext.demo.desk import Desk, Journey, Key
from cxcontext.demo.json_app import Answer, Handler, Request
from cxcontext.demo.vocabulary import Acme

CHAT: Final = "chat"
MAX_TRIES: Final = 2


class Support(Desk):
    """
    The people, who take over from chatbot and phone.
    """

    needed: ClassVar[tuple[Key, ...]] = (
        Acme.full_name,
        Acme.order_number,
        Acme.email,
        Acme.reason,
        Acme.deliver_to,
        Acme.searched,
    )

    def public(self) -> Mapping[str, Handler]:
        """
        Return what the customer may call.
        """
        return {"/desk/answer": self.answer}

    def internal(self) -> Mapping[str, Handler]:
        """
        Return what other departments may call.
        """
        return {"/internal/transfers": self.take_over}

    async def take_over(self, request: Request) -> Answer:
        """
        Accept a customer from another department.
        """
        contact = (await request.json())["contact"]
        journey = self.arrived(channel=contact)
        needs = self.needs(journey, contact, *self.needed, Acme.card_last4)
        if refusal := refused(needs):
            return refusal
        with self.notes.measured():
            journey.accept()
        for gap in needs:
            if gap.reason is cx.Reason.NOT_YOURS:
                self.try_keys(journey, gap.key.scope)
        asked = self.ask_first(journey, contact, needs)
        status = {}
        with cx.bound(journey):
            with self.notes.measured():
                waits = any(promise.is_open for promise in journey.promises)
            if waits:
                status = await self.post(
                    "billing", "/internal/status", {"contact": contact}
                )
            self.note_view(journey, contact)
            session = self.rest(journey)
        return {"session": session, **asked, **status}

    async def answer(self, request: Request) -> Answer:
        """
        Hear the customer out, and promise the money back.
        """
        said = await request.json()
        with self.turn(request, channel=CHAT) as journey:
            self.hear(journey, said["text"], *self.needed)
            needs = self.needs(journey, CHAT, *self.needed)
            asked = self.ask_first(journey, CHAT, needs)
            promised = {} if asked["asks"] else await self._promise(journey)
            self.note_view(journey, CHAT)
            self.rest(journey, request.session)
        return {**asked, **promised}

    async def _promise(self, journey: Journey) -> dict[str, Any]:
        """
        Promise the money back in billing's name, and have billing answer for it.
        """
        with self.notes.measured():
            promise = journey.promise(
                "refund",
                owner="billing",
                wording="You have your money back within six hours.",
                due=self.now() + timedelta(hours=6),
            )
        tries = await self._open_case()
        await self.post("billing", "/internal/refunds", {})
        with self.notes.measured():
            (after,) = (p for p in journey.promises if p.id == promise.id)
            reference = journey.recall(Acme.refund_reference)
        return {
            "tries": tries,
            "promise": [promise.status.value, after.status.value],
            "reference": reference,
        }

    async def _open_case(self) -> list[dict[str, Any]]:
        """
        Hand the case to billing; again, if what came there was refused.
        """
        answers: list[dict[str, Any]] = []
        while len(answers) < MAX_TRIES:
            body = {"contact": CHAT}
            answers.append(await self.post("billing", "/internal/cases", body))
            if not answers[-1].get("refused"):
                break
        return answers


class Billing(Desk):
    """
    The department that may read the payment scope.
    """

    needed: ClassVar[tuple[Key, ...]] = (
        Acme.full_name,
        Acme.order_number,
        Acme.card_last4,
    )
    once = frozenset({"/internal/refunds"})

    def public(self) -> Mapping[str, Handler]:
        """
        Return what the bank may call.
        """
        return {"/bank/too-late": self.too_late}

    def internal(self) -> Mapping[str, Handler]:
        """
        Return what other departments may call.
        """
        return {
            "/internal/cases": self.open_case,
            "/internal/refunds": self.refund,
            "/internal/status": self.status,
        }

    async def open_case(self, request: Request) -> Answer:
        """
        Take a case over, and answer for what was promised in billing's name.
        """
        contact = (await request.json())["contact"]
        journey = self.arrived(channel=contact)
        needs = self.needs(journey, contact, *self.needed, Acme.reason)
        if refusal := refused(needs):
            return refusal
        with self.notes.measured():
            journey.accept()
            for promise in journey.promises:
                if promise.proposed_to == self.name:
                    journey.accept_promise(promise.id)
            journey.learn(Acme.refund_limit, Decimal("150.00"))
        # The control of the same experiment at support.
        self.try_keys(journey, Acme.payment)
        self.note_view(journey, contact)
        self.rest(journey)
        return {"needed": len(needs.known) + len(needs.gaps), "known": len(needs.known)}

    async def refund(self, _request: Request) -> Answer:
        """
        Order the bank to pay: only with a valid journey, and once for each delivery.
        """
        journey = cx.require_current()
        reference = f"R-{secrets.randbelow(10**6):06}"
        with self.notes.measured():
            journey.learn(Acme.refund_reference, reference)
        return {"ordered": True}

    async def too_late(self, _request: Request) -> Answer:
        """
        Move what was promised for today: the bank is closed already.
        """
        moved: list[cx.Promise] = []
        for session in self.sessions:
            journey = self.resume(session, channel=CHAT)
            with cx.bound(journey):
                with self.notes.measured():
                    moved += [self._a_day_later(journey, p) for p in journey.promises]
                self.rest(journey, session)
        return {"moved": [promise.status.value for promise in moved]}

    def _a_day_later(self, journey: Journey, promise: cx.Promise) -> cx.Promise:
        due = (promise.due_until or self.now()) + timedelta(days=1)
        return journey.move(promise.id, due=due)

    async def status(self, request: Request) -> Answer:
        """
        Tell how far it is: the bank has paid, so the promise is kept.
        """
        contact = (await request.json())["contact"]
        journey = self.arrived(channel=contact)
        self.needs(journey, contact, *self.needed)
        with self.notes.measured():
            journey.accept()
            due = [p for p in journey.promises if p.is_open and p.owner == self.name]
            kept = [journey.keep(promise.id) for promise in due]
        self.note_view(journey, contact)
        self.rest(journey)
        return {
            "was_overdue": [p.is_overdue(now=self.now()) for p in due],
            "promises": [p.status.value for p in kept],
        }


def refused(needs: cx.Needs) -> Answer | None:
    """
    Return what to answer where an envelope came and was refused: send it again.

    The request is served, and nobody is asked what may come in a moment.
    """
    rejected = [gap for gap in needs if gap.reason is cx.Reason.REJECTED]
    if not rejected:
        return None
    return {"refused": True, "needed": len(needs.known) + len(needs.gaps),
            "rejected": len(rejected)}  # fmt: skip
