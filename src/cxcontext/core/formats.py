"""
The formats that a text field may declare, and how each is checked and written.

A format has one written form: *normalise* brings a text to it as far as that
loses nothing, and *check* tells whether a text is in it and valid, so the
question to ask of what somebody typed is ``check(normalise(text))``. A check
is of the form and its check digits; that the number is assigned, the mailbox
read or the bank open it cannot tell.

The registry is closed: a format's name stands in vocabularies that other
languages read, so each must mean the same there. Texts of more than 320
characters are in no format and are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import attrs

from cxcontext.core.forbidden import SPACES_AND_HYPHENS, luhn_valid

# RFC 3696, 3: an e-mail address has 64 octets, "@" and 255 octets at most.
# Nothing in the registry is longer.
MAX_LENGTH: Final = 320


@attrs.frozen
class Format:
    """
    One format: its name, how it is checked, how it is written, who defines it.

    Args:
        name: What a field's ``format=`` says.
        check: Whether a text is in this format, written as *normalise* writes
            it. Never raises, whatever the text.
        normalise: The text in the format's written form, as far as it can be
            brought to it; idempotent. Says nothing about whether it is valid.
        source: The standard that defines the format, with the clause.

    .. versionadded:: 0.1.0
    """

    name: str
    check: Callable[[str], bool]
    normalise: Callable[[str], str]
    source: str


def _format(
    name: str,
    *,
    source: str,
    write: Callable[[str], str],
    valid: Callable[[str], bool],
) -> Format:
    def normalise(text: str) -> str:
        return text if len(text) > MAX_LENGTH else write(text)

    def check(text: str) -> bool:
        return len(text) <= MAX_LENGTH and write(text) == text and valid(text)

    return Format(name=name, check=check, normalise=normalise, source=source)


_SPACES_AND_HYPHENS: Final = re.compile(f"[{SPACES_AND_HYPHENS}]+")
_SPACES_HYPHENS_AND_DOTS: Final = re.compile(rf"[{SPACES_AND_HYPHENS}.]+")

# ASCII only: str.upper() would make an S of U+017F and two of a sharp s, and so
# a valid code of what is none.
_LOWER: Final = "abcdefghijklmnopqrstuvwxyz"
_TO_UPPER: Final = str.maketrans(_LOWER, _LOWER.upper())
_TO_LOWER: Final = str.maketrans(_LOWER.upper(), _LOWER)


def _compact(text: str) -> str:
    return _SPACES_AND_HYPHENS.sub("", text)


def _compact_upper(text: str) -> str:
    return _compact(text).translate(_TO_UPPER)


# RFC 5646, 2.1, "langtag" and "privateuse", without its "irregular" tags.
_LANGUAGE_TAG: Final = re.compile(
    r"""
    (?: [a-z]{2,3} (?: -[a-z]{3} ){0,3} | [a-z]{4,8} )  # language, extlang
    (?: -[a-z]{4} )?                                    # script
    (?: -[a-z]{2} | -[0-9]{3} )?                        # region
    (?P<variants> (?: -[a-z0-9]{5,8} | -[0-9][a-z0-9]{3} )* )
    (?P<extensions> (?: -[0-9a-wyz] (?: -[a-z0-9]{2,8} )+ )* )
    (?: -x (?: -[a-z0-9]{1,8} )+ )?
    |
    x (?: -[a-z0-9]{1,8} )+
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)

# RFC 5646, 2.1: registered before the grammar was, and not of it. The nine
# "regular" grandfathered tags are of it.
_IRREGULAR_TAGS: Final = frozenset(
    {
        "en-GB-oed",
        "i-ami",
        "i-bnn",
        "i-default",
        "i-enochian",
        "i-hak",
        "i-klingon",
        "i-lux",
        "i-mingo",
        "i-navajo",
        "i-pwn",
        "i-tao",
        "i-tay",
        "i-tsu",
        "sgn-BE-FR",
        "sgn-BE-NL",
        "sgn-CH-DE",
    }
)


