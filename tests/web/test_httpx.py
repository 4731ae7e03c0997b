"""
The httpx transports: what a real second server receives, hop by hop.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest
from acme import Acme
from loopback import TRACE, AnyOrigin, answer

import cxcontext as cx
from cxcontext.core.events import Received, Rejected, Sent, Skipped, Unsent
from cxcontext.web import http
from cxcontext.web.asgi import CustomerContextMiddleware
from cxcontext.web.httpx import (
    AsyncCustomerContextTransport,
    CustomerContextTransport,
)

NAME = "Ada Zebedee Lovelace"


@pytest.fixture
def journey(sales):
    """
    A journey at sales on which a name was learned.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, NAME)
    return journey


@pytest.fixture
def propagate(sales):
    """
    Return sales' propagator to departments at servers.
    """

    def to(**servers):
        return cx.Propagator(
            sales,
            [
                cx.Destination(name, origins=[getattr(server, "origin", server)])
                for name, server in servers.items()
            ],
        )

    return to


@pytest.fixture(params=["sync", "async"])
def fetch(request):
    """
    Send one request by one of the transports, and follow where it leads.
    """

    def sync(propagator, url, *, method="GET", transport=None, **more):
        made = CustomerContextTransport(propagator, transport)
        with httpx.Client(transport=made, follow_redirects=True) as client:
            return client.request(method, url, **more)

    def in_loop(propagator, url, *, method="GET", transport=None, **more):
        async def main():
            made = AsyncCustomerContextTransport(propagator, transport)
            async with httpx.AsyncClient(
                transport=made, follow_redirects=True
            ) as client:
                return await client.request(method, url, **more)

        return asyncio.run(main())

    return {"sync": sync, "async": in_loop}[request.param]


def redirecting(*hops):
    """
    Return an application that redirects from path to path, and then says hello.
    """
    targets = dict(hops)

    async def app(scope, receive, send):
        target = targets.get(scope["path"])
        if target is None:
            await answer(send, b"hello")
            return
        status, location = target
        headers = [(b"location", location.encode())]
        await answer(send, status=status, headers=headers)

    return app


def billing_learns(world, key, value, **options):
    """
    Return billing's application, which learns something, behind the middleware.
    """

    async def app(scope, receive, send):
        cx.require_current().learn(key, value)
        await answer(send, b"hello")

    propagator = cx.Propagator(world["billing"])
    return CustomerContextMiddleware(app, propagator, **options)


