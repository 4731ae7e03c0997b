"""
Vocabulary files: what is written comes back, and nothing else is read.
"""

from __future__ import annotations

import enum
import json
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, Union

import attrs
import pytest
from acme import Acme, Address, Clock, Company, Item, Person, Size, Tier, World
from hypothesis import given
from hypothesis import strategies as st

import cxcontext as cx
from cxcontext.core import cbor
from cxcontext.core.keygen import KeyRing
from cxcontext.core.vocabulary_file import vocabulary_from_json, vocabulary_to_json
from cxcontext.core.wire_json import wire_from_json, wire_to_json
from cxcontext.errors import VocabularyError

# --- what the tests write down -----------------------------------------------


@attrs.frozen
class Part:
    """
    A record that holds itself, in every way that a type can.
    """

    name: str
    parent: Part | None = None
    parts: tuple[Part, ...] = ()
    by_name: dict[str, Part] = attrs.field(factory=dict)


@attrs.frozen
class Left:
    """
    One of two records that hold each other.
    """

    right: Right | None = None


@attrs.frozen
class Right:
    """
    The other one.
    """

    left: Left | None = None


class Colour(enum.StrEnum):
    """
    An enumeration whose members are text themselves.
    """

    RED = "red"
    BLUE = "blue"


class Empty(enum.Enum):
    """
    An enumeration without members.
    """


@attrs.frozen
class Defaults:
    """
    A default of every type that there is.
    """

    text: str = "t"
    number: float = 1.5
    whole: float = 2.0
    flag: bool = True
    data: bytes = b"\x01\x02"
    day: date = date(2026, 1, 31)
    at: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)
    exactly: datetime = datetime(2026, 1, 31, 12, 0, 0, 250000, tzinfo=UTC)
    price: Decimal = Decimal("1.50")
    colour: Colour = Colour.RED
    size: Literal["s", 2, True] | None = "s"
    many: list[int] = attrs.field(factory=lambda: [1, 2])
    pairs: tuple[tuple[str, int], ...] = (("a", 1),)
    lists: tuple[list[int], ...] = ([1],)
    table: dict[str, int] = attrs.field(factory=lambda: {"date": 1})
    part: Part = Part("p", parts=(Part("q"),))
    nothing: None = None
    cut: str = attrs.field(default="a", converter=str.strip)
    seen: str = attrs.field(
        default="a",
        converter=attrs.Converter(lambda v, _self: v, takes_self=True),
    )
    kept: str = attrs.field(default="a", converter=attrs.Converter(str.strip))


@cx.positional
@attrs.frozen
class Row:
    """
    A record that travels as an array.
    """

    key: str
    value: int | str = 0
    note: str | None = None


@attrs.frozen
class Hidden:
    """
    A record with an attribute that is no argument, and one that begins with _.
    """

    _secret: str
    shown: int = attrs.field(default=1, init=False)


def vocabulary_of(*types: Any, **options: Any) -> type[cx.Vocabulary]:
    """
    Return a vocabulary with one field of each of *types*, all with *options*.
    """
    scope = cx.Scope(1, readers={"sales"})
    members: dict[str, Any] = {
        f"field_{number}": cx.Field(number, form, scope=scope, **options)
        for number, form in enumerate(types, start=1)
    }
    return type("Made", (cx.Vocabulary,), {"scope": scope, **members}, revision=1)


def document_of(*types: Any, **options: Any) -> Any:
    """
    Return the file of such a vocabulary, parsed.
    """
    return json.loads(vocabulary_to_json(vocabulary_of(*types, **options)))


def form_of(form: Any) -> Any:
    """
    Return the JSON of one type.
    """
    return document_of(form)["fields"]["field_1"]["type"]


# --- what is written ---------------------------------------------------------


