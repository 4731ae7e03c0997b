"""
Import: what ``import cxcontext`` costs beside its dependencies, and what it is.

Each measurement is a fresh interpreter, which times the import alone and not its own
start. The yardstick imports attrs, cattrs, cbor2 and just those modules of
``cryptography`` that the library's own files import.
"""

from __future__ import annotations

import ast
import json
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import attrs

from bench.table import Table, number, verdict

AT_MOST: Final = 1.25
TOP: Final = 12
LIBRARY: Final = "import cxcontext"

_TIMED: Final = """
import time
started = time.perf_counter()
{}
print((time.perf_counter() - started) * 1e3)
"""
_LOADED: Final = """
import json, sys
import cxcontext
files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
print(json.dumps(files))
"""


def _python(program: str, *options: str) -> subprocess.CompletedProcess[str]:
    # -I: neither the current directory nor the environment has a say.
    return subprocess.run(  # noqa: S603 - programs of this module's own
        [sys.executable, "-I", *options, "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )


@cache
def cryptography_modules() -> tuple[str, ...]:
    """
    Return the modules of ``cryptography`` that ``import cxcontext`` makes it import.
    """
    loaded: dict[str, str | None] = json.loads(_python(_LOADED).stdout)
    found: set[str] = set()
    for name, path in loaded.items():
        if path is None or not _is_own(name):
            continue
        for node in ast.parse(Path(path).read_text("utf-8")).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
                # `from package import module` imports a module, too.
                found.update(f"{node.module}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
    theirs = {name for name in found if name.partition(".")[0] == "cryptography"}
    return tuple(sorted(theirs & loaded.keys()))


def yardstick() -> str:
    """
    Return the statement that imports what the library cannot do without.
    """
    return "import " + ", ".join(["attrs", "cattrs", "cbor2", *cryptography_modules()])


@attrs.frozen(kw_only=True)
class Imports:
    """
    Medians in milliseconds, and what the difference consists of.

    Args:
        only_library: Modules that the yardstick does not import, with the
            microseconds that each takes itself.
        only_yardstick: The reverse.
    """

    library_ms: float
    yardstick_ms: float
    only_library: dict[str, int]
    only_yardstick: dict[str, int]


def measure_imports(*, rounds: int) -> Imports:
    """
    Return the medians over *rounds*, in which both take turns.
    """
    took: dict[str, list[float]] = {LIBRARY: [], yardstick(): []}
    for _ in range(rounds):
        for program, times in took.items():
            times.append(float(_python(_TIMED.format(program)).stdout))
    library = _self_times(LIBRARY, rounds=min(rounds, 5))
    dependencies = _self_times(yardstick(), rounds=min(rounds, 5))
    return Imports(
        library_ms=statistics.median(took[LIBRARY]),
        yardstick_ms=statistics.median(took[yardstick()]),
        only_library={n: t for n, t in library.items() if n not in dependencies},
        only_yardstick={n: t for n, t in dependencies.items() if n not in library},
    )


def _self_times(program: str, *, rounds: int) -> dict[str, int]:
    """
    Return the median microseconds that each module took itself, without its imports.
    """
    seen: dict[str, list[int]] = {}
    for _ in range(rounds):
        report = _python(program, "-X", "importtime").stderr
        for line in report.splitlines()[1:]:
            own, _, name = line.removeprefix("import time:").split("|")
            seen.setdefault(name.strip(), []).append(int(own))
    return {name: round(statistics.median(times)) for name, times in seen.items()}


def import_tables(imports: Imports) -> list[Table]:
    """
    Return the ratio, and what the difference consists of.
    """
    ratio = imports.library_ms / imports.yardstick_ms
    own = {n: t for n, t in imports.only_library.items() if _is_own(n)}
    others = {n: t for n, t in imports.only_library.items() if not _is_own(n)}
    row = [
        LIBRARY,
        number(imports.library_ms),
        number(imports.yardstick_ms),
        f"{ratio:.2f} x",
        f"{AT_MOST} x",
        verdict(ratio, AT_MOST),
    ]
    difference = [
        [f"{len(own)} modules of its own", _ms(own.values())],
        [f"{len(others)} modules of others", _ms(others.values())],
        *([f"own: {name}", _ms([us])] for name, us in _longest(own)),
        *([f"others': {name}", _ms([us])] for name, us in _longest(others)),
    ]
    return [
        Table(
            "Import",
            ("what", "ms", "dependencies ms", "ratio", "at most", "target"),
            [row],
            [f"dependencies: {yardstick()}"],
        ),
        Table(
            "What the library imports beyond its dependencies",
            ("modules, with the time that each takes itself", "ms"),
            difference,
            ["by -X importtime, which makes each import slower"],
        ),
    ]


def _is_own(name: str) -> bool:
    return name.partition(".")[0] == "cxcontext"


def _longest(times: dict[str, int]) -> Sequence[tuple[str, int]]:
    return sorted(times.items(), key=lambda item: -item[1])[:TOP]


def _ms(times_us: Iterable[int]) -> str:
    return f"{sum(times_us) / 1e3:.2f}"
