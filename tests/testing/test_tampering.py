"""
Every way of breaking an envelope is refused, with the code that it must give.
"""

from __future__ import annotations

import attrs
import pytest

import cxcontext as cx
from cxcontext.errors import VerificationError
from cxcontext.testing import SampleShop, Story, ThrowAwayDomain, tampered

SHOP = ThrowAwayDomain(SampleShop)


def long_story() -> Story[SampleShop]:
    """
    Return a story of three statements, the last of which has a section.
    """
    return (
        SHOP.story()
        .began("sales", channel="chat")
        .told(SampleShop.order_number, "A-118")
        .handed_to("billing")
        .told(SampleShop.card_last4, "4242")
        .handed_to("support")
        .told(SampleShop.note, "rings in the evening")
    )


HANDED = long_story().handed_to("billing").envelope
ROOT_ALONE = SHOP.department("sales").begin(channel="chat").hand_over("billing")
RESTING = long_story().journey.save(shared=True)
HANDED_CASES = tampered(HANDED)


@pytest.mark.parametrize("case", HANDED_CASES, ids=str)
def test_a_broken_hand_over_is_refused_with_its_code(case):
    """
    Whoever it was for refuses it, and says why in the code of that check.
    """
    with pytest.raises(VerificationError) as ei:
        SHOP.department("billing").receive(case.raw)

    assert case.code == ei.value.code


@pytest.mark.parametrize("case", tampered(RESTING), ids=str)
def test_what_rests_and_is_broken_is_refused_with_its_code(case):
    """
    What was laid to rest is refused when it is read back.
    """
    with pytest.raises(VerificationError) as ei:
        SHOP.department("billing").resume(case.raw)

    assert case.code == ei.value.code


@pytest.mark.parametrize("case", tampered(ROOT_ALONE), ids=str)
def test_a_journey_of_one_statement_has_fewer_ways(case):
    """
    With one statement and no section, what can be done is refused all the same.
    """
    with pytest.raises(VerificationError) as ei:
        SHOP.department("billing").receive(case.raw)

    assert case.code == ei.value.code


def test_a_bound_delivery_is_broken_in_the_same_ways():
    """
    A binding and a reply that are there are changed, not only added.
    """
    journey = long_story().journey
    envelope = journey.hand_over("billing", binding=b"call-17", reply_to=b"12345678")
    billing = SHOP.department("billing")
    found = {}
    for case in tampered(envelope):
        with pytest.raises(VerificationError) as ei:
            billing.receive(case.raw, binding=b"call-17", reply_to=b"12345678")
        found[case.name] = (case.code, ei.value.code)

    assert [] == [pair for pair in found.values() if pair[0] != pair[1]]
    assert {"delivery: bound otherwise", "delivery: another reply"} <= found.keys()


def test_the_untouched_one_is_received():
    """
    It is the tampering that is refused: the envelope itself is good.
    """
    journey = SHOP.department("billing").receive(HANDED)

    assert "A-118" == journey.recall(SampleShop.order_number)


def test_ways_have_names_of_their_own():
    """
    Each way is named once, and the short story has fewer.
    """
    names = [case.name for case in HANDED_CASES]

    assert len(names) == len(set(names))
    assert {case.name for case in tampered(ROOT_ALONE)} < set(names)


def test_a_case_does_not_show_the_envelope():
    """
    Its name is its text, and its representation has no bytes of it.
    """
    case = attrs.evolve(HANDED_CASES[0], raw="cx1.secret")

    assert (case.name, False) == (str(case), "cx1.secret" in repr(case))


def test_the_same_envelope_is_broken_in_the_same_order():
    """
    A test that is run for one case by its number meets that case again.
    """
    again = tampered(cx.Envelope.parse(bytes(HANDED)))

    assert HANDED_CASES == again
