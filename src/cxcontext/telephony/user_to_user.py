"""
The header field ``User-to-User`` (RFC 7433), as it is written and as it is met.

::

    UUI       = "User-to-User" HCOLON uui-value *(COMMA uui-value)     ; section 4.1
    uui-value = uui-data *(SEMI uui-param)
    uui-data  = token / quoted-string
    uui-param = purpose / content / encoding / generic-param

Pure functions. What is met is believed in nothing: parsing takes linear time, is
bounded, and never raises; what is no value is left out. What is written has no
line break in it, or is not written.
"""

from __future__ import annotations

import re
from base64 import b32decode, b32encode
from collections.abc import Iterable
from typing import Final

import attrs

from cxcontext.errors import UsageError

REFERENCE_CHARS: Final = 48
REFERENCE_BYTES: Final = 30
# IA5 text, by ITU-T Q.931, table 4-26. Genesys takes the first octet away whatever
# it is, so there is one.
TEXT_DISCRIMINATOR: Final = 0x04
# User-specific, by the same table: what 30 raw bytes are.
USER_DISCRIMINATOR: Final = 0x00
# A header of ours has 127 characters; SIP stacks take lines of 1024 to 8192.
MAX_VALUE_CHARS: Final = 4096
MAX_VALUES: Final = 16

# RFC 3261, 25.1. Possessive, so that no input is looked at twice.
_CHARS: Final = r"[A-Za-z0-9\-.!%*_+`'~]++"
_QUOTED: Final = r'"(?:[^"\\]++|\\.)*+"'
_TOKEN: Final = re.compile(_CHARS)
_WORD: Final = rf"(?:{_CHARS}|{_QUOTED})"
# A generic-param's value may be a host: anything that ends nothing else.
_PARAMETER: Final = (
    rf'[ \t]*+;[ \t]*+({_CHARS})(?:[ \t]*+(=)[ \t]*+({_QUOTED}|[^\s;,"]++))?+'
)
_VALUE: Final = re.compile(rf"[ \t]*+({_WORD})((?:{_PARAMETER})*+)[ \t]*+")
_PARAMETERS: Final = re.compile(_PARAMETER)
# Up to a comma that is in no quotes.
_ITEM: Final = re.compile(rf'(?:[^",]++|{_QUOTED})*+')
_ESCAPED: Final = re.compile(r"\\(.)")
# RFC 3261, 7.3.1: a line break before white space is white space.
_FOLD: Final = re.compile(r"(?:\r\n|\r|\n)[ \t]++")
_REFERENCE: Final = re.compile(r"(?:0[04])?(CX[A-Z2-7]{46})", re.IGNORECASE)
_HEX: Final = re.compile(r"[0-9A-Fa-f]++")
_MAX_HEX_CHARS: Final = 2 * (1 + REFERENCE_CHARS)


@attrs.frozen(kw_only=True)
class UserToUser:
    """
    One value of the header field.

    Args:
        data: The token, or what was in the quotes. Hidden in ``repr``.
        parameters: Names, in small letters, and values, in their order; None for
            one without a value.

    Raises:
        UsageError: When there is a line break or NUL in it, or a name is no token.

    .. versionadded:: 0.1.0
    """

    data: str = attrs.field(repr=False)
    parameters: tuple[tuple[str, str | None], ...] = ()

    def __attrs_post_init__(self) -> None:
        refuse_breaks(self.data)
        for name, value in self.parameters:
            refuse_breaks(value or "")
            if not _TOKEN.fullmatch(name) or name != name.lower():
                raise UsageError("a parameter's name is a token in small letters")

    def parameter(self, name: str) -> str | None:
        """
        Return the first parameter of a name; None where there is none.
        """
        return next((value for key, value in self.parameters if key == name), None)

    def encode(self) -> str:
        """
        Return the value as it stands in the header.
        """
        written = [_word(self.data)]
        for name, value in self.parameters:
            written.append(name if value is None else f"{name}={_word(value)}")
        return ";".join(written)

    def reference(self) -> str | None:
        """
        Return the 48 characters of the reference that it has, or None.

        In characters or in hex, which is what data without an ``encoding`` is taken
        for, too; with a protocol discriminator or without; also as 30 raw bytes.
        That it is one of ours, only `cxcontext.homes.ReferenceKeys` can say.
        """
        found = _REFERENCE.fullmatch(self.data)
        if found is not None:
            return found[1].upper()
        # An odd number of digits is no octets.
        size = len(self.data)
        if size > _MAX_HEX_CHARS or size % 2 or not _HEX.fullmatch(self.data):
            return None
        octets = bytes.fromhex(self.data)
        if len(octets) in (1 + REFERENCE_CHARS, 1 + REFERENCE_BYTES) and octets[0] in (
            TEXT_DISCRIMINATOR,
            USER_DISCRIMINATOR,
        ):
            octets = octets[1:]
        if len(octets) == REFERENCE_BYTES:
            text = b32encode(octets).decode("ascii")
        else:
            text = octets.decode("ascii", errors="replace")
        found = _REFERENCE.fullmatch(text)
        return None if found is None or len(text) != REFERENCE_CHARS else text.upper()


