"""
Google Pub/Sub: an attribute of the message, which is small.

A value has 1,024 bytes, so most journeys go by reference, or not at all and are reported.
No library is imported: attributes are dicts, and messages have them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, Final, TypeAlias

import cxcontext as cx
from cxcontext.queues.carriers import MappingCarrier
from cxcontext.queues.messages import Messages

# Pub/Sub, "quotas and limits", resource limits.
ATTRIBUTES: Final = 100
LIMITS: Final = cx.Limits(value_bytes=1024)
_NO_ROOM: Final = cx.Limits(value_bytes=0)

OnMessage: TypeAlias = Callable[[Any], object]


def injected(
    messages: Messages,
    attributes: Mapping[str, str] | None = None,
    *,
    topic: str,
    binding: bytes | None = None,
) -> dict[str, str]:
    """
    Return attributes that carry the current journey, if the consumer may have it.

    A copy, for ``publisher.publish(topic, data, **attributes)``. Give the propagator
    `references`: an envelope rarely fits into 1,024 bytes, and a reference always does.

    Args:
        messages: Which department this is, and which topics reach which others.
        attributes: What else the message is to have.
        topic: ``projects/.../topics/...``, as in `Destination.queues`.
        binding: What the consumer will know of the message from elsewhere; counts
            where the destination is bound.

    .. versionadded:: 0.1.0
    """
    made = {**(attributes or {})}
    others = len(made.keys() - {messages.name})
    carrier = MappingCarrier(made, LIMITS if others < ATTRIBUTES else _NO_ROOM)
    messages.inject(carrier, queue=topic, binding=binding)
    return made


def bound(
    messages: Messages, message: Any, *, binding: bytes | None = None
) -> AbstractContextManager[cx.Journey[Any] | None]:
    """
    Make the journey of a message the current one, while it is handled.

    Args:
        messages: Which department this is.
        message: What a callback gets, or the ``message`` of one that was pulled.
        binding: As for `Messages.bound`.

    .. versionadded:: 0.1.0
    """
    return messages.bound(
        MappingCarrier({**message.attributes}, LIMITS),
        message_id=str(message.message_id).encode(),
        binding=binding,
    )


def handling(messages: Messages, on_message: OnMessage) -> OnMessage:
    """
    Return a callback for ``subscriber.subscribe`` that runs with its message's journey.

    It is called in threads of Pub/Sub's own, and bound there.

    .. versionadded:: 0.1.0
    """

    @wraps(on_message)
    def handle(message: Any) -> object:
        with bound(messages, message):
            return on_message(message)

    return handle
