"""
What a customer carries to the next channel: links, and how a mail is answered.

Pure functions. Each road has a trap. Previews and scanners fetch every link, so
the reference stands in the fragment, which no server sees (RFC 9110, 4.2.5 and
7.1), and only a person's click sends it. iOS does not dial a link with ``*`` or
``#`` in it. Mailers write addresses in small letters and fold headers, and some
relays write a Message-ID of their own.
"""

from __future__ import annotations

import re
import secrets
from base64 import b32encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, SupportsBytes
from urllib.parse import urlsplit

from cxcontext.errors import UsageError, VerificationError
from cxcontext.homes.found import Found, raw_bytes
from cxcontext.homes.handover_code import HandoverCode
from cxcontext.typing import Random

# RFC 5321, 4.5.3.1.1 and 4.5.3.1.3, where two of 256 are the angle brackets.
MAX_LOCAL_PART_OCTETS: Final = 64
MAX_ADDRESS_OCTETS: Final = 254
# More of a mail's headers than any of ours needs.
MAX_HEADER_CHARS: Final = 65_536

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")  # at most 15 digits (ITU-T E.164)
_DIGITS: Final = re.compile(r"[0-9]{1,32}")
_DOT_ATOM: Final = (
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
)
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN: Final = rf"{_LABEL}(?:\.{_LABEL})*"
_ADDRESS: Final = re.compile(rf"({_DOT_ATOM})?@({_DOMAIN})")
# No letter or digit beside it: a longer word may hold the same 48 by accident.
_TOKEN: Final = re.compile(r"(?<![A-Z0-9])CX[A-Z2-7]{46}(?![A-Z0-9])", re.IGNORECASE)
_FOLD: Final = re.compile(r"\r?\n[ \t]+")
# To whom a mail came, and what it answers. Reply-To and From are the sender's.
_TRACES: Final = frozenset(
    {
        "cc",
        "delivered-to",
        "envelope-to",
        "in-reply-to",
        "references",
        "to",
        "x-original-to",
    }
)
_UNIQUE_BYTES: Final = 10


def web_link(base_url: str, *, reference: SupportsBytes) -> str:
    """
    Return a link to a page whose script finds the reference in the fragment.

    The fragment reaches no server, log or ``Referer``. The page must wait for a
    click and then POST what it found: docs/howto/links.md has one.

    >>> web_link("https://example.com/continue", reference=b"\\x15\\xc0" + bytes(28))
    'https://example.com/continue#cx=CXAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'

    Args:
        base_url: The page: absolute, https, without a fragment or a password.
        reference: A `Reference` put with ``carried=True``, or its 30 bytes.

    Raises:
        UsageError: When *base_url* is not such a page.

    .. versionadded:: 0.1.0
    """
    advice = "a link's page is an absolute https URL without a fragment"
    if not base_url.isascii() or not base_url.isprintable() or " " in base_url:
        raise UsageError(f"{advice}, in ASCII")
    try:
        parts = urlsplit(base_url)
        host = parts.hostname
    except ValueError:
        raise UsageError(advice) from None
    if parts.scheme != "https" or not host or "#" in base_url or "@" in parts.netloc:
        raise UsageError(advice)
    return f"{base_url}#cx={_token(reference)}"


def tel_link(number: str, *, code: HandoverCode | str, pauses: int = 2) -> str:
    """
    Return a link that calls *number*, waits, and dials the code.

    Pauses are commas, which no standard has (RFC 3966 knows none) and which
    phones take for about 2 s each. Some dialers drop what follows them: the
    greeting must ask for the code all the same, and take digits that come early.

    >>> tel_link("+12025550123", code="123456789")
    'tel:+12025550123,,123456789'

    Args:
        number: In E.164: ``+`` and 7 to 15 digits.
        code: A `HandoverCode`, or digits. Nothing else: iOS does not dial a link
            with ``*`` or ``#``, and ``;`` needs a tap or is dialled as letters.
        pauses: How many, 1 to 10.

    Raises:
        UsageError: When one of them is something else.

    .. versionadded:: 0.1.0
    """
    digits = str(code)
    if not _E164.fullmatch(number):
        raise UsageError("a number to dial is in E.164: + and 7 to 15 digits")
    if not _DIGITS.fullmatch(digits):
        raise UsageError("after the number only digits are dialled: no *, # or ;")
    if not 1 <= pauses <= 10:
        raise UsageError("1 to 10 pauses of about 2 s each")
    return f"tel:{number}{',' * pauses}{digits}"


