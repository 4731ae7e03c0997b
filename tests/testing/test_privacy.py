"""
A department's keys open what it may read, and are seen to open more if they do.
"""

from __future__ import annotations

from enum import Enum

import attrs
import pytest

import cxcontext as cx
from cxcontext.testing import SampleShop, ThrowAwayDomain, assert_private

SHOP = ThrowAwayDomain(SampleShop)
SCOPES = SampleShop.scopes
ENVELOPE = (
    SHOP.story()
    .began("sales", channel="chat")
    .told(SampleShop.order_number, "A-118")
    .told(SampleShop.card_last4, "4242")
    .handed_to("support")
    .told(SampleShop.note, "rings in the evening")
    .journey.hand_over("billing")
)


def complaint(envelope, department, *may_read):
    """
    Return what the assertion says.
    """
    with pytest.raises(AssertionError) as ei:
        assert_private(envelope, department, may_read=may_read)
    return str(ei.value)


@pytest.mark.parametrize("form", [bytes, str, lambda envelope: envelope])
def test_support_opens_no_payment(form):
    """
    With what it may read named, nothing else opens.
    """
    assert_private(
        form(ENVELOPE),
        SHOP.department("support"),
        may_read=[SCOPES["contact"], SCOPES["order"], SCOPES["care"]],
    )


def test_what_may_be_read_need_not_be():
    """
    More may be allowed than the keys open.
    """
    assert_private(ENVELOPE, SHOP.department("sales"), may_read=SCOPES.values())


def test_a_reader_that_should_be_none_is_named():
    """
    Scope, fields, author and remedy are in the message; no value is.
    """
    said = complaint(ENVELOPE, SHOP.department("support"), SCOPES["order"])

    assert "support can open scope care (note), sealed by support" in said
    assert "take support out of the scope's readers, and rotate its key" in said
    assert "evening" not in said


def test_a_key_that_leaked_is_found():
    """
    Who holds a key opens the scope, whatever the vocabulary says.
    """
    support, billing = SHOP.department("support"), SHOP.department("billing")
    leaked = attrs.evolve(
        support.keys,
        opening_keys=(*support.keys.opening_keys, *billing.keys.opening_keys[-1:]),
    )
    domain = cx.TrustDomain(
        support.domain, SampleShop, keys=SHOP.ring.public, clock=SHOP.clock
    )
    thief = domain.department("support", keys=leaked)

    said = complaint(
        ENVELOPE, thief, SCOPES["contact"], SCOPES["order"], SCOPES["care"]
    )

    assert "support can open scope payment (card_last4), sealed by sales" in said
    assert "is no reader, and holds the key: rotate" in said


def test_an_envelope_with_nothing_sealed_shows_nothing():
    """
    A test that could not fail is told so.
    """
    empty = SHOP.department("sales").begin(channel="chat").hand_over("billing")

    assert "so the test shows nothing" in complaint(empty, SHOP.department("billing"))


def test_what_is_in_the_clear_is_read_by_all():
    """
    A clear fact is named, unless its scope may be read.
    """

    class Tier(Enum):
        GOLD = "gold"

    class Clear(cx.Vocabulary, revision=1):
        order = cx.Scope(1, readers={"sales"})
        routing = cx.Scope(2, readers={"sales"})
        number = cx.Field(1, str, scope=order)
        tier = cx.Field(2, Tier, scope=routing, clear=True)

    shop = ThrowAwayDomain(Clear, departments={"billing"})
    journey = shop.story().began("sales", channel="chat").journey
    journey.learn(Clear.number, "A-118")
    journey.learn(Clear.tier, Tier.GOLD)
    envelope, billing = journey.hand_over("billing"), shop.department("billing")

    said = complaint(envelope, billing)

    assert "field tier travels in the clear, stated by sales" in said
    assert "gold" not in said.casefold()
    assert_private(envelope, billing, may_read=[Clear.scopes["routing"]])
