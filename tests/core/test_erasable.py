"""
Erasable journeys: readable with the journey's secret, and with nothing else.
"""

from __future__ import annotations

import hmac
import pickle
from datetime import timedelta
from hashlib import sha256

import attrs
import pytest
from acme import DOMAIN, START_S, Acme, Clock, Tier, World
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from forge import (
    PRIVATE,
    SECTIONS,
    Forge,
    canonical,
    digest,
    header,
    identify,
    pad,
    refuses,
    unpack,
)

import cxcontext as cx
from cxcontext.core.erasable import lock, unlock
from cxcontext.core.events import SectionIgnored
from cxcontext.core.gaps import Reason
from cxcontext.core.keygen import rotate_signing
from cxcontext.core.known import Arrival
from cxcontext.core.statement import FLAG_ERASABLE, parse_statement
from cxcontext.errors import (
    MalformedError,
    MissingKeyError,
    NotPicklableError,
    UnavailableError,
    UsageError,
)

SECRET = bytes(range(32))
INFO = b"which section it is"
PUBLISHED = timedelta(minutes=15)


@attrs.define(repr=False)
class Secrets:
    """
    Secrets in memory, answered from a cache of fifteen minutes.
    """

    clock: Clock
    kept: dict[str, bytes] = attrs.field(factory=dict)
    asked: list[str] = attrs.field(factory=list)
    reachable: bool = True
    _cached: dict[str, tuple[float, bytes | None]] = attrs.field(factory=dict)

    def create(self, journey_id: str) -> bytes:
        """
        Return the secret of a journey that begins.
        """
        self.asked.append(journey_id)
        if not self.reachable:
            raise UnavailableError("the secrets")
        made = sha256(f"secret of {journey_id}".encode()).digest()
        return self.kept.setdefault(journey_id, made)

    def find(self, journey_id: str) -> bytes | None:
        """
        Return the secret of a journey as it was at most fifteen minutes ago.
        """
        now_s = self.clock.now.timestamp()
        since_s, found = self._cached.get(journey_id, (0, None))
        if now_s - since_s >= PUBLISHED.total_seconds():
            if not self.reachable:
                raise UnavailableError("the secrets")
            found = self.kept.get(journey_id)
            self._cached[journey_id] = (now_s, found)
        return found


class Routed(cx.Vocabulary, revision=4):
    """
    What everybody may read where it is clear, and support alone where it is sealed.
    """

    notes = cx.Scope(5, readers={"support"}, writers={"sales", "support"})
    tier = cx.Field(5, Tier, scope=notes, clear=True)


class Message:
    """
    A message of which only the limits are looked at.
    """

    limits = cx.Limits(value_bytes=60_000)


@pytest.fixture
def secrets(clock):
    """
    The secrets that every department of the world shares.
    """
    return Secrets(clock)


@pytest.fixture
def world(ring, clock, secrets):
    """
    All of Acme in one process, with secrets.
    """
    return World(ring, clock, secrets=secrets)


@pytest.fixture
def journey(sales):
    """
    An erasable journey with three facts, of which two would be clear elsewhere.
    """
    journey = sales.begin(channel="chat", erasable=True)
    journey.learn(Acme.full_name, "Alex Doe")
    journey.learn(Acme.tier, Tier.GOLD)
    journey.learn(Acme.language, "en-GB")
    return journey


def erase(secrets, clock):
    """
    Delete every secret, and let the published time pass.
    """
    secrets.kept.clear()
    clock.advance(seconds=PUBLISHED.total_seconds())


class TestLock:
    """
    The second lock itself.
    """

    def test_what_is_locked_is_unlocked(self):
        """
        What was locked comes back with the same secret and info.
        """
        locked = lock(b"padded", secret=SECRET, info=INFO, nonce=bytes(12))

        assert b"padded" == unlock(locked, secret=SECRET, info=INFO)

    def test_it_is_hkdf_and_aes_gcm(self):
        """
        It is the nonce, and AES-256-GCM under RFC 5869's HKDF of secret and info.
        """
        extracted = hmac.digest(bytes(32), SECRET, "sha256")
        key = hmac.digest(extracted, INFO + b"\1", "sha256")
        nonce = bytes(range(12))

        locked = lock(b"padded", secret=SECRET, info=INFO, nonce=nonce)

        assert nonce + AESGCM(key).encrypt(nonce, b"padded", None) == locked

    @pytest.mark.parametrize("locked", [b"", bytes(27), bytes(28), bytes(100)], ids=len)
    def test_what_was_not_locked_is_not_unlocked(self, locked):
        """
        Whatever its length, what was never locked does not come through.
        """
        with pytest.raises(InvalidTag):
            unlock(locked, secret=SECRET, info=INFO)

    @pytest.mark.parametrize(
        "other", [{"secret": bytes(32), "info": INFO}, {"secret": SECRET, "info": b""}]
    )
    def test_another_secret_or_info_does_not_unlock(self, other):
        """
        Secret and info are those it was locked with, both of them.
        """
        locked = lock(b"padded", secret=SECRET, info=INFO, nonce=bytes(12))

        with pytest.raises(InvalidTag):
            unlock(locked, **other)


