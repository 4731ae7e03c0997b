"""
RQ: the contract on Redis, and the process in which a worker performs a job.
"""

from __future__ import annotations

import multiprocessing
from contextlib import contextmanager
from datetime import timedelta

import pytest
import redis
from places import working
from rq import Queue, Retry, SimpleWorker, Worker
from rq.registry import ScheduledJobRegistry
from rq.timeouts import TimerDeathPenalty

import cxcontext as cx
from cxcontext.queues import messages as queues
from cxcontext.queues.messages import Messages
from cxcontext.queues.rq import CustomerContextQueue, CustomerContextWorker
from cxcontext.testing.contract import Process, QueueContract
from cxcontext.testing.shop import customer

HANDLERS = {}
FORK = multiprocessing.get_context("fork")


def handle(queue, body):
    """
    Handle a job: RQ finds it by its name.
    """
    HANDLERS[queue](body)


def look():
    """
    Return whose journey is current.
    """
    return customer()


def queue_of(messages):
    """
    Return a class of queues.
    """
    return type("ShopQueue", (CustomerContextQueue,), {"messages": messages})


class InThread(SimpleWorker):
    """
    A worker that runs in a thread, where no signal comes.
    """

    death_penalty_class = TimerDeathPenalty

    def _install_signal_handlers(self):
        pass


class TestRQ(QueueContract):
    """
    A worker in a thread of this process, so that the handler can be looked at.
    """

    module = "cxcontext.queues.rq"
    library = "rq"
    # RQ writes a dozen keys for each job.
    customers = 40

    @pytest.fixture(autouse=True)
    def _at(self, redis_url):
        with redis.Redis.from_url(redis_url) as self.client:
            self.made = []
            yield
            for name in self.made:
                HANDLERS.pop(name, None)
                Queue(name, connection=self.client).delete(delete_jobs=True)

    def make_queue(self):
        """
        Name a queue, which is made when it is used.
        """
        self.made.append(super().make_queue())
        return self.made[-1]

    @contextmanager
    def producing(self, messages, queue):
        """
        Enqueue a function.
        """
        jobs = queue_of(messages)(queue, connection=self.client)

        def produce(body, by_hand):
            jobs.enqueue(
                handle, queue, body, meta=dict(by_hand), retry=Retry(3), result_ttl=0
            )

        yield produce

    @contextmanager
    def consuming(self, messages, queue, handler):
        """
        Perform jobs until told to stop.
        """
        HANDLERS[queue] = handler
        made = type(
            "ShopWorker", (CustomerContextWorker, InThread), {"messages": messages}
        )

        def work(stopped):
            with redis.Redis.from_url(**self.at()) as client:
                worker = made([Queue(queue, connection=client)], connection=client)
                while not stopped.is_set():
                    worker.work(burst=True, logging_level="ERROR")
                    stopped.wait(0.02)

        with working(work):
            yield

    def at(self):
        """
        Return where Redis is.
        """
        options = self.client.connection_pool.connection_kwargs
        return {"url": f"redis://{options['host']}:{options['port']}/{options['db']}"}

    def produce_raw(self, queue, body, values):
        """
        Enqueue what nobody would.
        """
        (value,) = values
        jobs = Queue(queue, connection=self.client)
        jobs.enqueue(handle, queue, body, meta={self.name: value}, result_ttl=0)


@pytest.fixture
def client(redis_url):
    """
    A Redis.
    """
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def shop(client):
    """
    Sales' process, and a queue of billing's.
    """
    sales, name = Process(), QueueContract().make_queue()
    to_billing = cx.Destination("billing", queues=[name])
    propagator = cx.Propagator(sales.department("sales"), [to_billing])
    jobs = queue_of(Messages(propagator=propagator))(name, connection=client)
    yield sales, jobs
    for job_id in ScheduledJobRegistry(queue=jobs).get_job_ids():
        jobs.fetch_job(job_id).delete()
    jobs.delete(delete_jobs=True)


class TestJobs:
    """
    Every way in which a job is made.
    """

    def test_a_work_horse_has_the_journey(self, shop, client):
        """
        RQ performs a job in a process of its own, and the journey is there.
        """
        sales, jobs = shop
        with cx.bound(sales.begin("Grace")):
            job = jobs.enqueue(look)

        worker = FORK.Process(target=work_off, args=(jobs.name, client))
        worker.start()
        worker.join(60)

        assert b"Grace" == job.return_value(refresh=True)

    def test_jobs_that_are_due_later_or_made_together_have_it(self, shop):
        """
        `enqueue_in`, `enqueue_many` and `enqueue` go the same way.
        """
        sales, jobs = shop
        with cx.bound(sales.begin()):
            made = [
                jobs.enqueue(look),
                jobs.enqueue_in(timedelta(hours=1), look),
                *jobs.enqueue_many([Queue.prepare_data(look) for _ in range(2)]),
            ]

        assert 4 == len({job.meta[queues.NAME] for job in made})

    def test_a_dict_of_the_callers_serves_many_jobs(self, shop):
        """
        One that several jobs are given keeps nobody's journey.
        """
        sales, jobs = shop
        shared = {"tenant": "t-1"}
        with cx.bound(sales.begin()):
            job = jobs.enqueue(look, meta=shared)

        assert {"tenant": "t-1"} == shared
        assert {"tenant", queues.NAME} == {*job.meta}


def work_off(name, client):
    """
    Perform what waits, and end: the work of a process.
    """
    billing = Process().department("billing")

    class ShopWorker(CustomerContextWorker, Worker):
        messages = Messages(propagator=cx.Propagator(billing))

    worker = ShopWorker([Queue(name, connection=client)], connection=client)
    worker.work(burst=True, logging_level="ERROR")
