"""
Amazon Connect: a reference as a contact attribute, and a Lambda function for flows.

No AWS library: a flow calls the function, and what it returns is at ``$.External``.
Names of attributes have letters, digits, ``-`` and ``_``; all attributes of a contact
share 32,768 bytes of UTF-8, above which the flow takes its Error branch, and are kept
for 24 months (https://docs.aws.amazon.com/connect/latest/APIReference/API_UpdateContactAttributes.html).
So a fact of the customer's never goes there, nor into the answer, which flow logs show:
48 characters do, and they expire. A flow waits 8 s at most, and for ``STRING_MAP`` takes
a flat map of strings
(https://docs.aws.amazon.com/connect/latest/APIReference/interactions-invokelambdafunction.html).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

import attrs

import cxcontext as cx
from cxcontext.errors import (
    CXContextError,
    UnavailableError,
    UsageError,
    VerificationError,
    WebhookMalformedError,
)
from cxcontext.homes import CallKey, Reference
from cxcontext.telephony.ladder import Ladder, Leg, Resolved, leg_of
from cxcontext.telephony.sip import read
from cxcontext.telephony.transfer import Kind, Transfers

PLATFORM: Final = "amazon_connect"
ATTRIBUTE: Final = "customer_context"
MAX_ATTRIBUTES_BYTES: Final = 32_768

_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_TOKEN: Final = re.compile(r"CX[A-Z2-7]{46}")
_INSTANCE: Final = re.compile(r"arn:aws[a-z-]*:connect:[^:]+:[0-9]+:instance/([^/]+)")
_CHANNELS: Final = {"VOICE": "phone", "CHAT": "chat", "TASK": "task", "EMAIL": "email"}


def contact_key(contact_id: str) -> CallKey:
    """
    Return the key of a contact; of the first of a chain, that of all of them.

    .. versionadded:: 0.1.0
    """
    return CallKey(PLATFORM, "contact", contact_id)


def contact_attributes(
    reference: Reference | str, *, others: Mapping[str, str] | None = None
) -> dict[str, str]:
    """
    Return the attributes of a contact that begins: for ``StartOutboundVoiceContact``,
    ``StartTaskContact`` and ``StartChatContact``.

    Args:
        reference: Put for the department that answers.
        others: Attributes that the flow routes by. No fact of the customer's.

    Raises:
        UsageError: When a name has other characters, one is *customer_context*, or all
            of them are over 32,768 bytes.

    .. versionadded:: 0.1.0
    """
    text = str(reference)
    if not _TOKEN.fullmatch(text):
        raise UsageError("pass a Reference, or its 48 characters")
    attributes = dict(others or {})
    if ATTRIBUTE in attributes:
        raise UsageError(f"{ATTRIBUTE} is the reference's name")
    attributes[ATTRIBUTE] = text
    if not all(_NAME.fullmatch(name) for name in attributes):
        raise UsageError("an attribute's name has letters, digits, - and _")
    size_bytes = sum(len((k + v).encode()) for k, v in attributes.items())
    if size_bytes > MAX_ATTRIBUTES_BYTES:
        raise UsageError(f"attributes have {MAX_ATTRIBUTES_BYTES} bytes together")
    return attributes


def update_contact_attributes(
    event: Mapping[str, Any], *, reference: Reference | str
) -> dict[str, Any]:
    """
    Return what boto3's method of the same name takes, for the contact of an event.

    Attributes are set at the first contact of the chain, from which all later ones
    inherit.

    Raises:
        UsageError: When it is no reference.
        WebhookMalformedError: When it is no event of a flow.

    .. versionadded:: 0.1.0
    """
    contact = _contact(event)
    instance = _INSTANCE.fullmatch(_text(contact, "InstanceARN"))
    if instance is None:
        raise WebhookMalformedError("Amazon Connect", "no InstanceARN")
    return {
        "InstanceId": instance[1],
        "InitialContactId": _text(contact, "InitialContactId"),
        "Attributes": contact_attributes(reference),
    }


def leg_of_event(event: Mapping[str, Any], *, trusted: bool = False) -> Leg:
    """
    Return the leg that a flow asks about.

    The reference is looked for in the contact's attribute and in the parameters of the
    block, to which the flow gives SIP headers under their names (``User-to-User`` from
    ``$.Media.Sip.Headers.User-to-User``) and typed digits as ``code``.

    Args:
        event: What Lambda was called with.
        trusted: Whether only flows and services of ours set attributes and headers. A
            chat widget sets attributes for whoever is at the browser.

    Raises:
        WebhookMalformedError: When it is no event of a flow.

    .. versionadded:: 0.1.0
    """
    contact = _contact(event)
    parameters = _strings(event["Details"].get("Parameters"))
    attributes = _strings(contact.get("Attributes"))
    headers = [("X-Customer-Context", attributes.get(ATTRIBUTE, ""))]
    headers += parameters.items()
    leg = leg_of(
        read(headers),
        lease=_text(contact, "ContactId"),
        trusted=trusted,
        ids=dict.fromkeys(
            contact_key(_text(contact, name))
            for name in ("ContactId", "InitialContactId")
            if _text(contact, name)
        ),
        code=parameters.get("code") or None,
        channel=_CHANNELS.get(_text(contact, "Channel").upper(), "phone"),
    )
    return _with_numbers(leg, contact)


class ConnectLambda:
    """
    The function that a flow calls: an instance is the handler.

    Without a parameter it looks for the contact's journey. With the parameter ``to``,
    a department's name, it mints the next leg's reference, which the flow puts into the
    contact's attribute ``customer_context`` before it transfers.

    ``$.External`` has, as strings: ``outcome`` (``found``, ``none``, ``refused``,
    ``conflict`` or ``ready``); when found ``rung``, ``arrival``, ``known`` and ``ask``,
    the names of the fields that need not and must be asked, with blanks between; when
    ready ``customer_context`` and ``ask``; when refused ``code``.

    Args:
        ladder: How journeys are found, of parts that wait.
        needs: The fields that the flow would ask.
        transfers: How the next leg's reference is minted, where flows transfer.
        trusted: As of `leg_of_event`.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        ladder: Ladder[Any],
        *,
        needs: Collection[cx.Key[Any, Any]] = (),
        transfers: Transfers | None = None,
        trusted: bool = False,
    ) -> None:
        self._ladder = ladder
        self._needs = tuple(needs)
        self._transfers = transfers
        self._trusted = trusted

    def __repr__(self) -> str:
        return f"<ConnectLambda of {self._ladder.department.name}>"

    def __call__(self, event: Mapping[str, Any], _context: object) -> dict[str, str]:
        """
        Answer one call of a flow.

        Raises:
            WebhookMalformedError: When it is no event of a flow; it takes its Error
                branch then.
            UsageError: When there are no *transfers*, or no such department.
        """
        leg = leg_of_event(event, trusted=self._trusted)
        resolved = self._ladder.resolve(leg)
        to = _strings(event["Details"].get("Parameters")).get("to")
        if to:
            return self._handed_over(resolved, to, leg)
        return self._found(resolved)

    def _found(self, resolved: Resolved[Any]) -> dict[str, str]:
        journey = resolved.journey
        if resolved.rung is None or journey is None:
            return _missed(resolved)
        needed = journey.needs(*self._needs)
        return {
            "outcome": "found",
            "rung": resolved.rung.value,
            "arrival": journey.arrival.name.lower(),
            "known": " ".join(key.name for key in needed.known),
            "ask": " ".join(key.name for key in needed.to_ask),
        }

    def _handed_over(
        self, resolved: Resolved[Any], to: str, leg: Leg
    ) -> dict[str, str]:
        if self._transfers is None:
            raise UsageError("a flow hands over: pass ConnectLambda(transfers=...)")
        if resolved.rung is None or resolved.journey is None:
            return _missed(resolved)
        asks = self._transfers.fit(resolved.journey, to=to, needs=self._needs).will_ask
        try:
            transfer = self._transfers.transfer(
                resolved.journey,
                to=to,
                kind=Kind.BRIDGE,
                parent=resolved.reference,
                # The last is the first contact's, which the next one has, too.
                keys=leg.ids[-1:],
            )
        except (VerificationError, UnavailableError) as problem:
            return {"outcome": "refused", "code": _code(problem)}
        return {
            "outcome": "ready",
            ATTRIBUTE: str(transfer.reference),
            "ask": " ".join(asks),
        }


