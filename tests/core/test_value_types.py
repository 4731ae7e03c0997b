"""
Value types: what comes back is what went in, or it never goes in.
"""

from __future__ import annotations

import enum
import typing
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Literal, Optional, Union

import attrs
import pytest
from acme import Address, Company, Item, Person, Size, Tier

from cxcontext.core.limits import MAX_MAP_ENTRIES, MAX_NESTING
from cxcontext.core.value_types import TypeCodec, comparable, positional
from cxcontext.errors import MalformedError, ValueDoesNotFitError, VocabularyError

T = typing.TypeVar("T")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Colour(enum.StrEnum):
    """
    Members that are texts themselves.
    """

    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    """
    Members that are integers themselves.
    """

    LOW = 1
    HIGH = 2


@attrs.frozen
class Tree:
    """
    A record that holds more of its own kind.
    """

    name: str
    child: Tree | None = None
    others: list[Tree] = attrs.field(factory=list)


@attrs.define
class Counted:
    """
    A record with an attribute that it counts itself.
    """

    name: str
    count: int = attrs.field(init=False, default=0)


@attrs.frozen
class Hidden:
    """
    A record with a private attribute, and one that does not count.
    """

    _secret: str
    noted: int = attrs.field(default=0, eq=False)


@attrs.frozen(eq=False)
class Identity:
    """
    A record that is equal to nothing but itself.
    """

    name: str


@positional
@attrs.frozen
class Point:
    """
    A record that travels as an array.
    """

    x: int
    y: int = 0
    label: str | None = None


@positional
@attrs.frozen
class Line:
    """
    Another one.
    """

    points: tuple[Point, ...] = ()


def there_and_back(type_form: Any, value: Any) -> Any:
    """
    Return what comes back of *value*.
    """
    codec: TypeCodec[Any] = TypeCodec(type_form)
    return codec.from_wire(codec.to_wire(value, field="field"))


def fits(type_form: Any, value: Any) -> bool:
    """
    Return whether *value* can be learned.
    """
    try:
        there_and_back(type_form, value)
    except ValueDoesNotFitError:
        return False
    return True


# --- what comes back ---------------------------------------------------------

CARRIED = [
    (str, ""),
    (str, "\N{GRINNING FACE} \u0000"),
    (int, -(2**63)),
    (int, 2**63 - 1),
    (float, 0.1),
    (float, 1e300),
    (bool, True),
    (bytes, b"\xff\x00"),
    (date, date.min),
    (date, date.max),
    (datetime, NOON),
    (datetime, datetime.max.replace(tzinfo=UTC)),
    (Decimal, Decimal("10.00")),
    (Decimal, Decimal("-1E+64")),
    (Tier, Tier.GOLD),
    (Size, Size.LARGE),
    (Colour, Colour.RED),
    (Level, Level.HIGH),
    (Literal["a", 1], 1),
    (Literal["a", 1], "a"),
    (Literal[Level.LOW], Level.LOW),
    (str | None, None),
    (Optional[int], 1),  # noqa: UP045 - the other spelling
    (Union[int, str], "1"),  # noqa: UP007 - the other spelling
    (int | bool, True),
    (int | bool, 1),
    (int | float, 1),
    (int | float, 1.0),
    (float | int, 1),
    (date | datetime, NOON),
    (date | datetime, NOON.date()),
    (str | bytes, b"a"),
    (list[str] | list[int], [1]),
    (list[int], []),
    (list[int], [1, 2]),
    (tuple[int, ...], (1, 2, 3)),
    (tuple[int, str], (1, "a")),
    (tuple[()], ()),
    (tuple[int, ...] | None, (1,)),
    (dict[str, int], {"b": 1, "a": 2}),
    (dict[str, list[Tier]] | None, {"a": [Tier.GOLD]}),
    (Address, Address("1 Main", "Paris")),
    (Address | None, Address("1 Main", "Paris", 3)),
    (Item, Item("book", Decimal("9.90"), Size.LARGE)),
    (tuple[Item, ...], (Item("book", Decimal(9)),)),
    (Person | Company, Person("Alex")),
    (Person | Company, Company("Acme", "FR1")),
    (Person | Company | None, None),
    (list[Person | Company] | None, [Person("Alex"), Company("Acme")]),
    (dict[str, Person | Company | str], {"a": "b", "c": Person("Alex")}),
    (Tree, Tree("a", Tree("b"), [Tree("c", Tree("d"))])),
    (Counted, Counted("a")),
    (Hidden, Hidden("a")),
    (Point, Point(1)),
    (Point, Point(1, 2, "a")),
    (Point, Point(1, 0, "a")),
    (Line, Line()),
    (Line, Line((Point(1), Point(2)))),
    (list[Point | None], [None, Point(1)]),
]


