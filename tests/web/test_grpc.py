"""
gRPC servers and clients of both kinds, over real sockets, with all kinds of methods.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import grpc.aio
import pytest
from acme import Acme
from loopback import PATIENCE_S

import cxcontext as cx
from cxcontext.core.events import Rejected, Skipped
from cxcontext.web.grpc import (
    AsyncServerInterceptor,
    ClientInterceptor,
    ServerInterceptor,
    async_client_interceptors,
)

NAME = "Ada Zebedee Lovelace"
KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


def known():
    """
    Return what is known of the current customer, as bytes.
    """
    journey = cx.current()
    if journey is None:
        return b"nobody"
    return (journey.recall(Acme.full_name) or "stranger").encode()


class Sync:
    """
    Methods that run in threads. Each answers with who the customer is.
    """

    def unary_unary(self, request, context):
        """
        Answer once; learn, wait or fail where asked to.
        """
        if request == b"learn":
            cx.require_current().learn(Acme.order_number, "A-118")
        if request == b"fail":
            raise ValueError(known())
        return known()

    def unary_stream(self, request, context):
        """
        Answer thrice.
        """
        for _ in range(3):
            yield known()

    def stream_unary(self, requests, context):
        """
        Answer when all requests were read.
        """
        return b"|".join(known() for _ in requests)

    def stream_stream(self, requests, context):
        """
        Answer each request.
        """
        for _ in requests:
            yield known()


class Async:
    """
    The same, in an event loop.
    """

    def __init__(self):
        self.cancelled = []
        self.ended = threading.Event()

    async def unary_unary(self, request, context):
        """
        Answer once; learn, wait or fail where asked to.
        """
        if request == b"wait":
            try:
                await asyncio.sleep(PATIENCE_S)
            finally:
                self.cancelled.append(known())
                self.ended.set()
        first = known()
        await asyncio.sleep(0.0005)
        return Sync.unary_unary(self, request, context) if first == known() else b"!"

    async def unary_stream(self, request, context):
        """
        Answer thrice.
        """
        for _ in range(3):
            yield known()
            await asyncio.sleep(0)

    async def stream_unary(self, requests, context):
        """
        Answer when all requests were read.
        """
        return b"|".join([known() async for _ in requests])

    async def stream_stream(self, requests, context):
        """
        Answer each request, by the context's own methods.
        """
        async for _ in requests:
            await context.write(known())


def handler_of(desk):
    """
    Return the methods of a desk as a service.
    """
    methods = {
        kind: getattr(grpc, f"{kind}_rpc_method_handler")(getattr(desk, kind))
        for kind in KINDS
    }
    return grpc.method_handlers_generic_handler("Desk", methods)


@contextmanager
def sync_server(desk, interceptors):
    """
    Serve a desk by threads; give its port.
    """
    server = grpc.server(ThreadPoolExecutor(8), interceptors=interceptors)
    server.add_generic_rpc_handlers([handler_of(desk)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None).wait()


@contextmanager
def async_server(desk, interceptors):
    """
    Serve a desk by an event loop in a thread; give its port.
    """
    ready, stop = threading.Event(), []
    found = []

    async def main():
        server = grpc.aio.server(interceptors=interceptors)
        server.add_generic_rpc_handlers([handler_of(desk)])
        found.append(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
        stopped = asyncio.Event()
        stop.append((asyncio.get_running_loop(), stopped))
        ready.set()
        await stopped.wait()
        await server.stop(None)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    ready.wait(PATIENCE_S)
    yield found[0]
    loop, stopped = stop[0]
    loop.call_soon_threadsafe(stopped.set)
    thread.join()


SERVERS = {
    "sync": (sync_server, Sync, ServerInterceptor),
    "async": (async_server, Async, AsyncServerInterceptor),
    "mixed": (async_server, Sync, AsyncServerInterceptor),
}


@pytest.fixture(params=SERVERS)
def running(request):
    """
    Which of the servers it is.
    """
    return request.param


@pytest.fixture
def serve(running, elsewhere):
    """
    Serve a desk behind the interceptor; give its port.
    """
    entered = []

    def put(*, desk=None, **options):
        start, desks, interceptor = SERVERS[running]
        made = interceptor(cx.Propagator(elsewhere["billing"]), **options)
        server = start(desk or desks(), [made])
        entered.append(server)
        return server.__enter__()

    yield put
    for server in entered:
        server.__exit__(None, None, None)


@pytest.fixture
def journey(sales):
    """
    A journey at sales on which a name was learned.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, NAME)
    return journey


def arguments_of(kind, request):
    """
    Return what a method of a kind is called with.
    """
    return iter([request] * 3) if kind.startswith("stream") else request


def ask_sync(port, kind, request, metadata, made):
    """
    Call by the waiting client; return all answers.
    """
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        ours = [] if made is None else [ClientInterceptor(*made[0], **made[1])]
        channel_of_ours = grpc.intercept_channel(channel, *ours)
        method = getattr(channel_of_ours, kind)(f"/Desk/{kind}")
        found = method(arguments_of(kind, request), metadata=metadata)
        return [found] if kind.endswith("unary") else [*found]


