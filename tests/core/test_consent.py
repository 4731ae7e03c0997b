"""
Consent: granted by the field's writers, withdrawn by anybody, and never in doubt.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest
from acme import START, START_S, Acme, World, ring_of
from forge import Forge, withheld

import cxcontext as cx
from cxcontext import Arrival, Known, Reason
from cxcontext.core.consenting import fold_consent
from cxcontext.core.fold import Node
from cxcontext.core.keygen import rotate_scope, rotate_signing
from cxcontext.core.section import SectionContent, WireFact
from cxcontext.core.standard import Consent, ConsentStatus
from cxcontext.errors import NotAuthorisedError, UsageError

MARKETING = "dpv:Marketing"
OTHER = "dpv:Other"
GIVEN, REFUSED, WITHDRAWN = 0, 1, 2


def at(world: World, name: str, journey: Any, **arguments: Any) -> cx.Journey[Any]:
    """
    Return the journey as it arrives at the department *name*.
    """
    return world[name].receive(journey.hand_over(name), **arguments)


def consenting(world: World) -> cx.Journey[Any]:
    """
    Return a journey with consent to marketing, at sales.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.hobby, "chess")
    journey.consent(MARKETING)
    journey.begun()
    return journey


# --- granting ------------------------------------------------------------------


def test_consent_is_known_here_and_there(world):
    """
    A grant counts at once, and at every reader of its scope, for its purpose only.
    """
    journey = consenting(world)
    arrived = at(world, "billing", journey)

    assert journey.has_consent(MARKETING)
    assert arrived.has_consent(MARKETING)
    assert not arrived.has_consent(OTHER)
    assert "chess" == arrived.recall(Acme.hobby, purpose=MARKETING)


def test_a_grant_has_its_basis_and_end(sales):
    """
    The grant says on which legal basis, and until when.
    """
    journey = sales.begin(channel="chat")
    end = START + timedelta(days=5)
    journey.consent(MARKETING, lawful_basis="dpv:ExplicitConsent", expires_at=end)

    assert Consent(
        status=ConsentStatus.GIVEN, lawful_basis="dpv:ExplicitConsent", expires_at=end
    ) == journey.recall(Acme.consent, qualifier=MARKETING)


def test_a_grant_ends_at_its_end(sales, clock):
    """
    Until its end a grant counts, and from then on it does not.
    """
    journey = sales.begin(channel="chat")
    journey.consent(MARKETING, expires_at=START + timedelta(days=5))
    clock.advance(days=4, hours=23)
    assert journey.has_consent(MARKETING)
    clock.advance(hours=1)

    assert not journey.has_consent(MARKETING)


def test_a_grant_ends_at_the_fields_maximum_age(world, clock):
    """
    A grant without an end counts for the maximum age from when it was given.
    """
    journey = world["sales"].begin(channel="chat")
    journey.consent(MARKETING)
    clock.advance(days=20)
    arrived = at(world, "billing", journey)
    assert arrived.has_consent(MARKETING)
    clock.advance(days=10)

    assert not arrived.has_consent(MARKETING)
    assert Reason.NO_CONSENT is arrived.gap(Acme.hobby, purpose=MARKETING).reason


def test_a_grant_again_counts_from_then(sales, clock):
    """
    Given again, consent counts from the second time on.
    """
    journey = sales.begin(channel="chat")
    journey.consent(MARKETING)
    clock.advance(days=20)
    journey.consent(MARKETING)
    clock.advance(days=20)

    assert journey.has_consent(MARKETING)


def test_only_writers_of_the_field_grant(ivr):
    """
    A department that may not write the scope records no grant.
    """
    with pytest.raises(NotAuthorisedError, match="ivr may not write consent"):
        ivr.begin(channel="phone").consent(MARKETING)


def test_a_grant_by_anybody_else_does_not_count(world):
    """
    A section of somebody who may not write the scope grants nothing.
    """
    forge = Forge(world.ring)
    root = forge.statement(by="sales")
    grant = forge.statement(root, by="ivr", says={4: {-8: {0: [GIVEN], 3: MARKETING}}})
    raw = forge.envelope(root, grant, to="billing")

    assert not world["billing"].receive(raw).has_consent(MARKETING)


