"""
Each format knows its own: valid numbers, their neighbours, how they are written.
"""

from __future__ import annotations

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cxcontext.core.formats import FORMATS, MAX_LENGTH

# In the format's written form. Examples of the standards themselves, of their
# registries, or of the documents that explain them.
VALID = {
    "bcp47": [
        # RFC 5646, appendix A.
        "de",
        "fr",
        "ja",
        "i-enochian",
        "zh-Hant",
        "zh-cmn-Hans-CN",
        "cmn-Hans-CN",
        "zh-yue-HK",
        "sr-Latn-RS",
        "sl-rozaj-biske",
        "sl-rozaj-biske-1994",
        "de-CH-1901",
        "hy-Latn-IT-arevela",
        "es-419",
        "de-CH-x-phonebk",
        "az-Arab-x-aze-derbend",
        "x-whatever",
        "qaa-Qaaa-QM-x-southern",
        "en-US-u-islamcal",
        "zh-CN-a-myext-x-private",
        "en-a-myext-b-another",
        # RFC 5646, 2.1: reserved, registered, and grandfathered language tags.
        "abcd",
        "abcdefgh",
        "en-GB-oed",
        "sgn-BE-FR",
        "art-lojban",
        "zh-min-nan",
        "de-u-co-phonebk-nu-thai",
        "en-0-ab",
        "x-1-ab",
    ],
    "email": [
        "jane.doe@example.com",
        "a@b.co",
        "Jane.Doe+chat@example.com",
        "o'hara@example.co.uk",
        "jane..doe.@example.ne.jp",
        "1234567890123456789012345678901234567890123456789012345678901234@example.com",
        "jane@" + "a" * 63 + ".example",
        "jane@" + "a." * 123 + "fr",
        "jane@xn--bcher-kva.example",
        "andré@bücher.example",
        "用户@例え.テスト",
        "jane@1.example",
    ],
    "e164": ["+33612345678", "+442079460958", "+12345678", "+919876543210123"],
    "imei": ["490154203237518", "352099001761481", "356938035643809"],
    "iccid": [
        "8944500102198304826",
        "89014103211118510720",
        "89148000000745809013",
    ],
    "siren": ["732829320", "443061841", "356000000", "552120222"],
    "siret": [
        "73282932000074",
        "44306184100047",
        # La Poste: its head office has a Luhn digit, the others add up to 5.
        "35600000000048",
        "35600000049837",
        "35600000009075",
    ],
    "iban": [
        # SWIFT IBAN Registry.
        "AL47212110090000000235698741",
        "BE68539007547034",
        "BR1800360305000010009795493C1",
        "CH9300762011623852957",
        "DE89370400440532013000",
        "DK5000400440116243",
        "ES9121000418450200051332",
        "FR1420041010050500013M02606",
        "GB29NWBK60161331926819",
        "LC55HEMM000100010012001200023015",
        "MT84MALT011000012345MTLCAST001S",
        "NL91ABNA0417164300",
        "NO9386011117947",
        # Not in the registry, so any length and a right remainder will do.
        "ZZ6600000000000",
    ],
    "bic": ["DEUTDEFF", "DEUTDEFF500", "NEDSZAJJXXX", "J5BMVH7D"],
    "isin": ["US0378331005", "AU0000XVGZA3", "GB0002634946", "FR0000120271"],
    "ean13": ["5901234123457", "4006381333931", "9780306406157", "0036000291452"],
    "vin": ["1HGCM82633A004352", "WVWZZZ1JZXW000001", "1" * 17],
}

