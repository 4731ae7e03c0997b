"""
The journey carried to threads, executors and tasks; and nobody's where it was not.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import multiprocessing
import pickle
import threading
import weakref
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from acme import Acme

import cxcontext as cx
from cxcontext.core.events import Unsent
from cxcontext.errors import NoJourneyError, NotPicklableError, UsageError


@pytest.fixture
def journey(sales):
    """
    A journey that just began.
    """
    return sales.begin(channel="chat")


@pytest.fixture
def other(sales):
    """
    Another customer's journey.
    """
    return sales.begin(channel="chat")


@pytest.fixture
def pool():
    """
    An executor with one thread, which is the same for all.
    """
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.fixture
def carrying():
    """
    An executor of ours with one thread, which is the same for all.
    """
    with cx.CarryingExecutor(1) as pool:
        yield pool


def learn(name):
    """
    Learn a name.
    """
    cx.require_current().learn(Acme.full_name, name)


class TestCarry:
    """
    One function, called elsewhere.
    """

    def test_a_thread_has_what_was_current(self, journey):
        """
        A thread sees the journey of whoever made it, also when that one is done.
        """
        found = []
        with cx.bound(journey):
            thread = threading.Thread(
                target=cx.carry(lambda: found.append(cx.current()))
            )
        thread.start()
        thread.join()

        assert [journey] == found

    def test_a_thread_that_carries_nothing_is_told_what_to_do(self, journey, pool):
        """
        Where nothing was carried, the error names the remedy.
        """
        with cx.bound(journey):
            asked = pool.submit(cx.require_current)
            with pytest.raises(NoJourneyError, match=r"carry\(function\)"):
                asked.result()

    def test_none_is_carried_too(self, journey, pool):
        """
        What was made where nothing was current finds nothing, whoever calls it.
        """
        carried = cx.carry(cx.current)
        with cx.bound(journey):
            assert (None, journey) == (carried(), cx.current())

    def test_a_reused_thread_has_nobody_again(self, journey, other, pool):
        """
        A pool's thread serves one customer after the other, and nobody in between.
        """
        found = []
        for mine in (journey, other):
            with cx.bound(mine):
                found.append(pool.submit(cx.carry(cx.current)).result())
                found.append(pool.submit(cx.current).result())

        assert [journey, None, other, None] == found

    def test_what_fails_leaves_nobody_behind(self, journey, pool):
        """
        A thread whose function raised has no journey afterwards.
        """

        def fail():
            raise LookupError

        with cx.bound(journey):
            failed = pool.submit(cx.carry(fail)).exception()

        assert (LookupError, None) == (type(failed), pool.submit(cx.current).result())

    def test_arguments_and_results_pass(self, journey):
        """
        It is called as the function itself.
        """
        with cx.bound(journey):
            carried = cx.carry("{} {name}".format)

        assert "1 Ada" == carried(1, name="Ada")

    def test_an_executor_of_an_event_loop_takes_it(self, journey, pool):
        """
        `run_in_executor`, which copies no context, calls it with the journey.
        """

        async def main():
            loop = asyncio.get_running_loop()
            with cx.bound(journey):
                bare = loop.run_in_executor(pool, cx.current)
                carried = loop.run_in_executor(pool, cx.carry(cx.current))
                return await bare, await carried

        assert (None, journey) == asyncio.run(main())

    def test_a_task_may_outlive_the_request(self, journey):
        """
        A coroutine function keeps the journey to its end, and is still one.
        """

        async def work(over):
            await over.wait()
            return cx.current()

        async def main():
            over = asyncio.Event()
            with cx.bound(journey):
                carried = cx.carry(work)
                task = asyncio.create_task(carried(over))
            over.set()
            return inspect.iscoroutinefunction(carried), carried.__name__, await task

        assert (True, "work", journey) == asyncio.run(main())

    def test_an_object_that_is_awaited_is_carried_as_that(self, journey):
        """
        An object with an asynchronous call, and a partial function, are awaited.
        """

        class Work:
            async def __call__(self):
                await asyncio.sleep(0)
                return cx.current()

        async def main():
            with cx.bound(journey):
                works = [
                    cx.carry(Work()),
                    cx.carry(functools.partial(Work.__call__, None)),
                ]
            return [await work() for work in works]

        assert [journey, journey] == asyncio.run(main())

    @pytest.mark.parametrize("kind", ["generator", "asynchronous generator"])
    def test_a_generator_is_refused(self, kind, journey):
        """
        Its body would run when the journey is gone again.
        """

        def parts():
            yield

        async def parts_async():
            yield

        with pytest.raises(UsageError, match="consumed"):
            cx.carry(parts if kind == "generator" else parts_async)

    def test_it_shows_no_argument(self, journey):
        """
        Its repr has the function's name, and of a partial one not even that.
        """
        with cx.bound(journey):
            shown = (
                repr(cx.carry(learn)),
                repr(cx.carry(functools.partial(learn, "Ada"))),
            )

        assert ("<learn carrying <Journey ", True, False) == (
            shown[0][:25],
            shown[1].startswith("<partial carrying <Journey "),
            "Ada" in "".join(shown),
        )

    def test_pickling_is_refused_with_advice(self, journey):
        """
        A pickle would be a way past the envelope.
        """
        with cx.bound(journey):
            carried = cx.carry(learn)
        with pytest.raises(NotPicklableError, match="hand_over"):
            pickle.dumps(carried)

    def test_a_process_pool_refuses_with_advice(self, journey):
        """
        Who submits it to processes learns from the future what to pass instead.
        """
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as processes, cx.bound(journey):
            failed = processes.submit(cx.carry(learn), "Ada").exception()

        assert isinstance(failed, NotPicklableError)
        assert "journey.save()" in str(failed)

    def test_when_all_is_done_the_journey_is_forgotten(self, sales):
        """
        Neither the thread nor a task that goes on keeps a customer's values alive.
        """

        async def main():
            over, journey = asyncio.Event(), sales.begin(channel="chat")
            gone = weakref.ref(journey)
            with cx.bound(journey), cx.CarryingExecutor(1) as pool:
                task = asyncio.create_task(over.wait())
                await asyncio.get_running_loop().run_in_executor(pool, learn, "Ada")
            del journey
            gc.collect()
            found = gone()
            over.set()
            return found, await task

        assert (None, True) == asyncio.run(main())


class TestCarryingExecutor:
    """
    A pool whose threads have what their callers have.
    """

    def test_submit_and_map_carry(self, journey, other, carrying):
        """
        Whatever is submitted has its caller's journey, in one and the same thread.
        """
        found = []
        for mine in (journey, None, other):
            with cx.bound(mine):
                found.append(carrying.submit(cx.current).result())
                found += carrying.map(lambda _: cx.current(), range(2))

        assert [journey] * 3 + [None] * 3 + [other] * 3 == found

    def test_it_can_be_the_default_of_an_event_loop(self, journey, carrying):
        """
        Event loops take a `ThreadPoolExecutor` only, and it is one.
        """

        async def main():
            loop = asyncio.get_running_loop()
            loop.set_default_executor(carrying)
            with cx.bound(journey):
                return await loop.run_in_executor(None, cx.current)

        assert journey is asyncio.run(main())


class TestUnsent:
    """
    What is learned elsewhere is reported by whoever ends last.
    """

    def test_a_thread_within_the_request_reports_nothing(
        self, journey, world, carrying
    ):
        """
        The request may still send what its threads have learned.
        """
        with cx.bound(journey):
            carrying.submit(learn, "Ada").result()
            in_between = list(world.told(Unsent))
            journey.save()

        assert ([], []) == (in_between, world.told(Unsent))

    def test_work_that_goes_on_reports_at_its_end(self, journey, world):
        """
        Begun within the request and ended after it, it has the last word.
        """

        async def work(begun, over):
            begun.set()
            await over.wait()
            learn("Ada")

        async def main():
            begun, over = asyncio.Event(), asyncio.Event()
            with cx.bound(journey):
                task = asyncio.create_task(cx.carry(work)(begun, over))
                await begun.wait()
                journey.learn(Acme.order_number, "A-118")
            in_between = list(world.told(Unsent))
            over.set()
            await task
            return in_between

        assert ([], [(1, 10)]) == (
            asyncio.run(main()),
            [event.fields for event in world.told(Unsent)],
        )

    def test_work_that_begins_later_reports_for_itself(self, journey, world, pool):
        """
        Work that starts when the request is over is a unit of work of its own.
        """
        with cx.bound(journey):
            carried = cx.carry(learn)
        before = list(world.told(Unsent))
        pool.submit(carried, "Ada").result()

        assert ([], [(1,)]) == (
            before,
            [event.fields for event in world.told(Unsent)],
        )

    def test_what_background_work_takes_home_is_not_reported(
        self, journey, world, pool
    ):
        """
        Facts that a home or a save took meanwhile are lost to nobody.
        """

        def work():
            learn("Ada")
            return cx.require_current().save()

        with cx.bound(journey):
            carried = cx.carry(work)
        rests = pool.submit(carried).result()

        assert ([], "Ada") == (
            world.told(Unsent),
            world["sales"].resume(rests).recall(Acme.full_name),
        )
