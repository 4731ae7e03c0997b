"""
Asynchronous stores, asked as if they were not: so they pass the same tests.
"""

from __future__ import annotations

import asyncio
import inspect
import threading


class Awaited:
    """
    A store whose verbs are awaited on an event loop in a thread of its own.

    Args:
        made: Makes the asynchronous store; called, and awaited, on the loop.
    """

    def __init__(self, made):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.store = self._wait(self._make(made))

    def __repr__(self):
        return repr(self.store)

    def __getattr__(self, name):
        verb = getattr(self.store, name)
        return lambda *arguments, **options: self._wait(verb(*arguments, **options))

    def close(self):
        """
        Close the store, and end the loop.
        """
        self._wait(self.store.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _make(self, made):
        store = made()
        return await store if inspect.isawaitable(store) else store

    def _wait(self, awaitable):
        return asyncio.run_coroutine_threadsafe(awaitable, self._loop).result()
