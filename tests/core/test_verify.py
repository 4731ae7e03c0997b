"""
Verification: forging refuses, being behind degrades, and cheap refusals come first.
"""

from __future__ import annotations

import copy
import inspect
import itertools
import pickle
from datetime import UTC, datetime, timedelta

import attrs
import cbor2
import pytest
from acme import READERS, START, START_S, Acme, Brief, Clock, Tier, World, ring_of
from forge import (
    ALG,
    CLAIMS,
    LIFETIME_S,
    PRIVATE,
    Forge,
    flip,
    identify,
    pack,
    refuses,
    unpack,
)

from cxcontext import errors
from cxcontext.core.envelope import decode_envelope
from cxcontext.core.events import LeftOutStatement, Received
from cxcontext.core.gaps import Reason
from cxcontext.core.keygen import (
    generate_signer,
    revoke,
    rotate_signing,
)
from cxcontext.core.limits import MAX_ENVELOPE_BYTES
from cxcontext.core.sealing import MLKEM768_X25519
from cxcontext.core.signing import ED25519, ESP256, P256_ORDER
from cxcontext.core.statement import journey_id, parse_statement
from cxcontext.core.verify import Expected, check_times, verify_envelope
from cxcontext.errors import (
    BadDeliverySignatureError,
    DeliveryExpiredError,
    DeliveryTooLongError,
    ExternalAuthorError,
    ForgedStatementError,
    JourneyExpiredError,
    KeyNotYetValidError,
    KeyRetiredError,
    KeyRevokedError,
    LimitExceededError,
    MalformedError,
    NotCanonicalError,
    NotOneRootError,
    ReplayedError,
    StatementTimesError,
    TooLargeError,
    UnknownKeyError,
    UnsupportedVersionError,
    VerificationError,
    WrongAlgorithmError,
    WrongAudienceError,
    WrongBindingError,
    WrongDeliveryKindError,
    WrongReplyError,
)
from cxcontext.typing import Signer

DAY = 24 * 3600
SAYS = {1: {1: "Alex"}}
SAYS_ORDER = {2: {10: "A-118"}}
SAYS_GIFT = {2: {13: True}}  # a field without a maximum age


@pytest.fixture
def stranger():
    """
    A signing key that is in no key set.
    """
    return generate_signer()


def key_id_of(forge: Forge, name: str) -> str:
    """
    Return how messages name a department's first key.
    """
    return forge.signer(name).key_id.hex()


# --- the delivery's key ------------------------------------------------------


class TestDeliveryKey:
    """
    Who sends must be known, entitled and in time.
    """

    def test_an_unknown_key_is_refused(self, forge, support, stranger):
        """
        A delivery by nobody we know is refused, whatever it covers.
        """
        envelope = forge.envelope(forge.statement(), signer=stranger)

        with refuses(UnknownKeyError, "unknown_key") as ei:
            support.receive(envelope)

        assert stranger.key_id.hex() == ei.value.key_id

    def test_a_claimed_key_must_have_signed(self, forge, support, stranger):
        """
        Whoever names the key of sales and signs with another is refused.
        """

        class Impostor:
            key_id = forge.signer("sales").key_id
            algorithm = ED25519
            sign = stranger.sign

        envelope = forge.envelope(forge.statement(), signer=Impostor())

        with refuses(BadDeliverySignatureError, "bad_delivery_signature") as ei:
            support.receive(envelope)

        assert key_id_of(forge, "sales") == ei.value.key_id

    @pytest.mark.parametrize("algorithm", [ESP256, -8, -7, 5, 0, -65535])
    def test_the_key_decides_the_algorithm(self, forge, support, algorithm):
        """
        Another algorithm than the key's is refused, known, old, none or symmetric.
        """
        envelope = forge.envelope(
            forge.statement(), change=lambda made: made.update({ALG: algorithm})
        )

        with refuses(WrongAlgorithmError, "wrong_algorithm"):
            support.receive(envelope)

    def test_a_revoked_key_is_refused(self, ring, clock, forge):
        """
        Nothing that a revoked key sends is received, however long ago it was signed.
        """
        envelope = forge.envelope(forge.statement(by="billing"))
        key_id = forge.signer("sales").key_id
        world = World(revoke(ring, key_id, now=START), clock)

        with refuses(KeyRevokedError, "key_revoked"):
            world["support"].receive(envelope)

    def test_a_key_is_used_from_its_first_instant(self, ring, clock):
        """
        A delivery dated before its key was valid is refused.
        """
        newer = rotate_signing(ring, "sales", now=START, publish_ahead=timedelta(0))
        first = START_S + 10
        entry = newer.public.departments["sales"].keys[-1]
        shifted = attrs.evolve(entry, not_before=START + timedelta(seconds=10))
        keys = attrs.evolve(
            newer.public.departments["sales"],
            keys=(*newer.public.departments["sales"].keys[:-1], shifted),
        )
        newer = newer.successor(departments=[keys])
        signer = newer.private["sales"].signers[-1]
        forge, world = Forge(newer), World(newer, clock)
        root = forge.statement()

        with refuses(KeyNotYetValidError, "key_not_yet_valid"):
            world["support"].receive(
                forge.envelope(root, signer=signer, issued_s=first - 1)
            )
        assert (
            "sales"
            == world["support"]
            .receive(forge.envelope(root, signer=signer, issued_s=first))
            .received_from
        )

    def test_a_key_is_used_until_its_last_instant(self, ring, clock):
        """
        A delivery dated after its key's last signing instant is refused.
        """
        last_s = START_S + 90 * DAY
        forge, world = Forge(ring, now_s=last_s), World(ring, clock)
        clock.advance(days=90)
        root = forge.statement()

        assert "sales" == world["support"].receive(forge.envelope(root)).received_from
        with refuses(KeyRetiredError, "key_retired"):
            world["support"].receive(forge.envelope(root, issued_s=last_s + 1))

    def test_a_retired_key_cannot_date_its_delivery_back(self, ring, clock):
        """
        What a retired key signs today as of yesterday is stale.
        """
        clock.advance(days=91)
        newer = rotate_signing(ring, "sales", now=START + timedelta(days=80))
        forge = Forge(newer, now_s=START_S + 90 * DAY)
        root = forge.statement()

        with refuses(DeliveryExpiredError, "delivery_expired"):
            World(newer, clock)["support"].receive(forge.envelope(root))


# --- statements --------------------------------------------------------------


