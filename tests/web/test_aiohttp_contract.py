"""
The aiohttp middlewares keep the contracts, of servers, web sockets and clients.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager

import aiohttp
from aiohttp import web
from chatting import chatting

from cxcontext.testing.contract import (
    Answer,
    HTTPClientContract,
    HTTPServerContract,
    WebSocketContract,
)
from cxcontext.web.aiohttp import CustomerContextMiddleware, require_context, setup


class TestHandlers(HTTPServerContract):
    """
    Coroutines in one event loop, with streams that handlers write.
    """

    module = "cxcontext.web.aiohttp"
    library = "aiohttp"

    @contextmanager
    def serving(self, desk, propagator, *, required=False, **options):
        """
        Serve the desk behind the middleware.
        """

        async def answer(request):
            body = await desk.answer_async(request.headers)
            return with_headers(desk, web.Response(body=body))

        async def stream(request):
            response = with_headers(desk, web.StreamResponse())
            await response.prepare(request)
            parts = desk.parts_async()
            try:
                async for part in parts:
                    await response.write(part)
            finally:
                await parts.aclose()
            return response

        async def later(request):
            response = with_headers(desk, web.Response(body=await desk.answer_async()))
            await response.prepare(request)
            await response.write_eof()
            desk.later()
            return response

        async def chat(request):
            socket = with_headers(desk, web.WebSocketResponse())
            await socket.prepare(request)
            async for _ in socket:
                body = await desk.answer_async(request.headers)
                await socket.send_str(body.decode())
            desk.later()
            return socket

        @web.middleware
        async def outside(request, handler):
            with desk.outside():
                return await handler(request)

        app = web.Application(middlewares=[outside])
        setup(app, propagator, **options)
        for handler in (answer, stream, later, chat):
            guarded = require_context(handler) if required else handler
            app.router.add_get(f"/{handler.__name__}", guarded)
        with running(app) as origin:
            yield origin


class TestWebSockets(WebSocketContract):
    """
    Web sockets, each of which is one handler.
    """

    module = "cxcontext.web.aiohttp"
    library = "aiohttp"
    serving = TestHandlers.serving

    def connect(self, origin, headers):
        """
        Open a web socket.
        """
        return chatting(origin, headers)


class TestClient(HTTPClientContract):
    """
    A session and an event loop for each message, for threads cannot share them.
    """

    module = "cxcontext.web.aiohttp"
    library = "aiohttp"
    # aiohttp's responses are not changed.
    replies_stay = True

    @contextmanager
    def sending(self, propagator):
        """
        Send by sessions that have the middleware.
        """

        async def get(url, headers):
            ours = CustomerContextMiddleware(propagator)
            async with (
                aiohttp.ClientSession(middlewares=[ours]) as session,
                session.get(url, headers=[*headers]) as response,
            ):
                asked = [r.request_info for r in (*response.history, response)]
                return Answer(
                    response.status,
                    [*response.headers.items()],
                    await response.read(),
                    shown=repr((response, response.headers, asked)),
                )

        yield lambda url, headers: asyncio.run(get(url, headers))


def with_headers(desk, response):
    """
    Put the desk's headers on a response.
    """
    response.headers.extend(desk.headers)
    return response


@contextmanager
def running(app):
    """
    Serve an application from a loop in a thread; give its origin.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def wait_for(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    try:
        wait_for(runner.setup())
        wait_for(web.TCPSite(runner, "127.0.0.1", 0).start())
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        wait_for(runner.cleanup())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
