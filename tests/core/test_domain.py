"""
Trust domain and department: whose keys count, who is who, and what never shows.
"""

from __future__ import annotations

import copy
import pickle
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from acme import DOMAIN, START, START_S, Acme, Address, World, ring_of
from forge import Forge, refuses, unpack

import cxcontext as cx
from cxcontext.core import jws
from cxcontext.core.domain import REFRESH_INTERVAL_S, TrustDomain
from cxcontext.core.events import Event, Received, Rejected
from cxcontext.core.gaps import Reason
from cxcontext.core.keygen import (
    add_department,
    generate_signer,
    revoke,
    rotate_signing,
)
from cxcontext.core.keys import KeySet
from cxcontext.errors import (
    ExternalDepartmentError,
    KeySetError,
    KeySetRollbackError,
    KeySetUnsignedError,
    NotPicklableError,
    ReplayedError,
    UnavailableError,
    UnknownDepartmentError,
    UnknownKeyError,
    UsageError,
    VerificationError,
)
from cxcontext.typing import KeySource

SAYS = {1: {1: "Alex"}}
DOMAIN_KEY = generate_signer()
PIN = jws.pin_of(DOMAIN_KEY.verifying_key)


class Source:
    """
    A key source in memory that can be out of reach.
    """

    def __init__(self, key_set: KeySet) -> None:
        self.key_set = key_set
        self.loads = 0
        self.problem: Exception | None = None

    def load(self) -> KeySet:
        """
        Return the present key set.
        """
        self.loads += 1
        if self.problem is not None:
            raise self.problem
        return self.key_set


def successor(ring, **changes):
    """
    Return a ring with the next key set, but for *changes* of it.
    """
    public = attrs.evolve(ring.public, sequence=ring.public.sequence + 1)
    return attrs.evolve(ring, public=attrs.evolve(public, **changes))


def signed(key_set: KeySet, key=DOMAIN_KEY) -> KeySet:
    """
    Return the key set as read from a file that the domain key has signed.
    """
    return KeySet.from_json(key_set.sign(key), pin=jws.pin_of(key.verifying_key))


class TestKeySets:
    """
    Protocol, section 3: which key set may take another's place.
    """

    def test_a_newer_one_is_used_from_then_on(self, ring, world, forge):
        """
        A key that a newer set adds is known at once.
        """
        newer = rotate_signing(ring, "sales", now=START - timedelta(hours=1))
        signer = newer.private["sales"].signers[-1]
        envelope = forge.envelope(forge.statement(), signer=signer)
        with refuses(UnknownKeyError, "unknown_key"):
            world["support"].receive(envelope)

        world.domain.update_keys(newer.public)

        assert "sales" == world["support"].receive(envelope).received_from
        assert newer.public is world.domain.key_set

    def test_an_older_one_is_refused(self, ring, world):
        """
        Nobody brings back a key set from before a revocation.
        """
        revoked = revoke(ring, ring.private["sales"].signers[0].key_id, now=START)
        world.domain.update_keys(revoked.public)

        with refuses(KeySetRollbackError, "key_set_rollback"):
            world.domain.update_keys(ring.public)

        assert revoked.public is world.domain.key_set

    def test_another_domains_is_refused(self, world):
        """
        A newer key set of somebody else's domain is not ours.
        """
        other = successor(ring_of(domain="other.example"))

        with refuses(KeySetError, "bad_key_set"):
            world.domain.update_keys(other.public)

    def test_a_key_that_changes_hands_is_refused(self, ring, world):
        """
        A key id belongs to one department for ever.
        """
        departments = ring.public.departments
        sales, billing = departments["sales"], departments["billing"]
        moved = tuple(attrs.evolve(k, department="billing") for k in sales.keys)
        swapped = ring.successor(
            departments=[
                attrs.evolve(sales, keys=()),
                attrs.evolve(billing, keys=(*billing.keys, *moved)),
            ]
        )

        with refuses(KeySetError, "bad_key_set"):
            world.domain.update_keys(swapped.public)

    def test_a_swapped_one_knows_none_of_our_senders(self, ring, clock, forge):
        """
        With keys that a stranger made for our names, nothing of ours is received.
        """
        theirs = ring_of()
        world = World(theirs, clock)

        with refuses(UnknownKeyError, "unknown_key"):
            world["support"].receive(forge.envelope(forge.statement()))

    def test_a_swapped_one_is_refused_with_a_pin(self, ring, clock):
        """
        With a pin only key sets that the domain key has signed are taken.
        """
        domain = TrustDomain(
            DOMAIN, Acme, keys=signed(ring.public), pin=PIN, clock=clock
        )
        newer = successor(ring).public
        theirs = successor(ring_of()).public
        for swapped in (newer, theirs, signed(theirs, generate_signer())):
            with refuses(KeySetUnsignedError, "key_set_unsigned"):
                domain.update_keys(swapped)

        domain.update_keys(signed(newer))

        assert newer.sequence == domain.key_set.sequence

    def test_a_domain_does_not_begin_with_an_unsigned_one(self, ring, clock):
        """
        With a pin the first key set must be signed, too.
        """
        with refuses(KeySetUnsignedError, "key_set_unsigned"):
            TrustDomain(DOMAIN, Acme, keys=ring.public, pin=PIN, clock=clock)

    def test_a_domain_does_not_begin_with_another_ones(self, ring):
        """
        The caller is told whose key set it has loaded.
        """
        with pytest.raises(UsageError, match=r"acme\.example's, this domain is other"):
            TrustDomain("other.example", Acme, keys=ring.public)


