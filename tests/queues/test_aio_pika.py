"""
RabbitMQ by aio-pika: the contract on a real broker.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import timedelta

import aio_pika
import pytest
from loops import Loop

import cxcontext as cx
from cxcontext.queues.aio_pika import bound, each, handling, injected
from cxcontext.queues.messages import Messages
from cxcontext.testing.contract import HandlerError, Process, QueueContract
from cxcontext.testing.shop import NAME, NOBODY, customer


class TestAioPika(QueueContract):
    """
    The contract, with twenty messages at once in the tasks of one loop.
    """

    module = "cxcontext.queues.aio_pika"
    library = "aio_pika"
    wire_logs = ("aio_pika", "aiormq")

    @pytest.fixture(autouse=True)
    def _broker(self, rabbitmq_url):
        self.made = []

        async def connect():
            self.connection = await aio_pika.connect(rabbitmq_url)
            self.channel = await self.connection.channel()

        with Loop() as self.loop:
            self.loop.run(connect())
            yield
            for queue in self.made:
                self.loop.run(self.channel.queue_delete(queue))
            self.loop.run(self.connection.close())

    def make_queue(self):
        """
        Make one.
        """
        name = super().make_queue()
        self.loop.run(self.channel.declare_queue(name))
        self.made.append(name)
        return name

    @contextmanager
    def producing(self, messages, queue):
        """
        Publish from the loop, with the journey of the thread that asks for it.
        """

        async def publish(body, by_hand):
            made = aio_pika.Message(body, headers=dict(by_hand))
            made = await injected(messages, made, queue=queue)
            await self.channel.default_exchange.publish(made, queue)

        yield lambda body, by_hand: self.loop.run(publish(body, by_hand))

    @contextmanager
    def consuming(self, messages, queue, handler):
        """
        Give back what did not go well.
        """

        async def on_message(message):
            await asyncio.sleep(0)
            try:
                handler(message.body)
            except HandlerError:
                await message.nack(requeue=True)
            else:
                await message.ack()

        async def start():
            channel = await self.connection.channel()
            await channel.set_qos(prefetch_count=20)
            consumed = await channel.get_queue(queue)
            await consumed.consume(handling(messages, on_message))
            return channel

        channel = self.loop.run(start())
        try:
            yield
        finally:
            self.loop.run(channel.close())

    def produce_raw(self, queue, body, values):
        """
        Publish what nobody would.
        """
        (value,) = values
        message = aio_pika.Message(body, headers={self.name: value})
        self.loop.run(self.channel.default_exchange.publish(message, queue))


@pytest.fixture
def sales():
    """
    The shop as sales' process has it.
    """
    return Process()


@pytest.fixture
def billing():
    """
    The shop as billing's process has it.
    """
    return Process()


def sending(sales, queue):
    """
    Return sales' end of a queue that billing consumes.
    """
    to_billing = cx.Destination("billing", queues=[queue], lifetime=timedelta(hours=1))
    return Messages(propagator=cx.Propagator(sales.department("sales"), [to_billing]))


def receiving(billing, *, queue=None):
    """
    Return billing's end of it.
    """
    again = [cx.Destination("billing", queues=[queue])] if queue else []
    return Messages(propagator=cx.Propagator(billing.department("billing"), again))


class TestInjected:
    """
    Messages that carry a journey.
    """

    def test_the_callers_own_message_stays_as_it_was(self, sales, billing):
        """
        One object is published many times, each time for its own customer.
        """
        shared = aio_pika.Message(b"1", headers={"kept": 1})

        async def main():
            seen = []
            for name in ("Ada", "Grace", None):
                with cx.bound(name and sales.begin(name)):
                    made = await injected(sending(sales, "q"), shared, queue="q")
                assert (b"1", 1) == (made.body, made.headers["kept"])
                async with bound(receiving(billing), made):
                    seen.append(customer())
            return seen

        assert [b"Ada", b"Grace", NOBODY] == asyncio.run(main())
        assert ({"kept": 1}, None) == (shared.headers, shared.message_id)

    @pytest.mark.parametrize(
        ("value", "expected"),
        [(bytearray, NAME.encode()), (lambda _: 7, b"refused"), ({}.get, b"refused")],
    )
    def test_whatever_the_table_holds_is_read_or_refused(
        self, sales, billing, value, expected
    ):
        """
        aio-pika takes no bytes but a byte array; numbers and nothing are no journey.
        """
        raw = str(sales.begin().hand_over("billing")).encode()
        message = aio_pika.Message(b"1", headers={"customer-context": value(raw)})

        async def main():
            async with bound(receiving(billing), message):
                return customer()

        assert expected == asyncio.run(main())


class TestDeadLetters:
    """
    What RabbitMQ moves to another queue, and an operator moves back.
    """

    def test_what_was_moved_and_moved_back_keeps_its_journey(
        self, sales, billing, rabbitmq_url
    ):
        """
        By x-death nothing changes; the message that came, sent again, is no replay.
        """

        async def main():
            seen = []
            async with await aio_pika.connect(rabbitmq_url) as connection:
                channel = await connection.channel()
                dead = await channel.declare_queue(exclusive=True)
                arguments = {
                    "x-dead-letter-exchange": "",
                    "x-dead-letter-routing-key": dead.name,
                }
                tasks = await channel.declare_queue(exclusive=True, arguments=arguments)
                ends = sending(sales, tasks.name), receiving(billing, queue=tasks.name)
                publish = channel.default_exchange.publish

                async def handle(queue):
                    async with (
                        queue.iterator(timeout=10) as deliveries,
                        each(ends[1], deliveries) as received,
                    ):
                        async for message in received:
                            journey = cx.current()
                            seen.append((customer(), journey.replayed))
                            await message.reject()
                            return message
                    return None

                with cx.bound(sales.begin()):
                    message = aio_pika.Message(b"1")
                    made = await injected(ends[0], message, queue=tasks.name)
                    await publish(made, tasks.name)
                await handle(tasks)
                moved = await handle(dead)
                assert "x-death" in moved.headers
                again = await injected(ends[1], moved, queue=tasks.name)
                await publish(again, tasks.name)
                await handle(tasks)
            return seen, cx.current()

        assert ([(NAME.encode(), False)] * 3, None) == asyncio.run(main())