def parse(values: Iterable[str | bytes]) -> tuple[UserToUser, ...]:
    """
    Return what the header fields of a message have: every value that is one.

    A field that is repeated and a list with commas are the same (RFC 3261, 7.3.1);
    commas in quotes are data. Never raises.

    >>> [uui] = parse(['"a, b" ; Purpose=x;pd=04'])
    >>> uui.data, uui.parameters
    ('a, b', (('purpose', 'x'), ('pd', '04')))

    Args:
        values: The value of each field of the name, in order, folded or not. A
            longer one than 4096 characters is left out, and so is all after the
            16th value.

    .. versionadded:: 0.1.0
    """
    found: list[UserToUser] = []
    for value in values:
        text = _unfolded(value)
        at = 0
        while text is not None and at <= len(text):
            if len(found) == MAX_VALUES:
                return tuple(found)
            item = _ITEM.match(text, at)
            end = len(text) if item is None else item.end()
            # What follows a quote that is never closed is nobody's value.
            if text[end : end + 1] == '"':
                break
            one = _one(text[at:end])
            if one is not None:
                found.append(one)
            at = end + 1
    return tuple(found)


def user_to_user(
    reference: str,
    *,
    discriminator: int | None = TEXT_DISCRIMINATOR,
    as_parameter: bool = False,
    purpose: str | None = None,
    binary: bool = False,
) -> UserToUser:
    """
    Return the value that carries a reference: hex of its 48 characters.

    Of the characters and not of the 30 bytes, because Genesys reads no octet above
    127. ``encoding=hex`` is always said, for the default differs among vendors.

    >>> user_to_user("CX" + "A" * 46).encode()[:14]
    '04435841414141'

    Args:
        reference: The 48 characters.
        discriminator: The protocol discriminator, 0 to 255, that comes first; None
            for none, as where an SBC adds one.
        as_parameter: Whether it is said in ``;pd=`` instead, as Genesys can read it.
        purpose: ``"isdn-uui"`` where a trunk is to map it to ISDN (RFC 7434);
            otherwise nothing, for that invites gateways to cut it at 128 octets.
        binary: Whether the 30 bytes go, for ISDN networks that take 35 octets.

    Raises:
        UsageError: When one of them is something else.

    .. versionadded:: 0.1.0
    """
    if not re.fullmatch(r"CX[A-Z2-7]{46}", reference):
        raise UsageError("a call carries the 48 characters of a Reference: str(it)")
    if discriminator is not None and not 0 <= discriminator <= 0xFF:
        raise UsageError("a protocol discriminator is one octet, or None")
    octets = b32decode(reference) if binary else reference.encode("ascii")
    before = b"" if discriminator is None or as_parameter else bytes([discriminator])
    parameters: list[tuple[str, str | None]] = [("encoding", "hex")]
    if purpose is not None:
        if not _TOKEN.fullmatch(purpose):
            raise UsageError("a purpose is a token, such as isdn-uui")
        parameters.insert(0, ("purpose", purpose))
    if as_parameter and discriminator is not None:
        parameters.append(("pd", f"{discriminator:02x}"))
    return UserToUser(data=(before + octets).hex(), parameters=tuple(parameters))


def refuse_breaks(text: str) -> None:
    """
    Refuse what would end a header field and begin another.

    Raises:
        UsageError: When CR, LF or NUL is in it.

    .. versionadded:: 0.1.0
    """
    if _breaks(text):
        raise UsageError("a header's value has no CR, LF or NUL in it")


def _one(item: str) -> UserToUser | None:
    value = _VALUE.fullmatch(item)
    if value is None:
        return None
    data, rest = value[1], value[2]
    parameters = [
        (name.lower(), _unquoted(word) if equals else None)
        for name, equals, word in _PARAMETERS.findall(rest)
    ]
    return UserToUser(data=_unquoted(data), parameters=tuple(parameters))


def _unfolded(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    if not isinstance(value, str) or len(value) > MAX_VALUE_CHARS:
        return None
    if not _breaks(value):
        return value
    text = _FOLD.sub(" ", value)
    return None if _breaks(text) else text


def _breaks(text: str) -> bool:
    return "\n" in text or "\r" in text or "\0" in text


def _unquoted(word: str) -> str:
    return _ESCAPED.sub(r"\1", word[1:-1]) if word.startswith('"') else word


def _word(text: str) -> str:
    if _TOKEN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
