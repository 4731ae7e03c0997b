"""
Identity: verified by verifiers only, and the only thing that raises an arrival.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from acme import START, Acme, World
from forge import Forge

import cxcontext as cx
from cxcontext import Arrival, Known, Reason, Remedy
from cxcontext.core.events import SectionIgnored
from cxcontext.core.standard import (
    AuthenticatorAssurance,
    IdentityAssurance,
    IdentityVerification,
)
from cxcontext.errors import NotAuthorisedError, UsageError

DIGEST = bytes(range(32))


def at(world: World, name: str, journey: Any, **arguments: Any) -> cx.Journey[Any]:
    """
    Return the journey as it arrives at the department *name*.
    """
    return world[name].receive(journey.hand_over(name), **arguments)


def learned(world: World) -> cx.Journey[Any]:
    """
    Return a journey with something in two scopes, at sales.
    """
    journey = world["sales"].begin(channel="web")
    journey.learn(Acme.full_name, "Alex")
    journey.learn(Acme.order_number, "A-118")
    return journey


def test_a_verification_says_how_and_never_with_what(world):
    """
    Methods, assurance levels and the evidence's type and digest travel.
    """
    journey = world["support"].begin(channel="phone")
    journey.verify_identity(
        "otp",
        "sms",
        identity_assurance=IdentityAssurance.IAL2,
        authenticator_assurance=AuthenticatorAssurance.AAL1,
        evidence_type="passport",
        evidence_digest=DIGEST,
    )
    arrived = at(world, "billing", journey)
    fact = arrived.fact(Acme.identity)

    assert IdentityVerification(
        methods=("otp", "sms"),
        identity_assurance=IdentityAssurance.IAL2,
        authenticator_assurance=AuthenticatorAssurance.AAL1,
        evidence_type="passport",
        evidence_digest=DIGEST,
    ) == arrived.recall(Acme.identity)
    assert (Known.VERIFIED, "support") == (fact.known, fact.department)


@pytest.mark.parametrize("arrival", [Arrival.HINT, Arrival.POSSESSION, Arrival.HOME])
def test_verifying_raises_the_arrival(world, arrival):
    """
    From then on everything that the department may read is recalled.
    """
    arrived = at(world, "support", learned(world), arrival=arrival)
    arrived.verify_identity("otp")

    assert Arrival.DELIVERY is arrived.arrival
    assert "A-118" == arrived.recall(Acme.order_number)
    assert "Alex" == arrived.recall(Acme.full_name)


def test_a_raised_arrival_travels(world):
    """
    The next department gets the journey as surely as this one made it.
    """
    arrived = at(world, "support", learned(world), arrival=Arrival.HINT)
    arrived.verify_identity("otp")
    following = at(world, "billing", arrived)

    assert Arrival.DELIVERY is following.arrival
    assert "A-118" == following.recall(Acme.order_number)


def test_a_stolen_link_is_not_laundered_by_an_honest_department(world):
    """
    The receiver's arrival is the lesser of how it came and what its delivery states.
    """
    link = at(world, "support", learned(world), arrival=Arrival.POSSESSION)
    passed_on = at(world, "billing", link, arrival=Arrival.DELIVERY)

    assert Arrival.POSSESSION is passed_on.arrival
    assert passed_on.recall(Acme.order_number) is None


def test_what_was_verified_elsewhere_does_not_say_who_holds_the_link(world):
    """
    Under possession, an earlier verification of identity is not recalled.
    """
    journey = world["support"].begin(channel="phone")
    journey.verify_identity("otp")
    link = at(world, "ivr", journey, arrival=Arrival.POSSESSION)

    assert link.recall(Acme.identity) is None
    assert Reason.NOT_IDENTIFIED is link.gap(Acme.identity).reason
    link.verify_identity("kba")
    assert ("kba",) == link.recall(Acme.identity).methods


def test_the_remedy_of_not_being_identified_is_to_step_up(world):
    """
    The gap names who may verify.
    """
    gap = at(world, "billing", learned(world), arrival=Arrival.HINT).gap(Acme.full_name)

    assert (Reason.NOT_IDENTIFIED, Remedy.STEP_UP, ("ivr", "support")) == (
        gap.reason,
        gap.remedy,
        gap.departments,
    )


def test_a_department_without_authority_verifies_nobody(world):
    """
    Who is no verifier is refused, and the arrival stays what it was.
    """
    arrived = at(world, "billing", learned(world), arrival=Arrival.POSSESSION)

    with pytest.raises(NotAuthorisedError, match=r"may not verify identity .*ivr, sup"):
        arrived.verify_identity("otp")
    assert Arrival.POSSESSION is arrived.arrival


def test_a_forged_verification_is_read_as_stated(world):
    """
    Verified by a department that is no verifier is only as good as stated.
    """
    forge = Forge(world.ring)
    root = forge.statement(by="sales", says={1: {-6: {0: [["otp"]], 1: 3}}})
    arrived = world["support"].receive(forge.envelope(root))

    assert Known.STATED is arrived.fact(Acme.identity).known
    assert arrived.recall(Acme.identity, at_least=Known.VERIFIED) is None
    assert ["not_a_verifier"] == [e.code for e in world.told(SectionIgnored)]


def test_a_verification_after_another_supersedes_it(world, clock):
    """
    The latest verification is the one that is recalled.
    """
    journey = world["support"].begin(channel="phone")
    journey.verify_identity("otp")
    clock.advance(minutes=10)
    arrived = at(world, "ivr", journey)
    arrived.verify_identity("kba")

    assert ("kba",) == at(world, "billing", arrived).recall(Acme.identity).methods
    assert START + timedelta(minutes=10) == arrived.fact(Acme.identity).at


def test_a_failed_verification_changes_nothing(support):
    """
    What is not a verification is refused before anything is said.
    """
    journey = support.begin(channel="phone")

    with pytest.raises(UsageError, match="methods names one or more of RFC 8176"):
        journey.verify_identity()
    assert not journey.has_news


def test_what_was_learned_before_verifying_is_marked_as_such(world):
    """
    A fact that came under possession stays marked, also when identity follows.
    """
    link = at(world, "support", learned(world), arrival=Arrival.POSSESSION)
    link.learn(Acme.phone, "+33612345678")
    link.begun()
    link.verify_identity("otp")
    link.learn(Acme.email, "alex@example.com")
    arrived = at(world, "billing", link)

    assert Arrival.POSSESSION is arrived.fact(Acme.phone).arrival
    assert Arrival.DELIVERY is arrived.fact(Acme.email).arrival


def test_without_the_field_nobody_verifies(ring, clock):
    """
    A vocabulary without identity verification is told how to get it.
    """

    class Bare(cx.Vocabulary, revision=1):
        """
        One field.
        """

        care = cx.Scope(4, readers=Acme.care.readers)
        name = cx.Field(1, str, scope=care)

    journey = World(ring, clock, vocabulary=Bare)["support"].begin(channel="phone")

    with pytest.raises(UsageError, match=r"standard\.identity_verification\(scope"):
        journey.verify_identity("otp")
