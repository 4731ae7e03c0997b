"""
Timing: medians over rounds in which every case takes its turn, in random order.

Shared machines are noisy: figures are compared only within one run, and told as
ratios. What is counted is this thread's processor time: no job waits for anything, so
on an idle machine it is the time that passes, and on a busy one it leaves out the
turns of other programs, which hit a long job more often than a short yardstick.
"""

from __future__ import annotations

import gc
import math
import random
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs


@attrs.define
class Case:
    """
    One thing to time.

    Args:
        name: What it is called.
        run: The work; given what *prepare* returned.
        prepare: Makes fresh input outside the timing; None if none is needed.
        batch: How often it runs per round.
        clock: What time counts; for what waits for a server, that of the wall.
    """

    name: str
    run: Callable[[Any], object]
    prepare: Callable[[], Any] | None = None
    batch: int = 5
    clock: Callable[[], float] = time.thread_time
    seconds: list[float] = attrs.field(factory=list)

    @property
    def median_us(self) -> float:
        """
        The median, in microseconds.
        """
        return statistics.median(self.seconds) * 1e6

    def measure_once(self) -> None:
        """
        Time one batch, for whoever keeps the rounds.
        """
        _round(self)

    def once(self) -> object:
        """
        Do the work once, untimed.
        """
        return self.run(self.prepare() if self.prepare else None)


def measure(cases: Iterable[Case], *, rounds: int, seed: int = 1) -> None:
    """
    Run every case *rounds* times, interleaved, after one round that does not count.
    """
    shuffled = list(cases)
    order = random.Random(seed)  # noqa: S311 - the order of the cases
    for case in shuffled:
        _round(case)
        case.seconds.clear()
    for _ in range(rounds):
        order.shuffle(shuffled)
        # Else a case would pay for what the ones before it left behind.
        gc.collect()
        for case in shuffled:
            _round(case)


def _round(case: Case) -> None:
    inputs = [case.prepare() if case.prepare else None for _ in range(case.batch)]
    run, clock = case.run, case.clock
    gc.disable()
    started = clock()
    for given in inputs:
        run(given)
    elapsed = clock() - started
    gc.enable()
    case.seconds.append(elapsed / case.batch)


def exponent(
    sizes: Sequence[int], times: Sequence[float], *, share: float = 0.5
) -> float:
    """
    Return the power of the size by which time grows, over the upper *share* of sizes.

    By least squares on the logarithms: 1 is linear, 2 is quadratic.
    """
    start = len(sizes) - max(2, math.ceil(len(sizes) * share))
    xs = [math.log(size) for size in sizes[start:]]
    ys = [math.log(elapsed) for elapsed in times[start:]]
    return statistics.linear_regression(xs, ys).slope
