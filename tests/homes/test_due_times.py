"""
Due times of promises: what is overdue, without opening a journey.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from acme import START, START_S
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keeping import ENGINES, PEPPER, WAYS, Open, home_on, opened

import cxcontext as cx
from cxcontext.errors import RecordTamperedError
from cxcontext.homes import RestingPlace, paging
from cxcontext.homes.due_times import pack_due
from cxcontext.homes.paging import all_linked
from cxcontext.homes.pepper import Pepper
from cxcontext.steps import run
from cxcontext.stores.memory import MemoryStore

HOUR = timedelta(hours=1)


@pytest.fixture(params=ENGINES)
def store(request, tmp_path):
    """
    An empty store of either engine.
    """
    yield from opened(request.param, tmp_path)


@pytest.fixture(params=WAYS)
def home(request, store):
    """
    A home on it, waited for or awaited.
    """
    return home_on(store, request.param)


@pytest.fixture
def journey(sales):
    """
    A journey at sales.
    """
    return sales.begin(channel="phone")


def promised(journey, *, due=START + HOUR, **how):
    """
    Promise something.
    """
    return journey.promise("callback", wording="we call you", due=due, **how)


def ids(overdue):
    """
    Return the promises' ids, in order.
    """
    return [entry.promise_id for entry in overdue]


class TestOverdue:
    """
    A department's list.
    """

    def test_what_is_not_kept_in_time_is_found(self, home, journey, sales, clock):
        """
        With owner, instant and the place of its journey, which has the wording.
        """
        promise = promised(journey)
        place = home.contribute(journey)
        clock.advance(hours=1, seconds=1)
        (found,) = home.overdue(sales)
        resumed = home.resume(found.place, department=sales)

        assert (promise.id, "sales", START + HOUR, place.journey_id) == (
            found.promise_id,
            found.owner,
            found.due_at,
            found.place.journey_id,
        )
        assert ["we call you"] == [one.wording for one in resumed.promises]

    @pytest.mark.parametrize("seconds", [-1, 0, 1])
    def test_it_is_overdue_after_its_last_instant(
        self, home, journey, sales, clock, seconds
    ):
        """
        List and journey agree about the second in which it becomes so.
        """
        promised(journey)
        place = home.contribute(journey)
        clock.advance(hours=1, seconds=seconds)
        (promise,) = home.resume(place, department=sales).promises

        assert [promise.is_overdue(now=clock.now), seconds > 0] == [
            bool(home.overdue(sales))
        ] * 2

    @pytest.mark.parametrize("ending", ["keep", "miss", "release"])
    def test_what_has_ended_is_not(self, home, journey, sales, clock, ending):
        """
        Kept, missed and released ones are taken off, before or after they are due.
        """
        promises = [promised(journey) for _ in range(2)]
        place = home.contribute(journey)
        getattr(journey, ending)(promises[0].id)
        home.contribute(journey)
        clock.advance(hours=2)
        before = ids(home.overdue(sales))
        again = home.resume(place, department=sales)
        getattr(again, ending)(promises[1].id)
        home.contribute(again)

        assert ([promises[1].id], ()) == (before, home.overdue(sales))

    @pytest.mark.parametrize("hours", [0.5, 3])
    def test_what_was_moved_is_due_then(self, home, journey, sales, clock, hours):
        """
        Earlier or later, and once.
        """
        promise = promised(journey)
        home.contribute(journey)
        due = START + timedelta(hours=hours)
        journey.move(promise.id, due=due)
        home.contribute(journey)
        clock.now = due
        before = home.overdue(sales)
        clock.advance(seconds=1)

        assert ((), [(promise.id, due)]) == (
            before,
            [(found.promise_id, found.due_at) for found in home.overdue(sales)],
        )

    def test_what_has_no_due_time_never_is(self, home, journey, sales, clock):
        """
        A promise without an end is in the journey only.
        """
        promised(journey, due=None)
        home.contribute(journey)
        clock.advance(days=80)

        assert () == home.overdue(sales)

    def test_another_departments_is_theirs(self, home, journey, world, clock):
        """
        Proposed it is nobody's, accepted it is the owner's, handed over the next's.
        """
        sales, support, billing = (world[n] for n in ("sales", "support", "billing"))
        promise = promised(journey, owner="support")
        place = home.contribute(journey)
        clock.advance(hours=2)

        def lists():
            return [ids(home.overdue(one)) for one in (sales, support, billing)]

        found = [lists()]
        for department, do in (
            (support, lambda j: j.accept_promise(promise.id)),
            (support, lambda j: j.hand_over_promise(promise.id, to="billing")),
            (billing, lambda j: j.accept_promise(promise.id)),
            (billing, lambda j: j.keep(promise.id)),
        ):
            held = home.resume(place, department=department)
            do(held)
            home.contribute(held)
            found.append(lists())
        mine = [promise.id]

        assert [
            [[], [], []],
            [[], mine, []],
            [[], mine, []],
            [[], [], mine],
            [[], [], []],
        ] == found

    def test_the_oldest_is_first(self, home, sales, clock):
        """
        Of several journeys, whoever brought them home first.
        """
        made = {}
        for hours in (3, 1, 2):
            journey = sales.begin(channel="phone")
            made[hours] = promised(journey, due=START + timedelta(hours=hours)).id
            home.contribute(journey)
        clock.advance(hours=4)

        assert [made[1], made[2], made[3]] == ids(home.overdue(sales))

    def test_whoever_may_not_read_it_changes_nothing(
        self, home, journey, world, clock, sales
    ):
        """
        A department without the scope brings the journey home, and it stays due.
        """
        promise = promised(journey)
        place = home.contribute(journey)
        home.contribute(home.resume(place, department=world["ivr"]))
        clock.advance(hours=2)

        assert [promise.id] == ids(home.overdue(sales))


class TestMany:
    """
    More than a store gives at once.
    """

    @pytest.mark.parametrize("number", [999, 1000, 1001, 2500])
    def test_all_that_are_due_at_one_instant_are_found(self, sales, number):
        """
        Thousands are promised for the same morning, and none is left out.
        """
        store, pepper = MemoryStore(), Pepper(PEPPER)
        journey = sales.begin(channel="phone")
        promise = promised(journey)
        place = place_of(journey)
        lookup = pepper.lookup("due", b"sales")
        for which in range(number):
            packed = pack_due(promise, place) + b"%d" % which
            store.link(
                lookup,
                pepper.seal("due", packed, at=lookup),
                order=START_S - which // 2000,
                now_s=START_S,
                expires_s=START_S + 10**6,
            )
        found = home_on(store)._rules.overdue("sales", now_s=START_S + 1)

        assert number == len(set(ids(run(found, store))))

    @settings(
        max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        orders=st.lists(st.integers(0, 6), max_size=60),
        page=st.integers(1, 8),
        until=st.integers(0, 7),
    )
    def test_pages_give_what_one_page_gives(self, monkeypatch, orders, page, until):
        """
        For every page size and every number at one order, all are found in order.
        """
        monkeypatch.setattr(paging, "PAGE", page)
        store = MemoryStore()
        for which, order in enumerate(orders):
            store.link(b"key", b"%d" % which, order=order, now_s=0, expires_s=9)
        expected = store.linked(b"key", now_s=0, until=until, limit=1000)
        found = run(all_linked(b"key", now_s=0, until=until), store)

        assert list(expected) == found


class TestTampering:
    """
    Somebody who can write to the store, and has no keys.
    """

    @pytest.mark.parametrize("spoil", ["another's", "cut", "made up", "later", "below"])
    def test_entries_that_nobody_made_are_refused(
        self, journey, world, clock, spoil, monkeypatch
    ):
        """
        A list that was tampered with is an error with a code, and no shorter list.
        """
        store = Open()
        home = home_on(store)
        promised(journey)
        home.contribute(journey)
        clock.advance(hours=2)
        mine, theirs = (
            Pepper(PEPPER).lookup("due", name) for name in (b"sales", b"support")
        )
        ((entry, (order, ends_s)),) = store._links[mine].items()
        at, changed = {
            "another's": (theirs, {entry: (order, ends_s)}),
            "cut": (mine, {entry[:-1]: (order, ends_s)}),
            "made up": (mine, {bytes(60): (order, ends_s)}),
            "later": (mine, {entry: (10**18, ends_s)}),
            "below": (mine, {entry: (-(10**18), ends_s)}),
        }[spoil]
        store._links[at] = changed
        monkeypatch.setattr(
            store,
            "linked",
            lambda key, **_: [(o, v) for v, (o, _) in store._links[key].items()],
        )
        owner = world["support" if spoil == "another's" else "sales"]
        with pytest.raises(RecordTamperedError):
            home.overdue(owner)

    def test_an_entry_fits_into_a_store(self, journey):
        """
        The longest names that the format allows make fewer than 1,024 bytes.
        """
        store = Open()
        home = home_on(store)
        journey.promise("k" * 30, wording="w" * 200, due=START + HOUR)
        home.contribute(journey)
        sizes = [len(v) for links in store._links.values() for v in links]

        assert max(sizes) + 64 * 4 * 2 < 1024


def place_of(journey):
    """
    Return where a journey rests.
    """
    return RestingPlace(journey.begun(), cx.Arrival.HOME)
