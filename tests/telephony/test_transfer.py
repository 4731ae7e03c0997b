"""
Transfers: what goes with the call, what is said before, and who took it.
"""

from __future__ import annotations

import asyncio

import pytest
from acme import Acme
from exchange import CALLER, NAME, Exchange
from keeping import KEYS

import cxcontext as cx
from cxcontext.errors import ExternalDepartmentError, UsageError
from cxcontext.homes import CallKey
from cxcontext.stores.memory import MemoryStore
from cxcontext.telephony import platforms
from cxcontext.telephony.events import NotAccepted
from cxcontext.telephony.ladder import Leg, dialog_key, leg_of, line_key
from cxcontext.telephony.refer_to import Dialog, parse_address, parse_replaces
from cxcontext.telephony.rung import Rung
from cxcontext.telephony.sip import Offer, read
from cxcontext.telephony.transfer import Kind, Transfers
from cxcontext.telephony.user_to_user import parse

TARGET = "sip:billing@pbx.example"
CUSTOMER = f"sip:{CALLER}@carrier.example"
DIALOG = Dialog(call_id="c-1@pbx", to_tag="t", from_tag="f")


def arrived(exchange, department="support"):
    """
    Return what a customer's call led to at a department.
    """
    leg = Leg(
        lease=f"leg at {department}",
        offers=(Offer(Rung.USER_TO_USER, exchange.put(department)),),
        trusted=True,
    )
    return exchange.resolve(department, leg)


def invite_of(transfer):
    """
    Return the INVITE that a user agent makes of a Refer-To or a Contact.
    """
    address = parse_address(transfer.headers[0][1])
    return read(address.headers, request_uri=address.uri)


class TestKinds:
    """
    The exact headers of each kind.
    """

    @pytest.mark.parametrize(
        ("kind", "names"),
        [
            (Kind.BLIND, ["Refer-To", "User-to-User", "X-Customer-Context"]),
            (Kind.ATTENDED, ["Refer-To", "User-to-User", "X-Customer-Context"]),
            (Kind.REDIRECT, ["Contact"]),
            (Kind.BRIDGE, ["User-to-User", "X-Customer-Context"]),
            (Kind.CALLBACK, ["User-to-User", "X-Customer-Context"]),
        ],
    )
    def test_each_kind_has_its_headers(self, exchange, kind, names):
        """
        All of them carry one new reference, which is the child of the call's.
        """
        resolved = arrived(exchange)
        transfer = exchange.transfer(
            resolved.journey,
            kind=kind,
            target=TARGET,
            parent=resolved.reference,
            replaces=DIALOG if kind is Kind.ATTENDED else None,
        )
        own = dict(transfer.headers)

        assert names == [name for name, _ in transfer.headers]
        assert resolved.reference != transfer.reference
        if "User-to-User" in own:
            assert [str(transfer.reference)] == [
                value.reference() for value in parse([own["User-to-User"]])
            ]
        if names[0] in ("Refer-To", "Contact"):
            assert [str(transfer.reference)] == [
                offer.text for offer in invite_of(transfer).offers
            ]

    def test_a_refer_to_is_this_long(self, exchange):
        """
        In brackets, escaped, nothing before the ``?``: 168 characters with its name.
        """
        transfer = exchange.transfer(
            exchange.begin(), kind=Kind.BLIND, target="sip:x@pbx.example"
        )
        value = transfer.headers[0][1]
        hexed = str(transfer.reference).encode().hex()

        assert f"<sip:x@pbx.example?User-to-User=04{hexed}%3Bencoding%3Dhex>" == value

    def test_replaces_comes_first(self, exchange):
        """
        Some read no further than to it.
        """
        transfer = exchange.transfer(
            exchange.begin(), kind=Kind.ATTENDED, target=TARGET, replaces=DIALOG
        )
        address = parse_address(transfer.headers[0][1])

        assert ["Replaces", "User-to-User"] == [name for name, _ in address.headers]
        assert DIALOG == parse_replaces(address.headers[0][1])

    @pytest.mark.parametrize(
        ("kind", "hours"), [(Kind.BLIND, 0.5), (Kind.BRIDGE, 0.5), (Kind.CALLBACK, 24)]
    )
    def test_a_call_back_may_come_the_next_day(self, exchange, kind, hours):
        """
        A call's reference lives for half an hour, a call-back's for a day.
        """
        transfer = exchange.transfer(exchange.begin(), kind=kind, target=TARGET)

        assert hours * 3600 == transfer.reference.expires_s - exchange.world.clock.now_s

    def test_attributes_are_what_the_platform_calls_them(self, exchange):
        """
        One entry, with the reference and no fact.
        """
        transfers = exchange.transfers(platform=platforms.ASTERISK)
        transfer = exchange.transfer(
            exchange.begin(), kind=Kind.BRIDGE, transfers=transfers
        )

        assert {"__CXREF": str(transfer.reference)} == transfer.attributes

    def test_nothing_is_shown(self, exchange):
        """
        No repr has the reference, the customer's address or a name.
        """
        transfers = exchange.transfers()
        transfer = exchange.transfer(
            exchange.begin(),
            kind=Kind.BLIND,
            target=TARGET,
            caller=CUSTOMER,
            transfers=transfers,
        )
        shown = f"{transfer!r} {transfers!r} {exchange.world.events!r}"
        secrets = (str(transfer.reference)[8:], CALLER, NAME)

        assert [] == [secret for secret in secrets if secret in shown]


