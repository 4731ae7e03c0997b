"""
From types described in a vocabulary file back to types of Python.

Scalars, lists and the like are Python's own. Records become frozen attrs
classes and enumerations become Enums, made here: their values have the same
encoding as those of the classes that were described. They hide their values in
``repr`` as the standard fields' classes do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, ForwardRef, Literal, Union

import attrs

from cxcontext.core.described_types import NOTHING
from cxcontext.core.value_types import (
    SCALARS,
    NoneType,
    TypeCodec,
    positional,
)
from cxcontext.core.vocabulary_entry import MAX_MEMBERS, Entry, is_name
from cxcontext.core.wire_json import wire_from_json
from cxcontext.errors import MalformedError

_SCALARS: Final[dict[str, type]] = {name: kind for kind, name in SCALARS.items()}
# Records within records; a value is nested at most 16 deep (protocol, section 2).
MAX_DEPTH: Final = 64
# To check a type is to walk every way through the records that it names.
MAX_WAYS: Final = 50_000
# attrs writes a constructor in which these names are taken.
_TAKEN: Final = ("self", "NOTHING")


class GeneratedTypes:
    """
    The records and enumerations of one file, and the types made of them.

    Args:
        document: The whole file, of which ``records`` and ``enumerations`` are read.

    Raises:
        VocabularyError: When one of them is not what `described_types` writes.
    """

    def __init__(self, document: Entry) -> None:
        self._enumerations = {
            name: _enumeration(name, entry)
            for name, entry in document.entries("enumerations")
        }
        records = dict(document.entries("records"))
        # A record may hold one that is made later, or itself.
        self._records: dict[str, Any] = {name: ForwardRef(name) for name in records}
        self._ways: dict[str, int] = dict.fromkeys(records, 0)
        self._walked = 0
        self._held: list[str] = []
        held: dict[str, list[str]] = {}
        made: dict[str, type[Any]] = {}
        defaults: list[_Default] = []
        for name, entry in records.items():
            self._held = held[name] = []
            made[name] = self._record(name, entry, defaults)
        for name, entry in records.items():
            self._ways[name] = self._walk(name, (), held, entry)
        self._records = {
            name: attrs.resolve_types(record, globalns={}, localns=made)
            for name, record in made.items()
        }
        for default in defaults:
            attribute = getattr(attrs.fields(made[default.record]), default.name)
            default.form = attribute.type
        # One after all have their types, for a default may be made of others.
        for default in defaults:
            default.check()

    def _walk(
        self,
        name: str,
        path: tuple[str, ...],
        held: Mapping[str, Sequence[str]],
        entry: Entry,
    ) -> int:
        """
        Return in how many ways the record leads to others, within bounds.
        """
        self._walked += 1
        if self._walked > MAX_WAYS or len(path) >= MAX_DEPTH:
            entry.refuse("records hold each other too deeply, or in too many ways")
        path = (*path, name)
        return 1 + sum(
            self._walk(inner, path, held, entry)
            for inner in held[name]
            if inner not in path
        )

    def type_of(self, entry: Entry, name: str) -> Any:
        """
        Return the type that is the member *name* of *entry*.
        """
        return self._type(entry, entry.members.get(name), name)

    def _type(self, entry: Entry, form: object, name: str) -> Any:
        if form == NOTHING:
            return NoneType
        if isinstance(form, str) and form in _SCALARS:
            return _SCALARS[form]
        if not isinstance(form, dict) or len(form) != 1:
            entry.refuse(f"{name} is missing or not a type")
        inside = entry.at(name, form)
        ((kind, content),) = form.items()
        match kind:
            case "record":
                record = _named(inside, kind, self._records)
                self._held.append(content)
                self._walked += self._ways[content]
                if self._walked > MAX_WAYS:
                    inside.refuse("too many fields hold records of records")
                return record
            case "enumeration":
                return _named(inside, kind, self._enumerations)
            case "literal":
                values = _closed_values(inside, inside.items(kind))
                return Literal[tuple(values)] if values else inside.refuse("is empty")
            case "union" | "tuple":
                types = [
                    self._type(inside, item, f"{kind}[{index}]")
                    for index, item in enumerate(inside.items(kind))
                ]
                return _union(inside, types) if kind == "union" else _fixed(types)
            case "optional" | "list" | "sequence" | "map":
                return _made_of(inside, kind, self._type(inside, content, kind))
            case _:
                return entry.refuse(f"{name}: {kind!r} is no kind of type")

    def _record(self, name: str, entry: Entry, defaults: list[_Default]) -> type[Any]:
        entry.only("attributes", "positional")
        attributes: dict[str, Any] = {}
        for index, item in enumerate(entry.items("attributes")):
            attribute = entry.at(f"attributes[{index}]", item)
            attribute.only("name", "type", "default")
            called = attribute.text("name")
            if not is_name(called) or called in _TAKEN:
                attribute.refuse("name is not that of an attribute")
            # attrs drops underscores in front from a constructor's arguments.
            if called.lstrip("_") in {other.lstrip("_") for other in attributes}:
                attribute.refuse("name is that of another attribute, but for _")
            held = len(self._held)
            form = self.type_of(attribute, "type")
            options: dict[str, Any] = {"type": form}
            if "default" in attribute:
                default = _Default(name, called, attribute)
                defaults.append(default)
                options["factory"] = default
                # What cannot change need not be made anew; records come later.
                if held == len(self._held):
                    default.form = form
                    default.check()
                    if _cannot_change(default()):
                        options = {"type": form, "default": default()}
            attributes[called] = attrs.field(**options)
        made = attrs.make_class(
            name, attributes, frozen=True, kw_only=True, order=False, repr=False
        )
        return positional(made) if entry.flag("positional") else made


class _Default:
    """
    The default of an attribute, made anew each time: a list must not be shared.

    It is known only when all records are, for it may be one of them.
    """

    def __init__(self, record: str, name: str, entry: Entry) -> None:
        self.record = record
        self.name = name
        self._entry = entry
        try:
            self._wire = wire_from_json(entry.members["default"])
        except ValueError:
            entry.refuse("default is not a value")
        self.form: Any = None
        self._codec: TypeCodec[Any] | None = None

    def check(self) -> None:
        """
        Refuse a default that is not of the attribute's type.
        """
        try:
            self()
        except MalformedError:
            self._entry.refuse("default is not of the attribute's type")

    def __call__(self) -> Any:
        if self._codec is None:
            self._codec = TypeCodec(self.form)
        return self._codec.from_wire(self._wire)


def _cannot_change(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _enumeration(name: str, entry: Entry) -> type[Enum]:
    entry.only("members")
    members = entry.at("members", entry.members.get("members"))
    if len(members.members) > MAX_MEMBERS:
        members.refuse(f"more than {MAX_MEMBERS} members")
    for member in members.members:
        if not is_name(member) or member == "mro" or member.endswith("_"):
            members.refuse(f"{member!r} is not the name of a member")
    _closed_values(members, [*members.members.values()])
    make: Any = Enum  # checkers want to see the members
    made = make(name, dict(members.members), module=__name__)
    if len(made) != len(members.members):
        members.refuse("to Python, true is 1 and false is 0; it has a value twice")
    result: type[Enum] = made
    return result


def _closed_values(entry: Entry, values: Any) -> Any:
    if not all(type(value) in (str, int, bool) for value in values):
        entry.refuse("its values are not text, integers or booleans")
    for value in values:
        if isinstance(value, str):
            entry.as_text(value, "a value")
    if len({(type(value), value) for value in values}) != len(values):
        entry.refuse("it has a value twice")
    return values


def _named(entry: Entry, kind: str, made: dict[str, Any]) -> Any:
    name = entry.text(kind)
    if name not in made:
        entry.refuse(f"no {kind} is described under the name {name!r}")
    return made[name]


def _union(entry: Entry, types: list[Any]) -> Any:
    if NoneType in types or len(set(types)) != len(types) or len(types) < 2:
        entry.refuse(
            "a union is of two or more different types, nothing not among them"
        )
    return Union[tuple(types)]  # noqa: UP007 - | does not take forward references


def _fixed(types: list[Any]) -> Any:
    generic: Any = tuple
    return generic[tuple(types)]


def _made_of(entry: Entry, kind: str, item: Any) -> Any:
    if kind == "list":
        return list[item]
    if kind == "sequence":
        return tuple[item, ...]
    if kind == "map":
        return dict[str, item]
    optional: Any = Union[item, None]  # noqa: UP007 - as above
    if item in (NoneType, optional):
        entry.refuse("what is optional already is not optional again")
    return optional
