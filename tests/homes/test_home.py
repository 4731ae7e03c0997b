"""
The home: what rests there, who finds it again, and how surely.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import attrs
import pytest
from acme import Acme, World, ring_of
from hypothesis import given
from hypothesis import strategies as st

import cxcontext as cx
from cxcontext.core.events import Rejected, Unsent
from cxcontext.errors import (
    BadDeliverySignatureError,
    JourneyFullError,
    MalformedError,
    RecordTamperedError,
    UnavailableError,
    UsageError,
    WrongAudienceError,
    WrongBindingError,
    WrongDeliveryKindError,
)
from cxcontext.homes import CustomerKey, Home, KeyKind, RestingPlace
from cxcontext.homes.pepper import Pepper
from cxcontext.homes.resting import MAX_TRIES
from cxcontext.stores.memory import MemoryStore
from cxcontext.stores.sqlite import SQLiteStore

PEPPER = b"pepper that the store never sees"
ACCOUNT = CustomerKey(KeyKind.ACCOUNT, "acc-7")
PHONE = CustomerKey(KeyKind.PHONE, "+12025550123")


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    """
    An empty store of either engine.
    """
    if request.param == "memory":
        yield MemoryStore()
        return
    store = SQLiteStore(tmp_path / "home.db")
    yield store
    store.close()


@pytest.fixture
def home(store):
    """
    The home that the departments share.
    """
    return Home(store, pepper=PEPPER)


@pytest.fixture
def journey(sales):
    """
    A journey at sales on which a name and a card's last digits were learned.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Ada Lovelace")
    journey.learn(Acme.card_last4, "4242")
    return journey


class Interrupted(MemoryStore):
    """
    A store in which something happens while somebody is about to write.
    """

    def __init__(self):
        super().__init__()
        self.meanwhile = []

    def replace(self, *arguments, **options):
        """
        Let it happen, and then go on.
        """
        if self.meanwhile:
            self.meanwhile.pop()()
        return super().replace(*arguments, **options)


class TestRest:
    """
    A chat between its turns.
    """

    def test_the_next_turn_knows_what_the_last_learned(self, home, journey, elsewhere):
        """
        Another process of the department resumes what was brought home.
        """
        place = home.contribute(journey)
        resumed = home.resume(place, department=elsewhere["sales"])

        assert (journey.id, "Ada Lovelace", "chat") == (
            resumed.id,
            resumed.recall(Acme.full_name),
            resumed.channel,
        )

    def test_the_channel_may_be_another(self, home, journey, sales):
        """
        Whoever resumes says through which channel the customer is there now.
        """
        place = home.contribute(journey)

        assert "phone" == home.resume(place, department=sales, channel="phone").channel

    def test_every_department_reads_what_is_its_own(
        self, home, journey, billing, support
    ):
        """
        A home opens to all of the domain, and no scope to who may not read it.
        """
        place = home.contribute(journey)
        found = [home.resume(place, department=d) for d in (billing, support)]

        assert ["4242", None] == [j.recall(Acme.card_last4) for j in found]

    def test_a_partner_does_not_resume(self, home, journey, world):
        """
        What rests is for departments of the domain, and for no external one.
        """
        place = home.contribute(journey)
        found = home.resume(place, department=world["carrier"])

        assert {cx.Reason.NOT_YOURS} == {
            found.gap(key).reason for key in (Acme.full_name, Acme.card_last4)
        }

    def test_a_journey_without_facts_has_a_place(self, home, sales):
        """
        What merely began can rest and be resumed.
        """
        place = home.contribute(sales.begin(channel="chat"))

        assert place.journey_id == home.resume(place, department=sales).id

    def test_who_contributes_knows_what_others_brought(
        self, home, journey, support, sales
    ):
        """
        Contributing merges in both directions.
        """
        place = home.contribute(journey)
        here, there = (home.resume(place, department=d) for d in (sales, support))
        here.learn(Acme.order_number, "A-118")
        there.learn(Acme.email, "ada@example.org")
        home.contribute(here)
        home.contribute(there)
        third = home.resume(place, department=sales)

        both = ("A-118", "ada@example.org")

        assert [("A-118", None), both, both] == [
            (j.recall(Acme.order_number), j.recall(Acme.email))
            for j in (here, there, third)
        ]

    def test_what_came_home_is_not_unsent(self, home, journey, world):
        """
        A home takes what was learned.
        """
        with cx.bound(journey):
            home.contribute(journey)

        assert [] == world.told(Unsent)

    @pytest.mark.parametrize("days", [5, 6])
    def test_it_rests_as_long_as_the_home_says(
        self, store, journey, sales, clock, days
    ):
        """
        After the home's lifetime there is nothing, as if nothing had been there.
        """
        home = Home(store, pepper=PEPPER, lifetime=timedelta(days=6))
        place = home.contribute(journey, keys=[PHONE])
        clock.advance(days=days)

        assert (days < 6, days < 6) == (
            home.resume(place, department=sales) is not None,
            home.find(PHONE, department=sales, channel="phone") != (),
        )

    def test_each_contribution_lets_it_rest_longer(self, store, journey, sales, clock):
        """
        The lifetime counts from the last contribution.
        """
        home = Home(store, pepper=PEPPER, lifetime=timedelta(days=6))
        place = home.contribute(journey)
        clock.advance(days=5)
        home.contribute(home.resume(place, department=sales))
        clock.advance(days=5)

        assert home.resume(place, department=sales) is not None

    def test_a_journey_that_has_expired_is_none(self, home, journey, sales, clock):
        """
        Where the record outlives all its statements there is no journey.
        """
        place = home.contribute(journey)
        clock.advance(days=20)
        home.contribute(home.resume(place, department=sales))
        clock.advance(days=75)

        assert home.resume(place, department=sales) is None

    def test_what_has_expired_does_not_stop_who_goes_on(self, clock):
        """
        A branch that lives on comes home also where what rests there is all dead.
        """
        world = World(ring_of(sign_for=timedelta(days=365)), clock)
        home = Home(MemoryStore(), pepper=PEPPER)
        journey = world["sales"].begin(channel="chat")
        place = home.contribute(journey)
        clock.advance(days=20)
        home.contribute(home.resume(place, department=world["support"]))
        journey.learn(Acme.full_name, "Ada Lovelace")
        journey.save()
        clock.advance(days=75)
        dead = home.resume(place, department=world["support"])
        home.contribute(journey)
        alive = home.resume(place, department=world["support"])

        assert (None, "Ada Lovelace") == (dead, alive.recall(Acme.full_name))

    def test_where_nothing_rests_there_is_no_journey(self, home, sales):
        """
        A place that nobody contributed to leads to None.
        """
        place = RestingPlace("0" * 32, cx.Arrival.HOME)

        assert home.resume(place, department=sales) is None

    def test_its_repr_shows_no_pepper(self, home, store):
        """
        The representation names the engine.
        """
        assert f"<Home on {type(store).__name__}>" == repr(home)

    @pytest.mark.parametrize("size", [0, 31])
    def test_a_short_pepper_is_refused(self, store, size):
        """
        Fewer than 32 bytes can be guessed, and are an error that says so.
        """
        with pytest.raises(UsageError, match="32 random bytes"):
            Home(store, pepper=bytes(size))


