"""
The gRPC interceptors keep the contracts: servers and clients, waiting and awaiting,
with all kinds of methods.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import grpc.aio
import pytest
from loopback import PATIENCE_S

from cxcontext.testing.contract import (
    Answer,
    ClientContract,
    Peer,
    ReplyContract,
    ServerContract,
)
from cxcontext.web.grpc import (
    AsyncServerInterceptor,
    ClientInterceptor,
    ServerInterceptor,
    async_client_interceptors,
)
from cxcontext.web.grpc_metadata import KEY

# A method that fails does so in a thread of gRPC's.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)


@contextmanager
def event_loop():
    """
    Run an event loop in a thread; give a function that waits for a coroutine in it.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(PATIENCE_S)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def service_of(methods, requests):
    """
    Return methods as a service, of which those that yield have response streams.
    """
    made = {
        name: getattr(grpc, f"{requests}_{responses}_rpc_method_handler")(method)
        for name, (responses, method) in methods.items()
    }
    return grpc.method_handlers_generic_handler("Desk", made)


def read(request):
    """
    Read a stream of requests to its end: a client that still sends fails otherwise.
    """
    if not isinstance(request, bytes):
        for _ in request:
            pass


async def read_async(request):
    """
    The same, in an event loop.
    """
    if not isinstance(request, bytes):
        async for _ in request:
            pass


def names_in(context):
    """
    Return the names of what came with a call.
    """
    return [name for name, _ in context.invocation_metadata()]


class Outside(grpc.ServerInterceptor):
    """
    Is the interceptor around ours, for methods with one response.
    """

    def __init__(self, desk, requests):
        self.desk, self.requests = desk, requests

    def intercept_service(self, continuation, handler_call_details):
        """
        Wrap one method.
        """
        handler = continuation(handler_call_details)
        behaviour = getattr(handler, f"{self.requests}_unary")
        if behaviour is None:
            return handler

        def within(request, context):
            with self.desk.outside():
                return behaviour(request, context)

        return getattr(grpc, f"{self.requests}_unary_rpc_method_handler")(within)


class AsyncOutside(Outside, grpc.aio.ServerInterceptor):
    """
    The same, in an event loop.
    """

    async def intercept_service(self, continuation, handler_call_details):
        """
        Wrap one method.
        """
        handler = await continuation(handler_call_details)
        behaviour = getattr(handler, f"{self.requests}_unary")
        if behaviour is None:
            return handler

        async def within(request, context):
            with self.desk.outside():
                return await behaviour(request, context)

        return getattr(grpc, f"{self.requests}_unary_rpc_method_handler")(within)


class GRPCServerContract(ServerContract):
    """
    Calls by a client that knows nothing of journeys.
    """

    module = "cxcontext.web.grpc"
    library = "grpc"
    name = KEY
    success = grpc.StatusCode.OK.value[0]
    requests = "unary"

    def call(self, channel, path, headers):
        """
        Begin one call.
        """
        responses = "unary" if path == "/answer" else "stream"
        method = getattr(channel, f"{self.requests}_{responses}")(f"/Desk{path}")
        begin = method.future if responses == "unary" else method
        sent = b"" if self.requests == "unary" else iter([b"", b""])
        return begin(sent, metadata=[*headers], timeout=PATIENCE_S)

    @contextmanager
    def connect(self, origin):
        """
        Call over one channel.
        """

        def ask(path, headers):
            call = self.call(channel, path, headers)
            try:
                found = call.result() if path == "/answer" else b"".join(call)
            except grpc.RpcError as problem:
                found = problem.details().encode()
            pairs = [*call.initial_metadata(), *call.trailing_metadata()]
            return Answer(call.code().value[0], pairs, found)

        with grpc.insecure_channel(origin.removeprefix("http://")) as channel:
            yield ask

    def leave(self, origin, headers):
        """
        Cancel the call in the midst of a response.
        """
        with grpc.insecure_channel(origin.removeprefix("http://")) as channel:
            call = self.call(channel, "/stream", headers)
            next(call)
            call.cancel()

    def code_of_refusal(self, answer):
        """
        A refusal is INVALID_ARGUMENT, and says why in its details.
        """
        assert grpc.StatusCode.INVALID_ARGUMENT.value[0] == answer.status
        required, _, code = answer.body.decode().partition(": ")
        assert "a valid customer-context is required" == required
        return code