def test_nobody_concludes_that_a_customer_has_agreed(sales):
    """
    An inferred grant is none, and an inferred withdrawal is one.
    """
    journey = sales.begin(channel="chat")
    grant = Consent(status=ConsentStatus.GIVEN)
    journey.learn(Acme.consent, grant, qualifier=MARKETING, known=Known.INFERRED)
    assert not journey.has_consent(MARKETING)
    journey.consent(MARKETING)
    assert journey.has_consent(MARKETING)
    journey.begun()
    refusal = Consent(status=ConsentStatus.REFUSED)
    journey.learn(Acme.consent, refusal, qualifier=MARKETING, known=Known.INFERRED)

    assert not journey.has_consent(MARKETING)


# --- withdrawing ---------------------------------------------------------------


def test_anybody_may_withdraw(world):
    """
    Whoever hears it can pass it on: also a department that may not write the scope.
    """
    journey = consenting(world)
    ivr = at(world, "ivr", journey)
    ivr.withdraw(MARKETING)
    journey.merge(ivr.hand_over("sales"))

    assert not journey.has_consent(MARKETING)
    assert not at(world, "billing", ivr).has_consent(MARKETING)


def test_a_withdrawal_counts_without_a_grant(sales):
    """
    That the customer never consented can be said as well.
    """
    journey = sales.begin(channel="chat")
    journey.withdraw(MARKETING)

    assert not journey.has_consent(MARKETING)
    assert (-8,) == journey.unsent


def test_what_was_withdrawn_at_the_same_time_is_withdrawn(world):
    """
    Of a grant and a concurrent withdrawal, the withdrawal counts.
    """
    journey = world["sales"].begin(channel="chat")
    branch = at(world, "billing", journey)
    journey.consent(MARKETING)
    branch.withdraw(MARKETING)
    journey.merge(branch.hand_over("sales"))

    assert not journey.has_consent(MARKETING)
    journey.consent(MARKETING)
    assert journey.has_consent(MARKETING)


@pytest.mark.parametrize("status", [REFUSED, WITHDRAWN])
def test_a_grant_after_a_withdrawal_counts(world, status):
    """
    Who consents again, knowing of the withdrawal, has consented.
    """
    forge = Forge(world.ring)
    no = forge.statement(by="support", says={4: {-8: {0: [status], 3: MARKETING}}})
    arrived = world["sales"].receive(forge.envelope(no, by="support", to="sales"))
    assert not arrived.has_consent(MARKETING)
    arrived.consent(MARKETING)

    assert at(world, "billing", arrived).has_consent(MARKETING)


def test_taking_back_the_record_takes_back_the_grant(sales):
    """
    A retraction of a consent withdraws it.
    """
    journey = sales.begin(channel="chat")
    journey.consent(MARKETING)
    journey.begun()
    journey.retract(Acme.consent, qualifier=MARKETING)

    assert not journey.has_consent(MARKETING)


def test_a_withdrawal_of_another_purpose_changes_nothing(sales):
    """
    Purposes are independent of each other.
    """
    journey = sales.begin(channel="chat")
    journey.consent(MARKETING)
    journey.withdraw(OTHER)

    assert journey.has_consent(MARKETING)


# --- in doubt --------------------------------------------------------------------


def beside(world: World, **arguments: Any) -> tuple[Any, Any, Any]:
    """
    Return a root, a grant upon it, and something in the same scope beside that.
    """
    forge = Forge(world.ring)
    root = forge.statement(by="sales")
    grant = forge.statement(
        root, by="sales", says={4: {-8: {0: [GIVEN], 3: MARKETING}}}
    )
    return root, grant, forge.statement(root, **arguments)


def test_a_section_that_cannot_be_read_may_be_a_withdrawal(world):
    """
    A grant counts only if it descends from every unreadable section of the scope.
    """
    root, grant, other = beside(world, by="support", says={4: {30: "A-1"}})
    forge = Forge(world.ring)
    plain = forge.envelope(root, grant, other, to="billing")
    stripped = forge.envelope(root, grant, withheld(other, 4), to="billing")

    assert world["billing"].receive(plain).has_consent(MARKETING)
    assert not world["billing"].receive(stripped).has_consent(MARKETING)


def test_a_grant_upon_what_cannot_be_read_counts(world):
    """
    Whoever granted had seen what this reader cannot see.
    """
    forge = Forge(world.ring)
    root = forge.statement(by="support", says={4: {30: "A-1"}})
    grant = forge.statement(
        root, by="sales", says={4: {-8: {0: [GIVEN], 3: MARKETING}}}
    )
    raw = forge.envelope(withheld(root, 4), grant, to="billing")

    assert world["billing"].receive(raw).has_consent(MARKETING)


