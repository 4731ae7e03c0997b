"""
The Django middleware, on real servers of both kinds, with views of both kinds.
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import logging
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import django
import httpx
import pytest
from acme import Acme
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.deprecation import MiddlewareMixin
from django.views import View
from loopback import PATIENCE_S

import cxcontext as cx
from cxcontext.core.events import Rejected, Unsent
from cxcontext.web import http as rules
from cxcontext.web.django import (
    MIDDLEWARE,
    CustomerContextConfig,
    CustomerContextMiddleware,
    check_settings,
    require_context,
)

NAME = "Ada Zebedee Lovelace"

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        LOGGING_CONFIG=None,
        SECRET_KEY="of the tests",
        USE_TZ=True,
    )
    django.setup(set_prefix=False)


class SyncOnly(MiddlewareMixin):
    """
    Somebody else's middleware, which knows no event loop.
    """

    async_capable = False

    def process_request(self, request):
        """
        Read the headers before anybody else does.
        """
        assert request.headers is not None


SYNC_ONLY = f"{__name__}.SyncOnly"


class WSGIServer:
    """
    Django's own server, in threads of this process.
    """

    def __init__(self):
        self.server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
        self.server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="session")
def wsgi_server():
    """
    One server that runs as long as the tests do.
    """
    with WSGIServer() as server:
        yield server


@pytest.fixture(params=["wsgi", "asgi"])
def stack(request):
    """
    Which of both interfaces Django is served by.
    """
    return request.param


@pytest.fixture(params=["sync", "async"])
def kind(request):
    """
    Which of both kinds the views are.
    """
    return request.param


@pytest.fixture
def origin(stack, server, wsgi_server):
    """
    Where the served site is.
    """
    return server.origin if stack == "asgi" else wsgi_server.origin


@pytest.fixture
def serve(stack, server, wsgi_server, elsewhere):
    """
    Serve views by their paths; the settings hold while the test does.
    """
    entered = []

    def put(views, *, middleware=(MIDDLEWARE,), **given):
        urls = ModuleType("urls")
        urls.urlpatterns = [path(where, view) for where, view in views.items()]
        given = {"PROPAGATOR": cx.Propagator(elsewhere["billing"])} | given
        changed = override_settings(
            CXCONTEXT=given, MIDDLEWARE=list(middleware), ROOT_URLCONF=urls
        )
        changed.enable()
        entered.append(changed)
        if stack == "asgi":
            server.app = ASGIHandler()
        else:
            wsgi_server.server.set_app(WSGIHandler())

    yield put
    for changed in reversed(entered):
        changed.disable()


@pytest.fixture
def journey(sales):
    """
    A journey at sales on which a name was learned.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, NAME)
    return journey


@pytest.fixture
def ask(client, origin):
    """
    Send one request with these values of the field.
    """

    def request(*values, where="/", name="Customer-Context"):
        headers = [(name, str(value)) for value in values]
        return client.get(origin + where, headers=headers)

    return request


def known():
    """
    Return what is known of the current customer: a name, "nobody" or "stranger".
    """
    journey = cx.current()
    if journey is None:
        return "nobody"
    return journey.recall(Acme.full_name) or "stranger"


def view_of(kind, work=known):
    """
    Return a view of a kind that answers with what *work* returns.
    """

    def view(request):
        return HttpResponse(work())

    async def view_async(request):
        await asyncio.sleep(0)
        return HttpResponse(work())

    return view if kind == "sync" else view_async


