"""
Gaps: every reason with its remedy, and which reason wins (protocol, section 4).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from itertools import combinations
from typing import Any

import attrs
import pytest
from acme import READERS, START, Acme, Clock, World, ring_of
from forge import Forge, header, identify, unpack, withheld

import cxcontext as cx
from cxcontext import Arrival, Known, Reason, Remedy
from cxcontext.core.gaps import Gap, Needs
from cxcontext.core.keygen import KeyRing, rotate_scope, rotate_signing

SERVICE, MARKETING = "dpv:ServiceProvision", "dpv:Marketing"


class Demanding(cx.Vocabulary, revision=4):
    """
    A part of Acme, and one field that can lack for every reason.
    """

    contact = Acme.contact
    care = Acme.care
    full_name = cx.Field(1, str, scope=contact)
    identity = cx.standard.identity_verification(
        scope=contact, verifiers={"support", "ivr"}
    )
    consent = cx.standard.consent(scope=care, max_age=timedelta(days=1))
    wish = cx.Field(
        200,
        str,
        scope=care,
        purposes={SERVICE, MARKETING},
        consent_for={MARKETING},
        max_age=timedelta(days=1),
        verifiers={"billing"},
    )


class Newer(cx.Vocabulary, revision=5):
    """
    The next revision, in which the field has become a number.
    """

    care = cx.Scope(4, readers=Acme.care.readers)
    wish = cx.Field(200, int, scope=care)


@pytest.fixture(scope="module")
def short() -> KeyRing:
    """
    Keys of a domain in which statements live for three days.
    """
    return ring_of(statement_lifetime=timedelta(days=3))


UNREAD = (
    Reason.WITHHELD,
    Reason.UNREADABLE,
    Reason.UNKNOWN_AUTHOR,
    Reason.NEWER_VOCABULARY,
)
PURPOSE = (Reason.NO_CONSENT, Reason.WRONG_PURPOSE)
# Somebody said a value; without one, these cannot be.
OF_A_VALUE = (Reason.CONFLICT, Reason.STALE, Reason.NOT_VERIFIED)
MARKS = (Reason.REFUSED, Reason.CUSTOMER_DOES_NOT_KNOW)


@attrs.define
class Situation:
    """
    A journey on which several reasons apply to ``Demanding.wish`` at support.
    """

    ring: KeyRing
    reasons: Collection[Reason]
    clock: Clock = attrs.field(factory=Clock)

    def gap(self) -> Gap | None:
        """
        Return the gap that support finds in what rested for a while.
        """
        raw = self._rested()
        late = {Reason.STALE, Reason.EXPIRED} & set(self.reasons)
        self.clock.advance(**({"days": 1.5} if late else {"hours": 1}))
        # Whatever others have rotated, this reader has not heard of it.
        reader = World(self.ring, self.clock, vocabulary=Demanding)
        arrival = (
            Arrival.POSSESSION
            if Reason.NOT_IDENTIFIED in self.reasons
            else Arrival.DELIVERY
        )
        purpose = SERVICE
        if Reason.NO_CONSENT in self.reasons:
            purpose = MARKETING
        elif Reason.WRONG_PURPOSE in self.reasons:
            purpose = "dpv:Other"
        verified = Reason.NOT_VERIFIED in self.reasons
        return (
            reader["support"]
            .resume(raw, arrival=arrival)
            .gap(
                Demanding.wish,
                purpose=purpose,
                at_least=Known.VERIFIED if verified else Known.INFERRED,
            )
        )

    def _rested(self) -> bytes:
        unknown = Reason.UNKNOWN_AUTHOR in self.reasons
        ring = self._rotated_signing() if unknown else self.ring
        world = World(ring, self.clock, vocabulary=Demanding)
        journey = world["sales"].begin(channel="chat")
        if Reason.EXPIRED in self.reasons:
            journey.learn(Demanding.wish, "gone")
        journey.begun()
        self.clock.advance(days=2)
        journey.learn(Demanding.full_name, "Alex")
        branch = journey.hand_over("support")
        if set(OF_A_VALUE) & set(self.reasons):
            journey.learn(Demanding.wish, "A")
        if Reason.REFUSED in self.reasons:
            journey.refused(Demanding.wish)
        if Reason.CUSTOMER_DOES_NOT_KNOW in self.reasons:
            journey.does_not_know(Demanding.wish)
        if Reason.CONFLICT in self.reasons:
            other = world["support"].receive(branch)
            other.learn(Demanding.wish, "B")
            journey.merge(other.hand_over("sales"))
        if not set(UNREAD) & set(self.reasons):
            return journey.save(shared=True)
        unread = self._say_unread(journey, ring)
        raw = journey.save(shared=True)
        if Reason.WITHHELD not in self.reasons:
            return raw
        return Forge(ring, now_s=self.clock.now_s).envelope(
            *(
                withheld(statement, 4) if identify(statement) == unread else statement
                for statement in unpack(raw)[1]
            ),
            to="*",
            lifetime_s=None,
        )

    def _say_unread(self, journey: cx.Journey[Any], ring: KeyRing) -> bytes:
        """
        Let billing say something, and return the id of that statement.
        """
        newer = Reason.NEWER_VOCABULARY in self.reasons
        if Reason.UNREADABLE in self.reasons:
            ring = rotate_scope(ring, 4, readers=READERS[4], now=START)
        world = World(ring, self.clock, vocabulary=Newer if newer else Demanding)
        # Branched off before anything was said of the field.
        root, *_ = sorted(
            unpack(journey.hand_over("billing"))[1], key=lambda s: header(s)[15][6]
        )
        forge = Forge(ring, now_s=self.clock.now_s)
        other = world["billing"].receive(forge.envelope(root, to="billing"))
        if newer:
            other.learn(Newer.wish, 5)
        else:
            other.learn(Demanding.wish, "C")
        journey.merge(other.hand_over("sales"))
        return other.context.statements[-1].id

    def _rotated_signing(self) -> KeyRing:
        soon = timedelta(hours=1)
        return rotate_signing(self.ring, "billing", now=START, publish_ahead=soon)


def groups(reason: Reason) -> tuple[Reason, ...]:
    """
    Return the reasons of which only one at a time can apply.
    """
    for group in (PURPOSE, UNREAD, MARKS):
        if reason in group:
            return group
    return (reason,)


def together(first: Reason, second: Reason) -> bool:
    """
    Return whether both can apply to one field at once.
    """
    if second in groups(first):
        return False
    if first is Reason.EXPIRED or second is Reason.EXPIRED:
        # A value that stands hides one that has expired.
        return not {first, second} & set(OF_A_VALUE)
    return True


ORDER = [
    Reason.NOT_IDENTIFIED,
    *PURPOSE,
    Reason.CONFLICT,
    *UNREAD,
    Reason.EXPIRED,
    Reason.STALE,
    Reason.NOT_VERIFIED,
    *MARKS,
]
PAIRS = [pair for pair in combinations(ORDER, 2) if together(*pair)]


@pytest.mark.parametrize("reason", ORDER, ids=lambda reason: reason.value)
def test_every_reason_is_given_when_it_alone_applies(short, reason):
    """
    Each reason has a situation in which it is the one.
    """
    gap = Situation(short, {reason}).gap()

    assert gap is not None
    assert reason is gap.reason


@pytest.mark.parametrize(("winner", "loser"), PAIRS, ids=lambda reason: reason.value)
def test_of_two_reasons_the_earlier_is_given(short, winner, loser):
    """
    Where two reasons apply, the one that the protocol names first is given.
    """
    gap = Situation(short, {winner, loser}).gap()

    assert gap is not None
    assert winner is gap.reason


def test_without_any_other_reason_it_was_never_stated(short):
    """
    Where nobody said anything, that is the reason.
    """
    gap = Situation(short, set()).gap()

    assert gap is not None
    assert Reason.NEVER_STATED is gap.reason


def test_the_enumeration_is_in_the_order_in_which_reasons_win():
    """
    Reasons are listed in the order of the protocol.
    """
    listed = [reason for reason in Reason if reason in ORDER]

    assert ORDER == listed
    assert [Reason.REJECTED, Reason.LOST] == list(Reason)[:2]
    assert Reason.NEVER_STATED is list(Reason)[-1]


# --- remedies ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "remedy", "departments"),
    [
        (Reason.NOT_IDENTIFIED, Remedy.STEP_UP, ("ivr", "support")),
        (Reason.NO_CONSENT, Remedy.DO_NOT_ASK, ()),
        (Reason.WRONG_PURPOSE, Remedy.DO_NOT_ASK, ()),
        (Reason.CONFLICT, Remedy.CONFIRM, ()),
        (Reason.WITHHELD, Remedy.ASK, ()),
        (Reason.UNREADABLE, Remedy.ASK, ()),
        (Reason.UNKNOWN_AUTHOR, Remedy.ASK, ()),
        (Reason.NEWER_VOCABULARY, Remedy.ASK, ()),
        (Reason.EXPIRED, Remedy.ASK, ()),
        (Reason.STALE, Remedy.CONFIRM, ()),
        (Reason.NOT_VERIFIED, Remedy.STEP_UP, ("billing",)),
        (Reason.REFUSED, Remedy.DO_NOT_ASK, ()),
        (Reason.CUSTOMER_DOES_NOT_KNOW, Remedy.DO_NOT_ASK, ()),
    ],
    ids=str,
)
def test_every_reason_has_a_remedy(short, reason, remedy, departments):
    """
    A gap names the cheapest remedy, and who can help where somebody must.
    """
    gap = Situation(short, {reason}).gap()

    assert gap is not None
    assert (reason, remedy, departments) == (gap.reason, gap.remedy, gap.departments)


@pytest.mark.parametrize("reason", UNREAD, ids=lambda reason: reason.value)
def test_a_value_that_can_be_shown_is_confirmed_instead_of_asked(short, reason):
    """
    An unsettled value need only be confirmed, for fact() shows it.
    """
    gap = Situation(short, {reason, Reason.NOT_VERIFIED}).gap()

    assert gap is not None
    assert (reason, Remedy.CONFIRM) == (gap.reason, gap.remedy)


def test_never_stated_is_asked(support):
    """
    What nobody ever said is asked.
    """
    gap = support.begin(channel="chat").gap(Acme.full_name)

    assert Gap(Acme.full_name, Reason.NEVER_STATED, Remedy.ASK) == gap


def test_not_yours_is_requested_from_its_readers(sales, support):
    """
    What is sealed to others is requested from those, not asked.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.card_last4, "4242")
    gap = support.receive(journey.hand_over("support")).gap(Acme.card_last4)

    assert Gap(Acme.card_last4, Reason.NOT_YOURS, Remedy.REQUEST, ("billing",)) == gap


