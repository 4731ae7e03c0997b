"""
Caches: what they save is time, never a check that could come out differently.
"""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from acme import START, START_S, Acme, Brief, Clock, Tier, World, ring_of
from forge import (
    LIFETIME_S,
    SECTIONS,
    Forge,
    canonical,
    flip,
    identify,
    pack,
    refuses,
    unpack,
    withheld,
)

from cxcontext.core.envelope import decode_envelope
from cxcontext.core.events import LeftOutStatement
from cxcontext.core.gaps import Reason
from cxcontext.core.keygen import revoke, rotate_signing
from cxcontext.core.recent import RecentlyOpened
from cxcontext.core.replay import ReplayCache
from cxcontext.core.statement import parse_statement
from cxcontext.core.verified_cache import VerifiedCache
from cxcontext.errors import (
    BadDeliverySignatureError,
    DeliveryExpiredError,
    ForgedStatementError,
    IssuedInFutureError,
    JourneyExpiredError,
    KeyRetiredError,
    KeyRevokedError,
    MalformedError,
    ReplayedError,
    WrongAudienceError,
    WrongBindingError,
    WrongReplyError,
)

SAYS = {1: {1: "Alex"}}
SECTION = canonical([1, b"sealed"])


def ended_early(ring, name, until):
    """
    Return a ring of short lives in which a department's key verifies no more.
    """
    department = ring.public.departments[name]
    keys = tuple(
        attrs.evolve(entry, sign_until=START, verify_until=until)
        for entry in department.keys
    )
    short = attrs.evolve(ring.public, statement_lifetime=timedelta(days=2))
    return attrs.evolve(ring, public=short).successor(
        departments=[attrs.evolve(department, keys=keys)]
    )


