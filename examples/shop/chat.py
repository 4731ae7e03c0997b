"""
Sales: a web chat in FastAPI, with a scripted bot and a page to take the journey along.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Any

import attrs
import bot
import httpx
from acme import Acme
from fastapi import Cookie, FastAPI, Response
from fastapi.responses import FileResponse
from premises import LINE, PUBLIC, codes, department, home, origins, references

import cxcontext as cx
from cxcontext.errors import UnavailableError, VerificationError
from cxcontext.homes import RestingPlace, qr_svg, tel_link, web_link
from cxcontext.web.asgi import CustomerContextMiddleware
from cxcontext.web.httpx import CustomerContextTransport

PAGES = Path(__file__).parent / "pages"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; frame-ancestors 'none'"
)

sales = department("sales")
to_billing = cx.Destination("billing", origins=[origins["billing"]], returns=True)
propagator = cx.Propagator(sales, [to_billing], channel="chat", log=home)
billing = httpx.Client(transport=CustomerContextTransport(propagator), timeout=10)
app = FastAPI(openapi_url=None)


@attrs.define
class Session:
    """
    What the server keeps of a chat: where its journey rests, and what was asked last.
    """

    place: str | None = None
    asked: str | None = None


# In a real shop a shared store, bounded and with an end to every session.
sessions: dict[str, Session] = {}


def session_of(response: Response, name: str | None) -> Session:
    """
    Return the session of a request, a new one where there is none.
    """
    if name is None or name not in sessions:
        name = secrets.token_urlsafe(24)
        sessions[name] = Session()
        response.set_cookie("session", name, httponly=True, samesite="strict")
    return sessions[name]


def journey_of(session: Session) -> cx.Journey[Acme]:
    """
    Return the journey that rests for a session, or a new one.
    """
    place = session.place
    rested = place and home.resume(RestingPlace.parse(place), department=sales)
    return rested or sales.begin(channel="chat")


def ask_billing() -> str:
    """
    Let billing say what it knows of the order; it gets the current journey.
    """
    try:
        return billing.get(f"{origins['billing']}/invoice").json()["says"]
    except (httpx.HTTPError, KeyError, ValueError):
        return "Billing does not answer just now. I can hand you over to a person."


@app.get("/")
def page() -> FileResponse:
    """
    Give the chat's page.
    """
    return _file("chat.html")


@app.get("/continue")
def continue_page() -> FileResponse:
    """
    Give the page that a QR code leads to. It fetches nothing by itself.
    """
    return _file("continue.html")


@app.get("/static/{name}")
def static(name: str) -> FileResponse:
    """
    Give a script or a style sheet.
    """
    return _file(
        name if name in {"chat.js", "continue.js", "shop.css"} else "chat.html"
    )


@app.post("/say")
def say(
    said: dict[str, str],
    response: Response,
    session: Annotated[str | None, Cookie()] = None,
) -> dict[str, str]:
    """
    Hear what the customer says, and answer.
    """
    kept = session_of(response, session)
    journey = journey_of(kept)
    with cx.bound(journey):
        bot.hear(journey, kept.asked, said.get("text", "")[:500])
        says, kept.asked = bot.answer(journey, ask_billing)
        kept.place = str(home.contribute(journey))
    return {"says": says}


@app.post("/hand-over")
def hand_over(
    response: Response, session: Annotated[str | None, Cookie()] = None
) -> dict[str, Any]:
    """
    Give what the customer takes along: a QR code to go on elsewhere, digits to call.
    """
    kept = session_of(response, session)
    journey = journey_of(kept)
    with cx.bound(journey):
        kept.place = str(home.contribute(journey))
        for_phone = references.put(journey, "support", carried=True)
        code = codes.issue(for_phone, line=LINE)
        for_web = references.put(journey, "sales", carried=True)
    link = web_link(f"{PUBLIC}/continue", reference=for_web)
    return {
        "qr": qr_svg(link),
        "link": link,
        "code": code.spoken,
        "further": code.further,
        "tel": tel_link(LINE, code=str(code)),
    }


@app.post("/continue")
def go_on(
    brought: dict[str, str],
    response: Response,
    session: Annotated[str | None, Cookie()] = None,
) -> dict[str, str]:
    """
    Go on with a journey that the customer carried here: it proves possession only.
    """
    kept = session_of(response, session)
    try:
        redeemed = references.redeem(
            brought.get("reference", "")[:64], department=sales, channel="web"
        )
    except (VerificationError, UnavailableError):
        response.status_code = 410
        return {"says": "This link does not work any more."}
    journey = redeemed.journey
    with cx.bound(journey):
        name = journey.recall(Acme.full_name)
        says, kept.asked = bot.answer(journey, ask_billing)
        kept.place = str(home.contribute(journey))
    return {"says": f"Welcome back{', ' + name if name else ''}! {says}"}


def _file(name: str) -> FileResponse:
    headers = {
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return FileResponse(PAGES / name, headers=headers)


# The public edge: no browser brings or gets a value.
app.add_middleware(CustomerContextMiddleware, propagator=propagator, edge=True)
