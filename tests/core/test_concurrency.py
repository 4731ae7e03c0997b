"""
Concurrency: the threads and tasks of one request share one journey.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from acme import Acme, World

import cxcontext as cx
from cxcontext.core.events import Asked, Avoided
from cxcontext.errors import UsageError, ValueDoesNotFitError

LONG_ENOUGH_S = 20


def at(world: World, name: str, journey: Any, **arguments: Any) -> cx.Journey[Any]:
    """
    Return the journey as it arrives at the department *name*.
    """
    return world[name].receive(journey.hand_over(name), **arguments)


@pytest.fixture(autouse=True)
def switching_often():
    """
    Let threads take turns as often as Python can.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(*acts: Callable[[], Any]) -> list[Any]:
    """
    Return what these acts return, each run in a thread of its own at the same time.
    """
    start = threading.Barrier(len(acts))

    def act(each: Callable[[], Any]) -> Any:
        start.wait(LONG_ENOUGH_S)
        return each()

    with ThreadPoolExecutor(len(acts)) as pool:
        futures = [pool.submit(act, each) for each in acts]
        return [future.result(LONG_ENOUGH_S) for future in futures]


# --- threads -----------------------------------------------------------------


def test_nothing_that_two_threads_learn_is_lost(world):
    """
    What either thread has learned is known to both, and travels.
    """
    journey = world["sales"].begin(channel="chat")

    def learn(name: str) -> None:
        for number in range(40):
            journey.learn(Acme.product, f"{name} {number}", qualifier=f"{name}{number}")

    together(lambda: learn("a"), lambda: learn("b"))
    arrived = at(world, "support", journey)

    assert {f"{name}{n}": f"{name} {n}" for name in "ab" for n in range(40)} == (
        arrived.recall_all(Acme.product)
    )


def test_learning_while_another_thread_hands_over_loses_nothing(world):
    """
    A hand-over takes a snapshot; what comes later goes with the next one.
    """
    journey = world["sales"].begin(channel="chat")
    handed: list[cx.Envelope] = []

    def learn() -> None:
        for number in range(30):
            journey.learn(Acme.product, str(number), qualifier=str(number))

    def hand_over() -> None:
        for _ in range(10):
            handed.append(journey.hand_over("support"))  # noqa: PERF401 - in turns

    together(learn, hand_over)
    for envelope in handed:
        known = world["support"].receive(envelope).recall_all(Acme.product)
        assert all(value == qualifier for qualifier, value in known.items())
    assert 30 == len(at(world, "support", journey).recall_all(Acme.product))
    assert () == journey.unsent


def test_learning_is_atomic(world):
    """
    A reader sees a value and its provenance as one, never halves of two.
    """
    journey = world["sales"].begin(channel="chat")
    pairs = {"Alex": cx.Known.OBSERVED, "Sasha": cx.Known.STATED}
    journey.learn(Acme.full_name, "Alex", known=cx.Known.OBSERVED)
    done = threading.Event()

    def learn() -> None:
        for _ in range(100):
            for value, known in pairs.items():
                journey.correct(Acme.full_name, value, known=known)
        done.set()

    def read() -> bool:
        seen = True
        while not done.is_set():
            fact = journey.fact(Acme.full_name)
            seen = seen and pairs[fact.value] is fact.known
        return seen

    assert [None, True] == together(learn, read)


def test_a_value_that_is_refused_leaves_nothing_behind(world):
    """
    A failing learn in one thread does not disturb another's.
    """
    journey = world["sales"].begin(channel="chat")
    wrong: Any = 5

    def fail() -> None:
        for _ in range(50):
            with pytest.raises(ValueDoesNotFitError):
                journey.learn(Acme.full_name, wrong)

    def learn() -> None:
        for number in range(50):
            journey.learn(Acme.attempts, number)

    together(fail, learn)

    assert 49 == journey.recall(Acme.attempts)
    assert (31,) == journey.unsent


