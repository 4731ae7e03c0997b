"""
Acme, whose departments talk over real sockets.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
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

from loopback import Server  # noqa: E402 - beside this file


@pytest.fixture(scope="session")
def servers() -> Iterator[tuple[Server, Server]]:
    """
    Two servers that run as long as the tests do.
    """
    with Server() as one, Server() as other:
        yield one, other


@pytest.fixture
def server(servers: tuple[Server, Server]) -> Server:
    """
    The first server, which only says hello as yet.
    """
    servers[0].reset()
    return servers[0]


@pytest.fixture
def second(servers: tuple[Server, Server]) -> Server:
    """
    The second server, at another origin.
    """
    servers[1].reset()
    return servers[1]


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    """
    A client that knows nothing of journeys.
    """
    with httpx.Client(trust_env=False) as client:
        yield client