class TestForgedStatements:
    """
    Forging refuses, unless nothing verified descends from it.
    """

    @pytest.fixture
    def bad(self, forge):
        """
        A way to sign with the right key id and the wrong key.
        """
        signer = generate_signer()

        def make(*parents, by="billing", **arguments):
            class Impostor:
                key_id = forge.signer(by).key_id
                algorithm = ED25519
                sign = signer.sign

            return forge.statement(*parents, signer=Impostor(), **arguments)

        return make

    def test_a_bad_signature_under_a_genuine_one_refuses(self, forge, support, bad):
        """
        Where somebody genuine builds upon a forgery, nothing is believed.
        """
        root = forge.statement(says=SAYS_ORDER)
        forged = bad(root, says=SAYS)
        leaf = forge.statement(forged)

        with refuses(ForgedStatementError, "forged_statement") as ei:
            support.receive(forge.envelope(root, forged, leaf))

        assert key_id_of(forge, "billing") == ei.value.key_id

    def test_a_bad_signature_that_nothing_builds_upon_is_left_out(
        self, forge, world, bad
    ):
        """
        A forged leaf is left out and reported, and the rest is received.
        """
        root = forge.statement(says=SAYS_ORDER)

        journey = world["support"].receive(forge.envelope(root, bad(root, says=SAYS)))

        assert "A-118" == journey.recall(Acme.order_number)
        assert journey.recall(Acme.full_name) is None
        assert ["sales"] == [step.department for step in journey.trail]
        (told,) = world.told(LeftOutStatement)
        assert ("forged_statement", key_id_of(forge, "billing")) == (
            told.code,
            told.key_id,
        )
        assert 1 == world.told(Received)[0].statements

    def test_what_was_left_out_does_not_travel_on(self, forge, world, bad):
        """
        Whoever left a forgery out does not send it to anybody.
        """
        root = forge.statement(says=SAYS_ORDER)
        journey = world["support"].receive(forge.envelope(root, bad(root)))

        assert [root] == unpack(journey.hand_over("billing"))[1]

    def test_a_forged_root_refuses(self, forge, support, bad):
        """
        Without its root nothing is left of a journey.
        """
        root = bad()
        with refuses(ForgedStatementError, "forged_statement"):
            support.receive(forge.envelope(root))
        with refuses(ForgedStatementError, "forged_statement"):
            support.receive(forge.envelope(root, forge.statement(root)))

    def test_the_first_forgery_below_a_genuine_one_is_named(self, forge, support, bad):
        """
        Of several forgeries the error names the one closest to the root.
        """
        root = forge.statement()
        one = bad(root, by="billing")
        two = bad(one, by="ivr")

        with refuses(ForgedStatementError, "forged_statement") as ei:
            support.receive(forge.envelope(root, one, two, forge.statement(two)))

        assert key_id_of(forge, "billing") == ei.value.key_id

    def test_a_forged_leaf_beside_a_genuine_one_is_left_out(self, forge, world, bad):
        """
        A genuine branch does not suffer from a forged one beside it.
        """
        root = forge.statement(says=SAYS_ORDER)
        genuine = forge.statement(root, by="ivr", says=SAYS)
        forged = [bad(root, channel="a"), bad(root, channel="b")]

        journey = world["support"].receive(forge.envelope(root, genuine, *forged))

        assert "Alex" == journey.recall(Acme.full_name)
        assert 2 == len(journey.trail)
        assert 2 == len(world.told(LeftOutStatement))

    def test_an_unknown_authors_word_on_a_forgery_goes_with_it(
        self, forge, world, bad, stranger
    ):
        """
        What only an unknown author builds upon a forgery is left out with it.
        """
        root = forge.statement(says=SAYS_ORDER)
        forged = bad(root)
        above = forge.statement(forged, signer=stranger, says=SAYS)

        journey = world["support"].receive(forge.envelope(root, forged, above))

        assert ["sales"] == [step.department for step in journey.trail]

    def test_a_root_from_the_future_borrows_no_journeys_id(self, forge, support, bad):
        """
        Whoever knows a root's key id and nonce cannot claim its journey's id with
        a statement that only the clock seems to forbid.
        """
        root = forge.statement(says=SAYS_ORDER)
        fake = bad(by="sales", issued_s=START_S + 61)
        genuine = support.receive(forge.envelope(root))

        assert (
            genuine.id
            == journey_id(domain="acme.example", root=parse_statement(fake)).hex()
        )
        with refuses(ForgedStatementError, "forged_statement"):
            support.receive(forge.envelope(fake, by="ivr"))

    def test_a_bad_signature_from_the_future_is_left_out(self, forge, world, bad):
        """
        A forgery is no unread statement for being dated ahead of the clock.
        """
        root = forge.statement(says=SAYS)
        ahead = bad(
            root,
            issued_s=START_S + 61,
            expires_s=START_S + LIFETIME_S + 61,
            says={1: {1: "Mallory"}},
        )

        journey = world["support"].receive(forge.envelope(root, ahead))

        assert "Alex" == journey.recall(Acme.full_name)
        assert ["forged_statement"] == [e.code for e in world.told(LeftOutStatement)]

    def test_a_flipped_bit_in_a_signature_refuses(self, forge, support):
        """
        A sender that passes on a changed signature is refused where one builds on it.
        """
        root = forge.statement()
        root[3] = flip(root[3], 100)
        leaf = forge.statement(root)

        with refuses(ForgedStatementError, "forged_statement"):
            support.receive(forge.envelope(root, leaf))

    @pytest.mark.parametrize(
        "arguments", [{"use": "delivery"}, {"domain": "other.example"}]
    )
    def test_a_signature_for_another_use_refuses(self, forge, support, arguments):
        """
        A signature made as a delivery's, or in another domain, is none here.
        """
        root = forge.statement(**arguments)

        with refuses(ForgedStatementError, "forged_statement"):
            support.receive(forge.envelope(root, forge.statement(root)))

    @pytest.mark.parametrize("algorithm", [ESP256, -8, 0])
    def test_the_key_decides_the_algorithm(self, forge, support, algorithm):
        """
        A statement that claims another algorithm than its key's is forged.
        """
        root = forge.statement(change=lambda made: made.update({ALG: algorithm}))

        with refuses(WrongAlgorithmError, "wrong_algorithm"):
            support.receive(forge.envelope(root, forge.statement(root)))

    def test_a_delivery_offered_as_a_statements_signature_refuses(self, forge, support):
        """
        The bytes of a delivery's signature sign no statement.
        """
        root = forge.statement()
        root[3] = forge.delivery([root])[3]

        with refuses(ForgedStatementError, "forged_statement"):
            support.receive(forge.envelope(root))


