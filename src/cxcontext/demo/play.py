"""
Play the story in a folder of its own, and clear up.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cxcontext.demo.accounts import balance
from cxcontext.demo.process import Shop, StoryEndedError, hold_ceremony
from cxcontext.demo.report import Result
from cxcontext.demo.story import ANSWERS, Story

TERMINATED: Final = 128 + signal.SIGTERM


def play(*, fault: str | None = None) -> Result:
    """
    Play the story; nothing of it is left when this returns or raises.

    Args:
        fault: ``"strips"`` or ``"honest"``, as `cxcontext.demo.run` says.
    """
    began_s = time.perf_counter()
    ended: str | None = None
    with (
        _clearing_up_when_terminated(),
        tempfile.TemporaryDirectory(prefix="cxcontext-demo-") as name,
        Shop(Path(name)) as shop,
    ):
        for road in shop.roads.values():
            road.strips = fault == "strips"
        story = Story(shop, tampers=fault != "honest")
        try:
            hold_ceremony(Path(name))
            story.play()
        except StoryEndedError as problem:
            ended = str(problem)
        passages = [p for road in shop.roads.values() for p in road.passages]
    return Result(
        steps=story.steps,
        balance=balance(
            story.steps,
            carried_bytes=[size for p in passages for size in p.sizes_bytes],
            truth=ANSWERS,
        ),
        ended=ended,
        seconds=time.perf_counter() - began_s,
    )


@contextmanager
def _clearing_up_when_terminated() -> Generator[None]:
    """
    Make SIGTERM raise, as Ctrl-C does, so that every ``finally`` is reached.
    """
    # Elsewhere, Python lets nobody say what a signal does.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
