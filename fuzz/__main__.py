"""
Fuzzes: `python -m fuzz [TARGET ...] [--inputs N] [--seed N]`.

Each target runs under atheris in a process of its own. Then this process, where
nothing is instrumented, looks at the whole corpus and at every suspect again: at time,
the least of three, and at memory. It ends with 1 if there was a finding.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import attrs

from fuzz import ROOT
from fuzz.guard import Finding, Target, examine
from fuzz.targets import TARGETS

WORK = ROOT / ".fuzz"
DEFAULT_INPUTS = 5_000_000
# libFuzzer's own watch, for what never returns to ours.
HANG_S = 20
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


@attrs.frozen(kw_only=True)
class Run:
    """
    What became of one target.
    """

    name: str
    inputs: int
    files: int
    size_bytes: int
    seconds: float
    findings: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.name:<10} {self.inputs:>9,} inputs  {self.files:>5,} files, "
            f"{self.size_bytes:>9,} bytes of corpus  {self.seconds:>6.0f} s  "
            f"{len(self.findings)} findings"
        )


def main() -> int:
    """
    Fuzz, print what was done, and return 1 if something was found.
    """
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; all")
    parser.add_argument("--inputs", type=int, default=DEFAULT_INPUTS, help="in all")
    parser.add_argument("--seed", type=int, default=0, help="of libFuzzer; 0: any")
    options = parser.parse_args()
    unknown = {*options.targets} - {*TARGETS}
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    chosen = [TARGETS[name] for name in options.targets or TARGETS]
    total = sum(target.share for target in chosen)
    runs = []
    for kind in chosen:
        inputs = max(1, options.inputs * kind.share // total)
        runs.append(fuzz(kind(), inputs=inputs, seed=options.seed))
        print(runs[-1], flush=True)
        for finding in runs[-1].findings:
            print(f"  {finding}", flush=True)
    print(
        f"{sum(run.inputs for run in runs):,} inputs; corpus of "
        f"{sum(run.files for run in runs):,} files, "
        f"{sum(run.size_bytes for run in runs):,} bytes"
    )
    return int(any(run.findings for run in runs))


def fuzz(target: Target, *, inputs: int, seed: int = 0, work: Path = WORK) -> Run:
    """
    Return what became of *target* after so many *inputs*.
    """
    corpus, suspects = work / "corpus" / target.name, work / "suspects" / target.name
    found = work / "found" / target.name
    for folder in (corpus, suspects, found):
        folder.mkdir(parents=True, exist_ok=True)
    for seed_input in target.seeds():
        if len(seed_input) <= target.max_bytes:
            keep(seed_input, corpus)
    words = work / f"{target.name}.dict"
    # A byte for a word, where there is none: libFuzzer takes no empty dictionary.
    words.write_text(
        "".join(f'"{_quoted(word)}"\n' for word in target.words or (b"\0",))
    )
    began_s = time.monotonic()
    log = work / f"{target.name}.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "fuzz.child", target.name, str(suspects)]
        flags = {
            "runs": inputs,
            "seed": seed,
            "max_len": target.max_bytes,
            "timeout": HANG_S,
            "dict": words,
            "artifact_prefix": f"{found}/",
            "print_final_stats": 1,
            "verbosity": 1,
            "reload": 0,
        }
        command += [f"-{name}={value}" for name, value in flags.items()]
        status = subprocess.run(  # noqa: S603 - this very file's command
            [*command, str(corpus)], cwd=ROOT, stdout=output, stderr=output, check=False
        ).returncode
    text = log.read_text(errors="replace")
    findings = []
    if status:
        findings.append(
            f"ended with {status}: see {log.relative_to(work)} and {found.name}"
        )
    files = sorted(corpus.iterdir())
    kept = [(path.name, path.read_bytes()) for path in (*files, *suspects.iterdir())]
    # The longest seeds are in no corpus: only short inputs are worth changing.
    kept += [(f"seed {i}", seed) for i, seed in enumerate(target.seeds())]
    kept += [(f"shape {i}", shape) for i, shape in enumerate(target.shapes())]
    for name, data in kept:
        try:
            examine(target, data)
        except Finding as finding:
            findings.append(f"{name}: {finding}")
    executed = _EXECUTED.findall(text)
    return Run(
        name=target.name,
        inputs=int(executed[-1]) if executed else 0,
        files=len(files),
        size_bytes=sum(path.stat().st_size for path in files),
        seconds=time.monotonic() - began_s,
        findings=tuple(findings),
    )


def keep(data: bytes, folder: Path) -> Path:
    """
    Write an input under the name that libFuzzer would give it, but for its hash.
    """
    path = folder / sha256(data).hexdigest()[:40]
    path.write_bytes(data)
    return path


def _quoted(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    sys.exit(main())
