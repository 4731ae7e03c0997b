"""
The ASGI middleware, on a real server; web sockets and the like by the protocol.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from acme import Acme
from forge import flip, pack, unpack
from loopback import PATIENCE_S, TRACE, answer
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

import cxcontext as cx
from cxcontext.core.envelope import to_text
from cxcontext.core.events import Received, Rejected, Sent, Unsent
from cxcontext.web import http
from cxcontext.web.asgi import CustomerContextMiddleware

NAME = "Ada Zebedee Lovelace"


class Desk:
    """
    An application that notes each request's journey, does its work, and answers.
    """

    def __init__(self, work=None, headers=()):
        self.seen: list[Any] = []
        self.work = work
        self.headers = headers

    async def __call__(self, scope, receive, send):
        """
        Serve one request.
        """
        journey = cx.current()
        self.seen.append(journey)
        if self.work is not None:
            self.work(journey)
        await answer(send, b"served", headers=self.headers)


@pytest.fixture
def receiver(elsewhere):
    """
    Billing in its own process.
    """
    return cx.Propagator(elsewhere["billing"])


@pytest.fixture
def journey(sales):
    """
    A journey at sales on which a name was learned.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, NAME)
    return journey


@pytest.fixture
def serve(server, receiver):
    """
    Put the middleware with its options around an application, on the server.
    """

    def put(app, **options):
        server.app = CustomerContextMiddleware(app, receiver, **options)
        return app

    return put


@pytest.fixture
def ask(server, client):
    """
    Send one request with these values of the field, and see it served to the end.
    """

    def request(*values, name="Customer-Context", path="/"):
        headers = [(name, value) for value in values]
        response = client.get(server.origin + path, headers=headers)
        server.wait()
        return response

    return request


def known(journey):
    """
    Return the name that a journey recalls; None where there is no journey.
    """
    return None if journey is None else journey.recall(Acme.full_name)


def tampered(envelope) -> str:
    """
    Return the text of an envelope with a bit of its delivery flipped.
    """
    wire = unpack(envelope)
    wire[2][3] = flip(wire[2][3], 0)
    return to_text(pack(wire))


def drive(app, scope, *incoming):
    """
    Run an application in this process on *incoming*; return what it sent.
    """
    sent: list[Any] = []
    messages = iter(incoming)

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


def scope_of(*values, kind="http", **more) -> dict[str, Any]:
    """
    Return a scope with these values of the field.
    """
    headers = [(b"customer-context", str(value).encode()) for value in values]
    scope = {"type": kind, "path": "/", "raw_path": b"/", "headers": headers}
    return scope | ({"method": "GET"} if kind == "http" else {}) | more


class TestArriving:
    """
    What the handler finds.
    """

    def test_a_valid_value_is_bound_in_the_handler(self, serve, ask, journey):
        """
        The handler has the caller's journey, with its facts.
        """
        desk = serve(Desk())
        ask(str(journey.hand_over("billing")))

        assert [(NAME, "sales", cx.Arrival.DELIVERY)] == [
            (known(found), found.received_from, found.arrival) for found in desk.seen
        ]

    def test_no_value_is_no_journey(self, serve, ask, elsewhere):
        """
        Where no header came nothing is current, and nothing is told.
        """
        desk = serve(Desk())
        ask()

        assert ([None], []) == (desk.seen, elsewhere.events)

    @pytest.mark.parametrize("spelling", ["customer-context", "CUSTOMER-CONTEXT"])
    def test_the_name_has_no_case(self, serve, ask, journey, spelling):
        """
        However the field's name is written, it is the field.
        """
        desk = serve(Desk())
        ask(str(journey.hand_over("billing")), name=spelling)

        assert [NAME] == [known(found) for found in desk.seen]

    def test_the_underscore_twin_alone_is_no_value(
        self, serve, ask, journey, elsewhere
    ):
        """
        The spelling that proxies do not strip is never read.
        """
        desk = serve(Desk())
        ask(str(journey.hand_over("billing")), name="Customer_Context")

        assert ([None], []) == (desk.seen, elsewhere.events)

    def test_the_underscore_twin_counts_for_nothing_beside(
        self, server, serve, client, journey
    ):
        """
        A twin that somebody adds neither replaces the value nor spoils it.
        """
        desk = serve(Desk())
        headers = [
            ("Customer_Context", "smuggled"),
            ("Customer-Context", str(journey.hand_over("billing"))),
        ]
        client.get(server.origin, headers=headers)
        server.wait()

        assert [NAME] == [known(found) for found in desk.seen]

    def test_the_next_request_of_a_connection_has_its_own(
        self, server, serve, client, journey
    ):
        """
        On one connection nothing of a request is left for the next.
        """
        desk = serve(Desk())
        value = str(journey.hand_over("billing"))
        for headers in ({}, {"Customer-Context": value}, {}):
            client.get(server.origin, headers=headers)

        assert [None, NAME, None] == [known(found) for found in desk.seen]