def test_a_conflict_with_a_verified_value_is_not_the_customers(sales, billing):
    """
    What somebody has checked the customer cannot settle; a verifier can.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    other = billing.receive(journey.hand_over("billing"))
    other.learn(Acme.account, "A-1", known=Known.VERIFIED)
    journey.learn(Acme.account, "A-2")
    journey.merge(other.hand_over("sales"))
    gap = journey.gap(Acme.account)

    assert Gap(Acme.account, Reason.CONFLICT, Remedy.REQUEST, ("billing",)) == gap


@pytest.mark.parametrize("reason", [Reason.REJECTED, Reason.LOST])
def test_what_came_and_could_not_be_used_is_never_taken_for_none(sales, reason):
    """
    After a rejected envelope or a lost reference, that is why nothing is known.
    """
    journey = sales.begin_after(reason, channel="chat")

    assert Gap(Acme.full_name, reason, Remedy.ASK) == journey.gap(Acme.full_name)
    assert Gap(Acme.hobby, reason, Remedy.ASK) == journey.gap(Acme.hobby)


def test_what_was_heard_since_counts_also_after_a_rejection(sales):
    """
    What this unit of work was told itself is known, or refused, all the same.
    """
    journey = sales.begin_after(Reason.REJECTED, channel="chat")
    journey.learn(Acme.full_name, "Alex")
    journey.refused(Acme.order_number)

    assert "Alex" == journey.recall(Acme.full_name)
    gap = journey.gap(Acme.order_number)
    assert gap is not None
    assert Reason.REFUSED is gap.reason


def test_without_a_field_for_it_nobody_can_verify_identity(ring, clock):
    """
    Where the vocabulary has no identity verification, nobody is named for it.
    """

    class Bare(cx.Vocabulary, revision=1):
        """
        One field.
        """

        care = cx.Scope(4, readers=Acme.care.readers)
        name = cx.Field(1, str, scope=care)

    world = World(ring, clock, vocabulary=Bare)
    journey = world["sales"].begin(channel="chat")
    journey.learn(Bare.name, "Alex")
    hinted = world["sales"].resume(journey.save(), arrival=Arrival.HINT)
    gap = hinted.gap(Bare.name)

    assert Gap(Bare.name, Reason.NOT_IDENTIFIED, Remedy.STEP_UP, ()) == gap


def test_all_reasons_have_been_seen():
    """
    The tests above miss no reason.
    """
    others = {
        Reason.REJECTED,
        Reason.LOST,
        Reason.NOT_YOURS,
        Reason.NEVER_STATED,
    }

    assert set(Reason) == set(ORDER) | others


# --- what is not yours --------------------------------------------------------


def at_ivr(world: World, *, arrival: Arrival = Arrival.DELIVERY) -> cx.Journey[Any]:
    """
    Return a journey at a department that reads contact only.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.hobby, "chess")
    return world["ivr"].receive(journey.hand_over("ivr"), arrival=arrival)


