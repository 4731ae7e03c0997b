"""
``User-to-User``: one test per rule, and a grammar's worth of what is met.
"""

from __future__ import annotations

import time
from base64 import b32encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cxcontext.errors import UsageError
from cxcontext.telephony.user_to_user import (
    MAX_VALUE_CHARS,
    MAX_VALUES,
    UserToUser,
    parse,
    user_to_user,
)

TEXT = "CX" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" + "A" * 14
HEX = TEXT.encode().hex()
TOKENS = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
# RFC 3261, 25.1: quoted-string; line breaks and NUL are refused when it is written.
WORDS = st.text(
    st.characters(blacklist_characters="\r\n\0", blacklist_categories=("Cs",)),
    max_size=20,
)
PARAMETERS = st.lists(
    st.tuples(TOKENS.map(str.lower), st.none() | WORDS), max_size=4
).map(tuple)
UUIS = st.builds(UserToUser, data=TOKENS | WORDS, parameters=PARAMETERS)
REFERENCES = st.binary(min_size=28, max_size=28).map(
    lambda rest: b32encode(b"\x15\xc0" + rest).decode()
)
# Where the grammar bends: quotes, escapes, separators, folds.
GARBAGE = st.text('",;=\\ \t\r\n\0abCX04%<>?é', max_size=200)


def references(*values):
    """
    Return the references of what a message's fields have.
    """
    return [value.reference() for value in parse(values)]


