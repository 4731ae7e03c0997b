"""
Real calls between our own peers through Kamailio, over UDP and TCP.
"""

from __future__ import annotations

import asyncio

import attrs
import pytest
from acme import Acme
from exchange import CALLER, LINE, NAME, Exchange
from peer import HOST, Peer
from programs import Kamailio
from servers import free_port

import cxcontext as cx
from cxcontext.stores.sqlite import SQLiteStore
from cxcontext.telephony.ladder import dialog_key, leg_of
from cxcontext.telephony.rung import Rung
from cxcontext.telephony.sip import read
from cxcontext.telephony.transfer import Kind

CUSTOMER = f"sip:{CALLER}@carrier.example"


@pytest.fixture(params=["udp", "tcp"])
def transport(request):
    """
    Over what the calls go.
    """
    return request.param


@pytest.fixture
def exchange(tmp_path, world):
    """
    Departments whose journeys rest in one file.
    """
    store = SQLiteStore(tmp_path / "calls.db")
    yield Exchange(store, world, "awaited")
    store.close()


@attrs.define
class Scene:
    """
    A customer, support, billing, and the proxy between them.
    """

    exchange: Exchange
    proxy: Kamailio
    customer: Peer
    support: Peer
    billing: Peer

    def uri(self, user):
        """
        Return where a user is reached through the proxy.
        """
        return f"sip:{user}@{HOST}:{self.proxy.port}"

    async def resolve(self, department, invite, *, lease, **how):
        """
        Resolve what an INVITE brought, as the department's telephone does.
        """
        signalling = read(invite.headers, request_uri=invite.uri)
        leg = leg_of(signalling, lease=lease, **{"trusted": True, **how})
        return await self.exchange.ladder(department).resolve_async(leg)

    async def transfer(self, journey, **how):
        """
        Prepare a transfer to billing.
        """
        return await self.exchange.transfers().transfer_async(
            journey, to="billing", target=self.uri("billing"), **how
        )


def play(exchange, transport, scenario, *, strip=False, honours=True):
    """
    Run a scenario among peers that have just been started.
    """

    async def playing():
        port = free_port()
        how = {"transport": transport, "proxy": port}
        async with (
            Peer("customer", honours=honours, **how) as customer,
            Peer("support", **how) as support,
            Peer("billing", **how) as billing,
        ):
            peers = {peer.user: peer.port for peer in (customer, support, billing)}
            with Kamailio(peers, strip=strip, port=port) as proxy:
                return await scenario(
                    Scene(exchange, proxy, customer, support, billing)
                )

    return asyncio.run(playing())


async def first_leg(scene, *, strip):
    """
    Let the customer call support, with a header or with a code.
    """
    reference = scene.exchange.references.put(scene.exchange.begin(), "support")
    headers, how = [("X-Customer-Context", str(reference))], {}
    if strip:
        code = scene.exchange.codes.issue(reference, line=LINE)
        how = {"code": str(code)}
    call = await scene.customer.invite(scene.uri("support"), headers, caller=CUSTOMER)
    invite, there = await scene.support.answered()
    signalling = read(invite.headers, request_uri=invite.uri)
    leg = leg_of(signalling, lease="support-1", trusted=True, **how)
    if strip:
        leg = attrs.evolve(leg, line=LINE)
    resolved = await scene.exchange.ladder("support").resolve_async(leg)
    return resolved, there, call


async def blind(scene, *, strip=False):
    """
    Customer to support, who transfers to billing without a word.
    """
    resolved, there, _ = await first_leg(scene, strip=strip)
    transfer = await scene.transfer(
        resolved.journey,
        kind=Kind.BLIND,
        parent=resolved.reference,
        caller=there.remote,
    )
    await scene.support.refer(
        there,
        [*transfer.headers, ("Referred-By", f"<{scene.uri('support')}>")],
    )
    invite, _ = await scene.billing.answered()
    await scene.support.hang_up(there)
    return resolved, await scene.resolve("billing", invite, lease="billing-1"), invite


async def attended(scene, *, strip=False):
    """
    Customer to support, who consults billing and then connects the two.
    """
    resolved, there, _ = await first_leg(scene, strip=strip)
    call_id = scene.support.new_call_id()
    prepared = await scene.transfer(
        resolved.journey,
        kind=Kind.BRIDGE,
        parent=resolved.reference,
        keys=[dialog_key(call_id)],
    )
    consultation = await scene.support.invite(
        scene.uri("billing"), prepared.headers, call_id=call_id
    )
    invite, held = await scene.billing.answered()
    consulted = await scene.resolve("billing", invite, lease="billing-1")
    transfer = await scene.transfer(
        resolved.journey,
        kind=Kind.ATTENDED,
        parent=resolved.reference,
        replaces=consultation.dialog,
    )
    await scene.support.refer(there, transfer.headers)
    invite, _ = await scene.billing.answered()
    await scene.billing.hang_up(held)
    await scene.support.hang_up(there)
    return consulted, await scene.resolve("billing", invite, lease="billing-2"), invite


