"""
The context: sections open where they were sealed, arrivals travel, the rest is seen.
"""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta

import attrs
import pytest
from acme import START, START_S, Acme, Address, Clock, Tier, World
from forge import SECTIONS, Forge, canonical, digest, identify, pad, unpack, withheld

import cxcontext as cx
from cxcontext.core.events import SectionIgnored
from cxcontext.core.gaps import Reason, Remedy
from cxcontext.core.journey.state import grown
from cxcontext.core.keygen import generate_signer, give_generations, rotate_scope
from cxcontext.core.known import Arrival, Known
from cxcontext.core.section import SectionContent
from cxcontext.errors import (
    DifferentJourneyError,
    NotAuthorisedError,
    NotPicklableError,
    UsageError,
)

ORDER = 2
SAYS = {1: {1: "Alex"}}
SAYS_ORDER = {ORDER: {10: "A-118"}}


def reason_of(journey, key) -> Reason | None:
    """
    Return why a field is not recalled, None where it is.
    """
    gap = journey.gap(key)
    return None if gap is None else gap.reason


def ignored(world) -> list[tuple[str, int, str]]:
    """
    Return what was told about sections, without repetitions.
    """
    told = [(e.author, e.scope, e.code) for e in world.told(SectionIgnored)]
    return list(dict.fromkeys(told))