class TestOrder:
    """
    First the reference, then the call.
    """

    @pytest.mark.parametrize(
        "wrong",
        [
            {"kind": Kind.BLIND},
            {"kind": Kind.REDIRECT},
            {"kind": Kind.ATTENDED, "target": TARGET},
            {"kind": Kind.BLIND, "target": TARGET, "replaces": DIALOG},
            {"kind": Kind.BLIND, "target": "sip:x@h;transport=udp"},
            {"kind": Kind.BLIND, "target": "sip:x@h?a=b"},
            {"kind": Kind.BLIND, "target": "sip:x@h\r\nX: y"},
            {
                "kind": Kind.ATTENDED,
                "target": TARGET,
                "replaces": Dialog(call_id="a;b", to_tag="t", from_tag="f"),
            },
        ],
    )
    def test_a_mistake_is_raised_before_anything_is_minted(self, exchange, wrong):
        """
        Nothing is sealed or stored, so the call can be transferred again.
        """
        journey = exchange.begin()
        with pytest.raises(UsageError):
            exchange.transfer(journey, **wrong)

        assert (None, True) == (journey.id, bool(journey.unsent))

    def test_what_was_learned_goes_with_it(self, exchange):
        """
        It is sealed into what the child leads to, and is unsent no more.
        """
        resolved = arrived(exchange)
        resolved.journey.learn(Acme.attempts, 2)
        transfer = exchange.transfer(
            resolved.journey, kind=Kind.BRIDGE, parent=resolved.reference
        )
        leg = Leg(
            lease="two",
            offers=(Offer(Rung.USER_TO_USER, str(transfer.reference)),),
            trusted=True,
        )

        assert ((), 2) == (
            resolved.journey.unsent,
            exchange.resolve("billing", leg).journey.recall(Acme.attempts),
        )

    def test_a_partner_gets_no_reference(self, exchange):
        """
        An external department gets an export, which no reference is.
        """
        with pytest.raises(ExternalDepartmentError):
            exchange.transfer(exchange.begin(), to="carrier", kind=Kind.BRIDGE)


