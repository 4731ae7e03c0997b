"""
The resolver: served by uvicorn, asked over a socket.
"""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import socket
import time

import httpx
import pytest
import schemathesis
from acme import Acme
from calls import CALLER, KEYS, LINE, PEPPER, SENTINEL
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loopback import Server
from openapi_spec_validator import validate

from cxcontext.errors import NotPicklableError, UnavailableError, UsageError
from cxcontext.homes import AsyncReferences, CallKey
from cxcontext.stores.threads import InThreads
from cxcontext.telephony.ladder import Ladder, Leg
from cxcontext.telephony.resolver import Resolver, ResolverClient
from cxcontext.telephony.resolver_openapi import MAX_BODY_BYTES, document
from cxcontext.telephony.resolver_request import BadRequest, parse
from cxcontext.telephony.rung import Rung
from cxcontext.telephony.sip import read
from cxcontext.telephony.user_to_user import user_to_user

GENESYS = "genesys-key-of-32-characters-or-more"
STUDIO = "studio-key-of-32-characters-or-more."
FIRST = 1e-2  # seconds: nothing here takes so long


class Steady:
    """
    Seconds that pass when they are told to.
    """

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        """
        Return how many have passed.
        """
        return self.now_s


@pytest.fixture(scope="module")
def server():
    """
    One server for all tests.
    """
    with Server() as server:
        yield server


@pytest.fixture
def steady():
    """
    The clock of the rate limit.
    """
    return Steady()


@pytest.fixture
def resolver(server, desk, steady):
    """
    A resolver for billing, by Genesys, and the IVR, by Studio.
    """
    server.reset()
    server.app = Resolver(
        [
            ResolverClient(
                "genesys",
                key=GENESYS,
                ladder=desk.ladder("billing"),
                transfers=desk.transfers,
            ),
            ResolverClient("studio", key=STUDIO, ladder=desk.ladder("ivr")),
        ],
        requests_per_minute=12,
        clock=steady,
    )
    return server.app


@pytest.fixture
def ask(server, resolver):
    """
    Post a question.
    """
    with httpx.Client(base_url=server.origin, trust_env=False) as client:

        def asked(question, *, key=GENESYS, path="/v1/resolve", **headers):
            return client.post(
                path,
                json=question,
                headers={"Authorization": f"Bearer {key}", **headers},
            )

        yield asked


@pytest.fixture
def reference(desk):
    """
    Where billing finds what the customer told sales.
    """
    return desk.put()


def code_of(response):
    """
    Return status and code of a problem, which is one in every respect.
    """
    assert "application/problem+json" == response.headers["content-type"]
    assert "no-store" == response.headers["cache-control"]
    body = response.json()
    assert {"type", "title", "status", "code"} == set(body)
    assert response.status_code == body["status"]
    assert SENTINEL not in response.text
    return response.status_code, body["code"]


