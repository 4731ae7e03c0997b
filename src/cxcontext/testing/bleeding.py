"""
Two customers at once: neither may ever see what the other said.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias

import attrs

import cxcontext as cx
from cxcontext.testing.canary import shown_in, values_in

Visit: TypeAlias = Callable[[cx.Journey[Any] | None], Any]

# Enough that every way of interleaving two short requests occurs.
ROUNDS: Final = 20
PATIENCE_S: Final = 30.0
HEADER: Final = "Customer-Context"


def bleed_guard(
    visit: Visit,
    one: cx.Journey[Any],
    other: cx.Journey[Any],
    *,
    rounds: int = ROUNDS,
    nobody: bool = False,
) -> None:
    """
    Run the application for two customers at once, and check that they stay apart.

    First they take turns, in one thread or task: what the one leaves behind, the other
    would find. Then they visit at the same time: threads are switched at every call,
    tasks at every ``await``.

    Args:
        visit: The application under test: it is given a journey, or None, and returns
            what that customer gets to see, whatever its type; its ``str`` is looked
            at. A coroutine function is awaited. See `over_asgi` and `over_wsgi`.
        one: A customer, of whom the department recalls something that is of 4
            characters or more and that *other* does not have.
        other: Another one.
        rounds: How often each visits, in either way.
        nobody: Whether somebody without a journey visits, too: ``visit(None)``.

    Raises:
        AssertionError: It names whose field was shown to whom and how they met; never
            the value. Or an answer shows nothing of its own customer, so that nothing
            would be shown by it, or a journey was left bound.

    .. versionadded:: 0.1.0
    """
    __tracebackhide__ = True
    guests = _guests(one, other, nobody=nobody)
    if inspect.iscoroutinefunction(visit) or inspect.iscoroutinefunction(
        getattr(visit, "__call__", None)  # noqa: B004 - to see how it is called
    ):
        problems = asyncio.run(_in_tasks(visit, guests, rounds))
    else:
        problems = _in_turns(visit, guests, rounds) or _in_threads(
            visit, guests, rounds
        )
    if problems:
        lines = "\n  ".join(dict.fromkeys(problems))
        msg = (
            f"customers were mixed up:\n  {lines}\n"
            "  remedy: bind the journey per request (the adapter, or cx.bound) and "
            "keep nothing of it in a module, a class, a thread-local or a cache"
        )
        raise AssertionError(msg)


@attrs.frozen
class _Guest:
    """
    Somebody who visits, with what is theirs and what is not.
    """

    name: str
    journey: cx.Journey[Any] | None
    own: frozenset[str] = attrs.field(repr=False)
    others: dict[str, set[str]] = attrs.field(repr=False)


def _guests(
    one: cx.Journey[Any], other: cx.Journey[Any], *, nobody: bool
) -> list[_Guest]:
    first, second = values_in(one), values_in(other)
    texts = frozenset().union(*first.values()), frozenset().union(*second.values())
    common = texts[0] & texts[1]
    mine = _apart(first, common), _apart(second, common)
    if not all(mine):
        msg = (
            "each customer needs a value of 4 characters or more that the other does "
            "not have; learn one"
        )
        raise AssertionError(msg)
    guests = [
        _Guest("the first customer", one, texts[0] - common, mine[1]),
        _Guest("the second customer", other, texts[1] - common, mine[0]),
    ]
    if nobody:
        both = {
            name: mine[0].get(name, set()) | mine[1].get(name, set())
            for name in (*mine[0], *mine[1])
        }
        guests.append(_Guest("somebody without a journey", None, frozenset(), both))
    return guests


def _apart(said: dict[str, set[str]], common: frozenset[str]) -> dict[str, set[str]]:
    return {name: texts - common for name, texts in said.items() if texts - common}


def _problems(guest: _Guest, answer: object, how: str) -> list[str]:
    text = (
        answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
    )
    problems = [
        f"{field} of another customer was shown to {guest.name}, {how}"
        for field, texts in guest.others.items()
        if shown_in(texts, text)
    ]
    if guest.own and not problems and not shown_in(guest.own, text):
        problems.append(
            f"the answer to {guest.name} shows nothing of theirs, {how}; return "
            "something that the journey recalls, so that there is something to see"
        )
    return problems


def _left_bound(how: str) -> list[str]:
    if cx.current() is None:
        return []
    return [f"a journey was still bound when the visit was over, {how}"]


# --- how they meet -----------------------------------------------------------------


def _in_turns(visit: Visit, guests: list[_Guest], rounds: int) -> list[str]:
    """
    All in one thread that has seen nobody before.
    """

    def work() -> list[str]:
        found: list[str] = []
        for _ in range(rounds):
            for guest in guests:
                found += _problems(guest, visit(guest.journey), "one after the other")
                found += _left_bound("in the thread")
        return found

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def _in_threads(visit: Visit, guests: list[_Guest], rounds: int) -> list[str]:
    meeting = threading.Barrier(len(guests))

    def work(guest: _Guest) -> list[str]:
        found: list[str] = []
        # A profiler, not a tracer: coverage and debuggers go on working.
        before = sys.getprofile()
        for _ in range(rounds):
            meeting.wait(PATIENCE_S)
            sys.setprofile(_give_way)
            try:
                answer = visit(guest.journey)
            finally:
                sys.setprofile(before)
            found += _problems(guest, answer, "at the same time in two threads")
        return found

    with ThreadPoolExecutor(len(guests)) as pool:
        return [line for lines in pool.map(work, guests) for line in lines]


def _give_way(_frame: Any, event: str, _argument: Any) -> None:
    if event == "call":
        time.sleep(0)


async def _in_tasks(visit: Visit, guests: list[_Guest], rounds: int) -> list[str]:
    found: list[str] = []
    for _ in range(rounds):
        for guest in guests:
            answer = await visit(guest.journey)
            found += _problems(guest, answer, "one after the other")
            found += _left_bound("in the task")
    if found:
        return found
    for _ in range(rounds):
        answers = await asyncio.gather(*(visit(guest.journey) for guest in guests))
        for guest, answer in zip(guests, answers, strict=True):
            found += _problems(guest, answer, "at the same time in two tasks")
    return found


# --- applications ------------------------------------------------------------------


def over_asgi(
    app: Callable[..., Awaitable[None]],
    *,
    to: str,
    path: str = "/",
    method: str = "GET",
    name: str = HEADER,
) -> Callable[[cx.Journey[Any] | None], Awaitable[str]]:
    """
    Return visits to an ASGI application, for `bleed_guard`.

    Each is a request with the journey in a header, and returns headers and body.
    Requests are interleaved wherever the application waits, and where it receives
    and sends.

    Args:
        app: The application, with the middleware around it.
        to: Which department it is.
        path: Whom to visit.
        method: How.
        name: The header's name.

    .. versionadded:: 0.1.0
    """

    async def visit(journey: cx.Journey[Any] | None) -> str:
        parts: list[bytes] = []

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            await asyncio.sleep(0)
            parts.extend(b": ".join(pair) for pair in message.get("headers", ()))
            parts.append(message.get("body", b""))

        headers = [(b"host", b"shop.example")]
        if journey is not None:
            value = str(journey.hand_over(to)).encode("ascii")
            headers.append((name.lower().encode("ascii"), value))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": path,
            "raw_path": path.encode("ascii"),
            "query_string": b"",
            "root_path": "",
            "headers": headers,
            "client": ("192.0.2.1", 50000),
            "server": ("shop.example", 443),
        }
        await app(scope, receive, send)
        return b"\n".join(parts).decode("utf-8", "replace")

    return visit


def over_wsgi(
    app: Callable[..., Iterable[bytes]],
    *,
    to: str,
    path: str = "/",
    method: str = "GET",
    name: str = HEADER,
) -> Callable[[cx.Journey[Any] | None], str]:
    """
    Return visits to a WSGI application, for `bleed_guard`; arguments as `over_asgi`.

    .. versionadded:: 0.1.0
    """

    def visit(journey: cx.Journey[Any] | None) -> str:
        parts: list[bytes] = []

        def start_response(
            _status: str, headers: list[tuple[str, str]], _exc_info: Any = None
        ) -> Callable[[bytes], None]:
            parts.extend(": ".join(pair).encode("latin-1") for pair in headers)
            return parts.append

        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "shop.example",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "shop.example",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        if journey is not None:
            key = f"HTTP_{name.upper().replace('-', '_')}"
            environ[key] = str(journey.hand_over(to))
        body = app(environ, start_response)
        try:
            parts.extend(body)
        finally:
            if close := getattr(body, "close", None):
                close()
        return b"\n".join(parts).decode("utf-8", "replace")

    return visit
