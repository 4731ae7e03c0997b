"""
Everyday work with real keys of which nobody is asked again, and what is an attack.

What the law gives where people work at the same time is said here, case by case.
"""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from shop import DOMAIN, LIFETIME, PURPOSE, Shop, smuggle, smuggle_step

import cxcontext as cx
from cxcontext.core.events import SectionIgnored
from cxcontext.core.gaps import Reason, Remedy
from cxcontext.core.known import Arrival, Known
from cxcontext.core.promising import PromiseStatus
from cxcontext.core.standard import Consent, ConsentStatus, PromiseAction, PromiseEntry
from cxcontext.errors import NotAuthorisedError, PromiseError

DESK_SCOPE = Shop.desk.number
LAW_SCOPE = Shop.law.number


def reason(journey, key=Shop.number, **how):
    """
    Return why a field is not recalled; None if it is.
    """
    gap = journey.gap(key, **how)
    return None if gap is None else gap.reason


# --- everyday concurrency ----------------------------------------------------


def test_both_channels_learn_the_same(floor):
    """
    What the customer says in two channels at once is asked of nobody again.
    """
    chat = floor["sales"].begin(channel="chat")
    phone = chat.fork()
    chat.learn(Shop.number, "A-1")
    phone.learn(Shop.number, "A-1")

    chat.merge(phone)

    assert "A-1" == floor.fresh(chat).recall(Shop.number)
    assert () == floor.give(chat, "billing").needs(Shop.number).to_ask


def test_two_departments_learn_the_same(floor):
    """
    The same holds between departments, in whichever direction they merge.
    """
    at = floor.begin()
    at["sales"].learn(Shop.number, "A-1")
    at["billing"].learn(Shop.number, "A-1")

    at["support"].merge(at["sales"].hand_over("support"))
    at["support"].merge(at["billing"].hand_over("support"))

    assert "A-1" == at["support"].recall(Shop.number)


@pytest.mark.parametrize("inferred", ["A-1", "B-2"])
def test_a_bot_infers_what_the_customer_states(floor, inferred):
    """
    What the customer states is recalled, whatever a bot inferred at the same time.
    """
    chat = floor["sales"].begin(channel="chat")
    bot = chat.fork()
    chat.learn(Shop.number, "A-1")
    bot.learn(Shop.number, inferred, known=Known.INFERRED)

    chat.merge(bot)

    assert "A-1" == floor.fresh(chat).recall(Shop.number)
    assert Known.STATED is floor.fresh(chat).fact(Shop.number).known


def test_a_bot_never_overrides_what_the_customer_stated(floor):
    """
    What a bot infers from all that was said supersedes nothing that was stated.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.learn(Shop.number, "A-1")
    bot = floor.give(chat, "support")

    bot.correct(Shop.number, "B-2", known=Known.INFERRED)

    assert "A-1" == bot.recall(Shop.number)
    assert "A-1" == floor.give(bot, "billing").recall(Shop.number)


def test_one_corrects_while_another_repeats(floor):
    """
    Who repeats what is recalled writes nothing, so the correction alone stands.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.learn(Shop.number, "A-1")
    phone = chat.fork()
    before = len(phone.context.statements)
    chat.correct(Shop.number, "B-2")

    phone.learn(Shop.number, "A-1")
    chat.merge(phone)

    assert before == len(phone.context.statements)
    assert "B-2" == floor.fresh(chat).recall(Shop.number)


@pytest.mark.parametrize("corrector", ["sales", "billing"])
def test_one_department_corrects_while_another_repeats(floor, corrector):
    """
    The same holds for a correction of another's word and a repetition by a third.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.learn(Shop.number, "A-1")
    desk = floor.give(chat, "support")
    corrected = floor.give(chat, corrector)

    corrected.correct(Shop.number, "B-2")
    desk.learn(Shop.number, "A-1")
    desk.merge(corrected.hand_over("support"))

    assert "B-2" == floor.fresh(desk).recall(Shop.number)


def test_a_confirmation_is_said_anew(floor):
    """
    Who confirms while another corrects has said it anew: a conflict, until settled.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.learn(Shop.number, "A-1")
    phone = chat.fork()
    chat.correct(Shop.number, "B-2")
    phone.confirm(Shop.number)
    chat.merge(phone)

    conflict = reason(floor.fresh(chat))
    chat.correct(Shop.number, "B-2")

    assert Reason.CONFLICT is conflict
    assert "B-2" == floor.give(chat, "billing").recall(Shop.number)


