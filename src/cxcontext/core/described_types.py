"""
The types of a vocabulary's values as JSON, for every language to read.

A type is a word or an object of one member:

- ``"text"``, ``"integer"``, ``"number"``, ``"boolean"``, ``"bytes"``, ``"date"``,
  ``"datetime"``, ``"decimal"``, ``"nothing"``: one scalar; nothing is null;
- ``{"optional": T}``: T or nothing;
- ``{"union": [T, ...]}``: the one that fits; several records in one union have
  their name on the wire, under ``_type``;
- ``{"list": T}`` and ``{"sequence": T}``: an array, in Python a list or a tuple;
- ``{"tuple": [T, ...]}``: an array of just these;
- ``{"map": T}``: a map from text;
- ``{"literal": [...]}``: one of these texts, integers or booleans;
- ``{"enumeration": NAME}``, ``{"record": NAME}``: described under that name, once,
  however often used; so a record may hold itself.

An enumeration is ``{"members": {NAME: VALUE, ...}}``, and its values travel. A
record is ``{"attributes": [{"name": NAME, "type": T, "default": VALUE}, ...]}``. It
travels as a map by name, or, with ``"positional": true``, as an array; an attribute
without a default is required, one that has its default is left out (of an array,
at its end). Defaults are written as in `wire_json`. Validators, converters and
methods are Python's own and stay there.
"""

from __future__ import annotations

import json
import typing
from enum import Enum, EnumType
from typing import Any, Final, TypeAlias, get_args

import attrs

from cxcontext.core import cbor
from cxcontext.core.value_types import (
    SCALARS,
    NoneType,
    TypeCodec,
    closed_values,
    is_positional,
    is_union,
    type_name,
)
from cxcontext.core.wire_json import wire_to_json
from cxcontext.errors import VocabularyError

Form: TypeAlias = str | dict[str, Any]  # JSON, as above

NOTHING: Final = "nothing"
# RFC 7493, section 2.2: beyond it, readers of JSON disagree.
MAX_INTEGER: Final = 2**53


@attrs.define
class DescribedTypes:
    """
    The records and enumerations that the described types name.
    """

    records: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    enumerations: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    _classes: dict[tuple[str, str], type] = attrs.field(
        factory=dict, init=False, eq=False, repr=False
    )

    def describe(self, form: Any) -> Form:
        """
        Return the type *form* as JSON, and take note of what it names.

        Raises:
            VocabularyError: When it cannot be written into a file. It says what
                to write instead.
        """
        if form is NoneType:
            return NOTHING
        if form in SCALARS:
            return SCALARS[form]
        if closed_values(form) is not None:
            return self._closed(form)
        if attrs.has(form):
            return self._record(form)
        return self._composed(form)

    def _composed(self, form: Any) -> Form:
        origin, args = typing.get_origin(form), get_args(form)
        if is_union(form):
            return self._union(args)
        if origin is dict:
            return {"map": self.describe(args[1])}
        if origin is list and len(args) == 1:
            return {"list": self.describe(args[0])}
        if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
            return {"sequence": self.describe(args[0])}
        if origin is tuple and Ellipsis not in args:
            return {"tuple": [self.describe(arg) for arg in args]}
        msg = f"{type_name(form)} says not what it holds; write list[...] or tuple[...]"
        raise VocabularyError(msg)

    def _union(self, args: tuple[Any, ...]) -> Form:
        members: list[Form] = []
        for arg in args:
            # List[int] and list[int] are two types to Python, and one here.
            if arg is not NoneType and (form := self.describe(arg)) not in members:
                members.append(form)
        # int | str and str | int are equal, and so must their files be.
        members.sort(key=json.dumps)
        union: Form = members[0] if len(members) == 1 else {"union": members}
        return {"optional": union} if NoneType in args else union

    def _closed(self, form: Any) -> Form:
        if not isinstance(form, EnumType):
            values = [v.value if isinstance(v, Enum) else v for v in get_args(form)]
            return {"literal": [_closed_value(form, value) for value in values]}
        if self._is_new("enumeration", form):
            members: Any = form  # to checkers a metaclass has no members
            self.enumerations[form.__name__] = {
                "members": {
                    member.name: _closed_value(form, member.value) for member in members
                }
            }
        return {"enumeration": form.__name__}

    def _record(self, form: type) -> Form:
        name = form.__name__
        if self._is_new("record", form):
            attributes: list[dict[str, Any]] = []
            # Before its attributes, for one of them may hold this record again.
            self.records[name] = {"attributes": attributes}
            if is_positional(form):
                self.records[name]["positional"] = True
            for attribute in attrs.fields(attrs.resolve_types(form)):
                if attribute.init:
                    attributes.append(self._attribute(name, attribute))
                elif is_positional(form):
                    msg = f"{name}.{attribute.name} is no argument; make it one"
                    raise VocabularyError(msg)
        return {"record": name}

    def _attribute(
        self, record: str, attribute: attrs.Attribute[Any]
    ) -> dict[str, Any]:
        place = f"{record}.{attribute.name}"
        described = {"name": attribute.name, "type": self.describe(attribute.type)}
        if attribute.default is not attrs.NOTHING:
            described["default"] = wire_to_json(_default(place, attribute))
        return described

    def _is_new(self, kind: str, form: type) -> bool:
        known = self._classes.setdefault((kind, form.__name__), form)
        if known is not form:
            msg = f"two types are called {form.__name__}; rename one, for files name it"
            raise VocabularyError(msg)
        described = self.records if kind == "record" else self.enumerations
        return form.__name__ not in described


