"""
Any type that a field may have, and any values of it.

What "the same value" means: equal, and of the same type, all the way down. An
instant is the same in whatever time zone it is written; it comes back in UTC.
A number is the same however it is written: a Decimal may lose trailing zeros
and a zero its sign where it equals the default of its attribute, which is left
out on the way. Two records are the same if they are of one class and their
attributes are the same; whether they are one object does not matter.

Left out on purpose, for `learn` refuses them: numbers that pass for a payment
card, what is not finite, half characters, and unions of which two members look
alike on the wire, such as a list and a tuple.
"""

from __future__ import annotations

import enum
import itertools
import typing
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Literal

import attrs
from hypothesis import strategies as st

import cxcontext as cx
from cxcontext.core.forbidden import contains_card_number

_count = itertools.count()


def same(one: Any, other: Any) -> bool:
    """
    Return whether both are the same value, as said above.

    .. versionadded:: 0.1.0
    """
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            same(entry, other[key]) for key, entry in one.items()
        )
    if attrs.has(type(one)):
        return all(
            same(getattr(one, attribute.name), getattr(other, attribute.name))
            for attribute in attrs.fields(type(one))
        )
    return bool(one == other)


# --- types ---------------------------------------------------------------------


@attrs.frozen(eq=False)
class Typed:
    """
    A type, the values of it, and what these are on the wire.

    .. versionadded:: 0.1.0
    """

    form: Any
    values: st.SearchStrategy[Any]
    kinds: frozenset[str]


def _no_card(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return strategy.filter(lambda number: not contains_card_number(number))


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_ZONES = st.sampled_from([UTC, *(timezone(timedelta(hours=h)) for h in (-9, 2, 13))])
_INSTANTS = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 - the zone follows
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001 - the zone follows
    timezones=_ZONES,
)
_DECIMALS = st.builds(
    lambda sign, mantissa, exponent: Decimal(
        (sign, tuple(map(int, str(mantissa))), exponent)
    ),
    st.sampled_from([0, 1]),
    st.integers(0, 2**63 - 1),
    st.integers(-64, 64),
).filter(lambda number: bool(number) or not number.is_signed())

SCALARS = [
    Typed(str, _TEXT, frozenset({"text"})),
    Typed(int, _no_card(st.integers(-(2**63), 2**63 - 1)), frozenset({"integer"})),
    Typed(
        float,
        _no_card(st.floats(allow_nan=False, allow_infinity=False)),
        frozenset({"float"}),
    ),
    Typed(bool, st.booleans(), frozenset({"boolean"})),
    Typed(bytes, st.binary(max_size=12), frozenset({"bytes"})),
    Typed(date, st.dates(), frozenset({"date"})),
    Typed(datetime, _INSTANTS, frozenset({"datetime"})),
    Typed(Decimal, _no_card(_DECIMALS), frozenset({"decimal"})),
]

_MEMBERS = st.lists(
    _TEXT.filter(bool) | st.integers(-1000, 1000), min_size=1, max_size=4, unique=True
)


def _enum(members: list[Any]) -> Typed:
    made: Any = enum.Enum(  # type: ignore[misc]  # made, not written
        f"Enum{next(_count)}", [(f"M{i}", m) for i, m in enumerate(members)]
    )
    return Typed(made, st.sampled_from(list(made)), frozenset({"text", "integer"}))


def _str_enum(members: list[str]) -> Typed:
    made: Any = enum.StrEnum(  # type: ignore[misc]  # as above
        f"StrEnum{next(_count)}", [(f"M{i}", m) for i, m in enumerate(members)]
    )
    return Typed(made, st.sampled_from(list(made)), frozenset({"text"}))


def _literal(members: list[Any]) -> Typed:
    form = Literal[tuple(members)]  # type: ignore[valid-type]
    return Typed(form, st.sampled_from(members), frozenset({"text", "integer"}))


def _list(inner: Typed) -> Typed:
    values = st.lists(inner.values, max_size=3)
    return Typed(list[inner.form], values, frozenset({"array"}))  # type: ignore[name-defined]


