"""
What is inside a section. Insiders are hostile too: all or nothing of it is read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import cbor2
import pytest
from forge import canonical, pad, refuses
from hypothesis import given
from hypothesis import strategies as st

from cxcontext.core import section
from cxcontext.core.known import Known
from cxcontext.core.limits import (
    MAX_ITEMS,
    MAX_MAP_ENTRIES,
    MAX_NESTING,
    MAX_QUALIFIER_CHARS,
    MAX_SECTION_BYTES,
)
from cxcontext.core.section import (
    MAX_AGE_SECONDS,
    MAX_BECAUSE_CHARS,
    MarkKind,
    SectionContent,
    WireFact,
    WireMark,
    decode_clear,
    decode_section,
)
from cxcontext.errors import (
    JourneyFullError,
    MalformedError,
    NotCanonicalError,
    SectionMalformedError,
    VerificationError,
)

SCOPE = 2


def opened(plaintext: object) -> SectionContent:
    """
    Return what a section of this plaintext says.
    """
    return decode_section(pad(canonical(plaintext)), scope=SCOPE)


def refused(plaintext: object) -> str:
    """
    Return as what a section of this plaintext is refused.
    """
    with refuses(SectionMalformedError, "section_malformed") as ei:
        opened(plaintext)

    assert SCOPE == ei.value.scope
    return ei.value.what


def fact(**changes: object) -> WireFact:
    """
    Return a fact of field 10, but for *changes*.
    """
    return WireFact(**({"field": 10, "has_value": True, "value": "x"} | changes))


def mark(**changes: object) -> WireMark:
    """
    Return a mark of field 10, but for *changes*.
    """
    return WireMark(**({"field": 10, "kind": MarkKind.ASKED} | changes))


class TestFacts:
    """
    A fact is its value, with provenance only where it differs.
    """

    @pytest.mark.parametrize(
        ("entry", "expected"),
        [
            ("x", fact()),
            (None, fact(value=None)),
            ({0: ["x"]}, fact(value=["x"])),
            ({0: {}}, fact(value={})),
            ({}, fact(has_value=False, value=None)),
            ({0: "x", 1: 0}, fact(known=Known.INFERRED)),
            ({0: "x", 1: 3}, fact(known=Known.VERIFIED)),
            ({0: "x", 2: 60}, fact(age_s=60)),
            ({0: "x", 2: MAX_AGE_SECONDS}, fact(age_s=MAX_AGE_SECONDS)),
            ({0: "x", 3: "q"}, fact(qualifier="q")),
            ({0: "x", 3: "q" * 64}, fact(qualifier="q" * MAX_QUALIFIER_CHARS)),
            ({0: "x", 4: "carrier"}, fact(reported_by="carrier")),
            ({3: "q"}, fact(has_value=False, value=None, qualifier="q")),
        ],
    )
    def test_a_fact_has_one_encoding(self, entry, expected):
        """
        What the library writes for a fact is what it reads as that fact.
        """
        content = SectionContent(facts=(expected,))

        assert pad(canonical({10: entry})) == content.encode()
        assert content == opened({10: entry})

    def test_several_facts_of_a_field_stand_in_a_list(self):
        """
        Two facts with different qualifiers are a list of two.
        """
        content = SectionContent(facts=(fact(), fact(qualifier="q")))
        plaintext = {10: ["x", {0: "x", 3: "q"}]}

        assert pad(canonical(plaintext)) == content.encode()
        assert content == opened(plaintext)

    def test_standard_fields_are_negative_and_come_last(self):
        """
        Field numbers are sorted by their encoding, negative ones after positive.
        """
        content = SectionContent(facts=(fact(field=300), fact(field=-1)))

        assert content == opened({300: "x", -1: "x"})
        assert pad(bytes.fromhex("a219012c617820 6178")) == content.encode()

    @pytest.mark.parametrize(
        "entry",
        [
            {0: "x"},  # a scalar with no provenance stands bare
            {0: None},
            {0: "x", 1: 2},  # STATED is the default
            {0: "x", 2: 0},  # no age is the default
        ],
    )
    def test_a_default_is_not_written_out(self, entry):
        """
        A second encoding of the same fact is refused.
        """
        assert "not_canonical" == refused({10: entry})

    @pytest.mark.parametrize(
        "entry",
        [
            {5: "x"},  # a label that is not known
            {-1: "x"},
            {"0": "x"},
            {0: "x", 1: 4},
            {0: "x", 1: -1},
            {0: "x", 1: "2"},
            {0: "x", 1: True},
            {0: "x", 1: None},
            {0: "x", 2: -1},
            {0: "x", 2: True},
            {0: "x", 2: "60"},
            {0: "x", 2: MAX_AGE_SECONDS + 1},
            {0: "x", 3: ""},
            {0: "x", 3: 1},
            {0: "x", 3: None},
            {0: "x", 3: "q" * 65},
            {0: "x", 4: ""},
            {0: "x", 4: "q" * 65},
            [],
            ["x"],
            [[]],
            ["x", ["y"]],
            [["y"], {0: "x", 3: "q"}],
            ["x", "x"],  # the same field and qualifier twice
            [{0: "x", 3: "q"}, {0: "y", 3: "q"}],
            ["x", {}],  # a value and its retraction
        ],
    )
    def test_what_is_no_fact_is_refused(self, entry):
        """
        A fact is refused whole if any part of it is not in the grammar.
        """
        assert "malformed" == refused({10: entry})

    @pytest.mark.parametrize("number", [65536, -65536, "10", 2**63 - 1])
    def test_a_field_has_a_number_of_the_vocabulary(self, number):
        """
        Field numbers have 16 bits, or 17 with their sign.
        """
        assert "malformed" == refused({number: "x"})

    @pytest.mark.parametrize("number", [1, 65535, -1, -65535])
    def test_the_numbers_of_fields_have_ends(self, number):
        """
        The first and last number of either sign are fields.
        """
        assert (fact(field=number),) == opened({number: "x"}).facts

    def test_the_keys_of_provenance_are_integers(self):
        """
        True is not taken for the label 1, which says how a fact is known.
        """
        assert "malformed" == refused({10: {0: "x", True: 3}})

    def test_a_repr_shows_no_value(self):
        """
        Neither value, qualifier nor reason is in a repr.
        """
        content = SectionContent(
            facts=(fact(value="sentinel", qualifier="sentinel"),),
            marks=(mark(qualifier="sentinel", because="sentinel"),),
        )

        assert "sentinel" not in repr(content)
        assert "sentinel" not in str(content)


class TestMarks:
    """
    Marks stand beside facts, under the number that no field has.
    """

    @pytest.mark.parametrize(
        ("entry", "expected"),
        [
            ([0], mark()),
            ([1], mark(kind=MarkKind.REFUSED)),
            ([2], mark(kind=MarkKind.DOES_NOT_KNOW)),
            ([0, 60], mark(age_s=60)),
            ([0, 0, "q"], mark(qualifier="q")),
            ([0, 0, None, "late"], mark(because="late")),
            ([0, 60, "q", "b" * 256], mark(age_s=60, qualifier="q", because="b" * 256)),
        ],
    )
    def test_a_mark_has_one_encoding(self, entry, expected):
        """
        What the library writes for a mark is what it reads as that mark.
        """
        content = SectionContent(marks=(expected,))

        assert pad(canonical({0: {10: [entry]}})) == content.encode()
        assert content == opened({0: {10: [entry]}})

    def test_a_field_can_have_several_marks(self):
        """
        To be asked twice is two marks.
        """
        content = SectionContent(marks=(mark(), mark(), mark(field=11)))

        assert content == opened({0: {10: [[0], [0]], 11: [[0]]}})

    @pytest.mark.parametrize(
        "entry", [[0, 0], [0, 0, None], [0, 0, "q", None], [0, 60, None, None]]
    )
    def test_trailing_defaults_are_not_written_out(self, entry):
        """
        A mark that ends in a default has a shorter encoding.
        """
        assert "not_canonical" == refused({0: {10: [entry]}})

    @pytest.mark.parametrize(
        "marks",
        [
            {},
            [],
            None,
            {10: []},
            {10: [0]},
            {10: 0},
            {10: {}},
            {10: [[]]},
            {10: [[3]]},
            {10: [[-1]]},
            {10: [[True]]},
            {10: [["0"]]},
            {10: [[0, -1]]},
            {10: [[0, "1"]]},
            {10: [[0, None, "q"]]},
            {10: [[0, 0, 1]]},
            {10: [[0, 0, ""]]},
            {10: [[0, 0, "q" * (MAX_QUALIFIER_CHARS + 1)]]},
            {10: [[0, 0, None, "b" * (MAX_BECAUSE_CHARS + 1)]]},
            {10: [[0, 0, None, "b", 0, 1]]},
            {0: [[0]]},
            {"10": [[0]]},
        ],
    )
    def test_what_is_no_mark_is_refused(self, marks):
        """
        Marks are refused whole if any part of one is not in the grammar.
        """
        assert "malformed" == refused({0: marks})


class TestPlaintext:
    """
    Padding and limits.
    """

    @pytest.mark.parametrize("size", [0, 1, 30, 31, 32, 33])
    def test_it_is_padded_to_a_multiple_of_32_bytes(self, size):
        """
        The padding is 0x80 and zeros, 32 bytes at most, and never none.
        """
        data = b"\x80" * size

        padded = section.pad(data)

        assert pad(data) == padded
        assert data == section.unpad(padded, scope=SCOPE)

    @pytest.mark.parametrize(
        "padded",
        [
            b"",
            b"\0" * 32,
            b"\xa0" * 32,
            b"\xa0\x80",  # not a multiple
            b"\xa0\x80" + b"\0" * 31,
            b"\xa0" + b"\0" * 30 + b"\x01",
            b"\xa0\x80" + b"\0" * 29 + b"\x01",
            b"\xa0"
            + b"\0" * 31
            + b"\x80"
            + b"\0" * 32
            + b"\0" * 31,  # a block too long
            b"\xa0" + b"\0" * 30 + b"\x80" + b"\0" * 32,
        ],
    )
    def test_another_padding_is_refused(self, padded):
        """
        Whatever `pad` does not return was not made by an honest writer.
        """
        with refuses(SectionMalformedError, "section_malformed") as ei:
            decode_section(padded, scope=SCOPE)

        assert "padding" == ei.value.what

    @pytest.mark.parametrize(
        "plaintext", [[], "x", 1, None, b"", cbor2.CBORTag(4, [0, 1])]
    )
    def test_a_section_is_a_map(self, plaintext):
        """
        A section that opens to anything but a map is refused.
        """
        assert "malformed" == refused(plaintext)

    def test_an_empty_section_says_nothing(self):
        """
        An empty map is a section, if a pointless one.
        """
        assert SectionContent() == opened({})

    @pytest.mark.parametrize(
        ("data", "what"),
        [
            ("bf0a6178ff", "malformed"),
            ("a20a61780a6178", "malformed"),
            ("a20b61780a6178", "not_canonical"),
            ("a1180a6178", "not_canonical"),
            ("a10af93c00 00", "not_canonical"),
            ("a10afb3ff0000000000000", "not_canonical"),
            ("a10ac24101", "malformed"),
            ("a10a", "malformed"),
        ],
    )
    def test_another_encoding_is_refused(self, data, what):
        """
        Plaintext has one encoding, like everything.
        """
        with refuses(SectionMalformedError, "section_malformed") as ei:
            decode_section(pad(bytes.fromhex(data)), scope=SCOPE)

        assert what == ei.value.what

    def test_bytes_have_a_limit(self):
        """
        16 KiB of padded plaintext are read; the library writes no more, either.
        """
        largest = b"x" * (
            MAX_SECTION_BYTES - len(canonical({10: b"x" * 16000})) + 15999
        )
        full = SectionContent(facts=(fact(value=largest),)).encode()

        assert MAX_SECTION_BYTES == len(full)
        assert (fact(value=largest),) == decode_section(full, scope=SCOPE).facts
        with pytest.raises(JourneyFullError) as ei:
            SectionContent(facts=(fact(value=largest + b"x"),)).encode()

        assert "a section holds at most 16384 bytes" == ei.value.limit
        assert "padding" == refused({10: largest + b"x"})

    def test_items_have_a_limit_for_reader_and_writer(self):
        """
        What one writes, every reader takes: over a limit the writer is told.
        """
        with pytest.raises(JourneyFullError) as ei:
            SectionContent(facts=(fact(value=[0] * MAX_ITEMS),)).encode()

        assert "a section holds at most 4096 items" == ei.value.limit
        assert "items" == refused({10: {0: [0] * MAX_ITEMS}})

    def test_a_value_has_64_entries_at_most(self):
        """
        A map of 65 entries within a value is refused with its section.
        """
        full = dict.fromkeys(range(MAX_MAP_ENTRIES), 0)

        assert (fact(value=full),) == opened({10: {0: full}}).facts
        assert "entries in a map" == refused({10: {0: {**full, 64: 0}}})

    def test_nesting_has_a_limit(self):
        """
        The section, the fact and 14 lists are 16 levels; 15 lists are too many.
        """
        value: object = 1
        for _ in range(MAX_NESTING - 2):
            value = [value]

        assert (fact(value=value),) == opened({10: {0: value}}).facts
        assert "levels of nesting" == refused({10: {0: [value]}})

    def test_fields_have_a_limit(self):
        """
        64 fields are in one section and 65 are not.
        """
        full = dict.fromkeys(range(1, MAX_MAP_ENTRIES + 1), "x")
        facts = tuple(fact(field=field) for field in (*full, -1))

        assert facts[:-1] == opened(full).facts
        assert "entries in a map" == refused({**full, -1: "x"})
        with pytest.raises(JourneyFullError) as ei:
            SectionContent(facts=facts).encode()

        assert "a section holds at most 64 entries in a map" == ei.value.limit


class TestClearFacts:
    """
    The facts in the claims, which every carrier reads.
    """

    def test_they_are_facts_without_qualifier(self):
        """
        A clear fact may say how it is known and since when.
        """
        entries = {5: "gold", -1: {0: "en", 1: 1, 2: 5}}

        assert (
            fact(field=5, value="gold"),
            fact(field=-1, value="en", known=Known.OBSERVED, age_s=5),
        ) == decode_clear(entries)

    def test_a_qualifier_is_refused(self):
        """
        A qualifier is free text, so nothing in the clear has one.
        """
        with refuses(MalformedError, "malformed"):
            decode_clear({5: {0: "gold", 3: "q"}})

    def test_a_second_encoding_is_refused(self):
        """
        Clear facts have one encoding too.
        """
        with refuses(NotCanonicalError, "not_canonical"):
            decode_clear({5: {0: "gold"}})


class TestProperties:
    """
    What holds for all plaintexts.
    """

    @given(
        st.dictionaries(
            st.integers(-65535, 65535).filter(bool),
            st.text(max_size=4)
            | st.integers(-(2**63), 2**63 - 1)
            | st.lists(st.booleans(), max_size=3)
            | st.just(Decimal("1.50"))
            | st.just(datetime(2026, 1, 1, tzinfo=UTC)),
            max_size=6,
        ),
        st.sampled_from(Known),
        st.integers(0, MAX_AGE_SECONDS),
        st.none() | st.text(min_size=1, max_size=4),
    )
    def test_every_content_comes_back(self, values, known, age_s, text):
        """
        Decoding what was encoded gives the same facts and marks.
        """
        content = SectionContent(
            facts=tuple(
                fact(
                    field=field,
                    value=value,
                    known=known,
                    age_s=age_s,
                    qualifier=text,
                    reported_by=text,
                )
                for field, value in values.items()
            ),
            marks=tuple(
                mark(field=field, age_s=age_s, qualifier=text, because=text)
                for field in values
            ),
        )

        again = decode_section(content.encode(), scope=SCOPE)

        assert content.encode() == again.encode()
        assert set(map(repr, content.facts)) == set(map(repr, again.facts))
        assert values == {one.field: one.value for one in again.facts}

    @given(st.binary(max_size=200), st.booleans())
    def test_arbitrary_plaintext_is_read_or_refused(self, data, padded):
        """
        Whatever opens raises nothing but an error of verification.
        """
        try:
            content = decode_section(pad(data) if padded else data, scope=SCOPE)
        except VerificationError:
            return

        assert pad(data) == content.encode()

    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-70000, 70000)
            | st.sampled_from([0, 1, 2, 3, 4, 10, "q", "", b"", 0.5])
            | st.text(max_size=2),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(
                    st.integers(-2, 12) | st.sampled_from(["", "a"]), inner, max_size=4
                )
            ),
            max_leaves=16,
        )
    )
    def test_arbitrary_structures_are_read_or_refused(self, plaintext):
        """
        Any map of any things is read as what it says, or is refused.
        """
        data = section.cbor.encode(plaintext)
        try:
            content = decode_section(pad(data), scope=SCOPE)
        except VerificationError:
            return

        assert pad(data) == content.encode()