class TestRules:
    """
    One rule each.
    """

    def test_rfc_7433_4_1_a_token_with_parameters(self):
        """
        Data, then parameters, each with its value.
        """
        [uui] = parse([f"{HEX};purpose=isdn-uui;content=isdn-uui;encoding=hex"])

        assert (HEX, "isdn-uui", "isdn-uui", "hex", None) == (
            uui.data,
            uui.parameter("purpose"),
            uui.parameter("content"),
            uui.parameter("encoding"),
            uui.parameter("pd"),
        )

    def test_rfc_7433_4_1_a_quoted_string(self):
        """
        The quotes are not the data, nor are the backslashes.
        """
        [uui] = parse([r'"a \"b\" \\c";encoding="he\x"'])

        assert (r'a "b" \c', "hex") == (uui.data, uui.parameter("encoding"))

    def test_rfc_7433_4_1_a_parameter_without_a_value(self):
        """
        A generic-param may be a name alone.
        """
        [uui] = parse(["56a390;x;Y=1"])

        assert (("x", None), ("y", "1")) == uui.parameters

    def test_rfc_3261_7_3_1_lists_and_repeats_are_the_same(self):
        """
        One field with commas, or several fields: the same values in the same order.
        """
        lists = (
            parse(["a;x=1, b ,c"]),
            parse(["a;x=1", "b,c"]),
            parse(["a;x=1", "b", "c"]),
        )

        assert [["a", "b", "c"]] * 3 == [[uui.data for uui in one] for one in lists]

    def test_rfc_3261_7_3_1_commas_in_quotes_are_data(self):
        """
        Whoever splits at commas makes two of one.
        """
        assert ["a,b", "c"] == [uui.data for uui in parse(['"a,b", c'])]

    def test_rfc_3261_7_3_1_folded_lines_are_white_space(self):
        """
        Between the parts of a value, as a proxy may leave them.
        """
        assert [TEXT] == references(f"04{HEX}\r\n\t;encoding\n = hex")

    def test_rfc_3261_7_3_1_parameters_names_have_no_case(self):
        """
        ``Encoding=HEX`` is ``encoding=hex``, and hex digits have no case either.
        """
        [uui] = parse([f"04{HEX.upper()};Encoding=HEX"])

        assert ("HEX", TEXT) == (uui.parameter("encoding"), uui.reference())

    def test_rfc_3261_25_1_white_space_around_separators(self):
        """
        SWS before and after ``;``, ``=`` and ``,``.
        """
        assert [TEXT, "b"] == [
            uui.reference() or uui.data
            for uui in parse([f" {HEX} ; encoding = hex , b "])
        ]

    @pytest.mark.parametrize(
        "value",
        [
            f"04{HEX};encoding=hex",
            f"00{HEX};encoding=hex",
            f"{HEX};encoding=hex",
            f"04{HEX}",
            HEX.upper(),
            f"{HEX};encoding=hex;pd=04",
            f"{HEX};pd=00;purpose=isdn-uui;encoding=hex",
            f'"04{HEX}";encoding=hex',
            f"{TEXT};encoding=ascii",
            f'"{TEXT}";encoding=ascii',
            f"04{TEXT};encoding=ascii",
            TEXT.lower(),
        ],
    )
    def test_what_gateways_make_of_it_is_the_same_reference(self, value):
        """
        With a discriminator or without, said to be hex or not, in characters or hex.
        """
        assert [TEXT] == references(value)

    @pytest.mark.parametrize("before", ["", "00", "04"])
    def test_thirty_raw_bytes_are_read_too(self, before):
        """
        What ISDN networks of 35 octets take.
        """
        raw = "15c0" + "0a" * 28

        assert [b32encode(bytes.fromhex(raw)).decode()] == references(before + raw)

    @pytest.mark.parametrize(
        "value",
        [
            f"0{HEX};encoding=hex",
            HEX[:-2],
            f"{HEX}00",
            f"05{HEX}",
            f"0404{HEX}",
            HEX[:-2] + "zz",
            "ff" * 48,
            "ff" * 30,
            "00" * 31,
            f"{TEXT}A",
            "",
            ";encoding=hex",
            f"{HEX} {HEX}",
            f'"{HEX}',
            f"{HEX};=x",
            f"{HEX};encoding=hex\r\nX-Injected: 1",
            f"{HEX}\0",
        ],
    )
    def test_what_is_none_is_none(self, value):
        """
        An odd digit, another length, half a quote, a line of its own: no reference.
        """
        assert [] == [text for text in references(value) if text]

    def test_what_is_broken_does_not_hide_the_next(self):
        """
        A value that is none, in the middle of a list or on a line of its own.
        """
        assert [TEXT] == references("a b c, ,;;", f"?, {HEX} ;encoding=hex, =")

    def test_a_quote_that_is_never_closed_ends_its_field(self):
        """
        What follows it may be inside of it; another field is not.
        """
        assert [TEXT] == references(f'a"b, {HEX}', HEX)[-1:]

    def test_there_is_a_most_of_everything(self):
        """
        Sixteen values, of 4,096 characters a field.
        """
        many = ",".join("a" for _ in range(100))

        assert (MAX_VALUES, 0, 1) == (
            len(parse([many, many])),
            len(parse(["a" * (MAX_VALUE_CHARS + 1)])),
            len(parse(["a" * MAX_VALUE_CHARS])),
        )

    @pytest.mark.parametrize("value", [None, 7, object(), ["x"], b"\xff\xfe", b""])
    def test_what_a_platform_makes_of_a_header_never_raises(self, value):
        """
        Not even when it is no text at all.
        """
        assert [] == [text for text in references(value) if text]


