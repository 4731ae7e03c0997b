"""
Payment card numbers are found wherever they stand, and little else is.
"""

from __future__ import annotations

import sys
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import accumulate

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cxcontext.core.forbidden import (
    ISSUER_RANGES,
    IssuerRange,
    _candidates,
    contains_card_number,
    luhn_valid,
)

# Test numbers that the schemes and their processors publish: Adyen, Braintree,
# iyzico, Klasha, Mastercard Gateway, Mercado Pago, PayPal, PayU, Payture,
# Stripe and Tochka.
PUBLISHED = [
    ("Visa", "4111 1111 1111 1111"),
    ("Visa", "4012888888881881"),
    ("Visa", "4222222222222"),
    ("Mastercard", "5555 5555 5555 4444"),
    ("Mastercard", "2223 0031 2200 3222"),
    ("American Express", "3782 822463 10005"),
    ("American Express", "343434343434343"),
    ("Discover", "6011 1111 1111 1117"),
    ("Discover", "6555900000604105"),
    ("Diners Club", "3622 720627 1667"),
    ("Diners Club", "3056 930902 5904"),
    ("Diners Club", "3852 000002 3237"),
    ("Diners Club", "3056 9300 0902 0004"),
    ("JCB", "3566 0020 2036 0505"),
    ("JCB", "3088 0000 0000 0017"),
    ("UnionPay", "6200 0000 0000 0005"),
    ("UnionPay", "6205 5000 0000 0000 004"),
    ("UnionPay", "8171 9999 2766 0000"),
    ("UnionPay", "8171 9999 0000 0000 021"),
    ("Maestro", "6304 0000 0000 0000"),
    ("Maestro", "6759 6498 2643 8453"),
    ("Maestro", "6390 0288 8000 0000 010"),
    ("Maestro (Bancontact)", "6703 0000 0000 0000 3"),
    ("Maestro (Bancontact)", "6703 4444 4444 4449"),
    ("Mir", "2200 1117 5357 9001"),
    ("Mir", "2202 2083 1111 0010"),
    ("RuPay", "6082 0153 0957 7308"),
    ("Verve", "5061 4604 1012 0223 210"),
    ("Troy", "9792 0720 0001 7956"),
    ("Dankort", "5019 5555 4444 5555"),
    ("Elo", "5067 7667 8388 8311"),
]

CARD = "4111111111111111"


