"""
Vonage: webhooks signed by a JWT, and the headers of an NCCO's ``connect``.

The JWT comes in ``Authorization``, is HS256 under the signature secret, and names the
SHA-256 of a body in ``payload_hash``
(https://developer.vonage.com/en/getting-started/concepts/webhooks). The query of a GET is
not signed by it, so webhooks are set to POST (``answer_method``).
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, ClassVar, Final

import attrs

from cxcontext.errors import UsageError, WebhookForgedError, WebhookMalformedError
from cxcontext.homes import CallKey
from cxcontext.pickling import NotPicklable
from cxcontext.telephony.ladder import Leg, leg_of
from cxcontext.telephony.platforms import USER_TO_USER
from cxcontext.telephony.sip import read
from cxcontext.telephony.transfer import Transfer
from cxcontext.telephony.webhook import (
    bounded,
    check_time,
    octets,
    parse_object,
    secret,
    text,
)

PLATFORM: Final = "vonage"
_NAME: Final = "Vonage"
_SIP_HEADER: Final = "SipHeader_"
_MAX_TOKEN_CHARS: Final = 4_096


def _utc_now() -> datetime:
    return datetime.now(UTC)


@attrs.frozen(repr=False)
class VonageWebhooks(NotPicklable):
    """
    Checks that webhooks are Vonage's.

    Args:
        signature_secret: That of the account, not its API secret.
        clock: Returns the present instant; the system's, unless given.

    Raises:
        UsageError: When the secret is empty.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "load the secret where it is used"

    _secret: bytes = attrs.field(alias="signature_secret", converter=secret)
    _clock: Callable[[], datetime] = attrs.field(
        alias="clock", kw_only=True, default=_utc_now
    )

    def __repr__(self) -> str:
        return "<VonageWebhooks>"

    def verify(self, body: bytes, *, authorization: str) -> Mapping[str, Any]:
        """
        Return what a POST says, if Vonage signed it within five minutes.

        Args:
            body: As it came.
            authorization: The header ``Authorization``.

        Raises:
            TooLargeError, WebhookMalformedError, WebhookForgedError,
            WebhookExpiredError: When it is not one.

        .. versionadded:: 0.1.0
        """
        scheme, _, token = authorization.partition(" ")
        parts = token.strip().split(".")
        if (
            scheme.lower() != "bearer"
            or len(parts) != 3
            or len(token) > _MAX_TOKEN_CHARS
        ):
            raise WebhookForgedError(_NAME)
        signed = octets(f"{parts[0]}.{parts[1]}")
        made = hmac.digest(self._secret, signed, "sha256")
        if not hmac.compare_digest(made, _decoded(parts[2])):
            raise WebhookForgedError(_NAME)
        # RFC 8725, 3.1: this one algorithm, whatever the token says.
        if text(_claims(parts[0]), "alg") != "HS256":
            raise WebhookForgedError(_NAME)
        claims = _claims(parts[1])
        named = (text(claims, "payload_hash") or "").lower().encode()
        digest = sha256(bounded(body)).hexdigest().encode()
        if not body or not hmac.compare_digest(digest, named):
            raise WebhookForgedError(_NAME)
        issued = claims.get("iat")
        whole = str(issued) if type(issued) is int else ""
        check_time(_NAME, whole, now_s=int(self._clock().timestamp()))
        return parse_object(_NAME, body)


def conversation_key(conversation_uuid: str) -> CallKey:
    """
    Return the key of all legs of a conversation.

    .. versionadded:: 0.1.0
    """
    return CallKey(PLATFORM, "conversation", conversation_uuid)


def leg_of_webhook(found: Mapping[str, Any], *, trusted: bool = False) -> Leg:
    """
    Return the leg of an answer webhook, with headers of SIP as ``SipHeader_X-...``.

    Args:
        found: From `VonageWebhooks.verify`.
        trusted: As of `Leg`.

    Raises:
        WebhookMalformedError: When it has no id of a leg.

    .. versionadded:: 0.1.0
    """
    leg_id, conversation = text(found, "uuid"), text(found, "conversation_uuid")
    if leg_id is None:
        raise WebhookMalformedError(_NAME, "no uuid")
    headers = [
        (name.removeprefix(_SIP_HEADER), value)
        for name, value in found.items()
        if name.startswith(_SIP_HEADER) and isinstance(value, str)
    ]
    ids = [CallKey(PLATFORM, "leg", leg_id)]
    if conversation is not None:
        ids.append(conversation_key(conversation))
    leg = leg_of(read(headers), lease=leg_id, trusted=trusted, ids=ids)
    return attrs.evolve(leg, line=text(found, "to"), caller=text(found, "from"))


def connect(transfer: Transfer, *, uri: str) -> dict[str, Any]:
    """
    Return the NCCO action that connects to a SIP address.

    Args:
        transfer: A bridged one.
        uri: Where to: ``sip:user@host``.

    Raises:
        UsageError: When it has no headers.

    .. versionadded:: 0.1.0
    """
    own: dict[str, str] = {}
    standard: dict[str, str] = {}
    for name, value in transfer.headers:
        if name == USER_TO_USER:
            standard[name] = value
        elif name.startswith("X-"):
            # Vonage writes the X- itself.
            own[name.removeprefix("X-")] = value
    if not own and not standard:
        raise UsageError("connect makes a leg of its own: prepare a BRIDGE transfer")
    endpoint = {"type": "sip", "uri": uri, "headers": own, "standardHeaders": standard}
    return {"action": "connect", "endpoint": [endpoint]}


def _claims(part: str) -> dict[str, Any]:
    try:
        found = json.loads(_decoded(part))
    except (ValueError, RecursionError):
        raise WebhookForgedError(_NAME) from None
    if not isinstance(found, dict):
        raise WebhookForgedError(_NAME)
    return found


def _decoded(part: str) -> bytes:
    try:
        return urlsafe_b64decode(part.encode("ascii") + b"=" * (-len(part) % 4))
    except ValueError:
        raise WebhookForgedError(_NAME) from None
