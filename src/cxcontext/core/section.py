"""
What is inside a section: facts and marks, and how they are padded and read.

The plaintext of a section is ``{ ? 0: marks, * field => fact / [2* fact] }``
(protocol, section 1). Provenance stands in a fact only where it differs from
its statement's; a text, number or other scalar without any stands bare. A fact without a value is a retraction. Insiders are hostile
too: whatever does not fit the grammar is refused as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

import attrs

from cxcontext.core import cbor
from cxcontext.core.known import Known
from cxcontext.core.limits import (
    MAX_ITEMS,
    MAX_MAP_ENTRIES,
    MAX_QUALIFIER_CHARS,
    MAX_SECTION_BYTES,
    SECTION_PADDING_BYTES,
)
from cxcontext.core.vocabulary import MAX_FIELD_NUMBER, RESERVED_FIELD_NUMBER
from cxcontext.errors import (
    JourneyFullError,
    LimitExceededError,
    MalformedError,
    NotCanonicalError,
    SectionMalformedError,
)

VALUE: Final = 0
KNOWN: Final = 1
AGE: Final = 2
QUALIFIER: Final = 3
REPORTED_BY: Final = 4
MAX_AGE_SECONDS: Final = 2**40
MAX_BECAUSE_CHARS: Final = 256


class MarkKind(IntEnum):
    """
    What happened around a field besides learning it.
    """

    ASKED = 0
    REFUSED = 1
    DOES_NOT_KNOW = 2


class WireFact(NamedTuple):
    """
    One fact as it stands in a section, or in the clear facts of a statement.

    A tuple, because an opened section makes one of each of its facts.
    """

    field: int
    has_value: bool
    value: Any = None
    known: Known = Known.STATED
    age_s: int = 0
    qualifier: str | None = None
    reported_by: str | None = None

    def __repr__(self) -> str:
        return f"<WireFact of field {self.field}>"

    def to_entry(self) -> Any:
        """
        Return the bare value where that says it all, else a map without defaults.
        """
        fact: dict[int, Any] = {}
        if self.has_value:
            fact[VALUE] = self.value
        if self.known is not Known.STATED:
            fact[KNOWN] = int(self.known)
        if self.age_s:
            fact[AGE] = self.age_s
        if self.qualifier is not None:
            fact[QUALIFIER] = self.qualifier
        if self.reported_by is not None:
            fact[REPORTED_BY] = self.reported_by
        if len(fact) == 1 and self.has_value and not isinstance(self.value, _NESTING):
            return self.value
        return fact


class WireMark(NamedTuple):
    """
    One mark as it stands in a section.
    """

    field: int
    kind: MarkKind
    age_s: int = 0
    qualifier: str | None = None
    because: str | None = None

    def __repr__(self) -> str:
        return f"<WireMark {self.kind.name} of field {self.field}>"

    def to_list(self) -> list[Any]:
        """
        Return the mark's array, trailing defaults left out.
        """
        mark: list[Any] = [int(self.kind), self.age_s, self.qualifier, self.because]
        while len(mark) > 1 and mark[-1] in (None, 0):
            mark.pop()
        return mark


@attrs.frozen(kw_only=True)
class SectionContent:
    """
    Everything that one section says.
    """

    facts: tuple[WireFact, ...] = ()
    marks: tuple[WireMark, ...] = ()
    _by_slot: dict[tuple[int, str | None], WireFact] = attrs.field(
        init=False, eq=False, repr=False
    )

    _marks_by_slot: dict[tuple[int, str | None], list[WireMark]] = attrs.field(
        init=False, eq=False, repr=False
    )

    def __attrs_post_init__(self) -> None:
        by_slot = {(fact.field, fact.qualifier): fact for fact in self.facts}
        object.__setattr__(self, "_by_slot", by_slot)
        marks: dict[tuple[int, str | None], list[WireMark]] = {}
        for mark in self.marks:
            marks.setdefault((mark.field, mark.qualifier), []).append(mark)
        object.__setattr__(self, "_marks_by_slot", marks)

    @property
    def has_duplicates(self) -> bool:
        """
        Whether two facts are of one field and qualifier.
        """
        return len(self._by_slot) < len(self.facts)

    def find(self, field: int, qualifier: str | None) -> WireFact | None:
        """
        Return the one fact of a field and qualifier, or None.
        """
        return self._by_slot.get((field, qualifier))

    def find_marks(self, field: int, qualifier: str | None) -> Sequence[WireMark]:
        """
        Return the marks of a field and qualifier, in the order in which they stand.
        """
        return self._marks_by_slot.get((field, qualifier), ())

    def encode(self) -> bytes:
        """
        Return the padded plaintext.

        Raises:
            JourneyFullError: When it exceeds what a section may hold.
        """
        plain: dict[int, Any] = {}
        if self.marks:
            marks: dict[int, list[Any]] = {}
            for mark in sorted(self.marks, key=lambda mark: as_encoded(mark.field)):
                marks.setdefault(mark.field, []).append(mark.to_list())
            plain[RESERVED_FIELD_NUMBER] = marks
        grouped: dict[int, list[Any]] = {}
        for fact in self.facts:
            grouped.setdefault(fact.field, []).append(fact.to_entry())
        for field in sorted(grouped, key=as_encoded):
            facts = grouped[field]
            plain[field] = facts if len(facts) > 1 else facts[0]
        # The values are in order, for they have been decoded once.
        data = cbor.encode_ordered(plain)
        # What one writes, every reader must take. Fewer bytes hold fewer items.
        if len(data) > MAX_ITEMS or len(plain) > MAX_MAP_ENTRIES:
            _check_limits(data)
        if len(data) >= MAX_SECTION_BYTES:
            raise JourneyFullError(f"a section holds at most {MAX_SECTION_BYTES} bytes")
        return pad(data)


def as_encoded(field: int) -> tuple[bool, int]:
    """
    Return by what field numbers are sorted as map keys.
    """
    # RFC 8949, 4.2.1: by their encoding negative numbers come last, -1 first.
    return field < 0, abs(field)


def _check_limits(data: bytes) -> None:
    try:
        cbor.decode(data, what="section", values=True)
    except LimitExceededError as exc:
        raise JourneyFullError(
            f"a section holds at most {exc.limit} {exc.what}"
        ) from None


def pad(data: bytes) -> bytes:
    """
    Return *data* with 0x80 and zeros up to the next multiple of 32 bytes.
    """
    return data + b"\x80" + bytes(-(len(data) + 1) % SECTION_PADDING_BYTES)


def unpad(padded: bytes, *, scope: int) -> bytes:
    """
    Return what was padded.

    Raises:
        SectionMalformedError: When the padding is not the one that `pad` makes.
    """
    data, mark, zeros = padded.rpartition(b"\x80")
    if (
        not mark
        or zeros.strip(b"\0")
        or len(zeros) >= SECTION_PADDING_BYTES
        or len(padded) % SECTION_PADDING_BYTES
        or len(padded) > MAX_SECTION_BYTES
    ):
        raise SectionMalformedError(scope, "padding")
    return data


def decode_section(padded: bytes, *, scope: int) -> SectionContent:
    """
    Return what an opened section says.

    Raises:
        SectionMalformedError: When it is not what the grammar allows.
    """
    data = unpad(padded, scope=scope)
    try:
        plain = cbor.decode(data, what="section", values=True)
        return _section(plain)
    except (MalformedError, NotCanonicalError, LimitExceededError) as exc:
        what = exc.what if isinstance(exc, LimitExceededError) else exc.code
        raise SectionMalformedError(scope, what) from None


def decode_clear(entries: Mapping[Any, Any]) -> tuple[WireFact, ...]:
    """
    Return the clear facts of a statement's claims.

    Raises:
        MalformedError: When they are not what the grammar allows.
    """
    facts = tuple(_fact(field, entry) for field, entry in entries.items())
    if any(fact.qualifier is not None for fact in facts):
        raise MalformedError("clear fact")
    return facts


def _section(plain: Any) -> SectionContent:
    if not isinstance(plain, dict):
        raise MalformedError("section")
    facts: list[WireFact] = []
    marks: list[WireMark] = []
    for number, entry in plain.items():
        if number == RESERVED_FIELD_NUMBER:
            marks.extend(_marks(entry))
        elif type(entry) is list:
            if len(entry) < 2:
                raise MalformedError("one fact in a list")
            facts.extend([_fact(number, item) for item in entry])
        else:
            facts.append(_fact(number, entry))
    content = SectionContent(facts=tuple(facts), marks=tuple(marks))
    if content.has_duplicates:
        raise MalformedError("two facts of one field and qualifier")
    return content


def _fact(number: Any, entry: Any) -> WireFact:
    if type(entry) is not dict:
        if type(entry) is list:
            raise MalformedError("fact")
        return WireFact(field=_field_number(number), has_value=True, value=entry)
    if not entry.keys() <= _FACT_LABELS:
        raise MalformedError("fact")
    if entry.keys() == _BARE and not isinstance(entry[VALUE], _NESTING):
        raise NotCanonicalError("fact")
    known = Known.STATED
    if KNOWN in entry:
        if type(entry[KNOWN]) is not int or entry[KNOWN] not in _KNOWNS:
            raise MalformedError("how known")
        known = _KNOWNS[entry[KNOWN]]
        # A default that is written out would be a second encoding of the same.
        if known is Known.STATED:
            raise NotCanonicalError("fact")
    if entry.get(AGE, 1) == 0:
        raise NotCanonicalError("fact")
    return WireFact(
        field=_field_number(number),
        has_value=VALUE in entry,
        value=entry.get(VALUE),
        known=known,
        age_s=_age(entry[AGE]) if AGE in entry else 0,
        qualifier=_text(entry, QUALIFIER, MAX_QUALIFIER_CHARS),
        reported_by=_text(entry, REPORTED_BY, MAX_QUALIFIER_CHARS),
    )


def _marks(entry: Any) -> Iterable[WireMark]:
    if not isinstance(entry, dict) or not entry:
        raise MalformedError("marks")
    for number, marks in entry.items():
        if not isinstance(marks, list) or not marks:
            raise MalformedError("marks")
        for mark in marks:
            yield _mark(number, mark)


def _mark(number: Any, mark: Any) -> WireMark:
    if not isinstance(mark, list) or not 1 <= len(mark) <= 4:
        raise MalformedError("mark")
    missing: list[Any] = [None, 0, None, None][len(mark) :]
    kind, age_s, qualifier, because = mark + missing
    if type(kind) is not int or kind not in _KINDS:
        raise MalformedError("mark")
    if len(mark) > 1 and mark[-1] in (None, 0):
        raise NotCanonicalError("mark")
    texts = {QUALIFIER: qualifier, REPORTED_BY: because}
    return WireMark(
        field=_field_number(number),
        kind=MarkKind(kind),
        age_s=_age(age_s),
        qualifier=_text(texts, QUALIFIER, MAX_QUALIFIER_CHARS, none=True),
        because=_text(texts, REPORTED_BY, MAX_BECAUSE_CHARS, none=True),
    )


def _field_number(number: Any) -> int:
    if type(number) is not int or not 1 <= abs(number) <= MAX_FIELD_NUMBER:
        raise MalformedError("field number")
    return number


def _age(age_s: Any) -> int:
    if type(age_s) is not int or not 0 <= age_s <= MAX_AGE_SECONDS:
        raise MalformedError("age")
    return age_s


def _text(
    entry: Mapping[int, Any], label: int, limit: int, *, none: bool = False
) -> str | None:
    if label not in entry:
        return None
    text = entry[label]
    if none and text is None:
        return None
    if not isinstance(text, str) or not 1 <= len(text) <= limit:
        raise MalformedError("text")
    return text


_NESTING: Final = (list, tuple, dict)
_BARE: Final = frozenset((VALUE,))
_FACT_LABELS: Final = frozenset((VALUE, KNOWN, AGE, QUALIFIER, REPORTED_BY))
_KNOWNS: Final = {int(known): known for known in Known}
_KINDS: Final = frozenset(int(kind) for kind in MarkKind)
