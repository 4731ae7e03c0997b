"""
Where journeys rest and are found again: homes, references and codes.

The rules are here; `cxcontext.stores` has the engines that keep the bytes.
"""

from cxcontext.homes.code_limits import CodeLimits
from cxcontext.homes.codes import AsyncCodes, Codes
from cxcontext.homes.correlation import AsyncCorrelations, CallKey, Correlations
from cxcontext.homes.customer_keys import CustomerKey, KeyKind
from cxcontext.homes.delivery_log import Handed
from cxcontext.homes.due_times import Overdue
from cxcontext.homes.erased import Erased, SentNotice
from cxcontext.homes.erasure import AsyncErasures, Erasures
from cxcontext.homes.found import Found
from cxcontext.homes.handover_code import HandoverCode
from cxcontext.homes.home import AsyncHome, Home
from cxcontext.homes.links import (
    from_reply,
    reply_address,
    reply_header,
    tel_link,
    web_link,
)
from cxcontext.homes.places import RestingPlace
from cxcontext.homes.qr import qr_png, qr_svg
from cxcontext.homes.redeeming import Redeemed
from cxcontext.homes.reference import Reference, ReferenceKeys
from cxcontext.homes.references import AsyncReferences, References
from cxcontext.homes.resting import Freshness
from cxcontext.homes.secrets import AsyncJourneySecrets, JourneySecrets
from cxcontext.homes.who_has import Holder, Source, WhoHas

__all__ = [
    "AsyncCodes",
    "AsyncCorrelations",
    "AsyncErasures",
    "AsyncHome",
    "AsyncJourneySecrets",
    "AsyncReferences",
    "CallKey",
    "CodeLimits",
    "Codes",
    "Correlations",
    "CustomerKey",
    "Erased",
    "Erasures",
    "Found",
    "Freshness",
    "Handed",
    "HandoverCode",
    "Holder",
    "Home",
    "JourneySecrets",
    "KeyKind",
    "Overdue",
    "Redeemed",
    "Reference",
    "ReferenceKeys",
    "References",
    "RestingPlace",
    "SentNotice",
    "Source",
    "WhoHas",
    "from_reply",
    "qr_png",
    "qr_svg",
    "reply_address",
    "reply_header",
    "tel_link",
    "web_link",
]
