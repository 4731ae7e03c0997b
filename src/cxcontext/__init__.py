"""
Carry what a customer has already said across every channel and department.

Write ``import cxcontext as cx``: `Field` and `Scope` are words that other
libraries use too. This module only re-exports; adapters are imported from
their own modules.
"""

from cxcontext.core import events, notices, standard
from cxcontext.core.carrier import Limits
from cxcontext.core.carrying import CarryingExecutor, carry
from cxcontext.core.context import Context, Touchpoint
from cxcontext.core.current import bound, current, require_current
from cxcontext.core.department import Department
from cxcontext.core.destination import Destination, Origin
from cxcontext.core.domain import TrustDomain
from cxcontext.core.envelope import Envelope
from cxcontext.core.fact import Fact
from cxcontext.core.forms import Blank, Prefilled, define_form, form
from cxcontext.core.gaps import Gap, Needs, Reason, Remedy
from cxcontext.core.journey import Explained, Journey
from cxcontext.core.key_ring import KeyRing
from cxcontext.core.keygen import keys_for
from cxcontext.core.keys import KeySet, PrivateKeys
from cxcontext.core.known import Arrival, Known
from cxcontext.core.outcomes import (
    Deposited,
    Extracted,
    Fit,
    Injected,
    SkipReason,
    Transport,
)
from cxcontext.core.promising import Promise, PromiseStatus
from cxcontext.core.propagating import Propagator
from cxcontext.core.value_types import positional
from cxcontext.core.vocabulary import Field, Key, Scope, Vocabulary
from cxcontext.core.vocabulary_file import vocabulary_from_json, vocabulary_to_json

__all__ = [
    "Arrival",
    "Blank",
    "CarryingExecutor",
    "Context",
    "Department",
    "Deposited",
    "Destination",
    "Envelope",
    "Explained",
    "Extracted",
    "Fact",
    "Field",
    "Fit",
    "Gap",
    "Injected",
    "Journey",
    "Key",
    "KeyRing",
    "KeySet",
    "Known",
    "Limits",
    "Needs",
    "Origin",
    "Prefilled",
    "PrivateKeys",
    "Promise",
    "PromiseStatus",
    "Propagator",
    "Reason",
    "Remedy",
    "Scope",
    "SkipReason",
    "Touchpoint",
    "Transport",
    "TrustDomain",
    "Vocabulary",
    "bound",
    "carry",
    "current",
    "define_form",
    "events",
    "form",
    "keys_for",
    "notices",
    "positional",
    "require_current",
    "standard",
    "vocabulary_from_json",
    "vocabulary_to_json",
]
