"""
An event loop in a thread, for tests whose callers are threads.
"""

from __future__ import annotations

import asyncio
import threading

import cxcontext as cx

PATIENCE_S = 60


class Loop:
    """
    A loop that runs while entered.
    """

    def __enter__(self):
        """
        Start it.
        """
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        return self

    def __exit__(self, *exception):
        """
        Cancel what is left, and stop.
        """

        async def cancel():
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.run(cancel())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def start(self, coroutine):
        """
        Start a coroutine, with the journey that is current here.
        """

        async def awaited():
            return await coroutine

        return asyncio.run_coroutine_threadsafe(cx.carry(awaited)(), self.loop)

    def run(self, coroutine):
        """
        Do the same, and return its result.
        """
        return self.start(coroutine).result(PATIENCE_S)
