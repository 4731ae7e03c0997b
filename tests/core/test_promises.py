"""
Promises: made, accepted, kept, missed, moved, released, handed over, observed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from acme import START, Acme, World
from forge import Forge, unpack, withheld

import cxcontext as cx
from cxcontext import Known, PromiseStatus
from cxcontext.core.events import PromiseChanged
from cxcontext.errors import NotAuthorisedError, PromiseError, UsageError

FRIDAY = START + timedelta(days=3)
MONDAY = START + timedelta(days=6)
ACT: Any = {
    "keep": lambda journey, name: journey.keep(name),
    "miss": lambda journey, name: journey.miss(name),
    "release": lambda journey, name: journey.release(name),
    "move": lambda journey, name: journey.move(name, due=MONDAY),
    "hand over": lambda journey, name: journey.hand_over_promise(name, to="support"),
}


def at(world: World, name: str, journey: Any, **arguments: Any) -> cx.Journey[Any]:
    """
    Return the journey as it arrives at the department *name*.
    """
    return world[name].receive(journey.hand_over(name), **arguments)


def only(journey: cx.Journey[Any]) -> cx.Promise:
    """
    Return the one promise that is seen.
    """
    (promise,) = journey.promises
    return promise


# --- making ------------------------------------------------------------------


def test_a_promise_is_known_to_all_who_read_its_scope(world):
    """
    Kind, wording, owner, due range and when the customer was told travel with it.
    """
    journey = world["sales"].begin(channel="chat")
    made = journey.promise(
        "refund", wording="By Friday", due=FRIDAY, due_from=FRIDAY - timedelta(days=1)
    )
    promise = only(at(world, "billing", journey))

    assert made == promise
    assert made.id.startswith("sales/")
    assert ("refund", "By Friday") == (promise.kind, promise.wording)
    assert ("sales", "sales", None) == (
        promise.created_by,
        promise.owner,
        promise.proposed_to,
    )
    assert (FRIDAY - timedelta(days=1), FRIDAY, START) == (
        promise.due_from,
        promise.due_until,
        promise.told_at,
    )
    assert PromiseStatus.OPEN is promise.status
    assert promise.is_open


def test_a_promise_needs_no_due_time(sales):
    """
    What was promised without a time has none.
    """
    promise = sales.begin(channel="chat").promise("call", wording="Soon")

    assert (None, None) == (promise.due_from, promise.due_until)
    assert not promise.is_overdue(now=MONDAY)


def test_a_promise_is_overdue_once_its_time_has_passed(sales):
    """
    An open promise is overdue after its last instant, and a kept one never.
    """
    journey = sales.begin(channel="chat")
    promise = journey.promise("refund", wording="By Friday", due=FRIDAY)

    assert not promise.is_overdue(now=FRIDAY)
    assert promise.is_overdue(now=FRIDAY + timedelta(seconds=1))
    assert not journey.keep(promise.id).is_overdue(now=MONDAY)


def test_a_promise_shows_no_wording(sales):
    """
    The text of a promise is its id, owner and status.
    """
    promise = sales.begin(channel="chat").promise("refund", wording="By Friday")

    assert f"<Promise {promise.id} of sales, open>" == repr(promise) == str(promise)


def test_promises_are_in_the_order_in_which_they_were_made(world, clock):
    """
    The oldest promise comes first.
    """
    journey = world["sales"].begin(channel="chat")
    for kind in ("one", "two", "three"):
        journey.promise(kind, wording=kind)
        journey.begun()
        clock.advance(minutes=1)

    assert ["one", "two", "three"] == [p.kind for p in journey.promises]


def test_every_step_is_told_to_the_observers(world):
    """
    Each step of a promise is an event with its id and what happened.
    """
    journey = world["sales"].begin(channel="chat")
    promise = journey.promise("refund", wording="By Friday", due=FRIDAY)
    journey.move(promise.id, due=MONDAY)
    journey.keep(promise.id)

    assert [(promise.id, step) for step in ("make", "move", "keep")] == [
        (event.promise_id, event.action) for event in world.told(PromiseChanged)
    ]


# --- in another's name -----------------------------------------------------------


def test_a_promise_in_anothers_name_is_proposed_until_that_accepts(world):
    """
    Nobody binds another department; its acceptance does.
    """
    journey = world["sales"].begin(channel="chat")
    proposed = journey.promise("refund", wording="By Friday", owner="billing")
    assert PromiseStatus.PROPOSED is proposed.status
    assert ("sales", "billing") == (proposed.owner, proposed.proposed_to)
    assert not proposed.is_open

    arrived = at(world, "billing", journey)
    accepted = arrived.accept_promise(proposed.id)
    assert PromiseStatus.OPEN is accepted.status
    assert ("billing", None) == (accepted.owner, accepted.proposed_to)
    assert accepted == only(at(world, "sales", arrived))


@pytest.mark.parametrize("act", sorted(ACT))
def test_until_then_it_is_the_creators(world, act):
    """
    Whoever proposed a promise still answers for it, and may do with it all it may.
    """
    journey = world["sales"].begin(channel="chat")
    proposed = journey.promise("refund", wording="By Friday", owner="billing")
    arrived = at(world, "billing", journey)

    with pytest.raises(NotAuthorisedError, match=r"\(allowed: sales\)"):
        ACT[act](arrived, proposed.id)
    ACT[act](journey, proposed.id)


def test_a_promise_that_was_moved_before_it_was_accepted_is_still_proposed(world):
    """
    Another time changes nothing about who has not accepted yet.
    """
    journey = world["sales"].begin(channel="chat")
    proposed = journey.promise("refund", wording="x", owner="billing", due=FRIDAY)
    moved = journey.move(proposed.id, due=MONDAY)

    assert PromiseStatus.PROPOSED is moved.status
    assert MONDAY == moved.due_until


def test_a_proposal_that_ended_is_not_accepted(world):
    """
    A promise that its owner released meanwhile cannot be accepted any more.
    """
    journey = world["sales"].begin(channel="chat")
    proposed = journey.promise("refund", wording="By Friday", owner="billing")
    journey.release(proposed.id)
    arrived = at(world, "billing", journey)

    with pytest.raises(PromiseError, match="it is released already"):
        arrived.accept_promise(proposed.id)


def test_only_whom_it_is_proposed_to_accepts(world):
    """
    A third department cannot accept what was proposed to another.
    """
    journey = world["sales"].begin(channel="chat")
    proposed = journey.promise("refund", wording="By Friday", owner="billing")
    arrived = at(world, "support", journey)

    with pytest.raises(PromiseError, match="it is not proposed to support"):
        arrived.accept_promise(proposed.id)


# --- what becomes of it -------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "status"),
    [
        ("keep", PromiseStatus.KEPT),
        ("miss", PromiseStatus.MISSED),
        ("release", PromiseStatus.RELEASED),
        ("move", PromiseStatus.MOVED),
        ("hand over", PromiseStatus.OPEN),
    ],
)
def test_its_owner_says_what_becomes_of_it(world, act, status):
    """
    The owner keeps, misses, releases, moves or hands over; all see the same.
    """
    journey = world["sales"].begin(channel="chat")
    promise = journey.promise("refund", wording="By Friday", due=FRIDAY)
    after = ACT[act](journey, promise.id)

    assert status is after.status
    assert after == only(at(world, "support", journey))


@pytest.mark.parametrize("act", sorted(ACT))
def test_nobody_else_does(world, act):
    """
    Another department is refused, and told whose promise it is.
    """
    journey = world["sales"].begin(channel="chat")
    promise = journey.promise("refund", wording="By Friday", due=FRIDAY)
    arrived = at(world, "billing", journey)

    with pytest.raises(NotAuthorisedError, match=f"promise {promise.id}.*: sales"):
        ACT[act](arrived, promise.id)
    assert promise == only(arrived)


@pytest.mark.parametrize("act", sorted(ACT))
@pytest.mark.parametrize("end", ["keep", "miss", "release"])
def test_what_has_ended_stays_ended(sales, act, end):
    """
    A promise that was kept, missed or released changes no more.
    """
    journey = sales.begin(channel="chat")
    promise = journey.promise("refund", wording="By Friday", due=FRIDAY)
    ended = ACT[end](journey, promise.id)

    with pytest.raises(PromiseError, match=f"it is {ended.status.value} already"):
        ACT[act](journey, promise.id)
    assert ended == only(journey)


def test_a_moved_promise_has_its_new_time_only(sales):
    """
    A move replaces the whole range.
    """
    journey = sales.begin(channel="chat")
    promise = journey.promise("call", wording="x", due=MONDAY, due_from=FRIDAY)
    moved = journey.move(promise.id, due=MONDAY)

    assert (None, MONDAY) == (moved.due_from, moved.due_until)
    assert moved.is_open
    assert (
        MONDAY + timedelta(days=1)
        == (
            journey.move(promise.id, due=MONDAY + timedelta(days=1), due_from=MONDAY)
        ).due_until
    )


def test_a_move_to_the_same_time_is_refused(sales):
    """
    Moving a promise to when it is due already is no move.
    """
    journey = sales.begin(channel="chat")
    promise = journey.promise("refund", wording="By Friday", due=FRIDAY)

    with pytest.raises(PromiseError, match="it is due then already"):
        journey.move(promise.id, due=FRIDAY)


def test_steps_in_one_go_stay_in_order(world):
    """
    Several steps without a hand-over between them are kept, each after the other.
    """
    journey = world["sales"].begin(channel="chat")
    promise = journey.promise("refund", wording="By Friday", due=FRIDAY)
    journey.move(promise.id, due=MONDAY)
    journey.hand_over_promise(promise.id, to="billing")
    arrived = at(world, "billing", journey)
    arrived.accept_promise(promise.id)
    arrived.keep(promise.id)
    kept = only(at(world, "sales", arrived))

    assert (PromiseStatus.KEPT, "billing", MONDAY) == (
        kept.status,
        kept.owner,
        kept.due_until,
    )


# --- handing a promise over ---------------------------------------------------------


def test_a_promise_handed_over_is_the_new_owners_once_it_accepts(world):
    """
    Until the other accepts, the old owner answers, and the promise is open.
    """
    journey = world["sales"].begin(channel="chat")
    promise = journey.promise("refund", wording="By Friday", due=FRIDAY)
    offered = journey.hand_over_promise(promise.id, to="billing")
    assert ("sales", "billing") == (offered.owner, offered.proposed_to)
    assert PromiseStatus.OPEN is offered.status

    arrived = at(world, "billing", journey)
    assert "billing" == arrived.accept_promise(promise.id).owner
    with pytest.raises(NotAuthorisedError):
        at(world, "sales", arrived).keep(promise.id)


def test_a_promise_comes_back_when_it_is_handed_back(world):
    """
    Handing over to oneself takes back what was offered.
    """
    journey = world["sales"].begin(channel="chat")
    promise = journey.promise("refund", wording="By Friday")
    journey.hand_over_promise(promise.id, to="billing")
    back = journey.hand_over_promise(promise.id, to="sales")

    assert ("sales", None) == (back.owner, back.proposed_to)


# --- observing ----------------------------------------------------------------------


def test_others_may_observe_it_broken(world):
    """
    Who hears that a promise was broken notes it; the owner's word stands beside it.
    """
    journey = world["sales"].begin(channel="chat")
    promise = journey.promise("refund", wording="By Friday", due=FRIDAY)
    arrived = at(world, "support", journey)
    observed = arrived.observe(promise.id)
    assert ("support",) == observed.observed_broken_by
    assert PromiseStatus.OPEN is observed.status
    arrived.observe(promise.id)

    back = at(world, "sales", arrived)
    assert ("support",) == only(back).observed_broken_by
    assert PromiseStatus.MISSED is back.miss(promise.id).status


def test_ones_own_promise_is_missed_not_observed(sales):
    """
    The owner says itself that it missed.
    """
    journey = sales.begin(channel="chat")
    promise = journey.promise("refund", wording="By Friday")

    with pytest.raises(PromiseError, match=r"it is our own; say miss\(\)"):
        journey.observe(promise.id)


# --- concurrency --------------------------------------------------------------------


def test_different_updates_at_once_are_a_conflict(world):
    """
    An owner that kept on one channel and moved on the other must say which.
    """
    journey = world["sales"].begin(channel="chat")
    promise = journey.promise("refund", wording="By Friday", due=FRIDAY)
    twin = journey.fork()
    twin.keep(promise.id)
    journey.move(promise.id, due=MONDAY)
    journey.merge(twin)
    assert PromiseStatus.CONFLICT is only(journey).status

    assert PromiseStatus.KEPT is journey.keep(promise.id).status


def test_the_same_update_at_once_is_no_conflict(world):
    """
    Kept on both channels is kept.
    """
    journey = world["sales"].begin(channel="chat")
    promise = journey.promise("refund", wording="By Friday", due=FRIDAY)
    twin = journey.fork()
    twin.keep(promise.id)
    journey.keep(promise.id)
    journey.merge(twin)

    assert PromiseStatus.KEPT is only(journey).status


# --- what does not count ------------------------------------------------------------


def forged(world: World, *steps: tuple[str, str, list[Any]]) -> cx.Journey[Any]:
    """
    Return a journey of steps as they stand in sections, each upon the one before.
    """
    forge = Forge(world.ring)
    statements = [forge.statement(by="sales")]
    for department, name, entry in steps:
        content = {-7: {0: entry, 3: name}}
        statements.append(
            forge.statement(statements[-1], by=department, says={4: content})
        )
    return world["billing"].receive(forge.envelope(*statements, to="billing"))


MAKE, ACCEPT, KEEP, OBSERVE = 0, 1, 2, 6


@pytest.mark.parametrize(
    "steps",
    [
        [("support", "sales/abc", [MAKE, "refund", "By Friday"])],
        [("sales", "sales/abc", [KEEP])],
        [("ivr", "ivr/abc", [MAKE, "refund", "By Friday"])],
        [("sales", "abc", [99])],
        [("sales", "abc", ["make"])],
    ],
    ids=["in another's name", "never made", "no writer", "unknown step", "no step"],
)
def test_what_nobody_could_promise_is_no_promise(world, steps):
    """
    A promise is named by who made it, and only writers of its scope make any.
    """
    assert () == forged(world, *steps).promises


@pytest.mark.parametrize(
    "step",
    [
        ("support", "sales/abc", [KEEP]),
        ("support", "sales/abc", [ACCEPT]),
        ("sales", "abc", [MAKE, "refund", "By Friday"]),
        ("sales", "abc", [99]),
        ("sales", "other", [KEEP]),
        ("sales", "abc", [OBSERVE]),
    ],
    ids=["not its owner", "not asked", "said again", "newer step", "another", "own"],
)
def test_a_step_that_does_not_count_changes_nothing(world, step):
    """
    Steps of others, and such as cannot be understood, leave a promise as it is.
    """
    made = ("sales", "abc", [MAKE, "refund", "By Friday"])
    promise = only(forged(world, made, step))

    assert ("By Friday", PromiseStatus.OPEN, ()) == (
        promise.wording,
        promise.status,
        promise.observed_broken_by,
    )


def test_a_promise_made_twice_in_different_words_is_a_conflict(world):
    """
    Whoever says two things under one name has promised neither, and nobody accepts it.
    """
    first = ("sales", "abc", [MAKE, "refund", "By Friday", "billing"])
    second = ("sales", "abc", [MAKE, "refund", "On Monday", "billing"])
    journey = forged(world, first, second)

    assert PromiseStatus.CONFLICT is only(journey).status
    with pytest.raises(PromiseError, match="its creator says different things of it"):
        journey.accept_promise("sales/abc")


def test_a_name_too_long_to_be_named_by_others_is_none(world):
    """
    A promise whose whole name does not fit where names stand is its creator's alone.
    """
    journey = forged(world, ("sales", "a" * 64, [MAKE, "refund"]))

    assert f"sales/{'a' * 64}" == only(journey).id
    with pytest.raises(PromiseError, match="no such promise can be seen here"):
        journey.observe(only(journey).id)


def test_a_promise_made_without_kind_or_wording_is_one(world):
    """
    What a hostile department leaves out is empty, and nothing fails.
    """
    promise = only(forged(world, ("sales", "abc", [MAKE])))

    assert ("sales/abc", "", "") == (promise.id, promise.kind, promise.wording)


def test_a_step_upon_what_cannot_be_read_does_not_count(world):
    """
    Without the section in which a promise was made, there is no promise.
    """
    forge = Forge(world.ring)
    made = forge.statement(by="sales", says={4: {-7: {0: [MAKE, "refund"], 3: "abc"}}})
    kept = forge.statement(made, by="sales", says={4: {-7: {0: [KEEP], 3: "abc"}}})
    raw = forge.envelope(withheld(made, 4), kept, to="billing")

    assert () == world["billing"].receive(raw).promises
    assert 2 == len(unpack(raw)[1])


def test_a_step_beside_its_promise_does_not_count(world):
    """
    A step must build upon the promise that it changes.
    """
    forge = Forge(world.ring)
    root = forge.statement(by="sales")
    made = forge.statement(
        root, by="sales", says={4: {-7: {0: [MAKE, "refund"], 3: "abc"}}}
    )
    kept = forge.statement(root, by="sales", says={4: {-7: {0: [KEEP], 3: "abc"}}})
    raw = forge.envelope(root, made, kept, to="billing")

    assert PromiseStatus.OPEN is only(world["billing"].receive(raw)).status


def test_a_retraction_of_a_promise_is_passed_over(world):
    """
    Promises are released, not retracted.
    """
    forge = Forge(world.ring)
    made = forge.statement(by="sales", says={4: {-7: {0: [MAKE, "refund"], 3: "abc"}}})
    taken = forge.statement(made, by="sales", says={4: {-7: {3: "abc"}}})
    raw = forge.envelope(made, taken, to="billing")

    assert PromiseStatus.OPEN is only(world["billing"].receive(raw)).status


def test_an_expired_promise_is_not_seen(world, clock):
    """
    With its statement a promise ends.
    """
    forge = Forge(world.ring)
    made = forge.statement(
        by="sales",
        says={4: {-7: {0: [MAKE, "refund"], 3: "abc"}}},
        expires_s=clock.now_s + 10,
    )
    later = forge.statement(made, by="sales")
    raw = forge.envelope(made, later, to="billing")
    clock.advance(seconds=20)

    assert () == world["billing"].receive(raw).promises


# --- misuse -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("due", "due_from", "words"),
    [
        (FRIDAY, MONDAY, "due lies before due_from; the range is empty"),
        (FRIDAY.replace(tzinfo=None), None, "the instant is naive"),
        (MONDAY, FRIDAY.replace(tzinfo=None), "the instant is naive"),
    ],
)
def test_a_due_time_is_aware_and_a_range_not_empty(sales, due, due_from, words):
    """
    The same times are refused when a promise is made and when it is moved.
    """
    journey = sales.begin(channel="chat")
    promise = journey.promise("refund", wording="By Friday")

    with pytest.raises(UsageError, match=words):
        journey.promise("refund", wording="x", due=due, due_from=due_from)
    with pytest.raises(UsageError, match=words):
        journey.move(promise.id, due=due, due_from=due_from)


def test_under_a_link_ones_own_promise_is_seen_when_it_is_made(world):
    """
    Making a promise returns it, also where the arrival hides all that are there.
    """
    arrived = at(world, "support", world["sales"].begin(channel="chat"))
    link = world["support"].resume(arrived.save(), arrival=cx.Arrival.POSSESSION)
    made = link.promise("call", wording="Soon")

    assert "call" == made.kind
    assert () == link.promises


@pytest.mark.parametrize("name", ["sales/unknown", "", "x" * 100])
@pytest.mark.parametrize("act", [*sorted(ACT), "accept", "observe"])
def test_an_unknown_promise_is_refused(sales, act, name):
    """
    What cannot be seen here cannot be changed here.
    """
    acts = ACT | {
        "accept": lambda journey, name: journey.accept_promise(name),
        "observe": lambda journey, name: journey.observe(name),
    }
    journey = sales.begin(channel="chat")
    journey.promise("refund", wording="By Friday")

    with pytest.raises(PromiseError, match="no such promise can be seen here"):
        acts[act](journey, name)


@pytest.mark.parametrize(
    "act",
    [
        lambda journey, entry: journey.learn(Acme.promise, entry, qualifier="1"),
        lambda journey, entry: journey.correct(Acme.promise, entry, qualifier="1"),
        lambda journey, _: journey.confirm(Acme.promise, qualifier="1"),
        lambda journey, _: journey.retract(Acme.promise, qualifier="1"),
    ],
    ids=["learn", "correct", "confirm", "retract"],
)
def test_promises_have_verbs_of_their_own(sales, act):
    """
    A promise is not learned, corrected, confirmed or retracted.
    """
    journey = sales.begin(channel="chat")
    entry = cx.standard.PromiseEntry(action=cx.standard.PromiseAction.KEEP)

    with pytest.raises(UsageError, match=r"promises are made with promise\(\)"):
        act(journey, entry)


def test_a_department_that_may_not_write_the_scope_promises_nothing(ivr):
    """
    Promises stand in a scope like all else.
    """
    with pytest.raises(NotAuthorisedError, match="ivr may not write promise"):
        ivr.begin(channel="phone").promise("refund", wording="By Friday")


def test_a_promise_is_how_known_as_anything_stated(sales):
    """
    A step is a fact: stated, now, by this department.
    """
    journey = sales.begin(channel="chat")
    promise = journey.promise("refund", wording="By Friday")
    fact = journey.fact(Acme.promise, qualifier=promise.id.removeprefix("sales/"))

    assert (Known.STATED, "sales", START) == (fact.known, fact.department, fact.at)