@pytest.mark.parametrize(("type_form", "value"), CARRIED, ids=str)
def test_a_value_comes_back_as_it_is(type_form, value):
    """
    What comes back is equal, and of the same type.
    """
    back = there_and_back(type_form, value)

    assert value == back
    assert type(value) is type(back)


def test_an_instant_comes_back_in_utc():
    """
    Another time zone's instant is the same instant in UTC.
    """
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert NOON == there_and_back(datetime, there)
    assert UTC == there_and_back(datetime, there).tzinfo


@pytest.mark.parametrize("type_form", [float, float | None, list[float] | None])
def test_a_whole_number_is_good_for_a_float(type_form):
    """
    An integer is taken where a float is declared, and comes back as one.
    """
    value: Any = [5] if type_form == list[float] | None else 5
    back = there_and_back(type_form, value)

    assert value == back
    assert {float} == {type(each) for each in (back if back == [5] else [back])}


def test_an_enums_text_is_good_for_text():
    """
    A member that is a text itself is taken as text, and comes back as text.
    """
    assert "red" == there_and_back(str, Colour.RED)
    assert str is type(there_and_back(str, Colour.RED))


def test_a_record_that_equals_only_itself_comes_back():
    """
    Records are compared by their attributes, whatever their own equality is.
    """
    assert "Alex" == there_and_back(Identity, Identity("Alex")).name


def test_an_attribute_that_does_not_count_comes_back():
    """
    An attribute that is left out of equality comes back with the others.
    """
    assert 3 == there_and_back(Hidden, Hidden("a", 3)).noted


@pytest.mark.parametrize(
    ("first", "second"), [(str | Colour, Colour | str), (int | float, float | int)]
)
def test_the_order_of_a_union_does_not_matter(first, second):
    """
    Two spellings of one union read alike, whichever was seen first.
    """
    values: list[Any] = [Colour.BLUE, "green", 1, 1.5]
    for value in values:
        assert fits(first, value) == fits(second, value)

    assert Colour.BLUE is there_and_back(Colour | str, Colour.BLUE)
    assert Colour.BLUE is there_and_back(str | Colour, Colour.BLUE)


# --- what does not go in -----------------------------------------------------


class Spiteful:
    """
    An object whose own methods fail.
    """

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        raise RuntimeError

    def __repr__(self) -> str:
        raise RuntimeError


def deep(levels: int) -> tuple[Any, Any]:
    """
    Return a type of lists in lists, and a value of it.
    """
    form: Any = int
    value: Any = 1
    for _ in range(levels):
        form, value = list[form], [value]
    return form, value


MISFITS = [
    (str, 5),
    (str, b"a"),
    (str, None),
    (str, "\ud800"),
    (int, "5"),
    (int, 5.0),
    (int, True),
    (int, 2**63),
    (float, "1.5"),
    (float, True),
    (float, float("nan")),
    (float, float("inf")),
    (float, 2**60 + 1),
    (float, 10**400),
    (bool, 1),
    (bytes, "a"),
    (bytes, bytearray(b"a")),
    (date, NOON),
    (datetime, NOON.date()),
    (datetime, NOON.replace(tzinfo=None)),
    (datetime, datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))),
    (Decimal, 1),
    (Decimal, 1.5),
    (Decimal, Decimal("NaN")),
    (Decimal, Decimal("sNaN")),
    (Decimal, Decimal("Infinity")),
    (Decimal, Decimal("1E+65")),
    (Decimal, Decimal(2**63)),
    (Tier, "gold"),
    (Colour, "red"),
    (Colour, "green"),
    (Literal["a", 1], True),
    (Literal["a", 1], "b"),
    (str | None, 5),
    (str | Colour, "red"),
    (int | bool, 1.0),
    (list[int], (1,)),
    (list[int], {1}),
    (list[int], ["1"]),
    (list[int] | tuple[int, ...], (1,)),
    (tuple[int, ...], [1]),
    (tuple[int, str], (1,)),
    (tuple[int, str], (1, "a", "b")),
    (dict[str, int], [("a", 1)]),
    (dict[str, int], {1: 1}),
    (dict[str, int], {"a": "1"}),
    (dict[str, int], {str(i): i for i in range(MAX_MAP_ENTRIES + 1)}),
    (list[int], [0] * 5000),
    (Address, {"street": "1 Main", "city": "Paris"}),
    (Address, Address("1 Main", 5)),  # type: ignore[arg-type]
    (Person | Company, Address("1 Main", "Paris")),
    (Person | Company, "Alex"),
    (Point, (1, 2)),
    (Point, Point("1")),  # type: ignore[arg-type]
    (str, Spiteful()),
    (Tier, Spiteful()),
]


