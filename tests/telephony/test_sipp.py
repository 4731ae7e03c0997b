"""
Calls of sipp through Kamailio: what somebody else's SIP makes of our headers.
"""

from __future__ import annotations

import re
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
from acme import Acme
from exchange import NAME, Exchange
from peer import HOST, Message
from programs import Kamailio, sipp
from servers import free_port, within_patience

from cxcontext.stores.memory import MemoryStore
from cxcontext.telephony import platforms
from cxcontext.telephony.ladder import leg_of
from cxcontext.telephony.sip import read
from cxcontext.telephony.transfer import Kind

PATIENCE = "60"
SCENARIOS = Path(__file__).with_name("scenarios")
_RECEIVED = re.compile(rb"message received (?:\[(\d+)\] bytes )?:\r?\n\r?\n")


@pytest.fixture
def exchange(world):
    """
    Departments in one process.
    """
    return Exchange(MemoryStore(), world)


def called(folder, transport, lines, *, strip=False):
    """
    Let sipp call sipp, once with each of these headers, and return the INVITEs.

    One call after the other, so that they arrive in their order; one that was sent
    again, since this machine was busy, is returned once.
    """
    there, log = free_port(), folder / "messages.log"
    # In a file of headers this sipp takes every ";" for the end of a field.
    [fields] = {line.count(";") + 1 for line in lines}
    header = ";".join(f"[field{number}]" for number in range(fields))
    scenario = (SCENARIOS / "uac.xml").read_text().replace("[field0]", header)
    (folder / "uac.xml").write_text(scenario)
    (folder / "headers.csv").write_text("\n".join(["SEQUENTIAL", *lines]) + "\n")
    mode = {"udp": "u1", "tcp": "t1"}[transport]
    count = ("-m", str(len(lines)), "-t", mode, "-i", HOST)
    with Kamailio({"billing": there}, strip=strip) as proxy, ExitStack() as running:
        answering = sipp(
            *("-sf", str(SCENARIOS / "uas.xml"), "-p", str(there), *count),
            *("-trace_msg", "-message_file", str(log), "-timeout", PATIENCE),
        )
        running.callback(ended, answering)
        within_patience(lambda: listens(there, transport))
        calling = sipp(
            f"{HOST}:{proxy.port}",
            *("-sf", str(folder / "uac.xml"), "-p", str(free_port()), *count),
            *("-inf", str(folder / "headers.csv"), "-l", "1", "-timeout", PATIENCE),
            "-timeout_error",
        )
        running.callback(ended, calling)
        # A call that ends late on a busy machine is none that sipp calls good; what is
        # claimed here is what the INVITEs had.
        calling.wait(90)
        answering.wait(90)
    parts = _RECEIVED.split(log.read_bytes())[2::2]
    messages = [Message.parse(part) for part in parts]
    invites = [one for one in messages if one.start.startswith("INVITE ")]
    return list({one.get("Call-ID"): one for one in invites}.values())


def listens(port, transport):
    """
    Say whether somebody has taken this port.
    """
    kind = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}[transport]
    with socket.socket(type=kind) as tried:
        try:
            tried.bind((HOST, port))
        except OSError:
            return True
    return False


def ended(process):
    """
    Leave no sipp behind.
    """
    process.kill()
    process.wait()


def prepared(exchange, header):
    """
    Return the headers of a bridge to every platform that takes one of this name.
    """
    found = []
    for platform in platforms.PLATFORMS.values():
        transfer = exchange.transfer(
            exchange.begin(),
            kind=Kind.BRIDGE,
            transfers=exchange.transfers(platform=platform),
        )
        found += [
            pair
            for pair in transfer.headers
            if (pair[0] == "User-to-User") is (header == "User-to-User")
        ]
    return found


@pytest.mark.parametrize("header", ["User-to-User", "X-"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_every_platforms_headers_pass_a_proxy_byte_for_byte(
    exchange, tmp_path, transport, header
):
    """
    Written by us, sent by sipp, passed on by Kamailio, received by sipp, read by us.
    """
    expected = prepared(exchange, header)
    invites = called(tmp_path, transport, [f"{n}: {v}" for n, v in expected])
    found = [pair for one in invites for pair in one.headers if pair in expected]
    names = [
        exchange.resolve(
            "billing", leg_of(read(one.headers, request_uri=one.uri), lease=str(at))
        ).journey.recall(Acme.full_name)
        for at, one in enumerate(invites)
    ]

    assert (expected, [NAME] * len(expected)) == (found, names)
    assert len(expected) > 10


@pytest.mark.parametrize("header", ["User-to-User", "X-"])
def test_what_a_proxy_strips_is_gone(exchange, tmp_path, header):
    """
    So that the tests of stripped transfers strip something.
    """
    lines = [f"{n}: {v}" for n, v in prepared(exchange, header)]
    invites = called(tmp_path, "udp", lines, strip=True)

    assert [()] * len(lines) == [
        read(one.headers, request_uri=one.uri).offers for one in invites
    ]