class TestStripped:
    """
    Every header taken away: what was noted is enough.
    """

    def test_a_consultation_and_its_completion(self, exchange):
        """
        Both legs of an attended transfer resolve, each by a reference of its own.
        """
        resolved = arrived(exchange)
        how = {"parent": resolved.reference, "target": TARGET}
        exchange.transfer(
            resolved.journey, kind=Kind.BRIDGE, keys=[dialog_key(DIALOG.call_id)], **how
        )
        consulted = exchange.resolve(
            "billing",
            leg_of(read([("Call-ID", DIALOG.call_id)]), lease="two", trusted=True),
        )
        exchange.transfer(resolved.journey, kind=Kind.ATTENDED, replaces=DIALOG, **how)
        headers = [("i", "new@carrier"), ("Replaces", DIALOG.encode())]
        completed = exchange.resolve(
            "billing", leg_of(read(headers), lease="three", trusted=True)
        )

        assert [(Rung.INDEX, NAME, cx.Arrival.DELIVERY)] * 2 == [
            (one.rung, one.journey.recall(Acme.full_name), one.journey.arrival)
            for one in (consulted, completed)
        ]

    def test_a_blind_transfer_is_found_by_who_calls_where(self, exchange):
        """
        For two minutes, as a possession, once.
        """
        resolved = arrived(exchange)
        exchange.transfer(
            resolved.journey,
            kind=Kind.BLIND,
            target=TARGET,
            parent=resolved.reference,
            caller=f'"Ada" <{CUSTOMER}>;tag=7',
        )
        headers = [("From", f"<{CUSTOMER}>;tag=9"), ("Call-ID", "new@carrier")]
        signalling = read(headers, request_uri=TARGET)
        found = exchange.resolve("billing", leg_of(signalling, lease="two"))
        again = exchange.resolve("billing", leg_of(signalling, lease="three"))
        exchange.world.clock.advance(minutes=3)
        late = exchange.resolve("billing", leg_of(signalling, lease="four"))

        assert (Rung.LINE, NAME, cx.Arrival.POSSESSION) == (
            found.rung,
            found.journey.recall(Acme.full_name),
            found.journey.arrival,
        )
        assert (None, cx.Reason.LOST, None) == (
            again.rung,
            again.journey.gap(Acme.full_name).reason,
            late.journey,
        )

    def test_who_else_calls_there_is_not_shown_it(self, exchange):
        """
        Another number, and one that is withheld, find nothing at the same target.
        """
        exchange.transfer(
            exchange.begin(), kind=Kind.BLIND, target=TARGET, caller=CUSTOMER
        )
        found = [
            exchange.resolve(
                "billing",
                leg_of(read([("From", who)], request_uri=TARGET), lease=who),
            )
            for who in ("<sip:+12025550199@h>", "<sip:anonymous@anonymous.invalid>")
        ]

        assert [None, None] == [one.journey for one in found]

    def test_two_of_one_number_at_once_are_none(self, exchange):
        """
        Who of the two it is cannot be said, so neither is shown the other's.
        """
        for name in (NAME, "Bob"):
            exchange.transfer(
                exchange.begin(name), kind=Kind.BLIND, target=TARGET, caller=CUSTOMER
            )
        signalling = read([("From", f"<{CUSTOMER}>")], request_uri=TARGET)
        resolved = exchange.resolve("billing", leg_of(signalling, lease="two"))

        assert (None, True) == (resolved.rung, resolved.conflict)

    def test_where_nothing_reaches_the_next_leg_it_is_said(self, exchange):
        """
        To a telephone number no header goes; without an index that is an event.
        """
        transfers = exchange.transfers(correlations=None)
        journey = exchange.begin()
        transfer = exchange.transfer(
            journey, kind=Kind.BLIND, target="tel:+12025550100", transfers=transfers
        )
        told = exchange.world.told(cx.events.Skipped)

        assert [("billing", ("full_name", "order_number"))] == [
            (event.destination, event.will_ask) for event in told
        ]
        assert "<tel:+12025550100>" == transfer.headers[0][1]

    def test_a_telephone_number_is_enough_with_the_index(self, exchange):
        """
        The number that is dialled and the customer's find it behind the PSTN.
        """
        exchange.transfer(
            exchange.begin(),
            kind=Kind.BLIND,
            target="tel:+12025550100",
            caller=CUSTOMER,
        )
        leg = Leg(lease="two", line="+12025550100", caller=CALLER)

        assert (Rung.LINE, []) == (
            exchange.resolve("billing", leg).rung,
            exchange.world.told(cx.events.Skipped),
        )