@pytest.mark.parametrize(
    ("arrival", "purpose", "reason"),
    [
        (Arrival.POSSESSION, SERVICE, Reason.NOT_IDENTIFIED),
        (Arrival.DELIVERY, None, Reason.WRONG_PURPOSE),
        (Arrival.DELIVERY, MARKETING, Reason.NO_CONSENT),
        (Arrival.DELIVERY, SERVICE, Reason.NOT_YOURS),
    ],
    ids=str,
)
def test_not_yours_gives_way_as_all_that_is_unread(world, arrival, purpose, reason):
    """
    Arrival, purpose and consent come before what cannot be read.
    """
    gap = at_ivr(world, arrival=arrival).gap(Acme.hobby, purpose=purpose)

    assert gap is not None
    assert reason is gap.reason


# --- the objects ---------------------------------------------------------------


def test_a_gap_says_itself_in_one_line():
    """
    The text of a gap is field, reason, remedy and who can help.
    """
    plain = Gap(Acme.full_name, Reason.NEVER_STATED, Remedy.ASK)
    helped = Gap(Acme.phone, Reason.NOT_VERIFIED, Remedy.STEP_UP, ("ivr", "support"))

    assert "full_name: never_stated, ask" == str(plain)
    assert "phone: not_verified, step_up from ivr or support" == str(helped)


def test_needs_is_true_when_all_is_known():
    """
    Needs are true without gaps, and iterate over the gaps.
    """
    gap = Gap(Acme.full_name, Reason.NEVER_STATED, Remedy.ASK)

    assert Needs(known=(Acme.full_name,), gaps=())
    assert not Needs(known=(), gaps=(gap,))
    assert [gap] == list(Needs(known=(), gaps=(gap,)))


def test_only_what_the_customer_can_answer_is_to_be_asked():
    """
    Of the gaps, those are asked whose remedy is to ask or to confirm.
    """
    keys = [Acme.full_name, Acme.phone, Acme.order_number, Acme.hobby, Acme.gift]
    gaps = tuple(
        Gap(key, Reason.NEVER_STATED, remedy)
        for key, remedy in zip(keys, Remedy, strict=True)
    )

    assert (Acme.full_name, Acme.phone) == Needs(known=(), gaps=gaps).to_ask


def test_an_arrival_identifies_from_home_upward():
    """
    A hint and a link do not prove the customer; our own store does.
    """
    assert [Arrival.HOME, Arrival.DELIVERY] == [a for a in Arrival if a.identifies]
