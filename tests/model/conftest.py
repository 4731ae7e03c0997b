"""
One shop for every test of the model, with keys that are made once.
"""

from __future__ import annotations

import pytest
import shop


@pytest.fixture(scope="session")
def keys() -> shop.Keys:
    """
    Every department's keys. Never changed.
    """
    return shop.Keys()


@pytest.fixture
def floor(keys: shop.Keys) -> shop.Floor:
    """
    Everybody at the shop, on the first day.
    """
    return shop.Floor(keys)
