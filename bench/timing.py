"""
Timing: medians over rounds in which every case takes its turn, in random order.

These machines are shared and noisy: figures are compared only within one run,
and told as ratios.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import attrs


@attrs.define
class Case:
    """
    One thing to time.

    Args:
        name: What the row says.
        run: The work; given what *prepare* returned.
        prepare: Makes fresh input outside the timing; None if none is needed.
        batch: How often it runs per round.
    """

    name: str
    run: Callable[[Any], object]
    prepare: Callable[[], Any] | None = None
    batch: int = 5
    seconds: list[float] = attrs.field(factory=list)

    @property
    def median_us(self) -> float:
        """
        The median, in microseconds.
        """
        return statistics.median(self.seconds) * 1e6


def measure(cases: list[Case], *, rounds: int, seed: int = 1) -> None:
    """
    Run every case *rounds* times, interleaved.
    """
    order = random.Random(seed)  # noqa: S311 - the order of the cases
    for case in cases:
        _round(case)
        case.seconds.clear()
    for _ in range(rounds):
        order.shuffle(cases)
        for case in cases:
            _round(case)


def _round(case: Case) -> None:
    inputs = [case.prepare() if case.prepare else None for _ in range(case.batch)]
    gc.disable()
    started = time.perf_counter()
    for given in inputs:
        case.run(given)
    case.seconds.append((time.perf_counter() - started) / case.batch)
    gc.enable()
