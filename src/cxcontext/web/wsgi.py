"""
WSGI: make the caller's journey current while one request is served.

PEP 3333, for Flask and whatever else speaks it. A body may be produced after the
application has returned, and closed by another thread, while the server's own thread
does other things in between: so each request has a `contextvars.Context` of its own,
in which all of it runs. Two fields of one name come as one value with a comma, and
are refused; whether ``Customer_Context`` is another field, the server decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import attrs

import cxcontext as cx
from cxcontext.web import http

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_FIELD_KEY: Final = "HTTP_" + http.FIELD.upper().replace("-", "_")
# RFC 3986, 3.3: what stands in a path as it is.
_PATH: Final = "/-._~!$&'()*+,;=:@"


def _never(_environ: WSGIEnvironment) -> bool:
    return False


@attrs.frozen
class CustomerContextMiddleware:
    """
    Make the caller's journey current while one request is served.

    No header means no journey. A bad header is never treated as no header: the
    journey is empty and says ``REJECTED`` to whoever needs a fact. The request
    itself is always served, unless the route requires a journey. A response to
    whoever sent a value is private and not to be stored.

    What the application sets in context variables ends with the request.

    Args:
        app: The application to wrap; ``app.wsgi_app`` of a Flask.
        propagator: Which department this is and what it accepts.
        required: Given the environ, whether the route refuses requests without a
            valid journey: 400 with RFC 9457 details.
        bound: Whether deliveries must be bound to the request's method and target;
            as the callers' `Destination.bound`. Servers that tell the target as it
            was on the wire, in ``RAW_URI`` or ``REQUEST_URI``, are best for it.
        returns: Whether what is learned here goes back in the response, to callers
            whose `Destination.returns` is on.
        edge: Whether this is the public edge: inbound values are taken away unread
            and none are sent out.
        once: Given the environ, whether the route refuses a delivery that was seen
            before; elsewhere `Journey.replayed` says so.
        limits: What a value may take; as the callers' transports.

    .. versionadded:: 0.1.0
    """

    app: WSGIApplication
    propagator: cx.Propagator[Any]
    required: Callable[[WSGIEnvironment], bool] = attrs.field(
        default=_never, kw_only=True
    )
    bound: bool = attrs.field(default=False, kw_only=True)
    returns: bool = attrs.field(default=False, kw_only=True)
    edge: bool = attrs.field(default=False, kw_only=True)
    once: Callable[[WSGIEnvironment], bool] = attrs.field(default=_never, kw_only=True)
    limits: cx.Limits = attrs.field(default=http.LIMITS, kw_only=True)

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """
        Serve one request.
        """
        found = self._extract(environ)
        # Where outer error handlers, which run beyond the binding, find it.
        environ[http.EXTRACTED] = found
        if self.required(environ) and (code := found.refusal()) is not None:
            return _refuse(start_response, code)
        context, work = copy_context(), ExitStack()
        context.run(work.enter_context, cx.bound(found.journey))
        try:
            start = self._starter(found, start_response)
            body = context.run(self.app, environ, start)
            if _is_complete(body, environ):
                context.run(work.close)
                return body
            return _Body(body, context, work)
        except BaseException:
            context.run(work.close)
            raise

    def _extract(self, environ: WSGIEnvironment) -> cx.Extracted[Any]:
        if self.edge:
            environ.pop(_FIELD_KEY, None)
            return cx.Extracted()
        headers = [
            (http.FIELD_BYTES, value.encode("latin-1"))
            for value in environ.get(_FIELD_KEY, "").split(",")
            if _FIELD_KEY in environ
        ]
        return self.propagator.extract(
            http.HeadersCarrier(headers, self.limits),
            name=http.FIELD,
            binding=_binding(environ) if self.bound else None,
            once=self.once(environ),
        )

    def _starter(
        self, found: cx.Extracted[Any], start_response: StartResponse
    ) -> StartResponse:
        def start(
            status: str, pairs: list[tuple[str, str]], exc_info: Any = None, /
        ) -> Callable[[bytes], object]:
            headers = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in pairs]
            carrier = http.HeadersCarrier(headers, self.limits)
            # Whatever the application copied there, it does not get out.
            carrier.remove(http.FIELD)
            if found.journey is not None:
                http.make_private(headers)
                if self.returns:
                    self.propagator.inject_reply(
                        found.journey, carrier, name=http.FIELD
                    )
            pairs = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in headers]
            return start_response(status, pairs, exc_info)

        return start


class _Body:
    """
    A body whose parts, and whose end, are produced in the request's own context.
    """

    def __init__(
        self, body: Iterable[bytes], context: Context, work: ExitStack
    ) -> None:
        self._body, self._context, self._work = body, context, work
        self._parts: Iterator[bytes] = context.run(iter, body)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._context.run(next, self._parts)

    def close(self) -> None:
        """
        End the body and the unit of work; servers call it in any case.
        """
        try:
            if (close := getattr(self._body, "close", None)) is not None:
                self._context.run(close)
        finally:
            self._context.run(self._work.close)


def _is_complete(body: Iterable[bytes], environ: WSGIEnvironment) -> bool:
    # Of a list servers know the length, and a file they send faster untouched.
    wrapper = environ.get("wsgi.file_wrapper")
    is_file = isinstance(wrapper, type) and isinstance(body, wrapper)
    return is_file or isinstance(body, list | tuple)


def _binding(environ: WSGIEnvironment) -> bytes:
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if not target:
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        query = environ.get("QUERY_STRING", "")
        target = quote(path, safe=_PATH, encoding="latin-1") + (query and f"?{query}")
    return http.binding(environ["REQUEST_METHOD"], target.encode("latin-1"))


def _refuse(start_response: StartResponse, code: str) -> list[bytes]:
    body, (name, value) = http.problem(400, code), http.PRIVATE
    headers = [
        ("Content-Type", http.PROBLEM_TYPE),
        ("Content-Length", str(len(body))),
        (name.decode(), value.decode()),
    ]
    start_response("400 Bad Request", headers)
    return [body]
