"""
The log of hand-overs: to whom, when, with which scopes.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from acme import START, Acme
from keeping import ENGINES, PEPPER, WAYS, Open, home_on, opened

import cxcontext as cx
from cxcontext.core.events import Unnoted
from cxcontext.errors import RecordTamperedError, UnavailableError
from cxcontext.homes import Handed, RestingPlace
from cxcontext.homes.pepper import Pepper

NAME = "customer-context"
DESTINATIONS = [cx.Destination(name) for name in ("billing", "support", "carrier")]


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


class Message:
    """
    A message that takes everything.
    """

    limits = cx.Limits(value_bytes=10**6)

    def set(self, _name, _value):
        """
        Take it.
        """

    def remove(self, _name):
        """
        Forget it.
        """


def place_of(journey):
    """
    Return where a journey rests.
    """
    return RestingPlace(journey.begun(), cx.Arrival.HOME)


def noted(home, journey, *, to="billing", scopes=(1, 3), after=timedelta(0)):
    """
    Note one hand-over.
    """
    home.note_handed(journey.begun(), to=to, scopes=scopes, at=START + after)


class TestNoting:
    """
    What is noted, and told again.
    """

    def test_the_oldest_is_first(self, home, sales):
        """
        Each with its receiver, its instant and its scopes in order.
        """
        journey = sales.begin(channel="chat")
        noted(home, journey, to="support", scopes={3, 1}, after=timedelta(hours=1))
        noted(home, journey, scopes=[])

        assert (
            Handed(to="billing", at=START, scopes=()),
            Handed(to="support", at=START + timedelta(hours=1), scopes=(1, 3)),
        ) == home.handed(place_of(journey), at=START + timedelta(hours=2))

    def test_each_journey_has_its_own(self, home, sales):
        """
        Another customer's hand-overs are not among them.
        """
        journeys = [sales.begin(channel="chat") for _ in range(2)]
        noted(home, journeys[0])

        assert [1, 0] == [len(home.handed(place_of(j), at=START)) for j in journeys]

    @pytest.mark.parametrize("days", [89, 90])
    def test_they_are_kept_as_long_as_journeys(self, home, sales, days):
        """
        After the home's lifetime nothing is left to say.
        """
        journey = sales.begin(channel="chat")
        noted(home, journey)
        found = home.handed(place_of(journey), at=START + timedelta(days=days))

        assert (days < 90) == bool(found)

    def test_thousands_are_all_told(self, sales):
        """
        A journey that was sent with every request for a month says so.
        """
        home, journey = home_on(Open()), sales.begin(channel="chat")
        for second in range(2500):
            noted(home, journey, after=timedelta(seconds=second // 2), scopes=[second])
        found = home.handed(place_of(journey), at=START + timedelta(days=1))

        assert set(range(2500)) == {number for one in found for number in one.scopes}
        assert sorted(one.at for one in found) == [one.at for one in found]

    @pytest.mark.parametrize("number", [64, 65, 5000])
    def test_very_many_scopes_fit_into_a_store(self, sales, number):
        """
        No entry exceeds 1,024 bytes, and no scope is left out.
        """
        store, journey = Open(), sales.begin(channel="chat")
        home, scopes = home_on(store), range(10**9, 10**9 + number)
        noted(home, journey, scopes=scopes, to="d" * 64)
        (links,) = store._links.values()
        found = home.handed(place_of(journey), at=START)

        assert set(scopes) == {scope for one in found for scope in one.scopes}
        assert max(map(len, links)) <= 1024

    @pytest.mark.parametrize(
        "spoil", [lambda e: e[:-1], lambda e: b"", lambda e: bytes(64)]
    )
    def test_entries_that_nobody_noted_are_refused(self, sales, spoil):
        """
        A log that was tampered with is an error with a code, and no shorter log.
        """
        store, journey = Open(), sales.begin(channel="chat")
        home = home_on(store)
        noted(home, journey)
        at = Pepper(PEPPER).lookup("log", journey.id.encode())
        ((entry, link),) = store._links[at].items()
        store._links[at] = {spoil(entry): link}
        with pytest.raises(RecordTamperedError):
            home.handed(place_of(journey), at=START)


class TestInjecting:
    """
    What a propagator notes.
    """

    def test_every_hand_over_is_noted(self, sales, home, store):
        """
        With what went along; not what was skipped, and an export under our journey.
        """
        journey = sales.begin(channel="chat")
        sender = cx.Propagator(sales, DESTINATIONS, log=home_on(store))
        journey.learn(Acme.full_name, "Ada Lovelace")
        for to in ("carrier", "billing", "ivr", None, "support"):
            sender.inject(journey, Message(), to=to, name=NAME)
            journey.learn(Acme.card_last4, "4242")
        found = home.handed(place_of(journey), at=START)

        assert {("billing", (1, 3)), ("support", (1, 3)), ("carrier", ())} == {
            (one.to, one.scopes) for one in found
        }

    def test_a_log_that_is_down_stops_nothing(self, sales, world):
        """
        The message goes with its journey, and an event says that it was not noted.
        """

        class Down:
            def note_handed(self, journey_id, **_):
                raise UnavailableError("the log")

        journey = sales.begin(channel="chat")
        sender = cx.Propagator(sales, DESTINATIONS, log=Down())
        sent = sender.inject(journey, Message(), to="billing", name=NAME)

        assert (cx.Transport.INLINE, ["billing"]) == (
            sent.transport,
            [event.destination for event in world.told(Unnoted)],
        )
