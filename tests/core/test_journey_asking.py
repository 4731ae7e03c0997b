"""
Asking: once, in one process or over two requests, and visibly to everyone later.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from acme import Acme, World

import cxcontext as cx
from cxcontext import Known, Reason
from cxcontext.core.events import Asked, Avoided, Repeated
from cxcontext.errors import ForbiddenDataError, ValueDoesNotFitError


def at(world: World, name: str, journey: Any, **arguments: Any) -> cx.Journey[Any]:
    """
    Return the journey as it arrives at the department *name*.
    """
    return world[name].receive(journey.hand_over(name), **arguments)


def never(_question: str) -> Any:
    """
    Fail the test: the customer was asked.
    """
    pytest.fail("the customer was asked")


# --- over two requests -------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "question"),
    [
        (Acme.full_name, "What is your name?"),
        (Acme.entitlement, "What is your service level?"),
        (Acme.order_number, "What is order number?"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_asking_returns_how_to_ask(sales, key, question):
    """
    The question is the field's, or is made of its label, or of its name.
    """
    assert question == sales.begin(channel="chat").asking(key)


def test_a_chat_asks_in_one_request_and_hears_in_the_next(world, events):
    """
    The answer is learned in another request than the question was asked in.
    """
    journey = world["sales"].begin(channel="chat")
    journey.asking(Acme.full_name)
    rested = journey.save()
    journey = world["sales"].resume(rested)
    journey.learn(Acme.full_name, "Alex")

    assert "Alex" == journey.recall(Acme.full_name)
    assert [
        Asked(department="sales", journey_id=None, field="full_name")
    ] == world.told(Asked)
    assert [] == world.told(Repeated)


def test_a_repeated_question_is_seen_by_everyone_later(world):
    """
    Whoever asks what somebody asked before is told so, with who that was.
    """
    journey = world["sales"].begin(channel="chat")
    journey.asking(Acme.full_name)
    arrived = at(world, "support", journey)
    arrived.asking(Acme.full_name)
    at(world, "billing", arrived).asked(Acme.full_name)
    third = world.told(Repeated)[-1]

    assert 2 == len(world.told(Repeated))
    assert ("full_name", Reason.NEVER_STATED) == (third.field, third.reason)
    assert ("sales", "support") == third.asked_before_by


def test_asking_what_is_known_is_repeated_for_no_reason(world):
    """
    A question whose answer was there has no reason, and the asker may say why.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    arrived = at(world, "support", journey)
    arrived.asked(Acme.full_name, because="the line was bad")

    assert [
        Repeated(
            department="support",
            journey_id=arrived.id,
            field="full_name",
            reason=None,
            asked_before_by=(),
        )
    ] == world.told(Repeated)


def test_asking_what_is_stale_is_repeated_for_that_reason(world, clock):
    """
    Said before and not usable now: the reason stands in the event.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.reason, cx.standard.ReasonForContact(code="late"))
    clock.advance(days=8)
    journey.asked(Acme.reason)

    assert [Reason.STALE] == [event.reason for event in world.told(Repeated)]


def test_asking_what_was_taken_back_is_not_repeating(world):
    """
    After a retraction nothing is known, so to ask is no repetition.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    journey.retract(Acme.full_name)
    journey.asked(Acme.full_name)

    assert [] == world.told(Repeated)
    assert 1 == len(world.told(Asked))


def test_each_of_many_is_asked_for_itself(world):
    """
    Asking for one qualifier is no repetition of asking for another.
    """
    journey = world["sales"].begin(channel="chat")
    journey.asking(Acme.product, qualifier="1")
    journey.asking(Acme.product, qualifier="2")
    assert [] == world.told(Repeated)
    journey.asking(Acme.product, qualifier="1")

    assert [("sales",)] == [e.asked_before_by for e in world.told(Repeated)]


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda journey: journey.refused(Acme.full_name), Reason.REFUSED),
        (
            lambda journey: journey.does_not_know(Acme.full_name),
            Reason.CUSTOMER_DOES_NOT_KNOW,
        ),
    ],
    ids=["refused", "does not know"],
)
def test_what_the_customer_will_not_answer_nobody_asks_again(world, act, reason):
    """
    A refusal, or not knowing, is known here and at every reader of the scope.
    """
    journey = world["sales"].begin(channel="chat")
    journey.asking(Acme.full_name)
    act(journey)
    arrived = at(world, "support", journey)

    for each in (journey, arrived):
        assert reason is each.gap(Acme.full_name).reason
        assert () == each.needs(Acme.full_name).to_ask
        assert each.ask_once(Acme.full_name, never) is None