class TestBeginning:
    """
    How a journey becomes erasable, and stays so.
    """

    def test_the_root_says_it_once(self, journey, support):
        """
        The root alone has the flag; what follows inherits it.
        """
        received = support.receive(journey.hand_over("support"))
        received.learn(Acme.email, "alex@example.com")

        roots = [s.flags & FLAG_ERASABLE for s in received.context.statements]
        assert [FLAG_ERASABLE] == roots
        assert received.is_erasable
        again = support.resume(received.save())
        flags = [s.flags & FLAG_ERASABLE for s in again.context.statements]
        assert [FLAG_ERASABLE, 0] == flags

    def test_every_other_journey_is_not(self, world):
        """
        A journey that was not begun so is not erasable, and needs no secret.
        """
        journey = world["sales"].begin(channel="chat")
        journey.learn(Acme.full_name, "Alex Doe")

        assert not journey.is_erasable
        assert "Alex Doe" == received_of(journey, world).recall(Acme.full_name)
        assert [] == world.secrets.asked

    def test_its_secret_is_made_once(self, journey, secrets):
        """
        The secret is made when the root is sealed, under the journey's own id.
        """
        assert [] == secrets.asked

        journey.hand_over("support")
        journey.learn(Acme.email, "alex@example.com")
        journey.hand_over("support")

        assert [journey.id] == secrets.asked

    def test_an_empty_root_has_one_too(self, sales, secrets):
        """
        Whoever begins it keeps the secret for those who will have something to say.
        """
        journey = sales.begin(channel="chat", erasable=True)

        journey.hand_over("support")

        assert [journey.id] == list(secrets.kept)

    def test_after_a_bad_envelope_it_may_be_erasable_too(self, sales):
        """
        A journey in place of one that could not be used is begun so like any other.
        """
        journey = sales.begin_after(Reason.REJECTED, channel="chat", erasable=True)

        assert journey.is_erasable
        assert Reason.REJECTED is journey.gap(Acme.full_name).reason

    @pytest.mark.parametrize("begin", ["begin", "begin_after"])
    def test_without_secrets_none_is_begun(self, ring, clock, begin):
        """
        A department that has nowhere to keep the secret is told what to pass.
        """
        sales = World(ring, clock)["sales"]
        first = () if begin == "begin" else (Reason.LOST,)

        with pytest.raises(UsageError, match="secrets="):
            getattr(sales, begin)(*first, channel="chat", erasable=True)

    def test_secrets_are_what_keeps_them(self, world, ring):
        """
        Something that has not the methods is refused at once, by its type.
        """
        with pytest.raises(UsageError, match="secrets is a bytes"):
            world.domain.department("ivr", keys=ring.private["ivr"], secrets=SECRET)

    @pytest.mark.parametrize("secret", [b"", bytes(31), bytes(33), "x" * 32])
    def test_a_secret_is_32_bytes(self, world, secret):
        """
        What is made or found and is no secret is refused, and never used as one.
        """

        class Wrong:
            def create(self, _journey_id):
                return secret

            def find(self, _journey_id):
                return secret

        sales = world.domain.department(
            "sales", keys=world.ring.private["sales"], secrets=Wrong()
        )
        journey = sales.begin(channel="chat", erasable=True)
        journey.learn(Acme.full_name, "Alex Doe")

        with pytest.raises(UsageError, match="32 random bytes"):
            journey.hand_over("support")

    def test_where_the_secret_cannot_be_kept_nothing_is_sealed(
        self, journey, secrets, support
    ):
        """
        What was learned waits until the secrets can be reached again.
        """
        secrets.reachable = False
        with pytest.raises(UnavailableError):
            journey.hand_over("support")
        assert journey.id is None

        secrets.reachable = True
        received = support.receive(journey.hand_over("support"))

        assert "Alex Doe" == received.recall(Acme.full_name)
        assert 1 == len(set(secrets.asked))

    def test_the_key_that_signs_the_root_is_in_its_id(self, ring, clock, secrets):
        """
        The secret is under the id that the root certifies, also after a rotation.
        """
        rotated = rotate_signing(
            ring, "sales", now=clock.now, publish_ahead=timedelta(days=1)
        )
        clock.advance(days=2)
        journey = World(rotated, clock, secrets=secrets)["sales"].begin(
            channel="chat", erasable=True
        )
        journey.learn(Acme.full_name, "Alex Doe")

        envelope = journey.hand_over("support")

        assert [envelope.journey_id] == list(secrets.kept)


