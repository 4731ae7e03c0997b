"""
Handover codes: nine digits that a customer types or reads aloud.

Eight random digits and a Damm check digit (telephony notes, C3). Fixed length and
no ``#``, which iOS refuses in a link. Six more digits, five random ones and a
check digit over all, belong to every code from the start; they are asked for only
while somebody guesses.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Final, NoReturn

import attrs

from cxcontext.errors import NotPicklableError
from cxcontext.hiding import unshown
from cxcontext.homes.damm import check_digit
from cxcontext.typing import Random

SHORT_DIGITS: Final = 9
LONG_DIGITS: Final = 15
_RANDOM_SHORT: Final = 8
_RANDOM_ALL: Final = 13
_DRAWN_BYTES: Final = 8
# Draws at or above this would make small numbers likelier.
_FAIR: Final = 2**64 // 10**_RANDOM_ALL * 10**_RANDOM_ALL
# More than anybody types, with all the spaces and dashes that one may put in.
_MAX_TYPED_CHARS: Final = 64


@attrs.frozen(kw_only=True, repr=False, field_transformer=unshown)
class HandoverCode:
    """
    A code, as it is told to the customer who is to use it.

    ``str`` gives the nine digits; ``repr`` and f-strings give none.

    Attributes:
        long: All fifteen digits. Show the last six, too: "if you are asked for
            more: 417 508".
        expires_at: From when on it is refused.

    .. versionadded:: 0.1.0
    """

    long: str
    expires_at: datetime

    def __str__(self) -> str:
        return self.long[:SHORT_DIGITS]

    def __repr__(self) -> str:
        return "<HandoverCode>"

    def __format__(self, _spec: str) -> str:
        # In an f-string it would be in a log before anybody thinks of it.
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise NotPicklableError("HandoverCode", "pass on str(code) knowingly")

    @property
    def further(self) -> str:
        """
        The six digits that are asked for only while somebody guesses.
        """
        return self.long[SHORT_DIGITS:]

    @property
    def spoken(self) -> str:
        """
        The nine digits in groups of three, as they are read and read aloud.
        """
        return in_threes(str(self))


@attrs.frozen(repr=False, field_transformer=unshown)
class Typed:
    """
    What somebody typed, all check digits right: nine digits, or fifteen.
    """

    short: str
    further: str | None


def in_threes(digits: str) -> str:
    """
    Return *digits* in groups of three.

    >>> in_threes("123456789")
    '123 456 789'

    .. versionadded:: 0.1.0
    """
    return " ".join(digits[at : at + 3] for at in range(0, len(digits), 3))


def draw(random: Random) -> str:
    """
    Return fifteen digits, of which thirteen are random, each as likely as another.
    """
    number = _FAIR
    while number >= _FAIR:
        number = int.from_bytes(random(_DRAWN_BYTES))
    digits = f"{number % 10**_RANDOM_ALL:0{_RANDOM_ALL}}"
    short, further = digits[:_RANDOM_SHORT], digits[_RANDOM_SHORT:]
    short += check_digit(short)
    return short + further + check_digit(short + further)


def parse(typed: str) -> Typed | None:
    """
    Return the digits in *typed*, or None if it was mistyped.

    Spaces, dashes and dots between them, a ``#`` after them and digits of other
    scripts are what people and platforms make of nine digits.
    """
    if not isinstance(typed, str) or len(typed) > _MAX_TYPED_CHARS:
        return None
    text = unicodedata.normalize("NFKC", typed).strip().removesuffix("#")
    digits = "".join(
        str(unicodedata.decimal(char)) if char.isdecimal() else char
        for char in text
        if not char.isspace() and unicodedata.category(char) != "Pd" and char != "."
    )
    if len(digits) not in (SHORT_DIGITS, LONG_DIGITS):
        return None
    if not (digits.isascii() and digits.isdigit()):
        return None
    short, further = digits[:SHORT_DIGITS], digits[SHORT_DIGITS:]
    # What follows valid digits continues from 0, as if nothing came before.
    if check_digit(short) != "0" or check_digit(further) != "0":
        return None
    return Typed(short, further or None)
