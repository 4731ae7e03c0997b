"""
Kafka by aiokafka: the contract on librdkafka's mock cluster, real protocol.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka_ends import Ends
from loops import Loop

import cxcontext as cx
from cxcontext.queues.aiokafka import bound, each, injected
from cxcontext.testing.contract import HandlerError, QueueContract
from cxcontext.testing.shop import NAME, NOBODY, customer


@asynccontextmanager
async def consumer_of(servers, topic):
    """
    Give a consumer of all that is and comes in a topic's only partition.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, fetch_max_wait_ms=20)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.seek_to_beginning()
        yield consumer
    finally:
        await consumer.stop()


class TestAIOKafka(QueueContract):
    """
    The contract; a record whose handler failed is read again from its offset.
    """

    module = "cxcontext.queues.aiokafka"
    library = "aiokafka"
    duplicates = True

    @pytest.fixture(autouse=True)
    def _broker(self, kafka_servers):
        self.servers = kafka_servers

        async def start():
            self.producer = AIOKafkaProducer(bootstrap_servers=kafka_servers)
            await self.producer.start()

        with Loop() as self.loop:
            self.loop.run(start())
            yield
            self.loop.run(self.producer.stop())

    def make_queue(self):
        """
        Make one, by asking the cluster about it.
        """
        name = super().make_queue()
        self.loop.run(self.producer.partitions_for(name))
        return name

    @contextmanager
    def producing(self, messages, queue):
        """
        Send from the loop, with the journey of the thread that asks for it.
        """

        async def produce(body, by_hand):
            given = [(name, value.encode()) for name, value in by_hand]
            headers = await injected(messages, given, topic=queue)
            await self.producer.send_and_wait(queue, body, headers=headers, partition=0)

        yield lambda body, by_hand: self.loop.run(produce(body, by_hand))

    @contextmanager
    def consuming(self, messages, queue, handler):
        """
        Iterate in a task, and seek what failed.
        """

        async def work():
            async with (
                consumer_of(self.servers, queue) as consumer,
                each(messages, consumer) as records,
            ):
                async for record in records:
                    try:
                        handler(record.value)
                    except HandlerError:
                        consumer.seek(TopicPartition(queue, 0), record.offset)

        with cx.bound(None):
            task = self.loop.start(work())
        try:
            yield
        finally:
            task.cancel()
            # What it fails with but by that shall be seen.
            assert task.cancelled() or task.exception(10) is None

    def produce_raw(self, queue, body, values):
        """
        Send what nobody would.
        """
        headers = [(self.name, value.encode()) for value in values]
        self.loop.run(
            self.producer.send_and_wait(queue, body, headers=headers, partition=0)
        )


class TestConsumers:
    """
    Batches and groups.
    """

    def test_each_record_of_a_batch_is_bound_in_turn(self, kafka_servers):
        """
        What getmany returns has no journey; each of its records has its own, or none.
        """
        ends, names = Ends("cx-many"), ["Ada", None, "Grace", "Ada"]

        async def main():
            producer, seen = AIOKafkaProducer(bootstrap_servers=kafka_servers), []
            async with producer:
                for name in names:
                    with cx.bound(name and ends.sales.begin(name)):
                        headers = await injected(ends.sending, topic="cx-many")
                    await producer.send_and_wait(
                        "cx-many", b"1", headers=headers, partition=0
                    )
            async with consumer_of(kafka_servers, "cx-many") as consumer:
                while len(seen) < len(names):
                    for batch in (await consumer.getmany(timeout_ms=200)).values():
                        assert cx.current() is None
                        for record in batch:
                            async with bound(ends.receiving, record):
                                await asyncio.sleep(0)
                                seen.append(customer())
            return seen

        assert [b"Ada", NOBODY, b"Grace", b"Ada"] == asyncio.run(main())

    def test_a_group_reads_again_what_it_did_not_commit(self, kafka_servers):
        """
        Another consumer of the group gets it, and for the process it is no replay.
        """
        ends = Ends("cx-members")

        async def main():
            seen, producer = [], AIOKafkaProducer(bootstrap_servers=kafka_servers)
            async with producer:
                with cx.bound(ends.sales.begin()):
                    headers = await injected(ends.sending, topic="cx-members")
                await producer.send_and_wait("cx-members", b"1", headers=headers)
            for _ in range(2):
                consumer = AIOKafkaConsumer(
                    "cx-members",
                    bootstrap_servers=kafka_servers,
                    group_id="cx-members",
                    enable_auto_commit=False,
                    auto_offset_reset="earliest",
                    # The mock waits for the first consumer's session to end.
                    session_timeout_ms=4000,
                )
                async with consumer, each(ends.receiving, consumer) as records:
                    async for _ in records:
                        seen.append((customer(), cx.current().replayed))
                        break
            return seen, cx.current()

        assert ([(NAME.encode(), False)] * 2, None) == asyncio.run(main())
