"""
hypercorn on the loopback interface, in a thread of this process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config


@contextmanager
def hypercorn(app: Any) -> Iterator[str]:
    """
    Serve an ASGI application while entered; give the origin.
    """
    config = Config()
    config.errorlog = logging.getLogger("hypercorn.error")
    config.graceful_timeout = 0.1
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # It closes the one that it is given.
        config.bind = [f"fd://{os.dup(listening.fileno())}"]
        work = serve(app, config, shutdown_trigger=stop.wait, mode="asgi")
        thread = threading.Thread(target=loop.run_until_complete, args=(work,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()