def test_a_stale_value_that_is_repeated_is_said_anew(floor):
    """
    A value too old to be recalled is written when repeated, and then may conflict.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.learn(Shop.number, "A-1")
    phone = chat.fork()
    floor.wait(days=31)

    phone.learn(Shop.number, "A-1")
    alone = floor.fresh(phone).recall(Shop.number)
    chat.correct(Shop.number, "B-2")
    chat.merge(phone)

    assert "A-1" == alone
    assert Reason.CONFLICT is reason(floor.fresh(chat))


def test_what_was_learned_before_a_merge_knew_nothing_of_it(floor):
    """
    Pending facts are sealed on what was known, so a merge makes them no correction.
    """
    chat = floor["sales"].begin(channel="chat")
    phone = chat.fork()
    phone.learn(Shop.number, "B-2")
    chat.learn(Shop.number, "A-1")

    chat.merge(phone)

    assert Reason.CONFLICT is reason(chat)


def test_a_verified_value_is_no_matter_for_the_customer(floor):
    """
    Against what billing verified nothing else counts, and billing is the remedy.
    """
    chat = floor["sales"].begin(channel="chat")
    desk = floor.give(chat, "billing")
    desk.learn(Shop.account, "K-1", known=Known.VERIFIED)
    chat.merge(desk.hand_over("sales"))

    chat.correct(Shop.account, "K-2")
    gap = floor.fresh(chat).gap(Shop.account)

    assert (Reason.CONFLICT, Remedy.REQUEST) == (gap.reason, gap.remedy)
    assert ("billing",) == gap.departments


# --- carriers ----------------------------------------------------------------


def test_a_stripped_correction_never_brings_back_the_old_value(floor):
    """
    Without the correction the old value is shown as unsettled, and not recalled.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.learn(Shop.number, "A-1")
    desk = floor.give(chat, "billing")
    desk.correct(Shop.number, "B-2")
    chat.merge(desk.hand_over("sales"))

    found = floor.stripped(chat, {-1: {DESK_SCOPE}}, to="support")

    assert None is found.recall(Shop.number)
    assert Reason.WITHHELD is reason(found)
    assert ("A-1", False) == (
        found.fact(Shop.number).value,
        found.fact(Shop.number).settled,
    )


def test_asking_once_settles_it_for_everybody(floor):
    """
    What is stated on top of a withheld section is recalled by all who come after.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.learn(Shop.number, "A-1")
    desk = floor.give(chat, "billing")
    desk.correct(Shop.number, "B-2")
    found = floor.stripped(desk, {-1: {DESK_SCOPE}}, to="support")

    found.learn(Shop.number, "A-1")

    assert "A-1" == found.recall(Shop.number)
    assert "A-1" == floor.give(found, "sales").recall(Shop.number)


def test_where_somebody_verifies_only_they_or_authority_settle_it(floor):
    """
    A withheld section of a verifier is not outweighed by what somebody states.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.learn(Shop.account, "K-1")
    desk = floor.give(chat, "billing")
    desk.learn(Shop.account, "K-2", known=Known.VERIFIED)
    found = floor.stripped(desk, {-1: {DESK_SCOPE}}, to="sales")

    found.learn(Shop.account, "K-3")
    here = found.recall(Shop.account)
    there = reason(floor.give(found, "support"), Shop.account)
    supports = floor.give(found, "support")
    supports.learn(Shop.account, "K-3")

    assert "K-3" == here
    assert Reason.WITHHELD is there
    assert "K-3" == floor.give(supports, "sales").recall(Shop.account)


