"""
Billing: an internal service in Flask. It knows invoices, and asks the journey first.
"""

from __future__ import annotations

from acme import Acme
from flask import Flask
from premises import department, home

import cxcontext as cx
from cxcontext.web.wsgi import CustomerContextMiddleware

# Which invoice belongs to which order; billing's own data.
INVOICES = {"A-118": ("I-2041", "49.90 EUR"), "A-119": ("I-2042", "12.00 EUR")}

billing = department("billing")
app = Flask(__name__)


@app.get("/invoice")
def invoice() -> dict[str, str]:
    """
    Say what the invoice of the journey's order is, and remember which it is.
    """
    journey = cx.require_current()
    order = journey.recall(Acme.order_number)
    if order not in INVOICES:
        return {"says": "We have no such order."}
    number, amount = INVOICES[order]
    journey.learn(Acme.invoice, number)
    card = journey.recall(Acme.card_last4)
    by = f", to be paid with the card ending in {card}" if card else ""
    return {"says": f"Order {order} has invoice {number} of {amount}{by}."}


propagator = cx.Propagator(billing, log=home)
app.wsgi_app = CustomerContextMiddleware(  # type: ignore[method-assign]
    app.wsgi_app, propagator, required=lambda _: True, returns=True
)
