"""
Every small graph of statements, and random larger ones.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

import model
from hypothesis import settings
from hypothesis import strategies as st
from translation import Order

# For a night: HYPOTHESIS_PROFILE=deep searches larger alphabets, too.
DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
NOW = 500
MAX_RANDOM = 12
# These examples are cheap, so there are more than usual.
WIDELY = settings(max_examples=max(300, settings().max_examples))

S = TypeVar("S")


# --- every small graph -------------------------------------------------------


@cache
def shapes(size: int) -> tuple[Order, ...]:
    """
    Return every way in which *size* statements may descend from one another.

    Two graphs that differ only in redundant links are the same here.
    """
    graphs: list[dict[str, tuple[str, ...]]] = [{"a": ()}]
    for name in "bcdefg"[: size - 1]:
        graphs = [
            {**graph, name: parents}
            for graph in graphs
            for parents in _antichains(graph)
        ]
    return tuple(Order(graph) for graph in graphs)


def _antichains(graph: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    descends = model.descent(graph)
    for size in range(1, len(graph) + 1):
        for parents in itertools.combinations(graph, size):
            if not any(pair in descends for pair in itertools.permutations(parents, 2)):
                yield parents


def histories(
    alphabet: Sequence[S], *, largest: int, smallest: int = 1, root: Sequence[S] = ()
) -> Iterator[tuple[Order, tuple[S, ...]]]:
    """
    Yield every graph with every choice of symbols, each a statement but for its name.

    Args:
        alphabet: The symbols; each is issued one second after the one before.
        largest: Of how many statements at most.
        smallest: Of how many at least.
        root: The symbols for the first statement; all of the alphabet, if none.
    """
    for size in range(smallest, largest + 1):
        for order in shapes(size):
            placed = [
                tuple(
                    replace(symbol, name=name, issued=symbol.issued + index)  # type: ignore[type-var]
                    for symbol in (root if root and not index else alphabet)
                )
                for index, name in enumerate(order.names)
            ]
            for chosen in itertools.product(*placed):
                yield order, chosen


def count(alphabet: int, *, largest: int, smallest: int = 1) -> int:
    """
    Return how many histories there are over that many symbols.
    """
    sizes = range(smallest, largest + 1)
    return sum(len(shapes(size)) * alphabet**size for size in sizes)


# --- symbols -----------------------------------------------------------------

RULES = model.Rules(
    writers=frozenset(("sales", "support", "billing", "boss")),
    former_writers=frozenset(("former",)),
    verifiers=frozenset(("billing",)),
    former_verifiers=frozenset(("former",)),
    authority=frozenset(("boss",)),
)
NOBODY_VERIFIES = replace(
    RULES, verifiers=frozenset(), former_verifiers=frozenset(), authority=frozenset()
)
ONLY_INFERRED = replace(NOBODY_VERIFIES, inferred_only=True)
EVERYBODY = ("sales", "support", "billing", "boss", "former", "stranger")


def symbol(department: str | None = None, **said: Any) -> model.Statement:
    """
    Return a statement but for its name and place.
    """
    return model.Statement("", department, **said)


def said(department: str, known: int, value: str | None) -> model.Statement:
    """
    Return a statement that says something, but for its name and place.
    """
    return symbol(department, says=model.Said(known, value))


NOTHING = symbol("sales", section=False)
MANY: tuple[model.Statement, ...] = (
    *(
        one
        for department in EVERYBODY
        for one in (
            said(department, model.INFERRED, "a"),
            said(department, model.STATED, "a"),
            said(department, model.STATED, "b"),
            said(department, model.VERIFIED, "a"),
            symbol(department, unread=model.WITHHELD),
            symbol(department, unread=model.UNREADABLE, newer=True),
        )
    ),
    said("support", model.INFERRED, "b"),
    said("sales", model.STATED, None),
    said("boss", model.STATED, None),
    symbol(None),
    NOTHING,
)
EVERYTHING: tuple[model.Statement, ...] = (
    *MANY,
    *(
        said(department, known, value)
        for department in EVERYBODY
        for known in (model.INFERRED, model.OBSERVED, model.VERIFIED)
        for value in ("b", None)
    ),
)
# For graphs of four, what tells the rules apart with the fewest symbols.
FEW: tuple[model.Statement, ...] = (
    said("sales", model.INFERRED, "a"),
    said("sales", model.STATED, "a"),
    said("support", model.STATED, "b"),
    said("support", model.INFERRED, "b"),
    said("billing", model.VERIFIED, "a"),
    said("boss", model.STATED, "b"),
    said("sales", model.STATED, None),
    symbol("sales", unread=model.WITHHELD),
    symbol("billing", unread=model.WITHHELD),
    symbol(None),
    symbol("stranger", unread=model.NOT_YOURS, newer=True),
    NOTHING,
)
MORE: tuple[model.Statement, ...] = (
    *FEW,
    said("former", model.VERIFIED, "b"),
    said("stranger", model.STATED, "b"),
    said("sales", model.OBSERVED, "b"),
    replace(said("stranger", model.VERIFIED, "b"), newer=True),
    replace(said("sales", model.VERIFIED, "b"), newer=True),
    symbol("boss", unread=model.WITHHELD),
    replace(said("sales", model.STATED, "b"), expires=NOW),
    replace(symbol("billing", unread=model.WITHHELD), expires=NOW),
    symbol("sales", mark="refused"),
    replace(said("support", model.STATED, None), mark="customer_does_not_know"),
)


# --- random larger graphs ----------------------------------------------------


@st.composite
def orders(draw: st.DrawFn, *, largest: int = MAX_RANDOM) -> Order:
    """
    Draw a graph whose ids are in no relation to its order.
    """
    size = draw(st.integers(1, largest))
    names = draw(st.permutations("abcdefghijkl"[:size]))
    graph: dict[str, tuple[str, ...]] = {names[0]: ()}
    for name in names[1:]:
        # A bit for each of the last few; any earlier one, if there is none.
        recent = list(graph)[-3:]
        bits = draw(st.integers(0, 2 ** len(recent) - 1))
        parents = [other for bit, other in enumerate(recent) if bits >> bit & 1]
        graph[name] = tuple(sorted(parents)) or (draw(st.sampled_from(list(graph))),)
    return Order(graph)


LIFETIME = 100
_FIRST = 400


@st.composite
def times(draw: st.DrawFn, order: Order) -> Mapping[str, tuple[int, int]]:
    """
    Draw when each statement is issued and expires, as protocol section 5 allows.
    """
    found: dict[str, tuple[int, int]] = {}
    for name in order.names:
        parents = [found[other] for other in order.parents[name]]
        after, early = draw(_TIMES)
        issued = max((i for i, _ in parents), default=_FIRST) + after
        least = max([issued, *(e for _, e in parents)])
        most = max(issued + LIFETIME, least)
        found[name] = (issued, max(least, most - early))
    return found


# How long after its parents, and how much earlier than it might it expires.
_TIMES = st.sampled_from(
    [(after, early) for early in (0, 0, 50, LIFETIME) for after in (0, 1, 10, 30)]
)
_SAYS = (
    None,
    *(
        model.Said(known, value, age)
        for known in (model.STATED, model.INFERRED, model.VERIFIED, model.OBSERVED)
        for value in ("a", "b", "c", None)
        for age in (0, 700)
    ),
)
_SYMBOLS = [
    model.Statement("", department, says=says, newer=newer, mark=mark, section=section)
    for section in (True, True, True, False)
    for newer in (False, False, False, True)
    for mark in (None, None, "refused", "customer_does_not_know")
    for department in EVERYBODY
    for says in _SAYS
]
_PLACED = st.sampled_from(_SYMBOLS)
_UNREAD = st.sampled_from(
    (None,) * 8
    + (model.NOT_YOURS, model.WITHHELD, model.UNREADABLE, model.UNKNOWN_AUTHOR)
)


@st.composite
def statements(
    draw: st.DrawFn, order: Order, *, readable: bool = False
) -> tuple[model.Statement, ...]:
    """
    Draw what the statements of a graph say of one field.

    Args:
        draw: Hypothesis's.
        order: The graph.
        readable: Whether all of it can be read.
    """
    when = draw(times(order))
    found = []
    for name in order.names:
        placed = draw(_PLACED)
        unread = None if readable else draw(_UNREAD)
        unknown = unread == model.UNKNOWN_AUTHOR
        issued, expires = when[name]
        found.append(
            replace(
                placed,
                name=name,
                department=None if unknown else placed.department,
                unread=None if unknown else unread,
                # No two marks at the same instant, since the last one is shown.
                issued=issued * 100 + (len(found) if placed.mark else 0),
                expires=expires * 100,
            )
        )
    return tuple(found)


NOWS = st.integers(400_00, 700_00)
ANY_RULES = st.sampled_from((RULES, RULES, NOBODY_VERIFIES, ONLY_INFERRED))
