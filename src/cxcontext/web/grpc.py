"""
gRPC: the caller's journey in every method, and the current one to an allowed target.

`cxcontext.web.grpc_metadata` holds the rules. An interceptor does not know its
channel's target, so it is told the origin. What was learned goes back in the trailing
metadata of methods with one response: a stream may never be read to its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any, Final

import attrs
import grpc
import grpc.aio

import cxcontext as cx
from cxcontext.steps import Steps, call, call_async, run, run_async
from cxcontext.web import grpc_metadata
from cxcontext.web.grpc_metadata import KEY, LIMITS, MetadataCarrier


def _never(_method: str) -> bool:
    return False


@attrs.frozen
class _Options:
    """
    What the interceptors of both kinds of servers do.

    Args:
        propagator: Which department this is and what it accepts.
        required: Given a method, ``/package.Service/Method``, whether it refuses
            calls without a valid journey: ``INVALID_ARGUMENT``.
        bound: Whether deliveries must be bound to the method.
        returns: Whether what is learned goes back in trailing metadata, to callers
            whose `Destination.returns` is on.
        edge: Whether this is the public edge: nothing is read and nothing sent out.
        once: Given a method, whether it refuses a delivery that was seen before.
        limits: What a value may take.
    """

    propagator: cx.Propagator[Any]
    required: Callable[[str], bool] = attrs.field(default=_never, kw_only=True)
    bound: bool = attrs.field(default=False, kw_only=True)
    returns: bool = attrs.field(default=False, kw_only=True)
    edge: bool = attrs.field(default=False, kw_only=True)
    once: Callable[[str], bool] = attrs.field(default=_never, kw_only=True)
    limits: cx.Limits = attrs.field(default=LIMITS, kw_only=True)

    def _arrived(self, details: Any) -> tuple[MetadataCarrier, dict[str, Any]]:
        metadata = () if self.edge else details.invocation_metadata
        binding = grpc_metadata.binding(details.method) if self.bound else None
        more = {"name": KEY, "binding": binding, "once": self.once(details.method)}
        return MetadataCarrier.read(metadata, self.limits), more

    def _refused(self, details: Any, found: cx.Extracted[Any]) -> str | None:
        code = found.refusal() if self.required(details.method) else None
        return None if code is None else f"a valid {KEY} is required: {code}"

    def _reply(self, context: Any, journey: cx.Journey[Any] | None) -> None:
        if journey is None or not self.returns:
            return
        # What the handler put there stays; where that cannot be seen, nothing goes.
        there = getattr(context, "trailing_metadata", None)
        if there is None:
            return
        carrier = MetadataCarrier([*(there() or ())], self.limits)
        if self.propagator.inject_reply(journey, carrier, name=KEY):
            context.set_trailing_metadata(tuple(carrier.pairs))

    def _sync(self, handler: Any, behaviour: Any, journey: Any) -> Any:
        def one(request: Any, context: Any) -> Any:
            with cx.bound(journey):
                answer = behaviour(request, context)
                self._reply(context, journey)
                return answer

        def stream(request: Any, context: Any) -> Any:
            # gRPC runs each call in a context of its own.
            with cx.bound(journey):
                yield from behaviour(request, context)

        return stream if handler.response_streaming else one

    def _async(self, handler: Any, behaviour: Any, journey: Any) -> Any:
        async def one(request: Any, context: Any) -> Any:
            with cx.bound(journey):
                answer = await behaviour(request, context)
                if not handler.response_streaming:
                    self._reply(context, journey)
                return answer

        async def stream(request: Any, context: Any) -> Any:
            with cx.bound(journey):
                async for answer in behaviour(request, context):
                    yield answer

        return stream if isasyncgenfunction(behaviour) else one


def _kind_of(handler: Any) -> str:
    return "_".join(
        "stream" if streaming else "unary"
        for streaming in (handler.request_streaming, handler.response_streaming)
    )


def _rebuilt(handler: Any, behaviour: Any) -> Any:
    make = getattr(grpc, f"{_kind_of(handler)}_rpc_method_handler")
    return make(behaviour, handler.request_deserializer, handler.response_serializer)


class ServerInterceptor(_Options, grpc.ServerInterceptor):
    """
    Make the caller's journey current while a method of `grpc.server` runs.

    No metadata means no journey. A bad value is never treated as none: the journey
    is empty and says ``REJECTED`` to whoever needs a fact. The call is always served,
    unless the method requires a journey. The handler of a request stream has it as
    long as it runs.

    .. versionadded:: 0.1.0
    """

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """
        Bind one call.
        """
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        carrier, more = self._arrived(handler_call_details)
        found = self.propagator.extract(carrier, **more)
        refused = self._refused(handler_call_details, found)

        def refuse(request: Any, context: Any) -> Any:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, refused)

        if refused is not None:
            return _rebuilt(handler, refuse)
        behaviour = getattr(handler, _kind_of(handler))
        return _rebuilt(handler, self._sync(handler, behaviour, found.journey))


class AsyncServerInterceptor(_Options, grpc.aio.ServerInterceptor):
    """
    As `ServerInterceptor`, for `grpc.aio.server`, with handlers of both kinds.

    .. versionadded:: 0.1.0
    """

    async def intercept_service(
        self, continuation: Any, handler_call_details: Any
    ) -> Any:
        """
        Bind one call.
        """
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        carrier, more = self._arrived(handler_call_details)
        found = await self.propagator.extract_async(carrier, **more)
        refused = self._refused(handler_call_details, found)

        async def refuse(request: Any, context: Any) -> Any:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, refused)

        if refused is not None:
            return _rebuilt(handler, refuse)
        behaviour = getattr(handler, _kind_of(handler))
        awaited = iscoroutinefunction(behaviour) or isasyncgenfunction(behaviour)
        wrap = self._async if awaited else self._sync
        return _rebuilt(handler, wrap(handler, behaviour, found.journey))


_SAME: Final = ("method", "timeout", "credentials", "wait_for_ready", "compression")


class _Details(grpc.ClientCallDetails):
    def __init__(self, **details: Any) -> None:
        vars(self).update(details)


@attrs.frozen
class _Sent:
    client: _Client
    journey: cx.Journey[Any]
    delivery_id: bytes
    sender: str

    def merge(self, metadata: Iterable[Any] | None) -> None:
        self.client.propagator.merge_reply(
            self.journey,
            MetadataCarrier.read(metadata, self.client.limits),
            name=KEY,
            reply_to=self.delivery_id,
            sender=self.sender,
        )


def _origin(text: str) -> cx.Origin:
    return cx.Origin.parse(text)


@attrs.frozen
class _Client:
    """
    What all interceptors of clients do before a call.
    """

    propagator: cx.Propagator[Any]
    origin: cx.Origin = attrs.field(converter=_origin)
    journey: Callable[[], cx.Journey[Any] | None] = attrs.field(
        default=cx.current, kw_only=True
    )
    limits: cx.Limits = attrs.field(default=LIMITS, kw_only=True)

    def before(
        self, details: Any
    ) -> Steps[tuple[list[tuple[str, str | bytes]], _Sent | None]]:
        carrier = MetadataCarrier([*(details.metadata or ())], self.limits)
        journey = self.journey()
        if journey is None:
            carrier.remove(KEY)
            return carrier.pairs, None
        destination = self.propagator.destination_at(self.origin)
        sent = yield from self.propagator.injecting(
            journey,
            carrier,
            to=destination,
            name=KEY,
            binding=grpc_metadata.binding(details.method),
        )
        if sent.delivery_id is None or not (destination and destination.returns):
            return carrier.pairs, None
        return carrier.pairs, _Sent(
            self, journey, sent.delivery_id, destination.department
        )


class ClientInterceptor(
    _Client,
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """
    Send the current journey with every call over one channel.

    ``grpc.intercept_channel(channel, ClientInterceptor(propagator, origin))``. Nothing
    is sent where the propagator has no destination at the origin; the call goes on in
    any case.

    Args:
        propagator: Which department this is and where its journeys may go.
        origin: What the channel's target is: ``https://billing.example:50051``,
            ``http`` where the channel is not secure.
        journey: Where the journey is found; `cxcontext.current`, unless given.
        limits: What a value may take; with ``binary=True`` the binary form is sent.

    .. versionadded:: 0.1.0
    """

    def _stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(self._with_metadata(details)[0], request)

    def _unary(self, continuation: Any, details: Any, request: Any) -> Any:
        details, sent = self._with_metadata(details)
        answer = continuation(details, request)
        if sent is not None:
            answer.add_done_callback(lambda done: sent.merge(done.trailing_metadata()))
        return answer

    def _with_metadata(self, details: Any) -> tuple[_Details, _Sent | None]:
        pairs, sent = run(self.before(details), call)
        same = {name: getattr(details, name) for name in _SAME}
        return _Details(metadata=pairs, **same), sent

    intercept_unary_unary: Any = _unary
    intercept_unary_stream: Any = _stream
    intercept_stream_unary: Any = _unary
    intercept_stream_stream: Any = _stream


@attrs.frozen
class _AsyncInterceptor:
    client: _Client

    async def stream(self, continuation: Any, details: Any, request: Any) -> Any:
        pairs, _ = await run_async(self.client.before(details), call_async)
        metadata = grpc.aio.Metadata(*pairs)
        return await continuation(details._replace(metadata=metadata), request)

    async def unary(self, continuation: Any, details: Any, request: Any) -> Any:
        pairs, sent = await run_async(self.client.before(details), call_async)
        metadata = grpc.aio.Metadata(*pairs)
        answer = await continuation(details._replace(metadata=metadata), request)
        if sent is not None:
            try:
                sent.merge(await answer.trailing_metadata())
            except asyncio.CancelledError:
                answer.cancel()
                raise
        return answer


class _UnaryUnary(_AsyncInterceptor, grpc.aio.UnaryUnaryClientInterceptor):
    intercept_unary_unary: Any = _AsyncInterceptor.unary


class _UnaryStream(_AsyncInterceptor, grpc.aio.UnaryStreamClientInterceptor):
    intercept_unary_stream: Any = _AsyncInterceptor.stream


class _StreamUnary(_AsyncInterceptor, grpc.aio.StreamUnaryClientInterceptor):
    intercept_stream_unary: Any = _AsyncInterceptor.unary


class _StreamStream(_AsyncInterceptor, grpc.aio.StreamStreamClientInterceptor):
    intercept_stream_stream: Any = _AsyncInterceptor.stream


_KINDS: Final = (_UnaryUnary, _UnaryStream, _StreamUnary, _StreamStream)


def async_client_interceptors(
    propagator: cx.Propagator[Any],
    origin: str,
    *,
    journey: Callable[[], cx.Journey[Any] | None] = cx.current,
    limits: cx.Limits = LIMITS,
) -> list[grpc.aio.ClientInterceptor]:
    """
    Return what `ClientInterceptor` is, for ``grpc.aio.insecure_channel(interceptors=)``.

    Four, because an asyncio channel takes one kind of call from each.

    .. versionadded:: 0.1.0
    """
    client = _Client(propagator, origin, journey=journey, limits=limits)
    return [kind(client) for kind in _KINDS]