# Neither in the written form nor valid after normalisation.
INVALID = {
    "bcp47": [
        "a",
        "i",
        "x",
        "x-",
        "-en",
        "en-",
        "en--GB",
        "en_GB",
        "en GB",
        "é",
        "\u017fl",
        "de-419-DE",
        "a-DE",
        "abcdefghi",
        "de-abc-def-ghi-jkl",
        "i-unknown",
        "en-a",
        "en-a-b",
        "en-x",
        "x-abcdefghi",
        "de-1abcd-",
        # RFC 5646, appendix A and 2.2.5: twice the same singleton or variant.
        "ar-a-aaa-b-bbb-a-ccc",
        "de-DE-1901-1901",
    ],
    "email": [
        "jane",
        "jane@",
        "@example.com",
        "jane@example",
        "jane@@example.com",
        "jane@doe@example.com",
        "jane doe@example.com",
        "jane@exa mple.com",
        "jane@example.com\x00",
        "jane\u200b@example.com",
        "jane\ud800@example.com",
        "jane@.example.com",
        "jane@example..com",
        "jane@example.com.",
        "jane@-example.com",
        "jane@example-.com",
        "jane@exa_mple.com",
        "jane@[192.0.2.1]",
        "jane@192.0.2.1",
        '"jane"@example.com',
        "Jane <jane@example.com>",
        "<jane@example.com>",
        "mailto:jane@example.com",
        "jane@example.com,bob",
        "a" * 65 + "@example.com",
        "é" * 33 + "@example.com",
        "jane@" + "a" * 64 + ".example",
        "jane@" + "a." * 123 + "info",
        "j@" + "é." * 85 + "com",
        "a" * 64 + "@" + "a." * 94 + "fr",
    ],
    "e164": [
        "33612345678",
        "0033612345678",
        "0612345678",
        "+0612345678",
        "+1234567",
        "+1234567890123456",
        "+33 (0)6 12 34 56 78",
        "+33 ( 0 ) 6 12 34 56 78",
        "+33 6 12 34 56 78 p. 12",
        "+33/612345678",
        "++33612345678",
        "+\u0663\u0663612345678",
    ],
    "imei": [
        "490154203237519",
        "49015420323751",
        "4901542032375180",
        "490154203237510",
        "AA-BBBBBB-CCCCCC-D",
        "\u0664" + "90154203237518",
    ],
    "iccid": [
        "8944500102198304827",
        "894450010219830482",
        "8844500102198304828",
        "890141032111185107207",
        "8944500102198304826F",
    ],
    "siren": ["732829321", "73282932", "7328293200", "FR44732829320", "A32829320"],
    "siret": [
        "73282932000075",
        "7328293200007",
        "732829320000741",
        # The Luhn digit is right, that of the SIREN in it is not.
        "73282932100073",
        # The digits add up to a multiple of 5, but it is not La Poste's.
        "73282932000073",
        "35600000049838",
        "MONACOCONFO001",
    ],
    "iban": [
        "DE89370400440532013001",
        "DE8937040044053201300",
        "DE893704004405320130000",
        "XX00",
        "ZZ660000000000",
        "IBAN DE89370400440532013000",
        "D189370400440532013000",
        "DEA9370400440532013000",
        "GB29NWBK6016133192681\u0661",
        # The remainder is 1, but the check digits are none of 02 to 98.
        "ZZ0000000000024",
        "ZZ0100000000006",
        "ZZ9900000000085",
    ],
    "bic": ["DEUTDEF", "DEUTDEFF5", "DEUTDEFF5000", "DEUT1EFF", "DEUTDEFF-5€0"],
    "isin": ["US0378331004", "US037833100", "US03783310055", "1S0378331005"],
    "ean13": ["5901234123458", "590123412345", "59012341234570", "590123412345X"],
    "vin": [
        "1HGCM82633A00435",
        "1HGCM82633A0043522",
        "IHGCM82633A004352",
        "1HGCM82633O004352",
        "1HGCM82633Q004352",
        "1HGCM82633Ä004352",
    ],
}

WRITTEN = [
    ("bcp47", "EN-us", "en-US"),
    ("bcp47", " zh-hant-cn\n", "zh-Hant-CN"),
    ("bcp47", "MN-cYRL-mn", "mn-Cyrl-MN"),
    ("bcp47", "EN-CA-X-CA", "en-CA-x-ca"),
    ("bcp47", "SGN-be-fr", "sgn-BE-FR"),
    ("bcp47", "AZ-LATN-X-LATN", "az-Latn-x-latn"),
    ("bcp47", "De-U-CO-PHONEBK", "de-u-co-phonebk"),
    ("bcp47", "I-AMI", "i-ami"),
    ("bcp47", "EN-gb-OED", "en-GB-oed"),
    ("bcp47", "ABCD-efgh", "abcd-Efgh"),
    ("email", " Jane.Doe@Example.COM\t", "Jane.Doe@example.com"),
    ("email", "andré@BÜCHER.example", "andré@bücher.example"),
    ("e164", "+33 6 12 34 56 78", "+33612345678"),
    ("e164", "+1 (415) 555-2671", "+14155552671"),
    ("e164", "+33.6.12.34.56.78", "+33612345678"),
    ("e164", "\u202a+44\u00a020\u20117946\u20110958\u202c", "+442079460958"),
    ("imei", "49-015420-323751-8", "490154203237518"),
    ("iccid", "8944 5001 0219 8304 826", "8944500102198304826"),
    ("siren", "732 829 320", "732829320"),
    ("siret", "732 829 320 00074", "73282932000074"),
    ("iban", "gb29 nwbk 6016 1331 9268 19", "GB29NWBK60161331926819"),
    ("bic", "deut de ff-500", "DEUTDEFF500"),
    ("isin", "us-0378331005", "US0378331005"),
    ("ean13", "978-0-306-40615-7", "9780306406157"),
    ("vin", "1hg cm826 33a004352", "1HGCM82633A004352"),
]