def test_the_file_of_a_small_vocabulary_is_exactly_this():
    """
    A file is JSON, sorted, indented by two, with a line feed at its end.
    """

    class Small(cx.Vocabulary, revision=3, retired={9, 7}):
        order = cx.Scope(
            2,
            readers={"support", "sales"},
            writers={"sales"},
            former_writers={"bot"},
            on_possession=True,
        )
        number = cx.Field(1, str, scope=order, label="Bestellnummer für")
        language = cx.standard.preferred_language(scope=order, clear=True)

    expected = """\
{
  "cxcontext_vocabulary": 1,
  "fields": {
    "language": {
      "clear": true,
      "number": -1,
      "scope": "order",
      "standard": "preferred_language"
    },
    "number": {
      "label": "Bestellnummer für",
      "number": 1,
      "scope": "order",
      "type": "text"
    }
  },
  "name": "Small",
  "retired": [
    7,
    9
  ],
  "revision": 3,
  "scopes": {
    "order": {
      "former_writers": [
        "bot"
      ],
      "number": 2,
      "on_possession": true,
      "readers": [
        "sales",
        "support"
      ],
      "writers": [
        "sales"
      ]
    }
  }
}
"""

    assert expected == vocabulary_to_json(Small)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (str, "text"),
        (int, "integer"),
        (float, "number"),
        (bool, "boolean"),
        (bytes, "bytes"),
        (date, "date"),
        (datetime, "datetime"),
        (Decimal, "decimal"),
        (type(None), "nothing"),
        (str | None, {"optional": "text"}),
        (Union[None, str], {"optional": "text"}),  # noqa: UP007
        (str | int, {"union": ["integer", "text"]}),
        (int | str | None, {"optional": {"union": ["integer", "text"]}}),
        (list[int], {"list": "integer"}),
        (tuple[int, ...], {"sequence": "integer"}),
        (tuple[int, str], {"tuple": ["integer", "text"]}),
        (tuple[()], {"tuple": []}),
        (dict[str, bytes], {"map": "bytes"}),
        (Literal["a", 2, True], {"literal": ["a", 2, True]}),
        (Literal[Colour.RED], {"literal": ["red"]}),
        (Tier, {"enumeration": "Tier"}),
        (Address, {"record": "Address"}),
        (list[Address | None], {"list": {"optional": {"record": "Address"}}}),
    ],
    ids=str,
)
def test_every_type_has_its_form(form, expected):
    """
    Each type that a field can have is written in the form that is documented.
    """
    assert expected == form_of(form)


def test_unions_in_either_order_make_equal_files():
    """
    Python holds int | str and str | int for equal, and so are their files.
    """
    assert vocabulary_to_json(vocabulary_of(int | str | float)) == vocabulary_to_json(
        vocabulary_of(float | str | int)
    )


def test_types_that_differ_to_python_only_are_one_member_of_a_union():
    """
    List[int] and list[int] are written once.
    """
    import typing  # noqa: PLC0415

    old_spelling = typing.List[int]  # noqa: UP006

    assert {"list": "integer"} == form_of(Union[list[int], old_spelling])  # noqa: UP007


def test_records_and_enumerations_are_described_once():
    """
    However many fields use a record, the file describes it once.
    """
    document = document_of(Item, list[Item], dict[str, Item | None])

    assert {"Item"} == document["records"].keys()
    assert {"Size": {"members": {"SMALL": 1, "LARGE": 2}}} == document["enumerations"]
    assert {
        "attributes": [
            {"name": "name", "type": "text"},
            {"name": "price", "type": "decimal"},
            {"name": "size", "type": {"enumeration": "Size"}, "default": 1},
        ]
    } == document["records"]["Item"]


def test_defaults_of_every_type_are_written():
    """
    What JSON has no word for is an object of one member.
    """
    attributes = document_of(Defaults)["records"]["Defaults"]["attributes"]

    assert {
        "text": "t",
        "number": 1.5,
        "whole": 2.0,
        "flag": True,
        "data": {"bytes": "AQI"},
        "day": {"date": "2026-01-31"},
        "at": {"datetime": "2026-01-31T12:00:00Z"},
        "exactly": {"datetime": "2026-01-31T12:00:00.250000Z"},
        "price": {"decimal": "1.50"},
        "colour": "red",
        "size": "s",
        "many": [1, 2],
        "pairs": [["a", 1]],
        "lists": [[1]],
        "table": {"map": {"date": 1}},
        "part": {"map": {"name": "p", "parts": [{"map": {"name": "q"}}]}},
        "nothing": None,
        "cut": "a",
        "seen": "a",
        "kept": "a",
    } == {attribute["name"]: attribute["default"] for attribute in attributes}


def test_attributes_that_are_no_arguments_are_left_out():
    """
    What does not travel is not described either.
    """
    attributes = document_of(Hidden)["records"]["Hidden"]["attributes"]

    assert ["_secret"] == [attribute["name"] for attribute in attributes]


def test_a_second_name_for_the_same_field_or_scope_is_left_out():
    """
    A field that is called twice in its class stands in the file once.
    """

    class Twice(cx.Vocabulary, revision=1):
        order = purchase = cx.Scope(1, readers={"sales"})
        number = reference = cx.Field(1, str, scope=order)

    document = json.loads(vocabulary_to_json(Twice))

    assert ["order"] == [*document["scopes"]]
    assert ["number"] == [*document["fields"]]


