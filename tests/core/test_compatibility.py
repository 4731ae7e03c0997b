"""
Comparing vocabularies: each change is found, and what is found is what happens.
"""

from __future__ import annotations

import enum
from datetime import timedelta
from typing import Any, Literal

import attrs
import pytest
from acme import Acme, Clock, World
from hypothesis import given
from hypothesis import strategies as st

import cxcontext as cx
from cxcontext.core.compatibility import Level, compare
from cxcontext.core.compatible_types import Described, mismatches
from cxcontext.core.described_types import spell
from cxcontext.core.keygen import KeyRing
from cxcontext.core.value_types import TypeCodec, comparable
from cxcontext.core.vocabulary_file import vocabulary_from_json, vocabulary_to_json
from cxcontext.errors import UsageError

BREAKING, WARNING, NOTE = Level.BREAKING, Level.WARNING, Level.NOTE


def vocabulary(
    *,
    revision: int = 2,
    retired: Any = (),
    scope: Any = None,
    fields: Any = None,
    **options: Any,
) -> type[cx.Vocabulary]:
    """
    Return a vocabulary of one scope with one field, but for what is said.
    """
    scopes = {
        "order": cx.Scope(1, **({"readers": {"sales", "support"}} | (scope or {})))
    }
    if fields is None:
        fields = {"number": (1, str)}
    made = {
        name: cx.Field(number, form, scope=scopes["order"], **options)
        for name, (number, form) in fields.items()
    }
    return type(
        "Shop", (cx.Vocabulary,), {**scopes, **made}, revision=revision, retired=retired
    )


OLD = vocabulary(revision=1)


def found(old: type[cx.Vocabulary], new: type[cx.Vocabulary]) -> list[Any]:
    """
    Return level and code of each finding.
    """
    return [(finding.level, finding.code) for finding in compare(old, new)]


def typed(form: Any, revision: int = 2) -> type[cx.Vocabulary]:
    """
    Return the vocabulary with a field of this type.
    """
    return vocabulary(fields={"number": (1, form)}, revision=revision)


# --- nothing -----------------------------------------------------------------


def test_a_vocabulary_is_compatible_with_itself():
    """
    The same vocabulary has no findings.
    """
    assert () == compare(Acme, Acme)


def test_a_vocabulary_is_compatible_with_its_file():
    """
    What comes out of a file is the same vocabulary, in both directions.
    """
    again = vocabulary_from_json(vocabulary_to_json(Acme))

    assert () == compare(Acme, again)
    assert () == compare(again, Acme)


def test_labels_and_questions_are_not_compared():
    """
    How a field is called to a person changes nothing that is known.
    """
    assert [] == found(OLD, vocabulary(label="your number", ask="Which?", revision=1))


# --- revision ----------------------------------------------------------------


def test_a_lower_revision_is_breaking():
    """
    A revision only ever rises.
    """
    assert [(BREAKING, "revision_lowered")] == found(vocabulary(), OLD)


def test_a_change_without_a_higher_revision_is_breaking():
    """
    What travels needs a higher revision, and the finding names the next one.
    """
    new = vocabulary(revision=1, fields={"number": (1, str), "colour": (2, str)})

    first, second = compare(OLD, new)

    assert (BREAKING, "revision_not_raised") == (first.level, first.code)
    assert "write revision=2" in first.means
    assert (NOTE, "field_added") == (second.level, second.code)


def test_what_only_the_reader_decides_needs_no_higher_revision():
    """
    A shorter max_age does not travel.
    """
    new = vocabulary(revision=1, max_age=timedelta(days=1))

    assert [(WARNING, "max_age_shortened")] == found(OLD, new)


