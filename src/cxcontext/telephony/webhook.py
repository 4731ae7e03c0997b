"""
Webhooks that platforms sign: bounded, recent, and an object of JSON.

Pure functions that several platforms' bindings share; how each signs is in its own
file. Nothing is parsed before the signature is right.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from cxcontext.errors import (
    TooLargeError,
    UsageError,
    WebhookExpiredError,
    WebhookForgedError,
    WebhookMalformedError,
)

MAX_BODY_BYTES: Final = 262_144
# As all of these platforms' own libraries have it.
TOLERANCE_S: Final = 300
_MAX_TIMESTAMP_CHARS: Final = 20


def octets(given: str) -> bytes:
    """
    Return a header as bytes, whatever a framework made of those that are no text.

    aiohttp and WSGI servers write them as halves of characters, which no encoding has.

    .. versionadded:: 0.1.0
    """
    return given.encode("utf-8", "backslashreplace")


def bounded(body: bytes) -> bytes:
    """
    Return *body*, if it is no longer than any webhook.

    Raises:
        TooLargeError: When it is.

    .. versionadded:: 0.1.0
    """
    if len(body) > MAX_BODY_BYTES:
        raise TooLargeError(len(body), MAX_BODY_BYTES)
    return body


def check_time(platform: str, timestamp: str, *, now_s: int) -> None:
    """
    Refuse what was signed more than five minutes from now.

    Raises:
        WebhookMalformedError: When *timestamp* is no number of seconds.
        WebhookExpiredError: When it is too far away.

    .. versionadded:: 0.1.0
    """
    digits = timestamp.isascii() and timestamp.isdigit()
    if not digits or len(timestamp) > _MAX_TIMESTAMP_CHARS:
        raise WebhookMalformedError(platform, "no time of signing")
    if abs(now_s - int(timestamp)) > TOLERANCE_S:
        raise WebhookExpiredError(platform, TOLERANCE_S)


def check_any(platform: str, *, made: bytes, given: Iterable[str]) -> None:
    """
    Refuse where none of the signatures that were given is the one that we made.

    Raises:
        WebhookForgedError: When none is.

    .. versionadded:: 0.1.0
    """
    genuine = False
    for signature in given:
        genuine |= hmac.compare_digest(made, octets(signature))
    if not genuine:
        raise WebhookForgedError(platform)


def secret(text: str) -> bytes:
    """
    Return a secret, which is not empty: under an empty key everybody can sign.

    Raises:
        UsageError: When it is.

    .. versionadded:: 0.1.0
    """
    if not isinstance(text, str) or not text:
        raise UsageError("the platform's secret is empty; its portal shows it")
    return text.encode()


def parse_object(platform: str, body: bytes) -> Mapping[str, Any]:
    """
    Return the object that a signed body is.

    Raises:
        WebhookMalformedError: When it is none.

    .. versionadded:: 0.1.0
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise WebhookMalformedError(platform, "its body is no JSON") from None
    if not isinstance(found, dict):
        raise WebhookMalformedError(platform, "its body is no object")
    return found


def member(found: object, *path: str) -> Any:
    """
    Return what is under a path of names, or None: no shape is taken for granted.

    .. versionadded:: 0.1.0
    """
    for name in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def text(found: object, *path: str) -> str | None:
    """
    Return the text under a path of names, or None: an empty one is none.

    .. versionadded:: 0.1.0
    """
    value = member(found, *path)
    return value if isinstance(value, str) and value else None


def header_pairs(found: object) -> list[tuple[str, str]]:
    """
    Return headers, given as an object or as a list of ``name`` and ``value``.

    .. versionadded:: 0.1.0
    """
    if isinstance(found, Mapping):
        entries = [
            (name, one)
            for name, values in found.items()
            for one in (values if isinstance(values, list) else [values])
        ]
    elif isinstance(found, list):
        entries = [(member(e, "name"), member(e, "value")) for e in found]
    else:
        entries = []
    return [(n, v) for n, v in entries if isinstance(n, str) and isinstance(v, str)]