def ask_async(port, kind, request, metadata, made):
    """
    Call by the awaiting client; return all answers.
    """

    async def main():
        ours = async_client_interceptors(*made[0], **made[1]) if made else []
        target = f"127.0.0.1:{port}"
        async with grpc.aio.insecure_channel(target, interceptors=ours) as channel:
            method = getattr(channel, kind)(f"/Desk/{kind}")
            found = method(arguments_of(kind, request), metadata=metadata)
            if kind.endswith("unary"):
                return [await found]
            return [answer async for answer in found]

    return asyncio.run(main())


@pytest.fixture(params=[ask_sync, ask_async], ids=["waiting", "awaiting"])
def ask(request):
    """
    Call a method by one of the clients, with or without our interceptors.
    """

    def call(port, kind="unary_unary", sent=b"", *, metadata=(), ours=None, **options):
        made = None if ours is None else (ours, options)
        return request.param(port, kind, sent, tuple(metadata), made)

    return call


def to(sales, port, name="billing", **options):
    """
    Return sales' propagator to a department at a port, and the port's origin.
    """
    origin = f"http://127.0.0.1:{port}"
    return cx.Propagator(sales, [cx.Destination(name, origins=[origin], **options)])


def plain(port, sent=b"", *values, key="customer-context"):
    """
    Call once, with these values, by a client that knows nothing of journeys.
    """
    metadata = [(key, value) for value in values]
    return ask_sync(port, "unary_unary", sent, metadata, None)[0]


class TestBoth:
    """
    From our clients to our servers.
    """

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
    def test_every_kind_of_method_has_it(
        self, serve, ask, sales, journey, kind, binary
    ):
        """
        Unary and streaming, the method has the caller's journey in either form.
        """
        port = serve()
        limits = cx.Limits(value_bytes=4096, binary=binary)
        ours = (to(sales, port), f"http://127.0.0.1:{port}")
        with cx.bound(journey):
            found = ask(port, kind, ours=ours, limits=limits)

        assert {NAME.encode()} == {*b"|".join(found).split(b"|")}

    @pytest.mark.parametrize("kind", KINDS)
    def test_without_a_journey_there_is_none(self, serve, ask, sales, kind):
        """
        Nobody's call is nobody's, whatever stood in its metadata.
        """
        port = serve()
        ours = (to(sales, port), f"http://127.0.0.1:{port}")
        metadata = [("customer-context", "mine"), ("customer-context-bin", b"mine")]
        found = ask(port, kind, ours=ours, metadata=metadata)

        assert {b"nobody"} == {*b"|".join(found).split(b"|")}

    def test_a_target_that_is_no_destination_gets_nothing(
        self, serve, ask, sales, journey
    ):
        """
        Only the origins of destinations are sent to, and a user's own value goes.
        """
        port = serve()
        ours = (to(sales, 1), f"http://127.0.0.1:{port}")
        with cx.bound(journey):
            found = ask(port, ours=ours, metadata=[("customer-context", "mine")])

        assert [b"nobody"] == found

    def test_what_is_too_large_does_not_stop_the_call(
        self, serve, ask, sales, journey, world
    ):
        """
        The call goes on without it, and the event says why.
        """
        port = serve()
        ours = (to(sales, port), f"http://127.0.0.1:{port}")
        with cx.bound(journey):
            found = ask(port, ours=ours, limits=cx.Limits(value_bytes=100))

        assert ([b"nobody"], ["too_large"]) == (
            found,
            [event.reason for event in world.told(Skipped)],
        )

    @pytest.mark.parametrize("returns", [True, False])
    def test_what_was_learned_goes_back_where_it_returns(
        self, serve, running, ask, sales, journey, returns
    ):
        """
        The caller knows what the method learned, if both ends say so.
        """
        port = serve(returns=returns)
        ours = (to(sales, port, returns=True), f"http://127.0.0.1:{port}")
        with cx.bound(journey):
            ask(port, sent=b"learn", ours=ours)

        # The context of a waiting method in an event loop does not show what else goes
        # back, so nothing of ours does.
        expected = "A-118" if returns and running != "mixed" else None
        assert expected == journey.recall(Acme.order_number)

    def test_a_bound_delivery_is_for_its_method(self, serve, ask, sales, journey):
        """
        Where both ends bind deliveries, the method's own is taken.
        """
        port = serve(bound=True)
        ours = (to(sales, port, bound=True), f"http://127.0.0.1:{port}")
        with cx.bound(journey):
            found = ask(port, ours=ours)

        assert [NAME.encode()] == found


