"""
What every adapter for queues does, on the plainest of all: a queue of this process.
"""

import asyncio
import queue
import threading
from contextlib import contextmanager
from datetime import timedelta

import attrs
import pytest

import cxcontext as cx
from cxcontext.errors import ContextRequiredError
from cxcontext.queues.carriers import MappingCarrier, PairsCarrier
from cxcontext.queues.messages import Messages, each, each_async, requires_context
from cxcontext.testing.contract import HandlerError, Process, QueueContract
from cxcontext.testing.shop import NAME, NOBODY, REFUSED, customer

QUEUES: dict[str, queue.Queue] = {}


@attrs.frozen
class Message:
    """
    What a queue of this process holds.
    """

    id: bytes
    body: bytes
    headers: dict[str, str]


class TestMessages(QueueContract):
    """
    The contract, with nothing between the ends but the standard library.
    """

    module = "cxcontext.queues.messages"

    def make_queue(self):
        """
        Make one.
        """
        name = super().make_queue()
        QUEUES[name] = queue.Queue()
        return name

    @contextmanager
    def producing(self, messages, queue):
        """
        Put messages into it.
        """

        def produce(body, by_hand):
            headers = dict(by_hand)
            messages.inject(MappingCarrier(headers), queue=queue)
            QUEUES[queue].put(Message(body + str(id(headers)).encode(), body, headers))

        yield produce

    @contextmanager
    def consuming(self, messages, queue, handler):
        """
        Take them out in two threads, and put back what failed.
        """
        waiting = QUEUES[queue]

        def bound(message):
            carrier = MappingCarrier(message.headers)
            return messages.bound(carrier, message_id=message.id)

        def work():
            with each(iter(waiting.get, None), bound) as received:
                for message in received:
                    try:
                        handler(message.body)
                    except HandlerError:
                        waiting.put(message)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for _ in threads:
                waiting.put(None)
            for thread in threads:
                thread.join()

    def produce_raw(self, queue, body, values):
        """
        Put in what nobody would.
        """
        (value,) = values
        QUEUES[queue].put(Message(body, body, {self.name: value}))


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


def to_billing(sales, **options):
    """
    Return sales' end of a queue that billing consumes.
    """
    destination = cx.Destination("billing", queues=["tasks"], **options)
    department = sales.department("sales")
    return Messages(propagator=cx.Propagator(department, [destination]))


def at_billing(billing, **options):
    """
    Return billing's end of it.
    """
    return Messages(propagator=cx.Propagator(billing.department("billing")), **options)


def fail():
    """
    Fail as a handler does.
    """
    raise HandlerError


class TestAwaited:
    """
    The same, for consumers that are awaited.
    """

    def test_a_message_goes_and_is_bound(self, sales, billing):
        """
        What was current when it was sent is current while it is handled, not after.
        """

        async def main():
            headers = {}
            with cx.bound(sales.begin()):
                sent = await to_billing(sales).inject_async(
                    MappingCarrier(headers), queue="tasks"
                )
            bound = at_billing(billing).bound_async(MappingCarrier(headers))
            async with bound as journey:
                return sent, journey is cx.current(), customer(), headers

        sent, same, who, headers = asyncio.run(main())
        assert (cx.Transport.INLINE, True, NAME.encode()) == (sent.transport, same, who)
        assert ["customer-context"] == [*headers]

    def test_without_a_journey_or_for_its_consumer_nothing_is_written(self, sales):
        """
        None current is nothing sent; what is there for billing stays.
        """

        async def main(headers):
            with cx.bound(None):
                return await to_billing(sales).inject_async(
                    MappingCarrier(headers), queue="tasks"
                )

        kept = {"customer-context": str(sales.begin().hand_over("billing"))}
        stray = {"customer-context": "nothing of ours"}
        for headers, expected in ((kept, dict(kept)), (stray, {}), ({}, {})):
            assert asyncio.run(main(headers)) is None
            assert expected == headers

    @pytest.mark.parametrize("how", ["to the end", "break", "error"])
    def test_each_message_is_bound_in_turn(self, sales, billing, how):
        """
        Between two messages, and however the loop is left, none is bound.
        """
        receiving, waiting = at_billing(billing), []

        async def consumer():
            for name in ("Ada", None, "Grace"):
                waiting.append(customer())
                headers = {}
                with cx.bound(name and sales.begin(name)):
                    to_billing(sales).inject(MappingCarrier(headers), queue="tasks")
                yield MappingCarrier(headers)

        async def main():
            seen = []
            try:
                async with each_async(consumer(), receiving.bound_async) as messages:
                    async for _ in messages:
                        seen.append(customer())
                        if how == "break":
                            break
                        if how == "error":
                            fail()
            except HandlerError:
                pass
            return seen, cx.current()

        seen, after = asyncio.run(main())
        all_of_them = [b"Ada", NOBODY, b"Grace"]
        assert seen == (all_of_them if how == "to the end" else all_of_them[:1])
        assert [NOBODY] * len(seen) == waiting
        assert after is None


class TestEach:
    """
    An iterator that binds one message after the other.
    """

    @pytest.mark.parametrize("how", ["to the end", "break", "error"])
    def test_each_message_is_bound_in_turn(self, sales, billing, how):
        """
        Between two messages, and however the loop is left, none is bound.
        """
        receiving, waiting, seen = at_billing(billing), [], []

        def consumer():
            for name in ("Ada", None, "Grace"):
                waiting.append(customer())
                headers = {}
                with cx.bound(name and sales.begin(name)):
                    to_billing(sales).inject(MappingCarrier(headers), queue="tasks")
                yield MappingCarrier(headers)

        try:
            with each(consumer(), receiving.bound) as messages:
                for _ in messages:
                    seen.append(customer())
                    if how == "break":
                        break
                    if how == "error":
                        fail()
        except HandlerError:
            pass

        all_of_them = [b"Ada", NOBODY, b"Grace"]
        assert seen == (all_of_them if how == "to the end" else all_of_them[:1])
        assert [NOBODY] * len(seen) == waiting
        assert cx.current() is None


