"""
Flips single bits of the valid vectors: `python -m fuzz.flips [VECTOR ...]`.

Whatever bit of an envelope is flipped, in binary or in text form, its own receiver
refuses it. The statements that were not touched have been verified once and are found
in the cache, as in any process that has seen them; the delivery is verified every time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from cxcontext.errors import VerificationError
from fuzz.guard import Finding
from fuzz.vectors import Setting, decode_forms, vectors


def main() -> int:
    """
    Flip every bit, and print how many were refused as what.
    """
    parser = argparse.ArgumentParser(prog="python -m fuzz.flips", description=__doc__)
    parser.add_argument("vectors", nargs="*", help="names; all, unless given")
    chosen = parser.parse_args().vectors
    began_s = time.monotonic()
    refusals: Counter[str] = Counter()
    taken = []
    for vector in vectors("valid"):
        if chosen and vector["name"] not in chosen:
            continue
        try:
            found = flip(vector)
        except Finding as finding:
            taken.append(str(finding))
            continue
        refusals += found
        print(f"{vector['name']}: {found.total():,}", flush=True)
    for code, count in refusals.most_common():
        print(f"{count:>10,} {code}")
    print(f"{refusals.total():,} refused in {time.monotonic() - began_s:.0f} s")
    for finding in taken:
        print(finding)
    return int(bool(taken))


def flip(vector: dict[str, Any], *, every: int = 1, first: int = 0) -> Counter[str]:
    """
    Return how often the flipped forms of *vector* were refused, by code.

    Args:
        vector: A valid one.
        every: Only one bit of so many.
        first: The first of them.

    Raises:
        Finding: When one was not refused.
    """
    setting = Setting(vector)
    refusals: Counter[str] = Counter()
    for form in decode_forms(vector):
        setting.open(form)
        for bit in range(first, 8 * len(form), every):
            changed = bytearray(form)
            changed[bit // 8] ^= 1 << bit % 8
            try:
                setting.open(bytes(changed))
            except VerificationError as refusal:
                refusals[refusal.code] += 1
            else:
                taken = f"{vector['name']}: opened with bit {bit} of {len(form)} bytes"
                raise Finding(taken)
    return refusals


def smallest_of_each_kind() -> Iterable[dict[str, Any]]:
    """
    Return the shortest valid vector of each key set and way of opening.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for vector in vectors("valid"):
        kind = vector["keys"], vector["expectation"]["open"]
        shortest = found.setdefault(kind, vector)
        if len(vector["envelope"]["hex"]) < len(shortest["envelope"]["hex"]):
            found[kind] = vector
    return found.values()


if __name__ == "__main__":
    sys.exit(main())