# --- numbers -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            vocabulary(fields={"number": (1, str), "gone": (2, str)}),
            vocabulary(revision=3),
            [(BREAKING, "number_dropped")],
        ),
        (
            vocabulary(fields={"number": (1, str), "gone": (2, str)}),
            vocabulary(revision=3, retired={2}),
            [(NOTE, "field_removed")],
        ),
        (OLD, vocabulary(fields={"other": (1, str)}), [(BREAKING, "number_reused")]),
        (
            OLD,
            vocabulary(fields={"other": (1, int)}),
            [(BREAKING, "number_reused"), (BREAKING, "type_changed")],
        ),
        (
            vocabulary(retired={7}),
            vocabulary(revision=3, fields={"number": (1, str), "new": (7, str)}),
            [(BREAKING, "retired_number_used")],
        ),
        (
            vocabulary(retired={7}),
            vocabulary(revision=3),
            [(BREAKING, "number_unretired")],
        ),
        (vocabulary(retired={7}), vocabulary(revision=3, retired={7}), []),
        (
            OLD,
            vocabulary(fields={"number": (1, str), "new": (2, str)}),
            [(NOTE, "field_added")],
        ),
    ],
)
def test_numbers_are_watched(old, new, expected):
    """
    A number is never dropped without being retired, and never given again.
    """
    assert expected == found(old, new)


def test_a_standard_field_may_go_without_being_retired():
    """
    The numbers of standard fields are never given to anything else anyway.
    """

    class Before(cx.Vocabulary, revision=1):
        order = cx.Scope(1, readers={"sales"})
        language = cx.standard.preferred_language(scope=order)

    class After(cx.Vocabulary, revision=2):
        order = cx.Scope(1, readers={"sales"})

    assert [(NOTE, "field_removed")] == found(Before, After)


def test_the_subject_names_kind_number_and_name():
    """
    A finding says which field or scope it is about, as a person would look it up.
    """
    (finding,) = compare(vocabulary(retired={7}), vocabulary(revision=3))
    (other,) = compare(OLD, vocabulary(max_age=timedelta(days=1)))

    assert "field 7 (retired)" == finding.subject
    assert "field 1 number" == other.subject
    assert str(other).startswith(
        "warning max_age_shortened field 1 number: max_age was"
    )


# --- scopes ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "expected", "words"),
    [
        (
            {"readers": {"sales", "billing"}},
            {"readers": {"sales"}, "writers": {"sales", "billing"}},
            [(WARNING, "reader_removed")],
            "removing a reader needs a new key generation: billing can open what was",
        ),
        (
            {"readers": {"sales"}},
            {"readers": {"sales", "billing"}, "writers": {"sales"}},
            [(WARNING, "reader_added")],
            "`cxcontext keys give DIR --scope 1 --to NAME`",
        ),
        (
            {"readers": {"sales"}, "writers": {"sales", "bot"}},
            {"readers": {"sales"}, "writers": {"sales"}},
            [(BREAKING, "writer_removed")],
            "list it in former_writers",
        ),
        (
            {"readers": {"sales"}, "writers": {"sales", "bot"}},
            {"readers": {"sales"}, "writers": {"sales"}, "former_writers": {"bot"}},
            [(NOTE, "writer_former")],
            "former writers are still read",
        ),
        (
            {"readers": {"sales"}, "writers": {"sales"}, "former_writers": {"bot"}},
            {"readers": {"sales"}},
            [(BREAKING, "former_writer_removed")],
            "until the last statement has expired",
        ),
        (
            {"readers": {"sales"}, "writers": {"sales"}, "former_writers": {"bot"}},
            {"readers": {"sales"}, "writers": {"sales", "bot"}},
            [(NOTE, "former_writer_again")],
            "were read all along",
        ),
        (
            {"readers": {"sales"}},
            {"readers": {"sales"}, "former_writers": {"bot"}},
            [(WARNING, "former_writer_added")],
            "counts from now on",
        ),
        (
            {"readers": {"sales"}},
            {"readers": {"sales"}, "writers": {"sales", "bot"}},
            [(WARNING, "writer_added")],
            "(NEWER_VOCABULARY); update the readers first",
        ),
        (
            {},
            {"on_possession": True},
            [(WARNING, "on_possession_opened")],
            "without being identified",
        ),
        (
            {"on_possession": True},
            {},
            [(WARNING, "on_possession_closed")],
            "asked again until identified",
        ),
    ],
)
def test_changes_of_a_scope_are_explained(before, after, expected, words):
    """
    Each change of who may do what is found, and said in words.
    """
    old, new = vocabulary(revision=1, scope=before), vocabulary(scope=after)

    assert expected == found(old, new)
    assert words in compare(old, new)[0].means


