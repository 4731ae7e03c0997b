"""
The resolver: the journeys of calls, for platforms that can only make an HTTP request.

An ASGI application for Genesys data actions, Twilio Studio, LiveKit, jambonz and voice
bots. It finds a call's journey by whatever the call brought (`ladder`) and answers with
what the asking department may see (`view`); before a transfer it mints the next leg's
reference. It is no public service: run it behind TLS where only the platforms reach it.

Only POST redeems, for a GET is fetched again by whoever finds its address. Problems are
those of RFC 9457; ``code`` says which.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from hashlib import sha256
from typing import Any, Final, TypeAlias

import attrs

import cxcontext as cx
from cxcontext.errors import (
    CodeRefusedError,
    LongerCodeError,
    TriesExhaustedError,
    UnavailableError,
    UsageError,
    VerificationError,
)
from cxcontext.homes import Reference
from cxcontext.telephony.ladder import Leg, Resolved
from cxcontext.telephony.resolver_client import Bucket, ResolverClient
from cxcontext.telephony.resolver_openapi import (
    BODY_SECONDS,
    MAX_BODY_BYTES,
    RESOLVE,
    TITLES,
    TRANSFER,
    document,
)
from cxcontext.telephony.resolver_request import Ask, BadRequest, parse
from cxcontext.telephony.sip import read
from cxcontext.telephony.transfer import Kind
from cxcontext.telephony.view import view

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_OPENAPI_PATH: Final = "/openapi.json"


class _Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """
    An answer that is no view.
    """

    def __init__(self, status: int, code: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(status, code)
        self.status, self.code, self.headers = status, code, headers


class Resolver:
    """
    Finds the journeys of calls for whoever has a key.

    Args:
        clients: Who may ask.
        channel: Through which channel the customer is here.
        requests_per_minute: How many each client may make.
        clock: Returns seconds that never go back.

    Raises:
        UsageError: When there are no clients, or two of one name or key.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        clients: Sequence[ResolverClient],
        *,
        channel: str = "phone",
        requests_per_minute: int = 600,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        names = {client.name for client in clients}
        if not clients or len(names) != len(clients):
            raise UsageError("a resolver has clients, each with a name of its own")
        if len({client.digest for client in clients}) != len(clients):
            raise UsageError("two clients have one key; give each its own")
        if requests_per_minute < 1:
            raise UsageError("requests_per_minute is 1 or more")
        self._clients = tuple(clients)
        self._channel = channel
        self._per_minute, self._clock = requests_per_minute, clock
        now_s = clock()
        self._buckets = {
            client.name: Bucket(requests_per_minute, now_s) for client in clients
        }
        self._document = json.dumps(document()).encode()

    def __repr__(self) -> str:
        return f"<Resolver for {len(self._clients)} clients>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Serve one request, or the lifespan.
        """
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            body = await self._answer(scope, receive)
        except _Problem as problem:
            await _send_problem(send, problem)
            return
        await _send(send, 200, b"application/json", body)

    async def _answer(self, scope: Scope, receive: Receive) -> bytes:
        path, method = scope["path"], scope["method"]
        if path == _OPENAPI_PATH:
            if method != "GET":
                raise _Problem(405, "method_not_allowed", (b"allow", b"GET"))
            return self._document
        if path not in (RESOLVE, TRANSFER):
            raise _Problem(404, "no_such_path")
        if method != "POST":
            raise _Problem(405, "method_not_allowed", (b"allow", b"POST"))
        headers = _Headers(scope["headers"])
        client = self._client(headers)
        wait_s = self._buckets[client.name].take(
            per_minute=self._per_minute, now_s=self._clock()
        )
        if wait_s:
            retry = (b"retry-after", str(int(wait_s) + 1).encode())
            raise _Problem(429, "too_many_requests", retry)
        kind = headers.one(b"content-type").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            raise _Problem(415, "not_json")
        vocabulary = client.ladder.department.vocabulary
        try:
            body = await _body(receive)
            ask = parse(body, vocabulary=vocabulary, hands_over=path == TRANSFER)
        except BadRequest as wrong:
            raise _Problem(wrong.status, wrong.code) from None
        began_s = self._clock()
        resolved = await client.ladder.resolve_async(self._leg(ask, client))
        journey, rung = resolved.journey, resolved.rung
        if journey is None or rung is None:
            raise await _missed(resolved, passed_s=lambda: self._clock() - began_s)
        if ask.to is not None:
            answer = await _handed_over(
                ask, ask.to, client, journey, resolved.reference
            )
        else:
            department = client.ladder.department
            answer = {
                **view(journey, department=department, fields=ask.fields),
                "replayed": journey.replayed,
                "rung": rung.value,
            }
        return json.dumps(answer).encode()

    def _client(self, headers: _Headers) -> ResolverClient:
        scheme, _, key = headers.one(b"authorization").partition(b" ")
        digest = sha256(key.strip()).digest()
        # All of them, so that the time says nothing of which one is nearly right.
        found = [client for client in self._clients if client.has(digest)]
        if scheme.lower() != b"bearer" or not found:
            challenge = (b"www-authenticate", b'Bearer realm="cxcontext"')
            raise _Problem(401, "unauthorised", challenge)
        return found[0]

    def _leg(self, ask: Ask, client: ResolverClient) -> Leg:
        signalling = read(ask.headers)
        return Leg(
            lease=_lease(client, ask.call),
            offers=signalling.offers,
            # What another platform calls it, the client has read somewhere.
            index=tuple(key for key in ask.keys if key.platform != client.name),
            ids=tuple(key for key in ask.keys if key.platform == client.name),
            code=ask.code,
            line=ask.line,
            caller=ask.caller,
            transferred=ask.transferred or signalling.transferred,
            trusted=client.trusted,
            channel=self._channel,
        )


async def _handed_over(
    ask: Ask,
    to: str,
    client: ResolverClient,
    journey: cx.Journey[Any],
    parent: Reference | None,
) -> dict[str, Any]:
    transfers = client.transfers
    if transfers is None:
        raise _Problem(404, "no_transfers_here")
    fields = client.ladder.department.vocabulary.fields
    needs = [fields[name].key for name in ask.fields or ()]
    try:
        asks = transfers.fit(journey, to=to, needs=needs).will_ask
        transfer = await transfers.transfer_async(
            journey,
            to=to,
            kind=Kind.BRIDGE,
            parent=parent,
            keys=[key for key in ask.keys if key.platform == client.name],
        )
    except UsageError:
        raise _Problem(404, "no_such_department") from None
    except VerificationError as refused:
        raise _Problem(404, refused.code) from None
    except UnavailableError:
        raise _unavailable() from None
    return {
        "reference": str(transfer.reference),
        "headers": dict(transfer.headers),
        "ask": list(asks),
    }


async def _missed(
    resolved: Resolved[Any], *, passed_s: Callable[[], float]
) -> _Problem:
    """
    Return what is answered where nothing was found, when it is time to.
    """
    if resolved.conflict:
        return _Problem(409, "conflict")
    problems = [refusal.problem for refusal in resolved.refusals]
    if any(isinstance(problem, UnavailableError) for problem in problems):
        return _unavailable()
    code = resolved.code_problem
    if isinstance(code, CodeRefusedError | LongerCodeError):
        # So that the time does not say whether it was ever there.
        await asyncio.sleep(code.answer_after_s - passed_s())
    problem = code or (problems[-1] if problems else None)
    status = 403 if isinstance(problem, TriesExhaustedError) else 404
    return _Problem(status, getattr(problem, "code", "not_found"))


def _unavailable() -> _Problem:
    return _Problem(503, "unavailable", (b"retry-after", b"1"))


def _lease(client: ResolverClient, call: str) -> str:
    # As a list in JSON, no other client and call spell the same.
    return json.dumps([client.name, call])


@attrs.frozen
class _Headers:
    pairs: Sequence[tuple[bytes, bytes]]

    def one(self, name: bytes) -> bytes:
        """
        Return the value of a header, or nothing, where there is none or are several.
        """
        values = [value for key, value in self.pairs if key.lower() == name]
        return values[0] if len(values) == 1 else b""


async def _body(receive: Receive) -> bytes:
    """
    Return the body, of which no more is read than is answered.
    """
    body, more = b"", True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Problem(400, "malformed")
                body += message.get("body", b"")
                if len(body) > MAX_BODY_BYTES:
                    raise _Problem(413, "too_large")
                more = message.get("more_body", False)
    except TimeoutError:
        raise _Problem(408, "too_slow") from None
    return body


async def _send_problem(send: Send, problem: _Problem) -> None:
    details = {
        "type": "about:blank",
        "title": TITLES[problem.status],
        "status": problem.status,
        "code": problem.code,
    }
    body = json.dumps(details).encode()
    kind = b"application/problem+json"
    await _send(send, problem.status, kind, body, problem.headers)


async def _send(
    send: Send,
    status: int,
    kind: bytes,
    body: bytes,
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    start = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


__all__ = ["Resolver", "ResolverClient"]
