"""
An envelope is whole, or it is said what is missing and whose it was.
"""

from __future__ import annotations

import attrs
import pytest

import cxcontext as cx
from cxcontext.testing import SampleShop, ThrowAwayDomain, assert_intact, tampered

SHOP = ThrowAwayDomain(SampleShop, external={"courier"})


def story():
    """
    Return a customer at sales, who said something of two scopes.
    """
    return (
        SHOP.story()
        .began("sales", channel="chat")
        .told(SampleShop.order_number, "A-118")
        .told(SampleShop.card_last4, "4242")
    )


def complaint(*arguments, **options):
    """
    Return what the assertion says.
    """
    with pytest.raises(AssertionError) as ei:
        assert_intact(*arguments, **options)
    assert ei.value.__cause__ is None
    return str(ei.value)


@pytest.mark.parametrize("form", [bytes, str, lambda envelope: envelope])
def test_a_good_one_passes_in_every_form(form):
    """
    As an object, as bytes and as text, whoever looks at it.
    """
    envelope = story().journey.hand_over("support")

    assert_intact(form(envelope), SHOP.department("billing"))


def test_what_rests_passes():
    """
    What was saved is verified as what rests, for one department and for all.
    """
    journey = story().journey

    assert_intact(journey.save(), SHOP.department("billing"))
    assert_intact(journey.save(shared=True), SHOP.department("billing"))


def test_a_partners_answer_passes():
    """
    An export's answer is verified by the door of its own.
    """
    export = story().journey.export_to("courier")
    there = SHOP.department("courier").receive(export)

    assert_intact(export, SHOP.department("sales"))
    assert_intact(there.hand_over("sales"), SHOP.department("sales"))


def test_looking_at_it_does_not_receive_it():
    """
    The receiver still takes it as a delivery that was never seen.
    """
    envelope = story().journey.hand_over("support")
    assert_intact(envelope, SHOP.department("support"))

    assert not SHOP.department("support").receive(envelope, once=True).replayed


def test_a_bound_one_needs_what_it_is_bound_to():
    """
    With the binding it passes, without it the code is said.
    """
    envelope = story().journey.hand_over("support", binding=b"call-17")

    assert_intact(envelope, SHOP.department("sales"), binding=b"call-17")
    assert "wrong_binding" in complaint(envelope, SHOP.department("sales"))


@pytest.mark.parametrize(
    "case", tampered(story().journey.hand_over("support")), ids=str
)
def test_a_broken_one_fails(case):
    """
    Each way of breaking it is seen, without an envelope in the message.
    """
    said = complaint(case.raw, SHOP.department("support"))

    assert "the envelope is refused with " in said
    assert "cx1." not in said


def test_a_withheld_scope_is_named():
    """
    What the sender left out is named, and may be allowed.
    """
    payment = SampleShop.payment
    envelope = story().journey.hand_over("support", withhold=[payment])

    said = complaint(envelope, SHOP.department("support"))

    assert "scope payment was withheld from statement" in said
    assert "by sales" in said
    assert_intact(envelope, SHOP.department("support"), withheld=[payment])


def test_an_author_who_is_not_known_is_named_by_key():
    """
    A department whose key the key set lacks has statements that nobody can check.
    """
    envelope = (
        story()
        .handed_to("support")
        .told(SampleShop.note, "later")
        .handed_to("billing")
        .handed_to("sales")
        .envelope
    )
    public = SHOP.ring.public
    support = attrs.evolve(public.departments["support"], keys=())
    behind = attrs.evolve(
        public, departments={**public.departments, "support": support}
    )
    domain = cx.TrustDomain(public.domain, SampleShop, keys=behind, clock=SHOP.clock)
    sales = domain.department("sales", keys=SHOP.ring.private["sales"])

    assert "the author of statement" in complaint(envelope, sales)


def test_a_statement_that_was_left_out_is_named():
    """
    What a revoked key signed and nobody built upon is left out, and that is said.
    """
    journey = story().handed_to("support").told(SampleShop.note, "later").journey
    ours = SHOP.department("sales")
    public = SHOP.ring.public
    entry = public.departments["support"].keys[0]
    revoked = attrs.evolve(entry, revoked_at=SHOP.clock())
    support = attrs.evolve(public.departments["support"], keys=(revoked,))
    domain = cx.TrustDomain(
        public.domain,
        SampleShop,
        keys=attrs.evolve(
            public, departments={**public.departments, "support": support}
        ),
        clock=SHOP.clock,
    )
    # Billing passes it on, who did not know of the revocation.
    envelope = (
        SHOP.department("billing")
        .receive(journey.hand_over("billing"))
        .hand_over("sales")
    )

    said = complaint(envelope, domain.department("sales", keys=ours.keys))

    assert "was left out: key_revoked" in said


def test_a_stranger_it_is_addressed_to_is_refused():
    """
    An audience that the key set does not have is no department.
    """
    other = ThrowAwayDomain(SampleShop, departments={"branch"})
    envelope = other.story().began("sales", channel="chat").journey.hand_over("branch")

    assert "malformed" in complaint(envelope, SHOP.department("sales"))
