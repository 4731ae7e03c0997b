"""
Reading a journey: what is recalled, shown, missing, and explained.
"""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from acme import START, START_S, Acme, Address, Company, Item, Tier, World
from forge import Forge, header, unpack, withheld

import cxcontext as cx
from cxcontext import Arrival, Known, Reason, Remedy
from cxcontext.core.events import Avoided, GapFound, Received, SectionIgnored, Unsent
from cxcontext.core.keygen import rotate_signing
from cxcontext.core.promising import PromiseStatus
from cxcontext.errors import ForeignFieldError, NotPicklableError, UsageError

SERVICE, MARKETING = "dpv:ServiceProvision", "dpv:Marketing"


def at(world: World, name: str, journey: Any, **arguments: Any) -> cx.Journey[Any]:
    """
    Return the journey as it arrives at the department *name*.
    """
    return world[name].receive(journey.hand_over(name), **arguments)


# --- recall ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (Acme.full_name, "Alex"),
        (Acme.born, date(1980, 2, 29)),
        (Acme.tier, Tier.GOLD),
        (Acme.deliver_to, Address("1 Main", "Paris", 3)),
        (Acme.deliver_to, None),
        (Acme.items, (Item("book", Decimal("9.90")),)),
        (Acme.gift, False),
        (Acme.photo, b"\xff\xd8"),
        (Acme.payer, Company("Acme", "FR1")),
        (Acme.balance, Decimal("-10.50")),
        (Acme.attempts, 3),
        (Acme.callback_at, datetime(2026, 2, 1, 9, 30, tzinfo=UTC)),
        (Acme.answers, {"a": 1, "b": "two"}),
        (Acme.parcel, "sent"),
        (Acme.language, "en-GB"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_what_one_department_learns_another_recalls(world, key, value):
    """
    Every sort of value is recalled at the next department, typed as it was learned.
    """
    writer = "billing" if key is Acme.balance else "sales"
    reader = "support" if writer == "sales" else "billing"
    journey = world[writer].begin(channel="chat")
    journey.learn(key, value)
    arrived = at(world, reader, journey)

    assert value == arrived.recall(key)
    assert type(value) is type(arrived.recall(key))
    assert arrived.gap(key) is None


def test_nothing_is_recalled_that_nobody_said(sales):
    """
    An unknown field is None, and `gap` says why.
    """
    journey = sales.begin(channel="chat")

    assert journey.recall(Acme.full_name) is None
    assert journey.fact(Acme.full_name) is None
    assert () == journey.facts(Acme.full_name)
    assert {} == journey.recall_all(Acme.full_name)


def test_none_can_be_known(sales):
    """
    A value of None is known: there is no gap, and there is a fact.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.deliver_to, None)

    assert journey.recall(Acme.deliver_to) is None
    assert journey.gap(Acme.deliver_to) is None
    assert not journey.fact(Acme.deliver_to).retracted


def test_a_department_recalls_what_it_wrote_and_cannot_read(world):
    """
    A writer that is no reader recalls its own words, also once they are sealed.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.card_last4, "4242")
    journey.hand_over("billing")

    assert "4242" == journey.recall(Acme.card_last4)
    assert "4242" == at(world, "billing", journey).recall(Acme.card_last4)


def test_a_value_older_than_the_call_allows_is_stale(sales, clock):
    """
    The caller's maximum age counts besides the field's, whichever is shorter.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    clock.advance(days=2)

    assert "A-118" == journey.recall(Acme.order_number, max_age=timedelta(days=2))
    assert journey.recall(Acme.order_number, max_age=timedelta(days=1)) is None
    assert "A-118" == journey.recall(Acme.order_number, max_age=timedelta(days=99))
    clock.advance(days=29)
    assert journey.recall(Acme.order_number, max_age=timedelta(days=99)) is None
    assert Reason.STALE is journey.gap(Acme.order_number).reason


def test_a_value_less_surely_known_than_asked_for_is_not_recalled(sales):
    """
    The caller may ask for a value that is at least so surely known.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Alex", known=Known.OBSERVED)

    assert "Alex" == journey.recall(Acme.full_name, at_least=Known.OBSERVED)
    assert journey.recall(Acme.full_name, at_least=Known.STATED) is None