class TestVerifiedStatements:
    """
    A statement that was verified is not verified again, if it is that statement.
    """

    @pytest.fixture
    def warm(self, forge, world):
        """
        A root that support has verified.
        """
        root = forge.statement(says=SAYS)
        world["support"].receive(forge.envelope(root))
        assert 1 == len(world.domain.verified)
        return root

    def test_the_same_statement_is_found(self, forge, world, warm):
        """
        Under another delivery the statement is not parsed again.
        """
        envelope = forge.envelope(warm, delivery_id=b"another.")

        one = decode_envelope(envelope, cache=world.domain.verified)
        other = decode_envelope(envelope, cache=world.domain.verified)

        assert one.root is other.root
        assert one == decode_envelope(envelope)
        assert "Alex" == world["support"].receive(envelope).recall(Acme.full_name)

    @pytest.mark.parametrize("byte", [0, 31, 32, 63])
    def test_a_flipped_signature_byte_is_refused(self, forge, world, warm, byte):
        """
        A changed signature on known claims is verified, and does not.
        """
        changed = [*warm[:3], flip(warm[3], byte * 8)]

        with refuses(ForgedStatementError, "forged_statement"):
            world["support"].receive(forge.envelope(changed))

    def test_other_sections_under_a_known_signature_are_refused(
        self, forge, world, warm
    ):
        """
        Known claims and signature with another section are not known together.
        """
        other = forge.statement(says=SAYS)
        for section in (other[1][SECTIONS][1], [bytes(32)]):
            changed = [warm[0], {SECTIONS: {1: section}}, None, warm[3]]
            with refuses(ForgedStatementError, "forged_statement"):
                world["support"].receive(forge.envelope(changed))

    def test_a_removed_or_added_scope_is_refused(self, forge, world, warm):
        """
        Known claims and signature with more or fewer scopes are not known together.
        """
        more = {**warm[1][SECTIONS], 2: SECTION}
        for entries in ({}, {SECTIONS: more}):
            with refuses(ForgedStatementError, "forged_statement"):
                world["support"].receive(
                    forge.envelope([warm[0], entries, None, warm[3]])
                )

    def test_a_withheld_section_is_seen_to_be(self, forge, world, warm):
        """
        A known statement that comes without its section is read without it.
        """
        part = withheld(warm, 1)

        journey = world["support"].receive(forge.envelope(part))

        assert journey.recall(Acme.full_name) is None
        assert Reason.WITHHELD == journey.gap(Acme.full_name).reason
        assert [part] == unpack(journey.hand_over("billing"))[1]

    def test_a_section_comes_back(self, forge, world):
        """
        A statement that was known without its section is read with it.
        """
        root = forge.statement(says=SAYS)
        world["support"].receive(forge.envelope(withheld(root, 1)))

        journey = world["support"].receive(forge.envelope(root))

        assert "Alex" == journey.recall(Acme.full_name)

    @pytest.mark.parametrize(
        "change",
        [
            lambda wire: wire[:3],
            lambda wire: [*wire, None],
            lambda wire: [*wire[:2], b"", wire[3]],
            lambda wire: [*wire[:2], False, wire[3]],
            lambda wire: [[wire[0]], *wire[1:]],
            lambda wire: [*wire[:3], [wire[3]]],
            lambda wire: [wire[0], {4: b"kid", **wire[1]}, *wire[2:]],
            lambda wire: [wire[0], {SECTIONS: {1: [SECTION]}}, *wire[2:]],
            lambda wire: 1,
            lambda wire: None,
            lambda wire: b"four",
            lambda wire: {0: 0, 1: 1, 2: 2, 3: 3},
        ],
    )
    def test_another_shape_is_refused_like_by_a_cold_one(
        self, forge, world, warm, change
    ):
        """
        A shape that is not a statement's is malformed, whatever is in it.
        """
        wire = unpack(forge.envelope(warm))
        wire[1] = [change(warm)]

        with refuses(MalformedError, "malformed"):
            world["support"].receive(pack(wire))

    def test_a_revoked_key_is_refused(self, ring, forge, world, warm):
        """
        That a statement was verified before its key was revoked helps nothing.
        """
        key_id = forge.signer("sales").key_id
        world.domain.update_keys(revoke(ring, key_id, now=START).public)

        with refuses(KeyRevokedError, "key_revoked"):
            world["support"].receive(forge.envelope(warm, by="billing"))

    def test_a_removed_key_is_unknown(self, ring, forge, world, warm):
        """
        A key that left the key set is unknown, also for what it had signed.
        """
        without = attrs.evolve(ring.public.departments["sales"], keys=())
        world.domain.update_keys(ring.successor(departments=[without]).public)

        journey = world["support"].receive(forge.envelope(warm, by="billing"))

        assert journey.recall(Acme.full_name) is None
        assert Reason.UNKNOWN_AUTHOR == journey.gap(Acme.full_name).reason

    def test_a_key_that_verifies_no_more_is_not_believed(
        self, ring, forge, world, clock, warm
    ):
        """
        After verify_until a statement that was verified before is read no more.
        """
        early = ended_early(ring, "sales", START + timedelta(days=2))
        world.domain.update_keys(early.public)
        clock.advance(days=2)
        later = Forge(early, now_s=clock.now_s)

        journey = world["support"].receive(later.envelope(warm, by="billing"))

        assert journey.recall(Acme.full_name) is None
        assert Reason.UNKNOWN_AUTHOR == journey.gap(Acme.full_name).reason
        assert ["key_retired"] == [e.code for e in world.told(LeftOutStatement)]

    def test_it_is_bounded(self, forge):
        """
        The statements verified longest ago are forgotten first.
        """
        cache = VerifiedCache(size=2)
        made = [parse_statement(forge.statement(channel=f"c{n}")) for n in range(3)]
        for statement in (made[0], made[1], made[0], made[2]):
            cache.add(statement)

        assert 2 == len(cache)
        assert [True, False, True] == [statement in cache for statement in made]
        assert made[0] is cache.find(made[0].to_wire())
        assert cache.find(made[1].to_wire()) is None

    def test_it_shows_a_count(self, forge):
        """
        A repr has nothing of what is in it; cleared it has forgotten all.
        """
        cache = VerifiedCache()
        cache.add(parse_statement(forge.statement()))
        assert "<VerifiedCache of 1 statements>" == repr(cache)

        cache.clear()

        assert "<VerifiedCache of 0 statements>" == repr(cache)

    def test_another_world_has_its_own(self, forge, world, elsewhere, warm):
        """
        What one trust domain object verified says nothing to another one.
        """
        assert 0 == len(elsewhere.domain.verified)
        assert parse_statement(warm) in world.domain.verified


