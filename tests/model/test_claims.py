"""
What the law promises, searched for a counterexample: on the model, and on the fold.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import graphs
import model
import pytest
import translation
from graphs import NOW, WIDELY
from hypothesis import assume, given
from hypothesis import strategies as st
from test_fold_against_model import CONSENT_RULES, CONSENTS, consents

from cxcontext.core.verify import check_times
from cxcontext.errors import StatementTimesError

# --- the two readers ---------------------------------------------------------


@dataclass(frozen=True)
class Read:
    """
    A reading, in words that both readers share.
    """

    standing: frozenset[tuple[str, str | None]]
    recalled: str | None
    in_doubt: bool
    conflict: bool


def by_law(statements, order, rules, now):
    """
    Return what the model reads.
    """
    found = model.read(statements, descends=order.descends, rules=rules, now=now)
    return Read(
        standing=frozenset((fact.statement, fact.value) for fact in found.standing),
        recalled=found.recalled,
        in_doubt=bool(found.reasons),
        conflict=found.conflict,
    )


def by_fold(statements, order, rules, now):
    """
    Return what the real fold reads.
    """
    found = translation.fold(statements, order=order, rules=rules, now=now)
    return Read(
        standing=frozenset(
            (order.names[claim.position], claim.fact.value) for claim in found.standing
        ),
        recalled=translation.recalled(found),
        in_doubt=found.unread is not None,
        conflict=found.conflict,
    )


READERS = (by_law, by_fold)
both = pytest.mark.parametrize("read", READERS)


def values(reading):
    """
    Return the values that stand.
    """
    return {value for _, value in reading.standing}


# --- carriers ----------------------------------------------------------------

READABLE = (
    graphs.said("sales", model.INFERRED, "a"),
    graphs.said("sales", model.STATED, "a"),
    graphs.said("support", model.INFERRED, "b"),
    graphs.said("support", model.STATED, "b"),
    graphs.said("support", model.STATED, None),
    graphs.said("billing", model.VERIFIED, "a"),
    graphs.said("boss", model.OBSERVED, "b"),
    graphs.said("former", model.VERIFIED, "b"),
    graphs.said("stranger", model.STATED, "a"),
    replace(graphs.said("sales", model.STATED, "b"), newer=True),
    graphs.symbol("sales"),
    graphs.symbol(None),
    graphs.NOTHING,
)


def without(statements, names):
    """
    Return what is left when a carrier withholds the sections of some statements.
    """
    return tuple(
        replace(s, unread=model.WITHHELD) if s.section and s.name in names else s
        for s in statements
    )


def subsets(names):
    """
    Return every choice of some of *names*, at least one.
    """
    return [
        frozenset(chosen)
        for size in range(1, len(names) + 1)
        for chosen in itertools.combinations(names, size)
    ]


def only_removes(full, stripped):
    """
    Whether a carrier got no further than turning a value into nothing, visibly.
    """
    if stripped.recalled not in (None, full.recalled):
        return False
    removed = full.recalled != stripped.recalled or values(full) != values(stripped)
    return not removed or stripped.in_doubt or stripped.conflict


@both
def test_a_carrier_only_ever_turns_a_value_into_nothing_on_small_graphs(read):
    """
    Whatever sections of up to 3 statements it withholds, no other value is recalled.

    None is recalled that was not, and the reader sees that something is missing.
    """
    cases = 0
    wrong = []
    for order, statements in graphs.histories(READABLE, largest=3):
        full = read(statements, order, graphs.RULES, NOW)
        for names in subsets(order.names):
            cases += 1
            stripped = without(statements, names)
            if not only_removes(full, read(stripped, order, graphs.RULES, NOW)):
                wrong.append((order.parents, statements, names))

    assert 31_278 == cases
    assert [] == wrong[:1]


@WIDELY
@given(data=st.data(), rules=graphs.ANY_RULES, now=graphs.NOWS)
def test_a_carrier_only_ever_turns_a_value_into_nothing(data, rules, now):
    """
    The same on random graphs of up to 12 statements, where some was unread before.
    """
    order = data.draw(graphs.orders())
    statements = data.draw(graphs.statements(order))
    names = data.draw(st.sets(st.sampled_from(order.names), min_size=1))
    stripped = without(statements, names)

    for read in READERS:
        full = read(statements, order, rules, now)
        assert only_removes(full, read(stripped, order, rules, now))


@WIDELY
@given(data=st.data(), rules=graphs.ANY_RULES, now=graphs.NOWS)
def test_being_behind_only_ever_turns_a_value_into_nothing(data, rules, now):
    """
    A reader who lacks a scope's key, or knows some authors not, recalls no other value.
    """
    order = data.draw(graphs.orders())
    statements = data.draw(graphs.statements(order, readable=True))
    unknown = data.draw(st.sets(st.sampled_from(order.names)))
    unreadable = data.draw(st.sets(st.sampled_from(order.names)))
    behind = [
        replace(
            s,
            department=None if s.name in unknown else s.department,
            unread=model.UNREADABLE if s.name in unreadable else None,
        )
        for s in statements
    ]

    for read in READERS:
        full = read(statements, order, rules, now)
        assert read(behind, order, rules, now).recalled in (None, full.recalled)


@WIDELY
@given(data=st.data(), now=graphs.NOWS)
def test_an_older_vocabulary_only_ever_turns_a_value_into_nothing(data, now):
    """
    Who does not yet know that a department may write or verify recalls no other value.
    """
    order = data.draw(graphs.orders())
    statements = data.draw(graphs.statements(order, readable=True))
    added = data.draw(st.sets(st.sampled_from(("support", "billing", "boss"))))
    older = replace(
        graphs.RULES,
        writers=graphs.RULES.writers - added,
        verifiers=graphs.RULES.verifiers - added,
        authority=graphs.RULES.authority - added,
    )
    # What a department was newly allowed is written under the newer revision.
    statements = [
        replace(s, newer=s.newer or s.department in added) for s in statements
    ]
    same = [replace(s, newer=False) for s in statements]

    for read in READERS:
        full = read(same, order, graphs.RULES, now)
        assert read(statements, order, older, now).recalled in (None, full.recalled)


# --- departments without authority -------------------------------------------

WRITERS_SAY = (
    graphs.said("sales", model.INFERRED, "a"),
    graphs.said("sales", model.STATED, "a"),
    graphs.said("support", model.STATED, "b"),
    graphs.said("billing", model.VERIFIED, "a"),
    graphs.said("boss", model.STATED, None),
    graphs.symbol("sales", unread=model.WITHHELD),
    graphs.symbol(None),
    graphs.NOTHING,
)
STRANGERS_SAY = (
    *(
        graphs.said("stranger", known, value)
        for known in (model.INFERRED, model.STATED, model.VERIFIED)
        for value in ("b", None)
    ),
    graphs.symbol("stranger", unread=model.WITHHELD),
    graphs.symbol("stranger", unread=model.UNREADABLE),
    graphs.symbol("stranger", mark="refused"),
    graphs.symbol("stranger"),
)


@both
def test_who_may_not_write_changes_nothing_on_small_graphs(read):
    """
    No statement of a stranger, wherever it is added, changes what others read.
    """
    cases = 0
    wrong = []
    for order, statements in graphs.histories(WRITERS_SAY, largest=3):
        before = read(statements, order, graphs.RULES, NOW)
        for parents in subsets(order.names):
            grown = translation.Order({**order.parents, "z": tuple(sorted(parents))})
            for said in STRANGERS_SAY:
                cases += 1
                added = (*statements, replace(said, name="z", issued=9))
                if before != read(added, grown, graphs.RULES, NOW):
                    wrong.append((grown.parents, added))

    assert 73_680 == cases
    assert [] == wrong[:1]


@WIDELY
@given(data=st.data(), rules=graphs.ANY_RULES, now=graphs.NOWS)
def test_who_may_not_write_changes_nothing(data, rules, now):
    """
    What strangers said within a random graph is as if they had said nothing.
    """
    order = data.draw(graphs.orders())
    statements = [
        replace(s, newer=s.newer and s.department != "stranger")
        for s in data.draw(graphs.statements(order))
    ]
    silent = [
        replace(s, section=s.section and s.department != "stranger") for s in statements
    ]

    for read in READERS:
        assert read(silent, order, rules, now) == read(statements, order, rules, now)


@both
def test_a_newer_vocabulary_is_why_a_stranger_may_unsettle(read):
    """
    Under a newer revision a stranger may be a writer, so what it says is waited for.
    """
    order = translation.Order({"a": (), "b": ("a",)})
    known = replace(graphs.said("sales", model.STATED, "a"), name="a")
    newer = replace(graphs.said("stranger", model.STATED, "b"), name="b", newer=True)

    found = read((known, newer), order, graphs.RULES, NOW)

    assert (None, True) == (found.recalled, found.in_doubt)


# --- everyday concurrency ----------------------------------------------------

FORKED = translation.Order({"a": (), "b": ("a",), "c": ("a",)})


def forked(root, one, other):
    """
    Return a root and two statements that know nothing of each other.
    """
    return tuple(
        replace(said, name=name)
        for name, said in zip("abc", (root, one, other), strict=True)
    )


@both
def test_two_channels_that_learn_the_same_ask_nobody(read):
    """
    Equal values that were stated at the same time are one value.
    """
    one, other = (graphs.said(who, model.STATED, "a") for who in ("sales", "support"))

    found = read(forked(graphs.NOTHING, one, other), FORKED, graphs.RULES, NOW)

    assert "a" == found.recalled


@both
@pytest.mark.parametrize("root", [graphs.NOTHING, READABLE[0]])
def test_what_a_bot_infers_gives_way_to_what_the_customer_states(read, root):
    """
    An inferred value that differs makes no conflict with a stated one.
    """
    stated = graphs.said("sales", model.STATED, "a")
    inferred = graphs.said("support", model.INFERRED, "b")

    found = read(forked(root, stated, inferred), FORKED, graphs.RULES, NOW)

    assert ("a", False) == (found.recalled, found.conflict)


@both
def test_a_correction_stands_against_a_branch_that_wrote_nothing(read):
    """
    Repeating what is recalled writes nothing, so only the correction is there.
    """
    first = graphs.said("sales", model.STATED, "a")
    corrected = graphs.said("sales", model.STATED, "b")

    found = read(forked(first, corrected, graphs.NOTHING), FORKED, graphs.RULES, NOW)

    assert "b" == found.recalled


@both
def test_a_correction_and_a_confirmation_are_a_conflict(read):
    """
    Who confirms the old value while another corrects it has said it anew.
    """
    first = graphs.said("sales", model.STATED, "a")
    corrected = graphs.said("sales", model.STATED, "b")
    confirmed = graphs.said("support", model.STATED, "a")

    found = read(forked(first, corrected, confirmed), FORKED, graphs.RULES, NOW)

    assert (None, True) == (found.recalled, found.conflict)


@pytest.mark.parametrize("names", list(itertools.permutations("abcd")))
def test_of_equal_facts_the_smallest_id_is_shown(names):
    """
    Which of two equal facts is shown depends on ids alone, not on the graph.
    """
    root, first, last, other = names
    order = translation.Order(
        {root: (), first: (root,), last: (first,), other: (root,)}
    )
    said = {
        root: graphs.NOTHING,
        first: graphs.NOTHING,
        last: graphs.said("sales", model.STATED, "a"),
        other: graphs.said("support", model.STATED, "a"),
    }
    statements = [replace(one, name=name) for name, one in said.items()]

    by_model = model.read(
        statements, descends=order.descends, rules=graphs.RULES, now=NOW
    )
    found = translation.fold(statements, order=order, rules=graphs.RULES, now=NOW)

    assert min(last, other) == by_model.shown.statement
    assert min(last, other) == order.names[found.shown.position]


# --- expiry ------------------------------------------------------------------


@dataclass(frozen=True)
class Timed:
    """
    A statement, as far as its times go.
    """

    issued_s: int
    expires_s: int
    key_id: bytes = b"key"


def accepted(when, order):
    """
    Whether the real check of times accepts every statement of a graph.
    """
    try:
        for name in order.names:
            check_times(
                Timed(*when[name]),
                [Timed(*when[parent]) for parent in order.parents[name]],
                lifetime_s=100,
            )
    except StatementTimesError:
        return False
    return True


@WIDELY
@given(st.data())
def test_times_that_the_law_allows_are_accepted(data):
    """
    Whatever the law allows a writer of another implementation, readers accept.
    """
    order = data.draw(graphs.orders())

    assert accepted(data.draw(graphs.times(order)), order)


@WIDELY
@given(data=st.data(), order=graphs.orders(largest=4))
def test_nothing_accepted_outlives_what_descends_from_it(data, order):
    """
    Where the real check accepts the times, what supersedes never ends first.
    """
    instants = st.integers(0, 250)
    when = {
        name: (issued, issued + data.draw(st.integers(0, 130)))
        for name in order.names
        for issued in [data.draw(instants)]
    }
    assume(accepted(when, order))

    for later, earlier in order.descends:
        assert when[earlier][1] <= when[later][1]


@WIDELY
@given(data=st.data(), rules=graphs.ANY_RULES, first=graphs.NOWS, later=graphs.NOWS)
def test_an_expiry_never_brings_back_what_was_superseded(data, rules, first, later):
    """
    What was superseded once never stands again, however much expires.
    """
    order = data.draw(graphs.orders())
    statements = data.draw(graphs.statements(order))
    now, then = sorted((first, later))
    superseded = {
        old.statement
        for old in model.facts_of(statements, rules, now=now)
        if any(
            model.supersedes(new, old, descends=order.descends, rules=rules)
            for new in model.facts_of(statements, rules, now=now)
        )
    }

    for read in READERS:
        standing = {name for name, _ in read(statements, order, rules, then).standing}
        assert not superseded & standing


@WIDELY
@given(data=st.data(), first=graphs.NOWS, later=graphs.NOWS)
def test_an_expiry_never_makes_a_stripped_correction_undone(data, first, later):
    """
    A value whose correction was withheld is not recalled later either.
    """
    order = data.draw(graphs.orders())
    statements = data.draw(graphs.statements(order, readable=True))
    names = data.draw(st.sets(st.sampled_from(order.names), min_size=1))
    now, then = sorted((first, later))
    rules = graphs.RULES
    corrected = {
        old.statement
        for old in model.facts_of(statements, rules, now=now)
        for new in model.facts_of(statements, rules, now=now)
        if model.supersedes(new, old, descends=order.descends, rules=rules)
    }

    stripped = without(statements, names)

    for read in READERS:
        found = read(stripped, order, rules, then)
        if found.recalled is not None:
            assert not corrected & {name for name, _ in found.standing}


def by_law_consent(statements, order, now):
    """
    Return whether the model finds consent.
    """
    return model.has_consent(
        statements, descends=order.descends, rules=CONSENT_RULES, now=now, max_age=100
    )


def by_fold_consent(statements, order, now):
    """
    Return whether the real fold finds consent.
    """
    return translation.fold_has_consent(
        statements, order=order, rules=CONSENT_RULES, now=now, max_age=100
    )


CONSENT_READERS = (by_law_consent, by_fold_consent)


def counts_rightly(statements, order):
    """
    Whether some grant came after every withdrawal: known to it, or given later.
    """
    withdrawn = [s for s in statements if isinstance(s.says, model.Withdrawal)]
    return any(
        isinstance(s.says, model.Grant)
        and all(
            (s.name, w.name) in order.descends or w.issued < s.issued - s.says.age
            for w in withdrawn
        )
        for s in statements
    )


def consent_histories():
    """
    Yield grants and withdrawals at different times, which expire as writers say.
    """
    symbols = [
        model.ConsentStatement("", department, issued=after, says=says)
        for department, says in (
            ("sales", model.Grant()),
            ("sales", model.Grant(age=60)),
            ("stranger", model.Withdrawal()),
            ("billing", None),
        )
        for after in (1, 50)
    ]
    for size in (1, 2, 3):
        for order in graphs.shapes(size):
            for chosen in itertools.product(symbols, repeat=size):
                placed = {}
                for name, said in zip(order.names, chosen, strict=True):
                    above = [placed[parent] for parent in order.parents[name]]
                    issued = said.issued + max((s.issued for s in above), default=400)
                    expires = max([issued + 100, *(s.expires for s in above)])
                    placed[name] = replace(
                        said, name=name, issued=issued, expires=expires
                    )
                yield order, tuple(placed.values())


@pytest.mark.parametrize("has_consent", CONSENT_READERS)
def test_an_expired_withdrawal_brings_no_older_grant_back(has_consent):
    """
    A grant given before a withdrawal never counts again, not even when that expired.
    """
    cases = granted = 0
    wrong = []
    for order, statements in consent_histories():
        for now in range(400, 700, 20):
            cases += 1
            if has_consent(statements, order, now):
                granted += 1
                if not counts_rightly(statements, order):
                    wrong.append((order.parents, statements, now))

    assert 16_440 == cases
    assert [] == wrong[:1]
    assert granted


def test_no_grant_may_exceed_the_longest_lifetime():
    """
    Were a grant's maximum age longer than that, an expired withdrawal would free it.
    """
    order = FORKED
    given = model.ConsentStatement(
        "b", "sales", issued=460, expires=560, says=model.Grant(age=60)
    )
    statements = (
        model.ConsentStatement("a", "billing", issued=400, expires=500),
        given,
        model.ConsentStatement(
            "c", "stranger", issued=450, expires=550, says=model.Withdrawal()
        ),
    )
    how = {"descends": order.descends, "rules": CONSENT_RULES, "now": 551}

    assert not model.has_consent(statements, max_age=graphs.LIFETIME, **how)
    assert model.has_consent(statements, max_age=2 * graphs.LIFETIME, **how)


@WIDELY
@given(data=st.data(), now=st.integers(400, 700))
def test_a_carrier_never_makes_consent(data, now):
    """
    Withholding sections of the scope of consent can end consent and never give it.
    """
    order = data.draw(graphs.orders())
    statements = data.draw(consents(order))
    names = data.draw(st.sets(st.sampled_from(order.names), min_size=1))
    stripped = without(statements, names)

    for has_consent in CONSENT_READERS:
        full = has_consent(statements, order, now)
        assert full or not has_consent(stripped, order, now)


def test_a_carrier_never_makes_consent_on_small_graphs():
    """
    Nor on any graph of up to 3 statements, whatever it withholds.
    """
    cases = ended = 0
    for order, statements in graphs.histories(CONSENTS, largest=3):
        for has_consent in CONSENT_READERS:
            full = has_consent(statements, order, NOW)
            for names in subsets(order.names):
                cases += 1
                after = has_consent(without(statements, names), order, NOW)
                ended += full and not after
                assert full or not after

    assert 49_272 == cases
    assert ended
