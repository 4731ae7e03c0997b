"""
Guessing, replay, a stolen code, two at once: nobody gets another's journey.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from acme import Acme, Clock, World
from exchange import CALLER, LINE, NAME, ORDER, Exchange
from hypothesis import given, settings
from hypothesis import strategies as st

import cxcontext as cx
from cxcontext.errors import (
    CodeRefusedError,
    ReferenceUsedError,
    TriesExhaustedError,
)
from cxcontext.homes import CallKey, CustomerKey, KeyKind
from cxcontext.homes.damm import check_digit
from cxcontext.stores.memory import MemoryStore
from cxcontext.telephony.ladder import Leg, dialog_key, leg_of, replaces_key
from cxcontext.telephony.rung import Rung
from cxcontext.telephony.sip import Offer, read
from cxcontext.telephony.transfer import Kind

MANY = 24


def offering(text, *, lease, **how):
    """
    Return a leg that offers a reference in its header.
    """
    return Leg(lease=lease, offers=(Offer(Rung.USER_TO_USER, text),), **how)


def verified(exchange, to="billing"):
    """
    Return a reference to the journey of a customer whom support has verified.
    """
    resolved = exchange.resolve(
        "support", offering(exchange.put(), lease="first", trusted=True)
    )
    resolved.journey.verify_identity("otp")
    return exchange.references.put(resolved.journey, to)


class Counting(MemoryStore):
    """
    A store that counts what it is asked.
    """

    def __init__(self):
        super().__init__()
        self.asked = []

    def claim(self, *args, **how):
        """
        Count, and claim.
        """
        self.asked.append("claim")
        return super().claim(*args, **how)


class TestGuessing:
    """
    What nobody was given.
    """

    @given(st.binary(min_size=30, max_size=30))
    @settings(max_examples=200, deadline=None)
    def test_a_guessed_reference_does_not_reach_the_store(self, ring, raw):
        """
        72 bits of check are wrong before anything is asked; none is claimed by it.
        """
        store = Counting()
        exchange = Exchange(store, World(ring, Clock()))
        headers = [("X-Customer-Context", raw), ("User-to-User", raw.hex())]
        resolved = exchange.resolve("support", leg_of(read(headers), lease="thief"))

        assert (None, []) == (resolved.rung, store.asked)

    def test_a_changed_reference_is_forged(self, exchange):
        """
        Each of its 48 characters counts.
        """
        text = exchange.put()
        found = set()
        for at in range(2, len(text)):
            other = "A" if text[at] != "A" else "B"
            changed = text[:at] + other + text[at + 1 :]
            leg = offering(changed, lease=f"thief {at}")
            found.add(exchange.resolve("support", leg).rung)

        assert {None} == found

    def test_codes_are_guessed_three_times_a_call(self, exchange):
        """
        And five times from one number, however many calls.
        """
        exchange.codes.issue(bytes(30), line=LINE)
        problems = []
        for which in range(8):
            digits = f"{which:08}"
            leg = Leg(
                lease=f"thief {which // 4}",
                code=digits + check_digit(digits),
                line=LINE,
                caller=CALLER,
            )
            problems.append(type(exchange.resolve("support", leg).code_problem))

        assert [CodeRefusedError] * 3 + [TriesExhaustedError] == problems[:4]
        assert [TriesExhaustedError] * 2 == problems[-2:]

    def test_a_guessed_call_id_takes_nothing_from_a_leg_that_is_there(self, exchange):
        """
        An outsider who names another's dialog is another leg, and refused.
        """
        reference = exchange.references.put(exchange.begin(), "support")
        for key in (dialog_key("c@h"), replaces_key("c@h")):
            exchange.correlations.note(
                key, reference=reference, expires_at=reference.expires_at
            )
        headers = [("Call-ID", "c@h")]
        true = exchange.resolve("support", leg_of(read(headers), lease="channel-1"))
        headers = [("Call-ID", "c@h"), ("Replaces", "c@h;to-tag=1;from-tag=2")]
        thief = exchange.resolve("support", leg_of(read(headers), lease="channel-2"))

        assert (Rung.INDEX, None, [ReferenceUsedError]) == (
            true.rung,
            thief.rung,
            [type(refusal.problem) for refusal in thief.refusals],
        )


class TestReplay:
    """
    What was seen on the wire, sent again.
    """

    @pytest.mark.parametrize("lease", ["another leg", None])
    def test_another_leg_gets_nothing(self, exchange, lease):
        """
        Whoever copies the INVITE, its Call-ID included, is on another channel.
        """
        text = exchange.put()
        headers = [("X-Customer-Context", text), ("Call-ID", "c@h")]
        first = exchange.resolve(
            "support", leg_of(read(headers), lease="channel-1", trusted=True)
        )
        again = exchange.resolve(
            "support", leg_of(read(headers), lease=lease, trusted=True)
        )

        assert (NAME, None, cx.Reason.LOST) == (
            first.journey.recall(Acme.full_name),
            again.rung,
            again.journey.gap(Acme.full_name).reason,
        )

    def test_without_a_lease_even_the_same_leg_is_refused(self, exchange):
        """
        What is not told apart is redeemed once.
        """
        text = exchange.put()
        leg = offering(text, lease=None)

        assert [Rung.USER_TO_USER, None] == [
            exchange.resolve("support", leg).rung for _ in range(2)
        ]

    def test_another_department_gets_nothing_and_uses_nothing_up(self, exchange):
        """
        A reference for billing, brought to support, still leads billing there.
        """
        text = exchange.put("billing")
        wrong = exchange.resolve("support", offering(text, lease="one"))
        right = exchange.resolve("billing", offering(text, lease="two"))

        assert (None, NAME) == (wrong.rung, right.journey.recall(Acme.full_name))

    def test_a_stolen_header_from_outside_shows_what_a_possession_shows(self, exchange):
        """
        Not the order, not who was verified: only what was marked for it.
        """
        reference = verified(exchange)
        thief = exchange.resolve("billing", offering(str(reference), lease="thief"))

        assert (cx.Arrival.POSSESSION, None, cx.Reason.NOT_IDENTIFIED) == (
            thief.journey.arrival,
            thief.journey.recall(Acme.order_number),
            thief.journey.gap(Acme.identity).reason,
        )

    def test_a_possession_stays_one_behind_a_transfer(self, exchange):
        """
        No honest department launders what was stolen.
        """
        thief = exchange.resolve(
            "support", offering(exchange.put(), lease="thief", trusted=False)
        )
        transfer = exchange.transfer(
            thief.journey, kind=Kind.BRIDGE, parent=thief.reference
        )
        there = exchange.resolve(
            "billing", offering(str(transfer.reference), lease="two", trusted=True)
        )

        assert (cx.Arrival.POSSESSION, None) == (
            there.journey.arrival,
            there.journey.recall(Acme.order_number),
        )

    def test_revoking_the_first_ends_every_leg_after_it(self, exchange):
        """
        When a theft is noticed.
        """
        first = exchange.resolve("support", offering(exchange.put(), lease="one"))
        transfer = exchange.transfer(
            first.journey, kind=Kind.BRIDGE, parent=first.reference
        )
        exchange.references.revoke(first.reference, now_s=exchange.world.clock.now_s)
        there = exchange.resolve(
            "billing", offering(str(transfer.reference), lease="two")
        )

        assert (None, cx.Reason.LOST) == (
            there.rung,
            there.journey.gap(Acme.full_name).reason,
        )


class TestCodes:
    """
    Nine digits in the wrong hands.
    """

    @pytest.mark.parametrize("carried", [True, False])
    def test_a_code_alone_never_inherits_an_identity_verification(
        self, exchange, carried
    ):
        """
        Support has verified the customer; whoever types the code is not verified.
        """
        resolved = exchange.resolve(
            "support", offering(exchange.put(), lease="first", trusted=True)
        )
        resolved.journey.verify_identity("otp")
        reference = exchange.references.put(
            resolved.journey, "billing", carried=carried
        )
        code = exchange.codes.issue(reference, line=LINE)
        leg = Leg(
            lease="thief",
            code=str(code),
            line=LINE,
            ids=(CallKey("twilio", "call", "CA1"),),
            trusted=True,
        )
        first = exchange.resolve("billing", leg)
        later = exchange.resolve(
            "billing", Leg(lease="thief", ids=leg.ids, trusted=True)
        )

        assert [(cx.Reason.NOT_IDENTIFIED, None, cx.Arrival.POSSESSION)] * 2 == [
            (
                one.journey.gap(Acme.identity).reason,
                one.journey.recall(Acme.order_number),
                one.journey.arrival,
            )
            for one in (first, later)
        ]

    def test_a_stolen_code_is_used_once(self, exchange):
        """
        Whoever comes second is refused, owner or thief, and gets no other journey.
        """
        reference = exchange.references.put(exchange.begin(), "support", carried=True)
        code = str(exchange.codes.issue(reference, line=LINE, caller=CALLER))
        thief = exchange.resolve("support", Leg(lease="thief", code=code, line=LINE))
        owner = exchange.resolve(
            "support", Leg(lease="owner", code=code, line=LINE, caller=CALLER)
        )

        assert (NAME, None, None) == (
            thief.journey.recall(Acme.full_name),
            thief.journey.recall(Acme.order_number),
            owner.rung,
        )
        assert isinstance(owner.code_problem, CodeRefusedError)

    def test_a_code_of_another_line_is_none(self, exchange):
        """
        It is asked for where it was issued for.
        """
        reference = exchange.references.put(exchange.begin(), "support")
        code = str(exchange.codes.issue(reference, line=LINE))
        leg = Leg(lease="thief", code=code, line="+12025550101")

        assert exchange.resolve("support", leg).rung is None

    def test_a_code_on_a_transferred_leg_counts_for_no_agents_number(self, exchange):
        """
        Else one customer's mistakes would stop all whom that agent passes on.
        """
        for which in range(6):
            leg = Leg(
                lease=f"leg {which}",
                code="123456788",
                line=LINE,
                caller="+12025550177",
                transferred=True,
            )
            exchange.resolve("support", leg)
        reference = exchange.references.put(exchange.begin(), "support")
        code = str(exchange.codes.issue(reference, line=LINE))
        leg = Leg(lease="leg", code=code, line=LINE, caller="+12025550177")

        assert Rung.CODE is exchange.resolve("support", leg).rung


class TestAtOnce:
    """
    Two callers, one trace.
    """

    @pytest.mark.parametrize("trace", ["code", "header", "index", "vendor", "line"])
    def test_one_gets_it_and_the_others_get_nobodys(self, store, world, trace):
        """
        Of many at the same moment exactly one; the others are told it is lost.
        """
        exchange = Exchange(store, world)
        reference = exchange.references.put(exchange.begin(), "support")
        code = exchange.codes.issue(reference, line=LINE)
        key = CallKey("sip", "call", "c@h")
        how = {
            "code": {"code": str(code), "line": LINE},
            "header": {"offers": (Offer(Rung.USER_TO_USER, str(reference)),)},
            "index": {"index": (key,)},
            "vendor": {"ids": (key,)},
            "line": {"line": LINE},
        }[trace]
        if trace == "line":
            key = CallKey("line", "dialled", LINE)
        exchange.correlations.note(
            key, reference=reference, expires_at=reference.expires_at
        )
        if trace == "code":
            exchange.correlations.forget(key, reference=reference)
        meet = threading.Barrier(MANY)

        def one(which):
            ladder = exchange.ladder("support")
            meet.wait()
            return ladder.resolve(Leg(lease=f"leg {which}", **how))

        with ThreadPoolExecutor(MANY) as pool:
            found = list(pool.map(one, range(MANY)))
        got = [one for one in found if one.rung is not None]

        assert (1, set()) == (
            len(got),
            {
                one.journey.recall(Acme.full_name)
                for one in found
                if one.rung is None and one.journey is not None
            }
            - {None},
        )

    def test_each_of_many_callers_gets_his_own(self, store, world):
        """
        Every call at once, with a header, an index entry and a code of its own.
        """
        exchange = Exchange(store, world)
        legs = []
        for which in range(MANY):
            name = f"Customer {which}"
            reference = exchange.references.put(exchange.begin(name), "support")
            lease, dialog = f"leg {which}", dialog_key(f"{which}@h")
            if which % 3 == 0:
                leg = offering(str(reference), lease=lease, trusted=True)
            elif which % 3 == 1:
                exchange.correlations.note(
                    dialog, reference=reference, expires_at=reference.expires_at
                )
                leg = Leg(lease=lease, index=(dialog,), trusted=True)
            else:
                code = exchange.codes.issue(reference, line=LINE)
                leg = Leg(lease=lease, code=str(code), line=LINE)
            legs.append((name, leg))
        ladder, meet = exchange.ladder("support"), threading.Barrier(MANY)

        def one(pair):
            meet.wait()
            return pair[0], ladder.resolve(pair[1]).journey.recall(Acme.full_name)

        with ThreadPoolExecutor(MANY) as pool:
            found = list(pool.map(one, legs))

        assert [name for name, _ in found] == [name for _, name in found]


class TestSpoofing:
    """
    What anybody can write into a call.
    """

    def test_a_spoofed_number_is_a_hint_and_shows_nothing(self, exchange):
        """
        Not the name, not the order, not that there is one.
        """
        key = CustomerKey(KeyKind.PHONE, CALLER)
        exchange.home.contribute(exchange.begin(), keys=[key])
        headers = [("From", f"<sip:{CALLER}@evil.example>")]
        thief = exchange.resolve("support", leg_of(read(headers), lease="thief"))

        assert (None, None) == (
            thief.journey.recall(Acme.full_name),
            thief.journey.recall(Acme.order_number),
        )

    @pytest.mark.parametrize("name", ["X-Customer-Context", "To", "User-to-User"])
    def test_a_reference_that_is_put_beside_a_good_one_ends_both(self, exchange, name):
        """
        A proxy that adds another customer's reference shows nobody's journey.
        """
        good, planted = exchange.put(), exchange.put(name="Bob")
        headers = [("x-User-To-User", good), (name, f"<sip:{planted}@h>")]
        if name != "To":
            headers[1] = (name, planted)
        resolved = exchange.resolve(
            "support", leg_of(read(headers), lease="leg", trusted=True)
        )

        assert (None, True) == (resolved.rung, resolved.conflict)

    def test_no_message_has_what_came(self, exchange):
        """
        A forged reference, a mistyped code: no error repeats them.
        """
        leg = Leg(
            lease="secret-lease",
            offers=(Offer(Rung.USER_TO_USER, "CX" + "Q" * 46),),
            code="987654321",
            line=LINE,
        )
        resolved = exchange.resolve("support", leg)
        shown = " ".join(f"{r.problem!s} {r.problem!r}" for r in resolved.refusals)

        assert [] == [
            secret
            for secret in ("QQQQ", "987654321", "secret-lease", ORDER)
            if secret in shown
        ]