class TestRestingPlace:
    """
    What the server's session keeps between turns.
    """

    @given(
        journey_id=st.text("0123456789abcdef", min_size=32, max_size=32),
        arrival=st.sampled_from(cx.Arrival),
    )
    def test_its_text_is_the_place_again(self, journey_id, arrival):
        """
        ``str`` and `parse` are inverse to each other.
        """
        place = RestingPlace(journey_id, arrival)

        assert place == RestingPlace.parse(str(place))

    @pytest.mark.parametrize(
        "text",
        [
            "",
            ".",
            "0" * 32,
            "0" * 32 + ".",
            ".3",
            "0" * 32 + ".4",
            "0" * 32 + ".-1",
            "0" * 32 + ".03",
            "0" * 32 + ".٣",
            "0" * 32 + ".3\n",
            "0" * 32 + ".3.3",
            "0" * 31 + ".3",
            "A" * 32 + ".3",
            "../" + "0" * 29 + ".3",
            "0" * 32 + "." + "9" * 5000,
        ],
    )
    def test_no_other_text_is_one(self, text):
        """
        Whatever stands in a session in its place is a usage error.
        """
        with pytest.raises(UsageError, match="not a resting place"):
            RestingPlace.parse(text)

    def test_a_raised_arrival_gains_nothing(self, home, journey, sales):
        """
        Whoever writes DELIVERY into a session gets a journey from home.
        """
        place = home.contribute(journey)
        forged = RestingPlace(place.journey_id, cx.Arrival.DELIVERY)

        assert cx.Arrival.HOME is home.resume(forged, department=sales).arrival