class TestReference:
    """
    What a header brought.
    """

    def test_it_gives_what_the_department_may_see(self, ask, reference):
        """
        A possession: contact is known, the order number must be confirmed otherwise.
        """
        response = ask(
            {
                "call": "C1",
                "reference": str(reference),
                "fields": ["full_name", "order_number"],
            }
        )

        assert 200 == response.status_code
        assert "no-store" == response.headers["cache-control"]
        assert {
            "arrival": "possession",
            "known": {"full_name": SENTINEL},
            "gaps": [
                {
                    "field": "order_number",
                    "reason": "not_identified",
                    "remedy": "step_up",
                    "departments": ["ivr", "support"],
                    "ask": "order_number",
                }
            ],
            "replayed": False,
            "rung": "x_customer_context",
        } == response.json()

    def test_the_same_call_may_ask_again(self, ask, reference):
        """
        Platforms ask twice; another call, or another client's, gets nothing.
        """
        question = {"call": "C1", "reference": str(reference)}
        ask(question)

        assert ask(question).json()["replayed"] is True
        assert (404, "reference_used") == code_of(ask({**question, "call": "C2"}))

    def test_a_department_gets_its_own_only(self, ask, reference, desk):
        """
        With the IVR's key billing's reference leads nowhere, and the IVR's own shows
        contact.
        """
        question = {"call": "C1", "reference": str(reference)}
        mine = str(desk.put("ivr"))
        seen = ask({"call": "C1", "reference": mine}, key=STUDIO).json()

        assert (404, "wrong_audience") == code_of(ask(question, key=STUDIO))
        assert {"full_name": SENTINEL} == seen["known"]
        assert "order_number" not in json.dumps(seen)

    def test_a_trusted_road(self, server, resolver, ask, desk, reference):
        """
        Where no caller can put a reference there, it arrives as a delivery; the store
        may be one that is awaited.
        """
        references = AsyncReferences(InThreads(desk.store), keys=KEYS, pepper=PEPPER)
        ladder = Ladder(desk.world["billing"], references=references)
        server.app = Resolver(
            [ResolverClient("genesys", key=GENESYS, ladder=ladder, trusted=True)]
        )
        seen = ask({"call": "C1", "reference": str(reference)}).json()

        assert "A-118" == seen["known"]["order_number"]

    @pytest.mark.parametrize("name", ["User-to-User", "X-MS-Custom-cxref", "To"])
    def test_headers_as_they_are(self, ask, reference, name):
        """
        A platform passes its headers on, and need not know which one it is.
        """
        value = {
            "User-to-User": user_to_user(str(reference)).encode(),
            "X-MS-Custom-cxref": str(reference),
            "To": f"<sip:{reference!s}@pbx.example>",
        }[name]
        headers = [{"name": "Via", "value": "x"}, {"name": name, "value": value}]

        assert 200 == ask({"call": "C1", "headers": headers}).status_code

    def test_two_that_differ(self, ask, reference, desk):
        """
        An attribute and a header of two customers: neither is taken.
        """
        header = {"name": "X-Customer-Context", "value": str(desk.put())}
        question = {"call": "C1", "reference": str(reference), "headers": [header]}

        assert (409, "conflict") == code_of(ask(question))

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("CX", "not_found"),
            ("CX" + "A" * 46, "reference_forged"),
            ("é" * 48, "not_found"),
        ],
    )
    def test_garbage(self, ask, text, code):
        """
        It leads nowhere, and says why.
        """
        assert (404, code) == code_of(ask({"call": "C1", "reference": text}))

    def test_too_late(self, ask, reference, clock):
        """
        After half an hour it is over.
        """
        clock.advance(minutes=31)
        question = {"call": "C1", "reference": str(reference)}

        assert (404, "reference_expired") == code_of(ask(question))


class TestCode:
    """
    What was typed.
    """

    def test_it_is_redeemed_once(self, ask, reference, desk):
        """
        The call that typed it gets the journey, also a second time; another does not.
        """
        code = str(desk.codes.issue(reference, line=LINE, caller=CALLER))
        question = {"call": "C1", "code": code, "line": LINE, "caller": CALLER}

        assert {"full_name": SENTINEL} == ask(question).json()["known"]
        assert ask(question).json()["replayed"] is True
        began_s = time.monotonic()
        assert (404, "code_refused") == code_of(ask({**question, "call": "C2"}))
        # A refusal comes when all refusals come.
        assert time.monotonic() - began_s >= 1 - FIRST

    def test_mistyped(self, ask):
        """
        That it is no code at all is said at once.
        """
        question = {"call": "C1", "code": "123456788", "line": LINE, "caller": None}

        assert (404, "code_mistyped") == code_of(ask(question))

    def test_three_tries(self, ask):
        """
        Then this call has no more.
        """
        question = {"call": "C1", "code": "123", "line": LINE, "caller": None}
        seen = [code_of(ask(question)) for _ in range(4)]

        assert [(404, "code_mistyped")] * 3 + [(403, "tries_exhausted")] == seen

    @pytest.mark.parametrize("line", [" ", "000", "unknown"])
    def test_a_line_of_nothing(self, ask, line):
        """
        A line that is no number has no codes, and is no error of ours.
        """
        question = {"call": "C1", "code": "572000007", "line": line}

        assert (404, "code_refused") == code_of(ask(question))

    def test_an_empty_line(self, ask):
        """
        Nothing at all is not a line to ask for.
        """
        question = {"call": "C1", "code": "572000007", "line": ""}

        status, _ = code_of(ask(question))
        assert 400 <= status < 500


