"""
By reference: what a carrier is too small for, said beforehand, and never broken.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from acme import Acme
from keeping import WAYS, references_on
from lines import DESTINATIONS, NAME, SMALL, Cut, Line, Message

import cxcontext as cx
from cxcontext.core.events import Sent
from cxcontext.errors import (
    WrongBindingError,
)
from cxcontext.homes import RestingPlace


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

    @pytest.mark.parametrize(
        ("size", "why"),
        [(0, cx.SkipReason.NO_ROOM), (47, cx.SkipReason.TOO_LARGE)],
    )
    def test_a_carrier_too_small_for_it_puts_nothing(
        self, line, journey, store, size, why
    ):
        """
        Under 48 characters nothing is stored, and what was learned stays unsent.
        """
        message = Message(limits=cx.Limits(value_bytes=size))
        sent = line.inject(journey, message)

        assert (why, [], [], (1, 20)) == (
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
