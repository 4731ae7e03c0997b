"""
What the call centre's departments agree to call things. Keys are not in it.
"""

from __future__ import annotations

from datetime import timedelta

import cxcontext as cx
from cxcontext import standard

ALL = {"sales", "ivr", "support", "billing"}


class Acme(cx.Vocabulary, revision=1):
    """
    A shop with a web chat, a telephone line, a support desk and a billing department.
    """

    contact = cx.Scope(1, readers=ALL, on_possession=True)
    order = cx.Scope(2, readers=ALL)
    payment = cx.Scope(3, readers={"billing"}, writers={"sales", "billing"})
    care = cx.Scope(4, readers={"support"})

    full_name = cx.Field(1, str, scope=contact, ask="What is your name, please?")
    order_number = cx.Field(
        2,
        str,
        scope=order,
        ask="Which order is it about? Its number begins with A-.",
        max_age=timedelta(days=90),
    )
    problem = cx.Field(3, str, scope=order, ask="What went wrong?")
    refund = cx.Field(4, str, scope=order)
    card_last4 = cx.Field(
        5, str, scope=payment, ask="What are the last four digits of your card?"
    )
    note = cx.Field(6, str, scope=care)
    identity = standard.identity_verification(scope=contact, verifiers={"support"})
    promise = standard.promise(scope=order)
