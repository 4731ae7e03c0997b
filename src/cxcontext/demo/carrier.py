"""
The network between two departments: it passes everything on, and looks.

It has no key. It is where a proxy, a load balancer or a thief stands: it can
keep what goes by, take it away, and change it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from email.message import Message
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import attrs

from cxcontext.core import base64url
from cxcontext.web import http

PREFIX: Final = "cx1."


@attrs.frozen(kw_only=True)
class Passage:
    """
    One request that went by, and its response.
    """

    target: str
    body: bytes = attrs.field(repr=False)
    sent: str | None = attrs.field(repr=False)
    returned: str | None = attrs.field(repr=False)

    @property
    def sizes_bytes(self) -> tuple[int, ...]:
        """
        How long the values of the field were, there and back.
        """
        return tuple(len(value) for value in (self.sent, self.returned) if value)


class Carrier:
    """
    A proxy on a port of its own, before one department.

    Attributes:
        port: Of the department; set when it is up.
        passages: What went by.
        tampers_next: Whether it changes a bit of the next envelope.
        strips: Whether it takes every envelope away.
    """

    def __init__(self) -> None:
        self.port = 0
        self.passages: list[Passage] = []
        self.tampers_next = False
        self.strips = False
        carrier = self

        class Handler(_Handler):
            road = carrier

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        # A short interval, since closing waits for it.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def origin(self) -> str:
        """
        Where it is reached.
        """
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """
        Stop listening.
        """
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def handle(self, value: str | None) -> str | None:
        """
        Return what is passed on in place of an envelope.
        """
        if value is None or self.strips:
            return None
        if self.tampers_next:
            self.tampers_next = False
            return tampered(value)
        return value


def tampered(value: str) -> str:
    """
    Return a text form in which one bit has changed, and nothing else is wrong.
    """
    data = bytearray(base64url.decode(value.removeprefix(PREFIX)))
    # Near the end, where the delivery's signature stands.
    data[-8] ^= 1
    return PREFIX + base64url.encode(bytes(data))


class _Handler(BaseHTTPRequestHandler):
    road: Carrier

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        value = self.headers[http.FIELD]
        headers = dict(_without_field(self.headers))
        passed_on = self.road.handle(value)
        if passed_on is not None:
            headers[http.FIELD] = passed_on
        connection = HTTPConnection("127.0.0.1", self.road.port, timeout=10)
        try:
            connection.request("POST", self.path, body, headers)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        returned = response.headers[http.FIELD]
        passage = Passage(target=self.path, body=body, sent=value, returned=returned)
        self.road.passages.append(passage)
        self.send_response_only(response.status)
        for name, text in _without_field(response.headers):
            self.send_header(name, text)
        self.send_header("content-length", str(len(answer)))
        if returned is not None and not self.road.strips:
            self.send_header(http.FIELD, returned)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass  # what goes by is nobody's business


def _without_field(headers: Message[str, str]) -> Iterable[tuple[str, str]]:
    """
    Return what is passed on as it is; not what belongs to one connection.
    """
    return [
        (name, value) for name, value in headers.items() if name.lower() not in _OWN
    ]


_OWN: Final = frozenset(
    (http.FIELD.lower(), "connection", "content-length", "transfer-encoding")
)
