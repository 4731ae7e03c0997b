"""
Celery: the contract, on Redis and RabbitMQ, with a worker of threads in this process.
"""

from __future__ import annotations

from contextlib import contextmanager

import celery
import pytest
import redis
from celery import signals
from celery.contrib.testing.worker import start_worker
from kombu import Queue

from cxcontext.queues.celery import setup_sender, setup_worker
from cxcontext.testing.contract import HandlerError, QueueContract


def app_at(url, **options):
    """
    Return an app at a broker, whose results nobody wants.
    """
    app = celery.Celery("shop", broker=url, set_as_current=False, **options)
    app.conf.update(
        task_ignore_result=True,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        worker_prefetch_multiplier=4,
        # Nobody else's tasks are taken, whatever else runs there.
        task_create_missing_queues=False,
    )
    return app


class CeleryContract(QueueContract):
    """
    One app for both ends; each end has signals of its own.
    """

    module = "cxcontext.queues.celery"
    library = "celery"
    url: str

    def options(self):
        """
        Return options of the broker's transport.
        """
        return {}

    @contextmanager
    def producing(self, messages, queue):
        """
        Send tasks.
        """
        setup_sender(messages)
        try:
            yield lambda body, by_hand: self.work.apply_async(
                [body.decode()], queue=queue, headers=dict(by_hand) or None
            )
        finally:
            signals.before_task_publish.disconnect(dispatch_uid="cxcontext")

    @contextmanager
    def consuming(self, messages, queue, handler):
        """
        Run them, and once more what failed.
        """
        self.app = app_at(self.url)
        self.app.conf.update(
            task_queues=[Queue(queue, routing_key=queue)],
            broker_transport_options=self.options(),
        )

        @self.app.task(
            name=queue,
            shared=False,
            autoretry_for=[HandlerError],
            default_retry_delay=0,
        )
        def work(body):
            handler(body.encode())

        self.work = work
        setup_worker(messages)
        try:
            with start_worker(
                self.app,
                pool="threads",
                concurrency=4,
                perform_ping_check=False,
                shutdown_timeout=30,
                loglevel="DEBUG",
            ) as worker:
                # Else it is asleep, and sees late that it is to end.
                worker.timer.call_repeatedly(0.05, int)
                yield
        finally:
            signals.task_prerun.disconnect(dispatch_uid="cxcontext")
            signals.task_postrun.disconnect(dispatch_uid="cxcontext")
            with self.app.connection() as connection:
                connection.default_channel.queue_delete(queue)
            self.app.close()

    def produce_raw(self, queue, body, values):
        """
        Publish a task as Celery does, without its signals.
        """
        (value,) = values
        headers, properties, content, _ = self.app.amqp.as_task_v2(
            celery.utils.uuid(), self.work.name, [body.decode()]
        )
        headers[self.name] = value
        with self.app.producer_pool.acquire() as producer:
            producer.publish(
                content,
                headers=headers,
                exchange="",
                routing_key=queue,
                serializer="json",
                **properties,
            )


class TestOnRedis(CeleryContract):
    """
    With Redis as the broker.
    """

    @pytest.fixture(autouse=True)
    def _broker(self, redis_url):
        self.url = redis_url
        self.prefix = "cx-celery-tests:"
        yield
        client = redis.Redis.from_url(redis_url)
        for key in client.scan_iter(f"{self.prefix}*"):
            client.delete(key)
        client.close()

    def options(self):
        """
        Return a prefix, for others use this Redis, too.
        """
        return {"global_keyprefix": self.prefix}


class TestOnRabbitMQ(CeleryContract):
    """
    With RabbitMQ as the broker.
    """

    @pytest.fixture(autouse=True)
    def _broker(self, rabbitmq_url):
        self.url = rabbitmq_url
