"""
Makes the test vectors: `python vectors/make.py [DIRECTORY]`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# In front of what it makes them with; behind a library that is installed.
sys.path[:] = [str(HERE), *sys.path, str(HERE.parent / "src")]

from making import erasable, invalid, valid  # noqa: E402, F401 - for the registries
from making.reading import forget_files, readings_of, refusals_of  # noqa: E402
from making.vector import (  # noqa: E402
    INVALID,
    VALID,
    Gap,
    Json,
    Vector,
    Workshop,
    document,
)
from making.world import VOCABULARIES, make_rings  # noqa: E402

from cxcontext.core.vocabulary_file import vocabulary_to_json  # noqa: E402


def main() -> None:
    """
    Write every file into a directory, this one unless another is given.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=HERE)
    made = make(parser.parse_args().directory)
    print(f"{made['valid']} valid, {made['invalid']} invalid")


def make(root: Path) -> dict[str, int]:
    """
    Write every file into *root*, in place of all that are there.

    Raises:
        AssertionError: When a vector is not read as its maker says.
    """
    for kind in ("keys", "vocabularies", "valid", "invalid"):
        (root / kind).mkdir(parents=True, exist_ok=True)
        for old in (root / kind).glob("*.json"):
            old.unlink()
    rings = make_rings()
    for name, ring in rings.items():
        private = {
            who: json.loads(keys.to_json()) for who, keys in ring.private.items()
        }
        keys = {"key_set": json.loads(ring.public.to_json()), "private_keys": private}
        write(root / "keys" / f"{name}.json", keys)
    for name, vocabulary in VOCABULARIES.items():
        path = root / "vocabularies" / f"{name}.json"
        path.write_text(vocabulary_to_json(vocabulary))
    forget_files()
    shop = Workshop(rings)
    wrong: list[str] = []
    for name, maker in VALID.items():
        made = document(name, maker.__doc__ or "", vector := maker(shop))
        codes = refusals_of(made, root)
        if any(codes):
            wrong.append(f"{name}: valid, and refused: {codes}")
            continue
        made["reads"] = readings_of(made, root)[0]
        wrong += _misread(made, vector, root)
        write(root / "valid" / f"{name}.json", made)
    for name, maker in INVALID.items():
        made = document(name, maker.__doc__ or "", vector := maker(shop))
        codes = refusals_of(made, root)
        if {vector.error} != set(codes):
            wrong.append(f"{name}: {vector.error} expected, {codes} found")
        write(root / "invalid" / f"{name}.json", made)
    if wrong:
        raise AssertionError("\n".join(wrong))
    return {"valid": len(VALID), "invalid": len(INVALID)}


def _misread(made: Json, vector: Vector, root: Path) -> list[str]:
    """
    Return in what a valid vector is not read as its maker says.
    """
    name, first = made["name"], made["reads"]
    wrong = []
    if any(other != first for other in readings_of(made, root)):
        wrong.append(f"{name}: binary and text form are read differently")
    for member, expected in vector.reads.items():
        if first[member] != expected:
            wrong.append(f"{name}: {member} is {first[member]}, not {expected}")
    found = {
        "/".join(filter(None, (e["field"], e.get("qualifier")))): e
        for e in first["fields"]
    }
    for field, expected in vector.recalls.items():
        entry = found[field]
        if isinstance(expected, Gap):
            fits = entry.get("gap") == expected.reason
        else:
            fits = "recalled" in entry and entry["recalled"] == expected
        if not fits:
            wrong.append(f"{name}: {field} is {entry}, not {expected}")
    return wrong


def write(path: Path, content: Any) -> None:
    """
    Write JSON as all files of the vectors have it.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
