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
from cxcontext.web import http

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

# Where an outer exception handler, which runs beyond the binding, finds it.
STATE_KEY = "cxcontext.journey"


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
            without a valid journey: 400 with RFC 9457 details.
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
        if self.required(scope) and (found.journey is None or found.problem):
            code = getattr(found.problem, "code", "absent")
            await _refuse(scope, receive, send, code)
            return
        scope.setdefault("state", {})[STATE_KEY] = found.journey
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


def _binding(scope: Scope) -> bytes:
    path = scope.get("raw_path") or scope["path"].encode("utf-8")
    query = scope.get("query_string", b"")
    target = path + b"?" + query if query else path
    return http.binding(scope.get("method", "GET"), target)


async def _refuse(scope: Scope, receive: Receive, send: Send, code: str) -> None:
    if scope["type"] == "websocket":
        # ASGI: closing before accepting answers the handshake with 403.
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    body = http.problem(400, code)
    headers = [(b"content-type", http.PROBLEM_TYPE.encode()), http.PRIVATE]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})
