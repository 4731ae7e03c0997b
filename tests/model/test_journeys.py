"""
Real journeys, with real keys, against the model: whatever happened, all agree.
"""

from __future__ import annotations

import itertools

import model
from hypothesis import given, settings
from hypothesis import strategies as st
from shop import (
    DESK,
    FIELDS,
    PURPOSE,
    Floor,
    Shop,
    picture,
    rules_of,
    smuggle_step,
)
from translation import promises_agree

from cxcontext.core.known import Known
from cxcontext.core.standard import PromiseAction
from cxcontext.errors import JourneyExpiredError, NotAuthorisedError

REALLY = settings(max_examples=max(200, settings().max_examples // 2))
UNSETTLED = {"not_yours", "withheld", "unreadable", "unknown_author", "conflict"}
ALL_SCOPES = tuple(scope.number for scope in Shop.scopes.values())


# --- what several desks do with one journey at the same time -----------------

_values = st.sampled_from("ab")
_knowns = st.sampled_from((Known.STATED, Known.STATED, Known.INFERRED, Known.VERIFIED))
_desks = st.sampled_from(DESK)
_keys = st.sampled_from((Shop.number, Shop.number, Shop.account, Shop.card))
_actions = st.sampled_from([a for a in PromiseAction if a is not PromiseAction.MAKE])
_deeds = st.one_of(
    st.tuples(st.just("learns"), _desks, _keys, _values, _knowns),
    st.tuples(st.just("corrects"), _desks, _keys, _values, _knowns),
    st.tuples(st.just("hands_over"), _desks, _desks),
    st.tuples(st.just("hands_over"), _desks, _desks),
    st.tuples(st.just("retracts"), _desks, _keys),
    st.tuples(st.just("hears_no"), _desks, _keys),
    st.tuples(st.just("infers"), _desks, _values),
    st.tuples(st.just("waits"), _desks, st.sampled_from((1, 20, 40))),
    st.tuples(st.just("grants"), _desks),
    st.tuples(st.just("withdraws"), _desks),
    st.tuples(st.just("steps"), _desks, _actions, _desks),
)
DEEDS = st.lists(_deeds, min_size=3, max_size=16)


class History:
    """
    Desks that each have the journey, and what they did with it.
    """

    def __init__(self, keys, deeds):
        self.floor = floor = Floor(keys)
        self.at = floor.begin()
        made = self.at["sales"].promise("refund", wording="soon", owner="billing")
        self.promise = made.id
        for verb, desk, *details in deeds:
            # Apart, so that of two marks one is the last.
            floor.wait(seconds=1)
            try:
                getattr(self, f"_{verb}")(self.at[desk], *details)
            except NotAuthorisedError:
                pass  # Then it did not happen.
            except JourneyExpiredError:
                break

    def _learns(self, journey, key, value, known):
        journey.learn(key, value, known=known)

    def _corrects(self, journey, key, value, known):
        journey.correct(key, value, known=known)

    def _retracts(self, journey, key):
        journey.retract(key)

    def _hears_no(self, journey, key):
        journey.refused(key)

    def _infers(self, journey, value):
        journey.learn(Shop.mood, value)

    def _waits(self, _journey, days):
        self.floor.wait(days=days)

    def _grants(self, journey):
        journey.consent(PURPOSE)

    def _withdraws(self, journey):
        journey.withdraw(PURPOSE)

    def _steps(self, journey, action, to):
        # Not through the verbs, which refuse what a hostile department would do.
        due = self.floor.now if action is PromiseAction.MOVE else None
        owner = to if action is PromiseAction.HAND_OVER else None
        smuggle_step(journey, self.promise, action, owner=owner, due_until=due)

    def _hands_over(self, journey, to):
        if journey is not self.at[to]:
            self.at[to].merge(journey.hand_over(to))

    def envelopes(self, to):
        """
        Return what each desk hands over that has anything which is not expired.
        """
        found = []
        for journey in self.at.values():
            envelope = journey.hand_over(to)
            try:
                self.floor[to].receive(envelope)
            except JourneyExpiredError:
                continue
            found.append(bytes(envelope))
        return found


# --- against the model -------------------------------------------------------


def expected_gap(floor, journey, key):
    """
    Return what the law lets be recalled of a field, and the reasons why not.
    """
    order, statements = floor.symbols(journey, key)
    rules, now = rules_of(key.field), floor.now_s
    reading = model.read(statements, descends=order.descends, rules=rules, now=now)
    max_age = key.field.max_age and int(key.field.max_age.total_seconds())
    reasons = model.gap(reading, now=now, max_age=max_age)
    scope = key.scope
    if journey.department not in scope.readers | scope.writers and (
        reasons == {"never_stated"}
    ):
        # It is not for those to ask who could do nothing with the answer.
        reasons = frozenset((model.NOT_YOURS,))
    return reading, reasons


def disagreements(floor, journey, promise):
    """
    Return all in which a real reader and the law differ.
    """
    differ = []
    for key in FIELDS:
        reading, reasons = expected_gap(floor, journey, key)
        gap, recalled = journey.gap(key), journey.recall(key)
        fact = journey.fact(key)
        if (
            recalled != (None if reasons else reading.recalled)
            or (gap.reason.value not in reasons if gap else reasons)
            or (fact and fact.value) != (reading.shown and reading.shown.value)
            or (fact and fact.settled) != (reading.shown and reading.settled)
        ):
            differ.append((key, reading, reasons, recalled, gap))
    order, consents = floor.consents(journey)
    consent = model.has_consent(
        consents,
        descends=order.descends,
        rules=rules_of(Shop.consent.field),
        now=floor.now_s,
        max_age=int(Shop.consent.field.max_age.total_seconds()),
    )
    if consent is not journey.has_consent(PURPOSE):
        differ.append((Shop.consent, consent))
    order, steps = floor.promises(journey, promise)
    by_law = model.read_promise(
        "sales",
        steps,
        descends=order.descends,
        rules=rules_of(Shop.promise.field),
        now=floor.now_s,
    )
    found = next((p for p in journey.promises if p.id == promise), None)
    if not promises_agree(by_law, found):
        differ.append((Shop.promise, by_law, found))
    return differ


@REALLY
@given(deeds=DEEDS)
def test_every_desk_reads_real_journeys_as_the_law_says(keys, deeds):
    """
    After any history, each desk's next unit of work finds what the model finds.
    """
    history = History(keys, deeds)

    for desk, journey in history.at.items():
        try:
            fresh = history.floor[desk].resume(journey.save())
        except JourneyExpiredError:
            continue
        assert [] == disagreements(history.floor, fresh, history.promise)


@REALLY
@given(data=st.data(), deeds=DEEDS)
def test_stripped_journeys_are_read_as_the_law_says(keys, data, deeds):
    """
    After any history, what a courier leaves of it is read as the model reads it.
    """
    history = History(keys, deeds)
    floor, journey = history.floor, history.at[data.draw(_desks)]
    try:
        full = floor.give(journey, "support")
    except JourneyExpiredError:
        return
    what = data.draw(withheld(full))

    found = floor.stripped(full, what, to="support")

    assert [] == disagreements(floor, found, history.promise)


# --- carriers ----------------------------------------------------------------


def withheld(journey):
    """
    Draw which scopes a courier withholds from which statements.
    """
    places = st.sampled_from(range(len(journey.context.statements)))
    scopes = st.sets(st.sampled_from(ALL_SCOPES), min_size=1)
    return st.dictionaries(places, scopes, min_size=1)


@REALLY
@given(data=st.data(), deeds=DEEDS)
def test_a_courier_only_ever_turns_a_value_into_nothing(keys, data, deeds):
    """
    Whatever real sections it withholds, values vanish and never change, visibly.
    """
    history = History(keys, deeds)
    floor, journey = history.floor, history.at[data.draw(_desks)]
    try:
        full = floor.give(journey, "support")
    except JourneyExpiredError:
        return
    before = picture(full)
    after = picture(floor.stripped(full, data.draw(withheld(full)), to="support"))

    for name, value in after.recalled.items():
        assert value in (None, before.recalled[name])
        assert value == before.recalled[name] or after.gaps[name] in UNSETTLED
    assert before.consent or not after.consent


# --- merging -----------------------------------------------------------------


@REALLY
@given(deeds=DEEDS)
def test_merging_is_commutative_associative_and_idempotent(keys, deeds):
    """
    In whichever order branches come together, statements and answers are the same.
    """
    history = History(keys, deeds)
    envelopes = history.envelopes("support")

    def merged(*parts):
        """
        Return the merger of journeys, of envelopes, or of lists of such.
        """
        first, *others = (
            merged(*part)
            if isinstance(part, list)
            else history.floor["support"].receive(part)
            for part in parts
        )
        for other in others:
            first.merge(other)
        return first

    for one, other in itertools.combinations(envelopes, 2):
        assert picture(merged(one, other)) == picture(merged(other, one))
    for one in envelopes:
        assert picture(merged(one)) == picture(merged(one, one))
    if len(envelopes) == 3:
        one, other, third = envelopes
        assert picture(merged(one, [other, third])) == picture(
            merged([one, other], third)
        )


@REALLY
@given(data=st.data(), deeds=DEEDS)
def test_a_section_comes_back_from_another_copy(keys, data, deeds):
    """
    What was withheld on one way is whole again when the other way's copy is merged.
    """
    history = History(keys, deeds)
    floor, journey = history.floor, history.at[data.draw(_desks)]
    try:
        full = floor.give(journey, "support")
    except JourneyExpiredError:
        return
    before = picture(full)
    stripped = floor.stripped(full, data.draw(withheld(full)), to="support")

    stripped.merge(full)

    assert before == picture(stripped)


# --- time --------------------------------------------------------------------


@REALLY
@given(data=st.data(), deeds=DEEDS, days=st.integers(1, 100))
def test_waiting_brings_no_old_value_back(keys, data, deeds, days):
    """
    What somebody's word had superseded stays superseded, however much expires.
    """
    history = History(keys, deeds)
    floor, journey = history.floor, history.at[data.draw(_desks)]
    try:
        journey = floor.fresh(journey)
    except JourneyExpiredError:
        return
    readings = {key: expected_gap(floor, journey, key)[0] for key in FIELDS}
    said = {key: _facts(floor, journey, key) for key in FIELDS}
    statements = {s.id.hex(): s for s in journey.context.statements}

    floor.wait(days=days)

    for key, before in readings.items():
        superseded = {
            fact.statement
            for fact in said[key]
            if fact not in before.standing and fact.known > model.INFERRED
        }
        after, _ = expected_gap(floor, journey, key)
        found = journey.fact(key)
        assert (after.shown and after.shown.value) == (found and found.value)
        assert not superseded & {fact.statement for fact in after.standing}
    for statement in statements.values():
        for parent in statement.parents:
            assert statements[parent.hex()].expires_s <= statement.expires_s


def _facts(floor, journey, key):
    _, statements = floor.symbols(journey, key)
    return model.facts_of(statements, rules_of(key.field), now=floor.now_s)
