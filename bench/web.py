"""
Web servers: what the middleware costs of a request, beside nothing and OpenTelemetry.

The servers are real, each a process with one worker, and so is the load: wrk, over
connections that are kept. All are up at the same time and take turns, in random order,
round by round. Requests per second are counted by the server's own processor time, as
everything here: what a busy machine does besides does not count.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import attrs

from bench.crypto import Operations, Raw
from bench.payload import Ring, Shop, fill
from bench.servers import free_port, processor_s, running
from bench.table import Table, number, verdict
from bench.timing import Case

SAME_AT_MOST: Final = 0.25
NEW_AT_MOST: Final = 1.4
# More than the cache of verified statements holds, so that none is seen before.
FRESH: Final = 12_000
CONNECTIONS: Final = 8
_GUNICORN: Final = ("gunicorn", "--keep-alive", "60", "--no-control-socket", "-b")
# Each with its name, its application, and its command before and after the address.
STACKS: Final = {
    "uvicorn": (
        "Starlette, uvicorn with httptools and uvloop",
        "starlette",
        ("uvicorn", "--no-access-log", "--port"),
        (),
    ),
    "uvicorn-h11": (
        "Starlette, uvicorn with h11 and asyncio",
        "starlette",
        ("uvicorn", "--no-access-log", "--port"),
        ("--http", "h11", "--loop", "asyncio"),
    ),
    "gunicorn-uvicorn": (
        "Starlette, gunicorn with uvicorn's worker",
        "starlette",
        _GUNICORN,
        ("-k", "uvicorn_worker.UvicornWorker"),
    ),
    "gunicorn": (
        "Flask, gunicorn with threads",
        "flask",
        _GUNICORN,
        ("-k", "gthread", "--threads", "2"),
    ),
}
# What is asked of each: the server's variant, and which envelopes come.
KINDS: Final = {
    "plain": ("plain", "same"),
    "same": ("ours", "same"),
    "new": ("ours", "new"),
    "OpenTelemetry": ("otel", "same"),
}

# wrk starts anew for each turn, so it is told where the last one ended.
_SCRIPT: Final = """
local values, at = {}, tonumber(os.getenv("BENCH_START"))
for line in io.lines(os.getenv("BENCH_VALUES")) do values[#values + 1] = line end
function request()
  at = at % #values + 1
  return wrk.format("GET", "/", {["Customer-Context"] = values[at]})
end
function done(summary)
  local e = summary.errors
  print("requests " .. summary.requests)
  print("errors " .. e.connect + e.read + e.write + e.status + e.timeout)
end
"""


@attrs.define
class Turns:
    """
    One server under one kind of load.

    Args:
        port: Where it listens.
        process: The server's process, whose children count.
        values: A file with an envelope a line.
        us: Processor time per request, a figure a turn.
        per_s: Requests per second by the clock on the wall.
    """

    port: int
    process: int
    values: Path
    start: int = 0
    us: list[float] = attrs.field(factory=list)
    per_s: list[float] = attrs.field(factory=list)

    def take(self, wrk: str, script: Path, seconds: float) -> None:
        """
        Load it for a while.
        """
        before, began = processor_s(self.process), time.perf_counter()
        done = subprocess.run(  # noqa: S603 - wrk, and a script of ours
            [
                *(wrk, "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s"),
                *("-s", str(script), f"http://127.0.0.1:{self.port}/"),
            ],
            env=os.environ
            | {"BENCH_VALUES": str(self.values), "BENCH_START": str(self.start)},
            capture_output=True,
            text=True,
            check=True,
        )
        elapsed = time.perf_counter() - began
        found = {
            k: int(n)
            for k, n in re.findall(r"^(\w+) (\d+)$", done.stdout, re.MULTILINE)
        }
        if found["errors"] or not found["requests"]:
            msg = f"not what was to be measured:\n{done.stdout}"
            raise RuntimeError(msg)
        # Those on their way were asked for, too.
        self.start += found["requests"] + 2 * CONNECTIONS
        used = processor_s(self.process) - before
        self.us.append(used / found["requests"] * 1e6)
        self.per_s.append(found["requests"] / elapsed)


@contextmanager
def _server(name: str, variant: str, directory: Path) -> Generator[tuple[int, int]]:
    _, app, before, after = STACKS[name]
    port = free_port()
    where = str(port) if before[0] == "uvicorn" else f"127.0.0.1:{port}"
    command = [sys.executable, "-m", *before, where, *after, f"bench.web_app:{app}"]
    environment = {"BENCH_VARIANT": variant, "BENCH_KEYS": str(directory)}
    with running(command, port, environment) as process:
        yield port, process


def measure_web(
    *, rounds: int, seconds: float, names: Sequence[str]
) -> tuple[dict[str, dict[str, Turns]], Case]:
    """
    Return the turns of each stack by kind, and the cryptography of a new envelope.

    Raises:
        LookupError: When wrk is not installed.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise LookupError("wrk is not installed")
    ring = Ring(Shop)
    care = ring.department("care")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        directory = Path(name)
        ring.save(directory, "billing")
        envelopes = [
            fill(care.begin(channel="chat")).hand_over("billing")
            for _ in range(FRESH if seconds >= 1 else 50)
        ]
        files = {"same": directory / "same", "new": directory / "new"}
        files["same"].write_text(f"{envelopes[0]}\n")
        files["new"].write_text("".join(f"{envelope}\n" for envelope in envelopes))
        script = directory / "load.lua"
        script.write_text(_SCRIPT)
        raw = Case(
            "2 verifications",
            Raw(envelopes[0]).job(Operations(verifications=2)),
            batch=50,
        )
        turns: dict[str, dict[str, Turns]] = {}
        for stack_name in names:
            up = {
                variant: stack.enter_context(_server(stack_name, variant, directory))
                for variant in ("plain", "ours", "otel")
            }
            turns[stack_name] = {
                kind: Turns(*up[variant], files[values])
                for kind, (variant, values) in KINDS.items()
            }
        _take_turns(turns, raw, wrk, script, rounds=rounds, seconds=seconds)
    return turns, raw


def _take_turns(
    turns: dict[str, dict[str, Turns]],
    raw: Case,
    wrk: str,
    script: Path,
    *,
    rounds: int,
    seconds: float,
) -> None:
    order = random.Random(1)  # noqa: S311 - the order of the turns
    every = [turn for kinds in turns.values() for turn in kinds.values()]
    for done in range(rounds + 1):
        order.shuffle(every)
        for turn in every:
            turn.take(wrk, script, seconds)
            raw.measure_once()
        if done == 0:
            for turn in every:
                turn.us.clear()
                turn.per_s.clear()
            raw.seconds.clear()


def web_tables(
    *, rounds: int, seconds: float, names: Sequence[str] = tuple(STACKS)
) -> list[Table]:
    """
    Return the tables of the web servers.
    """
    title = "Web servers: one route"
    try:
        turns, raw = measure_web(rounds=rounds, seconds=seconds, names=names)
    except LookupError as problem:
        return [Table(title, ("what", "which"), [["absent", str(problem)]])]
    crypto_us = raw.median_us
    return [
        Table(
            f"{title}, {STACKS[name][0]}",
            (
                "",
                "us a request",
                "requests a second",
                "by the clock",
                "costs",
                "at most",
                "",
            ),
            _rows(kinds, crypto_us),
            [
                f"the cryptography of a new envelope, 2 verifications: {number(crypto_us)} us"
            ],
        )
        for name, kinds in turns.items()
    ]


def _rows(kinds: dict[str, Turns], crypto_us: float) -> list[Sequence[str]]:
    us = {kind: statistics.median(turns.us) for kind, turns in kinds.items()}
    plain, otel = us["plain"], us["OpenTelemetry"]
    share = {kind: 1 - plain / found for kind, found in us.items()}
    times = (us["new"] - plain) / crypto_us
    said = {
        "plain": ["", "", ""],
        "same": [
            f"{share['same']:.1%}",
            f"{SAME_AT_MOST:.0%}, and OpenTelemetry's",
            verdict(share["same"], min(SAME_AT_MOST, share["OpenTelemetry"])),
        ],
        "new": [
            f"{times:.2f} x cryptography",
            f"{NEW_AT_MOST} x, and OpenTelemetry's",
            verdict(max(times / NEW_AT_MOST, (us["new"] - plain) / (otel - plain)), 1),
        ],
        "OpenTelemetry": [f"{share['OpenTelemetry']:.1%}", "", ""],
    }
    names = {
        "plain": "without",
        "same": "ours, the same envelope again",
        "new": "ours, a new envelope each",
        "OpenTelemetry": "OpenTelemetry's instrumentation",
    }
    return [
        [
            names[kind],
            number(found),
            number(1e6 / found),
            number(statistics.median(kinds[kind].per_s)),
            *said[kind],
        ]
        for kind, found in us.items()
    ]
