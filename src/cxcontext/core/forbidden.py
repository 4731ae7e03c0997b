"""
What never travels: payment card numbers, wherever in a value they stand.

A payment card number is 13 to 19 digits, spaces and hyphens ignored, that pass
the Luhn check and begin with a prefix of a card scheme at that scheme's length
(ISO/IEC 7812-1). The prefix keeps most other numbers with a Luhn digit out: of
all IMEIs, ICCIDs and SIRETs only those that begin like a card of their length
are taken for one.

Not found: numbers of store and fuel cards, which no scheme publishes, and a
number whose digits are parted by anything but spaces and hyphens.

Pure functions over values that are already unstructured. The cost is linear in
the length of a text, and a text with fewer than 13 digits costs one search.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final, NamedTuple

# What people, phones and word processors put between digits, as the inside of
# a regular expression's character class: white space (Unicode Zs, tabs and line
# ends), all dashes (Unicode Pd), and what looks like one of them or like
# nothing at all: the minus sign, the soft hyphen, zero-width characters and the
# direction marks that address books wrap numbers in.
SPACES_AND_HYPHENS: Final = (
    r"\s"
    r"\-\u058A\u05BE\u1400\u1806\u2010-\u2015\u2E17\u2E1A\u2E3A\u2E3B\u2E40\u2E5D"
    r"\u301C\u3030\u30A0\uFE31\uFE32\uFE58\uFE63\uFF0D\U00010D6E\U00010EAD"
    r"\u2212\u00AD\u200B-\u200F\u202A-\u202E\u2060\u2066-\u2069\uFEFF"
)

_SHORTEST: Final = 13
_LONGEST: Final = 19

# The prefixes below have at most this many digits.
_PREFIX: Final = 6

# From a digit to a digit, at least 13 characters. One character class and no
# alternatives, so that a search looks at each character a bounded number of
# times. "\d" is any decimal digit of any script (Unicode Nd).
_RUN: Final = re.compile(rf"\d[\d{SPACES_AND_HYPHENS}]{{{_SHORTEST - 2},}}\d")
_GROUP: Final = re.compile(r"\d+")

# Twice a digit, and the two digits of that added up: 0 2 4 6 8 1 3 5 7 9.
_DOUBLED: Final = bytes.maketrans(b"0123456789", b"0246813579")


class IssuerRange(NamedTuple):
    """
    The prefixes from *low* to *high*, and how long that scheme's numbers are.

    .. versionadded:: 0.1.0
    """

    scheme: str
    low: str
    high: str
    lengths: frozenset[int]


_16: Final = frozenset({16})
_16_TO_19: Final = frozenset(range(16, 20))
_13_TO_19: Final = frozenset(range(13, 20))

# The register of issuers of ISO/IEC 7812 is not public, so each line names where
# it was read. AM is ActiveMerchant's credit_card_methods.rb, which names the
# schemes' own documents; BT is Braintree's credit-card-type; WP is Wikipedia,
# "Payment card number", 2024-07. Where they differ, the wider one.
#
# Left out on purpose: UATP (1, 15 digits), whose prefix is that of parcel
# numbers; schemes of which WP does not know that they have a Luhn digit (Humo,
# Napas, UzCard, LankaPay); and the 12 digits that Maestro allows.
ISSUER_RANGES: Final[tuple[IssuerRange, ...]] = (
    # AM, WP: 16 digits; 13 on old cards, which BT no longer lists; 19 on V PAY
    # (Apache Commons Validator, VALIDATOR-372).
    IssuerRange("Visa", "4", "4", frozenset({13, 16, 19})),
    # "Mastercard Rules" through AM: 510000-559999 and 222100-272099.
    IssuerRange("Mastercard", "51", "55", _16),
    IssuerRange("Mastercard", "2221", "2720", _16),
    # AM, BT, WP.
    IssuerRange("American Express", "34", "34", frozenset({15})),
    IssuerRange("American Express", "37", "37", frozenset({15})),
    # AM, WP; 622126-622925 is UnionPay's below.
    IssuerRange("Discover", "6011", "6011", _16_TO_19),
    IssuerRange("Discover", "644", "649", _16_TO_19),
    IssuerRange("Discover", "65", "65", _16_TO_19),
    # WP: 14 to 19 digits. Today 14 only with 36, elsewhere 16 and more (Stripe;
    # Oracle, "Credit Card Preambles"; Business::CreditCard 0.34), but the test
    # numbers of 14 digits that PayPal and others publish begin with 30 and 38.
    # None has 15 there, the length of an IMEI: Iridium's begin with 300.
    IssuerRange("Diners Club", "36", "36", frozenset(range(14, 20))),
    IssuerRange("Diners Club", "300", "305", _16_TO_19 | {14}),
    IssuerRange("Diners Club", "3095", "3095", _16_TO_19 | {14}),
    IssuerRange("Diners Club", "38", "39", _16_TO_19 | {14}),
    # BT and WP for the first; AM for the others, older and American.
    IssuerRange("JCB", "3528", "3589", _16_TO_19),
    IssuerRange("JCB", "3088", "3094", _16_TO_19),
    IssuerRange("JCB", "3096", "3102", _16_TO_19),
    IssuerRange("JCB", "3112", "3120", _16_TO_19),
    IssuerRange("JCB", "3158", "3159", _16_TO_19),
    IssuerRange("JCB", "3337", "3349", _16_TO_19),
    # WP: 62. Discover Global Network, "IPP VAR Enabler Compliance", through AM:
    # 8100-8171.
    IssuerRange("UnionPay", "62", "62", _16_TO_19),
    IssuerRange("UnionPay", "8100", "8171", _16_TO_19),
    # WP, and "Mastercard Rules" through AM: 12 to 19 digits. The rest of 67 and
    # 6390 are in AM alone; WP has parts of 67 under schemes that 16 to 19 digits
    # sufficed (Switch, Solo, Laser), and so they do for Bancontact's 6703.
    IssuerRange("Maestro", "5018", "5018", _13_TO_19),
    IssuerRange("Maestro", "5020", "5020", _13_TO_19),
    IssuerRange("Maestro", "5038", "5038", _13_TO_19),
    IssuerRange("Maestro", "5893", "5893", _13_TO_19),
    IssuerRange("Maestro", "6304", "6304", _13_TO_19),
    IssuerRange("Maestro", "6759", "6759", _13_TO_19),
    IssuerRange("Maestro", "6761", "6763", _13_TO_19),
    IssuerRange("Maestro", "67", "67", _16_TO_19),
    IssuerRange("Maestro", "6390", "6390", _16_TO_19),
    # AM, WP; 4571 is Visa's.
    IssuerRange("Dankort", "5019", "5019", _16),
    # BT, WP.
    IssuerRange("Mir", "2200", "2204", _16_TO_19),
    # WP; 6521, 6522, 353 and 356 lie within Discover and JCB.
    IssuerRange("RuPay", "508", "508", _16),
    IssuerRange("RuPay", "60", "60", _16),
    IssuerRange("RuPay", "81", "82", _16),
    # WP; 650002-650027 lies within Discover.
    IssuerRange("Verve", "506099", "506198", _16_TO_19),
    IssuerRange("Verve", "507865", "507964", _16_TO_19),
    # WP: 979200-979289; 65 lies within Discover.
    IssuerRange("Troy", "9792", "9792", _16),
    # Elo, "Tabela de BINs", through AM, and BT; the other prefixes lie within
    # Visa, UnionPay and Discover.
    IssuerRange("Elo", "506699", "506778", _16),
    IssuerRange("Elo", "509", "509", _16),
    IssuerRange("Elo", "636297", "636298", _16),
    IssuerRange("Elo", "636368", "636368", _16),
)


def _bounds(ranges: Iterable[IssuerRange], length: int) -> tuple[int, ...]:
    """
    Where a six-digit prefix enters and leaves the ranges of that length.

    Sorted, so that a prefix lies within a range when an odd number of bounds
    is at or below it.
    """
    bounds: list[int] = []
    for low, beyond in sorted(
        (int(each.low.ljust(_PREFIX, "0")), int(each.high.ljust(_PREFIX, "9")) + 1)
        for each in ranges
        if length in each.lengths
    ):
        if bounds and low <= bounds[-1]:
            bounds[-1] = max(bounds[-1], beyond)
        else:
            bounds += (low, beyond)

    return tuple(bounds)


_BOUNDS: Final = {
    length: _bounds(ISSUER_RANGES, length) for length in range(_SHORTEST, _LONGEST + 1)
}


def luhn_valid(digits: str) -> bool:
    """
    Tell whether the last of these ASCII digits is their Luhn check digit.

    ISO/IEC 7812-1, annex B; the same for cards, IMEI, ICCID, SIREN and ISIN.

    .. versionadded:: 0.1.0
    """
    raw = digits.encode("ascii")
    total = sum(raw[::-2]) + sum(raw[-2::-2].translate(_DOUBLED))
    return (total - ord("0") * len(raw)) % 10 == 0


def contains_card_number(value: object) -> bool:
    """
    Tell whether a payment card number stands anywhere inside an unstructured value.

    Texts and bytes are searched, and so are both the keys and the values of
    mappings, at any depth. In a text, digits that only spaces and hyphens part
    belong together: any whole groups that follow each other are tried as one
    number, and never a part of a group, so that 25 digits in a row are nothing.
    Of numbers only whole ones count: the digits of a fraction are no identifier.

    Args:
        value: What cattrs made of the value. Types that hold no digits of
            their own, such as dates, are passed over.

    .. versionadded:: 0.1.0
    """
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            if _in_text(item):
                return True
        elif isinstance(item, dict):
            pending.extend(item)
            pending.extend(item.values())
        elif isinstance(item, (list, tuple)):
            pending.extend(item)
        elif isinstance(item, bytes):
            if _in_text(_decoded(item)):
                return True
        elif isinstance(item, (int, float, Decimal)) and _in_number(item):
            return True

    return False


def _in_text(text: str) -> bool:
    if len(text) < _SHORTEST or _RUN.search(text) is None:
        return False

    return any(map(_is_card_number, _candidates(text)))


def _in_number(number: float | Decimal) -> bool:
    if isinstance(number, Decimal):
        # The magnitude comes first: Decimal("1e999999") has a million digits.
        if not number.is_finite() or number.adjusted() >= _LONGEST:
            return False
        if number != int(number):
            return False
    elif isinstance(number, float) and not number.is_integer():
        return False

    # The size comes first here too: Python refuses to write out a huge int.
    whole = abs(int(number))
    return 10 ** (_SHORTEST - 1) <= whole < 10**_LONGEST and _is_card_number(str(whole))


def _decoded(raw: bytes) -> str:
    # Latin-1 never fails. In bytes that are UTF-8 it would find no number that
    # UTF-8 does not show as well, and would miss other scripts' digits.
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _candidates(text: str) -> Iterator[str]:
    """
    Yield every sequence of whole groups with 13 to 19 digits, as ASCII digits.

    From one group at most 19 follow, for each has a digit, and at most seven
    lengths fit: the number of candidates is linear in the length of the text.
    """
    for run in _RUN.finditer(text):
        groups = _GROUP.findall(run[0])
        if sum(map(len, groups)) < _SHORTEST:
            continue

        groups = [_ascii(group) for group in groups]
        # E.164: after a plus stands a telephone number. One in ten German mobile
        # numbers passes for a Visa number of 13 digits, which is issued no more.
        telephone = text[run.start() - 1 : run.start()] == "+"
        for first in range(len(groups)):
            digits = ""
            for following in range(first, len(groups)):
                digits += groups[following]
                if len(digits) > _LONGEST:
                    break
                if first == 0 and telephone and len(digits) == _SHORTEST:
                    continue
                if len(digits) >= _SHORTEST:
                    yield digits


def _ascii(group: str) -> str:
    return group if group.isascii() else "".join(str(int(digit)) for digit in group)


def _is_card_number(digits: str) -> bool:
    below = bisect_right(_BOUNDS[len(digits)], int(digits[:_PREFIX]))
    return below % 2 == 1 and luhn_valid(digits)
