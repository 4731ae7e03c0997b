"""
Transfers through baresip, which damages the URI that it is sent to.

Of ``<sip:billing@host?User-to-User=04...%3Bencoding%3Dhex>`` baresip 1.0.0 makes a
Request-URI that ends in ``?encoding?hex``, and no header.
"""

from __future__ import annotations

import asyncio

import pytest
from acme import Acme
from exchange import NAME, Exchange
from peer import HOST, Peer
from programs import Baresip

import cxcontext as cx
from cxcontext.stores.memory import MemoryStore
from cxcontext.telephony.ladder import leg_of
from cxcontext.telephony.refer_to import parse_address
from cxcontext.telephony.rung import Rung
from cxcontext.telephony.sip import read
from cxcontext.telephony.transfer import Kind


@pytest.fixture
def exchange(world):
    """
    Departments in one process.
    """
    return Exchange(MemoryStore(), world)


def resolved_of(exchange, invite):
    """
    Resolve what billing was sent.
    """
    signalling = read(invite.headers, request_uri=invite.uri)
    return exchange.resolve("billing", leg_of(signalling, lease="1", trusted=True))


def play(scenario):
    """
    Run a scenario among baresip, support and billing.
    """

    async def playing():
        async with Peer("support") as support, Peer("billing") as billing:
            with Baresip("customer") as customer:
                return await scenario(customer, support, billing)

    return asyncio.run(playing())


def test_a_blind_transfer_is_salvaged_from_the_request_uri(exchange):
    """
    The hex in it is whole, and that is enough; as a possession.
    """

    async def scenario(customer, support, billing):
        call = await support.invite(f"sip:customer@{HOST}:{customer.port}")
        transfer = exchange.transfer(
            exchange.begin("Ada Lovelace"),
            kind=Kind.BLIND,
            target=f"sip:billing@{HOST}:{billing.port}",
        )
        await support.refer(call, transfer.headers)
        return await billing.answered()

    invite, _ = play(scenario)
    resolved = resolved_of(exchange, invite)

    assert (invite.all("User-to-User"), True) == ([], "?encoding?hex" in invite.uri)
    assert (Rung.REQUEST_URI, NAME, cx.Arrival.POSSESSION) == (
        resolved.rung,
        resolved.journey.recall(Acme.full_name),
        resolved.journey.arrival,
    )


def test_a_redirect_is_salvaged_likewise(exchange):
    """
    The Contact of a 302 is followed with the same damage.
    """

    async def scenario(customer, support, billing):
        transfer = exchange.transfer(
            exchange.begin("Ada Lovelace"),
            kind=Kind.REDIRECT,
            target=f"sip:billing@{HOST}:{billing.port}",
        )
        support.moved = [*transfer.headers]
        customer.tell("dial", f"sip:support@{HOST}:{support.port}")
        return await billing.answered()

    invite, _ = play(scenario)
    resolved = resolved_of(exchange, invite)

    assert (invite.all("User-to-User"), Rung.REQUEST_URI, NAME) == (
        [],
        resolved.rung,
        resolved.journey.recall(Acme.full_name),
    )


def test_its_refer_to_without_brackets_is_read(exchange):
    """
    Baresip transfers with what it was typed: our peer finds URI and header in it.
    """
    text = exchange.put("billing")
    hexed = "04" + text.encode().hex()

    async def scenario(customer, support, billing):
        await support.invite(f"sip:customer@{HOST}:{customer.port}")
        target = f"sip:billing@{HOST}:{billing.port}?User-to-User={hexed}"
        customer.tell("transfer", target)
        invite, _ = await billing.answered()
        [refer] = [one for one in support.got if one.method == "REFER"]
        return refer.get("Refer-To"), invite

    refer_to, invite = play(scenario)
    address = parse_address(refer_to)

    assert (False, (("User-to-User", hexed),)) == ("<" in refer_to, address.headers)
    assert Rung.USER_TO_USER is resolved_of(exchange, invite).rung
