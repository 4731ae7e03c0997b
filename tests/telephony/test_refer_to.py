"""
Addresses with headers in them, and what user agents make of them.
"""

from __future__ import annotations

import time
from base64 import b32encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxcontext.errors import UsageError
from cxcontext.telephony.refer_to import (
    MAX_ADDRESS_CHARS,
    Dialog,
    parse_address,
    parse_replaces,
    salvage,
    with_headers,
)
from cxcontext.telephony.user_to_user import user_to_user

TEXT = "CX" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" + "A" * 14
HEX = TEXT.encode().hex()
UUI = user_to_user(TEXT).encode()
TARGET = "sip:agent@pbx.example"
PRINTABLE = st.text(
    st.characters(blacklist_characters="\r\n\0", blacklist_categories=("Cs",)),
    max_size=30,
)
NAMES = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
REFERENCES = st.binary(min_size=28, max_size=28).map(
    lambda rest: b32encode(b"\x15\xc0" + rest).decode()
)


class TestWriting:
    """
    What a REFER or a 302 says.
    """

    def test_rfc_3261_19_1_1_headers_are_escaped(self):
        """
        ``;``, ``=``, ``&``, ``?`` and spaces would end or split a header.
        """
        assert f"<{TARGET}?User-to-User=04%3Bencoding%3Dhex&X-A=b%26c%20d%3F>" == (
            with_headers(
                TARGET, [("User-to-User", "04;encoding=hex"), ("X-A", "b&c d?")]
            )
        )

    def test_rfc_3261_20_10_a_question_mark_needs_brackets(self):
        """
        Without headers, too: one form for all.
        """
        assert f"<{TARGET}>" == with_headers(TARGET)

    @pytest.mark.parametrize(
        "uri",
        [
            "sip:a@h;transport=udp",
            "sip:a;p=1@h",
            "sip:a@h?x=y",
            "sip:a@h>",
            '"Ada" <sip:a@h>',
            "sip:a b@h",
            "mailto:a@h",
            "sip:",
            "",
            "sip:ä@h",
            "sip:a@h\r\nX: y",
            "sip:a@h\0",
            "tel:+1;ext=2",
        ],
    )
    def test_nothing_comes_before_the_question_mark(self, uri):
        """
        Linphone drops the headers behind parameters; and nothing ends the value.
        """
        with pytest.raises(UsageError):
            with_headers(uri, [("User-to-User", UUI)])

    def test_a_telephone_number_takes_no_headers(self):
        """
        RFC 3966 has none, and LiveKit loses them.
        """
        assert "<tel:+12025550100>" == with_headers("tel:+12025550100")
        with pytest.raises(UsageError):
            with_headers("tel:+12025550100", [("User-to-User", UUI)])

    @pytest.mark.parametrize(
        "pair", [("X Y", "a"), ("", "a"), ("X:", "a"), ("X", "a\r\nb"), ("X", "\0")]
    )
    def test_a_header_in_it_is_one_that_could_stand_alone(self, pair):
        """
        A name is a token; a value breaks no line, although it would be escaped.
        """
        with pytest.raises(UsageError):
            with_headers(TARGET, [pair])

    def test_rfc_3891_6_1_replaces(self):
        """
        The Call-ID and both tags, escaped as any other header.
        """
        dialog = Dialog(call_id="98732@host", to_tag="r33th4x0r", from_tag="ff87ff")
        value = with_headers(TARGET, [("Replaces", dialog.encode())])

        assert (
            f"<{TARGET}?Replaces=98732%40host%3Bto-tag%3Dr33th4x0r%3Bfrom-tag%3Dff87ff>"
            == value
        )

    @pytest.mark.parametrize("part", ["", "a;b", "a b", "a\r\n", "a,b"])
    @pytest.mark.parametrize("which", ["call_id", "to_tag", "from_tag"])
    def test_a_dialog_has_three_parts(self, which, part):
        """
        None is empty, and none has what would end it.
        """
        parts = {"call_id": "c", "to_tag": "t", "from_tag": "f", which: part}
        with pytest.raises(UsageError):
            Dialog(**parts).encode()


