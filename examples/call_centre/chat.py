"""
Sales: the web chat. It asks the journey first, and the customer what is missing.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

import attrs
import uvicorn
from acme import Acme
from fastapi import FastAPI, HTTPException
from premises import LINE, open_for, ports

import cxcontext as cx
from cxcontext.homes import RestingPlace

ORDER = re.compile(r"\bA-\d{3,6}\b")
SCRIPT = (Acme.order_number, Acme.full_name, Acme.problem, Acme.card_last4)

sales = open_for("sales")
app = FastAPI(openapi_url=None)


@attrs.define
class Session:
    """
    Where a chat's journey rests, and what was asked last.
    """

    place: str | None = None
    asked: cx.Key[Acme, str] | None = None


sessions: dict[str, Session] = {}


def journey_of(session: Session) -> cx.Journey[Acme]:
    """
    Return the journey that rests for a session, or a new one.
    """
    rested = session.place and sales.home.resume(
        RestingPlace.parse(session.place), department=sales.department
    )
    return rested or sales.department.begin(channel="chat")


@app.post("/sessions")
def begin() -> dict[str, str]:
    """
    Begin a chat.
    """
    name = secrets.token_urlsafe(24)
    sessions[name] = Session()
    return {"session": name}


@app.post("/say")
def say(said: dict[str, str]) -> dict[str, Any]:
    """
    Hear what the customer says, and ask the next thing; with nothing left to ask,
    give nine digits to take along to the phone.
    """
    session = sessions.get(said.get("session", ""))
    if session is None:
        raise HTTPException(404)
    journey = journey_of(session)
    with cx.bound(journey):
        hear(journey, session.asked, said.get("text", "")[:200])
        session.asked = next((key for key in SCRIPT if must_ask(journey, key)), None)
        if session.asked is not None:
            answer = {"says": journey.asking(session.asked)}
        else:
            reference = sales.references.put(journey, "ivr", carried=True)
            code = sales.codes.issue(reference, line=LINE)
            says = f"Please call {LINE} and type {code.spoken}."
            answer = {"says": says, "code": str(code)[:9]}
        session.place = str(sales.home.contribute(journey))
    return answer


def hear(journey: cx.Journey[Acme], asked: cx.Key[Acme, str] | None, text: str) -> None:
    """
    Take up what the customer said, asked for or not.
    """
    if found := ORDER.search(text):
        journey.learn(Acme.order_number, found[0])
    elif asked is not None:
        journey.learn(asked, text)


def must_ask(journey: cx.Journey[Acme], key: cx.Key[Acme, str]) -> bool:
    """
    Say whether a value is missing. What sales wrote for billing it cannot read back.
    """
    gap = journey.gap(key)
    return gap is not None and gap.reason is not cx.Reason.NOT_YOURS


if __name__ == "__main__":
    uvicorn.run(app, port=ports["chat"], log_level="warning")
