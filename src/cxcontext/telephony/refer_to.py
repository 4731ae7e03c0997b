"""
Where a call is sent: ``Refer-To`` (RFC 3515) and ``Contact`` with headers in them.

``<sip:billing@pbx.example?User-to-User=0443...%3Bencoding%3Dhex>`` asks whoever
follows it to put these headers into the request (RFC 3261, 19.1.1). Not all do.
Some leave the whole of it in the Request-URI, damaged; so a reference is looked
for there, too. Pure functions; what is met never makes them raise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, unquote

import attrs

from cxcontext.errors import UsageError
from cxcontext.telephony.user_to_user import refuse_breaks

MAX_ADDRESS_CHARS: Final = 8192
MAX_HEADERS: Final = 32

# RFC 3261, 25.1: mark. What hnv-unreserved has besides is escaped, which is legal.
_UNESCAPED: Final = "-_.!~*'()"
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
# Before a "?" Linphone loses the headers behind parameters, so there are none.
_TARGET: Final = re.compile(r"sips?:[^\s\x00-\x20\x7f<>\"?;]+", re.IGNORECASE)
_TEL: Final = re.compile(r"tel:\+?[0-9A-Fa-f*#().-]+", re.IGNORECASE)
_QUOTED: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"')
_BRACKETS: Final = re.compile(r"<([^<>]*+)>")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*+:")
_REFERENCE: Final = re.compile(
    r"(?<![A-Z0-9])(?:0[04])?(CX[A-Z2-7]{46})(?![A-Z0-9])", re.IGNORECASE
)
# "CX" and 46 of A-Z and 2-7, each as two hex digits.
_IN_HEX: Final = re.compile(
    r"(4358(?:4[1-9a-f]|5[0-9a]|3[2-7]){46})(?![0-9a-f])", re.IGNORECASE
)


@attrs.frozen(kw_only=True)
class Address:
    """
    An address of a ``Refer-To``, ``Contact``, ``From`` or ``To``. Hidden in ``repr``.

    Attributes:
        uri: The URI without the headers that were in it.
        headers: The headers that were in it: names and unescaped values.

    .. versionadded:: 0.1.0
    """

    uri: str = attrs.field(repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)

    @property
    def user(self) -> str | None:
        """
        What is before the ``@``, unescaped, without a password or parameters; of a
        ``tel:`` the number.
        """
        scheme, _, rest = self.uri.partition(":")
        rest = rest.partition(";")[0] if scheme.lower() == "tel" else rest
        user, at, _ = rest.partition("@")
        if not at:
            return rest if scheme.lower() == "tel" and rest else None
        return unquote(user.partition(";")[0].partition(":")[0]) or None


@attrs.frozen(kw_only=True)
class Dialog:
    """
    A dialog, as ``Replaces`` names it (RFC 3891, 6.1).

    Args:
        call_id: Its Call-ID. Hidden in ``repr``, as the tags.
        to_tag: The tag of whom the request goes to: his own.
        from_tag: The tag of the other.

    .. versionadded:: 0.1.0
    """

    call_id: str = attrs.field(repr=False)
    to_tag: str = attrs.field(repr=False)
    from_tag: str = attrs.field(repr=False)

    def encode(self) -> str:
        """
        Return the value of the header.

        Raises:
            UsageError: When a part could end the value, or is empty.
        """
        for part in (self.call_id, self.to_tag, self.from_tag):
            if not part or re.search(r"[\s;,\x00-\x20]", part):
                raise UsageError("a dialog has a Call-ID and two tags, without spaces")
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}"


def with_headers(uri: str, headers: Sequence[tuple[str, str]] = ()) -> str:
    """
    Return an address that asks for headers in the request that is sent there.

    In angle brackets, which a ``?`` requires (RFC 3261, 20.10), all values escaped.

    >>> with_headers("sip:billing@pbx.example", [("User-to-User", "04;encoding=hex")])
    '<sip:billing@pbx.example?User-to-User=04%3Bencoding%3Dhex>'

    Args:
        uri: Where to: ``sip:`` or ``sips:``, without parameters or headers; or
            ``tel:``, which takes no headers.
        headers: Names and values, in order.

    Raises:
        UsageError: When *uri* is something else, a name is no token, or there is a
            CR, LF or NUL in one of them.

    .. versionadded:: 0.1.0
    """
    refuse_breaks(uri)
    if not headers and _TEL.fullmatch(uri):
        return f"<{uri}>"
    if not _TARGET.fullmatch(uri) or not uri.isascii():
        msg = (
            "a call is sent to sip:user@host: no parameters, no headers; tel: has none"
        )
        raise UsageError(msg)
    parts = []
    for name, value in headers:
        refuse_breaks(value)
        if not _TOKEN.fullmatch(name):
            raise UsageError("a header's name is a token")
        parts.append(f"{quote(name, safe=_UNESCAPED)}={quote(value, safe=_UNESCAPED)}")
    return f"<{uri}?{'&'.join(parts)}>" if parts else f"<{uri}>"


def parse_address(value: str | bytes) -> Address | None:
    """
    Return the address that a header has, or None. Never raises.

    Without angle brackets, too, as baresip writes it: then all of it is the URI.

    .. versionadded:: 0.1.0
    """
    text = _text(value)
    if text is None:
        return None
    # A name in quotes may have brackets in it.
    quoted = _QUOTED.match(text.lstrip())
    rest = text.lstrip()[quoted.end() :] if quoted else text
    inside = _BRACKETS.search(rest)
    uri = (inside[1] if inside else rest).strip()
    if not _SCHEME.match(uri):
        return None
    uri, _, query = uri.partition("?")
    headers = []
    for part in query.split("&", MAX_HEADERS)[:MAX_HEADERS]:
        name, equals, content = part.partition("=")
        if equals and name:
            headers.append((unquote(name), unquote(content)))
    return Address(uri=uri, headers=tuple(headers))


def parse_replaces(value: str | bytes) -> Dialog | None:
    """
    Return the dialog that a ``Replaces`` names, or None. Never raises.

    The tags may come in any order (RFC 3891, 6.1); a missing one is empty.

    .. versionadded:: 0.1.0
    """
    text = _text(value)
    if text is None:
        return None
    call_id, *parameters = text.split(";", MAX_HEADERS)
    tags: dict[str, str] = {}
    for parameter in parameters:
        name, _, content = parameter.partition("=")
        tags.setdefault(name.strip().lower(), content.strip())
    if not call_id.strip():
        return None
    return Dialog(
        call_id=call_id.strip(),
        to_tag=tags.get("to-tag", ""),
        from_tag=tags.get("from-tag", ""),
    )


def salvage(*texts: str | bytes) -> tuple[str, ...]:
    """
    Return the references that stand anywhere in these texts. Never raises.

    For the Request-URI and To, where a user agent that does not know what headers
    in a URI are leaves them: as 48 characters or as their 96 hex digits.

    .. versionadded:: 0.1.0
    """
    found: dict[str, None] = {}
    for value in texts:
        text = _text(value)
        if text is None:
            continue
        for spelling in dict.fromkeys((text, unquote(text))):
            for match in _REFERENCE.finditer(spelling):
                found[match[1].upper()] = None
            for match in _IN_HEX.finditer(spelling):
                found[bytes.fromhex(match[1]).decode("ascii")] = None
    return tuple(found)


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    if not isinstance(value, str) or len(value) > MAX_ADDRESS_CHARS:
        return None
    return value