def test_a_vocabulary_without_anything_has_a_file():
    """
    Even an empty vocabulary is written and read.
    """

    class Nothing(cx.Vocabulary):
        pass

    again = vocabulary_from_json(vocabulary_to_json(Nothing))

    assert ("Nothing", 0, {}) == (again.__name__, again.revision, dict(again.fields))


# --- what cannot be written --------------------------------------------------


class Big(enum.Enum):
    """
    A number that not every reader of JSON takes for the same.
    """

    HUGE = 2**60


class Text(str):
    """
    Text of another type.
    """

    __slots__ = ()


class Odd(enum.Enum):
    """
    A value that would come back as another type.
    """

    TEXT = Text("t")


@attrs.frozen
class OfItself:
    """
    A default that depends on another attribute.
    """

    a: int
    b: int = attrs.field(default=attrs.Factory(lambda self: self.a, takes_self=True))


COUNTER = iter(range(10**6))


@attrs.frozen
class Counting:
    """
    A default that is another one each time.
    """

    a: int = attrs.field(factory=lambda: next(COUNTER))


@attrs.frozen
class WrongDefault:
    """
    A default that is not of its type.
    """

    a: int = None  # type: ignore[assignment]


@attrs.frozen
class Failing:
    """
    A default that cannot be made.
    """

    a: int = attrs.field(factory=lambda: 1 // 0)


@attrs.frozen
class Converting:
    """
    A default that is of its type only when it was converted.
    """

    a: tuple[int, ...] = attrs.field(factory=list, converter=tuple)


@attrs.frozen
class ConvertingText:
    """
    A converter that changes the default to another value.
    """

    a: str = attrs.field(default="a", converter=str.upper)


@attrs.frozen
class _Twin:
    x: int


@cx.positional
@attrs.frozen
class PositionalHidden:
    """
    An array with an element that is no argument.
    """

    a: int
    b: int = attrs.field(default=1, init=False)


_Twin.__name__ = "Address"


@pytest.mark.parametrize(
    ("forms", "message"),
    [
        ((Big,), "Big: only text, booleans and integers up to 2"),
        ((Odd,), "Odd: only text"),
        ((OfItself,), "OfItself.b: its default depends on other attributes"),
        ((Counting,), "Counting.a: its default changes; make it required"),
        ((WrongDefault,), "WrongDefault.a: its default is not of its type"),
        ((Failing,), "Failing.a: its default is not of its type"),
        ((Converting,), "Converting.a: its default is not of its type"),
        ((ConvertingText,), "ConvertingText.a: its converter changes its default"),
        ((Address, _Twin), "two types are called Address; rename one"),
        ((PositionalHidden,), "PositionalHidden.b is no argument"),
        ((tuple[int, str, ...],), "says not what it holds"),  # type: ignore[misc]
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_others_could_not_read_is_refused(forms, message):
    """
    A type that cannot be written down names itself and what to do.
    """
    vocabulary = vocabulary_of(*forms)

    with pytest.raises(VocabularyError) as ei:
        vocabulary_to_json(vocabulary)

    assert message in str(ei.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_age": timedelta(milliseconds=1)}, "max_age is not in whole seconds"),
        ({"label": 5}, "label is not text"),
        ({"purposes": {1, "a"}}, "purposes is missing or not text"),
        ({"ask": "\ud800"}, "ask is missing or not text"),
    ],
)
def test_options_that_others_could_not_read_are_refused(options, message):
    """
    An option that JSON cannot hold is refused when the file is made.
    """
    vocabulary = vocabulary_of(str, **options)

    with pytest.raises(VocabularyError) as ei:
        vocabulary_to_json(vocabulary)

    assert message in str(ei.value)


def test_retired_numbers_that_are_none_are_refused():
    """
    Only numbers of fields can be retired in a file.
    """
    made = type("Made", (cx.Vocabulary,), {}, retired={"a", 1})

    with pytest.raises(VocabularyError, match="Made: retired has no field numbers"):
        vocabulary_to_json(made)


def test_a_standard_field_that_was_made_by_hand_is_refused():
    """
    A standard field with options of its own would not be the same elsewhere.
    """

    class ByHand(cx.Vocabulary):
        order = cx.Scope(1, readers={"sales"})
        language = cx.standard.StandardField(-1, str, scope=order, label="other")

    with pytest.raises(VocabularyError) as ei:
        vocabulary_to_json(ByHand)

    assert "is not as standard.preferred_language() makes it" in str(ei.value)


def test_a_standard_field_of_an_unknown_number_is_refused():
    """
    A negative number that this release knows nothing of is not written.
    """

    class Unknown(cx.Vocabulary):
        order = cx.Scope(1, readers={"sales"})
        language = cx.standard.StandardField(-60, str, scope=order)

    with pytest.raises(VocabularyError, match="no standard field is -60"):
        vocabulary_to_json(Unknown)


# --- what comes back ---------------------------------------------------------


@pytest.fixture(scope="module")
def imported() -> type[cx.Vocabulary]:
    """
    Acme, as it comes out of its file.
    """
    return vocabulary_from_json(vocabulary_to_json(Acme).encode())


def test_everything_that_acme_declares_comes_back(imported):
    """
    Names, numbers, options, scopes and authority are those of the original.
    """
    options = (
        *("number", "name", "label", "ask", "max_age", "purposes", "consent_for"),
        *("category", "format", "authority", "verifiers", "former_verifiers"),
        *("many", "clear", "inferred_only"),
    )
    scopes = ("number", "name", "readers", "writers", "former_writers", "on_possession")

    assert ("Acme", 4, {99}) == (imported.__name__, imported.revision, imported.retired)
    assert {
        name: [getattr(field, option) for option in options] + [field.scope.name]
        for name, field in Acme.fields.items()
    } == {
        name: [getattr(field, option) for option in options] + [field.scope.name]
        for name, field in imported.fields.items()
    }
    assert {
        name: [getattr(scope, option) for option in scopes]
        for name, scope in Acme.scopes.items()
    } == {
        name: [getattr(scope, option) for option in scopes]
        for name, scope in imported.scopes.items()
    }


def test_standard_fields_come_back_with_their_own_types(imported):
    """
    A standard field's values are of the library's own classes, not of generated ones.
    """
    for name, field in Acme.fields.items():
        if field.number < 0:
            again = imported.fields[name]

            assert isinstance(again, cx.standard.StandardField)
            assert field.codec.type_form is again.codec.type_form


def test_exporting_what_was_imported_gives_the_same_file(imported):
    """
    Out and in and out again is the same text.
    """
    assert vocabulary_to_json(Acme) == vocabulary_to_json(imported)


def test_generated_classes_are_frozen_and_hide_their_values(imported):
    """
    A record from a file is a frozen attrs class whose repr shows no value.
    """
    made = imported.fields["payer"].codec.from_wire({"_type": "Person", "name": "S3"})

    assert "Person" == type(made).__name__
    assert "S3" == made.name
    assert "S3" not in repr(made)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.name = "other"


VALUES = {
    "full_name": "Ada",
    "born": date(1990, 2, 28),
    "tier": Tier.GOLD,
    "deliver_to": Address("Main", "Paris"),
    "items": (Item("pen", Decimal("1.20")), Item("ink", Decimal(3), Size.LARGE)),
    "gift": True,
    "photo": b"\x00\xff",
    "payer": Company("ACME", vat="FR1"),
    "score": 0.5,
    "callback_at": datetime(2026, 2, 1, 9, 30, tzinfo=UTC),
    "answers": {"a": 1, "b": "two"},
    "notice": ["one", "two"],
    "parcel": "sent",
    "reason": cx.standard.ReasonForContact(code="late", wording="where is it?"),
    "told": cx.standard.Told(kind=cx.standard.ToldKind.PRICE, wording="12 EUR"),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_have_the_same_encoding(imported, name):
    """
    A value of the original class and its generated twin are the same on the wire.
    """
    wire = Acme.fields[name].codec.to_wire(VALUES[name], field=name)
    codec = imported.fields[name].codec

    again = codec.to_wire(codec.from_wire(wire), field=name)

    assert cbor.encode(wire) == cbor.encode(again)


def test_what_one_says_the_other_recalls(ring: KeyRing, clock: Clock, imported):
    """
    Departments with the class and departments with the file understand each other.
    """
    python = World(ring, clock)["sales"]
    elsewhere = World(ring, clock, vocabulary=imported)["billing"]
    journey = python.begin(channel="chat")
    journey.learn(Acme.deliver_to, Address("Main", "Paris", 3))
    journey.learn(Acme.payer, Person("Ada"))
    journey.learn(Acme.tier, Tier.GOLD)

    there = elsewhere.receive(journey.hand_over(to="billing"))
    address = there.recall(imported.deliver_to)
    there.correct(imported.deliver_to, attrs.evolve(address, floor=4))
    python_again = World(ring, clock)["sales"]
    back = python_again.receive(there.hand_over(to="sales"))

    assert ("Main", "Paris", 3) == attrs.astuple(address)
    assert "Person" == type(there.recall(imported.payer)).__name__
    assert "gold" == there.recall(imported.tier).value
    assert Address("Main", "Paris", 4) == back.recall(Acme.deliver_to)


def test_defaults_are_left_out_on_both_sides():
    """
    What has its default is not sent, by generated classes as by the originals.
    """
    original = vocabulary_of(Defaults)
    again = vocabulary_from_json(vocabulary_to_json(original))
    codec = again.fields["field_1"].codec

    made = codec.from_wire({})

    assert {} == original.fields["field_1"].codec.to_wire(Defaults(), field="f")
    assert {} == codec.to_wire(made, field="f")
    assert vocabulary_to_json(original).replace("Made", "") == vocabulary_to_json(
        again
    ).replace("Made", "")


def test_lists_in_defaults_are_not_shared():
    """
    Two records that were made apart do not hold the same list.
    """
    again = vocabulary_from_json(vocabulary_to_json(vocabulary_of(Defaults)))
    codec = again.fields["field_1"].codec

    one, other = codec.from_wire({}), codec.from_wire({})

    assert one.many == other.many
    assert one.many is not other.many
    assert one.lists[0] is not other.lists[0]


@pytest.mark.parametrize("value", [Row("a"), Row("a", 1), Row("a", "b", "c")])
def test_positional_records_stay_arrays(value):
    """
    A record that travels as an array does so from a file too, byte for byte.
    """
    original = vocabulary_of(Row)
    again = vocabulary_from_json(vocabulary_to_json(original)).fields["field_1"].codec
    wire = original.fields["field_1"].codec.to_wire(value, field="f")

    assert isinstance(wire, list)
    assert wire == again.to_wire(again.from_wire(wire), field="f")


def test_records_that_hold_themselves_come_back():
    """
    A recursive record is described once, and generated with itself inside.
    """
    original = vocabulary_of(Part, Left)
    again = vocabulary_from_json(vocabulary_to_json(original))
    value = Part("a", Part("b"), (Part("c"),), {"d": Part("e", Part("f"))})
    wire = original.fields["field_1"].codec.to_wire(value, field="f")

    made = again.fields["field_1"].codec.from_wire(wire)

    assert "f" == made.by_name["d"].parent.name
    assert type(made) is type(made.parent)
    assert wire == again.fields["field_1"].codec.to_wire(made, field="f")


def test_attributes_that_begin_with_an_underscore_keep_their_name():
    """
    On the wire an attribute is called as it is in its class.
    """
    codec = (
        vocabulary_from_json(vocabulary_to_json(vocabulary_of(Hidden)))
        .fields["field_1"]
        .codec
    )

    assert {"_secret": "x"} == codec.to_wire(
        codec.from_wire({"_secret": "x"}), field=""
    )


def test_an_empty_enumeration_comes_back():
    """
    An enumeration that has no members yet is one.
    """
    again = vocabulary_from_json(vocabulary_to_json(vocabulary_of(Empty)))

    assert [] == list(again.fields["field_1"].codec.type_form)


# --- any vocabulary ----------------------------------------------------------

SCALARS = [str, int, float, bool, bytes, date, datetime, Decimal, type(None)]
NAMED = [Tier, Size, Colour, Address, Item, Person, Row, Part, Literal["x", 1, False]]
TYPES = st.recursive(
    st.sampled_from(SCALARS + NAMED),
    lambda inner: st.one_of(
        inner.map(lambda form: list[form]),
        inner.map(lambda form: tuple[form, ...]),
        inner.map(lambda form: dict[str, form]),
        inner.map(lambda form: form | None),
        st.lists(inner, max_size=3).map(lambda forms: tuple[tuple(forms)]),
    ),
    max_leaves=5,
)
NAMES = st.sampled_from(["sales", "support", "billing", "bot"])
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "label": st.text(st.characters(exclude_categories=["Cs"])),
        "ask": st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
        "max_age": st.integers(1, 10**9).map(lambda s: timedelta(seconds=s)),
        "purposes": st.sets(st.sampled_from(["dpv:Marketing", "dpv:Other"])),
        "category": st.just("pd:Name"),
        "authority": st.sets(NAMES),
        "verifiers": st.sets(NAMES),
        "many": st.booleans(),
    },
)
NUMBERS = st.integers(1, 65535)


@st.composite
def vocabularies(draw: st.DrawFn) -> type[cx.Vocabulary]:
    """
    Return any vocabulary of a few scopes and fields.
    """
    scopes = [
        cx.Scope(
            number,
            readers=draw(st.sets(NAMES, min_size=1)),
            writers=draw(st.sets(NAMES)),
            on_possession=draw(st.booleans()),
        )
        for number in draw(st.lists(NUMBERS, min_size=1, max_size=3, unique=True))
    ]
    numbers = draw(st.lists(NUMBERS, max_size=5, unique=True))
    retired = draw(st.sets(NUMBERS.filter(lambda n: n not in numbers), max_size=3))
    members: dict[str, Any] = {f"scope_{s.number}": s for s in scopes}
    for number in numbers:
        members[f"field_{number}"] = cx.Field(
            number,
            draw(TYPES),
            scope=draw(st.sampled_from(scopes)),
            **draw(OPTIONS),
        )
    revision = draw(st.integers(0, 2**31))
    return type("Any", (cx.Vocabulary,), members, revision=revision, retired=retired)


@given(vocabularies())
def test_any_vocabulary_comes_back(vocabulary):
    """
    Whatever a vocabulary declares, its file is read, and is written the same again.
    """
    text = vocabulary_to_json(vocabulary)

    again = vocabulary_from_json(text)

    assert text == vocabulary_to_json(again)
    assert vocabulary.fields.keys() == again.fields.keys()
    assert vocabulary.retired == again.retired


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text() | st.sampled_from(["bytes", "map", "list"]), inner)
    ),
    max_leaves=8,
)
PATHS = st.lists(st.integers(0, 40), min_size=1, max_size=6)


