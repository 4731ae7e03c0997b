"""
For users' tests: throw-away domains, stories, assertions, and ways to break things.

pytest finds the fixtures by itself: ``cx_shop``, ``cx_story``, ``cx_domain``, ``cx_home``
and ``cx_clock``. Nothing here needs pytest, and nothing but `strategies` needs
Hypothesis. In modules of their own: `contract`, what every adapter keeps;
`misbehaving`, carriers as the real ones are; `strategies`, for property tests.
"""

from cxcontext.testing.bleeding import bleed_guard, over_asgi, over_wsgi
from cxcontext.testing.canary import assert_no_values
from cxcontext.testing.clock import FrozenClock
from cxcontext.testing.fitting import assert_fits
from cxcontext.testing.integrity import assert_intact
from cxcontext.testing.logs import Logs
from cxcontext.testing.observed import ObservedQuestion, ObservedQuestions
from cxcontext.testing.privacy import assert_private
from cxcontext.testing.reasked import assert_never_reasked
from cxcontext.testing.sample import SampleShop
from cxcontext.testing.story import Story
from cxcontext.testing.tampering import Tampered, tampered
from cxcontext.testing.throw_away import ThrowAwayDomain

__all__ = [
    "FrozenClock",
    "Logs",
    "ObservedQuestion",
    "ObservedQuestions",
    "SampleShop",
    "Story",
    "Tampered",
    "ThrowAwayDomain",
    "assert_fits",
    "assert_intact",
    "assert_never_reasked",
    "assert_no_values",
    "assert_private",
    "bleed_guard",
    "over_asgi",
    "over_wsgi",
    "tampered",
]
