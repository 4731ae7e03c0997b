"""
Queues: what the adapters add to a message, beside the client's own and cryptography.

Brokers and clients are real, Kafka's broker is librdkafka's mock. What counts is the
processor time of the thread that sends or handles: a broker's answer is waited for with
and without us. The client's own message has a header of another's, as large as ours: what
the client makes of its bytes is no work of ours. A broker that cannot be reached has no
row.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from importlib.metadata import version
from typing import Any, Final

import attrs
import celery
import confluent_kafka
import nats
import pika
from celery import signals
from celery.app.trace import build_tracer

import cxcontext as cx
from bench.crypto import Operations, Raw
from bench.payload import Ring, Shop, fill
from bench.table import Table, number, verdict
from bench.timing import Case, measure
from cxcontext.queues import celery as our_celery
from cxcontext.queues import confluent_kafka as our_kafka
from cxcontext.queues import nats as our_nats
from cxcontext.queues import pika as our_pika
from cxcontext.queues.carriers import MappingCarrier
from cxcontext.queues.messages import Messages

QUEUE: Final = "cxcontext-bench"
REDIS: Final = "redis://127.0.0.1:6379/0"
RABBITMQ: Final = "amqp://guest:guest@127.0.0.1:5672/%2F"
NATS: Final = "nats://127.0.0.1:4222"
AT_MOST: Final = 1.3
# Whoever sends or handles messages does it in a loop.
BATCH: Final = 40
REUSED_US: Final = 30
PER_SECOND: Final = 3_000
UIDS: Final = {"dispatch_uid": "cxcontext"}


@attrs.frozen
class Broker:
    """
    One client at its broker.

    Args:
        name: What the tables call it.
        send: Sends a message with the current journey; with headers, where given none.
        receive: Reads a message and binds its journey; plainly, where given None.
        prepare: Called before each round of either, with the same argument.
    """

    name: str
    send: Callable[[Messages | None, dict[str, str]], object]
    receive: Callable[[Messages | None], object]
    prepare: Callable[[Messages | None], object] = lambda _: None


@contextmanager
def on_celery() -> Generator[Broker]:
    """
    Celery on Redis: ``send_task``; the message off its queue, and the task traced.
    """
    app = celery.Celery("bench", broker=REDIS)
    app.conf.update(task_default_queue=QUEUE, task_ignore_result=True)

    def nothing() -> None:
        pass

    task: Any = app.task(name="nothing")(nothing)
    trace = build_tracer(task.name, task, app=app)

    def prepare(messages: Messages | None) -> None:
        for signal in (
            signals.before_task_publish,
            signals.task_prerun,
            signals.task_postrun,
        ):
            signal.disconnect(**UIDS)
        if messages is not None:
            our_celery.setup(messages)

    with app.connection() as connection, connection.SimpleQueue(QUEUE) as waiting:
        waiting.clear()

        def receive(_: Messages | None) -> None:
            message = waiting.get(timeout=10)
            message.ack()
            trace(message.headers["id"], [], {}, message.headers)

        yield Broker(
            f"Celery {celery.__version__} on Redis",
            lambda _, headers: app.send_task("nothing", headers=headers),
            receive,
            prepare,
        )
        prepare(None)
        waiting.clear()


@contextmanager
def on_rabbitmq() -> Generator[Broker]:
    """
    RabbitMQ by pika, on one channel.
    """
    with pika.BlockingConnection(pika.URLParameters(RABBITMQ)) as connection:
        channel = connection.channel()
        channel.queue_declare(QUEUE, auto_delete=True)
        channel.queue_purge(QUEUE)

        def send(messages: Messages | None, headers: dict[str, Any]) -> None:
            properties = pika.BasicProperties(delivery_mode=1, headers=headers)
            if messages is not None:
                properties = our_pika.injected(messages, properties, queue=QUEUE)
            channel.basic_publish("", QUEUE, b"1", properties)

        def receive(messages: Messages | None) -> None:
            properties = None
            while properties is None:
                _, properties, _ = channel.basic_get(QUEUE, auto_ack=True)
            if messages is not None:
                with our_pika.bound(messages, properties):
                    pass

        yield Broker(f"RabbitMQ by pika {pika.__version__}", send, receive)
        channel.queue_delete(QUEUE)


@contextmanager
def on_kafka() -> Generator[Broker]:
    """
    Kafka by confluent-kafka, on the mock cluster.
    """
    cluster = confluent_kafka.Producer({"test.mock.num.brokers": 1, "log_level": 0})
    found = next(iter(cluster.list_topics(timeout=10).brokers.values()))
    servers = {"bootstrap.servers": f"{found.host}:{found.port}", "log_level": 0}
    producer = confluent_kafka.Producer({**servers, "linger.ms": 0})
    consumer = confluent_kafka.Consumer({**servers, "group.id": QUEUE})
    consumer.assign([confluent_kafka.TopicPartition(QUEUE, 0, 0)])

    def send(messages: Messages | None, headers: dict[str, Any]) -> None:
        given: Any = headers
        if messages is not None:
            given = our_kafka.injected(messages, topic=QUEUE)
        producer.produce(QUEUE, b"1", headers=given, partition=0)

    def records() -> Iterator[Any]:
        return (r for r in our_kafka.polled(consumer) if r.error() is None)

    def receive(messages: Messages | None) -> None:
        record = next(records())
        if messages is not None:
            with our_kafka.bound(messages, record):
                pass

    yield Broker(
        f"Kafka by confluent-kafka {confluent_kafka.version()}",
        send,
        receive,
        lambda _: producer.flush(),
    )
    consumer.close()
    cluster.flush()


@contextmanager
def on_nats() -> Generator[Broker]:
    """
    NATS by nats-py, one turn of an event loop for each message.
    """
    loop = asyncio.new_event_loop()
    wait: Any = loop.run_until_complete
    try:
        client = wait(nats.connect(NATS, allow_reconnect=False, connect_timeout=2))
        subscription = wait(client.subscribe(QUEUE))

        async def send(messages: Messages | None, headers: dict[str, str]) -> None:
            given: dict[str, str] | None = headers
            if messages is not None:
                given = await our_nats.injected(messages, subject=QUEUE)
            await client.publish(QUEUE, b"1", headers=given)

        async def receive(messages: Messages | None) -> None:
            message = await subscription.next_msg(timeout=10)
            if messages is not None:
                async with our_nats.bound(messages, message):
                    pass

        yield Broker(
            f"NATS by nats-py {version('nats-py')}",
            lambda messages, headers: wait(send(messages, headers)),
            lambda messages: wait(receive(messages)),
        )
        wait(client.close())
    finally:
        loop.close()


BROKERS: Final = (on_celery, on_rabbitmq, on_kafka, on_nats)


def _messages(department: cx.Department[Shop], *, reuse_s: int = 0) -> Messages:
    to_billing = cx.Destination(
        "billing",
        queues=[QUEUE],
        lifetime=timedelta(hours=1),
        reuse=timedelta(seconds=reuse_s),
    )
    return Messages(propagator=cx.Propagator(department, [to_billing]))


class _Sides:
    """
    Care, which sends, and billing, which receives.
    """

    def __init__(self) -> None:
        ring: Ring[Shop] = Ring(Shop)
        self.care = ring.department("care")
        self.sending = _messages(self.care)
        self.reusing = _messages(self.care, reuse_s=5)
        self.receiving = _messages(ring.department("billing"))
        self.journey = self.begun()
        self.others = {"other": str(self.journey.hand_over("billing"))}

    def begun(self) -> cx.Journey[Shop]:
        journey = fill(self.care.begin(channel="voice"))
        journey.begun()
        return journey


def _cases(broker: Broker, sides: _Sides) -> dict[str, Case]:
    def sent(messages: Messages | None, run: Any, journey: Any) -> None:
        broker.prepare(messages)
        with cx.bound(journey):
            run(messages, sides.others if messages is None else {})

    def sending(messages: Messages | None, journey: Any) -> tuple[Any, Any]:
        def run(_: object) -> None:
            with cx.bound(journey):
                broker.send(messages, sides.others if messages is None else {})

        return run, lambda: broker.prepare(messages)

    def receiving(plain: bool, journey: Any) -> tuple[Any, Any]:  # noqa: FBT001
        ours = None if plain else sides.receiving

        def prepare() -> None:
            given = journey() if callable(journey) else None
            sent(None if plain else sides.sending, broker.send, given)
            broker.prepare(ours)

        return lambda _: broker.receive(ours), prepare

    made = {
        "send plain": sending(None, None),
        "send": sending(sides.sending, sides.journey),
        "send reused": sending(sides.reusing, sides.journey),
        "receive plain": receiving(True, None),  # noqa: FBT003
        "receive seen": receiving(False, lambda: sides.journey),  # noqa: FBT003
        "receive new": receiving(False, sides.begun),  # noqa: FBT003
    }
    return {name: Case(name, *both, batch=BATCH) for name, both in made.items()}


def _measured(broker: Broker, sides: _Sides, rounds: int) -> dict[str, float]:
    cases = _cases(broker, sides)
    # Those that read first: of what the others send, nothing is read.
    for what in ("receive", "send"):
        measure([c for n, c in cases.items() if n.startswith(what)], rounds=rounds)
    return {name: case.median_us for name, case in cases.items()}


def queue_tables(*, rounds: int, messages: int) -> list[Table]:
    """
    Measure with every broker that is here.
    """
    sides = _Sides()
    raw = Raw(sides.journey.hand_over("billing"))
    jobs = {
        "sign": Operations(signatures=1),
        "verify 1": Operations(verifications=1),
        "verify 2": Operations(verifications=2),
    }
    yardsticks = {
        name: Case(name, raw.job(job), batch=20) for name, job in jobs.items()
    }
    rows, absent = [], []
    for opened in BROKERS:
        with ExitStack() as stack:
            try:
                broker = stack.enter_context(opened())
            except Exception as problem:  # noqa: BLE001 - whatever the client raises
                absent.append(f"absent: {opened.__name__}, {type(problem).__name__}")
                continue
            us = _measured(broker, sides, rounds)
            measure(yardsticks.values(), rounds=rounds)
            raw_us = {name: case.median_us for name, case in yardsticks.items()}
            rows += _rows(broker.name, us, raw_us)
    head = (
        "us",
        "client with as large a header",
        "with us",
        "added",
        "cryptography",
        "ratio",
        f"{AT_MOST} x",
    )
    return [Table("Queues", head, rows, absent), _batch(messages)]


def _rows(name: str, us: dict[str, float], raw_us: dict[str, float]) -> list[list[str]]:
    rows = []
    for what, plain, work in (
        ("send", "send plain", "sign"),
        ("receive seen", "receive plain", "verify 1"),
        ("receive new", "receive plain", "verify 2"),
    ):
        added, needed = us[what] - us[plain], raw_us[work]
        rows.append(
            [
                f"{name}: {what}",
                *(number(value) for value in (us[plain], us[what], added, needed)),
                number(added / needed),
                verdict(added / needed, AT_MOST),
            ]
        )
    added = us["send reused"] - us["send plain"]
    shown = (us["send plain"], us["send reused"], added)
    rows.append(
        [
            f"{name}: send a delivery again, at most {REUSED_US} us",
            *(number(value) for value in shown),
            "",
            "",
            verdict(added, REUSED_US),
        ]
    )
    return rows


def _batch(count: int) -> Table:
    """
    Open messages of a tenth as many journeys, without reading a fact.
    """
    sides, carriers = _Sides(), []
    for _ in range(count // 10):
        journey = sides.begun()
        for _ in range(10):
            headers: dict[str, Any] = {}
            with cx.bound(journey):
                sides.sending.inject(MappingCarrier(headers), queue=QUEUE)
            carriers.append(MappingCarrier(headers))
    envelope = sides.journey.hand_over("billing")
    delivery = Raw(envelope).job(Operations(verifications=1))
    began = time.thread_time()
    for carrier in carriers:
        with sides.receiving.bound(carrier) as found:
            assert found is not None  # noqa: S101 - else nothing was measured
    taken_s = time.thread_time() - began
    began = time.thread_time()
    for _ in range(count + count // 10):
        delivery(None)
    raw_s = time.thread_time() - began
    per_second = count / taken_s
    row = [
        f"{count:,} messages of {count // 10:,} journeys, opened and not read",
        number(per_second),
        number(count / raw_s),
        number(taken_s / raw_s),
        "met" if per_second >= PER_SECOND else "MISSED",
    ]
    head = ("a batch", "a second", "verified raw", "ratio", f"{PER_SECOND:,} a second")
    return Table("A batch from a queue", head, [row])