def test_an_unknown_authors_section_may_be_a_withdrawal(world, ring, clock):
    """
    What somebody whose key is not known here has said is in doubt.
    """
    rotated = rotate_signing(ring, "support", now=START, publish_ahead=timedelta(0))
    signer = rotated.private["support"].signers[-1]
    parts = beside(world, signer=signer, says={4: {30: "A-1"}})
    raw = Forge(world.ring).envelope(*parts, to="billing")

    assert not world["billing"].receive(raw).has_consent(MARKETING)
    assert World(rotated, clock)["billing"].receive(raw).has_consent(MARKETING)


def test_a_key_that_is_missing_may_hide_a_withdrawal(ring, clock):
    """
    A reader that is a key generation behind has no consent.
    """
    newer = World(rotate_scope(ring, 4, readers=Acme.care.readers, now=START), clock)
    world = World(ring, clock)
    journey = consenting(world)
    other = newer["support"].receive(journey.hand_over("support"))
    other.learn(Acme.account, "A-1")
    twin = journey.fork()
    twin.consent(MARKETING)
    twin.merge(other.hand_over("sales"))

    assert not at(world, "billing", twin).has_consent(MARKETING)
    assert newer["billing"].receive(twin.hand_over("billing")).has_consent(MARKETING)


def test_what_nobody_known_has_said_is_in_doubt():
    """
    A section counts as unread where its author is not known, readable or not.
    """
    parts = [
        {"department": name, "ancestors": 0, "id": name.encode() if name else b""}
        for name in ("sales", None)
    ]
    fact = WireFact(field=-8, has_value=True, value=[GIVEN], qualifier=MARKETING)
    shared = {
        "issued_s": START_S,
        "expires_s": START_S + 99,
        "revision": 4,
        "channel": "chat",
        "flags": 0,
    }

    found = fold_consent(
        Acme.consent.field,
        MARKETING,
        nodes=[Node(**part, **shared) for part in parts],
        contents=[SectionContent(facts=(fact,)), SectionContent()],
        now_s=START_S,
        max_age_s=99,
    )
    assert found.granted is None
    assert Reason.UNKNOWN_AUTHOR is found.unread


def test_a_value_that_is_no_consent_is_in_doubt(world):
    """
    What stands under the purpose and cannot be understood may be a withdrawal.
    """
    parts = beside(world, by="support", says={4: {-8: {0: ["yes"], 3: MARKETING}}})
    raw = Forge(world.ring).envelope(*parts, to="billing")

    assert not world["billing"].receive(raw).has_consent(MARKETING)


def test_an_expired_withdrawal_is_no_more(world, clock):
    """
    What has expired is as if it had never been said.
    """
    forge = Forge(world.ring)
    root = forge.statement(by="sales", expires_s=START_S + 5)
    no = forge.statement(
        root,
        by="support",
        says={4: {-8: {0: [WITHDRAWN], 3: MARKETING}}},
        expires_s=START_S + 10,
    )
    grant = forge.statement(
        root, by="sales", says={4: {-8: {0: [GIVEN], 3: MARKETING}}}
    )
    journey = world["billing"].receive(forge.envelope(root, no, grant, to="billing"))
    assert not journey.has_consent(MARKETING)
    clock.advance(seconds=20)

    assert journey.has_consent(MARKETING)


# --- recalling the record --------------------------------------------------------


def test_the_record_of_a_grant_is_recalled_while_it_counts(world, clock):
    """
    Where consent does not count any more, its record is not recalled either.
    """
    journey = world["sales"].begin(channel="chat")
    journey.consent(MARKETING, expires_at=START + timedelta(days=1))
    assert journey.recall(Acme.consent, qualifier=MARKETING).granted
    clock.advance(days=2)

    assert journey.recall(Acme.consent, qualifier=MARKETING) is None
    gap = journey.gap(Acme.consent, qualifier=MARKETING)
    assert Reason.EXPIRED is gap.reason


def test_the_record_of_a_withdrawal_is_recalled(sales):
    """
    A withdrawal is a known answer.
    """
    journey = sales.begin(channel="chat")
    journey.withdraw(MARKETING)

    assert not journey.recall(Acme.consent, qualifier=MARKETING).granted
    assert journey.gap(Acme.consent, qualifier=MARKETING) is None


