"""
Billing's tasks, for real workers: ``celery -A celery_shop worker``.

The keys are in the directory that the environment names; each task writes down what it
saw in a list in Redis, which the test reads.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import celery
import redis

import cxcontext as cx
from cxcontext.homes import Home
from cxcontext.queues.celery import setup
from cxcontext.queues.messages import Messages, requires_context
from cxcontext.stores.redis import RedisStore
from cxcontext.testing.contract import Shop
from cxcontext.testing.shop import DOMAIN, customer

KEYS = Path(os.environ["SHOP_KEYS"])
QUEUE = os.environ["SHOP_QUEUE"]
NOTES = redis.Redis.from_url(os.environ["SHOP_NOTES"])
# The queue itself is a list in Redis, too.
SEEN, REFUSED = f"{QUEUE}-seen", f"{QUEUE}-refused"

app = celery.Celery("celery_shop", broker=os.environ["SHOP_BROKER"])
app.conf.update(
    task_default_queue=QUEUE,
    result_backend=os.environ["SHOP_NOTES"],
    broker_transport_options=json.loads(os.environ.get("SHOP_TRANSPORT", "{}")),
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
)


def note_refused(event):
    """
    Count what was refused, in whichever process.
    """
    if isinstance(event, cx.events.Rejected):
        NOTES.rpush(REFUSED, event.code)


domain = cx.TrustDomain(DOMAIN, Shop, keys=cx.KeySet.load(KEYS / "public.json"))
billing = domain.department(
    "billing",
    keys=cx.PrivateKeys.load(KEYS / "billing.json"),
    on_event=note_refused,
)
home = Home(
    RedisStore.from_url(os.environ["SHOP_NOTES"], prefix=QUEUE), pepper=b"p" * 32
)
setup(
    Messages(
        propagator=cx.Propagator(billing, [cx.Destination("billing", queues=[QUEUE])])
    )
)


def note(**seen):
    """
    Write down what was seen, and in which process.
    """
    NOTES.rpush(SEEN, json.dumps({**seen, "process": os.getpid()}))


@app.task
def see(whose, pause_s=0.0):
    """
    Say whose journey is current, before and after a while.
    """
    before = customer().decode()
    time.sleep(pause_s)
    note(task="see", whose=whose, seen=[before, customer().decode()])
    return whose


@app.task
def see_all(results, whose):
    """
    As `see`, for the body of a chord.
    """
    note(task="see_all", whose=whose, seen=[customer().decode()] * 2)


@app.task(bind=True, max_retries=2)
def retry(self, whose):
    """
    Ask to be tried again.
    """
    journey = cx.current()
    replayed = journey is not None and journey.replayed
    seen = [customer().decode(), "replayed" if replayed else customer().decode()]
    note(task=f"retry {self.request.retries}", whose=whose, seen=seen)
    if self.request.retries < 2:
        raise self.retry(countdown=0.01)


@app.task(autoretry_for=[ValueError], max_retries=1, retry_backoff=False)
def retry_by_itself(whose):
    """
    Fail once.
    """
    note(task="retry_by_itself", whose=whose, seen=[customer().decode()] * 2)
    celery.current_task.default_retry_delay = 0
    if celery.current_task.request.retries == 0:
        raise ValueError


@app.task
def send_on(whose):
    """
    Send another task.
    """
    see.delay(whose)


@app.task(bind=True)
def replace(self, whose):
    """
    Let another task take the place of this one, under its id.
    """
    raise self.replace(see.s(whose))


@app.task
@requires_context
def only_with(whose):
    """
    Run with a journey only.
    """
    note(task="only_with", whose=whose, seen=[customer().decode()] * 2)
    return whose


@app.task
def learn(email):
    """
    Learn something, and bring it home.
    """
    journey = cx.require_current()
    journey.learn(Shop.email, email)
    return str(home.contribute(journey))
