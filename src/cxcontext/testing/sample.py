"""
A vocabulary to test with, for whoever has none of their own yet.
"""

from __future__ import annotations

from datetime import timedelta

import cxcontext as cx
from cxcontext import standard


class SampleShop(cx.Vocabulary, revision=1):
    """
    A shop of sales, support and billing, in which each scope has other readers.

    Everybody reads contact and order; billing alone reads payment, which sales may
    write; support alone reads care.

    .. versionadded:: 0.1.0
    """

    contact = cx.Scope(1, readers={"sales", "support", "billing"}, on_possession=True)
    order = cx.Scope(2, readers={"sales", "support", "billing"})
    payment = cx.Scope(3, readers={"billing"}, writers={"sales", "billing"})
    care = cx.Scope(4, readers={"support"})

    full_name = cx.Field(
        1, str, scope=contact, label="your name", ask="What is your name?"
    )
    email = cx.Field(2, str, scope=contact, format="email")
    order_number = cx.Field(
        3,
        str,
        scope=order,
        label="your order number",
        ask="What is your order number?",
        max_age=timedelta(days=90),
    )
    card_last4 = cx.Field(4, str, scope=payment)
    note = cx.Field(5, str, scope=care)
    language = standard.preferred_language(scope=contact)
    identity = standard.identity_verification(scope=contact, verifiers={"support"})