class TestMovedSections:
    """
    A section opens in its own statement, scope and domain, and nowhere else.
    """

    def unreadable(self, world, envelope, *, by="billing"):
        """
        Check that the order number of an envelope cannot be read.
        """
        journey = world["support"].receive(envelope)

        assert journey.recall(Acme.order_number) is None
        assert Reason.UNREADABLE == reason_of(journey, Acme.order_number)
        assert [(by, ORDER, "section_unopenable")] == ignored(world)

    def test_in_its_place_it_opens(self, forge, world):
        """
        The section that the others move is a good one.
        """
        journey = world["support"].receive(
            forge.envelope(forge.statement(says=SAYS_ORDER))
        )

        assert "A-118" == journey.recall(Acme.order_number)
        assert [] == ignored(world)

    def test_in_another_statement_it_does_not(self, forge, world):
        """
        An insider who signs somebody's section as its own brings nobody to read it.
        """
        root = forge.statement(says=SAYS_ORDER)
        stolen = forge.statement(root, by="billing", raw=root[1][SECTIONS])

        journey = world["support"].receive(
            forge.envelope(withheld(root, ORDER), stolen)
        )

        assert journey.recall(Acme.order_number) is None
        assert [("billing", ORDER, "section_unopenable")] == ignored(world)

    def test_in_another_journey_it_does_not(self, forge, world):
        """
        A section of one customer does not open in another customer's journey.
        """
        theirs = forge.statement(says=SAYS_ORDER)
        envelope = forge.envelope(
            forge.statement(
                by="billing", origin=b"another nonce...", raw=theirs[1][SECTIONS]
            )
        )

        self.unreadable(world, envelope)

    def test_with_other_claims_it_does_not(self, forge, world):
        """
        Even its own author cannot give a section other claims, such as a time.
        """
        root = forge.statement(by="billing", says=SAYS_ORDER)
        later = forge.statement(
            by="billing", issued_s=START_S + 1, raw=root[1][SECTIONS]
        )

        self.unreadable(world, forge.envelope(later))

    def test_in_another_scope_it_does_not(self, forge, world):
        """
        A section of a scope that all may read is not put where a few look.
        """
        root = forge.statement(says={4: {10: "A-118"}})
        moved = forge.statement(by="billing", raw={ORDER: root[1][SECTIONS][4]})

        self.unreadable(world, forge.envelope(moved))

    @pytest.mark.parametrize(
        "change",
        [
            {"scope": 4},
            {"domain": "other.example"},
            {"generation": 2},
            {"use": "cxcontext/1/statement"},
            {"protected": b"other"},
        ],
    )
    def test_sealed_for_another_place_it_does_not(self, forge, world, ring, change):
        """
        The right key is not enough: statement, scope, domain and generation count.
        """
        protected = forge.statement(by="billing")[0]
        place = {
            "use": "cxcontext/1/section",
            "domain": forge.domain,
            "protected": protected,
            "scope": ORDER,
            "generation": 1,
            **change,
        }
        info = [
            place["use"],
            place["domain"],
            digest(place["protected"]),
            place["scope"],
            place["generation"],
        ]
        key = ring.public.sealing_generation(ORDER, 1)
        sealed = key.seal(pad(canonical({10: "A-118"})), info=canonical(info))
        statement = forge.statement(
            by="billing",
            protected=protected,
            raw={ORDER: canonical([1, sealed])},
        )

        self.unreadable(world, forge.envelope(statement))

    @pytest.mark.parametrize("sealed", [b"", bytes(16), bytes(48), bytes(200)])
    def test_rubbish_does_not(self, forge, world, sealed):
        """
        What was never sealed is unreadable, like what does not open.
        """
        raw = {ORDER: canonical([1, sealed])}

        self.unreadable(world, forge.envelope(forge.statement(by="billing", raw=raw)))

    def test_one_bad_section_stops_no_other(self, forge, world):
        """
        What an insider spoils is one section of one statement.
        """
        root = forge.statement(says={**SAYS, **SAYS_ORDER})
        bad = forge.statement(root, by="billing", raw={4: canonical([1, b"rubbish"])})

        journey = world["support"].receive(forge.envelope(root, bad))

        assert "Alex" == journey.recall(Acme.full_name)
        assert "A-118" == journey.recall(Acme.order_number)

    @pytest.mark.parametrize(
        "plaintext",
        [
            b"",
            bytes(32),
            pad(b"\xa1\x0a"),
            pad(canonical([])),
            pad(canonical({10: {0: ["A-118"], 9: 1}})),
            pad(canonical({99999: "A-118"})),
            canonical({10: "A-118"}),
        ],
    )
    def test_a_section_that_opens_to_rubbish_is_unreadable(
        self, forge, world, plaintext
    ):
        """
        A hostile insider's plaintext is refused whole, and raises nothing.
        """
        protected = forge.statement(by="billing")[0]
        section = forge.seal(plaintext, scope=ORDER, protected=protected)
        statement = forge.statement(
            by="billing", protected=protected, raw={ORDER: section}
        )

        journey = world["support"].receive(forge.envelope(statement))

        assert Reason.UNREADABLE == reason_of(journey, Acme.order_number)
        assert [("billing", ORDER, "section_malformed")] == ignored(world)

    def test_sections_are_opened_when_a_field_is_read(self, forge, world):
        """
        Nothing is opened at receive, and only the scope that is read, once.
        """
        bad = {ORDER: canonical([1, b"rubbish"])}
        root = forge.statement(says=SAYS, raw=bad)
        journey = world["support"].receive(forge.envelope(root))
        assert [] == world.told(SectionIgnored)

        assert "Alex" == journey.recall(Acme.full_name)
        assert [] == world.told(SectionIgnored)

        assert journey.recall(Acme.order_number) is None
        assert 1 == len(ignored(world))


