"""
What hostile input may cost, and what may come out of it.

Time is the thread's own processor time, so that a busy machine is not blamed on the
library. What exceeds a bound is measured again, and the least of three counts.
"""

from __future__ import annotations

import random
import sys
import time
import tracemalloc
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

import attrs

MAX_MEMORY_BYTES = 16_000_000
SECONDS_PER_KIB = 0.001
# What verifying one costs that is not done in Python. A statement without contents is
# 140 bytes, so 256 of them take almost all of their milliseconds for this alone.
SECONDS_PER_SIGNATURE = 0.0001
# Refusing is bounded by the format; reading all of it in every way there is, is not:
# it asks for forty fields in ten ways, and folds all statements for each.
USING_SECONDS_PER_KIB = 0.01
USING_FLOOR_S = 0.1
TRIES = 3
# The deepest honest reading, of the vectors, has 40 frames of Python; what recursed
# into sixteen levels of nesting, at two frames each, would not fit.
MAX_FRAMES = 70


class Finding(Exception):  # noqa: N818 - a finding is what it is called
    """
    Something that no input may bring about.
    """


class Target(ABC):
    """
    One surface.

    Attributes:
        name: As in ``python -m fuzz NAME``.
        refusals: What may be raised; anything else is a finding.
        floor_s: What an input may take however short it is.
    """

    name: ClassVar[str]
    # Of a hundred inputs, and how many of them are changed within their structure.
    share: ClassVar[int]
    structured: ClassVar[float] = 0.5
    refusals: ClassVar[tuple[type[Exception], ...]]
    floor_s: ClassVar[float]
    max_bytes: ClassVar[int] = 4096
    # Words of the format for libFuzzer, which cannot know them.
    words: ClassVar[tuple[bytes, ...]] = ()

    @abstractmethod
    def seeds(self) -> Iterable[bytes]:
        """
        Return the inputs to begin with.
        """

    def shapes(self) -> Iterable[bytes]:
        """
        Return the longest and worst inputs: they are tried, and not changed.
        """
        return ()

    def prepare(self, data: bytes) -> Any:
        """
        Return what `run` takes, without being measured; None if it can be nothing.
        """
        return data

    @abstractmethod
    def run(self, prepared: Any) -> Any:
        """
        Give the input to the library, and return what `use` takes.

        Raises:
            Finding: When what came out of it is wrong.
        """

    def use(self, taken: Any) -> None:  # noqa: B027 - most have nothing to add
        """
        Do everything with what was taken: it may take longer, but not fail.

        Raises:
            Finding: As `run`.
        """

    def size_bytes(self, prepared: Any) -> int:
        """
        Return by how many bytes the bounds are measured.
        """
        return len(prepared)

    def signatures(self, prepared: Any) -> int:
        """
        Return how many signatures must be verified before all of it is refused.
        """
        return 0

    def mutate(self, data: bytes, *, source: random.Random) -> bytes | None:
        """
        Return a changed input of the right structure, or None if *data* has none.
        """
        return None

    def forget(self) -> None:  # noqa: B027 - most remember nothing
        """
        Let go of everything that makes a second look cheaper.
        """


@attrs.frozen(kw_only=True)
class Cost:
    """
    What one input cost.

    Attributes:
        allowed_s: What it might have.
        using_s: What was done with it afterwards.
        using_allowed_s: What that might have.
        peak_bytes: None where memory was not looked at.
        refused: The refusal's class, or None if it was taken.
    """

    size_bytes: int
    seconds: float
    allowed_s: float
    using_s: float = 0.0
    using_allowed_s: float = 0.0
    peak_bytes: int | None = None
    refused: str | None = None

    @property
    def excessive(self) -> bool:
        """
        Whether it took more than it may.
        """
        return (
            self.seconds > self.allowed_s
            or self.using_s > self.using_allowed_s
            or self.too_large
        )

    @property
    def too_large(self) -> bool:
        """
        Whether it took more memory than it may.
        """
        return self.peak_bytes is not None and self.peak_bytes > MAX_MEMORY_BYTES

    def __str__(self) -> str:
        memory = "" if self.peak_bytes is None else f", {self.peak_bytes} bytes at most"
        return (
            f"{self.size_bytes} bytes took {self.seconds * 1000:.2f} ms of "
            f"{self.allowed_s * 1000:.2f}, and then {self.using_s * 1000:.2f} of "
            f"{self.using_allowed_s * 1000:.2f}{memory}"
        )