class TestArrival:
    """
    How surely what rests is this customer's.
    """

    def test_a_session_of_our_own_is_at_home(self, home, journey, sales):
        """
        What began here, or was handed over, arrives from home in the next turn.
        """
        place = home.contribute(journey)

        assert (cx.Arrival.DELIVERY, cx.Arrival.HOME) == (
            place.arrival,
            home.resume(place, department=sales).arrival,
        )

    def test_a_matching_number_is_a_hint(self, home, journey, ivr):
        """
        Found by phone, nothing is recalled or shown, and the remedy is to step up.
        """
        home.contribute(journey, keys=[PHONE])
        (found,) = home.find(PHONE, department=ivr, channel="phone")
        gap = found.gap(Acme.full_name)

        assert (
            cx.Arrival.HINT,
            None,
            None,
            cx.Reason.NOT_IDENTIFIED,
            cx.Remedy.STEP_UP,
        ) == (
            found.arrival,
            found.recall(Acme.full_name),
            found.fact(Acme.full_name),
            gap.reason,
            gap.remedy,
        )

    def test_who_is_verified_is_known(self, home, journey, ivr):
        """
        After the caller proved to be the customer, everything is recalled.
        """
        home.contribute(journey, keys=[PHONE])
        (found,) = home.find(PHONE, department=ivr, channel="phone")
        found.verify_identity("kba")

        assert "Ada Lovelace" == found.recall(Acme.full_name)

    @pytest.mark.parametrize(
        ("key", "authenticated", "arrival"),
        [
            (ACCOUNT, True, cx.Arrival.HOME),
            (ACCOUNT, False, cx.Arrival.HINT),
            (PHONE, True, cx.Arrival.HINT),
            (CustomerKey(KeyKind.EMAIL, "ada@example.org"), True, cx.Arrival.HINT),
            (CustomerKey(KeyKind.HANDLE, "@ada"), True, cx.Arrival.HINT),
        ],
    )
    def test_only_an_account_signed_in_to_is_sure(
        self, home, journey, sales, key, authenticated, arrival
    ):
        """
        No other key, and no account that was only named, is more than a hint.
        """
        home.contribute(journey, keys=[key])
        (found,) = home.find(
            key, department=sales, channel="web", authenticated=authenticated
        )

        assert arrival is found.arrival

    def test_a_stolen_link_stays_one_over_turns(self, home, journey, sales, support):
        """
        A session that began with a possession never becomes more by resting.
        """
        held = sales.resume(journey.save(), arrival=cx.Arrival.POSSESSION)
        arrivals = []
        for department in (sales, support, sales):
            place = RestingPlace.parse(str(home.contribute(held)))
            held = home.resume(place, department=department)
            arrivals.append((place.arrival, held.arrival))

        assert [(cx.Arrival.POSSESSION, cx.Arrival.POSSESSION)] * 3 == arrivals

    def test_a_session_rises_when_the_customer_is_verified(
        self, home, journey, support
    ):
        """
        From the turn of the verification on, the session is at home.
        """
        held = support.resume(journey.save(shared=True), arrival=cx.Arrival.POSSESSION)
        place = home.contribute(held)
        held = home.resume(place, department=support)
        held.verify_identity("otp")
        raised = home.contribute(held)

        assert (cx.Arrival.HOME, cx.Arrival.POSSESSION) == (
            home.resume(raised, department=support).arrival,
            home.resume(place, department=support).arrival,
        )

    @pytest.mark.parametrize("lesser", [cx.Arrival.HINT, cx.Arrival.POSSESSION])
    def test_a_lesser_contributor_does_not_lower_what_rests(
        self, home, journey, support, lesser
    ):
        """
        A caller with a matching number makes nobody after them less sure.
        """
        place = home.contribute(journey, keys=[ACCOUNT])
        doubtful = home.resume(attrs.evolve(place, arrival=lesser), department=support)
        doubtful.learn(Acme.email, "eve@example.org")
        home.contribute(doubtful)
        (found,) = home.find(
            ACCOUNT, department=support, channel="web", authenticated=True
        )

        assert (cx.Arrival.HOME, "Ada Lovelace") == (
            found.arrival,
            found.recall(Acme.full_name),
        )

    def test_what_a_lesser_contributor_said_is_marked(
        self, home, journey, support, sales
    ):
        """
        A fact shows that its department had only a hint when it was told.
        """
        place = home.contribute(journey)
        doubtful = home.resume(
            attrs.evolve(place, arrival=cx.Arrival.HINT), department=support
        )
        doubtful.learn(Acme.email, "eve@example.org")
        home.contribute(doubtful)
        found = home.resume(place, department=sales)

        assert [cx.Arrival.DELIVERY, cx.Arrival.HINT] == [
            found.fact(key).arrival for key in (Acme.full_name, Acme.email)
        ]

    def test_what_only_a_hint_brought_stays_one(self, home, journey, sales, support):
        """
        Where nobody surer contributed, not even a signed-in account is surer.
        """
        hint = support.resume(journey.save(shared=True), arrival=cx.Arrival.HINT)
        home.contribute(hint, keys=[ACCOUNT])

        def found():
            (first,) = home.find(
                ACCOUNT, department=sales, channel="web", authenticated=True
            )
            return first.arrival

        before = found()
        home.contribute(journey)
        between = found()
        home.contribute(journey, keys=[ACCOUNT])

        assert (cx.Arrival.HINT, cx.Arrival.HINT, cx.Arrival.HOME) == (
            before,
            between,
            found(),
        )

    @pytest.mark.parametrize("lesser", [cx.Arrival.HINT, cx.Arrival.POSSESSION])
    def test_who_links_a_key_unsurely_makes_it_no_surer(
        self, home, journey, support, lesser
    ):
        """
        Signing in to an account does not make up for who named it before.
        """
        place = home.contribute(journey)
        doubtful = home.resume(attrs.evolve(place, arrival=lesser), department=support)
        home.contribute(doubtful, keys=[ACCOUNT])
        (found,) = home.find(
            ACCOUNT, department=support, channel="web", authenticated=True
        )

        assert lesser is found.arrival

    @pytest.mark.parametrize("lesser_first", [True, False])
    def test_linked_by_many_it_is_found_once(
        self, home, journey, support, lesser_first
    ):
        """
        Of those who linked one journey the surest counts, whoever was last.
        """
        place = home.contribute(journey)
        doubtful = home.resume(
            attrs.evolve(place, arrival=cx.Arrival.HINT), department=support
        )
        both = (doubtful, journey) if lesser_first else (journey, doubtful)
        for contributor in both:
            home.contribute(contributor, keys=[ACCOUNT])
        found = home.find(
            ACCOUNT, department=support, channel="web", authenticated=True
        )

        assert [cx.Arrival.HOME] == [journey.arrival for journey in found]


