"""
FastAPI: dependencies that give the current journey, require one, or require facts.

`cxcontext.web.asgi` makes the caller's journey current; these say at a route what it
needs. `setup` has what they refuse answered with RFC 9457 details; without it,
FastAPI answers with the same status, and the details in a form of its own.
"""

# No `from __future__ import annotations`: FastAPI reads those of the dependencies.
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Response, WebSocket
from fastapi.requests import HTTPConnection

import cxcontext as cx
from cxcontext.errors import UsageError
from cxcontext.web import http

_DENIAL = "websocket.http.response"
_HEADERS = {"Cache-Control": http.PRIVATE[1].decode()}


class ProblemError(HTTPException):
    """
    A route's dependency refuses the request.

    Attributes:
        body: RFC 9457 details, without a value.

    .. versionadded:: 0.1.0
    """

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status, json.loads(body), dict(_HEADERS))
        self.body = body


def setup(app: FastAPI) -> None:
    """
    Answer what the dependencies refuse with ``application/problem+json``.

    A web socket's handshake is refused, in the same way where the server can.

    .. versionadded:: 0.1.0
    """
    app.add_exception_handler(ProblemError, _answer)


# Any, for Starlette's types know handlers of requests or of web sockets, not of both.
async def _answer(connection: Any, problem: Any) -> Any:
    response = Response(
        problem.body, problem.status_code, _HEADERS, media_type=http.PROBLEM_TYPE
    )
    if not isinstance(connection, WebSocket):
        return response
    if _DENIAL in (connection.scope.get("extensions") or ()):
        await connection.send_denial_response(response)
    else:
        await connection.close(1008)
    return None


async def current_journey() -> cx.Journey[Any] | None:
    """
    Give the current journey, or None: ``Depends(current_journey)``.

    .. versionadded:: 0.1.0
    """
    return cx.current()


async def required_journey(connection: HTTPConnection) -> cx.Journey[Any]:
    """
    Give the journey that came with the request; refuse one without: 400.

    Raises:
        ProblemError: When none came, or one that does not verify.
        UsageError: When the application has no `CustomerContextMiddleware`.

    .. versionadded:: 0.1.0
    """
    found: cx.Extracted[Any] | None = connection.scope.get("state", {}).get(
        http.EXTRACTED
    )
    if found is None:
        raise UsageError("add CustomerContextMiddleware to the application")
    journey, code = found.journey, found.refusal()
    if journey is None or code is not None:
        raise ProblemError(400, http.problem(400, code or "absent"))
    return journey


def required_fields(
    *keys: cx.Key[Any, Any],
    purpose: str | None = None,
    max_age: timedelta | None = None,
    at_least: cx.Known = cx.Known.INFERRED,
) -> Callable[..., Awaitable[cx.Journey[Any]]]:
    """
    Return a dependency that gives the journey if it knows all these fields.

    Else it refuses the request: 422, with the name, reason and remedy of each gap.
    Where no valid journey came it does as `required_journey`.

    Args:
        keys: What the route cannot do without.
        purpose: As that of `Journey.needs`.
        max_age: The same.
        at_least: The same.

    .. versionadded:: 0.1.0
    """

    async def journey(
        came: Annotated[cx.Journey[Any], Depends(required_journey)],
    ) -> cx.Journey[Any]:
        needs = came.needs(*keys, purpose=purpose, max_age=max_age, at_least=at_least)
        if needs.gaps:
            raise ProblemError(422, http.problem(422, "gaps", needs.gaps))
        return came

    return journey