def test_the_record_of_a_grant_that_was_withdrawn_elsewhere_is_not_recalled(world):
    """
    A withdrawal by somebody who may not write the scope takes the record's effect.
    """
    journey = consenting(world)
    ivr = at(world, "ivr", journey)
    ivr.withdraw(MARKETING)
    journey.merge(ivr.hand_over("sales"))

    assert journey.recall(Acme.consent, qualifier=MARKETING) is None
    gap = journey.gap(Acme.consent, qualifier=MARKETING)
    assert Reason.NO_CONSENT is gap.reason


def test_a_grant_beside_what_is_unread_is_in_doubt_for_that_reason(world):
    """
    Why a record does not count is told as for every other field.
    """
    root, grant, other = beside(world, by="support", says={4: {30: "A-1"}})
    raw = Forge(world.ring).envelope(root, grant, withheld(other, 4), to="billing")
    gap = world["billing"].receive(raw).gap(Acme.consent, qualifier=MARKETING)

    assert Reason.WITHHELD is gap.reason


# --- arrival ---------------------------------------------------------------------


@pytest.mark.parametrize("arrival", [Arrival.HINT, Arrival.POSSESSION])
def test_who_is_not_identified_has_not_consented(world, arrival):
    """
    A grant is the customer's, and whoever holds a link may be somebody else.
    """
    arrived = at(world, "billing", consenting(world), arrival=arrival)
    assert not arrived.has_consent(MARKETING)
    arrived.consent(MARKETING)

    assert arrived.has_consent(MARKETING)


# --- misuse ----------------------------------------------------------------------


def test_a_grant_does_not_outlive_the_maximum_age(sales):
    """
    An end beyond the field's maximum age is refused, with that age.
    """
    journey = sales.begin(channel="chat")
    latest = START + timedelta(days=30)
    journey.consent(MARKETING, expires_at=latest)

    with pytest.raises(UsageError, match="a grant counts for 30 days, 0:00:00 at most"):
        journey.consent(MARKETING, expires_at=latest + timedelta(seconds=1))


def test_a_grants_end_is_aware(sales):
    """
    A naive end is refused.
    """
    naive = datetime(2026, 1, 5)  # noqa: DTZ001
    with pytest.raises(UsageError, match="the instant is naive"):
        sales.begin(channel="chat").consent(MARKETING, expires_at=naive)


@pytest.mark.parametrize("purpose", ["", "p" * 65])
@pytest.mark.parametrize("act", ["consent", "withdraw"])
def test_a_purpose_is_a_short_text(sales, act, purpose):
    """
    A purpose stands where qualifiers stand.
    """
    with pytest.raises(UsageError, match="Unicode text of 1 to 64 characters"):
        getattr(sales.begin(channel="chat"), act)(purpose)


class Bare(cx.Vocabulary, revision=1):
    """
    A vocabulary without standard fields.
    """

    care = cx.Scope(4, readers=Acme.care.readers)
    name = cx.Field(1, str, scope=care)


class Ageless(cx.Vocabulary, revision=1):
    """
    A vocabulary whose consent field has lost its maximum age.
    """

    care = cx.Scope(4, readers=Acme.care.readers)
    consent = cx.standard.StandardField(-8, Consent, scope=care, many=True)


@pytest.mark.parametrize("act", ["consent", "withdraw"])
def test_without_a_consent_field_nothing_is_recorded(ring, clock, act):
    """
    A vocabulary without the field is told how to get it.
    """
    journey = World(ring, clock, vocabulary=Bare)["sales"].begin(channel="chat")

    with pytest.raises(UsageError, match=r"standard\.consent\(scope=...\)"):
        getattr(journey, act)(MARKETING)
    assert not journey.has_consent(MARKETING)


def test_without_a_maximum_age_nothing_counts(ring, clock):
    """
    A consent field that somebody made without a maximum age grants nothing.
    """
    journey = World(ring, clock, vocabulary=Ageless)["sales"].begin(channel="chat")
    journey.consent(MARKETING, expires_at=START + timedelta(days=9999))

    assert not journey.has_consent(MARKETING)


def test_a_withdrawal_needs_a_key_to_seal_to():
    """
    Whoever withdraws must be able to seal it; otherwise the error says what to do.
    """
    ring = ring_of()
    keyless = attrs.evolve(
        ring.public,
        sealing_keys=tuple(k for k in ring.public.sealing_keys if k.scope != 4),
    )
    world = World(ring, lambda: START, keys=keyless)  # type: ignore[arg-type]

    with pytest.raises(LookupError, match="scope care has no key that may seal now"):
        world["sales"].begin(channel="chat").withdraw(MARKETING)