SAME = {
    "phone spelt with spaces": (KeyKind.PHONE, "+12025550123", "+1 202 555 0123"),
    "phone with brackets": (KeyKind.PHONE, "+12025550123", "+1 (202) 555-0123"),
    "phone as URI": (KeyKind.PHONE, "+12025550123", "tel:+1-202-555-0123"),
    "phone in wide digits": (KeyKind.PHONE, "+12", "\uff0b\uff11\uff12"),
    "phone in Arabic digits": (KeyKind.PHONE, "+12", "+\u0661\u0662"),
    "e-mail in capitals": (KeyKind.EMAIL, "ada@example.org", " Ada@Example.ORG "),
    "handle in capitals": (KeyKind.HANDLE, "@ada", "@ADA"),
    "sharp s": (KeyKind.EMAIL, "stra\u00dfe@example.org", "STRASSE@example.org"),
    "combined accent": (KeyKind.HANDLE, "@ren\u00e9", "@rene\u0301"),
    "account in spaces": (KeyKind.ACCOUNT, "acc-7", " acc-7\n"),
}
DIFFERENT = {
    "another number": (PHONE, CustomerKey(KeyKind.PHONE, "+12025550124")),
    "no plus": (PHONE, CustomerKey(KeyKind.PHONE, "12025550123")),
    "account in capitals": (ACCOUNT, CustomerKey(KeyKind.ACCOUNT, "ACC-7")),
    "another kind": (ACCOUNT, CustomerKey(KeyKind.HANDLE, "acc-7")),
    "a name that looks like a kind": (
        CustomerKey(KeyKind.HANDLE, "phone:+1"),
        CustomerKey(KeyKind.PHONE, "+1"),
    ),
}


