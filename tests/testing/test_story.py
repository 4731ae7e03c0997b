"""
A story is told in a line, in a domain whose departments are processes of their own.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import cxcontext as cx
from cxcontext.errors import UnknownDepartmentError, UnknownKeyError, UsageError
from cxcontext.homes import JourneySecrets
from cxcontext.stores.memory import MemoryStore
from cxcontext.testing import FrozenClock, SampleShop, ThrowAwayDomain

ORDER = SampleShop.order_number


class Own(cx.Vocabulary, revision=1):
    """
    A user's vocabulary, whose scopes and fields name many departments.
    """

    parcel = cx.Scope(1, readers={"warehouse", "courier"}, writers={"warehouse"})
    weight = cx.Field(1, int, scope=parcel, verifiers={"scales"}, authority={"boss"})


def test_told_in_chat_handed_over_resumed_the_next_day_by_phone():
    """
    A story reads as it would be told, and its last journey is where it ended.
    """
    shop = ThrowAwayDomain(SampleShop)
    story = (
        shop.story()
        .began("sales", channel="chat")
        .told(ORDER, "A-118")
        .handed_to("support")
        .later(days=1)
        .resumed_by("billing", channel="phone")
    )

    journey = story.journey

    assert ("A-118", "phone", "billing") == (
        journey.recall(ORDER),
        journey.channel,
        journey.department,
    )
    assert cx.Arrival.HOME is journey.arrival
    assert ["sales", "support", "billing"] == [j.department for j in story.journeys]
    assert datetime(2026, 1, 6, 9, tzinfo=UTC) == shop.clock()


def test_a_story_has_what_the_customer_did_not_say():
    """
    Questions and refusals are told, too, and a mere hint recalls nothing.
    """
    shop = ThrowAwayDomain(SampleShop)
    story = shop.story().began("sales", channel="chat").told(ORDER, "A-118")
    story.asked(SampleShop.email).refused(SampleShop.email)

    gap = story.journey.gap(SampleShop.email)
    story.resumed_by("support", channel="phone", arrival=cx.Arrival.HINT)

    assert cx.Reason.REFUSED is gap.reason
    assert story.journey.recall(ORDER) is None


def test_a_story_that_has_not_begun_says_so():
    """
    Before anybody has the customer there is no journey.
    """
    story = ThrowAwayDomain(SampleShop).story()

    with pytest.raises(UsageError, match="nothing has begun"):
        _ = story.journey
    assert (None, "<Story of 0 handles>") == (story.envelope, repr(story))


def test_departments_are_those_that_the_vocabulary_names():
    """
    Readers, writers, verifiers and authorities have keys; so has who is added.
    """
    domain = ThrowAwayDomain(Own, departments={"desk"}, external={"courier"})

    assert ("boss", "courier", "desk", "scales", "warehouse") == domain.names
    assert domain.department("desk").is_external("courier")
    with pytest.raises(UnknownDepartmentError):
        domain.department("nobody")


def test_departments_are_processes_of_their_own():
    """
    Each has a trust domain with caches of its own, and is made once.
    """
    shop = ThrowAwayDomain(SampleShop)
    sales = shop.department("sales")
    envelope = shop.story().began("sales", channel="chat").journey.hand_over("sales")

    assert sales is shop.department("sales")
    assert not sales.receive(envelope).replayed
    assert sales.receive(envelope).replayed
    assert "shop.example" in repr(shop)


def test_keys_are_thrown_away():
    """
    Another domain of the same name refuses what this one signed.
    """
    envelope = (
        ThrowAwayDomain(SampleShop).story().began("sales", channel="chat").journey
    ).hand_over("billing")

    with pytest.raises(UnknownKeyError):
        ThrowAwayDomain(SampleShop).department("billing").receive(envelope)


def test_keys_outlast_a_clock_that_is_moved():
    """
    A year later, and a year before, there is a key to sign and to seal with.
    """
    shop = ThrowAwayDomain(SampleShop)
    for days in (364, -728):
        story = shop.story().later(days=days).began("sales", channel="chat")

        assert "A-118" == (
            story.told(ORDER, "A-118").handed_to("billing").journey.recall(ORDER)
        )


def test_events_are_gathered():
    """
    What every department tells stands in one list.
    """
    shop = ThrowAwayDomain(SampleShop)
    shop.story().began("sales", channel="chat").asked(ORDER).handed_to("billing")

    assert ["Asked", "Received"] == [type(event).__name__ for event in shop.events]


def test_an_erasable_journey_can_be_told():
    """
    With a place for secrets, a journey that can be erased begins.
    """
    secrets = JourneySecrets(MemoryStore(), pepper=b"p" * 32)
    shop = ThrowAwayDomain(SampleShop, secrets=secrets)
    journey = shop.department("sales").begin(channel="chat", erasable=True)
    journey.learn(ORDER, "A-118")

    there = shop.department("billing").receive(journey.hand_over("billing"))

    assert "A-118" == there.recall(ORDER)


def test_a_clock_stands_still_until_it_is_moved():
    """
    It starts where it is told to, and knows its zone.
    """
    clock = FrozenClock(datetime(2030, 1, 1, tzinfo=UTC))
    clock.move(hours=1, minutes=30)

    assert timedelta(hours=1.5) == clock() - datetime(2030, 1, 1, tzinfo=UTC)
    with pytest.raises(UsageError, match="aware"):
        FrozenClock(datetime(2030, 1, 1))  # noqa: DTZ001 - what is refused