class TestCallIds:
    """
    What both legs know.
    """

    @pytest.fixture
    def noted(self, desk, reference):
        """
        The conversation that goes on.
        """
        key = CallKey("genesys", "conversation", "a84b4c76e66710")
        desk.correlations.note(
            key, reference=reference, expires_at=reference.expires_at
        )
        return {
            "platform": "genesys",
            "kind": "conversation",
            "value": "a84b4c76e66710",
        }

    def test_any_of_them_will_do(self, ask, noted):
        """
        One that is known among others finds the journey; being the client's own, it
        arrives as a delivery.
        """
        keys = [{**noted, "value": "other"}, noted]
        seen = ask({"call": "C1", "keys": keys}).json()

        assert ("vendor", "delivery") == (seen["rung"], seen["arrival"])

    def test_anothers_id_is_hearsay(self, ask, desk, reference):
        """
        What another platform calls it, the client has read somewhere: a possession.
        """
        key = CallKey("sip", "call", "a84b4c76e66710")
        desk.correlations.note(
            key, reference=reference, expires_at=reference.expires_at
        )
        keys = [{"platform": "sip", "kind": "call", "value": "a84b4c76e66710"}]
        seen = ask({"call": "C1", "keys": keys}).json()

        assert ("index", "possession") == (seen["rung"], seen["arrival"])

    def test_none_is_known(self, ask, noted):
        """
        Nothing is nothing.
        """
        keys = [{**noted, "kind": "call"}]

        assert (404, "not_found") == code_of(ask({"call": "C1", "keys": keys}))
        assert (404, "not_found") == code_of(ask({"call": "C1"}))

    def test_two_journeys(self, ask, noted, desk):
        """
        Two ids that lead to different journeys: neither is taken.
        """
        other = desk.put()
        second = CallKey("genesys", "conversation", "second")
        desk.correlations.note(second, reference=other, expires_at=other.expires_at)
        keys = [noted, {**noted, "value": "second"}]

        assert (409, "conflict") == code_of(ask({"call": "C1", "keys": keys}))


class TestTransfer:
    """
    A call goes on.
    """

    def test_the_next_department(self, ask, reference, desk):
        """
        The next leg's reference comes as headers, too; the next department redeems it,
        and finds it by the conversation's id alone.
        """
        keys = [{"platform": "genesys", "kind": "conversation", "value": "7"}]
        question = {"call": "C1", "reference": str(reference), "keys": keys}
        response = ask(
            {**question, "to": "support", "fields": ["full_name", "email"]},
            path="/v1/transfer",
        )
        body = response.json()
        support = desk.ladder("support")
        by_header = support.resolve(
            Leg(lease="L1", offers=read(body["headers"].items()).offers)
        )
        by_id = support.resolve(
            Leg(lease="L1", ids=(CallKey("genesys", "conversation", "7"),))
        )

        assert "no-store" == response.headers["cache-control"]
        assert str(reference) != body["reference"]
        assert body["reference"] == body["headers"]["X-Customer-Context"]
        assert ["email"] == body["ask"]
        assert (Rung.USER_TO_USER, Rung.VENDOR) == (by_header.rung, by_id.rung)

    @pytest.mark.parametrize(
        ("to", "key", "code"),
        [
            ("suport", GENESYS, "no_such_department"),
            ("support", STUDIO, "no_transfers_here"),
        ],
    )
    def test_nowhere(self, ask, desk, to, key, code):
        """
        A typing error, and a client that may not, are told.
        """
        mine = desk.put("billing" if key == GENESYS else "ivr")
        question = {"call": "C1", "reference": str(mine), "to": to}
        response = ask(question, key=key, path="/v1/transfer")

        assert (404, code) == code_of(response)

    def test_what_was_revoked(self, ask, reference, desk):
        """
        What was revoked has no children.
        """
        question = {"call": "C1", "reference": str(reference), "to": "support"}

        def load(*_, **__):
            return None

        ask({"call": "C1", "reference": str(reference)})
        desk.store.load = load

        assert (404, "reference_lost") == code_of(ask(question, path="/v1/transfer"))

    def test_a_store_that_is_away(self, ask, reference, desk):
        """
        503: transfer without, or try again.
        """
        question = {"call": "C1", "reference": str(reference), "to": "support"}

        def replace(*_, **__):
            raise UnavailableError("the store")

        desk.store.replace = replace

        assert (503, "unavailable") == code_of(ask(question, path="/v1/transfer"))

    def test_a_department_is_named(self, ask, reference):
        """
        Without one, and with one where nothing is handed over, it is no question.
        """
        question = {"call": "C1", "reference": str(reference)}

        assert (400, "malformed") == code_of(ask(question, path="/v1/transfer"))
        assert (400, "malformed") == code_of(ask({**question, "to": "support"}))