# By number: some of the values cannot be shown.
@pytest.mark.parametrize(
    ("type_form", "value"), MISFITS, ids=map(str, range(len(MISFITS)))
)
def test_a_value_of_another_type_does_not_go_in(type_form, value):
    """
    What is not of the declared type, all the way down, or exceeds a limit, is refused.
    """
    assert not fits(type_form, value)


def test_a_value_goes_as_deep_as_a_section_lets_it():
    """
    Around a value stand its fact, a list of them and the section.
    """
    assert fits(*deep(MAX_NESTING - 3))
    assert not fits(*deep(MAX_NESTING - 2))
    assert not fits(*deep(500))


def test_a_counter_that_would_be_lost_does_not_go_in():
    """
    An attribute that the constructor does not take must have its default.
    """
    counted = Counted("a")
    counted.count = 5

    assert not fits(Counted, counted)


def test_a_subclass_of_a_record_does_not_go_in():
    """
    What a subclass adds would be lost, so it is refused.
    """

    @attrs.frozen
    class Flat(Address):
        """
        An address with something more.
        """

        door: str = "left"

    assert not fits(Address, Flat("1 Main", "Paris"))


@pytest.mark.parametrize(
    ("type_form", "value", "expected", "found"),
    [
        (int, "secret", "int", "str"),
        (datetime, datetime(2026, 1, 1), "datetime", "a datetime that cannot be"),  # noqa: DTZ001
        (list[int], ["secret"], "list[int]", "list"),
        (str | None, 5, "str | None", "int"),
        (Literal["a"], "secret", "Literal['a']", "str"),
    ],
    ids=str,
)
def test_the_error_names_types_and_no_value(type_form, value, expected, found):
    """
    A misfit is named by its field, the declared type and its own.
    """
    with pytest.raises(ValueDoesNotFitError) as caught:
        TypeCodec(type_form).to_wire(value, field="age")

    message = str(caught.value)
    assert f"age: expected {expected}, got {found}" in message
    assert "pass a value of the field's declared type" in message
    assert "secret" not in message


# --- what a peer may have written ------------------------------------------------


@pytest.mark.parametrize(
    ("type_form", "wire"),
    [
        (str, 5),
        (int, True),
        (float, "1"),
        (Tier, "silver"),
        (Colour, "green"),
        (list[str], "abc"),
        (tuple[int, ...], 1),
        (tuple[int, int], [1]),
        (dict[str, int], [1]),
        (dict[str, int], {1: 1}),
        (Address, {"street": "1 Main"}),
        (Person | Company, {"_type": "Robot", "name": "R"}),
        (Person | Company, {"name": "R"}),
        (Point, []),
        (Point, {"x": 1}),
        (str | None, 5),
    ],
    ids=str,
)
def test_a_peers_misfit_is_malformed(type_form, wire):
    """
    What is on the wire is read strictly; a list is never made of text's letters.
    """
    with pytest.raises(MalformedError, match="a value of another type"):
        TypeCodec(type_form).from_wire(wire)


def test_a_newer_peers_attributes_are_ignored():
    """
    Attributes that the class lacks are passed over, by name and by position.
    """
    codec: TypeCodec[Address] = TypeCodec(Address)
    point: TypeCodec[Point] = TypeCodec(Point)
    wire = {"street": "1 Main", "city": "Paris", "planet": "Earth"}

    assert Address("1 Main", "Paris") == codec.from_wire(wire)
    assert Point(1, 2, "a") == point.from_wire([1, 2, "a", "more"])


