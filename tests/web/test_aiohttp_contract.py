"""
The aiohttp middleware keeps the contract, on aiohttp's own server.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager

from aiohttp import web

from cxcontext.testing.contract import HTTPServerContract
from cxcontext.web.aiohttp import setup


class TestHandlers(HTTPServerContract):
    """
    Coroutines in one event loop, with streams that handlers write.
    """

    module = "cxcontext.web.aiohttp"

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

        app = web.Application()
        setup(app, propagator, required=lambda request: required, **options)
        for handler in (answer, stream, later):
            app.router.add_get(f"/{handler.__name__}", handler)
        with running(app) as origin:
            yield origin


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
