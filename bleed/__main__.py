"""
Looks for strangers: `python -m bleed [SERVER ...] [--requests N] [--customers N]`.

Each server runs in a process of its own, by its own program, and gets an equal share
of the requests, one server after the other. It ends with 1 if anybody saw another's
journey, did not see the own one, or was not answered.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bleed import KEYS_VARIABLE, ROOT
from bleed.load import ask
from bleed.shop import envelopes, make_keys

_THREADS: Final = ("in_a_thread", "stream_in_a_thread", "background_in_a_thread")
_TASKS: Final = ("plain", "tasks", "threads", "stream", "background", "slow")
# By server, the ways in which it is asked.
SERVERS: Final[dict[str, tuple[str, ...]]] = {
    "starlette": (*_TASKS, *_THREADS, "chat"),
    "flask": ("plain", "threads", "stream", "background", "slow"),
    "django_wsgi": (*_THREADS, "slow_in_a_thread"),
    "django_asgi": (*_TASKS, *_THREADS),
    "aiohttp": (*_TASKS, "chat"),
}
PATIENCE_S: Final = 60


def command(server: str, port: int) -> list[str]:
    """
    Return the program that starts a server, as its users start it.
    """
    uvicorn = ["uvicorn", "--port", str(port), "--log-level", "error"]
    # One process, so that there is one witness; the control socket is a file at home.
    gunicorn = ["gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"]
    gunicorn += ["--threads", "32", "--log-level", "critical", "--no-control-socket"]
    arguments = {
        "starlette": [*uvicorn, "bleed.starlette_app:app"],
        "flask": [*gunicorn, "bleed.flask_app:app"],
        "django_wsgi": [*gunicorn, "bleed.django_app:wsgi"],
        "django_asgi": [*uvicorn, "bleed.django_app:asgi"],
        "aiohttp": ["bleed.aiohttp_app", str(port)],
    }
    return [sys.executable, "-m", *arguments[server]]


@contextmanager
def serving(server: str, keys: Path) -> Iterator[str]:
    """
    Start a server, and give its origin.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603 - our own program
        command(server, port),
        cwd=ROOT,
        env=os.environ | {KEYS_VARIABLE: str(keys)},
    )
    try:
        for _ in range(PATIENCE_S * 20):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def main() -> int:
    """
    Run what was asked for, and print what was seen.
    """
    parser = argparse.ArgumentParser(prog="python -m bleed")
    parser.add_argument("servers", nargs="*", metavar="SERVER", default=[*SERVERS])
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--customers", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if unknown := set(arguments.servers) - SERVERS.keys():
        parser.error(f"no server {', '.join(unknown)}; there are {', '.join(SERVERS)}")
    share = -(-arguments.requests // len(arguments.servers))
    bad = 0
    with tempfile.TemporaryDirectory() as directory:
        keys = Path(directory)
        make_keys(keys)
        made = envelopes(arguments.customers, keys)
        for server in arguments.servers:
            began = time.monotonic()
            with serving(server, keys) as origin:
                seen, report = asyncio.run(
                    ask(
                        origin,
                        SERVERS[server],
                        made,
                        requests=share,
                        seed=arguments.seed,
                    )
                )
            answered = seen.requests.pop("answered before it was given up", 0)
            print(
                f"{server:<12} {seen.requests.total():>7,} requests  "
                f"{report['checks']:>9,} looks  {len(report['strangers'])} strangers  "
                f"{len(report['missed'])} missed  {len(seen.wrong)} wrong answers  "
                f"{time.monotonic() - began:>5.0f} s",
                flush=True,
            )
            print(f"{'':<12} {_ways(seen.requests)}; {answered} not given up in time")
            for found in (*report["strangers"], *report["missed"], *seen.wrong[:20]):
                print(f"{'':<12} ! {found}")
            bad += len(report["strangers"]) + len(report["missed"]) + len(seen.wrong)
    return 1 if bad else 0


def _ways(requests: dict[str, int]) -> str:
    return ", ".join(f"{way} {count:,}" for way, count in sorted(requests.items()))


if __name__ == "__main__":
    sys.exit(main())