def attempt(target: Target, data: bytes, *, memory: bool = False) -> Cost | None:
    """
    Return what *data* cost; None if the target can make nothing of it.

    Args:
        target: Where to put it.
        data: The input.
        memory: Whether to look at memory, too, which makes time meaningless.

    Raises:
        Finding: When something else than a refusal came out.
    """
    prepared = target.prepare(data)
    if prepared is None:
        return None
    try:
        return _attempt(target, prepared, memory=memory, frames=MAX_FRAMES)
    except _RecursedError:
        pass
    # What is imported or made when it is first needed may be deep, once.
    try:
        _attempt(target, prepared, memory=False, frames=1000)
        return _attempt(target, prepared, memory=memory, frames=MAX_FRAMES)
    except _RecursedError as problem:
        recursed = f"{target.name}: more than {MAX_FRAMES} frames deep"
        raise Finding(recursed) from problem


class _RecursedError(Exception):
    pass


def _attempt(target: Target, prepared: Any, *, memory: bool, frames: int) -> Cost:
    size = target.size_bytes(prepared)
    limit = sys.getrecursionlimit()
    refused: str | None = None
    peak: int | None = None
    sys.setrecursionlimit(_depth() + frames)
    if memory:
        tracemalloc.start()
    started_s = ended_s = time.thread_time()
    try:
        taken = target.run(prepared)
        ended_s = time.thread_time()
        target.use(taken)
    except target.refusals as refusal:
        refused = type(refusal).__name__
    except Finding:
        raise
    except RecursionError as problem:
        raise _RecursedError from problem
    except Exception as problem:
        escaped = f"{target.name}: {type(problem).__name__} escaped"
        raise Finding(escaped) from problem
    finally:
        stopped_s = time.thread_time()
        sys.setrecursionlimit(limit)
        if memory:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    if refused is not None or ended_s == started_s:
        ended_s = stopped_s
    kib = size / 1024
    return Cost(
        size_bytes=size,
        seconds=ended_s - started_s,
        allowed_s=target.floor_s
        + kib * SECONDS_PER_KIB
        + target.signatures(prepared) * SECONDS_PER_SIGNATURE,
        using_s=stopped_s - ended_s,
        using_allowed_s=USING_FLOOR_S + kib * USING_SECONDS_PER_KIB,
        peak_bytes=peak,
        refused=refused,
    )


def examine(target: Target, data: bytes, *, slack: float = 1) -> Cost | None:
    """
    Return what *data* cost, in time and in memory, or say that it was too much.

    Args:
        target: Where to put it.
        data: The input.
        slack: How many times the time it may take, on a machine that does more.

    Raises:
        Finding: As `attempt`, and when it took too long three times or too much
            memory.
    """
    costs = []
    for _ in range(TRIES):
        target.forget()
        cost = attempt(target, data)
        if cost is None:
            return None
        cost = attrs.evolve(
            cost,
            allowed_s=cost.allowed_s * slack,
            using_allowed_s=cost.using_allowed_s * slack,
        )
        costs.append(cost)
        if not cost.excessive:
            break
    least = min(costs, key=lambda cost: cost.seconds + cost.using_s)
    target.forget()
    traced = attempt(target, data, memory=True)
    assert traced is not None  # noqa: S101 - it was something a moment ago
    cost = attrs.evolve(least, peak_bytes=traced.peak_bytes)
    if cost.excessive:
        what = f"{target.name}: {cost}"
        raise Finding(what)
    return cost


def _depth() -> int:
    frame, depth = sys._getframe(), 0  # noqa: SLF001 - there is no public name
    walked: Any = frame
    while walked is not None:
        walked, depth = walked.f_back, depth + 1
    return depth
