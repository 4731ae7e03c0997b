"""
What every department of the shop has: its keys, the home, references and codes.

``SHOP`` names the directory in which `run.py` has put them. In a real shop keys and
secrets come from a secret store, each department's only to itself.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from acme import Acme

import cxcontext as cx
from cxcontext.homes import Codes, Home, ReferenceKeys, References
from cxcontext.stores.sqlite import SQLiteStore

SHOP = Path(os.environ["SHOP"])
# The number that customers dial; reserved for fiction.
LINE = "+12025550100"
# Where customers reach the chat: behind TLS, for a link carries a journey.
PUBLIC = os.environ.get("SHOP_PUBLIC", "https://shop.example")

_secrets = json.loads((SHOP / "secrets.json").read_text("utf-8"))
_pepper = bytes.fromhex(_secrets["pepper"])
_store = SQLiteStore(SHOP / "home.db")

acme = cx.TrustDomain(
    "acme.example", Acme, keys=cx.KeySet.load(SHOP / "acme.keys.json")
)
home = Home(_store, pepper=_pepper)
references = References(
    _store,
    keys=ReferenceKeys({0: bytes.fromhex(_secrets["references"])}),
    pepper=_pepper,
)
codes = Codes(_store, pepper=_pepper)
origins: dict[str, str] = json.loads((SHOP / "origins.json").read_text("utf-8"))


def department(name: str) -> cx.Department[Acme]:
    """
    Return one of the shop's departments, with its own private keys.
    """

    def note(event: Any) -> None:
        # Events hold no values: this file says why somebody was asked again.
        with (SHOP / "events.log").open("a", encoding="utf-8") as log:
            log.write(f"{name} {type(event).__name__} {event}\n")

    keys = cx.PrivateKeys.load(SHOP / f"{name}.keys.json")
    return acme.department(name, keys=keys, on_event=note)
