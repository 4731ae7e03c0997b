"""
A client of web sockets that knows nothing of journeys.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from loopback import PATIENCE_S
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from cxcontext.testing.contract import Answer, HandshakeError, Headers, Socket

# At DEBUG it tells what it sends, headers too: of our own client nobody learns it.
_SILENT = logging.getLogger("silent")
_SILENT.propagate = False


@contextmanager
def chatting(origin: str, headers: Headers) -> Iterator[Socket]:
    """
    Open a web socket at ``/chat`` while entered.
    """
    try:
        socket = connect(
            f"ws{origin.removeprefix('http')}/chat",
            additional_headers=[*headers],
            open_timeout=PATIENCE_S,
            proxy=None,
            logger=_SILENT,
        )
    except InvalidStatus as refused:
        raise HandshakeError(_answer_of(refused.response)) from None

    def turn() -> bytes:
        socket.send("hello")
        return str(socket.recv(timeout=PATIENCE_S)).encode()

    with socket:
        yield Socket(_answer_of(socket.response), turn)


def _answer_of(response) -> Answer:
    pairs = [*response.headers.raw_items()]
    return Answer(response.status_code, pairs, bytes(response.body or b""))
