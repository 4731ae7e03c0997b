"""
The scripted bot: it asks the journey first, and the customer only for what is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from acme import Acme

import cxcontext as cx

ORDER = re.compile(r"\bA-\d{3,6}\b", re.IGNORECASE)
CARD = re.compile(r"\d{4}")
# What a chat about an order needs, in the order in which it is asked for.
SCRIPT = (Acme.order_number, Acme.full_name, Acme.problem, Acme.card_last4)
REFUSALS = {"no", "rather not", "skip", "i'd rather not"}


def hear(journey: cx.Journey[Acme], asked: str | None, said: str) -> None:
    """
    Take up what the customer said, given the name of the field that was asked for.
    """
    if asked is None:
        # Nobody asked, and the order number was in the very first words.
        if (found := ORDER.search(said)) is not None:
            journey.learn(Acme.order_number, found[0].upper())
        return
    (key,) = (key for key in SCRIPT if key.name == asked)
    if said.strip().lower() in REFUSALS:
        journey.refused(key)
    elif key is Acme.order_number:
        if (found := ORDER.search(said)) is not None:
            journey.learn(key, found[0].upper())
    elif key is Acme.card_last4:
        if CARD.fullmatch(said.strip()):
            journey.learn(key, said.strip())
    else:
        journey.learn(key, said.strip()[:200])


def answer(
    journey: cx.Journey[Acme], ask_billing: Callable[[], str]
) -> tuple[str, str | None]:
    """
    Return what to say next, and the name of the field that it asks for.
    """
    for key in SCRIPT:
        gap = journey.gap(key)
        # What sales wrote for billing it cannot read back, and need not ask again.
        written = gap is not None and gap.reason is cx.Reason.NOT_YOURS
        if gap is not None and not written and gap.remedy is cx.Remedy.ASK:
            return journey.asking(key), key.name
    if journey.recall(Acme.order_number) is None:
        # It came by a link, which proves that somebody has it, and not who that is.
        return "Your order I show only to you. A person can check who you are.", None
    if journey.recall(Acme.invoice) is None:
        return ask_billing(), None
    return "Is there anything else? I can hand you over to a person.", None
