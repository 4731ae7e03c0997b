"""
Quart: views and web sockets that require a journey.

`cxcontext.web.asgi` makes the caller's journey current; this says at a view that it
is not served without one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, overload

from quart import Response, current_app, has_websocket_context, request, websocket

import cxcontext as cx
from cxcontext.errors import UsageError
from cxcontext.web import http

F = TypeVar("F", bound=Callable[..., Any])


@overload
def require_context(view: F, *, once: bool = False) -> F: ...
@overload
def require_context(*, once: bool = False) -> Callable[[F], F]: ...
def require_context(view: Any = None, *, once: bool = False) -> Any:
    """
    Refuse requests to a view that come without a valid journey: 400 with RFC 9457
    details, and for a web socket the handshake. Below ``@app.route``.

    Args:
        view: A view of either kind, or a web socket's.
        once: Whether a delivery that was seen before is refused, too.

    Raises:
        UsageError: On a request, when the middleware is missing.

    .. versionadded:: 0.1.0
    """
    if view is None:
        return lambda view: require_context(view, once=once)

    @wraps(view)
    async def checked(*args: Any, **kwargs: Any) -> Any:
        asked = websocket if has_websocket_context() else request
        found: cx.Extracted[Any] | None = asked.scope.get("state", {}).get(
            http.EXTRACTED
        )
        if found is None:
            raise UsageError("wrap app.asgi_app in CustomerContextMiddleware")
        if (code := found.refusal(once=once)) is None:
            return await current_app.ensure_async(view)(*args, **kwargs)
        return Response(
            http.problem(400, code),
            400,
            {"Cache-Control": http.PRIVATE[1].decode()},
            content_type=http.PROBLEM_TYPE,
        )

    return checked
