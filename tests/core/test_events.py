"""
Events: one stream, free of values, that never breaks the customer's request.
"""

from __future__ import annotations

import sys
from typing import Any

import attrs
import pytest
from acme import Acme, World

import cxcontext as cx
from cxcontext.core import events as kinds
from cxcontext.core.events import (
    Asked,
    Avoided,
    Event,
    GapFound,
    PromiseChanged,
    Received,
    Repeated,
    SectionIgnored,
    notify,
)

EVERY_KIND = [
    kind
    for kind in vars(kinds).values()
    if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
]


class Failing:
    """
    An observer that fails, every time.
    """

    def __call__(self, event: Any) -> None:
        """
        Raise.
        """
        raise RuntimeError("the observer's own fault")


def test_a_whole_contact_is_told_as_one_stream(world):
    """
    Both departments' events come in the order in which things happened.
    """
    journey = world["sales"].begin(channel="chat")
    journey.needs(Acme.full_name)
    journey.asking(Acme.full_name)
    journey.learn(Acme.full_name, "Alex")
    journey.promise("refund", wording="By Friday")
    arrived = world["support"].receive(journey.hand_over("support"))
    arrived.needs(Acme.full_name)
    arrived.asked(Acme.full_name)

    assert [
        ("sales", GapFound),
        ("sales", Asked),
        ("sales", PromiseChanged),
        ("support", Received),
        ("support", Avoided),
        ("support", Repeated),
    ] == [(event.department, type(event)) for event in world.events]


def test_events_name_their_journey_once_it_has_an_id(world):
    """
    Before anything is sealed a journey has no id; afterwards every event has it.
    """
    journey = world["sales"].begin(channel="chat")
    journey.needs(Acme.full_name)
    journey.begun()
    journey.needs(Acme.full_name)

    assert [None, journey.id] == [event.journey_id for event in world.events]


def test_a_department_may_have_observers_of_its_own(world):
    """
    A department's observer hears that department, and the domain's hears all.
    """
    heard: list[Event] = []
    sales = world.domain.department(
        "sales", keys=world.ring.private["sales"], on_event=heard.append
    )
    sales.begin(channel="chat").needs(Acme.full_name)
    world["support"].begin(channel="chat").needs(Acme.full_name)

    assert ["sales"] == [event.department for event in heard]
    assert ["sales", "support"] == [event.department for event in world.events]


def test_an_event_is_a_value():
    """
    Events compare by what they say, and are not changed.
    """
    event = Asked(department="sales", field="full_name")
    changing: Any = event

    assert Asked(department="sales", field="full_name") == event
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        changing.field = "other"


@pytest.mark.parametrize("kind", EVERY_KIND, ids=lambda kind: kind.__name__)
def test_no_event_has_room_for_a_value(kind):
    """
    What an event can hold are names, numbers, reasons and codes: no Any, no object.
    """
    allowed = {
        "str",
        "str | None",
        "int",
        "bool",
        "tuple[str, ...]",
        "tuple[int, ...]",
        "Reason",
        "Reason | None",
        "Remedy",
    }

    assert {str(attribute.type) for attribute in attrs.fields(kind)} <= allowed


# --- an observer that fails ----------------------------------------------------


def test_an_observer_that_fails_fails_nobody_else(world, monkeypatch):
    """
    The request goes on, other observers hear the event, and the error is not lost.
    """
    lost: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lost.append)
    heard: list[Event] = []
    world.domain.observers = (Failing(), heard.append)
    department = world.domain.department("sales", keys=world.ring.private["sales"])
    journey = department.begin(channel="chat")

    assert not journey.needs(Acme.full_name)
    assert [GapFound] == [type(event) for event in heard]
    assert ["the observer's own fault"] == [str(each.exc_value) for each in lost]


def test_pythons_own_hook_takes_the_error(capfd, monkeypatch):
    """
    Without any hook set, the error is printed where those of finalizers are.
    """
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    notify((Failing(),), Asked(department="sales", field="full_name"))

    assert "RuntimeError: the observer's own fault" in capfd.readouterr().err


def test_an_observer_may_stop_the_process():
    """
    What is no error, such as the wish to exit, passes through.
    """

    def leave(_event: Any) -> None:
        sys.exit("enough")

    with pytest.raises(SystemExit):
        notify((leave,), Asked(department="sales", field="full_name"))


def test_an_observer_may_look_at_the_journey(ring, clock):
    """
    An observer that reads the journey it is told of does not wait for itself.
    """
    seen: list[Any] = []
    world = World(ring, clock)
    journey: cx.Journey[Any]

    def look(event: Any) -> None:
        if not isinstance(event, SectionIgnored):
            seen.append(journey.gap(Acme.full_name))

    department = world.domain.department(
        "sales", keys=ring.private["sales"], on_event=look
    )
    journey = department.begin(channel="chat")
    journey.asked(Acme.full_name)
    journey.promise("refund", wording="By Friday")

    assert 2 == len(seen)
