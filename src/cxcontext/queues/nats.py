"""
NATS and JetStream by nats-py: journeys in the headers of messages.

JetStream numbers what it keeps, so what it delivers again is known and is no replay. Core
NATS keeps nothing and numbers nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import wraps
from typing import Any, Final, TypeAlias

from nats.aio.msg import Msg
from nats.errors import Error

import cxcontext as cx
from cxcontext.queues import messages as queues
from cxcontext.queues.carriers import MappingCarrier
from cxcontext.queues.messages import Messages

# JetStream refuses a message whose headers are longer together (its error 10097).
HEADERS_BYTES: Final = 65_535
OnMessage: TypeAlias = Callable[[Msg], Awaitable[None]]


async def injected(
    messages: Messages,
    headers: Mapping[str, str] | None = None,
    *,
    subject: str,
    binding: bytes | None = None,
) -> dict[str, str] | None:
    """
    Return headers that carry the current journey, if the consumer may have it.

    A copy, for ``publish(subject, payload, headers=...)`` of a connection or of
    JetStream, and for ``request``.

    Args:
        messages: Which department this is, and which subjects reach which others.
        headers: What else the message is to have.
        subject: Where it goes, as in `Destination.queues`; no pattern.
        binding: What the consumer will know of the message from elsewhere; counts
            where the destination is bound.

    .. versionadded:: 0.1.0
    """
    made = {**(headers or {})}
    others = {name: made[name] for name in made if name != messages.name}
    # As they are written: ``name: value``, CR, LF.
    taken = sum(len(f"{n}: {v}\r\n".encode()) for n, v in others.items())
    room = HEADERS_BYTES - taken - len(f"NATS/1.0\r\n{messages.name}: \r\n\r\n")
    carrier = MappingCarrier(made, cx.Limits(value_bytes=max(0, room)))
    await messages.inject_async(carrier, queue=subject, binding=binding)
    # Headers that are empty are written, and old servers refuse them.
    return made or None


def bound(
    messages: Messages, message: Msg, *, binding: bytes | None = None
) -> AbstractAsyncContextManager[cx.Journey[Any] | None]:
    """
    Make the journey of a message the current one, while it is handled.

    Args:
        messages: Which department this is.
        message: What a subscription gives, a callback gets, or ``fetch`` returns.
        binding: As for `Messages.bound`.

    .. versionadded:: 0.1.0
    """
    return messages.bound_async(
        MappingCarrier({**(message.headers or {})}),
        message_id=_place(message),
        binding=binding,
    )


def handling(messages: Messages, on_message: OnMessage) -> OnMessage:
    """
    Return a callback for ``subscribe`` that runs with its message's journey.

    .. versionadded:: 0.1.0
    """

    @wraps(on_message)
    async def handle(message: Msg) -> None:
        async with bound(messages, message):
            await on_message(message)

    return handle


def each(
    messages: Messages, received: AsyncIterable[Msg]
) -> AbstractAsyncContextManager[AsyncIterator[Msg]]:
    """
    Give an iterator over ``subscription.messages`` that binds each journey in turn.

    .. versionadded:: 0.1.0
    """
    return queues.each_async(received, lambda message: bound(messages, message))


def _place(message: Msg) -> bytes | None:
    try:
        found = message.metadata
    # Not of JetStream, or whoever sent it made the address of replies up.
    except (Error, ValueError, OverflowError):
        return None
    return f"{found.domain}/{found.stream}/{found.sequence.stream}".encode()
