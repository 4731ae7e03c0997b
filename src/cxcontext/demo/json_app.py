"""
The smallest web application that the departments need: JSON in, JSON out.

Plain ASGI, so that nothing of a framework stands between the reader and what
the library does.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qs

import attrs

from cxcontext.web.asgi import ASGIApp, Receive, Scope, Send

Answer: TypeAlias = Mapping[str, Any]


@attrs.frozen
class Request:
    """
    One request. Its body is read when asked for, which may be much later.
    """

    scope: Scope
    receive: Receive

    @property
    def session(self) -> str | None:
        """
        The session that the query names, as a cookie would.
        """
        text: str = self.scope["query_string"].decode("ascii")
        found = parse_qs(text).get("session")
        return found[0] if found else None

    async def json(self) -> Any:
        """
        Wait for the whole body, and return what it says.
        """
        body, more = b"", True
        while more:
            message = await self.receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return json.loads(body or b"{}")


Handler: TypeAlias = Callable[[Request], Awaitable[Answer]]


@attrs.frozen
class JSONApp:
    """
    Handlers by path.
    """

    routes: Mapping[str, Handler]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Serve one request.
        """
        answer: Answer
        handler = self.routes.get(scope["path"])
        if handler is None:
            status, answer = 404, {"problem": "no such path"}
        else:
            status, answer = 200, dict(await handler(Request(scope, receive)))
        headers = [(b"content-type", b"application/json")]
        body = json.dumps(answer).encode()
        headers.append((b"content-length", str(len(body)).encode()))
        await send(
            {"type": "http.response.start", "status": status, "headers": headers}
        )
        await send({"type": "http.response.body", "body": body})


@attrs.frozen
class ByPrefix:
    """
    Applications by the first part of the path; the one under "" takes the rest.
    """

    apps: Mapping[str, ASGIApp]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Pass a request on.
        """
        prefix = scope["path"].split("/")[1]
        await self.apps.get(prefix, self.apps[""])(scope, receive, send)
