"""
RabbitMQ killed and started again with messages in flight.

500 of them; ``make outage`` takes 5,000.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta

import pika
import pytest
from brokers import RabbitMQServer
from pika.exceptions import AMQPError

import cxcontext as cx
from cxcontext.queues.messages import Messages
from cxcontext.queues.pika import handling, injected
from cxcontext.testing.contract import Process
from cxcontext.testing.shop import REFUSED, customer

MESSAGES = int(os.environ.get("CX_MESSAGES", "500"))
PATIENCE_S = 60 + MESSAGES / 20
QUEUE = "invoices"


@pytest.fixture
def server():
    """
    A broker of this test's own.
    """
    server = RabbitMQServer()
    try:
        server.start()
        server.ready()
        yield server
    finally:
        server.end()


class Outage:
    """
    A producer and a consumer that connect again, as programs do.
    """

    def __init__(self, url):
        self.url, self.over = url, threading.Event()
        self.sales, self.billing = Process(), Process()
        to_billing = cx.Destination(
            "billing", queues=[QUEUE], lifetime=timedelta(hours=1)
        )
        self.sending = Messages(
            propagator=cx.Propagator(self.sales.department("sales"), [to_billing])
        )
        self.receiving = Messages(
            propagator=cx.Propagator(self.billing.department("billing"))
        )
        # What was handled: body, whose journey it was, whether it was called a replay.
        self.handled, self.reconnected, self.failed = [], 0, []

    def connected(self, work):
        """
        Do work with a channel, again whenever the connection is lost.
        """
        while not self.over.is_set():
            try:
                with pika.BlockingConnection(pika.URLParameters(self.url)) as found:
                    channel = found.channel()
                    channel.queue_declare(QUEUE, durable=True)
                    return work(channel)
            except (AMQPError, OSError):
                self.reconnected += 1
                time.sleep(0.1)
            except Exception as problem:
                self.failed.append(repr(problem))
                raise
        return None

    def message(self, number):
        """
        Return the body and the properties of one: of a customer, or poison.
        """
        kept = pika.BasicProperties(delivery_mode=2)
        whose = f"Customer {number}"
        if number % 50:
            with cx.bound(self.sales.begin(whose)):
                return whose.encode(), injected(self.sending, kept, queue=QUEUE)
        value = str(self.sales.begin(whose).hand_over("billing"))[:-8] + "AAAAAAAA"
        kept.headers = {"customer-context": value}
        return REFUSED, kept

    def produce(self):
        """
        Send until each is confirmed; the same again where it is not.
        """
        waiting = [self.message(number) for number in range(MESSAGES)]

        def work(channel):
            channel.confirm_delivery()
            while waiting:
                body, properties = waiting[-1]
                channel.basic_publish("", QUEUE, body, properties)
                waiting.pop()

        self.connected(work)

    def consume(self):
        """
        Acknowledge each after it was handled.
        """

        def on_message(channel, method, properties, body):
            journey = cx.current()
            replayed = journey is not None and journey.replayed
            self.handled.append((body, customer(), replayed))
            channel.basic_ack(method.delivery_tag)

        def work(channel):
            channel.basic_qos(prefetch_count=100)
            channel.basic_consume(QUEUE, handling(self.receiving, on_message))
            while not self.over.is_set():
                channel.connection.process_data_events(time_limit=0.1)

        self.connected(work)

    def until(self, count):
        """
        Wait until that many bodies were handled, poison counted once.
        """
        ends = time.monotonic() + PATIENCE_S
        while len({body for body, _, _ in self.handled}) < count:
            assert not self.failed
            assert time.monotonic() < ends, len(self.handled)
            time.sleep(0.02)


def test_every_message_that_is_delivered_has_its_own_journey(server):
    """
    None is lost, none has another's journey, none is a replay, and only poison is
    refused, however often the broker delivers it.
    """
    outage = Outage(server.url)
    customers = MESSAGES - len(range(0, MESSAGES, 50))
    threads = [
        threading.Thread(target=work) for work in (outage.produce, outage.consume)
    ]
    try:
        for thread in threads:
            thread.start()
        outage.until(customers // 4)
        server.kill()
        before = len(outage.handled)
        server.start()
        outage.until(customers + 1)
    finally:
        outage.over.set()
        for thread in threads:
            thread.join()

    poison = [one for one in outage.handled if one[0] == REFUSED]
    print(
        f"{MESSAGES} messages, {before} handled before the broker was killed, "
        f"{len(outage.handled) - MESSAGES} of them delivered again"
    )
    assert [] == [one for one in outage.handled if one[0] != one[1] or one[2]]
    assert ["bad_delivery_signature"] * len(poison) == outage.billing.codes()
    assert outage.reconnected
