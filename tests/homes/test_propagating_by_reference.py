"""
By reference: what a carrier is too small for, said beforehand, and never broken.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from acme import Acme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keeping import KEYS, PEPPER, WAYS, home_on, references_on

import cxcontext as cx
from cxcontext.core.events import Rejected, Sent, Skipped, Unnoted
from cxcontext.errors import (
    DuplicateValueError,
    ReferenceExpiredError,
    ReferenceForgedError,
    ReferenceLostError,
    ReferenceMalformedError,
    UnavailableError,
    WrongAudienceError,
    WrongBindingError,
)
from cxcontext.homes import AsyncHome, AsyncReferences, RestingPlace
from cxcontext.stores.memory import MemoryStore
from cxcontext.stores.threads import InThreads

NAME = "customer-context"
SMALL = cx.Limits(value_bytes=100)
BILLING = cx.Destination("billing")
BOUND = cx.Destination("support", bound=True)
CARRIER = cx.Destination("carrier")
DESTINATIONS = [BILLING, BOUND, CARRIER]
VERBS = ["load", "replace", "claim", "link", "linked"]


class Message:
    """
    A message that holds what was put into it.
    """

    def __init__(self, *values, limits=SMALL):
        self.values = list(values)
        self.limits = limits

    def get_all(self, _name):
        """
        Return all.
        """
        return list(self.values)

    def set(self, _name, value):
        """
        Put one in place of all.
        """
        self.values = [value]

    def remove(self, _name):
        """
        Take all away.
        """
        self.values = []


class Cut(MemoryStore):
    """
    A store that cannot be reached for some verbs, and counts what it was asked.
    """

    def __init__(self):
        super().__init__()
        self.cut, self.asked = set(), []

    def __getattribute__(self, verb):
        """
        Give a verb, if it can be reached.
        """
        if verb in (*VERBS, "remove", "unlink", "increment"):
            self.asked.append(verb)
            if verb in self.cut:
                raise UnavailableError("the store")
        return super().__getattribute__(verb)


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


class Line:
    """
    A sender and a receiver that wait, or that await.
    """

    def __init__(self, store, sales, way, receivers):
        self.way = way
        self.log = home_on(store)
        if way == "waited":
            references, log = references_on(store), self.log
        else:
            slow = InThreads(store)
            references = AsyncReferences(slow, keys=KEYS, pepper=PEPPER)
            log = AsyncHome(slow, pepper=PEPPER)
        self.sender = cx.Propagator(sales, DESTINATIONS, references=references, log=log)
        self.receivers = {
            name: cx.Propagator(receivers[name], references=references)
            for name in ("billing", "support")
        }

    def inject(self, journey, message, *, to="billing", **how):
        """
        Inject, in the way of this line.
        """
        if self.way == "waited":
            return self.sender.inject(journey, message, to=to, name=NAME, **how)
        return asyncio.run(
            self.sender.inject_async(journey, message, to=to, name=NAME, **how)
        )

    def extract(self, message, *, at="billing", **how):
        """
        Extract, in the way of this line.
        """
        receiver = self.receivers[at]
        if self.way == "waited":
            return receiver.extract(message, name=NAME, **how)
        return asyncio.run(receiver.extract_async(message, name=NAME, **how))


@pytest.fixture(params=WAYS)
def line(request, store, sales, elsewhere):
    """
    Sales, and billing and support in another process.
    """
    return Line(store, sales, request.param, elsewhere)


class TestByReference:
    """
    What is too large for the carrier.
    """

    def test_the_receiver_knows_what_the_sender_learned(self, line, journey, world):
        """
        In 48 characters, with the arrival of a delivery; event and log say so.
        """
        message = Message()
        sent = line.inject(journey, message)
        found = line.extract(message)
        (value,) = message.values
        (handed,) = line.log.handed(
            RestingPlace(journey.id, cx.Arrival.HOME), at=world.clock()
        )

        assert (48, "4242", cx.Arrival.DELIVERY, "sales", None) == (
            len(value),
            found.journey.recall(Acme.card_last4),
            found.journey.arrival,
            found.journey.received_from,
            found.problem,
        )
        assert (cx.Transport.REFERENCE, None, 48, found.journey.delivery_id) == (
            sent.transport,
            sent.skipped,
            sent.size_bytes,
            sent.delivery_id,
        )
        assert (
            "sent to billing by reference, 48 bytes",
            (),
            [48],
            ("billing", (1, 3)),
        ) == (
            str(sent),
            journey.unsent,
            [event.size_bytes for event in world.told(Sent)],
            (handed.to, handed.scopes),
        )

    @pytest.mark.parametrize("binary", [True, False])
    def test_in_either_form_of_carrier(self, line, journey, binary):
        """
        Bytes where bytes are taken, text where text is.
        """
        message = Message(limits=cx.Limits(value_bytes=48, binary=binary))
        line.inject(journey, message)

        assert (bytes if binary else str) is type(message.values[0])
        assert journey.id == line.extract(message).journey.id

    def test_what_fits_asks_no_store(self, line, journey, store):
        """
        An envelope that the carrier takes goes inline, and only the log is written.
        """
        message = Message(limits=cx.Limits())
        sent = line.inject(journey, message)

        assert (cx.Transport.INLINE, ["link"]) == (sent.transport, store.asked)

    @pytest.mark.parametrize("size", [0, 47])
    def test_a_carrier_too_small_for_it_puts_nothing(self, line, journey, store, size):
        """
        Under 48 characters nothing is stored, and what was learned stays unsent.
        """
        message = Message(limits=cx.Limits(value_bytes=size))
        sent = line.inject(journey, message)

        assert (cx.SkipReason.TOO_LARGE, [], [], (1, 20)) == (
            sent.skipped,
            message.values,
            store.asked,
            journey.unsent,
        )

    def test_a_partner_is_sent_no_reference(self, line, journey, store):
        """
        What an external partner could not redeem is skipped.
        """
        journey.learn(Acme.tracking, "Z-1")
        sent = line.inject(journey, Message(), to="carrier")

        assert (cx.SkipReason.TOO_LARGE, ("tracking",), []) == (
            sent.skipped,
            sent.will_ask,
            store.asked,
        )

    def test_a_keepers_longer_text_is_not_sent(self, sales, journey):
        """
        Whose references are longer than the carrier takes, it is left as it was.
        """

        class Long:
            def deposit(self, journey, to, **_):
                return cx.Deposited(text="CX" * 99, envelope=journey.seal_for(to))

        message = Message()
        sender = cx.Propagator(sales, DESTINATIONS, references=Long())
        sent = sender.inject(journey, message, to="billing", name=NAME)

        assert (cx.SkipReason.TOO_LARGE, [], (1, 20)) == (
            sent.skipped,
            message.values,
            journey.unsent,
        )

    def test_a_destination_slower_than_references_is_served(
        self, store, sales, journey, world
    ):
        """
        A delivery of 100 days goes under a reference of 90.
        """
        slow = cx.Destination("billing", lifetime=timedelta(days=100))
        sender = cx.Propagator(sales, [slow], references=references_on(store))
        message = Message()
        sent = sender.inject(journey, message, to="billing", name=NAME)
        world.clock.advance(days=89)
        receiver = cx.Propagator(world["billing"], references=references_on(store))

        assert (cx.Transport.REFERENCE, journey.id) == (
            sent.transport,
            receiver.extract(message, name=NAME).journey.id,
        )

    @pytest.mark.parametrize("inline", [True, False])
    @pytest.mark.parametrize("sent", [None, b"GET /a"])
    @pytest.mark.parametrize("expected", [None, b"GET /a", b"GET /b"])
    @pytest.mark.parametrize("to", ["support", "billing"])
    def test_it_is_bound_as_an_envelope_is(
        self, line, journey, inline, sent, expected, to
    ):
        """
        By reference exactly those messages are refused that are refused inline.
        """
        message = Message(limits=cx.Limits() if inline else SMALL)
        line.inject(journey, message, to=to, binding=sent)
        found = line.extract(message, at=to, binding=expected)
        bound_to = sent if to == "support" else None

        assert (None if bound_to == expected else WrongBindingError) == (
            found.problem and type(found.problem)
        )

    def test_a_redelivery_is_a_replay(self, line, journey):
        """
        The same message again brings the same journey, unless the route wants once.
        """
        message = Message()
        line.inject(journey, message)
        found = [line.extract(message).journey.replayed for _ in range(2)]
        refused = line.extract(message, once=True).problem

        assert ([False, True], "replayed") == (found, refused.code)


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