class TestKeySource:
    """
    Protocol, section 2: an unknown key makes the source load, once a minute.
    """

    @pytest.fixture
    def newer(self, ring):
        """
        A ring in which billing has another key, in use already.
        """
        return rotate_signing(ring, "billing", now=START - timedelta(hours=1))

    @pytest.fixture
    def source(self, ring):
        """
        Holds the key set from before that.
        """
        return Source(ring.public)

    @pytest.fixture
    def world(self, ring, clock, source):
        """
        A process that is behind.
        """
        return World(ring, clock, keys=source)

    @pytest.fixture
    def unknown(self, newer):
        """
        An envelope by sales in which billing spoke with its newer key.
        """
        return lambda n=0: self._envelope(newer, n)

    def _envelope(self, newer, n):
        forge = Forge(newer)
        root = forge.statement(channel=f"c{n}")
        signer = newer.private["billing"].signers[-1]
        return forge.envelope(root, forge.statement(root, signer=signer, says=SAYS))

    def test_it_is_asked_at_the_beginning(self, ring, clock, source):
        """
        A domain loads its key set when it is made.
        """
        world = World(ring, clock, keys=source)

        assert isinstance(source, KeySource)
        assert 1 == source.loads
        assert ring.public is world.domain.key_set

    def test_at_the_beginning_it_must_be_there(self, ring, clock, source):
        """
        Without any key set there is no domain.
        """
        source.problem = UnavailableError("the key server")

        with pytest.raises(UnavailableError):
            World(ring, clock, keys=source)

    def test_an_unknown_author_makes_it_load(
        self, world, source, newer, clock, unknown
    ):
        """
        The key that was missing is found before the envelope is verified.
        """
        source.key_set = newer.public
        clock.advance(seconds=REFRESH_INTERVAL_S)

        journey = world["support"].receive(unknown())

        assert 2 == source.loads
        assert "Alex" == journey.recall(Acme.full_name)

    def test_an_unknown_sender_makes_it_load(self, world, source, newer, clock):
        """
        So is the key of who delivers.
        """
        source.key_set = newer.public
        clock.advance(seconds=REFRESH_INTERVAL_S)
        forge = Forge(newer, now_s=clock.now_s)
        envelope = forge.envelope(
            forge.statement(), signer=newer.private["billing"].signers[-1]
        )

        assert "billing" == world["support"].receive(envelope).received_from

    def test_it_is_asked_at_most_once_a_minute(self, world, source, clock, unknown):
        """
        However many unknown keys come, the source is not flooded.
        """
        for n in range(20):
            world["support"].receive(unknown(n))
        assert 1 == source.loads

        clock.advance(seconds=REFRESH_INTERVAL_S)
        for n in range(20):
            world["support"].receive(unknown(n + 20))
        assert 2 == source.loads

        clock.advance(seconds=REFRESH_INTERVAL_S - 1)
        world["support"].receive(unknown(40))
        assert 2 == source.loads

        clock.advance(seconds=1)
        world["support"].receive(unknown(41))
        assert 3 == source.loads

    def test_known_keys_do_not_make_it_load(self, world, source, clock, forge):
        """
        What is verified with the keys at hand asks nobody.
        """
        clock.advance(minutes=4)

        world["support"].receive(forge.envelope(forge.statement()))

        assert 1 == source.loads

    def test_until_then_the_author_is_unknown(
        self, world, source, newer, clock, unknown
    ):
        """
        Within the minute the section cannot be read; then the same bytes can.
        """
        source.key_set = newer.public
        envelope = unknown()
        behind = world["support"].receive(envelope)
        assert Reason.UNKNOWN_AUTHOR == behind.gap(Acme.full_name).reason

        clock.advance(seconds=REFRESH_INTERVAL_S)
        world["support"].receive(unknown(1))

        assert "Alex" == world["support"].receive(envelope).recall(Acme.full_name)

    @pytest.mark.parametrize(
        "problem",
        [
            UnavailableError("the key server"),
            KeySetError("rubbish"),
            KeySetUnsignedError(),
            KeySetRollbackError(1, 2),
            OSError("no such file"),
        ],
    )
    def test_one_that_fails_changes_nothing(
        self, world, source, clock, unknown, ring, problem
    ):
        """
        A source that cannot be reached, or whose set is refused, degrades only.
        """
        source.problem = problem
        clock.advance(seconds=REFRESH_INTERVAL_S)

        journey = world["support"].receive(unknown())

        assert Reason.UNKNOWN_AUTHOR == journey.gap(Acme.full_name).reason
        assert ring.public is world.domain.key_set

    def test_a_swapped_set_changes_nothing(self, world, source, clock, ring, unknown):
        """
        A source that begins to serve other keys for old names is not believed.
        """
        key_sets = (
            ring_of(domain="other.example").public,
            attrs.evolve(ring.public, sequence=0),
        )
        for n, key_set in enumerate(key_sets):
            source.key_set = key_set
            clock.advance(seconds=REFRESH_INTERVAL_S)

            world["support"].receive(unknown(n))

            assert n + 2 == source.loads
            assert ring.public is world.domain.key_set

    def test_a_pin_holds_for_the_source_too(self, ring, clock):
        """
        A source that serves an unsigned set, once or later, is refused.
        """
        source = Source(signed(ring.public))
        domain = TrustDomain(DOMAIN, Acme, keys=source, pin=PIN, clock=clock)
        source.key_set = successor(ring).public
        clock.advance(seconds=REFRESH_INTERVAL_S)

        assert not domain.refresh()
        assert ring.public.sequence == domain.key_set.sequence
        with refuses(KeySetUnsignedError, "key_set_unsigned"):
            TrustDomain(DOMAIN, Acme, keys=source, pin=PIN, clock=clock)

    def test_it_says_whether_anything_changed(self, world, source, newer, clock):
        """
        To refresh tells whether the key set is another one now.
        """
        assert not world.domain.refresh()
        clock.advance(seconds=REFRESH_INTERVAL_S)
        assert not world.domain.refresh()

        clock.advance(seconds=REFRESH_INTERVAL_S)
        source.key_set = newer.public

        assert world.domain.refresh()
        assert not world.domain.refresh()

    def test_without_a_source_there_is_nothing_to_refresh(self, ring, clock):
        """
        A key set that was read once stays until it is updated.
        """
        world = World(ring, clock)
        clock.advance(seconds=REFRESH_INTERVAL_S)

        assert not world.domain.refresh()


