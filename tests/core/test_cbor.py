"""
Deterministic CBOR: one value has one encoding, and all else is refused.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from math import inf, nan

import cbor2
import pytest
from forge import refuses
from hypothesis import given
from hypothesis import strategies as st

from cxcontext.core import cbor
from cxcontext.core.limits import MAX_ITEMS, MAX_MAP_ENTRIES, MAX_NESTING
from cxcontext.errors import (
    LimitExceededError,
    MalformedError,
    NotCanonicalError,
    VerificationError,
)

BOTH = pytest.mark.parametrize("values", [False, True], ids=["structure", "values"])
INT_64 = st.integers(cbor.INT_MIN, cbor.INT_MAX)


def decoded(data: bytes, *, values: bool = True):
    """
    Return what *data* encodes.
    """
    return cbor.decode(data, what="a test", values=values)


def nested(depth: int) -> bytes:
    """
    Return the encoding of lists within lists, the innermost one not empty.
    """
    return b"\x81" * depth + b"\x00"


class TestOneEncoding:
    """
    RFC 8949, section 4.2.1, from both sides.
    """

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (0, "00"),
            (24, "1818"),
            (-1, "20"),
            (2**63 - 1, "1b7fffffffffffffff"),
            (-(2**63), "3b7fffffffffffffff"),
            (1.5, "f93e00"),
            (1e300, "fb7e37e43c8800759c"),
            ("ü", "62c3bc"),
            (b"\x01", "4101"),
            (None, "f6"),
            (True, "f5"),
            ([1, (2,)], "82018102"),
            ({"b": 1, 10: 2, -1: 3, "aa": 4}, "a40a02200361620162616104"),
            (date(2026, 1, 2), "d864194fe7"),
            (date(1969, 12, 31), "d86420"),
            (Decimal("273.15"), "c48221196ab3"),
            (
                datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=1))),
                "c11a695653b0",
            ),
            (
                datetime(2026, 1, 1, 12, microsecond=250000, tzinfo=UTC),
                "c0781b323032362d30312d30315431323a30303a30302e3235303030305a",
            ),
        ],
    )
    def test_a_value_is_encoded_the_shortest_way_in_key_order(self, value, expected):
        """
        Each value has the encoding that RFC 8949 calls core deterministic.
        """
        assert expected == cbor.encode(value).hex()

    def test_a_structure_in_order_needs_no_sorting(self):
        """
        What was built in order is encoded to the same bytes without sorting.
        """
        structure = [1, {1: b"a", 24: b"b"}, None]

        assert cbor.encode(structure) == cbor.encode_ordered(structure)

    def test_a_naive_datetime_is_not_encoded(self):
        """
        A datetime without a time zone names no instant, so it is not written.
        """
        with pytest.raises(ValueError, match=r"^$"):
            cbor.encode(datetime(2026, 1, 1))  # noqa: DTZ001 - the point

    @BOTH
    @pytest.mark.parametrize(
        "data",
        [
            "1800",
            "190018",
            "1a00000000",
            "1b0000000000000000",
            "3800",
            "5801ff",
            "9800",
        ],
    )
    def test_longer_forms_than_needed_are_refused(self, data, values):
        """
        A number or length in more bytes than it needs is not canonical.
        """
        with refuses(NotCanonicalError, "not_canonical"):
            decoded(bytes.fromhex(data), values=values)

    @BOTH
    @pytest.mark.parametrize(
        "data", ["9fff", "bfff", "5f4161ff", "7f6161ff", "9f01", "ff", "a1019fff"]
    )
    def test_indefinite_lengths_are_refused(self, data, values):
        """
        Nothing of indefinite length is read, nor a break that ends nothing.
        """
        with refuses(MalformedError, "malformed"):
            decoded(bytes.fromhex(data), values=values)

    @BOTH
    def test_a_key_that_stands_twice_is_refused(self, values):
        """
        Two entries of one key have no meaning.
        """
        with refuses(MalformedError, "malformed"):
            decoded(bytes.fromhex("a201020103"), values=values)

    @BOTH
    @pytest.mark.parametrize("data", ["a202010102", "a220011802", "a2616201616101"])
    def test_unsorted_keys_are_refused(self, data, values):
        """
        Keys that are not in the order of their encodings are not canonical.
        """
        with pytest.raises(VerificationError) as ei:
            decoded(bytes.fromhex(data), values=values)

        assert ei.value.code in ("not_canonical", "malformed")

    @BOTH
    @pytest.mark.parametrize("data", ["0000", "80ff", "f600"])
    def test_trailing_bytes_are_refused(self, data, values):
        """
        Nothing may follow the one data item.
        """
        with refuses(NotCanonicalError, "not_canonical"):
            decoded(bytes.fromhex(data), values=values)

    @BOTH
    @pytest.mark.parametrize("data", ["", "81", "a101", "5802ff", "1b00", "fb00", "c4"])
    def test_bytes_that_end_too_early_are_refused(self, data, values):
        """
        An item that was cut off is malformed.
        """
        with refuses(MalformedError, "malformed"):
            decoded(bytes.fromhex(data), values=values)

    @BOTH
    @pytest.mark.parametrize(
        "data", ["1c", "1f", "fc", "f800", "f818", "62c328", "61ff"]
    )
    def test_what_is_not_well_formed_is_refused(self, data, values):
        """
        Reserved forms and text that is not UTF-8 are malformed.
        """
        with refuses(MalformedError, "malformed"):
            decoded(bytes.fromhex(data), values=values)

    @BOTH
    @pytest.mark.parametrize("data", ["a18001", "a1a001", "a1810101", "a1a1010201"])
    def test_keys_that_are_containers_are_refused(self, data, values):
        """
        A list or map is nobody's key.
        """
        with refuses(MalformedError, "malformed"):
            decoded(bytes.fromhex(data), values=values)

    @BOTH
    @pytest.mark.parametrize("head", ["5b", "7b", "9b", "bb", "81bb", "c49b"])
    @pytest.mark.parametrize("rest", [0, 5000])
    def test_a_lying_length_costs_no_memory(self, head, rest, values):
        """
        What claims 2**62 bytes or entries is refused like any other cut item.
        """
        data = bytes.fromhex(head) + (2**62).to_bytes(8) + bytes(rest)

        with refuses(MalformedError, "malformed"):
            decoded(data, values=values)

    def test_the_refusal_quotes_nothing(self):
        """
        Neither the error nor what it came from holds any of the bytes.
        """
        with pytest.raises(MalformedError) as ei:
            decoded(cbor2.dumps({"sentinel": cbor2.CBORTag(9, "sentinel")}))

        assert ei.value.__suppress_context__
        assert "sentinel" not in str(ei.value)


class TestStructures:
    """
    Envelopes, statements, headers: integers, bytes, text, lists and maps.
    """

    @pytest.mark.parametrize(
        "data",
        ["f93c00", "fa3fc00000", "81f93c00", "a101f93c00"],
    )
    def test_short_floats_are_refused(self, data):
        """
        No number in a structure is a floating-point one, least of all a short one.
        """
        with refuses(MalformedError, "malformed"):
            decoded(bytes.fromhex(data), values=False)

    @pytest.mark.parametrize(
        "data",
        [
            "a1fb3ff000000000000000",  # 1.0
            "a1fbc0f000100000000000",  # -65537.0
            "a1f500",  # True
            "a1f400",  # False
            "a1f600",  # None
            "a1616100",  # "a"
            "a1416100",  # b"a"
        ],
    )
    def test_keys_are_integers(self, data):
        """
        What Python takes for the same key, such as 1.0 or True for 1, is refused.
        """
        with refuses(MalformedError, "malformed"):
            decoded(bytes.fromhex(data), values=False)

    @pytest.mark.parametrize("tag", [*range(64), 100, 256, 258, 260, 261, 1004, 43000])
    def test_tags_are_refused(self, tag):
        """
        No tag has a place in a structure, known to the decoder or not.
        """
        with refuses(MalformedError, "malformed"):
            decoded(cbor2.dumps(cbor2.CBORTag(tag, 0)), values=False)

    @pytest.mark.parametrize(
        "data", ["c249010000000000000000", "c349010000000000000000"]
    )
    def test_large_integers_are_refused(self, data):
        """
        An integer of more than 64 bits is not read.
        """
        with refuses(MalformedError, "malformed"):
            decoded(bytes.fromhex(data), values=False)


class TestValues:
    """
    What is in a section: three tags, finite numbers, and limits.
    """

    @pytest.mark.parametrize(
        "tag",
        [2, 3, *range(5, 64), 256, 258, 260, 261, 1003, 1004, 43000, 55799],
    )
    def test_unknown_tags_are_refused(self, tag):
        """
        Only instants, decimal fractions and days are read.
        """
        with refuses(MalformedError, "malformed"):
            decoded(cbor2.dumps(cbor2.CBORTag(tag, 0)))

    @pytest.mark.parametrize(
        ("tag", "content"),
        [
            (0, 0),
            (0, "2026-01-01T00:00:00"),
            (0, "2026-01-01T00:00:00+00:00"),
            (0, "yesterdayZ"),
            (0, "2026-13-01T00:00:00Z"),
            (1, "0"),
            (1, 0.5),
            (1, True),
            (1, 2**40),
            (1, -(2**63)),
            (1, 2**64 - 1),
            (100, "2026-01-01"),
            (100, 1.0),
            (100, False),
            (100, 2**31),
            (100, -(10**6)),
            (100, 2**63),
            (4, 0),
            (4, [0]),
            (4, [0, 1, 2]),
            (4, {0: 1, 1: 2}),
            (4, "01"),
            (4, ["0", 1]),
            (4, [0, "1"]),
            (4, [0, True]),
            (4, [False, 1]),
            (4, [0, 1.0]),
            (4, [65, 1]),
            (4, [-65, 1]),
            (4, [0, 2**63]),
            (4, [0, -(2**63) - 1]),
        ],
    )
    def test_what_a_tag_does_not_stand_for_is_refused(self, tag, content):
        """
        A known tag with other contents than its own is malformed.
        """
        with refuses(MalformedError, "malformed"):
            decoded(cbor2.dumps(cbor2.CBORTag(tag, content)))

    @pytest.mark.parametrize(
        ("tag", "content"),
        [
            (0, "2026-01-01T00:00:00Z"),
            (0, "2026-01-01T00:00Z"),
            (0, "2026-01-01 00:00:00.250000Z"),
            (0, "2026-01-01T00:00:00.25Z"),
            (0, "2026-W01-4T00:00:00.250000Z"),
        ],
    )
    def test_another_spelling_of_an_instant_is_refused(self, tag, content):
        """
        Text is for fractions of a second only, and spelled in one way.
        """
        with refuses(NotCanonicalError, "not_canonical"):
            decoded(cbor2.dumps(cbor2.CBORTag(tag, content)))

    @pytest.mark.parametrize("value", [inf, -inf, nan])
    def test_only_finite_numbers_are_read(self, value):
        """
        Infinity and not-a-number are not values.
        """
        with refuses(MalformedError, "malformed"):
            decoded(cbor2.dumps(value, canonical=True))

    @pytest.mark.parametrize("data", ["fa3fc00000", "fb3ff0000000000000"])
    def test_a_float_has_its_shortest_form(self, data):
        """
        A float in more bytes than it needs is not canonical.
        """
        with refuses(NotCanonicalError, "not_canonical"):
            decoded(bytes.fromhex(data))

    @pytest.mark.parametrize(
        "data",
        ["1b8000000000000000", "1bffffffffffffffff", "3b8000000000000000"],
    )
    def test_integers_have_64_bits(self, data):
        """
        One beyond a signed integer of 64 bits is refused.
        """
        with refuses(MalformedError, "malformed"):
            decoded(bytes.fromhex(data))

    @pytest.mark.parametrize(
        "key", [1.5, 1.0, True, None, b"a"], ids=["1.5", "1.0", "true", "null", "bytes"]
    )
    def test_keys_are_text_or_integers(self, key):
        """
        Nothing but text or an integer is the key of a value's map.
        """
        with refuses(MalformedError, "malformed"):
            decoded(cbor2.dumps({key: 1}, canonical=True))

    @pytest.mark.parametrize("data", ["f7", "e0", "f820", "81f7"])
    def test_other_simple_values_are_refused(self, data):
        """
        Only true, false and null are values.
        """
        with refuses(MalformedError, "malformed"):
            decoded(bytes.fromhex(data))


class TestLimits:
    """
    Each limit, and one over it.
    """

    @BOTH
    def test_nesting_has_a_limit(self, values):
        """
        16 levels are read and one more is not.
        """
        assert list is type(decoded(nested(MAX_NESTING), values=values))
        with refuses(LimitExceededError, "limit_exceeded") as ei:
            decoded(nested(MAX_NESTING + 1), values=values)

        assert MAX_NESTING == ei.value.limit
        with refuses(LimitExceededError, "limit_exceeded"):
            decoded(nested(20_000), values=values)

    @pytest.mark.parametrize(
        ("data", "what"),
        [
            (b"\x81" * MAX_NESTING + b"\x80", "levels of nesting"),
            (b"\x81\x1b" + b"\xff" * 8, "a test"),
        ],
    )
    def test_a_refusal_names_what_was_too_much(self, data, what):
        """
        A level too deep is called so, and too great a number makes it no test.
        """
        with pytest.raises(VerificationError) as ei:
            decoded(data)

        assert what == ei.value.what

    def test_what_is_long_is_held_against_the_same_limits(self):
        """
        What is looked through before it is decoded may be as deep, and no deeper.
        """
        padding = b"\x59\x20\x00" + bytes(0x2000)

        assert list is type(
            decoded(b"\x82" + padding + nested(MAX_NESTING - 1), values=False)
        )
        with refuses(LimitExceededError, "limit_exceeded") as ei:
            decoded(b"\x82" + padding + nested(MAX_NESTING), values=False)
        assert "levels of nesting" == ei.value.what

    def test_a_map_in_what_is_long_is_refused_before_it_is_built(self):
        """
        One entry more than a map may have, of as few bytes as that takes.
        """
        padding = b"\x59\x20\x00" + bytes(0x2000)
        entries = b"".join(
            cbor2.dumps(number) + b"\x00" for number in range(MAX_MAP_ENTRIES + 1)
        )
        data = b"\x82" + padding + b"\xb8" + bytes([MAX_MAP_ENTRIES + 1]) + entries

        with refuses(LimitExceededError, "limit_exceeded") as ei:
            decoded(data, values=False)

        assert ("entries in a map", MAX_MAP_ENTRIES) == (ei.value.what, ei.value.limit)

    def test_a_key_that_is_a_list_is_refused_by_name(self):
        """
        What is long is refused as what it was to be.
        """
        padding = b"\x59\x20\x00" + bytes(0x2000)

        with refuses(MalformedError, "malformed") as ei:
            decoded(b"\x82" + padding + b"\xa1\x80\x00", values=False)

        assert "a test" == ei.value.what

    @pytest.mark.parametrize("innermost", ["80", "a0", "c06141", "c100"])
    def test_an_empty_list_a_map_and_a_tag_are_levels_too(self, innermost):
        """
        What holds nothing is refused on the 17th level like what holds something.
        """
        with refuses(LimitExceededError, "limit_exceeded"):
            decoded(b"\x81" * MAX_NESTING + bytes.fromhex(innermost))

    def test_items_have_a_limit(self):
        """
        4096 items in all are read, the outermost included, and one more is not.
        """
        assert MAX_ITEMS - 1 == len(decoded(cbor.encode([0] * (MAX_ITEMS - 1))))
        with refuses(LimitExceededError, "limit_exceeded") as ei:
            decoded(cbor.encode([0] * MAX_ITEMS))

        assert MAX_ITEMS == ei.value.limit

    def test_items_are_counted_in_all_corners(self):
        """
        Keys and what is nested count like everything else.
        """
        inner = [{key: [0] for key in range(MAX_MAP_ENTRIES)}]

        with refuses(LimitExceededError, "limit_exceeded"):
            decoded(cbor.encode(inner * 22))

    def test_map_entries_have_a_limit(self):
        """
        A map of 64 entries is read and one of 65 is not.
        """
        full = dict.fromkeys(range(MAX_MAP_ENTRIES))

        assert full == decoded(cbor.encode(full))
        with refuses(LimitExceededError, "limit_exceeded") as ei:
            decoded(cbor.encode({**full, MAX_MAP_ENTRIES: None}))

        assert MAX_MAP_ENTRIES == ei.value.limit

    def test_decimals_have_a_limit(self):
        """
        An exponent of 64 either way is read; one more was refused above.
        """
        large = Decimal((0, (1,), 64))
        small = Decimal((1, (9,) * 18, -64))

        assert [large, small] == decoded(cbor.encode([large, small]))


class TestHostileBytes:
    """
    What is large is looked over before anything is built of it.
    """

    @BOTH
    @pytest.mark.parametrize(
        "item",
        ["00", "80", "a0", "40", "60", "f6", "20", "1818", "f93c00", "4100", "8100"],
    )
    def test_many_small_items_are_not_built(self, item, values):
        """
        Of more items than any envelope has nothing is decoded.
        """
        item = bytes.fromhex(item)

        with refuses(LimitExceededError, "limit_exceeded") as ei:
            decoded(b"\x9a" + (20_000).to_bytes(4) + item * 20_000, values=values)

        assert "items" == ei.value.what

    @BOTH
    @pytest.mark.parametrize(
        ("key", "code"),
        [
            ("820000", "malformed"),
            ("a10000", "malformed"),
            ("8100", "malformed"),
            ("420000", "malformed"),
            ("f93c00", "malformed"),
            ("c100", "malformed"),
            ("f5", "malformed"),
        ],
    )
    def test_keys_that_can_collide_are_not_hashed(self, key, code, values):
        """
        Lists, maps and other strange keys are refused before a map is made.
        """
        data = b"\xa2\x00\x59\x13\x88" + bytes(5000) + bytes.fromhex(key) + b"\x00"

        with refuses(MalformedError, code):
            decoded(data, values=values)

    @BOTH
    def test_a_large_good_one_is_read(self, values):
        """
        What is large and within the limits is read as ever.
        """
        value = [{1: bytes(5000), 2: "x" * 5000}, [[], {}], [None, True, -7, 2**40]]

        assert value == decoded(cbor.encode(value), values=values)

    @BOTH
    def test_large_tags_are_refused(self, values):
        """
        A chain of tags is refused, however long.
        """
        for length in (5000, 20_000):
            with pytest.raises(VerificationError) as ei:
                decoded(b"\xc1" * length + b"\x00", values=values)

            assert ei.value.code in ("malformed", "limit_exceeded")


def values_of():
    """
    Return a strategy of everything that a fact may carry.
    """
    instants = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(  # noqa: DTZ001
        lambda instant: instant.replace(tzinfo=UTC)
    )
    decimals = st.builds(
        lambda mantissa, exponent: Decimal(mantissa).scaleb(exponent),
        st.integers(-(10**18), 10**18),
        st.integers(-64, 45),
    )
    scalars = (
        st.none()
        | st.booleans()
        | INT_64
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=8)
        | st.binary(max_size=8)
        | st.dates()
        | instants
        | decimals
    )
    return st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text(max_size=3) | INT_64, inner, max_size=4)
        ),
        max_leaves=12,
    )


class TestProperties:
    """
    What holds for all values and all bytes.
    """

    @given(values_of())
    def test_every_value_comes_back(self, value):
        """
        Decoding what was encoded is the same value of the same types.
        """
        data = cbor.encode(value)
        again = decoded(data)

        assert value == again
        assert data == cbor.encode(again)

    @given(st.binary(max_size=64), st.booleans())
    def test_arbitrary_bytes_are_read_or_refused(self, data, values):
        """
        Bytes have one reading and encode back to themselves, or are refused.
        """
        try:
            value = decoded(data, values=values)
        except VerificationError:
            return

        assert data == (cbor.encode if values else cbor.encode_ordered)(value)

    @given(values_of(), st.data())
    def test_changed_bytes_are_read_or_refused(self, value, data):
        """
        One changed byte gives another value's one encoding, or is refused.
        """
        encoded = bytearray(cbor.encode(value))
        place = data.draw(st.integers(0, len(encoded) - 1))
        encoded[place] = data.draw(st.integers(0, 255))
        try:
            again = decoded(bytes(encoded))
        except VerificationError:
            return

        assert encoded == cbor.encode(again)
