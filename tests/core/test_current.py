"""
The current journey: always bound, always restored, never another customer's.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import copy_context

import pytest
from acme import Acme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cxcontext as cx
from cxcontext.core.events import Unsent
from cxcontext.errors import NoJourneyError


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


class Stop(Exception):  # noqa: N818
    """
    Ends a unit of work.
    """


class TestBinding:
    """
    What is current, and for how long.
    """

    def test_nothing_is_current_at_first(self):
        """
        Without a binding there is no journey.
        """
        assert cx.current() is None

    def test_a_bound_journey_is_current(self, journey):
        """
        Inside, the journey is current, and `bound` hands it over, too.
        """
        with cx.bound(journey) as given_back:
            found = cx.current()

        assert (journey, journey) == (found, given_back)

    def test_it_is_current_no_longer_than_that(self, journey):
        """
        After the unit of work there is no journey again.
        """
        with cx.bound(journey):
            pass

        assert cx.current() is None

    def test_nested_work_restores_the_outer_journey(self, journey, other):
        """
        The end of an inner unit of work brings back the outer one's journey.
        """
        with cx.bound(journey):
            with cx.bound(other):
                inner = cx.current()
            outer = cx.current()

        assert (other, journey) == (inner, outer)

    def test_none_hides_the_outer_journey(self, journey):
        """
        A unit of work to which nothing came does not see who was there before.
        """
        with cx.bound(journey):
            with cx.bound(None) as given_back:
                inner = cx.current()
            outer = cx.current()

        assert (None, None, journey) == (inner, given_back, outer)

    def test_an_exception_restores_the_outer_journey(self, journey, other):
        """
        Work that fails is restored like work that succeeds, and its error passes.
        """
        with cx.bound(journey):
            with pytest.raises(Stop), cx.bound(other):
                raise Stop
            found = cx.current()

        assert journey is found

    @given(chosen=st.lists(st.sampled_from([None, 0, 1]), max_size=8))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_nesting_is_restored_step_by_step(self, chosen, journey, other):
        """
        However deep, each end brings back what was current before its beginning.
        """
        journeys = [None if c is None else (journey, other)[c] for c in chosen]
        seen = []
        stack = [ExitStack() for _ in journeys]
        for exit_stack, bound in zip(stack, journeys, strict=True):
            seen.append(cx.current())
            exit_stack.enter_context(cx.bound(bound))
        restored = []
        for exit_stack in reversed(stack):
            exit_stack.close()
            restored.append(cx.current())

        assert seen == restored[::-1]

    def test_where_one_is_required_it_is_returned(self, journey):
        """
        `require_current` returns the journey that is current.
        """
        with cx.bound(journey):
            assert journey is cx.require_current()

    @pytest.mark.parametrize("inside", [True, False])
    def test_where_one_is_required_none_is_an_error(self, inside):
        """
        `require_current` raises outside any work, and where nothing came.
        """
        with ExitStack() as stack:
            if inside:
                stack.enter_context(cx.bound(None))
            with pytest.raises(NoJourneyError, match=r"bound\(journey\)"):
                cx.require_current()


class TestInheritance:
    """
    Who sees the journey of a unit of work besides itself.
    """

    def test_tasks_and_to_thread_inherit_it(self, journey):
        """
        What is started with `create_task` and `to_thread` has the journey.
        """

        async def work():
            return cx.current()

        async def main():
            with cx.bound(journey):
                task = asyncio.create_task(work())
                return await task, await asyncio.to_thread(cx.current)

        assert (journey, journey) == asyncio.run(main())

    def test_a_task_that_outlives_the_work_sees_it_no_longer(self, journey):
        """
        What a task inherited is empty when the request is over.
        """

        async def work(over):
            during = cx.current()
            await over.wait()
            return during, cx.current()

        async def main():
            over = asyncio.Event()
            with cx.bound(journey):
                task = asyncio.create_task(work(over))
                await asyncio.sleep(0)
            over.set()
            return await task

        assert (journey, None) == asyncio.run(main())

    def test_a_worker_begun_within_a_request_has_no_strangers_journey(
        self, journey, other
    ):
        """
        A worker that the first request happened to start serves the second one
        without the first one's customer.
        """

        async def worker(asked, answers):
            while True:
                answers.put_nowait((await asked.get(), cx.current()))

        async def main():
            asked, answers, workers = asyncio.Queue(), asyncio.Queue(), []
            for request in (journey, other):
                with cx.bound(request):
                    if not workers:
                        workers.append(asyncio.create_task(worker(asked, answers)))
                    await asyncio.sleep(0)
                    if request is other:
                        asked.put_nowait(request)
                        found = await answers.get()
            workers[0].cancel()
            return found

        assert (other, None) == asyncio.run(main())

    def test_a_thread_with_a_copied_context_sees_it_no_longer(self, journey):
        """
        Nor does a thread that was given a copy of the request's context.
        """
        with cx.bound(journey):
            context = copy_context()
            during = context.run(cx.current)

        assert (journey, None) == (during, context.run(cx.current))

    def test_plain_threads_do_not_inherit_it(self, journey):
        """
        A thread that was merely started sees nobody's journey.
        """
        with cx.bound(journey), ThreadPoolExecutor() as pool:
            assert pool.submit(cx.current).result() is None


class TestGenerators:
    """
    A binding inside a generator, which others may end.
    """

    def test_another_task_may_close_it(self, journey):
        """
        Closing it in another task raises nothing.
        """

        async def stream():
            with cx.bound(journey):
                yield 1
                yield 2

        async def main():
            generator = stream()
            await anext(generator)
            await asyncio.create_task(generator.aclose())

        asyncio.run(main())

    def test_another_tasks_journey_stays(self, journey, other, sales):
        """
        Whoever closes it does not get the journey that was current around it.
        """
        mine = sales.begin(channel="chat")

        async def stream():
            with cx.bound(journey):
                yield 1

        async def closing(generator):
            with cx.bound(mine):
                await generator.aclose()
                return cx.current()

        async def main():
            generator = stream()

            async def first():
                with cx.bound(other):
                    await anext(generator)

            await asyncio.create_task(first())
            return await asyncio.create_task(closing(generator))

        assert mine is asyncio.run(main())

    def test_a_task_without_a_journey_gets_none(self, journey, other):
        """
        Where nothing was current, nothing is after closing somebody's generator.
        """

        def stream():
            with cx.bound(None):
                yield 1

        async def closing(generator):
            with cx.bound(None):
                generator.close()
                return cx.current()

        async def main():
            generator = stream()

            async def first():
                with cx.bound(other):
                    next(generator)

            await asyncio.create_task(first())
            return await asyncio.create_task(closing(generator))

        assert asyncio.run(main()) is None

    def test_another_thread_may_close_it(self, journey, other):
        """
        Closing it in another thread raises nothing and changes nothing there.
        """

        def stream():
            with cx.bound(journey):
                yield 1

        def closing(generator):
            with cx.bound(other):
                generator.close()
                return cx.current()

        generator = stream()
        copy_context().run(next, generator)
        with ThreadPoolExecutor() as pool:
            assert other is pool.submit(closing, generator).result()

    @pytest.mark.filterwarnings("error")
    def test_the_garbage_collector_may_close_it(self, journey):
        """
        A forgotten generator ends without a warning.
        """

        def stream():
            with cx.bound(journey):
                yield 1

        def work():
            next(stream())
            gc.collect()

        copy_context().run(work)

        assert cx.current() is None


class TestTwoCustomers:
    """
    One process, many units of work at once.
    """

    def test_two_hundred_interleaved_tasks_keep_to_their_own(self, sales):
        """
        However tasks of two customers take turns, each sees its own journey only.
        """
        journeys = {}
        for name in ("Ada", "Bob"):
            journeys[name] = sales.begin(channel="chat")
            journeys[name].learn(Acme.full_name, name)

        async def request(name, turns):
            seen = set()
            with cx.bound(journeys[name]):
                for _ in range(turns):
                    await asyncio.sleep(0)
                    seen.add(cx.require_current().recall(Acme.full_name))
                    seen.add(await asyncio.create_task(inner()))
            return name, seen | {cx.current()}

        async def inner():
            await asyncio.sleep(0)
            return cx.require_current().recall(Acme.full_name)

        async def main():
            names = ("Ada", "Bob") * 100
            return await asyncio.gather(
                *(request(name, 1 + turns % 7) for turns, name in enumerate(names))
            )

        assert {
            ("Ada", frozenset({"Ada", None})),
            ("Bob", frozenset({"Bob", None})),
        } == {(name, frozenset(seen)) for name, seen in asyncio.run(main())}

    def test_two_hundred_units_in_threads_keep_to_their_own(self, sales):
        """
        Reused threads show the journey of the present unit of work, or none.
        """
        journeys = {}
        for name in ("Ada", "Bob"):
            journeys[name] = sales.begin(channel="chat")
            journeys[name].learn(Acme.full_name, name)
        meet = threading.Barrier(8)

        def request(name):
            before = cx.current()
            with cx.bound(journeys[name]):
                meet.wait()
                seen = cx.require_current().recall(Acme.full_name)
                meet.wait()
            return name, before, seen, cx.current()

        with ThreadPoolExecutor(max_workers=8) as pool:
            found = Counter(pool.map(request, ("Ada", "Bob") * 100))

        assert {
            ("Ada", None, "Ada", None): 100,
            ("Bob", None, "Bob", None): 100,
        } == found


class TestUnsent:
    """
    What a unit of work learned and nobody took.
    """

    def test_what_nothing_took_is_reported_by_number(self, journey, world):
        """
        Work that ends with facts that nothing carried raises one event with them.
        """
        with cx.bound(journey):
            journey.learn(Acme.order_number, "A-118")
            journey.learn(Acme.full_name, "Ada")
            journey.refused(Acme.email)

        assert [
            Unsent(department="sales", journey_id=None, fields=(1, 2, 10))
        ] == world.told(Unsent)

    def test_nothing_learned_is_nothing_unsent(self, journey, world):
        """
        Work that learned nothing ends without the event.
        """
        with cx.bound(journey):
            journey.recall(Acme.order_number)

        assert [] == world.told(Unsent)

    @pytest.mark.parametrize(
        "take",
        [
            lambda journey: journey.hand_over("billing"),
            lambda journey: journey.save(),
        ],
        ids=["hand_over", "save"],
    )
    def test_what_was_taken_is_not_reported(self, journey, world, take):
        """
        A hand-over or a save takes what was learned before it.
        """
        with cx.bound(journey):
            journey.learn(Acme.full_name, "Ada")
            take(journey)

        assert [] == world.told(Unsent)

    def test_what_was_learned_after_is_reported_alone(self, journey, world):
        """
        Only what came after the last hand-over is unsent.
        """
        with cx.bound(journey):
            journey.learn(Acme.full_name, "Ada")
            journey.hand_over("billing")
            journey.learn(Acme.order_number, "A-118")

        assert [(10,)] == [event.fields for event in world.told(Unsent)]

    def test_what_was_learned_while_sealing_is_reported(self, journey, world):
        """
        A carrier takes what was sealed for it, not what was learned meanwhile.
        """
        with cx.bound(journey):
            journey.learn(Acme.full_name, "Ada")
            journey.seal_for("billing")
            journey.learn(Acme.order_number, "A-118")
            journey.correct(Acme.full_name, "Eda")
            journey.asking(Acme.email)
            journey.carried()

        assert [(1, 2, 10)] == [event.fields for event in world.told(Unsent)]

    def test_sealing_alone_takes_nothing(self, journey, world):
        """
        An envelope that no carrier took leaves its facts unsent.
        """
        with cx.bound(journey):
            journey.learn(Acme.full_name, "Ada")
            journey.seal_for("billing")

        assert [(1,)] == [event.fields for event in world.told(Unsent)]

    def test_an_export_takes_nothing(self, journey, world):
        """
        What a partner is given is not known to our departments by that.
        """
        with cx.bound(journey):
            journey.learn(Acme.full_name, "Ada")
            journey.export_to("carrier")

        assert [(1,)] == [event.fields for event in world.told(Unsent)]

    def test_what_a_fork_learned_is_reported_by_who_merged_it(self, journey, world):
        """
        A merge hands the duty to carry on: the fork is rid of it.
        """
        with cx.bound(journey):
            with cx.bound(journey.fork()) as fork:
                fork.learn(Acme.full_name, "Ada")
                journey.merge(fork)
            in_between = list(world.told(Unsent))

        assert ([], [(1,)]) == (
            in_between,
            [event.fields for event in world.told(Unsent)],
        )

    def test_work_that_fails_reports_too(self, journey, world):
        """
        An exception does not hide what was lost with it.
        """
        journey.learn(Acme.full_name, "Ada")
        with pytest.raises(Stop), cx.bound(journey):
            raise Stop

        assert [(1,)] == [event.fields for event in world.told(Unsent)]

    def test_what_is_learned_when_all_is_over_is_reported_at_once(self, journey, world):
        """
        No end of work will report what a task learns after the last one.
        """
        with cx.bound(journey):
            pass
        journey.learn(Acme.full_name, "Ada")
        journey.refused(Acme.email)

        assert [(1,), (2,)] == [event.fields for event in world.told(Unsent)]

    def test_work_taken_up_again_reports_at_its_end(self, journey, world):
        """
        A journey that is bound a second time has an end of work again.
        """
        with cx.bound(journey):
            pass
        with cx.bound(journey):
            journey.learn(Acme.full_name, "Ada")
            journey.save()

        assert [] == world.told(Unsent)

    def test_a_fork_merged_when_all_is_over_is_reported_at_once(self, journey, world):
        """
        What is merged then is as lost as what is learned then.
        """
        with cx.bound(journey):
            fork = journey.fork()
        fork.learn(Acme.full_name, "Ada")
        journey.merge(fork)

        assert [(1,)] == [event.fields for event in world.told(Unsent)]

    def test_bound_inside_itself_it_is_reported_once(self, journey, world):
        """
        Of nested units of work on one journey the outermost reports.
        """
        with cx.bound(journey):
            with cx.bound(journey):
                journey.learn(Acme.full_name, "Ada")
            in_between = list(world.told(Unsent))

        assert ([], [(1,)]) == (
            in_between,
            [event.fields for event in world.told(Unsent)],
        )