class TestExactBytes:
    """
    The exact bytes opened a moment ago are answered from memory, if nothing changed.
    """

    @pytest.fixture
    def envelope(self, forge):
        """
        A fresh envelope for support.
        """
        return forge.envelope(forge.statement(says=SAYS))

    def test_the_same_bytes_are_the_same_context(self, world, envelope):
        """
        Opened twice, an envelope is folded from what was opened at first.
        """
        one, other = (world["support"].receive(envelope) for _ in range(2))

        assert one.context is other.context
        assert one is not other

    def test_journeys_of_the_same_bytes_do_not_see_each_other(self, world, envelope):
        """
        What one request learns is not in the other one's journey.
        """
        one, other = (world["support"].receive(envelope) for _ in range(2))

        one.learn(Acme.order_number, "A-118")

        assert other.recall(Acme.order_number) is None
        assert "Alex" == other.recall(Acme.full_name)

    def test_a_flipped_byte_of_the_delivery_is_refused(self, world, envelope):
        """
        Almost the same bytes are other bytes.
        """
        world["support"].receive(envelope)

        with refuses(BadDeliverySignatureError, "bad_delivery_signature"):
            world["support"].receive(flip(envelope, len(envelope) * 8 - 1))

    def test_after_a_change_of_keys_all_is_verified_again(
        self, ring, forge, world, envelope
    ):
        """
        The same bytes are refused once the sender's key is revoked.
        """
        world["support"].receive(envelope)
        revoked = revoke(ring, forge.signer("sales").key_id, now=START)

        world.domain.update_keys(revoked.public)

        with refuses(KeyRevokedError, "key_revoked"):
            world["support"].receive(envelope)

    def test_a_change_of_keys_while_an_envelope_is_opened_is_not_missed(
        self, ring, forge, world, envelope
    ):
        """
        What was verified under the old keys is not kept as if under the new ones.
        """
        revoked = revoke(ring, forge.signer("sales").key_id, now=START)

        class Meanwhile(VerifiedCache):
            def add(self, statement):
                super().add(statement)
                world.domain.update_keys(revoked.public)

        world.domain.verified = Meanwhile()
        world["support"].receive(envelope)

        with refuses(KeyRevokedError, "key_revoked"):
            world["support"].receive(envelope)

    def test_after_the_delivery_expired_it_is_refused(self, world, envelope, clock):
        """
        The memory ends with the delivery; what is left is the clocks' leeway.
        """
        world["support"].receive(envelope)
        clock.advance(seconds=300)
        assert world["support"].receive(envelope)

        clock.advance(seconds=60)

        with refuses(DeliveryExpiredError, "delivery_expired"):
            world["support"].receive(envelope)

    def test_another_binding_is_refused(self, forge, world):
        """
        The same bytes are refused where they are expected to be bound otherwise.
        """
        bound = forge.envelope(forge.statement(), binding=b"call 1")
        world["support"].receive(bound, binding=b"call 1")

        for binding in (b"call 2", b"", None):
            with refuses(WrongBindingError, "wrong_binding"):
                world["support"].receive(bound, binding=binding)

    def test_another_request_is_refused(self, forge, world):
        """
        The same response is refused to another request.
        """
        answer = forge.envelope(forge.statement(), reply_to=b"request1")
        world["support"].receive(answer, reply_to=b"request1")

        for reply_to in (b"request2", None):
            with refuses(WrongReplyError, "wrong_reply"):
                world["support"].receive(answer, reply_to=reply_to)

    def test_another_lifetime_is_refused(self, forge, world):
        """
        What a queue accepted is not accepted by a request for that.
        """
        long = forge.envelope(forge.statement(), lifetime_s=600)
        world["support"].receive(long, max_lifetime=timedelta(seconds=600))

        with pytest.raises(Exception, match="600 s, at most 300 s"):
            world["support"].receive(long)

    def test_another_department_is_refused(self, world, envelope):
        """
        What support has opened is not open to billing in the same process.
        """
        world["support"].receive(envelope)

        with refuses(WrongAudienceError, "wrong_audience"):
            world["billing"].receive(envelope)

    def test_a_second_sight_is_still_one(self, world, envelope):
        """
        What is answered from memory is a replay like any other.
        """
        assert not world["support"].receive(envelope).replayed
        assert world["support"].receive(envelope).replayed
        with refuses(ReplayedError, "replayed"):
            world["support"].receive(envelope, once=True)

    @pytest.fixture
    def ending(self):
        """
        A ring of short lives in which sales and billing have newer keys, at the
        last instant at which the first keys sign.
        """
        hour = timedelta(hours=1)
        ring = ring_of(statement_lifetime=hour, sign_for=timedelta(days=1))
        for name in ("sales", "billing"):
            ring = rotate_signing(ring, name, now=START + timedelta(hours=20))
        clock = Clock(START + timedelta(days=1))
        world = World(ring, clock, vocabulary=Brief)
        return Forge(ring, now_s=clock.now_s), world, clock

    def received(self, world, envelope):
        """
        Return what support receives from a queue of two hours.
        """
        return world["support"].receive(envelope, max_lifetime=timedelta(hours=2))

    def test_when_an_authors_key_ends_it_is_opened_again(self, ending):
        """
        verify_until of a statement's key ends the memory.
        """
        forge, world, clock = ending
        newest = forge.ring.private["sales"].signers[-1]
        hour_s = 3600
        root = forge.statement(
            by="billing", expires_s=clock.now_s + hour_s, clear={5: "gold"}
        )
        above = forge.statement(
            root,
            signer=newest,
            issued_s=clock.now_s + 30,
            expires_s=clock.now_s + 30 + hour_s,
        )
        envelope = forge.envelope(root, above, signer=newest, lifetime_s=2 * hour_s)
        before = self.received(world, envelope)
        assert Tier.GOLD is before.recall(Brief.tier)

        clock.advance(hours=1)

        after = self.received(world, envelope)
        assert after.recall(Brief.tier) is None
        assert before.context is not after.context

    def test_when_the_senders_key_ends_it_is_refused(self, ending):
        """
        verify_until of the delivery's key ends the memory, too.
        """
        forge, world, clock = ending
        root = forge.statement(
            signer=forge.ring.private["sales"].signers[-1],
            issued_s=clock.now_s + 30,
            expires_s=clock.now_s + 30 + 3600,
        )
        envelope = forge.envelope(root, by="support", lifetime_s=7200)
        assert self.received(world, envelope)

        clock.advance(hours=1)

        with refuses(KeyRetiredError, "key_retired"):
            self.received(world, envelope)

    def test_when_the_last_head_expires_it_is_refused(self, ending):
        """
        The end of a statement ends the memory.
        """
        forge, world, clock = ending
        newest = forge.ring.private["sales"].signers[-1]
        root = forge.statement(signer=newest, expires_s=clock.now_s + 600)
        envelope = forge.envelope(root, signer=newest, lifetime_s=7200)
        assert self.received(world, envelope)

        clock.advance(seconds=600)

        with refuses(JourneyExpiredError, "journey_expired"):
            self.received(world, envelope)

    def test_before_it_was_opened_it_is_verified_again(self, world, forge, clock):
        """
        A clock that is set back finds a delivery from the future.
        """
        clock.advance(minutes=10)
        envelope = forge.envelope(forge.statement(), issued_s=clock.now_s)
        world["support"].receive(envelope)

        clock.advance(minutes=-10)

        with refuses(IssuedInFutureError, "issued_in_future"):
            world["support"].receive(envelope)

    def test_what_rests_is_not_kept(self, world, forge):
        """
        What is resumed is opened anew.
        """
        rested = forge.envelope(forge.statement(), lifetime_s=None, to="*")

        one, other = (world["support"].resume(rested) for _ in range(2))

        assert one.context is not other.context

    def test_both_forms_are_kept(self, world, envelope):
        """
        Text as ``str`` and as bytes is one thing; the binary form is another.
        """
        text = str(decode_envelope(envelope))

        one = world["support"].receive(text)
        other = world["support"].receive(text.encode())
        third = world["support"].receive(envelope)

        assert one.context is other.context
        assert one.context is not third.context

    def test_it_is_bounded(self, world, envelope):
        """
        The envelopes opened longest ago are forgotten first.
        """
        journey = world["support"].receive(envelope)
        opened = RecentlyOpened(size=2)
        raws = [bytes([n]) for n in range(3)]
        verified, expected = _parts(world, envelope)
        for raw in raws:
            opened.add(
                raw,
                expected,
                verified,
                journey.context,
                key_set=world.domain.key_set,
                now_s=START_S,
            )

        found = [
            opened.find(raw, expected, key_set=world.domain.key_set, now_s=START_S)
            for raw in raws
        ]

        assert 2 == len(opened)
        assert [None, (verified, journey.context)] == found[:2]
        opened.clear()
        assert 0 == len(opened)

    def test_what_is_not_bytes_is_not_kept(self, world, envelope):
        """
        Neither other types nor other characters are looked up or remembered.
        """
        journey = world["support"].receive(envelope)
        verified, expected = _parts(world, envelope)
        opened = RecentlyOpened()
        for raw in (None, 1, "\u00e9"):
            opened.add(
                raw,
                expected,
                verified,
                journey.context,
                key_set=world.domain.key_set,
                now_s=START_S,
            )
            found = opened.find(
                raw, expected, key_set=world.domain.key_set, now_s=START_S
            )

            assert found is None
        assert 0 == len(opened)


