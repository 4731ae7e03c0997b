"""
OpenAI Realtime by SIP: the webhook of an incoming call, and the refer request.

Signed as Standard Webhooks are: base64 of HMAC-SHA256 over id, time and body, joined by
dots (https://www.standardwebhooks.com). The event has the INVITE's headers, in order and
repeated, "untrusted call metadata"
(https://developers.openai.com/api/docs/guides/realtime-sip). It may come more than once;
redeeming for the same call again does no harm.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

import attrs

from cxcontext.errors import UsageError, WebhookMalformedError
from cxcontext.homes import CallKey
from cxcontext.pickling import NotPicklable
from cxcontext.telephony.ladder import Leg, leg_of
from cxcontext.telephony.sip import read
from cxcontext.telephony.transfer import Transfer
from cxcontext.telephony.webhook import (
    bounded,
    check_any,
    check_time,
    header_pairs,
    member,
    octets,
    parse_object,
    text,
)

PLATFORM: Final = "openai_realtime"
_NAME: Final = "OpenAI"


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _key(secret: str) -> bytes:
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise UsageError("a webhook's secret is whsec_ and base64")
    return key


@attrs.frozen(repr=False)
class OpenAIWebhooks(NotPicklable):
    """
    Checks that events are OpenAI's.

    Args:
        secret: The endpoint's signing secret, ``whsec_...``.
        clock: Returns the present instant; the system's, unless given.

    Raises:
        UsageError: When it is no such secret.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "load the secret where it is used"

    _secret: bytes = attrs.field(alias="secret", converter=_key)
    _clock: Callable[[], datetime] = attrs.field(
        alias="clock", kw_only=True, default=_utc_now
    )

    def __repr__(self) -> str:
        return "<OpenAIWebhooks>"

    def verify(
        self, body: bytes, *, webhook_id: str, timestamp: str, signature: str
    ) -> Mapping[str, Any]:
        """
        Return the event, if OpenAI signed it within five minutes.

        Args:
            body: As it came.
            webhook_id: The header ``webhook-id``.
            timestamp: The header ``webhook-timestamp``.
            signature: The header ``webhook-signature``: several, with blanks between.

        Raises:
            TooLargeError, WebhookMalformedError, WebhookForgedError,
            WebhookExpiredError: When it is not one.

        .. versionadded:: 0.1.0
        """
        signed = b".".join([octets(webhook_id), octets(timestamp), bounded(body)])
        made = b64encode(hmac.digest(self._secret, signed, "sha256"))
        given = [one[3:] for one in signature.split(" ") if one.startswith("v1,")]
        check_any(_NAME, made=made, given=given)
        check_time(_NAME, timestamp, now_s=int(self._clock().timestamp()))
        return parse_object(_NAME, body)


def call_key(call_id: str) -> CallKey:
    """
    Return the key of a call, or of a live session.

    .. versionadded:: 0.1.0
    """
    return CallKey(PLATFORM, "call", call_id)


def leg_of_event(event: Mapping[str, Any], *, trusted: bool = False) -> Leg:
    """
    Return the leg of ``realtime.call.incoming`` or ``live.call.incoming``.

    Args:
        event: From `OpenAIWebhooks.verify`.
        trusted: As of `Leg`: whether the trunk takes our headers off what comes from
            outside.

    Raises:
        WebhookMalformedError: When it has no id of a call.

    .. versionadded:: 0.1.0
    """
    call_id = text(event, "data", "call_id") or text(event, "data", "session_id")
    if call_id is None:
        raise WebhookMalformedError(_NAME, "no data.call_id")
    headers = header_pairs(member(event, "data", "sip_headers"))
    to = next((value for name, value in headers if name.lower() == "to"), "")
    return leg_of(
        read(headers, request_uri=to),
        lease=call_id,
        trusted=trusted,
        ids=[call_key(call_id)],
    )


def refer(transfer: Transfer) -> dict[str, str]:
    """
    Return the body of ``POST /v1/realtime/calls/{call_id}/refer``.

    Whether the headers in the URI survive is not documented and was not tried; the
    index finds what they lose.

    Args:
        transfer: A blind one, with a target.

    Raises:
        UsageError: When it is another.

    .. versionadded:: 0.1.0
    """
    address = dict(transfer.headers).get("Refer-To")
    if address is None:
        raise UsageError("a refer has a target: prepare a BLIND transfer")
    return {"target_uri": address.strip("<>")}
