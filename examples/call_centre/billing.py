"""
Billing: it is consulted, gets the customer, refunds, and has support call back.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import timedelta

from acme import Acme
from premises import CENTRE, desk, leg, now, open_for
from screen import found, show, tell
from user_agent import new_call_id

import cxcontext as cx
from cxcontext.homes import Reference
from cxcontext.telephony.ladder import dialog_key
from cxcontext.telephony.transfer import Kind

NEEDED = (Acme.full_name, Acme.order_number, Acme.problem, Acme.card_last4)

billing = open_for("billing")


async def answer() -> None:
    """
    Be consulted, and then be connected with the customer: each leg has a reference.
    """
    async with desk("billing") as phone:
        tell("ready", "billing")
        invite, consultation = await phone.answered.get()
        resolved = await billing.ladder.resolve_async(leg(invite, consultation))
        journey = resolved.journey
        if journey is None:
            sys.exit("no journey")
        with cx.bound(journey):
            title = f"the consultation, found by {found(resolved)}"
            show("billing", journey, NEEDED, title=title)
            invite, call = await phone.answered.get()
            connected = await billing.ladder.resolve_async(leg(invite, call))
            if connected.journey is None or connected.journey.id != journey.id:
                sys.exit("another customer")
            tell("does", "billing", text=f"connected, found by {found(connected)}")
            await serve(journey, connected.reference)
            await phone.hang_up(call)


async def serve(journey: cx.Journey[Acme], parent: Reference | None) -> None:
    """
    Take the customer over, refund, and promise a call by support for tomorrow.
    """
    journey.accept()
    journey.learn(Acme.refund, "R-5512")
    journey.promise(
        "call_back",
        wording="We call you tomorrow when the refund is on its way.",
        owner="support",
        due=now() + timedelta(days=2),
    )
    await asyncio.to_thread(billing.home.contribute, journey)
    call_id = new_call_id()
    transfer = await billing.transfers.transfer_async(
        journey,
        to="support",
        kind=Kind.CALLBACK,
        parent=parent,
        keys=[dialog_key(call_id)],
        lifetime=timedelta(days=2),
    )
    # Whoever reads this file has the references: it is the dialler's alone.
    place = os.open(CENTRE / "call_backs.json", os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(place, "w", encoding="utf-8") as file:
        json.dump([{"call_id": call_id, "headers": transfer.headers}], file)
    tell("does", "billing", text="a call-back by support is noted for tomorrow")


if __name__ == "__main__":
    asyncio.run(answer())
