"""
Handing over: to a department, to rest, to a fork and back, to a partner and back.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from acme import START, Acme, Address, World, ring_of
from forge import Forge, unpack

import cxcontext as cx
from cxcontext import Arrival, Known, Reason
from cxcontext.core.events import Accepted, MergeLeftOut, Received, Unsent
from cxcontext.core.keygen import rotate_signing
from cxcontext.core.limits import MAX_HEADS, MAX_STATEMENTS
from cxcontext.errors import (
    BadDeliverySignatureError,
    DeliveryExpiredError,
    DifferentJourneyError,
    ExternalAuthorError,
    ExternalDepartmentError,
    ForbiddenDataError,
    JourneyFullError,
    MissingKeyError,
    UnknownDepartmentError,
    UsageError,
    VerificationError,
    WithholdError,
    WrongAudienceError,
    WrongBindingError,
    WrongDeliveryKindError,
    WrongReplyError,
)

MARKETING = "dpv:Marketing"


def at(world: World, name: str, journey: Any, **arguments: Any) -> cx.Journey[Any]:
    """
    Return the journey as it arrives at the department *name*.
    """
    return world[name].receive(journey.hand_over(name), **arguments)


def learned(world: World, name: str = "sales") -> cx.Journey[Any]:
    """
    Return a journey with something in several scopes.
    """
    journey = world[name].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    journey.learn(Acme.order_number, "A-118")
    journey.learn(Acme.language, "en-GB")
    return journey


# --- hand over -----------------------------------------------------------------


@pytest.mark.parametrize("form", [lambda e: e, bytes, str, lambda e: str(e).encode()])
def test_an_envelope_is_received_in_every_form(world, form):
    """
    The envelope itself, its bytes and its text are one and the same.
    """
    journey = learned(world)
    arrived = world["support"].receive(form(journey.hand_over("support")))

    assert "Alex" == arrived.recall(Acme.full_name)
    assert journey.id == arrived.id


def test_a_department_after_next_still_has_everything(world):
    """
    Sealed sections travel on through departments that cannot read them.
    """
    journey = learned(world)
    journey.learn(Acme.card_last4, "4242")
    through = at(world, "ivr", journey)
    through.learn(Acme.phone, "+33612345678")
    arrived = at(world, "billing", through)

    assert through.recall(Acme.card_last4) is None
    assert ("4242", "A-118", "+33612345678") == (
        arrived.recall(Acme.card_last4),
        arrived.recall(Acme.order_number),
        arrived.recall(Acme.phone),
    )


def test_handing_over_nothing_still_begins_the_journey(world):
    """
    A journey of which nothing is known has a root and an id all the same.
    """
    arrived = at(world, "support", world["sales"].begin(channel="chat"))

    assert 1 == len(arrived.context.statements)
    assert ["sales"] == [step.department for step in arrived.trail]


def test_a_delivery_is_alive_for_as_long_as_it_says(world, clock):
    """
    By default five minutes; a queue's consumer accepts what its queue needs.
    """
    journey = learned(world)
    brief = journey.hand_over("support")
    long = journey.hand_over("support", lifetime=timedelta(hours=1))
    clock.advance(minutes=7)

    with pytest.raises(DeliveryExpiredError):
        world["support"].receive(brief)
    with pytest.raises(VerificationError, match="raise max_lifetime"):
        world["support"].receive(long)
    assert world["support"].receive(long, max_lifetime=timedelta(hours=1)).id


def test_a_delivery_may_be_bound_to_its_message(world):
    """
    Bound to a message id, an envelope is refused with any other or none.
    """
    bound = learned(world).hand_over("support", binding=b"message 1")

    assert world["support"].receive(bound, binding=b"message 1").id
    for other in (b"message 2", None):
        with pytest.raises(WrongBindingError):
            world["support"].receive(bound, binding=other)


def test_a_response_names_its_request(world):
    """
    What comes back answers the very delivery that was sent.
    """
    journey = learned(world)
    request = journey.hand_over("support")
    arrived = world["support"].receive(request)
    arrived.learn(Acme.email, "alex@example.com")
    response = arrived.hand_over("sales", reply_to=arrived.delivery_id)

    with pytest.raises(WrongReplyError):
        world["sales"].receive(response)
    journey.merge(response, reply_to=request.delivery.id)
    assert "alex@example.com" == journey.recall(Acme.email)


def test_a_withheld_scope_stays_behind_and_leaves_a_mark(world):
    """
    A section of which the receiver is no reader may be left out; it sees that it was.
    """
    journey = learned(world)
    whole = journey.hand_over("ivr")
    withheld = journey.hand_over("ivr", withhold=[Acme.order])
    arrived = world["ivr"].receive(withheld)

    assert len(bytes(withheld)) < len(bytes(whole))
    assert Reason.NOT_YOURS is arrived.gap(Acme.order_number).reason
    assert "Alex" == arrived.recall(Acme.full_name)
    later = at(world, "billing", arrived)
    assert Reason.WITHHELD is later.gap(Acme.order_number).reason
    assert "A-118" == journey.recall(Acme.order_number)


def test_a_scope_is_not_withheld_from_its_readers(world):
    """
    Whoever may read a scope gets it, or the journey does not go there.
    """
    with pytest.raises(WithholdError, match="support may read scope order, so it can"):
        learned(world).hand_over("support", withhold=[Acme.order])


@pytest.mark.parametrize(
    ("to", "error", "words"),
    [
        ("suport", UnknownDepartmentError, r"no department 'suport' .*known: support"),
        ("nobody", UnknownDepartmentError, "billing, carrier, ivr, sales, support"),
        ("carrier", ExternalDepartmentError, r"send it an export with export_to\(\)"),
    ],
)
def test_a_journey_goes_to_departments_of_the_domain_only(world, to, error, words):
    """
    An unknown name is answered with the nearest ones, a partner's with the export.
    """
    with pytest.raises(error, match=words):
        learned(world).hand_over(to)


def test_sealing_for_a_carrier_that_may_refuse_leaves_all_unsent(world):
    """
    What a carrier has not taken yet stays unsent until it is carried.
    """
    journey = learned(world)
    journey.seal_for("support")
    assert (-1, 1, 10) == journey.unsent
    journey.learn(Acme.email, "alex@example.com")
    journey.carried()

    assert (2,) == journey.unsent


class Brief(cx.Vocabulary, revision=1):
    """
    A part of Acme without consent, which needs longer lives.
    """

    contact = Acme.contact
    full_name = cx.Field(1, str, scope=contact)
    email = cx.Field(2, str, scope=contact)


def test_an_expired_statement_is_sent_without_its_sections(clock):
    """
    An expired statement counts for the graph only.
    """
    ring = ring_of(statement_lifetime=timedelta(days=3))
    world = World(ring, clock, vocabulary=Brief)
    journey = world["sales"].begin(channel="chat")
    journey.learn(Brief.full_name, "Alex")
    journey.begun()
    clock.advance(days=2)
    journey.learn(Brief.email, "alex@example.com")
    journey.begun()
    before = len(bytes(journey.hand_over("support")))
    clock.advance(days=2)
    raw = journey.hand_over("support")

    assert len(bytes(raw)) < before
    assert {0, 1} == {len(s.sections) for s in raw.statements}
    arrived = world["support"].receive(raw)
    assert "alex@example.com" == arrived.recall(Brief.email)
    assert Reason.EXPIRED is journey.gap(Brief.full_name).reason


def test_an_envelope_of_more_bytes_than_the_format_takes_is_refused(world):
    """
    A journey too large to be carried says that it is full.
    """
    journey = world["sales"].begin(channel="chat")
    for number in range(18):
        journey.learn(Acme.product, "x" * 15_000, qualifier=str(number))

    with pytest.raises(JourneyFullError, match="262144 bytes"):
        journey.hand_over("support")
    assert (36,) == journey.unsent


def test_a_key_that_signs_no_more_is_named(world, clock):
    """
    Without a key that signs now, nothing is handed over, and the error says what to do.
    """
    journey = learned(world)
    clock.advance(days=91)

    with pytest.raises(MissingKeyError, match="run `cxcontext keys rotate`"):
        journey.hand_over("support")


def test_nothing_is_built_upon_authors_nobody_here_knows(ring, world, clock):
    """
    A journey of which no author is known here can be passed on, but not continued.
    """
    rotated = rotate_signing(
        ring, "sales", now=START, publish_ahead=timedelta(seconds=1)
    )
    clock.advance(seconds=1)
    newer = World(rotated, clock)
    through = at(newer, "billing", learned(newer))
    arrived = world["support"].receive(through.hand_over("support"))
    onward = arrived.hand_over("ivr")
    arrived.learn(Acme.full_name, "Sasha")

    assert "Sasha" == arrived.recall(Acme.full_name)
    with pytest.raises(MissingKeyError, match="does not know who wrote this journey"):
        arrived.hand_over("ivr")
    assert "Alex" == newer["ivr"].receive(onward).recall(Acme.full_name)


# --- accept ----------------------------------------------------------------------


def test_an_acceptance_travels_with_the_next_envelope(world, clock):
    """
    The sender learns, signed, who has taken the journey over and when.
    """
    journey = learned(world)
    request = journey.hand_over("billing")
    clock.advance(minutes=2)
    arrived = world["billing"].receive(request)
    arrived.accept()
    journey.merge(arrived.hand_over("sales"))

    (step,) = [step for step in journey.trail if step.accepted]
    assert ("billing", START + timedelta(minutes=2)) == (step.department, step.at)
    assert [Accepted(department="sales", journey_id=journey.id, by="billing")] == (
        world.told(Accepted)
    )


# --- save and resume ---------------------------------------------------------------


def test_what_was_saved_is_resumed(world, clock):
    """
    A journey rests for as long as its statements live.
    """
    raw = learned(world).save()
    clock.advance(days=20)
    resumed = world["sales"].resume(raw, channel="web")

    assert "Alex" == resumed.recall(Acme.full_name)
    assert (Arrival.HOME, "web", "sales") == (
        resumed.arrival,
        resumed.channel,
        resumed.received_from,
    )
    assert isinstance(raw, bytes)


def test_what_rests_is_for_its_own_department_unless_shared(world):
    """
    Another department resumes only what was saved for all of them.
    """
    journey = learned(world)

    with pytest.raises(WrongAudienceError):
        world["support"].resume(journey.save())
    assert world["support"].resume(journey.save(shared=True)).id


def test_resting_and_handing_over_are_not_mistaken_for_each_other(world):
    """
    `resume` accepts what rests only, and `receive` what is handed over only.
    """
    journey = learned(world)

    with pytest.raises(WrongDeliveryKindError):
        world["support"].receive(journey.save(shared=True))
    with pytest.raises(WrongDeliveryKindError):
        world["support"].resume(journey.hand_over("support"))


def test_saving_takes_what_was_unsent(world):
    """
    What rests is not lost, so nothing is unsent any more.
    """
    journey = learned(world)
    with cx.bound(journey):
        journey.save()

    assert [] == world.told(Unsent)


@pytest.mark.parametrize("arrival", list(Arrival))
def test_what_was_found_by_less_is_resumed_as_less(world, arrival):
    """
    How it was found counts, if that is less sure than what rests.
    """
    assert (
        arrival is world["sales"].resume(learned(world).save(), arrival=arrival).arrival
    )


def test_a_home_may_refuse_what_it_is_given(world):
    """
    Sealed for a home, what was learned is unsent until the home has taken it.
    """
    journey = learned(world)
    raw = journey.seal_for_rest()

    assert "Alex" == world["support"].resume(raw).recall(Acme.full_name)
    assert () != journey.unsent


def test_what_rests_states_the_surest_arrival(world):
    """
    A caller with a matching number does not make the home doubt everybody after them.
    """
    rested = learned(world).save(shared=True)
    hinted = world["support"].resume(rested, arrival=Arrival.HINT)
    stated = hinted.merge_rested(rested)

    assert Arrival.DELIVERY is stated
    assert Arrival.HINT is hinted.arrival
    again = world["sales"].resume(hinted.seal_for_rest(arrival=stated))
    assert Arrival.HOME is again.arrival


def test_merging_what_rests_takes_what_others_contributed(world):
    """
    What came to rest meanwhile is merged before it is replaced.
    """
    journey = learned(world)
    other = at(world, "support", journey)
    other.learn(Acme.email, "alex@example.com")
    journey.merge_rested(other.save(shared=True))

    assert "alex@example.com" == journey.recall(Acme.email)


def test_what_rests_is_not_replaced_by_less(world):
    """
    Where both together exceed the limits, merging what rests raises.
    """
    journey = world["sales"].begin(channel="chat")
    journey.begun()
    rested = at(world, "support", journey)
    for each in (journey, rested):
        while len(each.context.statements) <= MAX_STATEMENTS // 2:
            each.accept()
            each.begun()

    with pytest.raises(JourneyFullError, match="with what rests at home"):
        journey.merge_rested(rested.save(shared=True))


# --- merge -------------------------------------------------------------------------


def test_merging_takes_over_what_the_other_branch_learned(world):
    """
    Both branches' facts are known afterwards, here and wherever it goes.
    """
    journey = learned(world)
    branch = at(world, "support", journey, channel="phone")
    branch.learn(Acme.email, "alex@example.com")
    journey.learn(Acme.phone, "+33612345678")
    journey.merge(str(branch.hand_over("sales")))
    arrived = at(world, "billing", journey)

    assert ("Alex", "alex@example.com", "+33612345678") == (
        arrived.recall(Acme.full_name),
        arrived.recall(Acme.email),
        arrived.recall(Acme.phone),
    )


def test_merging_twice_is_merging_once(world):
    """
    What is here already comes to nothing.
    """
    journey = learned(world)
    branch = at(world, "support", journey)
    branch.learn(Acme.email, "alex@example.com")
    back = branch.hand_over("sales")
    journey.merge(back)
    once = journey.context.statements
    journey.merge(back)
    journey.merge(journey)

    assert once == journey.context.statements


def test_what_is_pending_is_sealed_upon_what_was_known_when_it_was_learned(world):
    """
    A correction that did not know of another does not supersede it by the merge.
    """
    journey = learned(world)
    branch = at(world, "support", journey)
    branch.learn(Acme.full_name, "Sasha")
    journey.learn(Acme.full_name, "Kim")
    journey.merge(branch.hand_over("sales"))

    assert Reason.CONFLICT is journey.gap(Acme.full_name).reason


def test_a_section_is_preferred_over_its_digest(world):
    """
    What was withheld on one way and came on another is there.
    """
    journey = learned(world)
    stripped = world["ivr"].receive(journey.hand_over("ivr", withhold=[Acme.order]))
    later = at(world, "billing", stripped)
    assert Reason.WITHHELD is later.gap(Acme.order_number).reason
    later.merge(journey.hand_over("billing"))

    assert "A-118" == later.recall(Acme.order_number)
    assert "A-118" == at(world, "support", later).recall(Acme.order_number)


def test_an_author_unknown_on_one_way_is_known_by_the_other(ring, world, clock):
    """
    Whoever knows the key has verified the signature, and the merge keeps that.
    """
    rotated = rotate_signing(
        ring, "sales", now=START, publish_ahead=timedelta(seconds=1)
    )
    clock.advance(seconds=1)
    newer = World(rotated, clock)
    through = at(newer, "billing", learned(newer))
    raw = through.hand_over("support")
    journey = world["support"].receive(raw)
    assert [None] == [step.department for step in journey.trail]
    world.domain.update_keys(rotated.public)
    journey.merge(through.hand_over("support"))

    assert ["sales"] == [step.department for step in journey.trail]


def test_a_merge_may_say_who_must_have_sent_it(world):
    """
    Where it is known who answers, another sender's envelope is refused.
    """
    journey = learned(world)
    branch = at(world, "support", journey)
    branch.learn(Acme.email, "alex@example.com")
    back = branch.hand_over("sales")

    with pytest.raises(WrongReplyError):
        journey.merge(back, sender="billing")
    journey.merge(back, sender="support")
    assert "alex@example.com" == journey.recall(Acme.email)


def test_two_customers_journeys_are_not_merged(world):
    """
    Another journey is refused, with restate as what to do if both are surely one.
    """
    journey, other = learned(world), learned(world)

    with pytest.raises(DifferentJourneyError, match=r"carry the values over with rest"):
        journey.merge(other)
    with pytest.raises(DifferentJourneyError):
        journey.merge(at(world, "support", other).hand_over("sales"))
    assert "Alex" == journey.recall(Acme.full_name)


def test_what_does_not_verify_is_not_merged(world):
    """
    The receiver loses nothing that it already knew.
    """
    journey = learned(world)
    branch = at(world, "support", journey)
    raw = bytearray(bytes(branch.hand_over("sales")))
    raw[-1] ^= 1

    with pytest.raises(BadDeliverySignatureError):
        journey.merge(bytes(raw))
    assert "Alex" == journey.recall(Acme.full_name)


def test_another_departments_journey_is_handed_over_to_be_merged(world):
    """
    In one process, too, nobody reads with another department's keys.
    """
    journey = learned(world)
    billing = at(world, "billing", journey)
    billing.learn(Acme.card_last4, "4242")
    support = at(world, "support", journey)

    with pytest.raises(UsageError, match="merge what it hands over to support"):
        support.merge(billing)
    support.merge(billing.hand_over("support"))
    assert support.recall(Acme.card_last4) is None


@pytest.mark.parametrize("extra", [0, 5])
def test_a_merge_over_the_limit_keeps_what_is_here(world, extra):
    """
    Of the other side as many statements are taken as fit, and the event counts the rest.
    """
    journey = world["sales"].begin(channel="chat")
    journey.begun()
    branch = at(world, "support", journey)
    while len(journey.context.statements) < MAX_STATEMENTS - 10:
        journey.accept()
        journey.begun()
    for _ in range(10 + extra):
        branch.accept()
        branch.begun()
    journey.learn(Acme.full_name, "Alex")
    journey.merge(branch.hand_over("sales"))

    assert MAX_STATEMENTS == len(journey.context.statements)
    assert "Alex" == journey.recall(Acme.full_name)
    assert [1 + extra] == [event.statements for event in world.told(MergeLeftOut)]
    assert "Alex" == at(world, "support", journey).recall(Acme.full_name)


def test_only_what_is_not_here_is_counted_as_left_out(world):
    """
    Statements that both sides have are not left out, and their sections are joined.
    """
    journey = world["sales"].begin(channel="chat")
    journey.begun()
    branch = at(world, "billing", journey)
    journey.learn(Acme.order_number, "A-118")
    for _ in range(150):
        journey.accept()
        journey.begun()
    stripped = world["ivr"].receive(journey.hand_over("ivr", withhold=[Acme.order]))
    for _ in range(50):
        branch.accept()
        branch.begun()
    branch.merge(journey.hand_over("billing"))
    ours = at(world, "billing", stripped)
    for _ in range(80):
        ours.accept()
        ours.begun()
    assert Reason.WITHHELD is ours.gap(Acme.order_number).reason
    ours.merge(branch)

    left_out = 1 + 150 + 80 + 50 - MAX_STATEMENTS
    assert [left_out] == [event.statements for event in world.told(MergeLeftOut)]
    assert "A-118" == ours.recall(Acme.order_number)


@pytest.mark.parametrize("branches", [MAX_HEADS + 1, 100])
def test_more_branches_than_heads_are_joined_and_none_is_lost(world, branches):
    """
    However many calls return something at once, all of it is here, and travels on.
    """
    journey = world["sales"].begin(channel="chat")
    forks = [journey.fork() for _ in range(branches)]
    for number, fork in enumerate(forks):
        fork.learn(Acme.product, str(number), qualifier=str(number))
        journey.merge(fork)

    assert [] == world.told(MergeLeftOut)
    assert branches == len(journey.recall_all(Acme.product))
    assert branches == len(at(world, "support", journey).recall_all(Acme.product))


def test_a_merge_of_more_heads_than_allowed_leaves_some_out(world):
    """
    The limit of heads holds for a merge as for an envelope.
    """
    begun = world["sales"].begin(channel="chat")
    forks = [begun.fork() for _ in range(MAX_HEADS)]
    journey, other = begun.fork(), begun.fork()
    for number, fork in enumerate(forks):
        fork.learn(Acme.product, str(number), qualifier=str(number))
        other.merge(fork)
    journey.learn(Acme.product, "ours", qualifier="ours")
    journey.merge(other)

    assert MAX_HEADS == len(journey.context.graph.heads)
    assert 1 == sum(event.statements for event in world.told(MergeLeftOut))
    assert MAX_HEADS == len(journey.recall_all(Acme.product))
    assert "ours" == journey.recall(Acme.product, qualifier="ours")
    journey.learn(Acme.full_name, "Alex")
    arrived = at(world, "support", journey)
    assert ("Alex", MAX_HEADS) == (
        arrived.recall(Acme.full_name),
        len(arrived.recall_all(Acme.product)),
    )


# --- fork --------------------------------------------------------------------------


def test_a_fork_works_apart_and_comes_back(world):
    """
    What a fork learns is unknown here until it is merged, and nothing is asked twice.
    """
    journey = learned(world)
    fork = journey.fork()
    fork.learn(Acme.email, "alex@example.com")
    journey.learn(Acme.order_number, "B-2")
    assert journey.recall(Acme.email) is None
    assert "A-118" == fork.recall(Acme.order_number)
    journey.merge(fork)

    assert "alex@example.com" == journey.recall(Acme.email)
    assert "B-2" == journey.recall(Acme.order_number)
    assert fork.id == journey.id


def test_a_fork_has_its_journeys_standing(world):
    """
    Arrival, channel, sender and what was told here are the journey's own.
    """
    arrived = at(world, "support", learned(world), arrival=Arrival.POSSESSION)
    arrived.learn(Acme.order_number, "B-2")
    fork = arrived.fork()

    assert (Arrival.POSSESSION, "chat", "sales") == (
        fork.arrival,
        fork.channel,
        fork.received_from,
    )
    assert "B-2" == fork.recall(Acme.order_number)


def test_what_a_fork_was_told_was_told_here_once_merged(world):
    """
    Under possession, only what this unit of work heard is recalled; a fork is of it.
    """
    arrived = at(world, "support", learned(world), arrival=Arrival.POSSESSION)
    fork = arrived.fork()
    fork.learn(Acme.gift, True)  # noqa: FBT003 - the value
    assert arrived.recall(Acme.gift) is None
    arrived.merge(fork)

    assert arrived.recall(Acme.gift) is True


def test_what_a_fork_left_unsent_is_unsent_here(world):
    """
    After a merge the facts of the fork wait for this journey's carrier.
    """
    journey = learned(world)
    fork = journey.fork()
    fork.learn(Acme.email, "alex@example.com")
    journey.hand_over("support")
    assert () == journey.unsent
    journey.merge(fork)

    assert (2,) == journey.unsent
    assert () == fork.unsent


# --- partners ------------------------------------------------------------------------


def shipping(world: World) -> cx.Journey[Any]:
    """
    Return a journey with something for the carrier, and much that is not.
    """
    journey = learned(world)
    journey.learn(Acme.deliver_to, Address("1 Main", "Paris"))
    journey.learn(Acme.tracking, "T-1", known=Known.OBSERVED)
    journey.learn(Acme.parcel, "packed")
    return journey


def test_an_export_restates_what_the_partner_may_read(world, elsewhere, clock):
    """
    A new journey, with the original times and sureness, reported by who said it.
    """
    journey = at(world, "support", shipping(world))
    clock.advance(minutes=1)
    export = journey.export_to("carrier")
    partner = elsewhere["carrier"].receive(export)
    fact = partner.fact(Acme.tracking)

    assert ("T-1", Known.OBSERVED, START) == (fact.value, fact.known, fact.at)
    assert ("support", "sales") == (fact.department, fact.reported_by)
    assert "packed" == partner.recall(Acme.parcel)
    assert {"shipping"} == {
        each.scope for each in partner.explain() if each.fact is not None
    }
    assert journey.id != partner.id == export.journey_id


def test_nothing_in_an_export_leads_back(world):
    """
    An export has one statement, a nonce of its own, and no section of other scopes.
    """
    journey = shipping(world)
    export = journey.export_to("carrier", Acme.tracking)
    (statement,) = export.statements
    ids = {s.id for s in journey.context.statements}

    assert {Acme.shipping.number} == set(statement.digests)
    assert () == statement.clear
    assert ids.isdisjoint({statement.id})
    assert statement.nonce not in bytes(journey.hand_over("support"))


def test_only_named_fields_are_exported(world, elsewhere):
    """
    Of what the partner may read, the caller may choose.
    """
    export = shipping(world).export_to("carrier", Acme.tracking)
    partner = elsewhere["carrier"].receive(export)

    assert "T-1" == partner.recall(Acme.tracking)
    assert partner.recall(Acme.parcel) is None


def test_what_the_partner_may_not_read_is_not_exported(world):
    """
    A field outside the partner's scopes is refused, with what to change.
    """
    with pytest.raises(UsageError, match="carrier may not read full_name; add it to"):
        shipping(world).export_to("carrier", Acme.full_name)


def test_an_export_goes_to_partners_only(world):
    """
    A department of ours gets the journey itself.
    """
    with pytest.raises(UsageError, match="support is a department of ours; hand the"):
        shipping(world).export_to("support")
    with pytest.raises(UnknownDepartmentError):
        shipping(world).export_to("courier")


def test_a_partners_answer_is_taken_over_under_our_name(world, elsewhere):
    """
    The partner's values are restated here as reported by it; ours are not repeated.
    """
    journey = shipping(world)
    export = journey.export_to("carrier")
    partner = elsewhere["carrier"].receive(export)
    partner.learn(Acme.parcel, "sent")
    answer = partner.hand_over("sales")
    taken = journey.accept_from(answer, export=export.journey_id)
    fact = at(world, "support", journey).fact(Acme.parcel)

    assert (Acme.parcel,) == taken
    assert ("sent", "sales", "carrier") == (
        fact.value,
        fact.department,
        fact.reported_by,
    )


def test_a_partners_answer_is_not_received_as_a_journey(world, elsewhere):
    """
    A partner's statements stand in exports only.
    """
    journey = shipping(world)
    export = journey.export_to("carrier")
    partner = elsewhere["carrier"].receive(export)
    partner.learn(Acme.parcel, "sent")
    forge = Forge(world.ring)
    root = forge.statement(by="carrier", says={6: {51: "sent"}})

    with pytest.raises(ExternalAuthorError, match=r"with accept_from\(\)"):
        world["sales"].receive(forge.envelope(root, by="carrier", to="sales"))
    with pytest.raises(ExternalAuthorError):
        journey.accept_from(at(world, "support", journey).hand_over("sales"), export="")


def test_an_answer_to_another_export_is_refused(world, elsewhere):
    """
    An answer names the export that it answers, by the journey that the export is.
    """
    journey = shipping(world)
    first, second = journey.export_to("carrier"), journey.export_to("carrier")
    answer = elsewhere["carrier"].receive(first).hand_over("sales")

    with pytest.raises(DifferentJourneyError):
        journey.accept_from(answer, export=second.journey_id)
    assert () == journey.accept_from(answer, export=first.journey_id)


def test_only_what_this_department_may_write_is_taken_over(world, elsewhere):
    """
    What the partner said and this department could not is left where it is.
    """
    journey = shipping(world)
    export = journey.export_to("carrier")
    partner = elsewhere["carrier"].receive(export)
    partner.learn(Acme.parcel, "sent")
    answer = partner.hand_over("billing")

    billing = at(world, "billing", journey)
    assert () == billing.accept_from(answer, export=export.journey_id)


def test_an_export_of_a_doubtful_journey_says_so(world, elsewhere):
    """
    The partner, too, is told that the customer has only shown a link.
    """
    link = at(world, "support", shipping(world), arrival=Arrival.POSSESSION)
    link.learn(Acme.tracking, "T-2")
    export = link.export_to("carrier", Acme.tracking)
    partner = elsewhere["carrier"].receive(export)
    assert Arrival.POSSESSION is partner.arrival

    partner.learn(Acme.parcel, "lost")
    answer = partner.hand_over("support")
    assert (Acme.parcel,) == link.accept_from(answer, export=export.journey_id)
    assert "lost" == link.recall(Acme.parcel)


class Shared(cx.Vocabulary, revision=1):
    """
    A vocabulary in which the carrier has a say in promises and consent.
    """

    care = cx.Scope(6, readers={"sales", "support", "carrier"})
    tracking = cx.Field(50, str, scope=care)
    promise = cx.standard.promise(scope=care)
    consent = cx.standard.consent(scope=care, max_age=timedelta(days=30))


def test_a_partner_neither_promises_nor_consents_in_our_name(ring, clock):
    """
    A partner's promises and consents stay in its answer.
    """
    world = World(ring, clock, vocabulary=Shared)
    journey = world["sales"].begin(channel="chat")
    journey.promise("call", wording="Soon")
    export = journey.export_to("carrier")
    (root,) = unpack(export)[1]
    forge = Forge(ring)
    says = {-7: {0: [0, "delivery", "On Monday"], 3: "abc"}, -8: {0: [0], 3: MARKETING}}
    answer = forge.statement(root, by="carrier", says={6: says}, revision=1)
    raw = forge.envelope(root, answer, by="carrier", to="sales")

    assert () == journey.accept_from(raw, export=export.journey_id)
    assert ["call"] == [promise.kind for promise in journey.promises]
    assert not journey.has_consent(MARKETING)


def test_a_partner_does_not_fill_our_journey(ring, clock):
    """
    More than 64 facts at once are refused, and none of them is taken over.
    """

    class Parcels(cx.Vocabulary, revision=1):
        """
        A field with many.
        """

        shipping = Acme.shipping
        event = cx.Field(1, str, scope=shipping, many=True)

    world, there = (World(ring, clock, vocabulary=Parcels) for _ in range(2))
    journey = world["sales"].begin(channel="chat")
    export = journey.export_to("carrier")
    partner = there["carrier"].receive(export)
    for number in range(64):
        partner.learn(Parcels.event, "scanned", qualifier=str(number))
    few = partner.hand_over("sales")
    partner.learn(Parcels.event, "lost", qualifier="64")

    with pytest.raises(VerificationError, match="more than 64 facts from a partner"):
        journey.accept_from(partner.hand_over("sales"), export=export.journey_id)
    assert {} == journey.recall_all(Parcels.event)
    assert (Parcels.event,) == journey.accept_from(few, export=export.journey_id)
    assert 64 == len(journey.recall_all(Parcels.event))


def test_of_a_partners_answer_all_or_nothing_is_taken_over(world):
    """
    A forbidden value refuses the whole answer.
    """
    journey = world["sales"].begin(channel="chat")
    export = journey.export_to("carrier")
    (root,) = unpack(export)[1]
    forge = Forge(world.ring)
    says = {50: "T-2", 51: "sent"}
    good = forge.statement(root, by="carrier", says={6: says})
    says = {50: "4111 1111 1111 1111", 51: "sent"}
    bad = forge.statement(root, by="carrier", says={6: says})

    with pytest.raises(ForbiddenDataError):
        journey.accept_from(
            forge.envelope(root, bad, by="carrier", to="sales"),
            export=export.journey_id,
        )
    assert journey.recall(Acme.parcel) is None
    assert (Acme.tracking, Acme.parcel) == journey.accept_from(
        forge.envelope(root, good, by="carrier", to="sales"), export=export.journey_id
    )


def test_an_export_may_be_asked_for_by_consent_and_carries_none(ring, clock):
    """
    Consents and promises are not exported, even when they are named.
    """
    world = World(ring, clock, vocabulary=Shared)
    journey = world["sales"].begin(channel="chat")
    journey.consent(MARKETING)
    journey.learn(Shared.tracking, "T-1")
    export = journey.export_to("carrier", Shared.consent, Shared.tracking)
    partner = World(ring, clock, vocabulary=Shared)["carrier"].receive(export)

    assert "T-1" == partner.recall(Shared.tracking)
    assert {} == partner.recall_all(Shared.consent)
    assert 1 == len(unpack(export)[1])


def test_every_receipt_is_told_to_the_observers(world):
    """
    Whatever was verified is an event, with its sender and size.
    """
    journey = learned(world)
    at(world, "support", journey)

    assert [
        Received(
            department="support",
            journey_id=journey.id,
            sender="sales",
            statements=1,
            replayed=False,
        )
    ] == world.told(Received)