def reply_address(
    base_address: str, *, reference: SupportsBytes, separator: str = "+"
) -> str:
    """
    Return an address at which the answer brings the reference along.

    >>> reply_address("help@example.com", reference=b"\\x15\\xc0" + bytes(28))
    'help+CXAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@example.com'

    Args:
        base_address: ``help@example.com`` for a subaddress (RFC 5233), or
            ``@reply.example.com``, whose every address is received, for the
            reference alone before the ``@``.
        reference: A `Reference` put with ``carried=True``, or its 30 bytes.
        separator: Before the reference: ``+``, or ``-`` or ``=`` where the mail
            server is set up so.

    Raises:
        UsageError: When it is not an address, or is too long with the reference:
            15 characters before the ``@`` are not (RFC 5321, 4.5.3.1.1).

    .. versionadded:: 0.1.0
    """
    found = _ADDRESS.fullmatch(base_address)
    if found is None or separator not in {"+", "-", "="}:
        raise UsageError("an address is like help@example.com; a separator +, - or =")
    before = "" if found[1] is None else found[1] + separator
    local = before + _token(reference)
    address = f"{local}@{found[2]}"
    if len(local) > MAX_LOCAL_PART_OCTETS or len(address) > MAX_ADDRESS_OCTETS:
        raise UsageError("the address has no room for a reference; use a shorter one")
    return address


def reply_header(
    reference: SupportsBytes,
    *,
    domain: str,
    random: Random = secrets.token_bytes,
) -> tuple[str, str]:
    """
    Return name and value of the Message-ID, which answers name in In-Reply-To.

    The value differs each time, as RFC 5322, 3.6.4 demands of one. Where a relay
    writes its own (Exchange and several bulk senders do), `reply_address` remains.

    Args:
        reference: A `Reference` put with ``carried=True``, or its 30 bytes.
        domain: One of your own.
        random: The source of what makes it unique.

    Raises:
        UsageError: When *domain* is not one.

    .. versionadded:: 0.1.0
    """
    if not re.fullmatch(_DOMAIN, domain):
        raise UsageError("a Message-ID ends with a domain of your own")
    unique = b32encode(random(_UNIQUE_BYTES)).decode("ascii")
    return "Message-ID", f"<{_token(reference)}.{unique}@{domain}>"


def from_reply(
    headers: Iterable[tuple[str, object]],
    *,
    recipients: Iterable[str] = (),
    accepts: Callable[[str], object] | None = None,
) -> Found[str]:
    """
    Return the reference that an answer to a mail brings along. Never raises.

    All of it is the sender's word: the journey arrives as a possession.

    Args:
        headers: Names and values, as `email.message.Message.items` gives them.
        recipients: To whom the mail server was told to deliver it, where that is
            known: it also knows blind copies.
        accepts: Whether a reference is worth considering: returns something false
            or raises `VerificationError` when not. A long thread names
            those of earlier hand-overs, too: pass
            ``lambda text: keys.parse(text, now_s=...)`` to leave expired ones out.

    Returns:
        The reference as 48 capitals, of which a mailer may have made small ones.
        Where there are two, none, and `Found.conflict`.

    .. versionadded:: 0.1.0
    """
    found: set[str] = set()
    for name, value in headers:
        if isinstance(name, str) and name.strip().lower() in _TRACES:
            found |= _tokens(value)
    for recipient in recipients:
        found |= _tokens(recipient)
    worth = {token for token in found if accepts is None or _accepted(accepts, token)}
    if len(worth) != 1:
        return Found(conflict=len(worth) > 1)
    return Found(reference=worth.pop())


def _token(reference: SupportsBytes) -> str:
    token = b32encode(raw_bytes(reference)).decode("ascii")
    if not token.startswith("CX"):
        raise UsageError("not the bytes of a Reference")
    return token


def _tokens(value: object) -> set[str]:
    if isinstance(value, bytes):
        text = value.decode("ascii", errors="replace")
    else:
        text = ""
        # What mail libraries make of a broken header may break again in `str`.
        with suppress(Exception):
            text = str(value)
    text = text[:MAX_HEADER_CHARS]
    # Some fold in the middle of a long word, others between two.
    spellings = {_FOLD.sub(between, text) for between in ("", " ")}
    return {
        token.upper() for spelling in spellings for token in _TOKEN.findall(spelling)
    }


def _accepted(accepts: Callable[[str], object], token: str) -> bool:
    try:
        return bool(accepts(token))
    except VerificationError:
        return False