class TestServer(GRPCServerContract):
    """
    Methods in the threads of a pool.
    """

    @contextmanager
    def serving(self, desk, propagator, *, required=False, **options):
        """
        Serve the desk behind the interceptor.
        """

        def answer(request, context):
            read(request)
            return desk.answer(names_in(context))

        def stream(request, context):
            read(request)
            yield from desk.parts()

        def later(request, context):
            read(request)
            yield desk.answer()
            desk.later()

        ours = ServerInterceptor(propagator, required=lambda _: required, **options)
        server = grpc.server(
            ThreadPoolExecutor(16), interceptors=[Outside(desk, self.requests), ours]
        )
        methods = {
            "answer": ("unary", answer),
            "stream": ("stream", stream),
            "later": ("stream", later),
        }
        server.add_generic_rpc_handlers([service_of(methods, self.requests)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield f"http://127.0.0.1:{port}"
        server.stop(None).wait()


class TestServerOfStreams(TestServer):
    """
    Methods that take a stream of requests.
    """

    requests = "stream"


class TestAsyncServer(GRPCServerContract):
    """
    Methods in an event loop.
    """

    @contextmanager
    def serving(self, desk, propagator, *, required=False, **options):
        """
        Serve the desk behind the interceptor.
        """

        async def answer(request, context):
            await read_async(request)
            return await desk.answer_async(names_in(context))

        async def stream(request, context):
            await read_async(request)
            async for part in desk.parts_async():
                yield part

        async def later(request, context):
            await read_async(request)
            yield await desk.answer_async()
            desk.later()

        ours = AsyncServerInterceptor(
            propagator, required=lambda _: required, **options
        )
        methods = {
            "answer": ("unary", answer),
            "stream": ("stream", stream),
            "later": ("stream", later),
        }

        async def start():
            server = grpc.aio.server(
                interceptors=[AsyncOutside(desk, self.requests), ours]
            )
            server.add_generic_rpc_handlers([service_of(methods, self.requests)])
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            return server, port

        with event_loop() as wait_for:
            server, port = wait_for(start())
            yield f"http://127.0.0.1:{port}"
            wait_for(server.stop(None))


class TestAsyncServerOfStreams(TestAsyncServer):
    """
    Methods in an event loop that take a stream of requests.
    """

    requests = "stream"


class GRPCPeer(Peer):
    """
    A department behind gRPC's own server, with a method of each kind.
    """

    def __init__(self, department="billing"):
        super().__init__(department)
        self.server = grpc.server(ThreadPoolExecutor(16))
        for requests in ("unary", "stream"):
            methods = {
                f"{requests}_unary": ("unary", self.answer),
                f"{requests}_stream": ("stream", self.stream),
            }
            service = service_of(methods, requests)
            self.server.add_generic_rpc_handlers([service])
        port = self.server.add_insecure_port("127.0.0.1:0")
        self.origin = f"http://127.0.0.1:{port}"

    def answer(self, request, context):
        """
        Answer once.
        """
        read(request)
        values = [v for name, v in context.invocation_metadata() if name == KEY]
        body, reply = self.serve(values)
        context.set_trailing_metadata([(KEY, value) for value in reply])
        return body

    def stream(self, request, context):
        """
        Answer in two parts.
        """
        body = self.answer(request, context)
        yield body[:3]
        yield body[3:]

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.stop(None).wait()


class Calls:
    """
    Calls of one kind of method, with a channel for each origin.
    """

    module = "cxcontext.web.grpc"
    library = "grpc"
    name = KEY
    kind = "unary_unary"

    def peering(self, department):
        """
        Give a peer that speaks gRPC.
        """
        return GRPCPeer(department)

    def request(self):
        """
        Return what the method is called with.
        """
        return b"" if self.kind.startswith("unary") else iter([b"", b""])

    @contextmanager
    def sending(self, propagator):
        """
        Send by channels that have the interceptor.
        """
        channels, lock = {}, threading.Lock()

        def send(url, headers):
            origin = url.rstrip("/")
            with lock:
                if origin not in channels:
                    plain = grpc.insecure_channel(origin.removeprefix("http://"))
                    ours = ClientInterceptor(propagator, origin)
                    channels[origin] = plain, grpc.intercept_channel(plain, ours)
            method = getattr(channels[origin][1], self.kind)(f"/Desk/{self.kind}")
            sent = {"metadata": [*headers], "timeout": PATIENCE_S}
            if self.kind.endswith("unary"):
                # What a future brings is merged when it brings it, in another thread.
                found, call = method.with_call(self.request(), **sent)
            else:
                call = method(self.request(), **sent)
                found = b"".join(call)
            pairs = [*call.initial_metadata(), *call.trailing_metadata()]
            return Answer(call.code().value[0], pairs, found, shown=repr(call))

        yield send
        for plain, _ in channels.values():
            plain.close()


class AsyncCalls(Calls):
    """
    The same, in an event loop, into which a context goes with each message.
    """

    @contextmanager
    def sending(self, propagator):
        """
        Send by channels that have the interceptors.
        """
        channels = {}

        async def send(url, headers):
            origin = url.rstrip("/")
            if origin not in channels:
                channels[origin] = grpc.aio.insecure_channel(
                    origin.removeprefix("http://"),
                    interceptors=async_client_interceptors(propagator, origin),
                )
            method = getattr(channels[origin], self.kind)(f"/Desk/{self.kind}")
            call = method(self.request(), metadata=[*headers], timeout=PATIENCE_S)
            if self.kind.endswith("unary"):
                found = await call
            else:
                found = b"".join([part async for part in call])
            pairs = [*await call.initial_metadata(), *await call.trailing_metadata()]
            code = await call.code()
            return Answer(code.value[0], pairs, found, shown=repr(call))

        async def close():
            for channel in channels.values():
                await channel.close()

        with event_loop() as wait_for:
            yield lambda url, headers: wait_for(send(url, headers))
            wait_for(close())


class Replies(ReplyContract):
    """
    What was learned comes back in trailing metadata, which nobody can change.
    """

    success = grpc.StatusCode.OK.value[0]
    replies_stay = True


class TestUnaryUnary(Calls, Replies):
    """
    One request, one response.
    """


class TestStreamUnary(Calls, Replies):
    """
    Many requests, one response.
    """

    kind = "stream_unary"


class TestUnaryStream(Calls, ClientContract):
    """
    One request, many responses, with which nothing comes back.
    """

    kind = "unary_stream"


class TestStreamStream(Calls, ClientContract):
    """
    Many requests, many responses, with which nothing comes back.
    """

    kind = "stream_stream"


class TestAsyncUnaryUnary(AsyncCalls, Replies):
    """
    One request, one response, awaited.
    """


class TestAsyncStreamUnary(AsyncCalls, Replies):
    """
    Many requests, one response, awaited.
    """

    kind = "stream_unary"


class TestAsyncUnaryStream(AsyncCalls, ClientContract):
    """
    One request, many responses, awaited.
    """

    kind = "unary_stream"


class TestAsyncStreamStream(AsyncCalls, ClientContract):
    """
    Many requests, many responses, awaited.
    """

    kind = "stream_stream"
