"""
The outbox: the contract by a relay on a real PostgreSQL, and what a crash leaves.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import threading
import uuid
from contextlib import contextmanager
from datetime import timedelta
from queue import Empty, Queue

import psycopg
import pytest
from places import postgres_at, working
from psycopg.conninfo import make_conninfo

import cxcontext as cx
from cxcontext.core.events import Rejected
from cxcontext.errors import DestinationError
from cxcontext.queues.carriers import MappingCarrier
from cxcontext.queues.messages import NAME as FIELD
from cxcontext.queues.messages import Messages
from cxcontext.queues.outbox import Outbox, Waiting
from cxcontext.testing.contract import HandlerError, Process, QueueContract
from cxcontext.testing.shop import NAME, NOBODY, customer

A_DAY = timedelta(hours=24)
OWN = cx.Destination("sales", queues=["outbox"], lifetime=A_DAY)
PATIENCE_S = 30
# The keys of the shop are made once, and a relay has the same.
FORK = multiprocessing.get_context("fork")


@pytest.fixture(scope="module")
def postgres():
    """
    A PostgreSQL.
    """
    with postgres_at() as url:
        yield url


@pytest.fixture
def url(postgres):
    """
    A database of the test's own, with an outbox.
    """
    name = f"cx{uuid.uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    made = make_conninfo(postgres, dbname=name)
    with psycopg.connect(made) as connection:
        connection.execute(outbox_of(Process()).schema)
    return made


def outbox_of(sales, *destinations):
    """
    Return the outbox of sales.
    """
    propagator = cx.Propagator(sales.department("sales"), [OWN, *destinations])
    return Outbox(Messages(propagator=propagator))


class TestOutbox(QueueContract):
    """
    The contract, with two relays between the ends, and a queue of this process.
    """

    module = "cxcontext.queues.outbox"
    library = "psycopg"
    queues = {}  # noqa: RUF012 - they belong to the class of tests

    @pytest.fixture(autouse=True)
    def _at(self, url):
        self.url = url

    @contextmanager
    def producing(self, messages, queue):
        """
        Write each message in a transaction of its own, and let two relays publish.
        """
        propagator = messages.propagator
        outbox = Outbox(
            Messages(
                propagator=cx.Propagator(
                    propagator.department, [*propagator.destinations, OWN]
                )
            )
        )

        def produce(body, by_hand):
            with psycopg.connect(self.url) as connection:
                headers = dict(by_hand)
                outbox.put(connection, queue=queue, body=body, headers=headers)

        def work(stopped):
            with psycopg.connect(self.url, autocommit=True) as connection:
                while not stopped.is_set():
                    if not outbox.relay(connection, self.queues[queue].put):
                        stopped.wait(0.01)

        with working(work, threads=2):
            yield produce

    @contextmanager
    def consuming(self, messages, queue, handler):
        """
        Take what was published.
        """
        published = self.queues[queue] = Queue()

        def work(stopped):
            while (waiting := published.get()) is not None:
                carrier = MappingCarrier(waiting.headers)
                try:
                    with messages.bound(carrier, message_id=str(waiting.id).encode()):
                        handler(waiting.body)
                except HandlerError:
                    published.put(waiting)

        with working(work, stop=lambda: published.put(None)):
            yield

    def produce_raw(self, queue, body, values):
        """
        Publish what no relay would.
        """
        (value,) = values
        self.queues[queue].put(Waiting(0, queue, body, {FIELD: value}))


@pytest.fixture
def sales():
    """
    Sales' process.
    """
    return Process()


@pytest.fixture
def outbox(sales):
    """
    Sales' outbox, with a queue of billing's.
    """
    return outbox_of(
        sales, cx.Destination("billing", queues=["orders"], lifetime=A_DAY)
    )


@pytest.fixture
def connection(url):
    """
    A connection of a relay.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def relay_once(outbox, url, published):
    """
    Publish a message into a pipe, and never return: the work of a process.
    """

    def publish(waiting):
        published.send(waiting)
        signal.pause()

    with psycopg.connect(url, autocommit=True) as connection:
        outbox.relay(connection, publish)