@given(PATHS, JSON)
def test_a_file_with_anything_in_it_is_read_or_refused(path, value):
    """
    Whatever stands in the place of whatever, only VocabularyError is raised.
    """
    document = json.loads(vocabulary_to_json(Acme))
    place: Any = document
    for step in path:
        keys = sorted(place) if isinstance(place, dict) else range(len(place))
        key = keys[step % len(keys)]
        if not isinstance(place[key], (dict, list)) or not place[key]:
            break
        parent, last = place, key
        place = place[key]
    else:
        key = last
        place = parent
    place[key] = value

    try:
        found = vocabulary_from_json(json.dumps(document))
    except VocabularyError:
        return

    assert vocabulary_from_json(vocabulary_to_json(found))


@given(st.binary() | st.text())
def test_anything_else_is_refused(raw):
    """
    Bytes and text that are no vocabulary raise VocabularyError and nothing else.
    """
    with pytest.raises(VocabularyError):
        vocabulary_from_json(raw)


@given(JSON)
def test_json_that_is_no_value_is_refused_as_a_default(value):
    """
    What is read as a default is written the same again, or refused by ValueError.
    """
    try:
        wire = wire_from_json(value)
    except ValueError:
        return

    assert cbor.encode(wire) == cbor.encode(wire_from_json(wire_to_json(wire)))


