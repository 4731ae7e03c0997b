"""
Acme, whose journeys rest in a store.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

# Acme stands beside the tests of the core, and so do its fixtures.
_CORE = Path(__file__).parents[1] / "core"
if str(_CORE) not in sys.path:
    sys.path.insert(0, str(_CORE))
_spec = importlib.util.spec_from_file_location("acme_fixtures", _CORE / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)

ring = _fixtures.ring
clock = _fixtures.clock
world = _fixtures.world
elsewhere = _fixtures.elsewhere
sales = _fixtures.sales
support = _fixtures.support
billing = _fixtures.billing
ivr = _fixtures.ivr

pytest.register_assert_rewrite("claims", "crowds", "outages")

from servers import patient_stores  # noqa: E402

__all__ = ["patient_stores"]