def spell(form: Form) -> str:
    """
    Return the type in words.
    """
    if isinstance(form, str):
        return form
    ((kind, content),) = form.items()
    match kind:
        case "optional":
            return f"optional {spell(content)}"
        case "union":
            return " or ".join(spell(member) for member in content)
        case "tuple":
            return f"tuple of {', '.join(map(spell, content)) or 'nothing at all'}"
        case "literal":
            return f"one of {', '.join(map(repr, content))}"
        case "record" | "enumeration":
            return f"{kind} {content}"
        case _:
            return f"{kind} of {spell(content)}"


def _closed_value(form: Any, value: Any) -> Any:
    if type(value) not in (str, int, bool) or (
        type(value) is int and abs(value) > MAX_INTEGER
    ):
        what = "text, booleans and integers up to 2**53"
        raise VocabularyError(f"{type_name(form)}: only {what} can be in a file")
    return value


def _default(place: str, attribute: attrs.Attribute[Any]) -> Any:
    """
    Return the attribute's default on the wire, the same for every reader.
    """
    codec: TypeCodec[Any] = TypeCodec(attribute.type)
    try:
        made = _made(place, attribute)
        wires = [codec.to_wire(value, field=place) for value in made]
    except VocabularyError:
        raise
    # A factory or converter is the caller's code, and may raise anything.
    except Exception:  # noqa: BLE001
        msg = f"{place}: its default is not of its type; write one that is"
        raise VocabularyError(msg) from None
    first, again, converted = map(cbor.encode, wires)
    if first != again:
        msg = f"{place}: its default changes; make it required"
        raise VocabularyError(msg)
    # attrs leaves out what equals the default as it was before conversion.
    if first != converted:
        msg = f"{place}: its converter changes its default; write what it returns"
        raise VocabularyError(msg)
    return wires[0]


def _made(place: str, attribute: attrs.Attribute[Any]) -> tuple[Any, Any, Any]:
    """
    Return the default, the default made once more, and the default converted.
    """
    # The stubs of attrs show Factory as a function and Converter without members.
    default, factory = _untyped(attribute.default), _untyped(attrs.Factory)
    first = again = default
    if isinstance(default, factory):
        if default.takes_self:
            msg = f"{place}: its default depends on other attributes; make it required"
            raise VocabularyError(msg)
        first, again = default.factory(), default.factory()
    converter = _untyped(attribute.converter)
    if isinstance(converter, attrs.Converter):
        # What needs the instance cannot be known before there is one.
        needs = _untyped(converter)
        converter = None if needs.takes_self or needs.takes_field else needs.converter
    return first, again, first if converter is None else converter(first)


def _untyped(value: Any) -> Any:
    return value
