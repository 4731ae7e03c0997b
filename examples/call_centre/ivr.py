"""
The voice at the line: it hears a code, and sends the call on. Next day it calls back.
"""

from __future__ import annotations

import asyncio
import json
import sys

from premises import CENTRE, LINE, desk, leg, now, open_for, ports, uri
from screen import found, tell
from user_agent import UserAgent

from cxcontext.telephony.transfer import Kind

CODE_DIGITS = 9

ivr = open_for("ivr")


async def answer() -> None:
    """
    Hear nine digits, find the journey, and transfer to support without a word.
    """
    async with UserAgent(LINE, port=ports["ivr"], proxy=ports["inside"]) as phone:
        tell("ready", "ivr")
        invite, call = await phone.answered.get()
        tell("says", "ivr", text="Please type the nine digits from your chat.")
        typed = "".join([await call.digits.get() for _ in range(CODE_DIGITS)])
        resolved = await ivr.ladder.resolve_async(leg(invite, call, code=typed))
        if resolved.journey is None:
            sys.exit("no journey")
        arrival = resolved.journey.arrival.name.lower()
        text = f"found by {found(resolved)}, as a {arrival}: on to support"
        tell("does", "ivr", text=text)
        transfer = await ivr.transfers.transfer_async(
            resolved.journey,
            to="support",
            kind=Kind.BLIND,
            target=uri("support"),
            parent=resolved.reference,
            caller=call.remote,
        )
        await phone.refer(call, transfer.headers)
        await phone.hang_up(call)


async def call_back() -> None:
    """
    Call support with every reference that is due: support calls the customer.
    """
    async with desk("ivr") as phone:
        for due in json.loads((CENTRE / "call_backs.json").read_text("utf-8")):
            text = (
                f"a call-back is due, {now():%d %B}: calling support with its reference"
            )
            tell("does", "ivr", text=text)
            call = await phone.call(
                uri("support"), due["headers"], call_id=due["call_id"]
            )
            await call.ended.wait()


if __name__ == "__main__":
    asyncio.run(call_back() if sys.argv[1:] == ["call-back"] else answer())