REFUSED = {
    "two headers": ("duplicate_value", lambda e: (f"{e}", f"{e}")),
    "two different headers": ("duplicate_value", lambda e: (f"{e}", "cx1.AA")),
    "joined by a comma": ("malformed", lambda e: (f"{e},{e}",)),
    "joined by comma and space": ("malformed", lambda e: (f"{e}, {e}",)),
    "too long": ("too_large", lambda e: ("cx1." + "A" * 4093,)),
    "another alphabet": ("malformed", lambda e: (f"{e}+/",)),
    "no ASCII": ("malformed", lambda e: (f"{e}é".encode("latin-1"),)),
    "quoted": ("malformed", lambda e: (f'"{e}"',)),
    "padded": ("not_canonical", lambda e: (f"{e}=",)),
    "empty": ("malformed", lambda e: ("",)),
    "no text form": ("malformed", lambda e: ("A" * 40,)),
    "cut off": ("malformed", lambda e: (to_text(bytes(e)[:-6]),)),
    "tampered with": ("bad_delivery_signature", lambda e: (tampered(e),)),
    "for somebody else": ("wrong_audience", None),
    "expired": ("delivery_expired", None),
}


@pytest.fixture(params=REFUSED)
def refused(request, journey, clock):
    """
    A code, and the values that a request has for it.
    """
    code, values = REFUSED[request.param]
    if request.param == "for somebody else":
        return code, (str(journey.hand_over("support")),)
    envelope = journey.hand_over("billing")
    if request.param == "expired":
        clock.advance(seconds=360)
        return code, (str(envelope),)
    return code, values(envelope)


class TestRefusing:
    """
    A bad header is never treated as no header, and never breaks the request.
    """

    def test_the_request_is_served_without_it(self, serve, ask, elsewhere, refused):
        """
        The handler has an empty journey that says REJECTED; an event says why.
        """
        code, values = refused
        desk = serve(Desk())
        response = ask(*values)
        (found,) = desk.seen

        assert (
            200,
            cx.Reason.REJECTED,
            [Rejected(department="billing", code=code)],
        ) == (
            response.status_code,
            found.gap(Acme.full_name).reason,
            elsewhere.events,
        )

    def test_a_route_that_requires_one_answers_400(self, serve, ask, refused):
        """
        The answer is a problem with the code, and nothing of what came.
        """
        code, values = refused
        desk = serve(Desk(), required=lambda scope: True)
        response = ask(*values)

        assert (
            400,
            "application/problem+json",
            "private, no-store",
            {
                "type": "about:blank",
                "title": "A valid Customer-Context is required",
                "status": 400,
                "code": code,
            },
            [],
        ) == (
            response.status_code,
            response.headers["content-type"],
            response.headers["cache-control"],
            response.json(),
            desk.seen,
        )

    def test_a_refusal_is_told_where_it_is_required(
        self, serve, ask, elsewhere, refused
    ):
        """
        The event is raised also where the route does not serve the request.
        """
        code, values = refused
        serve(Desk(), required=lambda scope: True)
        ask(*values)

        assert [code] == [event.code for event in elsewhere.told(Rejected)]

    def test_what_is_required_may_not_be_absent(self, serve, ask):
        """
        No header, too, is a problem where a journey is required.
        """
        serve(Desk(), required=lambda scope: True)
        response = ask()

        assert (400, "absent") == (response.status_code, response.json()["code"])

    def test_what_is_required_and_valid_is_served(self, serve, ask, journey):
        """
        A valid journey passes.
        """
        desk = serve(Desk(), required=lambda scope: True)
        ask(str(journey.hand_over("billing")))

        assert [NAME] == [known(found) for found in desk.seen]

    def test_each_route_decides_for_itself(self, serve, ask):
        """
        What is required is asked of the scope of each request.
        """
        serve(Desk(), required=lambda scope: scope["path"] == "/refund")

        assert [200, 400] == [ask(path=path).status_code for path in ("/", "/refund")]