class TestWriting:
    """
    What is sent.
    """

    def test_it_fits_where_128_characters_are_the_most(self):
        """
        98 digits and the encoding: 127 with the name and the line's end.
        """
        value = user_to_user(TEXT).encode()

        assert (f"04{HEX};encoding=hex", 127) == (
            value,
            len(f"User-to-User: {value}\r\n"),
        )

    def test_every_octet_is_below_128(self):
        """
        Genesys cannot decode others.
        """
        octets = bytes.fromhex(user_to_user(TEXT).data)

        assert max(octets) < 128

    @pytest.mark.parametrize(
        ("how", "value"),
        [
            ({"discriminator": None}, f"{HEX};encoding=hex"),
            ({"discriminator": 0}, f"00{HEX};encoding=hex"),
            ({"as_parameter": True}, f"{HEX};encoding=hex;pd=04"),
            ({"purpose": "isdn-uui"}, f"04{HEX};purpose=isdn-uui;encoding=hex"),
        ],
    )
    def test_a_trunk_may_want_it_otherwise(self, how, value):
        """
        Another discriminator, none, one in ``;pd=``, a purpose; read back the same.
        """
        assert (value, [TEXT]) == (
            user_to_user(TEXT, **how).encode(),
            references(value),
        )

    def test_binary_takes_thirty_one_octets(self):
        """
        Of which ISDN networks that take 35 have room for 32 and the discriminator.
        """
        uui = user_to_user(TEXT, binary=True, discriminator=0)

        assert (62, TEXT) == (len(uui.data), uui.reference())

    @pytest.mark.parametrize("breaking", ["\r", "\n", "\0", "\r\nX: y"])
    def test_line_breaks_and_nul_are_refused(self, breaking):
        """
        In the data, in a parameter, in a purpose: nothing becomes another header.
        """
        for make in (
            lambda: UserToUser(data=f"a{breaking}b"),
            lambda: UserToUser(data="a", parameters=(("x", f"a{breaking}"),)),
            lambda: UserToUser(data="a", parameters=((f"x{breaking}", None),)),
            lambda: user_to_user(TEXT, purpose=f"a{breaking}"),
        ):
            with pytest.raises(UsageError):
                make()

    @pytest.mark.parametrize(
        ("reference", "how"),
        [
            ("CX", {}),
            (TEXT.lower(), {}),
            ("cx1." + "A" * 44, {}),
            (TEXT, {"discriminator": 256}),
            (TEXT, {"purpose": "a b"}),
        ],
    )
    def test_what_is_no_reference_is_not_sent(self, reference, how):
        """
        An envelope never goes into signalling.
        """
        with pytest.raises(UsageError):
            user_to_user(reference, **how)

    def test_its_repr_shows_no_reference(self):
        """
        Only how it is parametrised.
        """
        assert "UserToUser(parameters=(('encoding', 'hex'),))" == repr(
            user_to_user(TEXT)
        )


class TestGrammar:
    """
    For all that Hypothesis finds.
    """

    @given(uuis=st.lists(UUIS, min_size=1, max_size=5), joined=st.booleans())
    @example(uuis=[UserToUser(data='a","b', parameters=(("x", ""),))], joined=True)
    def test_what_was_written_is_read_again(self, uuis, *, joined):
        """
        As one field with commas, or one field each.
        """
        values = [uui.encode() for uui in uuis]

        assert tuple(uuis) == parse([", ".join(values)] if joined else values)

    @given(REFERENCES, st.sampled_from([None, 0, 4]), st.booleans(), st.booleans())
    def test_every_reference_survives(
        self, reference, discriminator, as_parameter, binary
    ):
        """
        In each form in which it is written.
        """
        uui = user_to_user(
            reference,
            discriminator=discriminator,
            as_parameter=as_parameter,
            binary=binary,
        )

        assert [reference] == references(uui.encode())

    @given(st.lists(GARBAGE | st.text(max_size=100) | st.binary(max_size=100)))
    def test_garbage_never_raises(self, values):
        """
        Whatever comes, what is found of it is values that can be written again.
        """
        for uui in parse(values):
            assert (uui,) == parse([uui.encode()])

    @given(GARBAGE, REFERENCES)
    def test_garbage_in_one_field_hides_none_in_another(self, garbage, reference):
        """
        A reference in a field of its own is found beside any.
        """
        found = references(garbage, user_to_user(reference).encode())

        assert len(parse([garbage])) == MAX_VALUES or reference in found

    @pytest.mark.parametrize(
        "unit",
        [
            '"',
            '\\"',
            '"\\',
            ",",
            ";",
            "a;",
            ";a=",
            '"a',
            'a="',
            " ",
            "\t;",
            "\r\n ",
            "%",
        ],
    )
    def test_time_is_bounded(self, unit):
        """
        The longest field of each nasty sort takes no longer than its length does.

        A quadratic parser would take a hundred times as long as this allows.
        """
        worst = (unit * MAX_VALUE_CHARS)[:MAX_VALUE_CHARS]
        took_s = []
        for _ in range(5):
            begun = time.process_time()
            parse([worst, "a;" + worst[:-2]])
            took_s.append(time.process_time() - begun)

        assert min(took_s) < 0.05