def with_check_digit(digits: str) -> str:
    """
    Return *digits* with the Luhn digit appended, computed unlike the library does.
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        total += int(digit) if place % 2 else sum(divmod(2 * int(digit), 10))

    return digits + str(-total % 10)


def numbers_of(issuer: IssuerRange) -> st.SearchStrategy[str]:
    """
    Any card number of one line of the table, at any of its lengths.
    """
    prefixes = st.integers(int(issuer.low), int(issuer.high)).map(str)
    lengths = st.sampled_from(sorted(issuer.lengths))
    return st.tuples(prefixes, lengths).flatmap(
        lambda drawn: st.text(
            "0123456789",
            min_size=drawn[1] - len(drawn[0]) - 1,
            max_size=drawn[1] - len(drawn[0]) - 1,
        ).map(lambda account: with_check_digit(drawn[0] + account))
    )


card_numbers = st.sampled_from(ISSUER_RANGES).flatmap(numbers_of)
gaps = st.text(" -\t\n\u00a0\u2011\u202f", min_size=1, max_size=3)
digit_free = st.text(st.characters(exclude_categories=["Nd", "Cs"]))


@pytest.mark.parametrize(("scheme", "number"), PUBLISHED)
def test_published_numbers_are_found_as_printed(scheme: str, number: str) -> None:
    """
    A published test number is found in the spacing it is printed in.
    """
    assert True is contains_card_number(number), scheme


@pytest.mark.parametrize(("scheme", "number"), PUBLISHED)
def test_published_numbers_are_found_bare(scheme: str, number: str) -> None:
    """
    A published test number is found without any spacing.
    """
    assert True is contains_card_number(number.replace(" ", "")), scheme


@pytest.mark.parametrize(("scheme", "number"), PUBLISHED)
def test_a_wrong_check_digit_is_no_card(scheme: str, number: str) -> None:
    """
    With another last digit a published number is not found any more.
    """
    bare = number.replace(" ", "")
    wrong = str((int(bare[-1]) + 1) % 10)

    assert False is contains_card_number(bare[:-1] + wrong), scheme


def test_every_scheme_of_the_table_is_covered() -> None:
    """
    Each scheme in the table has a published number above.
    """
    published = {scheme.partition(" (")[0] for scheme, _ in PUBLISHED}

    assert {each.scheme for each in ISSUER_RANGES} == published


@pytest.mark.parametrize("issuer", ISSUER_RANGES, ids=lambda each: each.low)
def test_the_first_and_the_last_of_a_range(issuer: IssuerRange) -> None:
    """
    The lowest and the highest prefix of a range are found at all its lengths.
    """
    numbers = [
        with_check_digit(prefix.ljust(length - 1, filler))
        for prefix, filler in ((issuer.low, "0"), (issuer.high, "9"))
        for length in issuer.lengths
    ]

    assert [] == [each for each in numbers if not contains_card_number(each)]


@pytest.mark.parametrize(
    "prefix",
    [
        "2199",
        "2205",
        "2220",
        "2721",
        "306",
        "308",
        "3087",
        "3103",
        "3111",
        "3121",
        "3157",
        "3160",
        "3336",
        "3350",
        "3527",
        "3590",
        "500",
        "5017",
        "5021",
        "5037",
        "5039",
        "5060",
        "56",
        "5892",
        "5894",
        "6303",
        "6305",
        "6389",
        "6391",
        "640",
        "643",
        "66",
        "68",
        "70",
        "80",
        "83",
        "9791",
        "9793",
        "506098",
        "506199",
        "506698",
        "506779",
        "507864",
        "507965",
        "636296",
        "636299",
        "636367",
        "636369",
    ],
)
def test_the_neighbours_of_a_range(prefix: str) -> None:
    """
    Just outside the ranges a number of 16 digits is not found.
    """
    number = with_check_digit(prefix.ljust(15, "0"))

    assert False is contains_card_number(number)


@pytest.mark.parametrize(
    ("prefix", "length"),
    [
        ("4", 14),
        ("4", 15),
        ("4", 17),
        ("4", 18),
        ("51", 15),
        ("55", 17),
        ("34", 14),
        ("37", 16),
        ("36", 13),
        ("300", 13),
        ("300", 15),
        ("38", 15),
        ("39", 15),
        ("306", 14),
        ("3094", 14),
        ("3096", 14),
        ("35", 14),
        ("3528", 15),
        ("6011", 15),
        ("62", 15),
        ("60", 15),
        ("60", 17),
        ("67", 15),
        ("6390", 14),
        ("5019", 15),
        ("9792", 17),
        ("2200", 15),
        ("509", 19),
    ],
)
def test_the_scheme_s_other_lengths(prefix: str, length: int) -> None:
    """
    At a length its scheme does not use, a number is not found.
    """
    number = with_check_digit(prefix.ljust(length - 1, "7"))

    assert False is contains_card_number(number)


@pytest.mark.parametrize("length", [12, 20])
def test_fewer_than_13_and_more_than_19_digits(length: int) -> None:
    """
    Maestro's 12 digits and anything of 20 digits are not found.
    """
    assert False is contains_card_number(
        with_check_digit("6759".ljust(length - 1, "0"))
    )


@given(st.text("0123456789", min_size=13, max_size=19))
def test_one_group_is_what_the_table_says(number: str) -> None:
    """
    A group of 13 to 19 digits is found when it is Luhn-valid and in the table.
    """
    listed = any(
        len(number) in each.lengths and each.low <= number[: len(each.low)] <= each.high
        for each in ISSUER_RANGES
    )

    assert (listed and with_check_digit(number[:-1]) == number) is contains_card_number(
        number
    )


def test_the_table_is_well_formed() -> None:
    """
    Prefixes have 1 to 6 digits and the same on both ends, lengths are 13 to 19.
    """
    assert [] == [
        each
        for each in ISSUER_RANGES
        if not (
            1 <= len(each.low) == len(each.high) <= 6
            and each.low <= each.high
            and (each.low + each.high).isdecimal()
            and each.lengths
            and each.lengths <= set(range(13, 20))
        )
    ]


@pytest.mark.parametrize(
    "text",
    [
        "4111-1111-1111-1111",
        "4111  1111 - 1111--1111",
        "4111\t1111\n1111\r\n1111",
        "4111\u00a01111\u202f1111\u20091111",
        "4111\u20101111\u20131111\u22121111",
        "4111\u200b1111\u00ad1111\ufeff1111",
        "\u202a4111 1111 1111 1111\u202c",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "41 111 1111 11111 1 1",
        "card:4111111111111111.",
        "PAN4111111111111111exp1227",
        "card 4111 1111 1111 1111, cvc 737",
        "pay 2 x with 4111 1111 1111 1111 12/27",
        "12 4111 1111 1111 1111 34",
        "0 0 0 4111 1111 1111 1111 0 0 0",
        "41111111111111110000000000\n4111111111111111",
    ],
)
def test_is_found_in_text(text: str) -> None:
    """
    A card number is found whatever spaces, hyphens and text are around it.
    """
    assert True is contains_card_number(text)


@pytest.mark.parametrize(
    "digits",
    [
        "\u0664\u0661\u0661\u0661",
        "\u06f4\u06f1\u06f1\u06f1",
        "\u096a\u0967\u0967\u0967",
        "\uff14\uff11\uff11\uff11",
        "\U0001d7d2\U0001d7cf\U0001d7cf\U0001d7cf",
    ],
    ids=["Arabic-Indic", "Persian", "Devanagari", "fullwidth", "bold"],
)
def test_digits_of_other_scripts_are_digits(digits: str) -> None:
    """
    A card number is found in the digits of any script, and of several.
    """
    assert True is contains_card_number(digits + digits[1] * 12)
    assert True is contains_card_number(f"{digits} 1111 {digits[1] * 4} 1111")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4111 1111 1111 111",
        "4111.1111.1111.1111",
        "4111/1111/1111/1111",
        "4111_1111_1111_1111",
        "4111 1111 1111 111\u2460",
        "14111111111111111",
        "41111111111111110",
        "4111 1111 1111 11110",
        "a4111 b1111 c1111 d1111",
        "4111111111111111" * 2,
    ],
)
def test_is_not_found_in_text(text: str) -> None:
    """
    Other separators part a number, and a part of a group is no number.
    """
    assert False is contains_card_number(text)


@pytest.mark.parametrize("category", ["Zs", "Pd"])
def test_all_spaces_and_dashes_of_unicode_are_ignored(category: str) -> None:
    """
    Every space and every dash that Unicode knows may stand within a number.
    """
    characters = [
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(character) == category
    ]

    assert [] == [
        f"U+{ord(each):04X}"
        for each in characters
        if not contains_card_number(each.join(["4111", "1111", "1111", "1111"]))
    ]


@given(
    number=card_numbers,
    cuts=st.lists(st.integers(1, 4), max_size=19),
    between=st.lists(gaps, min_size=19, max_size=19),
    before=digit_free,
    after=digit_free,
)
@example(number=CARD, cuts=[1] * 15, between=["-"] * 19, before="-", after=" ")
def test_any_number_in_any_text_is_found(
    number: str,
    cuts: list[int],
    between: list[str],
    before: str,
    after: str,
) -> None:
    """
    Any number of the table is found, however it is parted, in any text.
    """
    ends = [end for end in accumulate(cuts) if end < len(number)]
    parts = [
        number[start:end]
        for start, end in zip([0, *ends], [*ends, len(number)], strict=True)
    ]
    written = parts[0] + "".join(
        gap + part for gap, part in zip(between, parts[1:], strict=False)
    )

    assert True is contains_card_number(before + written + after)


@given(st.text(st.sampled_from("0123456789 -x"), max_size=60), card_numbers)
def test_agrees_with_trying_every_sequence_of_groups(text: str, number: str) -> None:
    """
    A slow search that follows the definition word for word finds the same.
    """
    for searched in (text, text[:30] + f" {number[:4]}-{number[4:]} " + text[30:]):
        found = False
        for run in searched.split("x"):
            groups = run.replace("-", " ").split()
            for first in range(len(groups)):
                for last in range(first, len(groups)):
                    joined = "".join(groups[first : last + 1])
                    found = found or (
                        13 <= len(joined) <= 19
                        and with_check_digit(joined[:-1]) == joined
                        and any(
                            len(joined) in each.lengths
                            and each.low <= joined[: len(each.low)] <= each.high
                            for each in ISSUER_RANGES
                        )
                    )

        assert found is contains_card_number(searched)


@given(st.text())
def test_never_raises(text: str) -> None:
    """
    Any text, lone surrogates included, has an answer.
    """
    assert contains_card_number(text) in (True, False)


@pytest.mark.parametrize(
    "hostile",
    [
        "4 " * 8192,
        "4" * 16384,
        ("4 " * 19 + "4" * 400) * 36,
        "1" * 12 + " " * 16384,
        "6 0-" * 4096,
        "\u0664 " * 8192,
    ],
    ids=["ones", "one group", "long groups", "spaces", "pairs", "Arabic"],
)
def test_work_is_linear_in_the_text(hostile: str) -> None:
    """
    Of the most hostile 16 KiB at most seven candidates per group are tried.
    """
    groups = sum(
        1 for piece in hostile.replace("-", " ").split(" ") if piece.isdecimal()
    )

    assert 7 * groups >= sum(1 for _ in _candidates(hostile))


@pytest.mark.parametrize(
    "value",
    [
        4111111111111111,
        -4111111111111111,
        4111111111111111.0,
        Decimal(4111111111111111),
        Decimal("-4111111111111111.00"),
        Decimal("4.111111111111111E+15"),
        b"4111 1111 1111 1111",
        b"\xff 4111\xa01111\xad1111 1111",
        "4111\u00a01111\u00a01111\u00a01111".encode(),
        ["4111 1111 1111 1111"],
        ("a", ("b", 4111111111111111)),
        {"card": "4111 1111 1111 1111"},
        {"4111 1111 1111 1111": None},
        {"a": [{"b": ({"4111-1111-1111-1111": 1},)}]},
        [None, {"x": [b"4111111111111111"]}],
    ],
)
def test_is_found_in_values(value: object) -> None:
    """
    A card number is found in numbers, bytes, containers and keys of mappings.
    """
    assert True is contains_card_number(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        4111111111111112,
        411111111111,
        10**5000,
        4111111111111111.5,
        0.4111111111111111,
        float("inf"),
        float("nan"),
        Decimal("4111111111111111.5"),
        Decimal("0.4111111111111111"),
        Decimal("1E+999999"),
        Decimal("Infinity"),
        Decimal("NaN"),
        Decimal("sNaN"),
        b"",
        b"\xff\xfe4111111111111112",
        date(2026, 5, 17),
        datetime(2026, 5, 17, 10, 30, tzinfo=UTC),
        [],
        {},
        ["4111", "1111", "1111", "1111"],
        {"4111 1111": "1111 1111"},
        object(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_is_not_found_in_values(value: object) -> None:
    """
    Fractions, huge numbers and parts in several values are no card number.
    """
    assert False is contains_card_number(value)


def test_depth_is_no_limit() -> None:
    """
    A number 10,000 lists deep is found, without recursion.
    """
    value: object = CARD
    for _ in range(10_000):
        value = [value]

    assert True is contains_card_number(value)


@given(number=card_numbers)
def test_any_number_is_found_as_a_number(number: str) -> None:
    """
    Any number of the table is found as an int and as a Decimal.
    """
    assert True is contains_card_number(int(number))
    assert True is contains_card_number(Decimal(number))


@pytest.mark.parametrize(
    "number",
    [
        "490154203237518",
        "352099001761481",
        with_check_digit("86893203000000"),
        with_check_digit("01326400000000"),
        with_check_digit("99000011223344"),
        with_check_digit("30012501000000"),
        "8944500102198304826",
        "89014103211118510720",
        "73282932000074",
        "44306184100047",
        with_check_digit(with_check_digit("91012345") + "0001"),
    ],
    ids=[
        "IMEI (3GPP TS 23.003)",
        "IMEI",
        "IMEI (China)",
        "IMEI (PTCRB)",
        "IMEI (GHA)",
        "IMEI (Iridium)",
        "ICCID of 19 digits",
        "ICCID of 20 digits",
        "SIRET (Insee)",
        "SIRET",
        "SIRET of 2022",
    ],
)
def test_numbers_with_a_luhn_digit_pass(number: str) -> None:
    """
    An IMEI, ICCID or SIRET passes although its Luhn digit is right.
    """
    assert True is luhn_valid(number)
    assert False is contains_card_number(number)


@pytest.mark.parametrize(
    "number",
    [
        "35-209900-176148-1",
        "732 829 320 00074",
        "FR76 1027 8060 0000 0205 3470 112",
        "DE89370400440532013000",
        "+33 6 12 34 56 78",
        "+44 20 7946 0958",
        "1Z 999 AA1 01 2345 6784",
        "9400 1000 0000 0000 0000 00",
        "449044304137821",
        "00340434161094021501",
        "028-1234567-1234567",
        "2026-05-17 10:30:00.123456",
        "1779013800000",
        "9780306406157",
        "5901234123457",
        "550e8400-e29b-41d4-a716-446655440000",
        "US0378331005",
    ],
)
def test_ordinary_numbers_pass(number: str) -> None:
    """
    Numbers of accounts, phones, parcels, orders, instants and products pass.
    """
    assert False is contains_card_number(number)


@pytest.mark.parametrize("beginning", ["300", "305", "36", "38", "39"])
def test_a_siret_in_a_diners_range_does_not_pass(beginning: str) -> None:
    """
    A SIRET has a Luhn digit too, so one that begins like Diners Club is refused.
    """
    siret = with_check_digit(with_check_digit(beginning.ljust(8, "1")) + "0001")

    assert True is contains_card_number(siret)


@pytest.mark.parametrize("digits", ["18", "79927398713", "0", CARD])
def test_a_right_check_digit_is_valid(digits: str) -> None:
    """
    A right check digit is recognised, with an odd and an even count of digits.
    """
    assert True is luhn_valid(digits)


@given(st.text("0123456789", min_size=1, max_size=40))
def test_exactly_one_digit_is_right(digits: str) -> None:
    """
    Of the ten digits that may follow others exactly one is the check digit.
    """
    right = [last for last in "0123456789" if luhn_valid(digits + last)]

    assert [with_check_digit(digits)[-1]] == right


def test_a_thirteen_digit_number_after_a_plus_is_a_telephone_number():
    """
    What E.164 writes with a plus is no old Visa number, unless it has 16 digits.
    """
    found = [
        contains_card_number("+4222222222222"),
        contains_card_number("+42 2222 2222222"),
        contains_card_number("4222222222222"),
        contains_card_number("+4111111111111111"),
    ]

    assert [False, False, True, True] == found
