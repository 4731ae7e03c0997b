"""
Replay dialogues in the Schema-Guided Dialogue format as journeys.

    python examples/replay/replay.py --dialogues FILE_OR_DIR --schema FILE
        [--limit N] [--json]

It ends with 0 when nobody was asked twice and nobody could read what is not theirs,
with 1 otherwise, and with 2 when the files are not what they should be.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time

from audit import Auditor
from dialogues import (
    Dialogue,
    FormatError,
    count_dialogues,
    dialogue_files,
    read_dialogues,
    read_schema,
)
from figures import Figures
from plan import Plan, make_keys, make_plan
from play import play
from progress import with_progress

from cxcontext.core.key_ring import KeyRing


def replay(dialogues: Iterable[Dialogue], plan: Plan, ring: KeyRing) -> Figures:
    """
    Play every dialogue, look through what it leaves behind, and add up.

    Args:
        dialogues: What was said.
        plan: The vocabulary of the services.
        ring: The public key set, and every department's own keys.
    """
    figures = Figures()
    auditor = Auditor(plan, ring.private)
    for dialogue in dialogues:
        wall_s, cpu_s = perf_counter(), process_time()
        played = play(dialogue, plan, ring)
        wall_s, cpu_s = perf_counter() - wall_s, process_time() - cpu_s
        findings = auditor.look_at(played)
        figures.add(played, findings, wall_s=wall_s, cpu_s=cpu_s)
    return figures


def exit_code(figures: Figures) -> int:
    """
    Return how the program ends.
    """
    return 1 if figures.failed else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the program.
    """
    options = _parser().parse_args(arguments)
    try:
        files = dialogue_files(options.dialogues)
        plan = make_plan(read_schema(_schema(options.dialogues, options.schema)))
        total = count_dialogues(files, limit=options.limit)
        dialogues = with_progress(
            islice(read_dialogues(files), total), total=total, what="Replaying"
        )
        figures = replay(dialogues, plan, make_keys(plan))
    except FormatError as problem:
        print(f"replay: {problem}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(figures.to_json(), indent=2))
    else:
        print(figures.to_text())
    return exit_code(figures)


def _schema(dialogues: Path, schema: Path | None) -> Path:
    if schema is not None:
        return schema
    return (dialogues if dialogues.is_dir() else dialogues.parent) / "schema.json"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="replay.py",
        description="Replay dialogues in the Schema-Guided Dialogue format.",
    )
    parser.add_argument(
        "--dialogues",
        type=Path,
        required=True,
        metavar="FILE_OR_DIR",
        help="a file of dialogues, or a directory with dialogues_*.json",
    )
    parser.add_argument(
        "--schema",
        type=Path,
        metavar="FILE",
        help="the services' schema; schema.json beside the dialogues, unless given",
    )
    parser.add_argument(
        "--limit", type=_natural, metavar="N", help="replay only the first N dialogues"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser


def _natural(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("a number of 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
