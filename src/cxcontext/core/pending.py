"""
What a department has learned and not sealed yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs

from cxcontext.core import cbor
from cxcontext.core.section import SectionContent, WireFact, WireMark

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

    def dated(self, issued_s: int) -> WireMark:
        """
        Return the mark as it stands in a statement of *issued_s*.
        """
        age_s = max(0, issued_s - self.at_s)
        return attrs.evolve(self.mark, age_s=age_s) if age_s else self.mark


def _read_only(mapping: Mapping[Any, Any]) -> Mapping[Any, Any]:
    return MappingProxyType(dict(mapping))


@attrs.frozen(kw_only=True, repr=False, eq=False)
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
        return attrs.evolve(self, facts={**self.facts, slot: fact})

    def with_mark(self, mark: PendingMark) -> Pending:
        """
        Return this with *mark* beside the others.
        """
        return attrs.evolve(self, marks=(*self.marks, mark))

    def has_room(self, scope: int, wire: Any) -> bool:
        """
        Whether a value of *wire* surely fits beside what the scope holds.
        """
        held = [f.fact.to_entry() for f in self.facts.values() if f.scope == scope]
        texts = [m.mark.to_list() for m in self.marks if m.scope == scope]
        entries = len(held) + len(texts) + 1
        size = sum(len(cbor.encode(v)) + _OVERHEAD_BYTES for v in (*held, *texts, wire))
        return entries <= MAX_PENDING_ENTRIES and size <= MAX_PENDING_BYTES

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
        facts = sorted(
            (f for f in self.facts.values() if f.scope == scope and not f.clear),
            key=lambda f: (f.fact.field, f.fact.qualifier or ""),
        )
        marks = (mark for mark in self.marks if mark.scope == scope)
        return SectionContent(
            facts=tuple(fact.dated(issued_s) for fact in facts),
            marks=tuple(mark.dated(issued_s) for mark in marks),
        )

    def clear_facts(self, *, issued_s: int) -> tuple[WireFact, ...]:
        """
        Return the facts that travel in the claims.
        """
        return tuple(f.dated(issued_s) for f in self.facts.values() if f.clear)
