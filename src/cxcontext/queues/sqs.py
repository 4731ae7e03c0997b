"""
Amazon SQS and SNS: a message attribute, put there by hand or by botocore's events.

A message has ten attributes at most, and all of it counts: body, and name, type and value
of each attribute. What has no room is skipped and reported, and the message is sent; an
emulator that counts less than Amazon would not notice. SNS hands a message to a queue with
its attributes as they are (raw message delivery), or as JSON in the body; both are read.
No library is imported: boto3's parameters and messages are dicts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

import attrs

import cxcontext as cx
from cxcontext.errors import DestinationError
from cxcontext.queues import messages as queues
from cxcontext.queues.carriers import LIMITS, MappingCarrier
from cxcontext.queues.messages import Messages

NAME: Final = "CustomerContext"
# Amazon SQS Developer Guide, "message quotas"; SNS discards what has more on its way to
# a queue with raw message delivery.
SLOTS: Final = 10
QUEUE_BYTES: Final = 1_048_576
TOPIC_BYTES: Final = 262_144
_TYPE: Final = "String"
# SQS API reference, MessageAttributeValue: letters, digits, `_`, `-`, and single `.`
# inside; 256 of them; not as Amazon's own, in any case.
_NAME: Final = re.compile(
    r"(?=.{1,256}\Z)(?!aws\.|amazon\.)[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.IGNORECASE
)


@attrs.frozen
class _Attributes:
    """
    The attributes of a message that is to be sent, and how many bytes are left.
    """

    attributes: dict[str, Any] = attrs.field(repr=False)
    room_bytes: int

    @property
    def limits(self) -> cx.Limits:
        room = self.room_bytes if len(self.attributes) < SLOTS else 0
        return cx.Limits(value_bytes=max(0, min(LIMITS.value_bytes, room)))

    def get_all(self, name: str) -> list[str | bytes]:
        return _values(self.attributes, name)

    def set(self, name: str, value: str | bytes) -> None:
        self.attributes[name] = {"DataType": _TYPE, "StringValue": value}

    def remove(self, name: str) -> None:
        self.attributes.pop(name, None)


def injected(
    messages: Messages,
    params: Mapping[str, Any],
    *,
    queue_bytes: int = QUEUE_BYTES,
    topic_bytes: int = TOPIC_BYTES,
) -> dict[str, Any]:
    """
    Return parameters that carry the current journey, if the consumer may have it.

    A copy: attributes that several messages share must not keep the journey of the last
    customer. Queues are named by their URL and topics by their ARN, as in the parameters,
    in `Destination.queues`. A topic has one consuming department, however many queues.

    Args:
        messages: Which department this is, and which queues reach which others. The
            attribute is ``CustomerContext``, unless they have a name of their own.
        params: What ``send_message``, ``send_message_batch``, ``publish`` or
            ``publish_batch`` will be given.
        queue_bytes: The largest message or batch that the queues take; their
            ``MaximumMessageSize``, where that is less than 1 MiB.
        topic_bytes: The largest message or batch that the topics take.

    Raises:
        DestinationError: When Amazon does not take the attribute's name.

    .. versionadded:: 0.1.0
    """
    messages, made = _named(messages), dict(params)
    limit = queue_bytes if "QueueUrl" in made else topic_bytes
    # A text message to a phone goes to none of them.
    where = (made.get(key) for key in ("QueueUrl", "TopicArn", "TargetArn"))
    queue = next(filter(None, where), "")
    for batch in ("Entries", "PublishBatchRequestEntries"):
        if batch in made:
            made[batch] = entries = [dict(entry) for entry in made[batch]]
            break
    else:
        entries = [made]
    # A batch may be as large as a message.
    left = limit - sum(map(_size, entries))
    for entry in entries:
        before = _size(entry)
        _inject(messages, entry, queue, left)
        left += before - _size(entry)
    return made


def register(
    client: Any,
    messages: Messages,
    *,
    queue_bytes: int = QUEUE_BYTES,
    topic_bytes: int = TOPIC_BYTES,
) -> None:
    """
    Put the current journey into all that a client of boto3 sends from now on.

    A client of SQS asks for the attribute when it receives, too. What botocore tries
    again by itself is the same message.

    Args:
        client: ``boto3.client("sqs")`` or ``boto3.client("sns")``; of a resource,
            ``queue.meta.client``.
        messages: As for `injected`, and so are the rest.

    .. versionadded:: 0.1.0
    """
    name = _named(messages).name

    # Changed in place: of all that handlers return, botocore takes the first only.
    def on_send(params: dict[str, Any], **_: Any) -> None:
        made = injected(
            messages, params, queue_bytes=queue_bytes, topic_bytes=topic_bytes
        )
        params.clear()
        params.update(made)

    def on_receive(params: dict[str, Any], **_: Any) -> None:
        asked = [*params.get("MessageAttributeNames", ())]
        if not {name, "All", ".*"} & {*asked}:
            params["MessageAttributeNames"] = [*asked, name]

    for operation, handler in {
        "sqs.SendMessage": on_send,
        "sqs.SendMessageBatch": on_send,
        "sqs.ReceiveMessage": on_receive,
        "sns.Publish": on_send,
        "sns.PublishBatch": on_send,
    }.items():
        client.meta.events.register(f"provide-client-params.{operation}", handler)


def bound(
    messages: Messages, message: Mapping[str, Any], *, binding: bytes | None = None
) -> AbstractContextManager[cx.Journey[Any] | None]:
    """
    Make the journey of a message the current one, while it is handled.

    SQS gives an attribute only to whoever asks for it: call ``receive_message`` with
    ``MessageAttributeNames=["CustomerContext"]``, or `register` the client.

    Args:
        messages: Which department this is.
        message: One of the ``Messages`` that ``receive_message`` returned.
        binding: As for `Messages.bound`.

    .. versionadded:: 0.1.0
    """
    messages = _named(messages)
    name = messages.name
    values = _values(message.get("MessageAttributes") or {}, name)
    values = values or _notified(message.get("Body") or "", name)
    return messages.bound(
        MappingCarrier({name: values[0]} if values else {}),
        message_id=message["MessageId"].encode(),
        binding=binding,
    )


def _named(messages: Messages) -> Messages:
    if messages.name == queues.NAME:
        return attrs.evolve(messages, name=NAME)
    if not _NAME.fullmatch(messages.name):
        msg = f"{messages.name!r} cannot be the name of a message attribute"
        raise DestinationError(msg)
    return messages


def _inject(messages: Messages, entry: dict[str, Any], queue: str, left: int) -> None:
    attributes, name = dict(entry.pop("MessageAttributes", None) or {}), messages.name
    if name in attributes:
        left += _attribute_size(name, attributes[name])
    left -= len(name) + len(_TYPE)
    # SNS sends no attributes with a message that has a form for each protocol.
    room = 0 if entry.get("MessageStructure") == "json" else left
    messages.inject(_Attributes(attributes, room), queue=queue)
    # Empty attributes are nothing that was asked for.
    if attributes:
        entry["MessageAttributes"] = attributes


def _values(attributes: Mapping[str, Any], name: str) -> list[str | bytes]:
    if name not in attributes:
        return []
    attribute = attributes[name]
    return [attribute.get("StringValue") or attribute.get("BinaryValue") or b""]


def _notified(body: str, name: str) -> list[str | bytes]:
    """
    Return what SNS wrote into the body, where it delivers as JSON.
    """
    # Nobody's own JSON is read for nothing.
    if f'"{name}"' not in body or '"TopicArn"' not in body:
        return []
    try:
        value = json.loads(body)["MessageAttributes"][name]["Value"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return []
    return [value if isinstance(value, str) else b""]


def _size(entry: Mapping[str, Any]) -> int:
    body = entry.get("MessageBody", entry.get("Message", ""))
    attributes = entry.get("MessageAttributes") or {}
    return len(body.encode()) + sum(
        _attribute_size(name, attribute) for name, attribute in attributes.items()
    )


def _attribute_size(name: str, attribute: Mapping[str, Any]) -> int:
    text = name + attribute.get("DataType", "") + attribute.get("StringValue", "")
    return len(text.encode()) + len(attribute.get("BinaryValue", b""))
