"""
The page's configuration does what the page says, in the real nginx and HAProxy.
"""

from __future__ import annotations

import re
import socket
import threading
from contextlib import contextmanager
from http.client import HTTPConnection

import httpx
import pytest
from loopback import Server, answer
from proxies import haproxy, nginx
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import cxcontext as cx
from cxcontext.testing.shop import NAME, NOBODY, Process, customer
from cxcontext.web import http
from cxcontext.web.asgi import CustomerContextMiddleware
from cxcontext.web.httpx import AsyncCustomerContextTransport

PATIENCE_S = 20.0
PROXIES = {"nginx": nginx, "haproxy": haproxy}
SENTINEL = "cx1.Zebedee"
LONG = SENTINEL + "x" * (http.MAX_VALUE_BYTES - len(SENTINEL))
SPELLINGS = (
    "Customer-Context",
    "customer-context",
    "CUSTOMER-CONTEXT",
    "cUSTOMER-cONTEXT",
    "Customer_Context",
    "customer_context",
    "CUSTOMER_CONTEXT",
    "cUSTOMER_cONTEXT",
)
SMUGGLED = {
    **{name: [(name, SENTINEL)] for name in SPELLINGS},
    "doubled": [("Customer-Context", SENTINEL)] * 2,
    "both": [("Customer-Context", SENTINEL), ("Customer_Context", SENTINEL)],
    "both, the other way": [
        ("customer_context", SENTINEL),
        ("customer-context", SENTINEL),
    ],
    "long": [("Customer-Context", LONG)],
    "long with an underscore": [("Customer_Context", LONG)],
    "empty": [("Customer-Context", "")],
    "all at once": [(name, SENTINEL) for name in SPELLINGS],
}


def get(port, headers=(), path="/"):
    """
    Ask with the standard library's client, which changes no header.
    """
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.putrequest("GET", path)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.getheaders(), response.read()
    finally:
        connection.close()


def ours(headers):
    """
    Return those of the headers that are ours, in either spelling.
    """
    text = [
        tuple(
            part if isinstance(part, str) else part.decode("latin-1") for part in pair
        )
        for pair in headers
    ]
    return [
        pair
        for pair in text
        if re.fullmatch("customer.context", pair[0], re.IGNORECASE)
    ]


def without_ours(configuration):
    """
    Return a configuration without the lines about our field.
    """
    lines = r"(?im)^ +(proxy_\w+|http-\w+ del-header) customer.context.*\n"
    kept, removed = re.subn(lines, "", configuration)
    assert removed >= 3
    return kept


@contextmanager
def raw_upstream(response):
    """
    Answer one request with bytes, and give a list in which the request's appear.
    """
    received = []

    def serve():
        connection, _ = listening.accept()
        with connection:
            connection.settimeout(PATIENCE_S)
            request = b""
            while not request.endswith((b"0\r\n\r\n", b"end\r\n\r\n", b"abc")):
                request += connection.recv(65536)
            received.append(request)
            connection.sendall(response)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1], received
        thread.join(PATIENCE_S)


@pytest.fixture(scope="module")
def upstream():
    """
    The application behind the proxies: uvicorn.
    """
    with Server() as server:
        yield server


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request, upstream):
    """
    A proxy with the page's configuration.
    """
    with PROXIES[request.param](upstream.port) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def _fresh(upstream):
    upstream.reset()


