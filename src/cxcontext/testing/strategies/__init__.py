"""
Hypothesis strategies: vocabularies, journeys, contexts, envelopes, and hostile bytes.

``st.from_type`` knows `cxcontext.Journey`, `cxcontext.Context` and `cxcontext.Envelope`
by itself once the library is installed, and `AnyVocabulary` and `HostileBytes` from
here. Needs Hypothesis: ``pip install 'cxcontext[testing]'``.
"""

from cxcontext.testing.strategies.hostile import HostileBytes, hostile_bytes
from cxcontext.testing.strategies.journeys import contexts, envelopes, journeys
from cxcontext.testing.strategies.typed import Typed, records, same, types
from cxcontext.testing.strategies.vocabularies import (
    AnyVocabulary,
    Said,
    Talk,
    talks,
    vocabularies,
)

__all__ = [
    "AnyVocabulary",
    "HostileBytes",
    "Said",
    "Talk",
    "Typed",
    "contexts",
    "envelopes",
    "hostile_bytes",
    "journeys",
    "records",
    "same",
    "talks",
    "types",
    "vocabularies",
]