def received_of(journey, world, to="support"):
    """
    Return the journey as another department receives it.
    """
    return world[to].receive(journey.hand_over(to))


class TestOnTheWire:
    """
    What stands in the envelope.
    """

    def test_a_section_is_locked_and_then_sealed(self, journey, ring, secrets):
        """
        With both keys, and in that order, the padded plaintext comes out.
        """
        [root] = unpack(journey.hand_over("support"))[1]
        section = root[1][SECTIONS][1]
        generation, sealed = unpack(section)
        info = canonical(
            ["cxcontext/1/section", DOMAIN, digest(root[0]), 1, generation]
        )
        keys = ring.private["support"]
        opened = keys.opening_key(1, generation, now=START_S).open(sealed, info=info)

        padded = unlock(opened, secret=secrets.kept[journey.id], info=info)

        says = {1: "Alex Doe", 5: "gold", -1: "en-GB"}
        assert pad(canonical(says)) == padded
        assert len(padded) + 28 == len(opened)

    def test_nothing_stands_in_the_clear(self, journey, ring):
        """
        Fields that the vocabulary declares clear are sealed here, and found there.
        """
        [root] = unpack(journey.hand_over("support"))[1]

        assert {} == header(root)[15][PRIVATE][3]

    def test_a_clear_fact_in_it_is_refused(self, ring):
        """
        In the root or later, a clear fact refuses the envelope as malformed.
        """
        forge = Forge(ring)
        plain = forge.statement(flags=FLAG_ERASABLE)
        for statements in (
            [forge.statement(flags=FLAG_ERASABLE, clear={5: "gold"})],
            [plain, forge.statement(plain, clear={5: {}})],
        ):
            raw = forge.envelope(*statements)
            for _ in range(2):
                with refuses(MalformedError, "malformed"):
                    World(ring, Clock())["support"].receive(raw)

    def test_a_broken_graph_is_named_before_a_clear_fact(self, ring, support):
        """
        That no clear fact may stand there is looked at when the root is known.
        """
        forge = Forge(ring)
        root = forge.statement(flags=FLAG_ERASABLE, clear={5: "gold"})
        missing = forge.statement(bytes(32))

        with pytest.raises(Exception, match="parent"):
            support.receive(forge.envelope(root, missing))

    def test_only_a_root_says_that_it_is_erasable(self, ring, support):
        """
        The flag elsewhere is refused: nobody may say it of somebody else's journey.
        """
        forge = Forge(ring)
        root = forge.statement()

        with refuses(MalformedError, "malformed"):
            support.receive(forge.envelope(root, forge.statement(root, flags=16)))

    def test_two_forks_never_lock_alike(self, journey, ring):
        """
        Under one header, and so one key, every section has a nonce of its own.
        """
        journey.hand_over("support")
        nonces = set()
        for name in ("A-1", "A-2"):
            fork = journey.fork()
            fork.learn(Acme.order_number, name)
            *_, last = fork.context.statements, unpack(fork.hand_over("support"))[1]
            made = next(s for s in last if 2 in s[1].get(SECTIONS, {}))
            info = canonical(["cxcontext/1/section", DOMAIN, digest(made[0]), 2, 1])
            keys = ring.private["support"].opening_key(2, 1, now=START_S)
            sealed = unpack(made[1][SECTIONS][2])[1]
            nonces.add((digest(made[0]), keys.open(sealed, info=info)[:12]))

        headers = {protected for protected, _ in nonces}
        assert (1, 2) == (len(headers), len(nonces))

    @pytest.mark.parametrize("flags", range(64))
    def test_each_flag_stands_beside_each(self, ring, flags):
        """
        Every combination of known flags is read in a root, and all but erasable upon it.
        """
        forge = Forge(ring)
        root = forge.statement(flags=flags)
        plain = forge.statement()
        child = forge.statement(plain, flags=flags)
        allowed = []
        for wire in (root, child):
            try:
                allowed.append(parse_statement(wire).flags)
            except MalformedError:
                allowed.append(None)

        assert [
            flags if flags < 32 else None,
            flags if flags < 16 else None,
        ] == allowed


