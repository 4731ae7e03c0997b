"""
What is special about WSGI: bodies that come late, targets, and gunicorn's threads.
"""

from __future__ import annotations

import http.client
import io
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest

import cxcontext as cx
from cxcontext.testing import shop
from cxcontext.testing.contract import Process, Shop
from cxcontext.web import http as rules
from cxcontext.web.wsgi import CustomerContextMiddleware

REQUESTS = 2400
WORKERS = 16
PATIENCE_S = 30


@pytest.fixture
def billing():
    """
    Billing's process.
    """
    return Process()


@pytest.fixture
def wrap(billing):
    """
    Put the middleware around an application.
    """

    def put(app, **options):
        propagator = cx.Propagator(billing.department("billing"))
        return CustomerContextMiddleware(app, propagator, **options)

    return put


def environ_of(value=None, **more):
    """
    Return a request's environ, with a value of the field.
    """
    environ = {} if value is None else {"HTTP_CUSTOMER_CONTEXT": str(value)}
    setup_testing_defaults(environ)
    return environ | more


class Start:
    """
    A server's ``start_response``, which notes what it is called with.
    """

    def __init__(self):
        self.calls = []

    def __call__(self, status, headers, exc_info=None):
        """
        Note one call.
        """
        self.calls.append((status, dict(headers), exc_info))
        return lambda data: None


def streaming(environ, start_response):
    """
    Stream the customer's name, and begin only when the first part is asked for.
    """
    start_response("200 OK", [])
    for _ in range(3):
        yield shop.customer()


class TestBodies:
    """
    Parts are produced later, elsewhere, and between other things.
    """

    def test_what_was_current_stays_current_between_parts(self, wrap):
        """
        A server's thread that has a journey of its own sees only its own.
        """
        served = wrap(streaming)
        value = Process().begin().hand_over("billing")
        with cx.bound(Process().begin("Bob")) as outer:
            body = served(environ_of(value), Start())
            found = [(part, cx.current() is outer) for part in body]
            body.close()

        assert [(shop.NAME.encode(), True)] * 3 == found

    def test_two_bodies_may_be_read_by_turns(self, wrap):
        """
        Two requests that one thread serves by turns do not mix.
        """
        served = wrap(streaming)
        bodies = [
            served(environ_of(Process().begin(name).hand_over("billing")), Start())
            for name in ("Ada", "Bob")
        ]
        found = [next(iter(body)) for _ in range(3) for body in bodies]
        for body in bodies:
            body.close()

        assert [b"Ada", b"Bob"] * 3 == found

    def test_another_thread_may_close_it(self, wrap):
        """
        A generator that another thread closes ends with its own customer.
        """
        ended = []

        def app(environ, start_response):
            try:
                yield from streaming(environ, start_response)
            finally:
                ended.append(shop.customer())

        value = Process().begin().hand_over("billing")
        body = wrap(app)(environ_of(value), Start())
        next(iter(body))
        with ThreadPoolExecutor(1) as pool:
            pool.submit(body.close).result()

        assert ([shop.NAME.encode()], None) == (ended, cx.current())

    def test_a_body_that_fails_to_close_is_ended(self, wrap, billing):
        """
        The error passes, and what was learned and not sent is told of once.
        """

        class Body:
            """
            One part, and an end that is an error.
            """

            def __iter__(self):
                return iter([b"served"])

            def close(self):
                raise OSError("gone")

        def app(environ, start_response):
            cx.require_current().learn(Shop.email, "ada@shop.example")
            start_response("200 OK", [])
            return Body()

        value = Process().begin().hand_over("billing")
        body = wrap(app)(environ_of(value), Start())
        list(body)
        with pytest.raises(OSError, match="gone"):
            body.close()
        told = [e for e in billing.events if isinstance(e, cx.events.Unsent)]

        assert 1 == len(told)

    @pytest.mark.parametrize(
        "body", [[b"served"], (b"served",), FileWrapper(io.BytesIO(b"served"))]
    )
    def test_what_is_complete_passes_untouched(self, wrap, body):
        """
        Servers know the length of a list, and send a file by other means.
        """

        def app(environ, start_response):
            start_response("200 OK", [])
            return body

        value = Process().begin().hand_over("billing")
        environ = environ_of(value, **{"wsgi.file_wrapper": FileWrapper})

        assert body is wrap(app)(environ, Start())

    def test_an_application_that_fails_is_restored(self, wrap):
        """
        What an application raises passes, and what was current is current again.
        """

        def app(environ, start_response):
            raise LookupError

        with cx.bound(Process().begin("Bob")) as outer:
            with pytest.raises(LookupError):
                wrap(app)(environ_of(Process().begin().hand_over("billing")), Start())

            assert cx.current() is outer