class TestKeyWindows:
    """
    Protocol, section 3: not_before <= iat <= sign_until, now < verify_until.
    """

    @pytest.fixture
    def later(self, ring):
        """
        A ring in which sales has a second key; the first signs no more.
        """
        return rotate_signing(ring, "sales", now=START + timedelta(days=80))

    @pytest.fixture
    def at_day_95(self, later, clock):
        """
        A forge and a world five days after the first keys' last signing instant.
        """
        for name in ("billing", "support", "ivr"):
            later = rotate_signing(later, name, now=START + timedelta(days=80))
        clock.advance(days=95)
        forge = Forge(later, now_s=clock.now_s)
        return forge, World(later, clock)

    def ending_on_day_3(self, ring):
        """
        Return a ring of shorter lives in which the key of sales verifies until then.
        """
        sales = ring.public.departments["sales"]
        entry = attrs.evolve(
            sales.keys[0],
            sign_until=START + timedelta(days=1),
            verify_until=START + timedelta(days=3),
        )
        short = attrs.evolve(ring.public, statement_lifetime=timedelta(days=2))
        return attrs.evolve(ring, public=short).successor(
            departments=[attrs.evolve(sales, keys=(entry,))]
        )

    def newest(self, forge, name="sales"):
        """
        Return a department's second key.
        """
        return forge.ring.private[name].signers[-1]

    def test_what_a_retired_key_signed_in_its_time_is_read(self, at_day_95):
        """
        A statement of its time stays verifiable after the key signs no more.
        """
        forge, world = at_day_95
        root = forge.statement(issued_s=START_S + 80 * DAY, says=SAYS)
        envelope = forge.envelope(root, signer=self.newest(forge))

        assert "Alex" == world["support"].receive(envelope).recall(Acme.full_name)

    def test_a_retired_key_cannot_date_back_below_its_parents(self, at_day_95):
        """
        A stolen old key that answers today's statement is dated before it.
        """
        forge, world = at_day_95
        root = forge.statement(signer=self.newest(forge), says=SAYS_ORDER)
        backdated = forge.statement(
            root,
            by="billing",
            issued_s=START_S + 90 * DAY,
            expires_s=START_S + 185 * DAY,
            says=SAYS,
        )
        leaf = forge.statement(backdated, signer=self.newest(forge))

        with refuses(StatementTimesError, "statement_times") as ei:
            world["support"].receive(
                forge.envelope(root, backdated, leaf, signer=self.newest(forge))
            )

        assert key_id_of(forge, "billing") == ei.value.key_id

    def test_as_a_leaf_it_is_left_out(self, at_day_95):
        """
        The same statement is left out and reported where nothing builds on it.
        """
        forge, world = at_day_95
        root = forge.statement(signer=self.newest(forge), says=SAYS_ORDER)
        backdated = forge.statement(
            root, by="billing", issued_s=START_S + 90 * DAY, says=SAYS
        )

        journey = world["support"].receive(
            forge.envelope(root, backdated, signer=self.newest(forge))
        )

        assert journey.recall(Acme.full_name) is None
        assert ["statement_times"] == [e.code for e in world.told(LeftOutStatement)]

    def test_a_retired_key_signs_nothing_dated_later(self, at_day_95):
        """
        A statement dated past the key's last signing instant does not count.
        """
        forge, world = at_day_95
        root = forge.statement(signer=self.newest(forge), says=SAYS_ORDER)
        late = forge.statement(root, by="billing", says=SAYS)
        leaf = forge.statement(late, signer=self.newest(forge))

        with refuses(KeyRetiredError, "key_retired"):
            world["support"].receive(
                forge.envelope(root, late, leaf, signer=self.newest(forge))
            )
        journey = world["support"].receive(
            forge.envelope(root, late, signer=self.newest(forge))
        )

        assert journey.recall(Acme.full_name) is None
        assert ["key_retired"] == [e.code for e in world.told(LeftOutStatement)]

    def test_a_key_that_verifies_no_more_is_not_believed(self, ring, clock):
        """
        From verify_until on what a key has signed is unread, like a stranger's.
        """
        ended = self.ending_on_day_3(ring)
        world = World(ring, clock, vocabulary=Brief)
        forge = Forge(ring)
        root = forge.statement(issued_s=START_S + DAY, clear={5: "gold"})
        clock.advance(days=3)
        rested = forge.envelope(
            root, by="billing", to="*", lifetime_s=None, issued_s=START_S + DAY
        )
        assert Tier.GOLD is world["support"].resume(rested).recall(Brief.tier)

        world.domain.update_keys(ended.public)
        journey = world["support"].resume(rested)

        assert journey.recall(Brief.tier) is None
        assert Reason.UNKNOWN_AUTHOR == journey.gap(Brief.tier).reason
        assert ["key_retired"] == [e.code for e in world.told(LeftOutStatement)]

    def test_the_reader_must_have_known_it_before(self, ring, clock):
        """
        A statement that lives longer than it may is forged for whoever never read it.
        """
        ended = self.ending_on_day_3(ring)
        clock.advance(days=3)
        forge = Forge(ended, now_s=clock.now_s)
        root = forge.statement(issued_s=START_S + DAY)

        with refuses(StatementTimesError, "statement_times"):
            World(ended, clock, vocabulary=Brief)["support"].receive(
                forge.envelope(root, by="billing")
            )

    def test_a_journey_outlives_the_key_that_began_it(self, ring, clock):
        """
        An expired statement counts for the graph after its key verifies no more.
        """
        newer = ring
        for days in (80, 160):
            for name in ("sales", "support"):
                newer = rotate_signing(newer, name, now=START + timedelta(days=days))
        first, second, third = newer.private["sales"].signers
        forge = Forge(newer)
        root = forge.statement(signer=first, clear={5: "gold"})
        middle = forge.statement(
            root,
            signer=second,
            issued_s=START_S + 89 * DAY,
            expires_s=START_S + 179 * DAY,
        )
        leaf = forge.statement(
            middle,
            signer=third,
            issued_s=START_S + 170 * DAY,
            expires_s=START_S + 260 * DAY,
            clear={-1: "en"},
        )
        clock.advance(days=200)
        forge.now_s = clock.now_s

        journey = World(newer, clock)["support"].receive(
            forge.envelope(root, middle, leaf, signer=third)
        )

        assert "en" == journey.recall(Acme.language)
        assert journey.recall(Acme.tier) is None
        assert Reason.EXPIRED == journey.gap(Acme.tier).reason
        assert 3 == len(journey.trail)

    def test_an_expired_forgery_is_one_still(self, ring, clock):
        """
        That a statement has expired, and its key has, excuses no bad signature.
        """
        newer = ring
        for days in (80, 160):
            newer = rotate_signing(newer, "sales", now=START + timedelta(days=days))
        first, _, third = newer.private["sales"].signers
        forge = Forge(newer)
        root = forge.statement(signer=first)
        root[3] = flip(root[3], 0)
        leaf = forge.statement(
            root,
            signer=third,
            issued_s=START_S + 170 * DAY,
            expires_s=START_S + 260 * DAY,
        )
        clock.advance(days=200)
        forge.now_s = clock.now_s

        with refuses(ForgedStatementError, "forged_statement"):
            World(newer, clock)["support"].receive(
                forge.envelope(root, leaf, signer=third)
            )

    def test_a_statement_is_not_dated_before_its_key(self, ring, later, clock):
        """
        A key counts for nothing before its first instant.
        """
        first = later.public.departments["sales"].keys[-1].not_before
        clock.now = first + timedelta(hours=1)
        forge, world = Forge(later, now_s=clock.now_s), World(later, clock)
        early = forge.statement(
            signer=self.newest(forge), issued_s=int(first.timestamp()) - 1
        )

        with refuses(KeyNotYetValidError, "key_not_yet_valid"):
            world["support"].receive(forge.envelope(early, signer=self.newest(forge)))

    def test_a_revoked_key_refuses(self, ring, clock, forge):
        """
        Where somebody genuine builds upon a revoked key's word, nothing is believed.
        """
        root = forge.statement(says=SAYS_ORDER)
        revoked = forge.statement(root, by="billing", says=SAYS)
        leaf = forge.statement(revoked, by="ivr")
        world = World(revoke(ring, forge.signer("billing").key_id, now=START), clock)

        with refuses(KeyRevokedError, "key_revoked") as ei:
            world["support"].receive(forge.envelope(root, revoked, leaf))

        assert key_id_of(forge, "billing") == ei.value.key_id

    def test_a_revoked_keys_last_word_is_left_out(self, ring, clock, forge):
        """
        A revoked key's statement that nothing verified descends from is left out.
        """
        root = forge.statement(says=SAYS_ORDER)
        revoked = forge.statement(root, by="billing", says=SAYS)
        world = World(revoke(ring, forge.signer("billing").key_id, now=START), clock)

        journey = world["support"].receive(forge.envelope(root, revoked))

        assert journey.recall(Acme.full_name) is None
        assert "A-118" == journey.recall(Acme.order_number)
        (told,) = world.told(LeftOutStatement)
        assert ("key_revoked", key_id_of(forge, "billing"), journey.id) == (
            told.code,
            told.key_id,
            told.journey_id,
        )

    def test_heads_that_come_up_are_counted(self, ring, clock, forge):
        """
        Leaving out what joined many heads may leave more than the limit.
        """
        root = forge.statement()
        several = [forge.statement(root, channel=f"c{n}") for n in range(34)]
        joins = [
            forge.statement(*several[:16], by="billing"),
            forge.statement(*several[16:32], by="billing"),
        ]
        envelope = forge.envelope(root, *several, *joins)
        assert World(ring, clock)["support"].receive(envelope)
        world = World(revoke(ring, forge.signer("billing").key_id, now=START), clock)

        with refuses(LimitExceededError, "limit_exceeded") as ei:
            world["support"].receive(envelope)

        assert "heads" == ei.value.what


