"""
Learning: what a department adds, corrects, confirms, takes back and restates.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from acme import START, Acme, Tier, World

import cxcontext as cx
from cxcontext import Arrival, Known, Reason
from cxcontext.core.events import NearlyFull
from cxcontext.core.limits import MAX_SECTION_BYTES, MAX_STATEMENTS
from cxcontext.core.pending import MAX_PENDING_ENTRIES
from cxcontext.errors import (
    ConflictError,
    JourneyFullError,
    UsageError,
    ValueDoesNotFitError,
)

MARKETING = "dpv:Marketing"
LATE = cx.standard.ReasonForContact(code="late", wording="It never came")


def at(world: World, name: str, journey: Any, **arguments: Any) -> cx.Journey[Any]:
    """
    Return the journey as it arrives at the department *name*.
    """
    return world[name].receive(journey.hand_over(name), **arguments)


def statements(journey: cx.Journey[Any]) -> int:
    """
    Return how many statements are sealed.
    """
    return len(journey.context.statements)


# --- learn -------------------------------------------------------------------


def test_nothing_is_sealed_when_it_is_learned(sales):
    """
    Learning costs no signature: what is learned is pending until it is carried.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    journey.learn(Acme.order_number, "A-118")

    assert 0 == statements(journey)
    journey.hand_over("support")
    assert 1 == statements(journey)


def test_with_nothing_pending_only_a_delivery_is_signed(sales):
    """
    Handing over twice makes no second statement.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    first, second = journey.hand_over("support"), journey.hand_over("billing")

    assert first.statements == second.statements
    assert first.delivery.id != second.delivery.id


def test_learning_what_is_recalled_writes_nothing(world):
    """
    The value that is known already, no more surely and not stale, is not written.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    arrived = at(world, "support", journey)
    arrived.learn(Acme.full_name, "Alex")
    arrived.learn(Acme.full_name, "Alex", known=Known.OBSERVED)

    assert not arrived.has_news
    assert () == arrived.unsent


@pytest.mark.parametrize("known", [Known.STATED, Known.VERIFIED])
def test_learning_it_more_surely_is_written(world, known):
    """
    The same value, known more surely than before, is news.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.phone, "+33612345678", known=Known.OBSERVED)
    arrived = at(world, "support", journey)
    arrived.learn(Acme.phone, "+33612345678", known=known)

    assert known is arrived.fact(Acme.phone).known
    assert "support" == arrived.fact(Acme.phone).department


def test_learning_a_stale_value_again_makes_it_fresh(world, clock):
    """
    What is stale is not recalled, so the same value is news.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.reason, LATE)
    arrived = at(world, "support", journey)
    clock.advance(days=8)
    assert Reason.STALE is arrived.gap(Acme.reason).reason
    arrived.learn(Acme.reason, LATE)

    assert LATE == arrived.recall(Acme.reason)


