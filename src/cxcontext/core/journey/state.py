"""
What a journey holds, and the few ways in which that changes.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, Generic, NoReturn, SupportsIndex, TypeVar

import attrs

from cxcontext.core.context import Context
from cxcontext.core.contribution import seal_pending
from cxcontext.core.events import Event, MergeLeftOut, NearlyFull, Unsent
from cxcontext.core.fold import Node
from cxcontext.core.gaps import Reason
from cxcontext.core.graph import build_graph, extended
from cxcontext.core.known import Arrival
from cxcontext.core.limits import (
    MAX_HEADS,
    MAX_STATEMENTS,
    NEARLY_FULL_STATEMENTS,
)
from cxcontext.core.pending import PENDING_ID, Pending, Slot
from cxcontext.core.recall import Standing
from cxcontext.core.statement import (
    FLAG_ACCEPTED,
    FLAG_HINT,
    FLAG_POSSESSION,
    Statement,
)
from cxcontext.core.vocabulary import Vocabulary
from cxcontext.errors import JourneyFullError, MissingKeyError, NotPicklableError

if TYPE_CHECKING:
    from cxcontext.core.department import Department
    from cxcontext.core.envelope import Envelope

V = TypeVar("V", bound=Vocabulary)

_ARRIVAL_FLAGS = {Arrival.POSSESSION: FLAG_POSSESSION, Arrival.HINT: FLAG_HINT}
_PICKLE_ADVICE = "pass on journey.hand_over(...) or journey.save() instead"


@attrs.frozen(kw_only=True)
class Provenance:
    """
    How a journey came here.

    Attributes:
        arrival: How surely it is this customer's.
        received_from: Who signed the delivery; it grants nothing.
        replayed: Whether the same delivery had been seen before.
        delivery_id: The delivery's id, which a response names.
        problem: That something came which could not be used.
        stale: Whether its delivery had ended when it was read.
    """

    arrival: Arrival
    received_from: str | None = None
    replayed: bool = False
    delivery_id: bytes | None = None
    problem: Reason | None = None
    stale: bool = False


class JourneyState(Generic[V]):
    """
    A context, plus what this department has learned since. Not thread-shy.

    Every verb takes the lock, so the threads and tasks of one request may
    share one journey.
    """

    def __init__(
        self,
        department: Department[V],
        *,
        context: Context,
        channel: str,
        provenance: Provenance,
        nonce: bytes = b"",
    ) -> None:
        self._department = department
        self._context = context
        self._pending = Pending()
        self._channel = channel
        self._provenance = provenance
        self._arrival = provenance.arrival
        self._verified_here = False
        self._nonce = nonce
        self._told: set[Slot] = set()
        self._uncarried: set[int] = set()
        self._avoided: set[Slot] = set()
        self._arrived_with = len(context.statements)
        self._units_of_work = 0
        self._over = False
        self._delivered: tuple[Context, Envelope] | None = None
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return (
            f"<Journey {self.id} at {self._department.name}, "
            f"{len(self._context.statements)} statements, "
            f"{len(self._pending.facts)} pending>"
        )

    def __reduce_ex__(self, _protocol: SupportsIndex) -> NoReturn:
        raise NotPicklableError("Journey", _PICKLE_ADVICE)

    # --- identity ------------------------------------------------------------

    @property
    def id(self) -> str | None:
        """
        The journey's id in hex; None until its first statement is sealed.
        """
        return self._context.journey_id

    @property
    def department(self) -> str:
        """
        The department that holds this journey.
        """
        return self._department.name

    @property
    def channel(self) -> str:
        """
        Through which channel the customer is talking to this department.
        """
        return self._channel

    @property
    def arrival(self) -> Arrival:
        """
        How surely this is the customer's journey. Only `verify_identity` raises it.
        """
        return self._arrival

    @property
    def received_from(self) -> str | None:
        """
        Who handed it over. It grants nothing and authenticates no customer.
        """
        return self._provenance.received_from

    @property
    def replayed(self) -> bool:
        """
        Whether the same delivery had been received before.
        """
        return self._provenance.replayed

    @property
    def problem(self) -> Reason | None:
        """
        That something came which could not be used: ``REJECTED``, ``LOST`` or None.
        """
        return self._provenance.problem

    @property
    def stale(self) -> bool:
        """
        Whether its message waited for so long that the delivery had ended.

        What is still valid is read as ever. A message that somebody held back, and
        what has changed since, look the same.
        """
        return self._provenance.stale

    @property
    def delivery_id(self) -> bytes | None:
        """
        The id of the delivery it came with, which a response names.
        """
        return self._provenance.delivery_id

    @property
    def context(self) -> Context:
        """
        What is known now, with what is pending. Immutable.
        """
        with self._lock:
            return self._view()

    @property
    def heads(self) -> tuple[bytes, ...]:
        """
        The ids of the sealed statements by known authors that none builds upon.
        """
        with self._lock:
            context = self._context
            return tuple(context.statements[at].id for at in context.verified_heads())

    def lacks(self, statement_ids: Iterable[bytes]) -> frozenset[bytes]:
        """
        Return which of these statements are not in this journey.
        """
        with self._lock:
            return frozenset(statement_ids).difference(self._context.graph.position)

    @property
    def is_erasable(self) -> bool:
        """
        Whether deleting one secret makes every copy of this journey unreadable.
        """
        return self._context.is_erasable

    @property
    def unsent(self) -> tuple[int, ...]:
        """
        The numbers of fields learned here that nothing has carried yet.
        """
        with self._lock:
            return tuple(sorted(self._uncarried))

    def begin_of_work(self) -> None:
        """
        Note that a unit of work has this journey from now on.
        """
        with self._lock:
            self._units_of_work += 1
            self._over = False

    def end_of_work(self) -> None:
        """
        Report what was learned and not taken by a carrier, a save or a home.

        Where another unit of work still has this journey, that one reports.
        """
        with self._lock:
            self._units_of_work -= 1
            self._over = self._units_of_work == 0
            if self._over and self._uncarried:
                self._emit(Unsent, fields=self.unsent)

    @property
    def has_news(self) -> bool:
        """
        Whether anything was learned or sealed here since it arrived.
        """
        return bool(self._pending) or (
            len(self._context.statements) > self._arrived_with
        )

    def __bool__(self) -> bool:
        return True

    def now_s(self) -> int:
        """
        The domain's clock, in whole seconds.
        """
        return self._department.now_s()

    def random(self, size_bytes: int) -> bytes:
        """
        Return unpredictable bytes from the domain's source.
        """
        return self._department.random(size_bytes)

    def tell(self, event: type[Event], **details: Any) -> None:
        """
        Tell the observers of something that happened to this journey.
        """
        self._emit(event, **details)

    # --- for the verbs -------------------------------------------------------

    def _emit(self, event: type[Event], **details: Any) -> None:
        if not self._department.is_observed:
            return
        self._department.observe(
            event(
                department=self._department.name,
                journey_id=self._context.journey_id,
                **details,
            )
        )

    def _learned(self, fields: Collection[int]) -> None:
        """
        Note what must be carried. The lock is held.
        """
        self._uncarried.update(fields)
        # No end of work will come that could report it.
        if self._over and fields:
            self._emit(Unsent, fields=tuple(sorted(fields)))

    def _standing(self) -> Standing:
        return Standing(
            arrival=self._arrival,
            problem=self._provenance.problem,
            told=self._told,
            verified_here=self._verified_here,
        )

    def _view(self) -> Context:
        """
        Return the context with what is pending as its last node.
        """
        if not self._pending:
            return self._context
        graph = self._context.graph
        ancestors = 0
        for head in self._context.verified_heads():
            ancestors |= graph.ancestors[head] | 1 << head
        now_s = self.now_s()
        node = Node(
            id=PENDING_ID,
            department=self._department.name,
            issued_s=now_s,
            expires_s=now_s + self._department.statement_lifetime_s,
            revision=self._department.vocabulary.revision,
            channel=self._channel,
            flags=self._flags() | (FLAG_ACCEPTED if self._pending.accepted else 0),
            ancestors=ancestors,
        )
        return self._context.with_pending(self._pending, node)

    def _flags(self) -> int:
        flags = 0 if self._context.statements else self._context.root_flags
        return flags | _ARRIVAL_FLAGS.get(self._arrival, 0)

    def _check_room(self) -> None:
        if len(self._context.statements) >= MAX_STATEMENTS:
            raise JourneyFullError(f"{MAX_STATEMENTS} statements")

    def _seal(self, *, at_least_root: bool = False, joining: bool = False) -> None:
        """
        Seal what is pending into statements of this department.

        Args:
            at_least_root: Whether a journey begins with this.
            joining: Whether all heads are built upon, with nothing pending, too.
        """
        empty_root = at_least_root and not self._context.statements
        if not self._pending and not empty_root and not joining:
            return
        department, context = self._department, self._context
        now_s = self.now_s()
        heads = context.verified_heads()
        if context.statements and not heads:
            raise MissingKeyError("the key set does not know who wrote this journey")
        key_set = department.key_set
        sealed = seal_pending(
            self._pending,
            parents=[context.statements[head] for head in heads],
            nonce=self._nonce,
            keys=department.keys,
            key_set=key_set,
            vocabulary=department.vocabulary,
            channel=self._channel,
            flags=self._flags(),
            now_s=now_s,
            root=context.statements[0] if context.statements else None,
            secrets=department.secrets,
            random=department.random,
        )
        if len(context.statements) + len(sealed.statements) > MAX_STATEMENTS:
            raise JourneyFullError(f"{MAX_STATEMENTS} statements")
        self._context = grown(
            context,
            [(statement, department.name) for statement in sealed.statements],
            opened=dict(sealed.contents),
        )
        self._pending = Pending()
        count = len(self._context.statements)
        if count >= NEARLY_FULL_STATEMENTS:
            self._emit(NearlyFull, statements=count)

    def _join(self, other: Context) -> list[int]:
        """
        Take over another context's statements; return the positions of new ones.
        """
        before = {statement.id for statement in self._context.statements}
        theirs = list(zip(other.statements, other.authors, strict=True))
        self._context, left_out = joined(self._context, theirs, other.opened())
        if left_out:
            ids = tuple(statement_id.hex() for statement_id in left_out)
            self._emit(MergeLeftOut, statements=len(ids), statement_ids=ids)
        return [
            index
            for index, statement in enumerate(self._context.statements)
            if statement.id not in before
        ]


def grown(
    context: Context,
    added: Iterable[tuple[Statement, str | None]],
    *,
    opened: dict[Any, Any],
) -> Context:
    """
    Return *context* with more statements, whose parents it has.
    """
    added = list(added)
    if len(added) == 1 and (graph := extended(context.graph, added[0][0])):
        ((statement, author),) = added
        return context.followed_by(statement, author, graph=graph, opened=opened)
    held = zip(context.statements, context.authors, strict=True)
    by_id = {statement.id: (statement, author) for statement, author in held}
    for statement, author in added:
        present = by_id.get(statement.id)
        if present is not None:
            statement = present[0].joined(statement)  # noqa: PLW2901
            # Whoever knows the key has verified the signature.
            author = present[1] or author  # noqa: PLW2901
        by_id[statement.id] = (statement, author)
    graph = build_graph(statement for statement, _ in by_id.values())
    return Context(
        reader=context.reader,
        statements=tuple(by_id[identifier][0] for identifier in graph.order),
        authors=tuple(by_id[identifier][1] for identifier in graph.order),
        graph=graph,
        opened={**opened, **context.opened()},
    )


def joined(
    context: Context,
    theirs: list[tuple[Statement, str | None]],
    opened: dict[Any, Any],
) -> tuple[Context, list[bytes]]:
    """
    Return the union of both, and the ids of what did not fit into the limits.

    What is here stays; of the other side as many as fit, parents first.
    """
    result = grown_within_limits(context, theirs, opened)
    if result is not None:
        return result, []
    # Over the limits: what both have, and of the rest one by one what still fits.
    held = {statement.id for statement in context.statements}
    common = [entry for entry in theirs if entry[0].id in held]
    context = grown(context, common, opened=opened)
    rest = [entry for entry in theirs if entry[0].id not in held]
    taken = 0
    while taken < len(rest) and (
        bigger := grown_within_limits(context, [rest[taken]], opened)
    ):
        context = bigger
        taken += 1
    return context, [statement.id for statement, _ in rest[taken:]]


def grown_within_limits(
    context: Context,
    added: list[tuple[Statement, str | None]],
    opened: dict[Any, Any],
) -> Context | None:
    """
    Return *context* with *added*, or None where the limits do not allow it.
    """
    ids = {statement.id for statement in context.statements}
    ids |= {statement.id for statement, _ in added}
    if len(ids) > MAX_STATEMENTS or _heads_after(context, added) > MAX_HEADS:
        return None
    return grown(context, added, opened=opened)


def _heads_after(context: Context, added: list[tuple[Statement, str | None]]) -> int:
    statements = {s.id: s for s in context.statements}
    statements.update((s.id, s) for s, _ in added)
    parents = {parent for s in statements.values() for parent in s.parents}
    return len(statements.keys() - parents)