def test_scopes_that_come_go_or_change_their_name_are_found():
    """
    A scope is its number: a new name is a note, a missing number a warning.
    """

    class Before(cx.Vocabulary, revision=1):
        order = cx.Scope(1, readers={"sales"})
        gone = cx.Scope(2, readers={"sales"})

    class After(cx.Vocabulary, revision=2):
        purchase = cx.Scope(1, readers={"sales"})
        come = cx.Scope(3, readers={"sales", "billing"})

    findings = compare(Before, After)

    assert [
        (NOTE, "scope_renamed", "scope 1 purchase"),
        (WARNING, "scope_removed", "scope 2 gone"),
        (NOTE, "scope_added", "scope 3 come"),
    ] == [(f.level, f.code, f.subject) for f in findings]
    assert "cxcontext keys rotate DIR --scope 3" in findings[2].means


def test_a_field_that_moves_to_another_scope_is_breaking():
    """
    A section carries only fields of its scope, so what was said stays behind.
    """

    def moved(number: int, revision: int) -> type[cx.Vocabulary]:
        scopes = {"a": cx.Scope(1, readers={"x"}), "b": cx.Scope(2, readers={"x"})}
        field = cx.Field(1, str, scope=scopes["ab"[number - 1]])
        return type("S", (cx.Vocabulary,), scopes | {"f": field}, revision=revision)

    (finding,) = compare(moved(1, 1), moved(2, 2))

    assert (BREAKING, "field_moved") == (finding.level, finding.code)
    assert "was in scope 1 a, is in 2 b" == finding.what


# --- rules -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"many": True}, {}, [(BREAKING, "many_dropped")]),
        ({}, {"many": True}, [(WARNING, "many_added")]),
        ({}, {"verifiers": {"a"}}, [(WARNING, "verifier_added")]),
        ({"verifiers": {"a"}}, {}, [(WARNING, "verifier_removed")]),
        ({"former_verifiers": {"a"}}, {}, [(WARNING, "verifier_removed")]),
        (
            {"verifiers": {"a"}},
            {"former_verifiers": {"a"}},
            [(NOTE, "verifier_former")],
        ),
        ({"former_verifiers": {"a"}}, {"verifiers": {"a"}}, []),
        ({}, {"authority": {"a"}}, [(WARNING, "authority_added")]),
        ({"authority": {"a"}}, {}, [(WARNING, "authority_removed")]),
        ({}, {"max_age": timedelta(days=1)}, [(WARNING, "max_age_shortened")]),
        (
            {"max_age": timedelta(days=2)},
            {"max_age": timedelta(days=1)},
            [(WARNING, "max_age_shortened")],
        ),
        ({"max_age": timedelta(days=1)}, {}, [(NOTE, "max_age_lengthened")]),
        ({}, {"purposes": {"p"}}, [(WARNING, "purposes_changed")]),
        ({"purposes": {"p"}}, {}, [(WARNING, "purposes_changed")]),
        (
            {"purposes": {"p"}},
            {"purposes": {"p"}, "consent_for": {"p"}},
            [(WARNING, "consent_for_changed")],
        ),
        (
            {"purposes": {"p"}, "consent_for": {"p"}},
            {"purposes": {"p"}},
            [(WARNING, "consent_for_changed")],
        ),
        ({}, {"format": "email"}, [(WARNING, "format_changed")]),
        ({"format": "email"}, {"format": "iban"}, [(WARNING, "format_changed")]),
        ({"format": "email"}, {}, [(NOTE, "format_dropped")]),
        ({}, {"inferred_only": True}, [(WARNING, "inferred_only_changed")]),
        ({"inferred_only": True}, {}, [(WARNING, "inferred_only_changed")]),
        ({}, {"category": "pd:Name"}, [(NOTE, "category_changed")]),
        ({"category": "pd:Name"}, {}, [(NOTE, "category_changed")]),
    ],
)
def test_changes_of_a_fields_rules_are_found(before, after, expected):
    """
    Each option whose change means something has a finding that says so.
    """
    assert expected == found(vocabulary(revision=1, **before), vocabulary(**after))