class TestDepartments:
    """
    A department is its name in the key set, and holds its own keys.
    """

    def test_an_unknown_name_is_refused(self, world, ring):
        """
        The error names what is near, else what there is.
        """
        with pytest.raises(UnknownDepartmentError) as ei:
            world.domain.department("suport", keys=ring.private["support"])
        assert ("support",) == ei.value.known

        with pytest.raises(UnknownDepartmentError) as ei:
            world.domain.department("xyz", keys=ring.private["support"])
        assert tuple(sorted(ring.public.departments)) == ei.value.known

    def test_another_departments_keys_are_refused(self, world, ring):
        """
        Who loads the wrong file is told whose it is.
        """
        with pytest.raises(UsageError, match=r"keys of billing at acme\.example"):
            world.domain.department("support", keys=ring.private["billing"])

    def test_another_domains_keys_are_refused(self, world):
        """
        The same name in another domain is another department.
        """
        other = ring_of(domain="other.example").private["support"]

        with pytest.raises(UsageError, match=r"keys of support at other\.example"):
            world.domain.department("support", keys=other)

    def test_what_holds_no_keys_is_refused(self, world, ring):
        """
        A path in place of the keys in it is the caller's mistake, and not shown.
        """
        with pytest.raises(UsageError, match=r"keys is a str; pass PrivateKeys\.load"):
            world.domain.department("support", keys="sentinel.json")
        with pytest.raises(UsageError, match=r"keys is a str; pass KeySet\.load"):
            TrustDomain(DOMAIN, Acme, keys="sentinel.json")

    @pytest.mark.parametrize("channel", ["", "Chat", "my chat", "ch@t"])
    def test_a_channel_is_a_word(self, support, forge, channel):
        """
        A channel travels in the clear, so nothing else is let in.
        """
        with pytest.raises(ValueError, match="a channel is"):
            support.begin(channel=channel)
        with pytest.raises(ValueError, match="a channel is"):
            support.receive(forge.envelope(forge.statement()), channel=channel)

    def test_a_channel_is_the_senders_unless_given(self, support, forge):
        """
        The channel goes on with the last statement's.
        """
        root = forge.statement(channel="chat")
        envelope = forge.envelope(root, forge.statement(root, channel="phone"))

        assert "phone" == support.receive(envelope).channel
        assert "email" == support.receive(envelope, channel="email").channel

    def test_a_hand_over_is_to_a_department_of_ours(self, sales):
        """
        An unknown name and a partner's are refused where they are written.
        """
        journey = sales.begin(channel="chat")

        with pytest.raises(UnknownDepartmentError):
            journey.hand_over("nobody")
        with pytest.raises(ExternalDepartmentError, match=r"export_to\(\)"):
            journey.hand_over("carrier")
        with pytest.raises(UsageError, match="a department of ours"):
            journey.export_to("support")

    def test_a_department_can_be_added(self, ring, world):
        """
        A department that a newer key set knows is there from then on.
        """
        newer = add_department(
            ring, "retail", external=False, now=START, publish_ahead=timedelta(0)
        )
        with pytest.raises(UnknownDepartmentError):
            world.domain.department("retail", keys=newer.private["retail"])

        world.domain.update_keys(newer.public)

        retail = world.domain.department("retail", keys=newer.private["retail"])
        assert "<Department retail of acme.example>" == repr(retail)

    def test_a_department_that_left_can_still_be_asked_for(self, ring, clock, forge):
        """
        A receiver that a newer key set no longer names refuses partners still.
        """
        world = World(ring, clock)
        support = world["support"]
        others = {
            name: keys
            for name, keys in ring.public.departments.items()
            if name != "support"
        }
        gone = attrs.evolve(ring.public, sequence=9, departments=others)
        world.domain.update_keys(gone)

        assert (
            "sales" == support.receive(forge.envelope(forge.statement())).received_from
        )

    def test_after_a_problem_it_begins_with_the_problem(self, support):
        """
        A journey that begins where a bad envelope came says so.
        """
        journey = support.begin_after(Reason.REJECTED, channel="chat")

        assert Reason.REJECTED == journey.gap(Acme.full_name).reason
        journey.learn(Acme.full_name, "Alex")
        assert "Alex" == journey.recall(Acme.full_name)

    def test_only_what_came_and_failed_is_such_a_problem(self, support):
        """
        A journey does not begin with a reason that is no beginning.
        """
        with pytest.raises(UsageError, match=r"else use begin\(\)"):
            support.begin_after(Reason.STALE, channel="chat")

    def test_what_was_opened_is_forgotten_when_asked(self, support, forge):
        """
        An operator can make a process let go of what it read a moment ago.
        """
        envelope = forge.envelope(forge.statement())
        before = support.receive(envelope).context

        support.forget_recent()

        assert before is not support.receive(envelope).context

    def test_a_refusal_is_told(self, support, world):
        """
        Who refuses something tells the observers its code, and nothing of it.
        """
        support.refuse(KeySetUnsignedError(), journey_id="00")

        expected = Rejected(
            department="support", journey_id="00", code="key_set_unsigned"
        )
        assert [expected] == world.events

    def test_the_clock_is_aware(self, ring):
        """
        A clock that returns naive instants is the caller's mistake.
        """
        with pytest.raises(UsageError, match="naive"):
            TrustDomain(
                DOMAIN,
                Acme,
                keys=ring.public,
                clock=lambda: datetime(2026, 1, 1),  # noqa: DTZ001 - the point
            )

    def test_the_clock_is_the_systems_unless_given(self):
        """
        Without a clock of its own a domain reads the system's.
        """
        ring = ring_of(now=datetime.now(UTC) - timedelta(minutes=1))
        domain = TrustDomain(DOMAIN, Acme, keys=ring.public)

        assert 5 > abs(domain.now_s() - datetime.now(UTC).timestamp())

    def test_random_bytes_are_the_domains(self, ring, clock):
        """
        Nonces and ids come from the source that the domain was given.
        """
        asked: list[int] = []

        def random(size: int) -> bytes:
            asked.append(size)
            return bytes(size)

        domain = TrustDomain(DOMAIN, Acme, keys=ring.public, clock=clock, random=random)
        sales = domain.department("sales", keys=ring.private["sales"])

        wire = unpack(sales.begin(channel="chat").hand_over("support"))

        assert [16, 8] == asked
        assert bytes(16) in wire[1][0][0]