class TestWithdrawn:
    """
    A transfer that came to nothing.
    """

    def test_its_reference_leads_nowhere_and_the_parents_ids_do_again(self, exchange):
        """
        Busy there, the customer is back here, where the platform's id is still known.
        """
        vendor = CallKey("twilio", "call", "CA1")
        text = exchange.put()
        leg = Leg(
            lease="one",
            offers=(Offer(Rung.USER_TO_USER, text),),
            ids=(vendor,),
            trusted=True,
        )
        resolved = exchange.resolve("support", leg)
        transfers = exchange.transfers()
        transfer = exchange.transfer(
            resolved.journey,
            kind=Kind.BLIND,
            target=TARGET,
            parent=resolved.reference,
            keys=[vendor],
            caller=CUSTOMER,
            transfers=transfers,
        )
        if exchange.way == "waited":
            transfers.withdraw(transfer, parent=resolved.reference)
        else:
            asyncio.run(transfers.withdraw_async(transfer, parent=resolved.reference))
        there = exchange.resolve(
            "billing",
            Leg(
                lease="two", offers=(Offer(Rung.USER_TO_USER, str(transfer.reference)),)
            ),
        )
        line = line_key("billing@pbx.example", CALLER)
        back = exchange.resolve("support", Leg(lease="one", ids=(vendor,)))

        assert (None, Rung.VENDOR, None) == (
            there.rung,
            back.rung,
            exchange.correlations.resolve(line).reference,
        )

    def test_without_a_parent_its_ids_lead_nowhere(self, exchange):
        """
        Nobody finds by them what was taken back.
        """
        transfers = exchange.transfers()
        transfer = exchange.transfer(
            exchange.begin(),
            kind=Kind.BRIDGE,
            keys=[dialog_key("c")],
            transfers=transfers,
        )
        if exchange.way == "waited":
            transfers.withdraw(transfer)
        else:
            asyncio.run(transfers.withdraw_async(transfer))

        assert exchange.correlations.resolve(dialog_key("c")).reference is None


def accepted(exchange, transfers, transfer, journey):
    """
    Ask whether a transfer was accepted, in the way of the exchange.
    """
    if exchange.way == "waited":
        return transfers.accepted(transfer, journey)
    return asyncio.run(transfers.accepted_async(transfer, journey))


class TestAcceptance:
    """
    The next department says that it took the call.
    """

    @pytest.mark.parametrize("takes", [True, False])
    def test_it_is_known_whether_the_call_was_taken(self, exchange, takes):
        """
        Taken, it is known at once; not taken in time, there is an event.
        """
        resolved = arrived(exchange)
        transfers = exchange.transfers()
        exchange.home.contribute(resolved.journey)
        transfer = exchange.transfer(
            resolved.journey,
            kind=Kind.BRIDGE,
            parent=resolved.reference,
            transfers=transfers,
        )
        before = accepted(exchange, transfers, transfer, resolved.journey)
        early = exchange.world.told(NotAccepted)
        if takes:
            leg = Leg(
                lease="two",
                offers=(Offer(Rung.USER_TO_USER, str(transfer.reference)),),
                trusted=True,
            )
            there = exchange.resolve("billing", leg).journey
            there.accept()
            exchange.home.contribute(there)
        exchange.world.clock.advance(minutes=2)
        after = accepted(exchange, transfers, transfer, resolved.journey)
        told = [(e.by, e.after_s) for e in exchange.world.told(NotAccepted)]

        assert (False, [], takes, [] if takes else [("billing", 120)]) == (
            before,
            early,
            after,
            told,
        )

    def test_an_acceptance_of_an_earlier_transfer_does_not_count(self, exchange):
        """
        Billing had the customer this morning, and has not now.
        """
        transfers = exchange.transfers()
        journey = exchange.begin(department="support")
        exchange.home.contribute(journey)
        first = exchange.transfer(journey, kind=Kind.BRIDGE, transfers=transfers)
        leg = Leg(
            lease="one",
            offers=(Offer(Rung.USER_TO_USER, str(first.reference)),),
            trusted=True,
        )
        there = exchange.resolve("billing", leg).journey
        there.accept()
        exchange.home.contribute(there)
        was = accepted(exchange, transfers, first, journey)
        second = exchange.transfer(journey, kind=Kind.BRIDGE, transfers=transfers)

        assert (True, False) == (
            was,
            accepted(exchange, transfers, second, journey),
        )

    def test_without_a_home_nobody_could_say(self, exchange):
        """
        That is the caller's mistake, and said so.
        """
        transfers = exchange.transfers(home=None)
        journey = exchange.begin()
        transfer = exchange.transfer(journey, kind=Kind.BRIDGE, transfers=transfers)
        with pytest.raises(UsageError, match="home"):
            accepted(exchange, transfers, transfer, journey)


