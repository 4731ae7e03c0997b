"""
taskiq: the contract on Redis, and tasks that run within each other.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager

import pytest
import redis
from places import Loop
from taskiq import InMemoryBroker, SimpleRetryMiddleware
from taskiq.api import run_receiver_task
from taskiq_redis import ListQueueBroker

import cxcontext as cx
from cxcontext.queues.messages import Messages
from cxcontext.queues.taskiq import CustomerContextMiddleware
from cxcontext.testing.contract import Process, QueueContract
from cxcontext.testing.shop import NOBODY, customer


class TestTaskiq(QueueContract):
    """
    A task that is tried again when it fails, and a receiver in an event loop.
    """

    module = "cxcontext.queues.taskiq"
    library = "taskiq"
    # At DEBUG it writes down every message with its labels.
    wire_logs = ("taskiq",)

    @pytest.fixture(autouse=True)
    def _at(self, redis_url):
        self.url, self.brokers, self.made = redis_url, [], []
        with Loop() as self.loop:
            yield
            for broker in self.brokers:
                self.loop.run(broker.shutdown())
        with redis.Redis.from_url(redis_url) as client:
            for queue in self.made:
                client.delete(queue)

    def task(self, queue, work=None, messages=None):
        """
        Return a broker, and its task.
        """
        self.made.append(queue)
        broker = ListQueueBroker(self.url, queue_name=queue)
        if messages is not None:
            broker.add_middlewares(CustomerContextMiddleware(messages, queue=queue))
        broker.add_middlewares(SimpleRetryMiddleware(default_retry_count=3))
        self.brokers.append(broker)

        async def nothing(body):
            pass

        task = broker.register_task(work or nothing, "handle", retry_on_error=True)
        self.loop.run(broker.startup())
        return broker, task

    @contextmanager
    def producing(self, messages, queue):
        """
        Kick the task.
        """
        _, task = self.task(queue, messages=messages)

        def produce(body, by_hand):
            kicker = task.kicker().with_labels(**dict(by_hand))
            self.loop.run(kicker.kiq(body.decode()))

        yield produce

    @contextmanager
    def consuming(self, messages, queue, handler):
        """
        Receive in the event loop.
        """

        async def handle(body):
            handler(body.encode())

        async def start():
            return asyncio.create_task(run_receiver_task(broker))

        async def stop():
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)

        broker, _ = self.task(queue, handle, messages)
        receiving = self.loop.run(start())
        try:
            yield
        finally:
            ended = receiving.done()
            self.loop.run(stop())
            assert not ended

    def produce_raw(self, queue, body, values):
        """
        Kick what nobody would.
        """
        (value,) = values
        _, task = self.task(queue)
        kicker = task.kicker().with_labels(**{self.name: value})
        self.loop.run(kicker.kiq(body.decode()))


class TestInMemory:
    """
    Tasks that run where they are kicked.
    """

    @pytest.mark.parametrize("kind", ["coroutine", "function"])
    def test_a_task_within_a_task_ends_where_it_began(self, kind):
        """
        After the inner one the outer one's journey is current, and then the caller's.
        """
        sales, seen = Process(), []
        to_sales = cx.Destination("sales", queues=["tasks"])
        propagator = cx.Propagator(sales.department("sales"), [to_sales])
        broker = InMemoryBroker(await_inplace=True)
        broker.add_middlewares(
            CustomerContextMiddleware(Messages(propagator=propagator), queue="tasks")
        )

        def plain():
            seen.append(customer())

        async def awaited():
            seen.append(customer())

        inner = broker.register_task(plain if kind == "function" else awaited, "inner")

        async def work():
            seen.append(customer())
            with cx.bound(sales.begin("Grace")):
                await inner.kiq()
            seen.append(customer())

        outer = broker.register_task(work, "outer")

        async def main():
            await broker.startup()
            with cx.bound(sales.begin("Ada")):
                await outer.kiq()
                seen.append(customer())
            await outer.kiq()
            await broker.shutdown()

        asyncio.run(main())

        assert [b"Ada", b"Grace", b"Ada", b"Ada", NOBODY, b"Grace", NOBODY] == seen
