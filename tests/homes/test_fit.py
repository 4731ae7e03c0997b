"""
`Propagator.fit` keeps its word, and does nothing; what waits and what awaits.
"""

from __future__ import annotations

import attrs
import pytest
from acme import Acme, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keeping import Open, home_on, references_on
from messages import DESTINATIONS, NAME, Far, Message, Secrets, grown

import cxcontext as cx
from cxcontext.core.events import NearlyFull
from cxcontext.core.keygen import revoke
from cxcontext.stores.memory import MemoryStore


class TestFit:
    """
    What is said beforehand.
    """

    @given(
        words=st.integers(0, 3),
        photo=st.sampled_from([0, 500, 3000]),
        near=st.integers(-2, 2),
        value_bytes=st.one_of(
            st.none(), st.sampled_from([0, 47, 48, 49, 700]), st.integers(0, 9000)
        ),
        binary=st.booleans(),
        with_references=st.booleans(),
        to=st.sampled_from(["billing", "support", "carrier", "ivr", None]),
        erasable=st.booleans(),
        begun=st.booleans(),
    )
    @settings(
        max_examples=150,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_inject_does_what_it_said(
        self,
        ring,
        clock,
        *,
        words,
        photo,
        near,
        value_bytes,
        binary,
        with_references,
        to,
        erasable,
        begun,
    ):
        """
        For every carrier, journey and receiver: form, size, reason and questions.
        """
        world = World(ring, clock, secrets=Secrets())
        references = references_on(MemoryStore()) if with_references else None
        sender = cx.Propagator(world["sales"], DESTINATIONS, references=references)
        journey = grown(world["sales"], erasable=erasable, words=words, photo=photo)
        if begun:
            journey.begun()
            journey.learn(Acme.email, "ada@example.org")
        measured = Message(cx.Limits(value_bytes=10**6, binary=binary))
        size = sender.fit(journey, measured, to=to).size_bytes
        limit = max(size + near, 0) if value_bytes is None else value_bytes
        message = Message(cx.Limits(value_bytes=limit, binary=binary))
        said = sender.fit(journey, message, to=to)
        done = sender.inject(journey, message, to=to, name=NAME, binding=b"GET /")

        assert (said.destination, said.transport, said.skipped, said.will_ask) == (
            done.destination,
            done.transport,
            done.skipped,
            done.will_ask,
        )
        assert (said.transport is not None) == bool(message.values)
        if message.values:
            assert said.size_bytes == len(message.values[0]) == done.size_bytes

    @pytest.mark.parametrize("limit", [10, 100, 100_000])
    @pytest.mark.parametrize("erasable", [True, False])
    @pytest.mark.parametrize("to", ["billing", "carrier", "ivr"])
    def test_it_does_nothing(self, ring, clock, limit, erasable, to):
        """
        Nothing is sealed, signed, told, stored or made; the message is untouched.
        """
        secrets, asked, store = Secrets(), [], Open()
        world = World(ring, clock, secrets=secrets)
        keys = ring.private["sales"]
        keys = attrs.evolve(
            keys, signers=tuple(Far(signer, asked) for signer in keys.signers)
        )
        sales = world.domain.department("sales", keys=keys, secrets=secrets)
        sender = cx.Propagator(
            sales, DESTINATIONS, references=references_on(store), log=home_on(store)
        )
        journey = grown(sales, erasable=erasable)
        before = (journey.unsent, journey.id, journey.has_news, repr(journey))
        message = Message(cx.Limits(value_bytes=limit), ["kept"])
        sender.fit(journey, message, to=to)

        assert before == (journey.unsent, journey.id, journey.has_news, repr(journey))
        assert ([], {}, {}, [], ["kept"]) == (
            asked,
            secrets.kept,
            store.records(),
            world.events,
            message.values,
        )

    def test_it_tells_nobody_that_the_journey_is_nearly_full(self, sales, world):
        """
        Only what really happens is an event.
        """
        journey = sales.begin(channel="chat")
        for number in range(223):
            journey.learn(Acme.product, "x", qualifier=str(number))
            journey.begun()
        journey.learn(Acme.email, "ada@example.org")
        sender = cx.Propagator(sales, DESTINATIONS)
        message = Message(cx.Limits(value_bytes=10**6))
        sender.fit(journey, message, to="billing")
        before = world.told(NearlyFull)
        sender.inject(journey, message, to="billing", name=NAME)

        assert (0, 1) == (len(before), len(world.told(NearlyFull)))

    def test_it_says_it_in_words(self, sales):
        """
        In which form it goes, or why it does not and what will be asked.
        """
        journey = grown(sales)
        references = references_on(MemoryStore())
        said = [
            str(
                cx.Propagator(sales, DESTINATIONS, references=where).fit(
                    journey, Message(cx.Limits(value_bytes=limit)), to=to
                )
            )
            for where, limit, to in (
                (references, 100, "billing"),
                (None, 10, "carrier"),
                (None, 10, "ivr"),
                (None, 10, None),
            )
        ]
        size = said[1].partition("too_large, ")[2].partition(" bytes")[0]

        assert [
            "fits reference: 48 bytes of 100",
            f"does not fit (too_large, {size} bytes of 10); carrier will ask: tracking",
            "does not fit (not_allowed, 0 bytes of 10); ivr will ask: nothing",
            "does not fit (not_allowed, 0 bytes of 10); None will ask: nothing",
        ] == said

    @pytest.mark.parametrize("why", ["full", "no key"])
    def test_what_cannot_be_sealed_is_said_too(self, ring, clock, why):
        """
        A journey over the format's size, and a sender whose key signs no more.
        """
        world = World(ring, clock)
        journey = world["sales"].begin(channel="chat")
        journey.learn(Acme.full_name, "Ada Lovelace")
        if why == "full":
            for _ in range(18):
                journey.correct(Acme.photo, bytes(15_000))
                journey = journey.fork()
        else:
            key_id = ring.private["sales"].signers[0].key_id
            world.domain.update_keys(revoke(ring, key_id, now=clock.now).public)
        sender = cx.Propagator(
            world["sales"], DESTINATIONS, references=references_on(MemoryStore())
        )
        message = Message(cx.Limits(value_bytes=100))
        said = sender.fit(journey, message, to="billing")
        done = sender.inject(journey, message, to="billing", name=NAME)

        assert (said.skipped, said.will_ask, None) == (
            done.skipped,
            done.will_ask,
            said.transport,
        )
        assert {"full": cx.SkipReason.FULL, "no key": cx.SkipReason.NO_KEY}[why] is (
            said.skipped
        )
