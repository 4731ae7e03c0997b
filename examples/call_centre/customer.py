"""
The customer's telephone: it has no keys, follows where it is sent, and may be called.
"""

from __future__ import annotations

import asyncio
import sys

from premises import CUSTOMER, LINE, ports, uri
from screen import tell
from user_agent import UserAgent


async def dial(code: str) -> None:
    """
    Call the line, type the code, and talk to whomever the call is sent to.
    """
    async with phone() as own:
        tell("does", "customer", text=f"calls {LINE}")
        call = await own.call(uri(LINE))
        await own.press(call, code)
        tell("does", "customer", text="types the nine digits")
        # Sent on twice: to support, and from there to billing.
        for one in (call, await own.followed.get(), await own.followed.get()):
            await one.ended.wait()


async def wait() -> None:
    """
    Be called.
    """
    async with phone() as own:
        tell("ready", "customer")
        _, call = await own.answered.get()
        await call.ended.wait()


def phone() -> UserAgent:
    """
    Return the telephone, outside.
    """
    return UserAgent(CUSTOMER, port=ports["customer"], proxy=ports["outside"])


if __name__ == "__main__":
    asyncio.run(dial(sys.argv[1]) if sys.argv[1:] else wait())