class TestFinding:
    """
    By what a customer is found again.
    """

    @pytest.mark.parametrize(("kind", "one", "other"), SAME.values(), ids=SAME)
    def test_spellings_of_one_key_are_one(self, home, journey, sales, kind, one, other):
        """
        However it was written, the journey is found.
        """
        home.contribute(journey, keys=[CustomerKey(kind, one)])
        found = home.find(CustomerKey(kind, other), department=sales, channel="web")

        assert [journey.id] == [journey.id for journey in found]

    @pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
    def test_different_keys_are_different(self, home, journey, sales, one, other):
        """
        A key leads to no journey that was brought home under another.
        """
        home.contribute(journey, keys=[one])

        assert () == home.find(other, department=sales, channel="web")

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            (KeyKind.PHONE, ""),
            (KeyKind.PHONE, "anonymous"),
            (KeyKind.PHONE, "sip:restricted@"),
            (KeyKind.EMAIL, " \n"),
            (KeyKind.HANDLE, ""),
            (KeyKind.ACCOUNT, "\t"),
        ],
    )
    def test_nothing_is_no_key(self, kind, value):
        """
        All callers who withhold their number would be one: that is refused.
        """
        with pytest.raises(UsageError, match=f"nothing in it is a {kind.value}"):
            CustomerKey(kind, value)

    def test_a_key_hides_its_value(self):
        """
        The representation shows the kind only.
        """
        assert "CustomerKey(kind=<KeyKind.PHONE: 'phone'>)" == repr(PHONE)

    def test_the_latest_is_first(self, home, sales, world):
        """
        Of several journeys the one that came home last is found first.
        """
        journeys = [sales.begin(channel="chat") for _ in range(3)]
        for journey in (*journeys, journeys[0]):
            home.contribute(journey, keys=[PHONE])
            world.clock.advance(seconds=1)
        found = home.find(PHONE, department=sales, channel="phone")

        assert [journeys[n].id for n in (0, 2, 1)] == [j.id for j in found]

    def test_several_keys_lead_to_one(self, home, journey, sales):
        """
        A customer may be found by whatever was given, then or later.
        """
        home.contribute(journey, keys=[PHONE])
        home.contribute(journey, keys=[ACCOUNT])

        assert [[journey.id]] * 2 == [
            [j.id for j in home.find(key, department=sales, channel="web")]
            for key in (PHONE, ACCOUNT)
        ]

    def test_a_key_that_was_never_given_finds_nothing(self, home, journey, sales):
        """
        Without keys a journey is found by its place only.
        """
        home.contribute(journey)

        assert () == home.find(PHONE, department=sales, channel="phone")

    def test_another_pepper_finds_nothing(self, home, store, journey, sales):
        """
        Whoever has the store and not the pepper finds neither key nor place.
        """
        place = home.contribute(journey, keys=[PHONE])
        other = Home(store, pepper=b"a pepper that somebody else made")

        assert ((), None) == (
            other.find(PHONE, department=sales, channel="phone"),
            other.resume(place, department=sales),
        )

    def test_an_expired_journey_does_not_hide_the_others(
        self, home, journey, sales, clock
    ):
        """
        What has expired is left out, and what has not is found.
        """
        place = home.contribute(journey, keys=[PHONE])
        clock.advance(days=20)
        home.contribute(home.resume(place, department=sales), keys=[PHONE])
        later = sales.begin(channel="chat")
        home.contribute(later, keys=[PHONE])
        clock.advance(days=75)
        found = home.find(PHONE, department=sales, channel="phone")

        assert [later.id] == [journey.id for journey in found]


class TestConcurrency:
    """
    Many who contribute at once lose nothing.
    """

    def test_whoever_came_in_between_is_merged(self, journey, sales, support):
        """
        A contribution that another overtook is tried again, with both.
        """
        store = Interrupted()
        home = Home(store, pepper=PEPPER)
        place = home.contribute(journey)
        other = home.resume(place, department=support)
        other.learn(Acme.email, "ada@example.org")
        journey.learn(Acme.order_number, "A-118")
        store.meanwhile = [lambda: home.contribute(other)]
        home.contribute(journey)
        found = home.resume(place, department=sales)

        assert ("A-118", "ada@example.org", "ada@example.org") == (
            found.recall(Acme.order_number),
            found.recall(Acme.email),
            journey.recall(Acme.email),
        )

    def test_two_that_are_first_are_merged(self, sales, support):
        """
        Also of two first contributions of one journey none is lost.
        """
        store = Interrupted()
        home = Home(store, pepper=PEPPER)
        journey = sales.begin(channel="chat")
        other = support.receive(journey.hand_over("support"))
        journey.learn(Acme.order_number, "A-118")
        other.learn(Acme.email, "ada@example.org")
        store.meanwhile = [lambda: home.contribute(other)]
        place = home.contribute(journey)
        found = home.resume(place, department=sales)

        assert ("A-118", "ada@example.org") == (
            found.recall(Acme.order_number),
            found.recall(Acme.email),
        )

    def test_what_is_learned_meanwhile_is_unsent(self, journey):
        """
        A fact that another thread learns while the store writes did not come home.
        """
        store = Interrupted()
        store.meanwhile = [lambda: journey.learn(Acme.email, "ada@example.org")]
        Home(store, pepper=PEPPER).contribute(journey)

        assert (2,) == journey.unsent

    def test_who_is_always_overtaken_gives_up(self, sales, world):
        """
        After a hundred tries it is an error, and the facts are still unsent.
        """
        store = Interrupted()
        home = Home(store, pepper=PEPPER)
        journey = sales.begin(channel="chat")
        home.contribute(journey)
        rival = journey.fork()
        journey.learn(Acme.full_name, "Ada Lovelace")
        tries = []

        def overtake():
            tries.append(1)
            Home.contribute(quiet, rival)
            store.meanwhile.append(overtake)

        quiet = Home(_Beside(store), pepper=PEPPER)
        store.meanwhile = [overtake]
        with cx.bound(journey), pytest.raises(UnavailableError, match="at once"):
            home.contribute(journey)

        assert (MAX_TRIES, [(1,)]) == (
            len(tries),
            [event.fields for event in world.told(Unsent)],
        )

    def test_eight_threads_lose_nothing(self, home, journey, world):
        """
        Every fact of every thread is at home afterwards.
        """
        place = home.contribute(journey)
        meet = threading.Barrier(8)
        departments = [world[name] for name in ("sales", "support", "billing")]

        def work(number):
            meet.wait()
            for turn in range(5):
                held = home.resume(place, department=departments[number % 3])
                name = f"{number}-{turn}"
                held.learn(Acme.product, name, qualifier=name)
                home.contribute(held)

        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(work, range(8)))
        found = home.resume(place, department=departments[0])
        names = {f"{number}-{turn}" for number in range(8) for turn in range(5)}

        assert {name: name for name in names} == found.recall_all(Acme.product)

    def test_four_processes_lose_nothing(self, journey, ring, sales, tmp_path):
        """
        Every fact of every process is in the file afterwards.
        """
        path = tmp_path / "home.db"
        store = SQLiteStore(path)
        home = Home(store, pepper=PEPPER)
        place = home.contribute(journey)
        (tmp_path / "public.json").write_text(ring.public.to_json())
        for name in ("sales", "support", "billing"):
            keys = ring.private[name].to_json()
            (tmp_path / f"{name}.json").write_text(keys)
        names = ("sales", "support", "billing", "sales")
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", CONTRIBUTOR, tmp_path, str(place), name, str(n)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            )
            for n, name in enumerate(names)
        ]
        ready = [process.stdout.readline() for process in processes]
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        errors = [process.communicate()[1] for process in processes]
        found = home.resume(place, department=sales).recall_all(Acme.product)
        store.close()

        assert (["ready\n"] * 4, [""] * 4) == (ready, errors)
        assert {f"{n}-{turn}" for n in range(4) for turn in range(5)} == set(found)