def test_an_answer_after_a_refusal_counts(world):
    """
    Whoever refused may still say it later; marks stand beside values.
    """
    journey = world["sales"].begin(channel="chat")
    journey.refused(Acme.full_name)
    arrived = at(world, "support", journey)
    arrived.learn(Acme.full_name, "Alex")
    arrived.does_not_know(Acme.full_name)

    assert "Alex" == at(world, "sales", arrived).recall(Acme.full_name)


def test_the_last_of_two_marks_counts(world, clock):
    """
    First unwilling and then not knowing is not knowing.
    """
    journey = world["sales"].begin(channel="chat")
    journey.refused(Acme.full_name)
    clock.advance(minutes=1)
    journey.does_not_know(Acme.full_name)

    assert Reason.CUSTOMER_DOES_NOT_KNOW is journey.gap(Acme.full_name).reason


def test_more_marks_than_one_section_takes_are_all_kept(world):
    """
    When the next mark might not fit, what is pending is sealed first.
    """
    journey = world["sales"].begin(channel="chat")
    for number in range(60):
        journey.asked(Acme.product, qualifier=str(number), because="b" * 256)
    arrived = at(world, "support", journey)
    for number in range(60):
        arrived.asked(Acme.product, qualifier=str(number))

    assert 60 == len(world.told(Repeated))


def test_who_may_not_write_a_scope_leaves_no_mark(world):
    """
    A reader that is no writer asks, and nobody later can see that it did.
    """
    journey = world["sales"].begin(channel="chat")
    journey.begun()
    ivr = at(world, "ivr", journey)
    ivr.asked(Acme.order_number)
    ivr.refused(Acme.order_number)

    assert not ivr.has_news
    assert 1 == len(world.told(Asked))
    assert Reason.NOT_YOURS is ivr.gap(Acme.order_number).reason


def test_who_may_not_note_the_answer_does_not_ask(world):
    """
    ask_once puts no question whose answer this department could not keep.
    """
    ivr = world["ivr"].begin(channel="phone")

    assert ivr.ask_once(Acme.order_number, lambda question: 1 / 0) is None


def test_asking_for_a_clear_field_leaves_a_sealed_mark(world):
    """
    The marks of a clear field are sealed with its scope, never in the clear.
    """
    journey = world["sales"].begin(channel="chat")
    journey.asked(Acme.language, because="they wrote in two languages")
    arrived = at(world, "support", journey)
    arrived.asked(Acme.language)

    assert [("sales",)] == [e.asked_before_by for e in world.told(Repeated)]
    assert () == journey.context.statements[0].clear


# --- in one process ----------------------------------------------------------


def test_what_is_not_known_is_asked_once(world):
    """
    The answer is learned and returned; the second time it is known.
    """
    journey = world["sales"].begin(channel="chat")
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return "Alex"

    assert "Alex" == journey.ask_once(Acme.full_name, ask)
    assert "Alex" == journey.ask_once(Acme.full_name, ask)
    assert ["What is your name?"] == asked
    assert "Alex" == at(world, "support", journey).ask_once(Acme.full_name, never)


def test_a_question_that_need_not_be_asked_is_counted(world):
    """
    Each avoided question is one event, at each department.
    """
    journey = world["sales"].begin(channel="chat")
    journey.ask_once(Acme.full_name, lambda _: "Alex")
    assert [] == world.told(Avoided)
    arrived = at(world, "support", journey)
    arrived.ask_once(Acme.full_name, never)
    arrived.ask_once(Acme.full_name, never)

    assert [("support", "full_name")] == [
        (event.department, event.field) for event in world.told(Avoided)
    ]


