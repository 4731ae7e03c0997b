"""
The ASGI middleware keeps the contract: Starlette under uvicorn.
"""

from __future__ import annotations

from contextlib import contextmanager

from loopback import Server
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from cxcontext.testing.contract import HTTPServerContract
from cxcontext.web.asgi import CustomerContextMiddleware


class TestAsynchronousHandlers(HTTPServerContract):
    """
    Coroutines and asynchronous generators, in one event loop.
    """

    module = "cxcontext.web.asgi"

    def answer(self, desk):
        """
        Return the handler of the plain answer.
        """

        async def answer(request):
            return with_headers(
                desk, Response(await desk.answer_async(request.headers))
            )

        return answer

    def parts(self, desk):
        """
        Return the stream.
        """
        return desk.parts_async()

    @contextmanager
    def serving(self, desk, propagator, *, required=False, **options):
        """
        Serve the desk behind the middleware.
        """

        async def stream(request):
            return with_headers(desk, StreamingResponse(self.parts(desk)))

        async def later(request):
            body = await desk.answer_async()
            task = BackgroundTask(desk.later)
            return with_headers(desk, Response(body, background=task))

        routes = {"/answer": self.answer(desk), "/stream": stream, "/later": later}
        app = Starlette(routes=[Route(path, to) for path, to in routes.items()])
        app.add_middleware(
            CustomerContextMiddleware,
            propagator=propagator,
            required=lambda scope: required,
            **options,
        )
        with Server() as server:
            server.app = app
            yield server.origin


class TestSynchronousHandlers(TestAsynchronousHandlers):
    """
    Functions and generators, in the threads of a pool.
    """

    def answer(self, desk):
        """
        Return the handler of the plain answer.
        """
        return lambda request: with_headers(
            desk, Response(desk.answer(request.headers))
        )

    def parts(self, desk):
        """
        Return the stream.
        """
        return desk.parts()


def with_headers(desk, response):
    """
    Put the desk's headers on a response.
    """
    for name, value in desk.headers:
        response.headers.append(name, value)
    return response
