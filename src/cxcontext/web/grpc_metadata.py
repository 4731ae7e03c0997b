"""
gRPC metadata: one key, with one value.

Pure functions. ``customer-context`` has the text form and ``customer-context-bin`` the
binary one; receivers take either, and exactly one value of both together. gRPC aborts
a call whose keys have capital letters. All metadata of a call share 8 KiB, above which
calls fail at random, so 4 KiB is the most for ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs

from cxcontext import Limits

KEY: Final = "customer-context"
LIMITS: Final = Limits(value_bytes=4096)


@attrs.frozen
class MetadataCarrier:
    """
    The metadata of one call, in one direction, as pairs.

    .. versionadded:: 0.1.0
    """

    pairs: list[tuple[str, str | bytes]] = attrs.field(repr=False)
    limits: Limits = LIMITS

    @classmethod
    def read(cls, metadata: Iterable[Any] | None, limits: Limits) -> MetadataCarrier:
        """
        Return what came, of which either form is taken.
        """
        either = Limits(value_bytes=limits.value_bytes, binary=True)
        return cls([(key, value) for key, value in metadata or ()], either)

    def get_all(self, name: str) -> list[str | bytes]:
        """
        Return every value of both keys, in order.
        """
        return [value for key, value in self.pairs if key in (name, f"{name}-bin")]

    def set(self, name: str, value: str | bytes) -> None:
        """
        Put one value in place of all others, under the key of its form.
        """
        self.remove(name)
        key = f"{name}-bin" if isinstance(value, bytes) else name
        self.pairs.append((key, value))

    def remove(self, name: str) -> None:
        """
        Take both keys away.
        """
        names = (name, f"{name}-bin")
        self.pairs[:] = [pair for pair in self.pairs if pair[0] not in names]


def binding(method: str | bytes) -> bytes:
    """
    Return what both ends of a call know of it: ``/package.Service/Method``.

    .. versionadded:: 0.1.0
    """
    return b"grpc " + (method.encode() if isinstance(method, str) else method)


__all__ = ["KEY", "LIMITS", "MetadataCarrier", "binding"]