class TestUnknownAuthors:
    """
    Being behind degrades: what an unknown key signed cannot be read.
    """

    def test_junk_by_an_unknown_author_is_kept_and_not_believed(
        self, forge, support, stranger
    ):
        """
        A statement under an unknown key is unread, its signature is not looked at.
        """
        root = forge.statement(says=SAYS_ORDER)
        junk = forge.statement(root, signer=stranger, says=SAYS)
        junk[3] = bytes(64)

        journey = support.receive(forge.envelope(root, junk))

        assert journey.recall(Acme.full_name) is None
        gap = journey.gap(Acme.full_name)
        assert gap is not None
        assert Reason.UNKNOWN_AUTHOR == gap.reason
        assert "A-118" == journey.recall(Acme.order_number)
        assert ["sales", None] == [step.department for step in journey.trail]

    def test_it_travels_on_byte_for_byte(self, forge, support, stranger):
        """
        Who cannot read a statement passes it on to somebody who can.
        """
        root = forge.statement()
        unknown = forge.statement(root, signer=stranger, says=SAYS)
        journey = support.receive(forge.envelope(root, unknown))

        sent = unpack(journey.hand_over("billing"))[1]

        assert unknown in sent

    def test_it_is_not_built_upon(self, forge, support, stranger):
        """
        The next statement builds on the last words of known authors only.
        """
        root = forge.statement()
        unknown = forge.statement(root, signer=stranger, says=SAYS)
        journey = support.receive(forge.envelope(root, unknown))
        journey.learn(Acme.order_number, "A-118")

        sent = unpack(journey.hand_over("billing"))[1]

        (mine,) = [s for s in sent if s not in (root, unknown)]
        origin = parents_of(mine)
        assert [identify(root)] == origin

    def test_what_is_verified_above_it_is_built_upon(self, forge, support, stranger):
        """
        A known author's statement on top of an unknown one is a head to build on.
        """
        root = forge.statement()
        unknown = forge.statement(root, signer=stranger, says=SAYS)
        above = forge.statement(unknown, by="billing")
        journey = support.receive(forge.envelope(root, unknown, above))
        journey.learn(Acme.order_number, "A-118")

        sent = unpack(journey.hand_over("billing"))[1]

        (mine,) = [s for s in sent if s not in (root, unknown, above)]
        assert [identify(above)] == parents_of(mine)

    def test_its_times_are_checked(self, forge, world, stranger):
        """
        What an unknown author claims of time must be possible at all.
        """
        root = forge.statement(says=SAYS_ORDER)
        unknown = forge.statement(
            root, signer=stranger, issued_s=0, expires_s=253_402_300_799
        )

        journey = world["support"].receive(forge.envelope(root, unknown))

        assert "A-118" == journey.recall(Acme.order_number)
        assert ["sales"] == [step.department for step in journey.trail]
        assert ["statement_times"] == [e.code for e in world.told(LeftOutStatement)]

    def test_a_journey_of_unknown_authors_is_received(self, forge, support, stranger):
        """
        A known sender may pass on what only unknown keys have written.
        """
        journey = support.receive(
            forge.envelope(forge.statement(signer=stranger, says=SAYS))
        )

        assert journey.recall(Acme.full_name) is None
        assert "sales" == journey.received_from
        with pytest.raises(errors.MissingKeyError, match="who wrote this journey"):
            journey.accept() or journey.hand_over("billing")


def parents_of(statement):
    """
    Return the parents that a statement names.
    """
    return cbor2.loads(statement[0])[CLAIMS][PRIVATE][0]


