"""
What a comparison of two vocabularies finds: what changed, and what it means.
"""

from __future__ import annotations

from enum import Enum

import attrs


class Level(Enum):
    """
    How much a finding matters, from most to least.

    .. versionadded:: 0.1.0
    """

    BREAKING = "breaking"  # what was said before is lost, or means something else
    WARNING = "warning"  # somebody must do something, or is behind until updated
    NOTE = "note"  # good to know


@attrs.frozen
class Finding:
    """
    One difference between two vocabularies.

    Attributes:
        level: How much it matters.
        code: Which sort of difference it is; stable across releases.
        subject: The scope or field with its number, or the vocabulary.
        what: What changed.
        means: What that means, and what to do.

    .. versionadded:: 0.1.0
    """

    level: Level
    code: str
    subject: str
    what: str
    means: str

    def __str__(self) -> str:
        where = f"{self.level.value} {self.code} {self.subject}"
        return f"{where}: {self.what}; {self.means}"


@attrs.define
class Findings:
    """
    The findings about one subject, as they are made.
    """

    subject: str
    found: list[Finding] = attrs.field(factory=list, init=False)

    def breaking(self, code: str, what: str, means: str) -> None:
        """
        Add a finding: what was said before is lost or means something else.
        """
        self.found.append(Finding(Level.BREAKING, code, self.subject, what, means))

    def warning(self, code: str, what: str, means: str) -> None:
        """
        Add a finding: somebody must do something, or is behind until updated.
        """
        self.found.append(Finding(Level.WARNING, code, self.subject, what, means))

    def note(self, code: str, what: str, means: str) -> None:
        """
        Add a finding: good to know.
        """
        self.found.append(Finding(Level.NOTE, code, self.subject, what, means))


def names(departments: frozenset[str] | set[str]) -> str:
    """
    Return the names as a sentence has them.
    """
    return ", ".join(sorted(departments)) or "nobody"
