"""
logging: events as records, and a filter that keeps envelopes out of all records.
"""

from __future__ import annotations

import logging
from typing import Final

import attrs

from cxcontext import events
from cxcontext.observing.attributes import attributes_of, kind_of
from cxcontext.observing.redaction import redact

# Somebody should look: the rest is a day's work.
WARNINGS: Final = (
    events.LeftOutStatement,
    events.MergeLeftOut,
    events.NearlyFull,
    events.Rejected,
    events.RolledBack,
    events.SectionIgnored,
    events.Unnoted,
    events.Unsent,
)


@attrs.frozen
class LogEvents:
    """
    An observer that logs each event: ``TrustDomain(on_event=LogEvents())``.

    What somebody should look at is a warning, the rest is information. A record's
    ``cxcontext`` is a dict of the event's attributes, for formatters that write JSON.
    No journey is named, no value, no envelope.

    Args:
        logger: Where to; ``cxcontext``, unless given.

    .. versionadded:: 0.1.0
    """

    logger: logging.Logger = attrs.field(factory=lambda: logging.getLogger("cxcontext"))

    def __call__(self, event: events.Event) -> None:
        """
        Log one event.
        """
        level = logging.WARNING if isinstance(event, WARNINGS) else logging.INFO
        if not self.logger.isEnabledFor(level):
            return
        kind, shown = kind_of(event), attributes_of(event)
        told = " ".join(f"{name}={value}" for name, value in shown.items())
        extra = {"cxcontext": {"event": kind, **shown}}
        self.logger.log(level, "%s %s", kind, told, extra=extra)


class RedactingFilter(logging.Filter):
    """
    A filter for handlers that takes envelopes and references out of every record.

    ``handler.addFilter(RedactingFilter())``, on each handler: a logger's filters do
    not see what its children log. Messages, their arguments and tracebacks are
    redacted, for all handlers that come after. A handler that makes tracebacks of its
    own from ``exc_info``, with the locals of each frame, redacts what it makes itself:
    see `cxcontext.observing.redaction`.

    .. versionadded:: 0.1.0
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """
        Redact a record; none is dropped.
        """
        try:
            message = record.getMessage()
        # What logging would print to stderr, arguments and all.
        except Exception as problem:  # noqa: BLE001
            message = f"[{type(problem).__name__} of a log message] "
            message += record.msg if isinstance(record.msg, str) else ""
            record.msg, record.args = message, ()
        if redact(message) != message:
            if isinstance(record.args, tuple):
                # Access logs are formatted from their arguments.
                record.args = tuple(
                    redact(a) if isinstance(a, str) else a for a in record.args
                )
            if redact(record.getMessage()) != record.getMessage():
                record.msg, record.args = redact(message), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True