def test_a_scope_withheld_on_the_way_is_visible_to_who_may_read_it(floor):
    """
    A scope that was left out for one department is a gap for the next, not nothing.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.learn(Shop.number, "A-1")
    courier = floor["courier"].receive(chat.hand_over("courier", withhold=[Shop.desk]))

    found = floor.give(courier, "support")

    assert Reason.WITHHELD is reason(found)
    assert Reason.NEVER_STATED is reason(found, Shop.mood)


# --- what was told here ------------------------------------------------------


def test_what_was_told_here_is_recalled_though_unsettled(floor):
    """
    Within a unit of work the customer is not asked again what they just said.
    """
    chat = floor["sales"].begin(channel="chat")
    desk = floor.give(chat, "billing")
    desk.learn(Shop.account, "K-1", known=Known.VERIFIED)
    found = floor.stripped(desk, {-1: {DESK_SCOPE}}, to="sales")

    found.learn(Shop.account, "K-2")
    pending = found.recall(Shop.account)
    found.hand_over("support")

    assert "K-2" == pending == found.recall(Shop.account)
    assert Reason.WITHHELD is reason(floor.fresh(found), Shop.account)


def test_what_was_told_here_is_recalled_though_others_said_it_more_surely(floor):
    """
    The same value is shown as billing verified it, and recalled for being told here.
    """
    desk = floor["billing"].begin(channel="chat")
    other = desk.fork()
    desk.learn(Shop.account, "K-1", known=Known.VERIFIED)
    other.learn(Shop.number, "A-1")
    desk.merge(other)
    place = desk.context.statements.index(other.context.statements[-1])
    found = floor.stripped(desk, {place: {DESK_SCOPE}}, to="sales")
    before = reason(found, Shop.account)

    found.learn(Shop.account, "K-1")

    assert Reason.WITHHELD is before
    assert "billing" == found.fact(Shop.account).department
    assert "K-1" == found.recall(Shop.account)
    assert Reason.WITHHELD is reason(floor.fresh(found), Shop.account)


def test_what_others_said_is_not_what_was_told_here(floor):
    """
    Having told something of a field makes nobody else's unsettled word recalled.

    Sales was told A, support corrected it to B and then to C; without the last,
    B must not be recalled for sales having been told A.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.learn(Shop.number, "A")
    desk = floor.give(chat, "support")
    desk.correct(Shop.number, "B")
    desk.hand_over("sales")
    desk.correct(Shop.number, "C")
    stripped = floor.stripped(desk, {-1: {DESK_SCOPE}}, to="sales")

    chat.merge(stripped)

    assert "C" == floor.give(desk, "sales").recall(Shop.number)
    assert None is chat.recall(Shop.number)
    assert Reason.WITHHELD is reason(chat)


@pytest.mark.parametrize("verb", ["refused", "does_not_know"])
def test_a_refusal_recalls_no_unsettled_value(floor, verb):
    """
    That the customer does not say it now does not settle what others had said.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.learn(Shop.number, "A-1")
    desk = floor.give(chat, "support")
    desk.correct(Shop.number, "B-2")
    found = floor.stripped(desk, {-1: {DESK_SCOPE}}, to="sales")

    getattr(found, verb)(Shop.number)

    assert None is found.recall(Shop.number)


@pytest.mark.parametrize("arrival", [Arrival.POSSESSION, Arrival.HINT])
@pytest.mark.parametrize("verb", ["refused", "does_not_know"])
def test_who_carries_a_link_learns_nothing_by_not_answering(floor, arrival, verb):
    """
    A stranger who is asked and does not know is not told the customer's answer.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.learn(Shop.number, "A-1")
    stranger = floor["sales"].resume(chat.save(), arrival=arrival)

    getattr(stranger, verb)(Shop.number)

    assert None is stranger.recall(Shop.number)
    assert None is stranger.fact(Shop.number)
    assert Reason.NOT_IDENTIFIED is reason(stranger)


@pytest.mark.parametrize("known", [Known.INFERRED, Known.STATED])
@pytest.mark.parametrize("guess", ["K-1", "K-2"])
def test_who_carries_a_link_learns_nothing_by_guessing(floor, known, guess):
    """
    What a stranger says is recalled for them only where it is what is shown.

    So whether a guess at a verified value is right makes no difference to them.
    """
    chat = floor["billing"].begin(channel="chat")
    chat.learn(Shop.account, "K-1", known=Known.VERIFIED)
    sales = floor.give(chat, "sales")
    stranger = floor["sales"].resume(sales.save(), arrival=Arrival.POSSESSION)

    stranger.learn(Shop.account, guess, known=known)

    assert None is stranger.recall(Shop.account)
    assert () == stranger.facts(Shop.account)
    assert Reason.NOT_IDENTIFIED is reason(stranger, Shop.account)


def test_who_carries_a_link_learns_nothing_from_a_conflict(floor):
    """
    That another value stands against a stranger's word is not shown to them.
    """
    chat = floor["sales"].begin(channel="chat")
    stranger = floor["sales"].resume(chat.save(), arrival=Arrival.POSSESSION)
    chat.learn(Shop.number, "A-1")
    floor.wait(seconds=1)
    stranger.learn(Shop.number, "B-2")

    stranger.merge(chat.fork())

    assert None is stranger.recall(Shop.number)
    assert () == stranger.facts(Shop.number)
    assert Reason.NOT_IDENTIFIED is reason(stranger)