class TestEdge:
    """
    The configuration for the public edge.
    """

    @pytest.mark.parametrize("headers", SMUGGLED.values(), ids=SMUGGLED)
    def test_no_spelling_comes_in(self, proxy, upstream, headers):
        """
        Neither spelling reaches the application, in whatever case, number or length.
        """
        status, _, _ = get(proxy.port, [*headers, ("X-Kept", "kept")])

        (received,) = upstream.received
        assert (200, []) == (status, ours(received))
        assert (b"x-kept", b"kept") in received

    @pytest.mark.parametrize("headers", SMUGGLED.values(), ids=SMUGGLED)
    def test_no_spelling_goes_out(self, proxy, upstream, headers):
        """
        Whatever the application puts on its response, the browser does not get it.
        """

        async def leaking(scope, receive, send):
            raw = [(n.lower().encode(), v.encode()) for n, v in headers]
            await answer(send, b"hello", headers=[*raw, (b"x-kept", b"kept")])

        upstream.app = leaking
        status, received, body = get(proxy.port)

        assert (200, [], b"hello") == (status, ours(received), body)
        assert "kept" in dict(received).values()

    def test_nothing_is_logged(self, proxy, upstream):
        """
        Neither proxy logs a value, also of requests that it refuses for their length.
        """

        async def leaking(scope, receive, send):
            await answer(send, headers=[(b"customer-context", SENTINEL.encode())])

        upstream.app = leaking
        for headers in SMUGGLED.values():
            get(proxy.port, headers, path="/a-path-to-be-found")
        too_long = get(proxy.port, [("Customer-Context", LONG * 3)])
        get(proxy.port, path="/the-last")

        logged = proxy.logged()
        assert 400 == too_long[0]
        assert "/a-path-to-be-found" in logged
        assert SENTINEL not in logged

    def test_the_application_strips_what_no_proxy_did(self, upstream):
        """
        With `edge`, an application behind a proxy that does nothing is as safe.
        """
        seen = []

        async def app(scope, receive, send):
            seen.append(ours(scope["headers"]))
            await answer(
                send, customer(), headers=[(b"customer-context", SENTINEL.encode())]
            )

        billing = cx.Propagator(Process().department("billing"))
        upstream.app = CustomerContextMiddleware(app, billing, edge=True)
        genuine = str(Process().begin().hand_over("billing"))
        for run in PROXIES.values():
            with run(upstream.port, change=without_ours) as proxy:
                for name in SPELLINGS:
                    _, headers, body = get(proxy.port, [(name, genuine)])
                    assert (NOBODY, []) == (body, ours(headers))
        assert [[]] * len(seen) == seen

    def test_what_a_server_appends_later_is_not_seen(self):
        """
        uvicorn on httptools appends trailers to the list of headers while the request
        is served; with `edge` the application has a list of its own.
        """
        headers = [(b"host", b"shop.example")]
        seen = []

        async def app(scope, receive, send):
            headers.append((b"customer-context", SENTINEL.encode()))
            seen.extend(scope["headers"])

        billing = cx.Propagator(Process().department("billing"))
        serving = CustomerContextMiddleware(app, billing, edge=True)(
            {"type": "http", "headers": headers}, None, None
        )
        with pytest.raises(StopIteration):
            serving.send(None)

        assert [(b"host", b"shop.example")] == seen

    def test_from_the_internet_to_a_department_and_back(self, proxy, upstream):
        """
        A browser's value leads nowhere; the shop's own journey reaches billing, and
        what billing learned does not reach the browser.
        """
        shop, billing = Process(), Process()
        with Server() as inner:
            inner.app = CustomerContextMiddleware(
                asgi_of(lambda request: PlainTextResponse(customer())),
                cx.Propagator(billing.department("billing")),
                returns=True,
            )
            to_billing = cx.Destination("billing", origins=[inner.origin], returns=True)
            propagator = cx.Propagator(shop.department("sales"), [to_billing])

            async def front(request):
                assert cx.current() is None
                transport = AsyncCustomerContextTransport(propagator)
                with cx.bound(shop.begin()):
                    async with httpx.AsyncClient(transport=transport) as client:
                        response = await client.get(inner.origin)
                return PlainTextResponse(
                    response.content, headers={"Customer-Context": SENTINEL}
                )

            upstream.app = CustomerContextMiddleware(
                asgi_of(front), propagator, edge=True
            )
            mallory = str(Process().begin("Mallory").hand_over("sales"))
            for name in SPELLINGS:
                status, headers, body = get(proxy.port, [(name, mallory)])
                assert (200, [], NAME) == (status, ours(headers), body.decode())

        assert [1] * len(SPELLINGS) == [len(values) for values in inner.values()]


def asgi_of(handler):
    """
    Return a Starlette of one route.
    """
    return Starlette(routes=[Route("/", handler)])


class TestTraps:
    """
    What the page warns of is so.
    """

    def test_a_header_of_its_own_brings_the_field_back(self, upstream):
        """
        A location of nginx with a `proxy_set_header` of its own inherits none.
        """

        def nested(configuration):
            own = (
                'location /own { proxy_pass http://shop; proxy_set_header X-Own "1"; }'
            )
            before = "    location / {"
            around = re.findall(r" +proxy_set_header .*;\n", configuration)
            assert before in configuration
            return configuration.replace(
                before, "".join(around) + f"    {own}\n{before}"
            )

        with nginx(upstream.port, change=nested) as proxy:
            get(proxy.port, [("Customer-Context", SENTINEL)], path="/own")
            get(proxy.port, [("Customer-Context", SENTINEL)])

        assert [1, 0] == [len(ours(headers)) for headers in upstream.received]

    def test_one_spelling_is_not_enough_in_haproxy(self, upstream):
        """
        Who takes only one of the two away passes the other on.
        """

        def one(configuration):
            return configuration.replace("http-request del-header customer_context", "")

        with haproxy(upstream.port, change=one) as proxy:
            get(proxy.port, [("Customer_Context", SENTINEL)])

        assert [("customer_context", SENTINEL)] == ours(upstream.received[0])

    @pytest.mark.parametrize(
        "headers",
        [[("Customer_Context", SENTINEL)], [("Customer-Context", LONG * 3)]],
        ids=["underscore", "too long"],
    )
    def test_at_info_nginx_logs_values(self, upstream, headers):
        """
        Which is why the page says `warn`.
        """

        def talkative(configuration):
            assert "shop.error.log warn;" in configuration
            return configuration.replace("error.log warn;", "error.log info;")

        with nginx(upstream.port, change=talkative) as proxy:
            get(proxy.port, headers)
            assert SENTINEL in proxy.logged()

    @pytest.mark.parametrize(("name", "passes"), [("nginx", False), ("haproxy", True)])
    def test_trailers(self, name, passes):
        """
        nginx drops the fields after a body in chunks; HAProxy passes them on.
        """
        request = (
            b"POST / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
            b"Customer-Context: end\r\n\r\n"
        )
        reply = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        with (
            raw_upstream(reply) as (port, received),
            PROXIES[name](port) as proxy,
            socket.create_connection(("127.0.0.1", proxy.port)) as raw,
        ):
            raw.settimeout(PATIENCE_S)
            raw.sendall(request)
            assert b" 200 " in raw.recv(65536)

        assert passes == (b"context: end" in received[0].lower())


