"""
Azure Service Bus: an application property of the message.

No library is imported: properties are dicts, and messages have them. Names come back as
text or as bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Final

import cxcontext as cx
from cxcontext.queues.carriers import MappingCarrier
from cxcontext.queues.messages import Messages

# Service Bus, "quotas": 32 KB for each property, 64 KB for all of them.
PROPERTY_BYTES: Final = 32_768
PROPERTIES_BYTES: Final = 65_536


def injected(
    messages: Messages,
    properties: Mapping[Any, Any] | None = None,
    *,
    queue: str,
    binding: bytes | None = None,
) -> dict[Any, Any]:
    """
    Return properties that carry the current journey, if the consumer may have it.

    A copy, for ``ServiceBusMessage(body, application_properties=...)``.

    Args:
        messages: Which department this is, and which queues reach which others.
        properties: What else the message is to have.
        queue: The queue or topic, as in `Destination.queues`.
        binding: What the consumer will know of the message from elsewhere; counts
            where the destination is bound.

    .. versionadded:: 0.1.0
    """
    made = _with_text(properties or {}, messages.name)
    messages.inject(_carrier(made, messages.name), queue=queue, binding=binding)
    return made


async def injected_async(
    messages: Messages,
    properties: Mapping[Any, Any] | None = None,
    *,
    queue: str,
    binding: bytes | None = None,
) -> dict[Any, Any]:
    """
    As `injected`, awaiting the store of references.

    .. versionadded:: 0.1.0
    """
    made = _with_text(properties or {}, messages.name)
    carrier = _carrier(made, messages.name)
    await messages.inject_async(carrier, queue=queue, binding=binding)
    return made


def bound(
    messages: Messages, message: Any, *, binding: bytes | None = None
) -> AbstractContextManager[cx.Journey[Any] | None]:
    """
    Make the journey of a message the current one, while it is handled.

    Args:
        messages: Which department this is.
        message: A ``ServiceBusReceivedMessage``.
        binding: As for `Messages.bound`.

    .. versionadded:: 0.1.0
    """
    carrier = _received(messages, message)
    return messages.bound(carrier, message_id=_id(message), binding=binding)


def bound_async(
    messages: Messages, message: Any, *, binding: bytes | None = None
) -> AbstractAsyncContextManager[cx.Journey[Any] | None]:
    """
    As `bound`, awaiting the store of references.

    .. versionadded:: 0.1.0
    """
    carrier = _received(messages, message)
    return messages.bound_async(carrier, message_id=_id(message), binding=binding)


def _received(messages: Messages, message: Any) -> MappingCarrier:
    return MappingCarrier(
        _with_text(message.application_properties or {}, messages.name),
        cx.Limits(value_bytes=PROPERTY_BYTES),
    )


def _carrier(properties: dict[Any, Any], name: str) -> MappingCarrier:
    taken = sum(
        _size(key) + _size(value) for key, value in properties.items() if key != name
    )
    room = max(0, min(PROPERTY_BYTES, PROPERTIES_BYTES - taken - len(name)))
    return MappingCarrier(properties, cx.Limits(value_bytes=room))


def _size(part: Any) -> int:
    if isinstance(part, bytes | bytearray):
        return len(part)
    # Numbers and times are shorter on the wire than they are written.
    return len(str(part).encode())


def _id(message: Any) -> bytes:
    # The sender may have given one; the broker numbers every message.
    return str(message.message_id or message.sequence_number).encode()


def _with_text(properties: Mapping[Any, Any], name: str) -> dict[Any, Any]:
    return {
        name if key == name.encode() else key: value
        for key, value in properties.items()
    }
