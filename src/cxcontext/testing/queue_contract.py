"""
What every adapter for queues keeps, a clause a test.
"""

from __future__ import annotations

import queue
import uuid
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import ClassVar, TypeAlias

import attrs

import cxcontext as cx
from cxcontext.queues.messages import NAME as FIELD
from cxcontext.queues.messages import Messages
from cxcontext.testing.imports import ImportContract
from cxcontext.testing.logs import Logs
from cxcontext.testing.shop import (
    NAME,
    NOBODY,
    PATIENCE_S,
    REFUSED,
    Process,
    Shop,
    customer,
    ensure,
    expect,
    shows,
)

# Takes a body and headers that the user sets by hand.
Produce: TypeAlias = Callable[[bytes, Iterable[tuple[str, str]]], object]


class HandlerError(Exception):
    """
    What a handler fails with when it is asked to.

    .. versionadded:: 0.1.0
    """


@attrs.frozen
class Handled:
    """
    What a handler saw: the message's body, and whose journey was current.

    .. versionadded:: 0.1.0
    """

    body: bytes
    customer: bytes
    replayed: bool = False
    stale: bool = False


@attrs.define(eq=False)
class Handler:
    """
    The work of a consumer: an adapter's test calls it for each message.

    Attributes:
        fails: Bodies of messages that fail whenever they are handled.
        fails_once: Bodies of messages that fail when they are first handled.
        pause: Called in the midst of the work, so that customers meet.

    .. versionadded:: 0.1.0
    """

    fails: frozenset[bytes] = frozenset()
    fails_once: set[bytes] = attrs.field(factory=set)
    pause: Callable[[], object] = attrs.field(default=lambda: None)
    _handled: queue.Queue[Handled] = attrs.field(factory=queue.Queue)

    def __call__(self, body: bytes) -> None:
        """
        Handle one message, where the adapter has bound its journey.

        Raises:
            HandlerError: When it is to fail.
        """
        before, journey = customer(), cx.current()
        self.pause()
        after = customer()
        self._handled.put(
            Handled(
                body,
                after if after == before else before + b" became " + after,
                replayed=journey is not None and journey.replayed,
                stale=journey is not None and journey.stale,
            )
        )
        if body in self.fails:
            raise HandlerError
        if body in self.fails_once:
            self.fails_once.discard(body)
            raise HandlerError

    def next(self) -> Handled:
        """
        Return what was handled next, and wait for it.
        """
        return self._handled.get(timeout=PATIENCE_S)


@attrs.frozen
class Scene:
    """
    One queue with both of its ends.

    .. versionadded:: 0.1.0
    """

    queue: str
    produce: Produce
    handler: Handler
    sales: Process
    billing: Process