def pairs(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    """
    Each text of the table with its format's name.
    """
    return [(name, text) for name, texts in table.items() for text in texts]


names = st.sampled_from(sorted(FORMATS))
# Text that is now and then nearly something.
texts = st.one_of(
    st.text(),
    st.text("0123456789AZaz+-@.() \u00a0\u2011", max_size=40),
    st.sampled_from([text for _, text in pairs(VALID) + pairs(INVALID)]),
)


def test_the_registry_is_closed() -> None:
    """
    The twelve formats are there under their own names, and none can be added.
    """
    assert set(VALID) == set(FORMATS)
    assert sorted(FORMATS) == sorted(each.name for each in FORMATS.values())
    with pytest.raises(TypeError):
        FORMATS["mine"] = FORMATS["vin"]  # type: ignore[index]


def test_every_format_names_its_source() -> None:
    """
    Each format says who defines it, and is frozen.
    """
    assert all(each.source for each in FORMATS.values())
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        FORMATS["vin"].name = "van"  # type: ignore[misc]


@pytest.mark.parametrize(("name", "text"), pairs(VALID))
def test_valid_texts_pass(name: str, text: str) -> None:
    """
    A valid text in its written form passes, and normalising leaves it as it is.
    """
    assert text == FORMATS[name].normalise(text)
    assert True is FORMATS[name].check(text)


@pytest.mark.parametrize(("name", "text"), pairs(INVALID))
def test_invalid_texts_fail(name: str, text: str) -> None:
    """
    An invalid text fails, as it is and normalised.
    """
    assert False is FORMATS[name].check(text)
    assert False is FORMATS[name].check(FORMATS[name].normalise(text))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_empty_text_is_in_no_format(name: str) -> None:
    """
    Neither the empty text nor spaces alone are in any format.
    """
    assert False is FORMATS[name].check("")
    assert "" == FORMATS[name].normalise(" \t\n")


@pytest.mark.parametrize(("name", "typed", "written"), WRITTEN)
def test_what_people_type_is_normalised(name: str, typed: str, written: str) -> None:
    """
    A text as people write it fails the check, becomes the written form, and passes.
    """
    assert False is FORMATS[name].check(typed)
    assert written == FORMATS[name].normalise(typed)
    assert True is FORMATS[name].check(written)


def test_a_trunk_zero_is_not_turned_into_another_number() -> None:
    """
    A 0 in parentheses stays in them, so that the number is asked for again.
    """
    assert "+33(0)612345678" == FORMATS["e164"].normalise("+33 (0)6 12-34.56 78")


@pytest.mark.parametrize("name", ["bic", "iban", "isin", "vin"])
def test_only_ascii_letters_are_raised(name: str) -> None:
    """
    A letter whose upper case is ASCII, or is two letters, stays as it is.
    """
    assert "\u017f\u00df\u0131" == FORMATS[name].normalise("\u017f\u00df\u0131")


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_texts_of_more_than_320_characters_are_not_looked_at(name: str) -> None:
    """
    A text that is valid but for 320 spaces around it is left alone and fails.
    """
    text = " " * MAX_LENGTH + VALID[name][0]

    assert text == FORMATS[name].normalise(text)
    assert False is FORMATS[name].check(text)


@pytest.mark.parametrize("length", [1, 15, 80, 107])
def test_long_language_tags_are_tags(length: int) -> None:
    """
    A tag may have as many subtags as fit into 320 characters, and none beyond.
    """
    tag = "x" + "-ab" * length
    fits = len(tag) <= MAX_LENGTH

    assert fits is FORMATS["bcp47"].check(tag)


@given(name=names, text=texts)
@example(name="e164", text="+1(2)3")
@example(name="email", text="\u0130@\u0130" * 80)
@example(name="email", text="a@\u03a3")
def test_normalise_is_idempotent(name: str, text: str) -> None:
    """
    Normalising what is normalised changes nothing.
    """
    once = FORMATS[name].normalise(text)

    assert once == FORMATS[name].normalise(once)


@given(name=names, text=texts)
def test_check_never_raises_and_holds_only_for_the_written_form(
    name: str, text: str
) -> None:
    """
    Any text has an answer, and the answer is yes only for what normalise leaves.
    """
    valid = FORMATS[name].check(text)

    assert valid in (True, False)
    assert not valid or text == FORMATS[name].normalise(text)


@given(
    name=st.sampled_from(["imei", "iccid", "siren", "ean13", "isin", "iban"]),
    data=st.data(),
)
def test_check_digits_catch_one_wrong_digit(name: str, data: st.DataObject) -> None:
    """
    A valid number with one digit changed is not valid.
    """
    valid = data.draw(st.sampled_from(VALID[name]))
    places = [place for place, each in enumerate(valid) if each.isdecimal()]
    place = data.draw(st.sampled_from(places))
    digit = data.draw(
        st.sampled_from([each for each in "0123456789" if each != valid[place]])
    )

    assert False is FORMATS[name].check(valid[:place] + digit + valid[place + 1 :])


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=0, max_size=12))
def test_a_bban_has_exactly_one_pair_of_check_digits(account: str) -> None:
    """
    For any account of an unregistered country exactly one pair of digits is right.
    """
    bban = account.upper().ljust(11, "0")
    right = [
        pair
        for pair in (f"{number:02}" for number in range(100))
        if FORMATS["iban"].check(f"ZZ{pair}{bban}")
    ]

    assert 1 == len(right)
