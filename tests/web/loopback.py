"""
Real servers on the loopback interface: uvicorn, sockets, and nothing between.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any, Self

import httpx
import uvicorn

from cxcontext.testing.contract import Desk

TRACE = 5  # below DEBUG; there uvicorn tells of every message
PATIENCE_S = 30.0

Headers = list[tuple[bytes, bytes]]


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """
    Answer "hello", whatever was asked.
    """
    await answer(send, b"hello")


async def answer(
    send: Any,
    body: bytes = b"",
    *,
    status: int = 200,
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> None:
    """
    Send one whole response.
    """
    start = {"type": "http.response.start", "status": status, "headers": [*headers]}
    await send(start)
    await send({"type": "http.response.body", "body": body})


class Server:
    """
    A uvicorn server in a thread of this process, whose application is exchanged.

    Attributes:
        app: What answers now.
        received: The headers of each request, as they came off the socket.
    """

    def __init__(self) -> None:
        self.app: Callable[..., Any] = hello
        self.received: list[Headers] = []
        self._served = threading.Semaphore(0)
        self._socket = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            self,
            interface="asgi3",
            lifespan="off",
            # The other one's library logs the headers of handshakes at DEBUG.
            ws="wsproto",
            log_config=None,
            log_level=TRACE,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        # The socket listens already, so whoever connects first only waits.
        self._server.run(sockets=[self._socket])

    @property
    def port(self) -> int:
        """
        Where it listens.
        """
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def origin(self) -> str:
        """
        What a destination names.
        """
        return f"http://127.0.0.1:{self.port}"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """
        Note what came, and let the present application answer it.
        """
        # The test that asked may be over before the application is.
        served = self._served
        self.received.append([*scope["headers"]])
        try:
            await self.app(scope, receive, send)
        finally:
            served.release()

    def wait(self, requests: int = 1) -> None:
        """
        Return when so many more requests were served to the very end.

        A client has its response before the application returns.
        """
        for _ in range(requests):
            assert self._served.acquire(timeout=PATIENCE_S), "nothing was served"

    def values(self, name: bytes = b"customer-context") -> list[list[bytes]]:
        """
        Return what each request had under *name*.
        """
        return [[v for key, v in headers if key == name] for headers in self.received]

    def reset(self) -> None:
        """
        Forget the former test.
        """
        self.app = hello
        self.received = []
        self._served = threading.Semaphore(0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


class AnyOrigin(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """
    A transport that finds every origin at one server, as a name server may.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """
        Send one hop to the server, over a connection of its own.
        """
        with httpx.Client(trust_env=False) as client:
            return client.send(self._moved(request))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """
        Send one hop to the server, over a connection of its own.
        """
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.send(self._moved(request))

    def _moved(self, request: httpx.Request) -> httpx.Request:
        headers = request.headers.raw
        return httpx.Request(request.method, self._server.origin, headers=headers)


def within(desk: Desk, app: Callable[..., Any]) -> Callable[..., Any]:
    """
    Return the application *app*, served within what is around the desk.
    """

    async def outside(scope: Any, receive: Any, send: Any) -> None:
        with desk.outside():
            await app(scope, receive, send)

    return outside
