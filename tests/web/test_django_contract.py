"""
The Django middleware keeps the contract, under uvicorn and under Django's own server.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from types import ModuleType

import django
from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path
from django.utils.decorators import sync_and_async_middleware
from loopback import Server

from cxcontext.testing.contract import HTTPServerContract
from cxcontext.web.django import MIDDLEWARE, require_context

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        LOGGING_CONFIG=None,
        SECRET_KEY="of the tests",
        USE_TZ=True,
    )
    django.setup(set_prefix=False)


def with_headers(desk, response):
    """
    Put the desk's headers on a response.
    """
    for name, value in desk.headers:
        response[name] = value
    return response


@sync_and_async_middleware
def outside(get_response):
    """
    Be the middleware around ours.
    """
    desk = settings.DESK

    def serve(request):
        with desk.outside():
            return get_response(request)

    async def serve_async(request):
        with desk.outside():
            return await get_response(request)

    return serve_async if iscoroutinefunction(get_response) else serve


class After:
    """
    A body of one part, and what is done when it was read.
    """

    def __init__(self, body, work):
        self.body, self.work = body, work

    def __iter__(self):
        yield self.body
        self.work()


@contextmanager
def configured(desk, views, propagator, *, required=False, edge=False, returns=False):
    """
    Have Django serve these views.
    """
    urls = ModuleType("urls")
    guarded = {n: require_context(v) if required else v for n, v in views.items()}
    urls.urlpatterns = [path(name, view) for name, view in guarded.items()]
    given = {"PROPAGATOR": propagator, "EDGE": edge, "RETURNS": returns}
    with override_settings(
        CXCONTEXT=given,
        DESK=desk,
        MIDDLEWARE=[f"{__name__}.outside", MIDDLEWARE],
        ROOT_URLCONF=urls,
    ):
        yield


class TestWSGI(HTTPServerContract):
    """
    Functions and generators, in threads.
    """

    module = "cxcontext.web.django"

    @contextmanager
    def serving(self, desk, propagator, **options):
        """
        Serve the desk behind the middleware.
        """

        def answer(request):
            return with_headers(desk, HttpResponse(desk.answer(request.headers)))

        def stream(request):
            return with_headers(desk, StreamingHttpResponse(desk.parts()))

        def later(request):
            body = After(desk.answer(), desk.later)
            return with_headers(desk, StreamingHttpResponse(body))

        views = {"answer": answer, "stream": stream, "later": later}
        with configured(desk, views, propagator, **options):
            server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
            server.daemon_threads = True
            server.set_app(WSGIHandler())
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            yield f"http://127.0.0.1:{server.server_address[1]}"
            server.shutdown()
            thread.join()
            server.server_close()


class TestASGI(HTTPServerContract):
    """
    Coroutines and asynchronous generators, in one event loop.
    """

    module = "cxcontext.web.django"

    @contextmanager
    def serving(self, desk, propagator, **options):
        """
        Serve the desk behind the middleware.
        """

        async def answer(request):
            body = await desk.answer_async(request.headers)
            return with_headers(desk, HttpResponse(body))

        async def stream(request):
            return with_headers(desk, StreamingHttpResponse(desk.parts_async()))

        async def later(request):
            body = await desk.answer_async()

            async def parts():
                yield body
                desk.later()

            return with_headers(desk, StreamingHttpResponse(parts()))

        views = {"answer": answer, "stream": stream, "later": later}
        with (
            configured(desk, views, propagator, **options),
            Server() as server,
        ):
            server.app = ASGIHandler()
            yield server.origin