class TestReading:
    """
    What comes.
    """

    @given(st.lists(st.tuples(NAMES, PRINTABLE), max_size=5))
    def test_what_was_written_is_read_again(self, headers):
        """
        Every header, in its order.
        """
        address = parse_address(with_headers(TARGET, headers))

        assert (TARGET, tuple(headers)) == (address.uri, address.headers)

    @pytest.mark.parametrize(
        "value",
        [
            f"<{TARGET}?User-to-User={HEX}>",
            f"{TARGET}?User-to-User={HEX}",
            f'"A <b> \\"c\\"" <{TARGET}?User-to-User={HEX}>;method=INVITE',
            f" Ada <{TARGET}?User-to-User={HEX}> ",
        ],
    )
    def test_rfc_3515_2_1_a_refer_to_in_every_form(self, value):
        """
        With a name or without; baresip writes no brackets.
        """
        address = parse_address(value)

        assert (TARGET, (("User-to-User", HEX),), "agent") == (
            address.uri,
            address.headers,
            address.user,
        )

    @pytest.mark.parametrize(
        ("uri", "user"),
        [
            ("tel:+1-202-555-0100;phone-context=x", "+1-202-555-0100"),
            ("sip:a%40b;p=1:secret@h", "a@b"),
            ("sip:h", None),
            ("sip:@h", None),
            ("tel:", None),
        ],
    )
    def test_who_an_address_is(self, uri, user):
        """
        What is before the ``@``, without a password and parameters.
        """
        assert user == parse_address(uri).user

    def test_rfc_3891_6_1_the_tags_may_come_in_any_order(self):
        """
        And a tag that is not there is empty.
        """
        dialog = Dialog(call_id="c@h", to_tag="t", from_tag="f")

        assert [dialog, dialog, Dialog(call_id="c@h", to_tag="", from_tag="")] == [
            parse_replaces("c@h;to-tag=t;from-tag=f;early-only"),
            parse_replaces(b" c@h ; From-Tag=f ; TO-TAG = t"),
            parse_replaces("c@h"),
        ]

    @pytest.mark.parametrize("value", ["", " ", ";to-tag=x", None, 7, "x" * 9000])
    def test_no_dialog_is_none(self, value):
        """
        Nor is one without a Call-ID, or one that is too long.
        """
        assert parse_replaces(value) is None

    @given(
        st.text(max_size=100) | st.text('<>"?;&=%\\@:sip', max_size=100) | st.binary()
    )
    def test_garbage_never_raises(self, value):
        """
        It is an address, or it is None.
        """
        address = parse_address(value)
        parse_replaces(value)
        salvage(value, value)

        assert address is None or address.user is None or address.user

    @pytest.mark.parametrize(
        "unit", ['"', "<", "?", "&", "%", '\\"', "4358", "CX", "a=&"]
    )
    def test_time_is_bounded(self, unit):
        """
        The longest address of each nasty sort is read in linear time.
        """
        worst = "sip:" + (unit * MAX_ADDRESS_CHARS)[: MAX_ADDRESS_CHARS - 4]
        took_s = []
        for _ in range(5):
            begun = time.process_time()
            parse_address(worst)
            parse_replaces(worst)
            salvage(worst)
            took_s.append(time.process_time() - begun)

        assert min(took_s) < 0.1


class TestSalvage:
    """
    What is left of a reference where headers in a URI are not understood.
    """

    @pytest.mark.parametrize(
        "uri",
        [
            # As baresip 1.0.0 sent it: %3B and %3D have become "?".
            f"{TARGET}?User-to-User=04{HEX}?encoding?hex",
            f"{TARGET}?User-to-User=04{HEX}%3Bencoding%3Dhex",
            f"{TARGET}?User-to-User=04{HEX.upper()};encoding=hex",
            f"{TARGET}?X-Customer-Context={TEXT}",
            f"sip:agent+{TEXT}@pbx.example",
            f"{TARGET};cx={TEXT.lower()}",
            f"{TARGET}?X=%43%58{TEXT[2:]}",
            f"<{TARGET}?Replaces=a%3Bto-tag%3Db&User-to-User=04{HEX}>;tag=1",
        ],
    )
    def test_it_is_found_in_what_is_left(self, uri):
        """
        As characters or as hex, escaped or not.
        """
        assert (TEXT,) == salvage(uri)

    @pytest.mark.parametrize(
        "uri",
        [
            TARGET,
            f"sip:A{TEXT}@h",
            f"sip:{TEXT}A@h",
            f"sip:{HEX[:-2]}@h",
            f"sip:{HEX}ab@h",
            b"\xff" * 100,
            None,
        ],
    )
    def test_a_longer_word_is_none(self, uri):
        """
        Nor is a shorter one, nor what is not text.
        """
        assert () == salvage(uri)

    @given(REFERENCES)
    def test_every_reference_is_found(self, reference):
        """
        Through the damage that was seen.
        """
        value = user_to_user(reference).encode().replace(";", "?").replace("=", "?")

        assert (reference,) == salvage(f"{TARGET}?User-to-User={value}")

    def test_two_are_two(self):
        """
        Whoever chooses must know.
        """
        other = "CX" + "B" * 46

        assert {TEXT, other} == set(salvage(f"sip:{TEXT}@h", f"<sip:{other}@h>"))
