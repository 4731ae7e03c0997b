"""
How far a long job is: a bar on a terminal, silence elsewhere.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

T = TypeVar("T")

_WIDTH = 40


def with_progress(
    items: Iterable[T], *, total: int, what: str, stream: TextIO = sys.stderr
) -> Iterator[T]:
    """
    Return *items*, with a bar that grows while they are used up.

    With rich, if it is installed; else with a line that is written over.
    """
    if not stream.isatty():
        return iter(items)
    try:
        from rich.console import Console  # noqa: PLC0415 - optional
        from rich.progress import track  # noqa: PLC0415
    except ImportError:
        return _plain(items, total, what, stream)
    console = Console(file=stream)
    return iter(track(items, total=total, description=what, console=console))


def _plain(items: Iterable[T], total: int, what: str, stream: TextIO) -> Iterator[T]:
    shown = -1
    for number, item in enumerate(items, start=1):
        yield item
        percent = 100 * number // max(total, 1)
        if percent != shown:
            shown = percent
            bar = "#" * (_WIDTH * percent // 100)
            stream.write(f"\r{what} [{bar:<{_WIDTH}}] {percent:>3} %")
            stream.flush()
    stream.write("\n")
