"""
MQTT 5 by aiomqtt: journeys in user properties, bound one message after the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AbstractAsyncContextManager
from copy import copy
from typing import Any

from aiomqtt import Message
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

import cxcontext as cx
from cxcontext.queues import messages as queues
from cxcontext.queues import mqtt
from cxcontext.queues.messages import Messages


async def injected(
    messages: Messages,
    properties: Properties | None = None,
    *,
    topic: str,
    retain: bool = False,
    binding: bytes | None = None,
) -> Properties:
    """
    Return properties that carry the current journey, if the consumer may have it.

    A copy, for ``client.publish(topic, payload, properties=...)``.

    Args:
        messages: Which department this is, and which topics reach which others.
        properties: What else the message is to have.
        topic: Where it goes, as in `Destination.queues`; no pattern.
        retain: Whether it is published with the retain flag: without a journey then.
        binding: What the consumer will know of the message from elsewhere; counts
            where the destination is bound.

    .. versionadded:: 0.1.0
    """
    made = copy(properties) if properties is not None else _properties()
    carrier = mqtt.to_send(made, name=messages.name, retain=retain)
    await messages.inject_async(carrier, queue=topic, binding=binding)
    mqtt.write(carrier, made)
    return made


def bound(
    messages: Messages, message: Message, *, binding: bytes | None = None
) -> AbstractAsyncContextManager[cx.Journey[Any] | None]:
    """
    Make the journey of a message the current one, while it is handled.

    Args:
        messages: Which department this is.
        message: What ``client.messages`` yields. Of a retained one the journey is
            refused.
        binding: As for `Messages.bound`.

    .. versionadded:: 0.1.0
    """
    return messages.bound_async(
        mqtt.received(message.properties, retained=message.retain),
        message_id=mqtt.message_id(message.mid, message.qos),
        binding=binding,
    )


def each(
    messages: Messages, received: AsyncIterable[Message]
) -> AbstractAsyncContextManager[AsyncIterator[Message]]:
    """
    Give an iterator over ``client.messages`` that binds each journey in turn.

    .. versionadded:: 0.1.0
    """
    return queues.each_async(received, lambda message: bound(messages, message))


def _properties() -> Properties:
    # paho-mqtt says that it has types, and has none there.
    made: Any = Properties
    of_a_message: Properties = made(PacketTypes.PUBLISH)
    return of_a_message
