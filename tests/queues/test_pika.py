"""
RabbitMQ by pika: the contract on a real broker, and what only RabbitMQ has.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import timedelta

import pika
import pytest
from servers import within_patience

import cxcontext as cx
from cxcontext.queues.messages import Messages
from cxcontext.queues.pika import bound, each, handling, injected
from cxcontext.testing.contract import HandlerError, Process, QueueContract
from cxcontext.testing.shop import NAME, NOBODY, customer


@contextmanager
def channel_at(url):
    """
    Give a channel of a connection of its own.
    """
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        yield connection.channel()
    finally:
        if connection.is_open:
            connection.close()


@pytest.fixture
def channel(rabbitmq_url):
    """
    A channel.
    """
    with channel_at(rabbitmq_url) as channel:
        yield channel


class TestPika(QueueContract):
    """
    The contract, with a consumer in each of two threads.
    """

    module = "cxcontext.queues.pika"
    library = "pika"

    @pytest.fixture(autouse=True)
    def _broker(self, rabbitmq_url):
        self.url, self.made = rabbitmq_url, []
        yield
        with channel_at(self.url) as channel:
            for queue in self.made:
                channel.queue_delete(queue)

    def make_queue(self):
        """
        Make one.
        """
        name = super().make_queue()
        with channel_at(self.url) as channel:
            channel.queue_declare(name)
        self.made.append(name)
        return name

    @contextmanager
    def producing(self, messages, queue):
        """
        Publish; a channel is for one thread at a time.
        """
        one_at_a_time = threading.Lock()
        with channel_at(self.url) as channel:

            def produce(body, by_hand):
                properties = pika.BasicProperties(headers=dict(by_hand) or None)
                made = injected(messages, properties, queue=queue)
                with one_at_a_time:
                    channel.basic_publish("", queue, body, made)

            yield produce

    @contextmanager
    def consuming(self, messages, queue, handler):
        """
        Acknowledge what went well, and give back what did not.
        """

        def on_message(channel, method, properties, body):
            try:
                handler(body)
            except HandlerError:
                channel.basic_nack(method.delivery_tag, requeue=True)
            else:
                channel.basic_ack(method.delivery_tag)

        def work(channel):
            channel.basic_qos(prefetch_count=20)
            channel.basic_consume(queue, handling(messages, on_message))
            channel.start_consuming()

        connections = [
            pika.BlockingConnection(pika.URLParameters(self.url)) for _ in range(2)
        ]
        channels = [connection.channel() for connection in connections]
        threads = [threading.Thread(target=work, args=[c]) for c in channels]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for connection, channel in zip(connections, channels, strict=True):
                connection.add_callback_threadsafe(channel.stop_consuming)
            for thread in threads:
                thread.join()
            for connection in connections:
                connection.close()

    def produce_raw(self, queue, body, values):
        """
        Publish what nobody would.
        """
        (value,) = values
        headers = {self.name: value}
        with channel_at(self.url) as channel:
            channel.basic_publish(
                "", queue, body, pika.BasicProperties(headers=headers)
            )


class Ends:
    """
    Sales, which sends to a queue, and billing, which consumes it.
    """

    def __init__(self, queue):
        self.sales, self.billing = Process(), Process()
        to_billing = cx.Destination(
            "billing", queues=[queue], lifetime=timedelta(hours=1)
        )
        self.sending = Messages(
            propagator=cx.Propagator(self.sales.department("sales"), [to_billing])
        )
        self.receiving = Messages(
            propagator=cx.Propagator(
                self.billing.department("billing"),
                [cx.Destination("billing", queues=[queue])],
            )
        )

    def injected(self, properties=None, name=NAME, queue="tasks"):
        """
        Return properties as sales sends them.
        """
        with cx.bound(name and self.sales.begin(name)):
            return injected(self.sending, properties, queue=queue)


@pytest.fixture
def ends():
    """
    The ends of a queue that is called tasks.
    """
    return Ends("tasks")


class TestInjected:
    """
    Properties that carry a journey.
    """

    def test_the_callers_own_properties_stay_as_they_were(self, ends):
        """
        One object serves many messages, and each has the journey of its own sender.
        """
        shared = pika.BasicProperties(headers={"kept": 1}, content_type="text/plain")

        seen = []
        for name in ("Ada", "Grace", None):
            made = ends.injected(shared, name=name)
            assert ("text/plain", 1) == (made.content_type, made.headers["kept"])
            with bound(ends.receiving, made):
                seen.append(customer())

        assert [b"Ada", b"Grace", NOBODY] == seen
        assert ({"kept": 1}, None) == (shared.headers, shared.message_id)

    def test_the_value_is_text_and_has_a_message_id(self, ends):
        """
        Text, which every client takes; the id is made unless there is one.
        """
        made = ends.injected()
        assert "cx1." == made.headers["customer-context"][:4]
        assert 32 == len(made.message_id)
        given = pika.BasicProperties(message_id="mine")
        assert "mine" == ends.injected(given).message_id

    def test_without_a_journey_nothing_is_added(self, ends):
        """
        No headers and no id, as before.
        """
        made = ends.injected(name=None)
        assert (None, None) == (made.headers, made.message_id)

    def test_bytes_are_read_as_text_is(self, ends, channel):
        """
        Clients of other languages have byte arrays, too, which come as bytes.
        """
        value = ends.injected().headers["customer-context"]
        queue = channel.queue_declare("", exclusive=True).method.queue
        properties = pika.BasicProperties(headers={"customer-context": value.encode()})
        channel.basic_publish("", queue, b"1", properties)

        _, received, _ = within_patience(lambda: got(channel, queue))
        with bound(ends.receiving, received):
            assert NAME.encode() == customer()

    @pytest.mark.parametrize("value", [7, None, True, {"a": 1}, [1], 2**40])
    def test_what_is_no_text_is_refused(self, ends, value, channel):
        """
        Tables, numbers and nothing are what AMQP has, and no journey.
        """
        queue = channel.queue_declare("", exclusive=True).method.queue
        headers = {"customer-context": value}
        channel.basic_publish("", queue, b"1", pika.BasicProperties(headers=headers))

        _, received, _ = within_patience(lambda: got(channel, queue))
        with bound(ends.receiving, received) as journey:
            assert journey.problem is cx.Reason.REJECTED
        assert ["malformed"] == ends.billing.codes()

    def test_a_bound_delivery_goes_with_its_own_body_only(self):
        """
        Where both ends bind to the body, no carrier exchanges two customers.
        """
        sales, billing = Process(), Process()
        to_billing = cx.Destination("billing", queues=["tasks"], bound=True)
        sending = Messages(
            propagator=cx.Propagator(sales.department("sales"), [to_billing])
        )
        receiving = Messages(propagator=cx.Propagator(billing.department("billing")))
        with cx.bound(sales.begin()):
            made = injected(sending, queue="tasks", binding=b"Ada's order")

        for body in (b"Ada's order", b"Grace's order"):
            with bound(receiving, made, binding=body):
                last = customer()

        assert (b"refused", ["wrong_binding"]) == (last, billing.codes())


def got(channel, queue):
    """
    Return method, properties and body, or None as long as there is none.
    """
    method, properties, body = channel.basic_get(queue, auto_ack=True)
    return method and (method, properties, body)


class TestDeadLetters:
    """
    What RabbitMQ moves to another queue, and an operator moves back.
    """

    def test_what_was_moved_and_moved_back_keeps_its_journey(self, channel):
        """
        By x-death nothing changes; sent again with its own properties it is no replay.
        """
        dead = channel.queue_declare("", exclusive=True).method.queue
        arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
        tasks = channel.queue_declare("", exclusive=True, arguments=arguments)
        tasks = tasks.method.queue
        ends, seen = Ends(tasks), []
        channel.basic_publish("", tasks, b"1", ends.injected(queue=tasks))

        def handle(queue):
            for method, properties, _ in channel.consume(queue):
                with bound(ends.receiving, properties) as journey:
                    seen.append((customer(), journey.replayed, journey.stale))
                channel.basic_nack(method.delivery_tag, requeue=False)
                channel.cancel()
                return properties
            return None

        handle(tasks)
        moved = handle(dead)
        assert tasks == moved.headers["x-death"][0]["queue"]
        with bound(ends.receiving, moved):
            channel.basic_publish(
                "", tasks, b"1", injected(ends.receiving, moved, queue=tasks)
            )
        handle(tasks)

        assert [(NAME.encode(), False, False)] * 3 == seen
        assert [] == ends.billing.codes()

    def test_once_counts_the_message_and_not_its_deliveries(self, ends):
        """
        The same message again is read; its value in another message is refused.
        """
        receiving = Messages(propagator=ends.receiving.propagator, once=True)
        properties, seen = ends.injected(), []
        copied = pika.BasicProperties(headers=properties.headers, message_id="another")
        for one in (properties, properties, copied):
            with bound(receiving, one):
                seen.append(customer())

        assert [NAME.encode(), NAME.encode(), b"refused"] == seen


class TestEach:
    """
    Messages one after the other.
    """

    def test_a_generator_of_deliveries_binds_each(self, ends, channel):
        """
        Also where nothing came in time, nobody's journey is current.
        """
        queue = channel.queue_declare("", exclusive=True).method.queue
        for name in ("Ada", "Grace", None):
            channel.basic_publish("", queue, b"1", ends.injected(name=name))

        seen = []
        deliveries = channel.consume(queue, auto_ack=True, inactivity_timeout=0.5)
        with each(ends.receiving, deliveries) as received:
            for method, _, _ in received:
                seen.append(customer())
                if method is None:
                    break

        assert [b"Ada", b"Grace", NOBODY, NOBODY] == seen
        assert cx.current() is None