def test_who_carries_a_link_is_heard(floor):
    """
    What the person with the link says themselves is recalled in this unit of work.
    """
    chat = floor["sales"].begin(channel="chat")
    person = floor["sales"].resume(chat.save(), arrival=Arrival.POSSESSION)

    person.learn(Shop.number, "A-1")
    pending = person.recall(Shop.number)
    person.save()

    assert "A-1" == pending == person.recall(Shop.number)


# --- departments without authority -------------------------------------------


def test_who_may_not_write_changes_nothing(floor):
    """
    A section by a department that may not write the scope is ignored, with an event.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.learn(Shop.number, "A-1")
    courier = floor.give(chat, "courier")

    smuggle(courier, Shop.number, "B-2")
    found = floor.give(courier, "support")

    assert "A-1" == found.recall(Shop.number)
    assert ["not_a_writer"] == [
        e.code for e in floor.events if isinstance(e, SectionIgnored)
    ]


def test_what_who_may_not_write_withholds_changes_nothing(floor):
    """
    Nor does such a section unsettle anything when it is withheld.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.learn(Shop.number, "A-1")
    courier = floor.give(chat, "courier")
    smuggle(courier, Shop.number, "B-2")
    courier.hand_over("support")

    found = floor.stripped(courier, {-1: {DESK_SCOPE}}, to="support")

    assert "A-1" == found.recall(Shop.number)


def test_who_may_not_verify_only_states(floor):
    """
    ``VERIFIED`` by a department that is no verifier is read as ``STATED``.
    """
    chat = floor["billing"].begin(channel="chat")
    chat.learn(Shop.account, "K-1", known=Known.VERIFIED)
    sales = floor.give(chat, "sales")

    smuggle(sales, Shop.account, "K-2", known=Known.VERIFIED)
    found = floor.give(sales, "support")

    assert Reason.CONFLICT is reason(found, Shop.account)
    assert ("K-1", "K-2") == tuple(fact.value for fact in found.facts(Shop.account))
    assert Known.STATED is found.facts(Shop.account)[1].known


def test_nobody_verifies_in_anothers_name(floor):
    """
    That a journey says it is an export makes nobody's word another department's.
    """
    export = floor["sales"].begin_export("chat")
    smuggle(export, Shop.account, "K-1", known=Known.VERIFIED, reported_by="billing")

    found = floor.give(export, "support")

    assert Known.STATED is found.fact(Shop.account).known
    assert None is found.recall(Shop.account, at_least=Known.VERIFIED)


# --- time --------------------------------------------------------------------


