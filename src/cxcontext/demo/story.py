"""
The story: one customer, and what is expected to happen.

This process is the customer, who remembers what they said, and the network. It
has no keys: all it sees of a journey is what departments answer.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Final

from cxcontext.demo.accounts import THIEF
from cxcontext.demo.carrier import Passage
from cxcontext.demo.process import Shop, StoryEndedError
from cxcontext.demo.step import Step
from cxcontext.web import http

# Invented, with a number that is reserved for that, as every value here.
ACCOUNT: Final = "c-70142"
PHONE: Final = "+1 202 555 0142"
TOPIC: Final = "parcel_missing"
ANSWERS: Final[Mapping[str, str | None]] = {
    "full_name": "Alex Rivera",
    "order_number": "A-1187",
    "email": None,  # rather not
    "deliver_to": "12 Elm Street, Springfield",
    "card_last4": "4821",
    "searched": "With both neighbours, and in the shed.",
    "reason": TOPIC,
}
FIRST_DAY: Final = "first day"
NEXT_DAY: Final = "next day"
# A journey's id in hex, a dot, and how surely it is this customer's.
PLACE_CHARACTERS: Final = 34
FORM_TIMEOUT_S: Final = 10.0


class Story:
    """
    The customer, walking through a `Shop`.

    Args:
        shop: Where the keys are made, and nobody is at work yet.
        tampers: Whether the network changes an envelope on its way.
    """

    def __init__(self, shop: Shop, *, tampers: bool = True) -> None:
        self.shop = shop
        self.steps: list[Step] = []
        self._tampers = tampers

    def play(self) -> None:
        """
        Play the whole story.

        Raises:
            StoryEndedError: When it cannot go on.
        """
        self.shop.open("bot", "sales", "support", "billing")
        chat, question = self._talk_to_the_bot()
        self._use_two_channels(chat, question)
        desk, question = self._be_transferred(chat)
        self._be_promised(desk, question)
        self._be_robbed()
        self.shop.close_for_the_night()
        self.shop.open("phone", "support", "billing", offset=timedelta(days=1))
        call = self._phone()
        self._hear_the_end(call)

    @contextmanager
    def _step(self, title: str, when: str = FIRST_DAY) -> Generator[Step]:
        step = Step(title=title, when=when)
        self.steps.append(step)
        try:
            yield step
        finally:
            # Also of a story that ends early there is something to tell.
            with suppress(StoryEndedError):
                step.reports = [w.report() for w in self.shop.workers.values()]

    def _reply(
        self, step: Step, who: str, path: str, question: Mapping[str, Any]
    ) -> Any:
        """
        Answer a department's question, and return what it answers to that.
        """
        text = ANSWERS[question["asks"]]
        step.say(who, question["question"])
        step.say("customer", text or "I would rather not say.")
        return self.shop[who].call(path, {"text": text})

    # --- the first day -------------------------------------------------------

    def _talk_to_the_bot(self) -> tuple[str, Mapping[str, Any]]:
        with self._step("A chat: asked in one request, heard in the next") as step:
            text = "My parcel never came."
            step.say("customer", text)
            begun = self.shop["bot"].call(
                "/chat", {"account": ACCOUNT, "topic": TOPIC, "text": text}
            )
            chat = f"/chat/answer?session={begun['session']}"
            question = self._reply(step, "bot", chat, begun)
        holds = question["session_holds_characters"]
        step.expect(
            f"between them the bot's session held {holds} characters: a place at home",
            held=holds == PLACE_CHARACTERS and bool(step.events("Received", "bot")),
        )
        return begun["session"], question

    def _use_two_channels(self, session: str, question: Mapping[str, Any]) -> None:
        chat, sales = f"/chat/answer?session={session}", self.shop["sales"]
        with self._step("The web shop, while the chat goes on") as step:
            opened = sales.call("/shop", {"account": ACCOUNT, "phone": PHONE})
            for asked in opened["questions"].values():
                step.say("sales", asked)
            typed = {name: ANSWERS[name] for name in opened["questions"]}
            with ThreadPoolExecutor(1) as pool:
                chatted = threading.Event()
                filled: Future[Any] = pool.submit(
                    sales.call,
                    f"/shop/form?session={opened['session']}",
                    content=_slowly(typed, chatted),
                )
                try:
                    while not filled.done() and not sales.call("/shop/forms")["open"]:
                        time.sleep(0.005)
                    question = self._reply(step, "bot", chat, question)
                finally:
                    chatted.set()
                for text in typed.values():
                    step.say("customer", str(text))
                branches = filled.result()["branches"]
            question = self._reply(step, "bot", chat, question)
            orders = sales.call(f"/shop/orders?session={opened['session']}", {})
        step.expect(
            f"{branches} branches of the journey came together at home",
            held=branches == 3,
        )
        step.expect(
            "the shop knew the order number that was typed into the chat meanwhile",
            held=not orders["questions"],
        )
        step.expect(
            "the bot knew where to deliver, and had nothing left to ask",
            held=question["asks"] is None,
        )

    def _be_transferred(self, chat: str) -> tuple[str, Mapping[str, Any]]:
        with self._step("Transferred to support, over HTTP") as step:
            step.say("customer", "I would like to talk to a person.")
            answer = self.shop["bot"].call(f"/chat/person?session={chat}", {})
        accepted = {event["by"] for event in step.events("Accepted", "bot")}
        step.expect(
            "support accepted, signed; the bot read it in the response",
            held=accepted == {"support"},
        )
        gaps = {e["field"]: e["reason"] for e in step.events("GapFound", "support")}
        step.expect(
            f"support may not read the card: {gaps.get('card_last4')}",
            held=gaps.get("card_last4") == "not_yours",
        )
        trials = [trial for report in step.reports for trial in report.trials]
        keys = sum(trial.keys for trial in trials)
        step.expect(
            f"support's {keys} private keys, tried on it all the same, opened "
            f"{sum(trial.opened for trial in trials)} sections",
            held=bool(trials) and all(t.keys and t.sections for t in trials)
            and not any(trial.opened for trial in trials),
        )  # fmt: skip
        return f"/desk/answer?session={answer['session']}", answer

    def _be_promised(self, desk: str, question: Mapping[str, Any]) -> None:
        road = self.shop.roads["billing"]
        with self._step("On to billing; the network changes a bit") as step:
            road.tampers_next = self._tampers
            answer = self._reply(step, "support", desk, question)
            while answer["asks"] is not None:
                answer = self._reply(step, "support", desk, answer)
            late = self.shop["billing"].call("/bank/too-late", {})
        first, *others = answer["tries"]
        codes = [event["code"] for event in step.events("Rejected", "billing")]
        step.expect(
            f"billing refused what had been changed: {', '.join(codes) or 'nothing'}",
            held=codes == ["bad_delivery_signature"],
        )
        step.expect(
            f"its request went on, with REJECTED for {first.get('rejected')} of "
            f"{first['needed']} needs; nobody was asked, it was sent again",
            held=first.get("rejected") == first["needed"]
            and [other.get("known") for other in others] == [first["needed"]],
        )
        opened = sum(t.opened for report in step.reports for t in report.trials)
        step.expect(
            f"billing's own keys opened {opened} sections that support's could not",
            held=opened > 0,
        )
        proposed, accepted = answer["promise"]
        step.expect(
            f"a refund within 6 hours was promised in billing's name: {proposed}, "
            f"then {accepted}, then {', '.join(late['moved'])} by a day",
            held=[proposed, accepted, *late["moved"]] == ["proposed", "open", "moved"],
        )
        step.expect(
            f"the refund's reference came back in a response: {answer['reference']}",
            held=bool(answer["reference"]),
        )

    def _be_robbed(self) -> None:
        stolen = self._stolen()
        with self._step("A thief has copied an envelope on its way") as step:
            envelope = {http.FIELD: str(stolen.sent)}
            self.shop["support"].call(
                "/internal/transfers", {"contact": THIEF}, headers=envelope
            )
            refusal = self.shop["billing"].call(
                stolen.target, content=stolen.body, headers=envelope, expect=400
            )
        elsewhere = [event["code"] for event in step.events("Rejected", "support")]
        step.expect(
            f"shown to another department: {', '.join(elsewhere) or 'believed'}",
            held=elsewhere == ["wrong_audience"],
        )
        again = [event["code"] for event in step.events("Rejected", "billing")]
        step.expect(
            f"shown to billing again, where money moves: 400, {refusal.get('code')}",
            held=again == ["replayed"] == [refusal.get("code")],
        )

    def _stolen(self) -> Passage:
        for passage in self.shop.roads["billing"].passages:
            if passage.target == "/internal/refunds" and passage.sent is not None:
                return passage
        raise StoryEndedError("no envelope went to where money moves")

    # --- the next day --------------------------------------------------------

    def _phone(self) -> str:
        phone = self.shop["phone"]
        with self._step("The next day, by phone", NEXT_DAY) as step:
            step.say("customer", f"(calls from {PHONE})")
            hint = phone.call("/calls", {"from": PHONE})
            session = hint["session"]
            code = phone.call("/calls/sms")["text"]
            wrong = f"{(int(code) + 1) % 10**6:06}"
            step.say("customer", "(reads out a wrong code, then the right one)")
            guess = phone.call(f"/calls/code?session={session}", {"code": wrong})
            sure = phone.call(f"/calls/code?session={session}", {"code": code})
            step.say("phone", sure["question"])
        for what, seen in (("the number alone", hint), ("a wrong code", guess)):
            step.expect(
                f"with {what}, {seen['arrival']}: {seen['recalled']} fields recalled, "
                f"{len(seen['promises'])} promises seen",
                held=(seen["arrival"], seen["recalled"], seen["promises"])
                == ("HINT", 0, [])
                and set(seen["gaps"].values()) == {"not_identified"},
            )  # fmt: skip
        step.expect(
            f"identity verified: {sure['recalled']} fields recalled, and the promise, "
            f"which is {', '.join(sure['promises'])}",
            held=sure["recalled"] > 0 and sure["promises"] == ["moved"],
        )
        step.expect(
            f"only the reason is a day old, so it is {sure['gaps'].get('reason')}",
            held=sure["gaps"] == {"reason": "stale"},
        )
        return f"/calls/yes?session={session}"

    def _hear_the_end(self, call: str) -> None:
        with self._step("To support and billing once more", NEXT_DAY) as step:
            step.say("customer", "Yes.")
            answer = self.shop["phone"].call(call, {})
        step.expect("support has nothing to ask", held=answer["asks"] is None)
        kept = answer.get("promises", [])
        step.expect(
            f"billing told that the refund is paid: {', '.join(kept)}, in time",
            held=kept == ["kept"] and answer.get("was_overdue") == [False],
        )


def _slowly(typed: Mapping[str, Any], chatted: threading.Event) -> Iterator[bytes]:
    """
    Yield a form of which the rest is typed in when the chat went on.
    """
    body = json.dumps(typed).encode()
    yield body[:1]
    chatted.wait(FORM_TIMEOUT_S)
    yield body[1:]
