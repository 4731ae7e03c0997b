"""
TwiML: how Twilio is told to take a reference along.

Pure functions: each returns a verb, `response` the document. What Twilio would refuse
or cut is refused here, before the call: headers of 1,024 characters in a SIP URI
(21227), a SIP URI of 255 without them (said with 13251, too many headers), names that
no INVITE gets (13252), TwiML in a request of more than 4,000 characters (32018), a
custom parameter of 500
(https://www.twilio.com/docs/voice/twiml, https://www.twilio.com/docs/api/errors).
Only references go there: Twilio keeps and shows what it is given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote
from xml.etree import ElementTree as ET

from cxcontext.errors import UsageError
from cxcontext.homes import Reference

MAX_URI_CHARS: Final = 254
MAX_URI_HEADERS_CHARS: Final = 1_023
MAX_INLINE_CHARS: Final = 4_000
MAX_PARAMETER_CHARS: Final = 499
# TaskRouter documents no limit; ours leaves room for whatever else routes a task.
MAX_TASK_BYTES: Final = 4_096
# The name under which tasks and parameters have the reference.
REFERENCE_NAME: Final = "customer_context"

_HEADER: Final = re.compile(r"x-[a-z0-9-]{1,60}", re.IGNORECASE)
_STANDARD: Final = frozenset(
    {"user-to-user", "remote-party-id", "p-preferred-identity", "p-called-party-id"}
)
_URI: Final = re.compile(r"sips?:[^\s<>?\"]+")
_TOKEN: Final = re.compile(r"CX[A-Z2-7]{46}")
_NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_DIGITS: Final = re.compile(r"[0-9wW*#]{1,64}")
# XML 1.0, 2.2: no reference to any of these is a character either.
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def response(*verbs: ET.Element, inline: bool = False) -> str:
    """
    Return the TwiML document of *verbs*.

    Args:
        verbs: What the functions here returned; or any other verb.
        inline: Whether it goes into a request to Twilio's API and not into the
            answer to a webhook: at most 4,000 characters then.

    Raises:
        UsageError: When it is too long, or has a character that XML has not.

    .. versionadded:: 0.1.0
    """
    root = ET.Element("Response")
    root.extend(verbs)
    text = '<?xml version="1.0" encoding="UTF-8"?>' + ET.tostring(
        root, encoding="unicode"
    )
    if _NO_XML.search(text):
        raise UsageError("TwiML has no control characters")
    if inline and len(text) > MAX_INLINE_CHARS:
        raise UsageError(
            f"TwiML in a request has at most {MAX_INLINE_CHARS} characters"
        )
    return text


def dial_sip(uri: str, *, headers: Mapping[str, str], **options: str) -> ET.Element:
    """
    Return ``<Dial><Sip>``: a new leg to a SIP address, with headers.

    >>> verb = dial_sip("sip:agents@example.com", headers={"X-Team": "billing"})
    >>> ET.tostring(verb, encoding="unicode")
    '<Dial><Sip>sip:agents@example.com?X-Team=billing</Sip></Dial>'

    Args:
        uri: ``sip:`` or ``sips:``, with parameters, without headers.
        headers: By name, unescaped: ``User-to-User``, the three other standard ones
            that Twilio sends, and ``X-`` ones.
        options: Attributes of ``<Dial>``.

    Raises:
        UsageError: When Twilio would refuse the URI, or leave a header out.

    .. versionadded:: 0.1.0
    """
    dial = ET.Element("Dial", options)
    ET.SubElement(dial, "Sip").text = sip_uri(uri, headers=headers)
    return dial


def refer(uri: str, *, headers: Mapping[str, str], **options: str) -> ET.Element:
    """
    Return ``<Refer><Sip>``: hand a call that came by SIP on, blind.

    Whether the headers get into the new INVITE, whoever is referred decides.

    Args:
        uri: As for `dial_sip`.
        headers: As for `dial_sip`.
        options: Attributes of ``<Refer>``.

    Raises:
        UsageError: As `dial_sip`.

    .. versionadded:: 0.1.0
    """
    verb = ET.Element("Refer", options)
    ET.SubElement(verb, "Sip").text = sip_uri(uri, headers=headers)
    return verb


def dial_number(number: str, *, digits: str | None = None) -> ET.Element:
    """
    Return ``<Dial><Number>``: a new leg by telephone, which takes no headers.

    Args:
        number: In E.164.
        digits: What is typed once it is answered: a handover code after half seconds
            of ``w``. For a line of one's own that asks for codes.

    Raises:
        UsageError: When one of them is something else.

    .. versionadded:: 0.1.0
    """
    if not _NUMBER.fullmatch(number):
        raise UsageError("a number to dial is in E.164: + and 7 to 15 digits")
    dial = ET.Element("Dial")
    noun = ET.SubElement(dial, "Number")
    noun.text = number
    if digits is not None:
        if not _DIGITS.fullmatch(digits):
            raise UsageError("what is typed is 0-9, *, # and w: 64 at most")
        noun.set("sendDigits", digits)
    return dial


def enqueue(
    *,
    reference: Reference | str,
    workflow_sid: str,
    attributes: Mapping[str, object] | None = None,
) -> ET.Element:
    """
    Return ``<Enqueue><Task>``: a task whose attributes have the reference.

    Who changes a task's attributes later replaces all of them: send the ETag in
    ``If-Match``, or the reference may be gone.

    Args:
        reference: A child of the call's own, put for the queue's department.
        workflow_sid: Which workflow routes it.
        attributes: What else the workflow routes by. No fact of the customer's.

    Raises:
        UsageError: When it is no reference, the attributes have another under its
            name, or they are too long.

    .. versionadded:: 0.1.0
    """
    others = dict(attributes or {})
    if REFERENCE_NAME in others:
        raise UsageError(f"{REFERENCE_NAME} is the reference's name")
    text = json.dumps({**others, REFERENCE_NAME: _token(reference)}, allow_nan=False)
    if len(text) > MAX_TASK_BYTES:
        raise UsageError(f"a task's attributes have at most {MAX_TASK_BYTES} bytes")
    verb = ET.Element("Enqueue", {"workflowSid": workflow_sid})
    ET.SubElement(verb, "Task").text = text
    return verb


def stream(url: str, *, reference: Reference | str, **options: str) -> ET.Element:
    """
    Return ``<Connect><Stream>``; the reference is in ``start.customParameters``.

    Args:
        url: Where the audio goes: ``wss``, without a query, which Twilio does not send.
        reference: As for `enqueue`.
        options: Attributes of ``<Stream>``.

    Raises:
        UsageError: When one of them is something else.

    .. versionadded:: 0.1.0
    """
    return _connect("Stream", url, reference, options)


def conversation_relay(
    url: str, *, reference: Reference | str, **options: str
) -> ET.Element:
    """
    Return ``<Connect><ConversationRelay>``; the setup message has the reference.

    Args:
        url: Where the text goes: ``wss``.
        reference: As for `enqueue`.
        options: Attributes of ``<ConversationRelay>``.

    Raises:
        UsageError: When one of them is something else.

    .. versionadded:: 0.1.0
    """
    return _connect("ConversationRelay", url, reference, options)


def gather_code(
    action: str, *, prompt: str, language: str, long: bool = False
) -> ET.Element:
    """
    Return ``<Gather>``: ask for a handover code, early digits and no ``#``.

    Nothing typed goes to *action* as well: who has no code is served without one.

    Args:
        action: The path or URL that gets ``Digits``.
        prompt: What is said. Do not read anything back in it.
        language: Of the prompt, as ``en-US``.
        long: Whether to ask for all fifteen digits, while somebody guesses.

    .. versionadded:: 0.1.0
    """
    verb = ET.Element(
        "Gather",
        {
            "input": "dtmf",
            "numDigits": "15" if long else "9",
            # Empty: no key ends it, so a # that comes is a digit and is ignored later.
            "finishOnKey": "",
            "timeout": "8",
            "actionOnEmptyResult": "true",
            "method": "POST",
            "action": action,
        },
    )
    ET.SubElement(verb, "Say", {"language": language}).text = prompt
    return verb


def sip_uri(uri: str, *, headers: Mapping[str, str]) -> str:
    """
    Return a SIP URI with headers, as Twilio takes it.

    Raises:
        UsageError: As `dial_sip`.

    .. versionadded:: 0.1.0
    """
    if not _URI.fullmatch(uri):
        raise UsageError("a SIP URI here is sip:user@host, without headers of its own")
    for name, value in headers.items():
        if name.lower() not in _STANDARD and not _HEADER.fullmatch(name):
            raise UsageError(f"Twilio sends no header {name!r}; name it X-...")
        if not value.isascii() or not value.isprintable():
            raise UsageError(f"the value of {name} is printable ASCII")
    if len({name.lower() for name in headers}) != len(headers):
        raise UsageError("one header is there twice, in two spellings")
    escaped = "&".join(f"{name}={quote(v, safe='')}" for name, v in headers.items())
    if len(uri) > MAX_URI_CHARS or len(escaped) > MAX_URI_HEADERS_CHARS:
        msg = (
            f"Twilio takes a SIP URI of {MAX_URI_CHARS} characters and "
            f"{MAX_URI_HEADERS_CHARS} of headers"
        )
        raise UsageError(msg)
    return f"{uri}?{escaped}" if escaped else uri


def _connect(
    noun: str, url: str, reference: Reference | str, options: Mapping[str, str]
) -> ET.Element:
    if not url.startswith("wss://") or "?" in url:
        raise UsageError("audio and text go to a wss:// URL without a query")
    verb = ET.Element("Connect")
    inner = ET.SubElement(verb, noun, {"url": url, **options})
    value = _token(reference)
    ET.SubElement(inner, "Parameter", {"name": REFERENCE_NAME, "value": value})
    return verb


def _token(reference: Reference | str) -> str:
    text = str(reference)
    if not _TOKEN.fullmatch(text):
        raise UsageError("pass a Reference, or its 48 characters")
    return text