# --- what is refused ---------------------------------------------------------


def small() -> Any:
    """
    Return a file, parsed, to be spoilt.
    """
    return {
        "cxcontext_vocabulary": 1,
        "name": "Small",
        "revision": 1,
        "scopes": {"order": {"number": 1, "readers": ["sales"], "writers": ["sales"]}},
        "fields": {"number": {"number": 1, "scope": "order", "type": "text"}},
        "records": {"Address": {"attributes": [{"name": "street", "type": "text"}]}},
        "enumerations": {"Size": {"members": {"SMALL": 1}}},
    }


def test_the_file_to_be_spoilt_is_read():
    """
    Before it is spoilt, the small file is a vocabulary.
    """
    assert "Small" == vocabulary_from_json(json.dumps(small())).__name__


FIELD = ("fields", "number")
RECORD = ("records", "Address")
ATTRIBUTES = (*RECORD, "attributes")
MEMBERS = ("enumerations", "Size", "members")
STANDARD = {"number": -8, "scope": "order", "standard": "consent"}
A = {"name": "a", "type": "text"}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("cxcontext_vocabulary",), 2, "another version of the form; upgrade"),
        (("cxcontext_vocabulary",), None, "cxcontext_vocabulary is missing"),
        (("more",), 1, "more is not known here"),
        (("name",), "a b", "name is not that of a class"),
        (("name",), 5, "name is missing or not text"),
        (("revision",), -1, "revision -1 is not a natural number"),
        (("revision",), True, "revision is missing or not an integer"),
        (("retired",), "x", "retired is not a list"),
        (("retired",), [0], "retired is not a list of field numbers"),
        (("retired",), [1], "number 1 is retired"),
        (("scopes",), [], "scopes is not an object"),
        (("scopes",), {f"s{n}": {} for n in range(1025)}, "more than 1024 members"),
        (("scopes", "a b"), {}, "scopes: 'a b' is not a name"),
        (("scopes", "class"), {}, "'class' is not a name"),
        (("scopes", "__init__"), {}, "'__init__' is not a name"),
        (("scopes", "ﬁrst"), {}, "is not a name"),
        (("scopes", "order"), [], "scopes.order: not an object"),
        (("scopes", "order", "number"), 0, "scope number 0 is not in 1 to 65535"),
        (("scopes", "order", "readers"), [], "has no readers"),
        (("scopes", "order", "readers"), ["A"], "'A' is not a department name"),
        (("scopes", "order", "readers"), ["a", "a"], "readers has a member twice"),
        (("scopes", "order", "readers"), ["a"] * 1025, "more than 1024 members"),
        (("scopes", "order", "on_possession"), 1, "neither true nor false"),
        (("scopes", "revision"), small()["scopes"]["order"], "something else of this"),
        (("scopes", "other"), {"number": 1, "readers": ["a"]}, "share number 1"),
        (("fields", "order"), {}, "fields.order: a scope has the same name"),
        (("fields", "fields"), {}, "a vocabulary has something else of this name"),
        ((*FIELD, "scope"), "other", "its scope is not one of the file's scopes"),
        ((*FIELD, "scope"), "\ud800", "scope is missing or not text"),
        ((*FIELD, "number"), 65536, "number 65536 is not in 1 to"),
        ((*FIELD, "number"), -1, "standard is missing or not text"),
        ((*FIELD, "number"), -99, "no standard field of that name is number -99"),
        (("fields", "x"), STANDARD | {"number": -1}, "no standard field of that name"),
        (("fields", "x"), STANDARD, "fields.x: max_age_seconds is missing"),
        (("fields", "x"), STANDARD | {"label": "x"}, "label is not known here"),
        ((*FIELD, "max_age_seconds"), 0, "max_age_seconds is not a number of seconds"),
        ((*FIELD, "max_age_seconds"), 2**50, "is not a number of seconds"),
        ((*FIELD, "format"), "x", "format 'x' is none of"),
        ((*FIELD, "many"), 1, "many is neither true nor false"),
        ((*FIELD, "colour"), 1, "colour is not known here"),
        ((*FIELD, "type"), None, "type is missing or not a type"),
        ((*FIELD, "type"), "string", "type is missing or not a type"),
        ((*FIELD, "type"), {}, "type is missing or not a type"),
        ((*FIELD, "type"), {"set": "text"}, "type: 'set' is no kind of type"),
        ((*FIELD, "type"), {"record": "Nobody"}, "no record is described under"),
        ((*FIELD, "type"), {"record": 1}, "record is missing or not text"),
        ((*FIELD, "type"), {"enumeration": "Address"}, "no enumeration is described"),
        ((*FIELD, "type"), {"literal": []}, "is empty"),
        ((*FIELD, "type"), {"literal": [None]}, "not text, integers or booleans"),
        ((*FIELD, "type"), {"literal": ["\ud800"]}, "a value is missing or not text"),
        ((*FIELD, "type"), {"literal": [1, 1]}, "it has a value twice"),
        ((*FIELD, "type"), {"union": ["text"]}, "two or more different types"),
        ((*FIELD, "type"), {"union": ["text", "text"]}, "two or more different types"),
        ((*FIELD, "type"), {"union": ["text", "nothing"]}, "nothing not among them"),
        ((*FIELD, "type"), {"union": "text"}, "union is not a list"),
        ((*FIELD, "type"), {"optional": "nothing"}, "optional already"),
        ((*FIELD, "type"), {"optional": {"optional": "text"}}, "optional already"),
        ((*FIELD, "type"), {"list": ["text"]}, "list is missing or not a type"),
        ((*RECORD, "positional"), 1, "positional is neither true nor false"),
        ((*RECORD, "colour"), 1, "colour is not known here"),
        (ATTRIBUTES, [1], "records.Address.attributes[0]: not an object"),
        (ATTRIBUTES, [A | {"required": True}], "required is not known here"),
        (ATTRIBUTES, [A | {"name": "self"}], "name is not that of an attribute"),
        (ATTRIBUTES, [A | {"name": "a-b"}], "name is not that of an attribute"),
        (ATTRIBUTES, [A, A], "name is that of another attribute"),
        (ATTRIBUTES, [A, A | {"name": "_a"}], "name is that of another attribute"),
        (ATTRIBUTES, [A | {"default": 1}], "default is not of the attribute's type"),
        (ATTRIBUTES, [A | {"default": {"x": 1}}], "default is not a value"),
        (ATTRIBUTES, [A | {"default": {"a": 1, "b": 1}}], "default is not a value"),
        (ATTRIBUTES, [A | {"default": {"date": "x"}}], "default is not a value"),
        (ATTRIBUTES, [A | {"default": {"datetime": "2026"}}], "default is not a value"),
        (ATTRIBUTES, [A | {"default": {"decimal": "x"}}], "default is not a value"),
        (ATTRIBUTES, [A | {"default": {"decimal": "9" * 129}}], "default is not a"),
        (ATTRIBUTES, [A | {"default": {"map": 1}}], "default is not a value"),
        (ATTRIBUTES, [A | {"default": "\ud800"}], "default is not a value"),
        (("enumerations", "Size", "x"), 1, "x is not known here"),
        (MEMBERS, [], "enumerations.Size.members: not an object"),
        (MEMBERS, {f"a{n}": n for n in range(1025)}, "more than 1024 members"),
        (MEMBERS, {"mro": 1}, "'mro' is not the name of a member"),
        (MEMBERS, {"_ignore_": 1}, "'_ignore_' is not the name of a member"),
        (MEMBERS, {"a b": 1}, "'a b' is not the name of a member"),
        (MEMBERS, {"A": 1.5}, "its values are not text, integers or booleans"),
        (MEMBERS, {"A": 1, "B": 1}, "it has a value twice"),
        (MEMBERS, {"A": 1, "B": True}, "to Python, true is 1"),
    ],
)
def test_a_spoilt_file_says_what_is_wrong_and_where(path, value, message):
    """
    Each thing that a file may not hold is refused with the place and the reason.
    """
    document = small()
    *places, last = path
    spoilt = document
    for place in places:
        spoilt = spoilt[place]
    spoilt[last] = value

    with pytest.raises(VocabularyError) as ei:
        vocabulary_from_json(json.dumps(document))

    assert message in str(ei.value)


