"""
What every adapter for clients keeps, a clause a test.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, ClassVar, TypeAlias

import attrs

import cxcontext as cx
from cxcontext.errors import CXContextError
from cxcontext.testing.imports import ImportContract
from cxcontext.testing.logs import Logs
from cxcontext.testing.peer import Peer
from cxcontext.testing.shop import (
    NAME,
    NOBODY,
    Answer,
    Headers,
    Process,
    Shop,
    ensure,
    expect,
    shows,
)
from cxcontext.web import http

Send: TypeAlias = Callable[[str, Headers], Answer]
EMAIL = "ada@shop.example"


@attrs.frozen
class Scene:
    """
    Sales and those it may send to: billing at `billing`, nobody at `other`.

    .. versionadded:: 0.1.0
    """

    send: Send
    billing: Any
    other: Any
    sales: Process


class ClientContract(ImportContract):
    """
    For adapters that send the current journey on, to allowed destinations only.

    Attributes:
        name: Under which name the protocol has the value.
        customers: How many requests meet in the test of those that do.

    .. versionadded:: 0.1.0
    """

    name: ClassVar[str] = http.FIELD
    customers: ClassVar[int] = 200

    # --- what an adapter's test gives ----------------------------------------

    def sending(self, propagator: cx.Propagator[Any]) -> AbstractContextManager[Send]:
        """
        Give a function that sends one message by the library, while entered.

        It takes a peer's origin and a path, and headers that the user sets by hand;
        it follows redirects, and several threads call it at once. What the library
        raises passes.
        """
        raise NotImplementedError

    def peering(self, department: str) -> AbstractContextManager[Peer]:
        """
        Give a peer that is served while entered, on a port of its own.
        """
        raise NotImplementedError

    # --- who is sent what ----------------------------------------------------

    def test_without_a_journey_nothing_is_sent(self) -> None:
        """
        Where none is current the message goes without.
        """
        with self._scene() as scene, cx.bound(None):
            answer = scene.send(f"{scene.billing.origin}/", [])
            expect((NOBODY, [[]]), (answer.body, scene.billing.received))

    def test_an_allowed_destination_receives_the_journey(self) -> None:
        """
        Where the destination is allowed it gets one value, and its facts.
        """
        with self._scene() as scene, cx.bound(scene.sales.begin()):
            answer = scene.send(f"{scene.billing.origin}/", [])
            expect(NAME.encode(), answer.body)
            expect([1], [len(values) for values in scene.billing.received])

    def test_each_message_has_a_delivery_of_its_own(self) -> None:
        """
        No value is sent twice, so whoever sees one twice knows that it was stolen.
        """
        with self._scene() as scene, cx.bound(scene.sales.begin()):
            for _ in range(3):
                scene.send(f"{scene.billing.origin}/", [])
            expect(3, len({values[0] for values in scene.billing.received}))

    def test_another_destination_receives_nothing(self) -> None:
        """
        Nobody who is not on the list is sent anything; the message goes on.
        """
        with self._scene() as scene, cx.bound(scene.sales.begin()):
            answer = scene.send(f"{scene.other.origin}/", [])
            expect((NOBODY, [[]]), (answer.body, scene.other.received))

    def test_a_list_of_nobody_sends_to_nobody(self) -> None:
        """
        A propagator without destinations sends nothing anywhere.
        """
        with self._scene(()) as scene, cx.bound(scene.sales.begin()):
            scene.send(f"{scene.billing.origin}/", [])
            expect([[]], scene.billing.received)

    def test_a_value_set_by_hand_is_replaced(self) -> None:
        """
        Beside the journey's own value no other goes to a destination.
        """
        hand = self._by_hand()
        with self._scene() as scene, cx.bound(scene.sales.begin()):
            answer = scene.send(f"{scene.billing.origin}/", [hand])
            expect(NAME.encode(), answer.body)
            expect([1], [len(values) for values in scene.billing.received])

    def test_a_value_set_by_hand_goes_nowhere_else(self) -> None:
        """
        Without a journey, or where nobody is allowed, it is taken away.
        """
        hand = self._by_hand()
        with self._scene() as scene:
            with cx.bound(scene.sales.begin()):
                scene.send(f"{scene.other.origin}/", [hand])
            with cx.bound(None):
                scene.send(f"{scene.billing.origin}/", [hand])
            expect(([[]], [[]]), (scene.other.received, scene.billing.received))

    def test_what_is_too_large_is_skipped_and_the_message_sent(self) -> None:
        """
        What the carrier does not take stays here, with an event; the message goes.
        """
        with self._scene() as scene:
            journey = scene.sales.begin()
            journey.learn(Shop.note, "long " * 1000)
            with cx.bound(journey):
                answer = scene.send(f"{scene.billing.origin}/", [])
            kind = cx.events.Skipped
            reasons = [e.reason for e in scene.sales.events if isinstance(e, kind)]
            expect((NOBODY, [[]]), (answer.body, scene.billing.received))
            expect(["too_large"], reasons)

    # --- what stays as it was ------------------------------------------------

    def test_the_current_journey_stays_current(self) -> None:
        """
        Before and after a message the same journey is current, whatever came of it.
        """
        with self._scene() as scene, cx.bound(scene.sales.begin()) as journey:
            for peer in (scene.billing, scene.other):
                scene.send(f"{peer.origin}/", [])
                ensure(cx.current() is journey, "another journey is current")

    def test_customers_who_meet_never_mix(self) -> None:
        """
        Of many messages at once each has the journey of its own sender.
        """
        names = [f"Customer {number}" for number in range(self.customers)]
        workers = 8

        def work(first: int) -> list[tuple[bytes, bytes]]:
            found: list[tuple[bytes, bytes]] = []
            for name in names[first::workers]:
                with cx.bound(scene.sales.begin(name)):
                    body = scene.send(f"{scene.billing.origin}/", []).body
                    found.append((name.encode(), body))
                with cx.bound(None):
                    body = scene.send(f"{scene.billing.origin}/", []).body
                    found.append((NOBODY, body))
            return found

        with self._scene() as scene, ThreadPoolExecutor(workers) as pool:
            found = [pair for some in pool.map(work, range(workers)) for pair in some]
        expect(2 * self.customers, len(found))
        expect([], [pair for pair in found if pair[0] != pair[1]])

    # --- what nobody sees ----------------------------------------------------

    def test_a_value_is_never_shown(self) -> None:
        """
        No log at any level, no event, and nothing that the library gives back has a
        value or a fact.
        """
        with Logs() as logs, self._scene(returns=True) as scene:
            scene.billing.learns = EMAIL
            _, answer = self._told(scene)
            with cx.bound(scene.sales.begin()):
                elsewhere = scene.send(f"{scene.other.origin}/", [])
            ((value,),) = scene.billing.received
            events = repr(scene.sales.events)
        texts = {
            "the logs": logs.text(),
            "the events": events,
            "what the library shows": answer.shown + elsewhere.shown,
        }
        for what, text in texts.items():
            for secret in (value, NAME, EMAIL):
                ensure(not shows(secret, text), f"in {what}: {secret[:20]}")

    def test_an_error_of_the_network_passes(self) -> None:
        """
        It is the library's own, names no value, and the journey can be sent again.
        """
        with self.peering("billing") as gone:
            origin = gone.origin
        sales = Process()
        destination = cx.Destination("billing", origins=[origin])
        propagator = cx.Propagator(sales.department("sales"), [destination])
        with Logs() as logs, self.sending(propagator) as send:
            journey = sales.begin()
            with cx.bound(journey):
                problem = _problem_of(lambda: send(f"{origin}/", []))
        shown = logs.text() + repr(problem) + str(problem)
        ensure(not isinstance(problem, CXContextError), "an error of ours")
        ensure("cx1." not in shown and NAME not in shown, "a value in an error")
        expect("Envelope", type(journey.hand_over("billing")).__name__)

    # --- how it is done ------------------------------------------------------

    def _by_hand(self) -> tuple[str, str]:
        return self.name, str(Process().begin("Mallory").hand_over("billing"))

    def _told(self, scene: Scene) -> tuple[cx.Journey[Shop], Answer]:
        journey = scene.sales.begin()
        with cx.bound(journey):
            return journey, scene.send(f"{scene.billing.origin}/", [])

    @contextmanager
    def _scene(
        self, allowed: Iterable[str] = ("billing",), *, returns: bool = False
    ) -> Generator[Scene]:
        with ExitStack() as stack:
            billing = stack.enter_context(self.peering("billing"))
            other = stack.enter_context(self.peering("support"))
            peers = {"billing": billing, "support": other}
            sales = Process()
            propagator = cx.Propagator(
                sales.department("sales"),
                [
                    cx.Destination(n, origins=[peers[n].origin], returns=returns)
                    for n in allowed
                ],
            )
            send = stack.enter_context(self.sending(propagator))
            yield Scene(send, billing, other, sales)


def _problem_of(what: Callable[[], object]) -> Exception:
    try:
        what()
    except Exception as problem:  # noqa: BLE001 - whichever the library has
        return problem
    raise AssertionError("the message arrived where nobody listens")
