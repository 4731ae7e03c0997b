"""
RabbitMQ by aio-pika: journeys in the headers of messages.

What is dead-lettered, redelivered or sent again as the message that came keeps its
value and its id, and is no replay.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from copy import copy
from functools import wraps
from typing import Any, TypeAlias

from aio_pika import Message
from aio_pika.abc import AbstractIncomingMessage, AbstractMessage

import cxcontext as cx
from cxcontext.queues import messages as queues
from cxcontext.queues.carriers import MappingCarrier
from cxcontext.queues.messages import Messages

OnMessage: TypeAlias = Callable[[AbstractIncomingMessage], Awaitable[Any]]


async def injected(
    messages: Messages,
    message: Message,
    *,
    queue: str,
    binding: bytes | None = None,
) -> Message:
    """
    Return a message that carries the current journey, if the consumer may have it.

    A copy: one object that is published many times must not keep the journey of the
    last customer. With a value goes a message id, by which a redelivery is known.

    Args:
        messages: Which department this is, and which queues reach which others.
        message: The message.
        queue: Where it goes, as in `Destination.queues`; where an exchange
            distributes, whatever the destination calls that.
        binding: What the consumer will know of the message from elsewhere, such as
            its body; counts where the destination is bound.

    .. versionadded:: 0.1.0
    """
    made: Message = copy(message)
    made.headers = {**message.headers}
    carrier = MappingCarrier(made.headers)
    await messages.inject_async(carrier, queue=queue, binding=binding)
    if messages.name in made.headers and made.message_id is None:
        made.message_id = messages.propagator.department.random(16).hex()
    return made


def bound(
    messages: Messages, message: AbstractMessage, *, binding: bytes | None = None
) -> AbstractAsyncContextManager[cx.Journey[Any] | None]:
    """
    Make the journey of a message the current one, while it is handled.

    ``async with message.process(), bound(messages, message): ...``

    Args:
        messages: Which department this is.
        message: The message.
        binding: As for `Messages.bound`.

    .. versionadded:: 0.1.0
    """
    message_id = message.message_id
    return messages.bound_async(
        MappingCarrier(message.headers),
        message_id=str(message_id).encode() if message_id else None,
        binding=binding,
    )


def handling(messages: Messages, on_message: OnMessage) -> OnMessage:
    """
    Return a callback for ``queue.consume`` that runs with its message's journey.

    .. versionadded:: 0.1.0
    """

    @wraps(on_message)
    async def handle(message: AbstractIncomingMessage) -> Any:
        async with bound(messages, message):
            return await on_message(message)

    return handle


def each(
    messages: Messages, received: AsyncIterable[AbstractIncomingMessage]
) -> AbstractAsyncContextManager[AsyncIterator[AbstractIncomingMessage]]:
    """
    Give an iterator over ``queue.iterator()`` that binds each journey in turn.

    .. versionadded:: 0.1.0
    """
    return queues.each_async(received, lambda message: bound(messages, message))