def _missed(resolved: Resolved[Any]) -> dict[str, str]:
    if resolved.conflict:
        return {"outcome": "conflict"}
    if not resolved.refusals:
        return {"outcome": "none"}
    return {"outcome": "refused", "code": _code(resolved.refusals[-1].problem)}


def _code(problem: CXContextError) -> str:
    return str(getattr(problem, "code", "unavailable"))


def _contact(event: Mapping[str, Any]) -> Mapping[str, Any]:
    details = event.get("Details") if isinstance(event, Mapping) else None
    contact = details.get("ContactData") if isinstance(details, Mapping) else None
    if not isinstance(contact, Mapping) or not _text(contact, "ContactId"):
        raise WebhookMalformedError(
            "Amazon Connect", "no Details.ContactData.ContactId"
        )
    return contact


def _with_numbers(leg: Leg, contact: Mapping[str, Any]) -> Leg:
    inbound = _text(contact, "InitiationMethod").upper() in ("INBOUND", "")
    return attrs.evolve(
        leg,
        line=_address(contact, "SystemEndpoint"),
        caller=_address(contact, "CustomerEndpoint"),
        transferred=leg.transferred or not inbound,
    )


def _address(contact: Mapping[str, Any], name: str) -> str | None:
    endpoint = contact.get(name)
    return (
        (_text(endpoint, "Address") or None) if isinstance(endpoint, Mapping) else None
    )


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) else ""


def _strings(members: object) -> dict[str, str]:
    if not isinstance(members, Mapping):
        return {}
    return {
        k: v for k, v in members.items() if isinstance(k, str) and isinstance(v, str)
    }
