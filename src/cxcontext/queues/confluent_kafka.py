"""
Kafka by confluent-kafka: journeys in the headers of records.

A record is known by topic, partition and offset: what a consumer reads again is no
replay, and a record that was copied into another topic is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

from confluent_kafka import Consumer, Message

import cxcontext as cx
from cxcontext.queues import messages as queues
from cxcontext.queues.carriers import PairsCarrier
from cxcontext.queues.messages import Messages

Value: TypeAlias = str | bytes | None
Headers: TypeAlias = dict[str, Value] | Sequence[tuple[str, Value]]


def injected(
    messages: Messages,
    headers: Headers | None = None,
    *,
    topic: str,
    binding: bytes | None = None,
) -> list[tuple[str, Value]]:
    """
    Return headers that carry the current journey, if the consumers may have it.

    A new list, for ``producer.produce(topic, value, headers=...)``. Call it where the
    record is made: delivery callbacks run in ``poll()``, in whoever's journey calls it.

    Args:
        messages: Which department this is, and which topics reach which others.
        headers: What else the record is to have.
        topic: Where it goes, as in `Destination.queues`.
        binding: What the consumer will know of the record from elsewhere, such as
            its key; counts where the destination is bound.

    .. versionadded:: 0.1.0
    """
    made = _pairs(headers)
    messages.inject(PairsCarrier(made), queue=topic, binding=binding)
    return made


def bound(
    messages: Messages, message: Message[Any, Any], *, binding: bytes | None = None
) -> AbstractContextManager[cx.Journey[Any] | None]:
    """
    Make the journey of a record the current one, while it is handled.

    Args:
        messages: Which department this is.
        message: What ``poll`` or ``consume`` returned; errors have no journey.
        binding: As for `Messages.bound`.

    .. versionadded:: 0.1.0
    """
    place = f"{message.topic()}/{message.partition()}/{message.offset()}"
    return messages.bound(
        PairsCarrier(_pairs(message.headers())),
        message_id=place.encode(),
        binding=binding,
    )


def each(
    messages: Messages, received: Iterable[Message[Any, Any]]
) -> AbstractContextManager[Iterator[Message[Any, Any]]]:
    """
    Give an iterator over records that binds each journey in turn.

    Args:
        messages: Which department this is.
        received: `polled`, or a batch from ``consumer.consume()``.

    .. versionadded:: 0.1.0
    """
    return queues.each(received, lambda message: bound(messages, message))


def polled(
    consumer: Consumer, *, timeout_s: float = 1.0
) -> Iterator[Message[Any, Any]]:
    """
    Yield what a consumer polls, for ever; errors, too, as confluent-kafka does.

    Args:
        consumer: A subscribed consumer.
        timeout_s: How long one call waits, in seconds; between two, signals are heard.

    .. versionadded:: 0.1.0
    """
    while True:
        message = consumer.poll(timeout_s)
        if message is not None:
            yield message


def _pairs(headers: Headers | None) -> list[tuple[str, Value]]:
    return [*(headers.items() if isinstance(headers, dict) else headers or ())]