class TestOptions:
    """
    What a middleware may be told besides.
    """

    def test_a_delivery_counts_as_often_as_it_comes(self, serve, ask, journey):
        """
        By default a second sight is served, and says that it is one.
        """
        desk = serve(Desk())
        value = str(journey.hand_over("billing"))
        for _ in range(2):
            ask(value)

        assert [False, True] == [found.replayed for found in desk.seen]

    def test_a_route_may_take_each_delivery_once(self, serve, ask, journey, elsewhere):
        """
        There the second sight is refused, and on other routes it is not.
        """
        desk = serve(Desk(), once=lambda scope: scope["path"] == "/refund")
        value = str(journey.hand_over("billing"))
        for path in ("/refund", "/refund", "/"):
            ask(value, path=path)

        assert ([NAME, None, NAME], ["replayed"]) == (
            [known(found) for found in desk.seen],
            [event.code for event in elsewhere.told(Rejected)],
        )

    @pytest.mark.parametrize(
        ("more", "code"), [(0, None), (-1, "too_large")], ids=["enough", "too few"]
    )
    def test_a_value_may_be_longer_where_that_is_said(
        self, serve, ask, journey, elsewhere, more, code
    ):
        """
        The limit of the middleware counts, to the byte.
        """
        journey.learn(Acme.photo, bytes(3500))
        value = str(journey.hand_over("billing"))
        desk = serve(Desk(), limits=cx.Limits(value_bytes=len(value) + more))
        ask(value)
        refusals = [event.code for event in elsewhere.told(Rejected)]

        assert (True, [NAME if code is None else None], [code] if code else []) == (
            len(value) > http.LIMITS.value_bytes,
            [known(found) for found in desk.seen],
            refusals,
        )


class TestBinding:
    """
    Deliveries that are bound to one request.
    """

    @pytest.fixture
    def send(self, server, client, sales, journey):
        """
        Send a request whose delivery is bound, or not, to what *of* says.
        """

        def request(method, target, *, bound=True, of=None):
            destination = cx.Destination("billing", bound=bound)
            headers: list[tuple[bytes, bytes]] = []
            built = httpx.Request(method, server.origin + target)
            of_method, of_target = of or (method, built.url.raw_path)
            cx.Propagator(sales, [destination]).inject(
                journey,
                http.HeadersCarrier(headers),
                to=destination,
                name=http.FIELD,
                binding=http.binding(of_method, of_target),
            )
            built.headers = httpx.Headers([*built.headers.raw, *headers])
            client.send(built)
            server.wait()

        return request

    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    @pytest.mark.parametrize(
        "target",
        ["", "/", "/?", "/a?b=c", "/a?", "/ä b?q=ö%20c", "/%61//b/../c?d=%2F?e"],
    )
    def test_one_for_this_request_is_taken(self, serve, send, method, target):
        """
        Client and server agree on the target, however it is written.
        """
        desk = serve(Desk(), bound=True)
        send(method, target)

        assert [NAME] == [known(found) for found in desk.seen]

    @pytest.mark.parametrize(
        "of", [("POST", b"/refund"), ("GET", b"/"), ("GET", b"/refund?all")]
    )
    def test_one_for_another_request_is_refused(self, serve, send, of, elsewhere):
        """
        A delivery that was moved to another request is rejected.
        """
        serve(Desk(), bound=True)
        send("GET", "/refund", of=of)

        assert ["wrong_binding"] == [event.code for event in elsewhere.told(Rejected)]

    def test_one_that_is_bound_to_nothing_is_refused(self, serve, send, elsewhere):
        """
        Where the server binds, it refuses who does not.
        """
        serve(Desk(), bound=True)
        send("GET", "/", bound=False)

        assert ["wrong_binding"] == [event.code for event in elsewhere.told(Rejected)]

    def test_one_that_is_bound_needs_somebody_who_looks(self, serve, send, elsewhere):
        """
        Where the client binds, a server that does not look refuses.
        """
        serve(Desk())
        send("GET", "/")

        assert ["wrong_binding"] == [event.code for event in elsewhere.told(Rejected)]

    def test_without_a_raw_path_the_path_counts(self, receiver, journey):
        """
        A server that has no raw path is taken at its decoded one.
        """
        desk = Desk()
        binding = http.binding("GET", b"/a?b=c")
        scope = scope_of(journey.hand_over("billing", binding=binding))
        scope |= {"path": "/a", "raw_path": None, "query_string": b"b=c"}
        drive(CustomerContextMiddleware(desk, receiver, bound=True), scope)

        assert [NAME] == [known(found) for found in desk.seen]


