"""
Whether what is written as one type can be read as another.

Of described types (`described_types`), by the rules of `value_types`: a reader
takes the first member of a union that fits, ignores attributes that it does not
know, and puts its own default where one is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, Final

import attrs

from cxcontext.core.described_types import NOTHING, DescribedTypes, Form, spell

_WORDS: Final = {bool: "boolean", int: "integer", str: "text"}


class Kind(Enum):
    """
    In what way a value that is written is not what is read.
    """

    UNREADABLE = "unreadable"  # of another type
    VALUE = "value"  # not one of the reader's closed list
    ABSENT = "absent"  # an attribute that the reader requires may be missing
    DEFAULT = "default"  # an attribute left out means another value to the reader
    IGNORED = "ignored"  # an attribute that the reader does not know
    MOVED = "moved"  # an attribute by position that the reader takes for another
    UNTAGGED = "untagged"  # it does not say which record of the reader's it is


@attrs.frozen
class Mismatch:
    """
    One way in which a written value is not read as it was meant.

    Attributes:
        kind: In what way.
        place: Where in the type: ``""`` for the whole, or ``Address.street``.
        written: The type as it is written, or the values or attribute meant.
        read: The type as it is read.
    """

    kind: Kind
    place: str
    written: str
    read: str = ""


@attrs.frozen
class Described:
    """
    A type, and the records and enumerations that it names.
    """

    form: Form
    types: DescribedTypes

    @classmethod
    def of(cls, type_form: Any) -> Described:
        """
        Return the description of a type of Python.

        Raises:
            VocabularyError: As `DescribedTypes.describe`.
        """
        types = DescribedTypes()
        return cls(types.describe(type_form), types)

    def __str__(self) -> str:
        return spell(self.form)

    def is_written_as(self, other: Described) -> bool:
        """
        Whether both are the same in a file, where true is not 1.
        """
        return self._text() == other._text()

    def _text(self) -> str:
        types = self.types
        whole = [self.form, types.records, types.enumerations]
        return json.dumps(whole, sort_keys=True)


def mismatches(written: Described, read: Described) -> tuple[Mismatch, ...]:
    """
    Return how values of the type *written* fail to be read as the type *read*.
    """
    found = _Comparison(written.types, read.types).check(written.form, read.form, "")
    # A record that is used twice has the same mismatches twice.
    return (*dict.fromkeys(found),)


@attrs.frozen
class _Value:
    """
    One value of a closed list. By its type too: true is not 1.
    """

    value: Any
    kind: str = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "kind", _WORDS[type(self.value)])

    def fits(self, other: Form | _Value) -> bool:
        """
        Whether it is read as the scalar or value *other*.
        """
        return other in (self, self.kind) or (self.kind, other) == _WIDER


# Integers are read as numbers, which other languages write so.
_WIDER: Final = ("integer", "number")


class _Comparison:
    """
    One direction: what *written* names is written, what *read* names is read.
    """

    def __init__(self, written: DescribedTypes, read: DescribedTypes) -> None:
        self._written = written
        self._read = read
        # By both records' names; what is being compared holds nothing yet, so that
        # records which hold themselves come to an end.
        self._compared: dict[tuple[str, str], list[Mismatch]] = {}

    def check(self, written: Form, read: Form, place: str) -> list[Mismatch]:
        """
        Return the mismatches, those at *place* or within.
        """
        offered = _alternatives(written, self._written)
        taken = _alternatives(read, self._read)
        found: list[Mismatch] = []
        values: list[str] = []
        for one in offered:
            if isinstance(one, _Value):
                if not any(one.fits(other) for other in taken):
                    values.append(repr(one.value))
                continue
            problems = self._best(one, offered, taken, place)
            if problems is None:
                found.append(
                    Mismatch(Kind.UNREADABLE, place, spell(one), _spelled(taken))
                )
            else:
                found += problems
        if values and any(isinstance(other, _Value) for other in taken):
            found.append(Mismatch(Kind.VALUE, place, ", ".join(values)))
        elif values:
            listed = f"one of {', '.join(values)}"
            found.append(Mismatch(Kind.UNREADABLE, place, listed, _spelled(taken)))
        return found

    def _best(
        self,
        one: Form,
        offered: Sequence[Form | _Value],
        taken: Sequence[Form | _Value],
        place: str,
    ) -> list[Mismatch] | None:
        """
        Return the mismatches with the alternative that fits best; None if none can.
        """
        best: list[Mismatch] | None = None
        tagged, wants_tag = _is_tagged(offered), _is_tagged(taken)
        for other in taken:
            if isinstance(other, _Value):
                continue
            if not (_name(one) and _name(other)):
                problems = self._one(one, other, place)
            elif self._is_positional(one, self._written) != self._is_positional(
                other, self._read
            ):
                problems = None
            elif wants_tag and not tagged:
                problems = [Mismatch(Kind.UNTAGGED, place, _name(one))]
            elif tagged and _name(one) != _name(other):
                continue
            else:
                problems = self._record(_name(one), _name(other))
            if problems is not None and (best is None or len(problems) < len(best)):
                best = problems
        return best

    def _one(self, written: Form, read: Form, place: str) -> list[Mismatch] | None:
        if isinstance(written, str) or isinstance(read, str):
            fits = written == read or (written, read) == _WIDER
            return [] if fits else None
        ((kind, content),) = written.items()
        ((wanted, item),) = read.items()
        inside = f"{place}[]"
        if kind == wanted == "map":
            return self.check(content, item, inside)
        if kind == "record" and wanted == "map":
            if self._is_positional(written, self._written):
                return None
            inner = self._each(self._attribute_types(content), item, inside)
            return None if inner else []
        if kind == wanted == "tuple" and len(content) == len(item):
            pairs = zip(content, item, strict=True)
            return [m for pair in pairs for m in self.check(*pair, inside)]
        if kind == "tuple" and wanted in _ARRAYS:
            return self._each(content, item, inside)
        if kind in _ARRAYS and wanted in _ARRAYS:
            return self.check(content, item, inside)
        return None

    def _each(self, written: Iterable[Form], read: Form, place: str) -> list[Mismatch]:
        return [m for form in written for m in self.check(form, read, place)]

    def _attribute_types(self, record: str) -> list[Form]:
        attributes = self._written.records[record]["attributes"]
        return [attribute["type"] for attribute in attributes]

    def _record(self, written: str, read: str) -> list[Mismatch]:
        known = self._compared.get((written, read))
        if known is not None:
            return known
        found = self._compared[written, read] = []
        theirs = self._written.records[written]
        ours = self._read.records[read]
        if theirs.get("positional"):
            found += self._by_position(
                written, theirs["attributes"], ours["attributes"]
            )
        else:
            found += self._by_name(written, theirs["attributes"], ours["attributes"])
        return found

    def _by_name(
        self, record: str, written: Sequence[Any], read: Sequence[Any]
    ) -> list[Mismatch]:
        theirs = {attribute["name"]: attribute for attribute in written}
        ours = {attribute["name"]: attribute for attribute in read}
        found: list[Mismatch] = []
        for name, attribute in theirs.items():
            if name in ours:
                left_out = "default" in attribute
                found += self._attribute(
                    record, attribute, ours[name], left_out=left_out
                )
            else:
                found.append(Mismatch(Kind.IGNORED, f"{record}.{name}", name))
        return found + _required(
            record, [a for n, a in ours.items() if n not in theirs]
        )

    def _by_position(
        self, record: str, written: Sequence[Any], read: Sequence[Any]
    ) -> list[Mismatch]:
        found: list[Mismatch] = []
        for index, (theirs, ours) in enumerate(zip(written, read, strict=False)):
            # What has its default is left out, if nothing follows it.
            left_out = all("default" in after for after in written[index:])
            found += self._attribute(record, theirs, ours, left_out=left_out)
            if theirs["name"] != ours["name"]:
                place = f"{record}.{theirs['name']}"
                found.append(Mismatch(Kind.MOVED, place, theirs["name"], ours["name"]))
        found += [
            Mismatch(Kind.IGNORED, f"{record}.{attribute['name']}", attribute["name"])
            for attribute in written[len(read) :]
        ]
        return found + _required(record, read[len(written) :])

    def _attribute(
        self, record: str, written: Any, read: Any, *, left_out: bool
    ) -> list[Mismatch]:
        place = f"{record}.{written['name']}"
        found = self.check(written["type"], read["type"], place)
        if left_out and "default" not in read:
            found.append(Mismatch(Kind.ABSENT, place, written["name"]))
        elif left_out and not _same(written["default"], read["default"]):
            found.append(Mismatch(Kind.DEFAULT, place, written["name"]))
        return found

    def _is_positional(self, form: Form, types: DescribedTypes) -> bool:
        return bool(types.records[_name(form)].get("positional"))


def _required(record: str, attributes: Iterable[Any]) -> list[Mismatch]:
    return [
        Mismatch(Kind.ABSENT, f"{record}.{attribute['name']}", attribute["name"])
        for attribute in attributes
        if "default" not in attribute
    ]


_ARRAYS: Final = ("list", "sequence")


def _alternatives(form: Form, types: DescribedTypes) -> list[Form | _Value]:
    """
    Return what a value may be: members of unions, and each value of a closed list.
    """
    if isinstance(form, str):
        return [form]
    ((kind, content),) = form.items()
    if kind == "optional":
        return [*_alternatives(content, types), NOTHING]
    if kind == "union":
        return [one for member in content for one in _alternatives(member, types)]
    if kind == "literal":
        return [_Value(value) for value in content]
    if kind == "enumeration":
        members = types.enumerations[content]["members"]
        return [_Value(value) for value in members.values()]
    return [form]


def _name(form: Form | _Value) -> str:
    if isinstance(form, dict) and "record" in form:
        name: str = form["record"]
        return name
    return ""


def _is_tagged(alternatives: Iterable[Form | _Value]) -> bool:
    return sum(bool(_name(one)) for one in alternatives) > 1


def _spelled(alternatives: Iterable[Form | _Value]) -> str:
    words = [
        repr(one.value) if isinstance(one, _Value) else spell(one)
        for one in alternatives
    ]
    return " or ".join(words)


def _same(one: Any, other: Any) -> bool:
    # To Python true is 1 and 1.0; their encodings differ.
    return repr(one) == repr(other)
