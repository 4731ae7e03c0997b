"""
Kafka by aiokafka: journeys in the headers of records.

A record is known by topic, partition and offset: what a consumer reads again is no
replay, and a record that was copied into another topic is one.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

from aiokafka import ConsumerRecord

import cxcontext as cx
from cxcontext.queues import messages as queues
from cxcontext.queues.carriers import PairsCarrier
from cxcontext.queues.messages import Messages


async def injected(
    messages: Messages,
    headers: Iterable[tuple[str, bytes]] | None = None,
    *,
    topic: str,
    binding: bytes | None = None,
) -> list[tuple[str, bytes]]:
    """
    Return headers that carry the current journey, if the consumers may have it.

    A new list, for ``producer.send(topic, value, headers=...)``; for a batch, for each
    ``batch.append``.

    Args:
        messages: Which department this is, and which topics reach which others.
        headers: What else the record is to have.
        topic: Where it goes, as in `Destination.queues`.
        binding: What the consumer will know of the record from elsewhere, such as
            its key; counts where the destination is bound.

    .. versionadded:: 0.1.0
    """
    made = [*(headers or ())]
    await messages.inject_async(PairsCarrier(made), queue=topic, binding=binding)
    return made


def bound(
    messages: Messages,
    record: ConsumerRecord[Any, Any],
    *,
    binding: bytes | None = None,
) -> AbstractAsyncContextManager[cx.Journey[Any] | None]:
    """
    Make the journey of a record the current one, while it is handled.

    Args:
        messages: Which department this is.
        record: What ``getone``, ``getmany`` or the consumer itself yields.
        binding: As for `Messages.bound`.

    .. versionadded:: 0.1.0
    """
    place = f"{record.topic}/{record.partition}/{record.offset}"
    return messages.bound_async(
        PairsCarrier([*record.headers]), message_id=place.encode(), binding=binding
    )


def each(
    messages: Messages, consumer: AsyncIterable[ConsumerRecord[Any, Any]]
) -> AbstractAsyncContextManager[AsyncIterator[ConsumerRecord[Any, Any]]]:
    """
    Give an iterator over a consumer that binds the journey of each record in turn.

    .. versionadded:: 0.1.0
    """
    return queues.each_async(consumer, lambda record: bound(messages, record))
