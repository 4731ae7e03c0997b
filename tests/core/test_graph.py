"""
The graph: one root, all parents there, no circle, and its order.

Ids are hashes of what names the parents, so no envelope holds a circle; here
they are made up, since the check must not rest on that.
"""

from __future__ import annotations

from itertools import pairwise

import attrs
import pytest
from forge import refuses
from hypothesis import given
from hypothesis import strategies as st

from cxcontext.core.graph import build_graph, extended
from cxcontext.core.limits import MAX_HEADS
from cxcontext.errors import (
    CyclicGraphError,
    LimitExceededError,
    MissingParentError,
    NotOneRootError,
)


@attrs.frozen
class Link:
    """
    A statement as the graph sees it.
    """

    id: bytes
    parents: tuple[bytes, ...] = ()


def links(**parents: str) -> list[Link]:
    """
    Return links named by one letter each: ``links(a="", b="a", c="ab")``.
    """
    return [
        Link(name.encode(), tuple(letter.encode() for letter in named))
        for name, named in parents.items()
    ]


def fan(heads: int) -> list[Link]:
    """
    Return a root and that many statements that build on it alone.
    """
    return [Link(b"r"), *(Link(b"%d" % n, (b"r",)) for n in range(heads))]


class TestRefusals:
    """
    Shapes that no journey has.
    """

    def test_nothing_has_no_root(self):
        """
        No statements are not a journey.
        """
        with refuses(NotOneRootError, "not_one_root") as ei:
            build_graph([])

        assert 0 == ei.value.roots

    def test_a_second_root_is_refused(self):
        """
        Two statements without parents are two journeys joined.
        """
        with refuses(NotOneRootError, "not_one_root") as ei:
            build_graph(links(a="", b="", c="ab"))

        assert 2 == ei.value.roots

    def test_a_missing_root_is_refused(self):
        """
        A journey whose first statement was cut off has no root.
        """
        with refuses(NotOneRootError, "not_one_root"):
            build_graph(links(b="a", c="b"))

    def test_a_missing_parent_is_refused(self):
        """
        A statement that names one which is not there was cut out of its place.
        """
        with refuses(MissingParentError, "missing_parent"):
            build_graph(links(a="", c="ab"))

    @pytest.mark.parametrize(
        "circle",
        [
            links(a="", b="ac", c="b"),
            links(a="", b="ab"),
            links(a="", b="d", c="b", d="c"),
            links(a="", b="a", c="be", d="c", e="d"),
        ],
        ids=["two", "one of itself", "apart from the root", "three below one"],
    )
    def test_a_circle_is_refused(self, circle):
        """
        Statements that descend from each other are refused, wherever they hang.
        """
        with refuses(CyclicGraphError, "cyclic_graph"):
            build_graph(circle)

    def test_a_circle_without_a_root_is_refused(self):
        """
        A circle alone has no root, which is said first.
        """
        with refuses(NotOneRootError, "not_one_root"):
            build_graph(links(a="b", b="a"))

    def test_heads_have_a_limit(self):
        """
        32 heads are taken and 33 are not.
        """
        assert MAX_HEADS == len(build_graph(fan(MAX_HEADS)).heads)
        with refuses(LimitExceededError, "limit_exceeded") as ei:
            build_graph(fan(MAX_HEADS + 1))

        assert MAX_HEADS == ei.value.limit

    def test_a_long_chain_does_not_recurse(self):
        """
        5,000 statements in a row exhaust no stack.
        """
        ids = [n.to_bytes(4) for n in range(5_000)]
        chain = [Link(ids[0])] + [Link(b, (a,)) for a, b in pairwise(ids)]

        graph = build_graph(reversed(chain))

        assert tuple(ids) == graph.order


class TestOrder:
    """
    Parents first; ties by id, so that all readers agree.
    """

    def test_the_order_does_not_depend_on_that_of_the_statements(self):
        """
        Whatever the order in which they come, they are put into the same one.
        """
        diamond = links(a="", c="a", b="a", d="bc")

        one, other = build_graph(diamond), build_graph(reversed(diamond))

        assert (b"a", b"b", b"c", b"d") == one.order == other.order
        assert one == other

    def test_it_knows_who_descends_from_whom(self):
        """
        Each position has a bit for every one it descends from, and no other.
        """
        graph = build_graph(links(a="", b="a", c="a", d="b"))

        assert {b"a": 0, b"b": 1, b"c": 2, b"d": 3} == graph.position
        assert (0b0, 0b1, 0b1, 0b11) == graph.ancestors
        assert (2, 3) == graph.heads

    @given(st.data())
    def test_it_agrees_with_the_definition(self, data):
        """
        For any graph ancestors are what one reaches, and heads what nobody reaches.
        """
        count = data.draw(st.integers(1, 12))
        ids = data.draw(st.permutations([bytes([n]) for n in range(count)]))
        parents = {ids[0]: frozenset()}
        for place in range(1, count):
            chosen = st.frozensets(st.sampled_from(ids[:place]), min_size=1, max_size=4)
            parents[ids[place]] = data.draw(chosen)
        made = [Link(name, tuple(sorted(named))) for name, named in parents.items()]

        graph = build_graph(data.draw(st.permutations(made)))

        reached: dict[bytes, set[bytes]] = {}
        for name in ids:
            direct = parents[name]
            reached[name] = set(direct).union(*(reached[one] for one in direct))
        for place, name in enumerate(graph.order):
            found = {
                graph.order[bit]
                for bit in range(count)
                if graph.ancestors[place] >> bit & 1
            }
            assert reached[name] == found
            assert all(graph.position[one] < place for one in found)
        below = set().union(*reached.values())
        assert {name for name in ids if name not in below} == {
            graph.order[head] for head in graph.heads
        }

    @given(st.data())
    def test_what_builds_upon_everything_is_added_at_the_end(self, data):
        """
        Extended by one that builds upon all heads, it is the graph of all of them.
        """
        made = [Link(b"\0")]
        for number in range(1, data.draw(st.integers(1, 12))):
            ids = st.sampled_from([link.id for link in made])
            chosen = data.draw(st.frozensets(ids, min_size=1, max_size=4))
            made.append(Link(bytes([number]), tuple(sorted(chosen))))
        graph = build_graph(made)
        heads = tuple(sorted(graph.order[head] for head in graph.heads))
        last = Link(data.draw(st.sampled_from([b"", b"\xff"])), heads)

        assert build_graph([*made, last]) == extended(graph, last)

    def test_only_what_builds_upon_all_heads_is(self):
        """
        What leaves a head beside it, or is there already, must be ordered anew.
        """
        graph = build_graph(links(a="", b="a", c="a"))

        assert extended(graph, Link(b"d", (b"b",))) is None
        assert extended(graph, Link(b"a", (b"b", b"c"))) is None
        assert extended(graph, Link(b"d", ())) is None