class TestGenerations:
    """
    Scope keys have generations, and being behind is a reason like others.
    """

    @pytest.fixture
    def newer(self, ring):
        """
        A ring with a second generation of the scope order.
        """
        return rotate_scope(
            ring, ORDER, readers=READERS_OF_ORDER, now=START, seal_for=timedelta(1)
        )

    def test_writers_seal_to_the_newest(self, newer, clock):
        """
        From its publication on the new generation is the one in use.
        """
        journey = World(newer, clock)["sales"].begin(channel="chat")
        journey.learn(Acme.order_number, "A-118")

        (wire,) = unpack(journey.hand_over("support"))[1]

        assert 2 == wire[1][SECTIONS][ORDER][1]

    def test_a_reader_behind_cannot_read_and_then_can(self, ring, newer, clock):
        """
        Without the generation's key a section is unreadable; with it all is well.
        """
        journey = World(newer, clock)["sales"].begin(channel="chat")
        journey.learn(Acme.order_number, "A-118")
        envelope = journey.hand_over("support")
        world = World(ring, clock)

        behind = world["support"].receive(envelope)
        assert Reason.UNREADABLE == reason_of(behind, Acme.order_number)

        world.domain.update_keys(newer.public)
        support = world.domain.department("support", keys=newer.private["support"])

        assert "A-118" == support.receive(envelope).recall(Acme.order_number)
        assert [] == ignored(world)

    def test_a_writer_behind_is_read_and_told_of(self, ring, newer, clock):
        """
        A section of a generation that seals no more is read, with an event.
        """
        forge = Forge(ring, now_s=START_S + 31 * 24 * 3600)
        clock.now = START + timedelta(days=31)
        world = World(newer, clock)

        journey = world["support"].receive(
            forge.envelope(forge.statement(says=SAYS_ORDER))
        )

        assert "A-118" == journey.recall(Acme.order_number)
        assert [("sales", ORDER, "stale_key")] == ignored(world)

    @pytest.mark.parametrize(("late_s", "stale"), [(-1, False), (0, True), (1, True)])
    def test_a_generation_seals_until_its_last_instant(
        self, ring, clock, late_s, stale
    ):
        """
        What is dated at seal_until or later was sealed with a stale key.
        """
        clock.now = START + timedelta(days=30, seconds=1)
        forge = Forge(ring, now_s=START_S + 30 * 24 * 3600 + late_s)
        world = World(ring, clock)

        journey = world["support"].receive(
            forge.envelope(forge.statement(says=SAYS_ORDER))
        )

        assert "A-118" == journey.recall(Acme.order_number)
        assert ([("sales", ORDER, "stale_key")] if stale else []) == ignored(world)

    def test_an_unknown_generation_is_unreadable(self, forge, world):
        """
        A generation that nobody made is one that we do not have.
        """
        raw = {ORDER: canonical([7, bytes(100)])}

        journey = world["support"].receive(forge.envelope(forge.statement(raw=raw)))

        assert Reason.UNREADABLE == reason_of(journey, Acme.order_number)

    def test_a_generation_that_only_the_reader_knows_is_read(self, newer, clock, ring):
        """
        A reader whose private keys are ahead of its key set can read.
        """
        journey = World(newer, clock)["sales"].begin(channel="chat")
        journey.learn(Acme.order_number, "A-118")
        envelope = journey.hand_over("support")
        world = World(newer, clock, keys=ring.public)

        received = world["support"].receive(envelope)

        assert "A-118" == received.recall(Acme.order_number)
        assert [] == ignored(world)

    def test_a_reader_that_was_removed_reads_nothing_new(self, ring, clock):
        """
        Who is not given the next generation keeps what it could read, and no more.
        """
        world = World(ring, clock)
        journey = world["sales"].begin(channel="chat")
        journey.learn(Acme.order_number, "A-118")
        before = journey.hand_over("support")
        newer = rotate_scope(ring, ORDER, readers=["sales", "billing"], now=START)
        world = World(newer, clock)
        later = world["sales"].receive(journey.hand_over("sales"))
        later.learn(Acme.gift, True)  # noqa: FBT003 - a value

        at_support = world["support"].receive(before)
        after = world["support"].receive(later.hand_over("support"))

        assert "A-118" == at_support.recall(Acme.order_number)
        assert Reason.UNREADABLE == reason_of(after, Acme.gift)
        at_billing = world["billing"].receive(later.hand_over("billing"))
        assert at_billing.recall(Acme.gift)

    def test_a_reader_that_is_added_reads_what_it_is_given(self, ring, clock):
        """
        A new reader opens the generations that it was given, and no others.
        """
        newer = rotate_scope(ring, 3, readers=["billing"], now=START)
        given = give_generations(newer, 3, generations=[2], to="support")
        old, new = World(ring, clock), World(given, clock)
        journeys = [world["sales"].begin(channel="chat") for world in (old, new)]
        for journey in journeys:
            journey.learn(Acme.card_last4, "4242")

        received = [
            new["support"].receive(journey.hand_over("support")) for journey in journeys
        ]

        assert [None, "4242"] == [j.recall(Acme.card_last4) for j in received]

    def test_at_open_until_it_is_over(self, ring, clock, forge):
        """
        After its last instant a key opens nothing, even if it is still there.
        """
        until = START + timedelta(days=120)
        for now, expected in ((until - timedelta(seconds=1), None), (until, "gone")):
            clock.now = now
            world = World(ring, clock)
            root = forge.statement(
                issued_s=START_S + 89 * 24 * 3600, says={ORDER: {13: True}}
            )
            resting = forge.envelope(
                root, lifetime_s=None, to="*", issued_s=START_S + 89 * 24 * 3600
            )

            journey = world["support"].resume(resting)

            assert (Reason.UNREADABLE if expected else None) == reason_of(
                journey, Acme.gift
            )


