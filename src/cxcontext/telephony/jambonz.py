"""
jambonz: signed webhooks with the INVITE in them, and verbs that take a reference along.

``Jambonz-Signature: t=...,v1=...`` is hex of HMAC-SHA256 over time, a dot and body
(https://docs.jambonz.org/webhooks/overview). In the first webhook of a call, sent by POST,
``sip.headers`` has the INVITE's headers: standard names in small letters, others as sent.
``tag`` replaces all its data each time.
"""

from __future__ import annotations

import hmac
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
    secret,
    text,
)

PLATFORM: Final = "jambonz"
ATTRIBUTE: Final = "customer_context"


def _utc_now() -> datetime:
    return datetime.now(UTC)


@attrs.frozen(repr=False)
class JambonzWebhooks(NotPicklable):
    """
    Checks that webhooks are jambonz's.

    Args:
        webhook_secret: That of the account.
        clock: Returns the present instant; the system's, unless given.

    Raises:
        UsageError: When the secret is empty.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "load the secret where it is used"

    _secret: bytes = attrs.field(alias="webhook_secret", converter=secret)
    _clock: Callable[[], datetime] = attrs.field(
        alias="clock", kw_only=True, default=_utc_now
    )

    def __repr__(self) -> str:
        return "<JambonzWebhooks>"

    def verify(self, body: bytes, *, signature: str) -> Mapping[str, Any]:
        """
        Return what a POST says, if jambonz signed it within five minutes.

        Args:
            body: As it came.
            signature: The header ``Jambonz-Signature``.

        Raises:
            TooLargeError, WebhookMalformedError, WebhookForgedError,
            WebhookExpiredError: When it is not one.

        .. versionadded:: 0.1.0
        """
        parts = [part.partition("=") for part in signature.split(",")]
        times = [value for name, _, value in parts if name.strip() == "t"]
        given = [value for name, _, value in parts if name.strip() == "v1"]
        timestamp = times[0] if len(times) == 1 else ""
        signed = octets(timestamp) + b"." + bounded(body)
        made = hmac.new(self._secret, signed, "sha256").hexdigest().encode()
        check_any(PLATFORM, made=made, given=given)
        check_time(PLATFORM, timestamp, now_s=int(self._clock().timestamp()))
        return parse_object(PLATFORM, body)


def call_key(call_sid: str) -> CallKey:
    """
    Return the key of a call.

    .. versionadded:: 0.1.0
    """
    return CallKey(PLATFORM, "call", call_sid)


def child_key(call_sid: str) -> CallKey:
    """
    Return the key of the leg that a call dials: another than the call's own.

    .. versionadded:: 0.1.0
    """
    return CallKey(PLATFORM, "child of", call_sid)


def leg_of_webhook(found: Mapping[str, Any], *, trusted: bool = False) -> Leg:
    """
    Return the leg of a call's webhook.

    Args:
        found: From `JambonzWebhooks.verify`.
        trusted: As of `Leg`.

    Raises:
        WebhookMalformedError: When it has no id of a call.

    .. versionadded:: 0.1.0
    """
    call_sid, parent = text(found, "call_sid"), text(found, "parent_call_sid")
    if call_sid is None:
        raise WebhookMalformedError(PLATFORM, "no call_sid")
    headers = header_pairs(member(found, "sip", "headers"))
    tagged = text(found, "customerData", ATTRIBUTE)
    if tagged is not None:
        headers.append(("X-Customer-Context", tagged))
    ids = [call_key(call_sid)]
    if parent is not None:
        ids.append(child_key(parent))
    leg = leg_of(
        read(headers, request_uri=text(found, "sip", "uri") or ""),
        lease=call_sid,
        trusted=trusted,
        ids=ids,
        code=text(found, "digits"),
    )
    return attrs.evolve(
        leg,
        line=text(found, "to") or leg.line,
        caller=text(found, "from") or leg.caller,
        transferred=leg.transferred or text(found, "direction") == "outbound",
    )


def dial(transfer: Transfer, *, target: Mapping[str, str]) -> dict[str, Any]:
    """
    Return the verb ``dial``: a leg of its own, with headers.

    Args:
        transfer: A bridged one; note `child_key` of the call with it.
        target: As jambonz has it: ``{"type": "sip", "sipUri": ...}``.

    .. versionadded:: 0.1.0
    """
    return {"verb": "dial", "target": [dict(target)], "headers": dict(transfer.headers)}


def sip_refer(transfer: Transfer) -> dict[str, Any]:
    """
    Return the verb ``sip:refer``: headers in the URI, for the new INVITE, and on the REFER.

    Raises:
        UsageError: When the transfer is not a blind one.

    .. versionadded:: 0.1.0
    """
    headers = dict(transfer.headers)
    address = headers.pop("Refer-To", None)
    if address is None:
        raise UsageError("a refer has a target: prepare a BLIND transfer")
    return {"verb": "sip:refer", "referTo": address.strip("<>"), "headers": headers}


def tag(transfer: Transfer, *, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """
    Return the verb ``tag``: the reference in ``customerData`` of all later webhooks.

    Args:
        transfer: Any.
        data: What else is tagged; what is left out is lost.

    .. versionadded:: 0.1.0
    """
    return {
        "verb": "tag",
        "data": {**(data or {}), ATTRIBUTE: str(transfer.reference)},
    }
