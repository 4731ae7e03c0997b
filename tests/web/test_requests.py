"""
What is special about requests: adapters inside, digests, errors and addresses.
"""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import requests
from loopback import answer
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.auth import HTTPDigestAuth
from urllib3.util.retry import Retry

import cxcontext as cx
from cxcontext.core.events import Skipped
from cxcontext.errors import UsageError
from cxcontext.testing import shop
from cxcontext.testing.contract import HTTPPeer, Process, Shop
from cxcontext.web import http
from cxcontext.web.asgi import CustomerContextMiddleware
from cxcontext.web.requests import CustomerContextAdapter


@pytest.fixture
def sales():
    """
    Sales' process.
    """
    return Process()


@pytest.fixture
def peer():
    """
    Billing, behind a server.
    """
    with HTTPPeer() as peer:
        yield peer


@pytest.fixture
def propagate(sales):
    """
    Return a propagator to billing at an origin.
    """

    def to(*origins, **options):
        destination = cx.Destination("billing", origins=origins, **options)
        return cx.Propagator(sales.department("sales"), [destination])

    return to


@contextmanager
def session_with(adapter):
    """
    Open a session that has the adapter for every address.
    """
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        yield session


class Elsewhere(BaseAdapter):
    """
    An adapter that notes what it is given, and reaches nobody.
    """

    def __init__(self, problem=None):
        super().__init__()
        self.sent = []
        self.closed = False
        self.problem = problem

    def send(self, request, *args, **kwargs):
        """
        Note a request; fail, or answer it.
        """
        self.sent.append(request)
        if self.problem is not None:
            raise self.problem(request=request)
        response = requests.Response()
        response.status_code = 204
        return response

    def close(self):
        """
        Note that it was closed.
        """
        self.closed = True


def get(adapter, journey, url):
    """
    Get an address by an adapter alone, as no session would prepare it.
    """
    request = requests.Request("GET", "http://prepared.example/").prepare()
    request.url = url
    with cx.bound(journey):
        return adapter.send(request)


class TestAddresses:
    """
    Which origin an address reaches.
    """

    @pytest.mark.parametrize(
        "url",
        [
            "https://billing.example/a?b",
            "https://billing.example:443",
            "HTTPS://BILLING.EXAMPLE/",
            "https://user:secret@billing.example/",
        ],
    )
    def test_the_same_origin_is_sent_to(self, propagate, sales, url):
        """
        Scheme, host and port count, however they are written.
        """
        inner = Elsewhere()
        adapter = CustomerContextAdapter(propagate("https://billing.example"), inner)
        get(adapter, sales.begin(), url)

        assert http.FIELD in inner.sent[0].headers

    @pytest.mark.parametrize(
        "url",
        [
            "http://billing.example/",
            "https://billing.example:8443/",
            "https://billing.example.evil.example/",
            "https://evil.example\\@billing.example/",
            "https://billing.example\\@evil.example/",
            "https://billing.example@evil.example/",
            "https://evil.example/?https://billing.example/",
            "https://billing.example%2e/",
            "https://billing.exämple/",
            "ftp://billing.example/",
            "https:///billing.example",
            "https://billing.example:port/",
        ],
    )
    def test_another_origin_is_not(self, propagate, sales, url):
        """
        What only looks like it, or is read in two ways, is not sent to.
        """
        inner = Elsewhere()
        adapter = CustomerContextAdapter(propagate("https://billing.example"), inner)
        get(adapter, sales.begin(), url)

        assert http.FIELD not in inner.sent[0].headers

    def test_a_request_without_an_address_goes_as_it_is(self, propagate, sales):
        """
        What requests itself would refuse is left to it.
        """
        inner = Elsewhere()
        adapter = CustomerContextAdapter(propagate("https://billing.example"), inner)
        get(adapter, sales.begin(), None)

        assert http.FIELD not in inner.sent[0].headers