def rows(connection):
    """
    Return how many messages wait.
    """
    return connection.execute("SELECT count(*) FROM outbox").fetchone()[0]


def found_in(waiting, **options):
    """
    Return whose journey billing finds in a message that was published.
    """
    billing = Process(**options).department("billing")
    with Messages(propagator=cx.Propagator(billing)).bound(
        MappingCarrier(waiting.headers)
    ):
        return customer()


class TestTransactions:
    """
    A message is part of what the caller does.
    """

    def test_what_is_rolled_back_never_was(self, sales, outbox, url, connection):
        """
        Neither the message nor the journey's value remains.
        """
        with psycopg.connect(url) as callers, cx.bound(sales.begin()):
            outbox.put(callers, queue="orders", body=b"1")
            seen = rows(callers)
            callers.rollback()

        assert 1 == seen
        assert 0 == rows(connection)
        assert not outbox.relay(connection, print)

    def test_what_is_not_committed_is_not_published(
        self, sales, outbox, url, connection
    ):
        """
        Before it is committed no relay sees it.
        """
        published = []
        with psycopg.connect(url) as callers, cx.bound(sales.begin()):
            outbox.put(callers, queue="orders", body=b"1")
            assert not outbox.relay(connection, published.append)
            callers.commit()
        assert outbox.relay(connection, published.append)

        assert [NAME.encode()] == [found_in(waiting) for waiting in published]

    def test_the_department_must_have_named_it(self, sales):
        """
        Without a destination of its own nothing could wait for the relay.
        """
        for other in ([], [cx.Destination("billing", queues=["outbox"])]):
            propagator = cx.Propagator(sales.department("sales"), other)
            with pytest.raises(DestinationError, match="Destination"):
                Outbox(Messages(propagator=propagator))