class TestArriving:
    """
    What a view finds.
    """

    def test_a_valid_value_is_bound_in_the_view(self, serve, ask, journey, kind):
        """
        Sync and async views under both interfaces have the caller's journey.
        """
        serve({"": view_of(kind)})

        assert NAME == ask(journey.hand_over("billing")).text

    def test_no_value_is_no_journey(self, serve, ask, kind, elsewhere):
        """
        Where no header came nothing is current, and nothing is told.
        """
        serve({"": view_of(kind)})

        assert ("nobody", []) == (ask().text, elsewhere.events)

    @pytest.mark.parametrize(
        "middleware",
        [[MIDDLEWARE, SYNC_ONLY], [SYNC_ONLY, MIDDLEWARE]],
        ids=["before", "after"],
    )
    def test_a_middleware_of_the_other_kind_is_no_hindrance(
        self, serve, ask, journey, kind, middleware
    ):
        """
        A sync middleware before or after it changes nothing of what the view has.
        """
        serve({"": view_of(kind)}, middleware=middleware)

        assert NAME == ask(journey.hand_over("billing")).text

    def test_the_underscore_twin_is_no_value(self, serve, ask, journey):
        """
        The spelling that proxies do not strip is never read.
        """
        serve({"": view_of("sync")})
        answered = ask(journey.hand_over("billing"), name="Customer_Context")

        assert "nobody" == answered.text

    def test_a_value_may_be_longer_where_that_is_said(self, serve, ask, journey):
        """
        ``VALUE_BYTES`` is the longest that is read.
        """
        serve({"": view_of("sync")}, VALUE_BYTES=100)

        assert "stranger" == ask(journey.hand_over("billing")).text

    def test_the_propagator_may_be_named(
        self, serve, ask, journey, elsewhere, monkeypatch
    ):
        """
        A dotted path leads to it, as elsewhere in Django's settings.
        """
        module = ModuleType("shop_context")
        module.propagator = cx.Propagator(elsewhere["billing"])
        monkeypatch.setitem(sys.modules, "shop_context", module)
        serve({"": view_of("sync")}, PROPAGATOR="shop_context.propagator")

        assert NAME == ask(journey.hand_over("billing")).text


REFUSED = {
    "two": ("duplicate_value", lambda value: (value, value)),
    "folded": ("duplicate_value", lambda value: (f"{value},{value}",)),
    "garbage": ("malformed", lambda value: ("nonsense",)),
    "long": ("too_large", lambda value: ("A" * 5000,)),
}


class TestRefusing:
    """
    What comes of a bad value.
    """

    @pytest.mark.parametrize("what", REFUSED)
    def test_the_request_is_served_without_it(
        self, serve, ask, journey, elsewhere, what
    ):
        """
        The view is served, the journey is empty, and the event has no value.
        """
        serve({"": view_of("sync")})
        _, values_of = REFUSED[what]
        answered = ask(*values_of(str(journey.hand_over("billing"))))

        assert ("stranger", 1) == (answered.text, len(elsewhere.told(Rejected)))

    @pytest.mark.parametrize("what", REFUSED)
    def test_a_view_that_requires_one_answers_400(
        self, serve, ask, journey, kind, what
    ):
        """
        The view does not run, and the answer is a problem with the reason's code.
        """
        serve({"": require_context(view_of(kind))})
        _, values_of = REFUSED[what]
        answered = ask(*values_of(str(journey.hand_over("billing"))))

        assert (400, rules.PROBLEM_TYPE, "private, no-store") == (
            answered.status_code,
            answered.headers["content-type"],
            answered.headers["cache-control"],
        )
        assert {"type", "title", "status", "code"} == set(answered.json())

    def test_two_values_are_told_as_two(self, serve, ask, journey, stack):
        """
        However the interface folds them, two are two and never malformed.
        """
        serve({"": require_context(view_of("sync"))})
        value = journey.hand_over("billing")
        one, two = ask(value, value), ask("nonsense")

        assert one.json()["code"] != two.json()["code"]

    def test_absent_is_refused_where_it_is_required(self, serve, ask, kind):
        """
        No value is a reason, too, and its code says so; other views are served.
        """
        serve({"": require_context(view_of(kind)), "open": view_of(kind)})

        assert (400, "absent", 200) == (
            (refused := ask()).status_code,
            refused.json()["code"],
            ask(where="/open").status_code,
        )

    def test_what_is_required_and_valid_is_served(self, serve, ask, journey, kind):
        """
        A valid value opens the view.
        """
        serve({"": require_context(view_of(kind))})

        assert NAME == ask(journey.hand_over("billing")).text

    def test_a_class_of_views_may_require_it(self, serve, ask, journey):
        """
        Django's own ``method_decorator`` takes the decorator to a class's view.
        """

        @method_decorator(require_context, name="dispatch")
        class Page(View):
            def get(self, request):
                return HttpResponse(known())

        serve({"": Page.as_view()})

        assert (400, NAME) == (
            ask().status_code,
            ask(journey.hand_over("billing")).text,
        )

    def test_a_view_may_take_each_delivery_once(self, serve, ask, journey, kind):
        """
        The second time, a view that takes it once refuses it and names why.
        """
        serve({"": require_context(once=True)(view_of(kind))})
        value = journey.hand_over("billing")
        first, second = ask(value), ask(value)

        assert (NAME, 400, "replayed") == (
            first.text,
            second.status_code,
            second.json()["code"],
        )

    def test_requiring_without_the_middleware_is_an_error(self):
        """
        A view that requires a journey says who should have brought it.
        """
        with pytest.raises(ImproperlyConfigured, match="MIDDLEWARE"):
            require_context(view_of("sync"))(django.http.HttpRequest())


