"""
Redis Streams: the contract on a real Redis, with entries that another consumer claims.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager

import pytest
import redis
from places import working

import cxcontext as cx
from cxcontext.queues.messages import NAME as FIELD
from cxcontext.queues.messages import Messages
from cxcontext.queues.redis_streams import (
    bound,
    bound_async,
    injected,
    injected_async,
)
from cxcontext.testing.contract import HandlerError, Process, QueueContract
from cxcontext.testing.shop import NAME, NOBODY, customer


class TestRedisStreams(QueueContract):
    """
    A group of two consumers; what one leaves pending the other claims.
    """

    module = "cxcontext.queues.redis_streams"

    @pytest.fixture(autouse=True)
    def _at(self, redis_url):
        with redis.Redis.from_url(redis_url) as self.client:
            self.made = []
            yield
            for queue in self.made:
                self.client.delete(queue)

    def make_queue(self):
        """
        Make a stream with a group.
        """
        name = super().make_queue()
        self.client.xgroup_create(name, "billing", "0", mkstream=True)
        self.made.append(name)
        return name

    @contextmanager
    def producing(self, messages, queue):
        """
        Add entries.
        """

        def produce(body, by_hand):
            fields = {"body": body, **dict(by_hand)}
            self.client.xadd(queue, injected(messages, fields, stream=queue))

        yield produce

    @contextmanager
    def consuming(self, messages, queue, handler):
        """
        Read what is new, and claim what was left pending.
        """

        def work(stopped):
            name = f"consumer-{id(stopped)}"
            while not stopped.is_set():
                claimed = self.client.xautoclaim(queue, "billing", name, 1)[1]
                new = self.client.xreadgroup("billing", name, {queue: ">"}, 20, 20)
                streams = new.items() if isinstance(new, dict) else new or []
                entries = [entry for _, found in streams for entry in flat(found)]
                for entry in [*claimed, *entries]:
                    handle(entry)

        def handle(entry):
            with bound(messages, entry, stream=queue):
                try:
                    handler(entry[1][b"body"])
                except HandlerError:
                    return
            self.client.xack(queue, "billing", entry[0])

        with working(work):
            yield

    def produce_raw(self, queue, body, values):
        """
        Add what nobody would.
        """
        (value,) = values
        self.client.xadd(queue, {"body": body, self.name: value})


def flat(found):
    """
    Return entries; by the third protocol they come in a list of their own.
    """
    return found[0] if found and isinstance(found[0], list) else found


@pytest.fixture
def ends():
    """
    Sales' process, its end and billing's.
    """
    sales, billing = Process(), Process()
    to_billing = cx.Destination("billing", queues=["orders"])
    return (
        sales,
        Messages(propagator=cx.Propagator(sales.department("sales"), [to_billing])),
        Messages(propagator=cx.Propagator(billing.department("billing"))),
    )


class TestEntries:
    """
    Entries as different clients give them.
    """

    def fields(self, ends, stands=()):
        """
        Return the fields that sales sends.
        """
        sales, sending, _ = ends
        with cx.bound(sales.begin()):
            return injected(sending, {"body": "1", **dict(stands)}, stream="orders")

    def test_a_client_that_decodes_gives_text(self, ends):
        """
        Names and ids are text or bytes, and mean the same.
        """
        fields = self.fields(ends)
        raw = {name.encode(): value.encode() for name, value in fields.items()}
        found = []
        for entry in (("1-1", fields), (b"1-2", raw)):
            with bound(ends[2], entry, stream="orders"):
                found.append(customer())

        assert [NAME.encode()] * 2 == found

    def test_a_name_in_bytes_is_replaced(self, ends):
        """
        An entry that is copied with its bytes does not get a second value.
        """
        fields = self.fields(ends, {FIELD.encode(): b"old"})

        assert ["body", FIELD] == [*fields]

    def test_an_entry_that_is_deleted_has_none(self, ends):
        """
        What was claimed may be gone.
        """
        with bound(ends[2], ("1-1", None), stream="orders"):
            assert NOBODY == customer()

    def test_the_same_entry_is_no_replay(self, ends):
        """
        The stream and the id tell an entry from one with a copied value.
        """
        fields, seen = self.fields(ends), []
        for stream, place in (("a", "1-1"), ("a", "1-1"), ("a", "1-2"), ("b", "1-1")):
            with bound(ends[2], (place, fields), stream=stream) as journey:
                seen.append(journey.replayed)

        assert [False, False, True, True] == seen

    def test_both_directions_can_be_awaited(self, ends):
        """
        For redis.asyncio.
        """
        sales, sending, receiving = ends

        async def main():
            with cx.bound(sales.begin()):
                fields = await injected_async(sending, {"body": "1"}, stream="orders")
            async with bound_async(receiving, ("1-1", fields), stream="orders"):
                return customer()

        assert NAME.encode() == asyncio.run(main())
