"""
Azure Communication Services: the event of an incoming call, and custom calling context.

Event Grid signs nothing. It delivers with a Microsoft Entra token, which your framework
checks, or with a secret of yours in a delivery property, which `AzureEvents` checks.
Of SIP headers there are 5 at most; a name has 64 characters, a value 256, of letters,
digits and ``=;.!%*_+~-``
(https://learn.microsoft.com/azure/communication-services/how-tos/call-automation/custom-context).
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import attrs

from cxcontext.errors import UsageError, WebhookForgedError, WebhookMalformedError
from cxcontext.homes import CallKey
from cxcontext.pickling import NotPicklable
from cxcontext.telephony.ladder import Leg, leg_of
from cxcontext.telephony.sip import party, read
from cxcontext.telephony.transfer import Transfer
from cxcontext.telephony.webhook import (
    bounded,
    header_pairs,
    member,
    octets,
    secret,
    text,
)

PLATFORM: Final = "azure"
INCOMING: Final = "Microsoft.Communication.IncomingCall"
VALIDATION: Final = "Microsoft.EventGrid.SubscriptionValidationEvent"
MAX_SIP_HEADERS: Final = 5
MAX_NAME_CHARS: Final = 64
_NAME: Final = "Azure"
_VALUE: Final = re.compile(r"[A-Za-z0-9=;.!%*_+~-]{1,256}")


@attrs.frozen(repr=False)
class AzureEvents(NotPicklable):
    """
    Checks that events come by the subscription that has our secret.

    Args:
        delivery_secret: What the subscription has as a secret delivery property.

    Raises:
        UsageError: When the secret is empty.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "load the secret where it is used"

    _secret: bytes = attrs.field(alias="delivery_secret", converter=secret)

    def __repr__(self) -> str:
        return "<AzureEvents>"

    def verify(self, body: bytes, *, given: str) -> Sequence[Mapping[str, Any]]:
        """
        Return the events of one delivery.

        Args:
            body: As it came.
            given: The header that the delivery property is.

        Raises:
            TooLargeError, WebhookMalformedError, WebhookForgedError: When it is none.

        .. versionadded:: 0.1.0
        """
        if not hmac.compare_digest(self._secret, octets(given)):
            raise WebhookForgedError(_NAME)
        try:
            found = json.loads(bounded(body))
        except (ValueError, RecursionError):
            raise WebhookMalformedError(_NAME, "its body is no JSON") from None
        # A list in the schema of Event Grid, one object in that of CloudEvents.
        events = found if isinstance(found, list) else [found]
        if not all(isinstance(event, dict) for event in events):
            raise WebhookMalformedError(_NAME, "its body has no events")
        return events


def kind_of(event: Mapping[str, Any]) -> str | None:
    """
    Return an event's type, in either schema.

    .. versionadded:: 0.1.0
    """
    return text(event, "eventType") or text(event, "type")


def validation_response(event: Mapping[str, Any]) -> dict[str, str]:
    """
    Return the answer to `VALIDATION`, by which a subscription begins.

    Raises:
        WebhookMalformedError: When the event has no code.

    .. versionadded:: 0.1.0
    """
    code = text(event, "data", "validationCode")
    if code is None:
        raise WebhookMalformedError(_NAME, "no data.validationCode")
    return {"validationResponse": code}


def call_key(server_call_id: str) -> CallKey:
    """
    Return the key of a call: ``serverCallId``, which outlives transfers.

    .. versionadded:: 0.1.0
    """
    return CallKey(PLATFORM, "call", server_call_id)


def leg_of_event(event: Mapping[str, Any], *, trusted: bool = False) -> Leg:
    """
    Return the leg of `INCOMING`.

    Args:
        event: One of `AzureEvents.verify`.
        trusted: As of `Leg`.

    Raises:
        WebhookMalformedError: When it is another event, or has no correlation id.

    .. versionadded:: 0.1.0
    """
    data = member(event, "data")
    correlation = text(data, "correlationId")
    if kind_of(event) != INCOMING or correlation is None:
        raise WebhookMalformedError(_NAME, "no incoming call")
    headers = [
        *header_pairs(member(data, "customContext", "sipHeaders")),
        *header_pairs(member(data, "customContext", "voipHeaders")),
    ]
    server_call_id = text(data, "serverCallId")
    leg = leg_of(
        read(headers),
        lease=correlation,
        trusted=trusted,
        ids=[] if server_call_id is None else [call_key(server_call_id)],
    )
    return attrs.evolve(leg, line=_number(data, "to"), caller=_number(data, "from"))


def custom_calling_context(transfer: Transfer) -> dict[str, dict[str, str]]:
    """
    Return ``customCallingContext`` of AddParticipant, CreateCall or Transfer.

    The same goes as a VoIP header, for callees without a telephone.

    Args:
        transfer: Prepared for `cxcontext.telephony.platforms.AZURE`.

    Raises:
        UsageError: When a header is one that Azure does not take.

    .. versionadded:: 0.1.0
    """
    headers = {
        name: value
        for name, value in transfer.headers
        if name not in ("Refer-To", "Contact")
    }
    for name, value in headers.items():
        if len(name) > MAX_NAME_CHARS or not _VALUE.fullmatch(value):
            raise UsageError(f"Azure takes no header {name} of that length or alphabet")
    if len(headers) > MAX_SIP_HEADERS:
        raise UsageError(f"Azure takes {MAX_SIP_HEADERS} headers at most")
    return {
        "sipHeaders": headers,
        "voipHeaders": {"X-Customer-Context": str(transfer.reference)},
    }


def _number(data: object, name: str) -> str | None:
    number = text(data, name, "phoneNumber", "value")
    return None if number is None else party(f"tel:{number}") or number
