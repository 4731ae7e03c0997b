"""
However a carrier misbehaves, the answer is right, and never another customer's.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import h11
import pytest
import uvicorn

import cxcontext as cx
from cxcontext.testing import SampleShop, ThrowAwayDomain
from cxcontext.testing.misbehaving import (
    ABSENT,
    MISBEHAVIOURS,
    READ,
    MisbehavingCarrier,
)

NAME = "Customer-Context"
BY_NAME = {each.name: each for each in MISBEHAVIOURS}
TRANSCRIPTS = json.loads(
    (Path(__file__).parent / "transcripts.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("misbehaviour", MISBEHAVIOURS, ids=str)
def test_the_answer_is_right(misbehaviour):
    """
    What was sent is read, or absent, or refused with its code; a stranger's never.
    """
    shop = ThrowAwayDomain(SampleShop)
    ada, eve = (
        shop.story()
        .began("sales", channel="chat")
        .told(SampleShop.full_name, name)
        .journey
        for name in ("Ada", "Eve")
    )
    twin = ("Customer_Context", str(eve.hand_over("billing")))
    others = (twin,) if "twin" in misbehaviour.name else ()
    carrier = MisbehavingCarrier(misbehaviour, others=others)
    sender = cx.Propagator(shop.department("sales"), [cx.Destination("billing")])
    receiver = cx.Propagator(shop.department("billing"))

    sent = sender.inject(ada, carrier, to="billing", name=NAME)
    found = receiver.extract(carrier, name=NAME)

    assert sent.skipped is None
    if misbehaviour.outcome == READ:
        assert "Ada" == found.journey.recall(SampleShop.full_name)
    elif misbehaviour.outcome == ABSENT:
        assert (None, None) == (found.journey, found.problem)
    else:
        assert misbehaviour.outcome == found.problem.code
        gap = found.journey.gap(SampleShop.full_name)
        assert cx.Reason.REJECTED is gap.reason


@pytest.mark.parametrize("spelling", ["Customer_Context", "CustomerContext"])
def test_another_spelling_alone_is_absent(spelling):
    """
    A stranger's value under a name that is nearly ours is not looked at.
    """
    plain = BY_NAME["an underscore twin beside it"]
    carrier = MisbehavingCarrier(plain, others=((spelling, "cx1.AA"),))

    assert [] == carrier.get_all(NAME)


def test_where_names_have_case_another_case_is_absent():
    """
    In Kafka and AMQP, names are compared exactly.
    """
    carrier = MisbehavingCarrier(BY_NAME["names in capitals"], exact_names=True)
    carrier.set("customer-context", "cx1.AA")

    assert [] == carrier.get_all("customer-context")
    assert ["cx1.AA"] == carrier.get_all("CUSTOMER-CONTEXT")


def test_a_value_takes_the_place_of_another():
    """
    As any carrier: one value is set, and removed.
    """
    carrier = MisbehavingCarrier(BY_NAME["names in small letters"])
    carrier.set(NAME, "one")
    carrier.set(NAME.lower(), "two")

    assert ["two"] == carrier.get_all(NAME)
    assert "two" not in repr(carrier)
    carrier.remove(NAME)
    assert [] == carrier.get_all(NAME)


# --- against transcripts ---------------------------------------------------------


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda t: t["misbehaviour"])
def test_it_is_as_it_was_written_down(transcript):
    """
    What cannot be had here does to a message what its source says that it does.
    """
    misbehaviour = BY_NAME[transcript["misbehaviour"]]
    got = [
        (name, value["bytes"].encode() if isinstance(value, dict) else value)
        for name, value in transcript["got"]
    ]

    assert got == list(misbehaviour.change(tuple(map(tuple, transcript["sent"]))))
    assert misbehaviour.transcribed


def test_whatever_has_no_real_one_here_has_a_transcript():
    """
    Each says truly whether it was held against the real one, and each says where seen.
    """
    written = {transcript["misbehaviour"] for transcript in TRANSCRIPTS}
    transcribed = {each.name for each in MISBEHAVIOURS if each.transcribed}

    assert written == transcribed
    assert all(each.seen for each in MISBEHAVIOURS)
    assert len(MISBEHAVIOURS) == len(BY_NAME)
    assert REAL | transcribed == BY_NAME.keys()


# --- against real ones -----------------------------------------------------------

REAL = {
    "two lines, two values",
    "two lines, joined by a comma",
    "unfolded to a space",
    "names in small letters",
    "names in capitals",
    "an underscore twin beside it",
    "an underscore twin, joined",
}
LINES = b"Customer-Context: abcd\r\n"
TWINS = LINES + b"Customer_Context: twin\r\n"


def request(lines):
    """
    Return a request that has these lines.
    """
    return b"GET / HTTP/1.1\r\nHost: x\r\n" + lines + b"Connection: close\r\n\r\n"


def ask(port, lines):
    """
    Send a request and wait until it is answered.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request(lines))
        while connection.recv(4096):
            pass