READERS_OF_ORDER = ("sales", "support", "billing")


class TestWhatCannotBeRead:
    """
    One notion of being behind: a section I cannot read, and why.
    """

    def test_it_is_sealed_to_others(self, sales, support):
        """
        Who is no reader of a scope learns that others are.
        """
        journey = sales.begin(channel="chat")
        journey.learn(Acme.card_last4, "4242")
        received = support.receive(journey.hand_over("support"))

        gap = received.gap(Acme.card_last4)

        assert (Reason.NOT_YOURS, Remedy.REQUEST, ("billing",)) == (
            gap.reason,
            gap.remedy,
            gap.departments,
        )

    def test_withheld_from_who_is_no_reader_it_is_still_others(self, sales, support):
        """
        For who may not read it, it makes no difference that it is gone.
        """
        journey = sales.begin(channel="chat")
        journey.learn(Acme.card_last4, "4242")

        received = support.receive(
            journey.hand_over("support", withhold=[Acme.payment])
        )

        assert Reason.NOT_YOURS == reason_of(received, Acme.card_last4)

    def test_whoever_holds_the_key_reads(self, ring, clock, forge):
        """
        A key that was given opens, whatever the vocabulary says of its holder.
        """
        given = rotate_scope(ring, 3, readers=["billing", "support"], now=START)
        world = World(given, clock)
        journey = world["sales"].begin(channel="chat")
        journey.learn(Acme.card_last4, "4242")

        received = world["support"].receive(journey.hand_over("support"))

        assert "4242" == received.recall(Acme.card_last4)

    def test_a_clear_fact_of_an_unknown_author_is_not_believed(self, forge, support):
        """
        What travels in the clear is not believed for being readable.
        """
        root = forge.statement()
        unknown = forge.statement(root, signer=generate_signer(), clear={5: "gold"})

        journey = support.receive(forge.envelope(root, unknown))

        assert journey.recall(Acme.tier) is None
        assert Reason.UNKNOWN_AUTHOR == reason_of(journey, Acme.tier)

    def test_a_clear_fact_is_read(self, forge, support):
        """
        A department that holds no key reads what a known author said in the clear.
        """
        root = forge.statement(clear={5: "gold"})

        journey = support.receive(forge.envelope(root))

        assert Tier.GOLD is journey.recall(Acme.tier)

    def test_a_sealed_field_in_the_clear_is_ignored(self, forge, support):
        """
        A field that the vocabulary does not declare clear is not read from claims.
        """
        journey = support.receive(forge.envelope(forge.statement(clear={1: "Alex"})))

        assert Reason.NEVER_STATED == reason_of(journey, Acme.full_name)

    def test_a_clear_field_in_a_section_is_ignored(self, forge, support):
        """
        A clear field stands in the claims only, where routers read the same.
        """
        journey = support.receive(
            forge.envelope(forge.statement(says={1: {5: "gold"}}))
        )

        assert Reason.NEVER_STATED == reason_of(journey, Acme.tier)

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ({"by": "ivr", "says": {ORDER: {10: "x"}}}, "not_a_writer"),
            ({"says": {ORDER: {1: "x"}}}, "field_of_another_scope"),
            ({"says": {1: {3: {0: "+4912345678", 1: 3}}}}, "not_a_verifier"),
        ],
    )
    def test_what_an_author_may_not_say_is_told_of(
        self, forge, world, arguments, expected
    ):
        """
        A section or fact against the vocabulary is ignored with an event.
        """
        journey = world["support"].receive(forge.envelope(forge.statement(**arguments)))
        scope = next(iter(arguments["says"]))
        for key in (Acme.full_name, Acme.phone, Acme.order_number):
            journey.recall(key)

        assert [(arguments.get("by", "sales"), scope, expected)] == ignored(world)

    @pytest.mark.parametrize("says", [{ORDER: {999: "x"}}, {ORDER: {10: "x"}}])
    def test_what_may_be_new_is_not_told_of(self, forge, world, says):
        """
        Unknown fields, and anything of a newer revision, are no offence.
        """
        root = forge.statement(
            by="ivr" if 10 in says[ORDER] else "sales",
            revision=5 if 10 in says[ORDER] else 4,
            says=says,
        )

        world["support"].receive(forge.envelope(root)).recall(Acme.order_number)

        assert [] == ignored(world)

    def test_an_unknown_field_travels_on(self, forge, support):
        """
        What a reader's vocabulary lacks is carried on, byte for byte.
        """
        root = forge.statement(says={ORDER: {999: "x"}})

        journey = support.receive(forge.envelope(root))

        assert [root] == unpack(journey.hand_over("billing"))[1]


