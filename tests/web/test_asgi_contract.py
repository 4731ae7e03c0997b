"""
The ASGI middleware keeps the contracts: Starlette under uvicorn and hypercorn.
"""

from __future__ import annotations

from contextlib import contextmanager

from chatting import chatting
from hypercorn_server import hypercorn
from loopback import Server, within
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from cxcontext.testing.contract import HTTPServerContract, WebSocketContract
from cxcontext.web.asgi import CustomerContextMiddleware, RequireContext


def starlette_of(desk, propagator, *, required=False, **options):
    """
    Return a Starlette that does the desk's work in coroutines.
    """

    async def answer(request):
        return with_headers(desk, Response(await desk.answer_async(request.headers)))

    async def stream(request):
        return with_headers(desk, StreamingResponse(desk.parts_async()))

    async def later(request):
        body = await desk.answer_async()
        return with_headers(desk, Response(body, background=BackgroundTask(desk.later)))

    async def chat(socket):
        pairs = [(name.encode(), value.encode()) for name, value in desk.headers]
        await socket.accept(headers=pairs)
        try:
            while await socket.receive_text():
                body = await desk.answer_async(socket.headers)
                await socket.send_text(body.decode())
        except WebSocketDisconnect:
            desk.later()

    return app_of((answer, stream, later), chat, propagator, required, options)


def synchronous_of(desk, propagator, *, required=False, **options):
    """
    Return a Starlette that does it in the threads of a pool.
    """

    def answer(request):
        return with_headers(desk, Response(desk.answer(request.headers)))

    def stream(request):
        return with_headers(desk, StreamingResponse(desk.parts()))

    def later(request):
        task = BackgroundTask(desk.later)
        return with_headers(desk, Response(desk.answer(), background=task))

    return app_of((answer, stream, later), None, propagator, required, options)


def app_of(endpoints, chat, propagator, required, options):
    """
    Return the application, whose routes require a journey each by themselves.
    """
    guards = [Middleware(RequireContext)] if required else []
    routes = [Route(f"/{e.__name__}", e, middleware=guards) for e in endpoints]
    routes.append(WebSocketRoute("/chat", chat, middleware=guards))
    app = Starlette(routes=routes)
    app.add_middleware(CustomerContextMiddleware, propagator=propagator, **options)
    return app


def with_headers(desk, response):
    """
    Put the desk's headers on a response.
    """
    for name, value in desk.headers:
        response.headers.append(name, value)
    return response


class TestCoroutines(HTTPServerContract):
    """
    Coroutines and asynchronous generators, in one event loop.
    """

    module = "cxcontext.web.asgi"
    make = staticmethod(starlette_of)

    @contextmanager
    def serving(self, desk, propagator, **options):
        """
        Serve the desk behind the middleware.
        """
        with Server() as server:
            server.app = within(desk, self.make(desk, propagator, **options))
            yield server.origin


class TestFunctions(TestCoroutines):
    """
    Functions and generators, in the threads of a pool.
    """

    make = staticmethod(synchronous_of)


class TestWebSockets(WebSocketContract):
    """
    Web sockets of Starlette.
    """

    module = "cxcontext.web.asgi"
    make = staticmethod(starlette_of)
    serving = TestCoroutines.serving

    def connect(self, origin, headers):
        """
        Open a web socket.
        """
        return chatting(origin, headers)


class TestHypercorn(HTTPServerContract):
    """
    The same coroutines under another server.
    """

    module = "cxcontext.web.asgi"
    make = staticmethod(starlette_of)

    @contextmanager
    def serving(self, desk, propagator, **options):
        """
        Serve the desk behind the middleware.
        """
        app = within(desk, self.make(desk, propagator, **options))
        with hypercorn(app) as origin:
            yield origin


class TestHypercornWebSockets(TestWebSockets):
    """
    Web sockets under another server.
    """

    serving = TestHypercorn.serving