def test_default_that_makes_no_end_is_refused():
    """
    A record whose default holds the record's default cannot be made.
    """
    document = small()
    form = {"record": "Address"}
    document["records"]["Address"]["attributes"] = [
        {"name": "a", "type": form, "default": {"map": {}}}
    ]

    with pytest.raises(VocabularyError, match="default is not of the attribute's type"):
        vocabulary_from_json(json.dumps(document))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "the file is not a JSON object"),
        ("{", "the file is not a JSON object"),
        ('{"name": 1, "name": 2}', "two members of one name"),
        (b"\xff", "the file is not UTF-8"),
        ("[" * 17 + "]" * 17, "nested more than 16 deep"),
        (" " * (2**20 + 1), "more than 1048576 bytes; nothing was parsed"),
        ('{"a": 9007199254740993}', "an integer is beyond"),
        ('{"a": NaN}', "NaN is not JSON"),
    ],
)
def test_what_is_no_strict_json_is_refused(text, message):
    """
    The bounds and the strictness of key files hold for vocabulary files too.
    """
    with pytest.raises(VocabularyError) as ei:
        vocabulary_from_json(text)

    assert message in str(ei.value)


def test_messages_cannot_steer_a_terminal():
    """
    What a message quotes of a file is shown in printable ASCII.
    """
    document = small() | {"\x1b[2J\n\u202e": 1}

    with pytest.raises(VocabularyError) as ei:
        vocabulary_from_json(json.dumps(document))

    assert str(ei.value).isascii()
    assert str(ei.value).isprintable()