class TestArrival:
    """
    Protocol, section 6: no honest department launders a stolen link.
    """

    @pytest.fixture
    def stolen(self, world):
        """
        What a customer's link leads to: a name that anybody with it may see, an
        order that not, and a verification of identity made elsewhere.
        """
        journey = world["support"].begin(channel="chat")
        journey.learn(Acme.full_name, "Alex")
        journey.learn(Acme.order_number, "A-118")
        journey.learn(Acme.deliver_to, Address("1 Main Street", "Springfield"))
        journey.verify_identity("otp")
        return journey.save(shared=True)

    def closed(self, journey):
        """
        Check that only what is meant for who carries a link is recalled.
        """
        assert Arrival.POSSESSION == journey.arrival
        assert "Alex" == journey.recall(Acme.full_name)
        for key in (Acme.order_number, Acme.deliver_to, Acme.identity):
            assert journey.recall(key) is None
            assert journey.fact(key) is None
            assert Reason.NOT_IDENTIFIED == reason_of(journey, key)
        assert Remedy.STEP_UP == journey.gap(Acme.order_number).remedy

    def test_a_link_opens_what_is_marked_for_it(self, world, stolen):
        """
        Under POSSESSION only scopes marked so are recalled.
        """
        journey = world["sales"].resume(stolen, arrival=Arrival.POSSESSION)

        self.closed(journey)

    def test_it_is_not_laundered_by_a_department(self, world, stolen):
        """
        The next department's arrival is no better than the first one's.
        """
        journey = world["sales"].resume(stolen, arrival=Arrival.POSSESSION)
        second = world["support"].receive(journey.hand_over("support"))
        third = world["billing"].receive(second.hand_over("billing"))

        self.closed(second)
        self.closed(third)

    def test_it_is_not_laundered_by_rest(self, world, stolen):
        """
        What was saved under POSSESSION is resumed so, from a home of our own.
        """
        journey = world["sales"].resume(stolen, arrival=Arrival.POSSESSION)

        resumed = world["sales"].resume(journey.save(), arrival=Arrival.HOME)

        self.closed(resumed)

    def test_it_is_not_laundered_by_forking_or_merging(self, world, stolen):
        """
        Neither a fork nor a merge with a sure copy raises the arrival.
        """
        journey = world["sales"].resume(stolen, arrival=Arrival.POSSESSION)
        sure = world["sales"].resume(stolen)
        assert "A-118" == sure.recall(Acme.order_number)

        twin = journey.fork()
        journey.merge(sure)

        self.closed(twin)
        self.closed(journey)

    def test_a_sure_journey_is_not_doubted_for_what_it_merges(self, world, stolen):
        """
        A branch that came with a link says what it says, marked as such.
        """
        sure = world["sales"].resume(stolen)
        branch = world["sales"].resume(stolen, arrival=Arrival.POSSESSION)
        branch.learn(Acme.email, "alex@example.org")

        sure.merge(branch)

        assert "A-118" == sure.recall(Acme.order_number)
        assert Arrival.POSSESSION == sure.fact(Acme.email).arrival
        assert Arrival.DELIVERY == sure.fact(Acme.order_number).arrival

    def test_the_lesser_counts(self, world, stolen):
        """
        A carrier that the customer holds lowers what a delivery states.
        """
        journey = world["sales"].resume(stolen)
        envelope = journey.hand_over("support")

        carried = world["support"].receive(envelope, arrival=Arrival.POSSESSION)

        self.closed(carried)

    def test_a_verification_here_opens_all(self, world, stolen):
        """
        Once this person is verified here the whole journey is recalled.
        """
        journey = world["support"].resume(stolen, arrival=Arrival.POSSESSION)

        journey.verify_identity("otp", "sms")

        assert Arrival.DELIVERY == journey.arrival
        assert "A-118" == journey.recall(Acme.order_number)
        assert ("otp", "sms") == journey.recall(Acme.identity).methods
        received = world["billing"].receive(journey.hand_over("billing"))
        assert Arrival.DELIVERY == received.arrival
        assert "A-118" == received.recall(Acme.order_number)

    def test_only_a_verifier_can(self, world, stolen):
        """
        A department that may not verify identity opens nothing by saying so.
        """
        journey = world["sales"].resume(stolen, arrival=Arrival.POSSESSION)

        with pytest.raises(NotAuthorisedError):
            journey.verify_identity("otp")

        self.closed(journey)

    def test_to_claim_it_is_not_enough(self, forge, world):
        """
        A forged verification by sales, or one in the past, raises no arrival.
        """
        root = forge.statement(
            says={1: {1: "Alex", -6: {0: [["otp"]], 1: 3}}, ORDER: {10: "A-118"}}
        )

        journey = world["billing"].receive(
            forge.envelope(root, to="billing", arrival=1)
        )

        assert Arrival.POSSESSION == journey.arrival
        assert journey.recall(Acme.order_number) is None

    def test_what_is_said_then_is_marked(self, world, stolen):
        """
        Statements made under POSSESSION or HINT say so for ever.
        """
        journey = world["support"].resume(stolen, arrival=Arrival.POSSESSION)
        journey.learn(Acme.email, "mallory@example.org")
        hint = world["support"].receive(
            journey.hand_over("support"), arrival=Arrival.HINT
        )
        hint.learn(Acme.phone, "+4915112345678")
        hint.save()
        hint.verify_identity("otp")
        hint.learn(Acme.order_number, "B-2")

        received = world["billing"].receive(hint.hand_over("billing"))

        assert [
            Arrival.DELIVERY,
            Arrival.POSSESSION,
            Arrival.HINT,
            Arrival.DELIVERY,
        ] == [step.arrival for step in received.trail]
        assert Arrival.POSSESSION == received.fact(Acme.email).arrival
        assert Arrival.HINT == received.fact(Acme.phone).arrival
        assert [0, 1, 2, 0] == [s.flags for s in received.context.statements]

    def test_a_hint_recalls_nothing(self, world, stolen):
        """
        A matching number shows nothing, not even what a link would.
        """
        journey = world["support"].resume(stolen, arrival=Arrival.HINT)

        for key in (Acme.full_name, Acme.order_number, Acme.identity):
            assert journey.recall(key) is None
            assert journey.fact(key) is None
            assert Reason.NOT_IDENTIFIED == reason_of(journey, key)
        assert () == journey.promises
        assert (
            Arrival.HINT
            == world["billing"].receive(journey.hand_over("billing")).arrival
        )

    def test_what_is_told_here_is_recalled(self, world, stolen):
        """
        What this person says is recalled in the same unit of work, and no more.
        """
        journey = world["support"].resume(stolen, arrival=Arrival.HINT)

        journey.learn(Acme.order_number, "B-2")

        assert "B-2" == journey.recall(Acme.order_number)
        assert journey.recall(Acme.full_name) is None

    @pytest.mark.parametrize("arrival", list(Arrival))
    def test_every_arrival_travels(self, forge, world, arrival):
        """
        The receiver's arrival is the lesser of how it came and what is stated.
        """
        envelope = forge.envelope(forge.statement(), arrival=int(arrival))

        for came in Arrival:
            journey = world["support"].receive(envelope, arrival=came)

            assert min(came, arrival) == journey.arrival


