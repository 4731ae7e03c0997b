"""
What was logged meanwhile, by whomever and at whichever level.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, Self

_FORM: Final = logging.Formatter("%(name)s %(levelname)s %(message)s")


class Logs(logging.Handler):
    """
    Every record that reaches the root logger while this is entered.

    Args:
        without: Loggers whose records do not count, nor those of loggers below them.

    .. versionadded:: 0.1.0
    """

    def __init__(self, *, without: Sequence[str] = ()) -> None:
        super().__init__(level=0)
        self._without = {*without}
        self.records: list[logging.LogRecord] = []
        self._texts: list[str] = []
        self._before = 0

    def emit(self, record: logging.LogRecord) -> None:
        """
        Keep a record.
        """
        parts = record.name.split(".")
        above = {".".join(parts[:count]) for count in range(1, len(parts) + 1)}
        if above & self._without:
            return
        self.records.append(record)
        # Now, as a log file has it: arguments may be changed later.
        self._texts.append(f"{_FORM.format(record)} {record.args!r}")

    def text(self) -> str:
        """
        Return all that a log file could have, tracebacks and arguments too.
        """
        return "\n".join(self._texts)

    def failures(self) -> list[str]:
        """
        Return the errors in the log that no broken connection explains.
        """
        return [
            repr(record.exc_info[1])
            for record in self.records
            if record.exc_info and not isinstance(record.exc_info[1], OSError)
        ]

    def __enter__(self) -> Self:
        root = logging.getLogger()
        self._before = root.level
        root.addHandler(self)
        # Below DEBUG some servers log every message.
        root.setLevel(1)
        return self

    def __exit__(self, *_: object) -> None:
        root = logging.getLogger()
        root.setLevel(self._before)
        root.removeHandler(self)