def test_defaults_need_not_travel():
    """
    An attribute with its default is left out; by position, only at the end.
    """
    assert {"street": "a", "city": "b"} == TypeCodec(Address).to_wire(
        Address("a", "b"), field="field"
    )
    assert [1] == TypeCodec(Point).to_wire(Point(1), field="field")
    assert [1, 0, "a"] == TypeCodec(Point).to_wire(Point(1, 0, "a"), field="field")
    assert Point(1) == TypeCodec(Point).from_wire([1])


def test_another_language_may_write_a_whole_float_as_an_integer():
    """
    A float may come as an integer, and is read as the float it is.
    """
    back = TypeCodec(float).from_wire(5)

    assert 5.0 == back
    assert isinstance(back, float)


# --- equality ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Decimal("10.0"), Decimal("10.00")),
        (Decimal("0.00"), Decimal(0)),
        ([Decimal("1.0")], [Decimal(1)]),
        ({"a": Decimal("1.0")}, {"a": Decimal(1)}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (5, 5.0),
        (NOON, NOON.astimezone(timezone(timedelta(hours=2)))),
    ],
    ids=str,
)
def test_one_number_written_differently_is_no_conflict(one, other):
    """
    Values are equal whose numbers are.
    """
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 2),
        (0.1, Decimal("0.1")),
        (1.5, 1),
        ("1", 1),
        (True, 1),
        (None, 0),
        (b"a", "a"),
        (Decimal("0.1"), Decimal("0.10001")),
    ],
    ids=str,
)
def test_different_values_are_different(one, other):
    """
    What differs in kind or size makes a conflict.
    """
    assert comparable(one) != comparable(other)


# --- what a type may be ------------------------------------------------------


@attrs.frozen
class Untyped:
    """
    A record whose attribute has no type.
    """

    anything = attrs.field()


@attrs.frozen
class Box(typing.Generic[T]):
    """
    A record of any type.
    """

    inside: T


@pytest.mark.parametrize(
    ("type_form", "name"),
    [
        (set[int], "set[int]"),
        (object, "object"),
        (Any, "Any"),
        (complex, "complex"),
        (list, "list"),
        (dict[int, str], "dict[int, str]"),
        (list[set[int]], "set[int]"),
        (dict[str, object], "object"),
        (int | complex, "complex"),
        (Untyped, "None"),
        (Box, "~T"),
        (Box[int], "Box[int]"),
        (typing.NewType("Name", str), "Name"),
        (typing.Annotated[str, "x"], "Annotated[str, 'x']"),
    ],
    ids=str,
)
def test_a_type_that_cannot_be_carried_is_refused(type_form, name):
    """
    It is refused when the vocabulary is written, with what to use instead.
    """
    with pytest.raises(VocabularyError) as caught:
        TypeCodec(type_form)

    message = str(caught.value)
    assert f"{name} cannot be carried; use str, int, float" in message


@pytest.mark.parametrize(
    "type_form",
    [Literal[b"x"], Literal[1, None], enum.Enum("Pair", {"ONE": (1, 2)})],  # noqa: PYI061 - as somebody may write it
    ids=str,
)
def test_a_closed_list_is_of_texts_or_integers(type_form):
    """
    Members that are neither are refused.
    """
    with pytest.raises(VocabularyError, match="members must be text or integers"):
        TypeCodec(type_form)


def test_records_of_one_union_travel_by_name():
    """
    Arrays could not be told apart, so a positional class has no company in a union.
    """
    with pytest.raises(VocabularyError, match="attrs classes of one union travel"):
        TypeCodec(Point | Line)


@pytest.mark.parametrize(
    ("type_form", "is_text", "is_closed"),
    [
        (str, True, False),
        (str | None, True, False),
        (str | int | None, False, False),
        (Tier, False, True),
        (Literal["a"], False, True),
        (Tier | None, False, False),
        (Literal["a string of more than 31 letters"], False, False),
        (int, False, False),
    ],
    ids=str,
)
def test_text_and_closed_lists_are_told(type_form, is_text, is_closed):
    """
    Text may have a format; a closed list of short members may be clear.
    """
    codec: TypeCodec[Any] = TypeCodec(type_form)

    assert (is_text, is_closed) == (codec.is_text, codec.is_closed)