CONTRIBUTOR = f"""
import sys
from pathlib import Path
import attrs
import cxcontext as cx
from acme import Acme, Clock
from cxcontext.homes import Home, RestingPlace
from cxcontext.stores.sqlite import SQLiteStore

folder, place, name, number = Path(sys.argv[1]), *sys.argv[2:]
domain = cx.TrustDomain(
    "acme.example", Acme, keys=cx.KeySet.load(folder / "public.json"), clock=Clock()
)
keys = cx.PrivateKeys.load(folder / f"{{name}}.json")
department = domain.department(name, keys=keys)
store = SQLiteStore(folder / "home.db")
home = Home(store, pepper={PEPPER!r})
print("ready", flush=True)
sys.stdin.readline()
for turn in range(5):
    journey = home.resume(RestingPlace.parse(place), department=department)
    said = f"{{number}}-{{turn}}"
    journey.learn(Acme.product, said, qualifier=said)
    home.contribute(journey)
store.close()
"""


class _Beside:
    """
    The same records, without what happens to those who write.
    """

    def __init__(self, store):
        self._store = store

    def load(self, *arguments, **options):
        """
        As the store does.
        """
        return self._store.load(*arguments, **options)

    def replace(self, *arguments, **options):
        """
        As a store does in which nothing happens meanwhile.
        """
        return MemoryStore.replace(self._store, *arguments, **options)


class TestLimits:
    """
    A journey that has outgrown the format.
    """

    def test_what_rests_is_never_replaced_by_less(self, home, sales):
        """
        Two branches that are too large together are an error; both stay whole.
        """
        here = sales.begin(channel="chat")
        there = here.fork()
        for number in range(150):
            here.correct(Acme.order_number, f"A-{number}")
            there.correct(Acme.email, f"ada{number}@example.org")
            for journey in (here, there):
                journey.fork()  # which seals
        place = home.contribute(there)
        here.learn(Acme.full_name, "Ada Lovelace")
        with pytest.raises(JourneyFullError, match=r"restate\(\)"):
            home.contribute(here)
        found = home.resume(place, department=sales)

        assert ("ada149@example.org", 151, (1, 10)) == (
            found.recall(Acme.email),
            len(found.trail),
            here.unsent,
        )


class Cut(MemoryStore):
    """
    A store whose engine cannot be reached for some verbs.
    """

    def __init__(self, *verbs):
        super().__init__()
        self.verbs = set(verbs)

    def _reach(self, verb):
        if verb in self.verbs:
            raise UnavailableError("the store")

    def load(self, *arguments, **options):
        """
        Load, if it can.
        """
        self._reach("load")
        return super().load(*arguments, **options)

    def replace(self, *arguments, **options):
        """
        Replace, if it can.
        """
        self._reach("replace")
        return super().replace(*arguments, **options)

    def link(self, *arguments, **options):
        """
        Link, if it can.
        """
        self._reach("link")
        super().link(*arguments, **options)