class TestMerge:
    """
    One journey in two hands.
    """

    def test_another_customers_journey_is_refused(self, sales):
        """
        Two customers' journeys do not become one, whatever is in them.
        """
        one, other = (sales.begin(channel="chat") for _ in range(2))
        one.learn(Acme.full_name, "Alex")
        other.learn(Acme.full_name, "Blake")

        with pytest.raises(DifferentJourneyError) as ei:
            one.merge(other)

        assert (one.id, other.id) == (ei.value.ours, ei.value.theirs)
        assert "Alex" == one.recall(Acme.full_name)

    def test_another_departments_journey_is_refused(self, sales, billing):
        """
        What billing has opened does not become readable to sales by merging.
        """
        journey = sales.begin(channel="chat")
        theirs = billing.receive(journey.hand_over("billing"))
        theirs.learn(Acme.card_last4, "4242")

        with pytest.raises(UsageError, match=r"merge what it hands over to sales"):
            journey.merge(theirs)

        assert journey.recall(Acme.card_last4) is None

    def test_both_branches_are_there(self, sales, support):
        """
        What two departments learned at the same time is there in one graph.
        """
        journey = sales.begin(channel="chat")
        other = support.receive(journey.hand_over("support"))
        other.learn(Acme.full_name, "Alex")
        journey.learn(Acme.order_number, "A-118")

        journey.merge(other.hand_over("sales"))

        assert "Alex" == journey.recall(Acme.full_name)
        assert "A-118" == journey.recall(Acme.order_number)
        assert 2 == len(journey.context.verified_heads())

    def test_a_section_is_preferred_over_its_digest(self, forge, world):
        """
        Whichever copy has a section, the merged journey has it.
        """
        root = forge.statement(says={**SAYS, **SAYS_ORDER})
        one, other = (
            world["support"].receive(forge.envelope(withheld(root, scope)))
            for scope in (1, ORDER)
        )
        assert one.recall(Acme.full_name) is None

        one.merge(other)

        assert "Alex" == one.recall(Acme.full_name)
        assert "A-118" == one.recall(Acme.order_number)

    def test_what_was_unknown_becomes_known(self, ring, clock, forge):
        """
        A copy that was opened with newer keys brings its authors along.
        """
        stranger = generate_signer()
        root = forge.statement()
        unknown = forge.statement(root, signer=stranger, says=SAYS)
        envelope = forge.envelope(root, unknown)
        world = World(ring, clock)
        behind = world["support"].receive(envelope)
        entry = attrs.evolve(
            ring.public.departments["billing"].keys[0], key=stranger.verifying_key
        )
        billing = attrs.evolve(
            ring.public.departments["billing"],
            keys=(*ring.public.departments["billing"].keys, entry),
        )
        world.domain.update_keys(ring.successor(departments=[billing]).public)
        ahead = world["support"].receive(envelope)

        behind.merge(ahead)

        assert "Alex" == behind.recall(Acme.full_name)
        assert ["sales", "billing"] == [step.department for step in behind.trail]


