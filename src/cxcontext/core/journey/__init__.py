"""
The journey: the live handle that application code holds.

One room per group of verbs; each builds upon the one before: state, reading,
learning, asking, promising, handing over.
"""

from cxcontext.core.journey.handing_over import Journey
from cxcontext.core.journey.reading import Explained

__all__ = ["Explained", "Journey"]