@contextmanager
def uvicorn_server(app):
    """
    Run an ASGI application on uvicorn; yields the port.
    """
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def seen_by_uvicorn(lines):
    """
    Return our headers as an ASGI application gets them.
    """
    seen = []

    async def app(scope, receive, send):
        seen.extend((n.decode(), v.decode()) for n, v in scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with uvicorn_server(app) as port:
        ask(port, lines)
    return [pair for pair in seen if "customer" in pair[0].lower()]


class Quiet(WSGIRequestHandler):
    """
    Logs nothing.
    """

    def log_message(self, *_):
        """
        Say nothing.
        """


def seen_by_wsgiref(lines):
    """
    Return our entries of a WSGI environ.
    """
    seen = []

    def app(environ, start_response):
        seen.extend((k, v) for k, v in environ.items() if "CUSTOMER" in k)
        start_response("200 OK", [])
        return [b""]

    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        ask(server.server_port, lines)
        thread.join()
    return seen


def changed(name, *pairs):
    """
    Return what a misbehaviour makes of a message.
    """
    return list(BY_NAME[name].change(pairs))


def test_uvicorn_does_as_it_is_said_to():
    """
    Two lines are two, names are small, and a twin is a header of its own.
    """
    ours, twin = (NAME, "abcd"), ("Customer_Context", "twin")
    small = BY_NAME["names in small letters"].change

    assert seen_by_uvicorn(LINES) == changed("names in small letters", ours)
    assert seen_by_uvicorn(LINES * 2) == [
        *small(tuple(changed("two lines, two values", ours)))
    ]
    assert seen_by_uvicorn(TWINS) == [
        *small(tuple(changed("an underscore twin beside it", ours, twin)))
    ]


def test_wsgiref_does_as_it_is_said_to():
    """
    Two lines are joined by a comma, names are capitals, and a twin is joined, too.
    """
    ours, twin = (NAME, "abcd"), ("Customer_Context", "twin")

    def as_cgi(pairs):
        return [(f"HTTP_{n.upper().replace('-', '_')}", v) for n, v in pairs]

    assert seen_by_wsgiref(LINES) == as_cgi(changed("names in capitals", ours))
    assert seen_by_wsgiref(LINES * 2) == as_cgi(
        changed("two lines, joined by a comma", ours)
    )
    assert seen_by_wsgiref(TWINS) == as_cgi(
        changed("an underscore twin, joined", ours, twin)
    )


def test_h11_does_as_it_is_said_to():
    """
    A folded line is one value with a space in it.
    """
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(request(b"Customer-Context: ab\r\n cd\r\n"))
    headers = dict(connection.next_event().headers)

    ((_, expected),) = changed("unfolded to a space", (NAME, "abcd"))
    assert expected == headers[b"customer-context"].decode()
