"""
The hash-linked graph that statements form: one root, ancestors, heads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import attrs

from cxcontext.core.limits import MAX_HEADS
from cxcontext.errors import (
    CyclicGraphError,
    LimitExceededError,
    MissingParentError,
    NotOneRootError,
)


class Linked(Protocol):
    """
    What has an id and names its parents by theirs.
    """

    @property
    def id(self) -> bytes:
        """
        The statement's id.
        """
        ...

    @property
    def parents(self) -> Sequence[bytes]:
        """
        The ids of what it builds upon; empty for the root.
        """
        ...


@attrs.frozen(kw_only=True)
class Graph:
    """
    Statements in topological order, parents first, ties by id.

    Attributes:
        order: The ids in that order.
        position: The inverse of *order*.
        ancestors: Per position, a bit for every position it descends from.
        heads: Positions that nothing descends from.
    """

    order: tuple[bytes, ...]
    position: Mapping[bytes, int]
    ancestors: tuple[int, ...]
    heads: tuple[int, ...]


def extended(graph: Graph, statement: Linked) -> Graph | None:
    """
    Return *graph* with a statement that builds upon all of its heads, else None.

    It comes after everything, so nothing has to be ordered anew.
    """
    order, position, ancestors = graph.order, graph.position, graph.ancestors
    heads = {order[head] for head in graph.heads}
    if not heads or heads != set(statement.parents) or statement.id in position:
        return None
    index = len(order)
    return Graph(
        order=(*order, statement.id),
        position={**position, statement.id: index},
        # All that is there is built upon, by the heads or through them.
        ancestors=(*ancestors, (1 << index) - 1),
        heads=(index,),
    )


def build_graph(statements: Iterable[Linked]) -> Graph:
    """
    Return the graph of *statements*, checked without recursion.

    Raises:
        NotOneRootError: Not exactly one statement has no parents.
        MissingParentError: A parent is not among them.
        CyclicGraphError: Some descend from each other.
        LimitExceededError: There are more heads than the format allows.
    """
    parents_of = {statement.id: statement.parents for statement in statements}
    roots = [identifier for identifier, parents in parents_of.items() if not parents]
    if len(roots) != 1:
        raise NotOneRootError(len(roots))
    children: dict[bytes, list[bytes]] = {identifier: [] for identifier in parents_of}
    waiting: dict[bytes, int] = {}
    for identifier, parents in parents_of.items():
        waiting[identifier] = len(parents)
        for parent in parents:
            if parent not in children:
                raise MissingParentError
            children[parent].append(identifier)
    order: list[bytes] = []
    position: dict[bytes, int] = {}
    ancestors: list[int] = []
    heads: list[int] = []
    ready = roots
    while ready:
        following: list[bytes] = []
        for identifier in sorted(ready):
            mask = 0
            for parent in parents_of[identifier]:
                at = position[parent]
                mask |= ancestors[at] | 1 << at
            position[identifier] = len(order)
            if not children[identifier]:
                heads.append(len(order))
            order.append(identifier)
            ancestors.append(mask)
            for child in children[identifier]:
                waiting[child] -= 1
                if not waiting[child]:
                    following.append(child)
        ready = following
    if len(order) != len(parents_of):
        raise CyclicGraphError
    if len(heads) > MAX_HEADS:
        raise LimitExceededError("heads", MAX_HEADS)
    return Graph(
        order=tuple(order),
        position=position,
        ancestors=tuple(ancestors),
        heads=tuple(heads),
    )
