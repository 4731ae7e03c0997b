"""
Erasure: who has a journey, what is deleted, who is told, and who has answered.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs
import pytest
from acme import START, Acme, World
from engines import AWAITED, PEPPER, awaited, engine

import cxcontext as cx
from cxcontext.core.gaps import Reason
from cxcontext.errors import (
    ForgedNoticeError,
    JourneyErasedError,
    RecordTamperedError,
    ReferenceLostError,
    UnavailableError,
    UnexpectedReceiptError,
    UsageError,
)
from cxcontext.homes import (
    AsyncErasures,
    AsyncHome,
    AsyncJourneySecrets,
    CustomerKey,
    Erasures,
    Home,
    JourneySecrets,
    KeyKind,
    ReferenceKeys,
    References,
    RestingPlace,
    Source,
)
from cxcontext.homes.paging import all_linked
from cxcontext.homes.pepper import Pepper
from cxcontext.homes.who_has import MAX_HANDED
from cxcontext.steps import run
from cxcontext.stores.memory import MemoryStore
from cxcontext.stores.sqlite import SQLiteStore

ACCOUNT = CustomerKey(KeyKind.ACCOUNT, "acc-7")
PHONE = CustomerKey(KeyKind.PHONE, "+12025550123")
MAX_AGE = timedelta(minutes=15)
TO = [cx.Destination(name) for name in ("support", "billing", "carrier")]


@attrs.define
class Message:
    """
    A message with room for an envelope.
    """

    values: dict[str, object] = attrs.field(factory=dict)
    limits = cx.Limits(value_bytes=200_000)

    def get_all(self, name):
        """
        Return what stands there.
        """
        return [self.values[name]] if name in self.values else []

    def set(self, name, value):
        """
        Put it there.
        """
        self.values[name] = value

    def remove(self, name):
        """
        Take it away.
        """
        self.values.pop(name, None)


@attrs.define
class Shop:
    """
    One process of Acme with a home, secrets and erasures upon one store.
    """

    world: World
    home: Home
    erasures: Erasures
    store: object

    def __getitem__(self, name):
        return self.world[name]

    def begin(self, *, erasable=True):
        """
        Return a journey of sales.
        """
        journey = self["sales"].begin(channel="chat", erasable=erasable)
        journey.learn(Acme.full_name, "Ada Lovelace")
        journey.learn(Acme.tracking, "1Z 999")
        return journey

    def hand(self, journey, to, *, logged=True):
        """
        Hand a journey over, and return what its receiver has.
        """
        sender = self[journey.department]
        log = self.home if logged else None
        message = Message()
        propagator = cx.Propagator(sender, TO, log=log)
        assert propagator.inject(journey, message, to=to, name="c").transport
        if to == "carrier":
            return self[to].receive(message.values["c"])
        return cx.Propagator(self[to]).extract(message, name="c").journey


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    """
    An empty store of either engine.
    """
    yield from engine(request.param, tmp_path)


def shop_on(store, ring, clock):
    """
    Return a process on a store.
    """
    secrets = JourneySecrets(store, pepper=PEPPER, clock=clock)
    return Shop(
        world=World(ring, clock, secrets=secrets),
        home=Home(store, pepper=PEPPER),
        erasures=Erasures(store, pepper=PEPPER, secrets=secrets),
        store=store,
    )


@pytest.fixture
def shop(store, ring, clock):
    """
    The process in which most of it happens.
    """
    return shop_on(store, ring, clock)


@pytest.fixture
def place(shop):
    """
    Where an erasable journey rests that support was handed and added to.
    """
    journey = shop.begin()
    shop.home.contribute(journey, keys=[ACCOUNT])
    received = shop.hand(journey, "support")
    received.learn(Acme.order_number, "A-118")
    return shop.home.contribute(received)


class TestWhoHas:
    """
    The union of the log of hand-overs and the trail.
    """

    def test_it_is_the_union_of_log_and_trail(self, shop, place):
        """
        Who was handed it and who has added to it, with when, what and from where.
        """
        found = shop.erasures.who_has(place, department=shop["billing"])

        said = {(h.department, h.source, h.scopes) for h in found.holders}
        assert {
            ("sales", Source.TRAIL, (1, 6)),
            ("support", Source.LOG, (1, 6)),
            ("support", Source.TRAIL, (2,)),
        } == said
        assert {START} == {holder.at for holder in found.holders}
        assert ("sales", "support") == found.departments
        assert found.complete
        assert place.journey_id == found.journey_id

    def test_a_partner_is_among_them(self, shop, place):
        """
        An export has another id, and is noted under the journey that it was made of.
        """
        journey = shop.home.resume(place, department=shop["sales"])
        answered = shop.hand(journey, "carrier")

        found = shop.erasures.who_has(place, department=shop["sales"])

        [partner] = [holder for holder in found.holders if holder.external]
        assert ("carrier", answered.id, (6,)) == (
            partner.department,
            partner.export,
            partner.scopes,
        )
        assert answered.id != place.journey_id

    def test_an_export_of_what_is_not_sealed_yet_is_noted(self, shop):
        """
        A journey that is exported before anything else has its id by then.
        """
        journey = shop.begin()
        shop.hand(journey, "carrier")

        found = shop.erasures.who_has(str(journey.id), department=shop["sales"])

        assert ("carrier",) == found.departments

    def test_it_is_oldest_first(self, shop, place, clock):
        """
        Steps of trail and log stand in the order in which they happened.
        """
        clock.advance(days=1)
        journey = shop.home.resume(place, department=shop["sales"])
        shop.hand(journey, "billing")

        found = shop.erasures.who_has(place, department=shop["sales"])

        assert "billing" == found.holders[-1].department
        instants = [holder.at for holder in found.holders]
        assert sorted(instants) == instants

    def test_without_a_log_it_is_incomplete(self, shop):
        """
        Where no hand-over was noted, nobody knows who has read it.
        """
        place = shop.home.contribute(shop.begin())

        found = shop.erasures.who_has(place, department=shop["sales"])

        assert ("sales",) == found.departments
        assert not found.complete

    def test_a_way_that_was_not_noted_makes_it_incomplete(self, shop, place):
        """
        Who has added to it without having been handed it came by another way.
        """
        journey = shop.home.resume(place, department=shop["support"])
        received = shop.hand(journey, "billing", logged=False)
        received.learn(Acme.attempts, 2)
        shop.home.contribute(received)

        found = shop.erasures.who_has(place, department=shop["sales"])

        assert ("billing", "sales", "support") == found.departments
        assert not found.complete

    def test_where_nothing_rests_it_is_the_log(self, shop, place):
        """
        A record that is gone leaves the log, and is no complete answer.
        """
        shop.home.revoke(place)

        found = shop.erasures.who_has(place, department=shop["sales"])

        assert ("support",) == found.departments
        assert not found.complete

    def test_a_record_that_does_not_verify_has_no_trail(self, shop, place):
        """
        What nobody signed is not believed about who has it.
        """
        lookup = shop.home._rules.pepper.lookup("journey", place.journey_id.encode())
        version, _ = shop.store.load(lookup, now_s=0)
        assert shop.store.replace(
            lookup, b"spoilt", version=version, now_s=0, expires_s=2**40
        )

        found = shop.erasures.who_has(place, department=shop["sales"])

        assert ("support",) == found.departments
        assert not found.complete

    def test_another_journeys_record_has_not_its_trail(self, shop, place):
        """
        A store that exchanges two records does not tell one's trail for the other's.
        """
        other = shop.home.contribute(shop.begin())
        pepper = shop.home._rules.pepper
        one, two = (
            pepper.lookup("journey", each.journey_id.encode())
            for each in (place, other)
        )
        (version, _), (_, record) = (
            shop.store.load(each, now_s=0) for each in (one, two)
        )
        shop.store.replace(one, record, version=version, now_s=0, expires_s=2**40)

        found = shop.erasures.who_has(place, department=shop["sales"])

        assert ("support",) == found.departments

    def test_whom_the_key_set_does_not_know_is_not_in_it(self, shop, place, clock):
        """
        A step of the trail by an unknown key is by nobody who could be told: the
        answer is incomplete.
        """
        shop.home.contribute(shop.home.resume(place, department=shop["sales"]))
        assert shop.erasures.who_has(place, department=shop["sales"]).complete
        ring = shop.world.ring
        departments = dict(ring.public.departments)
        del departments["support"]
        public = attrs.evolve(ring.public, departments=departments)
        world = World(ring, clock, keys=public)

        found = shop.erasures.who_has(place, department=world["billing"])

        trail = [h for h in found.holders if h.source is Source.TRAIL]
        assert ["sales"] == [holder.department for holder in trail]
        assert not found.complete

    def test_more_than_can_be_looked_at_is_incomplete(self, shop, place):
        """
        Of more hand-overs than are read it is said that these are not all.
        """
        for at in range(MAX_HANDED):
            shop.home.note_handed(
                place.journey_id,
                to="support",
                scopes=(1,),
                at=START + timedelta(seconds=at),
            )

        found = shop.erasures.who_has(place, department=shop["sales"])

        assert not found.complete

    def test_an_entry_that_was_not_noted_is_refused(self, shop, place):
        """
        A store cannot put somebody into the log.
        """
        lookup = shop.home._rules.pepper.lookup("log", place.journey_id.encode())
        shop.store.link(lookup, b"somebody", order=0, now_s=0, expires_s=2**40)

        with pytest.raises(RecordTamperedError):
            shop.erasures.who_has(place, department=shop["sales"])

    @pytest.mark.parametrize("wrong", ["", "x" * 32, "00" * 15, "00" * 16 + ".9"])
    def test_what_is_no_id_is_refused(self, shop, wrong):
        """
        A mistyped id is an error, and not a journey that nobody has.
        """
        with pytest.raises(UsageError):
            shop.erasures.who_has(wrong, department=shop["sales"])

    def test_an_id_and_a_place_are_the_same(self, shop, place):
        """
        Whatever one has at hand of where it rests will do.
        """
        asked = (place, str(place), place.journey_id)

        found = [shop.erasures.who_has(a, department=shop["sales"]) for a in asked]

        assert [found[0]] * 3 == found


class TestErasing:
    """
    What an erasure deletes, here and everywhere.
    """

    def test_every_copy_is_unreadable_from_then_on(self, shop, place, clock):
        """
        From the instant that is said, no copy anywhere gives a value.
        """
        copy = shop.home.resume(place, department=shop["support"])
        rested = copy.save(shared=True)
        elsewhere = shop_on(shop.store, shop.world.ring, clock)
        there = elsewhere["billing"].resume(rested)
        assert "Ada Lovelace" == there.recall(Acme.full_name)

        erased = shop.erasures.erase(place, department=shop["sales"])

        assert erased.erasable
        assert START + MAX_AGE == erased.unreadable_from
        # Here at once, elsewhere when the published time has passed.
        assert copy.recall(Acme.full_name) is None
        assert "Ada Lovelace" == there.recall(Acme.full_name)
        clock.now = erased.unreadable_from
        assert there.recall(Acme.full_name) is None
        assert Reason.UNREADABLE is there.gap(Acme.full_name).reason
        assert shop["billing"].resume(rested).recall(Acme.full_name) is None

    def test_nothing_rests_here_any_more(self, shop, place):
        """
        Neither the place nor the customer's key leads to it.
        """
        erased = shop.erasures.erase(place, department=shop["sales"], keys=[ACCOUNT])

        sales = shop["sales"]
        assert shop.home.resume(place, department=sales) is None
        found = shop.home.find(ACCOUNT, department=sales, channel="chat")
        assert () == found
        assert 1 == erased.links

    def test_only_links_of_this_journey_go(self, shop, place):
        """
        The same customer's other journey is found as before.
        """
        other = shop.home.contribute(shop.begin(), keys=[ACCOUNT, PHONE])

        erased = shop.erasures.erase(
            place, department=shop["sales"], keys=[ACCOUNT, PHONE]
        )

        found = shop.home.find(ACCOUNT, department=shop["sales"], channel="chat")
        assert [other.journey_id] == [journey.id for journey in found]
        assert 1 == erased.links

    def test_due_times_of_its_promises_go(self, shop, place, clock):
        """
        Nobody is reminded of a promise to somebody who was forgotten.
        """
        for at in (place, shop.home.contribute(shop.begin())):
            journey = shop.home.resume(at, department=shop["support"])
            due = clock.now + timedelta(hours=1)
            journey.promise("callback", wording="we call back", due=due)
            kept = shop.home.contribute(journey)

        erased = shop.erasures.erase(place, department=shop["sales"])

        clock.advance(hours=2)
        [overdue] = shop.home.overdue(shop["support"])
        assert kept.journey_id == overdue.place.journey_id
        assert 1 == erased.due_times

    def test_references_that_the_customer_carries_are_revoked(self, shop, place):
        """
        A link or code leads to nothing.
        """
        keys = ReferenceKeys({0: b"k" * 32})
        references = References(shop.store, keys=keys, pepper=PEPPER)
        journey = shop.home.resume(place, department=shop["sales"])
        reference = references.put(journey, "support", carried=True)

        erased = shop.erasures.erase(place, department=shop["sales"])

        assert 1 == erased.references
        with pytest.raises(ReferenceLostError):
            references.redeem(str(reference), department=shop["support"])

    def test_nobody_brings_it_home_again(self, shop, place):
        """
        Who still has it learns that it was erased, and that a new one is to begin.
        """
        held = shop.home.resume(place, department=shop["support"])
        shop.erasures.erase(place, department=shop["sales"])

        with pytest.raises(JourneyErasedError, match=r"begin a new one"):
            shop.home.contribute(held)
        assert shop.home.resume(place, department=shop["sales"]) is None

    def test_not_even_at_the_same_time(self, ring, clock):
        """
        What was on its way home while it was erased does not stay there.
        """

        class Slow(MemoryStore):
            meanwhile = None

            def replace(self, key, record, **how):
                act, self.meanwhile = self.meanwhile, None
                if act is not None:
                    act()
                return super().replace(key, record, **how)

        for rested in (True, False):
            store = Slow()
            shop = shop_on(store, ring, clock)
            journey = shop.begin()
            journey.begun()
            if rested:
                shop.home.contribute(journey)
                journey.learn(Acme.email, "ada@example.com")
            place = RestingPlace(journey.id, cx.Arrival.HOME)

            def erase(shop=shop, place=place):
                shop.erasures.erase(place, department=shop["sales"])

            # The secret of what is sealed now is held; the record is written next.
            journey.save()
            store.meanwhile = erase
            with pytest.raises(JourneyErasedError):
                shop.home.contribute(journey)

            assert shop.home.resume(place, department=shop["sales"]) is None

    def test_what_is_not_erasable_stays_readable_and_it_is_said(self, shop):
        """
        The home's copy goes; of the others the result says what they are.
        """
        journey = shop.begin(erasable=False)
        place = shop.home.contribute(journey)
        received = shop.hand(journey, "support")

        erased = shop.erasures.erase(place, department=shop["sales"])

        assert erased.erasable is False
        assert erased.unreadable_from is None
        assert "copies elsewhere stay readable" in str(erased)
        assert "Ada Lovelace" == received.recall(Acme.full_name)
        assert shop.home.resume(place, department=shop["sales"]) is None
        assert ["support"] == [notice.to for notice in erased.notices]

    def test_of_what_never_rested_it_says_so(self, shop):
        """
        A secret without a record is deleted; without both nothing is claimed.
        """
        journey = shop.begin()
        journey.begun()
        unknown = "00" * 16

        known = shop.erasures.erase(journey.id, department=shop["sales"])
        nothing = shop.erasures.erase(unknown, department=shop["sales"])

        assert (True, None) == (known.erasable, nothing.erasable)
        assert known.unreadable_from
        assert nothing.unreadable_from is None
        assert not nothing.complete

    def test_done_twice_it_says_the_same(self, shop, place, clock):
        """
        The first erasure counts: its instant, its notices, its secret.
        """
        first = shop.erasures.erase(place, department=shop["sales"])
        clock.advance(hours=1)

        again = shop.erasures.erase(place, department=shop["sales"])

        assert first.notices == again.notices
        assert (first.at, first.erasable, first.unreadable_from) == (
            again.at,
            again.erasable,
            again.unreadable_from,
        )

    def test_one_that_was_interrupted_is_done_by_doing_it_again(
        self, ring, clock, tmp_path
    ):
        """
        Wherever the store failed, the next try does all of it, and tells nobody twice.
        """

        class Failing(MemoryStore):
            after = 10**9

            def _count(self):
                self.after -= 1
                if self.after < 0:
                    raise UnavailableError("the store")

            def replace(self, key, record, **how):
                self._count()
                return super().replace(key, record, **how)

            def remove(self, key):
                self._count()
                super().remove(key)

            def link(self, key, value, **how):
                self._count()
                super().link(key, value, **how)

            def unlink(self, key, value):
                self._count()
                super().unlink(key, value)

        for fails_after in range(12):
            shop = shop_on(Failing(), ring, clock)
            journey = shop.begin()
            place = shop.home.contribute(journey, keys=[ACCOUNT])
            shop.hand(journey, "support")
            shop.hand(journey, "billing")
            shop.store.after = fails_after
            try:
                shop.erasures.erase(place, department=shop["sales"], keys=[ACCOUNT])
            except UnavailableError:
                shop.store.after = 10**9
                erased = shop.erasures.erase(
                    place, department=shop["sales"], keys=[ACCOUNT]
                )
                told = sorted(notice.to for notice in erased.notices)
                assert ["billing", "support"] == told
                assert erased.erasable
            assert shop.home.resume(place, department=shop["sales"]) is None
            overdue = shop.erasures.overdue_notices(
                department=shop["sales"], after=timedelta(0)
            )
            assert 2 == len(overdue)

    def test_the_published_time_is_the_longest(self, store, ring, clock):
        """
        Of this process's memory and the one that is published, the longer counts.
        """
        for own, published, expected in ((30, 15, 30), (5, 60, 60)):
            secrets = JourneySecrets(
                store, pepper=PEPPER, clock=clock, max_age=timedelta(minutes=own)
            )
            shop = Shop(
                world=World(ring, clock, secrets=secrets),
                home=Home(store, pepper=PEPPER),
                erasures=Erasures(
                    store,
                    pepper=PEPPER,
                    secrets=secrets,
                    max_age=timedelta(minutes=published),
                ),
                store=store,
            )
            place = shop.home.contribute(shop.begin())

            erased = shop.erasures.erase(place, department=shop["sales"])

            assert START + timedelta(minutes=expected) == erased.unreadable_from

    def test_nothing_of_the_customer_is_in_what_is_said(self, shop, place):
        """
        Results, notices and the store's records of them have no value.
        """
        erased = shop.erasures.erase(place, department=shop["sales"], keys=[ACCOUNT])

        said = repr(erased) + str(erased) + repr(shop.erasures)
        assert "Ada" not in said
        assert "acc-7" not in said
        assert b"Ada" not in b"".join(map(bytes, erased.notices))


def test_an_sqlite_file_holds_no_deleted_secret(tmp_path, ring, clock):
    """
    Once the file is closed, not even the sealed form of a deleted secret is in it.
    """
    path = tmp_path / "home.db"
    store = SQLiteStore(path)
    shop = shop_on(store, ring, clock)
    place = shop.home.contribute(shop.begin())
    lookup = Pepper(PEPPER).lookup("secret", place.journey_id.encode())
    _, sealed = store.load(lookup, now_s=clock.now_s)
    store.close()
    assert sealed in path.read_bytes()

    store = SQLiteStore(path)
    shop_on(store, ring, clock).erasures.erase(place, department=shop["sales"])
    store.close()

    assert sealed not in path.read_bytes()
    assert [path] == list(tmp_path.glob("home.db*"))


class TestNotices:
    """
    Who is told, and who has answered.
    """

    def test_everybody_else_who_has_it_is_told(self, shop, place):
        """
        Each department once, whether by the log, by the trail or by both.
        """
        erased = shop.erasures.erase(place, department=shop["billing"])

        assert ["sales", "support"] == sorted(n.to for n in erased.notices)
        assert {"billing"} == {notice.by for notice in erased.notices}
        assert {place.journey_id} == {notice.journey_id for notice in erased.notices}
        assert erased.complete
        assert "sales" in str(erased)

    def test_a_partner_is_told_of_what_it_knows(self, shop, place):
        """
        A notice to a partner names its export, and nothing leads to the journey.
        """
        journey = shop.home.resume(place, department=shop["sales"])
        exports = {shop.hand(journey, "carrier").id for _ in range(2)}

        erased = shop.erasures.erase(place, department=shop["sales"])

        told = [notice for notice in erased.notices if notice.to == "carrier"]
        assert exports == {notice.journey_id for notice in told}
        assert not [n for n in told if bytes.fromhex(place.journey_id) in bytes(n)]

    def test_who_cannot_be_told_so_is_named(self, shop, place, ring, clock):
        """
        A partner whose export was not noted, and a department that is gone.
        """
        shop.home.note_handed(place.journey_id, to="carrier", scopes=(6,), at=START)
        shop.home.note_handed(place.journey_id, to="gone", scopes=(1,), at=START)

        erased = shop.erasures.erase(place, department=shop["sales"])

        assert ("carrier", "gone") == erased.untold
        assert "by other means: carrier, gone" in str(erased)

    def test_the_receiver_forgets_and_signs(self, shop, place, ring, clock):
        """
        In its own home, on its own store, the journey is gone, and this is signed.
        """
        theirs = shop_on(MemoryStore(), ring, clock)
        copy = shop.home.resume(place, department=shop["support"])
        own = theirs.home.contribute(theirs["support"].resume(copy.save()))
        [notice] = shop.erasures.erase(place, department=shop["sales"]).notices

        receipt = theirs.erasures.receive_notice(
            bytes(notice), department=theirs["support"]
        )

        assert theirs.home.resume(own, department=theirs["support"]) is None
        with pytest.raises(JourneyErasedError):
            theirs.home.contribute(copy)
        assert ("support", notice.id) == (receipt.by, receipt.notice_id)

    def test_its_receipt_is_kept(self, shop, place):
        """
        With the receipt nothing is due any more, and who answered can be shown.
        """
        [notice] = shop.erasures.erase(place, department=shop["sales"]).notices
        receipt = shop.erasures.receive_notice(
            bytes(notice), department=shop["support"]
        )

        taken = shop.erasures.receive_receipt(bytes(receipt), department=shop["sales"])

        assert receipt == taken
        [sent] = shop.erasures.notices(place, department=shop["sales"])
        assert (notice, receipt, START) == (sent.notice, sent.receipt, sent.made_at)
        again = shop.erasures.erase(place, department=shop["sales"])
        assert () == again.notices
        assert "no notices are due" in str(again)

    def test_a_partner_forgets_its_export(self, shop, place, ring, clock):
        """
        A partner with a home of its own does the same with what it was sent.
        """
        journey = shop.home.resume(place, department=shop["sales"])
        export = shop.hand(journey, "carrier")
        erased = shop.erasures.erase(place, department=shop["sales"])
        [notice] = [n for n in erased.notices if n.to == "carrier"]
        theirs = shop_on(MemoryStore(), ring, clock)

        receipt = theirs.erasures.receive_notice(
            bytes(notice), department=theirs["carrier"]
        )
        shop.erasures.receive_receipt(bytes(receipt), department=shop["sales"])

        assert export.id == receipt.journey_id
        [*_, sent] = sorted(
            shop.erasures.notices(place, department=shop["sales"]),
            key=lambda each: each.notice.to == "carrier",
        )
        assert receipt == sent.receipt

    def test_what_is_forged_erases_nothing(self, shop, place):
        """
        A notice that does not verify is refused, and the journey rests as before.
        """
        other = cx.notices.sign_notice(
            shop["sales"],
            to="support",
            journey_id=place.journey_id,
            erased_at=START,
            notice_id=bytes(16),
        )
        raw = bytes(other)[:-1] + bytes([bytes(other)[-1] ^ 1])

        with pytest.raises(ForgedNoticeError):
            shop.erasures.receive_notice(raw, department=shop["support"])

        assert shop.home.resume(place, department=shop["sales"])

    def test_a_receipt_that_nobody_waits_for_is_refused(self, shop, place):
        """
        A receipt of a notice that was never made, or to somebody else, counts nothing.
        """
        erased = shop.erasures.erase(place, department=shop["billing"])
        [notice] = [n for n in erased.notices if n.to == "support"]
        stray = cx.notices.sign_notice(
            shop["billing"],
            to="support",
            journey_id=place.journey_id,
            erased_at=START,
            notice_id=bytes(16),
        )
        another = attrs.evolve(notice, to="ivr")

        for answered, by in ((stray, "support"), (another, "ivr")):
            receipt = cx.notices.sign_receipt(shop[by], answered)
            with pytest.raises(UnexpectedReceiptError):
                shop.erasures.receive_receipt(
                    bytes(receipt), department=shop["billing"]
                )
        sent = shop.erasures.notices(place, department=shop["sales"])
        assert [None, None] == [each.receipt for each in sent]

    def test_what_nobody_answered_is_overdue_after_a_month(self, shop, place, clock):
        """
        28 days after it was made, and not before; with a receipt never.
        """
        erased = shop.erasures.erase(place, department=shop["billing"])
        to_sales, to_support = sorted(erased.notices, key=lambda notice: notice.to)
        receipt = shop.erasures.receive_notice(
            bytes(to_support), department=shop["support"]
        )
        shop.erasures.receive_receipt(bytes(receipt), department=shop["billing"])

        clock.advance(days=28, seconds=-1)
        assert () == shop.erasures.overdue_notices(department=shop["billing"])
        clock.advance(seconds=1)
        [overdue] = shop.erasures.overdue_notices(department=shop["billing"])

        assert to_sales == overdue.notice
        assert overdue.receipt is None
        assert () == shop.erasures.overdue_notices(department=shop["sales"])

    def test_when_it_is_overdue_can_be_said(self, shop, place, clock):
        """
        A domain that promises more asks sooner.
        """
        shop.erasures.erase(place, department=shop["sales"])
        clock.advance(days=3)

        [overdue] = shop.erasures.overdue_notices(
            department=shop["sales"], after=timedelta(days=3)
        )

        assert "support" == overdue.notice.to

    def test_a_notice_that_the_store_lost_is_made_again(self, shop, place):
        """
        Of a list without its record nothing is shown; an erasure makes both anew.
        """
        [notice] = shop.erasures.erase(place, department=shop["sales"]).notices
        pepper = Pepper(PEPPER)
        shop.store.remove(pepper.lookup("notice", bytes.fromhex(notice.id)))
        assert () == shop.erasures.notices(place, department=shop["sales"])

        again = shop.erasures.erase(place, department=shop["sales"])

        assert [notice.id] == [each.id for each in again.notices]

    def test_the_oldest_is_first(self, shop, clock):
        """
        What has waited longest stands first, over any number of them.
        """
        for _ in range(3):
            journey = shop.begin()
            place = shop.home.contribute(journey)
            shop.hand(journey, "support")
            shop.hand(journey, "billing")
            shop.erasures.erase(place, department=shop["sales"])
            clock.advance(days=1)

        found = shop.erasures.overdue_notices(
            department=shop["sales"], after=timedelta(0)
        )

        made = [sent.made_at for sent in found]
        assert 6 == len(made)
        assert sorted(made) == made

    def test_after_a_rotation_it_can_be_sent_again(self, shop, place, clock):
        """
        A notice that waits is sent as it is, while its key verifies.
        """
        [notice] = shop.erasures.erase(place, department=shop["sales"]).notices
        clock.advance(days=28)
        [overdue] = shop.erasures.overdue_notices(department=shop["sales"])

        assert bytes(notice) == bytes(overdue.notice)
        assert shop.erasures.receive_notice(
            bytes(overdue.notice), department=shop["support"]
        )


@pytest.mark.parametrize("orders", [1, 2, 700])
def test_all_of_many_links_are_found(store, orders):
    """
    However many are of one instant, none is passed over.
    """
    for number in range(2500):
        store.link(
            b"key",
            number.to_bytes(4),
            order=number % orders,
            now_s=0,
            expires_s=10,
        )

    found = run(all_linked(b"key", now_s=0), store)

    values = {value for _, value in found}
    assert {number.to_bytes(4) for number in range(2500)} == values
    assert 2500 == len(found)


@pytest.mark.parametrize("name", AWAITED)
def test_on_an_awaited_store_it_is_the_same(name, tmp_path, ring, clock):
    """
    From who has it to the receipt, every verb has a form that is awaited.
    """

    async def erase():
        with awaited(name, tmp_path) as store:
            secrets = AsyncJourneySecrets(store, pepper=PEPPER, clock=clock)
            home = AsyncHome(store, pepper=PEPPER)
            erasures = AsyncErasures(store, pepper=PEPPER, secrets=secrets)
            world = World(ring, clock, secrets=secrets)
            journey = world["sales"].begin(channel="chat", erasable=True)
            journey.learn(Acme.full_name, "Ada Lovelace")
            await secrets.prefetch(journey)
            place = await home.contribute(journey)
            propagator = cx.Propagator(world["sales"], TO, log=home)
            await propagator.inject_async(journey, Message(), to="support", name="c")

            found = await erasures.who_has(place, department=world["sales"])
            erased = await erasures.erase(place, department=world["sales"])
            [notice] = erased.notices
            [overdue] = await erasures.overdue_notices(
                department=world["sales"], after=timedelta(0)
            )
            receipt = await erasures.receive_notice(
                bytes(notice), department=world["support"]
            )
            await erasures.receive_receipt(bytes(receipt), department=world["sales"])
            [sent] = await erasures.notices(place, department=world["sales"])
            return found, erased, overdue, sent, journey, repr(erasures)

    found, erased, overdue, sent, journey, shown = asyncio.run(erase())

    assert ("sales", "support") == found.departments
    assert erased.unreadable_from
    assert overdue.notice == sent.notice
    assert sent.receipt
    assert "AsyncErasures" in shown
    assert journey.recall(Acme.full_name) is None
