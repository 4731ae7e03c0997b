"""
The departments that the customer comes to: chatbot, web shop, telephone line.

All that the customer calls is at the public edge: what the customer's side may
carry in the header is not looked at.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import cxcontext as cx
from cxcontext.demo.desk import Desk, Journey, Key, understood
from cxcontext.demo.json_app import Answer, Handler, Request
from cxcontext.demo.notes import shown
from cxcontext.demo.vocabulary import Acme
from cxcontext.homes import CustomerKey, KeyKind

CHAT: Final = "chat"
WEB: Final = "web"
PHONE: Final = "phone"


class Bot(Desk):
    """
    The chatbot. It asks in one request and hears in the next.
    """

    needed: ClassVar[tuple[Key, ...]] = (
        Acme.full_name,
        Acme.order_number,
        Acme.email,
        Acme.deliver_to,
    )

    def public(self) -> Mapping[str, Handler]:
        """
        Return what the customer may call.
        """
        return {
            "/chat": self.begin,
            "/chat/answer": self.answer,
            "/chat/person": self.person,
        }

    async def begin(self, request: Request) -> Answer:
        """
        Hear what it is about, and ask for what is needed.
        """
        said = await request.json()
        # The chat window belongs to the account that is signed in to the shop.
        account = CustomerKey(KeyKind.ACCOUNT, said["account"])
        reason = cx.standard.ReasonForContact(code=said["topic"], wording=said["text"])
        with self.notes.measured():
            journey = self.department.begin(channel=CHAT)
            journey.learn(Acme.reason, reason)
        with cx.bound(journey):
            self.note_told(journey, CHAT, Acme.reason)
            self.note_view(journey, CHAT)
            needs = self.needs(journey, CHAT, *self.needed)
            asked = self.ask_first(journey, CHAT, needs)
            return {"session": self.rest(journey, keys=[account]), **asked}

    async def answer(self, request: Request) -> Answer:
        """
        Hear the answer, and ask for what is needed still.
        """
        said = await request.json()
        with self.turn(request, channel=CHAT) as journey:
            self.hear(journey, said["text"], *self.needed)
            needs = self.needs(journey, CHAT, *self.needed)
            asked = self.ask_first(journey, CHAT, needs)
            self.note_view(journey, CHAT)
            self.rest(journey, request.session)
        holds = len(self.sessions[str(request.session)])
        return {**asked, "session_holds_characters": holds}

    async def person(self, request: Request) -> Answer:
        """
        Transfer the customer to support.
        """
        with self.turn(request, channel=CHAT) as journey:
            answer = await self.post(
                "support", "/internal/transfers", {"contact": CHAT}
            )
            self.note_view(journey, CHAT)
            self.rest(journey, request.session)
        return dict(answer)


class Sales(Desk):
    """
    The web shop, where the customer is signed in.
    """

    form: ClassVar[tuple[Key, ...]] = (
        Acme.full_name,
        Acme.deliver_to,
        Acme.card_last4,
    )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.open_forms = 0

    def public(self) -> Mapping[str, Handler]:
        """
        Return what the customer may call.
        """
        return {
            "/shop": self.open,
            "/shop/forms": self.forms,
            "/shop/form": self.fill_in,
            "/shop/orders": self.orders,
        }

    async def open(self, request: Request) -> Answer:
        """
        Show a form that has only the questions which nobody else has asked.
        """
        said = await request.json()
        account = CustomerKey(KeyKind.ACCOUNT, said["account"])
        with self.notes.measured("home"):
            found = self.home.find(
                account, department=self.department, channel=WEB, authenticated=True
            )
        journey = found[0] if found else self.department.begin(channel=WEB)
        phone = CustomerKey(KeyKind.PHONE, said["phone"])
        with cx.bound(journey):
            to_ask = self.needs(journey, WEB, *self.form).to_ask
            questions = {key.name: self.ask(journey, WEB, key) for key in to_ask}
            session = self.rest(journey, keys=[account, phone])
        return {"session": session, "questions": questions}

    async def forms(self, _request: Request) -> Answer:
        """
        Say how many customers are filling in a form just now.
        """
        return {"open": self.open_forms}

    async def fill_in(self, request: Request) -> Answer:
        """
        Take a form, whose last field may be typed in long after the first.

        Meanwhile a background task looks for the parcel, on a fork; and the chat
        goes on. At the end all three branches are one journey.
        """
        with self.turn(request, channel=WEB) as journey:
            with self.notes.measured():
                twin = journey.fork()
            search = asyncio.create_task(self._look_for_parcel(twin))
            self.open_forms += 1
            typed = await request.json()
            self.open_forms -= 1
            with self.notes.measured():
                for name, text in typed.items():
                    key = Acme.fields[name].key
                    journey.learn(key, understood(key, text))
            self.note_view(journey, WEB)
            await search
            with self.notes.measured():
                journey.merge(twin)
            self.rest(journey, request.session)
            return {"branches": len(journey.context.graph.heads)}

    async def _look_for_parcel(self, twin: Journey) -> None:
        await asyncio.sleep(0)  # here the carrier's tracking would be asked
        with self.notes.measured():
            twin.learn(Acme.parcel, "lost", known=cx.Known.OBSERVED)

    async def orders(self, request: Request) -> Answer:
        """
        Show the order, whose number the customer typed in elsewhere.
        """
        with self.turn(request, channel=WEB) as journey:
            needs = self.needs(journey, WEB, Acme.order_number)
            questions = {key.name: self.ask(journey, WEB, key) for key in needs.to_ask}
            self.note_view(journey, WEB)
            self.rest(journey, request.session)
        return {"questions": questions}


class Phone(Desk):
    """
    The telephone line, which knows the number that calls and not who does.
    """

    needed: ClassVar[tuple[Key, ...]] = (
        Acme.full_name,
        Acme.order_number,
        Acme.reason,
    )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.sms: list[str] = []

    def public(self) -> Mapping[str, Handler]:
        """
        Return what the caller, and the network that delivers the SMS, may call.
        """
        return {
            "/calls": self.take_call,
            "/calls/sms": self.deliver_sms,
            "/calls/code": self.check_code,
            "/calls/yes": self.transfer,
        }

    async def take_call(self, request: Request) -> Answer:
        """
        Find a journey by the calling number, which proves nothing, and send a code.
        """
        said = await request.json()
        number = CustomerKey(KeyKind.PHONE, said["from"])
        with self.notes.measured("home"):
            found = self.home.find(number, department=self.department, channel=PHONE)
        journey = found[0] if found else self.department.begin(channel=PHONE)
        self.sms.append(f"{secrets.randbelow(10**6):06}")
        with cx.bound(journey):
            return {"session": self.rest(journey), **self._look(journey)}

    async def deliver_sms(self, _request: Request) -> Answer:
        """
        Hand the message to the network, which delivers it to the number's phone.
        """
        return {"text": self.sms[-1]}

    async def check_code(self, request: Request) -> Answer:
        """
        Compare the code that the caller reads out. Only the right one identifies.
        """
        said = await request.json()
        with self.turn(request, channel=PHONE) as journey:
            if hmac.compare_digest(str(said["code"]), self.sms[-1]):
                with self.notes.measured():
                    journey.verify_identity("otp", "sms")
                self.rest(journey, request.session)
            return self._look(journey)

    def _look(self, journey: Journey) -> dict[str, Any]:
        needs = self.needs(journey, PHONE, *self.needed)
        self.note_view(journey, PHONE)
        with self.notes.measured():
            recalled = [journey.recall(f.key) for f in Acme.fields.values()]
            promises = [promise.status.value for promise in journey.promises]
            # A value that is stale is still there to be shown, and asked to be so.
            reason = journey.fact(Acme.reason)
        about = shown(reason.value) if reason else "anything we know of"
        return {
            "question": f"Is it still about {about}?",
            "arrival": journey.arrival.name,
            "recalled": sum(value is not None for value in recalled),
            "gaps": {gap.key.name: gap.reason.value for gap in needs},
            "promises": promises,
        }

    async def transfer(self, request: Request) -> Answer:
        """
        Hear that it is about the same matter still, and transfer to support.
        """
        with self.turn(request, channel=PHONE) as journey:
            self.confirm(journey, PHONE, Acme.reason)
            answer = await self.post(
                "support", "/internal/transfers", {"contact": PHONE}
            )
            self.note_view(journey, PHONE)
            self.rest(journey, request.session)
        return dict(answer)
