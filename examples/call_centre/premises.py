"""
What every department has: its keys, the home, references, codes, and the ladder.

``CALL_CENTRE`` names the directory in which `run.py` has put them, and
``CALL_CENTRE_AHEAD_S`` how far this process's clock is ahead: the next day is one.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
from acme import Acme
from sip_message import Message
from user_agent import Call, UserAgent

import cxcontext as cx
from cxcontext.homes import Codes, Correlations, Home, ReferenceKeys, References
from cxcontext.stores.sqlite import SQLiteStore
from cxcontext.telephony.ladder import Ladder, Leg, leg_of
from cxcontext.telephony.sip import read
from cxcontext.telephony.transfer import Transfers

CENTRE = Path(os.environ["CALL_CENTRE"])
AHEAD = timedelta(seconds=float(os.environ.get("CALL_CENTRE_AHEAD_S", "0")))
# The number that customers dial; reserved for fiction, as the customer's is.
LINE = "+12025550100"
CUSTOMER = "+12025550123"
PBX = "pbx.example"

ports: dict[str, int] = json.loads((CENTRE / "ports.json").read_text("utf-8"))


def now() -> datetime:
    """
    Return this process's time.
    """
    return datetime.now(UTC) + AHEAD


def uri(user: str) -> str:
    """
    Return the address of a user behind the proxy.
    """
    return f"sip:{user}@{PBX}"


def desk(user: str) -> UserAgent:
    """
    Return the telephone of somebody inside, at the port that the proxy knows.
    """
    return UserAgent(user, port=ports[user], proxy=ports["inside"])


def leg(invite: Message, call: Call, *, code: str | None = None) -> Leg:
    """
    Return the leg that an INVITE began, for the ladder.

    Trusted is who came in through the proxy's inner door: the proxy says so, and takes
    the same word off whatever comes through the outer one.
    """
    return leg_of(
        read(invite.headers, request_uri=invite.uri),
        # Ours, made for this call, and not what a header says.
        lease=call.own_tag,
        trusted=invite.get("X-Inside") == "yes",
        code=code,
    )


@attrs.frozen
class Premises:
    """
    One department, and what it answers calls with.
    """

    department: cx.Department[Acme]
    home: Home
    references: References
    codes: Codes
    ladder: Ladder[Acme]
    transfers: Transfers


def open_for(name: str) -> Premises:
    """
    Return the premises of a department, with its own private keys.
    """

    def note(event: Any) -> None:
        # Events hold no values: this file says who asked, and why again.
        told = {"event": type(event).__name__, **attrs.asdict(event)}
        line = json.dumps(told, default=lambda enum: enum.value)
        with (CENTRE / "events.log").open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")

    shared = json.loads((CENTRE / "secrets.json").read_text("utf-8"))
    pepper = bytes.fromhex(shared["pepper"])
    keys = cx.KeySet.load(CENTRE / "acme.keys.json")
    acme = cx.TrustDomain("acme.example", Acme, keys=keys, clock=now, on_event=note)
    department = acme.department(
        name, keys=cx.PrivateKeys.load(CENTRE / f"{name}.keys.json")
    )
    store = SQLiteStore(CENTRE / "home.db")
    home = Home(store, pepper=pepper)
    references = References(
        store,
        keys=ReferenceKeys({0: bytes.fromhex(shared["references"])}),
        pepper=pepper,
    )
    codes = Codes(store, pepper=pepper, clock=now)
    correlations = Correlations(store, pepper=pepper, clock=now)
    return Premises(
        department,
        home,
        references,
        codes,
        Ladder(
            department, references=references, correlations=correlations, codes=codes
        ),
        Transfers(references, correlations=correlations, home=home),
    )
