"""
Dramatiq: the contract on Redis, with real workers, and pipelines, delays and skips.
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from queue import Queue

import dramatiq
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import Middleware, SkipMessage

import cxcontext as cx
from cxcontext.errors import UsageError
from cxcontext.homes import AsyncReferences, ReferenceKeys
from cxcontext.queues.dramatiq import setup
from cxcontext.queues.messages import Messages
from cxcontext.stores.memory import MemoryStore
from cxcontext.stores.threads import InThreads
from cxcontext.testing.contract import Process, QueueContract
from cxcontext.testing.shop import NOBODY, customer

PATIENCE_S = 30


class TestDramatiq(QueueContract):
    """
    An actor, and a worker of four threads.
    """

    module = "cxcontext.queues.dramatiq"
    library = "dramatiq"
    # Their text has no options, but their arguments are messages, which have.
    wire_logs = ("dramatiq",)

    @pytest.fixture(autouse=True)
    def _at(self, redis_url):
        self.namespace = f"cx-{uuid.uuid4().hex}"
        self.url, self.brokers = redis_url, []
        yield
        with redis.Redis.from_url(redis_url) as client:
            for key in client.scan_iter(f"{self.namespace}*"):
                client.delete(key)
        for broker in self.brokers:
            broker.close()
            broker.client.close()

    def broker(self, queue, work=None, messages=None):
        """
        Return a broker, and the actor of a queue.
        """
        broker = RedisBroker(url=self.url, namespace=self.namespace)
        if messages is not None:
            setup(broker, messages)
        self.brokers.append(broker)
        actor = dramatiq.actor(
            work or (lambda _: None),
            actor_name="handle",
            queue_name=queue,
            broker=broker,
            min_backoff=1,
            max_retries=3,
        )
        return broker, actor

    @contextmanager
    def producing(self, messages, queue):
        """
        Send to the actor.
        """
        _, actor = self.broker(queue, messages=messages)

        def produce(body, by_hand):
            actor.send_with_options(args=(body.decode(),), **dict(by_hand))

        yield produce

    @contextmanager
    def consuming(self, messages, queue, handler):
        """
        Let the actor call the handler.
        """
        broker, _ = self.broker(queue, lambda body: handler(body.encode()), messages)
        worker = dramatiq.Worker(broker, worker_timeout=10, worker_threads=4)
        worker.start()
        try:
            yield
        finally:
            worker.stop()

    def produce_raw(self, queue, body, values):
        """
        Send what nobody would.
        """
        (value,) = values
        broker, actor = self.broker(queue)
        options = {"args": (body.decode(),), self.name: value}
        broker.enqueue(actor.message_with_options(**options))


@pytest.fixture
def shop():
    """
    Sales' process, and a broker in memory whose messages both send and receive.
    """
    sales = Process()
    to_sales = cx.Destination("sales", queues=["tasks"])
    propagator = cx.Propagator(sales.department("sales"), [to_sales])
    broker = StubBroker()
    broker.emit_after("process_boot")
    setup(broker, Messages(propagator=propagator))
    worker = dramatiq.Worker(broker, worker_timeout=10, worker_threads=2)
    worker.start()
    yield sales, broker
    worker.stop()
    broker.close()


class TestMore:
    """
    What only Dramatiq has.
    """

    def actor(self, broker, name, work, **options):
        """
        Return an actor.
        """
        return dramatiq.actor(
            work, actor_name=name, queue_name="tasks", broker=broker, **options
        )

    def test_what_is_delayed_has_its_journey(self, shop):
        """
        It waits in a queue of its own, for the same consumer.
        """
        sales, broker = shop
        seen = Queue()
        actor = self.actor(broker, "late", lambda: seen.put(customer()))
        with cx.bound(sales.begin("Grace")):
            actor.send_with_options(delay=20)

        assert b"Grace" == seen.get(timeout=PATIENCE_S)

    def test_the_next_of_a_pipeline_has_it(self, shop):
        """
        It is sent after the first has run, and with its journey.
        """
        sales, broker = shop
        seen = Queue()
        first = self.actor(broker, "first", lambda: 1)
        second = self.actor(broker, "second", lambda _: seen.put(customer()))
        with cx.bound(sales.begin("Grace")):
            pipe = dramatiq.pipeline([first.message(), second.message()], broker=broker)
            pipe.run()

        assert b"Grace" == seen.get(timeout=PATIENCE_S)

    def test_a_message_that_is_sent_twice_has_two_journeys(self, shop):
        """
        The sender's own object does not keep the first customer's.
        """
        sales, broker = shop
        seen = Queue()
        message = self.actor(broker, "twice", lambda: seen.put(customer())).message()
        for who in ("Ada", None, "Grace"):
            with cx.bound(who and sales.begin(who)):
                broker.enqueue(message)
            assert (who or NOBODY.decode()).encode() == seen.get(timeout=PATIENCE_S)

    def test_a_message_that_is_skipped_leaves_nothing_behind(self, shop):
        """
        Another middleware may skip a message; the next has its own journey, or none.
        """
        sales, broker = shop
        seen = Queue()

        class Skip(Middleware):
            def before_process_message(self, broker, message):
                seen.put(customer())
                if message.options.get("skip"):
                    raise SkipMessage

        broker.add_middleware(Skip())
        actor = self.actor(broker, "skipped", lambda: seen.put(b"ran"))
        with cx.bound(sales.begin("Grace")):
            actor.send_with_options(skip=True)
        assert b"Grace" == seen.get(timeout=PATIENCE_S)
        with cx.bound(None):
            actor.send()
        assert [NOBODY, b"ran"] == [seen.get(timeout=PATIENCE_S) for _ in range(2)]

    def test_references_that_are_awaited_are_an_error_at_once(self):
        """
        No hook of Dramatiq's awaits, and what it raises would be lost in a log.
        """
        keys = ReferenceKeys({0: bytes(32)})
        store = InThreads(MemoryStore())
        references = AsyncReferences(store, keys=keys, pepper=bytes(32))
        propagator = cx.Propagator(Process().department("sales"), references=references)
        with pytest.raises(UsageError):
            setup(StubBroker(middleware=[]), Messages(propagator=propagator))
