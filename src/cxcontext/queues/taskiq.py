"""
taskiq: the journey that was current where a task was kicked is current where it runs.

A middleware. What a task kicks has the task's journey as it is then. A retry is the same
task once more and keeps its value.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from contextvars import ContextVar
from typing import Any, Final

import attrs
from taskiq import TaskiqMessage, TaskiqMiddleware, TaskiqResult

from cxcontext.queues.carriers import MappingCarrier
from cxcontext.queues.messages import Messages


@attrs.frozen
class _Work:
    """
    A task that runs: whose middleware, which one, and what ends with it.
    """

    middleware: object
    task_id: str
    ends: AsyncExitStack


_WORK: Final[ContextVar[_Work | None]] = ContextVar("_WORK", default=None)


class CustomerContextMiddleware(TaskiqMiddleware):
    """
    Puts the current journey into a task's labels, and binds it where the task runs.

    ``broker.with_middlewares(...)``: first of all, so that what others send after the task
    has run is sent with its journey.

    Args:
        messages: Which department this is, and which queues reach which others.
        queue: What `Destination.queues` calls where this broker's tasks go; brokers of
            taskiq have no common word for it.

    .. versionadded:: 0.1.0
    """

    def __init__(self, messages: Messages, *, queue: str) -> None:
        super().__init__()
        self._messages = messages
        self._queue = queue

    async def pre_send(self, message: TaskiqMessage) -> TaskiqMessage:
        """
        Put the current journey into the task's labels.
        """
        work = _WORK.get()
        # The same task once more: the consumer itself sends it.
        if work and (work.middleware, work.task_id) == (self, message.task_id):
            return message
        labels = {**message.labels}
        await self._messages.inject_async(MappingCarrier(labels), queue=self._queue)
        message.labels = labels
        return message

    async def pre_execute(self, message: TaskiqMessage) -> TaskiqMessage:
        """
        Make the task's journey the current one.
        """
        ends = AsyncExitStack()
        # A broker in memory runs a task within another.
        ends.callback(_WORK.set, _WORK.get())
        await ends.enter_async_context(
            self._messages.bound_async(
                MappingCarrier(message.labels), message_id=message.task_id.encode()
            )
        )
        _WORK.set(_Work(self, message.task_id, ends))
        return message

    async def post_execute(
        self, message: TaskiqMessage, result: TaskiqResult[Any]
    ) -> None:
        """
        Make current what was before.
        """
        work = _WORK.get()
        if work is not None:
            await work.ends.aclose()