class TestRequired:
    """
    Handlers that run with a journey only.
    """

    def run(self, kind, journey):
        """
        Run such a handler of either kind.
        """

        @requires_context
        def handle(amount):
            return amount

        @requires_context
        async def handle_async(amount):
            return amount

        with cx.bound(journey):
            if kind == "sync":
                return handle(3)
            return asyncio.run(handle_async(3))

    @pytest.mark.parametrize("kind", ["sync", "async"])
    def test_it_runs_with_one(self, kind, sales):
        """
        With a journey the handler does its work, and keeps its name.
        """
        assert 3 == self.run(kind, sales.begin())

    @pytest.mark.parametrize("kind", ["sync", "async"])
    @pytest.mark.parametrize("code", ["absent", "rejected", "lost"])
    def test_it_does_not_run_without(self, kind, code, billing):
        """
        Where none came, one was refused or one is lost, it raises and says which.
        """
        reasons = {"rejected": cx.Reason.REJECTED, "lost": cx.Reason.LOST}
        department = billing.department("billing")
        reason = reasons.get(code)
        journey = reason and department.begin_after(reason, channel="web")

        with pytest.raises(ContextRequiredError, match=f"it is {code}$"):
            self.run(kind, journey)


class TestOnce:
    """
    Queues in which each delivery counts once.
    """

    def test_another_message_with_the_same_delivery_is_refused(self, sales, billing):
        """
        The same message again is read; another that has its value is not.
        """
        headers, receiving = {}, at_billing(billing, once=True)
        with cx.bound(sales.begin()):
            to_billing(sales).inject(MappingCarrier(headers), queue="tasks")

        seen = []
        for message_id in (b"1", b"1", b"2"):
            with receiving.bound(MappingCarrier(headers), message_id=message_id):
                seen.append(customer())

        assert [NAME.encode(), NAME.encode(), REFUSED] == seen
        assert ["replayed"] == billing.codes()

    def test_a_reused_delivery_is_the_same(self, sales, billing):
        """
        Where a sender reuses one, the second message has the first one's value.
        """
        sending = to_billing(sales, reuse=timedelta(seconds=5))
        with cx.bound(sales.begin()):
            values = []
            for _ in range(2):
                headers = {}
                sending.inject(MappingCarrier(headers), queue="tasks")
                values += headers.values()

        assert 1 == len(set(values))


def test_a_queue_keeps_messages_for_a_second_at_least(billing):
    """
    No time at all would be taken for the propagator's own.
    """
    with pytest.raises(ValueError, match="waits"):
        at_billing(billing, waits=timedelta(0))


class TestCarriers:
    """
    Headers as libraries have them.
    """

    def test_pairs_may_come_again(self):
        """
        Every value of the name is found, whatever its type, and set replaces all.
        """
        pairs = [("n", b"1"), ("other", b"x"), ("n", None), ("n", bytearray(b"2"))]
        carrier = PairsCarrier(pairs)

        assert [b"1", b"", b"2"] == carrier.get_all("n")
        carrier.set("n", "3")
        assert [("other", b"x"), ("n", b"3")] == pairs
        carrier.set("n", b"4")
        carrier.remove("n")
        assert [("other", b"x")] == pairs

    def test_a_reference_stays(self, sales):
        """
        What is 48 characters and begins as a reference may be one for the consumer.
        """
        reference, headers = "CX" + "A" * 46, {}
        refused = sales.department("sales").begin_after(cx.Reason.LOST, channel="chat")
        for journey in (None, refused):
            headers["customer-context"] = reference
            with cx.bound(journey):
                sent = to_billing(sales).inject(MappingCarrier(headers), queue="tasks")

            assert (None, reference) == (sent, headers["customer-context"])

    def test_something_that_only_begins_as_a_reference_is_taken_away(self, sales):
        """
        Whoever copies headers of outsiders does not hide a journey by them.
        """
        headers = {"customer-context": "CX"}
        with cx.bound(None):
            to_billing(sales).inject(MappingCarrier(headers), queue="tasks")

        assert {} == headers

    def test_headers_that_serve_several_messages_mix_no_customers(self, sales, billing):
        """
        Each message has its own customer's journey; sent again, it keeps its value.
        """
        headers, sending, seen = {}, to_billing(sales), []
        for name in ("Ada", "Grace"):
            journey = sales.begin(name)
            with cx.bound(journey):
                sending.inject(MappingCarrier(headers), queue="tasks")
                first = headers["customer-context"]
                sending.inject(MappingCarrier(headers), queue="tasks")
            with at_billing(billing).bound(MappingCarrier(headers)):
                seen.append((customer(), first == headers["customer-context"]))

        assert [(b"Ada", True), (b"Grace", True)] == seen

    def test_a_reference_does_not_go_in_place_of_a_journey(self, sales, billing):
        """
        Nobody sees whose it is, and it may be the last customer's.
        """
        headers = {"customer-context": "CX" + "A" * 46}
        with cx.bound(sales.begin("Grace")):
            to_billing(sales).inject(MappingCarrier(headers), queue="tasks")

        with at_billing(billing).bound(MappingCarrier(headers)):
            assert b"Grace" == customer()
