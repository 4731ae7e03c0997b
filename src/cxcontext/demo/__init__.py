"""
The main job, run before your eyes: nobody asks twice.

One customer's journey through a shop whose departments are real processes on
this machine. ``cxcontext demo`` and ``make demo`` call `run`.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Final

__all__ = ["run"]

FAULT: Final = "CXCONTEXT_DEMO_FAULT"
INTERRUPTED: Final = 130


def run(*, json: bool = False) -> int:
    """
    Play the demo, and write what happened to standard output.

    It takes a few seconds, needs no network but the loopback interface, and leaves
    nothing behind, however it ends. That it can fail is shown by a fault in the
    environment variable ``CXCONTEXT_DEMO_FAULT``: with ``strips``, the network takes
    every envelope away; with ``honest``, it changes none.

    Args:
        json: Whether to write one JSON document instead of a report to read.

    Returns:
        0 if all that the story expects was so, 1 if not, 130 if interrupted.

    Raises:
        ImportError: When uvicorn or httpx is not installed.

    .. versionadded:: 0.1.0
    """
    if missing := [name for name in ("httpx", "uvicorn") if find_spec(name) is None]:
        msg = f"no {' and no '.join(missing)} here; run: pip install 'cxcontext[demo]'"
        raise ImportError(msg, name=missing[0])
    try:
        # Only now, since these import what may be missing.
        from cxcontext.demo import play, report  # noqa: PLC0415

        result = play.play(fault=os.environ.get(FAULT))
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; every department's process has ended\n")
        return INTERRUPTED
    sys.stdout.write(report.as_json(result) if json else report.as_text(result))
    return 0 if result.held else 1