class TestRefusing:
    """
    What comes of a bad value.
    """

    @pytest.mark.parametrize("what", ["two", "both", "folded", "garbage", "long"])
    def test_the_call_is_served_without_it(self, serve, journey, elsewhere, what):
        """
        The method is served, the journey is empty, and there is an event.
        """
        envelope = journey.hand_over("billing")
        one = ("customer-context", str(envelope))
        metadata = {
            "two": [one, one],
            "both": [one, ("customer-context-bin", bytes(envelope))],
            "folded": [("customer-context", f"{envelope},{envelope}")],
            "garbage": [("customer-context", "nonsense")],
            "long": [("customer-context", "A" * 5000)],
        }[what]
        found = ask_sync(serve(), "unary_unary", b"", metadata, None)

        assert ([b"stranger"], 1) == (found, len(elsewhere.told(Rejected)))

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(("value", "code"), [(None, "absent"), ("no", "malformed")])
    def test_a_method_that_requires_one_refuses(self, serve, kind, value, code):
        """
        The method does not run, and the status says why.
        """
        port = serve(required=lambda method: method == f"/Desk/{kind}")
        metadata = [("customer-context", value)] if value else []
        with pytest.raises(grpc.RpcError) as ei:
            ask_sync(port, kind, b"", metadata, None)

        assert (grpc.StatusCode.INVALID_ARGUMENT, True) == (
            ei.value.code(),
            ei.value.details().endswith(f": {code}"),
        )

    def test_a_method_may_take_each_delivery_once(self, serve, journey):
        """
        The second time, it is refused.
        """
        port = serve(once=lambda method: True)
        value = str(journey.hand_over("billing"))

        assert [NAME.encode(), b"stranger"] == [
            plain(port, b"", value),
            plain(port, b"", value),
        ]

    def test_the_edge_reads_nothing(self, serve, journey, elsewhere):
        """
        At the public edge nobody is bound, and nothing is told.
        """
        port = serve(edge=True, required=lambda method: False)
        found = plain(port, b"", str(journey.hand_over("billing")))

        assert (b"nobody", []) == (found, elsewhere.events)

    def test_an_unknown_method_is_unknown(self, serve):
        """
        What no service has, is answered as ever.
        """
        port = serve()
        with (
            grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
            pytest.raises(grpc.RpcError) as ei,
        ):
            channel.unary_unary("/Desk/none")(b"")

        assert grpc.StatusCode.UNIMPLEMENTED is ei.value.code()


class TestTwoCustomers:
    """
    One customer's journey is never another's.
    """

    @pytest.fixture
    def journeys(self, sales):
        """
        Twelve customers, and nobody.
        """
        found = {"nobody": None}
        for number in range(12):
            name = f"customer {number}"
            found[name] = sales.begin(channel="chat")
            found[name].learn(Acme.full_name, name)
        return found

    def test_calls_from_threads_never_meet(self, serve, sales, journeys):
        """
        Of a thousand interleaved calls over one channel, each has its own caller's.
        """
        port = serve()
        origin = f"http://127.0.0.1:{port}"
        ours = ClientInterceptor(to(sales, port), origin)
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            method = grpc.intercept_channel(channel, ours).unary_unary(
                "/Desk/unary_unary"
            )

            def work(worker):
                names = itertools.cycle(journeys)
                found = Counter()
                for name in itertools.islice(names, worker, worker + 125):
                    with cx.bound(journeys[name]):
                        found[method(b"") == name.encode()] += 1
                return found

            with ThreadPoolExecutor(8) as pool:
                found = sum(pool.map(work, range(8)), Counter())

        assert Counter({True: 1000}) == found

    def test_calls_from_tasks_never_meet(self, serve, sales, journeys):
        """
        The same, from tasks.
        """
        port = serve()
        ours = async_client_interceptors(to(sales, port), f"http://127.0.0.1:{port}")

        async def work(method, worker, found):
            names = itertools.cycle(journeys)
            for name in itertools.islice(names, worker, worker + 125):
                with cx.bound(journeys[name]):
                    found[await method(b"") == name.encode()] += 1

        async def main():
            found = Counter()
            target = f"127.0.0.1:{port}"
            async with grpc.aio.insecure_channel(target, interceptors=ours) as channel:
                method = channel.unary_unary("/Desk/unary_unary")
                await asyncio.gather(*(work(method, n, found) for n in range(8)))
            return found

        assert Counter({True: 1000}) == asyncio.run(main())

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_a_method_that_fails_leaves_nothing(self, serve, journey):
        """
        After a method raised, the next call has none.
        """
        port = serve()
        with pytest.raises(grpc.RpcError):
            plain(port, b"fail", str(journey.hand_over("billing")))

        assert b"nobody" == plain(port)

    def test_a_call_that_is_cancelled_leaves_nothing(self, elsewhere, journey):
        """
        A method that is cancelled has its journey to the end, and the next none.
        """
        desk = Async()
        made = AsyncServerInterceptor(cx.Propagator(elsewhere["billing"]))
        with async_server(desk, [made]) as port:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                call = channel.unary_unary("/Desk/unary_unary").future(
                    b"wait",
                    metadata=[("customer-context", str(journey.hand_over("billing")))],
                    timeout=0.3,
                )
                assert grpc.StatusCode.DEADLINE_EXCEEDED is call.code()
            desk.ended.wait(PATIENCE_S)

            assert ([NAME.encode()], b"nobody") == (desk.cancelled, plain(port))


def test_no_representation_has_a_value(sales):
    """
    The interceptors show departments and origins.
    """
    shown = repr(ClientInterceptor(to(sales, 1), "http://127.0.0.1:1"))

    assert "sales" in shown