def _tuple(inner: Typed) -> Typed:
    values = st.lists(inner.values, max_size=3).map(tuple)
    return Typed(tuple[inner.form, ...], values, frozenset({"array"}))  # type: ignore[name-defined]


def _fixed_tuple(inner: Sequence[Typed]) -> Typed:
    form = tuple.__class_getitem__(tuple(each.form for each in inner))
    values = st.tuples(*(each.values for each in inner))
    return Typed(form, values, frozenset({"array"}))


def _dict(inner: Typed) -> Typed:
    keys = st.text("abc_ é", max_size=5)
    values = st.dictionaries(keys, inner.values, max_size=3)
    return Typed(dict[str, inner.form], values, frozenset({"map"}))  # type: ignore[name-defined]


def _optional(inner: Typed) -> Typed:
    if "null" in inner.kinds:
        return inner
    return Typed(
        typing.Optional[inner.form],  # noqa: UP045 - built
        st.none() | inner.values,
        inner.kinds | {"null"},
    )


def _union(inner: Sequence[Typed]) -> Typed:
    chosen: list[Typed] = []
    kinds: frozenset[str] = frozenset()
    for each in inner:
        if not each.kinds & kinds:
            chosen.append(each)
            kinds |= each.kinds
    form: Any = typing.Union[tuple(each.form for each in chosen)]  # noqa: UP007 - built
    return Typed(form, st.one_of(*(each.values for each in chosen)), kinds)


@st.composite
def records(
    draw: st.DrawFn, inner: st.SearchStrategy[Typed], *, by_name: bool = False
) -> Typed:
    """
    Return an attrs class, some of whose attributes have a default.

    Args:
        inner: The types of its attributes.
        by_name: Whether it is never `positional`.

    .. versionadded:: 0.1.0
    """
    parts = draw(st.lists(inner, max_size=3))
    number = next(_count)
    fields: dict[str, Any] = {}
    values: dict[str, st.SearchStrategy[Any]] = {}
    for index, part in enumerate(parts):
        name = f"{draw(st.sampled_from(['', '_']))}a{index}"
        default = draw(part.values) if draw(st.booleans()) else attrs.NOTHING
        if isinstance(default, (list, dict)):
            default = attrs.NOTHING
        fields[name] = attrs.field(type=part.form, default=default, kw_only=True)
        given = part.values
        if default is not attrs.NOTHING:
            given |= st.just(default)
        values[name.removeprefix("_")] = given
    made = attrs.make_class(f"Record{number}", fields, frozen=True)
    kind = "map"
    if not by_name and draw(st.booleans()):
        made, kind = cx.positional(made), "array"
    return Typed(made, st.builds(made, **values), frozenset({kind, "record"}))


@st.composite
def _unions_of_records(draw: st.DrawFn, inner: st.SearchStrategy[Typed]) -> Typed:
    made = draw(st.lists(records(inner, by_name=True), min_size=2, max_size=3))
    form: Any = typing.Union[tuple(each.form for each in made)]  # noqa: UP007 - built
    values = st.one_of(*(each.values for each in made))
    return Typed(form, values, frozenset({"map", "record"}))


_LEAVES = st.one_of(
    st.sampled_from(SCALARS),
    _MEMBERS.map(_enum),
    _MEMBERS.map(_literal),
    st.lists(_TEXT.filter(bool), min_size=1, max_size=3, unique=True).map(_str_enum),
)


def _around(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    return st.one_of(
        inner.map(_list),
        inner.map(_tuple),
        st.lists(inner, max_size=3).map(_fixed_tuple),
        inner.map(_dict),
        inner.map(_optional),
        st.lists(inner, min_size=2, max_size=4).map(_union),
        records(inner),
        _unions_of_records(inner),
    )


types: st.SearchStrategy[Typed] = st.recursive(_LEAVES, _around, max_leaves=6)
"""
Every type that a field may have.
"""