def test_an_expiry_never_brings_an_old_value_back(floor):
    """
    On no day is a corrected value recalled: the correction does not end before it.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.learn(Shop.account, "K-1")
    desk = floor.give(chat, "billing")
    floor.wait(days=5)
    desk.correct(Shop.account, "K-2")
    chat.merge(desk.hand_over("sales"))

    recalled = []
    for _ in range(LIFETIME.days + 2):
        recalled.append(chat.recall(Shop.account))
        floor.wait(days=1)

    assert ["K-2"] * 90 == recalled[:90]
    assert {"K-2", None} == set(recalled)


def test_who_is_given_less_time_cannot_undo_a_correction(floor, keys):
    """
    A department whose statements live 60 days still corrects for as long as needed.
    """
    hasty = cx.TrustDomain(
        DOMAIN,
        Shop,
        keys=attrs.evolve(keys.ring.public, statement_lifetime=timedelta(days=60)),
        clock=lambda: floor.now,
    ).department("billing", keys=keys.ring.private["billing"])
    chat = floor["sales"].begin(channel="chat")
    chat.learn(Shop.account, "K-1")

    desk = floor.give(chat, "billing")
    desk._department = hasty
    desk.correct(Shop.account, "K-2")
    chat.merge(desk.hand_over("sales"))
    first, second = chat.context.statements
    floor.wait(days=70)

    assert first.expires_s == second.expires_s
    assert "K-2" == chat.recall(Shop.account)


# --- consent -----------------------------------------------------------------


def test_only_a_writer_grants_consent(floor):
    """
    A grant by a department that may not write the scope does not count.
    """
    at = floor.begin()
    with pytest.raises(NotAuthorisedError):
        at["support"].consent(PURPOSE)
    grant = Consent(status=ConsentStatus.GIVEN)

    smuggle(at["support"], Shop.consent, grant, qualifier=PURPOSE)
    at["sales"].merge(at["support"].hand_over("sales"))

    assert not at["sales"].has_consent(PURPOSE)
    assert Reason.NEVER_STATED is reason(at["sales"], Shop.consent, qualifier=PURPOSE)


@pytest.mark.parametrize("withdrawer", ["sales", "billing", "support"])
def test_a_concurrent_withdrawal_wins(floor, withdrawer):
    """
    Whoever withdraws at the same time, writer or not, there is no consent.
    """
    at = floor.begin()
    elsewhere = at[withdrawer].fork()
    at["sales"].consent(PURPOSE)
    elsewhere.withdraw(PURPOSE)
    at["billing"].merge(at["sales"].hand_over("billing"))
    at["billing"].merge(elsewhere.hand_over("billing"))

    assert not at["billing"].has_consent(PURPOSE)
    assert None is at["billing"].recall(Shop.consent, qualifier=PURPOSE)


def test_a_grant_after_the_withdrawal_counts(floor):
    """
    Who grants consent having seen the withdrawal has heard it from the customer.
    """
    at = floor.begin()
    at["support"].withdraw(PURPOSE)
    at["sales"].merge(at["support"].hand_over("sales"))

    at["sales"].consent(PURPOSE)

    assert floor.give(at["sales"], "billing").has_consent(PURPOSE)
    assert (
        floor.give(at["sales"], "billing")
        .recall(Shop.consent, qualifier=PURPOSE)
        .granted
    )


def test_a_withdrawal_by_a_non_writer_ends_what_is_recalled(floor):
    """
    A grant that does not count is not recalled as one, and the gap says why.
    """
    at = floor.begin()
    at["sales"].consent(PURPOSE)
    support = floor.give(at["sales"], "support")
    support.withdraw(PURPOSE)

    found = floor.give(support, "billing")

    assert None is found.recall(Shop.consent, qualifier=PURPOSE)
    assert Reason.NO_CONSENT is reason(found, Shop.consent, qualifier=PURPOSE)


def test_a_withheld_section_ends_consent(floor):
    """
    A section of the scope that is missing may hold a withdrawal, so nothing counts.
    """
    at = floor.begin()
    at["sales"].consent(PURPOSE)
    support = floor.give(at["sales"], "support")
    support.withdraw("dpv:ServiceProvision")

    found = floor.give(support, "billing")
    stripped = floor.stripped(support, {-1: {LAW_SCOPE}}, to="billing")

    assert found.has_consent(PURPOSE)
    assert not stripped.has_consent(PURPOSE)
    assert Reason.WITHHELD is reason(stripped, Shop.consent, qualifier=PURPOSE)


def test_a_grant_ages_from_when_it_was_given(floor):
    """
    A grant that is sealed late ends when it would have ended, sealed at once.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.consent(PURPOSE)
    floor.wait(days=20)
    found = floor.give(chat, "billing")
    floor.wait(days=39)

    on_the_last_day = found.has_consent(PURPOSE)
    floor.wait(days=1)

    assert on_the_last_day
    assert not found.has_consent(PURPOSE)


