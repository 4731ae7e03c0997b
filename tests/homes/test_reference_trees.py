"""
Trees of references: children, what the customer carries, and revoking them.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from acme import START_S, Acme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keeping import ENGINES, WAYS, opened, references_on

import cxcontext as cx
from cxcontext.errors import ReferenceLostError, UsageError
from cxcontext.homes import Reference
from cxcontext.stores.memory import MemoryStore

LEG, OTHER_LEG = "CA-leg-1", "CA-leg-2"


@pytest.fixture(params=ENGINES)
def store(request, tmp_path):
    """
    An empty store of either engine.
    """
    yield from opened(request.param, tmp_path)


@pytest.fixture(params=WAYS)
def references(request, store):
    """
    References that departments share, waited for or awaited.
    """
    return references_on(store, request.param)


@pytest.fixture
def journey(sales):
    """
    A journey at sales on which a name and a card's last digits were learned.
    """
    journey = sales.begin(channel="phone")
    journey.learn(Acme.full_name, "Ada Lovelace")
    journey.learn(Acme.card_last4, "4242")
    return journey


def taken(references, reference, department, *, lease=LEG, **how):
    """
    Redeem what a leg brought.
    """
    return references.redeem(str(reference), department=department, lease=lease, **how)


class TestTrees:
    """
    A child for each transfer, and what revoking does to them.
    """

    def chain(self, references, journey, length, **how):
        """
        Return a reference and its descendants, each the child of the one before.
        """
        found = [references.put(journey, "billing", **how)]
        for _ in range(length):
            found.append(references.put(journey, "billing", parent=found[-1], **how))
        return found

    def test_a_child_is_redeemed_by_another_leg(self, references, journey, billing):
        """
        The parent stays leased to its own.
        """
        parent = references.put(journey, "billing")
        first = taken(references, parent, billing)
        child = references.put(first.journey, "billing", parent=first.reference)

        assert [journey.id] * 3 == [
            taken(references, reference, billing, lease=lease).journey.id
            for reference, lease in (
                (child, OTHER_LEG),
                (parent, LEG),
                (child, OTHER_LEG),
            )
        ]

    def test_eight_generations_and_no_more(self, references, journey, billing):
        """
        The eighth descendant is redeemed, a ninth is not minted.
        """
        tree = self.chain(references, journey, 8)
        with pytest.raises(UsageError, match="8 others"):
            references.put(journey, "billing", parent=tree[-1])

        assert tree[-1] == taken(references, tree[-1], billing).reference

    @pytest.mark.parametrize("revoked", [0, 2, 4])
    def test_revoking_one_revokes_its_tree(self, references, journey, billing, revoked):
        """
        All that descend from it are lost; those above it and beside it are not.
        """
        tree = self.chain(references, journey, 4)
        beside = references.put(journey, "billing", parent=tree[0])
        references.revoke(tree[revoked], now_s=journey.now_s())
        lost = []
        for reference in (*tree, beside):
            try:
                taken(references, reference, billing)
            except ReferenceLostError:
                lost.append(reference)

        assert (tree[revoked:] if revoked else [*tree, beside]) == lost

    @pytest.mark.parametrize("revoked", [0, 1])
    def test_nothing_descends_from_what_was_revoked(self, references, journey, revoked):
        """
        Neither from it nor from its children is a new one minted.
        """
        tree = self.chain(references, journey, 1)
        references.revoke(tree[revoked], now_s=journey.now_s())
        with pytest.raises(ReferenceLostError):
            references.put(journey, "billing", parent=tree[1])

    def test_a_child_outlives_its_parent(self, references, journey, billing, clock):
        """
        A call-back comes a day after the call whose reference expired long ago.
        """
        parent = references.put(journey, "billing")
        child = references.put(
            journey, "billing", parent=parent, lifetime=timedelta(days=1)
        )
        clock.advance(hours=23)

        assert child == taken(references, child, billing).reference

    @pytest.mark.parametrize("hours", [0, 1, 23])
    @pytest.mark.parametrize("at_once", [True, False])
    def test_revoked_it_stays_revoked(
        self, references, journey, billing, clock, hours, at_once
    ):
        """
        The tree is lost at once and for ever, also after the parent had expired.
        """
        parent = references.put(journey, "billing")
        child = references.put(
            journey, "billing", parent=parent, lifetime=timedelta(days=1)
        )
        clock.advance(hours=0 if at_once else hours)
        references.revoke(parent, now_s=journey.now_s())
        clock.advance(hours=hours if at_once else 0)
        with pytest.raises(ReferenceLostError):
            taken(references, child, billing)

    def test_a_tree_ends_with_its_marks(self, references, journey, clock):
        """
        None lives more than 90 days longer than the first that it descends from.
        """
        root = references.put(journey, "billing", lifetime=timedelta(days=1))
        child = references.put(
            journey, "billing", parent=root, lifetime=timedelta(days=90)
        )
        clock.advance(days=2)
        with pytest.raises(UsageError, match="put a new one"):
            references.put(
                journey, "billing", parent=child, lifetime=timedelta(days=90)
            )
        late = references.put(
            journey, "billing", parent=child, lifetime=timedelta(days=89)
        )

        assert START_S + 91 * 86400 == late.expires_s

    @settings(
        max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        parents=st.lists(st.integers(0, 10), min_size=1, max_size=10),
        cut=st.sets(st.integers(0, 10), max_size=3),
    )
    def test_lost_is_what_descends_from_what_was_revoked(self, sales, parents, cut):
        """
        In every tree exactly those are lost of whose line one was revoked.
        """
        references = references_on(MemoryStore())
        journey, tree, line = sales.begin(channel="phone"), [], []
        for number, choice in enumerate([None, *parents]):
            parent = None if choice is None else choice % number
            line.append({number} | (set() if parent is None else line[parent]))
            above = None if parent is None or len(line[-1]) > 9 else tree[parent]
            line[-1] = line[-1] if above is not None else {number}
            tree.append(references.put(journey, "sales", parent=above))
        for number in cut:
            if number < len(tree):
                references.revoke(tree[number], now_s=START_S)
        lost = set()
        for number, reference in enumerate(tree):
            try:
                taken(references, reference, sales)
            except ReferenceLostError:
                lost.add(number)

        assert {number for number in range(len(tree)) if line[number] & cut} == lost


class TestCarried:
    """
    What the customer carries, in a link or a QR code.
    """

    def test_it_is_a_possession_whoever_says_otherwise(
        self, references, journey, billing
    ):
        """
        Also where it is redeemed as if it came from a department.
        """
        reference = references.put(journey, "billing", carried=True)
        found = taken(references, reference, billing, arrival=cx.Arrival.DELIVERY)

        assert (True, cx.Arrival.POSSESSION) == (found.carried, found.journey.arrival)

    def test_redeeming_revokes_what_was_carried_before(
        self, references, journey, billing, clock
    ):
        """
        Earlier ones are lost; later ones, a call's and another customer's are not.
        """
        other = billing.begin(channel="web")
        calls = references.put(journey, "billing")
        theirs = references.put(other, "billing", carried=True)
        given = []
        for _ in range(4):
            given.append(references.put(journey, "billing", carried=True))
            clock.advance(seconds=1)
        taken(references, given[2], billing)
        for reference in given[:2]:
            with pytest.raises(ReferenceLostError):
                taken(references, reference, billing)

        assert [given[2], given[3], calls, theirs] == [
            taken(references, reference, billing).reference
            for reference in (given[2], given[3], calls, theirs)
        ]

    def test_all_that_is_carried_can_be_revoked(
        self, references, journey, billing, clock
    ):
        """
        Their number is returned, and the children of one are lost with it.
        """
        given = [references.put(journey, "billing", carried=True) for _ in range(3)]
        child = references.put(
            journey, "billing", parent=given[0], lifetime=timedelta(days=1)
        )
        counts = [
            references.revoke_carried(journey.id, now_s=journey.now_s())
            for _ in range(2)
        ]
        for reference in (*given, child):
            with pytest.raises(ReferenceLostError):
                taken(references, reference, billing)
        clock.advance(hours=2)
        with pytest.raises(ReferenceLostError):
            taken(references, child, billing)

        assert [3, 0] == counts

    def test_its_parts_show_little(self, references, journey, billing):
        """
        What was redeemed shows the journey's id and eight characters.
        """
        reference = references.put(journey, "billing", carried=True)
        found = taken(references, reference, billing)

        assert (True, False, True) == (
            journey.id in repr(found),
            str(reference)[:9] in f"{found!r} {found}",
            isinstance(found.reference, Reference),
        )