class TestSending:
    """
    One hop to one origin.
    """

    def test_an_allowed_origin_receives_the_journey(
        self, server, elsewhere, propagate, fetch, journey
    ):
        """
        The server has one value, which its department opens.
        """
        with cx.bound(journey):
            fetch(propagate(billing=server), server.origin)
        ((value,),) = server.values()

        assert NAME == elsewhere["billing"].receive(value).recall(Acme.full_name)

    def test_another_origin_receives_nothing(
        self, server, second, propagate, fetch, journey, world
    ):
        """
        An origin that is not on the list has a request without the field.
        """
        with cx.bound(journey):
            fetch(propagate(billing=second), server.origin)

        assert ([[]], [], [(1,)]) == (
            server.values(),
            world.told(Sent),
            [event.fields for event in world.told(Unsent)],
        )

    def test_without_a_journey_nothing_is_sent(self, server, propagate, fetch):
        """
        Where nothing is current the request is an ordinary one.
        """
        response = fetch(propagate(billing=server), server.origin)

        assert ("hello", [[]]) == (response.text, server.values())

    def test_each_request_has_a_delivery_of_its_own(
        self, server, elsewhere, propagate, fetch, journey
    ):
        """
        No delivery is used twice, so a second sight of one is a replay.
        """
        with cx.bound(journey):
            for _ in range(2):
                fetch(propagate(billing=server), server.origin)
        for (value,) in server.values():
            elsewhere["billing"].receive(value)

        assert [False, False] == [e.replayed for e in elsewhere.told(Received)]

    def test_a_users_own_value_is_replaced(
        self, server, elsewhere, propagate, fetch, journey
    ):
        """
        An explicit header, however often and in whatever case, gives way.
        """
        headers = [("customer-context", "mine"), ("Customer-Context", "and mine")]
        with cx.bound(journey):
            fetch(propagate(billing=server), server.origin, headers=headers)
        ((value,),) = server.values()

        assert NAME == elsewhere["billing"].receive(value).recall(Acme.full_name)

    @pytest.mark.parametrize("bound", [True, False])
    def test_a_users_own_value_is_removed(
        self, server, second, propagate, fetch, journey, bound
    ):
        """
        Where no journey may go, or none is current, no value goes either.
        """
        headers = [("customer-context", "mine"), ("Customer-Context", b"m\xefne")]
        propagator = propagate(billing=second if bound else server)
        with cx.bound(journey if bound else None):
            fetch(propagator, server.origin, headers=headers)

        assert [[]] == server.values()

    def test_other_headers_and_the_body_are_left_alone(
        self, server, propagate, fetch, journey
    ):
        """
        The request goes out as it was, but for the one field.
        """
        bodies = []

        async def app(scope, receive, send):
            bodies.append((scope["method"], (await receive())["body"]))
            await answer(send)

        server.app = app
        with cx.bound(journey):
            fetch(
                propagate(billing=server),
                server.origin,
                method="POST",
                content=b"order",
                headers={"X-Order": "7"},
            )

        assert ([("POST", b"order")], [[b"7"]]) == (bodies, server.values(b"x-order"))

    def test_the_journey_may_come_from_elsewhere(
        self, server, elsewhere, propagate, journey
    ):
        """
        Whoever does not use the current journey says where it is found.
        """
        propagator = propagate(billing=server)
        transport = CustomerContextTransport(propagator, journey=lambda: journey)
        with httpx.Client(transport=transport) as client:
            client.get(server.origin)
        ((value,),) = server.values()

        assert NAME == elsewhere["billing"].receive(value).recall(Acme.full_name)

    def test_what_is_too_large_does_not_stop_the_request(
        self, server, propagate, fetch, journey, world
    ):
        """
        The request is sent without; an event says who will have to ask for what.
        """
        journey.learn(Acme.photo, bytes(5000))
        with cx.bound(journey):
            response = fetch(propagate(billing=server), server.origin)

        assert ("hello", [[]], [("too_large", ("full_name", "photo"))], 1) == (
            response.text,
            server.values(),
            [(e.reason, e.will_ask) for e in world.told(Skipped)],
            len(world.told(Unsent)),
        )

    def test_a_value_may_be_longer_where_that_is_said(
        self, server, propagate, journey, elsewhere
    ):
        """
        The limit of the transport counts in place of the default.
        """
        journey.learn(Acme.photo, bytes(3500))
        transport = CustomerContextTransport(
            propagate(billing=server),
            journey=lambda: journey,
            limits=cx.Limits(value_bytes=7000),
        )
        with httpx.Client(transport=transport) as client:
            client.get(server.origin)
        ((value,),) = server.values()

        assert bytes(3500) == elsewhere["billing"].receive(value).recall(Acme.photo)

    def test_an_error_of_the_network_passes(self, propagate, fetch, journey):
        """
        What the wrapped transport raises is raised.
        """
        with cx.bound(journey), pytest.raises(httpx.UnsupportedProtocol):
            fetch(propagate(billing="http://billing.example"), "ftp://billing.example")