class TestTimes:
    """
    Protocol, section 5: nothing outlives what supersedes it.
    """

    @pytest.mark.parametrize(
        ("issued_s", "expires_s"),
        [
            (0, LIFETIME_S),  # as every writer makes it
            (5, LIFETIME_S),  # ends with its parent
            (5, LIFETIME_S + 5),  # its own lifetime
            (60, LIFETIME_S),  # by a clock that is fast
        ],
    )
    def test_what_is_allowed(self, forge, support, issued_s, expires_s):
        """
        From its parent's expiry up to its own lifetime a statement may live.
        """
        root = forge.statement()
        child = forge.statement(
            root,
            issued_s=START_S + issued_s,
            expires_s=START_S + expires_s,
            says=SAYS,
        )
        above = forge.statement(
            child, issued_s=START_S + 60, expires_s=START_S + LIFETIME_S + 60
        )

        journey = support.receive(forge.envelope(root, child, above))

        assert "Alex" == journey.recall(Acme.full_name)

    @pytest.mark.parametrize(
        ("issued_s", "expires_s"),
        [
            (10, LIFETIME_S - 1),  # would bring back what it supersedes
            (10, LIFETIME_S + 11),  # outlives what is allowed
            (9, LIFETIME_S),  # before its parent
            (10, 10),
            (10, 5),
        ],
    )
    def test_what_is_not(self, forge, world, issued_s, expires_s):
        """
        A statement that ends before its parent, or too late, or that is dated
        before it, is forged.
        """
        at_10 = {"issued_s": START_S + 10, "expires_s": START_S + LIFETIME_S}
        root = forge.statement(**at_10)
        child = forge.statement(
            root, issued_s=START_S + issued_s, expires_s=START_S + expires_s
        )
        above = forge.statement(
            child, issued_s=START_S + 60, expires_s=START_S + LIFETIME_S + 60
        )

        with refuses(StatementTimesError, "statement_times"):
            world["support"].receive(forge.envelope(root, child, above))
        assert world["support"].receive(forge.envelope(root, child))
        assert ["statement_times"] == [e.code for e in world.told(LeftOutStatement)]

    def test_a_root_lives_no_longer_than_the_domain_says(self, forge, support):
        """
        90 days are the longest a root lives.
        """
        with refuses(StatementTimesError, "statement_times"):
            support.receive(
                forge.envelope(forge.statement(expires_s=START_S + LIFETIME_S + 1))
            )

    def test_the_domain_says_how_long(self, clock):
        """
        The lifetime is a setting of the key set.
        """
        ring = ring_of(statement_lifetime=timedelta(days=1))
        forge, world = Forge(ring), World(ring, clock, vocabulary=Brief)

        journey = world["support"].receive(
            forge.envelope(forge.statement(expires_s=START_S + DAY))
        )

        assert "sales" == journey.received_from
        with refuses(StatementTimesError, "statement_times"):
            world["support"].receive(
                forge.envelope(forge.statement(expires_s=START_S + DAY + 1))
            )

    def test_several_parents_bind_by_their_latest(self, forge, support):
        """
        A statement outlives the longest-lived of its parents.
        """
        root = forge.statement()
        short = forge.statement(root, channel="a")
        long = forge.statement(
            root, issued_s=START_S + 60, expires_s=START_S + LIFETIME_S + 60
        )
        both = forge.statement(
            short, long, issued_s=START_S + 60, expires_s=START_S + LIFETIME_S + 59
        )
        above = forge.statement(
            both, issued_s=START_S + 60, expires_s=START_S + LIFETIME_S + 60
        )

        with refuses(StatementTimesError, "statement_times"):
            support.receive(forge.envelope(root, short, long, both, above))

    def test_one_from_the_future_is_unread(self, forge, world):
        """
        A statement dated more than 60 seconds ahead is kept, unread, until then.
        """
        root = forge.statement(says=SAYS)
        ahead = forge.statement(
            root,
            issued_s=START_S + 61,
            expires_s=START_S + LIFETIME_S + 61,
            says={1: {1: "Alexa"}},
        )
        envelope = forge.envelope(root, ahead)

        now = world["support"].receive(envelope)
        world.clock.advance(seconds=1)
        then = world["support"].receive(envelope)

        assert now.recall(Acme.full_name) is None
        assert Reason.UNKNOWN_AUTHOR == now.gap(Acme.full_name).reason
        assert ["issued_in_future"] == [e.code for e in world.told(LeftOutStatement)]
        assert "Alexa" == then.recall(Acme.full_name)

    def test_an_expiry_does_not_bring_back_what_was_corrected(self, forge, clock, ring):
        """
        Until the correction has expired, what it corrects has expired too.
        """
        root = forge.statement(says={1: {1: "Alex"}})
        fix = forge.statement(
            root,
            issued_s=START_S + 60,
            expires_s=START_S + LIFETIME_S + 60,
            says={1: {1: "Alexa"}},
        )
        newer = rotate_signing(ring, "sales", now=START + timedelta(days=80))
        clock.now = START + timedelta(seconds=LIFETIME_S)
        world = World(newer, clock)
        later = Forge(newer, now_s=clock.now_s)
        envelope = later.envelope(root, fix, signer=newer.private["sales"].signers[-1])

        assert "Alexa" == world["support"].receive(envelope).recall(Acme.full_name)

    @pytest.fixture
    def expiring(self, ring, clock):
        """
        A root and a later child at the instant at which the root has expired.
        """
        newer = ring
        for name in ("sales", "support", "billing"):
            newer = rotate_signing(newer, name, now=START + timedelta(days=80))
        forge = Forge(newer)
        root = forge.statement(says={1: {1: "Alex"}, 3: {20: "4242"}})
        child = forge.statement(
            root,
            issued_s=START_S + DAY,
            expires_s=START_S + DAY + LIFETIME_S,
            says=SAYS_GIFT,
        )
        clock.now = START + timedelta(seconds=LIFETIME_S)
        forge.now_s = clock.now_s
        signer = newer.private["sales"].signers[-1]
        return World(newer, clock), forge.envelope(root, child, signer=signer)

    def test_what_an_expired_statement_says_is_not_believed(self, expiring):
        """
        Its facts are not folded, and the gap says why.
        """
        world, envelope = expiring

        journey = world["support"].receive(envelope)

        gap = journey.gap(Acme.full_name)
        assert journey.recall(Acme.full_name) is None
        assert gap is not None
        assert Reason.EXPIRED == gap.reason
        assert journey.recall(Acme.gift)

    def test_senders_withhold_its_sections(self, expiring):
        """
        An expired statement travels on for the graph alone.
        """
        world, envelope = expiring
        journey = world["support"].receive(envelope)

        sent = unpack(journey.hand_over("billing"))[1]

        kept = {
            scope
            for statement in sent
            for scope, entry in statement[1].get(-65537, {}).items()
            if isinstance(entry, bytes)
        }
        assert {2} == kept
        received = world["billing"].receive(journey.hand_over("billing"))
        assert received.recall(Acme.card_last4) is None
        assert received.recall(Acme.gift)

    def test_when_every_head_has_expired_the_journey_has(self, expiring, clock):
        """
        Only with its last head a journey is over, at the very second.
        """
        world, envelope = expiring
        journey = world["support"].receive(envelope)
        rested = journey.save()
        clock.advance(days=1, seconds=-1)
        assert world["support"].resume(rested).recall(Acme.gift)

        clock.advance(seconds=1)

        with refuses(JourneyExpiredError, "journey_expired"):
            world["support"].resume(rested)

    def test_one_living_head_is_enough(self, forge):
        """
        A journey with an expired branch and a living one is received.
        """
        ring, clock = ring_of(statement_lifetime=timedelta(hours=1)), Clock()
        forge, world = Forge(ring), World(ring, clock, vocabulary=Brief)
        hour = {"expires_s": START_S + 3600}
        root = forge.statement(**hour)
        dead = forge.statement(root, says=SAYS, **hour)
        living = forge.statement(
            root, issued_s=START_S + 60, expires_s=START_S + 3660, says=SAYS_ORDER
        )
        clock.advance(seconds=3600)

        journey = world["support"].receive(
            forge.envelope(root, dead, living, issued_s=clock.now_s)
        )

        assert "A-118" == journey.recall(Brief.order_number)
        assert journey.recall(Brief.full_name) is None

    def test_a_statement_without_parents_has_no_earliest_end(self, forge):
        """
        The check of times holds for any root that ends after it begins.
        """
        root = parse_statement(forge.statement(expires_s=START_S))

        assert check_times(root, [], lifetime_s=0) is None


