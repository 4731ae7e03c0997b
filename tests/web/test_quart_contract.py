"""
Quart, whose views require a journey, keeps the contracts under hypercorn.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager

from chatting import chatting
from hypercorn_server import hypercorn
from loopback import within
from quart import Quart, Response, request, websocket

import cxcontext as cx
from cxcontext.testing.contract import HTTPServerContract, WebSocketContract
from cxcontext.web.asgi import CustomerContextMiddleware
from cxcontext.web.quart import require_context


def quart_of(desk, propagator, *, required=False, **options):
    """
    Return a Quart that does the desk's work.
    """
    app = Quart(__name__)
    guarded = require_context if required else lambda view: view

    @app.get("/answer")
    @guarded
    async def answer():
        return Response(await desk.answer_async(request.headers.keys()))

    @app.get("/stream")
    @guarded
    async def stream():
        return Response(desk.parts_async())

    @app.get("/later")
    @guarded
    async def later():
        # It outlives the request.
        app.add_background_task(cx.carry(desk.later))
        return Response(await desk.answer_async())

    @app.websocket("/chat")
    @guarded
    async def chat():
        await websocket.accept(headers=desk.headers)
        try:
            while await websocket.receive():
                body = await desk.answer_async(websocket.headers.keys())
                await websocket.send(body.decode())
        except asyncio.CancelledError:
            desk.later()
            raise

    @app.after_request
    def add_headers(response):
        for name, value in desk.headers:
            response.headers.add(name, value)
        return response

    ours = CustomerContextMiddleware(app.asgi_app, propagator, **options)
    app.asgi_app = within(desk, ours)
    return app


class TestQuart(HTTPServerContract):
    """
    Coroutines and functions.
    """

    module = "cxcontext.web.quart"
    library = "quart"

    @contextmanager
    def serving(self, desk, propagator, **options):
        """
        Serve the desk behind the middleware.
        """
        with hypercorn(quart_of(desk, propagator, **options)) as origin:
            yield origin


class TestWebSockets(WebSocketContract):
    """
    Web sockets.
    """

    module = "cxcontext.web.quart"
    library = "quart"
    serving = TestQuart.serving

    def connect(self, origin, headers):
        """
        Open a web socket.
        """
        return chatting(origin, headers)
