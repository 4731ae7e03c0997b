"""
What comes out of a message that brought a reference, also where the store is down.
"""

from __future__ import annotations

import pytest
from acme import Acme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keeping import WAYS, references_on
from lines import NAME, Cut, Line, Message

import cxcontext as cx
from cxcontext.core.events import Rejected, Skipped, Unnoted
from cxcontext.errors import (
    DuplicateValueError,
    ReferenceExpiredError,
    ReferenceForgedError,
    ReferenceLostError,
    ReferenceMalformedError,
    UnavailableError,
    WrongAudienceError,
)
from cxcontext.stores.memory import MemoryStore


@pytest.fixture
def store():
    """
    A store that can be cut off.
    """
    return Cut()


@pytest.fixture
def journey(sales):
    """
    A journey at sales on which things were learned.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Ada Lovelace")
    journey.learn(Acme.card_last4, "4242")
    return journey


@pytest.fixture(params=WAYS)
def line(request, store, sales, elsewhere):
    """
    Sales, and billing and support in another process.
    """
    return Line(store, sales, request.param, elsewhere)


LOST, REJECTED = cx.Reason.LOST, cx.Reason.REJECTED


class TestExtracting:
    """
    What comes out, whatever came.
    """

    def refused(self, found):
        """
        Return the problem's type, and the reason that the empty journey gives.
        """
        gap = found.journey.gap(Acme.full_name)
        assert (None, None) == (
            found.problem.__traceback__,
            found.problem.__context__,
        )
        return type(found.problem), gap.reason

    @pytest.mark.parametrize(
        ("spoil", "problem", "reason"),
        [
            (lambda t: t[:-1] + "A2"[t[-1] == "A"], ReferenceForgedError, REJECTED),
            (lambda t: t[:-1], ReferenceMalformedError, REJECTED),
            (lambda t: "CX", ReferenceMalformedError, REJECTED),
            (lambda t: t + t, ReferenceMalformedError, REJECTED),
        ],
    )
    def test_what_is_no_reference_is_rejected(
        self, line, journey, spoil, problem, reason, store
    ):
        """
        Without asking the store.
        """
        message = Message()
        line.inject(journey, message)
        asked = len(store.asked)
        message.values = [spoil(message.values[0])]

        assert (problem, reason) == self.refused(line.extract(message))
        assert asked == len(store.asked)

    def test_what_has_expired_or_is_gone_is_lost(self, line, journey, clock, store):
        """
        The customer is asked again, and no application sees an error.
        """
        message = Message()
        line.inject(journey, message)
        kept = dict(store._records)
        store._records.clear()
        gone = self.refused(line.extract(message))
        store._records.update(kept)
        clock.advance(seconds=301)

        assert [(ReferenceLostError, LOST), (ReferenceExpiredError, LOST)] == [
            gone,
            self.refused(line.extract(message)),
        ]

    def test_another_departments_is_rejected(self, line, journey):
        """
        A message that went astray is not read, and the right receiver still can.
        """
        message = Message()
        line.inject(journey, message)

        assert (WrongAudienceError, REJECTED) == self.refused(
            line.extract(message, at="support")
        )
        assert line.extract(message).problem is None

    def test_two_references_are_refused(self, line, journey):
        """
        Which one is meant cannot be known.
        """
        message = Message()
        line.inject(journey, message)

        assert (DuplicateValueError, REJECTED) == self.refused(
            line.extract(Message(*message.values * 2))
        )

    def test_where_no_references_are_it_is_lost(self, line, journey, elsewhere):
        """
        A receiver that was not given any says so, like a store that lost it.
        """
        message = Message()
        line.inject(journey, message)
        plain = cx.Propagator(elsewhere["billing"])

        assert (ReferenceLostError, LOST) == self.refused(
            plain.extract(message, name=NAME)
        )
        message.values = [message.values[0][:-1]]

        assert (ReferenceMalformedError, REJECTED) == self.refused(
            plain.extract(message, name=NAME)
        )

    @given(st.one_of(st.text(max_size=99), st.binary(max_size=99)), st.booleans())
    @settings(
        max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    def test_nothing_that_comes_raises(self, billing, tail, starts):
        """
        Whatever stands after CX, or instead of it.
        """
        head = b"CX" if isinstance(tail, bytes) else "CX"
        receiver = cx.Propagator(billing, references=references_on(MemoryStore()))
        found = receiver.extract(Message(head + tail if starts else tail), name=NAME)

        assert found.problem is not None


class TestStoreDown:
    """
    A store that cannot be reached never breaks the customer's request.
    """

    @pytest.mark.parametrize("verb", ["replace", "link"])
    def test_injecting_goes_on(self, line, journey, store, world, verb):
        """
        The message goes without it and says what will be asked, or goes unnoted.
        """
        store.cut = {verb}
        message = Message()
        sent = line.inject(journey, message)
        told = {Skipped: world.told(Skipped), Unnoted: world.told(Unnoted)}
        if verb == "link":
            assert (cx.Transport.REFERENCE, 0, 1) == (
                sent.transport,
                *(len(found) for found in told.values()),
            )
            return
        asks = ("full_name", "card_last4")
        assert (cx.SkipReason.UNAVAILABLE, asks, [], (1, 20)) == (
            sent.skipped,
            sent.will_ask,
            message.values,
            journey.unsent,
        )
        assert ([asks], []) == (
            [event.will_ask for event in told[Skipped]],
            told[Unnoted],
        )

    @pytest.mark.parametrize("verb", ["claim", "load"])
    def test_extracting_goes_on(self, line, journey, store, elsewhere, verb):
        """
        The journey is an empty one that says LOST; a moment later it is there.
        """
        message = Message()
        line.inject(journey, message)
        store.cut = {verb}
        found = line.extract(message)
        store.cut = set()
        if verb == "claim":
            assert (UnavailableError, LOST, ["unavailable"]) == (
                type(found.problem),
                found.journey.gap(Acme.full_name).reason,
                [event.code for event in elsewhere.told(Rejected)],
            )
        assert line.extract(message).journey.id == journey.id
