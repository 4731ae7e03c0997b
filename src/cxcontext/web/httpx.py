"""
httpx: send the current journey to allowed origins, hop by hop.

A transport and not an event hook: httpx calls a transport once per hop, also
on redirects, where every header but ``Authorization`` and ``Cookie`` goes on to
the next origin. So each hop is decided anew, and the header is taken away
first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import httpx

import cxcontext as cx
from cxcontext.steps import Steps, call, call_async, run, run_async
from cxcontext.web import http


class _HeadersCarrier:
    """
    The headers of one httpx request or response.
    """

    def __init__(self, headers: httpx.Headers, limits: cx.Limits) -> None:
        self._headers = headers
        self.limits = limits

    def get_all(self, name: str) -> list[str | bytes]:
        wanted = name.lower().encode("ascii")
        return [value for key, value in self._headers.raw if key.lower() == wanted]

    def set(self, name: str, value: str | bytes) -> None:
        self._headers[name] = value if isinstance(value, str) else value.decode()

    def remove(self, name: str) -> None:
        self._headers.pop(name, None)


def _copy(request: httpx.Request) -> httpx.Request:
    # The user's own shows its headers, hangs on responses and errors, and is what a
    # redirect is made from.
    return httpx.Request(
        request.method,
        request.url,
        headers=request.headers,
        stream=request.stream,
        extensions=request.extensions,
    )


class _Sent(NamedTuple):
    journey: cx.Journey[Any]
    delivery_id: bytes
    destination: cx.Destination


class _Hop:
    """
    What both transports do before and after one hop.
    """

    def __init__(
        self,
        propagator: cx.Propagator[Any],
        journey: Callable[[], cx.Journey[Any] | None],
        limits: cx.Limits,
    ) -> None:
        self._propagator = propagator
        self._journey = journey
        self._limits = limits

    def before(self, request: httpx.Request) -> _Sent | None:
        """
        Put the current journey into a request.
        """
        return run(self._before(request), call)

    async def before_async(self, request: httpx.Request) -> _Sent | None:
        """
        As `before`, awaiting the store of the propagator's references.
        """
        return await run_async(self._before(request), call_async)

    def _before(self, request: httpx.Request) -> Steps[_Sent | None]:
        carrier = _HeadersCarrier(request.headers, self._limits)
        journey = self._journey()
        if journey is None:
            carrier.remove(http.FIELD)
            return None
        url = request.url
        port = url.port
        if port is None:
            port = {"http": 80, "https": 443}.get(url.scheme, 0)
        origin = cx.Origin(url.scheme, url.raw_host.decode("ascii"), port)
        destination = self._propagator.destination_at(origin)
        sent = yield from self._propagator.injecting(
            journey,
            carrier,
            to=destination,
            name=http.FIELD,
            binding=http.binding(request.method, url.raw_path),
        )
        if sent.delivery_id is None or destination is None:
            return None
        return _Sent(journey, sent.delivery_id, destination)

    def after(self, response: httpx.Response, sent: _Sent | None) -> None:
        """
        Merge what a response brought, if it was asked for.
        """
        carrier = _HeadersCarrier(response.headers, self._limits)
        if sent is None or not sent.destination.returns:
            carrier.remove(http.FIELD)
            return
        self._propagator.merge_reply(
            sent.journey,
            carrier,
            name=http.FIELD,
            reply_to=sent.delivery_id,
            sender=sent.destination.department,
        )


class CustomerContextTransport(httpx.BaseTransport):
    """
    A transport that sends the current journey to allowed origins.

    Nothing is sent where the propagator has no destination at the request's
    origin; the request goes on in any case.

    Args:
        propagator: Which department this is and where its journeys may go.
        transport: The transport that does the work; httpx's own, unless given.
        journey: Where the journey is found; `cxcontext.current`, unless given.
        limits: What a value may take; as the receivers' middleware.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        propagator: cx.Propagator[Any],
        transport: httpx.BaseTransport | None = None,
        *,
        journey: Callable[[], cx.Journey[Any] | None] = cx.current,
        limits: cx.Limits = http.LIMITS,
    ) -> None:
        self._hop = _Hop(propagator, journey, limits)
        self._transport = transport or httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """
        Send one hop.
        """
        request = _copy(request)
        sent = self._hop.before(request)
        response = self._transport.handle_request(request)
        self._hop.after(response, sent)
        return response

    def close(self) -> None:
        """
        Close the transport that does the work.
        """
        self._transport.close()


class AsyncCustomerContextTransport(httpx.AsyncBaseTransport):
    """
    As `CustomerContextTransport`, for `httpx.AsyncClient`.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        propagator: cx.Propagator[Any],
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        journey: Callable[[], cx.Journey[Any] | None] = cx.current,
        limits: cx.Limits = http.LIMITS,
    ) -> None:
        self._hop = _Hop(propagator, journey, limits)
        self._transport = transport or httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """
        Send one hop.
        """
        request = _copy(request)
        sent = await self._hop.before_async(request)
        response = await self._transport.handle_async_request(request)
        self._hop.after(response, sent)
        return response

    async def aclose(self) -> None:
        """
        Close the transport that does the work.
        """
        await self._transport.aclose()
