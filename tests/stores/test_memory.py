"""
The store in memory.
"""

from __future__ import annotations

import pytest
from claims import StoreClaims, put

from cxcontext.stores.memory import MemoryStore


class TestMemoryStore(StoreClaims):
    """
    Every claim about stores holds for it.
    """

    @pytest.fixture
    def store(self):
        """
        An empty one.
        """
        return MemoryStore()

    def test_its_repr_counts(self, store):
        """
        The representation says how many records there are.
        """
        put(store, b"1")

        assert "<MemoryStore of 1 records>" == repr(store)

    def test_two_are_two(self, store):
        """
        What rests in one is not in another.
        """
        put(store, b"1")

        assert "<MemoryStore of 0 records>" == repr(MemoryStore())
