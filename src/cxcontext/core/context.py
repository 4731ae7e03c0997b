"""
The context: what one reader knows of a journey. Immutable, opened lazily.

Each section is opened at most once, when a field of its scope is first read.
There is one notion of being behind: a section that this reader cannot read,
with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar

import attrs
from cryptography.exceptions import InvalidTag

from cxcontext.core.contribution import SEALED_HERE
from cxcontext.core.erasable import find_secret, unlock
from cxcontext.core.events import Event, SectionIgnored
from cxcontext.core.fold import Content, Node
from cxcontext.core.gaps import Reason
from cxcontext.core.graph import Graph
from cxcontext.core.keys import KeySet, PrivateKeys
from cxcontext.core.known import Arrival, Known
from cxcontext.core.numeric_date import from_seconds
from cxcontext.core.pending import Pending
from cxcontext.core.section import SectionContent, decode_section
from cxcontext.core.statement import (
    FLAG_ACCEPTED,
    FLAG_ERASABLE,
    FLAG_EXPORT,
    FLAG_HINT,
    FLAG_POSSESSION,
    Statement,
    journey_id,
    parse_section,
    section_info,
)
from cxcontext.core.vocabulary import FieldDefinition, Scope, Vocabulary
from cxcontext.errors import SectionMalformedError
from cxcontext.hiding import unshown
from cxcontext.pickling import NotPicklable
from cxcontext.typing import ErasureSecrets


@attrs.frozen(kw_only=True, eq=False, repr=False, field_transformer=unshown)
class Reader:
    """
    Who reads: a department, its keys, and its rules.
    """

    domain: str
    department: str
    vocabulary: type[Vocabulary]
    keys: PrivateKeys
    key_set: KeySet
    observe: Callable[[Event], None]
    secrets: ErasureSecrets | None = None

    def may_read(self, scope: Scope) -> bool:
        """
        Whether the vocabulary lists the department among the scope's readers.
        """
        return self.department in scope.readers


@attrs.frozen(kw_only=True)
class Touchpoint:
    """
    One step of the trail: which department had the customer, where and when.

    Attributes:
        department: None where the signing key is not known here.
        accepted: Whether the department said here that it took over.

    .. versionadded:: 0.1.0
    """

    department: str | None
    channel: str
    at: datetime
    arrival: Arrival
    accepted: bool


def arrival_of(flags: int) -> Arrival:
    """
    Return how the journey had reached the author of a statement.
    """
    if flags & FLAG_HINT:
        return Arrival.HINT
    return Arrival.POSSESSION if flags & FLAG_POSSESSION else Arrival.DELIVERY


@attrs.frozen(kw_only=True, eq=False, repr=False, field_transformer=unshown)
class Context(NotPicklable):
    """
    Statements in topological order as one reader sees them.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "pass on the envelope instead"

    reader: Reader
    statements: tuple[Statement, ...]
    authors: tuple[str | None, ...]
    graph: Graph
    pending: Pending | None = None
    pending_node: Node | None = None
    # Of the root that is not sealed yet.
    root_flags: int = 0
    # What was opened stays opened; what this department sealed itself is kept
    # here too, since it may write scopes that it cannot read.
    _opened: dict[tuple[bytes, int], Content] = attrs.field(
        factory=dict, alias="opened"
    )
    # Made when first asked for: to pass a journey on, nobody needs them. None of
    # it is about what is pending, so that a context with more pending has it too.
    _lazy: dict[str, Any] = attrs.field(factory=dict, alias="lazy")

    def __repr__(self) -> str:
        return (
            f"<Context of {len(self.statements)} statements "
            f"for {self.reader.department}>"
        )

    @property
    def nodes(self) -> tuple[Node, ...]:
        """
        The statements as the fold sees them; what is pending comes last.
        """
        nodes: tuple[Node, ...] | None = self._lazy.get("nodes")
        if nodes is None:
            nodes = self._lazy["nodes"] = self._make_nodes()
        return nodes if self.pending_node is None else (*nodes, self.pending_node)

    def _make_nodes(self) -> tuple[Node, ...]:
        return tuple(
            self._make_node(statement, author, ancestors)
            for statement, author, ancestors in zip(
                self.statements, self.authors, self.graph.ancestors, strict=True
            )
        )

    def _make_node(
        self, statement: Statement, author: str | None, ancestors: int
    ) -> Node:
        # An export restates in others' words for the partner; to a department of
        # ours that another one says it is an export proves nothing.
        believed = ~0 if self._is_for_export() else ~FLAG_EXPORT
        return Node(
            id=statement.id,
            department=author,
            issued_s=statement.issued_s,
            expires_s=statement.expires_s,
            revision=statement.revision,
            channel=statement.channel,
            flags=statement.flags & believed,
            ancestors=ancestors,
        )

    @property
    def journey_id(self) -> str | None:
        """
        The journey's id in hex; None before anything was sealed.
        """
        if not self.statements:
            return None
        found: str | None = self._lazy.get("journey_id")
        if found is None:
            root = self.statements[0]
            found = journey_id(domain=self.reader.domain, root=root).hex()
            self._lazy["journey_id"] = found
        return found

    @property
    def is_erasable(self) -> bool:
        """
        Whether every section is also under the journey's secret.
        """
        flags = self.statements[0].flags if self.statements else self.root_flags
        return bool(flags & FLAG_ERASABLE)

    def in_the_clear(self, field: FieldDefinition[Any]) -> bool:
        """
        Whether *field* stands in the claims here. In an erasable journey none does.
        """
        return field.clear and not self.is_erasable

    @property
    def trail(self) -> tuple[Touchpoint, ...]:
        """
        Which departments had the customer, oldest first.
        """
        return tuple(
            Touchpoint(
                department=node.department,
                channel=node.channel,
                at=from_seconds(node.issued_s),
                arrival=arrival_of(node.flags),
                accepted=bool(node.flags & FLAG_ACCEPTED),
            )
            for node in self.nodes
        )

    def _is_for_export(self) -> bool:
        reader = self.reader
        entry = reader.key_set.departments.get(reader.department)
        ours = self.authors[:1] == (reader.department,)
        return ours or (entry is not None and entry.external)

    def verified_heads(self) -> list[int]:
        """
        Return what the next statement builds upon: known authors' last words.

        A statement whose own key is unknown is not built upon; verified ones
        are, whatever stands above them.
        """
        found: list[int] | None = self._lazy.get("verified_heads")
        if found is None:
            covered = 0
            known = [i for i, author in enumerate(self.authors) if author is not None]
            for index in known:
                covered |= self.graph.ancestors[index]
            found = [index for index in known if not covered >> index & 1]
            self._lazy["verified_heads"] = found
        return list(found)

    def followed_by(
        self,
        statement: Statement,
        author: str | None,
        *,
        graph: Graph,
        opened: dict[tuple[bytes, int], Content],
    ) -> Context:
        """
        Return this with a statement that builds upon all others, in their *graph*.

        What was made of the others stays as it is, so that a journey of many
        statements does not cost the square of their number.
        """
        lazy: dict[str, Any] = {}
        if "nodes" in self._lazy:
            node = self._make_node(statement, author, graph.ancestors[-1])
            lazy["nodes"] = (*self._lazy["nodes"], node)
        if author is not None:
            lazy["verified_heads"] = [len(self.statements)]
        return Context(
            reader=self.reader,
            statements=(*self.statements, statement),
            authors=(*self.authors, author),
            graph=graph,
            opened={**opened, **self._opened},
            lazy=lazy,
        )

    def with_pending(self, pending: Pending, node: Node) -> Context:
        """
        Return this with what is pending as its last node.
        """
        return Context(
            reader=self.reader,
            statements=self.statements,
            authors=self.authors,
            graph=self.graph,
            pending=pending,
            pending_node=node,
            root_flags=self.root_flags,
            opened=self._opened,
            lazy=self._lazy,
        )

    def opened(self) -> dict[tuple[bytes, int], Content]:
        """
        Return what has been opened so far, for a context that grows from this.
        """
        return dict(self._opened)

    def said_here(self, index: int) -> bool:
        """
        Whether a node is what this unit of work said itself, sealed or not.
        """
        if index >= len(self.statements):
            return True
        return (self.statements[index].id, SEALED_HERE) in self._opened

    # --- contents ------------------------------------------------------------

    def contents(self, field: FieldDefinition[Any], *, now_s: int) -> Sequence[Content]:
        """
        Return, per node, what this reader finds where *field* may stand.
        """
        if self.in_the_clear(field):
            return [
                self._clear_content(field, index) for index in range(len(self.nodes))
            ]
        return self.scope_contents(field.scope, now_s=now_s)

    def scope_contents(self, scope: Scope, *, now_s: int) -> Sequence[Content]:
        """
        Return, per node, what this reader finds of *scope*.
        """
        found = self._sealed_contents(scope, now_s=now_s)
        if self.pending is not None and self.pending_node is not None:
            issued_s = self.pending_node.issued_s
            pending = scope.number in self.pending.scopes
            found.append(
                self.pending.content(scope.number, issued_s=issued_s)
                if pending
                else None
            )
        return found

    def _sealed_contents(self, scope: Scope, *, now_s: int) -> list[Content]:
        """
        Return, per statement, what this reader finds; the same until it grows.
        """
        kept: dict[int, list[Content]] = self._lazy.setdefault("contents", {})
        # The secret of an erasable journey may be gone, or there, a moment later.
        if scope.number in kept and not self.is_erasable:
            return kept[scope.number].copy()
        secret = self._secret()
        found = [
            self._content(index, scope, now_s=now_s, secret=secret)
            if scope.number in statement.digests
            else None
            for index, statement in enumerate(self.statements)
        ]
        kept[scope.number] = found
        return found.copy()

    def _clear_content(self, field: FieldDefinition[Any], index: int) -> Content:
        if index < len(self.statements):
            facts = self.statements[index].clear
        else:
            node = self.nodes[index]
            pending = self.pending or Pending()
            facts = pending.clear_facts(issued_s=node.issued_s)
        mine = tuple(fact for fact in facts if fact.field == field.number)
        if not mine:
            return None
        if self.nodes[index].department is None:
            return Reason.UNKNOWN_AUTHOR
        return SectionContent(facts=mine)

    def _secret(self) -> bytes | None:
        """
        Return the journey's secret. Where it is gone, so is what was opened with it.
        """
        if not self.is_erasable or self.journey_id is None:
            return None
        secret = find_secret(self.reader.secrets, self.journey_id)
        if secret is None:
            for place in [place for place in self._opened if place[1] != SEALED_HERE]:
                del self._opened[place]
        return secret

    def _content(
        self, index: int, scope: Scope, *, now_s: int, secret: bytes | None
    ) -> Content:
        statement = self.statements[index]
        if self.is_erasable and secret is None:
            # It may be there again a moment later.
            return self._open(index, scope, now_s=now_s, secret=None)
        place = (statement.id, scope.number)
        # A section that is withheld here may be there in a merged copy.
        found = self._opened.get(place)
        if found is None:
            raw = statement.sections.get(scope.number)
            # What could not be read is not tried again, unless it comes anew.
            tried: dict[Any, Content] = self._lazy.setdefault("tried", {})
            if (place, raw) in tried:
                return tried[place, raw]
            found = self._open(index, scope, now_s=now_s, secret=secret)
            if isinstance(found, SectionContent):
                self._opened[place] = found
            else:
                tried[place, raw] = found
        return found

    def _open(
        self, index: int, scope: Scope, *, now_s: int, secret: bytes | None
    ) -> Content:
        statement, author = self.statements[index], self.authors[index]
        if author is None:
            return Reason.UNKNOWN_AUTHOR
        raw = statement.sections.get(scope.number)
        may_read = self.reader.may_read(scope)
        if raw is None:
            return Reason.WITHHELD if may_read else Reason.NOT_YOURS
        generation, sealed = parse_section(raw)
        key = self.reader.keys.opening_key(scope.number, generation, now=now_s)
        if key is None:
            return Reason.UNREADABLE if may_read else Reason.NOT_YOURS
        if self.is_erasable and secret is None:
            return Reason.UNREADABLE
        info = section_info(
            domain=self.reader.domain,
            protected=statement.protected,
            scope=scope.number,
            generation=generation,
        )
        try:
            padded = key.open(sealed, info=info)
            if secret is not None:
                padded = unlock(padded, secret=secret, info=info)
            content = decode_section(padded, scope=scope.number)
        except InvalidTag:
            self._ignored(author, scope, "section_unopenable")
            return Reason.UNREADABLE
        except SectionMalformedError as problem:
            self._ignored(author, scope, problem.code)
            return Reason.UNREADABLE
        self._look_at(statement, author, scope, generation, content)
        return content

    def _look_at(
        self,
        statement: Statement,
        author: str,
        scope: Scope,
        generation: int,
        content: SectionContent,
    ) -> None:
        """
        Tell the observers of what is readable and yet not as it should be.
        """
        sealing = self.reader.key_set.sealing_generation(scope.number, generation)
        if sealing is not None and not sealing.seals_at(statement.issued_s):
            self._ignored(author, scope, "stale_key")
        if statement.revision > self.reader.vocabulary.revision:
            return
        if author not in scope.writers and author not in scope.former_writers:
            self._ignored(author, scope, "not_a_writer")
        fields = self.reader.vocabulary.fields_by_number
        for fact in content.facts:
            field = fields.get(fact.field)
            if field is None:
                continue
            if field.scope.number != scope.number:
                self._ignored(author, scope, "field_of_another_scope")
            elif fact.known is Known.VERIFIED and not field.may_verify(author):
                self._ignored(author, scope, "not_a_verifier")

    def _ignored(self, author: str, scope: Scope, code: str) -> None:
        self.reader.observe(
            SectionIgnored(
                department=self.reader.department,
                journey_id=self.journey_id,
                author=author,
                scope=scope.number,
                code=code,
            )
        )