class TestEvents:
    """
    Observers hear everything and break nothing.
    """

    def test_both_observers_hear_it(self, ring, clock, forge):
        """
        The domain's observer and the department's are told alike.
        """
        heard: tuple[list[Event], list[Event]] = ([], [])
        domain = TrustDomain(
            DOMAIN, Acme, keys=ring.public, clock=clock, on_event=heard[0].append
        )
        support = domain.department(
            "support", keys=ring.private["support"], on_event=heard[1].append
        )

        journey = support.receive(forge.envelope(forge.statement()))

        expected = Received(
            department="support",
            journey_id=journey.id,
            sender="sales",
            statements=1,
            replayed=False,
        )
        assert ([expected], [expected]) == heard

    def test_one_that_fails_breaks_nothing(self, ring, clock, forge, monkeypatch):
        """
        An observer's error goes where unraisable ones go, and the request goes on.
        """
        unraisable = []
        monkeypatch.setattr(sys, "unraisablehook", unraisable.append)

        def fail(event: Event) -> None:
            raise RuntimeError("full disk")

        domain = TrustDomain(DOMAIN, Acme, keys=ring.public, clock=clock, on_event=fail)
        support = domain.department("support", keys=ring.private["support"])

        assert (
            "sales" == support.receive(forge.envelope(forge.statement())).received_from
        )
        assert ["full disk"] == [str(each.exc_value) for each in unraisable]

    def test_no_observer_is_needed(self, ring, clock, forge):
        """
        Without observers events go nowhere.
        """
        domain = TrustDomain(DOMAIN, Acme, keys=ring.public, clock=clock)
        support = domain.department("support", keys=ring.private["support"])

        assert support.receive(forge.envelope(forge.statement()))