class TestOrigins:
    """
    Which URL is at an allowed origin, and which only looks like it.
    """

    @pytest.fixture
    def receives(self, server, fetch, journey, propagate):
        """
        Say whether a URL's server is sent the journey, with one allowed origin.
        """

        def asked(origin, url):
            with cx.bound(journey):
                fetch(propagate(billing=origin), url, transport=AnyOrigin(server))
            return [len(values) for values in server.values()]

        return asked

    @pytest.mark.parametrize(
        ("origin", "url"),
        [
            ("https://billing.example", "https://billing.example/pay?now#here"),
            ("https://billing.example", "https://billing.example:443/"),
            ("https://billing.example:443", "https://billing.example/"),
            ("http://billing.example", "http://billing.example:80/"),
            ("https://billing.example:8443", "https://billing.example:8443/"),
            ("https://billing.example", "HTTPS://BILLING.Example/"),
            ("https://billing.example", "https://user:secret@billing.example/"),
            ("https://billing.example", "https://elsewhere.example@billing.example/"),
            ("https://xn--bcher-kva.example", "https://bücher.example/"),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example/"),
            ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443/"),
            ("http://[::1]", "http://[::1]:80/"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000/"),
        ],
    )
    def test_the_same_origin_is_sent_to(self, receives, origin, url):
        """
        User, default port, letters' case and an IDN's form make no difference.
        """
        assert [1] == receives(origin, url)

    @pytest.mark.parametrize(
        ("origin", "url"),
        [
            ("https://billing.example", "http://billing.example/"),
            ("http://billing.example", "https://billing.example/"),
            ("https://billing.example", "https://billing.example:8443/"),
            ("https://billing.example", "https://billing.example:80/"),
            ("http://billing.example", "http://billing.example:0/"),
            ("https://billing.example", "https://www.billing.example/"),
            ("https://billing.example", "https://billing.example.evil.example/"),
            ("https://billing.example", "https://evilbilling.example/"),
            ("https://billing.example", "https://billing.example@evil.example/"),
            ("https://billing.example", "https://evil.example/?u=billing.example"),
            (
                "https://billing.example",
                "https://evil.example/?u=https://billing.example/",
            ),
            ("https://billing.example", "https://evil.example/billing.example/"),
            (
                "https://billing.example",
                "https://evil.example/#https://billing.example",
            ),
            ("https://billing.example", "https://billing.example./"),
            ("https://strasse.example", "https://straße.example/"),
            ("http://127.0.0.1", "http://localhost/"),
            ("http://[::1]", "http://[::2]/"),
            ("http://[::1]", "http://127.0.0.1/"),
        ],
    )
    def test_another_origin_is_not(self, receives, origin, url):
        """
        Neither a part of the name nor its mention elsewhere is a match.
        """
        assert [0] == receives(origin, url)

    def test_a_host_header_does_not_count(self, server, propagate, fetch, journey):
        """
        Who is connected to decides, and not what the request claims.
        """
        with cx.bound(journey):
            fetch(
                propagate(billing="http://billing.example"),
                server.origin,
                headers={"Host": "billing.example"},
            )

        assert [[]] == server.values()


class TestRedirects:
    """
    Each hop is decided anew; what counts is what the second server received.
    """

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_to_somewhere_else_goes_without(
        self, server, second, propagate, fetch, journey, status
    ):
        """
        The header does not follow to an origin that is not allowed.
        """
        server.app = redirecting(("/", (status, f"{second.origin}/there")))
        with cx.bound(journey):
            response = fetch(propagate(billing=server), server.origin)

        assert ("hello", [1], [0]) == (
            response.text,
            [len(values) for values in server.values()],
            [len(values) for values in second.values()],
        )

    def test_nothing_else_of_it_follows(
        self, server, second, propagate, fetch, journey
    ):
        """
        No header at all that the second server received holds the envelope.
        """
        server.app = redirecting(("/", (307, f"{second.origin}/there")))
        with cx.bound(journey):
            fetch(propagate(billing=server), server.origin)
        (headers,) = second.received

        assert [] == [name for name, value in headers if b"cx1." in value]

    def test_a_redirect_to_another_destination_has_its_own(
        self, server, second, propagate, fetch, journey, elsewhere
    ):
        """
        The second department receives a delivery for itself, not the first's.
        """
        server.app = redirecting(("/", (307, f"{second.origin}/there")))
        with cx.bound(journey):
            fetch(propagate(billing=server, support=second), server.origin)
        ((first,),), ((other,),) = server.values(), second.values()

        assert (NAME, NAME) == (
            elsewhere["billing"].receive(first).recall(Acme.full_name),
            elsewhere["support"].receive(other).recall(Acme.full_name),
        )

    def test_what_the_first_received_is_of_no_use_to_the_second(
        self, server, second, propagate, fetch, journey, elsewhere
    ):
        """
        The second department refuses what was for the first.
        """
        server.app = redirecting(("/", (307, f"{second.origin}/there")))
        with cx.bound(journey):
            fetch(propagate(billing=server, support=second), server.origin)
        ((first,),) = server.values()
        found = cx.Propagator(elsewhere["support"]).extract(
            _Values(first), name="Customer-Context"
        )

        assert "wrong_audience" == found.problem.code

    def test_there_and_back_again(
        self, server, second, propagate, fetch, journey, elsewhere
    ):
        """
        Back at the first origin a third, fresh delivery is sent; between, none.
        """
        server.app = redirecting(("/", (302, f"{second.origin}/over")))
        second.app = redirecting(("/over", (302, f"{server.origin}/back")))
        with cx.bound(journey):
            fetch(propagate(billing=server), server.origin)
        (one,), (other,) = server.values()
        for value in (one, other):
            elsewhere["billing"].receive(value)

        assert ([[]], [False, False]) == (
            second.values(),
            [event.replayed for event in elsewhere.told(Received)],
        )

    def test_a_redirect_within_an_origin_is_bound_anew(
        self, server, fetch, journey, sales, elsewhere
    ):
        """
        Where deliveries are bound, each hop's is for its own method and target.
        """
        seen = []

        async def app(scope, receive, send):
            seen.append((scope["method"], cx.require_current().recall(Acme.full_name)))
            await redirecting(("/a", (303, "/b?c=d")))(scope, receive, send)

        server.app = CustomerContextMiddleware(
            app, cx.Propagator(elsewhere["billing"]), bound=True
        )
        destination = cx.Destination("billing", origins=[server.origin], bound=True)
        with cx.bound(journey):
            fetch(
                cx.Propagator(sales, [destination]),
                f"{server.origin}/a?x=%20y",
                method="POST",
            )

        assert [("POST", NAME), ("GET", NAME)] == seen


class _Values:
    """
    A message with these values.
    """

    limits = cx.Limits()

    def __init__(self, *values):
        self.values = values

    def get_all(self, name):
        """
        Return them.
        """
        return self.values


class TestReturning:
    """
    What was learned comes back, where both ends have it switched on.
    """

    @pytest.fixture
    def call(self, server, sales, fetch, journey):
        """
        Ask billing within a unit of work on the journey.
        """

        def request(*, returns=True, department="billing"):
            destination = cx.Destination(
                department, origins=[server.origin], returns=returns
            )
            with cx.bound(journey):
                response = fetch(cx.Propagator(sales, [destination]), server.origin)
            server.wait()
            return response

        return request

    def test_the_caller_knows_what_was_learned(self, server, call, journey, elsewhere):
        """
        After the request the caller recalls what billing found out.
        """
        server.app = billing_learns(elsewhere, Acme.account, "AC-9", returns=True)
        call()

        assert "AC-9" == journey.recall(Acme.account)

    @pytest.mark.parametrize(
        ("here", "there"), [(True, False), (False, True), (False, False)]
    )
    def test_it_takes_both(self, server, call, journey, elsewhere, world, here, there):
        """
        Switched on at one end only nothing comes back, and nothing is refused.
        """
        server.app = billing_learns(elsewhere, Acme.account, "AC-9", returns=there)
        call(returns=here)

        assert (None, []) == (journey.recall(Acme.account), world.told(Rejected))

    @pytest.mark.parametrize("here", [True, False])
    def test_the_response_never_has_the_field(self, server, call, elsewhere, here):
        """
        Whether it was merged or not, the calling code does not see the value.
        """
        server.app = billing_learns(elsewhere, Acme.account, "AC-9", returns=True)

        assert "customer-context" not in call(returns=here).headers

    @pytest.mark.parametrize("allowed", [True, False])
    def test_a_strangers_value_is_taken_away(
        self, server, second, propagate, fetch, journey, world, allowed
    ):
        """
        What an origin sends unasked is neither merged nor shown.
        """

        async def app(scope, receive, send):
            await answer(send, headers=[(b"customer-context", b"cx1.AA")])

        server.app = app
        propagator = propagate(billing=server if allowed else second)
        with cx.bound(journey):
            response = fetch(propagator, server.origin)

        assert (False, []) == (
            "customer-context" in response.headers,
            world.told(Rejected),
        )

    def test_what_cannot_be_merged_is_served(self, server, call, journey, world):
        """
        A reply that does not verify is an event, and the response is there.
        """

        async def app(scope, receive, send):
            headers = [(b"customer-context", b"cx1.AA")] * 2
            await answer(send, b"hello", headers=headers)

        server.app = app
        response = call()

        assert ("hello", False, ["duplicate_value"]) == (
            response.text,
            "customer-context" in response.headers,
            [event.code for event in world.told(Rejected)],
        )

    def test_a_reply_to_another_request_is_not_merged(
        self, server, call, journey, elsewhere, world
    ):
        """
        A server that answers with an earlier reply changes nothing.
        """
        replies = []
        honest = billing_learns(elsewhere, Acme.account, "AC-9", returns=True)

        async def recording(scope, receive, send):
            async def sender(message):
                found = message.get("headers", ())
                replies.extend(pair for pair in found if pair[0] == http.FIELD_BYTES)
                await send({**message, "headers": []})

            await honest(scope, receive, sender)

        async def replaying(scope, receive, send):
            await answer(send, headers=replies)

        server.app = recording
        call()
        server.app = replaying
        call()

        assert (None, 1, ["wrong_reply"]) == (
            journey.recall(Acme.account),
            len(replies),
            [event.code for event in world.told(Rejected)],
        )

    def test_a_reply_about_another_customer_is_not_merged(
        self, server, call, journey, elsewhere, world, sales
    ):
        """
        A server that mixes its customers up changes nothing here.
        """
        mixed_up = elsewhere["billing"].receive(
            sales.begin(channel="chat").hand_over("billing")
        )
        mixed_up.learn(Acme.account, "AC-1")
        billing = elsewhere["billing"]

        async def app(scope, receive, send):
            (value,) = (v for k, v in scope["headers"] if k == b"customer-context")
            request = billing.receive(value)
            reply = mixed_up.hand_over("sales", reply_to=request.delivery_id)
            headers = [(b"customer-context", str(reply).encode())]
            await answer(send, headers=headers)

        server.app = app
        call()

        assert (None, ["wrong_reply"]) == (
            journey.recall(Acme.account),
            [event.code for event in world.told(Rejected)],
        )

    def test_a_reply_of_another_department_is_not_merged(
        self, server, call, journey, elsewhere, world
    ):
        """
        Only the department that was asked answers, whoever else saw the request.
        """
        billing, support = elsewhere["billing"], elsewhere["support"]

        async def app(scope, receive, send):
            (value,) = (v for k, v in scope["headers"] if k == b"customer-context")
            request = billing.receive(value)
            other = support.receive(request.hand_over("support"))
            other.learn(Acme.account, "AC-1")
            reply = other.hand_over("sales", reply_to=request.delivery_id)
            headers = [(b"customer-context", str(reply).encode())]
            await answer(send, headers=headers)

        server.app = app
        call()

        assert (None, ["wrong_reply"]) == (
            journey.recall(Acme.account),
            [event.code for event in world.told(Rejected)],
        )

    def test_a_partner_returns_nothing(self, server, call, journey, elsewhere):
        """
        From outside of the domain nothing is merged, whatever is switched on.
        """
        journey.learn(Acme.tracking, "T-77")
        partner = elsewhere["carrier"]

        async def app(scope, receive, send):
            (value,) = (v for k, v in scope["headers"] if k == b"customer-context")
            request = partner.receive(value)
            request.correct(Acme.tracking, "T-78")
            reply = request.hand_over("sales", reply_to=request.delivery_id)
            headers = [(b"customer-context", str(reply).encode())]
            await answer(send, headers=headers)

        server.app = app
        call(department="carrier")

        assert "T-77" == journey.recall(Acme.tracking)


class TestTwoCustomers:
    """
    The whole way, in both directions, for two at once.
    """

    def test_two_hundred_requests_never_meet(self, server, second, sales, elsewhere):
        """
        Interleaved on few connections, each request, its handler, the handler's
        task and the response concern one customer.
        """
        together: list[asyncio.Barrier] = []

        async def app(scope, receive, send):
            if not together:
                together.append(asyncio.Barrier(20))
            before = cx.require_current().recall(Acme.full_name)
            async with together[0]:
                await asyncio.sleep(0)
            after = cx.require_current().recall(Acme.full_name)
            in_thread = await asyncio.to_thread(
                lambda: cx.require_current().recall(Acme.full_name)
            )
            cx.require_current().learn(Acme.account, f"of {before}")
            await answer(send, f"{before} {after} {in_thread}".encode())

        server.app = CustomerContextMiddleware(
            app, cx.Propagator(elsewhere["billing"]), returns=True
        )
        destination = cx.Destination("billing", origins=[server.origin], returns=True)
        propagator = cx.Propagator(sales, [destination])

        async def request(client, name):
            journey = sales.begin(channel="chat")
            journey.learn(Acme.full_name, name)
            with cx.bound(journey):
                response = await client.get(server.origin)
                kept = cx.current() is journey
            return name, response.text, journey.recall(Acme.account), kept

        async def main():
            limits = httpx.Limits(max_connections=20)
            transport = httpx.AsyncHTTPTransport(limits=limits)
            async with httpx.AsyncClient(
                transport=AsyncCustomerContextTransport(propagator, transport),
                timeout=60,
            ) as client:
                names = ("Ada", "Bob") * 100
                return await asyncio.gather(*(request(client, n) for n in names))

        assert {
            ("Ada", "Ada Ada Ada", "of Ada", True): 100,
            ("Bob", "Bob Bob Bob", "of Bob", True): 100,
        } == Counter(asyncio.run(main()))


class TestClosing:
    """
    The transport that does the work.
    """

    def test_it_is_closed_with_the_client(self, propagate):
        """
        Closing the client closes the wrapped transport, whichever kind it is.
        """
        closed = []

        class Wrapped(httpx.HTTPTransport):
            def close(self):
                closed.append("sync")
                super().close()

        class AsyncWrapped(httpx.AsyncHTTPTransport):
            async def aclose(self):
                closed.append("async")
                await super().aclose()

        async def main():
            transport = AsyncCustomerContextTransport(propagate(), AsyncWrapped())
            async with httpx.AsyncClient(transport=transport):
                pass

        with httpx.Client(transport=CustomerContextTransport(propagate(), Wrapped())):
            pass
        asyncio.run(main())

        assert ["sync", "async"] == closed


class TestHiding:
    """
    What nobody finds in logs and representations.
    """

    def test_no_value_is_ever_shown(
        self, server, second, propagate, fetch, journey, elsewhere, caplog
    ):
        """
        Through a redirect, a reply and an error, neither httpx nor uvicorn nor
        any event has a word that the customer said, or an envelope.
        """
        caplog.set_level(TRACE)
        server.app = redirecting(("/", (307, f"{second.origin}/there")))
        second.app = billing_learns(elsewhere, Acme.email, "zebedee@example.org")
        propagator = propagate(support=server, billing=second)
        with cx.bound(journey):
            response = fetch(propagator, server.origin)
            second.app = redirecting(("/", (307, "ftp://billing.example")))
            with pytest.raises(httpx.UnsupportedProtocol) as ei:
                fetch(propagator, second.origin)
        second.wait(2)
        ((value,),) = server.values()
        shown = [response, response.headers, response.text, propagator, ei.value]
        text = caplog.text + "".join(
            repr(thing) for thing in (*shown, elsewhere.events, *caplog.records)
        )

        assert (True, True, []) == (
            "httpcore" in text,
            "ASGI" in text,
            [
                word
                for word in (*NAME.split(), "zebedee", value[4:40].decode())
                if word in text
            ],
        )