class TestBinding:
    """
    Deliveries that are good for one request only.
    """

    @pytest.mark.parametrize("target", ["/a", "/a?q=1", "/a?q=%C3%A4&r=a+b"])
    def test_one_for_this_request_is_taken(self, serve, ask, journey, target):
        """
        Method and target are those of the wire.
        """
        serve({"a": view_of("sync")}, BOUND=True)
        envelope = journey.hand_over(
            "billing", binding=rules.binding("GET", target.encode())
        )

        assert NAME == ask(envelope, where=target).text

    def test_one_for_another_request_is_refused(self, serve, ask, journey):
        """
        What was stolen from one request is of no use for another.
        """
        serve({"a": view_of("sync")}, BOUND=True)
        envelope = journey.hand_over("billing", binding=rules.binding("GET", b"/b"))

        assert "stranger" == ask(envelope, where="/a").text


class TestStreaming:
    """
    A streamed body is produced when the middleware is long done.
    """

    @pytest.fixture
    def streamed(self, stack, journey):
        """
        A view whose body says thrice what is known.
        """

        def parts():
            for _ in range(3):
                yield known() + ";"

        async def parts_async():
            for _ in range(3):
                yield known() + ";"
                await asyncio.sleep(0)

        def view(request):
            return StreamingHttpResponse(parts() if stack == "wsgi" else parts_async())

        return view

    def test_a_streamed_body_has_it(self, serve, ask, journey, streamed):
        """
        Every part is produced with the customer's journey current.
        """
        serve({"": streamed})

        assert f"{NAME};" * 3 == ask(journey.hand_over("billing")).text

    @pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
    def test_a_sync_body_under_asgi_has_it(self, server, serve, ask, journey):
        """
        Django reads a sync body in a thread, which has it, too.
        """
        serve({"": lambda request: StreamingHttpResponse(known() for _ in range(2))})

        assert NAME * 2 == ask(journey.hand_over("billing")).text

    def test_what_is_learned_in_it_is_told(self, serve, ask, journey, stack, elsewhere):
        """
        What a view and its body learned and nothing took is told once, at the end.
        """

        def view(request):
            cx.require_current().learn(Acme.email, "ada@shop.example")
            return StreamingHttpResponse(body())

        def parts():
            cx.require_current().learn(Acme.order_number, "A-118")
            yield "learned"

        async def parts_async():
            for part in parts():
                yield part

        body = parts if stack == "wsgi" else parts_async
        serve({"": view})
        ask(journey.hand_over("billing"))

        deadline = time.monotonic() + PATIENCE_S
        while not elsewhere.told(Unsent) and time.monotonic() < deadline:
            time.sleep(0.001)
        learned = tuple(sorted((Acme.order_number.number, Acme.email.number)))
        assert [learned] == [tuple(event.fields) for event in elsewhere.told(Unsent)]

    def test_without_one_a_body_has_nobody(self, serve, ask, journey, streamed):
        """
        After somebody's, a body that nobody's journey belongs to has none.
        """
        serve({"": streamed})
        ask(journey.hand_over("billing"))

        assert "nobody;" * 3 == ask().text

    @pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
    def test_a_file_is_left_alone(self, serve, ask, journey, tmp_path):
        """
        Servers send a file as they like; it is private all the same.
        """
        (tmp_path / "bill").write_text("a bill")
        serve({"": lambda request: FileResponse((tmp_path / "bill").open("rb"))})
        answered = ask(journey.hand_over("billing"))

        assert ("a bill", "private, no-store") == (
            answered.text,
            answered.headers["cache-control"],
        )

    def test_between_two_parts_nothing_is_bound(self, elsewhere, journey):
        """
        Whoever reads a sync body part by part keeps a journey of their own.
        """
        middleware = self.middleware_to(
            elsewhere, StreamingHttpResponse(known() for _ in range(2))
        )
        body = iter(middleware(self.request_with(journey)))

        assert [NAME.encode(), None, NAME.encode(), None] == [
            next(body),
            cx.current(),
            next(body),
            cx.current(),
        ]

    def test_a_body_closed_by_another_thread_raises_nothing(self, elsewhere, journey):
        """
        A server may close a body wherever it likes, halfway.
        """
        response = self.middleware_to(
            elsewhere, StreamingHttpResponse(known() for _ in range(2))
        )(self.request_with(journey))
        next(iter(response))
        with ThreadPoolExecutor(1) as pool:
            pool.submit(response.close).result()

        assert cx.current() is None

    def middleware_to(self, elsewhere, response):
        """
        Return the middleware around a view that answers so.
        """
        with override_settings(
            CXCONTEXT={"PROPAGATOR": cx.Propagator(elsewhere["billing"])}
        ):
            return CustomerContextMiddleware(lambda request: response)

    def request_with(self, journey):
        """
        Return a request with that journey.
        """
        request = django.http.HttpRequest()
        request.META["HTTP_CUSTOMER_CONTEXT"] = str(journey.hand_over("billing"))
        return request