def _parts(world, envelope):
    """
    Return how an envelope was verified, and what was expected of it.
    """
    ((_, found),) = world["support"]._recent._opened.items()
    return found.verified, found.expected


class TestReplayCache:
    """
    A bounded memory of (signer, id), per audience.
    """

    def seen(self, cache, **changes):
        """
        Show the cache a delivery.
        """
        delivery = {
            "audience": "support",
            "key_id": b"key.....",
            "delivery_id": b"delivery",
            "expires_s": START_S + 60,
            "now_s": START_S,
        }
        return cache.seen(**(delivery | changes))

    def test_a_second_sight_is_one(self):
        """
        The same signer and id at the same audience was seen before.
        """
        cache = ReplayCache()

        assert [False, True, True] == [self.seen(cache) for _ in range(3)]
        assert 1 == len(cache)

    @pytest.mark.parametrize(
        "changes",
        [
            {"audience": "billing"},
            {"key_id": b"another."},
            {"delivery_id": b"another."},
        ],
    )
    def test_anything_else_is_another_delivery(self, changes):
        """
        Another audience, signer or id is no second sight.
        """
        cache = ReplayCache()
        self.seen(cache)

        assert not self.seen(cache, **changes)

    def test_when_it_is_full_the_expired_go_first(self):
        """
        What can no longer be received need not be remembered.
        """
        cache = ReplayCache(size=10)
        for n in range(10):
            self.seen(cache, delivery_id=bytes([n]), expires_s=START_S + n)

        assert not self.seen(cache, delivery_id=b"new", now_s=START_S + 8)
        assert 2 == len(cache)
        assert self.seen(cache, delivery_id=b"\x09")
        assert not self.seen(cache, delivery_id=b"\x00")

    def test_when_it_is_full_of_what_lives_the_first_to_end_go(self):
        """
        It stays bounded, and forgets what is nearest to its end.
        """
        cache = ReplayCache(size=10)
        for n in range(10):
            self.seen(cache, delivery_id=bytes([n]), expires_s=START_S + 99 - n)

        assert not self.seen(cache, delivery_id=b"new")
        assert 10 >= len(cache)
        assert self.seen(cache, delivery_id=b"\x00")
        assert not self.seen(cache, delivery_id=b"\x09")

    def test_what_waits_in_queues_does_not_push_out_what_does_not(self):
        """
        A busy queue, or a department that signs for weeks, opens no door to replays.
        """
        cache = ReplayCache(size=10)
        self.seen(cache, delivery_id=b"short", expires_s=START_S + 300)
        for n in range(100):
            self.seen(cache, delivery_id=bytes([n]), expires_s=START_S + 14 * 86_400)

        assert self.seen(cache, delivery_id=b"short", expires_s=START_S + 300)
        assert 11 >= len(cache)

    def test_it_never_grows_beyond_its_size(self):
        """
        However many deliveries live, no more are kept than the size.
        """
        cache = ReplayCache(size=1)
        for n in range(5):
            self.seen(cache, delivery_id=bytes([n]))

            assert 1 == len(cache)


def test_ids_are_what_the_caches_rest_on(forge):
    """
    A statement's id changes with its header, signature, and every digest.
    """
    root = forge.statement(raw={1: SECTION, 2: SECTION})
    changed = [
        [flip(root[0], 0), *root[1:]],
        [*root[:3], flip(root[3], 0)],
        [root[0], {SECTIONS: {1: SECTION}}, *root[2:]],
        [root[0], {SECTIONS: {1: SECTION, 3: SECTION}}, *root[2:]],
        [root[0], {SECTIONS: {1: SECTION, 2: [bytes(32)]}}, *root[2:]],
    ]

    ids = {identify(wire) for wire in (root, *changed)}

    assert 6 == len(ids)
    assert identify(root) == identify(withheld(root, 1, 2))
    assert LIFETIME_S == 90 * 24 * 3600
