"""
Tables: the same rows for a terminal and for `docs/benchmarks.md`.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs


@attrs.frozen
class Table:
    """
    A title, a head, rows, and remarks that belong to them.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    remarks: Sequence[str] = ()

    def as_text(self) -> str:
        """
        Return the table for a terminal.
        """
        lines = [self.head, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.head))]
        printed = [_aligned(line, widths) for line in lines]
        printed.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join([self.title, "", *printed, *self.remarks, ""])

    def as_markdown(self) -> str:
        """
        Return the table for a document.
        """
        rule = ["---"] + ["--:"] * (len(self.head) - 1)
        printed = [f"| {' | '.join(line)} |" for line in (self.head, rule, *self.rows)]
        remarks = [f"- {remark}" for remark in self.remarks]
        return "\n".join([f"### {self.title}", "", *printed, "", *remarks]) + "\n"


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if i else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def number(value: float) -> str:
    """
    Return *value* with as many decimals as it deserves.
    """
    decimals = 0 if value >= 1000 else 1 if value >= 10 else 2
    return f"{value:,.{decimals}f}"


def verdict(value: float, at_most: float) -> str:
    """
    Return whether a target is met, as the tables say it.
    """
    return "met" if value <= at_most else "MISSED"