_REGION_LETTERS: Final = 2
_SCRIPT_LETTERS: Final = 4


def _write_language_tag(text: str) -> str:
    # RFC 5646, 2.1.1: lower case, but for regions (two letters) and scripts
    # (four) that are neither first nor after a singleton.
    first, *following = text.strip().translate(_TO_LOWER).split("-")
    subtags = [first]
    cased = len(first) != 1
    for subtag in following:
        cased = cased and len(subtag) != 1
        if cased and len(subtag) == _REGION_LETTERS:
            subtags.append(subtag.translate(_TO_UPPER))
        elif cased and len(subtag) == _SCRIPT_LETTERS:
            subtags.append(subtag[0].translate(_TO_UPPER) + subtag[1:])
        else:
            subtags.append(subtag)

    return "-".join(subtags)


def _is_language_tag(text: str) -> bool:
    if text in _IRREGULAR_TAGS:
        return True

    tag = _LANGUAGE_TAG.fullmatch(text)
    if tag is None:
        return False

    # RFC 5646, 2.2.5 and 2.2.6: no variant twice, no singleton twice.
    variants = (tag["variants"] or "").split("-")[1:]
    singletons = re.findall(r"-(.)(?=-)", tag["extensions"] or "")
    return all(len(set(each)) == len(each) for each in (variants, singletons))


# RFC 5321, 4.5.3.1, in octets; a path has 256 with its angle brackets, which
# leaves the domain fewer than the 255 it may have.
_MAX_LOCAL_PART: Final = 64
_MAX_ADDRESS: Final = 254

# RFC 5321, 4.1.2, "atext" and dots, and what RFC 6531 adds to it. Dots may
# stand anywhere: some Japanese carriers gave out addresses with two in a row.
_LOCAL_PART: Final = re.compile(r'[^()<>\[\]:;@\\,"]+')
# RFC 1123, 2.1: letters, digits and inner hyphens; RFC 5890 adds U-labels.
_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9\-\u0080-\U0010FFFF]{1,63}(?<!-)")


def _write_email(text: str) -> str:
    # RFC 5321, 2.4: the domain is not case-sensitive, the local part may be.
    local, at, domain = text.strip().rpartition("@")
    return local + at + domain.lower()


def _is_email(text: str) -> bool:
    # Not printable: controls, invisible format characters, lone surrogates,
    # and every space but U+0020.
    if not text.isprintable() or " " in text:
        return False

    local, _, domain = text.rpartition("@")
    labels = domain.split(".")
    return (
        len(local.encode()) <= _MAX_LOCAL_PART
        and len(text.encode()) <= _MAX_ADDRESS
        and _LOCAL_PART.fullmatch(local) is not None
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        # No top-level domain is a number: this would be an IPv4 address.
        and not labels[-1].isdecimal()
    )


def _write_e164(text: str) -> str:
    compact = _SPACES_HYPHENS_AND_DOTS.sub("", text)
    # "+33 (0)6 12 ...": the 0 is not dialled from abroad, so ITU-T E.123 forbids
    # writing it. Without its parentheses this would be another number, and a
    # well-formed one: it stays as it is, and the check refuses it.
    return compact if "(0)" in compact else re.sub(r"[()]+", "", compact)


def _luhn_of(pattern: str) -> Callable[[str], bool]:
    digits = re.compile(pattern)

    def valid(text: str) -> bool:
        return digits.fullmatch(text) is not None and luhn_valid(text)

    return valid


_is_siren: Final = _luhn_of(r"[0-9]{9}")

# Insee: its post offices are too many for five digits with a Luhn digit.
_LA_POSTE: Final = "356000000"


def _is_siret(text: str) -> bool:
    if not re.fullmatch(r"[0-9]{14}", text) or not _is_siren(text[:9]):
        return False

    if luhn_valid(text):
        return True

    return text.startswith(_LA_POSTE) and sum(map(int, text)) % 5 == 0


