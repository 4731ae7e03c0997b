"""
Support: an agent who takes the call over, consults billing, and connects the two.
"""

from __future__ import annotations

import asyncio
import sys

from acme import Acme
from premises import CUSTOMER, desk, leg, now, open_for, uri
from screen import found, show, tell
from user_agent import Call, UserAgent, new_call_id

import cxcontext as cx
from cxcontext.homes import Reference
from cxcontext.telephony.ladder import dialog_key
from cxcontext.telephony.transfer import Kind, Transfer

NEEDED = (Acme.full_name, Acme.order_number, Acme.problem)
FOR_BILLING = (Acme.order_number, Acme.problem, Acme.card_last4)
ASKS_FOR_ACCEPTANCE_S = 0.1

support = open_for("support")


async def answer() -> None:
    """
    Take a transferred customer, and transfer them attended to billing.
    """
    async with desk("support") as phone:
        tell("ready", "support")
        invite, call = await phone.answered.get()
        resolved = await support.ladder.resolve_async(leg(invite, call))
        if resolved.journey is None or resolved.reference is None:
            sys.exit("no journey")
        journey, parent = resolved.journey, resolved.reference
        with cx.bound(journey):
            journey.accept()
            show("support", journey, NEEDED, title=f"found by {found(resolved)}")
            # The caller read back what we texted to the number on the account.
            journey.verify_identity("otp", "sms")
            show("support", journey, NEEDED, title="after the caller was identified")
            journey.learn(Acme.note, "Second lid in a month: be generous")
            fit = support.transfers.fit(journey, to="billing", needs=FOR_BILLING)
            said = ", ".join(fit.will_ask) or "nothing"
            tell("does", "support", text=f"before the transfer: billing asks {said}")
            completion = await connect(phone, call, journey, parent)
            await taken(completion, journey)
            await phone.hang_up(call)


async def connect(
    phone: UserAgent,
    call: Call,
    journey: cx.Journey[Acme],
    parent: Reference,
) -> Transfer:
    """
    Consult billing in a call of our own, then let the customer take its place.
    """
    call_id = new_call_id()
    consultation = await support.transfers.transfer_async(
        journey,
        to="billing",
        kind=Kind.BRIDGE,
        parent=parent,
        keys=[dialog_key(call_id)],
    )
    consulted = await phone.call(uri("billing"), consultation.headers, call_id=call_id)
    tell("does", "support", text="consults billing while the customer waits")
    completion = await support.transfers.transfer_async(
        journey,
        to="billing",
        kind=Kind.ATTENDED,
        target=uri("billing"),
        parent=parent,
        replaces=consulted.dialog,
    )
    await phone.refer(call, completion.headers)
    return completion


async def taken(transfer: Transfer, journey: cx.Journey[Acme]) -> None:
    """
    Wait until billing has said that it took the customer over, or its time is up.
    """
    taken_over, late = False, False
    while not taken_over and not late:
        await asyncio.sleep(ASKS_FOR_ACCEPTANCE_S)
        # Asked once more when the time is up, it raises the event.
        late = now() > transfer.accept_by
        taken_over = await asyncio.to_thread(
            support.transfers.accepted, transfer, journey
        )
    word = "has" if taken_over else "has not"
    tell("does", "support", text=f"billing {word} taken the customer over")


async def call_back() -> None:
    """
    Be called with a reference, call the customer, and keep what was promised.
    """
    async with desk("support") as phone:
        tell("ready", "support")
        invite, call = await phone.answered.get()
        resolved = await support.ladder.resolve_async(leg(invite, call))
        journey = resolved.journey
        if journey is None:
            sys.exit("no journey")
        with cx.bound(journey):
            needed = (*NEEDED, Acme.refund)
            title = f"the call-back, found by {found(resolved)}"
            show("support", journey, needed, title=title)
            customer = await phone.call(uri(CUSTOMER))
            name, refund = journey.recall(Acme.full_name), journey.recall(Acme.refund)
            text = f"Hello {name}, your refund {refund} is on its way."
            tell("says", "support", text=text)
            for promise in journey.promises:
                if promise.proposed_to == "support":
                    journey.accept_promise(promise.id)
                tell("does", "support", text=journey.keep(promise.id).status.value)
            await asyncio.to_thread(support.home.contribute, journey)
            await phone.hang_up(customer)
            await phone.hang_up(call)


if __name__ == "__main__":
    asyncio.run(call_back() if sys.argv[1:] == ["call-back"] else answer())
