"""
CloudEvents 1.0: the extension attribute ``customercontext``.

In binary mode over HTTP it is the header ``ce-customercontext``, in structured mode a
member of the JSON object. An event that somebody keeps for years should have a reference
only, as its own data may be by reference (``dataref``), which stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Final

import attrs
from cloudevents.core.base import BaseCloudEvent

import cxcontext as cx
from cxcontext.errors import DestinationError
from cxcontext.queues import messages as queues
from cxcontext.queues.carriers import MappingCarrier
from cxcontext.queues.messages import Messages

NAME: Final = "customercontext"
# In binary mode it is a header, and its reader's server limits that.
LIMITS: Final = cx.Limits()
# A reference has 48 characters, and no envelope is so short.
BY_REFERENCE: Final = cx.Limits(value_bytes=48)
# CloudEvents 1.0.2, "attribute naming convention"; the library takes more.
_NAME: Final = re.compile("[a-z0-9]{1,20}")


def injected(
    messages: Messages,
    attributes: Mapping[str, Any],
    *,
    queue: str,
    limits: cx.Limits = LIMITS,
    binding: bytes | None = None,
) -> dict[str, Any]:
    """
    Return attributes that carry the current journey, if the consumer may have it.

    A copy, for ``CloudEvent(attributes, data)``, which keeps and changes what it is given.

    Args:
        messages: Which department this is, and which queues reach which others. The
            attribute is ``customercontext``, unless they have a name of their own.
        attributes: Which attributes the event is to have.
        queue: Where the event goes, as in `Destination.queues`: a topic, a sink's URL.
        limits: What the value may take; `BY_REFERENCE` for events that are archived.
        binding: What the consumer will know of the event from elsewhere; counts where
            the destination is bound.

    Raises:
        DestinationError: When CloudEvents does not take the attribute's name.

    .. versionadded:: 0.1.0
    """
    made = dict(attributes)
    carrier = MappingCarrier(made, limits)
    _named(messages).inject(carrier, queue=queue, binding=binding)
    return made


async def injected_async(
    messages: Messages,
    attributes: Mapping[str, Any],
    *,
    queue: str,
    limits: cx.Limits = LIMITS,
    binding: bytes | None = None,
) -> dict[str, Any]:
    """
    As `injected`, awaiting the store of references.

    .. versionadded:: 0.1.0
    """
    made = dict(attributes)
    carrier = MappingCarrier(made, limits)
    await _named(messages).inject_async(carrier, queue=queue, binding=binding)
    return made


def bound(
    messages: Messages,
    event: BaseCloudEvent,
    *,
    limits: cx.Limits = LIMITS,
    binding: bytes | None = None,
) -> AbstractContextManager[cx.Journey[Any] | None]:
    """
    Make the journey of an event the current one, while it is handled.

    Args:
        messages: Which department this is.
        event: The event. Its source and id tell it from all others.
        limits: What the value may take; as the senders'.
        binding: As for `Messages.bound`.

    .. versionadded:: 0.1.0
    """
    carrier = MappingCarrier(event.get_attributes(), limits)
    return _named(messages).bound(carrier, message_id=_id(event), binding=binding)


def bound_async(
    messages: Messages,
    event: BaseCloudEvent,
    *,
    limits: cx.Limits = LIMITS,
    binding: bytes | None = None,
) -> AbstractAsyncContextManager[cx.Journey[Any] | None]:
    """
    As `bound`, awaiting the store of references.

    .. versionadded:: 0.1.0
    """
    carrier = MappingCarrier(event.get_attributes(), limits)
    return _named(messages).bound_async(carrier, message_id=_id(event), binding=binding)


def _named(messages: Messages) -> Messages:
    if messages.name == queues.NAME:
        return attrs.evolve(messages, name=NAME)
    if not _NAME.fullmatch(messages.name):
        msg = f"{messages.name!r} cannot be the name of an extension attribute"
        raise DestinationError(msg)
    return messages


def _id(event: BaseCloudEvent) -> bytes:
    # CloudEvents 1.0.2, "id": together they are unique for each event.
    return f"{event.get_source()}\n{event.get_id()}".encode()
