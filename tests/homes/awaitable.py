"""
A store in memory that is awaited.
"""

from __future__ import annotations

import asyncio

from cxcontext.stores.memory import MemoryStore


class Awaitable:
    """
    A store in memory that is awaited.
    """

    def __init__(self):
        self._store = MemoryStore()

    def __getattr__(self, name):
        method = getattr(self._store, name)

        async def awaited(*arguments, **options):
            await asyncio.sleep(0)
            return method(*arguments, **options)

        return awaited
