"""
Acme, which can be telephoned.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

# Acme stands beside the tests of the core, and so do its fixtures; the server beside
# those of the web.
_TESTS = Path(__file__).parents[1]
for _folder in ("core", "homes", "stores", "web"):
    if str(_TESTS / _folder) not in sys.path:
        sys.path.insert(0, str(_TESTS / _folder))
_spec = importlib.util.spec_from_file_location(
    "acme_fixtures", _TESTS / "core" / "conftest.py"
)
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

from calls import Desk  # noqa: E402
from exchange import WAYS, Exchange  # noqa: E402
from keeping import ENGINES, opened  # noqa: E402


@pytest.fixture(params=ENGINES)
def store(request, tmp_path):
    """
    An empty store of each engine that needs no server.
    """
    yield from opened(request.param, tmp_path)


@pytest.fixture(params=WAYS)
def exchange(request, store, world):
    """
    Acme's departments with their ladders, waiting and awaiting.
    """
    return Exchange(store, world, request.param)


@pytest.fixture
def desk(world):
    """
    Where calls and chats meet.
    """
    return Desk(world)