class TestWhoAsks:
    """
    Keys and limits.
    """

    @pytest.mark.parametrize(
        "value",
        [
            None,
            "",
            "Bearer",
            f"Basic {GENESYS}",
            f"Bearer {GENESYS[:-1]}",
            f"Bearer {GENESYS}x",
            f"Bearer {GENESYS} {GENESYS}",
        ],
    )
    def test_no_key_no_answer(self, server, resolver, reference, value):
        """
        Without one of the keys the body is not even read.
        """
        headers = {} if value is None else {"Authorization": value}
        question = {"call": "C1", "reference": str(reference)}
        response = httpx.post(
            f"{server.origin}/v1/resolve", json=question, headers=headers
        )

        assert (401, "unauthorised") == code_of(response)
        assert 'Bearer realm="cxcontext"' == response.headers["www-authenticate"]

    def test_two_keys_are_none(self, server, resolver):
        """
        A proxy may have read the other one.
        """
        pair = ("Authorization", f"Bearer {GENESYS}")
        response = httpx.post(f"{server.origin}/v1/resolve", headers=[pair, pair])

        assert (401, "unauthorised") == code_of(response)

    def test_a_limit_for_each(self, ask, steady):
        """
        The thirteenth request of a minute waits; another client's does not.
        """
        question = {"call": "C1", "reference": "CX"}
        seen = [ask(question).status_code for _ in range(12)]
        late = ask(question)

        assert [404] * 12 == seen
        assert (429, "too_many_requests") == code_of(late)
        assert "6" == late.headers["retry-after"]
        assert 404 == ask(question, key=STUDIO).status_code
        steady.now_s += 5
        assert 404 == ask(question).status_code
        assert 429 == ask(question).status_code

    def test_nothing_is_logged_or_shown(self, ask, reference, resolver, caplog):
        """
        Neither key nor reference nor value stands in a log or in repr.
        """
        with caplog.at_level(logging.DEBUG):
            ask({"call": "C1", "reference": str(reference)})
        mine = " ".join(r.getMessage() for r in caplog.records if "cxcontext" in r.name)
        client = resolver._clients[0]
        shown = f"{resolver!r} {client!r} {mine}"

        assert "<Resolver for 2 clients> <ResolverClient genesys for billing> " == shown
        with pytest.raises(NotPicklableError):
            pickle.dumps(client)


class TestRequests:
    """
    What is no question.
    """

    @pytest.mark.parametrize(
        "question",
        [
            [],
            {},
            {"reference": "CX"},
            {"call": "", "reference": "CX"},
            {"call": 1, "reference": "CX"},
            {"call": "C1", "reference": 1},
            {"call": "C1", "reference": "a" * 257},
            {"call": "C1", "transferred": 1},
            {"call": "C1", "headers": [{"name": "To"}]},
            {"call": "C1", "headers": [["To", "1"]]},
            {"call": "C1", "headers": [{"name": "To", "value": ""}] * 65},
            {"call": "C1", "reference": "CX", "other": 1},
            {"call": "C1", "code": "1"},
            {"call": "C1", "keys": [{}]},
            {"call": "C1", "keys": "a"},
            {"call": "C1", "reference": "CX", "fields": "full_name"},
        ],
    )
    def test_another_shape(self, ask, question):
        """
        Missing, unknown, empty and contradicting members are refused.
        """
        assert (400, "malformed") == code_of(ask(question))

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"\xff",
            b'{"call": "a", "call": "b", "reference": "CX"}',
            b'{"call": NaN}',
            b"[" * 5000,
            b'{"call": "\\ud800", "reference": "CX"}',
            b"1" * 5000,
        ],
    )
    def test_bytes_that_are_no_json(self, server, resolver, body):
        """
        Broken, deep, doubled or half a character: 400, and nothing else.
        """
        response = httpx.post(
            f"{server.origin}/v1/resolve",
            content=body,
            headers={
                "Authorization": f"Bearer {GENESYS}",
                "Content-Type": "application/json",
            },
        )

        assert (400, "malformed") == code_of(response)

    def test_a_field_that_is_none(self, ask):
        """
        A form that was made for another vocabulary says so.
        """
        question = {"call": "C1", "reference": "CX", "fields": ["shoe_size"]}

        assert (404, "unknown_field") == code_of(ask(question))

    def test_too_large(self, server, resolver):
        """
        More than 16 KiB is not read to the end, however it comes.
        """

        def chunks():
            for _ in range(40):
                yield b" " * 1024

        for content in (b" " * (MAX_BODY_BYTES + 1), chunks()):
            response = httpx.post(
                f"{server.origin}/v1/resolve",
                content=content,
                headers={
                    "Authorization": f"Bearer {GENESYS}",
                    "Content-Type": "application/json",
                },
            )
            assert (413, "too_large") == code_of(response)

    def test_not_json(self, server, ask):
        """
        Another type is refused, for a form in a page can send that.
        """
        response = ask({}, **{"Content-Type": "text/plain"})

        assert (415, "not_json") == code_of(response)

    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
    def test_only_post_redeems(self, server, resolver, method):
        """
        What fetches links redeems nothing.
        """
        response = httpx.request(method, f"{server.origin}/v1/resolve")

        assert 405 == response.status_code
        assert "POST" == response.headers["allow"]

    def test_elsewhere(self, server, resolver):
        """
        There is one path, and the document.
        """
        assert (404, "no_such_path") == code_of(httpx.get(server.origin))
        response = httpx.post(f"{server.origin}/openapi.json")
        assert (405, "method_not_allowed") == code_of(response)

    def test_who_sends_slowly_is_told(self, server, resolver, monkeypatch):
        """
        A body that does not come ends with 408.
        """
        monkeypatch.setattr("cxcontext.telephony.resolver.BODY_SECONDS", 0.1)
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(
                b"POST /v1/resolve HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
                b"Content-Type: application/json\r\n"
                b"Authorization: Bearer " + GENESYS.encode() + b"\r\n\r\n{"
            )
            answer = connection.recv(4096)

        assert answer.startswith(b"HTTP/1.1 408 ")

    def test_who_leaves_is_forgotten(self, resolver):
        """
        A client that goes away in the middle redeems nothing.
        """
        sent = []

        async def receive():
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        headers = [
            (b"authorization", b"bearer " + GENESYS.encode()),
            (b"content-type", b"application/json"),
        ]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/resolve",
            "headers": headers,
        }
        asyncio.run(resolver(scope, receive, send))

        assert 400 == sent[0]["status"]


