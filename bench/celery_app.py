"""
Billing's worker, for `bench.celery_soak`: it reads, sometimes learns, and counts.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import celery
import redis

import cxcontext as cx
from cxcontext.queues.celery import setup
from cxcontext.queues.messages import Messages

DOMAIN = "shop.example"
QUEUE = "billing"


class Shop(cx.Vocabulary, revision=1):
    """
    A name and an email address.
    """

    contact = cx.Scope(1, readers={"sales", "billing"})
    full_name = cx.Field(1, str, scope=contact)
    email = cx.Field(2, str, scope=contact)


def messages_of(
    department: str, keys: Path, *, on_event: Any = None
) -> tuple[cx.Department[Shop], Messages]:
    """
    Return a department, and its messages to billing.
    """
    domain = cx.TrustDomain(DOMAIN, Shop, keys=cx.KeySet.load(keys / "public.json"))
    made = domain.department(
        department,
        keys=cx.PrivateKeys.load(keys / f"{department}.json"),
        on_event=on_event,
    )
    to_billing = cx.Destination("billing", queues=[QUEUE])
    return made, Messages(propagator=cx.Propagator(made, [to_billing]))


app = celery.Celery("soak", broker=os.environ.get("SOAK_BROKER", "memory://"))
app.conf.update(
    task_default_queue=QUEUE,
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
)


def work_as_billing() -> None:
    """
    Set up the tasks of the worker.
    """
    counts: Any = redis.Redis.from_url(os.environ["SOAK_BROKER"])

    def on_event(event: Any) -> None:
        if isinstance(event, cx.events.Rejected):
            counts.hincrby("counts", f"rejected: {event.code}")

    _, messages = messages_of(
        "billing", Path(os.environ["SOAK_KEYS"]), on_event=on_event
    )
    setup(messages)

    def work(whose: str | None, learns: bool, again: bool) -> None:  # noqa: FBT001
        journey = cx.current()
        found = journey.recall(Shop.full_name) if journey is not None else None
        counts.hincrby("counts", "own" if found == whose else "another's")
        if journey is not None and learns:
            journey.learn(Shop.email, "ada@example.com")
            journey.save()
        if again:
            # Its journey goes on, with what was learned here.
            app.send_task("work", [whose, False, False])

    app.task(name="work")(work)


if "SOAK_KEYS" in os.environ:
    work_as_billing()