class TestEnviron:
    """
    What the environ has, before and after.
    """

    def test_an_outer_error_handler_finds_the_journey(self, wrap):
        """
        It is in the environ, for whoever runs beyond the binding.
        """
        environ = environ_of(Process().begin().hand_over("billing"))
        wrap(streaming)(environ, Start()).close()

        assert environ[rules.EXTRACTED].journey.recall(Shop.name) == shop.NAME

    def test_each_route_decides_for_itself(self, wrap):
        """
        Whether a journey is required may depend on the path.
        """
        served = wrap(streaming, required=lambda e: e["PATH_INFO"] == "/orders")
        statuses = []
        for path in ("/orders", "/health"):
            start = Start()
            body = served(environ_of(PATH_INFO=path), start)
            list(body)
            statuses.append(start.calls[0][0])

        assert ["400 Bad Request", "200 OK"] == statuses

    def test_a_route_may_take_each_delivery_once(self, wrap):
        """
        What was seen before is refused there, and counts elsewhere.
        """
        value = Process().begin().hand_over("billing")
        served = wrap(streaming, once=lambda environ: True)
        found = [next(iter(served(environ_of(value), Start()))) for _ in range(2)]

        assert [shop.NAME.encode(), shop.REFUSED] == found

    def test_a_value_may_be_longer_where_that_is_said(self, wrap):
        """
        The limit is that of the middleware.
        """
        journey = Process().begin()
        journey.learn(Shop.note, "long " * 1000)
        value = journey.hand_over("billing")
        limits = cx.Limits(value_bytes=rules.MAX_VALUE_BYTES + 2000)
        found = [
            next(iter(served(environ_of(value), Start())))
            for served in (wrap(streaming), wrap(streaming, limits=limits))
        ]

        assert [shop.REFUSED, shop.NAME.encode()] == found

    @pytest.mark.parametrize(
        ("wire", "target"),
        [
            (b"/a%2Fb?c=%7E", {"RAW_URI": "/a%2Fb?c=%7E", "PATH_INFO": "/a/b"}),
            (b"/a%2Fb?c=%7E", {"REQUEST_URI": "/a%2Fb?c=%7E", "PATH_INFO": "/a/b"}),
            (
                b"/a%20b/c;d=%C3%A9?e=%7E",
                {
                    "SCRIPT_NAME": "/a b",
                    "PATH_INFO": "/c;d=é".encode().decode("latin-1"),
                    "QUERY_STRING": "e=%7E",
                },
            ),
            (b"/plain", {"PATH_INFO": "/plain", "QUERY_STRING": ""}),
        ],
    )
    def test_a_delivery_may_be_bound_to_the_request(self, wrap, wire, target):
        """
        The target is that on the wire, or what it must have been.
        """
        binding = rules.binding("GET", wire)
        found = [
            next(iter(wrap(streaming, bound=True)(environ_of(v, **target), Start())))
            for v in (
                Process().begin().seal_for("billing", binding=binding),
                Process().begin().seal_for("billing", binding=binding + b"?other"),
            )
        ]

        assert [shop.NAME.encode(), shop.REFUSED] == found

    def test_an_error_may_replace_the_start(self, wrap):
        """
        The second start of a response passes with its reason, and has no value.
        """

        def app(environ, start_response):
            start_response("200 OK", [("Customer-Context", "cx1.AAAA")])
            try:
                [].pop()
            except IndexError:
                start_response(
                    "500 Oh", [("Customer-Context", "cx1.AAAA")], sys.exc_info()
                )
            return [b"sorry"]

        start = Start()
        wrap(app)(environ_of(Process().begin().hand_over("billing")), start)
        private = {"cache-control": "private, no-store"}

        assert [("200 OK", private), ("500 Oh", private)] == [
            call[:2] for call in start.calls
        ]
        assert start.calls[1][2][0] is IndexError


class TestGunicorn:
    """
    A server of several threads in another process.
    """

    def test_two_customers_never_meet(self, tmp_path):
        """
        Of thousands of requests through its threads, each has its own customer, and
        those without any have none.
        """
        names = [f"Customer {number}" for number in range(REQUESTS)]
        sales = Process()
        # Deliveries are as good as any the second time, and quicker to have.
        values = {
            name: str(sales.begin(name).hand_over("billing"))
            for name in names[: REQUESTS // 8]
        }

        def work(first):
            found = []
            connection = http.client.HTTPConnection(*where, timeout=PATIENCE_S)
            for number in range(first, REQUESTS, WORKERS):
                name = names[number % (REQUESTS // 4)]
                path = "/stream" if number % 3 == 0 else "/answer"
                headers = {"Customer-Context": values[name]} if name in values else {}
                expected = name.encode() if name in values else shop.NOBODY
                connection.request("GET", path, headers=headers)
                body = connection.getresponse().read()
                found += [(expected, line) for line in body.splitlines()]
            connection.close()
            return found

        with gunicorn(tmp_path) as where, ThreadPoolExecutor(WORKERS) as pool:
            found = [pair for some in pool.map(work, range(WORKERS)) for pair in some]

        assert ([], True) == (
            [pair for pair in found if pair[0] != pair[1]],
            len(found) >= 2 * REQUESTS,
        )

    def test_it_drops_the_underscore_twin(self, tmp_path):
        """
        Of both spellings only the field's own reaches the middleware.
        """
        value = str(Process().begin("Mallory").hand_over("billing"))
        with gunicorn(tmp_path) as where:
            connection = http.client.HTTPConnection(*where, timeout=PATIENCE_S)
            connection.request("GET", "/answer", headers={"Customer_Context": value})
            body = connection.getresponse().read()
            connection.close()

        assert [shop.NOBODY] * 2 == body.splitlines()


@contextmanager
def gunicorn(directory: Path):
    """
    Run gunicorn with threads over the application beside this file.
    """
    ring = shop._ring()
    (directory / "public.json").write_text(ring.public.to_json())
    (directory / "billing.json").write_text(ring.private["billing"].to_json())
    (directory / "billing.json").chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "gunicorn", "gunicorn_app:app"]
        command += ["-k", "gthread", "--threads", "16", "--bind"]
        command += [f"fd://{listener.fileno()}", "--log-level", "error"]
        # It would stand in the user's home.
        command += ["--no-control-socket"]
        process = subprocess.Popen(
            command,
            cwd=Path(__file__).parent,
            env=os.environ | {"SHOP_KEYS": str(directory)},
            pass_fds=[listener.fileno()],
        )
        try:
            yield listener.getsockname()
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
