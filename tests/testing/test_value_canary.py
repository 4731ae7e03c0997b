"""
What a customer said is found wherever it is, in whichever form, and never shown.
"""

from __future__ import annotations

import html
import json
import logging
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from urllib.parse import quote, quote_plus

import attrs
import pytest

import cxcontext as cx
from cxcontext.testing import Logs, SampleShop, ThrowAwayDomain, assert_no_values
from cxcontext.testing.canary import shown_in, values_in

CANARY = 'Zoë "Q" Canary-7f3a'
LOG = logging.getLogger("shop.orders")


@pytest.fixture
def journey():
    """
    A journey in which the canary was planted.
    """
    shop = ThrowAwayDomain(SampleShop)
    story = shop.story().began("sales", channel="chat")
    return story.told(SampleShop.full_name, CANARY).journey


def complaint(*arguments, **options):
    """
    Return what the assertion says, which never has the canary.
    """
    with pytest.raises(AssertionError) as ei:
        assert_no_values(*arguments, **options)
    assert "Canary" not in str(ei.value)
    return str(ei.value)


def test_a_log_without_values_passes(journey, caplog):
    """
    The journey itself, its events and what explains it may be logged.
    """
    caplog.set_level(1)
    LOG.info("%s %r %s", journey, journey.context, journey.explain())
    LOG.error("failed", exc_info=ValueError("order"), extra={"journey_id": "ab"})

    assert_no_values(caplog, journey)


def test_a_message_is_searched(journey, caplog):
    """
    Field, record, logger, level and part are named, and what to log instead.
    """
    LOG.warning("hello")
    LOG.warning("customer %s", journey.recall(SampleShop.full_name))

    said = complaint(caplog, journey)

    assert "full_name as it is in log record 2 (shop.orders, WARNING), message" in said
    assert "remedy: log the journey" in said


class Unlucky:
    """
    Shows itself in its representation only.
    """

    def __repr__(self):
        return CANARY

    def __str__(self):
        return "unlucky"


def _refuse():
    raise ValueError(CANARY)


def _raise_from():
    try:
        _refuse()
    except ValueError as problem:
        msg = "wrapped"
        raise RuntimeError(msg) from problem


def _with_note():
    problem = ValueError("noted")
    problem.add_note(CANARY)
    raise problem


def _logged_exception(fails):
    try:
        fails()
    except Exception:
        LOG.exception("failed")


WAYS_TO_LOG = {
    "arguments": lambda: LOG.info("%s", Unlucky()),
    "a dict of arguments": lambda: LOG.info("%(a)s", {"a": "b", "unused": CANARY}),
    "extra": lambda: LOG.info("hello", extra={"customer": {"name": CANARY}}),
    "a cause": lambda: _logged_exception(_raise_from),
    "a note": lambda: _logged_exception(_with_note),
    "a stack": lambda: LOG.handle(
        logging.makeLogRecord({"name": "shop", "stack_info": CANARY, "levelno": 30})
    ),
}


@pytest.mark.parametrize("way", WAYS_TO_LOG)
def test_every_part_of_a_record_is_searched(journey, way):
    """
    Arguments, extra attributes, exceptions with causes and notes, and the stack.
    """
    with Logs() as logs:
        WAYS_TO_LOG[way]()

    assert "full_name" in complaint(logs, journey)


def test_a_template_that_does_not_fit_is_searched(journey):
    """
    A record that cannot be formatted is searched for what it has.
    """
    record = logging.makeLogRecord({"msg": CANARY + " %s %s", "args": ("one",)})

    assert "message" in complaint([record], journey)


DATA = CANARY.encode()
FORMS = {
    "upper case": CANARY.upper(),
    "percent": quote(CANARY, safe=""),
    "form": quote_plus(CANARY),
    "json": json.dumps({"name": CANARY}),
    "html": html.escape(CANARY),
    "repr": repr([CANARY]),
    "bytes": f"...{DATA.hex()}...",
    "HEX": DATA.hex().upper(),
    **{
        f"base64 at {offset}": b64encode(b"x" * offset + DATA + b"tail").decode()
        for offset in range(4)
    },
    "base64url": urlsafe_b64encode(b"??" + DATA).decode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_usual_encodings_are_seen_through(journey, form):
    """
    A value that was encoded on its way into a text is found all the same.
    """
    assert "full_name" in complaint([], journey, texts={"body": FORMS[form]})


def test_texts_are_named(journey):
    """
    The place is the name under which the text was given.
    """
    said = complaint([], journey, texts={"url": "/", "metrics": CANARY.encode()})

    assert "in text metrics" in said
    assert "in text url" not in said


def test_envelopes_and_references_are_found(journey):
    """
    Neither is a value, and neither belongs into a log.
    """
    envelope = str(journey.hand_over("support"))
    reference = "CX" + "A2" * 23

    said = complaint([], journey, texts={"a": envelope, "b": f"ref={reference}"})

    assert "an envelope in text a" in said
    assert "a reference in text b" in said


def test_sentinels_may_be_given_by_name():
    """
    Whoever has no journey names what to look for.
    """
    said = complaint([], {"token": "sentinel-1"}, texts={"log": "has Sentinel-1"})

    assert "token as it is in text log" in said


def test_without_a_canary_nothing_is_shown():
    """
    A test that could not fail is told so.
    """
    with pytest.raises(AssertionError, match="the test shows nothing"):
        assert_no_values([], {"house": 12})


class Colour(Enum):
    """
    Has a value.
    """

    MAUVE = "mauve"


@attrs.frozen
class Address:
    """
    A record.
    """

    street: str
    lines: list[str]


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("four", {"four"}),
        ("two", set()),
        (b"\xffabcd", {"\\xffabcd"}),
        (Colour.MAUVE, {"mauve"}),
        (Address("1 Main Street", ["Floor 2"]), {"1 Main Street", "Floor 2"}),
        ({"key1": (Decimal("12.50"), 1234)}, {"key1", "12.50", "1234"}),
        (date(2026, 1, 5), {"2026-01-05"}),
        (datetime(2026, 1, 5, tzinfo=UTC), {"2026-01-05T00:00:00+00:00"}),
        (True, set()),
        (None, set()),
    ],
)
def test_texts_are_read_off_values(value, texts):
    """
    Whatever the type, what could be recognised in a log is what is looked for.
    """
    assert texts == values_in({"it": value}).get("it", set())


def test_any_of_several_texts_is_shown():
    """
    One of them, in one of its forms, is enough.
    """
    assert shown_in(["nothing", "a b c d"], "x=a%20b%20c%20d")
    assert not shown_in(["nothing"], "something")


def test_journeys_may_be_several(journey):
    """
    What any of them recalls is looked for.
    """
    other = ThrowAwayDomain(SampleShop).story().began("sales", channel="chat")
    other.told(SampleShop.order_number, "A-118-7f")

    said = complaint([], [journey, other.journey], texts={"x": "a-118-7F"})

    assert "order_number" in said
    assert isinstance(journey, cx.Journey)
