"""
Dramatiq: the journey that was current where a message was sent is current in its actor.

A middleware, and nothing else. What an actor sends has the actor's journey as it is then,
and so has the next of a pipeline. A retry is the same message once more and keeps its value.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Any, Final

from dramatiq import Broker, Message, MessageProxy, Middleware
from dramatiq.common import q_name

from cxcontext.queues.carriers import MappingCarrier
from cxcontext.queues.messages import Messages


def setup(broker: Broker, messages: Messages) -> None:
    """
    Send and receive journeys with all actors of a broker.

    The middleware comes before all others, for what they send after an actor has run,
    the next message of a pipeline, is sent with its journey.

    Args:
        broker: The broker.
        messages: Which department this is, and which queues reach which others.

    Raises:
        UsageError: When the references or the log are awaited ones: no hook is.

    .. versionadded:: 0.1.0
    """
    # Said here, for what a middleware raises is logged and forgotten.
    messages.propagator.extract(MappingCarrier({}), name=messages.name)
    first = type(broker.middleware[0]) if broker.middleware else None
    broker.add_middleware(CustomerContextMiddleware(messages), before=first)


# Of a message that came: its queue. Never sent.
_CAME_BY: Final = "cxcontext_came_by"


class CustomerContextMiddleware(Middleware):
    """
    Puts the current journey into messages, and binds a message's to its actor.

    .. versionadded:: 0.1.0
    """

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._here = threading.local()

    def before_enqueue(self, broker: Broker, message: Message[Any], delay: int) -> None:
        """
        Put the current journey into the message's options.
        """
        # What is delayed waits in a queue of its own, for the same consumer.
        queue = q_name(message.queue_name)
        # Tried again, or due by now: the consumer itself sends it once more.
        if message.options.pop(_CAME_BY, None) == queue:
            return
        self._messages.inject(MappingCarrier(message.options), queue=queue)

    def after_enqueue(self, broker: Broker, message: Message[Any], delay: int) -> None:
        """
        Take it out again of the sender's object, which may be sent for another customer.
        """
        message.options.pop(self._messages.name, None)

    def before_delay_message(self, broker: Broker, message: MessageProxy) -> None:
        """
        Note that the message came, and waits here until it is due.
        """
        message.options[_CAME_BY] = q_name(message.queue_name)

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """
        Make the message's journey the current one of this thread.
        """
        message.options[_CAME_BY] = q_name(message.queue_name)
        self._here.work = work = ExitStack()
        work.enter_context(
            self._messages.bound(
                MappingCarrier(message.options), message_id=message.message_id.encode()
            )
        )

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        """
        Make current what was before.
        """
        self._here.work.close()

    def after_skip_message(self, broker: Broker, message: MessageProxy) -> None:
        """
        Make current what was before.
        """
        self._here.work.close()
