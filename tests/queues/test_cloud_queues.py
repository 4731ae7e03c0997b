"""
Pub/Sub and Service Bus: their libraries' own messages, and the documented limits.

Neither was run: there is no emulator of either here.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import attrs
import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus._pyamqp.message import Header, Message, Properties
from google.cloud.pubsub_v1.subscriber.message import Message as ReceivedMessage
from google.cloud.pubsub_v1.types import PubsubMessage

import cxcontext as cx
from cxcontext.core.events import Skipped
from cxcontext.homes import ReferenceKeys, References
from cxcontext.queues import pubsub, service_bus
from cxcontext.queues.messages import NAME as FIELD
from cxcontext.queues.messages import Messages
from cxcontext.stores.memory import MemoryStore
from cxcontext.testing.imports import ImportContract
from cxcontext.testing.shop import NAME, NOBODY, REFUSED, Process, Shop, customer

QUEUE = "projects/shop/topics/orders"


@attrs.frozen
class Ends:
    """
    Sales' process, its end of a queue, and billing's.
    """

    sales: Process
    sending: Messages
    receiving: Messages

    def skipped(self):
        """
        Return why journeys were not sent.
        """
        return [e.reason for e in self.sales.events if isinstance(e, Skipped)]


def ends_with(references=None):
    """
    Return both ends.
    """
    sales, billing = Process(), Process()
    to_billing = cx.Destination("billing", queues=[QUEUE])
    return Ends(
        sales,
        Messages(
            propagator=cx.Propagator(
                sales.department("sales"), [to_billing], references=references
            )
        ),
        Messages(
            propagator=cx.Propagator(
                billing.department("billing"), references=references
            )
        ),
    )


@pytest.fixture
def ends():
    """
    Both ends, which have no references.
    """
    return ends_with()


@pytest.fixture
def with_references():
    """
    Both ends, which have references in one store.
    """
    keys = ReferenceKeys({0: bytes(32)})
    return ends_with(References(MemoryStore(), keys=keys, pepper=bytes(32)))


def a_longer(sales):
    """
    Return a journey that is longer than an attribute of Pub/Sub's.
    """
    journey = sales.begin()
    journey.learn(Shop.note, "n" * 1000)
    return journey


def pulled(attributes, message_id="17"):
    """
    Return a message as a callback of Pub/Sub's gets it.
    """
    message = PubsubMessage(data=b"1", attributes=attributes, message_id=message_id)
    return ReceivedMessage(message._pb, "ack", 0, SimpleNamespace())


class TestPubSub(ImportContract):
    """
    Attributes of 1,024 bytes, a hundred of them.
    """

    module = "cxcontext.queues.pubsub"

    def test_a_small_journey_goes_as_it_is(self, ends):
        """
        What fits into an attribute is there, beside the others.
        """
        with cx.bound(ends.sales.begin("Ada")):
            made = pubsub.injected(ends.sending, {"k": "v"}, topic=QUEUE)
        with pubsub.bound(ends.receiving, pulled(made)):
            assert b"Ada" == customer()

        assert {"k", FIELD} == {*made}

    def test_a_longer_one_goes_by_reference(self, with_references):
        """
        Where there are references, 48 characters are all that is sent.
        """
        ends = with_references
        with cx.bound(a_longer(ends.sales)):
            made = pubsub.injected(ends.sending, topic=QUEUE)
        with pubsub.bound(ends.receiving, pulled(made)):
            assert NAME.encode() == customer()

        assert (48, []) == (len(made[FIELD]), ends.skipped())

    def test_without_references_it_is_skipped_and_reported(self, ends):
        """
        The message goes without, and an event says why.
        """
        with cx.bound(a_longer(ends.sales)):
            assert {} == pubsub.injected(ends.sending, topic=QUEUE)

        assert ["too_large"] == ends.skipped()

    def test_the_hundredth_attribute_is_the_last(self, ends):
        """
        With ninety-nine others there is room, with a hundred there is none.
        """
        found = []
        with cx.bound(ends.sales.begin()):
            for others in (99, 100):
                attributes = {f"k{number}": "v" for number in range(others)}
                made = pubsub.injected(ends.sending, attributes, topic=QUEUE)
                found.append(len(made))

        assert ([100, 100], ["no_room"]) == (found, ends.skipped())

    def test_what_is_longer_than_pubsub_takes_is_refused(self, ends):
        """
        Nobody parses what no message of Pub/Sub's can have.
        """
        with pubsub.bound(ends.receiving, pulled({FIELD: "cx1." + "A" * 1021})):
            assert REFUSED == customer()

    def test_a_callback_has_the_journey_and_leaves_none(self, ends):
        """
        What Pub/Sub delivers again has the same id, and is no replay.
        """
        seen = []

        def on_message(message):
            seen.append((customer(), cx.require_current().replayed))

        handle = pubsub.handling(ends.receiving, on_message)
        with cx.bound(ends.sales.begin("Ada")):
            made = pubsub.injected(ends.sending, topic=QUEUE)
        for message_id in ("17", "17", "18"):
            handle(pulled(made, message_id))

        assert [(b"Ada", False), (b"Ada", False), (b"Ada", True)] == seen
        assert NOBODY == customer()


def received(properties, *, message_id=None, sequence_number=17):
    """
    Return a message as a receiver of Service Bus gives it.
    """
    raw = Message(
        data=[b"1"],
        application_properties=properties,
        properties=Properties(message_id=message_id),
        header=Header(delivery_count=0),
        message_annotations={b"x-opt-sequence-number": sequence_number},
    )
    frame = [0, 0, b"tag", 0, False, False]
    return ServiceBusReceivedMessage(raw, receiver=None, frame=frame)


class TestServiceBus(ImportContract):
    """
    Properties of 32 KB, 64 KB together.
    """

    module = "cxcontext.queues.service_bus"

    def test_the_librarys_messages_carry_it(self, ends):
        """
        Whether names come back as text or as bytes.
        """
        with cx.bound(ends.sales.begin()):
            made = service_bus.injected(ends.sending, {"k": 1}, queue=QUEUE)
        message = ServiceBusMessage(b"1", application_properties=made)
        raw = {
            name.encode(): value.encode() if isinstance(value, str) else value
            for name, value in message.application_properties.items()
        }
        found = []
        for properties in (message.application_properties, raw, None):
            with service_bus.bound(ends.receiving, received(properties)):
                found.append(customer())

        assert [NAME.encode(), NAME.encode(), NOBODY] == found

    def test_its_size_is_that_of_a_property(self, ends):
        """
        What is longer than 32 KB is skipped.
        """
        journey = ends.sales.begin()
        for letter in "abc":
            journey.learn(Shop.note, letter * 12_000)
            journey.fork()
        with cx.bound(journey):
            assert {} == service_bus.injected(ends.sending, queue=QUEUE)

        assert ["too_large"] == ends.skipped()

    def test_the_last_byte_of_all_counts(self, ends):
        """
        Beside others there is as much room as they leave of 64 KB.
        """
        found = []
        with cx.bound(ends.sales.begin()):
            made = service_bus.injected(ends.sending, queue=QUEUE)
            left = 65_536 - len(FIELD) - len(made[FIELD]) - len("ab")
            for more in (0, 1):
                others = {"a": "x" * 30_000, b"b": b"x" * (left - 30_000 + more)}
                stands = others | {FIELD.encode(): b"old"}
                made = service_bus.injected(ends.sending, stands, queue=QUEUE)
                found.append(FIELD in made)

        assert ([True, False], ["too_large"]) == (found, ends.skipped())

    def test_what_comes_again_is_no_replay(self, ends):
        """
        The sender's id tells messages apart, or else the broker's number.
        """
        with cx.bound(ends.sales.begin()):
            made = service_bus.injected(ends.sending, queue=QUEUE)
        seen = []
        for told in (
            {"message_id": "a"},
            {"message_id": "a", "sequence_number": 18},
            {"message_id": None},
        ):
            message = received(made, **told)
            with service_bus.bound(ends.receiving, message) as journey:
                seen.append(journey.replayed)

        assert [False, False, True] == seen

    def test_both_directions_can_be_awaited(self, ends):
        """
        For azure.servicebus.aio.
        """

        async def main():
            with cx.bound(ends.sales.begin()):
                made = await service_bus.injected_async(ends.sending, queue=QUEUE)
            async with service_bus.bound_async(ends.receiving, received(made)):
                return customer()

        assert NAME.encode() == asyncio.run(main())
