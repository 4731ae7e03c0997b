"""
requests: send the current journey to allowed origins, hop by hop.

An adapter: requests calls one per hop, also on redirects, where every header but
``Authorization`` goes on to the next origin. So the value goes into a copy of the
request, of which no redirect is made, and which hangs on no response and no error.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

import cxcontext as cx
from cxcontext.errors import DestinationError
from cxcontext.web import http


class _HeadersCarrier:
    """
    The headers of one request or response; repeated ones come with a comma.
    """

    def __init__(self, headers: MutableMapping[str, Any], limits: cx.Limits) -> None:
        self._headers = headers
        self.limits = limits

    def get_all(self, name: str) -> list[str | bytes]:
        return [self._headers[name]] if name in self._headers else []

    def set(self, name: str, value: str | bytes) -> None:
        self._headers[name] = value if isinstance(value, str) else value.decode()

    def remove(self, name: str) -> None:
        self._headers.pop(name, None)


class CustomerContextAdapter(BaseAdapter):
    """
    An adapter that sends the current journey to allowed origins.

    Nothing is sent where the propagator has no destination at the request's origin;
    the request goes on in any case. Mount it for ``https://`` and ``http://``. What
    an adapter inside it sends again by itself, is the same delivery.

    Args:
        propagator: Which department this is and where its journeys may go.
        adapter: The adapter that does the work; requests' own, unless given.
        journey: Where the journey is found; `cxcontext.current`, unless given.
        limits: What a value may take; as the receivers' middleware.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        propagator: cx.Propagator[Any],
        adapter: BaseAdapter | None = None,
        *,
        journey: Callable[[], cx.Journey[Any] | None] = cx.current,
        limits: cx.Limits = http.LIMITS,
    ) -> None:
        super().__init__()
        self._propagator = propagator
        self._adapter = adapter or HTTPAdapter()
        self._journey = journey
        self._limits = limits

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """
        Send one hop.
        """
        hop, journey = request.copy(), self._journey()
        carrier = _HeadersCarrier(hop.headers, self._limits)
        carrier.remove(http.FIELD)
        sent, destination = cx.Injected(destination=None), self._destination_of(hop)
        if journey is not None:
            sent = self._propagator.inject(
                journey,
                carrier,
                to=destination,
                name=http.FIELD,
                binding=http.binding(hop.method or "GET", hop.path_url.encode()),
            )
        try:
            # Any, for requests' own types know no adapter but HTTPAdapter.
            response: Any = self._adapter.send(hop, *args, **kwargs)
        except requests.RequestException as problem:
            problem.request = request
            raise
        # Digest authentication sends again by the connection of the response.
        response.request, response.connection = request, self
        reply = _HeadersCarrier(response.headers, self._limits)
        if journey and destination and destination.returns and sent.delivery_id:
            self._propagator.merge_reply(
                journey,
                reply,
                name=http.FIELD,
                reply_to=sent.delivery_id,
                sender=destination.department,
            )
        reply.remove(http.FIELD)
        raw = getattr(response.raw, "headers", None)
        if isinstance(raw, MutableMapping):
            raw.pop(http.FIELD, None)
        answered: requests.Response = response
        return answered

    def close(self) -> None:
        """
        Close the adapter that does the work.
        """
        self._adapter.close()

    def _destination_of(
        self, request: requests.PreparedRequest
    ) -> cx.Destination | None:
        parts = urlsplit(request.url or "")
        # Parsers differ on where a host ends there; nobody means it well.
        if "\\" in parts.netloc:
            return None
        try:
            host = parts.netloc.rpartition("@")[2]
            origin = cx.Origin.parse(f"{parts.scheme}://{host}")
        except DestinationError:
            return None
        return self._propagator.destination_at(origin)