class TestUnavailable:
    """
    A store that cannot be reached.
    """

    @pytest.mark.parametrize("verb", ["load", "replace"])
    def test_nothing_is_lost(self, journey, sales, world, verb):
        """
        The error passes, the facts are unsent, and the next try brings them home.
        """
        store = Cut(verb)
        home = Home(store, pepper=PEPPER)
        with cx.bound(journey), pytest.raises(UnavailableError, match="try again"):
            home.contribute(journey)
        store.verbs.clear()
        place = home.contribute(journey)
        found = home.resume(place, department=sales)

        assert ([(1, 20)], "Ada Lovelace") == (
            [event.fields for event in world.told(Unsent)],
            found.recall(Acme.full_name),
        )

    def test_without_its_keys_it_is_at_home(self, journey, sales, world):
        """
        Where only the linking failed, the facts are not unsent: they came home.
        """
        store = Cut("link")
        home = Home(store, pepper=PEPPER)
        with cx.bound(journey), pytest.raises(UnavailableError):
            home.contribute(journey, keys=[PHONE])
        found = home.resume(RestingPlace(journey.id, cx.Arrival.HOME), department=sales)

        assert ([], "Ada Lovelace") == (
            world.told(Unsent),
            found.recall(Acme.full_name),
        )

    def test_a_file_that_breaks_takes_nothing_with_it(self, journey, sales, tmp_path):
        """
        When the file is destroyed between turns, what is in hand goes elsewhere.
        """
        path = tmp_path / "home.db"
        store = SQLiteStore(path)
        home = Home(store, pepper=PEPPER)
        place = home.contribute(journey)
        journey.learn(Acme.email, "ada@example.org")
        store.close()
        path.write_bytes(path.read_bytes()[:100] + b"\xff" * 50_000)
        with pytest.raises(UnavailableError):
            home.resume(place, department=sales)
        with pytest.raises(UnavailableError):
            home.contribute(journey)
        unsent = journey.unsent
        other = Home(MemoryStore(), pepper=PEPPER)
        found = other.resume(other.contribute(journey), department=sales)

        assert ((2,), "Ada Lovelace", "ada@example.org") == (
            unsent,
            found.recall(Acme.full_name),
            found.recall(Acme.email),
        )


class Open(MemoryStore):
    """
    A store that somebody else has access to.
    """

    def put(self, lookup, record):
        """
        Replace a record, as if nothing had happened.
        """
        version, _, expires_s = self._records[lookup]
        self._records[lookup] = (version, record, expires_s)

    @property
    def lookups(self):
        """
        Where journeys rest, oldest first; what is noted beside them is shorter.
        """
        return [
            key
            for key, (_, record, _) in self._records.items()
            if record[:1] == b"\x83"
        ]

    @property
    def links(self):
        """
        Each key's links.
        """
        return self._links