def test_a_grant_that_ended_is_not_recalled(floor):
    """
    After the end that it states, a grant is expired and may be asked for again.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.consent(PURPOSE, expires_at=floor.now + timedelta(days=2))
    floor.wait(days=1)
    before = chat.recall(Shop.consent, qualifier=PURPOSE)
    floor.wait(days=2)

    assert before.granted
    assert None is chat.recall(Shop.consent, qualifier=PURPOSE)
    assert Reason.EXPIRED is reason(chat, Shop.consent, qualifier=PURPOSE)


def test_a_recorded_refusal_is_recalled(floor):
    """
    That consent was withdrawn is a fact like any other.
    """
    chat = floor["sales"].begin(channel="chat")
    chat.withdraw(PURPOSE)

    assert not floor.fresh(chat).recall(Shop.consent, qualifier=PURPOSE).granted


# --- promises ----------------------------------------------------------------


def only(journey):
    """
    Return the one promise of a journey.
    """
    (promise,) = journey.promises
    return promise


def test_a_promise_in_billings_name_is_proposed_until_billing_accepts(floor):
    """
    Nobody is made to answer for what another department promised.
    """
    chat = floor["sales"].begin(channel="chat")
    promise = chat.promise("refund", wording="by Friday", owner="billing")
    desk = floor.give(chat, "billing")
    proposed = only(desk)

    desk.accept_promise(promise.id)
    chat.merge(desk.hand_over("sales"))

    assert (PromiseStatus.PROPOSED, "sales", "billing") == (
        proposed.status,
        proposed.owner,
        proposed.proposed_to,
    )
    assert (PromiseStatus.OPEN, "billing", None) == (
        only(chat).status,
        only(chat).owner,
        only(chat).proposed_to,
    )


def test_concurrent_keep_and_miss_by_the_owner_are_a_conflict(floor):
    """
    Where two desks of the owner said different things, neither is shown as true.
    """
    desk = floor["billing"].begin(channel="chat")
    promise = desk.promise("refund", wording="by Friday")
    other = desk.fork()
    desk.keep(promise.id)
    other.miss(promise.id)

    desk.merge(other)
    conflict = only(desk).status
    desk.keep(promise.id)

    assert PromiseStatus.CONFLICT is conflict
    assert PromiseStatus.KEPT is only(desk).status


def test_a_conflict_stays_until_the_owner_says_what_became_of_it(floor):
    """
    Handing over a promise that is both kept and missed does not say which it is.
    """
    desk = floor["billing"].begin(channel="chat")
    promise = desk.promise("refund", wording="by Friday")
    other = desk.fork()
    desk.keep(promise.id)
    other.miss(promise.id)
    desk.merge(other)

    smuggle_step(desk, promise.id, PromiseAction.HAND_OVER, owner="support")

    assert PromiseStatus.CONFLICT is only(desk).status


def test_two_departments_that_accepted_at_the_same_time_are_a_conflict(floor):
    """
    Who answers for a promise is not decided by whose statement has the smaller id.
    """
    desk = floor["billing"].begin(channel="chat")
    promise = desk.promise("refund", wording="by Friday")
    other = desk.fork()
    desk.hand_over_promise(promise.id, to="sales")
    other.hand_over_promise(promise.id, to="support")
    sales, support = floor.give(desk, "sales"), floor.give(other, "support")
    sales.accept_promise(promise.id)
    support.accept_promise(promise.id)

    sales.merge(support.hand_over("sales"))

    assert PromiseStatus.CONFLICT is only(sales).status


def test_who_was_handed_a_promise_accepts_it_after_a_merge(floor):
    """
    That the owner moved it meanwhile takes nobody's right to accept away.
    """
    desk = floor["billing"].begin(channel="chat")
    promise = desk.promise("refund", wording="by Friday")
    other = desk.fork()
    due = floor.now + timedelta(days=3)
    desk.move(promise.id, due=due)
    other.hand_over_promise(promise.id, to="support")
    desk.merge(other)

    support = floor.give(desk, "support")
    smuggle_step(support, promise.id, PromiseAction.ACCEPT)

    assert ("support", PromiseStatus.MOVED, due) == (
        only(support).owner,
        only(support).status,
        only(support).due_until,
    )


@pytest.mark.parametrize(
    "action",
    [
        PromiseAction.KEEP,
        PromiseAction.MISS,
        PromiseAction.RELEASE,
        PromiseAction.MOVE,
        PromiseAction.HAND_OVER,
        PromiseAction.ACCEPT,
    ],
)
def test_a_strangers_step_changes_nothing(floor, action):
    """
    What a department does with a promise that is not its own counts for nothing.
    """
    desk = floor["billing"].begin(channel="chat")
    promise = desk.promise("refund", wording="by Friday")
    stranger = floor.give(desk, "support")
    before = only(stranger)

    smuggle_step(stranger, promise.id, action, owner="support")

    assert before == only(floor.give(stranger, "billing"))


def test_the_verbs_refuse_a_strangers_step(floor):
    """
    Whoever is not the owner is told so; they may only observe it broken.
    """
    desk = floor["billing"].begin(channel="chat")
    promise = desk.promise("refund", wording="by Friday")
    stranger = floor.give(desk, "support")

    with pytest.raises(NotAuthorisedError):
        stranger.keep(promise.id)
    with pytest.raises(PromiseError):
        stranger.accept_promise(promise.id)

    assert ("support",) == stranger.observe(promise.id).observed_broken_by


def test_a_promise_is_made_only_in_the_name_that_signed_it(floor):
    """
    A promise named after billing that sales made is no promise.
    """
    chat = floor["sales"].begin(channel="chat")
    entry = PromiseEntry(
        action=PromiseAction.MAKE, kind="refund", wording="x", owner="billing"
    )

    smuggle(chat, Shop.promise, entry, qualifier="billing/abcdefgh")

    assert () == floor.give(chat, "billing").promises