class TestReading:
    """
    What is read of it, with the secret and without.
    """

    def test_with_the_secret_all_is_as_ever(self, journey, world):
        """
        Whoever has the scope's key and the secret recalls what was said.
        """
        received = received_of(journey, world)

        assert "Alex Doe" == received.recall(Acme.full_name)
        assert Tier.GOLD is received.recall(Acme.tier)
        assert "en-GB" == received.recall(Acme.language)

    def test_what_was_said_here_is_recalled_before_it_is_sealed(self, journey):
        """
        A clear field is found among what is pending too.
        """
        assert Tier.GOLD is journey.recall(Acme.tier)
        journey.correct(Acme.tier, Tier.BASIC)
        journey.hand_over("support")

        assert Tier.BASIC is journey.recall(Acme.tier)

    def test_a_clear_field_is_its_scopes_readers(self, ring, clock, secrets):
        """
        Who is no reader of the scope does not read there what it reads elsewhere.
        """
        world = World(ring, clock, vocabulary=Routed, secrets=secrets)
        journeys = []
        for erasable in (False, True):
            journey = world["sales"].begin(channel="chat", erasable=erasable)
            journey.learn(Routed.tier, Tier.GOLD)
            journeys.append(received_of(journey, world, "ivr"))

        plain, erasable = journeys
        assert Tier.GOLD is plain.recall(Routed.tier)
        assert ["tier"] == [each.field for each in plain.explain()]
        assert Reason.NOT_YOURS is erasable.gap(Routed.tier).reason
        assert () == erasable.explain()

    def test_another_departments_sections_are_settled(self, journey, world):
        """
        A correction supersedes what was said, as in any journey.
        """
        received = received_of(journey, world)
        received.correct(Acme.tier, Tier.BASIC)

        back = received_of(received, world, "sales")

        assert Tier.BASIC is back.recall(Acme.tier)

    def test_without_secrets_nothing_is_readable(self, journey, ring, clock):
        """
        A department that was given no secrets passes it on and reads nothing.
        """
        support = World(ring, clock)["support"]

        received = support.receive(journey.hand_over("support"))

        assert Reason.UNREADABLE is received.gap(Acme.full_name).reason
        assert Reason.UNREADABLE is received.gap(Acme.tier).reason
        onward = World(ring, clock, secrets=journey._department.secrets)["billing"]
        again = onward.receive(received.hand_over("billing"))
        assert "Alex Doe" == again.recall(Acme.full_name)

    def test_without_secrets_nothing_is_added(self, journey, ring, clock):
        """
        Whoever cannot lock what it learns is told so at once, and may still pass on.
        """
        received = World(ring, clock)["support"].receive(journey.hand_over("support"))

        with pytest.raises(MissingKeyError, match="secrets="):
            received.learn(Acme.full_name, "Alex")
        with pytest.raises(MissingKeyError, match="secrets="):
            received.asked(Acme.full_name)
        received.accept()
        received.hand_over("billing")

    def test_a_wrong_secret_reads_nothing(self, journey, world, secrets):
        """
        Under another secret nothing opens, and it is said whose section that is.
        """
        envelope = journey.hand_over("support")
        secrets.kept[journey.id] = bytes(32)

        received = world["support"].receive(envelope)

        assert Reason.UNREADABLE is received.gap(Acme.full_name).reason
        [told] = world.told(SectionIgnored)
        assert ("sales", 1, "section_unopenable") == (
            told.author,
            told.scope,
            told.code,
        )

    def test_what_was_not_locked_is_not_read(self, ring, world, secrets):
        """
        A section of an erasable journey that only HPKE seals would outlive it.
        """
        forge = Forge(ring)
        root = forge.statement(flags=FLAG_ERASABLE, says={1: {1: "Alex Doe"}})
        raw = forge.envelope(root)
        journey = world["support"].receive(raw)
        secrets.kept[journey.id] = SECRET

        assert Reason.UNREADABLE is journey.gap(Acme.full_name).reason

    def test_secrets_out_of_reach_are_behind_and_no_error(
        self, journey, world, secrets, clock
    ):
        """
        What cannot be read now is read when the secrets are back.
        """
        received = received_of(journey, world)
        secrets.reachable = False
        clock.advance(hours=1)

        assert Reason.UNREADABLE is received.gap(Acme.full_name).reason
        received.learn(Acme.email, "alex@example.com")
        with pytest.raises(UnavailableError):
            received.hand_over("billing")

        secrets.reachable = True
        assert "Alex Doe" == received.recall(Acme.full_name)
        back = received_of(received, world, "billing")
        assert "alex@example.com" == back.recall(Acme.email)