class TestAttacks:
    """
    Somebody who can write to the store, and has no keys.
    """

    @pytest.fixture
    def opened(self):
        """
        A store to which others have access.
        """
        return Open()

    @pytest.fixture
    def exposed(self, opened):
        """
        A home on it.
        """
        return Home(opened, pepper=PEPPER)

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            (
                lambda record: record[:-1] + bytes([record[-1] ^ 1]),
                BadDeliverySignatureError,
            ),
            (lambda record: record[:-1], MalformedError),
            (lambda record: b"", MalformedError),
        ],
        ids=["changed", "cut", "emptied"],
    )
    def test_what_was_changed_is_not_believed(
        self, opened, exposed, journey, sales, change, error
    ):
        """
        A record with a changed byte is refused to all, and takes nothing with it.
        """
        place = exposed.contribute(journey, keys=[PHONE])
        (lookup,) = opened.lookups
        opened.put(lookup, change(opened.load(lookup, now_s=0)[1]))
        journey.learn(Acme.email, "ada@example.org")
        with pytest.raises(error):
            exposed.resume(place, department=sales)
        with pytest.raises(error):
            exposed.contribute(journey)

        assert ((2,), "Ada Lovelace") == (
            journey.unsent,
            journey.recall(Acme.full_name),
        )

    def test_what_was_changed_does_not_hide_the_others(
        self, opened, exposed, journey, sales, world
    ):
        """
        A record that is refused is passed over with an event; the rest is found.
        """
        other = sales.begin(channel="chat")
        for each in (journey, other):
            exposed.contribute(each, keys=[PHONE])
        opened.put(opened.lookups[0], b"")
        found = exposed.find(PHONE, department=sales, channel="phone")

        assert (
            [other.id],
            [Rejected(department="sales", journey_id=journey.id, code="malformed")],
        ) == ([each.id for each in found], world.told(Rejected))

    def test_two_customers_records_are_not_exchanged(
        self, opened, exposed, journey, sales
    ):
        """
        A genuine record in another's place is refused, and merged with nothing.
        """
        other = sales.begin(channel="chat")
        other.learn(Acme.full_name, "Bob")
        places = [exposed.contribute(j) for j in (journey, other)]
        records = [opened.load(lookup, now_s=0)[1] for lookup in opened.lookups]
        for lookup, record in zip(opened.lookups, reversed(records), strict=True):
            opened.put(lookup, record)
        for place in places:
            with pytest.raises(WrongBindingError):
                exposed.resume(place, department=sales)
        with pytest.raises(WrongBindingError):
            exposed.contribute(journey)

        assert "Ada Lovelace" == journey.recall(Acme.full_name)

    def test_a_key_is_not_led_to_another_customer(
        self, opened, exposed, journey, sales
    ):
        """
        A link that was moved to another key is refused.
        """
        other = sales.begin(channel="chat")
        exposed.contribute(journey, keys=[PHONE])
        exposed.contribute(other, keys=[ACCOUNT])
        of_phone, of_account = opened.links
        opened.links[of_account] = opened.links[of_phone]
        with pytest.raises(RecordTamperedError):
            exposed.find(ACCOUNT, department=sales, channel="web", authenticated=True)

    @pytest.mark.parametrize("lookup", [b"", b"\xff" * 64, b"0" * 32])
    def test_a_link_to_nowhere_is_refused(
        self, opened, exposed, journey, sales, lookup
    ):
        """
        A link that no department made is refused, whatever it is.
        """
        exposed.contribute(journey, keys=[PHONE])
        (links,) = opened.links.values()
        links[lookup] = (0, 10**12)
        with pytest.raises(RecordTamperedError):
            exposed.find(PHONE, department=sales, channel="phone")

    def test_a_hand_over_is_no_record(self, opened, exposed, journey, sales):
        """
        An envelope for one department, put where it could rest, is refused.
        """
        place = exposed.contribute(journey)
        (lookup,) = opened.lookups
        opened.put(lookup, bytes(journey.hand_over("sales")))
        with pytest.raises(WrongDeliveryKindError):
            exposed.resume(place, department=sales)

    def test_a_departments_own_save_is_for_itself(
        self, opened, exposed, journey, sales, support
    ):
        """
        What sales saved for itself, put into the home, support does not resume.
        """
        place = exposed.contribute(journey)
        (lookup,) = opened.lookups
        opened.put(lookup, journey.save())
        with pytest.raises(WrongAudienceError):
            exposed.resume(place, department=support)


class TestDump:
    """
    What a copy of the store gives away.
    """

    SAID = ("Ada Zebedee Lovelace", "zebedee@example.org", "4242-Zebedee", "A-zebedee")
    KEYS = (
        CustomerKey(KeyKind.PHONE, "+1 202 555 0123"),
        CustomerKey(KeyKind.EMAIL, "zebedee@example.org"),
        CustomerKey(KeyKind.HANDLE, "@zebedee"),
        CustomerKey(KeyKind.ACCOUNT, "zebedee-7"),
    )

    def test_the_file_has_no_value_and_no_key(self, sales, tmp_path):
        """
        Neither the database nor its log has a word that was said, or a number.
        """
        store = SQLiteStore(tmp_path / "home.db")
        home = Home(store, pepper=PEPPER)
        journey = sales.begin(channel="chat")
        for key, value in zip(
            (Acme.full_name, Acme.email, Acme.card_last4, Acme.order_number),
            self.SAID,
            strict=True,
        ):
            journey.learn(key, value)
        home.contribute(journey, keys=self.KEYS)
        dump = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        store.close()
        closed = (tmp_path / "home.db").read_bytes()
        everything = b"".join((*dump.values(), closed))
        words = [*self.SAID, *(key.value for key in self.KEYS)]
        words += ["zebedee", "Lovelace", "2025550123", "+1202", "5550123", "4242"]
        encodings = ("utf-8", "utf-16-le", "utf-16-be")

        assert True is (len(dump["home.db-wal"]) > 1000 and PEPPER not in everything)
        assert [] == [
            word
            for word in words
            for encoding in encodings
            if word.lower().encode(encoding) in everything.lower()
        ]

    def test_records_name_no_department_and_no_field(self, store, home, journey):
        """
        Not even the vocabulary's and the departments' names rest there.
        """
        place = home.contribute(journey, keys=[PHONE])
        lookup = Pepper(PEPPER).lookup("journey", place.journey_id.encode())
        record = store.load(lookup, now_s=0)[1]

        assert [] == [
            name
            for name in ("sales", "billing", *Acme.fields, "payment")
            if name.encode() in record
        ]
