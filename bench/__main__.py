"""
The one command: measure everything, print one report.

    python -m bench               # as text
    python -m bench --markdown    # to paste into docs/benchmarks.md
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.backends.openssl import backend

from bench.calls import call_tables
from bench.comparison import find_peers, peer_table, timed
from bench.envelope import make_bench, size_table, time_table
from bench.growth import (
    FACTS,
    SCOPES,
    STATEMENTS,
    growth_tables,
    measure_growth,
)
from bench.homes import home_tables
from bench.imports import import_tables, measure_imports
from bench.memory import measure_memory, memory_tables
from bench.queues import queue_tables
from bench.table import Table
from bench.timing import measure
from bench.web import STACKS, web_tables
from cxcontext.core.verified_cache import MAX_VERIFIED

DISTRIBUTIONS: Final = ("cxcontext", "cryptography", "cbor2", "attrs", "cattrs")


def _envelope(options: argparse.Namespace) -> list[Table]:
    bench = make_bench()
    peers, absent = find_peers(options.cwt)
    entries = [timed(peer) for peer in peers]
    cases = [*bench.cases, *(case for entry in entries for case in entry.cases)]
    measure(cases, rounds=options.rounds)
    return [time_table(bench), size_table(bench), peer_table(bench, entries, absent)]


def _growth(options: argparse.Namespace) -> list[Table]:
    def up_to(sizes: Sequence[int]) -> list[int]:
        return [size for size in sizes if size <= options.growth_up_to]

    growths = measure_growth(
        rounds=options.growth_rounds,
        statements=up_to(STATEMENTS),
        facts=up_to(FACTS),
        scopes=up_to(SCOPES),
    )
    return growth_tables(growths)


def _import(options: argparse.Namespace) -> list[Table]:
    return import_tables(measure_imports(rounds=options.import_rounds))


def _memory(options: argparse.Namespace) -> list[Table]:
    return memory_tables(measure_memory(statements=options.statements))


def _homes(options: argparse.Namespace) -> list[Table]:
    return home_tables(
        rounds=options.home_rounds,
        resting=options.resting,
        seconds=options.home_seconds,
    )


def _calls(options: argparse.Namespace) -> list[Table]:
    return call_tables(
        rounds=options.call_rounds, rate=options.call_rate, seconds=options.call_seconds
    )


def _web(options: argparse.Namespace) -> list[Table]:
    return web_tables(
        rounds=options.web_rounds,
        seconds=options.web_seconds,
        names=options.web_stacks,
    )


def _queues(options: argparse.Namespace) -> list[Table]:
    return queue_tables(rounds=options.queue_rounds, messages=options.queue_messages)


SECTIONS: Final[dict[str, Callable[[argparse.Namespace], list[Table]]]] = {
    "envelope": _envelope,
    "growth": _growth,
    "import": _import,
    "memory": _memory,
    "homes": _homes,
    "calls": _calls,
    "queues": _queues,
    "web": _web,
}


def circumstances(options: argparse.Namespace) -> Table:
    """
    Return when, where and with what it is measured.
    """
    rows = [
        ["date", f"{datetime.now(UTC):%Y-%m-%d}"],
        ["Python", f"{platform.python_implementation()} {platform.python_version()}"],
        ["machine", f"{os.cpu_count()} x {platform.machine()}, {platform.system()}"],
        ["load before", f"{os.getloadavg()[0]:.2f}"],
        ["OpenSSL", backend.openssl_version_text()],
        *([name, version(name)] for name in DISTRIBUTIONS),
        ["rounds of envelope and peers", str(options.rounds)],
        ["rounds of growth", str(options.growth_rounds)],
        ["rounds of import", str(options.import_rounds)],
    ]
    return Table("Circumstances", ("what", "which"), rows)


def parser() -> argparse.ArgumentParser:
    """
    Return the parser of the command line.
    """
    made = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add: Any = made.add_argument
    add("--rounds", type=int, default=300, help="of the envelope and the peers")
    add("--growth-rounds", type=int, default=15)
    add("--growth-up-to", type=int, default=max(FACTS), help="the largest size")
    add("--import-rounds", type=int, default=31)
    add("--statements", type=int, default=MAX_VERIFIED, help="in the memory's cache")
    add("--home-rounds", type=int, default=40)
    add("--home-seconds", type=float, default=3.0, help="of several processes")
    add("--resting", type=int, default=20_000, help="journeys in each home")
    add("--call-rounds", type=int, default=100, help="of SIP values")
    add("--call-rate", type=int, default=200, help="calls a second")
    add("--call-seconds", type=float, default=30.0, help="of calls through Kamailio")
    add("--web-rounds", type=int, default=15)
    add("--web-seconds", type=float, default=3.0, help="of each turn of a web server")
    add("--web-stacks", nargs="+", choices=STACKS, default=list(STACKS))
    add("--queue-rounds", type=int, default=20)
    add("--queue-messages", type=int, default=10_000, help="in a batch")
    add("--cwt", type=Path, help="where cwt is installed with a cbor2 before 6")
    add("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    add("--markdown", action="store_true", help="tables for docs/benchmarks.md")
    add("--json", type=Path, help="write the tables there, too")
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """
    Measure and print.
    """
    options = parser().parse_args(arguments)
    tables = [circumstances(options)]
    for section in options.only:
        tables += SECTIONS[section](options)
    for table in tables:
        print(table.as_markdown() if options.markdown else table.as_text())
    if options.json:
        found = {t.title: {"head": list(t.head), "rows": list(t.rows)} for t in tables}
        options.json.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
