"""
Redis Streams: the journey is one more field of an entry.

An entry keeps its id for ever: what is pending and claimed by another consumer
(``XAUTOCLAIM``) is the same entry with the same value, and no replay. No library is
imported: redis-py's entries are pairs of an id and a dict.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, TypeAlias

import cxcontext as cx
from cxcontext.queues.carriers import MappingCarrier
from cxcontext.queues.messages import Messages

# The id, and the fields: None for an entry that was claimed and is deleted.
Entry: TypeAlias = tuple[str | bytes, Mapping[Any, Any] | None]


def injected(
    messages: Messages,
    fields: Mapping[Any, Any],
    *,
    stream: str,
    binding: bytes | None = None,
) -> dict[Any, Any]:
    """
    Return fields that carry the current journey, if the consumers may have it.

    A copy, for ``xadd(stream, fields)``.

    Args:
        messages: Which department this is, and which streams reach which others.
        fields: What else the entry is to have.
        stream: The stream's key, as in `Destination.queues`.
        binding: What the consumer will know of the entry from elsewhere; counts where
            the destination is bound.

    .. versionadded:: 0.1.0
    """
    made = _with_text(fields, messages.name)
    messages.inject(MappingCarrier(made), queue=stream, binding=binding)
    return made


async def injected_async(
    messages: Messages,
    fields: Mapping[Any, Any],
    *,
    stream: str,
    binding: bytes | None = None,
) -> dict[Any, Any]:
    """
    As `injected`, awaiting the store of references.

    .. versionadded:: 0.1.0
    """
    made = _with_text(fields, messages.name)
    await messages.inject_async(MappingCarrier(made), queue=stream, binding=binding)
    return made


def bound(
    messages: Messages, entry: Entry, *, stream: str, binding: bytes | None = None
) -> AbstractContextManager[cx.Journey[Any] | None]:
    """
    Make the journey of an entry the current one, while it is handled.

    Args:
        messages: Which department this is.
        entry: What ``xread``, ``xreadgroup`` or ``xautoclaim`` returns for each.
        stream: The stream's key.
        binding: As for `Messages.bound`.

    .. versionadded:: 0.1.0
    """
    carrier, place = _received(messages, entry, stream)
    return messages.bound(carrier, message_id=place, binding=binding)


def bound_async(
    messages: Messages, entry: Entry, *, stream: str, binding: bytes | None = None
) -> AbstractAsyncContextManager[cx.Journey[Any] | None]:
    """
    As `bound`, awaiting the store of references.

    .. versionadded:: 0.1.0
    """
    carrier, place = _received(messages, entry, stream)
    return messages.bound_async(carrier, message_id=place, binding=binding)


def _received(
    messages: Messages, entry: Entry, stream: str
) -> tuple[MappingCarrier, bytes]:
    entry_id, fields = entry
    raw_id = entry_id if isinstance(entry_id, bytes) else entry_id.encode()
    return MappingCarrier(
        _with_text(fields or {}, messages.name)
    ), stream.encode() + b"/" + raw_id


def _with_text(fields: Mapping[Any, Any], name: str) -> dict[Any, Any]:
    # A client that does not decode has bytes for names.
    return {name if key == name.encode() else key: fields[key] for key in fields}
