"""
What every adapter for servers keeps, a clause a test.
"""

from __future__ import annotations

import gc
import queue
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar, TypeAlias

import cxcontext as cx
from cxcontext.testing.desk import Desk
from cxcontext.testing.imports import ImportContract
from cxcontext.testing.logs import Logs
from cxcontext.testing.shop import (
    NAME,
    NOBODY,
    PATIENCE_S,
    REFUSED,
    Answer,
    Headers,
    Process,
    Shop,
    Values,
    ensure,
    eventually,
    expect,
    shows,
)
from cxcontext.web import http

Ask: TypeAlias = Callable[[str, Headers], Answer]


class ServerContract(ImportContract):
    """
    For adapters that make the caller's journey current while a request is served.

    Attributes:
        name: Under which name the protocol has the value.
        success: The protocol's status of what was served.
        customers: How many requests meet in the test of those that do.

    .. versionadded:: 0.1.0
    """

    name: ClassVar[str] = http.FIELD
    success: ClassVar[int] = 200
    customers: ClassVar[int] = 200

    # --- what an adapter's test gives ----------------------------------------

    def serving(
        self,
        desk: Desk,
        propagator: cx.Propagator[Any],
        *,
        required: bool = False,
        edge: bool = False,
        returns: bool = False,
    ) -> AbstractContextManager[str]:
        """
        Serve the desk behind the adapter while entered, and give the origin.

        In this process, on a real socket, with several threads or tasks. ``/answer``
        gives ``desk.answer(names)``; ``/stream`` gives ``desk.parts()``, part by
        part; ``/later`` gives ``desk.answer()`` and does ``desk.later()`` once the
        response is on its way. All have ``desk.headers`` on their responses. Around
        the adapter, each request is served within ``desk.outside()``.

        Args:
            desk: What the handlers do.
            propagator: The adapter's.
            required: Whether all three refuse requests without a valid journey.
            edge: Whether the adapter is told that this is the public edge.
            returns: Whether what is learned goes back in responses.
        """
        raise NotImplementedError

    def connect(self, origin: str) -> AbstractContextManager[Ask]:
        """
        Give a function that asks *origin*, over one connection while entered.

        It takes one of the three paths, and pairs of which none is lost, repeated
        names included.
        """
        raise NotImplementedError

    def leave(self, origin: str, headers: Headers) -> None:
        """
        Ask *origin* for ``/stream``, and go away when its first part has come.
        """
        raise NotImplementedError

    def code_of_refusal(self, answer: Answer) -> str:
        """
        Check that an answer refuses the request in the protocol's way; return why.
        """
        raise NotImplementedError

    # --- what comes in -------------------------------------------------------

    def test_where_no_value_came_nothing_is_current(self) -> None:
        """
        Absent is no journey, and no event.
        """
        with self._asking() as (ask, _, billing):
            answer = ask("/answer", [])
            expect((NOBODY, []), (answer.body, billing.events))

    def test_a_valid_value_is_bound_in_the_handler(self) -> None:
        """
        One valid value is the current journey while the handler runs.
        """
        with self._asking() as (ask, _, _billing):
            expect(NAME.encode(), ask("/answer", [self._pair()]).body)

    def test_two_values_are_refused(self) -> None:
        """
        Two are no choice but an error, also where each alone were valid.
        """
        journey = Process().begin()
        with self._asking() as (ask, _, billing):
            answer = ask("/answer", [self._pair(journey), self._pair(journey)])
            expect((REFUSED, 1), (answer.body, len(billing.codes())))

    def test_values_joined_by_a_comma_are_refused(self) -> None:
        """
        What a proxy folded into one value is refused as two are.
        """
        _, value = self._pair()
        for joined in (f"{value},{value}", f"{value}, {value}"):
            with self._asking() as (ask, _, billing):
                answer = ask("/answer", [(self.name, joined)])
                expect((REFUSED, 1), (answer.body, len(billing.codes())))

    def test_length_and_alphabet_come_before_any_key(self) -> None:
        """
        What is too long or in another alphabet is refused for that, whatever its
        signature is worth.
        """
        _, value = self._pair()
        forged = value[:-8] + "AAAAAAAA"
        for wrong, code in (
            ("cx1." + "A" * 4093, "too_large"),
            (f"{forged}+/", "malformed"),
            (f'"{forged}"', "malformed"),
        ):
            with self._asking() as (ask, _, billing):
                answer = ask("/answer", [(self.name, wrong)])
                expect((REFUSED, [code]), (answer.body, billing.codes()))

    def test_a_refused_value_does_not_break_the_request(self) -> None:
        """
        Of what does not verify the handler learns that it was refused, and serves.
        """
        envelope = Process().begin().hand_over("support")
        with self._asking() as (ask, _, billing):
            answer = ask("/answer", [(self.name, str(envelope))])
            expect((REFUSED, ["wrong_audience"]), (answer.body, billing.codes()))

    def test_the_same_value_again_is_served(self) -> None:
        """
        What a proxy sends a second time brings the same customer.
        """
        pair = self._pair()
        with self._asking() as (ask, _, billing):
            found = [ask("/answer", [pair]).body for _ in range(2)]
            expect(([NAME.encode()] * 2, []), (found, billing.codes()))

    # --- how long it is there ------------------------------------------------

    def test_the_context_is_gone_after_the_handler(self) -> None:
        """
        On one connection nothing of a request is left for the next.
        """
        with self._asking() as (ask, _, _billing):
            found = [
                ask(path, headers).body.split(b"\n")[0]
                for path in ("/answer", "/stream", "/later")
                for headers in ([], [self._pair()], [])
            ]
            expect([NOBODY, NAME.encode(), NOBODY] * 3, found)

    def test_the_context_is_gone_after_a_handler_that_fails(self) -> None:
        """
        A handler that raises leaves nothing for the next request.
        """
        with Logs(), self._asking() as (ask, desk, _):
            desk.fails = True
            failed = ask("/answer", [self._pair()])
            desk.fails = False
            after = ask("/answer", [])
            expect((False, NOBODY), (failed.status == self.success, after.body))

    def test_what_was_current_before_is_restored(self) -> None:
        """
        A journey around the adapter is out of sight meanwhile, also where no value
        came, and is current again afterwards.
        """
        for headers, inside in (([self._pair()], NAME.encode()), ([], NOBODY)):
            with self._asking() as (ask, desk, _):
                desk.outer = Process().begin("Mallory")
                expect(inside, ask("/answer", headers).body)
                expect(b"Mallory", desk.around.get(timeout=PATIENCE_S))

    def test_a_streamed_body_sees_it(self) -> None:
        """
        Every part of a stream is of the same customer, and its end too.
        """
        with self._asking() as (ask, desk, _):
            body = ask("/stream", [self._pair()]).body
            expect([NAME.encode()] * 3, body.splitlines())
            expect(NAME.encode(), desk.noted())

    def test_a_reader_who_goes_away_breaks_nothing(self) -> None:
        """
        A stream that is closed half-way, by whichever task or thread, raises nothing
        and leaves nothing for the next request.
        """
        desk, billing = Desk(pause_s=0.01, length=100), Process()
        propagator = cx.Propagator(billing.department("billing"))
        with Logs() as logs, self.serving(desk, propagator) as origin:
            for _ in range(3):
                self.leave(origin, [self._pair()])
                _wait_for_end(desk)
            with self.connect(origin) as ask:
                expect(NOBODY, ask("/answer", []).body)
        expect([], logs.failures())

    def test_background_work_sees_it(self) -> None:
        """
        What goes on when the response is on its way is the same customer's.
        """
        with self._asking() as (ask, desk, _):
            ask("/later", [self._pair()])
            expect(NAME.encode(), desk.noted())

    def test_customers_who_meet_never_mix(self) -> None:
        """
        Of many requests at once each has its own customer from beginning to end.
        """
        sales = Process()
        names = [f"Customer {number}" for number in range(self.customers)]
        values = {name: self._pair(sales.begin(name)) for name in names[::2]}
        workers, desk = 8, Desk(pause_s=0.001)
        billing = Process()
        propagator = cx.Propagator(billing.department("billing"))

        def work(first: int) -> list[tuple[bytes, bytes]]:
            found: list[tuple[bytes, bytes]] = []
            with self.connect(origin) as ask:
                for number in range(first, len(names), workers):
                    pair = values.get(names[number])
                    path = "/stream" if number % 3 == 0 else "/answer"
                    expected = NOBODY if pair is None else names[number].encode()
                    body = ask(path, [] if pair is None else [pair]).body
                    found += [(expected, line) for line in body.splitlines()]
            return found

        with (
            self.serving(desk, propagator) as origin,
            ThreadPoolExecutor(workers) as pool,
        ):
            found = [pair for some in pool.map(work, range(workers)) for pair in some]
        expect([], [pair for pair in found if pair[0] != pair[1]])
        ensure(len(found) > self.customers, "requests without an answer")

    # --- what is refused, and what goes out ----------------------------------

    def test_where_one_is_required_absent_is_refused(self) -> None:
        """
        A route that requires a journey refuses what brings none, and says so.
        """
        with self._asking(required=True) as (ask, desk, _):
            expect("absent", self.code_of_refusal(ask("/answer", [])))
            expect([], desk.names)

    def test_where_one_is_required_a_bad_one_is_refused(self) -> None:
        """
        A route that requires a journey refuses a bad one, with the code and no more.
        """
        envelope = str(Process().begin().hand_over("support"))
        with self._asking(required=True) as (ask, desk, _):
            answer = ask("/answer", [(self.name, envelope)])
            expect("wrong_audience", self.code_of_refusal(answer))
            expect((False, []), (shows(envelope, repr(answer)), desk.names))

    def test_where_one_is_required_a_valid_one_is_served(self) -> None:
        """
        A route that requires a journey serves whoever brings one.
        """
        with self._asking(required=True) as (ask, _, _billing):
            expect(NAME.encode(), ask("/answer", [self._pair()]).body)

    def test_the_edge_strips_what_comes_in(self) -> None:
        """
        At the public edge a value is not bound and not told of.
        """
        with self._asking(edge=True) as (ask, _, billing):
            answer = ask("/answer", [self._pair()])
            expect((NOBODY, []), (answer.body, billing.events))

    def test_no_response_has_a_value(self) -> None:
        """
        What came in does not go out again.
        """
        for edge in (False, True):
            for path in ("/answer", "/stream", "/later"):
                with self._asking(edge=edge) as (ask, _, _billing):
                    _, value = pair = self._pair()
                    answer = ask(path, [pair])
                    found = (answer.status, answer.values(self.name))
                    expect((self.success, []), found)
                    ensure(not shows(value, repr(answer)), "a value in a response")

    def test_what_was_learned_goes_back_where_it_returns(self) -> None:
        """
        The caller merges what the handler learned, from a response that has one value.
        """
        sales = Process()
        journey, propagator = sales.begin(), cx.Propagator(sales.department("sales"))
        envelope = journey.seal_for("billing")
        with self._asking(returns=True) as (ask, desk, _):
            desk.learns = "ada@shop.example"
            answer = ask("/answer", [(self.name, str(envelope))])
        reply = Values(answer.values(self.name))
        expect(1, len(reply.values))
        merged = propagator.merge_reply(
            journey,
            reply,
            name=self.name,
            reply_to=envelope.delivery.id,
            sender="billing",
        )
        expect((True, "ada@shop.example"), (merged, journey.recall(Shop.email)))

    def test_what_was_learned_stays_where_it_does_not_return(self) -> None:
        """
        Unless both ends agreed on it, a response says nothing of what was learned.
        """
        with self._asking() as (ask, desk, _):
            desk.learns = "ada@shop.example"
            expect([], ask("/answer", [self._pair()]).values(self.name))

    def test_what_nothing_took_is_told_once(self) -> None:
        """
        When the work is over, and not before a streamed body is, an event says what
        was learned and lost.
        """
        for path in ("/answer", "/stream"):
            with self._asking() as (ask, desk, billing):
                desk.learns = "ada@shop.example"
                ask(path, [self._pair()])
                eventually(lambda: bool(_unsent(billing)), "the event")
                ask(path, [])
            expect([(Shop.email.number,)], _unsent(billing))

    def test_a_value_is_never_shown(self) -> None:
        """
        No log at any level, no event and no representation has a value or a fact.
        """
        _, good = pair = self._pair()
        bad = str(Process().begin().hand_over("support"))
        with Logs() as logs, self._asking() as (ask, desk, billing):
            for path in ("/answer", "/stream"):
                ask(path, [pair])
                ask(path, [(self.name, bad)])
            desk.fails = True
            ask("/answer", [pair])
        shown = logs.text() + repr(billing.events)
        for secret in (good, bad, NAME):
            ensure(not shows(secret, shown), f"in logs or events: {secret[:20]}")

    # --- how it is done ------------------------------------------------------

    def _pair(self, journey: cx.Journey[Shop] | None = None) -> tuple[str, str]:
        journey = journey or Process().begin()
        return self.name, str(journey.hand_over("billing"))

    @contextmanager
    def _asking(self, **options: bool) -> Generator[tuple[Ask, Desk, Process]]:
        desk, billing = Desk(), Process()
        propagator = cx.Propagator(billing.department("billing"))
        with (
            self.serving(desk, propagator, **options) as origin,
            self.connect(origin) as ask,
        ):
            yield ask, desk, billing


def _unsent(process: Process) -> list[tuple[int, ...]]:
    return [
        tuple(event.fields)
        for event in process.events
        if isinstance(event, cx.events.Unsent)
    ]


def _wait_for_end(desk: Desk) -> None:
    for _ in range(int(PATIENCE_S / 0.2)):
        try:
            desk.notes.get(timeout=0.2)
        except queue.Empty:
            # Some frameworks leave it to the collector, which runs in any thread.
            gc.collect()
        else:
            return
    raise AssertionError("the stream never ended")