class TestSurviving:
    """
    Where in a framework the journey is still there.
    """

    @pytest.fixture
    def seen(self):
        """
        What was recalled, in order.
        """
        return []

    @pytest.fixture
    def note(self, seen):
        """
        Note what is recalled now.
        """
        return lambda: seen.append(known(cx.current()))

    @pytest.fixture
    def route(self, server, receiver, journey, ask):
        """
        Serve one Starlette endpoint, ask it, and return the response.
        """

        def put(endpoint, **options):
            app = Starlette(routes=[Route("/", endpoint)], **options)
            app.add_middleware(CustomerContextMiddleware, propagator=receiver)
            server.app = app
            return ask(str(journey.hand_over("billing")))

        return put

    def test_an_async_endpoint_has_it(self, route, note, seen):
        """
        A coroutine endpoint finds the journey.
        """

        async def endpoint(request):
            note()
            return PlainTextResponse("ok")

        route(endpoint)

        assert [NAME] == seen

    def test_a_sync_endpoint_has_it(self, route, note, seen):
        """
        An endpoint that runs in a worker thread finds the journey.
        """

        def endpoint(request):
            note()
            return PlainTextResponse("ok")

        route(endpoint)

        assert [NAME] == seen

    def test_a_streamed_body_has_it(self, route, note, seen):
        """
        An asynchronous generator finds the journey at each step.
        """

        async def body():
            for _ in range(3):
                note()
                yield b"."
                await asyncio.sleep(0)

        async def endpoint(request):
            return StreamingResponse(body())

        response = route(endpoint)

        assert ("...", [NAME] * 3) == (response.text, seen)

    def test_a_body_streamed_from_threads_has_it(self, route, note, seen):
        """
        A plain generator, whose steps run in worker threads, finds it, too.
        """

        def body():
            for _ in range(3):
                note()
                yield b"."

        async def endpoint(request):
            return StreamingResponse(body())

        response = route(endpoint)

        assert ("...", [NAME] * 3) == (response.text, seen)

    def test_background_work_has_it(self, route, note, seen):
        """
        What runs after the response finds the journey.
        """

        async def endpoint(request):
            return PlainTextResponse("ok", background=BackgroundTask(note))

        route(endpoint)

        assert [NAME] == seen

    def test_tasks_and_threads_have_it(self, route, note, seen):
        """
        `create_task` and `to_thread` hand it on.
        """

        async def later():
            await asyncio.sleep(0)
            note()

        async def endpoint(request):
            await asyncio.create_task(later())
            await asyncio.to_thread(note)
            return PlainTextResponse("ok")

        route(endpoint)

        assert [NAME, NAME] == seen

    def test_a_task_that_outlives_the_request_has_it_if_carried(
        self, route, note, seen
    ):
        """
        A task that goes on when all was served finds what it was given, no more.
        """
        tasks, over, done = [], [], threading.Semaphore(0)

        async def later():
            await over[0].wait()
            note()
            done.release()

        async def endpoint(request):
            over.append(asyncio.Event())
            for work in (later(), cx.carry(later)()):
                tasks.append(asyncio.create_task(work))  # noqa: PERF401
            await asyncio.sleep(0)
            return PlainTextResponse("ok")

        route(endpoint)
        tasks[0].get_loop().call_soon_threadsafe(over[0].set)
        ended = [done.acquire(timeout=PATIENCE_S) for _ in tasks]

        assert ([True, True], [None, NAME]) == (ended, seen)

    def test_an_outer_error_handler_finds_it_in_the_state(self, route, seen):
        """
        A handler of any error runs outside of the binding, and has the state.
        """

        async def endpoint(request):
            raise LookupError

        async def handler(request, problem):
            seen.append(cx.current())
            seen.append(known(request.scope["state"][http.EXTRACTED].journey))
            return PlainTextResponse("failed", status_code=500)

        response = route(endpoint, exception_handlers={Exception: handler})

        assert (500, [None, NAME]) == (response.status_code, seen)


