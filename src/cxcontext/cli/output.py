"""
What is printed: tables with rich on a terminal, plain text elsewhere, JSON.

Whatever comes from an envelope or a file is made printable first, so that it
cannot steer the terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TextIO

from cxcontext.core.numeric_date import from_seconds


def say(text: str = "") -> None:
    """
    Print a line.
    """
    print(printable(text, sys.stdout))


def say_json(document: Any) -> None:
    """
    Print JSON, in ASCII, so that it is the same in every locale.
    """
    print(json.dumps(document, indent=2))


def say_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """
    Print a table under its title, or only the title with "none".
    """
    cells = [[printable(cell, sys.stdout) for cell in row] for row in rows]
    if not cells:
        say(f"{title}: none")
    elif not _rich_table(title, columns, cells):
        say(f"{title}:")
        for line in _plain_table(columns, cells):
            say(f"  {line}")


def instant(value: datetime | int) -> str:
    """
    Return the instant as it is printed everywhere.
    """
    at = from_seconds(value) if isinstance(value, int) else value
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def printable(text: str, stream: TextIO | None) -> str:
    """
    Return *text* with what is no printable character of *stream* escaped.
    """
    shown = "".join(
        character if character.isprintable() else _escaped(character)
        for character in text
    )
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _plain_table(columns: Sequence[str], cells: list[list[str]]) -> list[str]:
    rows = [list(columns), *cells]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _rich_table(title: str, columns: Sequence[str], cells: list[list[str]]) -> bool:
    """
    Print the table with rich, if it is installed and there is a terminal.
    """
    if sys.stdout is None or not sys.stdout.isatty():
        return False
    try:
        from rich.console import Console  # noqa: PLC0415 - optional
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415
    except ModuleNotFoundError:
        return False
    # As Text: else square brackets in a cell would be taken for markup.
    table = Table(title=Text(title), title_justify="left")
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    Console().print(table)
    return True
