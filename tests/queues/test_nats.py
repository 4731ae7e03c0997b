"""
NATS: the contract on JetStream, and core NATS, which keeps nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager

import nats as nats_py
import pytest
from nats.aio.msg import Msg
from nats.js.api import StreamConfig
from places import Loop, nats_at

import cxcontext as cx
from cxcontext.queues.messages import Messages
from cxcontext.queues.nats import bound, each, handling, injected
from cxcontext.testing.contract import HandlerError, Process, QueueContract
from cxcontext.testing.shop import NAME, NOBODY, customer


@pytest.fixture(scope="module")
def nats_url():
    """
    A NATS with JetStream.
    """
    with nats_at() as url:
        yield url


class TestJetStream(QueueContract):
    """
    A stream for each queue, and two subscriptions of one group.
    """

    module = "cxcontext.queues.nats"
    library = "nats"
    # JetStream refuses longer headers itself.
    oversized = 65_000

    @pytest.fixture(autouse=True)
    def _at(self, nats_url):
        with Loop() as self.loop:
            self.client = self.loop.run(nats_py.connect(nats_url))
            self.js, self.made = self.client.jetstream(), []
            yield
            for queue in self.made:
                self.loop.run(self.js.delete_stream(queue))
            self.loop.run(self.client.close())

    def make_queue(self):
        """
        Make a stream with one subject.
        """
        name = super().make_queue()
        config = StreamConfig(name=name, subjects=[name])
        self.loop.run(self.js.add_stream(config))
        self.made.append(name)
        return name

    @contextmanager
    def producing(self, messages, queue):
        """
        Publish, and wait until the stream has it.
        """

        async def publish(body, by_hand):
            headers = await injected(messages, dict(by_hand), subject=queue)
            await self.js.publish(queue, body, headers=headers)

        yield lambda body, by_hand: self.loop.run(publish(body, by_hand))

    @contextmanager
    def consuming(self, messages, queue, handler):
        """
        Acknowledge what went well, and ask again for what did not.
        """

        async def on_message(message):
            try:
                handler(message.data)
            except HandlerError:
                await message.nak()
            else:
                await message.ack()

        async def start():
            handle = handling(messages, on_message)
            return [
                await self.js.subscribe(queue, "billing", cb=handle, manual_ack=True)
                for _ in range(2)
            ]

        async def stop():
            for subscription in subscriptions:
                await subscription.unsubscribe()

        subscriptions = self.loop.run(start())
        try:
            yield
        finally:
            self.loop.run(stop())

    def produce_raw(self, queue, body, values):
        """
        Publish what nobody would.
        """
        (value,) = values
        self.loop.run(self.js.publish(queue, body, headers={self.name: value}))


class TestSize:
    """
    All headers of a message together.
    """

    def test_what_is_left_by_others_is_taken_and_no_more(self, nats_url):
        """
        With headers up to the very limit JetStream takes the message, with one byte
        more of them it goes without the value.
        """
        subject, sales = QueueContract().make_queue(), Process()
        to_billing = cx.Destination("billing", queues=[subject])
        propagator = cx.Propagator(sales.department("sales"), [to_billing])
        sending = Messages(propagator=propagator)

        async def publish(js, filler):
            headers = await injected(sending, {"k": "v" * filler}, subject=subject)
            await js.publish(subject, b"1", headers=headers)
            return headers

        async def main():
            client = await nats_py.connect(nats_url)
            js = client.jetstream()
            await js.add_stream(StreamConfig(name=subject, subjects=[subject]))
            try:
                with cx.bound(sales.begin()):
                    first = await publish(js, 1)
                    value = first[sending.name]
                    written = f"NATS/1.0\r\nk: \r\n{sending.name}: {value}\r\n\r\n"
                    left = 65_535 - len(written)
                    return [
                        sending.name in await publish(js, filler)
                        for filler in (left, left + 1)
                    ]
            finally:
                await js.delete_stream(subject)
                await client.close()

        assert [True, False] == asyncio.run(main())


@pytest.fixture
def ends():
    """
    Sales' process, its end and billing's.
    """
    sales, billing = Process(), Process()
    to_billing = cx.Destination("billing", queues=["cx.orders"])
    return (
        sales,
        Messages(propagator=cx.Propagator(sales.department("sales"), [to_billing])),
        Messages(propagator=cx.Propagator(billing.department("billing"))),
    )


class TestPulled:
    """
    What a consumer fetches in batches.
    """

    def test_each_of_a_batch_has_its_own(self, nats_url):
        """
        A batch is read message for message, and what comes again is no replay.
        """
        subject = QueueContract().make_queue()
        sales, billing = Process(), Process()
        to_billing = cx.Destination("billing", queues=[subject])
        sending, receiving = (
            Messages(propagator=cx.Propagator(sales.department("sales"), [to_billing])),
            Messages(propagator=cx.Propagator(billing.department("billing"))),
        )

        async def main():
            client = await nats_py.connect(nats_url)
            js = client.jetstream()
            await js.add_stream(StreamConfig(name=subject, subjects=[subject]))
            try:
                for who in ("Ada", None, "Grace"):
                    with cx.bound(who and sales.begin(who)):
                        headers = await injected(sending, subject=subject)
                        await js.publish(subject, b"1", headers=headers)
                consumer = await js.pull_subscribe(subject, durable="billing")
                seen = []
                for _ in range(2):
                    for message in await consumer.fetch(3, timeout=30):
                        async with bound(receiving, message) as journey:
                            seen.append((customer(), journey and journey.replayed))
                        await message.nak()
                return seen
            finally:
                await js.delete_stream(subject)
                await client.close()

        once = [(b"Ada", False), (NOBODY, None), (b"Grace", False)]
        assert once * 2 == asyncio.run(main())


class TestCore:
    """
    Core NATS: callbacks and iterators, requests and answers.
    """

    def test_a_callback_has_the_journey(self, ends, nats_url):
        """
        What a subscription's callback sees is the sender's, and of each its own.
        """
        sales, sending, receiving = ends

        async def main():
            client = await nats_py.connect(nats_url)
            seen = asyncio.Queue()

            async def on_message(message):
                await seen.put(customer())

            await client.subscribe("cx.orders", cb=handling(receiving, on_message))
            for who in ("Ada", None, "Grace"):
                with cx.bound(who and sales.begin(who)):
                    headers = await injected(sending, subject="cx.orders")
                    await client.publish("cx.orders", b"1", headers=headers)
            found = [await asyncio.wait_for(seen.get(), 30) for _ in range(3)]
            await client.close()
            return found

        assert [b"Ada", NOBODY, b"Grace"] == asyncio.run(main())

    def test_an_iterator_binds_each(self, ends, nats_url):
        """
        After the loop is left none is bound.
        """
        sales, sending, receiving = ends

        async def main():
            client = await nats_py.connect(nats_url)
            subscription = await client.subscribe("cx.orders")
            with cx.bound(sales.begin()):
                headers = await injected(sending, {"k": "v"}, subject="cx.orders")
                await client.publish("cx.orders", b"1", headers=headers)
            async with each(receiving, subscription.messages) as received:
                async for message in received:
                    found = customer(), message.headers["k"]
                    break
            await client.close()
            return (*found, cx.current())

        assert (NAME.encode(), "v", None) == asyncio.run(main())

    def test_without_headers_none_are_made(self, ends):
        """
        Where there is nothing to say the message has no headers at all.
        """
        _, sending, _ = ends

        assert asyncio.run(injected(sending, subject="cx.orders")) is None

    @pytest.mark.parametrize(
        "reply",
        ["", "_INBOX.1", "$JS.ACK.a.b.c.d.e.f.g", "$JS.ACK." + "9" * 5000 + ".b" * 8],
    )
    def test_an_address_that_somebody_made_up_stops_nobody(self, ends, reply):
        """
        What looks like JetStream's address and is none, is no number of a message.
        """
        sales, sending, receiving = ends

        async def main():
            with cx.bound(sales.begin()):
                headers = await injected(sending, subject="cx.orders")
            message = Msg(None, "cx.orders", reply, b"", headers)
            async with bound(receiving, message):
                return customer()

        assert NAME.encode() == asyncio.run(main())