class TestRestoring:
    """
    What is current around a request.
    """

    def test_the_outer_journey_comes_back(self, receiver, journey, sales):
        """
        A request that is served within other work leaves that as it was.
        """
        outer = sales.begin(channel="chat")
        desk, seen = Desk(), []
        app = CustomerContextMiddleware(desk, receiver)

        async def around(scope, receive, send):
            with cx.bound(outer):
                await app(scope, receive, send)
                seen.append(cx.current())

        drive(around, scope_of(journey.hand_over("billing")))

        assert ([NAME], [outer]) == ([known(found) for found in desk.seen], seen)

    def test_the_outer_journey_is_not_the_callers(self, receiver, sales):
        """
        A request without a value sees none, whoever is current around it.
        """
        desk = Desk()
        app = CustomerContextMiddleware(desk, receiver)

        async def around(scope, receive, send):
            with cx.bound(sales.begin(channel="chat")):
                await app(scope, receive, send)

        drive(around, scope_of())

        assert [None] == desk.seen

    def test_a_handler_that_fails_is_restored(self, receiver, journey, sales):
        """
        The error passes, and what was current before is current again.
        """
        outer = sales.begin(channel="chat")
        seen = []

        async def failing(scope, receive, send):
            raise LookupError

        app = CustomerContextMiddleware(failing, receiver)

        async def around(scope, receive, send):
            with cx.bound(outer):
                with pytest.raises(LookupError):
                    await app(scope, receive, send)
                seen.append(cx.current())

        drive(around, scope_of(journey.hand_over("billing")))

        assert [outer] == seen

    def test_a_request_after_a_failed_one_has_none(
        self, server, serve, client, journey
    ):
        """
        On one connection a handler's failure leaves nothing for the next request.
        """
        desk = Desk(work=lambda journey: None if journey is None else 1 / 0)
        serve(desk)
        value = str(journey.hand_over("billing"))
        failed = client.get(server.origin, headers={"Customer-Context": value})
        client.get(server.origin)

        assert (500, [NAME, None]) == (
            failed.status_code,
            [known(found) for found in desk.seen],
        )

    def test_two_customers_never_meet(self, server, client, receiver, sales):
        """
        Of two hundred requests in many threads each sees its own customer only.
        """
        values = {}
        for name in ("Ada", "Bob"):
            journey = sales.begin(channel="chat")
            journey.learn(Acme.full_name, name)
            values[name] = str(journey.hand_over("billing"))

        def endpoint(request):
            before = known(cx.current())
            meet.wait()
            return PlainTextResponse(f"{before} {known(cx.current())}")

        meet = threading.Barrier(8, timeout=PATIENCE_S)
        app = Starlette(routes=[Route("/", endpoint)])
        app.add_middleware(CustomerContextMiddleware, propagator=receiver)
        server.app = app

        def request(name):
            headers = {"Customer-Context": values[name]} if name else {}
            return str(name), client.get(server.origin, headers=headers).text

        with ThreadPoolExecutor(8) as pool:
            found = Counter(pool.map(request, ("Ada", "Bob", None, "Ada") * 50))

        assert {
            ("Ada", "Ada Ada"): 100,
            ("Bob", "Bob Bob"): 50,
            ("None", "None None"): 50,
        } == found