# --- partners ----------------------------------------------------------------


class TestPartners:
    """
    An external department has no place in an internal journey.
    """

    def test_a_partners_delivery_is_refused(self, forge, support):
        """
        A genuine journey that a partner delivers is refused.
        """
        root = forge.statement(says=SAYS)

        with refuses(ExternalAuthorError, "external_author") as ei:
            support.receive(forge.envelope(root, by="carrier"))

        assert "carrier" == ei.value.department

    def test_a_partners_statement_in_a_journey_of_ours_is_forged(self, forge, world):
        """
        A partner's word in an internal journey is left out, or refuses it.
        """
        root = forge.statement(says=SAYS_ORDER)
        theirs = forge.statement(root, by="carrier", says={6: {50: "T-1"}})

        journey = world["support"].receive(forge.envelope(root, theirs))

        assert journey.recall(Acme.tracking) is None
        assert ["external_author"] == [e.code for e in world.told(LeftOutStatement)]
        with refuses(ExternalAuthorError, "external_author"):
            world["support"].receive(
                forge.envelope(root, theirs, forge.statement(theirs))
            )

    @pytest.mark.parametrize("flags", [0, 4])
    def test_a_partner_begins_no_journey_here(self, forge, support, flags):
        """
        A journey that a partner began is refused, even if it calls it an export.
        """
        root = forge.statement(by="carrier", flags=flags, says={6: {50: "T-1"}})

        for envelope in (
            forge.envelope(root, by="carrier"),
            forge.envelope(root, forge.statement(root, by="carrier"), by="carrier"),
        ):
            with refuses(ExternalAuthorError, "external_author"):
                support.receive(envelope)

    def test_a_partners_answer_is_taken_through_its_own_door(self, sales, world):
        """
        An answer to an export is refused by `receive`, and taken by `accept_from`.
        """
        journey = sales.begin(channel="chat")
        journey.learn(Acme.tracking, "T-1")
        export = journey.export_to("carrier")
        theirs = world["carrier"].receive(export)
        assert "T-1" == theirs.recall(Acme.tracking)
        theirs.learn(Acme.parcel, "sent")
        answer = theirs.hand_over("sales")

        with refuses(ExternalAuthorError, "external_author"):
            sales.receive(answer)
        taken = journey.accept_from(answer, export=export.journey_id)

        assert (Acme.parcel,) == taken
        assert "sent" == journey.recall(Acme.parcel)

    def test_a_partner_resumes_its_own_copy_of_an_export(self, sales, world):
        """
        What a partner saved of an export it can resume.
        """
        journey = sales.begin(channel="chat")
        journey.learn(Acme.tracking, "T-1")
        theirs = world["carrier"].receive(journey.export_to("carrier"))

        resumed = world["carrier"].resume(theirs.save())

        assert "T-1" == resumed.recall(Acme.tracking)

    def test_our_own_delivery_is_no_partners_answer(self, sales, support):
        """
        What a department of ours hands over is not accepted as a partner's.
        """
        journey = sales.begin(channel="chat")
        own = support.receive(journey.hand_over("support")).hand_over("sales")

        with refuses(ExternalAuthorError, "external_author"):
            journey.accept_from(own, export=journey.id)

    def test_a_department_that_becomes_external_is_refused(self, forge, ring, clock):
        """
        A department that was sold is a partner's from the next key set on, also
        for what was verified before.
        """
        root = forge.statement(says=SAYS)
        theirs = forge.statement(root, by="billing")
        envelope = forge.envelope(root, theirs, forge.statement(theirs))
        world = World(ring, clock)
        assert world["support"].receive(envelope)
        sold = ring.public.departments["billing"]
        keys = tuple(attrs.evolve(entry, external=True) for entry in sold.keys)
        newer = ring.successor(
            departments=[attrs.evolve(sold, external=True, keys=keys)]
        )

        world.domain.update_keys(newer.public)

        with refuses(ExternalAuthorError, "external_author"):
            world["support"].receive(envelope)


class TestVerified:
    """
    What verification returns, for who needs no journey of it.
    """

    def test_it_names_sender_and_authors(self, ring, forge, world):
        """
        Statements come parents first, each with the department that signed it.
        """
        root = forge.statement()
        leaf = forge.statement(root, by="billing")

        verified = verify_envelope(
            decode_envelope(forge.envelope(root, leaf)),
            domain="acme.example",
            key_set=ring.public,
            expected=Expected(department="support", rests=False, max_lifetime_s=300),
            now_s=START_S,
            cache=world.domain.verified,
        )

        assert identify(root) == verified.root.id
        assert ("sales", "billing") == verified.authors
        assert ("sales", ()) == (verified.sender, verified.left_out)


# --- algorithms and signers --------------------------------------------------


class Kms:
    """
    A signer whose private key is elsewhere, as `cxcontext.typing.Signer` asks.
    """

    def __init__(self, inner, *, down: bool = False) -> None:
        self._inner = inner
        self.calls = 0
        self.down = down

    @property
    def key_id(self) -> bytes:
        """
        That of the public key.
        """
        return self._inner.key_id

    @property
    def algorithm(self) -> int:
        """
        That of the public key.
        """
        return self._inner.algorithm

    def sign(self, data: bytes) -> bytes:
        """
        Ask the service for a signature.
        """
        if self.down:
            raise errors.UnavailableError("the KMS")
        self.calls += 1
        return self._inner.sign(data)