@pytest.mark.parametrize(
    ("before", "words"), [(True, "is sealed now"), (False, "travels unencrypted now")]
)
def test_a_field_that_becomes_clear_or_sealed_is_breaking(before, words):
    """
    A clear field is only ever clear, so what was said the other way is not found.
    """

    def made(clear: bool, revision: int) -> type[cx.Vocabulary]:  # noqa: FBT001
        return vocabulary(
            fields={"number": (1, Literal["a"])}, clear=clear, revision=revision
        )

    (finding,) = compare(made(before, 1), made(not before, 2))

    assert (BREAKING, "clear_changed", words) == (
        finding.level,
        finding.code,
        finding.what,
    )


def test_the_rules_of_standard_fields_are_compared_too():
    """
    Who verifies an identity is the vocabulary's own choice, and is compared.
    """

    def made(verifiers: set[str], revision: int) -> type[cx.Vocabulary]:
        scope = cx.Scope(1, readers={"ivr"})
        identity = cx.standard.identity_verification(scope=scope, verifiers=verifiers)
        members = {"s": scope, "identity": identity}
        return type("S", (cx.Vocabulary,), members, revision=revision)

    assert [(WARNING, "verifier_added")] == found(made({"a"}, 1), made({"a", "b"}, 2))


# --- types -------------------------------------------------------------------


class Two(enum.Enum):
    """
    Two values.
    """

    A = "a"
    B = "b"


class Three(enum.Enum):
    """
    One value more.
    """

    A = "a"
    B = "b"
    C = "c"


class Numbers(enum.Enum):
    """
    Values that are numbers.
    """

    ONE = 1


@attrs.frozen
class Address:
    """
    A record.
    """

    street: str
    city: str = "Paris"


@attrs.frozen
class Person:
    """
    Another record.
    """

    name: str


@attrs.frozen
class Tree:
    """
    A record that holds itself.
    """

    value: int
    trees: tuple[Tree, ...] = ()


def record(name: str, attributes: dict[str, Any], *, array: bool = False) -> Any:
    """
    Return an attrs class of these attributes: a type, or a type and a default.
    """
    fields = {
        called: attrs.field(type=form[0], default=form[1])
        if isinstance(form, tuple)
        else attrs.field(type=form)
        for called, form in attributes.items()
    }
    made = attrs.make_class(name, fields, frozen=True, kw_only=True)
    return cx.positional(made) if array else made


def address(**attributes: Any) -> Any:
    """
    Return another class that is called Address.
    """
    return record("Address", attributes)


def row(**attributes: Any) -> Any:
    """
    Return a class that travels as an array.
    """
    return record("Row", attributes, array=True)


