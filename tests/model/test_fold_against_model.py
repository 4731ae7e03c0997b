"""
The real fold against the model: every small graph, and random larger ones.
"""

from __future__ import annotations

from dataclasses import replace

import graphs
import model
import pytest
import translation
from graphs import NOW, WIDELY
from hypothesis import given
from hypothesis import strategies as st
from model import (
    ACCEPT,
    HAND_OVER,
    KEEP,
    MAKE,
    MISS,
    MOVE,
    OBSERVE,
    RELEASE,
    ConsentStatement,
    Grant,
    PromiseStatement,
    Step,
    Withdrawal,
)

# --- one field ---------------------------------------------------------------


def disagreement(order, statements, rules, now):
    """
    Return what the model and the fold say where they differ; None where not.
    """
    expected = model.read(statements, descends=order.descends, rules=rules, now=now)
    found = translation.fold(statements, order=order, rules=rules, now=now)
    if translation.agree(expected, found, order=order):
        return None
    return order.parents, statements, expected, found


def disagreements(alphabet, rules, **sizes):
    """
    Return how many histories there are, and the first on which they differ.
    """
    cases = 0
    for order, statements in graphs.histories(alphabet, **sizes):
        cases += 1
        differ = disagreement(order, statements, rules, NOW)
        if differ is not None:
            return cases, differ
    return cases, None


def test_every_graph_of_three_statements_is_read_as_the_law_says():
    """
    On every graph of up to 3 statements over 41 symbols, the fold and the law agree.
    """
    alphabet = graphs.EVERYTHING if graphs.DEEP else graphs.MANY
    expected = graphs.count(len(alphabet), largest=3)

    found = disagreements(alphabet, graphs.RULES, largest=3)

    assert 139_564 == expected or graphs.DEEP
    assert (expected, None) == found


def test_every_graph_of_four_statements_is_read_as_the_law_says():
    """
    On every graph of 4 statements over 12 symbols, the fold and the law agree.
    """
    alphabet = graphs.MORE if graphs.DEEP else graphs.FEW
    expected = graphs.count(len(alphabet), largest=4, smallest=4)

    found = disagreements(alphabet, graphs.RULES, largest=4, smallest=4)

    assert 145_152 == expected or graphs.DEEP
    assert (expected, None) == found


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(graphs.RULES, id="verifiers and authority"),
        pytest.param(graphs.NOBODY_VERIFIES, id="nobody verifies"),
        pytest.param(graphs.ONLY_INFERRED, id="only inferred"),
    ],
)
def test_every_small_graph_is_read_by_the_rules_of_its_field(rules):
    """
    With expired statements, marks and newer revisions too, fold and law agree.
    """
    found = disagreements(graphs.MORE, rules, largest=3)

    assert (21_802, None) == found


@WIDELY
@given(st.data(), graphs.ANY_RULES, graphs.NOWS)
def test_larger_graphs_are_read_as_the_law_says(data, rules, now):
    """
    On random graphs of up to 12 statements, the fold and the law agree.
    """
    order = data.draw(graphs.orders())
    statements = data.draw(graphs.statements(order))

    assert disagreement(order, statements, rules, now) is None


def test_a_redundant_link_changes_nothing():
    """
    A statement that also names a grandparent descends from the same statements.
    """
    chain = translation.Order({"a": (), "b": ("a",), "c": ("b",)})
    shortcut = translation.Order({"a": (), "b": ("a",), "c": ("a", "b")})

    assert chain.descends == shortcut.descends
    assert chain.ancestors == shortcut.ancestors


# --- consent -----------------------------------------------------------------

MAX_AGE = 100
CONSENT_RULES = model.Rules(writers=frozenset(("sales", "billing")))
CONSENTS = (
    *(
        ConsentStatement("", department, issued=420, says=says)
        for department in ("sales", "billing", "stranger")
        for says in (Grant(), Withdrawal())
    ),
    ConsentStatement("", "sales", issued=420, says=Grant(age=90)),
    ConsentStatement("", "sales", issued=420, says=Grant(ends=400)),
    ConsentStatement("", "stranger", issued=420, unread=model.WITHHELD),
    ConsentStatement("", None, issued=420),
    ConsentStatement("", "sales", issued=420, section=False),
    ConsentStatement("", "sales", issued=420, says=Withdrawal(), expires=NOW),
)


def consent_by_both(order, statements, now):
    """
    Return whether there is consent, by the law and by the fold.
    """
    how = {"rules": CONSENT_RULES, "now": now, "max_age": MAX_AGE}
    return (
        model.has_consent(statements, descends=order.descends, **how),
        translation.fold_has_consent(statements, order=order, **how),
    )


def test_consent_counts_on_every_small_graph_as_the_law_says():
    """
    On every graph of up to 4 statements over 12 symbols, both find the same consent.
    """
    cases = granted = 0
    differ = []
    for order, statements in graphs.histories(CONSENTS, largest=4):
        cases += 1
        by_law, by_fold = consent_by_both(order, statements, NOW)
        granted += by_law
        if by_law is not by_fold:
            differ.append((order.parents, statements))

    assert 148_764 == cases
    assert [] == differ[:1]
    assert 0 < granted < cases