def test_a_blind_transfer_brings_the_journey_along(exchange, transport):
    """
    The customer's telephone makes a header of what is in the Refer-To (RFC 3261, 19.1.5).
    """
    first, second, invite = play(exchange, transport, blind)

    assert (Rung.X_CUSTOMER_CONTEXT, Rung.USER_TO_USER, NAME) == (
        first.rung,
        second.rung,
        second.journey.recall(Acme.full_name),
    )
    assert ["User-to-User"] == [
        name for name, _ in invite.headers if name.lower() == "user-to-user"
    ]


def test_an_attended_transfer_brings_the_journey_along(exchange, transport):
    """
    To the consultation and to the call that replaces it, each by its own reference.
    """
    consulted, completed, invite = play(exchange, transport, attended)

    assert [(Rung.USER_TO_USER, NAME, cx.Arrival.DELIVERY)] * 2 == [
        (one.rung, one.journey.recall(Acme.full_name), one.journey.arrival)
        for one in (consulted, completed)
    ]
    assert consulted.reference != completed.reference
    assert invite.get("Replaces")


def test_a_stripped_blind_transfer_resolves_through_the_index(exchange, transport):
    """
    Nothing of ours is left in the INVITE but who calls where, and that was noted.
    """

    async def scenario(scene):
        return await blind(scene, strip=True)

    first, second, invite = play(exchange, transport, scenario, strip=True)

    assert () == read(invite.headers, request_uri=invite.uri).offers
    assert (Rung.CODE, Rung.LINE, NAME, cx.Arrival.POSSESSION) == (
        first.rung,
        second.rung,
        second.journey.recall(Acme.full_name),
        second.journey.arrival,
    )


def test_a_stripped_attended_transfer_resolves_through_the_index(exchange, transport):
    """
    The consultation by its Call-ID, what replaces it by its Replaces.
    """

    async def scenario(scene):
        return await attended(scene, strip=True)

    consulted, completed, invite = play(exchange, transport, scenario, strip=True)

    assert () == read(invite.headers, request_uri=invite.uri).offers
    assert [(Rung.INDEX, NAME)] * 2 == [
        (one.rung, one.journey.recall(Acme.full_name)) for one in (consulted, completed)
    ]


def test_a_transferee_that_honours_no_headers_leaves_it_in_the_uri(exchange, transport):
    """
    There it is found, as a possession: whoever dials could have written it.
    """
    _, second, _ = play(exchange, transport, blind, honours=False)

    assert (Rung.REQUEST_URI, NAME, cx.Arrival.POSSESSION) == (
        second.rung,
        second.journey.recall(Acme.full_name),
        second.journey.arrival,
    )


def test_what_is_malformed_on_the_wire_is_served_without(exchange, transport):
    """
    Half a quote, other bytes, a line in a line: the call is made, and nothing raises.
    """
    spoiled = [
        [("User-to-User", '"half')],
        [("User-to-User", "04zz;encoding=hex"), ("user-to-user", "\xff\xfe")],
        [("User-to-User", "a;;;,,,=\r\n  ;encoding=hex")],
        [("X-Customer-Context", "CX" + "A" * 45), ("Replaces", ";;to-tag=")],
        [("Session-ID", "x" * 900), ("P-Asserted-Identity", "<<>>")],
        [("User-to-User", "," * 900), ("Referred-By", "?")],
    ]

    async def scenario(scene):
        found = []
        for headers in spoiled:
            await scene.customer.invite(scene.uri("billing"), headers)
            invite, _ = await scene.billing.answered()
            found.append(
                await scene.resolve("billing", invite, lease=f"leg {len(found)}")
            )
        # No SIP at all: nobody answers, and the next call is served.
        await scene.customer.send(b"\r\n\r\n", scene.proxy.port)
        if transport == "udp":
            await scene.customer.send(
                b"\0\xff INVITE garbage\r\n\r\n", scene.proxy.port
            )
            await scene.customer.send(b"\xff" * 900, scene.billing.port)
        await scene.customer.invite(scene.uri("billing"))
        await scene.billing.answered()
        return found

    found = play(exchange, transport, scenario)

    assert [None] * len(spoiled) == [one.rung for one in found]


def test_lines_that_a_proxy_passes_on_as_they_came(exchange, transport):
    """
    Small letters, folded, two fields, a list with commas: one reference each time.
    """

    async def scenario(scene):
        found = []
        for form in range(4):
            text = scene.exchange.put("billing")
            hexed = "04" + text.encode().hex()
            headers = [
                [("user-to-user", f"{hexed.upper()};Encoding=HEX")],
                [("User-to-User", f"{hexed}\r\n ;encoding=hex")],
                [("User-to-User", '"a, b"'), ("User-to-User", hexed)],
                [("User-to-User", f'"a, b";x=1, {hexed};encoding=hex, c')],
            ][form]
            await scene.customer.invite(scene.uri("billing"), headers)
            invite, _ = await scene.billing.answered()
            found.append(await scene.resolve("billing", invite, lease=f"leg {form}"))
        return found

    found = play(exchange, transport, scenario)

    assert [Rung.USER_TO_USER] * 4 == [one.rung for one in found]
