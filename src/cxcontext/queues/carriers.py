"""
Headers as most libraries have them: a mapping, or a list of pairs.
"""

from __future__ import annotations

from collections.abc import MutableMapping, MutableSequence
from typing import Any, Final

import attrs

import cxcontext as cx

# Brokers take more (RabbitMQ 128 KiB for all headers, Kafka 1 MiB for a message); a
# journey that is longer than this is better fetched by those who read it.
LIMITS: Final = cx.Limits(value_bytes=65_536)


@attrs.frozen
class MappingCarrier:
    """
    Headers in a mapping, which has each name once.

    Values that are neither text nor bytes are somebody else's, and count as a value
    that cannot be read.

    .. versionadded:: 0.1.0
    """

    headers: MutableMapping[str, Any] = attrs.field(repr=False)
    limits: cx.Limits = LIMITS

    def get_all(self, name: str) -> list[str | bytes]:
        """
        Return the value, in a list of one, or an empty list.
        """
        return [_readable(self.headers[name])] if name in self.headers else []

    def set(self, name: str, value: str | bytes) -> None:
        """
        Put the value in place of another.
        """
        self.headers[name] = value

    def remove(self, name: str) -> None:
        """
        Take the value away.
        """
        self.headers.pop(name, None)


@attrs.frozen
class PairsCarrier:
    """
    Headers in a list of names and bytes, where a name may come again.

    .. versionadded:: 0.1.0
    """

    headers: MutableSequence[tuple[str, Any]] = attrs.field(repr=False)
    limits: cx.Limits = LIMITS

    def get_all(self, name: str) -> list[str | bytes]:
        """
        Return every value of that name, in order.
        """
        return [_readable(value) for key, value in self.headers if key == name]

    def set(self, name: str, value: str | bytes) -> None:
        """
        Put one value in place of all others.
        """
        self.remove(name)
        raw = value.encode("ascii") if isinstance(value, str) else value
        self.headers.append((name, raw))

    def remove(self, name: str) -> None:
        """
        Take every value of that name away.
        """
        self.headers[:] = [pair for pair in self.headers if pair[0] != name]


def _readable(value: Any) -> str | bytes:
    if isinstance(value, str | bytes):
        return value
    # Kafka has headers of None, AMQP numbers, tables, and bytes of two kinds.
    return bytes(value) if isinstance(value, bytearray | memoryview) else b""
