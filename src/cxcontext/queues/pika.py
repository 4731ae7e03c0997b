"""
RabbitMQ by pika: journeys in the headers of messages.

For every kind of connection. What is dead-lettered, redelivered or sent again with its
own properties keeps its value and its id, and is no replay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from copy import copy
from functools import wraps
from typing import Any, TypeAlias

from pika import BasicProperties

import cxcontext as cx
from cxcontext.queues import messages as queues
from cxcontext.queues.carriers import MappingCarrier
from cxcontext.queues.messages import Messages

# Channel, method, properties and body, as pika gives them.
OnMessage: TypeAlias = Callable[[Any, Any, BasicProperties, bytes], object]
# Method, properties and body; None where nothing came in time.
Delivered: TypeAlias = tuple[Any, BasicProperties | None, bytes | None]


def injected(
    messages: Messages,
    properties: BasicProperties | None = None,
    *,
    queue: str,
    binding: bytes | None = None,
) -> BasicProperties:
    """
    Return properties that carry the current journey, if the consumer may have it.

    A copy: one object that serves many messages must not keep the journey of the last
    customer. With a value goes a message id, by which a redelivery is known for one.

    Args:
        messages: Which department this is, and which queues reach which others.
        properties: What else the message is to have.
        queue: Where it goes, as in `Destination.queues`; where an exchange
            distributes, whatever the destination calls that.
        binding: What the consumer will know of the message from elsewhere, such as
            its body; counts where the destination is bound.

    .. versionadded:: 0.1.0
    """
    made = BasicProperties() if properties is None else copy(properties)
    headers: dict[str, Any] = {**(made.headers or {})}
    messages.inject(MappingCarrier(headers), queue=queue, binding=binding)
    if messages.name in headers and made.message_id is None:
        made.message_id = messages.propagator.department.random(16).hex()
    made.headers = headers or None
    return made


def bound(
    messages: Messages,
    properties: BasicProperties | None,
    *,
    binding: bytes | None = None,
) -> AbstractContextManager[cx.Journey[Any] | None]:
    """
    Make the journey of a message the current one, while it is handled.

    Args:
        messages: Which department this is.
        properties: The message's; None where nothing came, and so no journey.
        binding: As for `Messages.bound`.

    .. versionadded:: 0.1.0
    """
    message_id = properties and properties.message_id
    headers: Any = (properties and properties.headers) or {}
    return messages.bound(
        MappingCarrier(headers),
        message_id=str(message_id).encode() if message_id else None,
        binding=binding,
    )


def handling(messages: Messages, on_message: OnMessage) -> OnMessage:
    """
    Return a callback for ``basic_consume`` that runs with its message's journey.

    .. versionadded:: 0.1.0
    """

    @wraps(on_message)
    def handle(
        channel: Any, method: Any, properties: BasicProperties, body: bytes
    ) -> object:
        with bound(messages, properties):
            return on_message(channel, method, properties, body)

    return handle


def each(
    messages: Messages, deliveries: Iterable[Delivered]
) -> AbstractContextManager[Iterator[Delivered]]:
    """
    Give an iterator over ``channel.consume(...)`` that binds each journey in turn.

    .. versionadded:: 0.1.0
    """
    return queues.each(deliveries, lambda delivered: bound(messages, delivered[1]))
