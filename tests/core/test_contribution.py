"""
Sealing: what is pending becomes statements that every reader takes.
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

import attrs
import pytest
from acme import (
    INTERNAL,
    START,
    START_S,
    Acme,
    Address,
    Clock,
    Company,
    Tier,
    World,
    ring_of,
)
from forge import LIFETIME_S, SECTIONS, Forge, header, identify, unpack

import cxcontext as cx
from cxcontext.core.events import MergeLeftOut, NearlyFull
from cxcontext.core.keygen import rotate_signing
from cxcontext.core.known import Known
from cxcontext.core.limits import (
    MAX_ENVELOPE_BYTES,
    MAX_HEADS,
    MAX_PARENTS,
    MAX_SCOPES,
    MAX_STATEMENTS,
    NEARLY_FULL_STATEMENTS,
)
from cxcontext.core.pending import Pending, PendingFact, PendingMark
from cxcontext.core.section import MarkKind, WireFact, WireMark
from cxcontext.core.statement import FLAG_ACCEPTED, parse_statement
from cxcontext.errors import (
    JourneyFullError,
    MissingKeyError,
    UsageError,
    ValueDoesNotFitError,
)

SCOPES = tuple(cx.Scope(n, readers={"sales", "support"}) for n in range(1, 19))


def many_scopes() -> type[cx.Vocabulary]:
    """
    Return a vocabulary with two scopes more than one statement holds.
    """
    members = {f"s{scope.number}": scope for scope in SCOPES}
    fields = {
        f"f{scope.number}": cx.Field(scope.number, str, scope=scope) for scope in SCOPES
    }
    fields["tier"] = cx.Field(100, Tier, scope=SCOPES[0], clear=True)
    return type("Many", (cx.Vocabulary,), members | fields, revision=1)


Many = many_scopes()


class Answer(Enum):
    """
    A closed list.
    """

    NO = 0
    YES = 1


OPEN = cx.Scope(1, readers={"sales", "support"})
Router = type(
    "Router",
    (cx.Vocabulary,),
    {"open": OPEN}
    | {f"q{n}": cx.Field(n, Answer, scope=OPEN, clear=True) for n in range(1, 101)},
    revision=1,
)


@attrs.frozen
class Tree:
    """
    A record that holds records of its own kind.
    """

    children: "list[Tree]"  # noqa: UP037 - resolved when the class is there


class Woods(cx.Vocabulary, revision=1):
    """
    A field whose values nest as deep as one likes.
    """

    wood = cx.Scope(1, readers={"sales", "support"})
    tree = cx.Field(1, Tree, scope=wood)


def world_of(vocabulary, *scopes) -> World:
    """
    Return a world with another vocabulary.
    """
    readers = dict.fromkeys(scopes, ("sales", "support"))
    ring = ring_of(readers=readers, departments=dict.fromkeys(INTERNAL, False))
    return World(ring, Clock(), vocabulary=vocabulary)


def sent(journey, to="support"):
    """
    Return the statements that a journey hands over.
    """
    return unpack(journey.hand_over(to))[1]


class TestStatements:
    """
    One statement per hand-over, as the protocol describes it.
    """

    def test_all_that_is_pending_is_one_statement(self, sales):
        """
        Facts of several scopes and the clear ones are signed once.
        """
        journey = sales.begin(channel="chat")
        journey.learn(Acme.full_name, "Alex")
        journey.learn(Acme.order_number, "A-118")
        journey.learn(Acme.card_last4, "4242")
        journey.learn(Acme.tier, Tier.GOLD)
        journey.accept()

        (wire,) = sent(journey)

        made = parse_statement(wire)
        assert [1, 2, 3] == list(made.sections)
        assert ["gold"] == [fact.value for fact in made.clear]
        assert FLAG_ACCEPTED == made.flags

    def test_with_nothing_pending_only_a_delivery_is_signed(self, sales):
        """
        A journey that is handed over twice has not grown.
        """
        journey = sales.begin(channel="chat")
        journey.learn(Acme.full_name, "Alex")

        assert sent(journey) == sent(journey)

    def test_an_empty_journey_has_a_root(self, sales, support):
        """
        A journey in which nothing is known yet can be handed over.
        """
        journey = sales.begin(channel="phone")

        received = support.receive(journey.hand_over("support"))

        assert journey.id == received.id
        assert "phone" == received.channel

    def test_it_builds_on_all_heads(self, forge, support):
        """
        The next statement joins all last words of known authors.
        """
        root = forge.statement()
        heads = [forge.statement(root, by=name) for name in ("billing", "ivr")]
        journey = support.receive(forge.envelope(root, *heads))
        journey.learn(Acme.full_name, "Alex")

        (mine,) = [s for s in sent(journey, "billing") if s not in (root, *heads)]

        assert sorted(map(identify, heads)) == list(parse_statement(mine).parents)

    def test_what_is_pending_is_sealed_on_what_was_known_then(
        self, sales, support, forge
    ):
        """
        A merge seals first, so that nobody's word supersedes what it did not know.
        """
        journey = sales.begin(channel="chat")
        other = support.receive(journey.hand_over("support"))
        other.learn(Acme.full_name, "Blake")
        journey.learn(Acme.full_name, "Alex")

        journey.merge(other.hand_over("sales"))

        assert 2 == len(journey.context.verified_heads())
        assert {"Alex", "Blake"} == {f.value for f in journey.facts(Acme.full_name)}

    def test_more_heads_than_parents_are_joined_in_a_chain(self, forge, support):
        """
        Of 32 heads no statement names more than 16, and all are joined.
        """
        root = forge.statement(says={1: {1: "Alex"}})
        heads = [forge.statement(root, channel=f"c{n}") for n in range(MAX_HEADS)]
        journey = support.receive(forge.envelope(root, *heads))
        journey.learn(Acme.email, "alex@example.org")

        wires = sent(journey, "billing")

        made = [parse_statement(s) for s in wires if s not in (root, *heads)]
        assert MAX_HEADS + 1 + 3 == len(wires)
        assert all(len(one.parents) <= MAX_PARENTS for one in made)
        assert 1 == len(journey.context.graph.heads)

    def test_a_department_seals_what_it_cannot_read(self, sales, billing, support):
        """
        A writer without the scope's key still knows what it just wrote.
        """
        journey = sales.begin(channel="chat")
        journey.learn(Acme.card_last4, "4242")
        envelope = journey.hand_over("billing")

        assert "4242" == journey.recall(Acme.card_last4)
        assert "4242" == billing.receive(envelope).recall(Acme.card_last4)


class TestTimes:
    """
    A writer uses max(now, its parents' iat), and nothing outlives what it must.
    """

    def test_nothing_is_dated_before_its_parents(self, forge, world):
        """
        A writer whose clock is slow dates its statement like the latest parent.
        """
        root = forge.statement(issued_s=START_S + 45)
        journey = world["support"].receive(forge.envelope(root))
        journey.learn(Acme.full_name, "Alex")

        (mine,) = [s for s in sent(journey, "billing") if s != root]

        made = parse_statement(mine)
        assert START_S + 45 == made.issued_s
        assert START_S + 45 + LIFETIME_S == made.expires_s
        assert "Alex" == world["billing"].receive(journey.hand_over("billing")).recall(
            Acme.full_name
        )

    def test_the_age_of_a_fact_is_kept(self, sales, support, clock):
        """
        What became known before it was sealed keeps its own instant.
        """
        journey = sales.begin(channel="chat")
        journey.learn(Acme.full_name, "Alex", at=START - timedelta(days=1))
        journey.learn(Acme.tier, Tier.GOLD)
        journey.asked(Acme.email)
        clock.advance(minutes=5)

        received = support.receive(journey.hand_over("support"))

        assert START - timedelta(days=1) == received.fact(Acme.full_name).at
        assert START == received.fact(Acme.tier).at
        assert [300] == [
            mark.age_s
            for content in received.context.scope_contents(
                Acme.contact, now_s=clock.now_s
            )
            for mark in content.marks
        ]

    def test_it_lives_as_long_as_its_parents(self, clock):
        """
        Where the domain's lifetime became shorter nothing ends before what it
        supersedes.
        """
        ring = ring_of()
        journey = World(ring, clock)["sales"].begin(channel="chat")
        journey.learn(Acme.full_name, "Alex")
        wire = sent(journey)[0]
        made = parse_statement(wire)

        journey.learn(Acme.full_name, "Alexa")
        later = parse_statement(next(s for s in sent(journey) if s != wire))

        assert later.expires_s >= made.expires_s

    def test_the_key_signs_at_the_statements_instant(self, clock):
        """
        A statement dated ahead by a parent is signed with the key of that instant.
        """
        ring = ring_of(sign_for=timedelta(days=1))
        for name in ("sales", "support", "billing"):
            ring = rotate_signing(ring, name, now=START + timedelta(hours=22))
        clock.now = START + timedelta(days=1) - timedelta(seconds=10)
        forge = Forge(ring, now_s=clock.now_s)
        root = forge.statement(
            signer=ring.private["sales"].signers[-1], issued_s=clock.now_s + 30
        )
        world = World(ring, clock)
        journey = world["support"].receive(forge.envelope(root))
        journey.learn(Acme.full_name, "Alex")

        received = World(ring, clock)["billing"].receive(journey.hand_over("billing"))

        assert "Alex" == received.recall(Acme.full_name)


class TestManyScopes:
    """
    More scopes than one statement holds.
    """

    def test_they_are_a_chain_of_statements(self):
        """
        18 scopes are two statements, the second one on top of the first.
        """
        world = world_of(Many, *range(1, 19))
        journey = world["sales"].begin(channel="chat")
        for scope in SCOPES:
            journey.learn(getattr(Many, f"f{scope.number}"), "x")
        journey.learn(Many.tier, Tier.GOLD)
        journey.refused(Many.f18)
        journey.accept()

        one, two = journey_order(sent(journey))

        assert MAX_SCOPES == len(one.sections)
        assert [17, 18] == list(two.sections)
        assert (one.id,) == two.parents
        assert (1, 0) == (len(one.clear), len(two.clear))
        assert (FLAG_ACCEPTED, 0) == (one.flags, two.flags)

    def test_they_are_all_read(self):
        """
        The receiver finds every one of them.
        """
        world = world_of(Many, *range(1, 19))
        journey = world["sales"].begin(channel="chat")
        for scope in SCOPES:
            journey.learn(getattr(Many, f"f{scope.number}"), f"x{scope.number}")
        journey.learn(Many.tier, Tier.GOLD)

        received = world["support"].receive(journey.hand_over("support"))

        for scope in SCOPES:
            key = getattr(Many, f"f{scope.number}")
            assert f"x{scope.number}" == received.recall(key)
        assert Tier.GOLD is received.recall(Many.tier)


def journey_order(wires):
    """
    Return statements parents first, where each has one parent.
    """
    made = [parse_statement(wire) for wire in wires]
    return sorted(made, key=lambda one: bool(one.parents))


class TestMissingKeys:
    """
    Without a key to seal to, nothing is said in the clear instead.
    """

    def test_it_is_said_when_a_fact_is_learned(self, sales, clock):
        """
        A scope whose generation seals no more is named where it is written.
        """
        journey = sales.begin(channel="chat")
        clock.advance(days=31)

        with pytest.raises(MissingKeyError, match="scope contact has no key"):
            journey.learn(Acme.full_name, "Alex")

    def test_it_is_said_when_it_is_sealed(self, sales, clock):
        """
        What was learned in time and not sealed in time stays pending.
        """
        journey = sales.begin(channel="chat")
        journey.learn(Acme.full_name, "Alex")
        clock.advance(days=30)

        with pytest.raises(MissingKeyError, match="scope contact has no key"):
            journey.hand_over("support")
        clock.advance(seconds=-1)

        assert [1] == list(parse_statement(sent(journey)[0]).sections)

    def test_without_a_signing_key_nothing_is_sent(self, sales, clock):
        """
        A department whose key signs no more is told to rotate.
        """
        journey = sales.begin(channel="chat")
        clock.advance(days=90, seconds=1)

        with pytest.raises(MissingKeyError, match="keys rotate"):
            journey.hand_over("support")


class TestLimits:
    """
    The limits of the format hold when one writes and merges, too.
    """

    def test_a_journey_says_that_it_is_nearly_full(self, forge, world):
        """
        From 224 statements on every one more is told of.
        """
        chain = chain_of(forge, NEARLY_FULL_STATEMENTS - 1)
        journey = world["support"].receive(forge.envelope(*chain))
        assert [] == world.told(NearlyFull)

        journey.learn(Acme.full_name, "Alex")
        journey.hand_over("billing")

        assert [NEARLY_FULL_STATEMENTS] == [
            e.statements for e in world.told(NearlyFull)
        ]

    def test_a_full_journey_takes_nothing_more(self, forge, world):
        """
        At 256 statements the writer is told to begin a new one.
        """
        chain = chain_of(forge, MAX_STATEMENTS)
        journey = world["support"].receive(forge.envelope(*chain))

        with pytest.raises(JourneyFullError, match="256 statements"):
            journey.learn(Acme.full_name, "Alex")
        assert MAX_STATEMENTS == len(sent(journey, "billing"))

    def test_what_does_not_fit_stays_pending(self, forge, world):
        """
        Where joining the heads needs more statements than there is room for,
        nothing is sealed.
        """
        chain = chain_of(forge, MAX_STATEMENTS - MAX_PARENTS - 2)
        heads = [
            forge.statement(chain[-1], channel=f"c{n}") for n in range(MAX_PARENTS + 1)
        ]
        journey = world["support"].receive(forge.envelope(*chain, *heads))
        journey.learn(Acme.full_name, "Alex")

        with pytest.raises(JourneyFullError, match="256 statements"):
            journey.hand_over("billing")

        assert "Alex" == journey.recall(Acme.full_name)
        assert MAX_STATEMENTS - 1 == len(journey.context.statements)

    def test_an_envelope_is_not_larger_than_the_format(self, forge, world):
        """
        What would exceed 256 KiB is not sent.
        """
        large = bytes(16_000)
        root = forge.statement(says={2: {14: large}})
        chain = [root]
        for _ in range(14):
            chain.append(forge.statement(chain[-1], says={2: {14: large}}))
        journey = world["support"].receive(forge.envelope(*chain))
        journey.learn(Acme.photo, bytes(3000) + b"\x01")
        journey.hand_over("billing")
        journey.learn(Acme.photo, bytes(16_000))

        with pytest.raises(JourneyFullError, match=f"{MAX_ENVELOPE_BYTES} bytes"):
            journey.hand_over("billing")

    def test_a_merge_over_the_limit_names_what_it_left_out(self, forge, world):
        """
        What is here stays; of the other side as many statements as fit, parents
        first, and an event says how many did not.
        """
        chain = chain_of(forge, MAX_STATEMENTS - 2)
        here = [*chain, forge.statement(chain[-1], says={1: {1: "Alex"}})]
        there = [*chain]
        for n in range(2):
            there.append(forge.statement(there[-1], says={1: {2: f"{n}@example.org"}}))
        journey = world["support"].receive(forge.envelope(*here))

        journey.merge(world["support"].receive(forge.envelope(*there)))

        assert MAX_STATEMENTS == len(journey.context.statements)
        (told,) = world.told(MergeLeftOut)
        assert (1, 1) == (told.statements, len(told.statement_ids))
        assert {64} == {*map(len, told.statement_ids)}
        assert "Alex" == journey.recall(Acme.full_name)
        assert "0@example.org" == journey.recall(Acme.email)

    def test_a_merge_has_no_more_heads_than_the_format(self, forge, world):
        """
        Of more branches than there may be heads the first are merged.
        """
        root = forge.statement()
        # One head alone is not joined with itself to make room.
        here = forge.statement(root, channel="here")
        there = [
            forge.statement(root, by="billing", channel=f"b{n}")
            for n in range(MAX_HEADS)
        ]
        journey = world["support"].receive(forge.envelope(root, here))

        journey.merge(world["support"].receive(forge.envelope(root, *there)))

        assert MAX_HEADS == len(journey.context.graph.heads)
        assert [1] == [e.statements for e in world.told(MergeLeftOut)]

    def test_own_heads_are_joined_to_make_room(self, forge, world):
        """
        Of more branches than there may be heads none is left out where those here can
        be joined first.
        """
        root = forge.statement()
        here = [forge.statement(root, channel=f"c{n}") for n in range(MAX_HEADS - 1)]
        there = [forge.statement(root, by="billing", channel=f"b{n}") for n in range(3)]
        journey = world["support"].receive(forge.envelope(root, *here))

        journey.merge(world["support"].receive(forge.envelope(root, *there)))

        assert MAX_HEADS >= len(journey.context.graph.heads)
        assert [] == world.told(MergeLeftOut)
        assert set() == journey.lacks(map(identify, (*here, *there)))

    def test_a_join_can_make_room(self, forge, world):
        """
        A branch that joins heads is merged although its parts alone do not fit.
        """
        root = forge.statement()
        here = forge.statement(root, channel="here")
        there = [forge.statement(root, channel=f"c{n}") for n in range(MAX_HEADS)]
        join = forge.statement(*there[:10], by="billing")
        journey = world["support"].receive(forge.envelope(root, here))

        journey.merge(world["support"].receive(forge.envelope(root, *there, join)))

        assert [] == world.told(MergeLeftOut)
        assert MAX_HEADS - 10 + 2 == len(journey.context.graph.heads)

    def test_many_clear_facts_are_received(self):
        """
        More clear facts than one statement may have are several statements.
        """
        world = world_of(Router, 1)
        journey = world["sales"].begin(channel="chat")
        for field in Router.fields.values():
            journey.learn(field.key, Answer.YES)

        received = world["support"].receive(journey.hand_over("support"))

        assert [Answer.YES] * 100 == [
            received.recall(field.key) for field in Router.fields.values()
        ]

    def test_a_value_is_nested_as_deep_as_a_section_allows(self):
        """
        Whatever can be learned can be read at the far end.
        """
        world = world_of(Woods, 1)
        tree, learned = Tree([]), None
        for _ in range(12):
            tree = Tree([tree])
            journey = world["sales"].begin(channel="chat")
            try:
                journey.learn(Woods.tree, tree)
            except ValueDoesNotFitError:
                break
            learned = tree
            received = world["support"].receive(journey.hand_over("support"))

            assert tree == received.recall(Woods.tree)
        assert learned is not None

    @pytest.mark.parametrize("size", [1, 3000, 4000, 5000, 16_000])
    def test_large_values_are_received(self, sales, support, size):
        """
        Values of any size that can be learned, several of them, are read.
        """
        journey = sales.begin(channel="chat")
        journey.learn(Acme.photo, b"\xff" * size)
        journey.learn(Acme.order_number, "x" * min(size, 2000))
        journey.learn(Acme.deliver_to, Address("s" * min(size, 2000), "c"))
        journey.learn(Acme.payer, Company("Acme"))

        received = support.receive(journey.hand_over("support"))

        assert b"\xff" * size == received.recall(Acme.photo)
        assert "x" * min(size, 2000) == received.recall(Acme.order_number)
        assert Company("Acme") == received.recall(Acme.payer)

    def test_too_large_a_value_is_refused_where_it_is_learned(self, sales):
        """
        What no section holds is an error at `learn`.
        """
        journey = sales.begin(channel="chat")

        with pytest.raises(UsageError, match="16384 bytes"):
            journey.learn(Acme.photo, bytes(16_384))

    def test_many_values_of_one_scope_are_received(self, sales, support):
        """
        A hundred values with qualifiers are several statements.
        """
        journey = sales.begin(channel="chat")
        for n in range(100):
            journey.learn(Acme.product, f"p{n}", qualifier=f"q{n}")

        received = support.receive(journey.hand_over("support"))

        assert {f"q{n}": f"p{n}" for n in range(100)} == received.recall_all(
            Acme.product
        )


def chain_of(forge: Forge, length: int):
    """
    Return a chain of statements.
    """
    chain = [forge.statement()]
    while len(chain) < length:
        chain.append(forge.statement(chain[-1]))
    return chain


class TestPending:
    """
    What is learned and not sealed yet, as a Python value.
    """

    def pending(self, **changes) -> PendingFact:
        """
        Return a fact that became known at `START`.
        """
        wire = {"field": 1, "has_value": True, "value": "sentinel"} | changes
        return PendingFact(scope=1, at_s=START_S, clear=False, fact=WireFact(**wire))

    def test_nothing_is_false(self):
        """
        Without facts, marks or an acceptance nothing is pending.
        """
        mark = PendingMark(scope=1, at_s=0, mark=WireMark(field=1, kind=MarkKind.ASKED))

        assert not Pending()
        assert Pending(accepted=True)
        assert Pending().with_fact(self.pending())
        assert Pending().with_mark(mark)
        assert {1} == Pending().with_mark(mark).scopes

    def test_a_later_fact_takes_the_place_of_an_earlier_one(self):
        """
        Of one field and qualifier the last word is kept.
        """
        first, second = self.pending(), self.pending(value="other")
        other = self.pending(qualifier="q")

        made = Pending().with_fact(first).with_fact(other).with_fact(second)

        assert {(1, None): second, (1, "q"): other} == made.facts

    def test_a_fact_ages_until_it_is_sealed(self):
        """
        The age is the time since it became known; it is never negative.
        """
        fact = self.pending(known=Known.OBSERVED)

        assert 60 == fact.dated(START_S + 60).age_s
        assert fact.fact is fact.dated(START_S)
        assert 0 == fact.dated(START_S - 60).age_s

    def test_it_shows_counts_only(self):
        """
        A repr has no value.
        """
        made = Pending().with_fact(self.pending())

        assert "<Pending 1 facts, 0 marks>" == repr(made)
        assert "sentinel" not in repr(made.facts)

    def test_it_is_read_only(self):
        """
        What is pending changes only into another one.
        """
        made = Pending().with_fact(self.pending())

        with pytest.raises(TypeError):
            made.facts[2, None] = self.pending()


def test_a_signature_covers_what_was_learned(sales, forge):
    """
    What the library signs verifies under the key that it names.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    (wire,) = sent(journey)

    made = parse_statement(wire)

    key = forge.ring.public.signing_key(header(wire)[4]).key
    assert key.verify(made.signature, made.signed_bytes("acme.example")) is None
    assert list(made.sections) == list(wire[1][SECTIONS])