class TestOutages:
    """
    What is not there.
    """

    def test_a_store_that_cannot_be_reached(self, ask, desk, reference):
        """
        503, and to be tried again.
        """

        def claim(*_, **__):
            raise UnavailableError("the store")

        desk.store.claim = claim
        response = ask({"call": "C1", "reference": str(reference)})

        assert (503, "unavailable") == code_of(response)
        assert "1" == response.headers["retry-after"]

    def test_a_web_socket(self, resolver):
        """
        It is closed before it is accepted.
        """
        sent = []

        async def receive():
            return {"type": "websocket.connect"}

        async def send(message):
            sent.append(message)

        asyncio.run(resolver({"type": "websocket"}, receive, send))

        assert [{"type": "websocket.close", "code": 1008}] == sent

    def test_the_lifespan(self, resolver):
        """
        Servers that begin and end an application may.
        """
        kinds = iter(["lifespan.startup", "lifespan.shutdown"])
        sent = []

        async def receive():
            return {"type": next(kinds)}

        async def send(message):
            sent.append(message["type"])

        asyncio.run(resolver({"type": "lifespan"}, receive, send))

        assert ["lifespan.startup.complete", "lifespan.shutdown.complete"] == sent


class TestSettingUp:
    """
    What cannot be safe is refused at the start.
    """

    @pytest.mark.parametrize("key", ["", "short", "é" * 40])
    def test_short_keys(self, desk, key):
        """
        A key that can be guessed is none.
        """
        with pytest.raises(UsageError):
            ResolverClient("genesys", key=key, ladder=desk.ladder("billing"))

    def test_clients(self, desk):
        """
        One at least, and no two of one name or key; one request a minute at least.
        """
        client = ResolverClient("genesys", key=GENESYS, ladder=desk.ladder("billing"))

        twin = ResolverClient("twin", key=GENESYS, ladder=desk.ladder("ivr"))
        for clients in ([], [client, client], [client, twin]):
            with pytest.raises(UsageError):
                Resolver(clients)
        with pytest.raises(UsageError):
            Resolver([client], requests_per_minute=0)


class TestDocument:
    """
    The OpenAPI document.
    """

    def test_it_is_served_and_valid(self, server, resolver):
        """
        What is served is an OpenAPI document, by the specification's own schema.
        """
        served = httpx.get(f"{server.origin}/openapi.json").json()
        validate(served)

        assert document() == served

    @pytest.mark.parametrize("path", ["/v1/resolve", "/v1/transfer"])
    def test_it_is_what_happens(self, server, resolver, path):
        """
        Whatever schemathesis makes of it, the answers are those that it describes.
        """
        server.app = Resolver(resolver._clients, requests_per_minute=10**6)
        schema = schemathesis.openapi.from_url(f"{server.origin}/openapi.json")

        @settings(
            max_examples=40, deadline=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=schema[path]["post"].as_strategy())
        def run(case):
            case.call_and_validate(headers={"Authorization": f"Bearer {GENESYS}"})

        run()

    @given(body=st.binary(max_size=300))
    @settings(max_examples=50, deadline=None)
    def test_hostile_bodies(self, body):
        """
        No bytes do anything but be refused.
        """
        with pytest.raises(BadRequest):
            parse(body, vocabulary=Acme)