def chain(length: int, *, ways: int) -> Any:
    """
    Return a file of records that each hold the next one, in so many *ways*.
    """
    document = small()
    document["records"] = {
        f"R{n}": {
            "attributes": [
                {
                    "name": f"a{way}",
                    "type": {"record": f"R{n + 1}"} if n < length - 1 else "text",
                }
                for way in range(ways)
            ]
        }
        for n in range(length)
    }
    return document


@pytest.mark.parametrize(("length", "ways"), [(65, 1), (200, 1), (20, 2), (8, 8)])
def test_records_that_hold_each_other_without_measure_are_refused(length, ways):
    """
    Records in records are bounded in depth and number, and refused at once.
    """
    text = json.dumps(chain(length, ways=ways))
    begun = time.monotonic()

    with pytest.raises(VocabularyError, match="too deeply, or in too many ways"):
        vocabulary_from_json(text)

    assert time.monotonic() - begun < 5


def test_too_many_fields_of_such_records_are_refused():
    """
    What is bounded for one field is bounded for all of them together.
    """
    document = chain(10, ways=2)
    document["fields"] = {
        f"f{n}": {"number": n, "scope": "order", "type": {"record": "R0"}}
        for n in range(1, 200)
    }

    with pytest.raises(VocabularyError, match="too many fields hold records"):
        vocabulary_from_json(json.dumps(document))


def test_records_within_the_measure_are_read():
    """
    A chain of as many records as allowed is a vocabulary.
    """
    document = chain(60, ways=1)
    document["fields"]["number"]["type"] = {"record": "R0"}

    assert vocabulary_from_json(json.dumps(document)).fields["number"].codec