TYPE_CHANGES = [
    (str, int, [(BREAKING, "type_changed")]),
    (str, str | int, [(WARNING, "type_widened")]),
    (str | int, str, [(BREAKING, "type_narrowed")]),
    (str, str | None, [(WARNING, "type_widened")]),
    (str | None, str, [(BREAKING, "type_narrowed")]),
    (int, float, [(WARNING, "type_widened")]),
    (float, int, [(BREAKING, "type_narrowed")]),
    (int, bool, [(BREAKING, "type_changed")]),
    (list[int], tuple[int, ...], [(NOTE, "type_respelled")]),
    (list[int], list[int | str], [(WARNING, "type_widened")]),
    (list[int], dict[str, int], [(BREAKING, "type_changed")]),
    (dict[str, int], dict[str, str], [(BREAKING, "type_changed")]),
    (tuple[int, int], list[int], [(WARNING, "type_widened")]),
    (list[int], tuple[int, int], [(BREAKING, "type_narrowed")]),
    (tuple[int, int], tuple[int], [(BREAKING, "type_changed")]),
    (tuple[int, int], tuple[int, str], [(BREAKING, "type_changed")]),
    (tuple[int, int], tuple[int, int | str], [(WARNING, "type_widened")]),
    (Two, Three, [(WARNING, "value_added")]),
    (Three, Two, [(BREAKING, "value_removed")]),
    (Two, Literal["a", "b"], [(NOTE, "type_respelled")]),
    (Two, str, [(WARNING, "type_widened")]),
    (str, Two, [(BREAKING, "type_narrowed")]),
    (Two, int, [(BREAKING, "type_changed")]),
    (Numbers, float, [(WARNING, "type_widened")]),
    (
        Literal[True],
        Literal[1],
        [(BREAKING, "value_removed"), (WARNING, "value_added")],
    ),
    (Literal["a", 1], str | int, [(WARNING, "type_widened")] * 2),
    (Address, dict[str, str], [(WARNING, "type_widened")]),
    (Address, dict[str, int], [(BREAKING, "type_changed")]),
    (Address, str, [(BREAKING, "type_changed")]),
    (Address, address(street=str, city=(str, "Paris")), []),
    (
        Address,
        address(street=str, city=(str, "Lyon")),
        [(BREAKING, "attribute_default_changed")],
    ),
    (Address, address(street=str, city=str), [(BREAKING, "attribute_required")]),
    (
        address(street=str, city=str),
        Address,
        [(WARNING, "attribute_optional")],
    ),
    (
        Address,
        address(street=str, city=(str, "Paris"), zip=(str, "")),
        [(NOTE, "attribute_added")],
    ),
    (
        Address,
        address(street=str, city=(str, "Paris"), zip=str),
        [(BREAKING, "attribute_required"), (NOTE, "attribute_added")],
    ),
    (Address, address(street=str), [(WARNING, "attribute_removed")]),
    (
        Address,
        address(city=(str, "Paris")),
        [(WARNING, "attribute_removed"), (WARNING, "attribute_optional")],
    ),
    (
        Address,
        address(city=(str, "Paris"), street=str),
        [(NOTE, "type_respelled")],
    ),
    (
        Address,
        address(street=int, city=(str, "Paris")),
        [(BREAKING, "type_changed")],
    ),
    (
        Address,
        record("Place", {"street": str, "city": (str, "Paris")}),
        [(NOTE, "type_respelled")],
    ),
    (
        Address | None,
        Address | Person | None,
        [(BREAKING, "record_untagged"), (WARNING, "type_widened")],
    ),
    (
        Address | Person,
        Address,
        [(BREAKING, "type_narrowed"), (WARNING, "record_tag_dropped")],
    ),
    (
        Address | Person,
        Address | record("Human", {"name": str}),
        [(BREAKING, "type_changed")],
    ),
    (Tree, record("Tree", {"value": int}), [(WARNING, "attribute_removed")]),
    (row(a=int), row(a=int, b=(int, 0)), [(NOTE, "attribute_added")]),
    (row(a=int, b=(int, 0)), row(a=int), [(WARNING, "attribute_removed")]),
    (
        row(a=int),
        row(a=int, b=int),
        [(BREAKING, "attribute_required"), (NOTE, "attribute_added")],
    ),
    (row(a=int, b=int), row(b=int, a=int), [(BREAKING, "attribute_moved")] * 2),
    (row(a=int), row(z=int), [(BREAKING, "attribute_moved")]),
    (row(a=int), record("Row", {"a": int}), [(BREAKING, "type_changed")]),
    (row(a=int), dict[str, int], [(BREAKING, "type_changed")]),
    (
        row(a=(int, 0), b=int),
        row(a=(int, 1), b=int),
        [(NOTE, "type_respelled")],
    ),
    (
        row(a=int, b=(int, 0)),
        row(a=int, b=(int, 1)),
        [(BREAKING, "attribute_default_changed")],
    ),
]


@pytest.mark.parametrize(("before", "after", "expected"), TYPE_CHANGES)
def test_changes_of_a_type_are_found_in_both_directions(before, after, expected):
    """
    What the new cannot read is breaking; what the old cannot read is a warning.
    """
    assert expected == found(typed(before, 1), typed(after))


