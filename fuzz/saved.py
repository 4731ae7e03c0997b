"""
The inputs that the test-suite tries again, and how they are chosen.

`python -m fuzz.saved` lets libFuzzer find the fewest inputs of the corpus that reach
all that it reaches, and keeps the shortest of them in ``saved/``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from base64 import b64decode, b64encode
from pathlib import Path

from fuzz import ROOT

SAVED = Path(__file__).resolve().parent / "saved"
PER_TARGET = 120
MAX_SAVED_BYTES = 1500


def load(name: str) -> list[bytes]:
    """
    Return the saved inputs of a target.
    """
    texts = json.loads((SAVED / f"{name}.json").read_text(encoding="ascii"))
    return [b64decode(text) for text in texts]


def save(name: str, corpus: Path) -> int:
    """
    Choose from *corpus*, and return how many were saved.
    """
    with tempfile.TemporaryDirectory() as merged, tempfile.TemporaryDirectory() as odd:
        subprocess.run(  # noqa: S603 - this package's own module
            [
                *(sys.executable, "-m", "fuzz.child", name, odd),
                *("-merge=1", "-max_len=8192", merged, str(corpus)),
            ],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        inputs = [path.read_bytes() for path in Path(merged).iterdir()]
    short = sorted((i for i in inputs if len(i) <= MAX_SAVED_BYTES), key=_by_size)
    # Every so many of them, so that not only the shortest are there.
    every = max(1, -(-len(short) // PER_TARGET))
    chosen = short[::every]
    texts = [b64encode(data).decode("ascii") for data in chosen]
    SAVED.mkdir(exist_ok=True)
    text = json.dumps(texts, indent=0) + "\n"
    (SAVED / f"{name}.json").write_text(text, encoding="ascii")
    return len(chosen)


def _by_size(data: bytes) -> tuple[int, bytes]:
    return len(data), data


def main() -> None:
    """
    Save anew, for every target that has a corpus.
    """
    for corpus in sorted((ROOT / ".fuzz" / "corpus").iterdir()):
        print(corpus.name, save(corpus.name, corpus))


if __name__ == "__main__":
    main()
