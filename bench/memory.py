"""
Memory: what a cache of verified statements holds on to.

Run by itself, as ``python -m bench.memory``, so that nothing else is in its process.
Every statement is the payload's, of a journey of its own, and was verified by
receiving it. First the resident set is compared before and after; then the same is
done again in a new department under tracemalloc, which sees each allocation.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any, Final

import attrs

import cxcontext as cx
from bench.payload import Ring, Shop, fill
from bench.table import Table, verdict
from cxcontext.core.verified_cache import MAX_VERIFIED

AT_MOST_MB: Final = 40.0
TOP: Final = 8
_MB: Final = 1e6


@attrs.frozen(kw_only=True)
class Memory:
    """
    What was measured.

    Args:
        statements: How many the cache held.
        allocated_bytes: What tracemalloc saw become free when it was cleared.
        resident_bytes: By how much the resident set grew; None where the system
            does not say.
        beside_bytes: What receiving them left elsewhere, as tracemalloc saw it.
        by_line: The most of it, by the line that allocated it.
    """

    statements: int
    allocated_bytes: int
    resident_bytes: int | None
    beside_bytes: int
    by_line: dict[str, int]


def measure_memory(*, statements: int = MAX_VERIFIED) -> Memory:
    """
    Return what a process of its own measured.
    """
    options = ["--statements", str(statements)]
    done = subprocess.run(  # noqa: S603 - this module itself
        [sys.executable, "-m", "bench.memory", *options],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    return Memory(**json.loads(done.stdout))


def _receive_all(department: cx.Department[Any], texts: list[str]) -> None:
    for text in texts:
        department.receive(text)
    # What was opened a moment ago is another cache, of 256 envelopes.
    department.forget_recent()
    gc.collect()


def _resident_bytes() -> int | None:
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _measure(statements: int) -> Memory:
    ring = Ring(Shop)
    care = ring.department("care")
    texts = [
        str(fill(care.begin(channel="voice")).hand_over("billing"))
        for _ in range(statements)
    ]
    domain, billing = ring.domain_and_department("billing")
    billing.receive(texts[0])
    gc.collect()
    before = _resident_bytes()
    _receive_all(billing, texts)
    after = _resident_bytes()
    held = len(domain.verified)
    if held != statements:
        msg = f"the cache holds {held} statements, not {statements}"
        raise RuntimeError(msg)
    del domain, billing

    domain, billing = ring.domain_and_department("billing")
    tracemalloc.start()
    _receive_all(billing, texts)
    full, _ = tracemalloc.get_traced_memory()
    snapshot = tracemalloc.take_snapshot()
    domain.verified.clear()
    gc.collect()
    rest, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    root = Path(__file__).parents[1]
    by_line = {
        _place(stat.traceback[0], root): stat.size
        for stat in snapshot.statistics("lineno")[:TOP]
    }
    return Memory(
        statements=statements,
        allocated_bytes=full - rest,
        resident_bytes=None if before is None or after is None else after - before,
        beside_bytes=rest,
        by_line=by_line,
    )


def _place(frame: tracemalloc.Frame, root: Path) -> str:
    path = Path(frame.filename)
    # Where the machine keeps its files is nobody's business.
    shown = path.relative_to(root) if path.is_relative_to(root) else path.name
    return f"{shown}:{frame.lineno}"


def memory_tables(memory: Memory) -> list[Table]:
    """
    Return the figures, and which lines allocated the most.
    """
    per_statement = memory.allocated_bytes / memory.statements
    # The target is for the full cache; a smaller one is scaled, and says so.
    scale = MAX_VERIFIED / memory.statements
    rows: list[list[str]] = []
    for how, size in (
        ("tracemalloc", memory.allocated_bytes),
        ("resident set", memory.resident_bytes),
    ):
        if size is None:
            rows.append([how, "not known here", "", f"{AT_MOST_MB:.0f}", ""])
            continue
        full_mb = size * scale / _MB
        rows.append(
            [
                how,
                f"{full_mb:.1f}",
                f"{size / memory.statements:,.0f}",
                f"{AT_MOST_MB:.0f}",
                verdict(full_mb, AT_MOST_MB),
            ]
        )
    remarks = [
        f"receiving them left {memory.beside_bytes / _MB:.1f} MB elsewhere (replays)"
    ]
    if memory.statements != MAX_VERIFIED:
        remarks.append(f"scaled from {memory.statements:,} statements")
    lines = [
        [place, f"{size / _MB:.1f}", f"{size / memory.statements:,.0f}"]
        for place, size in memory.by_line.items()
    ]
    return [
        Table(
            f"A cache of {MAX_VERIFIED:,} verified statements",
            ("measured by", "MB", "bytes each", "at most MB", "target"),
            rows,
            remarks,
        ),
        Table(
            f"Where its {per_statement:,.0f} bytes per statement are allocated",
            ("line", "MB", "bytes each"),
            lines,
        ),
    ]


def main() -> None:
    """
    Measure in this process, and print what `measure_memory` reads.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--statements", type=int, default=MAX_VERIFIED)
    options = parser.parse_args()
    print(json.dumps(attrs.asdict(_measure(options.statements))))


if __name__ == "__main__":
    main()
