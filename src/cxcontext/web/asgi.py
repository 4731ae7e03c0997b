"""
ASGI: make the caller's journey current while one request is served.

Pure ASGI, for Starlette, FastAPI, Litestar, Quart and whatever else speaks it.
A middleware on ``BaseHTTPMiddleware`` would miss web sockets and cut context
variables off.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import attrs

import cxcontext as cx
from cxcontext.errors import UsageError
from cxcontext.web import http

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


def _never(_scope: Scope) -> bool:
    return False


@attrs.frozen
class CustomerContextMiddleware:
    """
    Make the caller's journey current while one request is served.

    No header means no journey. A bad header is never treated as no header:
    the journey is empty and says ``REJECTED`` to whoever needs a fact. The
    request itself is always served, unless the route requires a journey. A
    response to whoever sent a value is private and not to be stored.

    Args:
        app: The application to wrap.
        propagator: Which department this is and what it accepts.
        required: Given the ASGI scope, whether the route refuses requests
            without a valid journey: 400 with RFC 9457 details. `RequireContext` says
            so at the route.
        bound: Whether deliveries must be bound to the request's method and
            target; as the callers' `Destination.bound`.
        returns: Whether what is learned here goes back in the response, to
            callers whose `Destination.returns` is on.
        edge: Whether this is the public edge: inbound values are taken away
            unread and none are sent out.
        once: Given the ASGI scope, whether the route refuses a delivery that was
            seen before; elsewhere `Journey.replayed` says so.
        limits: What a value may take; as the callers' transports.

    .. versionadded:: 0.1.0
    """

    app: ASGIApp
    propagator: cx.Propagator[Any]
    required: Callable[[Scope], bool] = attrs.field(default=_never, kw_only=True)
    bound: bool = attrs.field(default=False, kw_only=True)
    returns: bool = attrs.field(default=False, kw_only=True)
    edge: bool = attrs.field(default=False, kw_only=True)
    once: Callable[[Scope], bool] = attrs.field(default=_never, kw_only=True)
    limits: cx.Limits = attrs.field(default=http.LIMITS, kw_only=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Serve one request, web socket or lifespan.
        """
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        found = await self._extract(scope)
        # Where outer exception handlers, which run beyond the binding, find it.
        scope.setdefault("state", {})[http.EXTRACTED] = found
        if self.required(scope) and (code := found.refusal()) is not None:
            await _refuse(scope, receive, send, code)
            return
        with cx.bound(found.journey):
            await self.app(scope, receive, self._sender(found, send))

    async def _extract(self, scope: Scope) -> cx.Extracted[Any]:
        if self.edge:
            scope["headers"] = [
                pair
                for pair in scope["headers"]
                if pair[0].lower() not in http.STRIPPED
            ]
            return cx.Extracted()
        return await self.propagator.extract_async(
            http.HeadersCarrier(scope["headers"], self.limits),
            name=http.FIELD,
            binding=_binding(scope) if self.bound else None,
            once=self.once(scope),
        )

    def _sender(self, found: cx.Extracted[Any], send: Send) -> Send:
        async def sender(message: Message) -> None:
            starts = message["type"] == "http.response.start"
            if starts or "headers" in message:
                headers = list(message.get("headers", ()))
                carrier = http.HeadersCarrier(headers, self.limits)
                # Whatever the application copied there, it does not get out; nor
                # in trailers, nor when a web socket is accepted or denied.
                carrier.remove(http.FIELD)
                if starts and found.journey is not None:
                    http.make_private(headers)
                    if self.returns:
                        self.propagator.inject_reply(
                            found.journey, carrier, name=http.FIELD
                        )
                message = {**message, "headers": headers}
            await send(message)

        return sender


@attrs.frozen
class RequireContext:
    """
    Refuse requests to a route that come without a valid journey: 400 with RFC 9457
    details, and for a web socket the handshake.

    A middleware of the route, inside of `CustomerContextMiddleware`: in Starlette
    ``Route("/bill", bill, middleware=[Middleware(RequireContext)])``, in Litestar
    ``@get("/bill", middleware=[RequireContext])``.

    Args:
        app: What serves the route.
        once: Whether a delivery that was seen before is refused, too.

    .. versionadded:: 0.1.0
    """

    app: ASGIApp
    once: bool = attrs.field(default=False, kw_only=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Serve one request or web socket, or refuse it.

        Raises:
            UsageError: When no `CustomerContextMiddleware` is around it.
        """
        found: cx.Extracted[Any] | None = scope.get("state", {}).get(http.EXTRACTED)
        if found is None:
            raise UsageError("add CustomerContextMiddleware to the application")
        code = found.refusal(once=self.once)
        if code is None:
            await self.app(scope, receive, send)
        else:
            await _refuse(scope, receive, send, code)


def _binding(scope: Scope) -> bytes:
    path = scope.get("raw_path") or scope["path"].encode("utf-8")
    query = scope.get("query_string", b"")
    target = path + b"?" + query if query else path
    return http.binding(scope.get("method", "GET"), target)


async def _refuse(scope: Scope, receive: Receive, send: Send, code: str) -> None:
    start = "http.response"
    if scope["type"] == "websocket":
        await receive()
        start = "websocket.http.response"
        if start not in (scope.get("extensions") or ()):
            # ASGI: closing before accepting answers the handshake with 403.
            await send({"type": "websocket.close", "code": 1008})
            return
    body = http.problem(400, code)
    headers = [
        (b"content-type", http.PROBLEM_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        http.PRIVATE,
    ]
    await send({"type": f"{start}.start", "status": 400, "headers": headers})
    await send({"type": f"{start}.body", "body": body})
