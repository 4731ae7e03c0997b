"""
The ladder: by what a call's journey is found, and as what it arrives.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from acme import Acme
from exchange import CALLER, LINE, NAME, ORDER

import cxcontext as cx
from cxcontext.errors import (
    CodeMistypedError,
    CodeRefusedError,
    ReferenceExpiredError,
    ReferenceForgedError,
    ReferenceUsedError,
    UnavailableError,
    WrongAudienceError,
)
from cxcontext.homes import CallKey, CustomerKey, KeyKind
from cxcontext.telephony.events import ConflictingReferences, LegResolved
from cxcontext.telephony.ladder import (
    Leg,
    dialog_key,
    leg_of,
    line_key,
    replaces_key,
    session_key,
)
from cxcontext.telephony.rung import Rung
from cxcontext.telephony.sip import Offer, read
from cxcontext.telephony.transfer import Kind

HEADERS = [Rung.USER_TO_USER, Rung.X_USER_TO_USER, Rung.X_CUSTOMER_CONTEXT]
VENDOR_ID = CallKey("twilio", "call", "CA0f1e")
FORGED = "CX" + "A" * 46


def offering(*texts, rung=Rung.USER_TO_USER, **how):
    """
    Return a leg that offers these references.
    """
    offers = tuple(Offer(rung, text) for text in texts)
    return Leg(**{"lease": "leg-1", "offers": offers, **how})


def note(exchange, key, text, **how):
    """
    Note a reference of ours under an id, for half an hour.
    """
    reference = exchange.references._rules.keys.parse(
        text, now_s=exchange.world.clock.now_s
    )
    exchange.correlations.note(
        key, reference=reference, expires_at=reference.expires_at, **how
    )


class TestRungs:
    """
    Each rung leads to the journey, and says how surely.
    """

    @pytest.mark.parametrize("rung", HEADERS)
    @pytest.mark.parametrize("trusted", [True, False])
    def test_a_header_leads_to_the_journey(self, exchange, rung, trusted):
        """
        From a trusted peer as a delivery, from anybody else as a possession.
        """
        leg = offering(exchange.put(), rung=rung, trusted=trusted)
        resolved = exchange.resolve("support", leg)

        assert (rung, NAME, (), False) == (
            resolved.rung,
            resolved.journey.recall(Acme.full_name),
            resolved.refusals,
            resolved.conflict,
        )
        assert (ORDER if trusted else None) == resolved.journey.recall(
            Acme.order_number
        )
        assert resolved.journey.arrival is (
            cx.Arrival.DELIVERY if trusted else cx.Arrival.POSSESSION
        )

    def test_what_is_in_the_request_uri_is_never_a_delivery(self, exchange):
        """
        An edge takes headers off; whoever dials writes the URI.
        """
        leg = offering(exchange.put(), rung=Rung.REQUEST_URI, trusted=True)
        resolved = exchange.resolve("support", leg)

        assert (Rung.REQUEST_URI, cx.Arrival.POSSESSION) == (
            resolved.rung,
            resolved.journey.arrival,
        )

    @pytest.mark.parametrize(
        "key", [replaces_key("c@h"), dialog_key("c@h"), session_key("ab" * 16)]
    )
    @pytest.mark.parametrize("trusted", [True, False])
    def test_a_noted_id_leads_to_the_journey(self, exchange, key, trusted):
        """
        Without any header.
        """
        note(exchange, key, exchange.put())
        resolved = exchange.resolve(
            "support", Leg(lease="leg-1", index=(key,), trusted=trusted)
        )

        assert (Rung.INDEX, NAME) == (
            resolved.rung,
            resolved.journey.recall(Acme.full_name),
        )
        assert resolved.journey.arrival is (
            cx.Arrival.DELIVERY if trusted else cx.Arrival.POSSESSION
        )

    def test_the_platforms_own_id_leads_to_the_journey(self, exchange):
        """
        As a delivery: the platform vouches for it.
        """
        note(exchange, VENDOR_ID, exchange.put())
        resolved = exchange.resolve("support", Leg(lease="CA0f1e", ids=(VENDOR_ID,)))

        assert (Rung.VENDOR, cx.Arrival.DELIVERY) == (
            resolved.rung,
            resolved.journey.arrival,
        )

    def test_a_code_leads_to_the_journey_as_a_possession(self, exchange):
        """
        Also when the reference was not put as one that the customer carries.
        """
        reference = exchange.references.put(exchange.begin(), "support")
        code = exchange.codes.issue(reference, line=LINE)
        leg = Leg(lease="leg-1", code=str(code), line=LINE, trusted=True)
        resolved = exchange.resolve("support", leg)

        assert (Rung.CODE, cx.Arrival.POSSESSION, NAME) == (
            resolved.rung,
            resolved.journey.arrival,
            resolved.journey.recall(Acme.full_name),
        )

    @pytest.mark.parametrize(
        ("known", "arrival", "name"),
        [
            (None, cx.Arrival.HINT, None),
            (CALLER, cx.Arrival.POSSESSION, NAME),
        ],
    )
    def test_a_line_kept_for_one_customer(self, exchange, known, arrival, name):
        """
        With the caller's number a possession; alone a hint, for wrong numbers dial, too.
        """
        note(exchange, line_key(LINE, known), exchange.put())
        leg = Leg(lease="leg-1", line=LINE, caller=CALLER)
        resolved = exchange.resolve("support", leg)

        assert (Rung.LINE, arrival, name) == (
            resolved.rung,
            resolved.journey.arrival,
            resolved.journey.recall(Acme.full_name),
        )

    def test_a_callers_number_is_a_hint(self, exchange):
        """
        Nothing is recalled until identity was verified.
        """
        key = CustomerKey(KeyKind.PHONE, CALLER)
        exchange.home.contribute(exchange.begin(), keys=[key])
        resolved = exchange.resolve("support", Leg(lease="leg-1", caller=CALLER))

        assert (Rung.CALLER, cx.Arrival.HINT, None) == (
            resolved.rung,
            resolved.journey.arrival,
            resolved.journey.recall(Acme.full_name),
        )

    def test_nothing_leads_nowhere(self, exchange):
        """
        Without a trace there is no journey, no refusal and no conflict.
        """
        resolved = exchange.resolve("support", Leg())

        assert (None, None, (), False, None) == (
            resolved.journey,
            resolved.rung,
            resolved.refusals,
            resolved.conflict,
            resolved.code_problem,
        )


class TestFalling:
    """
    What cannot be used: the next rung is tried, and it is never taken for nothing.
    """

    @pytest.mark.parametrize(
        "way",
        ["malformed", "forged", "expired", "another's", "revoked"],
    )
    def test_what_is_refused_falls_to_the_next_rung(self, exchange, way):
        """
        Every kind of bad reference leaves the call to what else leads to a journey.
        """
        clock = exchange.world.clock
        to = "billing" if way == "another's" else "support"
        bad = {"malformed": "CX\r\n", "forged": FORGED}.get(way)
        bad = bad or exchange.put(to, name="Bob", lifetime=timedelta(minutes=5))
        if way == "revoked":
            keys = exchange.references._rules.keys
            exchange.references.revoke(
                keys.parse(bad, now_s=clock.now_s), now_s=clock.now_s
            )
        good = exchange.put()
        if way == "expired":
            clock.advance(minutes=6)
        note(exchange, VENDOR_ID, good)
        resolved = exchange.resolve("support", offering(bad, ids=(VENDOR_ID,)))

        assert (Rung.VENDOR, NAME, False) == (
            resolved.rung,
            resolved.journey.recall(Acme.full_name),
            resolved.conflict,
        )

    @pytest.mark.parametrize(
        ("bad", "kind", "reason"),
        [
            (FORGED, ReferenceForgedError, cx.Reason.REJECTED),
            ("expired", ReferenceExpiredError, cx.Reason.LOST),
            ("billing", WrongAudienceError, cx.Reason.REJECTED),
            ("used", ReferenceUsedError, cx.Reason.LOST),
        ],
    )
    def test_what_came_and_failed_is_no_absence(self, exchange, bad, kind, reason):
        """
        The journey is an empty one whose needs say why, and an event has the code.
        """
        text = bad
        if bad != FORGED:
            to = bad if bad == "billing" else "support"
            text = exchange.put(to, lifetime=timedelta(minutes=5))
        if bad == "used":
            exchange.resolve("support", offering(text, lease="another leg"))
        if bad == "expired":
            exchange.world.clock.advance(minutes=6)
        resolved = exchange.resolve("support", offering(text))

        assert (None, reason, [kind], [kind.code]) == (
            resolved.rung,
            resolved.journey.gap(Acme.full_name).reason,
            [type(refusal.problem) for refusal in resolved.refusals],
            [event.code for event in exchange.world.told(cx.events.Rejected)],
        )

    def test_a_store_that_cannot_be_reached_ends_the_climb(self, exchange, monkeypatch):
        """
        The caller waits for it once, not once a rung, and the call goes on.
        """
        text, asked = exchange.put(), []

        def cut(store, *_args, **_how):
            asked.append(store)
            raise UnavailableError("the store")

        kind = type(exchange.references._store)
        for verb in ("load", "claim", "linked", "increment"):
            monkeypatch.setattr(kind, verb, cut)
        leg = offering(
            text,
            index=(dialog_key("c@h"),),
            ids=(VENDOR_ID,),
            code="123456789",
            line=LINE,
            caller=CALLER,
        )
        resolved = exchange.resolve("support", leg)

        assert (1, cx.Reason.LOST) == (
            len(asked),
            resolved.journey.gap(Acme.full_name).reason,
        )

    def test_a_mistyped_code_says_so(self, exchange):
        """
        The prompt learns why, and asks once more.
        """
        leg = Leg(lease="leg-1", code="123456788", line=LINE)
        resolved = exchange.resolve("support", leg)

        assert isinstance(resolved.code_problem, CodeMistypedError)

    @pytest.mark.parametrize("dialled", ["sip:000@pbx", "sip:+0@pbx", "sip:***@pbx"])
    def test_a_code_on_what_is_no_line_falls_to_the_next_rung(self, exchange, dialled):
        """
        Whoever dials zeros and types digits is refused the code, and the call goes on:
        here to whom the number that calls belongs to.
        """
        exchange.home.contribute(
            exchange.begin(), keys=[CustomerKey(KeyKind.PHONE, CALLER)]
        )
        signalling = read([("From", f"<sip:{CALLER}@pbx>")], request_uri=dialled)
        leg = leg_of(signalling, lease="leg-1", code="572000007")
        resolved = exchange.resolve("support", leg)

        assert isinstance(resolved.code_problem, CodeRefusedError)
        assert Rung.CALLER is resolved.rung

    @pytest.mark.parametrize("lacks", ["lease", "line", "code", "codes"])
    def test_a_code_needs_a_line_and_the_platforms_id(self, exchange, lacks):
        """
        Without one of them the rung is left out; all callers would be one.
        """
        reference = exchange.references.put(exchange.begin(), "support")
        code = exchange.codes.issue(reference, line=LINE)
        how = {"lease": "leg-1", "line": LINE, "code": str(code)}
        how.pop(lacks, None)
        parts = {"codes": None} if lacks == "codes" else {}
        resolved = exchange.resolve("support", Leg(**how), **parts)

        assert resolved.journey is None

    def test_nothing_is_shown(self, exchange):
        """
        No repr on the way has a reference, an id, a number or a name.
        """
        text = exchange.put()
        leg = offering(
            text, ids=(VENDOR_ID,), code="123456789", line=LINE, caller=CALLER
        )
        resolved = exchange.resolve("support", leg)
        shown = (
            f"{leg!r} {resolved!r} {exchange.world.events!r} {exchange.ladder('ivr')!r}"
        )

        assert [] == [
            secret
            for secret in (text[8:], "leg-1", "0f1e", "123456789", LINE, CALLER, NAME)
            if secret in shown
        ]


class TestConflict:
    """
    Two valid references that differ: none, and a flag.
    """

    @pytest.mark.parametrize("second", ["header", "index", "vendor"])
    def test_neither_is_taken(self, exchange, second):
        """
        Wherever the second one stands; and neither is used up by it.
        """
        one, other = exchange.put(), exchange.put(name="Bob")
        leg = offering(one, trusted=True)
        if second == "header":
            leg = offering(one, other)
        elif second == "index":
            note(exchange, dialog_key("c@h"), other)
            leg = offering(one, index=(dialog_key("c@h"),))
        else:
            note(exchange, VENDOR_ID, other)
            leg = offering(one, ids=(VENDOR_ID,))
        resolved = exchange.resolve("support", leg)
        told = exchange.world.told(ConflictingReferences)

        assert (None, True, cx.Reason.REJECTED, 1) == (
            resolved.rung,
            resolved.conflict,
            resolved.journey.gap(Acme.full_name).reason,
            len(told),
        )
        assert [NAME, "Bob"] == [
            exchange.resolve("support", offering(text)).journey.recall(Acme.full_name)
            for text in (one, other)
        ]

    def test_after_a_conflict_no_lower_rung_is_tried(self, exchange):
        """
        A code on such a leg is not used up, and the number is no way around.
        """
        key = CustomerKey(KeyKind.PHONE, CALLER)
        exchange.home.contribute(exchange.begin("Eve"), keys=[key])
        reference = exchange.references.put(exchange.begin(), "support")
        code = exchange.codes.issue(reference, line=LINE)
        how = {"code": str(code), "line": LINE, "caller": CALLER}
        two = offering(exchange.put(), exchange.put(), **how)
        one = Leg(lease="leg-2", **how)

        assert (None, Rung.CODE) == (
            exchange.resolve("support", two).rung,
            exchange.resolve("support", one).rung,
        )

    @pytest.mark.parametrize("bad", ["forged", "for another", "revoked"])
    def test_one_that_is_not_valid_is_no_conflict(self, exchange, bad):
        """
        A stale reference, which a B2BUA copied from the leg before, hides no good one.
        """
        clock = exchange.world.clock
        stale = FORGED if bad == "forged" else exchange.put("billing")
        if bad == "revoked":
            stale = exchange.put()
            keys = exchange.references._rules.keys
            exchange.references.revoke(
                keys.parse(stale, now_s=clock.now_s), now_s=clock.now_s
            )
        resolved = exchange.resolve("support", offering(stale, exchange.put()))

        assert (Rung.USER_TO_USER, False, NAME) == (
            resolved.rung,
            resolved.conflict,
            resolved.journey.recall(Acme.full_name),
        )

    def test_a_copied_parent_hides_no_child(self, exchange):
        """
        From support to support, a B2BUA copies the first leg's header to the second.
        """
        parent = exchange.put()
        first = exchange.resolve("support", offering(parent, lease="one"))
        transfer = exchange.transfer(
            first.journey, to="support", kind=Kind.BRIDGE, parent=first.reference
        )
        child = str(transfer.reference)
        found = [
            exchange.resolve("support", offering(*both, lease="two"))
            for both in ((parent, child), (child, parent))
        ]

        assert [(False, transfer.reference)] * 2 == [
            (one.conflict, one.reference) for one in found
        ]

    def test_what_another_leg_redeemed_is_still_one_of_two(self, exchange):
        """
        That somebody puts a used reference beside a good one is no accident.
        """
        used = exchange.put(name="Bob")
        exchange.resolve("support", offering(used, lease="another leg"))
        resolved = exchange.resolve("support", offering(used, exchange.put()))

        assert (True, None) == (resolved.conflict, resolved.rung)

    def test_the_same_one_twice_is_no_conflict(self, exchange):
        """
        Headers and index agree: the first rung is recorded, the surest arrival counts.
        """
        text = exchange.put()
        note(exchange, VENDOR_ID, text)
        resolved = exchange.resolve("support", offering(text, ids=(VENDOR_ID,)))

        assert (Rung.USER_TO_USER, cx.Arrival.DELIVERY) == (
            resolved.rung,
            resolved.journey.arrival,
        )

    def test_an_id_that_was_noted_for_two_leads_nowhere(self, exchange):
        """
        It is flagged; what else came is used.
        """
        note(exchange, VENDOR_ID, exchange.put(name="Eve"))
        note(exchange, VENDOR_ID, exchange.put(name="Bob"))
        alone = exchange.resolve("support", Leg(lease="leg-1", ids=(VENDOR_ID,)))
        beside = exchange.resolve(
            "support", offering(exchange.put(), ids=(VENDOR_ID,), lease="leg-2")
        )

        assert (True, None, cx.Reason.REJECTED, NAME) == (
            alone.conflict,
            alone.rung,
            alone.journey.gap(Acme.full_name).reason,
            beside.journey.recall(Acme.full_name),
        )


class TestCallers:
    """
    The number that calls.
    """

    @pytest.mark.parametrize("name", ["Replaces", "Referred-By", "b", "Join"])
    def test_a_transferred_leg_is_never_matched_by_caller_number(self, exchange, name):
        """
        Its From may be the transferor's, who is somebody's customer, too.
        """
        key = CustomerKey(KeyKind.PHONE, CALLER)
        exchange.home.contribute(exchange.begin(), keys=[key])
        headers = [("From", f"<sip:{CALLER}@pbx.example>;tag=1"), (name, "x@y;a=b")]
        plain = leg_of(read(headers[:1]), lease="leg-1")
        transferred = leg_of(read(headers), lease="leg-2")

        assert (Rung.CALLER, None) == (
            exchange.resolve("support", plain).rung,
            exchange.resolve("support", transferred).rung,
        )

    def test_a_leg_that_brought_a_reference_was_transferred(self, exchange):
        """
        Only departments put one there: expired or forged, it tells as much.
        """
        key = CustomerKey(KeyKind.PHONE, CALLER)
        exchange.home.contribute(exchange.begin(), keys=[key])
        headers = [("From", f"<sip:{CALLER}@h>"), ("X-Customer-Context", FORGED)]
        resolved = exchange.resolve("support", leg_of(read(headers), lease="leg-1"))

        assert (None, cx.Reason.REJECTED) == (
            resolved.rung,
            resolved.journey.gap(Acme.full_name).reason,
        )

    def test_an_old_journey_is_not_found_by_a_number(self, exchange):
        """
        Who calls after a day calls about something else, as often as not.
        """
        key = CustomerKey(KeyKind.PHONE, CALLER)
        exchange.home.contribute(exchange.begin(), keys=[key])
        leg = Leg(lease="leg-1", caller=CALLER)
        exchange.world.clock.advance(hours=25)
        late = exchange.resolve("support", leg)
        patient = exchange.resolve("support", leg, recency=timedelta(hours=26))

        assert (None, Rung.CALLER) == (late.rung, patient.rung)

    def test_two_journeys_under_one_number_are_none(self, exchange):
        """
        A household shares it, and nobody is shown the other's.
        """
        key = CustomerKey(KeyKind.PHONE, CALLER)
        for name in (NAME, "Bob"):
            exchange.home.contribute(exchange.begin(name), keys=[key])
        resolved = exchange.resolve("support", Leg(lease="leg-1", caller=CALLER))

        assert (None, None) == (resolved.rung, resolved.journey)

    @pytest.mark.parametrize("caller", [None, "", "alice@example.com", "anonymous"])
    def test_only_numbers_are_looked_up(self, exchange, caller):
        """
        Whoever withholds the number is nobody in particular.
        """
        resolved = exchange.resolve("support", Leg(lease="leg-1", caller=caller))

        assert (None, ()) == (resolved.journey, resolved.refusals)


class TestAgain:
    """
    A platform asks more than once in a call.
    """

    def test_the_same_leg_may_ask_again(self, exchange):
        """
        A webhook is delivered twice.
        """
        leg = offering(exchange.put())
        again = [exchange.resolve("support", leg).rung for _ in range(2)]

        assert [Rung.USER_TO_USER] * 2 == again

    @pytest.mark.parametrize(
        ("trusted", "arrival"),
        [(True, cx.Arrival.DELIVERY), (False, cx.Arrival.POSSESSION)],
    )
    def test_the_next_request_needs_only_the_platforms_id(
        self, exchange, trusted, arrival
    ):
        """
        As what it came the first time: asking twice makes nothing surer.
        """
        how = {"ids": (VENDOR_ID,), "lease": "CA0f1e"}
        exchange.resolve("support", offering(exchange.put(), trusted=trusted, **how))
        resolved = exchange.resolve("support", Leg(**how))

        assert (Rung.VENDOR, arrival) == (resolved.rung, resolved.journey.arrival)

    def test_a_code_stays_a_possession_all_through_the_call(self, exchange):
        """
        Also when the reference under it was put as if no customer carried it.
        """
        reference = exchange.references.put(exchange.begin(), "support")
        code = exchange.codes.issue(reference, line=LINE)
        how = {"ids": (VENDOR_ID,), "lease": "CA0f1e"}
        first = exchange.resolve("support", Leg(code=str(code), line=LINE, **how))
        later = exchange.resolve("support", Leg(**how))

        assert [
            (Rung.CODE, cx.Arrival.POSSESSION),
            (Rung.VENDOR, cx.Arrival.POSSESSION),
        ] == [(one.rung, one.journey.arrival) for one in (first, later)]

    def test_the_next_department_needs_only_the_platforms_id(self, exchange):
        """
        The child takes the parent's place under it.
        """
        how = {"ids": (VENDOR_ID,)}
        leg = offering(exchange.put(), trusted=True, lease="one", **how)
        resolved = exchange.resolve("support", leg)
        exchange.transfer(
            resolved.journey,
            kind=Kind.BRIDGE,
            parent=resolved.reference,
            keys=[VENDOR_ID],
        )
        there = exchange.resolve("billing", Leg(lease="two", **how))

        assert (Rung.VENDOR, NAME, ()) == (
            there.rung,
            there.journey.recall(Acme.full_name),
            there.refusals,
        )


def test_every_climb_is_counted(exchange):
    """
    An event says by what a journey was found, or that none was: the operator's metric.
    """
    exchange.resolve("support", offering(exchange.put()))
    exchange.resolve("support", Leg())

    assert [("user_to_user", "possession"), (None, None)] == [
        (event.rung, event.arrival) for event in exchange.world.told(LegResolved)
    ]
