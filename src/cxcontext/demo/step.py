"""
One part of the story: what was said, expected, and noted meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from cxcontext.demo.notes import Report


@attrs.frozen
class Expectation:
    """
    What should be so, and whether it is.
    """

    what: str
    held: bool


@attrs.define
class Step:
    """
    One part of the story.

    Attributes:
        title: What happens.
        when: On which day, and so with which processes.
        dialogue: Who said what.
        expectations: What should be so.
        reports: What every department noted.
    """

    title: str
    when: str
    dialogue: list[tuple[str, str]] = attrs.field(factory=list)
    expectations: list[Expectation] = attrs.field(factory=list)
    reports: Sequence[Report] = ()

    def say(self, who: str, text: str) -> None:
        """
        Note what was said.
        """
        self.dialogue.append((who, text))

    def expect(self, what: str, *, held: bool) -> None:
        """
        Note what should be so.
        """
        self.expectations.append(Expectation(what, held))

    def events(
        self, kind: str, department: str | None = None
    ) -> list[Mapping[str, Any]]:
        """
        Return the events of one kind, at one department if it is named.
        """
        return [
            event
            for report in self.reports
            for event in report.events
            if event["event"] == kind and department in (None, event["department"])
        ]
