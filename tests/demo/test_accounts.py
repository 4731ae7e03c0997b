"""
The accounts: what they count, and what they do not let pass.
"""

from __future__ import annotations

import itertools

import pytest

from cxcontext.demo.accounts import balance, counts_of, questions_of, sights_of
from cxcontext.demo.notes import Need, Report, View
from cxcontext.demo.report import Result, as_text
from cxcontext.demo.step import Step

CLOCK = itertools.count(1.0)


def need(department, field, outcome, *, contact="chat", **more):
    """
    Return a note of a need, later than all before.
    """
    return Need(
        at=next(CLOCK),
        contact=contact,
        department=department,
        field=field,
        outcome=outcome,
        **more,
    )


def step_of(*needs, events=(), views=()):
    """
    Return a step in which these were noted.
    """
    report = Report(
        department="bot",
        needs=needs,
        views=views,
        trials=(),
        events=events,
        spent_s={"library": 0.25},
    )
    return Step(title="A step", when="a day", reports=[report])


def failing(steps, *, truth=None, carried_bytes=()):
    """
    Return what does not hold of the whole.
    """
    found = balance(steps, truth=truth or {}, carried_bytes=carried_bytes)
    return [expectation.what for expectation in found if not expectation.held]


def test_a_wrong_recall_does_not_pass():
    """
    A value that the customer never said makes the accounts fail.
    """
    wrong = need("support", "order_number", "known", source="bot", value="A-2")

    assert "0 of 1 recalled values are what the customer said" in failing(
        [step_of(wrong)], truth={"order_number": "A-1"}
    )


def test_a_repeated_question_does_not_pass():
    """
    Neither does one that the library did not notice, nor one that only it did.
    """
    twice = [need("bot", "email", "asked"), need("support", "email", "asked")]
    event = {"event": "Repeated", "department": "bot", "field": "email"}

    assert any(
        "1 repeated by the notes, 0" in what for what in failing([step_of(*twice)])
    )
    assert any(
        "0 repeated by the notes, 1" in what
        for what in failing([step_of(twice[0], events=[event])])
    )


def test_what_was_told_unasked_is_not_asked_again():
    """
    What the customer said of their own accord counts as said, and as no need.
    """
    step = step_of(need("bot", "reason", "told"), need("support", "reason", "asked"))

    (question,) = questions_of([step])

    assert ("support", True, "asks again") == (
        question.department,
        question.again,
        question.alone,
    )


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["open", "asked", "known"], "asked"),
        (["open", "known"], "known"),
        (["not_identified", "stale", "confirmed"], "confirmed"),
        (["rejected", "known"], "known"),
        (["open"], "open"),
    ],
)
def test_the_outcome_of_a_need_is_what_came_of_it(outcomes, expected):
    """
    Being asked counts whatever follows; otherwise the last word does.
    """
    step = step_of(*(need("bot", "email", outcome) for outcome in outcomes))

    assert [expected] == [question.outcome for question in questions_of([step])]


def test_a_thief_needs_nothing():
    """
    What a thief was asked for is not the customer's.
    """
    step = step_of(need("support", "email", "rejected", contact="thief"))

    assert () == questions_of([step])


def test_a_silo_remembers_what_it_heard_in_one_conversation():
    """
    The same department needs a field once in each conversation, with and without.
    """
    step = step_of(
        need("support", "email", "open"),
        need("support", "email", "asked"),
        need("support", "email", "known", contact="phone", source="x", value="y"),
    )
    counts = counts_of([step])

    assert (2, 2, 1) == (counts.needed, counts.asked_without, counts.repeated_without)
    assert (1, 0) == (counts.asked, counts.repeated)


def test_what_a_sealed_scope_may_hold_is_not_counted_as_withheld():
    """
    Only what somebody had read or written by then was there to be withheld.
    """

    def view(department, read, sealed):
        return View(
            at=next(CLOCK),
            contact="chat",
            department=department,
            read=read,
            sealed=sealed,
        )

    early = view("bot", ["email"], ["card_last4"])
    writes = view("sales", ["card_last4"], [])
    late = view("sales", [], ["card_last4"])
    bot, sales = sights_of([step_of(views=[early, writes, late])])

    assert (frozenset(), {"card_last4"}) == (bot.sealed, sales.sealed)
    assert {"card_last4"} == sales.read


def test_bytes_that_the_network_did_not_see_do_not_pass():
    """
    What departments say they sent must be what went by.
    """
    sent = {"event": "Sent", "department": "bot", "size_bytes": 10}

    assert any(
        "carried 9 bytes" in w
        for w in failing([step_of(events=[sent])], carried_bytes=[9])
    )


def test_the_report_marks_what_does_not_hold():
    """
    In the text, too, with the reason why the story ended.
    """
    step = step_of(
        need("bot", "email", "asked"),
        need("support", "email", "asked"),
        need("support", "searched", "open"),
    )
    step.expect("the sky is green", held=False)

    text = as_text(Result(steps=[step], balance=(), ended="it rains", seconds=1.0))

    assert "NO  the sky is green" in text
    assert "NO  the story ended early: it rains" in text
    assert "ASKS AGAIN" in text
    assert "does not know: open" in text
    assert "2 of 2 expectations did NOT hold" in text
