"""
Deliveries: for one audience, for a short time, and for exactly this envelope.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from acme import DOMAIN, START_S, Acme
from forge import (
    ALG,
    AUD,
    CLAIMS,
    CTI,
    EXP,
    IAT,
    KID,
    PRIVATE,
    SECTIONS,
    WIRES,
    coverage,
    digest,
    flip,
    header,
    identify,
    pack,
    refuses,
    unpack,
    withheld,
)
from hypothesis import given
from hypothesis import strategies as st

import cxcontext as cx
from cxcontext.core.delivery import (
    MAX_AUDIENCE_CHARS,
    Delivery,
    parse_delivery,
    sign_delivery,
)
from cxcontext.core.delivery import coverage as coverage_of
from cxcontext.core.known import Arrival
from cxcontext.core.statement import parse_statement
from cxcontext.errors import (
    BadDeliverySignatureError,
    DeliveryExpiredError,
    DeliveryTooLongError,
    IssuedInFutureError,
    LimitExceededError,
    MalformedError,
    MissingParentError,
    NotCanonicalError,
    ReplayedError,
    UsageError,
    VerificationError,
    WrongAudienceError,
    WrongBindingError,
    WrongDeliveryKindError,
    WrongReplyError,
)

DIGEST = digest(b"a message")


def begun(department, value="A-118"):
    """
    Return a journey in which a customer has said one thing.
    """
    journey = department.begin(channel="chat")
    journey.learn(Acme.order_number, value)
    return journey


class TestGrammar:
    """
    Protocol, section 1, held against a second writer.
    """

    @pytest.mark.parametrize(
        ("changes", "arguments"),
        [
            ({}, {}),
            ({"lifetime_s": None}, {"expires_s": None}),
            ({"arrival": 1}, {"arrival": Arrival.POSSESSION}),
            ({"reply_to": b"request."}, {"reply_to": b"request."}),
            ({"binding": b"a message"}, {"binding": DIGEST}),
        ],
    )
    def test_both_writers_make_the_same_delivery(self, forge, changes, arguments):
        """
        The library's delivery is, byte for byte, what the protocol describes.
        """
        root = forge.statement(says={2: {10: "A-118"}})
        expected = forge.delivery([root], **changes)

        made = sign_delivery(
            [parse_statement(root)],
            **{
                "signer": forge.signer("sales"),
                "domain": DOMAIN,
                "delivery_id": b"delivery",
                "audience": "support",
                "issued_s": START_S,
                "expires_s": START_S + 300,
                "arrival": Arrival.DELIVERY,
                **arguments,
            },
        )

        assert expected == made.to_wire()

    def test_a_delivery_is_read_as_what_was_signed(self, forge):
        """
        Every claim is where the protocol puts it.
        """
        wire = forge.delivery(
            [], arrival=2, reply_to=b"request.", binding=b"a message", to="b"
        )

        made = parse_delivery(wire)

        assert (-19, forge.signer("sales").key_id) == (made.algorithm, made.key_id)
        assert (b"delivery", "b") == (made.id, made.audience)
        assert (START_S, START_S + 300) == (made.issued_s, made.expires_s)
        assert (Arrival.HOME, b"request.", DIGEST) == (
            made.arrival,
            made.reply_to,
            made.binding,
        )
        assert wire == made.to_wire()
        assert not made.rests

    def test_what_rests_has_no_expiry(self, forge):
        """
        A delivery without expiry is for rest.
        """
        made = parse_delivery(forge.delivery([], lifetime_s=None))

        assert made.rests
        assert made.expires_s is None

    def test_it_covers_statements_and_the_sections_present(self, forge):
        """
        What is covered does not depend on order, and changes with every section.
        """
        root = forge.statement(says={2: {10: "A-118"}, 1: {1: "Alex"}})
        child = forge.statement(root, says={4: {31: 1}})
        both = [parse_statement(root), parse_statement(child)]

        assert coverage([root, child]) == coverage_of(both)
        assert coverage_of(both) == coverage_of(reversed(both))
        assert coverage_of(both) != coverage_of(both[:1])
        assert coverage_of(both) != coverage_of([both[0].without([1]), both[1]])
        assert coverage_of([both[0].without([1])]) != coverage_of(
            [both[0].without([2])]
        )

    @pytest.mark.parametrize(
        "change",
        [
            lambda wire: wire[:3],
            lambda wire: [*wire, None],
            lambda wire: b"",
            lambda wire: None,
            lambda wire: {0: wire},
            lambda wire: [None, *wire[1:]],
            lambda wire: [header(wire), *wire[1:]],
            lambda wire: [wire[0], None, *wire[2:]],
            lambda wire: [wire[0], [], *wire[2:]],
            lambda wire: [wire[0], {4: b"kid"}, *wire[2:]],
            lambda wire: [wire[0], {SECTIONS: {2: [DIGEST]}}, *wire[2:]],
            lambda wire: [*wire[:2], b"", wire[3]],
            lambda wire: [*wire[:2], DIGEST, wire[3]],
            lambda wire: [*wire[:2], False, wire[3]],
            lambda wire: [*wire[:3], wire[3][:-1]],
            lambda wire: [*wire[:3], wire[3] + b"\0"],
            lambda wire: [*wire[:3], None],
        ],
    )
    def test_another_shape_is_refused(self, forge, change):
        """
        A delivery has four parts, and nothing beside its protected header.
        """
        with refuses(MalformedError, "malformed"):
            parse_delivery(change(forge.delivery([])))

    @pytest.mark.parametrize("label", [2, 3, 16, -65537])
    def test_an_unknown_protected_label_is_refused(self, forge, label):
        """
        RFC 9052, 3.1: what one does not understand there must not be passed over.
        """
        wire = forge.delivery([], change=lambda made: made.update({label: b"x"}))

        with refuses(MalformedError, "malformed"):
            parse_delivery(wire)

    @pytest.mark.parametrize("label", [1, 2, 5, 8, -65538])
    def test_an_unknown_claim_is_refused(self, forge, label):
        """
        A claim that a reader does not understand could restrict the delivery.
        """
        wire = forge.delivery([], change=lambda made: made[CLAIMS].update({label: 1}))

        with refuses(MalformedError, "malformed"):
            parse_delivery(wire)

    @pytest.mark.parametrize("label", [AUD, IAT, CTI, PRIVATE])
    def test_every_claim_but_expiry_is_needed(self, forge, label):
        """
        Audience, time, id and arrival are always there.
        """
        wire = forge.delivery([], change=lambda made: made[CLAIMS].pop(label))

        with refuses(MalformedError, "malformed"):
            parse_delivery(wire)

    @pytest.mark.parametrize(
        ("label", "value"),
        [
            (AUD, ""),
            (AUD, "a" * (MAX_AUDIENCE_CHARS + 1)),
            (AUD, b"support"),
            (AUD, ["support"]),
            (AUD, None),
            (IAT, -1),
            (IAT, 253_402_300_800),
            (IAT, None),
            (IAT, True),
            (IAT, "0"),
            (EXP, -1),
            (EXP, 253_402_300_800),
            (EXP, None),
            (EXP, START_S - 1),
            (CTI, b""),
            (CTI, b"seven.."),
            (CTI, b"nine....."),
            (CTI, "eight..."),
            (CTI, None),
            (PRIVATE, None),
            (PRIVATE, []),
            (PRIVATE, 3),
            (PRIVATE, {}),
            (PRIVATE, [3, b"request.", DIGEST, None]),
            (PRIVATE, [3, b"request.", DIGEST, 1]),
            (PRIVATE, [4]),
            (PRIVATE, [-1]),
            (PRIVATE, [True]),
            (PRIVATE, [None]),
            (PRIVATE, ["3"]),
            (PRIVATE, [[3]]),
            (PRIVATE, [3, b"short"]),
            (PRIVATE, [3, "request."]),
            (PRIVATE, [3, 0]),
            (PRIVATE, [3, None, DIGEST[:-1]]),
            (PRIVATE, [3, None, DIGEST + b"\0"]),
            (PRIVATE, [3, None, DIGEST.hex()[:32]]),
            (PRIVATE, [3, None, False]),
            (CLAIMS, None),
        ],
    )
    def test_every_claim_has_its_kind(self, forge, label, value):
        """
        A claim of another type, length or range is refused.
        """

        def change(made):
            if label == CLAIMS:
                made[CLAIMS] = value
            else:
                made[CLAIMS][label] = value

        with refuses(MalformedError, "malformed"):
            parse_delivery(forge.delivery([], change=change))

    @pytest.mark.parametrize("private", [[3, None], [3, b"request.", None]])
    def test_a_trailing_null_is_not_written_out(self, forge, private):
        """
        A second encoding of the same private claim is refused.
        """
        wire = forge.delivery(
            [], change=lambda made: made[CLAIMS].update({PRIVATE: private})
        )

        with refuses(NotCanonicalError, "not_canonical"):
            parse_delivery(wire)

    def test_the_protected_header_has_a_limit(self, forge):
        """
        A header of more than 4 KiB is not parsed.
        """
        wire = forge.delivery([], protected=bytes(4097))

        with refuses(LimitExceededError, "limit_exceeded"):
            parse_delivery(wire)

    def test_the_longest_audience_is_read(self, forge):
        """
        An audience has 64 characters at most.
        """
        longest = "a" * MAX_AUDIENCE_CHARS

        assert longest == parse_delivery(forge.delivery([], to=longest)).audience

    def test_it_shows_ids_only(self, forge):
        """
        A repr has the delivery's id and its key's.
        """
        made = parse_delivery(forge.delivery([], to="sentinel"))

        assert f"<Delivery {b'delivery'.hex()} by key {made.key_id.hex()}>" == repr(
            made
        )

    @given(WIRES)
    def test_any_structure_is_read_or_refused(self, wire):
        """
        Whatever stands where a delivery should, only a refusal is raised.
        """
        try:
            made = parse_delivery(wire)
        except VerificationError:
            return

        assert wire == made.to_wire()

    @given(
        st.dictionaries(st.sampled_from([AUD, EXP, IAT, CTI, PRIVATE]), WIRES),
        st.booleans(),
    )
    def test_any_claims_are_read_or_refused(self, forge_once, claims, all_there):
        """
        Whatever the claims are, only a refusal is raised.
        """

        def change(made):
            made[CLAIMS] = {**made[CLAIMS], **claims} if all_there else claims

        wire = forge_once.delivery([], change=change)
        try:
            made = parse_delivery(wire)
        except VerificationError:
            return

        assert isinstance(made, Delivery)
        assert wire == made.to_wire()


class TestAudience:
    """
    One hand-over is for one department.
    """

    def test_a_delivery_for_somebody_else_is_refused(self, sales, billing):
        """
        An envelope that is genuine and for support is refused by billing.
        """
        envelope = begun(sales).hand_over("support")

        with refuses(WrongAudienceError, "wrong_audience") as ei:
            billing.receive(str(envelope))

        assert "billing" == ei.value.expected

    @pytest.mark.parametrize("audience", ["*", "Support", "support ", "support,sales"])
    def test_an_audience_is_one_name_exactly(self, support, forge, audience):
        """
        A hand-over is for nobody else's name, nor for every department.
        """
        envelope = forge.envelope(forge.statement(), to=audience)

        with refuses(WrongAudienceError, "wrong_audience"):
            support.receive(envelope)

    def test_the_audience_cannot_be_changed(self, sales, billing):
        """
        Who carries an envelope cannot address it to somebody else.
        """
        wire = unpack(begun(sales).hand_over("support"))
        wire[2][0] = wire[2][0].replace(b"support", b"billing")

        with refuses(BadDeliverySignatureError, "bad_delivery_signature"):
            billing.receive(pack(wire))

    def test_a_domain_is_part_of_the_audience(self, forge, support):
        """
        A delivery signed for another domain does not verify in this one.
        """
        root = forge.statement()
        envelope = forge.envelope(
            root, delivery=forge.delivery([root], domain="other.example")
        )

        with refuses(BadDeliverySignatureError, "bad_delivery_signature"):
            support.receive(envelope)


class TestFreshness:
    """
    A hand-over lives for minutes.
    """

    def test_it_is_received_until_it_expires_and_clocks_may_differ(
        self, sales, support, clock
    ):
        """
        Until 60 seconds after its expiry a delivery is received, and then no more.
        """
        envelope = str(begun(sales).hand_over("support"))

        clock.advance(seconds=359)
        assert "A-118" == support.receive(envelope).recall(Acme.order_number)

        clock.advance(seconds=1)
        with refuses(DeliveryExpiredError, "delivery_expired") as ei:
            support.receive(envelope)

        assert datetime(2026, 1, 1, 0, 5, tzinfo=UTC) == ei.value.expired_at

    def test_one_from_the_future_is_refused(self, forge, support, clock):
        """
        Issued in a minute is now, by another clock; issued later is refused.
        """
        root = forge.statement()

        near = forge.envelope(root, issued_s=START_S + 60)
        assert "sales" == support.receive(near).received_from

        far = forge.envelope(root, issued_s=START_S + 61)
        with refuses(IssuedInFutureError, "issued_in_future") as ei:
            support.receive(far)

        assert START_S + 61 == ei.value.issued_at.timestamp()

    def test_one_that_lives_too_long_is_refused(self, sales, support):
        """
        300 seconds are accepted and more are not.
        """
        journey = begun(sales)

        whole = journey.hand_over("support", lifetime=timedelta(seconds=300))
        assert "sales" == support.receive(whole).received_from

        longer = journey.hand_over("support", lifetime=timedelta(seconds=301))
        with refuses(DeliveryTooLongError, "delivery_too_long") as ei:
            support.receive(longer)

        assert (301, 300) == (ei.value.lifetime_seconds, ei.value.limit_seconds)

    def test_a_queue_says_how_long_its_messages_live(self, sales, support, clock):
        """
        A consumer that gives its queue's lifetime receives what waited for days.
        """
        days = timedelta(days=4)
        envelope = begun(sales).hand_over("support", lifetime=days)
        clock.advance(days=4)

        journey = support.receive(envelope, max_lifetime=days)

        assert "A-118" == journey.recall(Acme.order_number)

    @pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(seconds=-1)])
    def test_a_lifetime_is_a_second_or_more(self, sales, lifetime):
        """
        What would be dead on arrival is the sender's mistake.
        """
        with pytest.raises(UsageError, match="1 second or more"):
            begun(sales).hand_over("support", lifetime=lifetime)


class TestReplay:
    """
    Protocol, section 5: a second sight of the same (signer, cti).
    """

    def test_a_second_sight_is_flagged(self, sales, support):
        """
        The first sight is none; from the second on the journey says so.
        """
        envelope = begun(sales).hand_over("support")

        seen = [support.receive(form).replayed for form in (str(envelope), envelope)]

        assert [False, True] == seen

    def test_it_is_refused_where_the_route_takes_each_once(self, sales, support):
        """
        With ``once`` the second sight is an error, whatever the first one was.
        """
        envelope = begun(sales).hand_over("support")
        support.receive(envelope)

        with refuses(ReplayedError, "replayed"):
            support.receive(envelope, once=True)

    def test_once_takes_the_first(self, sales, support):
        """
        With ``once`` the first sight is received.
        """
        envelope = begun(sales).hand_over("support")

        assert not support.receive(envelope, once=True).replayed
        with refuses(ReplayedError, "replayed"):
            support.receive(str(envelope), once=True)

    def test_a_fresh_delivery_of_the_same_journey_is_none(self, sales, support):
        """
        Two hand-overs of one journey are two deliveries.
        """
        journey = begun(sales)

        for _ in range(2):
            received = support.receive(journey.hand_over("support"), once=True)

            assert not received.replayed

    def test_ids_are_the_signers_own(self, forge, support):
        """
        Two departments may choose the same id by chance.
        """
        root = forge.statement()
        support.receive(forge.envelope(root, by="sales"))

        received = support.receive(forge.envelope(root, by="billing"), once=True)

        assert "billing" == received.received_from

    def test_a_forgery_uses_up_no_id(self, sales, support):
        """
        Whoever sends rubbish with a genuine delivery's id does not block it.
        """
        envelope = begun(sales).hand_over("support")
        wire = unpack(envelope)
        wire[2][3] = flip(wire[2][3], 0)
        with refuses(BadDeliverySignatureError, "bad_delivery_signature"):
            support.receive(pack(wire), once=True)

        assert not support.receive(envelope, once=True).replayed

    def test_the_same_message_again_is_none(self, sales, support):
        """
        A broker delivers a message again; the same delivery in another is a replay.
        """
        envelope = begun(sales).hand_over("support")

        seen = [
            support.receive(envelope, message_id=message_id).replayed
            for message_id in (b"first", b"first", b"second", None, b"first")
        ]

        assert [False, False, True, True, False] == seen

    def test_where_it_is_taken_once_the_same_message_is_taken_again(
        self, sales, support
    ):
        """
        ``once`` refuses another message, and none that the broker delivers again.
        """
        envelope = begun(sales).hand_over("support")
        for _ in range(2):
            support.receive(envelope, once=True, message_id=b"first")

        with refuses(ReplayedError, "replayed"):
            support.receive(envelope, once=True, message_id=b"second")

    def test_a_message_without_an_id_is_no_message_again(self, sales, support):
        """
        What came first without an id is a replay in whatever it comes later.
        """
        envelope = begun(sales).hand_over("support")
        support.receive(envelope)

        assert support.receive(envelope, message_id=b"first").replayed


class TestLate:
    """
    Messages that waited for longer than their deliveries live.
    """

    def late(self, sales, clock, seconds):
        """
        Return a delivery of 300 s, that much older.
        """
        journey = begun(sales)
        envelope = journey.hand_over("support")
        clock.advance(seconds=seconds)
        return envelope

    @pytest.mark.parametrize(
        ("age_s", "stale"), [(0, False), (359, False), (360, True)]
    )
    def test_it_is_received_and_says_so(self, sales, support, clock, age_s, stale):
        """
        A consumer that takes late ones reads what is valid, and is told from which
        second on the delivery has ended.
        """
        journey = support.receive(self.late(sales, clock, age_s), late=True)

        assert stale is journey.stale
        assert "A-118" == journey.recall(Acme.order_number)

    def test_nobody_else_takes_it(self, sales, support, clock):
        """
        Without that it is refused, also when the same bytes were read in time.
        """
        envelope = self.late(sales, clock, 0)
        assert not support.receive(envelope).stale
        clock.advance(seconds=360)

        with refuses(DeliveryExpiredError, "delivery_expired"):
            support.receive(envelope)
        assert support.receive(envelope, late=True).stale

    def test_where_each_is_taken_once_it_is_refused(self, sales, support, clock):
        """
        Nobody remembers whether one that has ended was seen.
        """
        envelope = self.late(sales, clock, 360)

        with refuses(DeliveryExpiredError, "delivery_expired"):
            support.receive(envelope, late=True, once=True)

    def test_what_has_expired_in_it_is_not_read(self, sales, support, clock):
        """
        When every statement has ended the envelope is refused, however it waited.
        """
        envelope = self.late(sales, clock, 90 * 86400 + 1)

        with pytest.raises(VerificationError):
            support.receive(envelope, late=True)

    def test_it_is_told(self, world, clock):
        """
        The event of what was received says that it had waited.
        """
        envelope = self.late(world["sales"], clock, 360)
        world["support"].receive(envelope, late=True)

        (event,) = [e for e in world.events if isinstance(e, cx.events.Received)]
        assert event.stale


class TestReuse:
    """
    One delivery in several messages, for five seconds.
    """

    REUSE = timedelta(seconds=5)

    def test_the_same_is_given_until_it_is_five_seconds_old(self, sales, clock):
        """
        It is the same envelope at 4 s, and another at 5 s.
        """
        journey = begun(sales)
        first = journey.seal_for("support", reuse=self.REUSE)
        clock.advance(seconds=4)
        assert first is journey.seal_for("support", reuse=self.REUSE)
        clock.advance(seconds=1)

        assert first is not journey.seal_for("support", reuse=self.REUSE)

    def test_what_was_learned_since_goes_along(self, sales, support):
        """
        A new fact makes a new delivery.
        """
        journey = begun(sales)
        journey.seal_for("support", reuse=self.REUSE)
        journey.learn(Acme.order_number, "A-119")

        envelope = journey.seal_for("support", reuse=self.REUSE)
        assert "A-119" == support.receive(envelope).recall(Acme.order_number)

    @pytest.mark.parametrize(
        "other",
        [
            {"to": "billing"},
            {"binding": b"message"},
            {"reply_to": b"delivery"},
            {"reuse": timedelta(0)},
            {"lifetime": timedelta(seconds=60)},
        ],
    )
    def test_only_what_is_the_same_is_given_again(self, sales, other):
        """
        Another audience, a binding, an answer, or another lifetime is its own.
        """
        journey = begun(sales)
        same = {"to": "support", "reuse": self.REUSE}
        first = journey.seal_for(**same)

        assert first is not journey.seal_for(**(same | other))

    def test_what_something_is_withheld_from_is_not(self, sales):
        """
        An envelope without a scope is not given in place of one with all of them.
        """
        journey = begun(sales)
        journey.learn(Acme.card_last4, "4242")
        part = journey.seal_for("support", withhold=[Acme.payment], reuse=self.REUSE)

        assert part is not journey.seal_for("support", reuse=self.REUSE)

    def test_it_is_as_sure_as_the_journey_is_now(self, sales, support, clock):
        """
        A verified identity raises the arrival, which a former delivery does not say.
        """
        journey = sales.receive(begun(support).hand_over("sales"), arrival=Arrival.HINT)
        first = journey.seal_for("support", reuse=self.REUSE)
        journey._arrival = Arrival.DELIVERY

        assert first is not journey.seal_for("support", reuse=self.REUSE)


class TestContents:
    """
    A delivery covers which statements there are, and with which sections.
    """

    @pytest.fixture
    def wire(self, sales, support):
        """
        Two statements by two departments, from sales to billing.
        """
        journey = begun(sales)
        journey.learn(Acme.card_last4, "4242")
        other = support.receive(journey.hand_over("support"))
        other.learn(Acme.full_name, "Alex")
        return unpack(other.hand_over("billing"))

    def test_a_stripped_delivery_is_refused(self, wire, billing):
        """
        Without a delivery there is no envelope.
        """
        for stripped in (wire[:2], [*wire[:2], None], [*wire[:2], []]):
            with refuses(MalformedError, "malformed"):
                billing.receive(pack(stripped))

    def test_an_added_statement_is_refused(self, wire, billing, forge):
        """
        A genuine statement that the sender did not send is not let in.
        """
        ids = [identify(statement) for statement in wire[1]]
        added = forge.statement(*ids, by="ivr", says={1: {1: "Mallory"}})
        wire[1] = sorted([*wire[1], added], key=identify)

        with refuses(BadDeliverySignatureError, "bad_delivery_signature"):
            billing.receive(pack(wire))

    def test_a_removed_head_is_refused(self, wire, billing):
        """
        A carrier cannot cut off the last word.
        """
        root = next(s for s in wire[1] if 2 in s[1][SECTIONS])
        wire[1] = [root]

        with refuses(BadDeliverySignatureError, "bad_delivery_signature"):
            billing.receive(pack(wire))

    def test_a_removed_section_is_refused(self, wire, billing):
        """
        A carrier cannot put a digest in a section's place.
        """
        at = next(n for n, s in enumerate(wire[1]) if 3 in s[1][SECTIONS])
        wire[1][at] = withheld(wire[1][at], 3)

        with refuses(BadDeliverySignatureError, "bad_delivery_signature"):
            billing.receive(pack(wire))

    def test_a_section_put_back_is_refused(self, forge, billing):
        """
        A carrier cannot bring back what the sender withheld.
        """
        root = forge.statement(says={3: {20: "4242"}, 5: {40: "rude"}})
        shown = withheld(root, 5)
        delivery = forge.delivery([shown], to="billing")

        assert (
            "sales"
            == billing.receive(forge.envelope(shown, delivery=delivery)).received_from
        )
        with refuses(BadDeliverySignatureError, "bad_delivery_signature"):
            billing.receive(forge.envelope(root, delivery=delivery))

    def test_an_earlier_delivery_does_not_cover_what_came_after(self, sales, support):
        """
        A delivery that is still fresh does not fit the journey's next state.
        """
        journey = begun(sales)
        before = unpack(journey.hand_over("support"))
        journey.learn(Acme.full_name, "Alex")
        after = unpack(journey.hand_over("support"))

        with refuses(BadDeliverySignatureError, "bad_delivery_signature"):
            support.receive(pack([1, after[1], before[2]]))
        with refuses(BadDeliverySignatureError, "bad_delivery_signature"):
            support.receive(pack([1, before[1], after[2]]))


class TestExchange:
    """
    Two customers at the same counter.
    """

    def test_a_delivery_does_not_fit_another_customers_envelope(self, sales, support):
        """
        The deliveries alone cannot be exchanged.
        """
        one = unpack(begun(sales, "A-1").hand_over("support"))
        other = unpack(begun(sales, "B-2").hand_over("support"))

        with refuses(BadDeliverySignatureError, "bad_delivery_signature"):
            support.receive(pack([1, one[1], other[2]]))

    def test_whole_envelopes_are_exchanged_where_nothing_is_known(self, sales, support):
        """
        Without a binding a carrier can exchange two fresh envelopes: it is said
        in the docs.
        """
        begun(sales, "A-1").hand_over("support")
        other = begun(sales, "B-2").hand_over("support")

        assert "B-2" == support.receive(other).recall(Acme.order_number)

    def test_a_binding_tells_them_apart(self, sales, support):
        """
        Bound to its call, an envelope is refused with another call.
        """
        one = begun(sales, "A-1").hand_over("support", binding=b"call 1")
        other = begun(sales, "B-2").hand_over("support", binding=b"call 2")

        assert "A-1" == support.receive(one, binding=b"call 1").recall(
            Acme.order_number
        )
        with refuses(WrongBindingError, "wrong_binding"):
            support.receive(other, binding=b"call 1")

    def test_a_bound_delivery_is_refused_where_nobody_looks(self, sales, support):
        """
        A bound envelope cannot be moved to a road on which nothing is known.
        """
        envelope = begun(sales).hand_over("support", binding=b"call 1")

        with refuses(WrongBindingError, "wrong_binding"):
            support.receive(envelope)

    def test_an_unbound_delivery_is_refused_where_a_binding_is_known(
        self, sales, support
    ):
        """
        Who must bind and did not is refused.
        """
        envelope = begun(sales).hand_over("support")

        for binding in (b"call 1", b""):
            with refuses(WrongBindingError, "wrong_binding"):
                support.receive(envelope, binding=binding)

    def test_a_response_names_its_request(self, sales, support):
        """
        A response to another request, or to none, is refused.
        """
        asked = support.receive(begun(sales).hand_over("support"))
        assert asked.delivery_id is not None

        answer = asked.hand_over("sales", reply_to=asked.delivery_id)

        with refuses(WrongReplyError, "wrong_reply"):
            sales.receive(answer)
        with refuses(WrongReplyError, "wrong_reply"):
            sales.receive(answer, reply_to=b"another.")
        with refuses(WrongReplyError, "wrong_reply"):
            sales.receive(asked.hand_over("sales"), reply_to=asked.delivery_id)
        assert (
            "support" == sales.receive(answer, reply_to=asked.delivery_id).received_from
        )


class TestUse:
    """
    Statements and deliveries are signed for different uses.
    """

    def test_a_statement_is_no_delivery(self, forge, support):
        """
        A statement in the delivery's place is malformed.
        """
        root = forge.statement()

        with refuses(MalformedError, "malformed"):
            support.receive(forge.envelope(root, delivery=root))

    def test_a_delivery_is_no_statement(self, forge, support):
        """
        A delivery among the statements is malformed.
        """
        root = forge.statement()
        delivery = forge.delivery([root])

        with refuses(MalformedError, "malformed"):
            support.receive(pack([1, [delivery], delivery]))

    def test_a_signature_for_the_other_use_does_not_verify(self, forge, support):
        """
        Even where the header fits, a signature for statements signs no delivery.
        """
        root = forge.statement()
        delivery = forge.delivery([root], use="statement")

        with refuses(BadDeliverySignatureError, "bad_delivery_signature"):
            support.receive(forge.envelope(root, delivery=delivery))


class TestRest:
    """
    What rests is not handed over, and the reverse.
    """

    def test_what_is_handed_over_is_not_resumed(self, sales, support):
        """
        `resume` refuses a hand-over, which would outlive its 300 seconds there.
        """
        envelope = begun(sales).hand_over("support")

        with refuses(WrongDeliveryKindError, "wrong_delivery_kind"):
            support.resume(envelope)

    @pytest.mark.parametrize("shared", [False, True])
    def test_what_rests_is_not_received(self, sales, shared):
        """
        `receive` refuses what rests, which never goes stale.
        """
        rested = begun(sales).save(shared=shared)

        with refuses(WrongDeliveryKindError, "wrong_delivery_kind"):
            sales.receive(rested)

    def test_it_rests_for_the_department_itself(self, sales, support, clock):
        """
        Nobody else resumes what a department saved for itself.
        """
        rested = begun(sales).save()
        clock.advance(days=20)

        assert "A-118" == sales.resume(rested).recall(Acme.order_number)
        with refuses(WrongAudienceError, "wrong_audience"):
            support.resume(rested)

    def test_it_rests_for_all_where_it_is_shared(self, sales, support, clock):
        """
        Every department resumes what was saved for all.
        """
        rested = begun(sales).save(shared=True)
        clock.advance(days=20)

        resumed = support.resume(rested)

        assert "A-118" == resumed.recall(Acme.order_number)
        assert (Arrival.HOME, "sales") == (resumed.arrival, resumed.received_from)

    def test_to_resume_is_no_replay(self, sales):
        """
        What rests is resumed as often as one likes.
        """
        rested = begun(sales).save()

        assert [False, False] == [sales.resume(rested).replayed for _ in range(2)]


def test_a_real_delivery_has_these_claims(sales):
    """
    What the library signs has the claims of the protocol, and no more.
    """
    wire = unpack(begun(sales).hand_over("support"))[2]

    made = header(wire)
    claims = made[CLAIMS]

    assert [ALG, KID, CLAIMS] == list(made)
    assert [AUD, EXP, IAT, CTI, PRIVATE] == list(claims)
    assert ("support", START_S + 300, START_S) == (
        claims[AUD],
        claims[EXP],
        claims[IAT],
    )
    assert 8 == len(claims[CTI])
    assert [3] == claims[PRIVATE]


def test_a_cut_branch_is_refused(forge, support):
    """
    A parent that is cut out is missed before any signature is looked at.
    """
    root = forge.statement()
    one = forge.statement(root, says={1: {1: "Alex"}})
    two = forge.statement(root, one)

    with refuses(MissingParentError, "missing_parent"):
        support.receive(
            forge.envelope(root, two, delivery=forge.delivery([root, one, two]))
        )
