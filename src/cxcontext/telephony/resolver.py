"""
The resolver: a journey for platforms that can only make an HTTP request.

An ASGI application for Genesys data actions, Twilio Studio, LiveKit, jambonz and voice
bots: it redeems a reference, a handover code or a call's ids, and answers with what the
asking department may see (`view`). It is no public service: run it behind TLS where
only the platforms reach it.

Only POST redeems, for a GET is fetched again by whoever finds its address. Problems are
those of RFC 9457; ``code`` says which.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from hashlib import sha256
from typing import Any, ClassVar, Final, TypeAlias

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
from cxcontext.homes import (
    AsyncCodes,
    AsyncCorrelations,
    AsyncReferences,
    CallKey,
    Codes,
    Correlations,
    Found,
    Redeemed,
    References,
)
from cxcontext.pickling import NotPicklable
from cxcontext.steps import call_async
from cxcontext.telephony.resolver_openapi import (
    BODY_SECONDS,
    MAX_BODY_BYTES,
    PATH,
    TITLES,
    document,
)
from cxcontext.telephony.resolver_request import Ask, BadRequest, parse
from cxcontext.telephony.view import view

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

MIN_KEY_CHARS: Final = 32
_OPENAPI_PATH: Final = "/openapi.json"


def _digest(key: str) -> bytes:
    if not isinstance(key, str) or len(key) < MIN_KEY_CHARS or not key.isascii():
        msg = "a resolver's key is 32 ASCII characters or more: secrets.token_urlsafe()"
        raise UsageError(msg)
    return sha256(key.encode()).digest()


@attrs.frozen(repr=False)
class ResolverClient(NotPicklable):
    """
    One platform that may ask, and for which department.

    Args:
        name: What to call it. The same call id of two clients is two calls.
        key: Its bearer key: 32 characters or more, of which a hash is kept.
        department: Whose view it gets; whoever has the key sees as much.

    Raises:
        UsageError: When the key is too short.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "make it anew where it is used"

    name: str
    _digest: bytes = attrs.field(alias="key", converter=_digest, kw_only=True)
    department: cx.Department[Any] = attrs.field(kw_only=True)

    def __repr__(self) -> str:
        return f"<ResolverClient {self.name} for {self.department.name}>"

    def has(self, digest: bytes) -> bool:
        """
        Whether *digest* is that of its key. Takes as long whatever it is.
        """
        return hmac.compare_digest(self._digest, digest)


@attrs.define
class _Bucket:
    """
    How many requests one client may still make; it fills up again evenly.
    """

    left: float
    at_s: float

    def take(self, *, per_minute: int, now_s: float) -> float:
        """
        Take one, and return 0; or return after how many seconds there is one.
        """
        gained = (now_s - self.at_s) * per_minute / 60
        self.left, self.at_s = min(per_minute, self.left + gained), now_s
        if self.left >= 1:
            self.left -= 1
            return 0
        return (1 - self.left) * 60 / per_minute


