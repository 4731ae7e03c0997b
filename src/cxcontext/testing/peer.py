"""
Whom the contract's clients talk to: a department behind a real socket.
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import cxcontext as cx
from cxcontext.testing.shop import PATIENCE_S, Process, Shop, Values, customer
from cxcontext.web import http


class Peer:
    """
    A department that answers every message with the name of the customer.

    For another protocol than HTTP, inherit, put a server around `serve`, and set
    `origin`.

    Attributes:
        origin: What a destination names.
        received: The values of each message, in the order in which they came.
        learns: The email address that each message makes it learn; None for none.
        says: A value for its responses, in place of what it learned.

    .. versionadded:: 0.1.0
    """

    def __init__(self, department: str = "billing") -> None:
        self.origin = ""
        self.received: list[list[str]] = []
        self.learns: str | None = None
        self.says: str | None = None
        self._propagator = cx.Propagator(Process().department(department))

    def serve(self, values: list[str]) -> tuple[bytes, list[str]]:
        """
        Take the values of one message; return the body and values of its response.
        """
        self.received.append(values)
        carrier, reply = Values(list(values)), Values()
        found = self._propagator.extract(carrier, name=http.FIELD)
        with cx.bound(found.journey):
            body = customer()
            if found.journey is not None and found.problem is None:
                if self.learns is not None:
                    found.journey.learn(Shop.email, self.learns)
                self._propagator.inject_reply(found.journey, reply, name=http.FIELD)
        return body, reply.values if self.says is None else [self.says]


class HTTPPeer(Peer):
    """
    The standard library's server, in threads of this process.

    Attributes:
        redirects: By path, where a request is sent on to instead.
        headers: Those of each request, names in small letters.

    .. versionadded:: 0.1.0
    """

    def __init__(self, department: str = "billing") -> None:
        super().__init__(department)
        self.redirects: dict[str, str] = {}
        self.headers: list[list[tuple[str, str]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler_of(peer: HTTPPeer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = PATIENCE_S
        # Head and body are two packets, and the second would wait for an answer.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            pairs = [(name.lower(), value) for name, value in self.headers.items()]
            peer.headers.append(pairs)
            body, reply = peer.serve(self.headers.get_all(http.FIELD, []))
            there = peer.redirects.get(self.path)
            self.send_response(200 if there is None else 307)
            if there is not None:
                self.send_header("Location", there)
            for value in reply:
                self.send_header(http.FIELD, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_: Any) -> None:  # noqa: A002
            """
            Say nothing.
            """

    return Handler