class TestRelay:
    """
    Published at least once, signed anew.
    """

    def put(self, sales, outbox, connection, body=b"1", **options):
        """
        Write one message.
        """
        with cx.bound(sales.begin()):
            outbox.put(connection, queue="orders", body=body, **options)

    def test_the_queues_time_begins_at_the_relay(self, url, connection):
        """
        What was a day in the outbox is as long in the queue as any other message.
        """
        long = timedelta(days=30)
        own = cx.Destination("sales", queues=["outbox"], lifetime=timedelta(days=3))
        to_billing = cx.Destination("billing", queues=["orders"], lifetime=A_DAY)
        found = []
        for ahead in (timedelta(0), timedelta(days=2)):
            sales = Process(ahead=ahead)
            propagator = cx.Propagator(sales.department("sales"), [own, to_billing])
            outbox = Outbox(Messages(propagator=propagator, waits=long))
            if not ahead:
                self.put(sales, outbox, connection)
            else:
                outbox.relay(connection, found.append)
        (waiting,) = found
        later = Process(ahead=timedelta(days=2, hours=23)).department("billing")
        carrier = MappingCarrier(waiting.headers)
        with Messages(propagator=cx.Propagator(later)).bound(carrier) as journey:
            assert (False, NAME.encode()) == (journey.stale, customer())

    def test_headers_go_with_it(self, sales, outbox, connection):
        """
        What else the message has is published as it was, and the caller's dict stays.
        """
        headers, published = {"trace": "t-1"}, []
        self.put(sales, outbox, connection, headers=headers)
        outbox.relay(connection, published.append)

        assert {"trace": "t-1"} == headers
        assert ("t-1", 2) == (published[0].headers["trace"], len(published[0].headers))

    def test_what_cannot_be_signed_anew_is_published_without(
        self, sales, outbox, connection
    ):
        """
        The message goes, and an event says why its journey does not.
        """
        self.put(sales, outbox, connection)
        connection.execute(
            "UPDATE outbox SET headers = jsonb_set(headers, %s, '\"cx1.AAAA\"')",
            ([FIELD],),
        )
        published = []
        assert outbox.relay(connection, published.append)

        assert [{}] == [waiting.headers for waiting in published]
        assert 1 == len([e for e in sales.events if isinstance(e, Rejected)])

    def test_what_fails_stays(self, sales, outbox, connection):
        """
        Where the broker does not take it, the next pass has it again, with its journey.
        """
        self.put(sales, outbox, connection)

        def fail(_):
            raise HandlerError

        with pytest.raises(HandlerError):
            outbox.relay(connection, fail)
        published = []
        assert outbox.relay(connection, published.append)

        assert [NAME.encode()] == [found_in(waiting) for waiting in published]
        assert 0 == rows(connection)

    def test_several_relays_have_each_message_once(
        self, sales, outbox, url, connection
    ):
        """
        Four relays at once: each of 200 messages is published once, with its own.
        """
        for number in range(200):
            who = f"Customer {number}"
            with cx.bound(sales.begin(who)):
                outbox.put(connection, queue="orders", body=who.encode())
        published, start = Queue(), threading.Barrier(4)

        def work(_):
            with psycopg.connect(url, autocommit=True) as own:
                start.wait(PATIENCE_S)
                while outbox.relay(own, published.put):
                    pass

        with working(work, threads=4):
            found = [published.get(timeout=PATIENCE_S) for _ in range(200)]

        assert 200 == len({waiting.body for waiting in found})
        assert [] == [w for w in found if w.body != found_in(w)]
        with pytest.raises(Empty):
            published.get_nowait()
        assert 0 == rows(connection)

    def test_a_slow_relay_blocks_nobody(self, sales, outbox, url, connection):
        """
        While one publishes the first message, another publishes the second.
        """
        for body in (b"1", b"2"):
            self.put(sales, outbox, connection, body=body)
        order = []

        def slowly(waiting):
            with psycopg.connect(url, autocommit=True) as other:
                assert outbox.relay(other, order.append)
            order.append(waiting)

        assert outbox.relay(connection, slowly)
        assert [b"2", b"1"] == [waiting.body for waiting in order]

    def test_killed_after_it_has_published_it_is_published_again(
        self, sales, outbox, url, connection
    ):
        """
        A relay that dies before it commits leaves the message, which has its journey.
        """
        self.put(sales, outbox, connection)
        outside, inside = FORK.Pipe()
        relay = FORK.Process(target=relay_once, args=(outbox, url, inside))
        relay.start()
        try:
            assert outside.poll(PATIENCE_S)
            first = outside.recv()
        finally:
            relay.kill()
            relay.join()
        published = []
        ends = threading.Event()
        while not outbox.relay(connection, published.append):
            ends.wait(0.01)

        (again,) = published
        assert (first.id, first.body) == (again.id, again.body)
        assert [NAME.encode()] * 2 == [found_in(first), found_in(again)]

    def test_all_of_it_can_be_awaited(self, sales, outbox, url, connection):
        """
        For applications in an event loop: the same table, the same messages.
        """
        published = []

        async def publish(waiting):
            published.append(waiting)

        async def main():
            async with await psycopg.AsyncConnection.connect(
                url, autocommit=True
            ) as awaited:
                with cx.bound(sales.begin()):
                    await outbox.put_async(awaited, queue="orders", body=b"1")
                kept = str(sales.begin("Grace").hand_over("billing"))
                with cx.bound(None):
                    await outbox.put_async(
                        awaited, queue="orders", body=b"2", headers={FIELD: kept}
                    )
                    await outbox.put_async(awaited, queue="orders", body=b"3")
                    await outbox.put_async(awaited, queue="orders", body=b"4")
                await awaited.execute(
                    "UPDATE outbox SET headers = %s WHERE body = '4'",
                    ('{"customer-context": "cx1.AAAA"}',),
                )
                while await outbox.relay_async(awaited, publish):
                    pass

        asyncio.run(main())
        assert [NAME.encode(), b"Grace", NOBODY, NOBODY] == [
            found_in(waiting) for waiting in published
        ]
        assert 0 == rows(connection)