class TestResponses:
    """
    What goes back.
    """

    def test_a_response_has_no_value(self, serve, ask, journey):
        """
        Without `returns` nothing goes back, whatever was learned.
        """
        serve(Desk(work=lambda journey: journey.learn(Acme.account, "AC-9")))
        response = ask(str(journey.hand_over("billing")))

        assert "customer-context" not in response.headers

    @pytest.mark.parametrize("name", [b"customer-context", b"Customer-Context"])
    def test_what_an_application_copies_is_taken_away(self, serve, ask, journey, name):
        """
        A value that the application puts into its response does not get out.
        """
        headers = [(name, b"copied"), (b"x-order", b"kept")]
        serve(Desk(headers=headers))
        response = ask(str(journey.hand_over("billing")))

        assert (False, "kept") == (
            "customer-context" in response.headers,
            response.headers["x-order"],
        )

    @pytest.mark.parametrize("kind", ["http.response.trailers", "http.response.push"])
    def test_nor_does_it_get_out_later(self, receiver, journey, kind):
        """
        Trailers and the like are looked at as well.
        """

        async def app(scope, receive, send):
            await answer(send)
            await send({"type": kind, "headers": [(b"customer-context", b"copied")]})

        middleware = CustomerContextMiddleware(app, receiver, returns=True)
        sent = drive(middleware, scope_of(journey.hand_over("billing")))

        assert {"type": kind, "headers": []} == sent[-1]

    def test_the_applications_own_message_is_not_changed(self, receiver, journey):
        """
        The middleware sends a copy, for the message is not its own.
        """
        start = {"type": "http.response.start", "status": 200, "headers": []}

        async def app(scope, receive, send):
            cx.require_current().learn(Acme.account, "AC-9")
            await send(start)

        middleware = CustomerContextMiddleware(app, receiver, returns=True)
        sent = drive(middleware, scope_of(journey.hand_over("billing")))

        assert ([], 2) == (start["headers"], len(sent[0]["headers"]))

    def test_a_start_without_headers_gets_them(self, receiver, journey):
        """
        The key may be missing: ASGI says that headers are optional.
        """

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 204})

        middleware = CustomerContextMiddleware(app, receiver)
        sent = drive(middleware, scope_of(journey.hand_over("billing")))

        assert [(*http.PRIVATE,)] == sent[0]["headers"]

    def test_what_was_learned_goes_back_where_it_returns(
        self, serve, ask, journey, elsewhere, world
    ):
        """
        The value in the response is a delivery for the caller, of this journey.
        """
        serve(
            Desk(work=lambda journey: journey.learn(Acme.account, "AC-9")), returns=True
        )
        envelope = journey.hand_over("billing")
        response = ask(str(envelope))
        journey.merge(
            response.headers["customer-context"], reply_to=envelope.delivery.id
        )

        assert ("AC-9", [], ["sales"]) == (
            journey.recall(Acme.account),
            elsewhere.told(Unsent),
            [event.destination for event in elsewhere.told(Sent)],
        )

    def test_without_news_nothing_goes_back(self, serve, ask, journey):
        """
        A handler that only reads answers without a value.
        """
        serve(Desk(), returns=True)
        response = ask(str(journey.hand_over("billing")))

        assert "customer-context" not in response.headers

    @pytest.mark.parametrize("values", [(), ("cx1.AA",)], ids=["none", "refused"])
    def test_who_sent_no_journey_is_sent_none(self, serve, ask, values):
        """
        Without a journey from a department nothing is returned to it.
        """

        def work(journey):
            if journey is not None:
                journey.learn(Acme.account, "AC-9")

        serve(Desk(work=work), returns=True)

        assert "customer-context" not in ask(*values).headers

    @pytest.mark.parametrize("returns", [True, False])
    def test_what_was_learned_and_not_returned_is_unsent(
        self, serve, ask, journey, elsewhere, returns
    ):
        """
        The event is raised exactly where the response did not take it.
        """
        serve(
            Desk(work=lambda journey: journey.learn(Acme.account, "AC-9")),
            returns=returns,
        )
        ask(str(journey.hand_over("billing")))

        assert ([] if returns else [(30,)]) == [
            event.fields for event in elsewhere.told(Unsent)
        ]

    def test_what_was_learned_after_the_start_is_unsent(
        self, serve, ask, journey, elsewhere
    ):
        """
        A header cannot hold what a streamed body finds out.
        """

        async def app(scope, receive, send):
            cx.require_current().learn(Acme.account, "AC-9")
            start = {"type": "http.response.start", "status": 200, "headers": []}
            await send(start)
            cx.require_current().learn(Acme.attempts, 2)
            await send({"type": "http.response.body", "body": b""})

        serve(app, returns=True)
        ask(str(journey.hand_over("billing")))

        assert [(31,)] == [event.fields for event in elsewhere.told(Unsent)]


