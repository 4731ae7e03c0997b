"""
What a SIP request says about its customer's journey, and what fits into one.

Pure functions. A request brings references in ``User-to-User``, ``x-User-To-User``,
``X-Customer-Context`` and what platforms make of it, or, damaged, in its
Request-URI and To; and ids by which a reference may have been noted. None of it is
believed, and none of it raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import attrs

from cxcontext.errors import UsageError
from cxcontext.telephony.platforms import REFERENCE_HEADERS
from cxcontext.telephony.refer_to import parse_address, parse_replaces, salvage
from cxcontext.telephony.rung import Rung
from cxcontext.telephony.user_to_user import parse, refuse_breaks

MAX_HEADERS: Final = 256
MAX_OFFERS: Final = 8
# RFC 3261, 18.1.1: a request within 200 bytes of the path's MTU goes over a
# congestion-controlled transport, and one above 1300 where the MTU is not known.
UDP_MARGIN_BYTES: Final = 200
UDP_BYTES: Final = 1300
# Via and Record-Route of one proxy: 126 where it was measured (telephony notes, A1).
PROXY_BYTES: Final = 126

# RFC 3261, 20 and 7.3.3; RFC 3515, 2.1; RFC 3892, 3.
_COMPACT: Final = {"f": "from", "i": "call-id", "t": "to", "b": "referred-by"}
# What a leg has that takes another's place or was asked for by another: RFC 3891,
# RFC 3911, RFC 3892, RFC 4538. Its From may be the transferor's.
_OF_TRANSFERS: Final = frozenset({"replaces", "join", "referred-by", "target-dialog"})
# RFC 7989, 5: 32 digits of hex in small letters; all zeros are no session.
_SESSION_ID: Final = re.compile(r"\s*([0-9a-f]{32})(?:\s*;\s*remote=([0-9a-f]{32}))?")
_NO_SESSION: Final = "0" * 32
_NUMBER: Final = re.compile(r"\+?[0-9]{3,15}")
_VISUAL: Final = re.compile(r"[-.() ]")
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")


@attrs.frozen
class Offer:
    """
    A reference that somebody offers, and where it stood. Believed in nothing.

    Args:
        rung: Where.
        text: Its 48 characters. Hidden in ``repr``.

    .. versionadded:: 0.1.0
    """

    rung: Rung
    text: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Signalling:
    """
    What a SIP request says, as far as the ladder wants to know.

    Attributes:
        offers: References, in the order of the ladder; each once per rung.
        call_id: Its Call-ID. Hidden in ``repr``, as all ids and numbers here.
        replaces: The Call-ID of the dialog whose place it takes.
        sessions: The ids of its Session-ID that are any.
        transferred: Whether another leg had a part in this one, so that From may
            be whoever transferred.
        caller: Who calls: a number, or user@host; None where it is withheld.
        line: What was dialled: a number, or user@host.

    .. versionadded:: 0.1.0
    """

    offers: tuple[Offer, ...] = ()
    call_id: str | None = attrs.field(default=None, repr=False)
    replaces: str | None = attrs.field(default=None, repr=False)
    sessions: tuple[str, ...] = attrs.field(default=(), repr=False)
    transferred: bool = False
    caller: str | None = attrs.field(default=None, repr=False)
    line: str | None = attrs.field(default=None, repr=False)


def read(
    headers: Iterable[tuple[str, str | bytes]], *, request_uri: str | bytes = ""
) -> Signalling:
    """
    Return what a request says. Never raises, whatever comes.

    Args:
        headers: Names and values in their order, repeated ones repeated, compact
            ones as they are; or those that a platform passes on.
        request_uri: The request's URI, where the platform passes it on.

    .. versionadded:: 0.1.0
    """
    fields = _fields(headers)
    offers = [
        Offer(rung, text)
        for rung, name in (
            (Rung.USER_TO_USER, "user-to-user"),
            (Rung.X_USER_TO_USER, "x-user-to-user"),
        )
        for text in _references(fields.get(name, ()))
    ]
    for name in REFERENCE_HEADERS:
        offers += [
            Offer(Rung.X_CUSTOMER_CONTEXT, text)
            for text in _references(fields.get(name, ()))
        ]
    # RFC 3261, 19.1.5: whoever follows such a URI makes headers of what is in it.
    to = fields.get("to", ())[:1]
    offers += [Offer(Rung.REQUEST_URI, text) for text in salvage(request_uri, *to)]
    unique = tuple(dict.fromkeys(offers))[:MAX_OFFERS]
    replaces = next(iter(map(parse_replaces, fields.get("replaces", ())[:1])), None)
    # RFC 3325: what the network asserts outranks what the caller says.
    asserted = fields.get("p-asserted-identity", ()) or fields.get("from", ())
    return Signalling(
        offers=unique,
        call_id=_first(fields.get("call-id", ())),
        replaces=None if replaces is None else replaces.call_id,
        sessions=_sessions(fields.get("session-id", ())),
        # Only a department of ours puts a reference there, when it sends a call on.
        transferred=bool(unique) or not _OF_TRANSFERS.isdisjoint(fields),
        caller=_party(asserted[0]) if asserted else None,
        line=_party(request_uri),
    )


def fits_udp(
    message: bytes | int, *, path_mtu_bytes: int | None = None, proxies: int = 1
) -> bool:
    """
    Say whether a request may go over UDP, all the way to whom it is for.

    One that may not is fragmented, and where fragments are dropped it is lost
    without a word: send it over TCP or TLS (RFC 3261, 18.1.1).

    >>> fits_udp(1095), fits_udp(1095, proxies=2), fits_udp(1495)
    (True, False, False)

    Args:
        message: The request, or how many bytes it has.
        path_mtu_bytes: The smallest MTU on the way, where it is known; 1,500 minus
            200 otherwise.
        proxies: How many proxies are on the way that add a Via and a Record-Route.

    .. versionadded:: 0.1.0
    """
    size_bytes = message if isinstance(message, int) else len(message)
    limit_bytes = UDP_BYTES
    if path_mtu_bytes is not None:
        limit_bytes = path_mtu_bytes - UDP_MARGIN_BYTES
    return size_bytes + proxies * PROXY_BYTES <= limit_bytes


def party(address: str | bytes) -> str | None:
    """
    Return who an address is: a number without its punctuation, else user@host.

    None where it is withheld (RFC 3323, 4.1.1.3) or nobody.

    >>> party('"Ada" <sip:+1-202-555-0123@pbx.example;user=phone>')
    '+12025550123'

    .. versionadded:: 0.1.0
    """
    return _party(address)


def header(name: str, value: str) -> tuple[str, str]:
    """
    Return a header as it may be written.

    Raises:
        UsageError: When the name is no token, or there is a CR, LF or NUL in it.

    .. versionadded:: 0.1.0
    """
    if not _TOKEN.fullmatch(name):
        raise UsageError("a header's name is a token")
    refuse_breaks(value)
    return name, value


def _fields(
    headers: Iterable[tuple[str, str | bytes]],
) -> dict[str, tuple[str | bytes, ...]]:
    fields: dict[str, tuple[str | bytes, ...]] = {}
    for number, entry in enumerate(headers):
        if number == MAX_HEADERS:
            break
        if not isinstance(entry, tuple | list) or len(entry) != 2:
            continue
        name, value = entry
        if isinstance(name, str) and isinstance(value, str | bytes):
            name = name.strip().lower()
            name = _COMPACT.get(name, name)
            fields[name] = (*fields.get(name, ()), value)
    return fields


def _references(values: Iterable[str | bytes]) -> list[str]:
    found = (value.reference() for value in parse(values))
    return [text for text in found if text is not None]


def _first(values: tuple[str | bytes, ...]) -> str | None:
    if not values:
        return None
    value = values[0]
    text = (
        value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value
    )
    return text.strip() or None


def _sessions(values: tuple[str | bytes, ...]) -> tuple[str, ...]:
    found = _SESSION_ID.match(_first(values) or "")
    if found is None:
        return ()
    return tuple(id_ for id_ in found.groups() if id_ and id_ != _NO_SESSION)


def _party(value: str | bytes) -> str | None:
    address = parse_address(value)
    if address is None or address.user is None:
        return None
    user = address.user
    number = _VISUAL.sub("", user)
    if _NUMBER.fullmatch(number):
        return number
    host = address.uri.partition("@")[2].partition(";")[0].partition(":")[0].lower()
    if user.lower() in {"anonymous", "unknown", "restricted", "unavailable"}:
        return None
    return None if host == "anonymous.invalid" else f"{user}@{host}"
