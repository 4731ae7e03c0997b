"""
A store whose calls are made in threads.
"""

from __future__ import annotations

import asyncio
import threading

import pytest
from awaited import Awaited
from claims import NOW_S, StoreClaims

from cxcontext.stores.memory import MemoryStore
from cxcontext.stores.sqlite import SQLiteStore
from cxcontext.stores.threads import InThreads


class Closable(InThreads):
    """
    One that ends with its test.
    """

    async def close(self):
        """
        Close what has connections.
        """
        if isinstance(self._store, SQLiteStore):
            self._store.close()


class TestInThreads(StoreClaims):
    """
    Every claim about stores holds for it.
    """

    @pytest.fixture(params=["memory", "sqlite"])
    def store(self, request, tmp_path):
        """
        An empty store of either engine, awaited.
        """
        kept = (
            MemoryStore()
            if request.param == "memory"
            else SQLiteStore(tmp_path / "home.db", synchronous="NORMAL")
        )
        store = Awaited(lambda: Closable(kept))
        yield store
        store.close()

    def test_it_shows_whose_calls_it_makes(self):
        """
        The representation is of both.
        """
        assert "<InThreads of <MemoryStore of 0 records>>" == repr(
            InThreads(MemoryStore())
        )

    def test_the_loop_goes_on_meanwhile(self):
        """
        A call that takes long keeps nothing else from being done.
        """

        meanwhile = threading.Event()

        class Slow(MemoryStore):
            def load(self, key, *, now_s):
                assert meanwhile.wait(10)
                return super().load(key, now_s=now_s)

        async def both():
            call = asyncio.create_task(InThreads(Slow()).load(b"place", now_s=NOW_S))
            await asyncio.sleep(0.01)
            meanwhile.set()
            return await call

        assert asyncio.run(both()) is None
