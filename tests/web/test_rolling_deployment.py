"""
Rolling deployment: services one vocabulary revision and one key set apart.

Sales asks billing, billing asks support, over real HTTP. Whichever of them is older, what
both know is read, and what the older does not know travels on byte for byte and is read
after it.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import attrs
import httpx
import pytest
from loopback import Server, answer

import cxcontext as cx
from cxcontext.core.envelope import Envelope
from cxcontext.core.keygen import generate_keys
from cxcontext.core.rotation import rotate_scope, rotate_signing
from cxcontext.web.asgi import CustomerContextMiddleware
from cxcontext.web.httpx import AsyncCustomerContextTransport, CustomerContextTransport

DOMAIN = "shop.example"
DEPARTMENTS = ("sales", "billing", "support")
START = datetime(2026, 1, 7, 12, tzinfo=UTC)
LATER = START + timedelta(minutes=1)
READERS = {1: DEPARTMENTS, 2: DEPARTMENTS, 3: DEPARTMENTS}


class Older(cx.Vocabulary, revision=1):
    """
    What the departments agreed on at first.
    """

    contact = cx.Scope(1, readers=set(DEPARTMENTS))
    order = cx.Scope(2, readers=set(DEPARTMENTS))
    name = cx.Field(1, str, scope=contact)
    number = cx.Field(2, str, scope=order)
    invoice = cx.Field(3, str, scope=order)


class Newer(cx.Vocabulary, revision=2):
    """
    With a field more in a scope that was there, and a scope more.
    """

    contact = cx.Scope(1, readers=set(DEPARTMENTS))
    order = cx.Scope(2, readers=set(DEPARTMENTS))
    loyalty = cx.Scope(3, readers=set(DEPARTMENTS))
    name = cx.Field(1, str, scope=contact)
    number = cx.Field(2, str, scope=order)
    invoice = cx.Field(3, str, scope=order)
    nickname = cx.Field(4, str, scope=contact)
    tier = cx.Field(5, str, scope=loyalty)


VOCABULARIES = {"older": Older, "newer": Newer}


@attrs.define
class Clock:
    """
    A clock that all services share.
    """

    now: datetime = START

    def __call__(self):
        """
        Return the instant.
        """
        return self.now


@attrs.define
class Published:
    """
    A key source: what is published now.
    """

    keys: cx.KeySet
    loads: int = 0

    def load(self):
        """
        Return it.
        """
        self.loads += 1
        return self.keys


class Chain:
    """
    Sales, which asks billing, which asks support.

    Attributes:
        journeys: What billing and support received last, and still hold.
        events: All that they told.
    """

    def __init__(self, stack, clock, vocabularies, keys):
        self.clock = clock
        self.events = []
        self.journeys = {}
        self.work = {}
        self._keys = keys
        self.departments = {
            name: self._department(name, vocabulary)
            for name, vocabulary in zip(DEPARTMENTS, vocabularies, strict=True)
        }
        self.servers = {name: stack.enter_context(Server()) for name in DEPARTMENTS[1:]}
        for name in DEPARTMENTS[1:]:
            self.servers[name].app = self._app(name)

    def _department(self, name, vocabulary):
        public, private = self._keys[name]
        domain = cx.TrustDomain(DOMAIN, vocabulary, keys=public, clock=self.clock)
        return domain.department(name, keys=private, on_event=self.events.append)

    def _propagator(self, name):
        following = {"sales": ["billing"], "billing": ["support"], "support": []}[name]
        destinations = [
            cx.Destination(to, origins=[self.servers[to].origin], returns=True)
            for to in following
        ]
        return cx.Propagator(self.departments[name], destinations)

    def _app(self, name):
        propagator = self._propagator(name)

        async def app(scope, receive, send):
            journey = self.journeys[name] = cx.require_current()
            self.work.get(name, lambda journey: None)(journey)
            for destination in propagator.destinations:
                transport = AsyncCustomerContextTransport(propagator)
                async with httpx.AsyncClient(transport=transport) as client:
                    await client.get(self.servers[destination.department].origin)
            await answer(send)

        return CustomerContextMiddleware(app, propagator, returns=True)

    def ask(self, journey):
        """
        Let sales ask, all the way down the chain.
        """
        transport = CustomerContextTransport(self._propagator("sales"))
        with cx.bound(journey), httpx.Client(transport=transport) as client:
            response = client.get(self.servers["billing"].origin)
        assert 200 == response.status_code

    def sections(self, name):
        """
        Return each statement's sections, as they last came to a department.
        """
        (value,) = self.servers[name].values()[-1]
        return {
            statement.id: dict(statement.sections)
            for statement in Envelope.parse(value.decode()).statements
        }

    def codes(self):
        """
        Return why values were refused.
        """
        return [e.code for e in self.events if isinstance(e, cx.events.Rejected)]


@pytest.fixture
def clock():
    """
    A clock of the test's.
    """
    return Clock()


@pytest.fixture
def ring():
    """
    Everybody's keys, as they were at first.
    """
    return generate_keys(
        domain=DOMAIN,
        departments=dict.fromkeys(DEPARTMENTS, False),
        readers=READERS,
        now=START,
    )


@pytest.fixture
def chain(clock):
    """
    A function that starts a chain of services.
    """
    with ExitStack() as stack:
        yield lambda vocabularies, keys: Chain(stack, clock, vocabularies, keys)


def keys_of(**rings):
    """
    Return each department's public key set and private keys, from its own ring.
    """
    return {
        name: (ring.public, ring.private_keys(name)) for name, ring in rings.items()
    }


class TestVocabularies:
    """
    One revision apart.
    """

    @pytest.mark.parametrize(
        "ages",
        [
            ("newer", "older", "newer"),
            ("older", "newer", "older"),
            ("newer", "newer", "older"),
            ("older", "older", "newer"),
            ("newer", "older", "older"),
            ("older", "newer", "newer"),
        ],
        ids="-".join,
    )
    def test_what_both_know_is_read(self, chain, ring, ages):
        """
        Whoever is older: what each states in fields of both revisions is read by all
        that come after it, and what they learn comes back.
        """
        sales, billing, support = (VOCABULARIES[age] for age in ages)
        services = chain(
            (sales, billing, support), keys_of(**dict.fromkeys(DEPARTMENTS, ring))
        )
        services.work = {
            "billing": lambda journey: journey.learn(billing.invoice, "I-7"),
            "support": lambda journey: journey.learn(support.number, "A-118"),
        }
        journey = services.departments["sales"].begin(channel="chat")
        journey.learn(sales.name, "Ada")
        if sales is Newer:
            journey.learn(Newer.nickname, "A.")
            journey.learn(Newer.tier, "gold")
        services.ask(journey)

        last = services.journeys["support"]
        assert ([], "Ada", "I-7") == (
            services.codes(),
            last.recall(support.name),
            last.recall(support.invoice),
        )
        assert "Ada" == services.journeys["billing"].recall(billing.name)
        assert ("I-7", "A-118") == (
            journey.recall(sales.invoice),
            journey.recall(sales.number),
        )

    def test_what_the_older_does_not_know_travels_on(self, chain, ring):
        """
        A field and a scope of the newer revision go through the older service byte
        for byte, and are read after it.
        """
        services = chain(
            (Newer, Older, Newer), keys_of(**dict.fromkeys(DEPARTMENTS, ring))
        )
        services.work = {
            "billing": lambda journey: journey.learn(Older.invoice, "I-7"),
        }
        journey = services.departments["sales"].begin(channel="chat")
        journey.learn(Newer.name, "Ada")
        journey.learn(Newer.nickname, "A.")
        journey.learn(Newer.tier, "gold")
        services.ask(journey)

        came, went = services.sections("billing"), services.sections("support")
        (statement,) = came
        assert {1, 3} == came[statement].keys()
        assert came[statement] == went[statement]
        last = services.journeys["support"]
        assert ("A.", "gold", "I-7") == (
            last.recall(Newer.nickname),
            last.recall(Newer.tier),
            last.recall(Newer.invoice),
        )

    def test_a_correction_by_the_newer_is_heard_by_the_older(self, chain, ring):
        """
        And one by the older by the newer: neither goes back to what was said before.
        """
        services = chain(
            (Older, Newer, Older), keys_of(**dict.fromkeys(DEPARTMENTS, ring))
        )
        services.work = {
            "billing": lambda journey: journey.correct(Newer.name, "Ada Lovelace"),
            "support": lambda journey: journey.correct(Older.number, "A-119"),
        }
        journey = services.departments["sales"].begin(channel="chat")
        journey.learn(Older.name, "Ada")
        journey.learn(Older.number, "A-118")
        services.ask(journey)

        assert "Ada Lovelace" == services.journeys["support"].recall(Older.name)
        assert ("Ada Lovelace", "A-119") == (
            journey.recall(Older.name),
            journey.recall(Older.number),
        )


class TestKeys:
    """
    One key set apart.
    """

    @pytest.mark.parametrize("behind", ["sales", "billing", "support"])
    def test_a_new_signing_key_is_published_before_it_is_used(
        self, chain, ring, clock, behind
    ):
        """
        While it is published and not yet used, whoever has the key set before it
        reads everything and is read by everybody.
        """
        after = rotate_signing(
            rotate_signing(ring, "sales", now=START), "billing", now=START
        )
        clock.now = START + timedelta(minutes=5)
        rings = {name: ring if name == behind else after for name in DEPARTMENTS}
        services = chain((Older,) * 3, keys_of(**rings))
        services.work = {
            "billing": lambda journey: journey.learn(Older.invoice, "I-7"),
        }
        journey = services.departments["sales"].begin(channel="chat")
        journey.learn(Older.name, "Ada")
        services.ask(journey)

        last = services.journeys["support"]
        assert ([], "Ada", "I-7") == (
            services.codes(),
            last.recall(Older.name),
            last.recall(Older.invoice),
        )
        assert "I-7" == journey.recall(Older.invoice)

    @pytest.mark.parametrize("user", ["sales", "billing"])
    def test_an_unknown_signing_key_makes_the_older_ask_its_source(
        self, chain, ring, clock, user
    ):
        """
        Who meets a key in use that is not in its set asks its source, and goes on.
        """
        after = rotate_signing(ring, user, now=LATER, publish_ahead=timedelta(0))
        source = Published(ring.public)
        reader = DEPARTMENTS[DEPARTMENTS.index(user) + 1]
        rings = keys_of(**dict.fromkeys(DEPARTMENTS, after))
        rings[reader] = (source, ring.private_keys(reader))
        services = chain((Older,) * 3, rings)
        source.keys = after.public
        # At most once a minute, and the first was at the start.
        clock.now = START + timedelta(minutes=2)
        journey = services.departments["sales"].begin(channel="chat")
        journey.learn(Older.name, "Ada")
        services.ask(journey)

        assert ([], 2, "Ada") == (
            services.codes(),
            source.loads,
            services.journeys[reader].recall(Older.name),
        )

    def test_a_key_that_nobody_told_of_loses_nothing_silently(self, chain, ring, clock):
        """
        Without a source the older refuses it, says why, and asks the customer; the
        sender still has everything, and once the older has the set it reads it all.
        """
        after = rotate_signing(ring, "sales", now=LATER, publish_ahead=timedelta(0))
        clock.now = START + timedelta(minutes=2)
        stale = chain((Older,) * 3, keys_of(sales=after, billing=ring, support=ring))
        journey = stale.departments["sales"].begin(channel="chat")
        journey.learn(Older.name, "Ada")
        stale.ask(journey)

        gap = stale.journeys["billing"].gap(Older.name)
        assert (["unknown_key"], cx.Reason.REJECTED) == (stale.codes(), gap.reason)

        fresh = chain((Older,) * 3, keys_of(**dict.fromkeys(DEPARTMENTS, after)))
        again = fresh.departments["sales"].resume(journey.save())
        fresh.ask(again)

        assert "Ada" == fresh.journeys["support"].recall(Older.name)

    def test_a_rotated_generation_goes_through_the_older(self, chain, ring, clock):
        """
        What is sealed to a generation that the older does not hold is a gap with its
        reason there, travels on byte for byte, and is read after it; the rest is read.
        """
        after = rotate_scope(ring, 2, readers=DEPARTMENTS, now=START)
        clock.now = START + timedelta(minutes=5)
        services = chain(
            (Older,) * 3, keys_of(sales=after, billing=ring, support=after)
        )
        services.work = {
            "billing": lambda journey: journey.correct(Older.name, "Ada Lovelace"),
        }
        journey = services.departments["sales"].begin(channel="chat")
        journey.learn(Older.name, "Ada")
        journey.learn(Older.number, "A-118")
        services.ask(journey)

        between, last = services.journeys["billing"], services.journeys["support"]
        came, went = services.sections("billing"), services.sections("support")
        (statement,) = came
        assert came[statement] == went[statement]
        assert cx.Reason.UNREADABLE == between.gap(Older.number).reason
        assert ([], "Ada Lovelace", "A-118") == (
            services.codes(),
            last.recall(Older.name),
            last.recall(Older.number),
        )
        assert "Ada Lovelace" == journey.recall(Older.name)

    def test_what_the_older_seals_is_read_by_the_newer(self, chain, ring, clock):
        """
        The generation before the last is held as long as it may be opened.
        """
        after = rotate_scope(ring, 2, readers=DEPARTMENTS, now=START)
        clock.now = START + timedelta(minutes=5)
        services = chain((Older,) * 3, keys_of(sales=ring, billing=after, support=ring))
        services.work = {
            "support": lambda journey: journey.learn(Older.invoice, "I-7"),
        }
        journey = services.departments["sales"].begin(channel="chat")
        journey.learn(Older.number, "A-118")
        services.ask(journey)

        assert ([], "A-118", "A-118", "I-7") == (
            services.codes(),
            services.journeys["billing"].recall(Older.number),
            services.journeys["support"].recall(Older.number),
            journey.recall(Older.invoice),
        )

    def test_all_at_once(self, chain, ring, clock):
        """
        A revision, a signing key and a generation apart: sales and support are newer,
        billing older; nothing that two of them know is lost between these two.
        """
        after = rotate_scope(
            rotate_signing(ring, "sales", now=START), 1, readers=DEPARTMENTS, now=START
        )
        clock.now = START + timedelta(minutes=5)
        services = chain(
            (Newer, Older, Newer), keys_of(sales=after, billing=ring, support=after)
        )
        services.work = {
            "billing": lambda journey: journey.learn(Older.invoice, "I-7"),
        }
        journey = services.departments["sales"].begin(channel="chat")
        journey.learn(Newer.name, "Ada")
        journey.learn(Newer.tier, "gold")
        journey.learn(Newer.number, "A-118")
        services.ask(journey)

        between, last = services.journeys["billing"], services.journeys["support"]
        assert ([], "A-118") == (services.codes(), between.recall(Older.number))
        assert ("Ada", "gold", "A-118", "I-7") == (
            last.recall(Newer.name),
            last.recall(Newer.tier),
            last.recall(Newer.number),
            last.recall(Newer.invoice),
        )
        assert "I-7" == journey.recall(Newer.invoice)
