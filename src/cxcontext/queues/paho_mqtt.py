"""
MQTT 5 by paho-mqtt: journeys in user properties, bound in the client's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from copy import copy
from functools import wraps
from typing import Any, TypeAlias

from paho.mqtt.client import MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

import cxcontext as cx
from cxcontext.queues import mqtt
from cxcontext.queues.messages import Messages

# Client, user data and message, as paho gives them.
OnMessage: TypeAlias = Callable[[Any, Any, MQTTMessage], None]


def injected(
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
    messages.inject(carrier, queue=topic, binding=binding)
    mqtt.write(carrier, made)
    return made


def bound(
    messages: Messages, message: MQTTMessage, *, binding: bytes | None = None
) -> AbstractContextManager[cx.Journey[Any] | None]:
    """
    Make the journey of a message the current one, while it is handled.

    Args:
        messages: Which department this is.
        message: What a callback gets. Of a retained one the journey is refused.
        binding: As for `Messages.bound`.

    .. versionadded:: 0.1.0
    """
    return messages.bound(
        mqtt.received(message.properties, retained=message.retain),
        message_id=mqtt.message_id(message.mid, message.qos),
        binding=binding,
    )


def handling(messages: Messages, on_message: OnMessage) -> OnMessage:
    """
    Return a callback, for ``client.on_message``, that runs with its message's journey.

    .. versionadded:: 0.1.0
    """

    @wraps(on_message)
    def handle(client: Any, userdata: Any, message: MQTTMessage) -> None:
        with bound(messages, message):
            on_message(client, userdata, message)

    return handle


def _properties() -> Properties:
    # paho-mqtt says that it has types, and has none there.
    made: Any = Properties
    of_a_message: Properties = made(PacketTypes.PUBLISH)
    return of_a_message