class TestRequests:
    """
    What the user has in hand stays as it was.
    """

    def test_the_users_request_is_not_changed(self, propagate, sales, peer):
        """
        The value is in a copy: a prepared request can be sent again, and elsewhere.
        """
        adapter = CustomerContextAdapter(propagate(peer.origin))
        with session_with(adapter) as session, cx.bound(sales.begin()):
            request = session.prepare_request(requests.Request("GET", peer.origin))
            before = dict(request.headers)
            first, second = session.send(request), session.send(request)

        assert (before, True, True) == (
            dict(request.headers),
            first.request is request,
            first.content == second.content == shop.NAME.encode(),
        )

    def test_an_error_names_the_users_request(self, propagate, sales):
        """
        Whoever logs an error with its request logs no value.
        """
        inner = Elsewhere(problem=requests.ConnectTimeout)
        adapter = CustomerContextAdapter(propagate("https://billing.example"), inner)
        with pytest.raises(requests.ConnectTimeout) as ei:
            get(adapter, sales.begin(), "https://billing.example/")

        assert (True, False) == (
            http.FIELD in inner.sent[0].headers,
            http.FIELD in ei.value.request.headers,
        )

    def test_bodies_are_sent(self, propagate, sales, server):
        """
        What is posted arrives, with the journey beside it.
        """
        bodies = []

        async def app(scope, receive, send):
            body, more = b"", True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
            bodies.append(body)
            await answer(send)

        server.app = app
        adapter = CustomerContextAdapter(propagate(server.origin))
        with session_with(adapter) as session, cx.bound(sales.begin()):
            session.post(server.origin, data=b"seven")
            session.post(server.origin, data=iter([b"se", b"ven"]))

        assert ([b"seven"] * 2, [1, 1]) == (
            bodies,
            [len(values) for values in server.values()],
        )

    def test_a_digest_is_sent_with_a_journey_too(self, propagate, sales, server):
        """
        Digest authentication sends again by itself, and that is a hop like others.
        """
        challenge = b'Digest realm="desk", nonce="7", qop="auth"'

        async def app(scope, receive, send):
            known = any(name == b"authorization" for name, _ in scope["headers"])
            status = 200 if known else 401
            headers = () if known else [(b"www-authenticate", challenge)]
            await answer(send, status=status, headers=headers)

        server.app = app
        adapter = CustomerContextAdapter(propagate(server.origin))
        with session_with(adapter) as session, cx.bound(sales.begin()):
            auth = HTTPDigestAuth("ada", "secret")
            response = session.get(server.origin, auth=auth)
        values = [value for values in server.values() for value in values]

        assert (200, 2, 2) == (response.status_code, len(values), len(set(values)))

    def test_deliveries_may_be_bound(self, propagate, sales, server):
        """
        The receiver checks that a delivery is for this method and target.
        """
        seen = []

        async def app(scope, receive, send):
            seen.append(shop.customer())
            await answer(send)

        billing = cx.Propagator(Process().department("billing"))
        server.app = CustomerContextMiddleware(app, billing, bound=True)
        adapter = CustomerContextAdapter(propagate(server.origin, bound=True))
        with session_with(adapter) as session, cx.bound(sales.begin()):
            session.get(f"{server.origin}/a b;c?d=é&e=%7E", params={"f": "g h"})
            session.post(f"{server.origin}/", data=b"seven")

        assert [shop.NAME.encode()] * 2 == seen


class TestOptions:
    """
    What the adapter is made with.
    """

    def test_the_journey_may_come_from_elsewhere(self, propagate, sales, peer):
        """
        Who has it in hand need not bind it.
        """
        journey = sales.begin()
        adapter = CustomerContextAdapter(
            propagate(peer.origin), journey=lambda: journey
        )
        with session_with(adapter) as session:
            assert shop.NAME.encode() == session.get(peer.origin).content

    def test_a_value_may_be_shorter_where_that_is_said(self, propagate, sales, peer):
        """
        The limit is that of the adapter.
        """
        limits = cx.Limits(value_bytes=200)
        adapter = CustomerContextAdapter(propagate(peer.origin), limits=limits)
        with session_with(adapter) as session, cx.bound(sales.begin()):
            session.get(peer.origin)
        skipped = [e.reason for e in sales.events if isinstance(e, Skipped)]

        assert ([[]], ["too_large"]) == (peer.received, skipped)

    def test_another_adapter_may_do_the_work(self, propagate, sales, peer):
        """
        With retries of its own, for example; it is closed with the session.
        """
        inner = HTTPAdapter(max_retries=Retry(2))
        adapter = CustomerContextAdapter(propagate(peer.origin), inner)
        closing = Elsewhere()
        with session_with(adapter) as session, cx.bound(sales.begin()):
            answered = session.get(peer.origin).content
            session.mount("closed://", CustomerContextAdapter(propagate(), closing))

        assert (shop.NAME.encode(), True) == (answered, closing.closed)

    def test_a_store_that_is_awaited_is_refused(self, sales, peer):
        """
        Nothing can await here; the error says so at the first request.
        """

        class Awaited:
            """
            The beginning of one.
            """

            async def deposit(self): ...

        propagator = cx.Propagator(sales.department("sales"), references=Awaited())
        adapter = CustomerContextAdapter(propagator)
        with (
            session_with(adapter) as session,
            cx.bound(sales.begin()),
            pytest.raises(UsageError, match="awaited"),
        ):
            session.get(peer.origin)


class TestRedirects:
    """
    Beyond the prefixes for which the adapter is mounted.
    """

    def test_where_it_is_not_mounted_nothing_arrives(self, propagate, sales, peer):
        """
        A hop that another adapter does has nothing to take along.
        """
        with HTTPPeer("support") as other, requests.Session() as session:
            session.trust_env = False
            session.mount(peer.origin, CustomerContextAdapter(propagate(peer.origin)))
            peer.redirects["/"] = other.origin + "/"
            with cx.bound(sales.begin()):
                session.get(peer.origin)

            assert ([1], [[]]) == ([len(v) for v in peer.received], other.received)


class TestReturning:
    """
    What comes back.
    """

    def test_the_raw_response_has_no_value_either(self, propagate, sales, peer):
        """
        Neither requests' headers nor urllib3's show what a response brought.
        """
        peer.learns = "ada@shop.example"
        adapter = CustomerContextAdapter(propagate(peer.origin, returns=True))
        journey = sales.begin()
        with session_with(adapter) as session, cx.bound(journey):
            response = session.get(peer.origin)

        assert ("ada@shop.example", False, False) == (
            journey.recall(Shop.email),
            http.FIELD in response.headers,
            http.FIELD in response.raw.headers,
        )
