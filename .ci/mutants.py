"""
Try a random sample of mutants of decode, verify, fold and supersede.

mutmut makes the mutants and runs, for each, the tests that call the changed function,
in a copy of the tree. What it lacks is a sample with a seed, which is drawn here.

    python .ci/mutants.py --sample 400 --seed 8 --at-least 90
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPY = ROOT / ".mutants" / "tree"
MUTATED = (
    "cbor",
    "delivery",
    "envelope",
    "fold",
    "graph",
    "section",
    "signing",
    "statement",
    "verify",
)
TESTS = ("tests/core", "tests/vectors/test_vectors.py", "tests/property")
# Their ids have characters by which mutmut does not find them again.
UNADDRESSABLE = (
    "tests/core/test_value_types.py::test_a_value_comes_back_as_it_is",
    "tests/core/test_journey_reading.py::test_what_one_department_learns_another_recalls",
)
# What mutmut notes of a mutant: pytest's exit status, or that it took too long.
SURVIVED, NO_TESTS = 0, 33


def make_copy() -> None:
    """
    Copy what git knows of the tree, as it is now, and tell mutmut what to do in it.
    """
    shutil.rmtree(COPY, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - git is the user's own
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, COPY / name)
    settings = {
        "source_paths": ["src"],
        "only_mutate": [f"src/cxcontext/core/{name}.py" for name in MUTATED],
        "also_copy": [
            path.name
            for path in COPY.iterdir()
            if path.name not in {"src", "tests", "pyproject.toml"}
        ],
        "pytest_add_cli_args": [
            "-pno:cacheprovider",
            *(f"--deselect={test}" for test in UNADDRESSABLE),
        ],
        "pytest_add_cli_args_test_selection": [*TESTS],
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    with (COPY / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n[tool.mutmut]\n" + "\n".join(lines) + "\n")


def mutmut(*arguments: str, children: int) -> None:
    """
    Run mutmut in the copy; it succeeds whether or not mutants survive.
    """
    subprocess.run(  # noqa: S603 - the names are mutmut's own
        [
            *(sys.executable, "-m", "mutmut", "run"),
            *("--max-children", str(children), *arguments),
        ],
        cwd=COPY,
        # Else Hypothesis fails what runs twice in one process: no mutant would live.
        env={**os.environ, "HYPOTHESIS_PROFILE": "mutants"},
        check=True,
    )


def statuses() -> Iterator[tuple[str, int | None]]:
    """
    Yield every mutant with what came of it; None where it was not tried.
    """
    for path in sorted((COPY / "mutants" / "src").rglob("*.meta")):
        noted = json.loads(path.read_text(encoding="utf-8"))
        yield from noted["exit_code_by_key"].items()


def changes(mutant: str) -> Iterable[str]:
    """
    Return what was changed in a mutant.
    """
    shown = subprocess.run(  # noqa: S603 - as above
        [sys.executable, "-m", "mutmut", "show", mutant],
        cwd=COPY,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return [
        line
        for line in shown.splitlines()
        if line[:1] in {"-", "+"} and line[:3] not in {"---", "+++"}
    ]


def main() -> int:
    """
    Draw, run and report; the exit status says whether enough were killed.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=400, help="how many mutants")
    parser.add_argument("--seed", type=int, default=8, help="of the sample")
    parser.add_argument("--at-least", type=float, default=90, help="killed, per cent")
    parser.add_argument("--children", type=int, default=2, help="mutants at once")
    options = parser.parse_args()

    make_copy()
    # The first makes all mutants, and finds out which tests call which function.
    mutmut("cxcontext.core.graph.x_extended__mutmut_1", children=options.children)
    every = sorted(name for name, _ in statuses())
    # Which mutants are tried is no secret.
    drawn = random.Random(options.seed).sample(every, options.sample)  # noqa: S311
    mutmut(*sorted(drawn), children=options.children)

    found = dict(statuses())
    alive = sorted(name for name in drawn if found[name] in {SURVIVED, NO_TESTS, None})
    killed = 100 * (len(drawn) - len(alive)) / len(drawn)
    print(f"\n{len(every)} mutants, {len(drawn)} drawn with seed {options.seed}: ")
    print(f"{killed:.1f} % killed, {len(alive)} alive")
    for name in alive:
        print(f"\n{name}", *changes(name), sep="\n  ")
    return 0 if killed >= options.at_least else 1


if __name__ == "__main__":
    sys.exit(main())
