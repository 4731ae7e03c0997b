"""
LiveKit: a caller's attributes, and what a transfer and a call out are given.

No LiveKit library: an agent has the attributes of the participant already. Headers of the
INVITE are among them, as ``sip.h.<name>``, where the inbound trunk's ``include_headers``
says so, or under the name that ``headers_to_attributes`` maps them to
(https://docs.livekit.io/reference/telephony/sip-participant). Headers of a transfer go onto
the REFER; those for the next leg stand in ``transfer_to``. A header that is mapped may be
missing from a participant's attributes, and headers of a BYE are lost when the room is
deleted first (livekit/sip, issues 358 and 404).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from cxcontext.errors import UsageError, WebhookMalformedError
from cxcontext.homes import CallKey
from cxcontext.telephony.ladder import Leg, leg_of
from cxcontext.telephony.sip import read
from cxcontext.telephony.transfer import Transfer
from cxcontext.telephony.webhook import text

PLATFORM: Final = "livekit"
ATTRIBUTE: Final = "customer_context"
_HEADER: Final = "sip.h."


def call_key(call_id: str) -> CallKey:
    """
    Return the key of a call: ``sip.callID``.

    .. versionadded:: 0.1.0
    """
    return CallKey(PLATFORM, "call", call_id)


def leg_of_attributes(attributes: Mapping[str, str], *, trusted: bool = False) -> Leg:
    """
    Return the leg of a participant of kind SIP.

    Check the kind first: others may set attributes of their own.

    Args:
        attributes: The participant's.
        trusted: As of `Leg`.

    Raises:
        WebhookMalformedError: When there is no ``sip.callID``.

    .. versionadded:: 0.1.0
    """
    call_id = text(attributes, "sip.callID")
    if call_id is None:
        raise WebhookMalformedError("LiveKit", "no sip.callID")
    headers = [
        (name.removeprefix(_HEADER), value)
        for name, value in attributes.items()
        if name.startswith(_HEADER)
    ]
    headers.append(("X-Customer-Context", attributes.get(ATTRIBUTE, "")))
    # That of the trunk's provider, by which other peers know it as well.
    headers.append(("Call-ID", attributes.get("sip.callIDFull", "")))
    leg = leg_of(read(headers), lease=call_id, trusted=trusted, ids=[call_key(call_id)])
    return attrs.evolve(
        leg,
        line=text(attributes, "sip.trunkPhoneNumber"),
        caller=text(attributes, "sip.phoneNumber"),
    )


def transfer_request(transfer: Transfer) -> dict[str, Any]:
    """
    Return what ``TransferSIPParticipantRequest`` has besides room and participant.

    Raises:
        UsageError: When the transfer is not a blind one.

    .. versionadded:: 0.1.0
    """
    headers = dict(transfer.headers)
    address = headers.pop("Refer-To", None)
    if address is None:
        raise UsageError("a transfer has a target: prepare a BLIND transfer")
    return {"transfer_to": address.strip("<>"), "headers": headers}


def call_request(transfer: Transfer) -> dict[str, Any]:
    """
    Return what ``CreateSIPParticipantRequest`` has besides trunk, number and room.

    .. versionadded:: 0.1.0
    """
    return {
        "headers": dict(transfer.headers),
        "participant_attributes": {ATTRIBUTE: str(transfer.reference)},
    }
