"""
Celery: the journey that was current where a task was sent is current where it runs.

Three signals and nothing else. What a task sends while it runs, by chain, chord, group,
link or by hand, has the task's journey as it is then. A retry is the same message once
more and keeps its value. Eager tasks run where they are called and see what is current
there. Beat sends without a journey, and so does whoever has none.

Celery swallows what a signal's receiver raises, so a task cannot be refused there:
`cxcontext.queues.messages.requires_context` does that, below ``@app.task``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Final

import attrs
from celery import Task, current_app, signals

from cxcontext.queues.carriers import MappingCarrier
from cxcontext.queues.messages import Messages

_UID: Final = "cxcontext"
_WORK: Final = "cxcontext_work"


def setup(messages: Messages, *, bound: bool = False) -> None:
    """
    Send and receive journeys with all tasks of this process.

    A task's queue is looked up in `Destination.queues` by its name; a task that is
    sent to an exchange without naming a queue goes without a journey. Celery's
    signals belong to the process and not to an app, so one department does. Calling
    it again replaces what was set up.

    Args:
        messages: Which department this is, and which queues reach which others.
        bound: Whether deliveries must be bound to the task's id; as the senders'
            `Destination.bound`.

    Raises:
        UsageError: When the references or the log are awaited ones: no signal is.

    .. versionadded:: 0.1.0
    """
    setup_sender(messages)
    setup_worker(messages, bound=bound)


def setup_sender(messages: Messages) -> None:
    """
    Send journeys only.

    .. versionadded:: 0.1.0
    """
    # Said here, for what a signal raises is logged and forgotten.
    messages.propagator.extract(MappingCarrier({}), name=messages.name)
    signals.before_task_publish.disconnect(dispatch_uid=_UID)
    signals.before_task_publish.connect(
        _Sender(messages).before_publish, weak=False, dispatch_uid=_UID
    )


def setup_worker(messages: Messages, *, bound: bool = False) -> None:
    """
    Receive journeys only.

    .. versionadded:: 0.1.0
    """
    messages.propagator.extract(MappingCarrier({}), name=messages.name)
    worker = _Worker(messages, bound)
    signals.task_prerun.disconnect(dispatch_uid=_UID)
    signals.task_prerun.connect(worker.prerun, weak=False, dispatch_uid=_UID)
    signals.task_postrun.disconnect(dispatch_uid=_UID)
    signals.task_postrun.connect(worker.postrun, weak=False, dispatch_uid=_UID)


@attrs.frozen
class _Sender:
    messages: Messages

    def before_publish(
        self,
        *,
        body: Any,
        headers: dict[str, Any] | None,
        exchange: Any = None,
        routing_key: str | None = None,
        declare: Sequence[Any] | None = None,
        **_: Any,
    ) -> None:
        # The second protocol has the task's id in the headers, the first in the body.
        about = body if isinstance(body, dict) else headers
        if headers is None or about is None or _is_retry(about, exchange, routing_key):
            return
        self.messages.inject(
            MappingCarrier(headers),
            queue=_queue(exchange, routing_key, declare),
            binding=_id(about.get("id")),
        )


@attrs.frozen
class _Worker:
    messages: Messages
    bound: bool

    def prerun(self, *, task: Task, **_: Any) -> None:
        request = task.request
        # Runs within whoever called it, and so does its journey.
        if request.is_eager:
            return
        name = self.messages.name
        # At the top in the second protocol, below in the first.
        value = request.get(name, (request.headers or {}).get(name))
        headers = {} if value is None else {name: value}
        task_id, work = _id(request.id), ExitStack()
        work.enter_context(
            self.messages.bound(
                MappingCarrier(headers),
                message_id=task_id,
                binding=task_id if self.bound else None,
            )
        )
        request.update({_WORK: work})

    def postrun(self, *, task: Task, **_: Any) -> None:
        work = task.request.get(_WORK)
        if work is not None:
            work.close()


def _is_retry(about: dict[str, Any], exchange: Any, routing_key: str | None) -> bool:
    task: Any = current_app.current_worker_task
    if task is None or task.request.id != about.get("id"):
        return False
    came_by = task.request.delivery_info or {}
    # With the same id, a task that replaces this one is sent, too; and a retry by
    # another queue may have another consumer.
    return bool(
        (about.get("retries") or 0) > task.request.retries
        and (came_by.get("exchange") or "") == _name(exchange)
        and came_by.get("routing_key") == routing_key
    )


def _queue(exchange: Any, routing_key: str | None, declare: Any) -> str:
    # AMQP 0-9-1, 3.1.3.1: the default exchange takes the key for the queue's name.
    name = _name(exchange)
    if not name:
        return routing_key or ""
    queues = declare or ()
    # To another exchange than its own, Celery declares the default queue all the same.
    named = [str(q.name) for q in queues if _name(q.exchange) == name]
    return named[0] if len(named) == len(queues) == 1 else ""


def _name(exchange: Any) -> str:
    return str(getattr(exchange, "name", exchange) or "")


def _id(task_id: object) -> bytes:
    return str(task_id).encode("utf-8", "surrogatepass")
