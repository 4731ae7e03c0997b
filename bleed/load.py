"""
The clients: many at once on connections that are kept, each as another customer.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import aiohttp
import attrs

from bleed import NOBODY
from bleed.shop import name_of

CLIENTS: Final = 64
TURNS: Final = 5
GIVE_UP_S: Final = 0.01
# One in so many requests brings no journey.
WITHOUT: Final = 8


@attrs.define
class Seen:
    """
    What the clients saw.

    Attributes:
        requests: By way, how many were made; of a web socket each turn.
        wrong: Answers that named another customer, or failed.
    """

    requests: Counter[str] = attrs.field(factory=Counter)
    wrong: list[str] = attrs.field(factory=list)


async def ask(
    origin: str,
    ways: Sequence[str],
    envelopes: Mapping[str, str],
    *,
    requests: int,
    seed: int,
) -> tuple[Seen, dict[str, Any]]:
    """
    Make so many requests, and return what clients and server saw.
    """
    seen = Seen()
    connector = aiohttp.TCPConnector(limit=CLIENTS)
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(
        origin, connector=connector, timeout=timeout
    ) as session:
        work = _work(ways, list(envelopes), requests, random.Random(seed))  # noqa: S311

        async def client() -> None:
            for way, number in work:
                value = envelopes.get(number)
                headers = {} if value is None else {"Customer-Context": value}
                seen.requests[way] += TURNS if way == "chat" else 1
                try:
                    await _one(session, way, number, headers, seen)
                except (aiohttp.ClientError, TimeoutError) as problem:
                    seen.wrong.append(f"{way}: {type(problem).__name__}")

        async with asyncio.TaskGroup() as clients:
            for _ in range(CLIENTS):
                clients.create_task(client())
        while True:
            async with session.get("/witness") as response:
                report: dict[str, Any] = await response.json()
            if not report["lingering"]:
                return seen, report
            await asyncio.sleep(0.05)


def _work(
    ways: Sequence[str], numbers: list[str], requests: int, choose: random.Random
) -> Iterator[tuple[str, str]]:
    made = 0
    while made < requests:
        way = choose.choice(ways)
        made += TURNS if way == "chat" else 1
        without = choose.randrange(WITHOUT) == 0
        yield way, NOBODY if without else choose.choice(numbers)


async def _one(
    session: aiohttp.ClientSession,
    way: str,
    number: str,
    headers: dict[str, str],
    seen: Seen,
) -> None:
    expected = NOBODY if number == NOBODY else name_of(number)
    path = f"/{way}/{number}"
    if way == "chat":
        async with session.ws_connect(path, headers=headers) as socket:
            for _ in range(TURNS):
                await socket.send_str("?")
                _compare(way, expected, await socket.receive_str(), seen)
        return
    if way.startswith("slow"):
        # The connection is closed under the handler.
        try:
            async with asyncio.timeout(GIVE_UP_S), session.get(path, headers=headers):
                seen.requests["answered before it was given up"] += 1
        except TimeoutError:
            pass
        return
    async with session.get(path, headers=headers) as response:
        text = await response.text()
        if response.status != 200:
            seen.wrong.append(f"{way}: {response.status}")
            return
        for line in text.splitlines():
            _compare(way, expected, line, seen)


def _compare(way: str, expected: str, found: str, seen: Seen) -> None:
    if expected != found:
        seen.wrong.append(f"{way}: expected {expected}, found {found}")