class TestEdge:
    """
    The public edge, where nobody is believed and nothing is given away.
    """

    @pytest.fixture
    def inside(self):
        """
        The names of the headers that the application sees, and what is current.
        """
        return []

    @pytest.fixture
    def app(self, inside):
        """
        An application that notes what it sees.
        """

        async def app(scope, receive, send):
            inside.append(({name for name, _ in scope["headers"]}, cx.current()))
            await answer(send, headers=[(b"customer-context", b"copied")])

        return app

    def test_both_spellings_are_stripped_unread(
        self, server, serve, client, app, inside, journey, elsewhere
    ):
        """
        Neither reaches the application, nothing is bound, and nothing is opened.
        """
        serve(app, edge=True)
        value = str(journey.hand_over("billing"))
        headers = [
            ("Customer-Context", value),
            ("customer-context", value),
            ("Customer_Context", value),
            ("X-Order", "kept"),
        ]
        client.get(server.origin, headers=headers)
        server.wait()

        ((names, found),) = inside

        assert (2, 1) == (
            len(server.values()[0]),
            len(server.values(b"customer_context")[0]),
        )
        assert ({b"x-order"}, None, []) == (
            names & {b"customer-context", b"customer_context", b"x-order"},
            found,
            elsewhere.events,
        )

    @pytest.mark.parametrize("name", [b"Customer-Context", b"CUSTOMER_Context"])
    def test_case_hides_nothing_from_it(self, receiver, app, inside, name):
        """
        Also names that a server did not write in small letters are stripped.
        """
        scope = scope_of() | {"headers": [(name, b"cx1.AA")]}
        drive(CustomerContextMiddleware(app, receiver, edge=True), scope)

        assert [(set(), None)] == inside

    def test_none_is_sent_out(self, serve, app, ask):
        """
        Not even `returns` and a copying application let a value out.
        """
        serve(app, edge=True, returns=True)

        assert "customer-context" not in ask("cx1.AA").headers

    def test_what_the_handler_binds_stays_inside(self, serve, ask, elsewhere):
        """
        A journey that rests in a home between turns does not go to the customer.
        """

        async def app(scope, receive, send):
            with cx.bound(elsewhere["billing"].begin(channel="web")) as journey:
                journey.learn(Acme.account, "AC-9")
                journey.save()
                await answer(send)

        serve(app, edge=True, returns=True)

        assert "customer-context" not in ask().headers

    def test_a_required_journey_never_comes_there(self, serve, app, ask, journey):
        """
        At the edge every value is none, also a valid one.
        """
        serve(app, edge=True, required=lambda scope: True)
        response = ask(str(journey.hand_over("billing")))

        assert "absent" == response.json()["code"]


