"""
The ASGI middleware keeps the contracts in Litestar, under uvicorn.
"""

from __future__ import annotations

from contextlib import contextmanager

from chatting import chatting
from litestar import Litestar, Request, Response, WebSocket, get, websocket
from litestar.background_tasks import BackgroundTask
from litestar.exceptions import WebSocketDisconnect
from litestar.middleware import DefineMiddleware
from litestar.response import Stream
from loopback import Server, within

from cxcontext.testing.contract import HTTPServerContract, WebSocketContract
from cxcontext.web.asgi import CustomerContextMiddleware, RequireContext


def litestar_of(desk, propagator, *, required=False, **options):
    """
    Return a Litestar that does the desk's work.
    """
    guards = [RequireContext] if required else []

    def with_headers(response):
        for name, value in desk.headers:
            response.headers[name] = value
        return response

    @get("/answer", middleware=guards)
    async def answer(request: Request) -> Response[bytes]:
        return with_headers(Response(await desk.answer_async(request.headers)))

    @get("/stream", middleware=guards, sync_to_thread=True)
    def stream() -> Stream:
        return with_headers(Stream(desk.parts_async()))

    @get("/later", middleware=guards, sync_to_thread=True)
    def later() -> Response[bytes]:
        task = BackgroundTask(desk.later)
        return with_headers(Response(desk.answer(), background=task))

    @websocket("/chat", middleware=guards)
    async def chat(socket: WebSocket) -> None:
        await socket.accept(headers=dict(desk.headers))
        try:
            while await socket.receive_text():
                body = await desk.answer_async(socket.headers)
                await socket.send_text(body.decode())
        except WebSocketDisconnect:
            desk.later()

    ours = DefineMiddleware(CustomerContextMiddleware, propagator=propagator, **options)
    return Litestar(
        [answer, stream, later, chat], middleware=[ours], logging_config=None
    )


class TestLitestar(HTTPServerContract):
    """
    Coroutines and functions.
    """

    module = "cxcontext.web.asgi"

    @contextmanager
    def serving(self, desk, propagator, **options):
        """
        Serve the desk behind the middleware.
        """
        with Server() as server:
            server.app = within(desk, litestar_of(desk, propagator, **options))
            yield server.origin


class TestWebSockets(WebSocketContract):
    """
    Web sockets.
    """

    module = "cxcontext.web.asgi"
    serving = TestLitestar.serving

    def connect(self, origin, headers):
        """
        Open a web socket.
        """
        return chatting(origin, headers)