class TestAlgorithms:
    """
    The key decides: every algorithm makes the same round trip.
    """

    @pytest.mark.parametrize("algorithm", [ED25519, ESP256])
    @pytest.mark.parametrize("suite", ["X25519", MLKEM768_X25519])
    def test_a_journey_goes_there_and_back(self, clock, algorithm, suite):
        """
        With either signature and either KEM a journey is handed over and answered.
        """
        ring = ring_of(algorithm=algorithm, suites=dict.fromkeys(READERS, suite))
        here, there = World(ring, clock), World(ring, clock)
        journey = here["sales"].begin(channel="chat")
        journey.learn(Acme.order_number, "A-118")
        journey.learn(Acme.card_last4, "4242")

        answered = there["billing"].receive(str(journey.hand_over("billing")))
        assert "4242" == answered.recall(Acme.card_last4)
        answered.learn(Acme.full_name, "Alex")
        journey.merge(str(answered.hand_over("sales")))

        assert "Alex" == journey.recall(Acme.full_name)
        assert {algorithm} == {
            statement.algorithm for statement in journey.context.statements
        }

    def test_departments_may_sign_differently(self, ring, clock):
        """
        A department that moves to another algorithm is read beside the others.
        """
        newer = rotate_signing(
            ring, "sales", now=START, algorithm=ESP256, publish_ahead=timedelta(0)
        )
        clock.advance(seconds=1)
        newest = newer.public.departments["sales"].keys[-1]
        later = attrs.evolve(newest, not_before=START + timedelta(seconds=1))
        keys = (*newer.public.departments["sales"].keys[:-1], later)
        newer = newer.successor(
            departments=[attrs.evolve(newer.public.departments["sales"], keys=keys)]
        )
        world = World(newer, clock)
        journey = world["sales"].begin(channel="chat")
        at_support = world["support"].receive(journey.hand_over("support"))
        at_support.learn(Acme.full_name, "Alex")

        received = world["billing"].receive(at_support.hand_over("billing"))

        assert [ESP256, ED25519] == [
            statement.algorithm for statement in received.context.statements
        ]

    def test_a_high_s_is_refused(self, clock):
        """
        The other form of an ESP256 signature, which anybody can compute, is none.
        """
        ring = ring_of(algorithm=ESP256)
        forge, world = Forge(ring), World(ring, clock)
        root = forge.statement()
        delivery = forge.delivery([root])
        s = int.from_bytes(delivery[3][32:])
        delivery[3] = delivery[3][:32] + (P256_ORDER - s).to_bytes(32)

        with refuses(BadDeliverySignatureError, "bad_delivery_signature"):
            world["support"].receive(forge.envelope(root, delivery=delivery))

    def test_a_kms_can_sign(self, ring, world):
        """
        A signer with nothing but the protocol's three members is enough.
        """
        kms = Kms(ring.private["sales"].signers[0])
        keys = attrs.evolve(ring.private["sales"], signers=(kms,))
        sales = world.domain.department("sales", keys=keys)
        journey = sales.begin(channel="chat")
        journey.learn(Acme.full_name, "Alex")

        received = world["support"].receive(journey.hand_over("support"))

        assert isinstance(kms, Signer)
        assert "Alex" == received.recall(Acme.full_name)
        assert 2 == kms.calls

    def test_a_kms_that_is_down_loses_nothing(self, ring, world):
        """
        What was learned is still there when the signer can be reached again.
        """
        kms = Kms(ring.private["sales"].signers[0], down=True)
        keys = attrs.evolve(ring.private["sales"], signers=(kms,))
        journey = world.domain.department("sales", keys=keys).begin(channel="chat")
        journey.learn(Acme.full_name, "Alex")
        with pytest.raises(errors.UnavailableError):
            journey.hand_over("support")

        kms.down = False

        received = world["support"].receive(journey.hand_over("support"))
        assert "Alex" == received.recall(Acme.full_name)


# --- the order of checks -----------------------------------------------------


@attrs.define
class Plan:
    """
    A good envelope that a step makes bad; several steps make it worse.
    """

    forge: Forge
    root: dict = attrs.field(factory=dict)
    leaf: dict = attrs.field(factory=dict)
    delivery: dict = attrs.field(factory=dict)
    statements: list = attrs.field(factory=list)
    version: int = 1
    changes: list = attrs.field(factory=list)
    parts: list = attrs.field(factory=list)
    receive: dict = attrs.field(factory=dict)
    seen: bool = False

    def build(self) -> bytes:
        """
        Return the bytes of the envelope.
        """
        forge = self.forge
        root = forge.statement(**self.root)
        leaf = forge.statement(root, **self.leaf)
        statements = sorted([root, leaf, *self.statements], key=identify)
        delivery = forge.delivery(statements, **self.delivery)
        wire = [self.version, statements, delivery]
        for part in self.parts:
            part(wire)
        raw = pack(wire)
        for change in self.changes:
            raw = change(raw)
        return raw


def _flip_delivery(wire):
    wire[2][3] = flip(wire[2][3], 0)


def _unsorted(wire):
    wire[1].reverse()


def _too_many(wire):
    wire[1] = wire[1] * 200


def _unknown_flag(wire):
    wire[1][0][0] = wire[1][0][0][:-2] + b"\x18\x20"


def _bad_arrival(wire):
    wire[2][0] = wire[2][0][:-1] + b"\x04"


def _second_root(plan):
    plan.statements.append(plan.forge.statement(origin=b"another nonce..."))


