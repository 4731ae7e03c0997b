"""
Where journeys rest and are found again: homes, references and codes.

The rules are here; `cxcontext.stores` has the engines that keep the bytes.
"""

from cxcontext.homes.customer_keys import CustomerKey, KeyKind
from cxcontext.homes.delivery_log import Handed
from cxcontext.homes.due_times import Overdue
from cxcontext.homes.home import AsyncHome, Home
from cxcontext.homes.places import RestingPlace
from cxcontext.homes.redeeming import Redeemed
from cxcontext.homes.reference import Reference, ReferenceKeys
from cxcontext.homes.references import AsyncReferences, References
from cxcontext.homes.resting import Freshness

__all__ = [
    "AsyncHome",
    "AsyncReferences",
    "CustomerKey",
    "Freshness",
    "Handed",
    "Home",
    "KeyKind",
    "Overdue",
    "Redeemed",
    "Reference",
    "ReferenceKeys",
    "References",
    "RestingPlace",
]
