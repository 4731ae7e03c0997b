"""
FastStream: the contract on JetStream and on Redis, by one and the same middleware.
"""

from __future__ import annotations

from contextlib import contextmanager

import nats
import pytest
import redis
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker
from faststream.redis import RedisBroker
from places import Loop, nats_at

from cxcontext.queues.faststream import CustomerContextMiddleware
from cxcontext.testing.contract import QueueContract


@pytest.fixture(scope="module")
def nats_url():
    """
    A NATS with JetStream.
    """
    with nats_at() as url:
        yield url


class FastStreamContract(QueueContract):
    """
    What is the same for every broker of FastStream's.
    """

    module = "cxcontext.queues.faststream"
    library = "faststream"
    oversized = 60_000

    @pytest.fixture(autouse=True)
    def _loop(self):
        with Loop() as self.loop:
            yield

    def broker(self, *middlewares):
        """
        Return a broker.
        """
        raise NotImplementedError

    def subscriber(self, broker, queue):
        """
        Return what decorates a handler.
        """
        raise NotImplementedError

    def to(self, queue):
        """
        Return how a queue is named when it is published to.
        """
        raise NotImplementedError

    @contextmanager
    def running(self, broker):
        """
        Run a broker.
        """
        self.loop.run(broker.start())
        try:
            yield
        finally:
            self.loop.run(broker.stop())

    @contextmanager
    def producing(self, messages, queue):
        """
        Publish.
        """
        broker = self.broker(CustomerContextMiddleware(messages))

        def produce(body, by_hand):
            self.loop.run(
                broker.publish(
                    body.decode(), **self.to(queue), headers=dict(by_hand) or None
                )
            )

        with self.running(broker):
            yield produce

    @contextmanager
    def consuming(self, messages, queue, handler):
        """
        Subscribe.
        """
        broker = self.broker(CustomerContextMiddleware(messages))

        @self.subscriber(broker, queue)
        async def handle(body: str):
            handler(body.encode())

        with self.running(broker):
            yield

    def produce_raw(self, queue, body, values):
        """
        Publish what nobody would.
        """
        (value,) = values
        broker = self.broker()
        with self.running(broker):
            headers = {self.name: value}
            self.loop.run(
                broker.publish(body.decode(), **self.to(queue), headers=headers)
            )


class TestNATS(FastStreamContract):
    """
    By JetStream, which delivers again what failed.
    """

    @pytest.fixture(autouse=True)
    def _at(self, nats_url, _loop):
        self.url, self.made = nats_url, []
        yield
        self.loop.run(self.delete_streams())

    async def delete_streams(self):
        """
        Take what FastStream has made off the server.
        """
        client = await nats.connect(self.url)
        for queue in self.made:
            await client.jetstream().delete_stream(queue)
        await client.close()

    def broker(self, *middlewares):
        """
        Return a broker.
        """
        return NatsBroker(self.url, middlewares=middlewares, logger=None)

    def subscriber(self, broker, queue):
        """
        Return what decorates a handler.
        """
        self.made.append(queue)
        return broker.subscriber(
            queue,
            stream=JStream(queue, max_age=120),
            ack_policy=AckPolicy.NACK_ON_ERROR,
        )

    def to(self, queue):
        """
        Return how a queue is named.
        """
        return {"subject": queue, "stream": queue}


class TestRedis(FastStreamContract):
    """
    By a list of Redis, which delivers nothing again.
    """

    redelivers = False

    @pytest.fixture(autouse=True)
    def _at(self, redis_url):
        self.url, self.made = redis_url, []
        yield
        with redis.Redis.from_url(redis_url) as client:
            for queue in self.made:
                client.delete(queue)

    def broker(self, *middlewares):
        """
        Return a broker.
        """
        return RedisBroker(self.url, middlewares=middlewares, logger=None)

    def subscriber(self, broker, queue):
        """
        Return what decorates a handler.
        """
        self.made.append(queue)
        return broker.subscriber(list=queue)

    def to(self, queue):
        """
        Return how a queue is named.
        """
        return {"list": queue}