STEPS = {
    # Each is given the plan and spoils one thing; in the order of protocol 2.
    "size": (
        TooLargeError,
        "too_large",
        lambda plan: plan.changes.append(lambda raw: raw + bytes(MAX_ENVELOPE_BYTES)),
    ),
    "shape": (
        MalformedError,
        "malformed",
        lambda plan: plan.changes.insert(0, lambda raw: raw[:-1]),
    ),
    "version": (
        UnsupportedVersionError,
        "unsupported_version",
        lambda plan: setattr(plan, "version", 2),
    ),
    "number of statements": (
        LimitExceededError,
        "limit_exceeded",
        lambda plan: plan.parts.append(_too_many),
    ),
    "a statement's claims": (
        MalformedError,
        "malformed",
        lambda plan: plan.parts.insert(0, _unknown_flag),
    ),
    "order of statements": (
        NotCanonicalError,
        "not_canonical",
        lambda plan: plan.parts.append(_unsorted),
    ),
    "the delivery's claims": (
        MalformedError,
        "malformed",
        lambda plan: plan.delivery.update(arrival=4),
    ),
    "graph": (NotOneRootError, "not_one_root", _second_root),
    "delivery's key": (
        UnknownKeyError,
        "unknown_key",
        lambda plan: plan.delivery.update(signer=generate_signer()),
    ),
    "algorithm": (
        WrongAlgorithmError,
        "wrong_algorithm",
        lambda plan: plan.delivery.update(
            change=lambda made: made.update({ALG: ESP256})
        ),
    ),
    "key revoked": (
        KeyRevokedError,
        "key_revoked",
        lambda plan: plan.delivery.setdefault(
            "signer", plan.forge.ring.private["ivr"].signers[0]
        ),
    ),
    "key window": (
        KeyNotYetValidError,
        "key_not_yet_valid",
        lambda plan: plan.delivery.update(issued_s=START_S - 1),
    ),
    "times": (
        DeliveryExpiredError,
        "delivery_expired",
        lambda plan: plan.delivery.update(lifetime_s=0),
    ),
    "kind": (
        WrongDeliveryKindError,
        "wrong_delivery_kind",
        lambda plan: plan.delivery.setdefault("lifetime_s", None),
    ),
    "audience": (
        WrongAudienceError,
        "wrong_audience",
        lambda plan: plan.delivery.update(to="billing"),
    ),
    "lifetime": (
        DeliveryTooLongError,
        "delivery_too_long",
        lambda plan: plan.delivery.setdefault("lifetime_s", 301),
    ),
    "binding": (
        WrongBindingError,
        "wrong_binding",
        lambda plan: plan.delivery.update(binding=b"call 1"),
    ),
    "reply": (
        WrongReplyError,
        "wrong_reply",
        lambda plan: plan.delivery.update(reply_to=b"request."),
    ),
    "partner": (
        ExternalAuthorError,
        "external_author",
        lambda plan: plan.delivery.setdefault(
            "signer", plan.forge.ring.private["carrier"].signers[0]
        ),
    ),
    "delivery's signature": (
        BadDeliverySignatureError,
        "bad_delivery_signature",
        lambda plan: plan.parts.append(_flip_delivery),
    ),
    "a statement's key": (
        KeyRevokedError,
        "key_revoked",
        lambda plan: plan.root.update(by="ivr"),
    ),
    "a statement's times": (
        StatementTimesError,
        "statement_times",
        lambda plan: plan.root.update(expires_s=START_S + LIFETIME_S + 1),
    ),
    "a statement's signature": (
        ForgedStatementError,
        "forged_statement",
        lambda plan: plan.root.update(domain="other.example"),
    ),
    "expiry": (
        JourneyExpiredError,
        "journey_expired",
        lambda plan: (
            plan.leaf.update(expires_s=START_S + 120)
            or plan.root.setdefault("expires_s", START_S + 120)
        ),
    ),
    "replay": (ReplayedError, "replayed", lambda plan: setattr(plan, "seen", True)),
}

# These pairs are two values of one thing, or one makes the other impossible.
NOT_BOTH = {
    ("delivery's key", "key revoked"),
    ("delivery's key", "partner"),
    ("key revoked", "partner"),
    ("times", "kind"),
    ("times", "lifetime"),
    ("kind", "lifetime"),
}
PAIRS = [pair for pair in itertools.combinations(STEPS, 2) if pair not in NOT_BOTH]


@pytest.fixture(scope="module")
def revoked(ring):
    """
    A ring in which the key of the IVR is revoked.
    """
    return revoke(ring, ring.private["ivr"].signers[0].key_id, now=START)


class TestOrder:
    """
    Protocol, section 2: cheap refusals first, each step with its own code.
    """

    def refuse(self, revoked, *steps):
        """
        Check that an envelope with all *steps* is refused at the first of them.
        """
        clock = Clock(START + timedelta(seconds=120))
        forge, world = Forge(revoked, now_s=START_S), World(revoked, clock)
        plan = Plan(forge)
        if "expiry" not in steps:
            clock.now = START + timedelta(seconds=100)
        for step in steps:
            STEPS[step][2](plan)
        raw = plan.build()
        if plan.seen:
            # By the same signer and with the same id, and nothing wrong with it.
            world["support"].receive(forge.envelope(forge.statement()))

        kind, code, _ = STEPS[steps[0]]
        with refuses(kind, code):
            world["support"].receive(raw, once=plan.seen)

    @pytest.mark.parametrize("step", STEPS)
    def test_each_step_refuses(self, revoked, step):
        """
        One thing wrong is refused with its own class and code.
        """
        self.refuse(revoked, step)

    @pytest.mark.parametrize(("first", "second"), PAIRS)
    def test_of_two_things_wrong_the_earlier_is_named(self, revoked, first, second):
        """
        Whatever else is wrong, the first failing check names the error.
        """
        self.refuse(revoked, first, second)

    def test_nothing_wrong_is_received(self, revoked):
        """
        The envelope that the steps spoil is a good one.
        """
        world = World(revoked, Clock(START + timedelta(seconds=100)))

        journey = world["support"].receive(Plan(Forge(revoked)).build(), once=True)

        assert 2 == len(journey.trail)


# --- errors ------------------------------------------------------------------

SAMPLES = {
    "str": "a",
    "int": 7,
    "datetime": datetime(2026, 1, 1, tzinfo=UTC),
    "tuple[str, ...]": ("a", "b"),
}
ERRORS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.CXContextError)
]


def sample_of(kind):
    """
    Return an error of that class with an attribute of every kind it has.
    """
    if not attrs.has(kind):
        return kind("a")
    return kind(*(SAMPLES[str(field.type)] for field in attrs.fields(kind)))


class TestErrors:
    """
    Errors cross processes, say what is wrong, and have codes that are their own.
    """

    @pytest.mark.parametrize("kind", ERRORS)
    @pytest.mark.parametrize(
        "twin",
        [copy.copy, copy.deepcopy]
        + [
            lambda error, protocol=protocol: pickle.loads(  # noqa: S301 - our own
                pickle.dumps(error, protocol)
            )
            for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
        ],
    )
    def test_every_error_pickles_and_copies(self, kind, twin):
        """
        What comes back is of the same class and says the same.
        """
        error = sample_of(kind)

        again = twin(error)

        assert type(error) is type(again)
        assert str(error) == str(again)
        assert error.args == again.args
        if attrs.has(kind):
            assert attrs.asdict(error) == attrs.asdict(again)

    def test_codes_are_stable_and_unique(self):
        """
        Every refusal has a code in lower case that no other class has.
        """
        codes = [
            kind.code
            for kind in ERRORS
            if issubclass(kind, VerificationError) and kind is not VerificationError
        ]

        assert len(codes) == len(set(codes))
        assert all(code.replace("_", "").islower() for code in codes)
        assert "refused" == VerificationError.code

    @pytest.mark.parametrize(
        "kind",
        [
            UnknownKeyError,
            WrongAlgorithmError,
            BadDeliverySignatureError,
            ForgedStatementError,
            StatementTimesError,
            KeyNotYetValidError,
        ],
    )
    def test_what_is_not_verified_is_claimed(self, kind):
        """
        Until a signature is verified, a message does not say who signed.
        """
        assert "claim" in str(kind("00"))

    @pytest.mark.parametrize("kind", ERRORS)
    def test_every_message_is_one_line(self, kind):
        """
        A message fits into a log and is not empty.
        """
        message = str(sample_of(kind))

        assert message
        assert "\n" not in message
