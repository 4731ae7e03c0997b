"""
Many calls at once, each of which returns something: all of it is here afterwards.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import wait

import httpx
import pytest
import requests
from acme import Acme
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import cxcontext as cx
from cxcontext.core.events import MergeLeftOut, Rejected, Skipped, Unsent
from cxcontext.homes import Home
from cxcontext.stores.memory import MemoryStore
from cxcontext.web.asgi import CustomerContextMiddleware
from cxcontext.web.httpx import (
    AsyncCustomerContextTransport,
    CustomerContextTransport,
)
from cxcontext.web.requests import CustomerContextAdapter

# More than an envelope may have heads, 32; what fails is beside them.
CALLS = 40
FAILING = {7: "fails", 23: "cut"}
# A journey grows with each fact; uvicorn takes so much.
LIMITS = cx.Limits(value_bytes=12_000)
FOUND = {str(call): f"found {call}" for call in range(CALLS) if call not in FAILING}


@pytest.fixture
def origin(server, elsewhere):
    """
    Serve billing, which finds something out for each call when all have come.
    """
    # All are under way before the first is answered.
    all_came, came = asyncio.Event(), []

    async def look_up(request):
        number = request.path_params["number"]
        came.append(number)
        if len(came) == CALLS:
            all_came.set()
        await all_came.wait()
        cx.require_current().learn(Acme.product, f"found {number}", qualifier=number)
        if FAILING.get(int(number)) == "fails":
            # Nothing comes back with what fails in the middle.
            raise httpx.InvalidURL(number)
        return PlainTextResponse(number)

    app = Starlette(routes=[Route("/{number}", look_up)])
    app.add_middleware(
        CustomerContextMiddleware,
        propagator=cx.Propagator(elsewhere["billing"]),
        returns=True,
        limits=LIMITS,
    )
    server.app = app
    return server.origin


@pytest.fixture
def propagator(sales, server):
    """
    Return sales' propagator, to billing alone, which may return.
    """
    destination = cx.Destination("billing", origins=[server.origin], returns=True)
    return cx.Propagator(sales, [destination])


def by_threads(session, number):
    """
    Make one call of the many; one is given up before its answer comes.
    """
    given_up = FAILING.get(number) == "cut"
    try:
        return session(f"/{number}", 0.001 if given_up else 30.0)
    except (httpx.HTTPError, requests.RequestException):
        return None


def httpx_in_threads(origin, propagator):
    """
    Make all calls by httpx, each in a thread of a pool.
    """
    transport = CustomerContextTransport(
        propagator, httpx.HTTPTransport(limits=httpx.Limits(max_connections=None))
    )
    with (
        httpx.Client(transport=transport, base_url=origin) as client,
        cx.CarryingExecutor(CALLS) as pool,
    ):

        def get(path, timeout):
            return client.get(path, timeout=httpx.Timeout(30, read=timeout))

        wait([pool.submit(by_threads, get, number) for number in range(CALLS)])


def requests_in_threads(origin, propagator):
    """
    Make all calls by requests, each in a thread of a pool.
    """
    with requests.Session() as session, cx.CarryingExecutor(CALLS) as pool:
        session.trust_env = False
        inner = requests.adapters.HTTPAdapter(pool_maxsize=CALLS)
        session.mount("http://", CustomerContextAdapter(propagator, inner))

        def get(path, timeout):
            return session.get(origin + path, timeout=(30, timeout))

        wait([pool.submit(by_threads, get, number) for number in range(CALLS)])


def httpx_in_tasks(origin, propagator):
    """
    Make all calls by httpx, gathered in one event loop.
    """

    async def main():
        inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=None))
        transport = AsyncCustomerContextTransport(propagator, inner)
        async with httpx.AsyncClient(transport=transport, base_url=origin) as client:

            def get(number):
                given_up = FAILING.get(number) == "cut"
                timeout = httpx.Timeout(30, read=0.001 if given_up else 30)
                return client.get(f"/{number}", timeout=timeout)

            await asyncio.gather(*map(get, range(CALLS)), return_exceptions=True)

    asyncio.run(main())


@pytest.mark.parametrize(
    "make_calls", [httpx_in_threads, requests_in_threads, httpx_in_tasks]
)
def test_what_many_calls_return_is_all_here_and_at_home(
    make_calls, origin, propagator, sales, world
):
    """
    None of forty answers is lost, to the caller or at home; two that fail take
    nothing of the others with them.
    """
    home = Home(MemoryStore(), pepper=bytes(32))
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Ada")
    with cx.bound(journey):
        make_calls(origin, propagator)
        here = dict(journey.recall_all(Acme.product))
        place = home.contribute(journey)
    at_home = home.resume(place, department=world["support"])

    assert (FOUND, FOUND) == (here, dict(at_home.recall_all(Acme.product)))
    assert "Ada" == at_home.recall(Acme.full_name)
    lost = [
        event
        for kind in (MergeLeftOut, Rejected, Skipped, Unsent)
        for event in world.told(kind)
    ]
    assert [] == lost


def test_what_is_learned_while_calls_are_under_way_is_here_too(
    origin, propagator, sales, world
):
    """
    The caller's own facts and the answers that overtake each other come together.
    """
    journey = sales.begin(channel="chat")

    async def main():
        inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=None))
        transport = AsyncCustomerContextTransport(propagator, inner, limits=LIMITS)
        async with httpx.AsyncClient(
            transport=transport, base_url=origin, timeout=30
        ) as client:
            for number in range(CALLS):
                task = asyncio.create_task(client.get(f"/{number}"))
                tasks.append(task)
                # So that this one has gone before the next fact is there.
                await asyncio.sleep(0)
                if number % 4 == 0:
                    journey.learn(Acme.order_number, f"A-{number}")
            await asyncio.gather(*tasks, return_exceptions=True)

    tasks = []
    with cx.bound(journey):
        asyncio.run(main())
        journey.save()

    assert f"A-{CALLS - 4}" == journey.recall(Acme.order_number)
    found = journey.recall_all(Acme.product)
    assert FOUND.keys() <= found.keys()
    assert [] == world.told(MergeLeftOut) + world.told(Unsent)