class TestErasing:
    """
    What is left when the secret is deleted and the published time has passed.
    """

    def test_every_copy_is_unreadable(self, journey, world, secrets, clock):
        """
        Neither the bytes nor what is open already give a value any more.
        """
        rested = journey.save(shared=True)
        received = received_of(journey, world)
        resumed = world["billing"].resume(rested)
        copies = [journey, received, resumed, received.fork()]
        assert ["Alex Doe"] * 4 == [copy.recall(Acme.full_name) for copy in copies]

        erase(secrets, clock)

        copies.append(world["support"].resume(rested))
        assert [None] * 5 == [copy.recall(Acme.full_name) for copy in copies]
        assert [None] * 5 == [copy.recall(Acme.tier) for copy in copies]
        reasons = {copy.gap(Acme.full_name).reason for copy in copies}
        assert {Reason.UNREADABLE} == reasons

    def test_within_the_published_time_it_may_be_read(
        self, journey, world, secrets, clock
    ):
        """
        Until secret caches expire, what they hold opens; then no more.
        """
        received = received_of(journey, world)
        assert received.recall(Acme.full_name)
        secrets.kept.clear()

        clock.advance(minutes=14)
        assert received.recall(Acme.full_name)

        clock.advance(minutes=1)
        assert received.recall(Acme.full_name) is None

    def test_what_was_opened_is_forgotten(self, journey, world, secrets, clock):
        """
        The opened sections themselves are let go, not only hidden.
        """
        received = received_of(journey, world)
        received.recall(Acme.full_name)
        assert "Alex" in repr([c.facts[0].value for c in opened(received)])

        erase(secrets, clock)
        received.gap(Acme.full_name)

        assert [] == opened(received)

    def test_no_cache_of_the_department_holds_it(self, journey, world):
        """
        An envelope of an erasable journey is not remembered as opened.
        """
        envelope = journey.hand_over("support")
        world["support"].receive(envelope).recall(Acme.full_name)

        assert 0 == len(world["support"]._recent)

    def test_nothing_more_is_learned(self, journey, secrets, clock):
        """
        Whoever still has it open learns that there is nothing to add to.
        """
        journey.hand_over("support")
        erase(secrets, clock)

        with pytest.raises(MissingKeyError, match="begin a new journey"):
            journey.learn(Acme.full_name, "Alex")

    def test_what_was_pending_is_not_sealed(self, journey, secrets, clock):
        """
        What was learned before the erasure leaves no more after it.
        """
        journey.hand_over("support")
        journey.learn(Acme.email, "alex@example.com")
        erase(secrets, clock)

        with pytest.raises(MissingKeyError, match="begin a new journey"):
            journey.hand_over("support")

    def test_it_can_still_be_passed_on(self, journey, world, secrets, clock):
        """
        An erased journey is a journey of which nothing can be read.
        """
        journey.hand_over("support")
        erase(secrets, clock)

        received = received_of(journey, world)

        assert ("sales",) == tuple(t.department for t in received.trail)
        assert Reason.UNREADABLE is received.gap(Acme.full_name).reason


def opened(journey):
    """
    Return the contents that a journey's context holds open.
    """
    return [
        content
        for (_, scope), content in journey.context.opened().items()
        if scope and content.facts
    ]