class TestThreads:
    """
    One trust domain and one department serve many requests at once.
    """

    def test_many_requests_at_once(self, world, forge):
        """
        The same and different envelopes are received by eight threads alike.
        """
        envelopes = [
            forge.envelope(
                forge.statement(origin=n.to_bytes(16), says={1: {1: f"Alex {n}"}}),
                delivery_id=n.to_bytes(8),
            )
            for n in range(8)
        ]
        barrier = threading.Barrier(8)

        def serve(worker: int) -> list[str | None]:
            barrier.wait()
            order = envelopes[worker:] + envelopes[:worker]
            return sorted(
                world["support"].receive(envelope).recall(Acme.full_name)
                for envelope in order
            )

        world["support"]
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(serve, range(8)))

        assert [[f"Alex {n}" for n in range(8)]] * 8 == results

    def test_each_delivery_is_taken_once(self, world, forge):
        """
        Of eight threads that receive the same bytes with ``once`` one succeeds.
        """
        envelope = forge.envelope(forge.statement())
        support = world["support"]
        barrier = threading.Barrier(8)

        def serve(_: int) -> bool:
            barrier.wait()
            try:
                support.receive(envelope, once=True)
            except ReplayedError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(serve, range(8)))

        assert 1 == sum(taken)


SENTINEL = "sentinel-7331"


def shown(thing: object) -> str:
    """
    Return all the ways in which something shows itself.
    """
    return f"{thing!r}|{thing}|{thing:}|{[thing]}|{thing!s:>1}"


