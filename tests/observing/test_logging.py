"""
Events as log records, and a filter that no envelope passes.
"""

from __future__ import annotations

import logging

import pytest

import cxcontext as cx
from cxcontext.observing.logging import LogEvents, RedactingFilter
from cxcontext.testing.shop import Process, Shop

ENVELOPE = str(Process().begin().hand_over("billing"))
SHORT = "cx1.[redacted]"


class Kept(logging.Handler):
    """
    Keeps what it formats.
    """

    def __init__(self, form="%(message)s"):
        super().__init__()
        self.setFormatter(logging.Formatter(form))
        self.addFilter(RedactingFilter())
        self.lines = []

    def emit(self, record):
        """
        Keep a record's text.
        """
        self.lines.append(self.format(record))


@pytest.fixture
def kept():
    """
    A logger's only handler.
    """
    handler, logger = Kept(), logging.getLogger("kept")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield handler
    logger.removeHandler(handler)


def test_each_event_is_a_record(caplog):
    """
    What should be looked at is a warning; who formats JSON has the attributes.
    """
    caplog.set_level(logging.DEBUG, "cxcontext")
    observe = LogEvents()
    observe(cx.events.Sent(department="sales", destination="billing", size_bytes=700))
    observe(cx.events.Rejected(department="billing", code="expired"))
    observe(
        cx.events.GapFound(
            department="billing",
            field="name",
            reason=cx.Reason.NEVER_STATED,
            remedy=cx.Remedy.ASK,
        )
    )

    assert [
        (
            "INFO",
            "sent department=sales destination=billing size_bytes=700",
        ),
        ("WARNING", "rejected department=billing code=expired"),
        (
            "INFO",
            "gap_found department=billing field=name reason=never_stated remedy=ask",
        ),
    ] == [(record.levelname, record.getMessage()) for record in caplog.records]
    assert {"event": "rejected", "department": "billing", "code": "expired"} == (
        caplog.records[1].cxcontext
    )


def test_no_journey_is_named(caplog):
    """
    The ids of journeys, promises and statements are in no record.
    """
    caplog.set_level(logging.DEBUG)
    domain = Process()._domain
    sales = domain.department(
        "sales", keys=Process().department("sales").keys, on_event=LogEvents()
    )
    journey = sales.begin(channel="chat")
    journey.learn(Shop.name, "Ada Zebedee")
    journey.hand_over("billing")
    journey.needs(Shop.name, Shop.email)
    observe = LogEvents()
    observe(
        cx.events.MergeLeftOut(department="sales", statements=1, statement_ids=("5e7",))
    )
    observe(
        cx.events.PromiseChanged(department="sales", promise_id="5e7", action="made")
    )

    text = "".join(f"{vars(record)}" for record in caplog.records)
    assert "gap_found" in text
    assert "promise_changed" in text
    assert [] == [word for word in (journey.id, "5e7", "Zebedee") if word in text]


def test_a_logger_that_is_off_costs_no_record(caplog):
    """
    Nothing is made where nothing is logged.
    """
    logger = logging.getLogger("cxcontext.quiet")
    logger.setLevel(logging.ERROR)
    LogEvents(logger)(cx.events.Rejected(department="billing", code="expired"))

    assert [] == caplog.records


class Unshowable:
    """
    Cannot be shown.
    """

    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("message", "arguments", "expected"),
    [
        ("%d", (ENVELOPE,), "[TypeError of a log message] %d"),
        (f"{ENVELOPE} %s", (), f"{SHORT} %s"),
        ("%s and %s", (ENVELOPE,), "[TypeError of a log message] %s and %s"),
        ("%s", (Unshowable(),), "[RuntimeError of a log message] %s"),
        (Unshowable(), (), "[RuntimeError of a log message] "),
    ],
)
def test_arguments_that_do_not_fit_break_nothing(
    kept, capsys, message, arguments, expected
):
    """
    The line is kept without them: whoever logs meets no error, and no envelope is shown.
    """
    logging.getLogger("kept").warning(message, *arguments)

    assert [expected] == kept.lines
    assert "" == capsys.readouterr().err


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        (f"came {ENVELOPE}", ()),
        ("came %s", (ENVELOPE,)),
        ("came %r", (ENVELOPE.encode(),)),
        ("came %s", ([("customer-context", ENVELOPE)],)),
        ("came %(value)s", ({"value": ENVELOPE},)),
    ],
)
def test_no_message_shows_an_envelope(kept, message, arguments):
    """
    Wherever it stands, in the message or in an argument of whatever type.
    """
    logging.getLogger("kept").warning(message, *arguments)

    assert ENVELOPE[4:40] not in kept.lines[0]
    assert SHORT in kept.lines[0]


def test_arguments_stay_arguments(kept):
    """
    Access logs are formatted from their arguments, which keep number and types.
    """
    seen = []
    kept.addFilter(lambda record: seen.append(record.args) is None)
    logging.getLogger("kept").info("%s %s %d", "GET", f"/?cx={ENVELOPE}", 200)

    assert [("GET", f"/?cx={SHORT}", 200)] == seen
    assert [f"GET /?cx={SHORT} 200"] == kept.lines


def test_other_records_stay_as_they_are(kept):
    """
    A message without any is untouched, arguments that are objects too.
    """
    seen = []
    kept.addFilter(lambda record: seen.append((record.msg, record.args)) is None)
    logging.getLogger("kept").info("took %d ms at %s", 3, kept)

    assert [("took %d ms at %s", (3, kept))] == seen


def test_tracebacks_and_stacks_are_redacted(kept):
    """
    The text of an error, and of what led to it, shows no envelope.
    """
    try:
        int(ENVELOPE)
    except ValueError:
        logging.getLogger("kept").exception("failed", stack_info=True)

    assert "ValueError" in kept.lines[0]
    assert SHORT in kept.lines[0]
    assert "Stack (most recent call last)" in kept.lines[0]
    assert ENVELOPE[4:40] not in kept.lines[0]
