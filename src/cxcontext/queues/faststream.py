"""
FastStream: journeys in the headers of messages, on every broker that it has.

A middleware of the broker. A message that is delivered again has the correlation id that
FastStream gave it, and is no replay.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import attrs
from faststream import BaseMiddleware, ContextRepo, PublishCommand, StreamMessage

import cxcontext as cx
from cxcontext.queues.carriers import MappingCarrier
from cxcontext.queues.messages import Messages

# JetStream takes 64 KiB for all headers, and FastStream's form in Redis for one of them.
LIMITS: Final = cx.Limits(value_bytes=32_768)


@attrs.frozen
class CustomerContextMiddleware:
    """
    Sends the current journey with what is published, and binds it to subscribers.

    ``KafkaBroker(url, middlewares=[CustomerContextMiddleware(messages)])``. Where a
    message goes is looked up in `Destination.queues` as FastStream names it: a topic, a
    subject, a routing key, a channel, list or stream. The messages of a batch have one
    set of headers, and so one journey.

    Args:
        messages: Which department this is, and which destinations reach which others.

    .. versionadded:: 0.1.0
    """

    messages: Messages

    def __call__(self, msg: Any, /, *, context: ContextRepo) -> _Scopes:
        """
        Return what works on one message.
        """
        return _Scopes(msg, context=context, messages=self.messages)


class _Scopes(BaseMiddleware[PublishCommand, Any]):
    def __init__(
        self, msg: Any, /, *, context: ContextRepo, messages: Messages
    ) -> None:
        super().__init__(msg, context=context)
        self._messages = messages

    async def publish_scope(
        self,
        call_next: Callable[[PublishCommand], Awaitable[Any]],
        cmd: PublishCommand,
    ) -> Any:
        cmd.headers = {**(cmd.headers or {})}
        carrier = MappingCarrier(cmd.headers, LIMITS)
        await self._messages.inject_async(carrier, queue=cmd.destination)
        return await call_next(cmd)

    async def consume_scope(
        self, call_next: Callable[[Any], Awaitable[Any]], msg: StreamMessage[Any]
    ) -> Any:
        message_id = msg.correlation_id
        async with self._messages.bound_async(
            MappingCarrier({**msg.headers}, LIMITS),
            message_id=message_id.encode() if message_id else None,
        ):
            return await call_next(msg)
