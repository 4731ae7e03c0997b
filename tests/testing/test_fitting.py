"""
Whether a journey fits is said beforehand, with what it costs if it does not.
"""

from __future__ import annotations

import attrs
import pytest

import cxcontext as cx
from cxcontext.homes import ReferenceKeys, References
from cxcontext.stores.memory import MemoryStore
from cxcontext.testing import SampleShop, ThrowAwayDomain, assert_fits

SHOP = ThrowAwayDomain(SampleShop)
NARROW = cx.Limits(value_bytes=200)


@attrs.define
class Carrier:
    """
    A message that takes so much.
    """

    limits: cx.Limits = attrs.field(factory=cx.Limits)


@pytest.fixture
def journey():
    """
    A journey at sales, which knows an order.
    """
    story = SHOP.story().began("sales", channel="chat")
    return story.told(SampleShop.order_number, "A-118").journey


def propagator(*destinations, **options):
    """
    Return one of sales.
    """
    return cx.Propagator(
        SHOP.department("sales"), [cx.Destination(n) for n in destinations], **options
    )


def complaint(*arguments, **options):
    """
    Return what the assertion says.
    """
    with pytest.raises(AssertionError) as ei:
        assert_fits(*arguments, **options)
    assert "A-118" not in str(ei.value)
    return str(ei.value)


def test_a_short_journey_fits(journey):
    """
    Into a carrier, into its limits, for another department, with a propagator.
    """
    assert_fits(journey, Carrier())
    assert_fits(journey, cx.Limits(), to="billing")
    assert_fits(journey, Carrier(), to="billing", propagator=propagator("billing"))


def test_nothing_happens_to_it(journey):
    """
    What was learned is as unsent as before, and nothing was sealed.
    """
    assert_fits(journey, Carrier())

    assert ((3,), None) == (journey.unsent, journey.id)


def test_too_long_is_said_with_the_consequence(journey):
    """
    Both sizes, the fields, and the remedy.
    """
    said = complaint(journey, NARROW, to="support")

    assert "bytes, and the carrier takes 200" in said
    assert "support will ask for: order_number" in said
    assert "remedy: give the propagator references=" in said


def test_the_binary_form_is_shorter():
    """
    A carrier of bytes is held against bytes.
    """
    journey = SHOP.story().began("sales", channel="chat").journey
    size_bytes = len(bytes(journey.twin().seal_for("sales")))

    assert_fits(journey, cx.Limits(value_bytes=size_bytes, binary=True))
    assert "will ask for: nothing" in complaint(
        journey, cx.Limits(value_bytes=size_bytes)
    )


def test_by_reference_everything_fits(journey):
    """
    A propagator with references goes by reference, which is no failure.
    """
    references = References(
        MemoryStore(), keys=ReferenceKeys({0: b"k" * 32}), pepper=b"p" * 32
    )

    assert_fits(
        journey,
        NARROW,
        to="billing",
        propagator=propagator("billing", references=references),
    )


def test_a_propagator_says_why_not(journey):
    """
    Too large without references, not allowed where nobody is named.
    """
    too_large = complaint(
        journey, NARROW, to="billing", propagator=propagator("billing")
    )
    not_allowed = complaint(journey, NARROW, to="billing", propagator=propagator())

    assert "too_large" in too_large
    assert "references=" in too_large
    assert "name the receiver among the propagator's destinations" in not_allowed


def test_without_a_key_the_remedy_is_keys(journey):
    """
    Where the department cannot sign any more, no carrier is at fault.
    """
    shop = ThrowAwayDomain(SampleShop)
    late = (
        shop.story()
        .began("sales", channel="chat")
        .told(SampleShop.email, "a@example.com")
    )
    sender = cx.Propagator(shop.department("sales"), [cx.Destination("billing")])
    late.later(days=3650)

    said = complaint(late.journey, Carrier(), to="billing", propagator=sender)

    assert "see to the department's keys" in said