class QueueContract(ImportContract):
    """
    For adapters that carry journeys in messages which wait.

    Attributes:
        name: Under which name the messages have the value.
        customers: How many messages meet in the test of those that do.
        duplicates: Whether a message can have two values of one name.
        redelivers: Whether a message whose handler failed is handled again.
        by_hand: Whether the user can set headers at all.
        oversized: How many characters too long a value is made; fewer where the
            library or the broker takes no more.
        wire_logs: Loggers by which the library writes down whole messages; the
            adapter's page warns of them.

    .. versionadded:: 0.1.0
    """

    name: ClassVar[str] = FIELD
    customers: ClassVar[int] = 200
    duplicates: ClassVar[bool] = False
    redelivers: ClassVar[bool] = True
    by_hand: ClassVar[bool] = True
    oversized: ClassVar[int] = 70_000
    wire_logs: ClassVar[tuple[str, ...]] = ()

    # --- what an adapter's test gives ----------------------------------------

    def producing(
        self, messages: Messages, queue: str
    ) -> AbstractContextManager[Produce]:
        """
        Give a function that sends one message to *queue* by the library and adapter.

        Several threads call it at once. Its second argument is headers that the user
        sets by hand, which the adapter is given as the user would.
        """
        raise NotImplementedError

    def consuming(
        self, messages: Messages, queue: str, handler: Handler
    ) -> AbstractContextManager[object]:
        """
        Consume *queue* while entered: ``handler(body)`` for each message.

        As the adapter's users do, in several threads or tasks where the library has
        them. A handler that raises makes the library deliver the message again,
        where it does that, and never ends the consumer.
        """
        raise NotImplementedError

    def produce_raw(self, queue: str, body: bytes, values: list[str]) -> None:
        """
        Send a message with these values as whoever has got hold of the broker.

        By the library alone, without the adapter.
        """
        raise NotImplementedError

    def make_queue(self) -> str:
        """
        Return the name of a new queue, made where that is necessary.
        """
        return f"cx-{uuid.uuid4().hex}"

    # --- what arrives --------------------------------------------------------

    def test_without_a_journey_nothing_is_bound(self) -> None:
        """
        Where none is current the message goes without, and is handled without.
        """
        with self._scene() as scene, cx.bound(None):
            scene.produce(b"1", [])
            expect(Handled(b"1", NOBODY), scene.handler.next())
            expect([], scene.billing.codes())

    def test_the_journey_is_bound_in_the_handler(self) -> None:
        """
        What was current where the message was sent is current where it is handled.
        """
        with self._scene() as scene:
            with cx.bound(scene.sales.begin()):
                scene.produce(b"1", [])
            expect(Handled(b"1", NAME.encode()), scene.handler.next())

    def test_nothing_is_left_behind(self) -> None:
        """
        A message without a journey after one with it is handled without.
        """
        with self._scene() as scene:
            for number in range(4):
                with cx.bound(scene.sales.begin()):
                    scene.produce(b"with", [])
                expect(Handled(b"with", NAME.encode()), scene.handler.next(), "first")
                with cx.bound(None):
                    scene.produce(b"without", [])
                expect(Handled(b"without", NOBODY), scene.handler.next(), str(number))

    def test_customers_who_meet_never_mix(self) -> None:
        """
        Of many messages at once each is handled with the journey of its own sender.
        """
        workers = 4

        def work(first: int) -> None:
            for number in range(first, self.customers, workers):
                whose = f"Customer {number}"
                with cx.bound(scene.sales.begin(whose)):
                    scene.produce(whose.encode(), [])
                with cx.bound(None):
                    scene.produce(b"nobody", [])

        with self._scene() as scene, ThreadPoolExecutor(workers) as pool:
            for done in [pool.submit(work, first) for first in range(workers)]:
                done.result()
            found = [scene.handler.next() for _ in range(2 * self.customers)]
        expect([], [one for one in found if one.body != one.customer])
        expect(self.customers + 1, len({one.body for one in found}))

    # --- who is sent what ----------------------------------------------------

    def test_a_queue_that_is_no_destination_is_sent_nothing(self) -> None:
        """
        To a queue that nobody allowed the message goes, without a value.
        """
        with self._scene(allowed=False) as scene, cx.bound(scene.sales.begin()):
            scene.produce(b"1", [])
            expect(Handled(b"1", NOBODY), scene.handler.next())

    def test_a_value_set_by_hand_goes_nowhere_else(self) -> None:
        """
        To a queue that nobody allowed not even what somebody put there is sent.
        """
        if not self.by_hand:
            return
        with self._scene(allowed=False) as scene, cx.bound(None):
            scene.produce(b"1", [self._by_hand(scene)])
            expect(Handled(b"1", NOBODY), scene.handler.next())

    def test_a_value_for_the_consumer_stays(self) -> None:
        """
        What somebody put there for this very consumer stays: it may be sent again.
        """
        if not self.by_hand:
            return
        with self._scene() as scene:
            with cx.bound(None):
                scene.produce(b"1", [self._by_hand(scene)])
            expect(Handled(b"1", NAME.encode()), scene.handler.next())

    def test_the_value_of_another_customer_is_replaced(self) -> None:
        """
        Headers that served the message of one customer bring nobody else theirs.
        """
        if not self.by_hand:
            return
        with self._scene() as scene:
            with cx.bound(scene.sales.begin("Grace")):
                scene.produce(b"1", [self._by_hand(scene)])
            expect(Handled(b"1", b"Grace"), scene.handler.next())

    def test_a_value_for_somebody_else_is_replaced(self) -> None:
        """
        Headers that were copied from another message do not hide the journey.
        """
        if not self.by_hand:
            return
        with self._scene() as scene:
            with cx.bound(scene.sales.begin("Grace")):
                copied = str(scene.sales.begin().hand_over("support"))
                scene.produce(b"1", [(self.name, copied)])
            expect(Handled(b"1", b"Grace"), scene.handler.next())

    def test_what_is_too_large_is_skipped_and_the_message_sent(self) -> None:
        """
        What the carrier does not take stays here, with an event; the message goes.
        """
        with self._scene() as scene:
            journey = scene.sales.begin()
            # Within the format's limits, and above those of every carrier of ours.
            for _ in range(12):
                journey.learn(Shop.note, uuid.uuid4().hex * 450)
                journey.fork()
            with cx.bound(journey):
                scene.produce(b"1", [])
            expect(Handled(b"1", NOBODY), scene.handler.next())
            kind = cx.events.Skipped
            skipped = [e.reason for e in scene.sales.events if isinstance(e, kind)]
            expect(["too_large"], skipped)

    # --- what waits, and comes again -----------------------------------------

    def test_a_message_waits_as_long_as_its_queue(self) -> None:
        """
        It is read after the minutes that a web hop has, as long as the queue may.
        """
        with self._scene(hours_later=20) as scene:
            with cx.bound(scene.sales.begin()):
                scene.produce(b"1", [])
            expect(Handled(b"1", NAME.encode()), scene.handler.next())

    def test_a_message_that_waited_for_too_long_is_stale(self) -> None:
        """
        After that it is read all the same, and says so.
        """
        with self._scene(hours_later=30) as scene:
            with cx.bound(scene.sales.begin()):
                scene.produce(b"1", [])
            expect(Handled(b"1", NAME.encode(), stale=True), scene.handler.next())

    def test_a_message_that_is_delivered_again_keeps_its_journey(self) -> None:
        """
        It has the value that it had, and is no replay.
        """
        if not self.redelivers:
            return
        with self._scene() as scene:
            scene.handler.fails_once.add(b"1")
            with cx.bound(scene.sales.begin()):
                scene.produce(b"1", [])
            for time in ("first", "again"):
                expect(Handled(b"1", NAME.encode()), scene.handler.next(), time)

    # --- what is not as it should be -----------------------------------------

    def test_poison_does_not_stop_the_consumer(self) -> None:
        """
        What is malformed, oversized, forged or for somebody else is handled with a
        journey that says so, and what comes after it as ever.
        """
        with self._scene() as scene:
            _, value = self._by_hand(scene)
            poison = {
                "malformed": "not a value",
                "oversized": "cx1." + "A" * self.oversized,
                "forged": value[:-8] + "AAAAAAAA",
                "elsewhere": str(scene.sales.begin().hand_over("support")),
            }
            for what, wrong in poison.items():
                self.produce_raw(scene.queue, what.encode(), [wrong])
                expect(Handled(what.encode(), REFUSED), scene.handler.next())
            expect(len(poison), len(scene.billing.codes()))
            with cx.bound(scene.sales.begin()):
                scene.produce(b"after", [])
            expect(Handled(b"after", NAME.encode()), scene.handler.next())

    def test_two_values_are_refused(self) -> None:
        """
        Where a message can have two values, two are no choice but an error.
        """
        if not self.duplicates:
            return
        with self._scene() as scene:
            _, value = self._by_hand(scene)
            self.produce_raw(scene.queue, b"1", [value, value])
            expect(Handled(b"1", REFUSED), scene.handler.next())
            expect(["duplicate_value"], scene.billing.codes())

    def test_a_handler_that_fails_leaves_nothing_behind(self) -> None:
        """
        After an exception the next message has its own journey, or none.
        """
        with self._scene() as scene:
            scene.handler.fails_once.add(b"1")
            with cx.bound(scene.sales.begin()):
                scene.produce(b"1", [])
            for _ in range(2 if self.redelivers else 1):
                expect(Handled(b"1", NAME.encode()), scene.handler.next())
            with cx.bound(None):
                scene.produce(b"2", [])
            expect(Handled(b"2", NOBODY), scene.handler.next())

    # --- what stays as it was ------------------------------------------------

    def test_the_current_journey_stays_current(self) -> None:
        """
        Before and after a message is sent the same journey is current.
        """
        with self._scene() as scene, cx.bound(scene.sales.begin()) as journey:
            scene.produce(b"1", [])
            ensure(cx.current() is journey, "another journey is current")
            scene.handler.next()
            ensure(cx.current() is journey, "another journey is current")

    def test_a_value_is_never_shown(self) -> None:
        """
        No log at any level and no event has a value or a fact, whatever fails.
        """
        with Logs(without=self.wire_logs) as logs, self._scene() as scene:
            scene.handler.fails_once.add(b"1")
            with cx.bound(scene.sales.begin()):
                scene.produce(b"1", [])
            for _ in range(2 if self.redelivers else 1):
                scene.handler.next()
            _, value = self._by_hand(scene)
            forged = value[:-8] + "AAAAAAAA"
            self.produce_raw(scene.queue, b"2", [forged])
            scene.handler.next()
            shown = logs.text() + repr(scene.sales.events + scene.billing.events)
        for secret in (value, forged, NAME):
            ensure(not shows(secret, shown), f"shown: {secret[:20]}")

    # --- how it is done ------------------------------------------------------

    def _by_hand(self, scene: Scene) -> tuple[str, str]:
        journey = Process().begin()
        lifetime = timedelta(hours=24)
        return self.name, str(journey.hand_over("billing", lifetime=lifetime))

    @contextmanager
    def _scene(self, *, allowed: bool = True, hours_later: int = 0) -> Generator[Scene]:
        queue, handler = self.make_queue(), Handler()
        sales, billing = Process(), Process(ahead=timedelta(hours=hours_later))
        to_billing = cx.Destination(
            "billing",
            queues=[queue] if allowed else [],
            lifetime=timedelta(hours=24),
        )
        sending = Messages(
            propagator=cx.Propagator(sales.department("sales"), [to_billing])
        )
        receiving = Messages(propagator=cx.Propagator(billing.department("billing")))
        with (
            self.consuming(receiving, queue, handler),
            self.producing(sending, queue) as produce,
        ):
            yield Scene(queue, produce, handler, sales, billing)
