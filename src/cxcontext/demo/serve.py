"""
One department's process: its application, served by uvicorn on a free port.

The first line on standard input says which department it is, where its folder
lies and how to reach others; the first on standard output says its port. When
standard input ends, so does the process: however the parent goes, nothing is
left behind.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import uvicorn

from cxcontext.demo.back import Billing, Support
from cxcontext.demo.desk import Desk
from cxcontext.demo.front import Bot, Phone, Sales

DESKS: Final[Mapping[str, type[Desk]]] = {
    "bot": Bot,
    "sales": Sales,
    "support": Support,
    "billing": Billing,
    "phone": Phone,
}


def serve(name: str, folder: str, peers: Mapping[str, str]) -> None:
    """
    Serve one department until standard input ends.
    """
    app = DESKS[name](name, Path(folder), peers).app()
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    watch = threading.Thread(target=_until_the_parent_goes, args=(server,), daemon=True)
    watch.start()
    print(listening.getsockname()[1], flush=True)  # noqa: T201 - it is read
    server.run(sockets=[listening])


def _until_the_parent_goes(server: uvicorn.Server) -> None:
    # Not through sys.stdin, whose lock would be held when the interpreter ends.
    while os.read(0, 1):
        pass
    server.should_exit = True


if __name__ == "__main__":
    serve(**json.loads(sys.stdin.readline()))