@pytest.mark.parametrize(
    ("key", "first", "again"),
    [
        (Acme.email, "Alex@Example.com", "Alex@example.COM"),
        (Acme.phone, "+33612345678", "+33 6 12 34 56 78"),
        (Acme.language, "en-gb", "en-GB"),
        (Acme.answers, {"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_one_value_written_differently_is_no_news(sales, key, first, again):
    """
    Values are compared after the format's normalisation.
    """
    journey = sales.begin(channel="chat")
    journey.learn(key, first)
    journey.learn(key, again)

    assert first == journey.recall(key)


def test_a_decimals_trailing_zeros_are_no_news(billing):
    """
    Ten and ten point nought are one balance.
    """
    journey = billing.begin(channel="chat")
    journey.learn(Acme.balance, Decimal(10))
    journey.learn(Acme.balance, Decimal("10.00"))

    assert Decimal(10).as_tuple() == journey.recall(Acme.balance).as_tuple()


def test_both_channels_learning_the_same_asks_nobody_again(world):
    """
    Two departments that hear the same value at once are in no conflict.
    """
    journey = world["sales"].begin(channel="chat")
    branch = at(world, "support", journey, channel="phone")
    journey.learn(Acme.phone, "+33612345678")
    branch.learn(Acme.phone, "+33 6 12 34 56 78")
    journey.merge(branch.hand_over("sales"))

    assert journey.gap(Acme.phone) is None


def test_the_last_value_of_one_department_stands(sales):
    """
    A department's later word supersedes its own earlier one, even a surer one.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    journey.learn(Acme.full_name, "Sasha", known=Known.OBSERVED)

    assert "Sasha" == journey.recall(Acme.full_name)


@pytest.mark.parametrize("sealed_between", [False, True])
@pytest.mark.parametrize("key", [Acme.order_number, Acme.language])
def test_what_is_inferred_never_replaces_what_is_surer(world, sealed_between, key):
    """
    An inferred value supersedes only inferred ones, whoever states it, at any time.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(key, "fr")
    if sealed_between:
        journey.begun()
    journey.learn(key, "it", known=Known.INFERRED)

    assert "fr" == journey.recall(key)
    assert "fr" == at(world, "support", journey).recall(key)
    journey.learn(key, "de")
    assert "de" == journey.recall(key)


def test_an_inferred_value_gives_way(world):
    """
    An inferred value counts until anything surer is known, then no more.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex", known=Known.INFERRED)
    journey.learn(Acme.full_name, "Alec", known=Known.INFERRED)

    assert "Alec" == journey.recall(Acme.full_name)
    arrived = at(world, "support", journey)
    arrived.learn(Acme.full_name, "Sasha", known=Known.OBSERVED)
    assert "Sasha" == arrived.recall(Acme.full_name)


def test_a_field_that_is_only_inferred_is_inferred(sales):
    """
    Nothing need be said about how a score is known, and nothing else can be.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.score, 0.5)
    journey.learn(Acme.sentiment, cx.standard.Sentiment.CALM)

    assert Known.INFERRED is journey.fact(Acme.score).known
    assert cx.standard.Sentiment.CALM is journey.recall(Acme.sentiment)


def test_a_value_may_have_become_known_earlier(world, clock):
    """
    An instant in the past is kept with the fact, and makes it stale the sooner.
    """
    journey = world["sales"].begin(channel="chat")
    clock.advance(days=10)
    journey.learn(Acme.full_name, "Alex", at=START)
    journey.learn(Acme.order_number, "A-118", at=START)
    arrived = at(world, "support", journey)

    assert START == arrived.fact(Acme.full_name).at
    clock.advance(days=21)
    assert Reason.STALE is arrived.gap(Acme.order_number).reason


def test_now_is_not_too_late(sales):
    """
    The present instant itself is no future.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Alex", at=START)

    assert START == journey.fact(Acme.full_name).at


def test_after_a_clock_was_set_back_nothing_is_dated_before_its_parents(world, clock):
    """
    A writer whose clock is behind its parents' takes their instant.
    """
    clock.advance(seconds=50)
    journey = world["sales"].begin(channel="chat")
    journey.begun()
    clock.advance(seconds=-50)
    journey.learn(Acme.full_name, "Alex")

    assert "Alex" == at(world, "support", journey).recall(Acme.full_name)


def test_clear_facts_are_learned_and_superseded_like_others(world):
    """
    What routers may read is known to departments as everything else.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.tier, Tier.BASIC)
    arrived = at(world, "support", journey)
    arrived.learn(Acme.tier, Tier.GOLD)
    back = at(world, "sales", arrived)

    assert Tier.GOLD is back.recall(Acme.tier)
    assert b"gold" in bytes(arrived.hand_over("billing"))


# --- what does not fit into one section --------------------------------------------


def test_more_values_than_one_section_takes_are_all_kept(world):
    """
    When the next fact might not fit any more, what is pending is sealed first.
    """
    journey = world["sales"].begin(channel="chat")
    numbers = range(MAX_PENDING_ENTRIES + 5)
    for number in numbers:
        journey.learn(Acme.product, f"product {number}", qualifier=str(number))
    arrived = at(world, "support", journey)

    assert 2 == statements(arrived)
    assert {str(n): f"product {n}" for n in numbers} == arrived.recall_all(Acme.product)


@pytest.mark.parametrize("key", [Acme.photo, Acme.product])
def test_the_largest_value_that_is_learned_can_be_handed_over(world, key):
    """
    What learn takes fits into a section, with the longest provenance beside it.
    """
    kind: Any = bytes if key is Acme.photo else (lambda size: "x" * size)
    qualifier = "\U0010ffff" * 64 if key.field.many else None
    size = MAX_SECTION_BYTES
    while True:
        journey = world["sales"].begin(channel="chat")
        try:
            journey.learn(key, kind(size), qualifier=qualifier, known=Known.INFERRED)
        except ValueDoesNotFitError:
            size -= 1
            continue
        break
    arrived = at(world, "support", journey)

    assert kind(size) == arrived.recall(key, qualifier=qualifier)
    assert MAX_SECTION_BYTES - 500 < size < MAX_SECTION_BYTES


def test_a_large_value_does_not_crowd_out_others(world):
    """
    Beside a value that fills a section alone, others of its scope are sealed apart.
    """
    journey = world["sales"].begin(channel="chat")
    journey.asked(Acme.photo, because="they wrote of damage")
    journey.learn(Acme.order_number, "A-118")
    journey.learn(Acme.photo, bytes(15_000))
    journey.asked(Acme.gift, because="g" * 256)
    journey.learn(Acme.gift, True)  # noqa: FBT003 - the value
    arrived = at(world, "support", journey)

    assert ("A-118", bytes(15_000), True) == (
        arrived.recall(Acme.order_number),
        arrived.recall(Acme.photo),
        arrived.recall(Acme.gift),
    )


def test_a_list_of_too_many_items_does_not_fit(sales):
    """
    A value that a section cannot hold is refused when it is learned.
    """
    journey = sales.begin(channel="chat")

    with pytest.raises(ValueDoesNotFitError, match="a section holds at most"):
        journey.learn(Acme.photo, bytes(MAX_SECTION_BYTES))
    with pytest.raises(ValueDoesNotFitError, match="notice: expected list"):
        journey.learn(Acme.notice, ["x"] * 5000)


def test_a_full_journey_says_so(world):
    """
    At the format's limit learn raises, with restate as the advice; nothing is lost.
    """
    journey = full(world)
    arrived = at(world, "support", journey)

    with pytest.raises(JourneyFullError, match=r"carry what matters .* restate\(\)"):
        arrived.learn(Acme.full_name, "Sasha")
    with pytest.raises(JourneyFullError):
        arrived.asked(Acme.email)
    with pytest.raises(JourneyFullError):
        arrived.accept()
    assert "Alex" == arrived.recall(Acme.full_name)
    assert "Alex" == at(world, "billing", arrived).recall(Acme.full_name)


def test_a_full_journey_can_be_restated(world):
    """
    The advice of a full journey works.
    """
    arrived = at(world, "support", full(world))
    fresh = world["support"].begin(channel="chat")

    assert (Acme.full_name,) == fresh.restate(arrived, Acme.full_name)
    assert "Alex" == fresh.recall(Acme.full_name)


def test_a_journey_that_nears_its_limit_says_so(world):
    """
    While there is still room to act, an event tells how many statements there are.
    """
    full(world)
    counts = [event.statements for event in world.told(NearlyFull)]

    assert list(range(224, MAX_STATEMENTS + 1)) == counts


def full(world: World) -> cx.Journey[Any]:
    """
    Return a journey with as many statements as the format allows.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    journey.begun()
    while statements(journey) < MAX_STATEMENTS:
        journey.accept()
        journey.begun()
    return journey


def test_what_needs_more_statements_than_are_left_is_not_sealed(world):
    """
    A journey with room for one statement cannot take a chain of two.
    """
    journey = world["sales"].begin(channel="chat")
    journey.begun()
    while statements(journey) < MAX_STATEMENTS - 20:
        journey.accept()
        journey.begun()
    for number, branch in enumerate([journey.fork() for _ in range(18)]):
        branch.learn(Acme.product, "x", qualifier=str(number))
        journey.merge(branch)
    journey.learn(Acme.full_name, "Alex")
    assert MAX_STATEMENTS - 2 == statements(journey)
    journey.begun()
    assert MAX_STATEMENTS == statements(journey)


def test_a_chain_that_exceeds_the_limit_raises(world):
    """
    Where several heads come together at the limit, sealing says that it is full.
    """
    journey = world["sales"].begin(channel="chat")
    journey.begun()
    while statements(journey) < MAX_STATEMENTS - 18:
        journey.accept()
        journey.begun()
    for number, branch in enumerate([journey.fork() for _ in range(17)]):
        branch.learn(Acme.product, "x", qualifier=str(number))
        journey.merge(branch)
    journey.learn(Acme.full_name, "Alex")

    assert MAX_STATEMENTS - 1 == statements(journey)
    with pytest.raises(JourneyFullError):
        journey.hand_over("support")


# --- correct -------------------------------------------------------------------


def test_a_correction_supersedes_what_others_said(world):
    """
    What is as surely known takes the place of what another department said.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    arrived = at(world, "support", journey)
    arrived.correct(Acme.full_name, "Sasha")

    assert "Sasha" == at(world, "sales", arrived).recall(Acme.full_name)


def test_a_correction_is_always_written(sales):
    """
    Unlike learn, correct writes also what is known already.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    journey.begun()
    journey.correct(Acme.full_name, "Alex")

    assert (1,) == journey.unsent
    assert journey.has_news


def test_a_verified_value_is_not_corrected_by_the_customers_word(world):
    """
    Against a verified value a correction stands as a conflict.
    """
    journey = world["billing"].begin(channel="chat")
    journey.learn(Acme.account, "A-1", known=Known.VERIFIED)
    arrived = at(world, "sales", journey)
    arrived.correct(Acme.account, "A-2")

    assert Reason.CONFLICT is arrived.gap(Acme.account).reason
    assert "A-1" == arrived.fact(Acme.account).value


def test_authority_corrects_whatever_was_known(world):
    """
    A department with authority over a field supersedes with any sureness.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.account, "A-1")
    arrived = at(world, "billing", journey)
    arrived.correct(Acme.account, "A-2", known=Known.OBSERVED)

    assert "A-2" == at(world, "sales", arrived).recall(Acme.account)


def test_one_of_many_is_corrected(sales):
    """
    A correction concerns the value of its qualifier only.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.product, "a kettle", qualifier="1")
    journey.learn(Acme.product, "a toaster", qualifier="2")
    journey.correct(Acme.product, "a fridge", qualifier="2")

    assert {"1": "a kettle", "2": "a fridge"} == journey.recall_all(Acme.product)


# --- confirm -------------------------------------------------------------------


def test_confirming_makes_a_stale_value_fresh(world, clock):
    """
    The value is said again now, under this department's name.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.reason, LATE)
    arrived = at(world, "support", journey)
    clock.advance(days=8)
    arrived.confirm(Acme.reason)

    assert LATE == arrived.recall(Acme.reason)
    assert "support" == arrived.fact(Acme.reason).department
    assert START + timedelta(days=8) == arrived.fact(Acme.reason).at


def test_confirming_writes_even_what_is_fresh(world):
    """
    A confirmation is always written.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.product, "a kettle", qualifier="1")
    arrived = at(world, "support", journey)
    arrived.confirm(Acme.product, qualifier="1")

    assert "support" == arrived.fact(Acme.product, qualifier="1").department


def test_nothing_cannot_be_confirmed(sales):
    """
    Where no single value is shown, confirm says to use correct.
    """
    journey = sales.begin(channel="chat")

    with pytest.raises(ConflictError, match=r"full_name: .* with correct\(\)"):
        journey.confirm(Acme.full_name)
    journey.learn(Acme.full_name, "Alex")
    journey.retract(Acme.full_name)
    with pytest.raises(ConflictError):
        journey.confirm(Acme.full_name)


def test_a_conflict_cannot_be_confirmed(world):
    """
    Of several values, which one is right must be said; saying it settles them.
    """
    journey = world["sales"].begin(channel="chat")
    branch = at(world, "support", journey)
    journey.learn(Acme.full_name, "Alex")
    branch.learn(Acme.full_name, "Sasha")
    journey.merge(branch.hand_over("sales"))

    with pytest.raises(ConflictError, match="say which one is right"):
        journey.confirm(Acme.full_name)
    journey.correct(Acme.full_name, "Sasha")
    assert "Sasha" == journey.recall(Acme.full_name)


# --- retract -------------------------------------------------------------------


def test_a_retraction_travels(world):
    """
    That a value does not hold is known everywhere, until another is said.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    arrived = at(world, "support", journey)
    arrived.retract(Acme.full_name)
    back = at(world, "sales", arrived)

    assert back.recall(Acme.full_name) is None
    assert back.fact(Acme.full_name).retracted
    assert "support" == back.fact(Acme.full_name).department
    back.learn(Acme.full_name, "Sasha")
    assert "Sasha" == back.recall(Acme.full_name)


def test_a_clear_fact_is_retracted_too(world):
    """
    A retraction of a clear fact is as clear as the fact was.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.tier, Tier.GOLD)
    arrived = at(world, "support", journey)
    arrived.retract(Acme.tier)

    assert at(world, "sales", arrived).recall(Acme.tier) is None


# --- restate -------------------------------------------------------------------


def another(world: World) -> cx.Journey[Any]:
    """
    Return another journey of the same customer, as support has received it.
    """
    journey = world["sales"].begin(channel="web")
    journey.learn(Acme.full_name, "Alex")
    journey.learn(Acme.order_number, "A-118", known=Known.OBSERVED)
    journey.learn(Acme.product, "a kettle", qualifier="1")
    journey.learn(Acme.product, "a toaster", qualifier="2")
    journey.learn(Acme.card_last4, "4242")
    journey.consent(MARKETING)
    journey.promise("refund", wording="By Friday")
    return at(world, "support", journey)


def test_restating_carries_values_over_with_their_provenance(world, clock):
    """
    Values are restated under this name, as surely known, as of when, reported by whom.
    """
    other = another(world)
    clock.advance(days=1)
    journey = world["support"].begin(channel="phone")
    done = journey.restate(other)
    fact = at(world, "billing", journey).fact(Acme.order_number)

    assert (Acme.full_name, Acme.order_number, Acme.product) == done
    assert ("A-118", Known.OBSERVED, START) == (fact.value, fact.known, fact.at)
    assert ("support", "sales", "phone") == (
        fact.department,
        fact.reported_by,
        fact.channel,
    )
    assert {"1": "a kettle", "2": "a toaster"} == journey.recall_all(Acme.product)


def test_consents_and_promises_are_not_carried_over(world):
    """
    They were made to somebody in another journey, and must be made again.
    """
    other = another(world)
    journey = world["support"].begin(channel="phone")
    done = journey.restate(other, Acme.consent, Acme.promise, Acme.full_name)

    assert (Acme.full_name,) == done
    assert not journey.has_consent(MARKETING)
    assert () == journey.promises


def test_only_the_fields_asked_for_are_restated(world):
    """
    Named fields are carried over and no others.
    """
    journey = world["support"].begin(channel="phone")

    assert (Acme.full_name,) == journey.restate(another(world), Acme.full_name)
    assert journey.recall(Acme.order_number) is None


def test_what_is_not_recalled_there_is_not_restated_here(world, clock):
    """
    A stale value, and what cannot be read, stay where they are.
    """
    other = world["sales"].begin(channel="web")
    other.learn(Acme.full_name, "Alex")
    other.learn(Acme.reason, LATE)
    other.learn(Acme.card_last4, "4242")
    clock.advance(days=8)
    journey = world["support"].begin(channel="phone")

    assert (Acme.full_name,) == journey.restate(at(world, "support", other))


def test_ones_own_word_is_reported_by_nobody(world):
    """
    What this department had said itself is restated as its own.
    """
    first = world["support"].begin(channel="chat")
    first.learn(Acme.full_name, "Alex")
    journey = world["support"].begin(channel="phone")
    journey.restate(first)

    assert journey.fact(Acme.full_name).reported_by is None


def test_the_first_reporter_stays_named(world):
    """
    Restated twice, a value is still reported by who said it first.
    """
    journey = world["support"].begin(channel="phone")
    journey.restate(another(world))
    third = world["billing"].begin(channel="phone")
    third.restate(at(world, "billing", journey))

    assert "sales" == third.fact(Acme.full_name).reported_by


def test_who_is_no_verifier_restates_as_stated(world):
    """
    A verified value carried over by somebody else is only as good as stated.
    """
    first = world["billing"].begin(channel="phone")
    first.learn(Acme.account, "A-1", known=Known.VERIFIED)
    journey = world["sales"].begin(channel="chat")
    journey.restate(at(world, "sales", first))
    ours = world["billing"].begin(channel="chat")
    ours.restate(first)

    assert Known.STATED is journey.fact(Acme.account).known
    assert Known.VERIFIED is ours.fact(Acme.account).known


def test_a_value_from_a_clock_ahead_is_restated_as_of_now(world, ring, clock):
    """
    What a clock that is a little ahead dated in our future is taken as of now.
    """
    ahead = World(ring, type(clock)())
    ahead.clock.advance(seconds=30)
    there = ahead["sales"].begin(channel="chat")
    there.learn(Acme.full_name, "Alex")
    arrived = world["support"].receive(there.hand_over("support"))
    journey = world["support"].begin(channel="phone")
    journey.restate(arrived)

    assert START + timedelta(seconds=30) == arrived.fact(Acme.full_name).at
    assert START == journey.fact(Acme.full_name).at


def test_a_hinted_journey_is_not_restated(world):
    """
    What this arrival does not let be recalled is not carried over either.
    """
    journey = world["sales"].begin(channel="web")
    journey.learn(Acme.full_name, "Alex")
    hinted = at(world, "support", journey, arrival=Arrival.HINT)

    assert () == world["support"].begin(channel="phone").restate(hinted)


def test_another_vocabularys_journey_is_not_restated(world, ring, clock):
    """
    Restating needs the same vocabulary and domain; a merge is not advised.
    """

    class More(Acme, revision=5):
        """
        Acme, extended.
        """

    other = World(ring, clock, vocabulary=More)["sales"].begin(channel="chat")

    with pytest.raises(UsageError, match="a journey of the same vocabulary and trust"):
        world["sales"].begin(channel="chat").restate(other)