_CONSENTS = st.sampled_from(
    [
        ConsentStatement("", department, section=section, says=says, unread=unread)
        for unread in (None,) * 7 + (model.WITHHELD,)
        for section in (True, True, True, False)
        for department in ("sales", "billing", "sales", "stranger", None)
        for says in (
            None,
            Withdrawal(),
            *(Grant(age, ends) for age in (0, 0, 60, 120) for ends in (None, 450, 600)),
        )
        if department is not None or unread is None
    ]
)


@st.composite
def consents(draw, order):
    """
    Draw what the statements of a graph say of consent to one purpose.
    """
    when = draw(graphs.times(order))
    return tuple(
        replace(draw(_CONSENTS), name=name, issued=when[name][0], expires=when[name][1])
        for name in order.names
    )


@WIDELY
@given(st.data(), st.integers(400, 700))
def test_consent_counts_on_larger_graphs_as_the_law_says(data, now):
    """
    On random graphs of up to 12 statements, both find the same consent.
    """
    order = data.draw(graphs.orders())
    statements = data.draw(consents(order))

    by_law, by_fold = consent_by_both(order, statements, now)

    assert by_law is by_fold


# --- promises ----------------------------------------------------------------

PROMISE_RULES = model.Rules(writers=frozenset(("sales", "billing", "support")))
STEPS = (
    Step(ACCEPT),
    Step(KEEP),
    Step(MISS),
    Step(MOVE, due=5),
    Step(HAND_OVER, to="support"),
    Step(HAND_OVER, to="sales"),
    Step(OBSERVE),
)
MAKES = tuple(
    PromiseStatement("", "sales", says=Step(MAKE, to=owner, due=3))
    for owner in ("sales", "billing")
)
TAKEN = {
    "sales": STEPS,
    "billing": STEPS if graphs.DEEP else (*STEPS[:3], STEPS[4], STEPS[6]),
    "support": STEPS if graphs.DEEP else (*STEPS[:2], STEPS[5]),
    "stranger": (Step(KEEP),),
}
PROMISES = (
    *(
        PromiseStatement("", department, says=step)
        for department, steps in TAKEN.items()
        for step in steps
    ),
    PromiseStatement("", "sales"),
)


def promise_disagreement(order, statements, now):
    """
    Return what the model and the fold say of a promise where they differ.
    """
    how = {"rules": PROMISE_RULES, "now": now}
    expected = model.read_promise("sales", statements, descends=order.descends, **how)
    found = translation.fold_promise("sales", statements, order=order, **how)
    if translation.promises_agree(expected, found):
        return None
    return order.parents, statements, expected, found


def test_a_promise_stands_on_every_small_graph_as_the_law_says():
    """
    Whatever up to 3 statements do after it was made, both find the same promise.
    """
    cases = 0
    differ = []
    for order, statements in graphs.histories(PROMISES, largest=4, root=MAKES):
        cases += 1
        if found := promise_disagreement(order, statements, NOW):
            differ.append(found)

    assert 69_974 == cases or graphs.DEEP
    assert [] == differ[:1]


_STEPS = st.sampled_from(
    [
        PromiseStatement("", department, says=says, unread=unread)
        for unread in (None,) * 7 + (model.WITHHELD,)
        for department in ("sales", "billing", "support", "stranger")
        for says in (
            None,
            *STEPS,
            Step(RELEASE),
            Step(HAND_OVER, to="billing"),
            # Made again, under a name that is not theirs.
            *([] if department == "sales" else [Step(MAKE, to=department, due=9)]),
        )
    ]
)


@st.composite
def promises(draw, order):
    """
    Draw what the statements of a graph say of one promise, which one of them makes.
    """
    when = draw(graphs.times(order))
    maker = draw(st.sampled_from(order.names[:3]))
    found = []
    for name in order.names:
        said = draw(st.sampled_from(MAKES) if name == maker else _STEPS)
        issued, expires = when[name]
        found.append(replace(said, name=name, issued=issued, expires=expires))
    return tuple(found)


@WIDELY
@given(st.data(), st.integers(400, 600))
def test_a_promise_stands_on_larger_graphs_as_the_law_says(data, now):
    """
    On random graphs of up to 12 statements, both find the same promise.
    """
    order = data.draw(graphs.orders())
    statements = data.draw(promises(order))

    assert promise_disagreement(order, statements, now) is None


@WIDELY
@given(st.data())
def test_what_becomes_of_a_promise_does_not_depend_on_ids(data):
    """
    With other ids, which are as good as random, the same steps mean the same.
    """
    order = data.draw(graphs.orders(largest=7))
    statements = data.draw(promises(order))
    names = dict(zip(order.names, data.draw(st.permutations(order.names)), strict=True))
    renamed = translation.Order(
        {names[n]: tuple(names[p] for p in ps) for n, ps in order.parents.items()}
    )
    others = [replace(s, name=names[s.name]) for s in statements]
    how = {"rules": PROMISE_RULES, "now": NOW}

    one = translation.fold_promise("sales", statements, order=order, **how)
    other = translation.fold_promise("sales", others, order=renamed, **how)

    assert (one and one.status) == (other and other.status)