def test_no_answer_is_not_learned(world):
    """
    Where the asker gets no answer, nothing is learned, and it may be asked again.
    """
    journey = world["sales"].begin(channel="chat")

    assert journey.ask_once(Acme.full_name, lambda _: None) is None
    assert Reason.NEVER_STATED is journey.gap(Acme.full_name).reason
    assert "Alex" == journey.ask_once(Acme.full_name, lambda _: "Alex")
    assert 1 == len(world.told(Repeated))


def test_one_of_many_is_asked_for_once(sales):
    """
    A qualifier is asked for, and learned under that qualifier.
    """
    journey = sales.begin(channel="chat")

    assert "a kettle" == journey.ask_once(
        Acme.product, lambda _: "a kettle", qualifier="1"
    )
    assert "a kettle" == journey.ask_once(Acme.product, never, qualifier="1")
    assert "a toaster" == journey.ask_once(
        Acme.product, lambda _: "a toaster", qualifier="2"
    )


def test_a_stale_value_is_asked_for_again(sales, clock):
    """
    What is too old is asked, for nobody knows whether it still holds.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.reason, cx.standard.ReasonForContact(code="late"))
    clock.advance(days=8)
    new = cx.standard.ReasonForContact(code="broken")

    assert new == journey.ask_once(Acme.reason, lambda _: new)
    assert new == journey.recall(Acme.reason)


def test_a_wrong_answer_is_refused_as_learning_it_is(sales):
    """
    An answer that cannot be learned raises what learning it raises.
    """
    journey = sales.begin(channel="chat")
    wrong: Any = 5
    with pytest.raises(ValueDoesNotFitError):
        journey.ask_once(Acme.full_name, lambda _: wrong)
    with pytest.raises(ForbiddenDataError):
        journey.ask_once(Acme.full_name, lambda _: "4111 1111 1111 1111")

    assert journey.recall(Acme.full_name) is None


def test_the_askers_own_error_passes_through(sales):
    """
    An asker that fails fails the caller, and the question stays on record.
    """

    def ask(_question: str) -> str:
        raise ConnectionResetError

    journey = sales.begin(channel="chat")
    with pytest.raises(ConnectionResetError):
        journey.ask_once(Acme.full_name, ask)

    assert (1,) == journey.unsent


def test_asking_may_be_awaited(world):
    """
    The asynchronous form asks, learns and returns as the other does.
    """

    async def ask(question: str) -> str:
        await asyncio.sleep(0)
        return f"Alex ({question})"

    async def never_asked(_question: str) -> str:
        pytest.fail("the customer was asked")

    async def main() -> None:
        journey = world["sales"].begin(channel="chat")
        expected = "Alex (What is your name?)"

        assert expected == await journey.ask_once_async(Acme.full_name, ask)
        assert expected == await journey.ask_once_async(Acme.full_name, never_asked)
        journey.refused(Acme.email)
        assert await journey.ask_once_async(Acme.email, never_asked) is None
        assert "a kettle (q)" == await journey.ask_once_async(
            Acme.product, lambda _: _answered("a kettle (q)"), qualifier="1"
        )
        assert ["a kettle (q)"] == list(journey.recall_all(Acme.product).values())

    asyncio.run(main())


async def _answered(answer: str) -> str:
    return answer


def test_an_awaited_asker_may_find_no_answer(world):
    """
    None is no answer, awaited or not.
    """

    async def ask(_question: str) -> None:
        return None

    async def main() -> None:
        journey = world["sales"].begin(channel="chat")
        assert await journey.ask_once_async(Acme.full_name, ask) is None
        assert Reason.NEVER_STATED is journey.gap(Acme.full_name).reason

    asyncio.run(main())


def test_observed_values_are_good_enough_not_to_ask(world):
    """
    What a system of ours has seen need not be asked.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex", known=Known.OBSERVED)

    assert "Alex" == journey.ask_once(Acme.full_name, never)