class TestResponses:
    """
    What leaves.
    """

    def test_a_response_has_no_value_and_is_private(self, serve, ask, journey, kind):
        """
        What a view copies there does not get out, and no cache keeps the rest.
        """

        def view(request):
            response = HttpResponse(known())
            response["Customer-Context"] = request.headers["Customer-Context"]
            response["Cache-Control"] = "public, max-age=3600"
            return response

        serve({"": view})
        answered = ask(journey.hand_over("billing"))

        assert (False, "private, no-store") == (
            "customer-context" in answered.headers,
            answered.headers["cache-control"],
        )

    def test_without_a_journey_caching_is_the_views(self, serve, ask):
        """
        Where nobody's journey came, the view's own rule stays.
        """

        def view(request):
            return HttpResponse("all", headers={"Cache-Control": "public"})

        serve({"": view})

        assert "public" == ask().headers["cache-control"]

    @pytest.mark.parametrize("returns", [True, False])
    def test_what_was_learned_goes_back_where_it_returns(
        self, serve, ask, journey, kind, returns
    ):
        """
        The caller can merge it; without ``RETURNS`` nothing goes back.
        """

        def learn():
            cx.require_current().learn(Acme.order_number, "A-118")
            return "learned"

        serve({"": view_of(kind, learn)}, RETURNS=returns)
        envelope = journey.hand_over("billing")
        answered = ask(envelope)
        if returns:
            journey.merge(
                answered.headers["customer-context"], reply_to=envelope.delivery.id
            )

        assert ("A-118" if returns else None) == journey.recall(Acme.order_number)


class TestEdge:
    """
    The public edge.
    """

    @pytest.mark.parametrize("name", ["Customer-Context", "Customer_Context"])
    @pytest.mark.parametrize("before", [(), (SYNC_ONLY,)], ids=["first", "second"])
    def test_both_spellings_are_stripped_unread(
        self, serve, ask, journey, kind, name, before
    ):
        """
        No view sees them, whoever read the headers before.
        """
        seen: list[Any] = []

        def view(request):
            scope = getattr(request, "scope", {"headers": []})
            names = [*request.headers, *request.META]
            names += [name.decode() for name, _ in scope["headers"]]
            seen.extend(n for n in names if "customer" in n.lower())
            return HttpResponse(known())

        serve({"": view}, EDGE=True, middleware=[*before, MIDDLEWARE])
        answered = ask(journey.hand_over("billing"), name=name)

        assert ("nobody", []) == (answered.text, seen)

    def test_a_required_journey_never_comes_there(self, serve, ask, journey):
        """
        At the edge a view that requires one is closed.
        """
        serve({"": require_context(view_of("sync"))}, EDGE=True)

        assert "absent" == ask(journey.hand_over("billing")).json()["code"]


