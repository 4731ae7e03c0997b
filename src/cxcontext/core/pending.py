"""
What a department has learned and not sealed yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs

from cxcontext.core import cbor
from cxcontext.core.section import SectionContent, WireFact, WireMark, as_encoded
from cxcontext.hiding import unshown

# A section is sealed when the next fact might not fit into the same one; the
# format would take more, but small sections keep every check cheap.
MAX_PENDING_BYTES: Final = 4000
MAX_PENDING_ENTRIES: Final = 48
# So many of any size, and 16 parents, fit into a protected header.
MAX_PENDING_CLEAR: Final = 24
_OVERHEAD_BYTES: Final = 32

# The node of what is pending has no id yet; as the smallest it wins ties.
PENDING_ID: Final = b""

Slot = tuple[int, str | None]  # field number and qualifier


@attrs.frozen(kw_only=True)
class PendingFact:
    """
    A fact before it has a statement: with its own instant.
    """

    scope: int
    at_s: int
    clear: bool
    fact: WireFact
    size_bytes: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "size_bytes", _size(self.fact.to_entry()))

    def dated(self, issued_s: int) -> WireFact:
        """
        Return the fact as it stands in a statement of *issued_s*.
        """
        age_s = max(0, issued_s - self.at_s)
        return self.fact._replace(age_s=age_s) if age_s else self.fact


@attrs.frozen(kw_only=True)
class PendingMark:
    """
    A mark before it has a statement.
    """

    scope: int
    at_s: int
    mark: WireMark
    size_bytes: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "size_bytes", _size(self.mark.to_list()))

    def dated(self, issued_s: int) -> WireMark:
        """
        Return the mark as it stands in a statement of *issued_s*.
        """
        age_s = max(0, issued_s - self.at_s)
        return self.mark._replace(age_s=age_s) if age_s else self.mark


def _size(entry: Any) -> int:
    return len(cbor.encode(entry)) + _OVERHEAD_BYTES


def _in_section(fact: WireFact) -> tuple[bool, int, str]:
    return (*as_encoded(fact.field), fact.qualifier or "")


def _read_only(mapping: Mapping[Any, Any]) -> Mapping[Any, Any]:
    return MappingProxyType(dict(mapping))


@attrs.frozen(kw_only=True, repr=False, field_transformer=unshown, eq=False)
class Pending:
    """
    Facts and marks that wait for the next statement, and its flags.
    """

    facts: Mapping[Slot, PendingFact] = attrs.field(factory=dict, converter=_read_only)
    marks: tuple[PendingMark, ...] = ()
    accepted: bool = False

    def __bool__(self) -> bool:
        return bool(self.facts or self.marks or self.accepted)

    def __repr__(self) -> str:
        return f"<Pending {len(self.facts)} facts, {len(self.marks)} marks>"

    def with_fact(self, fact: PendingFact) -> Pending:
        """
        Return this with *fact*, in place of one of the same slot.
        """
        slot = (fact.fact.field, fact.fact.qualifier)
        facts = {**self.facts, slot: fact}
        return Pending(facts=facts, marks=self.marks, accepted=self.accepted)

    def with_mark(self, mark: PendingMark) -> Pending:
        """
        Return this with *mark* beside the others.
        """
        marks = (*self.marks, mark)
        return Pending(facts=self.facts, marks=marks, accepted=self.accepted)

    def has_room(self, entry: PendingFact | PendingMark) -> bool:
        """
        Whether *entry* surely fits beside what its scope holds.
        """
        scope = entry.scope
        held = [fact.size_bytes for fact in self.facts.values() if fact.scope == scope]
        sizes = held + [mark.size_bytes for mark in self.marks if mark.scope == scope]
        return (
            len(sizes) < MAX_PENDING_ENTRIES
            and sum(sizes) + entry.size_bytes <= MAX_PENDING_BYTES
        )

    @property
    def fields(self) -> frozenset[int]:
        """
        The numbers of the fields that anything is said of.
        """
        said = frozenset(field for field, _ in self.facts)
        return said | {mark.mark.field for mark in self.marks}

    @property
    def has_clear_room(self) -> bool:
        """
        Whether one more clear fact surely fits into the claims of one statement.
        """
        return sum(fact.clear for fact in self.facts.values()) < MAX_PENDING_CLEAR

    @property
    def scopes(self) -> frozenset[int]:
        """
        The scopes that need a section.
        """
        sealed = (fact.scope for fact in self.facts.values() if not fact.clear)
        return frozenset(sealed) | {mark.scope for mark in self.marks}

    def content(self, scope: int, *, issued_s: int) -> SectionContent:
        """
        Return what the section of *scope* will say.
        """
        facts = [
            held.dated(issued_s)
            for held in self.facts.values()
            if held.scope == scope and not held.clear
        ]
        facts.sort(key=_in_section)
        marks = [held.dated(issued_s) for held in self.marks if held.scope == scope]
        return SectionContent(facts=tuple(facts), marks=tuple(marks))

    def clear_facts(self, *, issued_s: int) -> tuple[WireFact, ...]:
        """
        Return the facts that travel in the claims.
        """
        return tuple(f.dated(issued_s) for f in self.facts.values() if f.clear)
