"""
MQTT 5: a user property, never of a retained message.

Pure functions. A retained message is given to whoever subscribes, for as long as the
broker lives, and a journey is one customer's: nothing is put into one, and what stands in
one is refused. MQTT 3.1.1 has no properties, and so no journeys.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

import cxcontext as cx
from cxcontext.errors import RetainedError
from cxcontext.queues.carriers import PairsCarrier

# MQTT 5, 1.5.4: a string is preceded by two bytes of length.
LIMITS: Final = cx.Limits(value_bytes=65_535)
_NO_ROOM: Final = cx.Limits(value_bytes=0)


def to_send(properties: Any, *, name: str, retain: bool) -> PairsCarrier:
    """
    Return the carrier of a message that is to be published.

    Args:
        properties: An object with a list ``UserProperty``, or without.
        name: Under which name the value is.
        retain: Whether the message will be retained.

    .. versionadded:: 0.1.0
    """
    carrier = PairsCarrier(_pairs(properties), _NO_ROOM if retain else LIMITS)
    if retain:
        carrier.remove(name)
    return carrier


def write(carrier: PairsCarrier, properties: Any) -> None:
    """
    Let a message have the user properties of its carrier, and no others.

    .. versionadded:: 0.1.0
    """
    # paho-mqtt adds what is set to what is there.
    if hasattr(properties, "UserProperty"):
        del properties.UserProperty
    if carrier.headers:
        properties.UserProperty = [
            (name, value.decode("ascii") if isinstance(value, bytes) else value)
            for name, value in carrier.headers
        ]


@attrs.frozen
class ReceivedCarrier(PairsCarrier):
    """
    The user properties of a message that came.

    .. versionadded:: 0.1.0
    """

    retained: bool = attrs.field(default=False, kw_only=True)

    def get_all(self, name: str) -> list[str | bytes]:
        """
        Return every value under *name*.

        Raises:
            RetainedError: When there is one, and the broker kept the message.
        """
        found = super().get_all(name)
        if found and self.retained:
            raise RetainedError
        return found


def received(properties: Any, *, retained: bool) -> ReceivedCarrier:
    """
    Return the carrier of a message that came.

    .. versionadded:: 0.1.0
    """
    return ReceivedCarrier(_pairs(properties), LIMITS, retained=retained)


def message_id(packet_id: int, qos: int) -> bytes | None:
    """
    Return by what a message that is delivered again is known.

    MQTT 5, 4.4: it is sent again with its packet's id; with QoS 0 there is none.

    .. versionadded:: 0.1.0
    """
    return str(packet_id).encode() if qos else None


def _pairs(properties: Any) -> list[tuple[str, Any]]:
    return [*getattr(properties, "UserProperty", ())]