def _as_digits(text: str) -> str:
    # ISO 6166 and ISO 13616: A is 10, Z is 35.
    return "".join(str(int(character, 36)) for character in text)


def _is_isin(text: str) -> bool:
    return re.fullmatch(r"[A-Z]{2}[A-Z0-9]{9}[0-9]", text) is not None and luhn_valid(
        _as_digits(text)
    )


def _is_ean13(text: str) -> bool:
    # GS1 General Specifications, 7.9.1: weights 1 and 3, the check digit's is 1.
    return (
        re.fullmatch(r"[0-9]{13}", text) is not None
        and (sum(map(int, text[::2])) + 3 * sum(map(int, text[1::2]))) % 10 == 0
    )


# SWIFT, "IBAN Registry": the length of each country's IBAN.
_IBAN_LENGTHS: Final = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}

# ISO 13616-1: 34 characters at most; 15 is the shortest that is registered. The
# check digits are 98 less a remainder of 97 (ISO 7064), so never 00, 01 or 99.
_IBAN: Final = re.compile(r"[A-Z]{2}(?!00|01|99)[0-9]{2}[A-Z0-9]{11,30}")


def _is_iban(text: str) -> bool:
    return (
        _IBAN.fullmatch(text) is not None
        and len(text) == _IBAN_LENGTHS.get(text[:2], len(text))
        and int(_as_digits(text[4:] + text[:4])) % 97 == 1
    )


def _matches(pattern: str) -> Callable[[str], bool]:
    expression = re.compile(pattern)
    return lambda text: expression.fullmatch(text) is not None


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        each.name: each
        for each in (
            _format(
                "bcp47",
                source="BCP 47: RFC 5646, 2.1 and 2.1.1",
                write=_write_language_tag,
                valid=_is_language_tag,
            ),
            _format(
                "email",
                source="RFC 5321, 4.1.2 and 4.5.3.1; RFC 6531, 3.3",
                write=_write_email,
                valid=_is_email,
            ),
            # At most 15 digits, the first of a country code, which is never 0.
            # E.164 names no shortest; one of fewer than 8 is rather mistyped.
            _format(
                "e164",
                source="ITU-T E.164, 6",
                write=_write_e164,
                valid=_matches(r"\+[1-9][0-9]{7,14}"),
            ),
            _format(
                "imei",
                source="3GPP TS 23.003, 6.2.1 and annex B",
                write=_compact,
                valid=_luhn_of(r"[0-9]{15}"),
            ),
            # E.118 ends at 19 digits; the card's file has room for 20, which
            # some operators fill.
            _format(
                "iccid",
                source="ITU-T E.118; ETSI TS 102 221, 13.2",
                write=_compact,
                valid=_luhn_of(r"89[0-9]{17,18}"),
            ),
            _format(
                "siren",
                source="Insee, Sirene; ISO/IEC 7812-1, annex B",
                write=_compact,
                valid=_is_siren,
            ),
            _format(
                "siret",
                source="Insee, Sirene; ISO/IEC 7812-1, annex B",
                write=_compact,
                valid=_is_siret,
            ),
            _format(
                "iban",
                source="ISO 13616-1; SWIFT IBAN Registry",
                write=_compact_upper,
                valid=_is_iban,
            ),
            # Since 2014 the first four may hold digits.
            _format(
                "bic",
                source="ISO 9362:2022",
                write=_compact_upper,
                valid=_matches(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?"),
            ),
            _format(
                "isin",
                source="ISO 6166:2021",
                write=_compact_upper,
                valid=_is_isin,
            ),
            _format(
                "ean13",
                source="GS1 General Specifications, 7.9.1",
                write=_compact,
                valid=_is_ean13,
            ),
            # Only North America prescribes the check digit (49 CFR 565).
            _format(
                "vin",
                source="ISO 3779:2009",
                write=_compact_upper,
                valid=_matches(r"[A-HJ-NPR-Z0-9]{17}"),
            ),
        )
    }
)
