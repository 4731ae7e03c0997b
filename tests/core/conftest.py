"""
A world at Acme for every test, with keys that are made once a session.
"""

from __future__ import annotations

from typing import Any

import pytest
from acme import Clock, World, ring_of
from forge import Forge

from cxcontext.core.department import Department
from cxcontext.core.domain import TrustDomain
from cxcontext.core.events import Event
from cxcontext.core.keygen import KeyRing


@pytest.fixture(scope="session")
def ring() -> KeyRing:
    """
    Every department's keys, public and private. Never changed.
    """
    return ring_of()


@pytest.fixture
def clock() -> Clock:
    """
    Stands at `START` until it is advanced.
    """
    return Clock()


@pytest.fixture
def world(ring: KeyRing, clock: Clock) -> World:
    """
    All of Acme in one process.
    """
    return World(ring, clock)


@pytest.fixture
def elsewhere(ring: KeyRing, clock: Clock) -> World:
    """
    Acme in another process: the same keys and clock, and cold caches.
    """
    return World(ring, clock)


@pytest.fixture
def domain(world: World) -> TrustDomain[Any]:
    """
    The trust domain of the world.
    """
    return world.domain


@pytest.fixture
def events(world: World) -> list[Event]:
    """
    Every event of the world, oldest first.
    """
    return world.events


@pytest.fixture
def sales(world: World) -> Department[Any]:
    """
    Writes payment, and cannot read it.
    """
    return world["sales"]


@pytest.fixture
def support(world: World) -> Department[Any]:
    """
    Verifies identity, and alone reads notes.
    """
    return world["support"]


@pytest.fixture
def billing(world: World) -> Department[Any]:
    """
    Alone reads payment, and verifies balance and account.
    """
    return world["billing"]


@pytest.fixture
def ivr(world: World) -> Department[Any]:
    """
    Reads contact only, and verifies identity.
    """
    return world["ivr"]


@pytest.fixture
def forge(ring: KeyRing) -> Forge:
    """
    Whoever has every department's keys, at the instant `START`.
    """
    return Forge(ring)


@pytest.fixture(scope="session")
def forge_once(ring: KeyRing) -> Forge:
    """
    The same for tests that Hypothesis repeats.
    """
    return Forge(ring)
