"""
References: what is put under one, who fetches it, and when nobody does any more.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from acme import Acme
from keeping import ENGINES, KEYS, PEPPER, WAYS, opened, references_on, shown

import cxcontext as cx
from cxcontext.errors import (
    ReferenceExpiredError,
    ReferenceForgedError,
    ReferenceUsedError,
    UnavailableError,
    UnknownDepartmentError,
    UsageError,
    VerificationError,
    WrongAudienceError,
)
from cxcontext.homes import AsyncReferences, ReferenceKeys, References

LEG, OTHER_LEG = "CA-leg-1", "CA-leg-2"


@pytest.fixture(params=ENGINES)
def store(request, tmp_path):
    """
    An empty store of either engine.
    """
    yield from opened(request.param, tmp_path)


@pytest.fixture(params=WAYS)
def references(request, store):
    """
    References that departments share, waited for or awaited.
    """
    return references_on(store, request.param)


@pytest.fixture
def journey(sales):
    """
    A journey at sales on which a name and a card's last digits were learned.
    """
    journey = sales.begin(channel="phone")
    journey.learn(Acme.full_name, "Ada Lovelace")
    journey.learn(Acme.card_last4, "4242")
    return journey


def taken(references, reference, department, *, lease=LEG, **how):
    """
    Redeem what a leg brought.
    """
    return references.redeem(str(reference), department=department, lease=lease, **how)


class TestRedeeming:
    """
    One leg, one department.
    """

    def test_what_was_put_is_fetched(self, references, journey, elsewhere):
        """
        Billing in another process knows what sales was told.
        """
        reference = references.put(journey, "billing")
        found = taken(
            references, reference, elsewhere["billing"], arrival=cx.Arrival.DELIVERY
        )

        assert (journey.id, "4242", "sales", reference, False, ()) == (
            found.journey.id,
            found.journey.recall(Acme.card_last4),
            found.journey.received_from,
            found.reference,
            found.carried,
            journey.unsent,
        )

    @pytest.mark.parametrize(
        "form", [str, bytes, lambda r: str(r).encode()], ids=["text", "raw", "ascii"]
    )
    def test_in_each_form(self, references, journey, billing, form):
        """
        In characters or in bytes.
        """
        reference = references.put(journey, "billing")
        found = references.redeem(form(reference), department=billing, lease=LEG)

        assert journey.id == found.journey.id

    @pytest.mark.parametrize("arrival", [*cx.Arrival, None])
    def test_it_arrives_as_surely_as_the_road(
        self, references, journey, billing, arrival
    ):
        """
        As a possession, unless whoever redeems knows better or worse.
        """
        reference = references.put(journey, "billing")
        how = {} if arrival is None else {"arrival": arrival}
        found = taken(references, reference, billing, channel="web", **how).journey

        assert (cx.Arrival.POSSESSION if arrival is None else arrival, "web") == (
            found.arrival,
            found.channel,
        )

    def test_the_same_leg_may_ask_again(self, references, journey, billing):
        """
        A webhook that is delivered twice is answered twice, and says so.
        """
        reference = references.put(journey, "billing")
        replayed = [
            taken(references, reference, billing).journey.replayed for _ in range(3)
        ]

        assert [False, True, True] == replayed

    def test_another_leg_may_not(self, references, journey, billing):
        """
        A reference is leased to the first leg that brings it.
        """
        reference = references.put(journey, "billing")
        taken(references, reference, billing)
        for lease in (OTHER_LEG, LEG.lower(), LEG + " ", None):
            with pytest.raises(ReferenceUsedError, match="child"):
                taken(references, reference, billing, lease=lease)

    @pytest.mark.parametrize(("once", "lease"), [(True, LEG), (True, None), (0, None)])
    def test_once_is_once(self, references, journey, billing, once, lease):
        """
        A single-use one is redeemed once by anybody, and so is one without a leg.
        """
        reference = references.put(journey, "billing", once=bool(once))
        taken(references, reference, billing, lease=lease)
        for again in (lease, LEG, None):
            with pytest.raises(ReferenceUsedError):
                taken(references, reference, billing, lease=again)

    def test_legs_without_a_name_are_not_one(self, references, journey, billing):
        """
        An empty call id is an error, and takes nothing away from the real leg.
        """
        reference = references.put(journey, "billing")
        with pytest.raises(UsageError, match="name the leg"):
            taken(references, reference, billing, lease="")

        assert taken(references, reference, billing).reference == reference

    @pytest.mark.parametrize("lease", [LEG, None])
    @pytest.mark.parametrize("once", [True, False])
    def test_another_department_neither_reads_nor_burns_it(
        self, references, journey, world, once, lease
    ):
        """
        Minted for billing it is refused to all others, and billing still has it.
        """
        reference = references.put(journey, "billing", once=once)
        for name in ("sales", "support", "ivr", "carrier"):
            with pytest.raises(WrongAudienceError):
                taken(references, reference, world[name], lease=lease)
        found = taken(references, reference, world["billing"], lease=lease)

        assert journey.id == found.journey.id

    def test_it_lives_as_long_as_it_says(self, references, journey, billing, clock):
        """
        Until its expiry also to a reader whose clock is behind; then to nobody.
        """
        for seconds in (59, 60):
            reference = references.put(
                journey, "billing", lifetime=timedelta(seconds=60)
            )
            clock.advance(seconds=seconds)
            if seconds == 59:
                assert taken(references, reference, billing).reference == reference
            else:
                with pytest.raises(ReferenceExpiredError):
                    taken(references, reference, billing)

    @pytest.mark.parametrize(
        "lifetime", [timedelta(0), timedelta(seconds=-1), timedelta(days=91)]
    )
    def test_a_lifetime_out_of_range_is_an_error(self, references, journey, lifetime):
        """
        And nothing is put.
        """
        with pytest.raises(UsageError, match="1 second to 90 days"):
            references.put(journey, "billing", lifetime=lifetime)

    @pytest.mark.parametrize(
        ("to", "error"), [("carrier", UsageError), ("x", UnknownDepartmentError)]
    )
    def test_only_departments_of_ours_are_put_for(self, references, journey, to, error):
        """
        A partner gets an export, and nobody unknown gets anything.
        """
        with pytest.raises(error):
            references.put(journey, to)

    def test_keys_that_rotate_break_no_call(self, store, journey, billing):
        """
        What the old key minted is redeemed with the new set, until it is retired.
        """
        reference = references_on(store).put(journey, "billing")
        rotated = ReferenceKeys({7: bytes([7]) * 32, 8: bytes([8]) * 32})
        retired = ReferenceKeys({8: bytes([8]) * 32})
        with pytest.raises(ReferenceForgedError):
            taken(references_on(store, keys=retired), reference, billing)
        found = taken(references_on(store, keys=rotated), reference, billing)

        assert journey.id == found.journey.id

    def test_a_random_source_that_repeats_hands_nobody_another_journey(
        self, references, sales, world, monkeypatch
    ):
        """
        Where an id is there already, nothing is put and nothing is given out.
        """
        monkeypatch.setattr(type(sales), "random", lambda _, size: bytes(size))
        monkeypatch.setattr(cx.Journey, "random", lambda _, size: bytes(size))
        references.put(sales.begin(channel="phone"), "billing")
        with pytest.raises(UnavailableError, match="nobody has"):
            references.put(sales.begin(channel="phone"), "billing")

    def test_their_repr_names_the_store(self, store):
        """
        And neither keys nor pepper, nor what was put.
        """
        kind = type(store).__name__

        assert (f"<References on {kind}>", f"<AsyncReferences on {kind}>") == (
            repr(References(store, keys=KEYS, pepper=PEPPER)),
            repr(AsyncReferences(store, keys=KEYS, pepper=PEPPER)),
        )

    def test_a_refusal_shows_no_reference(self, references, journey, billing):
        """
        Whatever fails, no frame of ours holds the characters or a key afterwards.
        """
        reference = references.put(journey, "billing")
        taken(references, reference, billing)
        child = references.put(journey, "sales")
        for brought in (reference, child):
            try:
                taken(references, brought, billing, lease=OTHER_LEG)
            except VerificationError as problem:
                seen = shown(problem)

            for secret in (str(brought), repr(bytes(brought)), repr(PEPPER)):
                assert secret not in seen


class TestWaiting:
    """
    Which of several references are any, said without redeeming one.
    """

    def test_a_child_stands_for_its_parent(self, references, journey, billing):
        """
        A carrier has copied the parent from the leg before.
        """
        parent = references.put(journey, "billing")
        child = references.put(journey, "billing", parent=parent)
        other = references.put(journey, "billing")
        waiting = references.waiting(
            [str(parent), bytes(child), str(other)], department=billing
        )

        assert (child, other) == waiting

    @pytest.mark.parametrize("what", ["malformed", "for support", "revoked", "message"])
    def test_what_is_none_is_left_out(self, references, journey, billing, what):
        """
        Nothing raises for what came.
        """
        good = references.put(journey, "billing")
        bad = references.put(journey, "support" if what == "for support" else "billing")
        text = "CX" if what == "malformed" else str(bad)
        if what == "revoked":
            references.revoke(bad, now_s=journey.now_s())
        if what == "message":
            lifetime = timedelta(minutes=5)
            text = references.deposit(journey, "billing", lifetime=lifetime).text

        assert (good,) == references.waiting([text, str(good)], department=billing)

    def test_nothing_is_used_up(self, references, journey, billing):
        """
        Whoever asked first may redeem it afterwards, or somebody else.
        """
        reference = references.put(journey, "billing", once=True)
        references.waiting([str(reference)], department=billing)
        found = taken(references, reference, billing)

        assert journey.id == found.journey.id
