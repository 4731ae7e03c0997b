"""
Routes that require a journey, in the way of each framework.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager

import httpx
import pytest
from aiohttp import web
from flask import Flask
from flask.views import MethodView
from hypercorn_server import hypercorn
from loopback import Server
from quart import Quart
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from test_aiohttp_contract import running
from test_wsgi_contract import running as running_wsgi
from werkzeug import serving

import cxcontext as cx
from cxcontext.errors import UsageError
from cxcontext.testing.contract import Process, Shop
from cxcontext.web import aiohttp as ours_aiohttp
from cxcontext.web import flask as ours_flask
from cxcontext.web import quart as ours_quart
from cxcontext.web.asgi import CustomerContextMiddleware, RequireContext
from cxcontext.web.wsgi import CustomerContextMiddleware as WSGIMiddleware


def name():
    """
    Return the current customer's name.
    """
    return cx.require_current().recall(Shop.name)


def propagator():
    """
    Return one of billing, in a process of its own.
    """
    return cx.Propagator(Process().department("billing"))


@contextmanager
def starlette(*, wrapped):
    """
    Starlette, whose routes have middlewares.
    """
    app = Starlette(
        routes=[
            Route(
                "/often",
                lambda request: PlainTextResponse(name()),
                middleware=[Middleware(RequireContext)],
            ),
            Route(
                "/once",
                lambda request: PlainTextResponse(name()),
                middleware=[Middleware(RequireContext, once=True)],
            ),
        ]
    )
    if wrapped:
        app.add_middleware(CustomerContextMiddleware, propagator=propagator())
    with Server() as server:
        server.app = app
        yield server.origin


@contextmanager
def flask(*, wrapped):
    """
    Flask, whose views are decorated: functions and classes'.
    """
    app = Flask(__name__)
    app.add_url_rule("/often", "often", ours_flask.require_context(name))

    class Once(MethodView):
        decorators = (ours_flask.require_context(once=True),)

        def get(self):
            return name()

    app.add_url_rule("/once", view_func=Once.as_view("once"))
    if wrapped:
        app.wsgi_app = WSGIMiddleware(app.wsgi_app, propagator())
    server = serving.make_server("127.0.0.1", 0, app, threaded=True)
    with running_wsgi(server) as origin:
        yield origin


@contextmanager
def quart(*, wrapped):
    """
    Quart, whose views are decorated: functions and coroutines.
    """
    app = Quart(__name__)

    @app.get("/often")
    @ours_quart.require_context
    def often():
        return name()

    @app.get("/once")
    @ours_quart.require_context(once=True)
    async def once():
        return name()

    if wrapped:
        app.asgi_app = CustomerContextMiddleware(app.asgi_app, propagator())
    with hypercorn(app) as origin:
        yield origin


@contextmanager
def aiohttps(*, wrapped):
    """
    aiohttp, whose handlers are decorated.
    """

    @ours_aiohttp.require_context
    async def often(request):
        return web.Response(text=name())

    @ours_aiohttp.require_context(once=True)
    async def once(request):
        return web.Response(text=name())

    app = web.Application()
    if wrapped:
        ours_aiohttp.setup(app, propagator())
    app.router.add_get("/often", often)
    app.router.add_get("/once", once)
    with running(app) as origin:
        yield origin


@pytest.fixture(params=[starlette, flask, quart, aiohttps], ids=lambda f: f.__name__)
def framework(request):
    """
    How an application of some framework is served.
    """
    return request.param


def ask(origin, path, *values):
    """
    Send one request with these values.
    """
    headers = [("Customer-Context", str(value)) for value in values]
    return httpx.get(origin + path, headers=headers, trust_env=False)


def test_a_route_may_take_each_delivery_once(framework):
    """
    Where once is meant a delivery that comes again is refused, elsewhere it is served.
    """
    often, once = (Process().begin().hand_over("billing") for _ in range(2))
    with framework(wrapped=True) as origin:
        found = [ask(origin, "/often", often).status_code for _ in range(2)]
        found += [ask(origin, "/once", once).status_code for _ in range(2)]
        code = ask(origin, "/once", once).json()["code"]

    assert ([200, 200, 200, 400], "replayed") == (found, code)


def test_requiring_without_the_middleware_is_an_error(framework):
    """
    A route cannot require what nobody looks for: it fails and serves nobody.
    """
    with framework(wrapped=False) as origin:
        assert 500 == ask(origin, "/often").status_code


def test_the_error_says_what_to_do():
    """
    Whoever forgot the middleware is told which, and where it goes.
    """

    async def app(scope, receive, send):
        raise AssertionError("served")

    with pytest.raises(UsageError, match="add CustomerContextMiddleware"):
        asyncio.run(RequireContext(app)({"type": "http"}, None, None))