class TestOtherVerbs:
    """
    Fork, merge, restate and export.
    """

    def test_forks_merge(self, journey, world):
        """
        What a fork learned is read after the merge, under the same secret.
        """
        fork = journey.fork()
        fork.learn(Acme.order_number, "A-118")
        journey.learn(Acme.email, "alex@example.com")
        journey.merge(fork)

        received = received_of(journey, world)

        assert "A-118" == received.recall(Acme.order_number)
        assert "alex@example.com" == received.recall(Acme.email)
        assert fork.is_erasable

    def test_restating_goes_both_ways(self, journey, sales, world):
        """
        Values are carried over from an erasable journey and into one.
        """
        plain = sales.begin(channel="chat")
        plain.restate(journey)
        other = sales.begin(channel="chat", erasable=True)
        other.restate(plain)

        for copy in (plain, other):
            received = received_of(copy, world)
            assert "Alex Doe" == received.recall(Acme.full_name)
            assert Tier.GOLD is received.recall(Acme.tier)
        assert (False, True) == (plain.is_erasable, other.is_erasable)

    def test_who_reported_a_clear_field_is_kept_where_it_is_sealed(self, sales, world):
        """
        In the clear nothing worded by others stands; sealed, it may.
        """
        theirs = world["support"].begin(channel="phone")
        theirs.learn(Acme.tier, Tier.GOLD)
        received = received_of(theirs, world, "sales")
        plain = sales.begin(channel="chat")
        erasable = sales.begin(channel="chat", erasable=True)
        for journey in (plain, erasable):
            journey.restate(received)

        found = [journey.fact(Acme.tier).reported_by for journey in (plain, erasable)]

        assert [None, "support"] == found

    def test_an_export_is_no_erasable_journey(self, journey, sales, world):
        """
        A partner has no secret of ours: what it is sent it keeps.
        """
        journey.learn(Acme.tracking, "1Z 999")

        export = journey.export_to("carrier")

        received = World(world.ring, world.clock)["carrier"].receive(export)
        assert not received.is_erasable
        assert "1Z 999" == received.recall(Acme.tracking)

    def test_a_partners_answer_is_sealed_like_anything(self, journey, world):
        """
        What a partner answers is restated in the erasable journey, under its secret.
        """
        journey.learn(Acme.tracking, "1Z 999")
        export = journey.export_to("carrier")
        partner = World(world.ring, world.clock)["carrier"].receive(export)
        partner.learn(Acme.parcel, "sent")
        journey.accept_from(partner.hand_over("sales"), export=export.journey_id)

        assert "sent" == received_of(journey, world).recall(Acme.parcel)

    def test_a_trial_keeps_no_secret(self, journey, sales, secrets):
        """
        To find out whether it fits, no secret is made of a journey not begun yet.
        """
        propagator = cx.Propagator(sales, [cx.Destination("support")])
        carrier = Message()

        assert propagator.fit(journey, carrier, to="support").transport
        assert [] == secrets.asked

        journey.begun()
        journey.learn(Acme.email, "alex@example.com")
        assert propagator.fit(journey, carrier, to="support").transport

    def test_arrival_flags_stand_beside_it(self, journey, world):
        """
        The root says that it is erasable, and under which arrival it was written.
        """
        received = world["support"].receive(
            journey.hand_over("support"), arrival=Arrival.POSSESSION
        )
        received.learn(Acme.order_number, "A-118")
        received.accept()

        again = received_of(received, world, "billing")

        assert [16, 9] == [s.flags for s in again.context.statements]


class TestHiding:
    """
    The secret is in nothing that is shown, kept or sent.
    """

    def test_nothing_shows_it(self, journey, world, secrets):
        """
        Neither reprs nor tracebacks nor pickles have it.
        """
        envelope = journey.hand_over("support")
        received = world["support"].receive(envelope)
        secret = secrets.kept[journey.id]
        shown = [repr(received), repr(received.context), repr(world["support"])]
        shown.append(repr(received.context.reader))

        assert not [text for text in shown if repr(secret)[2:-1] in text]
        assert secret not in pickle.dumps(envelope)
        with pytest.raises(NotPicklableError):
            pickle.dumps(received)

    def test_no_traceback_holds_it(self, journey, world, secrets):
        """
        The frames of a verb that fails have forgotten their locals.
        """

        def no_entropy(_size_bytes):
            raise OSError

        world.domain.random = no_entropy
        with pytest.raises(OSError) as ei:  # noqa: PT011 - that it is one suffices
            journey.hand_over("support")

        [secret] = secrets.kept.values()
        frames = []
        traceback = ei.value.__traceback__
        while traceback := traceback.tb_next:
            frames.append(repr(traceback.tb_frame.f_locals.values()))
        assert len(frames) > 3
        assert not [text for text in frames if repr(secret) in text]

    def test_ids_lead_to_secrets_and_not_back(self, journey):
        """
        The id under which a secret is kept is the one that every carrier sees.
        """
        envelope = journey.hand_over("support")

        assert envelope.journey_id == journey.id
        assert identify(unpack(envelope)[1][0]) == envelope.root.id
