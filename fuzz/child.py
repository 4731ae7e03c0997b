"""
One target under atheris, in a process of its own: ``python -m fuzz`` starts it.

Only here is the library instrumented, and slower for it: what seems to take too long
is written down as a suspect, for the parent to look at again.
"""

from __future__ import annotations

import gc
import random
import sys
from hashlib import sha256
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["cxcontext"], enable_loader_override=False):
    from fuzz.guard import Cost, Target, attempt
    from fuzz.targets import TARGETS

# Looking at memory takes ten times as long.
_MEMORY_ONE_IN = 5000
_MAX_SUSPECTS = 200


class Harness:
    """
    What libFuzzer calls.
    """

    def __init__(self, target: Target, suspects: Path) -> None:
        self._target = target
        self._suspects = suspects
        self._count = 0
        self._kept = 0

    def test_one_input(self, data: bytes) -> None:
        """
        Try one input; whatever is raised is a finding, and ends the process.
        """
        self._count += 1
        memory = not self._count % _MEMORY_ONE_IN
        cost = attempt(self._target, data, memory=memory)
        if cost is not None and self._is_suspect(cost, memory=memory):
            self._kept += 1
            name = sha256(data).hexdigest()[:16]
            (self._suspects / name).write_bytes(data)

    def mutate(self, data: bytes, max_size: int, seed: int) -> bytes:
        """
        Return a changed input, changed by structure or by libFuzzer itself.
        """
        source = random.Random(seed)  # noqa: S311 - it protects nothing
        if source.random() < self._target.structured:
            changed = self._target.mutate(data, source=source)
            if changed is not None and len(changed) <= max_size:
                return changed
        mutated: bytes = atheris.Mutate(data, max_size)
        return mutated

    def _is_suspect(self, cost: Cost, *, memory: bool) -> bool:
        if self._kept >= _MAX_SUSPECTS:
            return False
        if memory:
            return cost.too_large
        return cost.excessive


def main() -> None:
    """
    Run the target that the command line names; the rest is for libFuzzer.
    """
    name, suspects, *arguments = sys.argv[1:]
    harness = Harness(TARGETS[name](), Path(suspects))
    # What is there now stays: its collection is no input's fault.
    gc.collect()
    gc.freeze()
    atheris.Setup(
        [sys.argv[0], *arguments],
        harness.test_one_input,
        custom_mutator=harness.mutate,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
