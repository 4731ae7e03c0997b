"""
A Flask at billing, for gunicorn: its keys are in the directory that the file names.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from flask import Flask, Response

import cxcontext as cx
from cxcontext.testing.contract import Shop
from cxcontext.testing.shop import DOMAIN, customer
from cxcontext.web.wsgi import CustomerContextMiddleware

KEYS = Path(os.environ["SHOP_KEYS"])

domain = cx.TrustDomain(DOMAIN, Shop, keys=cx.KeySet.load(KEYS / "public.json"))
billing = domain.department("billing", keys=cx.PrivateKeys.load(KEYS / "billing.json"))
app = Flask(__name__)


@app.get("/answer")
def answer():
    """
    Answer with the customer's name, before and after a while.
    """
    before = customer()
    time.sleep(0.001)
    return before + b"\n" + customer()


@app.get("/stream")
def stream():
    """
    Stream the customer's name.
    """

    def parts():
        for _ in range(3):
            yield customer() + b"\n"
            time.sleep(0.001)

    return Response(parts())


app.wsgi_app = CustomerContextMiddleware(app.wsgi_app, cx.Propagator(billing))
