"""
aiohttp: the caller's journey in every handler, and the current one to allowed origins.

The server's side is a middleware and a signal: the signal sees the headers of streams
and web sockets, too, which handlers send on their own. The client's side is a client
middleware: aiohttp calls it once per hop, also on redirects, so each hop is decided
anew, and the header is taken away first. A body that aiohttp itself reads from an
async generator is read after the middleware: hand the journey to the generator.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Final, TypeAlias, overload

import attrs
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, web

import cxcontext as cx
from cxcontext.errors import UsageError
from cxcontext.web import http

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Where a handler for errors finds what a request brought. Since 3.14 aiohttp warns of
# keys that are strings.
_Key: Any = getattr(web, "RequestKey", lambda name, _: name)
REQUEST_KEY: Final[Any] = _Key("cxcontext.extracted", cx.Extracted)
_PRIVATE: Final = http.PRIVATE[1].decode()
# RFC 6455: a web socket begins as a request of HTTP, to the same origin.
_SCHEMES: Final = {"ws": "http", "wss": "https"}


def _never(_request: web.Request) -> bool:
    return False


@attrs.frozen
class _Server:
    propagator: cx.Propagator[Any]
    required: Callable[[web.Request], bool]
    bound: bool
    returns: bool
    edge: bool
    once: Callable[[web.Request], bool]
    limits: cx.Limits

    async def serve(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        found = cx.Extracted[Any]()
        if self.edge:
            request = _stripped(request)
        else:
            target = request.raw_path.encode()
            found = await self.propagator.extract_async(
                http.HeadersCarrier(list(request.raw_headers), self.limits),
                name=http.FIELD,
                binding=http.binding(request.method, target) if self.bound else None,
                once=self.once(request),
            )
        request[REQUEST_KEY] = found
        if self.required(request) and (code := found.refusal()) is not None:
            return _refused(code)
        with cx.bound(found.journey):
            return await handler(request)

    async def prepare(
        self, request: web.BaseRequest, response: web.StreamResponse
    ) -> None:
        found: cx.Extracted[Any] | None = request.get(REQUEST_KEY)
        journey = None if found is None else found.journey
        raw = [
            (name.encode(), value.encode("utf-8", "surrogateescape"))
            for name, value in response.headers.items()
        ]
        carrier = http.HeadersCarrier(raw, self.limits)
        # Whatever the application copied there, it does not get out.
        carrier.remove(http.FIELD)
        if journey is not None:
            http.make_private(raw)
            if self.returns:
                self.propagator.inject_reply(journey, carrier, name=http.FIELD)
        response.headers.clear()
        response.headers.extend(
            (name.decode(), value.decode("utf-8", "surrogateescape"))
            for name, value in raw
        )


def _refused(code: str) -> web.Response:
    headers = {"Content-Type": http.PROBLEM_TYPE, "Cache-Control": _PRIVATE}
    return web.Response(status=400, body=http.problem(400, code), headers=headers)


def _stripped(request: web.Request) -> web.Request:
    headers = request.headers.copy()
    for name in {*headers}:
        if name.lower().encode("utf-8", "surrogateescape") in http.STRIPPED:
            del headers[name]
    return request.clone(headers=headers)


def setup(
    app: web.Application,
    propagator: cx.Propagator[Any],
    *,
    required: Callable[[web.Request], bool] = _never,
    bound: bool = False,
    returns: bool = False,
    edge: bool = False,
    once: Callable[[web.Request], bool] = _never,
    limits: cx.Limits = http.LIMITS,
) -> None:
    """
    Make the caller's journey current while an application serves one request.

    No header means no journey. A bad header is never treated as no header: the
    journey is empty and says ``REJECTED`` to whoever needs a fact. The request is
    always served, unless the route requires a journey. A response that was made with
    a journey is kept by no cache. Sub-applications are served with it; call this for
    the outermost only, before other middlewares are appended.

    Args:
        app: The application.
        propagator: Which department this is and what it accepts.
        required: Given the request, whether the route refuses requests without a
            valid journey: 400 with RFC 9457 details. `require_context` says so at the
            handler.
        bound: Whether deliveries must be bound to the request's method and target;
            as the callers' `Destination.bound`.
        returns: Whether what is learned here goes back in the response, to callers
            whose `Destination.returns` is on.
        edge: Whether this is the public edge: inbound values are taken away unread
            and none are sent out.
        once: Given the request, whether the route refuses a delivery that was seen
            before; elsewhere `Journey.replayed` says so.
        limits: What a value may take; as the callers'.

    .. versionadded:: 0.1.0
    """
    server = _Server(propagator, required, bound, returns, edge, once, limits)

    @web.middleware
    async def customer_context(
        request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        return await server.serve(request, handler)

    app.middlewares.append(customer_context)
    app.on_response_prepare.append(server.prepare)


@overload
def require_context(handler: Handler, *, once: bool = False) -> Handler: ...
@overload
def require_context(*, once: bool = False) -> Callable[[Handler], Handler]: ...
def require_context(handler: Handler | None = None, *, once: bool = False) -> Any:
    """
    Refuse requests to a handler that come without a valid journey: 400 with RFC 9457
    details.

    Args:
        handler: A coroutine function that takes a request.
        once: Whether a delivery that was seen before is refused, too.

    Raises:
        UsageError: On a request, when `setup` was not called.

    .. versionadded:: 0.1.0
    """
    if handler is None:
        return lambda handler: require_context(handler, once=once)

    @wraps(handler)
    async def checked(request: web.Request) -> web.StreamResponse:
        found: cx.Extracted[Any] | None = request.get(REQUEST_KEY)
        if found is None:
            raise UsageError("call setup() for the application")
        code = found.refusal(once=once)
        return await handler(request) if code is None else _refused(code)

    return checked


@attrs.frozen
class _RequestCarrier:
    """
    The headers of one hop.
    """

    request: ClientRequest = attrs.field(repr=False)
    limits: cx.Limits

    def get_all(self, name: str) -> list[str | bytes]:
        return [*self.request.headers.getall(name, [])]

    def set(self, name: str, value: str | bytes) -> None:
        self.request.headers[name] = value if isinstance(value, str) else value.decode()

    def remove(self, name: str) -> None:
        self.request.headers.popall(name, None)


@attrs.frozen
class CustomerContextMiddleware:
    """
    A client middleware that sends the current journey to allowed origins.

    ``ClientSession(middlewares=[CustomerContextMiddleware(propagator)])``. Put it
    last, so that it sees each request as it is sent. Nothing is sent where the
    propagator has no destination at the request's origin; the request goes on in any
    case. Web sockets count as the origin of their handshake.

    Args:
        propagator: Which department this is and where its journeys may go.
        journey: Where the journey is found; `cxcontext.current`, unless given.
        limits: What a value may take; as the receivers'.

    .. versionadded:: 0.1.0
    """

    propagator: cx.Propagator[Any]
    journey: Callable[[], cx.Journey[Any] | None] = attrs.field(
        default=cx.current, kw_only=True
    )
    limits: cx.Limits = attrs.field(default=http.LIMITS, kw_only=True)

    async def __call__(
        self, request: ClientRequest, handler: ClientHandlerType
    ) -> ClientResponse:
        """
        Send one hop.
        """
        carrier = _RequestCarrier(request, self.limits)
        journey = self.journey()
        if journey is None:
            carrier.remove(http.FIELD)
            return await handler(request)
        url = request.url
        scheme = _SCHEMES.get(url.scheme, url.scheme)
        origin = cx.Origin(scheme, (url.raw_host or "").lower(), url.port or 0)
        destination = self.propagator.destination_at(origin)
        sent = await self.propagator.inject_async(
            journey,
            carrier,
            to=destination,
            name=http.FIELD,
            binding=http.binding(request.method, url.raw_path_qs.encode()),
        )
        try:
            response = await handler(request)
        finally:
            # Responses and errors show the headers of the request that they are of.
            carrier.remove(http.FIELD)
        if sent.delivery_id is not None and destination and destination.returns:
            self.propagator.merge_reply(
                journey,
                # aiohttp's own are not changed.
                http.HeadersCarrier(list(response.raw_headers), self.limits),
                name=http.FIELD,
                reply_to=sent.delivery_id,
                sender=destination.department,
            )
        return response
