"""
What every adapter for servers of web sockets keeps, a clause a test.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, ClassVar

import attrs

import cxcontext as cx
from cxcontext.testing.desk import Desk
from cxcontext.testing.imports import ImportContract
from cxcontext.testing.logs import Logs
from cxcontext.testing.shop import (
    NAME,
    NOBODY,
    REFUSED,
    Answer,
    Headers,
    Process,
    Shop,
    ensure,
    expect,
    shows,
)
from cxcontext.web import http

EMAIL = "ada@shop.example"


@attrs.frozen
class HandshakeError(Exception):
    """
    A server refused the handshake of a web socket, with this answer.

    .. versionadded:: 0.1.0
    """

    answer: Answer


@attrs.frozen
class Socket:
    """
    An open web socket.

    Args:
        handshake: What the server answered the handshake with.
        turn: Sends one text, waits for the next message, and returns it.

    .. versionadded:: 0.1.0
    """

    handshake: Answer
    turn: Callable[[], bytes]


class WebSocketContract(ImportContract):
    """
    For servers of web sockets: one journey for as long as the socket is open.

    A delivery is looked at in the handshake, and may expire while the socket is open;
    the journey stays.

    Attributes:
        name: Under which name the handshake has the value.
        customers: How many sockets are open at once in the test of those that meet.
        turns: How many turns each of them has.

    .. versionadded:: 0.1.0
    """

    name: ClassVar[str] = http.FIELD
    customers: ClassVar[int] = 60
    turns: ClassVar[int] = 5

    # --- what an adapter's test gives ----------------------------------------

    def serving(
        self,
        desk: Desk,
        propagator: cx.Propagator[Any],
        *,
        required: bool = False,
        edge: bool = False,
    ) -> AbstractContextManager[str]:
        """
        Serve the desk behind the adapter while entered, and give the origin.

        In this process, on a real socket. ``/chat`` is a web socket, accepted with
        ``desk.headers``; each message is answered with ``desk.answer(names)``, and
        ``desk.later()`` is done when the socket is over.

        Args:
            desk: What the handler does.
            propagator: The adapter's.
            required: Whether handshakes without a valid journey are refused.
            edge: Whether the adapter is told that this is the public edge.
        """
        raise NotImplementedError

    def connect(self, origin: str, headers: Headers) -> AbstractContextManager[Socket]:
        """
        Open a web socket at ``/chat``, with these headers, while entered.

        Several threads do. What the client raises passes.

        Raises:
            HandshakeError: When the server does not accept it.
        """
        raise NotImplementedError

    # --- what comes in -------------------------------------------------------

    def test_where_no_value_came_nothing_is_current(self) -> None:
        """
        Absent is no journey, in every turn, and no event.
        """
        with self._chatting() as (socket, _, billing):
            expect([NOBODY] * 3, [socket.turn() for _ in range(3)])
            expect([], billing.events)

    def test_a_valid_value_is_bound_in_every_turn(self) -> None:
        """
        What the handshake brought is the current journey for the socket's whole life,
        and to its very end.
        """
        with self._chatting([self._pair()]) as (socket, desk, _):
            expect([NAME.encode()] * 5, [socket.turn() for _ in range(5)])
        expect(NAME.encode(), desk.noted())

    def test_what_one_turn_learns_the_next_one_knows(self) -> None:
        """
        All turns have one journey.
        """
        with self._chatting([self._pair()]) as (socket, desk, _):
            desk.learns = EMAIL
            for _ in range(3):
                socket.turn()
            expect([None, EMAIL, EMAIL], desk.knew)

    def test_a_refused_value_does_not_break_the_chat(self) -> None:
        """
        Of what does not verify, or came twice, the handler learns that it was refused.
        """
        stranger = (self.name, str(Process().begin().hand_over("support")))
        pair = self._pair()
        for headers in ([stranger], [pair, pair]):
            with self._chatting(headers) as (socket, _, billing):
                expect([REFUSED] * 2, [socket.turn() for _ in range(2)])
                expect(1, len(billing.codes()))

    # --- how long it is there ------------------------------------------------

    def test_the_next_socket_has_its_own(self) -> None:
        """
        Of a socket nothing is left for the next, however it ended.
        """
        desk, propagator, _ = self._billing()
        with Logs(), self.serving(desk, propagator) as origin:
            with self.connect(origin, [self._pair()]) as socket:
                expect(NAME.encode(), socket.turn())
            desk.noted()
            with self.connect(origin, []) as socket:
                expect(NOBODY, socket.turn())
            desk.noted()
            desk.fails = True
            with self.connect(origin, [self._pair()]) as socket:
                ensure(_fails(socket.turn), "a turn that fails was answered")
            desk.fails = False
            with self.connect(origin, []) as socket:
                expect(NOBODY, socket.turn())

    def test_customers_who_meet_never_mix(self) -> None:
        """
        Of many open sockets, whose turns alternate, each has its own customer.
        """
        sales, workers = Process(), 4
        names = [f"Customer {number}" for number in range(self.customers)]
        headers = {name: [self._pair(sales.begin(name))] for name in names[::2]}
        desk, propagator, _ = self._billing()
        desk.pause_s = 0.001

        def work(first: int) -> list[tuple[bytes, bytes]]:
            found: list[tuple[bytes, bytes]] = []
            with ExitStack() as stack:
                sockets = [
                    (
                        name.encode() if name in headers else NOBODY,
                        stack.enter_context(
                            self.connect(origin, headers.get(name, []))
                        ),
                    )
                    for name in names[first::workers]
                ]
                for _ in range(self.turns):
                    found += [(name, socket.turn()) for name, socket in sockets]
            return found

        with (
            self.serving(desk, propagator) as origin,
            ThreadPoolExecutor(workers) as pool,
        ):
            found = [pair for some in pool.map(work, range(workers)) for pair in some]
        expect([], [pair for pair in found if pair[0] != pair[1]])
        expect(self.turns * self.customers, len(found))

    # --- what is refused, and what goes out ----------------------------------

    def test_where_one_is_required_the_handshake_is_refused(self) -> None:
        """
        Without a valid journey no socket is opened, and the answer says why.
        """
        stranger = str(Process().begin().hand_over("support"))
        for headers, code in (
            ([], "absent"),
            ([(self.name, stranger)], "wrong_audience"),
        ):
            desk, propagator, _ = self._billing()
            with self.serving(desk, propagator, required=True) as origin:
                try:
                    with self.connect(origin, headers):
                        raise AssertionError("the handshake was accepted")
                except HandshakeError as refused:
                    answer = refused.answer
            expect(code, self.code_of_refusal(answer))
            expect((False, []), (shows(stranger, repr(answer)), desk.names))

    def test_where_one_is_required_a_valid_one_is_served(self) -> None:
        """
        Whoever brings a journey may chat.
        """
        with self._chatting([self._pair()], required=True) as (socket, _, _billing):
            expect(NAME.encode(), socket.turn())

    def code_of_refusal(self, answer: Answer) -> str:
        """
        Check that a handshake was refused with RFC 9457 details; return the code.
        """
        kinds = [v.partition(";")[0] for v in answer.values("Content-Type")]
        expect((400, [http.PROBLEM_TYPE]), (answer.status, kinds))
        return str(json.loads(answer.body)["code"])

    def test_the_edge_strips_what_comes_in(self) -> None:
        """
        At the public edge a value is not bound, not told of, and not even there.
        """
        _, value = self._pair()
        spellings = {self.name.lower(), self.name.lower().replace("-", "_")}
        for name in (self.name, self.name.replace("-", "_")):
            with self._chatting([(name, value)], edge=True) as (socket, desk, billing):
                expect((NOBODY, []), (socket.turn(), billing.events))
                expect(set(), desk.names[0] & spellings)

    def test_no_handshake_is_answered_with_a_value(self) -> None:
        """
        Not even what a handler copies there itself gets out; what else it puts does.
        """
        pair = self._pair()
        desk, propagator, _ = self._billing()
        desk.headers += [pair, ("X-Desk", "seven")]
        with (
            self.serving(desk, propagator) as origin,
            self.connect(origin, [pair]) as socket,
        ):
            found = [socket.handshake.values(n) for n in (self.name, "X-Desk")]
            expect([[], ["seven"]], found)

    def test_a_value_is_never_shown(self) -> None:
        """
        No log at any level and no event has a value or a fact.
        """
        _, good = pair = self._pair()
        bad = (self.name, str(Process().begin().hand_over("support")))
        with Logs() as logs:
            told = []
            for headers in ([pair], [bad]):
                with self._chatting(headers) as (socket, desk, billing):
                    socket.turn()
                    desk.fails = True
                    ensure(_fails(socket.turn), "a turn that fails was answered")
                told.append(repr(billing.events))
        shown = logs.text() + "".join(told)
        for secret in (good, bad[1], NAME):
            ensure(not shows(secret, shown), f"in logs or events: {secret[:20]}")

    # --- how it is done ------------------------------------------------------

    def _pair(self, journey: cx.Journey[Shop] | None = None) -> tuple[str, str]:
        journey = journey or Process().begin()
        return self.name, str(journey.hand_over("billing"))

    def _billing(self) -> tuple[Desk, cx.Propagator[Shop], Process]:
        billing = Process()
        return Desk(), cx.Propagator(billing.department("billing")), billing

    @contextmanager
    def _chatting(
        self, headers: Headers = (), **options: bool
    ) -> Generator[tuple[Socket, Desk, Process]]:
        desk, propagator, billing = self._billing()
        with (
            self.serving(desk, propagator, **options) as origin,
            self.connect(origin, headers) as socket,
        ):
            yield socket, desk, billing


def _fails(turn: Callable[[], bytes]) -> bool:
    try:
        turn()
    except Exception:  # noqa: BLE001 - whichever the client has
        return True
    return False
