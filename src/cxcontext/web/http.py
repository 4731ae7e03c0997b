"""
HTTP: one field, ``Customer-Context``, with one value.

Pure functions. The field is ours, by an ABNF of its own (one text form; no
comma, quote or space), and no Structured Field: RFC 9651, section 3.3 asks
parsers to take no more than 512 or 1024 characters of a Token or String. A
proxy that folds two fields into one joins them by a comma, so folded values
are refused as well as repeated ones. Servers see ``Customer_Context`` as
another field, and some proxies turn it into this one: it is never read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, MutableSequence
from typing import Final

import attrs

from cxcontext import Gap, Limits

FIELD: Final = "Customer-Context"
FIELD_BYTES: Final = b"customer-context"
# 4 KiB is what every proxy and server passes by default, beside a cookie and
# an access token: Tomcat and Netty take 8 KiB of all fields together.
LIMITS: Final = Limits(value_bytes=4096)
# nginx takes 8,171 in one field, gunicorn 8,162: above this, requests break.
MAX_VALUE_BYTES: Final = 7168
# What strips a value at the edge strips the spelling with an underscore too.
STRIPPED: Final = frozenset((FIELD_BYTES, b"customer_context"))
# Under which name a request's own state has what came with it, as `Extracted`.
EXTRACTED: Final = "cxcontext.extracted"

PROBLEM_TYPE: Final = "application/problem+json"
PRIVATE: Final = (b"cache-control", b"private, no-store")
# RFC 9213: shared caches may have fields of their own, which count before the other.
_CACHING: Final = (b"cache-control", b"surrogate-control")

RawHeaders = MutableSequence[tuple[bytes, bytes]]


@attrs.frozen
class HeadersCarrier:
    """
    A list of raw header pairs, as ASGI and h11 have it.

    .. versionadded:: 0.1.0
    """

    headers: RawHeaders = attrs.field(repr=False)
    limits: Limits = LIMITS

    def get_all(self, name: str) -> list[str | bytes]:
        """
        Return every value of the field, in order.
        """
        wanted = name.lower().encode("ascii")
        return [value for key, value in self.headers if key.lower() == wanted]

    def set(self, name: str, value: str | bytes) -> None:
        """
        Put one value in place of all others.
        """
        self.remove(name)
        raw = value.encode("ascii") if isinstance(value, str) else value
        self.headers.append((name.lower().encode("ascii"), raw))

    def remove(self, name: str) -> None:
        """
        Take the field away.
        """
        wanted = name.lower().encode("ascii")
        self.headers[:] = [pair for pair in self.headers if pair[0].lower() != wanted]


def binding(method: str, target: bytes) -> bytes:
    """
    Return what both ends of a request know of it: its method and target.

    Args:
        method: The request's method.
        target: Path and query as they stand on the wire.

    .. versionadded:: 0.1.0
    """
    # An ASGI server does not tell an empty query from none.
    target = target.removesuffix(b"?")
    return b"http " + method.upper().encode("ascii") + b" " + target


def make_private(headers: RawHeaders) -> None:
    """
    Say that nobody may keep a response, which was made from a journey.

    Adapters call it wherever a value came, whether anybody looked at it or not: the
    headers go before most of a stream is made, a handler that finds nothing to recall
    or asks whether there is a journey answers by it as well, and what is kept too
    seldom shows nobody a stranger's page.

    Whatever else says who may keep it goes. ``Vary`` would be of no use: no two
    requests have the same value.

    .. versionadded:: 0.1.0
    """
    headers[:] = [
        pair for pair in headers if not pair[0].lower().endswith(_CACHING)
    ] + [PRIVATE]


def problem(status: int, code: str, gaps: Iterable[Gap] = ()) -> bytes:
    """
    Return an RFC 9457 problem for a route that requires a journey. No values.

    Args:
        status: The response's.
        code: Why the request is refused, as `Extracted.refusal` says.
        gaps: What the route requires to be known and is not. Fields are named, with
            the reason, the remedy and who can help.

    .. versionadded:: 0.1.0
    """
    missing = [
        {
            "field": gap.key.name,
            "reason": gap.reason.value,
            "remedy": gap.remedy.value,
            "departments": gap.departments,
        }
        for gap in gaps
    ]
    details = {
        "type": "about:blank",
        "title": "Something about the customer is not known"
        if missing
        else "A valid Customer-Context is required",
        "status": status,
        "code": code,
    }
    return json.dumps(details | ({"gaps": missing} if missing else {})).encode()


__all__ = [
    "EXTRACTED",
    "FIELD",
    "LIMITS",
    "MAX_VALUE_BYTES",
    "PRIVATE",
    "PROBLEM_TYPE",
    "STRIPPED",
    "HeadersCarrier",
    "binding",
    "make_private",
    "problem",
]
