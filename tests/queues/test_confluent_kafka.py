"""
Kafka by confluent-kafka: the contract on librdkafka's mock cluster, real protocol.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from kafka_ends import Ends

import cxcontext as cx
from cxcontext.queues.confluent_kafka import bound, each, injected, polled
from cxcontext.testing.contract import HandlerError, QueueContract
from cxcontext.testing.shop import NAME, NOBODY, customer


@pytest.fixture
def producer(kafka_servers):
    """
    A producer that waits for nothing.
    """
    producer = Producer(
        {"bootstrap.servers": kafka_servers, "linger.ms": 0, "log_level": 0}
    )
    yield producer
    producer.flush()


def consuming_all(servers, topic):
    """
    Return a consumer of all that is and comes in a topic's only partition.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "log_level": 0,
            "group.id": topic,
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 20,
        }
    )
    # No group has to gather for that, which takes seconds.
    consumer.assign([TopicPartition(topic, 0, 0)])
    return consumer


class TestConfluentKafka(QueueContract):
    """
    The contract; a record whose handler failed is read again from its offset.
    """

    module = "cxcontext.queues.confluent_kafka"
    library = "confluent_kafka"
    duplicates = True

    @pytest.fixture(autouse=True)
    def _broker(self, kafka_servers, producer):
        self.servers, self.producer = kafka_servers, producer

    @contextmanager
    def producing(self, messages, queue):
        """
        Produce, and wait until it is there.
        """

        def produce(body, by_hand):
            headers = injected(messages, list(by_hand), topic=queue)
            self.producer.produce(queue, body, headers=headers, partition=0)
            self.producer.poll(0)

        yield produce

    @contextmanager
    def consuming(self, messages, queue, handler):
        """
        Poll in a thread, and seek what failed.
        """
        consumer, over = consuming_all(self.servers, queue), threading.Event()

        def until_over():
            for message in polled(consumer, timeout_s=0.05):
                if over.is_set():
                    return
                if message.error() is None:
                    yield message

        def work():
            with each(messages, until_over()) as records:
                for record in records:
                    try:
                        handler(record.value())
                    except HandlerError:
                        consumer.seek(TopicPartition(queue, 0, record.offset()))

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            # Something comes, and it sees that it is over.
            self.producer.produce(queue, b"over", partition=0)
            self.producer.flush()
            thread.join()
            consumer.close()

    def produce_raw(self, queue, body, values):
        """
        Produce what nobody would.
        """
        headers = [(self.name, value.encode()) for value in values]
        self.producer.produce(queue, body, headers=headers, partition=0)
        self.producer.flush()


class TestInjected:
    """
    Headers that carry a journey.
    """

    @pytest.mark.parametrize("form", [dict, list, tuple, iter])
    def test_the_callers_own_headers_stay_as_they_were(self, form):
        """
        Whatever they are, what is returned is new, and has the value once, at the end.
        """
        ends, shared = Ends("topic"), form([("kept", b"1")])
        with cx.bound(ends.sales.begin()):
            made = injected(ends.sending, shared, topic="topic")

        assert ["kept", "customer-context"] == [name for name, _ in made]
        assert form is iter or form([("kept", b"1")]) == shared

    def test_without_a_journey_there_is_nothing(self):
        """
        No headers but one's own.
        """
        with cx.bound(None):
            assert [] == injected(Ends("topic").sending, topic="topic")


class TestConsumers:
    """
    Batches, groups, and what is no record.
    """

    def test_each_record_of_a_batch_is_bound_in_turn(self, producer, kafka_servers):
        """
        A batch has no journey; each of its records has its own, or none.
        """
        ends = Ends("cx-batch")
        names = ["Ada", None, "Grace", "Ada"]
        for name in names:
            with cx.bound(name and ends.sales.begin(name)):
                headers = injected(ends.sending, topic="cx-batch")
                producer.produce("cx-batch", b"1", headers=headers, partition=0)
        producer.flush()
        consumer, seen = consuming_all(kafka_servers, "cx-batch"), []
        try:
            while len(seen) < len(names):
                batch = consumer.consume(10, timeout=0.2)
                assert cx.current() is None
                with each(ends.receiving, batch) as records:
                    seen += [customer() for _ in records]
        finally:
            consumer.close()

        assert [b"Ada", NOBODY, b"Grace", b"Ada"] == seen
        assert cx.current() is None

    def test_a_group_reads_again_what_it_did_not_commit(self, producer, kafka_servers):
        """
        Another consumer of the group gets it, and for the process it is no replay.
        """
        ends, seen = Ends("cx-group"), []
        with cx.bound(ends.sales.begin()):
            headers = injected(ends.sending, topic="cx-group")
        producer.produce("cx-group", b"1", headers=headers)
        producer.flush()
        for _ in range(2):
            consumer = Consumer(
                {
                    "bootstrap.servers": kafka_servers,
                    "log_level": 0,
                    "group.id": "cx-group",
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    # The mock waits for the first consumer's session to end.
                    "session.timeout.ms": 4000,
                }
            )
            consumer.subscribe(["cx-group"])
            try:
                with each(ends.receiving, polled(consumer)) as records:
                    for record in records:
                        if record.error() is None:
                            seen.append((customer(), cx.current().replayed))
                            break
            finally:
                consumer.close()

        assert [(NAME.encode(), False)] * 2 == seen

    def test_an_error_has_no_journey(self, kafka_servers):
        """
        What poll returns of a topic that is not there is handed on, with none bound.
        """
        consumer = Consumer(
            {
                "bootstrap.servers": kafka_servers,
                "log_level": 0,
                "group.id": "x",
                "allow.auto.create.topics": False,
                "enable.partition.eof": True,
            }
        )
        consumer.assign([TopicPartition("cx-batch", 0, 10_000)])
        try:
            with each(Ends("x").receiving, polled(consumer)) as records:
                record = next(records)
                assert record.error() is not None
                assert cx.current() is None
        finally:
            consumer.close()

    @pytest.mark.parametrize("value", [None, b"", b"\xff\xfe", b"CX"])
    def test_a_header_that_is_no_value_is_refused(self, value, producer, kafka_servers):
        """
        Headers may be null, empty or any bytes.
        """
        ends, topic = Ends("x"), f"cx-null-{(value or b'none').hex()}"
        headers = [("customer-context", value)]
        producer.produce(topic, b"1", headers=headers, partition=0)
        producer.flush()
        consumer = consuming_all(kafka_servers, topic)
        try:
            record = next(r for r in polled(consumer) if r.error() is None)
        finally:
            consumer.close()

        with bound(ends.receiving, record) as journey:
            assert journey.problem is cx.Reason.REJECTED
        assert 1 == len(ends.billing.codes())
