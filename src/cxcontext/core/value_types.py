"""
The types of values: from Python to the wire and back, by one cattrs converter.

On the wire a value is CBOR of numbers, text, bytes, lists and text-keyed maps;
an attrs class is a map of its attributes by name, defaults left out. Reading
is strict: no number is taken for text, no text for a list of characters.
Attributes that the reader's class lacks are ignored, those that the writer's
class lacks take their default.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Generic, Literal, TypeVar, Union, cast, get_args

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn

from cxcontext.core import cbor
from cxcontext.core.limits import MAX_CLEAR_BYTES
from cxcontext.errors import MalformedError, ValueDoesNotFitError, VocabularyError

T = TypeVar("T")
R = TypeVar("R")

_POSITIONAL: Final = "__cxcontext_positional__"

SCALARS: Final[Mapping[type, str]] = types.MappingProxyType(
    {
        str: "text",
        int: "integer",
        float: "number",
        bool: "boolean",
        bytes: "bytes",
        date: "date",
        datetime: "datetime",
        Decimal: "decimal",
    }
)
NoneType: Final = type(None)
_HALF: Final = re.compile("[\ud800-\udfff]")
# Tells several attrs classes of one union apart on the wire.
RECORD_TAG: Final = "_type"


def positional(cls: type[R]) -> type[R]:
    """
    Let an attrs class travel as an array of its attributes, not as a map by name.

    It saves the names' bytes. The order of the attributes is then part of the
    format: append new ones, with a default, and never reorder or remove any.

    Args:
        cls: An attrs class.

    .. versionadded:: 0.1.0
    """
    setattr(cls, _POSITIONAL, True)
    return cls


def is_positional(form: Any) -> bool:
    """
    Whether values of an attrs class travel as an array.
    """
    return _POSITIONAL in vars(form)


class TypeCodec(Generic[T]):
    """
    How the values of one field go onto the wire and come back.

    Args:
        type_form: The declared type.

    Raises:
        VocabularyError: When a type is used that cannot be carried.
    """

    __slots__ = ("_plain", "_structure", "type_form")

    def __init__(self, type_form: Any) -> None:
        check_type(type_form)
        self.type_form = type_form
        form = strip_optional(type_form)
        # Values of these go as they are, and come back so.
        self._plain: type | None = form if form in (str, int, bool) else None
        self._structure: Callable[[Any, Any], Any] | None = None

    @property
    def is_text(self) -> bool:
        """
        Whether values are text.
        """
        return strip_optional(self.type_form) is str

    @property
    def is_closed(self) -> bool:
        """
        Whether values come from a closed list of short texts or numbers.
        """
        allowed = closed_values(self.type_form)
        return allowed is not None and all(
            len(cbor.encode(value)) <= MAX_CLEAR_BYTES for value in allowed
        )

    def to_wire(self, value: T, *, field: str) -> Any:
        """
        Return what *value* is on the wire, checked to come back as it is.

        Raises:
            ValueDoesNotFitError: When it is not of the declared type, or
                exceeds a limit of the format.
        """
        if type(value) is self._plain and _is_carried(value):
            return value
        wire: Any = None
        try:
            wire = _CONVERTER.unstructure(value, unstructure_as=self.type_form)
            # As deep as it will stand in a section: in a fact, in a list, in a map.
            data = cbor.encode([[[wire]]])
            wire = cbor.decode(data, what=field, values=True)[0][0][0]
            fits = _same(self.from_wire(wire), value)
        # Anything may be passed here, and its own methods may raise anything.
        except Exception:  # noqa: BLE001
            fits = False
        if not fits:
            expected, found = type_name(self.type_form), type(value).__name__
            if expected == found:
                found = f"a {found} that cannot be carried exactly"
            raise ValueDoesNotFitError(field, expected, found)
        return wire

    def from_wire(self, wire: Any) -> T:
        """
        Return the value that *wire* stands for.

        Raises:
            MalformedError: When *wire* is not of the declared type.
        """
        if self._structure is None:
            self._structure = _CONVERTER.get_structure_hook(self.type_form)
        try:
            return cast("T", self._structure(wire, self.type_form))
        # Whatever a user's own class raises on a peer's value, the value is bad.
        except Exception:  # noqa: BLE001
            raise MalformedError("a value of another type") from None


def is_whole_text(text: str) -> bool:
    """
    Whether *text* can be encoded: text from JSON may have halves of characters.
    """
    return text.isascii() or _HALF.search(text) is None


def _is_carried(value: Any) -> bool:
    if type(value) is str:
        return is_whole_text(value)
    return cbor.INT_MIN <= int(value) <= cbor.INT_MAX


def comparable(wire: Any) -> bytes:
    """
    Return the bytes by which two values on the wire are equal or not.

    Numbers that are written differently are the same number: ``10.0`` and
    ``10.00`` of a Decimal, ``10`` and ``10.0`` of a float do not make a conflict.
    """
    return cbor.encode(_without_trailing_zeros(wire))


def _same(back: Any, value: Any) -> bool:
    """
    Whether what came back is the value: equal, and of its type all the way down.
    """
    if isinstance(back, (list, tuple)):
        return isinstance(value, type(back)) and (
            len(back) == len(value) and all(map(_same, back, value))
        )
    if isinstance(back, dict):
        return isinstance(value, dict) and (
            back.keys() == value.keys()
            and all(_same(entry, value[key]) for key, entry in back.items())
        )
    if attrs.has(type(back)):
        return type(value) is type(back) and all(
            _same(getattr(back, attribute.name), getattr(value, attribute.name))
            for attribute in attrs.fields(type(back))
            if attribute.eq
        )
    # An integer is good for a float (PEP 484), but no boolean for a number.
    kinds = (float, int) if type(back) is float else type(back)
    as_boolean = isinstance(value, bool) is isinstance(back, bool)
    return as_boolean and isinstance(value, kinds) and bool(back == value)


def _normalised(number: Decimal) -> Decimal:
    # Not Decimal.normalize(), which rounds to the application's own context.
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or not number:
        return Decimal(0)
    while digits[-1] == 0:
        digits, exponent = digits[:-1], exponent + 1
    return Decimal((sign, digits, exponent))


def _without_trailing_zeros(wire: Any) -> Any:
    if isinstance(wire, Decimal):
        return _normalised(wire)
    if isinstance(wire, float) and wire.is_integer():
        return int(wire)
    if isinstance(wire, list):
        return [_without_trailing_zeros(item) for item in wire]
    if isinstance(wire, dict):
        return {key: _without_trailing_zeros(item) for key, item in wire.items()}
    return wire


# --- what types there are ----------------------------------------------------


def check_type(form: Any) -> None:
    """
    Refuse a type that cannot be carried, when the vocabulary is written.

    Raises:
        VocabularyError: It names the type and what to use instead.
    """
    _check_type(form, ())


def _check_type(form: Any, seen: tuple[Any, ...]) -> None:
    if form in SCALARS or form is NoneType or form in seen:
        return None
    if closed_values(form) is not None:
        if not all(isinstance(v, (str, int)) for v in closed_values(form) or ()):
            msg = f"{type_name(form)}: members must be text or integers"
            raise VocabularyError(msg)
        return None
    if isinstance(form, type) and attrs.has(form):
        for attribute in attrs.fields(attrs.resolve_types(form)):
            _check_type(attribute.type, (*seen, form))
        return None
    origin, args = typing.get_origin(form), get_args(form)
    if origin is dict and args[0] is str:
        return _check_type(args[1], seen)
    if is_union(form):
        records = [arg for arg in args if attrs.has(arg)]
        if len(records) > 1 and any(is_positional(record) for record in records):
            msg = f"{type_name(form)}: attrs classes of one union travel by name"
            raise VocabularyError(msg)
    if origin in (list, tuple) or is_union(form):
        for arg in args:
            if arg is not Ellipsis:
                _check_type(arg, seen)
        return None
    msg = (
        f"{type_name(form)} cannot be carried; use str, int, float, bool, bytes, date, "
        "datetime, Decimal, an Enum, a Literal, an attrs class, or list, tuple, "
        "dict[str, ...] and unions of such"
    )
    raise VocabularyError(msg)


def is_union(form: Any) -> bool:
    """
    Whether *form* is a union, in either spelling.
    """
    return typing.get_origin(form) in (Union, types.UnionType)


def strip_optional(form: Any) -> Any:
    """
    Return *form* without ``None``, when only one type is left then.
    """
    if is_union(form):
        rest = [arg for arg in get_args(form) if arg is not NoneType]
        if len(rest) == 1:
            return rest[0]
    return form


def closed_values(form: Any) -> Sequence[Any] | None:
    """
    Return the wire values of an enum or Literal; None for any other type.
    """
    if typing.get_origin(form) is Literal:
        return get_args(form)
    if isinstance(form, type) and issubclass(form, Enum):
        return [member.value for member in form]
    return None


def type_name(form: Any) -> str:
    """
    Return how messages call the type.
    """
    if isinstance(form, type) and typing.get_origin(form) is None:
        return form.__name__
    return str(form).replace("typing.", "")


# --- the converter -----------------------------------------------------------


def _exactly(wanted: type) -> Callable[[Any, Any], Any]:
    def structure(wire: Any, form: Any) -> Any:
        # cattrs takes a StrEnum for the str that it also is.
        if form is not wanted:
            return _structure_closed(wire, form)
        # By exact type: True is no integer here, and a datetime is no date.
        if type(wire) is not wanted:
            raise TypeError
        return wire

    return structure


def _instance_of(wanted: type) -> Callable[[Any], Any]:
    def unstructure(value: Any) -> Any:
        if not isinstance(value, wanted):
            raise TypeError
        return value.value if isinstance(value, Enum) else value

    return unstructure


def _structure_float(wire: Any, _: Any) -> float:
    # Other languages write whole numbers as integers.
    if type(wire) not in (float, int):
        raise TypeError
    return float(wire)


def _structure_closed(wire: Any, form: Any) -> Any:
    members = form if typing.get_origin(form) is None else get_args(form)
    for member in members:
        value = member.value if isinstance(member, Enum) else member
        if type(value) is type(wire) and value == wire:
            return member
    raise ValueError


def _list_hook(form: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    (item,) = get_args(form)
    hook = converter.get_structure_hook(item)

    def structure(wire: Any, _: Any) -> list[Any]:
        return [hook(entry, item) for entry in _an_array(wire)]

    return structure


def _tuple_hook(form: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    items = get_args(form)
    if len(items) == 2 and items[1] is Ellipsis:
        hook = converter.get_structure_hook(items[0])

        def structure(wire: Any, _: Any) -> tuple[Any, ...]:
            return tuple(hook(entry, items[0]) for entry in _an_array(wire))

        return structure
    hooks = [converter.get_structure_hook(item) for item in items]

    def structure_fixed(wire: Any, _: Any) -> tuple[Any, ...]:
        entries = zip(hooks, _an_array(wire), items, strict=True)
        return tuple(hook(entry, item) for hook, entry, item in entries)

    return structure_fixed


def _dict_hook(form: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    item = get_args(form)[1]
    hook = converter.get_structure_hook(item)

    def structure(wire: Any, _: Any) -> dict[str, Any]:
        return {_a(str, k): hook(v, item) for k, v in _a(dict, wire).items()}

    return structure


def _an_array(wire: Any) -> Any:
    # From the wire comes a list; a union's member may be a tuple still.
    if not isinstance(wire, (list, tuple)):
        raise TypeError
    return wire


def _a(kind: type, wire: Any) -> Any:
    if not isinstance(wire, kind):
        raise TypeError
    return wire


def _members(form: Any) -> list[Any]:
    """
    Return a union's members in the order in which they are tried.

    `int | str` and `str | int` are equal, and cattrs takes the one's hook for
    the other: so not in the order written. What says most of a value is first,
    and float last, which takes integers too.
    """
    return sorted(
        get_args(form),
        key=lambda member: (
            member is float,
            closed_values(member) is None,
            type_name(member),
        ),
    )


def _union_hook(form: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    members = _members(form)
    records = {m.__name__: m for m in members if attrs.has(m)}
    tagged = len(records) > 1
    others = [m for m in members if not (tagged and attrs.has(m))]

    def structure(wire: Any, _: Any) -> Any:
        if tagged and isinstance(wire, dict) and RECORD_TAG in wire:
            return converter.structure(wire, records[wire[RECORD_TAG]])
        for member in others:
            try:
                return converter.structure(wire, member)
            # The next member may fit; when none does, the value is refused.
            except Exception:  # noqa: BLE001, S112
                continue
        raise TypeError

    return structure


def _union_unstructure(form: Any, converter: cattrs.Converter) -> Callable[[Any], Any]:
    members = _members(form)
    tagged = sum(map(attrs.has, members)) > 1

    def unstructure(value: Any) -> Any:
        for member in members:
            try:
                wire = converter.unstructure(value, unstructure_as=member)
                if tagged and attrs.has(member):
                    wire = {RECORD_TAG: member.__name__, **wire}
                if _same(converter.structure(wire, form), value):
                    return wire
            # It is not one of this member's; perhaps of the next one's.
            except Exception:  # noqa: BLE001, S112
                continue
        raise TypeError

    return unstructure


def _is_a(origin: type) -> Callable[[Any], bool]:
    return lambda form: typing.get_origin(form) is origin


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(
        omit_if_default=True, detailed_validation=False, forbid_extra_keys=False
    )
    for scalar in (str, int, bool, bytes, date, datetime, Decimal, NoneType):
        converter.register_structure_hook(scalar, _exactly(scalar))
        converter.register_unstructure_hook(scalar, _instance_of(scalar))
    converter.register_structure_hook(float, _structure_float)
    converter.register_unstructure_hook(float, float)
    converter.register_structure_hook_func(
        lambda form: closed_values(form) is not None, _structure_closed
    )
    converter.register_structure_hook_factory(is_union)(_union_hook)
    converter.register_unstructure_hook_factory(is_union)(_union_unstructure)
    converter.register_structure_hook_factory(_is_a(list))(_list_hook)
    converter.register_structure_hook_factory(_is_a(tuple))(_tuple_hook)
    converter.register_structure_hook_factory(_is_a(dict))(_dict_hook)
    converter.register_structure_hook_factory(
        lambda form: attrs.has(form) and typing.get_origin(form) is None
    )(_record_hook)
    converter.register_unstructure_hook_factory(
        lambda form: attrs.has(form) and typing.get_origin(form) is None
    )(_record_unstructure)
    return converter


def _record_unstructure(
    form: type[Any], converter: cattrs.Converter
) -> Callable[[Any], Any]:
    if is_positional(form):
        return _positional_unstructure(form, converter)
    fields = make_dict_unstructure_fn(form, converter, _cattrs_omit_if_default=True)

    def unstructure(value: Any) -> dict[str, Any]:
        if not isinstance(value, form):
            raise TypeError
        return fields(value)

    return unstructure


def _record_hook(
    form: type[Any], converter: cattrs.Converter
) -> Callable[[Any, Any], Any]:
    if is_positional(form):
        return _positional_hook(form, converter)
    fields = make_dict_structure_fn(form, converter)

    def structure(wire: Any, _: Any) -> Any:
        # Where every attribute has a default, cattrs makes it of anything.
        return fields(_a(dict, wire), form)

    return structure


def _positional_unstructure(
    form: type[Any], converter: cattrs.Converter
) -> Callable[[Any], Any]:
    attributes = attrs.fields(attrs.resolve_types(form))

    def unstructure(value: Any) -> list[Any]:
        if not isinstance(value, form):
            raise TypeError
        values = [
            converter.unstructure(getattr(value, a.name), unstructure_as=a.type)
            for a in attributes
        ]
        # A trailing default need not travel; the reader has the same.
        for attribute in reversed(attributes):
            default = attribute.default
            if default is attrs.NOTHING or getattr(value, attribute.name) != default:
                break
            values.pop()
        return values

    return unstructure


def _positional_hook(
    form: Any, converter: cattrs.Converter
) -> Callable[[Any, Any], Any]:
    attributes = attrs.fields(attrs.resolve_types(form))
    hooks = [converter.get_structure_hook(a.type) for a in attributes]

    def structure(wire: Any, _: Any) -> Any:
        entries = zip(attributes, hooks, _an_array(wire), strict=False)
        return form(**{a.alias: hook(entry, a.type) for a, hook, entry in entries})

    return structure


_CONVERTER: Final = _make_converter()
