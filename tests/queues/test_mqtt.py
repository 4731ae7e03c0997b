"""
MQTT 5: the contract on Mosquitto by paho-mqtt and aiomqtt, and retained messages.
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import contextmanager, suppress
from queue import Queue

import aiomqtt
import pytest
from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from places import Loop, mosquitto_at

import cxcontext as cx
from cxcontext.core.events import Skipped
from cxcontext.queues import aiomqtt as ours_awaited
from cxcontext.queues import paho_mqtt as ours
from cxcontext.queues.messages import NAME as FIELD
from cxcontext.queues.messages import Messages
from cxcontext.testing.contract import HandlerError, Process, QueueContract
from cxcontext.testing.shop import NAME, NOBODY, REFUSED, customer

PATIENCE_S = 30


@pytest.fixture(scope="module")
def port():
    """
    Where Mosquitto listens.
    """
    with mosquitto_at() as port:
        yield port


def properties_of(*pairs):
    """
    Return properties of a message.
    """
    made = Properties(PacketTypes.PUBLISH)
    if pairs:
        made.UserProperty = [*pairs]
    return made


@contextmanager
def client_at(port, *, topic=None, on_message=None, connected=None, **options):
    """
    Give a client of paho's that has subscribed.
    """
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5, **options)
    subscribed = Queue()
    client.on_subscribe = lambda *_: subscribed.put("subscribed")
    client.on_message = on_message
    client.connect(
        "127.0.0.1", port, clean_start=connected is None, properties=connected
    )
    client.loop_start()
    try:
        if topic is not None:
            client.subscribe(topic, qos=1)
            subscribed.get(timeout=PATIENCE_S)
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


class MQTTContract(QueueContract):
    """
    What both libraries share: the broker, and whoever has got hold of it.
    """

    duplicates = True
    # A string of MQTT is no longer.
    oversized = 65_531
    # MQTT delivers again after a new connection only.
    redelivers = False

    @pytest.fixture(autouse=True)
    def _at(self, port):
        self.port = port
        with client_at(port) as self.client:
            yield

    def produce_raw(self, queue, body, values):
        """
        Publish what nobody would.
        """
        raw = properties_of(*((self.name, value) for value in values))
        self.client.publish(queue, body, qos=1, properties=raw)


class TestPaho(MQTTContract):
    """
    A callback in the client's own thread.
    """

    module = "cxcontext.queues.paho_mqtt"
    library = "paho"

    @contextmanager
    def producing(self, messages, queue):
        """
        Publish, and wait for the broker.
        """

        def produce(body, by_hand):
            made = ours.injected(messages, properties_of(*by_hand), topic=queue)
            self.client.publish(queue, body, qos=1, properties=made)

        yield produce

    @contextmanager
    def consuming(self, messages, queue, handler):
        """
        Handle in the callback.
        """

        handle = ours.handling(
            messages, lambda _, __, message: handler(message.payload)
        )

        def on_message(*args):
            with suppress(HandlerError):
                handle(*args)

        with client_at(self.port, topic=queue, on_message=on_message):
            yield


class TestAiomqtt(MQTTContract):
    """
    An iterator over what a client receives.
    """

    module = "cxcontext.queues.aiomqtt"
    library = "aiomqtt"

    @pytest.fixture(autouse=True)
    def _loop(self, _at):
        with Loop() as self.loop:
            yield

    async def connect(self):
        """
        Return a client of the running loop.
        """
        return aiomqtt.Client(
            "127.0.0.1", self.port, protocol=aiomqtt.ProtocolVersion.V5
        )

    @contextmanager
    def producing(self, messages, queue):
        """
        Publish.
        """

        async def publish(body, by_hand):
            raw = properties_of(*by_hand)
            made = await ours_awaited.injected(messages, raw, topic=queue)
            await client.publish(queue, body, qos=1, properties=made)

        client = self.loop.run(self.connect())
        self.loop.run(client.__aenter__())
        try:
            yield lambda body, by_hand: self.loop.run(publish(body, by_hand))
        finally:
            self.loop.run(client.__aexit__(None, None, None))

    @contextmanager
    def consuming(self, messages, queue, handler):
        """
        Handle in a loop.
        """

        async def start():
            subscribed = asyncio.Event()
            task = asyncio.create_task(work(subscribed))
            await subscribed.wait()
            return task

        async def work(subscribed):
            async with await self.connect() as client:
                await client.subscribe(queue, qos=1)
                subscribed.set()
                async with ours_awaited.each(messages, client.messages) as received:
                    async for message in received:
                        with suppress(HandlerError):
                            handler(message.payload)

        async def stop():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        task = self.loop.run(start())
        try:
            yield
        finally:
            ended = task.done()
            self.loop.run(stop())
            assert not ended


@pytest.fixture
def topic():
    """
    A topic of the test's own.
    """
    return f"cx/{uuid.uuid4().hex}"


@pytest.fixture
def sales():
    """
    Sales' process.
    """
    return Process()


@pytest.fixture
def sending(sales, topic):
    """
    Sales' end.
    """
    to_billing = cx.Destination("billing", queues=[topic])
    return Messages(propagator=cx.Propagator(sales.department("sales"), [to_billing]))


@pytest.fixture
def receiving():
    """
    Billing's end.
    """
    return Messages(propagator=cx.Propagator(Process().department("billing")))


class TestRetained:
    """
    What the broker keeps for whoever subscribes.
    """

    @pytest.mark.parametrize("how", ["paho", "aiomqtt"])
    def test_nothing_is_put_into_one(self, sales, sending, topic, how):
        """
        Not even a value that stands there, and an event says so.
        """
        value = str(sales.begin().hand_over("billing"))
        stood = properties_of((FIELD, value), ("k", "v"))
        options = {"topic": topic, "retain": True}
        with cx.bound(sales.begin()):
            if how == "paho":
                made = ours.injected(sending, stood, **options)
            else:
                made = asyncio.run(ours_awaited.injected(sending, stood, **options))

        assert [("k", "v")] == made.UserProperty
        assert [(FIELD, value), ("k", "v")] == stood.UserProperty
        reasons = [e.reason for e in sales.events if isinstance(e, Skipped)]
        assert ["no_room"] == reasons

    @pytest.mark.parametrize("how", ["paho", "aiomqtt"])
    def test_what_stands_in_one_is_refused(
        self, sales, sending, receiving, topic, port, how
    ):
        """
        Whoever subscribes later gets the message, and no journey of somebody else.
        """
        with cx.bound(sales.begin()):
            made = ours.injected(sending, topic=topic)
        found = Queue()

        def on_message(client, userdata, message):
            with ours.bound(receiving, message):
                found.put(customer())

        async def subscribe():
            async with aiomqtt.Client(
                "127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5
            ) as client:
                await client.subscribe(topic, qos=1)
                async with ours_awaited.each(receiving, client.messages) as received:
                    await anext(received)
                    return customer()

        with client_at(port) as client:
            sent = client.publish(topic, b"1", qos=1, retain=True, properties=made)
            # Else who subscribes now may still get it as one that is not retained.
            sent.wait_for_publish(30)
            try:
                if how == "paho":
                    with client_at(port, topic=topic, on_message=on_message):
                        seen = found.get(timeout=PATIENCE_S)
                else:
                    seen = asyncio.run(asyncio.wait_for(subscribe(), PATIENCE_S))
            finally:
                client.publish(topic, b"", qos=1, retain=True).wait_for_publish(5)

        assert REFUSED == seen

    def test_one_without_a_value_is_handled(self, receiving, topic, port):
        """
        A retained message that is nobody's is no error.
        """
        found = Queue()

        def on_message(client, userdata, message):
            found.put((message.retain, customer()))

        with client_at(port) as client:
            client.publish(topic, b"1", qos=1, retain=True)
            handle = ours.handling(receiving, on_message)
            with client_at(port, topic=topic, on_message=handle):
                seen = found.get(timeout=PATIENCE_S)
            client.publish(topic, b"", qos=1, retain=True).wait_for_publish(5)

        assert (True, NOBODY) == seen


class TestAgain:
    """
    What is delivered again after a connection was lost.
    """

    def test_it_is_the_same_and_no_replay(self, sales, sending, receiving, topic, port):
        """
        Not acknowledged and connected anew, the same message comes again.
        """
        found = Queue()

        def on_message(client, userdata, message):
            with ours.bound(receiving, message) as journey:
                found.put((message.dup, customer(), journey.replayed))

        kept = Properties(PacketTypes.CONNECT)
        kept.SessionExpiryInterval = 60
        options = {
            "client_id": uuid.uuid4().hex,
            "manual_ack": True,
            "connected": kept,
            "on_message": on_message,
        }
        with client_at(port) as client:
            with client_at(port, topic=topic, **options):
                with cx.bound(sales.begin()):
                    made = ours.injected(sending, topic=topic)
                client.publish(topic, b"1", qos=1, properties=made)
                first = found.get(timeout=PATIENCE_S)
            with client_at(port, **options):
                again = found.get(timeout=PATIENCE_S)

        assert ((False, NAME.encode(), False), (True, NAME.encode(), False)) == (
            first,
            again,
        )

    def test_a_copy_is_a_replay_where_there_is_no_number(
        self, sales, sending, receiving, topic, port
    ):
        """
        With QoS 0 nothing tells two messages apart but what they say.
        """
        found = Queue()

        def on_message(client, userdata, message):
            with ours.bound(receiving, message) as journey:
                found.put(journey.replayed)

        with client_at(port, topic=topic, on_message=on_message) as client:
            with cx.bound(sales.begin()):
                made = ours.injected(sending, topic=topic)
            for _ in range(2):
                client.publish(topic, b"1", qos=0, properties=made)
            seen = [found.get(timeout=PATIENCE_S) for _ in range(2)]

        assert [False, True] == seen


class TestProperties:
    """
    What else a message has.
    """

    def test_they_stay_and_are_not_the_callers(self, sales, sending, topic):
        """
        A copy has all of them, in order, and the caller's own stay as they are.
        """
        stood = properties_of(("a", "1"), ("a", "2"))
        stood.ContentType = "text/plain"
        with cx.bound(sales.begin()):
            made = ours.injected(sending, stood, topic=topic)

        assert [("a", "1"), ("a", "2")] == stood.UserProperty
        assert ["a", "a", FIELD] == [name for name, _ in made.UserProperty]
        assert "text/plain" == made.ContentType

    def test_without_any_none_are_made(self, sending, topic):
        """
        Where there is nothing to say there is no user property.
        """
        with cx.bound(None):
            made = ours.injected(sending, topic=topic)

        assert not hasattr(made, "UserProperty")