def test_a_record_that_is_used_twice_has_its_findings_once():
    """
    A mismatch of a record is told once per field, however often the record is used.
    """
    old = list[Address] | dict[str, Address]
    new_address = address(street=str)
    new = list[new_address] | dict[str, new_address]  # type: ignore[valid-type]

    assert [(WARNING, "attribute_removed")] == found(typed(old, 1), typed(new))


def test_what_is_within_a_type_is_named():
    """
    A finding about an attribute says which one.
    """
    (finding,) = compare(
        typed(list[Address], 1),
        typed(list[address(street=int, city=(str, "Paris"))]),  # type: ignore[misc]
    )

    assert "Address.street: was text, is integer" == finding.what


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (str | None, "optional text"),
        (str | int, "integer or text"),
        (list[Address], "list of record Address"),
        (tuple[int, ...], "sequence of integer"),
        (tuple[int, str], "tuple of integer, text"),
        (tuple[()], "tuple of nothing at all"),
        (dict[str, Two], "map of enumeration Two"),
        (Literal["a", 1], "one of 'a', 1"),
    ],
)
def test_types_are_spelled_in_words(form, expected):
    """
    Messages name types in words that are no language's own.
    """
    assert expected == spell(Described.of(form).form)


# --- what is found is what happens -------------------------------------------

VALUES: list[Any] = [
    *("a", "c", 1, 0, 1.5, True, None, b"x", [], [1], ["a"], (1, 2), (1,), {"k": 1}),
    *(Two.A, Three.C, Numbers.ONE, Address("s"), Address("s", "Lyon"), Person("p")),
    *(Tree(1, (Tree(2),)), {"street": "s"}, (1, "a"), 7.0),
]
FORMS: list[Any] = list(
    dict.fromkeys(form for change in TYPE_CHANGES for form in change[:2])
)


@given(st.sampled_from(FORMS), st.sampled_from(FORMS), st.sampled_from(VALUES))
def test_what_has_no_mismatch_is_read_as_it_was_meant(written, read, value):
    """
    If no mismatch is found, whatever one type writes is the same read as the other.
    """
    if mismatches(Described.of(written), Described.of(read)):
        return
    try:
        wire = TypeCodec(written).to_wire(value, field="f")
    except UsageError:  # not a value of the one type
        return
    codec = TypeCodec(read)

    again = codec.to_wire(codec.from_wire(wire), field="f")

    assert comparable(wire) == comparable(again)


def test_a_breaking_change_of_a_type_is_unreadable_indeed(ring: KeyRing, clock: Clock):
    """
    Billing with the narrowed file cannot recall what sales said with the older one.
    """
    old, new = typed_for(str | int, 1), typed_for(str, 2)
    journey = World(ring, clock, vocabulary=old)["sales"].begin(channel="chat")
    journey.learn(old.number, 5)

    there = World(ring, clock, vocabulary=new)["billing"]
    gap = there.receive(journey.hand_over(to="billing")).gap(new.number)

    assert [(BREAKING, "type_narrowed")] == found(old, new)
    assert cx.Reason.UNREADABLE is gap.reason


def test_a_warning_about_a_type_is_newer_vocabulary_indeed(ring: KeyRing, clock: Clock):
    """
    Billing with the older file is told that it is behind, not that it was never said.
    """
    old, new = typed_for(str, 1), typed_for(str | int, 2)
    journey = World(ring, clock, vocabulary=new)["sales"].begin(channel="chat")
    journey.learn(new.number, 5)

    there = World(ring, clock, vocabulary=old)["billing"]
    gap = there.receive(journey.hand_over(to="billing")).gap(old.number)

    assert [(WARNING, "type_widened")] == found(old, new)
    assert cx.Reason.NEWER_VOCABULARY is gap.reason


def typed_for(form: Any, revision: int) -> type[cx.Vocabulary]:
    """
    Return a vocabulary whose one scope sales and billing read.
    """
    scope = cx.Scope(2, readers={"sales", "billing"})
    members = {"order": scope, "number": cx.Field(1, form, scope=scope)}
    return type("Shop", (cx.Vocabulary,), members, revision=revision)
