"""
Django: make the caller's journey current while one request is served.

One middleware for sync and async stacks; ``CXCONTEXT`` in the settings says which
department this is; system checks find what is wrong with it before a request does.
A streamed body is produced after the middleware has returned, so it is bound on its
own. WSGI folds two fields into one value with a comma: two are refused here, too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from contextvars import copy_context
from functools import wraps
from typing import Any, Final, TypeVar, overload

import attrs
from asgiref.sync import (
    iscoroutinefunction,
    markcoroutinefunction,
)
from django import conf
from django.apps import AppConfig
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.http import FileResponse, HttpRequest, HttpResponse
from django.utils.module_loading import import_string

import cxcontext as cx
from cxcontext.web import http

F = TypeVar("F", bound=Callable[..., Any])

MIDDLEWARE: Final = "cxcontext.web.django.CustomerContextMiddleware"
# Where what a request brought is found by decorators and exception handlers.
ATTRIBUTE: Final = "customer_context"
_META: Final = "HTTP_" + http.FIELD.upper().replace("-", "_")
_SWITCHES: Final = ("BOUND", "RETURNS", "EDGE")
_END: Final = object()
# asyncio's or, from Python 3.12 on, inspect's: asgiref knows which.
_is_awaited: Final = iscoroutinefunction


@attrs.frozen
class _Options:
    """
    ``CXCONTEXT``, read: where it is wrong, `problems` say what, by check id.
    """

    propagator: Any = None
    bound: bool = False
    returns: bool = False
    edge: bool = False
    limits: cx.Limits = http.LIMITS
    problems: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls) -> _Options:
        given = getattr(conf.settings, "CXCONTEXT", None)
        if not isinstance(given, dict):
            return cls(problems=(("E001", "CXCONTEXT is not a dict in the settings"),))
        known = {"PROPAGATOR", "VALUE_BYTES", *_SWITCHES}
        problems = [
            ("E003", f"CXCONTEXT has no setting {name!r}")
            for name in sorted(str(name) for name in given.keys() - known)
        ]
        switches = {name: given.get(name, False) for name in _SWITCHES}
        for name, value in switches.items():
            if not isinstance(value, bool):
                problems.append(("E004", f"CXCONTEXT[{name!r}] is not True or False"))
        size = given.get("VALUE_BYTES", http.LIMITS.value_bytes)
        if type(size) is not int or not 0 < size <= http.MAX_VALUE_BYTES:
            what = f"is not a number from 1 to {http.MAX_VALUE_BYTES}"
            problems.append(("E004", f"CXCONTEXT['VALUE_BYTES'] {what}"))
            size = http.LIMITS.value_bytes
        if switches["EDGE"] and (switches["RETURNS"] or switches["BOUND"]):
            msg = "CXCONTEXT: at the EDGE nothing is BOUND and nothing RETURNS"
            problems.append(("E005", msg))
        propagator, problem = _propagator(given.get("PROPAGATOR"))
        return cls(
            propagator,
            bound=switches["BOUND"],
            returns=switches["RETURNS"],
            edge=switches["EDGE"],
            limits=cx.Limits(value_bytes=size),
            problems=(*problems, *problem),
        )


def _propagator(given: Any) -> tuple[Any, tuple[tuple[str, str], ...]]:
    where = "CXCONTEXT['PROPAGATOR']"
    if isinstance(given, str):
        try:
            given = import_string(given)
        except ImportError as problem:
            return None, (("E002", f"{where} cannot be imported: {problem}"),)
    if not isinstance(given, cx.Propagator):
        return None, (("E002", f"{where} is no Propagator, nor the path of one"),)
    return given, ()


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """
    Return what is wrong with ``CXCONTEXT`` and ``MIDDLEWARE``, for ``manage.py check``.

    .. versionadded:: 0.1.0
    """
    options = _Options.read()
    found: list[checks.CheckMessage] = [
        checks.Error(text, id=f"cxcontext.{code}") for code, text in options.problems
    ]
    times = list(conf.settings.MIDDLEWARE).count(MIDDLEWARE)
    if times != 1:
        msg = f"{MIDDLEWARE} is in MIDDLEWARE {times} times and not once"
        found.append(checks.Warning(msg, id="cxcontext.W001"))
    return found


class CustomerContextConfig(AppConfig):
    """
    Registers the checks: name it in ``INSTALLED_APPS``.

    .. versionadded:: 0.1.0
    """

    name = "cxcontext.web.django"
    label = "cxcontext"
    verbose_name = "Customer context"

    def ready(self) -> None:
        """
        Register the checks.
        """
        checks.register(check_settings, "cxcontext")


class CustomerContextMiddleware:
    """
    Make the caller's journey current while one request is served.

    No header means no journey. A bad header is never treated as no header: the
    journey is empty and says ``REJECTED`` to whoever needs a fact. The request is
    always served, unless the view has `require_context`. A response that was made
    with a journey is kept by no cache.

    ``CXCONTEXT`` in the settings:

    - ``PROPAGATOR``: a `cxcontext.Propagator`, or the dotted path of one.
    - ``BOUND``: whether deliveries must be bound to the request's method and target.
    - ``RETURNS``: whether what is learned here goes back in the response.
    - ``EDGE``: whether this is the public edge: inbound values are taken away unread
      and none are sent out.
    - ``VALUE_BYTES``: the longest value that is read; as the callers'.

    Raises:
        ImproperlyConfigured: When ``CXCONTEXT`` is wrong.

    .. versionadded:: 0.1.0
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._options = _Options.read()
        if self._options.problems:
            raise ImproperlyConfigured(self._options.problems[0][1])
        self._is_async = _is_awaited(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """
        Serve one request; an awaitable where the stack is an async one.
        """
        if self._is_async:
            return self._serve_async(request)
        found = cx.Extracted[Any]()
        if not self._options.edge:
            found = self._options.propagator.extract(
                self._arrived(request), name=http.FIELD, binding=self._binding(request)
            )
        with cx.bound(self._note(request, found)) as journey:
            return self._answered(self._get_response(request), journey)

    async def _serve_async(self, request: HttpRequest) -> Any:
        found = cx.Extracted[Any]()
        if not self._options.edge:
            found = await self._options.propagator.extract_async(
                self._arrived(request), name=http.FIELD, binding=self._binding(request)
            )
        with cx.bound(self._note(request, found)) as journey:
            return self._answered(await self._get_response(request), journey)

    def _arrived(self, request: HttpRequest) -> http.HeadersCarrier:
        scope = getattr(request, "scope", None)
        if scope is not None:
            # Older Djangos read Customer_Context, too, as if it were this field.
            return http.HeadersCarrier(scope["headers"], self._options.limits)
        folded = request.META.get(_META)
        values = folded.encode("latin-1").split(b",") if folded is not None else ()
        raw = [(http.FIELD_BYTES, value) for value in values]
        return http.HeadersCarrier(raw, self._options.limits)

    def _note(
        self, request: HttpRequest, found: cx.Extracted[Any]
    ) -> cx.Journey[Any] | None:
        if self._options.edge:
            request.META.pop(_META, None)
            # Whoever came before this may have read them already.
            vars(request).pop("headers", None)
            if (scope := getattr(request, "scope", None)) is not None:
                scope["headers"] = [
                    pair
                    for pair in scope["headers"]
                    if pair[0].lower() not in http.STRIPPED
                ]
        setattr(request, ATTRIBUTE, found)
        return found.journey

    def _binding(self, request: HttpRequest) -> bytes | None:
        if not self._options.bound:
            return None
        method, scope = request.method or "GET", getattr(request, "scope", None)
        if scope is None:
            meta = request.META
            # gunicorn's and uWSGI's names of the target as it was on the wire.
            target = meta.get("RAW_URI") or meta.get("REQUEST_URI")
            return http.binding(method, (target or request.get_full_path()).encode())
        path = scope.get("raw_path") or scope["path"].encode()
        query = scope.get("query_string", b"")
        return http.binding(method, path + b"?" + query if query else path)

    def _answered(self, response: Any, journey: cx.Journey[Any] | None) -> Any:
        raw = [(name.encode(), v.encode("latin-1")) for name, v in response.items()]
        carrier = http.HeadersCarrier(raw, self._options.limits)
        # Whatever the application copied there, it does not get out.
        carrier.remove(http.FIELD)
        if journey is not None:
            http.make_private(raw)
            if self._options.returns:
                self._options.propagator.inject_reply(journey, carrier, name=http.FIELD)
        for name in [*response.headers]:
            del response[name]
        for name, value in raw:
            response[name.decode()] = value.decode("latin-1")
        if journey is None:
            return response
        # A file needs no journey, and servers send it faster untouched.
        if response.streaming and not isinstance(response, FileResponse):
            body = _AsyncBody if response.is_async else _SyncBody
            response.streaming_content = body(response.streaming_content, journey)
            journey.begin_of_work()
        return response


@attrs.frozen(eq=False)
class _Body:
    """
    A streamed body. Its unit of work lasts from the view to its end, of which Django
    tells whether it was read or not.
    """

    content: Any
    journey: cx.Journey[Any]

    def close(self) -> None:
        self.journey.end_of_work()


class _SyncBody(_Body):
    def __iter__(self) -> Iterator[Any]:
        return _parts(self.content, self.journey)


class _AsyncBody(_Body):
    def __aiter__(self) -> AsyncIterator[Any]:
        return _parts_async(self.content, self.journey)


def _parts(content: Iterable[Any], journey: cx.Journey[Any]) -> Iterator[Any]:
    def parts() -> Generator[Any]:
        with cx.bound(journey):
            yield from content

    # In a context of its own: a server's thread does other things between parts.
    context, iterator = copy_context(), parts()
    try:
        while (part := context.run(next, iterator, _END)) is not _END:
            yield part
    finally:
        context.run(iterator.close)


async def _parts_async(
    content: AsyncIterator[Any], journey: cx.Journey[Any]
) -> AsyncIterator[Any]:
    with cx.bound(journey):
        async for part in content:
            yield part


@overload
def require_context(view: F, *, once: bool = False) -> F: ...
@overload
def require_context(*, once: bool = False) -> Callable[[F], F]: ...
def require_context(view: Any = None, *, once: bool = False) -> Any:
    """
    Refuse requests to a view that come without a valid journey: 400 with RFC 9457
    details.

    Args:
        view: A view, sync or async; a class's with Django's ``method_decorator``.
        once: Whether a delivery that was seen before is refused, too.

    Raises:
        ImproperlyConfigured: On a request, when the middleware is missing.

    .. versionadded:: 0.1.0
    """
    if view is None:
        return lambda view: require_context(view, once=once)

    if _is_awaited(view):

        @wraps(view)
        async def checked_async(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return _refusal(request, once) or await view(request, *args, **kwargs)

        return checked_async

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return _refusal(request, once) or view(request, *args, **kwargs)

    return checked


def _refusal(request: HttpRequest, once: bool) -> HttpResponse | None:  # noqa: FBT001
    found: cx.Extracted[Any] | None = getattr(request, ATTRIBUTE, None)
    if found is None:
        raise ImproperlyConfigured(f"{MIDDLEWARE} is not in MIDDLEWARE")
    if (code := found.refusal(once=once)) is None:
        return None
    response = HttpResponse(
        http.problem(400, code), status=400, content_type=http.PROBLEM_TYPE
    )
    response["Cache-Control"] = http.PRIVATE[1].decode()
    return response