class TestValue:
    """
    How a context behaves as a Python value.
    """

    @pytest.fixture
    def context(self, sales):
        """
        Of a journey with something sealed and something pending.
        """
        journey = sales.begin(channel="chat")
        journey.learn(Acme.full_name, "sentinel")
        journey.hand_over("support")
        journey.learn(Acme.tier, Tier.GOLD)
        journey.learn(Acme.order_number, "sentinel")
        return journey.context

    def test_a_repr_shows_counts_only(self, context):
        """
        A repr has who reads and how much, and no value.
        """
        assert "<Context of 1 statements for sales>" == repr(context) == str(context)

    def test_it_is_not_pickled_and_its_copy_is_itself(self, context):
        """
        A context has keys and values in it, so it stays in its process.
        """
        with pytest.raises(NotPicklableError, match="pass on the envelope"):
            pickle.dumps(context)
        assert context is copy.copy(context)
        assert context is copy.deepcopy(context)

    def test_it_shows_what_is_pending_last(self, context):
        """
        What was learned and not sealed yet is the last step of the trail.
        """
        assert 2 == len(context.nodes) == len(context.trail)
        assert b"" == context.nodes[-1].id

        clear = context.contents(Acme.tier.field, now_s=START_S)
        sealed = context.contents(Acme.order_number.field, now_s=START_S)
        other = context.contents(Acme.card_last4.field, now_s=START_S)

        assert [None, "gold"] == [c and c.facts[0].value for c in clear]
        assert [None, "sentinel"] == [c and c.facts[0].value for c in sealed]
        assert [None, None] == list(other)

    def test_before_anything_is_sealed_it_has_no_id(self, sales):
        """
        The journey's id is of its root, which is not there yet.
        """
        journey = sales.begin(channel="chat")

        assert journey.context.journey_id is None
        assert () == journey.context.trail

    def test_its_trail_says_who_where_and_when(self, forge, support):
        """
        The trail names department, channel, instant, arrival, and who took over.
        """
        root = forge.statement(channel="phone", flags=8)

        (step,) = support.receive(forge.envelope(root)).trail

        assert (
            cx.Touchpoint(
                department="sales",
                channel="phone",
                at=START,
                arrival=Arrival.DELIVERY,
                accepted=True,
            )
            == step
        )

    def test_contents_that_were_opened_are_kept(self, forge, world):
        """
        A section is opened once for all fields of its scope.
        """
        root = forge.statement(says={ORDER: {10: "A-118", 13: True}})
        context = world["support"].receive(forge.envelope(root)).context

        one = context.scope_contents(Acme.order, now_s=START_S)
        other = context.scope_contents(Acme.order, now_s=START_S)

        assert isinstance(one[0], SectionContent)
        assert one[0] is other[0]
        assert {(identify(root), ORDER): one[0]} == context.opened()