def test_two_threads_avoid_a_question_once(world):
    """
    However many threads need a field, its question was avoided once.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    arrived = at(world, "support", journey)
    together(*[lambda: arrived.needs(Acme.full_name)] * 4)

    assert 1 == len(world.told(Avoided))


def test_the_steps_of_a_promise_stay_in_order(world):
    """
    Of two threads that end one promise, one does, and the other is refused.
    """
    journey = world["sales"].begin(channel="chat")
    promise = journey.promise("refund", wording="By Friday")

    def end(act: Callable[[str], Any]) -> str:
        try:
            act(promise.id)
        except UsageError:
            return "refused"
        return "done"

    results = together(lambda: end(journey.keep), lambda: end(journey.miss))

    assert "done" in results
    assert journey.promises[0].status is not cx.PromiseStatus.OPEN


# --- merging in both directions ----------------------------------------------------


class Pausing:
    """
    A journey's lock that waits, once taken, until another thread has one too.
    """

    def __init__(self, lock: Any, both: threading.Barrier) -> None:
        self._lock = lock
        self._both = both
        self._paused = False

    def __enter__(self) -> None:
        self._lock.acquire()
        if not self._paused:
            self._paused = True
            # In one order, the other thread waits for this very lock.
            with suppress(threading.BrokenBarrierError):
                self._both.wait(0.3)

    def __exit__(self, *_details: object) -> None:
        self._lock.release()


def test_merging_two_journeys_in_both_directions_at_once_does_not_deadlock(world):
    """
    Each thread holds the first lock when it wants the second, and both come through.
    """
    journey = world["sales"].begin(channel="chat")
    fork = journey.fork()
    journey.learn(Acme.full_name, "Alex")
    fork.learn(Acme.email, "alex@example.com")
    both = threading.Barrier(2)
    journey._lock = Pausing(journey._lock, both)
    fork._lock = Pausing(fork._lock, both)
    threads = [
        threading.Thread(target=journey.merge, args=(fork,), daemon=True),
        threading.Thread(target=fork.merge, args=(journey,), daemon=True),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_ENOUGH_S)

    assert [False, False] == [thread.is_alive() for thread in threads]
    for each in (journey, fork):
        assert "Alex" == each.recall(Acme.full_name)
        assert "alex@example.com" == each.recall(Acme.email)


def test_merging_back_and_forth_from_two_threads_loses_nothing(world):
    """
    Two branches that learn and merge each other end up knowing all.
    """
    journey = world["sales"].begin(channel="chat")
    fork = journey.fork()

    def work(mine: cx.Journey[Any], other: cx.Journey[Any], name: str) -> None:
        for number in range(5):
            mine.learn(Acme.product, name, qualifier=f"{name}{number}")
            mine.merge(other)

    together(lambda: work(journey, fork, "a"), lambda: work(fork, journey, "b"))
    journey.merge(fork)

    assert 10 == len(journey.recall_all(Acme.product))


# --- tasks -----------------------------------------------------------------------


def test_nothing_that_two_tasks_learn_is_lost(world):
    """
    Tasks that take turns at every await see each other's facts at once.
    """
    journey = world["sales"].begin(channel="chat")

    async def learn(name: str) -> None:
        for number in range(20):
            journey.learn(Acme.product, name, qualifier=f"{name}{number}")
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(learn("a"), learn("b"))

    asyncio.run(main())

    assert 40 == len(at(world, "support", journey).recall_all(Acme.product))


def test_two_tasks_may_ask_at_once(world):
    """
    While one task waits for the customer, others work; both answers are learned.
    """
    journey = world["sales"].begin(channel="chat")
    answers = {
        "What is your name?": "Alex",
        "What is email?": "alex@example.com",
    }

    async def ask(question: str) -> str:
        await asyncio.sleep(0.01)
        return answers[question]

    async def main() -> list[Any]:
        return await asyncio.gather(
            journey.ask_once_async(Acme.full_name, ask),
            journey.ask_once_async(Acme.email, ask),
        )

    assert ["Alex", "alex@example.com"] == asyncio.run(main())
    assert 2 == len(world.told(Asked))


def test_a_task_may_hand_over_while_another_learns(world):
    """
    A hand-over in a worker thread and a task that learns share the journey.
    """
    journey = world["sales"].begin(channel="chat")

    async def learn() -> None:
        for number in range(30):
            journey.learn(Acme.product, "x", qualifier=str(number))
            await asyncio.sleep(0)

    async def hand_over() -> None:
        for _ in range(5):
            await asyncio.to_thread(journey.hand_over, "support")

    async def main() -> None:
        await asyncio.gather(learn(), hand_over())

    asyncio.run(main())

    assert 30 == len(at(world, "support", journey).recall_all(Acme.product))


# --- many journeys of one department ------------------------------------------------


def test_one_department_serves_many_threads(world):
    """
    Threads that receive the same envelope get journeys of their own.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    envelope = journey.hand_over("support")

    def serve(number: int) -> tuple[Any, Any]:
        arrived = world["support"].receive(envelope)
        arrived.learn(Acme.attempts, number)
        return arrived.recall(Acme.full_name), arrived.recall(Acme.attempts)

    served = together(*[lambda number=number: serve(number) for number in range(6)])

    assert [("Alex", number) for number in range(6)] == served