class TestNothingShows:
    """
    A value that a customer gave is in no repr, text, error, event or pickle.
    """

    @pytest.fixture
    def journey(self, sales, support):
        """
        A journey full of planted values, sealed and pending.
        """
        journey = sales.begin(channel="chat")
        self._plant(journey)
        received = support.receive(journey.hand_over("support"))
        received.verify_identity("otp", evidence_type=SENTINEL)
        self._plant(received, again="!")
        return received

    def _plant(self, journey, again: str = "") -> None:
        said = SENTINEL + again
        journey.learn(Acme.full_name, said)
        journey.learn(Acme.order_number, said)
        journey.learn(Acme.deliver_to, Address(said, said))
        journey.learn(Acme.product, said, qualifier=said)
        journey.learn(Acme.answers, {said: said})
        journey.learn(Acme.reason, cx.standard.ReasonForContact(code=said))
        journey.promise(said, wording=said, due=START + timedelta(days=1))
        journey.consent("dpv:Marketing")
        journey.asked(Acme.email, because=said)

    def test_in_no_repr(self, journey, world):
        """
        Whatever application code holds and might log shows no value.
        """
        envelope = journey.hand_over("billing")
        self._plant(journey, again="?")
        things: Iterable[object] = (
            journey,
            journey.context,
            journey.fact(Acme.full_name),
            journey.facts(Acme.product, qualifier=SENTINEL + "?"),
            journey.explain(),
            journey.trail,
            journey.promises,
            journey.needs(Acme.full_name, Acme.email),
            journey.context.nodes,
            journey.context.pending,
            dict(journey.context.pending.facts).values(),
            journey.context.opened().values(),
            envelope.statements,
            envelope.delivery,
            envelope.graph,
            world.domain,
            world["support"],
            world["support"].keys,
            world.domain.key_set,
            world.domain.verified,
            world.events,
            *world.events,
        )

        leaking = [type(thing) for thing in things if SENTINEL in shown(thing)]

        assert [] == leaking
        assert SENTINEL not in f"{envelope!r} {[envelope]}"

    def test_the_values_are_there(self, journey):
        """
        What is not shown is there for who asks for it.
        """
        assert SENTINEL + "!" == journey.recall(Acme.full_name)
        assert SENTINEL + "!" == journey.fact(Acme.full_name).value
        assert SENTINEL + "!" == journey.promises[-1].wording

    def test_in_no_error(self, journey):
        """
        An error that a value has caused does not quote it, nor its arguments.
        """
        acts = (
            lambda: journey.learn(Acme.born, SENTINEL),
            lambda: journey.learn(Acme.email, SENTINEL),
            lambda: journey.learn(Acme.attempts, [SENTINEL]),
            lambda: journey.learn(Acme.payer, {"name": SENTINEL}),
            lambda: journey.learn(Acme.full_name, SENTINEL, qualifier=SENTINEL),
            lambda: journey.learn(Acme.product, SENTINEL, qualifier=SENTINEL * 10),
            lambda: journey.learn(Acme.full_name, SENTINEL + " 4111 1111 1111 1111"),
            lambda: journey.learn(Acme.full_name, SENTINEL * 2000),
            lambda: journey.learn(Acme.note, {SENTINEL: SENTINEL}),
            lambda: journey.asked(Acme.email, because=SENTINEL * 100),
            lambda: journey.learn(SENTINEL, "x"),
            lambda: journey.merge(SENTINEL),
            lambda: journey.merge(SENTINEL.encode()),
            lambda: journey.hand_over("billing", withhold=[SENTINEL]),
        )
        for act in acts:
            with pytest.raises((UsageError, VerificationError)) as ei:
                act()

            error = ei.value
            assert SENTINEL not in f"{error!r} {error} {error.args}"
            assert error.__cause__ is None or SENTINEL not in repr(error.__cause__)

    def test_in_no_pickle(self, journey):
        """
        Fact, context and journey refuse to be pickled, alone or in something.
        """
        for thing in (journey.fact(Acme.full_name), journey.context, journey):
            for pickled in (thing, [thing], {"x": thing}):
                for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                    with pytest.raises(NotPicklableError) as ei:
                        pickle.dumps(pickled, protocol)

                    assert "pass on" in str(ei.value)

    def test_a_journey_is_not_copied(self, journey):
        """
        Two handles on one journey are made with `fork`.
        """
        for twin in (copy.copy, copy.deepcopy):
            with pytest.raises(NotPicklableError):
                twin(journey)

    def test_keys_do_not_show(self, ring):
        """
        No private key is in a repr of what holds it.
        """
        for keys in ring.private.values():
            for opening_key in keys.opening_keys:
                secret = opening_key.private_bytes()
                assert secret.hex() not in shown(keys)
                assert repr(secret) not in shown(keys)


def test_a_domain_shows_its_name_and_sequence(domain):
    """
    A repr says which key set is in use.
    """
    assert "<TrustDomain acme.example, key set 1>" == repr(domain)
    assert START_S == domain.now_s()
