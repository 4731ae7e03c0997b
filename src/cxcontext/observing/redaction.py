"""
Redaction: no envelope and no reference in what is logged, reported or traced.

Pure functions, for what others write: a framework's log of headers, a report with the
locals of each frame. Our own objects show nothing. An envelope's text form is ``cx1.``
and base64url; a reference is 48 characters of base32 that begin with ``CX``, or their
hex. Both are found in the middle of other text, and an envelope also where it was cut
off. What a
customer said is found nowhere: where an application puts bare values into its logs,
nobody can tell them from others.
"""

from __future__ import annotations

import re
from typing import Any, Final

# Eight characters of an envelope are its first statement's label and length.
# A reference in hex is what a call has in User-to-User.
_SECRETS: Final = re.compile(
    r"(cx1\.)[A-Za-z0-9_-]{8,}|((?i:CX))[A-Za-z2-7]{46}"
    r"|(4358)(?:4[1-9A-Fa-f]|5[0-9Aa]|3[2-7]){46}"
)
_REPLACEMENT: Final = "[redacted]"


def redact(text: str) -> str:
    """
    Return *text* with envelopes and references taken out; their prefixes stay.

    >>> redact("customer-context: cx1.gwGBhFgoow, 12 more")
    'customer-context: cx1.[redacted], 12 more'

    .. versionadded:: 0.1.0
    """
    return _SECRETS.sub(lambda m: f"{m[m.lastindex or 0]}{_REPLACEMENT}", text)


def redacted(report: Any) -> Any:
    """
    Return a copy of a report with every text in it redacted, keys included.

    Dicts, lists, tuples and bytes are gone through; all else stays as it is. Sentry's
    ``before_send`` and its like give such reports.

    .. versionadded:: 0.1.0
    """
    if isinstance(report, str):
        return redact(report)
    if isinstance(report, bytes):
        return redact(report.decode("latin-1")).encode("latin-1")
    if isinstance(report, dict):
        return {redacted(key): redacted(value) for key, value in report.items()}
    if isinstance(report, list | tuple):
        return type(report)(map(redacted, report))
    return report