class TestFit:
    """
    What the next agent will have to ask, said before the call is sent.
    """

    @pytest.fixture
    def exchange(self, world):
        """
        One store is enough here: nothing is asked of it.
        """
        return Exchange(MemoryStore(), world)

    @pytest.mark.parametrize("arrival", [cx.Arrival.DELIVERY, cx.Arrival.POSSESSION])
    @pytest.mark.parametrize("to", ["billing", "support", "ivr"])
    def test_the_next_agent_asks_what_was_said(self, exchange, to, arrival):
        """
        For every field that is read there, the forecast is what its needs say then.
        """
        journey = exchange.begin()
        journey.learn(Acme.card_last4, "4242")
        needs = [
            Acme.full_name,
            Acme.email,
            Acme.order_number,
            Acme.card_last4,
            Acme.attempts,
        ]
        said = exchange.transfers().fit(journey, to=to, needs=needs, arrival=arrival)
        transfer = exchange.transfer(journey, to=to, kind=Kind.BRIDGE)
        leg = Leg(
            lease="two",
            offers=(Offer(Rung.USER_TO_USER, str(transfer.reference)),),
            trusted=arrival is cx.Arrival.DELIVERY,
        )
        gaps = exchange.resolve(to, leg).journey.needs(*needs).gaps

        assert tuple(gap.key.name for gap in gaps) == said.will_ask
        assert (cx.Transport.REFERENCE, 111) == (said.transport, said.size_bytes)

    def test_where_no_header_goes_all_that_is_known_will_be_asked(self, exchange):
        """
        Through the telephone network, and by a platform that takes none of our headers.
        """
        journey = exchange.begin()
        mute = platforms.Platform(
            name="mute", user_to_user=False, x_header=None, source="invented"
        )
        said = [
            exchange.transfers().fit(journey, to="billing", target="tel:+12025550100"),
            exchange.transfers(platform=mute).fit(journey, to="billing"),
        ]

        assert [(None, ("full_name", "order_number"))] * 2 == [
            (one.transport, one.will_ask) for one in said
        ]

    def test_it_does_nothing(self, exchange):
        """
        Nothing is sealed, told or stored.
        """
        journey = exchange.begin()
        exchange.transfers().fit(journey, to="billing", needs=[Acme.full_name])

        assert (None, []) == (journey.id, exchange.world.events)


def test_the_parts_may_be_named(store, world):
    """
    What prepares transfers says to where, and needs references only.
    """
    exchange = Exchange(store, world)
    transfers = Transfers(exchange.references)
    transfer = transfers.transfer(exchange.begin(), to="billing", kind=Kind.BRIDGE)

    assert ("<Transfers to sip>", ()) == (repr(transfers), transfer.noted)
    assert KEYS.parse(str(transfer.reference), now_s=world.clock.now_s)