class TestTwoCustomers:
    """
    One customer's journey is never another's.
    """

    def test_a_thousand_requests_and_more_never_meet(
        self, serve, origin, sales, kind, caplog
    ):
        """
        Interleaved over kept connections, each view has its own caller's, before and
        after it waited, and whoever brought none has none.
        """

        def view(request):
            first = known()
            time.sleep(0.0002)
            return HttpResponse(f"{first}|{known()}")

        async def view_async(request):
            first = known()
            await asyncio.sleep(0.0002)
            return HttpResponse(f"{first}|{known()}")

        # uvicorn would tell of every message, which takes most of the time.
        caplog.set_level(logging.CRITICAL, "uvicorn.asgi")
        caplog.set_level(logging.CRITICAL, "uvicorn.error")
        caplog.set_level(logging.CRITICAL, "uvicorn.access")
        serve({"": view if kind == "sync" else view_async})
        values = {"nobody": None}
        for number in range(12):
            journey = sales.begin(channel="chat")
            journey.learn(Acme.full_name, f"customer {number}")
            values[f"customer {number}"] = str(journey.hand_over("billing"))
        address = origin.removeprefix("http://")
        each = 250 if stack == "wsgi" else 125

        def run(worker):
            connection = http.client.HTTPConnection(address, timeout=PATIENCE_S)
            found = []
            names = itertools.islice(itertools.cycle(values), worker, worker + each)
            for name in names:
                value = values[name]
                headers = {} if value is None else {"Customer-Context": value}
                connection.request("GET", "/", headers=headers)
                text = connection.getresponse().read().decode()
                found.append((f"{name}|{name}", text))
            connection.close()
            return found

        with ThreadPoolExecutor(8) as pool:
            found = [pair for some in pool.map(run, range(8)) for pair in some]

        assert [] == [pair for pair in found if pair[0] != pair[1]]
        assert 8 * each == len(found)

    def test_a_view_that_fails_leaves_nothing(self, serve, ask, client, journey):
        """
        After a view raised, the next request of the connection has none.
        """

        def fail(request):
            raise ValueError(known())

        serve({"": view_of("sync"), "fail": fail})
        failed = ask(journey.hand_over("billing"), where="/fail")

        assert (500, "nobody") == (failed.status_code, ask().text)

    def test_a_client_that_leaves_cancels_and_leaves_nothing(
        self, server, serve, ask, stack, client, journey
    ):
        """
        A view that is cancelled is unbound, and the next request has none.
        """
        if stack == "wsgi" or django.VERSION < (5, 0):
            # There nobody is told that a client left.
            serve({"": view_of("sync")})
            assert "nobody" == ask().text
            return
        cancelled = threading.Event()

        async def wait(request):
            try:
                await asyncio.sleep(PATIENCE_S)
            except asyncio.CancelledError:
                if known() == NAME:
                    cancelled.set()
                raise

        serve({"": view_of("async"), "wait": wait})
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(
                server.origin + "/wait",
                headers={"Customer-Context": str(journey.hand_over("billing"))},
                timeout=0.2,
                trust_env=False,
            )

        assert (True, "nobody") == (cancelled.wait(PATIENCE_S), ask().text)


WRONG = {
    "none": (None, ["E001"]),
    "not a dict": ("billing", ["E001"]),
    "empty": ({}, ["E002"]),
    "no such module": ({"PROPAGATOR": "no.such.module"}, ["E002"]),
    "no propagator": ({"PROPAGATOR": "os.path"}, ["E002"]),
    "unknown": ({"REQUIRED": True}, ["E003", "E002"]),
    "not a switch": ({"EDGE": "no"}, ["E004", "E002"]),
    "too long": ({"VALUE_BYTES": 8192}, ["E004", "E002"]),
    "edge and returns": ({"EDGE": True, "RETURNS": True}, ["E005", "E002"]),
}


class TestChecking:
    """
    What ``manage.py check`` says.
    """

    @pytest.mark.parametrize("what", WRONG)
    def test_what_is_wrong_is_found(self, what):
        """
        Each mistake has its id, and the middleware refuses to start with it.
        """
        given, ids = WRONG[what]
        with override_settings(CXCONTEXT=given, MIDDLEWARE=[MIDDLEWARE]):
            found = [message.id for message in check_settings()]
            with pytest.raises(ImproperlyConfigured):
                CustomerContextMiddleware(lambda request: None)

        assert [f"cxcontext.{code}" for code in ids] == found

    @pytest.mark.parametrize("times", [0, 1, 2])
    def test_the_middleware_stands_there_once(self, elsewhere, times):
        """
        Missing or repeated, it is warned of.
        """
        given = {"PROPAGATOR": cx.Propagator(elsewhere["billing"])}
        with override_settings(CXCONTEXT=given, MIDDLEWARE=[MIDDLEWARE] * times):
            found = [message.id for message in check_settings()]

        assert ([] if times == 1 else ["cxcontext.W001"]) == found

    def test_the_app_registers_the_check(self, elsewhere):
        """
        Named in ``INSTALLED_APPS``, the check is one of Django's.
        """
        from django.core import checks  # noqa: PLC0415

        app = f"{CustomerContextConfig.__module__}.{CustomerContextConfig.__name__}"
        with override_settings(INSTALLED_APPS=[app], CXCONTEXT=None):
            found = checks.run_checks(tags=["cxcontext"])

        assert "cxcontext.E001" in [message.id for message in found]