def test_a_field_with_purposes_is_recalled_for_these_only(sales):
    """
    Without one of its purposes, a field is not read.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.hobby, "chess")

    assert journey.recall(Acme.hobby) is None
    assert journey.fact(Acme.hobby) is None
    assert Reason.WRONG_PURPOSE is journey.gap(Acme.hobby).reason
    assert "chess" == journey.recall(Acme.hobby, purpose=SERVICE)
    assert "chess" == journey.fact(Acme.hobby, purpose=SERVICE).value
    assert {None: "chess"} == journey.recall_all(Acme.hobby, purpose=SERVICE)


def test_a_department_reads_for_its_declared_purpose(world):
    """
    A department's own purpose counts unless the call says another.
    """
    keys = world.ring.private["sales"]
    sales = world.domain.department("sales", keys=keys, purpose=SERVICE)
    journey = sales.begin(channel="chat")
    journey.learn(Acme.hobby, "chess")

    assert "chess" == journey.recall(Acme.hobby)
    assert journey.recall(Acme.hobby, purpose="dpv:Other") is None


def test_a_purpose_that_needs_consent_is_not_served_without(sales):
    """
    With consent the field is read for that purpose, and after withdrawal it is not.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.hobby, "chess")

    assert Reason.NO_CONSENT is journey.gap(Acme.hobby, purpose=MARKETING).reason
    journey.consent(MARKETING)
    assert "chess" == journey.recall(Acme.hobby, purpose=MARKETING)
    journey.withdraw(MARKETING)
    assert journey.recall(Acme.hobby, purpose=MARKETING) is None


# --- many values ---------------------------------------------------------------


def test_many_values_are_kept_by_their_qualifiers(world):
    """
    A field with many keeps a value for each qualifier, and one without.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.product, "a kettle", qualifier="line 1")
    journey.learn(Acme.product, "a toaster", qualifier="line 2")
    journey.learn(Acme.product, "kitchenware")
    arrived = at(world, "support", journey)

    assert {
        "line 1": "a kettle",
        "line 2": "a toaster",
        None: "kitchenware",
    } == arrived.recall_all(Acme.product)
    assert "a toaster" == arrived.recall(Acme.product, qualifier="line 2")
    assert arrived.recall(Acme.product, qualifier="line 3") is None
    assert "line 1" == arrived.fact(Acme.product, qualifier="line 1").qualifier


def test_all_values_that_may_be_used_are_recalled_and_no_others(world, clock):
    """
    Stale and retracted values are left out of all that are recalled.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.product, "a kettle", qualifier="1")
    journey.learn(Acme.product, "a toaster", qualifier="2")
    clock.advance(days=1)
    journey.learn(Acme.product, "a fridge", qualifier="3")
    journey.retract(Acme.product, qualifier="2")

    assert {"1", "3"} == set(journey.recall_all(Acme.product))
    assert {"3": "a fridge"} == journey.recall_all(
        Acme.product, max_age=timedelta(hours=1)
    )
    assert {} == journey.recall_all(Acme.product, at_least=Known.VERIFIED)


def test_of_a_field_with_one_value_all_are_that_one(sales):
    """
    All values of a field without many are its one value, under None.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")

    assert {None: "Alex"} == journey.recall_all(Acme.full_name)


# --- facts ---------------------------------------------------------------------


def test_a_fact_has_its_provenance(world, clock):
    """
    A fact says who said it, through which channel, when, how surely, how it came.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex", known=Known.OBSERVED)
    clock.advance(hours=1)
    arrived = at(world, "support", journey, channel="phone")
    fact = arrived.fact(Acme.full_name)

    assert ("full_name", "Alex", False) == (fact.field, fact.value, fact.retracted)
    assert (Known.OBSERVED, "sales", "chat") == (
        fact.known,
        fact.department,
        fact.channel,
    )
    assert (START, Arrival.DELIVERY) == (fact.at, fact.arrival)
    assert (True, False, None, None) == (
        fact.settled,
        fact.conflicting,
        fact.qualifier,
        fact.reported_by,
    )


def test_a_fact_shows_no_value():
    """
    A fact's text is its provenance, in every way of writing it.
    """
    fact = cx.Fact(
        field="full_name",
        value="Alex",
        retracted=False,
        known=Known.STATED,
        department="sales",
        channel="chat",
        at=START,
        arrival=Arrival.DELIVERY,
        settled=False,
        conflicting=True,
        qualifier="q",
        reported_by=None,
    )
    expected = (
        "<Fact full_name STATED by sales at 2026-01-01T00:00:00Z unsettled in conflict>"
    )

    assert expected == repr(fact) == str(fact) == f"{fact}" == format(fact, ">5")


