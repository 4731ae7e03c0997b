"""
Memory: what a web server holds on to, over a million requests of 100,000 journeys.

By hand, for it takes a quarter of an hour or more:

    python -m bench.soak                      # Starlette on uvicorn
    python -m bench.soak --requests 20000 --journeys 2000

Each request brings an envelope that was never seen, of a journey that came some times
before: a new delivery of the same statement, signed on the spot. Journeys end and others
begin, so that a thousand are going on at any time. The clock is the real one: deliveries
are forgotten as they expire. The server reads a fact, and sometimes learns one and answers
with it.
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import cxcontext as cx
from bench.servers import free_port, resident_bytes, running
from bench.table import Table, number
from cxcontext.core.keygen import generate_keys
from cxcontext.web.asgi import CustomerContextMiddleware

DOMAIN: Final = "shop.example"
DEPARTMENTS: Final = ("sales", "billing")
STEPS: Final = 10
AT_ONCE: Final = 1000
CLIENTS: Final = 2
# Sealing what was learned takes the server longer than all the rest.
LEARNS_ONE_IN: Final = 10


class Shop(cx.Vocabulary, revision=1):
    """
    A name and an email address.
    """

    contact = cx.Scope(1, readers=set(DEPARTMENTS))
    full_name = cx.Field(1, str, scope=contact)
    email = cx.Field(2, str, scope=contact)


def _department(directory: Path, name: str) -> cx.Department[Shop]:
    public = cx.KeySet.load(directory / "public.json")
    domain = cx.TrustDomain(DOMAIN, Shop, keys=public)
    return domain.department(name, keys=cx.PrivateKeys.load(directory / f"{name}.json"))


async def _hello(_request: Request) -> PlainTextResponse:
    journey = cx.require_current()
    name = journey.recall(Shop.full_name)
    if secrets.randbelow(LEARNS_ONE_IN) == 0:
        journey.learn(Shop.email, "ada@example.com")
    return PlainTextResponse(f"hello {name}")


def make_app() -> Starlette:
    """
    Return the server's application.
    """
    app = Starlette(routes=[Route("/", _hello)])
    billing = _department(Path(os.environ["BENCH_KEYS"]), "billing")
    app.add_middleware(
        CustomerContextMiddleware,
        propagator=cx.Propagator(billing),
        required=lambda scope: scope["type"] == "http",
        returns=True,
    )
    return app


def _journeys(
    sales: cx.Department[Shop], journeys: int, each: int, order: random.Random
) -> Generator[cx.Journey[Shop]]:
    """
    Yield *journeys* journeys, each *each* times, of which many go on at once.
    """
    going: list[list[Any]] = []
    begun = 0
    while begun < journeys or going:
        while begun < journeys and len(going) < AT_ONCE // CLIENTS:
            journey = sales.begin(channel="web")
            journey.learn(Shop.full_name, f"Customer {order.randrange(10**6)}")
            going.append([journey, each])
            begun += 1
        at = order.randrange(len(going))
        yield going[at][0]
        going[at][1] -= 1
        if not going[at][1]:
            going[at] = going[-1]
            going.pop()


def _ask(directory: Path, port: int, requests: int, journeys: int, seed: int) -> None:
    """
    Be one client: ask, and check each answer.
    """
    sales = _department(directory, "sales")
    order = random.Random(seed)  # noqa: S311 - whose turn it is
    each = requests // journeys
    with closing(socket.create_connection(("127.0.0.1", port))) as connection:
        for journey in _journeys(sales, journeys, each, order):
            value = str(journey.hand_over("billing"))
            head = f"GET / HTTP/1.1\r\nHost: shop.example\r\nCustomer-Context: {value}"
            connection.sendall(f"{head}\r\n\r\n".encode())
            answer = b""
            while b"hello Customer" not in answer:
                more = connection.recv(65536)
                if not more or b" 400 " in answer:
                    raise RuntimeError(f"not what was to be measured: {answer[:200]!r}")
                answer += more
            sys.stdout.write(".")


def _report(port: int, process: int, requests: int, journeys: int) -> list[list[str]]:
    """
    Let the clients ask, and note the server's memory at every tenth of the way.
    """
    rows = [["0", number(resident_bytes(process) / 1e6)]]
    served, lock = [0], threading.Lock()

    def count(client: subprocess.Popen[bytes]) -> None:
        assert client.stdout is not None  # noqa: S101 - it is a pipe
        while dots := os.read(client.stdout.fileno(), 65536):
            with lock:
                before, served[0] = served[0], served[0] + len(dots)
                if served[0] * STEPS // requests > before * STEPS // requests:
                    rows.append(
                        [f"{served[0]:,}", number(resident_bytes(process) / 1e6)]
                    )
                    print(*rows[-1], flush=True)

    clients = [
        subprocess.Popen(  # noqa: S603 - this program
            [
                *(sys.executable, "-m", "bench.soak", "--port", str(port)),
                *("--requests", str(requests // CLIENTS)),
                *("--journeys", str(journeys // CLIENTS), "--seed", str(seed)),
            ],
            stdout=subprocess.PIPE,
        )
        for seed in range(CLIENTS)
    ]
    threads = [threading.Thread(target=count, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if any(client.wait() for client in clients) or served[0] != requests:
        raise RuntimeError(f"{served[0]} of {requests} were served")
    return rows


def soak(*, requests: int, journeys: int) -> Table:
    """
    Return what the server's resident set was, every tenth of the way.
    """
    ring = generate_keys(
        domain=DOMAIN,
        departments=dict.fromkeys(DEPARTMENTS, False),
        readers={1: DEPARTMENTS},
        now=datetime.now(UTC),
    )
    with tempfile.TemporaryDirectory() as name:
        directory, port = Path(name), free_port()
        (directory / "public.json").write_text(ring.public.to_json())
        for department in DEPARTMENTS:
            own = directory / f"{department}.json"
            own.write_text(ring.private[department].to_json())
            own.chmod(0o600)
        os.environ["BENCH_KEYS"] = name
        command = [sys.executable, "-m", "uvicorn", "--factory", "bench.soak:make_app"]
        command += ["--port", str(port), "--no-access-log"]
        with running(command, port, {}) as process:
            rows = _report(port, process, requests, journeys)
    title = f"Memory of a web server: {requests:,} requests of {journeys:,} journeys"
    return Table(title, ("requests", "resident MB"), rows)


def main() -> None:
    """
    Be the whole of it, or, with a port, one of its clients.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--journeys", type=int, default=100_000)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=1, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.port is None:
        print(soak(requests=given.requests, journeys=given.journeys).as_text())
        return
    keys = Path(os.environ["BENCH_KEYS"])
    _ask(keys, given.port, given.requests, given.journeys, given.seed)


if __name__ == "__main__":
    main()
