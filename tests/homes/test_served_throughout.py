"""
What waits and what awaits; requests that are served while a store comes and goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading

import httpx
import pytest
from acme import Acme
from keeping import KEYS, PEPPER, references_on
from messages import DESTINATIONS, NAME, PATIENCE_S, Message, grown

import cxcontext as cx
from cxcontext.errors import UnavailableError, UsageError
from cxcontext.homes import AsyncHome, AsyncReferences
from cxcontext.stores.memory import MemoryStore
from cxcontext.stores.threads import InThreads
from cxcontext.web.asgi import CustomerContextMiddleware
from cxcontext.web.http import FIELD


class TestWaiting:
    """
    What waits and what awaits, side by side.
    """

    def test_a_sync_propagator_says_that_its_store_is_awaited(self, sales):
        """
        At once, and not first when a journey happens to be too large.
        """
        slow = InThreads(MemoryStore())
        for what in (
            {"references": AsyncReferences(slow, keys=KEYS, pepper=PEPPER)},
            {"log": AsyncHome(slow, pepper=PEPPER)},
        ):
            propagator = cx.Propagator(sales, DESTINATIONS, **what)
            message = Message(cx.Limits())
            with pytest.raises(UsageError, match=r"inject_async\(\)"):
                propagator.inject(grown(sales), message, to="billing", name=NAME)
            with pytest.raises(UsageError, match="is awaited"):
                propagator.extract(message, name=NAME)

    def test_a_waiting_store_does_not_stop_the_loop(self, sales):
        """
        References that wait are called in a thread when they are awaited.
        """

        async def both():
            references = references_on(MemoryStore())
            propagator = cx.Propagator(sales, DESTINATIONS, references=references)
            message = Message(cx.Limits(value_bytes=100))
            sent = await propagator.inject_async(
                grown(sales), message, to="billing", name=NAME
            )
            return sent.transport

        assert cx.Transport.REFERENCE is asyncio.run(both())

    @pytest.mark.parametrize("how", ["thread", "awaited"])
    def test_who_is_cancelled_has_sent_nothing(self, sales, how):
        """
        The message stays empty, and what was learned is unsent, not lost silently.
        """
        began, go_on = threading.Event(), threading.Event()

        class Slow(MemoryStore):
            def replace(self, *args, **how):
                began.set()
                go_on.wait(PATIENCE_S)
                return super().replace(*args, **how)

        store, journey = Slow(), grown(sales)
        if how == "thread":
            references = references_on(store)
        else:
            references = AsyncReferences(InThreads(store), keys=KEYS, pepper=PEPPER)
        propagator = cx.Propagator(sales, DESTINATIONS, references=references)
        message = Message(cx.Limits(value_bytes=100))

        async def cancelled():
            task = asyncio.create_task(
                propagator.inject_async(journey, message, to="billing", name=NAME)
            )
            await asyncio.to_thread(began.wait, PATIENCE_S)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            go_on.set()
            await asyncio.get_running_loop().shutdown_default_executor()

        asyncio.run(cancelled())
        gc.collect()
        unsent = journey.unsent
        asyncio.run(propagator.inject_async(journey, message, to="billing", name=NAME))

        assert ((1, 20, 50), (), 1) == (unsent, journey.unsent, len(message.values))


class Flaky(MemoryStore):
    """
    A store whose server is stopped and started.
    """

    down = False

    def load(self, *args, **how):
        """
        Load, while it is up.
        """
        self._reach()
        return super().load(*args, **how)

    def replace(self, *args, **how):
        """
        Replace, while it is up.
        """
        self._reach()
        return super().replace(*args, **how)

    def claim(self, *args, **how):
        """
        Claim, while it is up.
        """
        self._reach()
        return super().claim(*args, **how)

    def _reach(self):
        if self.down:
            raise UnavailableError("the store")


class TestServedThroughout:
    """
    Requests by reference through the ASGI middleware, while a store comes and goes.
    """

    def test_no_request_is_broken_and_nothing_acknowledged_lost(self, sales, elsewhere):
        """
        Each is served; what was sent while the store was up is read when it is again.
        """
        store, seen = Flaky(), []

        async def app(_scope, _receive, send):
            journey = cx.current()
            gap = journey and journey.gap(Acme.card_last4)
            seen.append(gap.reason if gap else journey and journey.id)
            start = {"type": "http.response.start", "status": 200, "headers": []}
            await send(start)
            await send({"type": "http.response.body", "body": b""})

        references = references_on(store)
        limits = cx.Limits(value_bytes=100)
        sender = cx.Propagator(sales, DESTINATIONS, references=references)
        receiver = cx.Propagator(elsewhere["billing"], references=references)
        served = CustomerContextMiddleware(app, receiver, limits=limits)

        async def load():
            statuses, sent_ids, retried = [], [], []
            transport = httpx.ASGITransport(app=served)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://billing.example"
            ) as client:
                for turn in range(60):
                    journey, message = grown(sales), Message(limits)
                    store.down = turn % 6 in (3, 4)
                    sent = await sender.inject_async(
                        journey, message, to="billing", name=FIELD
                    )
                    # It also goes and comes while a message is on its way.
                    store.down = turn % 6 in (2, 4)
                    headers = [(FIELD, value) for value in message.values]
                    answer = await client.get("/", headers=headers)
                    statuses.append(answer.status_code)
                    sent_ids.append(sent.transport and journey.id)
                    if seen[-1] is cx.Reason.LOST:
                        store.down = False
                        await client.get("/", headers=headers)
                        retried.append((journey.id, seen.pop()))
            return statuses, sent_ids, retried

        statuses, sent_ids, retried = asyncio.run(load())
        expected = [
            cx.Reason.LOST if turn % 6 == 2 else sent_ids[turn] for turn in range(60)
        ]

        assert ([200] * 60, expected) == (statuses, seen)
        assert 20 == sent_ids.count(None)
        assert (10, []) == (len(retried), [one for one in retried if one[0] != one[1]])