def test_known_is_ordered():
    """
    What the arrival of a fact is compared with has an order.
    """
    assert Known.INFERRED < Known.OBSERVED < Known.STATED < Known.VERIFIED
    assert Arrival.HINT < Arrival.POSSESSION < Arrival.HOME < Arrival.DELIVERY
    assert START == Clock().now


def test_what_an_unknown_author_adds_is_not_built_upon(world):
    """
    Whoever wrote the last statement, the next builds upon known authors' last words.
    """
    journey = world["sales"].begin(channel="chat")
    journey.begun()
    other = journey.fork()
    other.learn(Acme.full_name, "Alex")
    other.hand_over("support")
    last = other.context.statements[-1]

    known = grown(journey.context, [(last, "sales")], opened={})
    unknown = grown(journey.context, [(last, None)], opened={})

    assert ([1], [0]) == (known.verified_heads(), unknown.verified_heads())


def test_an_unknown_author_may_have_verified_what_can_be_verified(forge, support):
    """
    What was stated upon an unreadable statement is settled, unless somebody may verify.
    """
    root = forge.statement()
    unknown = forge.statement(root, signer=generate_signer(), says={1: {1: "Alex"}})
    above = forge.statement(
        unknown, says={1: {2: "alex@example.com", 3: "+12025550123"}}
    )

    journey = support.receive(forge.envelope(root, unknown, above))

    assert "alex@example.com" == journey.recall(Acme.email)
    assert journey.recall(Acme.phone) is None
    assert Reason.UNKNOWN_AUTHOR == reason_of(journey, Acme.phone)


def test_who_may_write_under_newer_rules_may_have_said_something(forge, billing):
    """
    A section by somebody who may not write here, under a newer revision, unsettles.
    """
    root = forge.statement(says={3: {20: "4242"}})
    newer = forge.statement(root, by="support", revision=5, says={3: {20: "4343"}})

    journey = billing.receive(forge.envelope(root, newer, to="billing"))

    assert journey.recall(Acme.card_last4) is None
    assert Reason.NEWER_VOCABULARY == reason_of(journey, Acme.card_last4)


def test_what_has_another_type_under_newer_rules_may_be_verified(forge, support):
    """
    Under a newer revision the field may have verifiers, so stating it settles nothing.
    """
    root = forge.statement()
    newer = forge.statement(root, revision=5, says={1: {1: 7}})
    above = forge.statement(newer, by="billing", says={1: {1: "Alex"}})

    journey = support.receive(forge.envelope(root, newer, above))

    assert journey.recall(Acme.full_name) is None
    assert Reason.NEWER_VOCABULARY == reason_of(journey, Acme.full_name)