class TestBetweenDepartments:
    """
    The same without our lines: the field passes, up to the sizes that the page says.
    """

    @pytest.mark.parametrize("run", PROXIES.values(), ids=PROXIES)
    def test_what_we_send_passes_unchanged(self, upstream, run):
        """
        Both ways, at the default limit and at the greatest.
        """
        sizes = (http.LIMITS.value_bytes, http.MAX_VALUE_BYTES)
        values = ["cx1." + "x" * (size - 4) for size in sizes]

        async def echo(scope, receive, send):
            await answer(send, headers=ours_raw(scope["headers"]))

        upstream.app = echo
        with run(upstream.port, change=without_ours) as proxy:
            answers = [get(proxy.port, [(http.FIELD, value)]) for value in values]

        assert [(200, values[:1]), (200, values[1:])] == [
            (status, [value for _, value in ours(headers)])
            for status, headers, _ in answers
        ]

    @pytest.mark.parametrize(
        ("name", "passes", "breaks"), [("nginx", 8172, 8173), ("haproxy", 15000, 15400)]
    )
    def test_the_longest_request(self, upstream, name, passes, breaks):
        """
        Above what a proxy takes the request is refused, and not passed on cut off.
        """
        with PROXIES[name](upstream.port, change=without_ours) as proxy:
            found = [
                get(proxy.port, [("Customer-Context", "x" * size)])[0]
                for size in (passes, breaks)
            ]

        assert [200, 400] == found
        assert [passes] == [len(value) for (_, value) in map(one, upstream.received)]

    @pytest.mark.parametrize(
        ("size", "expected"), [(3800, 200), (http.LIMITS.value_bytes, 502)]
    )
    def test_nginx_breaks_long_answers_by_default(self, upstream, size, expected):
        """
        Without `proxy_buffer_size` an answer's headers must fit into 4 KiB.
        """

        def default(configuration):
            assert "proxy_buffer_size 16k;" in configuration
            return re.sub(r"proxy_buffer.*;", "", without_ours(configuration))

        async def long(scope, receive, send):
            await answer(send, headers=[(b"customer-context", b"x" * size)])

        upstream.app = long
        with nginx(upstream.port, change=default) as proxy:
            assert expected == get(proxy.port)[0]

    def test_a_stream_is_not_kept_back(self, upstream):
        """
        With `X-Accel-Buffering: no` nginx passes each part on when it comes.
        """
        read = threading.Event()

        async def stream(scope, receive, send):
            headers = [(b"x-accel-buffering", b"no")]
            start = {"type": "http.response.start", "status": 200, "headers": headers}
            await send(start)
            await send({"type": "http.response.body", "body": b"1", "more_body": True})
            # Blocks this server, which has nothing else to do.
            body = b"2" if read.wait(PATIENCE_S) else b"never read"
            await send({"type": "http.response.body", "body": body})

        upstream.app = stream
        with (
            nginx(upstream.port, change=without_ours) as proxy,
            httpx.stream("GET", f"http://127.0.0.1:{proxy.port}") as response,
        ):
            parts = response.iter_raw()
            first = next(parts)
            read.set()
            rest = b"".join(parts)

        assert (b"1", b"2") == (first, rest)


def ours_raw(headers):
    """
    Return our field's pairs, as they came.
    """
    return [pair for pair in headers if pair[0] == http.FIELD_BYTES]


def one(headers):
    """
    Return the only pair that is ours.
    """
    (pair,) = ours(headers)
    return pair
