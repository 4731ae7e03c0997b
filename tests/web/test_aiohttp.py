"""
aiohttp's server with its own handlers, and its client before real second servers.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import Counter
from contextlib import contextmanager
from typing import Any

import aiohttp
import httpx
import pytest
from acme import Acme
from aiohttp import web
from loopback import PATIENCE_S, answer

import cxcontext as cx
from cxcontext.core.events import Rejected, Skipped
from cxcontext.web import http as rules
from cxcontext.web.aiohttp import (
    REQUEST_KEY,
    CustomerContextMiddleware,
    setup,
)
from cxcontext.web.asgi import CustomerContextMiddleware as ASGIMiddleware

NAME = "Ada Zebedee Lovelace"


def known():
    """
    Return what is known of the current customer: a name, "nobody" or "stranger".
    """
    journey = cx.current()
    if journey is None:
        return "nobody"
    return journey.recall(Acme.full_name) or "stranger"


async def hello(request):
    """
    Answer with who the customer is.
    """
    await asyncio.sleep(0)
    return web.Response(text=known())


@contextmanager
def site(app):
    """
    Serve an application from a loop in a thread; give its origin.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def wait_for(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(PATIENCE_S)

    # What a client left undone is cancelled, as it is not by default.
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    try:
        wait_for(runner.setup())
        place = web.TCPSite(runner, "127.0.0.1", 0)
        wait_for(place.start())
        _, port = runner.addresses[0]
        yield f"http://127.0.0.1:{port}"
    finally:
        wait_for(runner.cleanup())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def serve(elsewhere):
    """
    Serve handlers by their paths behind the middleware; return the origin.
    """
    sites = []

    def put(handlers, *, propagator=None, **options):
        app = web.Application()
        setup(app, propagator or cx.Propagator(elsewhere["billing"]), **options)
        for path, handler in handlers.items():
            app.router.add_get(path, handler)
        entered = site(app)
        sites.append(entered)
        return entered.__enter__()

    yield put
    for entered in sites:
        entered.__exit__(None, None, None)


@pytest.fixture
def ask(client):
    """
    Send one request with these values of the field.
    """

    def request(url, *values, name="Customer-Context"):
        return client.get(url, headers=[(name, str(value)) for value in values])

    return request


@pytest.fixture
def journey(sales):
    """
    A journey at sales on which a name was learned.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, NAME)
    return journey


class TestArriving:
    """
    What a handler finds.
    """

    def test_a_valid_value_is_bound_in_the_handler(self, serve, ask, journey):
        """
        The handler has the caller's journey.
        """
        assert NAME == ask(serve({"/": hello}), journey.hand_over("billing")).text

    def test_no_value_is_no_journey(self, serve, ask, elsewhere):
        """
        Where no header came nothing is current, and nothing is told.
        """
        assert ("nobody", []) == (ask(serve({"/": hello})).text, elsewhere.events)

    def test_the_next_request_of_a_connection_has_its_own(self, serve, ask, journey):
        """
        Of one connection, the request after somebody's has none.
        """
        origin = serve({"/": hello})
        found = [ask(origin, journey.hand_over("billing")).text, ask(origin).text]

        assert [NAME, "nobody"] == found

    def test_the_underscore_twin_is_no_value(self, serve, ask, journey):
        """
        The spelling that proxies do not strip is never read.
        """
        origin = serve({"/": hello})
        found = ask(origin, journey.hand_over("billing"), name="Customer_Context")

        assert "nobody" == found.text

    def test_a_stream_has_it(self, serve, ask, journey):
        """
        What a handler writes part by part is written with the journey current.
        """

        async def stream(request):
            response = web.StreamResponse()
            await response.prepare(request)
            for _ in range(3):
                await response.write(known().encode())
                await asyncio.sleep(0)
            return response

        assert NAME * 3 == ask(serve({"/": stream}), journey.hand_over("billing")).text

    def test_a_web_socket_has_it(self, serve, sales, journey):
        """
        A web socket has the journey of its handshake, which our client sends.
        """

        async def talk(request):
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            async for _ in socket:
                await socket.send_str(known())
            return socket

        origin = serve({"/": talk})
        propagator = cx.Propagator(sales, [cx.Destination("billing", origins=[origin])])

        async def main():
            ours = CustomerContextMiddleware(propagator)
            with cx.bound(journey):
                async with (
                    aiohttp.ClientSession(middlewares=[ours]) as session,
                    session.ws_connect(origin.replace("http", "ws")) as socket,
                ):
                    await socket.send_str("who?")
                    return await socket.receive_str()

        assert NAME == asyncio.run(main())

    def test_a_sub_application_has_it(self, elsewhere, ask, journey):
        """
        Applications below are served with it, and their responses are looked at.
        """
        app, below = web.Application(), web.Application()
        setup(app, cx.Propagator(elsewhere["billing"]))
        below.router.add_get("/", hello)
        app.add_subapp("/below", below)
        with site(app) as origin:
            found = ask(f"{origin}/below/", journey.hand_over("billing"))

        assert (NAME, "private, no-store") == (
            found.text,
            found.headers["cache-control"],
        )

    def test_an_outer_middleware_finds_what_came(self, elsewhere, ask):
        """
        Beyond the binding, the request says what came.
        """
        seen: list[Any] = []

        @web.middleware
        async def outer(request, handler):
            response = await handler(request)
            seen.append((cx.current(), request[REQUEST_KEY].problem.code))
            return response

        app = web.Application(middlewares=[outer])
        setup(app, cx.Propagator(elsewhere["billing"]))
        app.router.add_get("/", hello)
        with site(app) as origin:
            ask(origin, "nonsense")

        assert [(None, "malformed")] == seen


REFUSED = {
    "two": (None, None),
    "folded": "{0},{0}",
    "garbage": "nonsense",
    "long": "A" * 5000,
}


class TestRefusing:
    """
    What comes of a bad value.
    """

    @pytest.fixture(params=REFUSED)
    def values(self, request, journey):
        """
        Values that are refused.
        """
        value = str(journey.hand_over("billing"))
        if request.param == "two":
            return (value, value)
        return (REFUSED[request.param].format(value),)

    def test_the_request_is_served_without_it(self, serve, ask, values, elsewhere):
        """
        The handler is served, the journey is empty, and there is an event.
        """
        found = ask(serve({"/": hello}), *values)

        assert ("stranger", 1) == (found.text, len(elsewhere.told(Rejected)))

    def test_a_route_that_requires_one_answers_400(self, serve, ask, values):
        """
        The handler does not run, and the answer is a problem that no cache keeps.
        """
        found = ask(serve({"/": hello}, required=lambda request: True), *values)

        assert (400, rules.PROBLEM_TYPE, "private, no-store") == (
            found.status_code,
            found.headers["content-type"],
            found.headers["cache-control"],
        )

    def test_each_route_decides_for_itself(self, serve, ask, journey):
        """
        Absent is refused where a journey is required, and there only.
        """
        origin = serve(
            {"/": hello, "/open": hello}, required=lambda request: request.path == "/"
        )
        refused, open_ = ask(origin), ask(origin + "/open")

        assert (400, "absent", 200, NAME) == (
            refused.status_code,
            refused.json()["code"],
            open_.status_code,
            ask(origin, journey.hand_over("billing")).text,
        )

    def test_a_route_may_take_each_delivery_once(self, serve, ask, journey):
        """
        The second time, a route that takes it once refuses it.
        """
        origin = serve({"/": hello}, once=lambda request: True)
        value = journey.hand_over("billing")

        assert [NAME, "stranger"] == [ask(origin, value).text, ask(origin, value).text]

    @pytest.mark.parametrize(
        ("of", "found"), [("/a?q=%C3%A4", NAME), ("/a", "stranger")]
    )
    def test_a_bound_delivery_is_for_its_request(self, serve, ask, journey, of, found):
        """
        Method and target are those of the wire, and others are refused.
        """
        origin = serve({"/a": hello}, bound=True)
        envelope = journey.hand_over(
            "billing", binding=rules.binding("GET", of.encode())
        )

        assert found == ask(origin + "/a?q=%C3%A4", envelope).text


class TestResponses:
    """
    What leaves.
    """

    @pytest.fixture(params=["whole", "stream", "raised"])
    def copying(self, request):
        """
        A handler that copies the value into its response, in one of its ways.
        """

        async def handler(asked):
            headers = {
                "Customer-Context": asked.headers.get("Customer-Context", "none"),
                "Cache-Control": "public, max-age=60",
            }
            if request.param == "raised":
                raise web.HTTPNotFound(headers=headers)
            if request.param == "whole":
                return web.Response(text="hello", headers=headers)
            response = web.StreamResponse(headers=headers)
            await response.prepare(asked)
            await response.write(b"hello")
            return response

        return handler

    def test_a_response_has_no_value_and_is_private(self, serve, ask, journey, copying):
        """
        Nothing that a handler copies gets out, and no cache keeps the rest.
        """
        found = ask(serve({"/": copying}), journey.hand_over("billing"))

        assert (False, "private, no-store") == (
            "customer-context" in found.headers,
            found.headers["cache-control"],
        )

    def test_without_a_journey_caching_is_the_handlers(self, serve, ask, copying):
        """
        Where nobody's journey came, the handler's own rule stays.
        """
        found = ask(serve({"/": copying}))

        assert (False, "public, max-age=60") == (
            "customer-context" in found.headers,
            found.headers["cache-control"],
        )

    @pytest.mark.parametrize("returns", [True, False])
    def test_what_was_learned_goes_back_where_it_returns(
        self, serve, sales, journey, returns
    ):
        """
        Our client merges what the handler learned, if both ends say so.
        """

        async def learn(request):
            cx.require_current().learn(Acme.order_number, "A-118")
            return web.Response()

        origin = serve({"/": learn}, returns=returns)
        destination = cx.Destination("billing", origins=[origin], returns=True)
        fetch(cx.Propagator(sales, [destination]), origin, journey)

        assert ("A-118" if returns else None) == journey.recall(Acme.order_number)


class TestEdge:
    """
    The public edge.
    """

    @pytest.mark.parametrize("name", ["Customer-Context", "CUSTOMER_CONTEXT"])
    def test_both_spellings_are_stripped_unread(
        self, serve, ask, journey, elsewhere, name
    ):
        """
        No handler sees them, and nothing is told of them.
        """
        seen: list[Any] = []

        async def handler(request):
            names = [*request.headers, *(n.decode() for n, _ in request.raw_headers)]
            seen.extend(n for n in names if "customer" in n.lower())
            return web.Response(text=known())

        origin = serve({"/": handler}, edge=True)
        found = ask(origin, journey.hand_over("billing"), name=name)

        assert ("nobody", [], []) == (found.text, seen, elsewhere.events)

    def test_none_is_sent_out(self, serve, ask):
        """
        What a handler puts there does not get out.
        """

        async def handler(request):
            return web.Response(headers={"Customer-Context": "secret"})

        assert "customer-context" not in ask(serve({"/": handler}, edge=True)).headers


def fetch(propagator, url, journey, **more):
    """
    Send one request by our client, and follow where it leads; return the body.
    """

    async def main():
        ours = CustomerContextMiddleware(propagator, **more.pop("options", {}))
        with cx.bound(journey):
            async with (
                aiohttp.ClientSession(middlewares=[ours]) as session,
                session.get(url, **more) as response,
            ):
                return await response.text()

    return asyncio.run(main())


def to(sales, **servers):
    """
    Return sales' propagator to departments at servers.
    """
    return cx.Propagator(
        sales,
        [cx.Destination(name, origins=[s.origin]) for name, s in servers.items()],
    )


def redirecting(target):
    """
    Return an application that redirects from its root.
    """

    async def app(scope, receive, send):
        if scope["path"] == "/":
            headers = [(b"location", target.encode())]
            await answer(send, status=307, headers=headers)
        else:
            await answer(send, b"hello")

    return app


class TestSending:
    """
    What a second server receives.
    """

    def test_an_allowed_origin_receives_the_journey(
        self, server, sales, journey, elsewhere
    ):
        """
        The header has one value, which its department reads.
        """
        fetch(to(sales, billing=server), server.origin, journey)
        ((value,),) = server.values()

        assert NAME == elsewhere["billing"].receive(value).recall(Acme.full_name)

    def test_another_origin_receives_nothing(self, server, second, sales, journey):
        """
        A server that is no destination gets no header, nor what a user put there.
        """
        headers = {"Customer-Context": "mine"}
        fetch(to(sales, billing=second), server.origin, journey, headers=headers)

        assert [[]] == server.values()

    def test_without_a_journey_nothing_is_sent(self, server, sales):
        """
        Nobody's request carries nothing, nor what a user put there.
        """
        headers = {"Customer-Context": "mine"}
        fetch(to(sales, billing=server), server.origin, None, headers=headers)

        assert [[]] == server.values()

    def test_a_users_own_value_is_replaced(self, server, sales, journey):
        """
        One value is sent, and it is the journey's.
        """
        headers = [("Customer-Context", "mine"), ("customer-context", "mine")]
        fetch(to(sales, billing=server), server.origin, journey, headers=headers)
        ((value,),) = server.values()

        assert b"mine" != value

    def test_a_redirect_to_somewhere_else_goes_without(
        self, server, second, sales, journey
    ):
        """
        The hop to a second origin that is no destination has no header.
        """
        server.app = redirecting(second.origin + "/there")
        fetch(to(sales, billing=server), server.origin, journey)

        assert ([1], [0]) == (
            [len(values) for values in server.values()],
            [len(values) for values in second.values()],
        )

    def test_a_redirect_to_another_destination_has_its_own(
        self, server, second, sales, journey, elsewhere
    ):
        """
        Each hop is sealed for its own department.
        """
        server.app = redirecting(second.origin + "/there")
        fetch(to(sales, billing=server, support=second), server.origin, journey)
        ((value,),) = second.values()

        assert NAME == elsewhere["support"].receive(value).recall(Acme.full_name)

    def test_a_redirect_within_an_origin_is_bound_anew(
        self, server, sales, journey, elsewhere
    ):
        """
        A bound delivery names the target of its hop.
        """
        server.app = redirecting("/there?q=%C3%A4")
        bound = cx.Destination("billing", origins=[server.origin], bound=True)
        fetch(cx.Propagator(sales, [bound]), server.origin, journey)
        (value,) = server.values()[1]
        binding = rules.binding("GET", b"/there?q=%C3%A4")
        found = elsewhere["billing"].receive(value, binding=binding)

        assert NAME == found.recall(Acme.full_name)

    def test_what_is_too_large_does_not_stop_the_request(
        self, server, sales, journey, world
    ):
        """
        The request goes on without it, and the event says why.
        """
        limits = cx.Limits(value_bytes=100)
        found = fetch(
            to(sales, billing=server),
            server.origin,
            journey,
            options={"limits": limits},
        )

        assert ("hello", [[]], ["too_large"]) == (
            found,
            server.values(),
            [event.reason for event in world.told(Skipped)],
        )

    def test_a_reply_of_a_server_that_does_not_return_is_left(
        self, server, sales, journey, elsewhere
    ):
        """
        What was not asked for is not merged.
        """

        async def learns(scope, receive, send):
            cx.require_current().learn(Acme.order_number, "A-118")
            await answer(send, b"hello")

        server.app = ASGIMiddleware(
            learns, cx.Propagator(elsewhere["billing"]), returns=True
        )
        fetch(to(sales, billing=server), server.origin, journey)

        assert journey.recall(Acme.order_number) is None


class TestTwoCustomers:
    """
    One customer's journey is never another's.
    """

    def test_two_thousand_requests_never_meet(self, serve, sales, elsewhere):
        """
        From our client, interleaved in one session, to our server, each handler has
        its own caller's journey before and after it waited.
        """

        async def handler(request):
            first = known()
            await asyncio.sleep(0.001)
            return web.Response(text=f"{first}|{known()}")

        origin = serve({"/": handler})
        propagator = cx.Propagator(sales, [cx.Destination("billing", origins=[origin])])
        journeys: dict[str, Any] = {"nobody": None}
        for number in range(12):
            name = f"customer {number}"
            journeys[name] = sales.begin(channel="chat")
            journeys[name].learn(Acme.full_name, name)
        names = itertools.cycle(journeys)

        async def work(session, found):
            for name in itertools.islice(names, 125):
                with cx.bound(journeys[name]):
                    async with session.get(origin) as response:
                        found[await response.text() == f"{name}|{name}"] += 1
                    found[cx.current() is journeys[name]] += 1

        async def main():
            found: Counter[bool] = Counter()
            ours = CustomerContextMiddleware(propagator)
            async with aiohttp.ClientSession(middlewares=[ours]) as session:
                await asyncio.gather(*(work(session, found) for _ in range(16)))
            return found

        assert Counter({True: 4000}) == asyncio.run(main())

    def test_a_handler_that_fails_leaves_nothing(self, serve, ask, journey):
        """
        After a handler raised, the next request of the connection has none.
        """

        async def fail(request):
            raise ValueError(known())

        origin = serve({"/": hello, "/fail": fail})
        failed = ask(origin + "/fail", journey.hand_over("billing"))

        assert (500, "nobody") == (failed.status_code, ask(origin).text)

    def test_a_client_that_leaves_cancels_and_leaves_nothing(self, serve, ask, journey):
        """
        A handler that is cancelled has its journey to the end, and the next none.
        """
        cancelled: list[str] = []
        done = threading.Event()

        async def wait(request):
            try:
                await asyncio.sleep(PATIENCE_S)
            except asyncio.CancelledError:
                cancelled.append(known())
                done.set()
                raise

        origin = serve({"/": hello, "/wait": wait})
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(
                origin + "/wait",
                headers={"Customer-Context": str(journey.hand_over("billing"))},
                timeout=0.2,
                trust_env=False,
            )
        done.wait(PATIENCE_S)

        assert ([NAME], "nobody") == (cancelled, ask(origin).text)


class TestHiding:
    """
    What is never shown.
    """

    def test_no_representation_has_a_value(self, sales):
        """
        The middleware shows its departments and nothing else.
        """
        shown = repr(CustomerContextMiddleware(cx.Propagator(sales)))

        assert "sales" in shown
