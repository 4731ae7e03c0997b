"""
Telnyx: webhooks signed with Ed25519, and the headers of transfer and refer commands.

The signature is base64 of Ed25519 over time, ``|`` and body, under the account's public
key (https://developers.telnyx.com/docs/development/sdk/python/webhooks). Commands take
``X-`` headers as ``custom_headers`` and ``User-to-User`` as one of ``sip_headers``
(https://developers.telnyx.com/api/call-control/transfer-call).
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cxcontext.errors import UsageError, WebhookForgedError, WebhookMalformedError
from cxcontext.homes import CallKey
from cxcontext.telephony.ladder import Leg, leg_of
from cxcontext.telephony.platforms import USER_TO_USER
from cxcontext.telephony.sip import party, read
from cxcontext.telephony.transfer import Transfer
from cxcontext.telephony.webhook import (
    bounded,
    check_time,
    header_pairs,
    member,
    octets,
    parse_object,
    text,
)

PLATFORM: Final = "telnyx"
_NAME: Final = "Telnyx"


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _key(public_key: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(b64decode(public_key, validate=True))
    except ValueError:
        raise UsageError("Telnyx shows its public key as 32 bytes in base64") from None


@attrs.frozen
class TelnyxWebhooks:
    """
    Checks that webhooks are Telnyx's.

    Args:
        public_key: The account's, in base64.
        clock: Returns the present instant; the system's, unless given.

    Raises:
        UsageError: When it is no such key.

    .. versionadded:: 0.1.0
    """

    _key: Ed25519PublicKey = attrs.field(alias="public_key", converter=_key, repr=False)
    _clock: Callable[[], datetime] = attrs.field(
        alias="clock", kw_only=True, default=_utc_now, repr=False
    )

    def verify(
        self, body: bytes, *, timestamp: str, signature: str
    ) -> Mapping[str, Any]:
        """
        Return the event, if Telnyx signed it within five minutes.

        Args:
            body: As it came.
            timestamp: The header ``telnyx-timestamp``.
            signature: The header ``telnyx-signature-ed25519``.

        Raises:
            TooLargeError, WebhookMalformedError, WebhookForgedError,
            WebhookExpiredError: When it is not one.

        .. versionadded:: 0.1.0
        """
        signed = octets(timestamp) + b"|" + bounded(body)
        try:
            self._key.verify(b64decode(signature, validate=True), signed)
        except (ValueError, InvalidSignature):
            raise WebhookForgedError(_NAME) from None
        check_time(_NAME, timestamp, now_s=int(self._clock().timestamp()))
        return parse_object(_NAME, body)


def session_key(call_session_id: str) -> CallKey:
    """
    Return the key of all legs that belong together.

    .. versionadded:: 0.1.0
    """
    return CallKey(PLATFORM, "session", call_session_id)


def leg_of_event(event: Mapping[str, Any], *, trusted: bool = False) -> Leg:
    """
    Return the leg of ``call.initiated`` or a later event of a call.

    Args:
        event: From `TelnyxWebhooks.verify`.
        trusted: As of `Leg`.

    Raises:
        WebhookMalformedError: When it has no id of a leg.

    .. versionadded:: 0.1.0
    """
    payload = member(event, "data", "payload")
    leg_id, session_id = text(payload, "call_leg_id"), text(payload, "call_session_id")
    if leg_id is None:
        raise WebhookMalformedError(_NAME, "no data.payload.call_leg_id")
    headers = [
        *header_pairs(member(payload, "custom_headers")),
        *header_pairs(member(payload, "sip_headers")),
    ]
    ids = [CallKey(PLATFORM, "leg", leg_id)]
    if session_id is not None:
        ids.append(session_key(session_id))
    leg = leg_of(read(headers), lease=leg_id, trusted=trusted, ids=ids)
    inbound = text(payload, "direction") in ("incoming", None)
    return attrs.evolve(
        leg,
        line=_number(text(payload, "to")),
        caller=_number(text(payload, "from")),
        transferred=leg.transferred or not inbound,
    )


def command(transfer: Transfer) -> dict[str, list[dict[str, str]]]:
    """
    Return what a dial, transfer or refer command has besides its target.

    .. versionadded:: 0.1.0
    """
    found: dict[str, list[dict[str, str]]] = {"custom_headers": [], "sip_headers": []}
    for name, value in transfer.headers:
        if name not in ("Refer-To", "Contact"):
            place = "sip_headers" if name == USER_TO_USER else "custom_headers"
            found[place].append({"name": name, "value": value})
    return found


def _number(address: str | None) -> str | None:
    return None if address is None else party(address) or address
