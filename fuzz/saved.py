"""
The inputs that the test-suite tries again, and how they are chosen.

`python -m fuzz.saved` takes the shortest inputs of the corpus, each of which reaches a
line of the library from another line than those before it, and fills up with a share
of all others.
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any

from fuzz import ROOT
from fuzz.guard import Target
from fuzz.targets import TARGETS

SAVED = Path(__file__).resolve().parent / "saved"
PER_TARGET = 120
MAX_SAVED_BYTES = 1500
_LIBRARY = f"{Path('cxcontext') / 'core'}"

Step = tuple[str, int, int]


def load(name: str) -> list[bytes]:
    """
    Return the saved inputs of a target.
    """
    texts = json.loads((SAVED / f"{name}.json").read_text(encoding="ascii"))
    return [b64decode(text) for text in texts]


def save(target: Target, corpus: Path) -> int:
    """
    Choose from *corpus*, and return how many were saved.
    """
    inputs = [path.read_bytes() for path in corpus.iterdir()]
    short = sorted((i for i in inputs if len(i) <= MAX_SAVED_BYTES), key=_by_size)
    chosen = _reaching(target, short)
    left = [data for data in short if data not in chosen]
    if len(chosen) < PER_TARGET:
        chosen += left[:: max(1, len(left) // (PER_TARGET - len(chosen)))]
    texts = [b64encode(data).decode("ascii") for data in sorted(chosen, key=_by_size)]
    SAVED.mkdir(exist_ok=True)
    text = json.dumps(texts, indent=0) + "\n"
    (SAVED / f"{target.name}.json").write_text(text, encoding="ascii")
    return len(texts)


def _by_size(data: bytes) -> tuple[int, bytes]:
    return len(data), data


def _reaching(target: Target, inputs: Iterable[bytes]) -> list[bytes]:
    reached: set[Step] = set()
    chosen = []
    for data in inputs:
        steps = _steps(target, data)
        if not steps <= reached:
            reached |= steps
            chosen.append(data)
    return chosen


def _steps(target: Target, data: bytes) -> set[Step]:
    """
    Return which lines of the library came after which, for one input.
    """
    steps: set[Step] = set()
    before: dict[FrameType, int] = {}

    def local(frame: FrameType, event: str, _argument: Any) -> Any:
        line = frame.f_lineno
        steps.add((frame.f_code.co_filename, before.get(frame, 0), line))
        before[frame] = line
        return local

    def at_call(frame: FrameType, event: str, _argument: Any) -> Any:
        return local if _LIBRARY in frame.f_code.co_filename else None

    prepared = target.prepare(data)
    if prepared is None:
        return steps
    target.forget()
    sys.settrace(at_call)
    try:
        target.use(target.run(prepared))
    except target.refusals:
        pass
    finally:
        sys.settrace(None)
    return steps


def main() -> None:
    """
    Save anew, for every target that has a corpus.
    """
    for name, kind in TARGETS.items():
        corpus = ROOT / ".fuzz" / "corpus" / name
        if corpus.is_dir():
            print(name, save(kind(), corpus), flush=True)


if __name__ == "__main__":
    main()
