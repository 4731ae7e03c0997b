"""
An application that mixes customers up is caught, and one that does not is not.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

import cxcontext as cx
from cxcontext.testing import (
    SampleShop,
    ThrowAwayDomain,
    bleed_guard,
    over_asgi,
    over_wsgi,
)
from cxcontext.web.asgi import CustomerContextMiddleware as ASGIMiddleware
from cxcontext.web.wsgi import CustomerContextMiddleware as WSGIMiddleware

SHOP = ThrowAwayDomain(SampleShop)
NAME = SampleShop.full_name


def customer(name):
    """
    Return the journey of somebody at sales.
    """
    return SHOP.story().began("sales", channel="chat").told(NAME, name).journey


@pytest.fixture
def two():
    """
    Two customers.
    """
    return customer("Ada Alpha"), customer("Ben Bravo")


def complaint(visit, two, **options):
    """
    Return what the guard says, which has no value.
    """
    with pytest.raises(AssertionError) as ei:
        bleed_guard(visit, *two, **options)
    said = str(ei.value)
    assert not any(name in said for name in ("Ada", "Ben"))
    return said


def greeting():
    """
    Return what an application says to whoever is there.
    """
    journey = cx.current()
    return "nobody" if journey is None else f"Hello {journey.recall(NAME)}"


# --- callables -----------------------------------------------------------------


def test_a_careful_function_passes(two):
    """
    What binds and restores keeps customers apart, also from somebody without one.
    """

    def visit(journey):
        with cx.bound(journey):
            return greeting()

    bleed_guard(visit, *two, nobody=True)


def test_what_is_left_behind_is_found(two):
    """
    A variable that is set and not set back shows the one to the next.
    """
    last = contextvars.ContextVar("last", default=None)

    def visit(journey):
        if journey is not None:
            last.set(journey)
        return last.get().recall(NAME)

    said = complaint(visit, two, nobody=True)

    assert "full_name of another customer was shown to somebody without" in said
    assert "one after the other" in said
    assert "remedy: bind the journey per request" in said


def test_a_journey_that_stays_bound_is_found(two):
    """
    Even where every answer is right, a journey left bound is said.
    """
    left = []

    def visit(journey):
        binding = cx.bound(journey)
        binding.__enter__()
        left.append(binding)
        return greeting()

    assert "a journey was still bound" in complaint(visit, two)


def test_what_threads_share_is_found(two):
    """
    A module's variable is right one after the other, and wrong at the same time.
    """
    shared = {}

    def look_up():
        return shared["journey"].recall(NAME)

    def visit(journey):
        shared["journey"] = journey
        return look_up()

    assert "at the same time in two threads" in complaint(visit, two)


def test_an_answer_that_shows_nothing_shows_nothing(two):
    """
    A visit that returns nothing of its own customer cannot be judged.
    """
    assert "shows nothing of theirs" in complaint(lambda journey: "ok", two)


def test_customers_must_differ():
    """
    Two customers of one name cannot be told apart.
    """
    twins = customer("Ada Alpha"), customer("Ada Alpha")

    with pytest.raises(AssertionError, match="that the other does not have"):
        bleed_guard(str, *twins)


def test_an_error_of_the_application_comes_through(two):
    """
    The guard hides nothing: what the application raises, the test raises.
    """

    def visit(journey):
        msg = "out of order"
        raise LookupError(msg)

    with pytest.raises(LookupError, match="out of order"):
        bleed_guard(visit, *two)


def test_a_careful_coroutine_passes(two):
    """
    Tasks have contexts of their own, and the binding is restored.
    """

    async def visit(journey):
        with cx.bound(journey):
            await asyncio.sleep(0)
            return greeting()

    bleed_guard(visit, *two, nobody=True)


def test_what_tasks_share_is_found(two):
    """
    An attribute that is read after an ``await`` is another customer's by then.
    """

    class Handler:
        async def __call__(self, journey):
            self.journey = journey
            await asyncio.sleep(0)
            return self.journey.recall(NAME)

    assert "at the same time in two tasks" in complaint(Handler(), two)


def test_what_a_coroutine_leaves_bound_is_found(two):
    """
    One after the other, in one task, the binding of the first is still there.
    """

    left = []

    async def visit(journey):
        binding = cx.bound(journey)
        binding.__enter__()
        left.append(binding)
        return greeting()

    assert "a journey was still bound" in complaint(visit, two)


# --- applications --------------------------------------------------------------


async def asgi_app(scope, receive, send):
    """
    Greet whoever is there, over ASGI.
    """
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": greeting().encode()})


def wsgi_app(environ, start_response):
    """
    Greet whoever is there, over WSGI.
    """
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [greeting().encode()]


def test_the_asgi_adapter_keeps_customers_apart(two):
    """
    Over the real middleware, requests at once and without a header.
    """
    app = ASGIMiddleware(asgi_app, cx.Propagator(SHOP.department("billing")))

    bleed_guard(over_asgi(app, to="billing"), *two, nobody=True)


def test_the_wsgi_adapter_keeps_customers_apart(two):
    """
    Over the real middleware, in threads that are used again.
    """
    app = WSGIMiddleware(wsgi_app, cx.Propagator(SHOP.department("billing")))

    bleed_guard(over_wsgi(app, to="billing"), *two, nobody=True, rounds=10)


def test_an_asgi_application_that_caches_is_caught(two):
    """
    An answer that is kept for the next request is another customer's.
    """
    cache = {}

    async def careless(scope, receive, send):
        await receive()
        body = cache.setdefault(scope["path"], greeting().encode())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    app = ASGIMiddleware(careless, cx.Propagator(SHOP.department("billing")))

    assert "full_name of another customer was shown to the second customer" in (
        complaint(over_asgi(app, to="billing"), two)
    )


def test_a_wsgi_application_with_a_thread_local_is_caught(two):
    """
    A thread serves somebody else next, and has not forgotten.
    """
    local = threading.local()

    def careless(environ, start_response):
        journey = cx.current()
        if journey is not None:
            local.name = journey.recall(NAME)
        start_response("200 OK", [("X-Customer", local.name)])
        return [b""]

    app = WSGIMiddleware(careless, cx.Propagator(SHOP.department("billing")))

    assert "shown to somebody without a journey" in complaint(
        over_wsgi(app, to="billing"), two, nobody=True
    )


def test_a_closed_body_is_closed(two):
    """
    What a WSGI application gives to close is closed, as PEP 3333 wants it.
    """
    closed = []

    class Body(list):
        def close(self):
            closed.append(True)

    def app(environ, start_response):
        write = start_response("200 OK", [])
        write(greeting().encode())
        return Body()

    wrapped = WSGIMiddleware(app, cx.Propagator(SHOP.department("billing")))
    bleed_guard(over_wsgi(wrapped, to="billing"), *two, rounds=1)

    assert [True] * 4 == closed