class TestOtherScopes:
    """
    Web sockets, life spans, and what is yet to come.
    """

    def test_a_web_socket_has_its_journey(self, receiver, journey):
        """
        The handshake's value is bound as long as the socket is open.
        """
        seen = []

        async def app(scope, receive, send):
            for _ in range(3):
                message = await receive()
                seen.append((message["type"], known(cx.current())))
                if message["type"] == "websocket.connect":
                    await send({"type": "websocket.accept"})
                await asyncio.sleep(0)

        sent = drive(
            CustomerContextMiddleware(app, receiver),
            scope_of(journey.hand_over("billing"), kind="websocket"),
            {"type": "websocket.connect"},
            {"type": "websocket.receive", "text": "hello"},
            {"type": "websocket.disconnect", "code": 1000},
        )

        assert (
            [{"type": "websocket.accept"}],
            [
                ("websocket.connect", NAME),
                ("websocket.receive", NAME),
                ("websocket.disconnect", NAME),
            ],
        ) == (sent, seen)

    def test_a_refused_web_socket_is_served_without(self, receiver):
        """
        A bad value in the handshake is a journey that says REJECTED.
        """
        seen = []

        async def app(scope, receive, send):
            seen.append(cx.require_current().gap(Acme.full_name).reason)

        middleware = CustomerContextMiddleware(app, receiver)
        drive(middleware, scope_of("cx1.AA", kind="websocket"))

        assert [cx.Reason.REJECTED] == seen

    @pytest.mark.parametrize("values", [(), ("cx1.AA",)], ids=["absent", "refused"])
    def test_where_one_is_required_the_socket_is_closed(self, receiver, values):
        """
        The handshake is answered with a close before it was accepted.
        """
        desk = Desk()
        sent = drive(
            CustomerContextMiddleware(desk, receiver, required=lambda scope: True),
            scope_of(*values, kind="websocket"),
            {"type": "websocket.connect"},
        )

        assert ([{"type": "websocket.close", "code": 1008}], []) == (sent, desk.seen)

    def test_a_web_socket_may_be_bound(self, receiver, journey):
        """
        A handshake is a GET, so a delivery for that target is taken.
        """
        desk = Desk()
        binding = http.binding("GET", b"/")
        drive(
            CustomerContextMiddleware(desk, receiver, bound=True),
            scope_of(journey.hand_over("billing", binding=binding), kind="websocket"),
        )

        assert [NAME] == [known(found) for found in desk.seen]

    @pytest.mark.parametrize(
        "kind", ["websocket.accept", "websocket.http.response.start"]
    )
    def test_a_handshakes_answer_has_no_value(self, receiver, journey, kind):
        """
        What the application copied into the answer is taken away there, too.
        """
        headers = [(b"customer-context", b"copied"), (b"x-order", b"kept")]

        async def app(scope, receive, send):
            cx.require_current().learn(Acme.account, "AC-9")
            await send({"type": kind, "headers": headers})

        middleware = CustomerContextMiddleware(app, receiver, returns=True)
        sent = drive(
            middleware, scope_of(journey.hand_over("billing"), kind="websocket")
        )

        assert [{"type": kind, "headers": [(b"x-order", b"kept")]}] == sent

    @pytest.mark.parametrize("kind", ["lifespan", "something.new"])
    def test_other_scopes_pass_untouched(self, receiver, kind):
        """
        What is no request has the application's own receive and send.
        """
        passed = []

        async def app(*arguments):
            passed.extend(arguments)

        scope, receive, send = {"type": kind}, object(), object()
        middleware = CustomerContextMiddleware(app, receiver)
        asyncio.run(middleware(scope, receive, send))

        assert ([{"type": kind}, receive, send], {"type": kind}) == (passed, scope)

    def test_the_state_of_the_server_is_kept(self, receiver, journey):
        """
        The journey stands in the scope's state beside what was there.
        """
        scope = scope_of(journey.hand_over("billing"), state={"pool": 1})
        drive(CustomerContextMiddleware(Desk(), receiver), scope)

        assert (1, NAME) == (
            scope["state"]["pool"],
            known(scope["state"][http.EXTRACTED].journey),
        )


class TestHiding:
    """
    What nobody finds in logs, responses and representations.
    """

    def test_no_value_is_ever_shown(
        self, server, serve, ask, journey, elsewhere, caplog, refused
    ):
        """
        Through requests served, refused and failed, no log, response, event or
        representation has a word that the customer said, or an envelope.
        """
        caplog.set_level(TRACE)
        _, values = refused
        kept = str(journey.hand_over("billing"))

        def work(found):
            found.learn(Acme.email, "zebedee@example.org")
            logging.getLogger("app").warning("%s %r", found, found.explain())

        middleware = []
        for options in ({"returns": True}, {"required": lambda scope: True}):
            serve(Desk(work=work), **options)
            middleware.append(server.app)
        shown = []
        for app in middleware:
            server.app = app
            shown += [ask(*values), ask(*values)]
        serve(Desk(work=lambda found: 1 / 0))
        shown += [ask(*values), ask("cx1.AA")]
        text = "".join(
            [
                *(f"{r!r}{r.text}{r.headers!r}" for r in shown),
                repr(elsewhere.events),
                repr(middleware),
                caplog.text,
                *(repr(record.__dict__) for record in caplog.records),
            ]
        )

        assert (True, []) == (
            "Exception in ASGI application" in caplog.text,
            [word for word in (*NAME.split(), "zebedee", kept[4:40]) if word in text],
        )

    def test_what_was_received_is_an_event_without_values(
        self, serve, ask, journey, elsewhere
    ):
        """
        The event of a valid request has ids, names and counts only.
        """
        serve(Desk())
        ask(str(journey.hand_over("billing")))

        assert [
            Received(
                department="billing",
                journey_id=journey.id,
                sender="sales",
                statements=1,
                replayed=False,
            )
        ] == elsewhere.events
