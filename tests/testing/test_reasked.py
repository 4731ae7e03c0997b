"""
Whoever was asked twice is told where, by whom, and what would help.
"""

from __future__ import annotations

import asyncio

import pytest

from cxcontext.testing import (
    ObservedQuestions,
    SampleShop,
    ThrowAwayDomain,
    assert_never_reasked,
)

ORDER, NAME = SampleShop.order_number, SampleShop.full_name


@pytest.fixture
def shop():
    """
    A shop of its own for every test.
    """
    return ThrowAwayDomain(SampleShop)


@pytest.fixture
def chat(shop):
    """
    Sales in a chat, where the customer was asked for the order, and said it.
    """
    return shop.story().began("sales", channel="chat").asked(ORDER).told(ORDER, "A-118")


def complaint(*arguments, **options):
    """
    Return what the assertion says.
    """
    with pytest.raises(AssertionError) as ei:
        assert_never_reasked(*arguments, **options)
    return str(ei.value)


def test_asked_once_is_in_order(shop, chat):
    """
    One question per field passes, over any number of departments.
    """
    story = chat.handed_to("support").asked(NAME).told(NAME, "Alex Example")

    assert_never_reasked(story.journeys, events=shop.events)


def test_a_second_question_is_named_with_its_seam(shop, chat):
    """
    Field, both departments, both channels and the remedy are in the message.
    """
    story = chat.handed_to("support", channel="phone").asked(ORDER)

    said = complaint(story.journeys)

    assert "1 question was asked again" in said
    assert "order_number: asked at sales (chat)" in said
    assert "seam: sales (chat) -> support (phone)" in said
    assert "seen: declared (a mark in the journey)" in said
    assert "remedy: look at needs(order_number)" in said
    assert "A-118" not in said


def test_what_was_said_unasked_counts(shop):
    """
    A question for what is known is asked again, though nobody had asked before.
    """
    story = shop.story().began("sales", channel="chat").told(ORDER, "A-118")

    assert "known at sales (chat)" in complaint(
        story.handed_to("support").asked(ORDER).journeys
    )


def test_a_journey_that_was_begun_anew_is_the_same_matter(shop, chat):
    """
    Where all was lost on the way, the remedy is to carry the journey.
    """
    chat.later(days=1).began("billing", channel="phone").asked(ORDER)

    said = complaint(chat.journeys)

    assert "seam: sales (chat) -> billing (phone)" in said
    assert "billing began another journey; carry the first one" in said


def test_one_handle_is_enough(chat):
    """
    A journey carries its own past: the last handle sees both questions.
    """
    chat.handed_to("support").asked(ORDER)

    assert "sales (chat) -> support (chat)" in complaint(chat.journey)


def test_the_same_question_seen_by_two_handles_is_one(chat):
    """
    What several handles have of one statement is counted once.
    """
    chat.handed_to("support").handed_to("billing").asked(ORDER)

    assert "1 question was" in complaint(chat.journeys)


def test_events_say_why(shop, chat):
    """
    The reason why the answer could not be used is taken from the events.
    """
    story = chat.later(days=91).resumed_by("support", channel="phone")
    story.journey.needs(ORDER)
    story.asked(ORDER)

    said = complaint(story.journeys, events=shop.events)

    assert "why: stale" in said
    assert "see to it that it is not stale" in said


def test_what_only_events_tell_is_said_to_be_from_events(shop, chat):
    """
    Of a journey that the test does not hold, a department's event is enough.
    """
    chat.handed_to("support").asked(ORDER)

    said = complaint([], events=shop.events)

    assert "seen: declared (an event)" in said
    assert "order_number: asked at sales" in said


def test_an_event_and_its_mark_are_one_question(shop, chat):
    """
    Whoever gives both is not told twice.
    """
    chat.handed_to("support").asked(ORDER)

    assert "1 question was" in complaint(chat.journeys, events=shop.events)


def test_a_reason_given_may_be_taken(chat):
    """
    A question with ``because`` passes where the test allows it, and only there.
    """
    chat.handed_to("support").asked(ORDER, because="two orders, which one?")

    assert_never_reasked(chat.journeys, explained=True)
    assert "two orders" not in complaint(chat.journeys)


def test_a_prompt_that_told_nobody_is_observed(chat):
    """
    A question that left no mark is seen where the customer sees it.
    """
    story = chat.handed_to("support", channel="phone")
    observed = ObservedQuestions()
    ask = observed.prompt(story.journey, lambda question: "A-118")

    assert "A-118" == ask("Please tell me your ORDER NUMBER again.")
    said = complaint(story.journeys, observed=observed)

    assert "seen: observed (a prompt or form)" in said
    assert "support asked without the journey" in said


def test_an_observed_question_is_the_declared_one(chat):
    """
    What was declared and seen is one question, seen in both ways.
    """
    story = chat.handed_to("support")
    observed = ObservedQuestions()
    story.journey.ask_once(NAME, observed.prompt(story.journey, lambda _: "Alex"))

    assert_never_reasked(story.journeys, observed=observed)
    observed.form(story.asked(ORDER).journey, ORDER)
    assert "journey) and observed (a prompt" in complaint(
        story.journeys, observed=observed
    )


def test_a_form_is_observed(chat):
    """
    A form that shows a known field empty asks for it.
    """
    story = chat.handed_to("billing", channel="web")
    observed = ObservedQuestions()
    observed.form(story.journey, NAME, ORDER)

    said = complaint(story.journeys, observed=observed)

    assert "order_number" in said
    assert "full_name" not in said


def test_two_observed_questions_are_enough(shop):
    """
    Where nothing at all was declared, the second prompt is the second question.
    """
    journey = shop.story().began("sales", channel="chat").journey
    observed = ObservedQuestions()
    ask = observed.prompt_async(journey, _answer)
    asyncio.run(_twice(ask))

    assert "full_name: asked at sales" in complaint(journey, observed=observed)


async def _answer(question):
    return "Alex"


async def _twice(ask):
    await ask("What is your name?")
    await ask("Sorry, what is your name?")


def test_small_talk_is_no_question(shop):
    """
    A prompt that is about no field is counted, and is not a question.
    """
    journey = shop.story().began("sales", channel="chat").journey
    observed = ObservedQuestions()
    observed.prompt(journey, str.upper)("How may I help?")

    assert (1, []) == (observed.unrecognised, observed.asked)
    assert_never_reasked(journey, observed=observed)