class _Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """
    An answer that is no view.
    """

    def __init__(self, status: int, code: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(status, code)
        self.status, self.code, self.headers = status, code, headers


class Resolver:
    """
    Redeems what a call brings, for whoever has a key.

    Args:
        clients: Who may ask.
        references: Where references are redeemed.
        codes: Where handover codes are; none are taken, unless given.
        correlations: Where call ids are; none are taken, unless given.
        arrival: How what comes has reached us: `Arrival.POSSESSION`, for a header's
            value is anybody's to write. `Arrival.DELIVERY` only where no caller can
            put a reference there.
        channel: Through which channel the customer is here.
        requests_per_minute: How many each client may make.
        clock: Returns seconds that never go back.

    Raises:
        UsageError: When there are no clients, or two of one name.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        clients: Sequence[ResolverClient],
        *,
        references: References | AsyncReferences,
        codes: Codes | AsyncCodes | None = None,
        correlations: Correlations | AsyncCorrelations | None = None,
        arrival: cx.Arrival = cx.Arrival.POSSESSION,
        channel: str = "voice",
        requests_per_minute: int = 600,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not clients or len({client.name for client in clients}) != len(clients):
            raise UsageError("a resolver has clients, each with a name of its own")
        if requests_per_minute < 1:
            raise UsageError("requests_per_minute is 1 or more")
        self._clients = tuple(clients)
        self._references, self._codes = references, codes
        self._correlations = correlations
        self._arrival, self._channel = arrival, channel
        self._per_minute, self._clock = requests_per_minute, clock
        now_s = clock()
        self._buckets = {
            client.name: _Bucket(requests_per_minute, now_s) for client in clients
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
        if path != PATH:
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
        if headers.one(b"content-type").partition(b";")[0].strip().lower() != (
            b"application/json"
        ):
            raise _Problem(415, "not_json")
        try:
            ask = parse(await _body(receive), vocabulary=client.department.vocabulary)
        except BadRequest as wrong:
            raise _Problem(wrong.status, wrong.code) from None
        return json.dumps(await self._resolve(ask, client), allow_nan=False).encode()

    def _client(self, headers: _Headers) -> ResolverClient:
        scheme, _, key = headers.one(b"authorization").partition(b" ")
        digest = sha256(key.strip()).digest()
        # All of them, so that the time says nothing of which one is nearly right.
        found = [client for client in self._clients if client.has(digest)]
        if scheme.lower() != b"bearer" or not found:
            challenge = (b"www-authenticate", b'Bearer realm="cxcontext"')
            raise _Problem(401, "unauthorised", challenge)
        return found[0]

    async def _resolve(self, ask: Ask, client: ResolverClient) -> Mapping[str, Any]:
        began_s = time.monotonic()
        try:
            text = await self._reference(ask, client)
            redeemed: Redeemed = await call_async(
                self._references.redeem,
                text,
                department=client.department,
                lease=_lease(client, ask.call),
                channel=self._channel,
                arrival=self._arrival,
            )
        except (CodeRefusedError, LongerCodeError) as refused:
            # So that the time does not say whether it was ever there.
            passed_s = time.monotonic() - began_s
            await asyncio.sleep(max(0.0, refused.answer_after_s - passed_s))
            raise _Problem(404, refused.code) from None
        except TriesExhaustedError as refused:
            raise _Problem(403, refused.code) from None
        except VerificationError as refused:
            raise _Problem(404, refused.code) from None
        except UnavailableError:
            raise _Problem(503, "unavailable", (b"retry-after", b"1")) from None
        answer = view(redeemed.journey, department=client.department, fields=ask.fields)
        return {**answer, "replayed": redeemed.journey.replayed}

    async def _reference(self, ask: Ask, client: ResolverClient) -> str | bytes:
        if ask.reference is not None:
            return ask.reference
        if ask.code is not None:
            if self._codes is None:
                raise _Problem(404, "no_codes_here")
            try:
                raw: bytes = await call_async(
                    self._codes.redeem,
                    ask.code,
                    line=ask.line,
                    call=_lease(client, ask.call),
                    caller=ask.caller,
                )
            except UsageError:
                # A line of nothing but blanks.
                raise _Problem(404, "no_such_line") from None
            return raw
        if self._correlations is None:
            raise _Problem(404, "no_call_ids_here")
        return await self._correlated(ask.keys)

    async def _correlated(self, keys: Sequence[CallKey]) -> bytes:
        assert self._correlations is not None  # noqa: S101 - asked just before
        references = set()
        for key in keys:
            found: Found[bytes] = await call_async(self._correlations.resolve, key)
            if found.conflict:
                raise _Problem(409, "conflict")
            if found.reference is not None:
                references.add(found.reference)
        if len(references) > 1:
            # To choose would show one customer another's journey.
            raise _Problem(409, "conflict")
        if not references:
            raise _Problem(404, "not_found")
        return references.pop()


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