@pytest.mark.parametrize("act", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_fact_is_not_pickled(sales, act):
    """
    A pickle would hold the value, so a fact refuses, with advice.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    fact = journey.fact(Acme.full_name)

    with pytest.raises(NotPicklableError, match="pass on the envelope"):
        act(fact)
    with pytest.raises(NotPicklableError):
        fact.__getstate__()


def test_a_retraction_is_shown_and_not_recalled(sales):
    """
    After a retraction there is a fact without value, and nothing is recalled.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    journey.retract(Acme.full_name)

    assert journey.recall(Acme.full_name) is None
    assert journey.fact(Acme.full_name).retracted
    assert journey.fact(Acme.full_name).value is None
    assert Reason.NEVER_STATED is journey.gap(Acme.full_name).reason


def test_a_conflict_shows_every_fact_and_recalls_none(world):
    """
    Of a conflict nothing is recalled; the facts show what stands, the surest first.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.order_number, "A-1")
    branch = at(world, "support", journey)
    branch.learn(Acme.full_name, "Alex", known=Known.OBSERVED)
    journey.learn(Acme.full_name, "Sasha")
    journey.merge(branch.hand_over("sales"))

    assert journey.recall(Acme.full_name) is None
    assert ["Sasha", "Alex"] == [f.value for f in journey.facts(Acme.full_name)]
    assert all(fact.conflicting for fact in journey.facts(Acme.full_name))
    assert "Sasha" == journey.fact(Acme.full_name).value


def test_an_unsettled_fact_is_shown_and_not_recalled(world):
    """
    What an unreadable section may contradict is shown as unsettled.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    journey.begun()
    journey.learn(Acme.full_name, "Sasha")
    forge = Forge(world.ring)
    raw = journey.hand_over("support")
    arrived = world["support"].receive(_without_last(forge, raw, scope=1))

    assert arrived.recall(Acme.full_name) is None
    assert not arrived.fact(Acme.full_name).settled
    assert Reason.WITHHELD is arrived.gap(Acme.full_name).reason
    assert Remedy.CONFIRM is arrived.gap(Acme.full_name).remedy


def _without_last(forge: Forge, raw: object, *, scope: int) -> bytes:
    statements = unpack(raw)[1]
    # The root has a nonce, and the others a list of parents.
    return forge.envelope(
        *(
            statement
            if isinstance(header(statement)[15][-65537][0], bytes)
            else withheld(statement, scope)
            for statement in statements
        )
    )


def test_what_was_told_here_is_recalled_whatever_is_unread(world):
    """
    Within a unit of work, what it was told itself is recalled; elsewhere it is not.
    """
    journey = world["sales"].begin(channel="chat")
    journey.begun()
    journey.learn(Acme.full_name, "Sasha")
    forge = Forge(world.ring)
    raw = _without_last(forge, journey.hand_over("support"), scope=1)
    arrived = world["support"].receive(raw)
    arrived.learn(Acme.full_name, "Kim", known=Known.OBSERVED)

    assert "Kim" == arrived.recall(Acme.full_name)
    assert at(world, "billing", arrived).recall(Acme.full_name) is None


# --- arrival -------------------------------------------------------------------


def learned(world: World) -> cx.Journey[Any]:
    """
    Return a journey with something in three scopes, at sales.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    journey.learn(Acme.order_number, "A-118")
    journey.learn(Acme.hobby, "chess")
    journey.promise("refund", wording="By Friday")
    journey.consent(MARKETING)
    return journey


def test_a_hint_recalls_nothing(world):
    """
    Of a journey that only a phone number matched, nothing is known or shown.
    """
    arrived = at(world, "support", learned(world), arrival=Arrival.HINT)

    assert arrived.recall(Acme.full_name) is None
    assert arrived.fact(Acme.full_name) is None
    assert () == arrived.facts(Acme.full_name)
    assert () == arrived.promises
    assert not arrived.has_consent(MARKETING)
    assert {Reason.NOT_IDENTIFIED} == {each.gap.reason for each in arrived.explain()}


def test_possession_recalls_what_the_scope_allows(world):
    """
    Whoever holds the link gets the scopes that say so, and no promises of others.
    """
    arrived = at(world, "support", learned(world), arrival=Arrival.POSSESSION)

    assert "Alex" == arrived.recall(Acme.full_name)
    assert arrived.recall(Acme.order_number) is None
    assert Reason.NOT_IDENTIFIED is arrived.gap(Acme.order_number).reason
    assert () == arrived.promises
    assert not arrived.has_consent(MARKETING)


def test_promises_in_a_scope_for_the_link_are_seen_with_it(ring, clock):
    """
    A vocabulary may let whoever holds the link see the promises.
    """

    class Open(cx.Vocabulary, revision=1):
        """
        Promises that the link shows.
        """

        care = cx.Scope(4, readers=Acme.care.readers, on_possession=True)
        promise = cx.standard.promise(scope=care)

    world = World(ring, clock, vocabulary=Open)
    journey = world["sales"].begin(channel="chat")
    made = journey.promise("refund", wording="By Friday")

    for arrival, seen in [(Arrival.POSSESSION, (made,)), (Arrival.HINT, ())]:
        assert seen == at(world, "support", journey, arrival=arrival).promises


def test_what_was_said_under_possession_is_marked_so(world):
    """
    A fact that somebody with a link stated says how they had come.
    """
    link = at(world, "support", learned(world), arrival=Arrival.POSSESSION)
    link.learn(Acme.phone, "+33612345678")
    back = at(world, "sales", link)

    assert Arrival.POSSESSION is back.fact(Acme.phone).arrival
    assert Arrival.POSSESSION is back.arrival


# --- needs -----------------------------------------------------------------------


def test_needs_are_split_into_known_and_gaps(world, events):
    """
    Needs name what is known and the gaps, in the order asked, and tell the observers.
    """
    journey = at(world, "support", learned(world))
    needs = journey.needs(Acme.phone, Acme.full_name, Acme.email)

    assert (Acme.full_name,) == needs.known
    assert [Acme.phone, Acme.email] == [gap.key for gap in needs]
    assert (Acme.phone, Acme.email) == needs.to_ask
    assert [
        GapFound(
            department="support",
            journey_id=journey.id,
            field=name,
            reason=Reason.NEVER_STATED,
            remedy=Remedy.ASK,
        )
        for name in ("phone", "email")
    ] == world.told(GapFound)
    assert [
        Avoided(department="support", journey_id=journey.id, field="full_name")
    ] == world.told(Avoided)


def test_needs_take_conditions_for_all_fields(world, clock):
    """
    Purpose, age and sureness hold for every field that is needed.
    """
    journey = at(world, "support", learned(world))
    clock.advance(hours=2)

    assert journey.needs(Acme.hobby, purpose=SERVICE)
    assert not journey.needs(Acme.full_name, max_age=timedelta(hours=1))
    assert not journey.needs(Acme.full_name, at_least=Known.VERIFIED)


def test_a_question_is_avoided_once(world):
    """
    However often a field is needed, its question was avoided once.
    """
    journey = at(world, "support", learned(world))
    journey.needs(Acme.full_name)
    journey.needs(Acme.full_name)

    assert 1 == len(world.told(Avoided))


def test_what_was_heard_here_was_not_avoided(world):
    """
    A question whose answer this unit of work heard itself was asked, not avoided.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")

    assert journey.needs(Acme.full_name)
    assert [] == world.told(Avoided)


def test_looking_for_a_gap_tells_nobody(world):
    """
    `gap`, `recall` and `fact` raise no event.
    """
    journey = at(world, "support", learned(world))
    before = len(world.events)
    journey.gap(Acme.phone)
    journey.recall(Acme.full_name)
    journey.fact(Acme.full_name)

    assert before == len(world.events)


# --- trail, explain, known_to ----------------------------------------------------


def test_the_trail_says_who_had_the_customer(world, clock):
    """
    The trail has a step for every statement, oldest first, and the present one.
    """
    journey = learned(world)
    journey.begun()
    clock.advance(minutes=5)
    arrived = at(world, "support", journey, channel="phone")
    arrived.accept()
    steps = [
        (step.department, step.channel, step.at, step.accepted)
        for step in arrived.trail
    ]

    assert [
        ("sales", "chat", START, False),
        ("support", "phone", START + timedelta(minutes=5), True),
    ] == steps


def test_the_trail_tells_an_unknown_department(world, ring, clock):
    """
    A step whose signing key is not known here has no department.
    """
    rotated = rotate_signing(
        ring, "sales", now=START, publish_ahead=timedelta(seconds=1)
    )
    clock.advance(seconds=1)
    newer = World(rotated, clock)
    journey = newer["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    through = newer["billing"].receive(journey.hand_over("billing"))
    arrived = world["support"].receive(through.hand_over("support"))

    assert [None] == [step.department for step in arrived.trail]
    assert Reason.UNKNOWN_AUTHOR is arrived.gap(Acme.full_name).reason


def test_explain_says_all_without_values(world):
    """
    Per field that the department may read: known by whom, or why not.
    """
    journey = learned(world)
    journey.learn(Acme.product, "a kettle", qualifier="1")
    journey.learn(Acme.product, "a toaster", qualifier="2")
    explained = at(world, "support", journey).explain()
    lines = {f"{each.scope}/{each.field}": str(each) for each in explained}
    text = "\n".join(map(str, explained))

    assert (
        "full_name: known, <Fact full_name STATED by sales at 2026-01-01T00:00:00Z>"
        == lines["contact/full_name"]
    )
    assert "phone: never_stated, ask" == lines["contact/phone"]
    assert "hobby: wrong_purpose, do_not_ask" == lines["care/hobby"]
    assert 2 == sum("product: known" in line for line in text.splitlines())
    assert not any(line.startswith("payment/") for line in lines)
    assert "Alex" not in text
    assert "kettle" not in text


def test_explain_shows_what_is_in_doubt(world):
    """
    A fact that may not be used is shown with the reason.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    world.clock.advance(days=31)
    (line,) = [str(each) for each in journey.explain() if each.field == "order_number"]

    assert (
        "order_number: stale, confirm (shown: "
        "<Fact order_number STATED by sales at 2026-01-01T00:00:00Z>)" == line
    )


def test_explained_without_a_fact_is_known_all_the_same():
    """
    Where there is no gap and no fact to show, the field is just known.
    """
    explained = cx.Explained(field="full_name", scope="contact", fact=None, gap=None)

    assert "full_name: known" == str(explained)


def test_what_another_department_would_have_to_ask_is_known_before(world):
    """
    The consequence of not handing over: what is known here and theirs to read.
    """
    journey = learned(world)
    journey.learn(Acme.card_last4, "4242")
    journey.learn(Acme.product, "a kettle", qualifier="1")

    assert {"full_name"} == set(journey.known_to("ivr"))
    assert {"full_name", "order_number", "card_last4", "product", "promise"} <= set(
        journey.known_to("billing")
    )
    assert () == journey.known_to("carrier")


# --- keys ------------------------------------------------------------------------


class Other(cx.Vocabulary, revision=1):
    """
    Another vocabulary, with a field of the same number and name.
    """

    contact = cx.Scope(1, readers={"sales"})
    full_name = cx.Field(1, str, scope=contact)


READS: list[Any] = [
    lambda journey, key: journey.recall(key),
    lambda journey, key: journey.recall_all(key),
    lambda journey, key: journey.fact(key),
    lambda journey, key: journey.facts(key),
    lambda journey, key: journey.gap(key),
    lambda journey, key: journey.needs(Acme.full_name, key),
]


@pytest.mark.parametrize("read", READS, ids=range(len(READS)))
def test_another_vocabularys_field_is_refused(sales, read):
    """
    A field of another vocabulary is never taken for one of ours of that number.
    """
    with pytest.raises(ForeignFieldError, match="full_name is not a field of Acme"):
        read(sales.begin(channel="chat"), Other.full_name)


@pytest.mark.parametrize("read", READS, ids=range(len(READS)))
@pytest.mark.parametrize("key", ["full_name", Acme.fields["full_name"], None, 1])
def test_what_is_no_key_is_refused(sales, read, key):
    """
    A name, a number or a field's definition is no key; the message shows one.
    """
    with pytest.raises(UsageError, match=r"is not a key; pass a field .* Acme\."):
        read(sales.begin(channel="chat"), key)


def test_a_field_with_one_value_has_no_qualifier(sales):
    """
    A qualifier on a field without many is refused with how to allow it.
    """
    with pytest.raises(UsageError, match="full_name has one value; declare it many"):
        sales.begin(channel="chat").recall(Acme.full_name, qualifier="q")


def test_an_inherited_field_is_ours(ring, clock):
    """
    Keys read on a base vocabulary are good for journeys of the derived one.
    """

    class More(Acme, revision=5):
        """
        Acme, extended.
        """

    journey = World(ring, clock, vocabulary=More)["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")

    assert "Alex" == journey.recall(More.full_name)


# --- the handle ------------------------------------------------------------------


def test_a_journey_knows_how_it_came(world):
    """
    Department, channel, sender, delivery and arrival are there to be read.
    """
    journey = learned(world)
    envelope = journey.hand_over("support")
    arrived = world["support"].receive(envelope, channel="phone")

    assert ("support", "phone") == (arrived.department, arrived.channel)
    assert ("sales", False) == (arrived.received_from, arrived.replayed)
    assert (envelope.delivery.id, Arrival.DELIVERY) == (
        arrived.delivery_id,
        arrived.arrival,
    )
    assert journey.id == arrived.id == envelope.journey_id
    assert world["support"].receive(envelope).replayed
    assert "chat" == world["support"].receive(envelope).channel


def test_a_journey_that_begins_came_from_nobody(sales):
    """
    A new journey has no sender, no delivery and, until it is sealed, no id.
    """
    journey = sales.begin(channel="chat")

    assert journey.id is None
    assert journey.received_from is None
    assert journey.delivery_id is None
    assert not journey.replayed
    assert () == journey.trail
    assert 32 == len(journey.begun())
    assert journey.begun() == journey.id


def test_a_journey_is_true_even_when_empty(sales):
    """
    ``if journey`` asks whether there is one, not whether anything is known.
    """
    assert sales.begin(channel="chat")


def test_a_journeys_text_is_counts(sales):
    """
    The text of a journey has its id, department and counts.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")

    assert "<Journey None at sales, 0 statements, 1 pending>" == repr(journey)
    journey.begun()
    assert f"<Journey {journey.id} at sales, 1 statements, 0 pending>" == str(journey)


@pytest.mark.parametrize("act", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_journey_is_not_pickled(sales, act):
    """
    A journey refuses to be pickled, with what to do instead.
    """
    with pytest.raises(NotPicklableError, match=r"journey.hand_over\(...\) or journey"):
        act(sales.begin(channel="chat"))


def test_a_context_stands_still(sales):
    """
    The context of a journey is a value: what is learned later is not in it.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    context = journey.context
    journey.begun()
    journey.learn(Acme.order_number, "A-118")

    assert context.journey_id is None
    assert 1 == len(context.nodes)
    assert 2 == len(journey.context.nodes)


def test_what_nothing_has_taken_is_unsent(world, events):
    """
    Fields learned or asked here are unsent until something carries them.
    """
    journey = world["sales"].begin(channel="chat")
    with cx.bound(journey):
        journey.learn(Acme.full_name, "Alex")
        journey.asked(Acme.phone)

    assert (1, 3) == journey.unsent
    assert journey.has_news
    assert [Unsent(department="sales", journey_id=None, fields=(1, 3))] == world.told(
        Unsent
    )
    journey.hand_over("support")
    assert () == journey.unsent
    with cx.bound(journey):
        pass
    assert 1 == len(world.told(Unsent))


def test_a_journey_that_arrived_has_no_news(world):
    """
    News is what was learned here since the journey arrived.
    """
    arrived = at(world, "support", learned(world))

    assert not arrived.has_news
    arrived.accept()
    assert arrived.has_news
    arrived.begun()
    assert arrived.has_news


def test_what_does_not_count_is_told_to_the_observers(world):
    """
    A section by somebody who may not write it is ignored, with an event.
    """
    forge = Forge(world.ring)
    root = forge.statement(by="ivr", says={2: {10: "A-118"}})
    arrived = world["support"].receive(forge.envelope(root, by="ivr"))

    assert arrived.recall(Acme.order_number) is None
    assert [("ivr", 2, "not_a_writer")] == [
        (event.author, event.scope, event.code) for event in world.told(SectionIgnored)
    ]
    assert [("ivr", 1)] == [(e.sender, e.statements) for e in world.told(Received)]
    assert START_S == forge.now_s


# --- promises --------------------------------------------------------------------


def test_promises_are_seen_by_their_readers_only(world):
    """
    Who does not read the promise's scope sees none.
    """
    journey = learned(world)

    (promise,) = at(world, "billing", journey).promises
    assert (PromiseStatus.OPEN, "By Friday") == (promise.status, promise.wording)
    assert () == at(world, "ivr", journey).promises


def test_a_vocabulary_without_promises_has_none(ring, clock):
    """
    Without a promise field there are no promises, and no consent.
    """

    class Bare(cx.Vocabulary, revision=1):
        """
        One field.
        """

        care = cx.Scope(4, readers=Acme.care.readers)
        name = cx.Field(1, str, scope=care)

    journey = World(ring, clock, vocabulary=Bare)["sales"].begin(channel="chat")

    assert () == journey.promises
    assert not journey.has_consent(MARKETING)
