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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loopback import Server
from openapi_spec_validator import validate

import cxcontext as cx
from cxcontext.errors import NotPicklableError, UnavailableError, UsageError
from cxcontext.homes import (
    AsyncReferences,
    CallKey,
    CodeLimits,
    Codes,
    Correlations,
    ReferenceKeys,
    References,
)
from cxcontext.stores.memory import MemoryStore
from cxcontext.stores.threads import InThreads
from cxcontext.telephony.resolver import Resolver, ResolverClient
from cxcontext.telephony.resolver_openapi import MAX_BODY_BYTES, document

PEPPER = b"pepper that the store never sees"
KEYS = ReferenceKeys({0: bytes(32)})
GENESYS = "genesys-key-of-32-characters-or-more"
STUDIO = "studio-key-of-32-characters-or-more."
LINE = "+12025550100"
CALLER = "+12025550123"
SENTINEL = "Ada-sentinel-17"
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
def store():
    """
    Where everything is kept.
    """
    return MemoryStore()


@pytest.fixture
def references(store):
    """
    Where sales puts and billing redeems.
    """
    return References(store, keys=KEYS, pepper=PEPPER)


@pytest.fixture
def codes(store, clock):
    """
    Codes that lead to references.
    """
    return Codes(store, pepper=PEPPER, clock=clock, limits=CodeLimits())


@pytest.fixture
def correlations(store, clock):
    """
    Call ids that lead to references.
    """
    return Correlations(store, pepper=PEPPER, clock=clock)


@pytest.fixture
def steady():
    """
    The clock of the rate limit.
    """
    return Steady()


@pytest.fixture
def resolver(server, billing, ivr, references, codes, correlations, steady):
    """
    A resolver for billing, by Genesys, and the IVR, by Studio.
    """
    server.reset()
    server.app = Resolver(
        [
            ResolverClient("genesys", key=GENESYS, department=billing),
            ResolverClient("studio", key=STUDIO, department=ivr),
        ],
        references=references,
        codes=codes,
        correlations=correlations,
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

        def asked(question, *, key=GENESYS, **headers):
            return client.post(
                "/v1/resolve",
                json=question,
                headers={"Authorization": f"Bearer {key}", **headers},
            )

        yield asked


@pytest.fixture
def journey(sales):
    """
    What the customer told sales.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, SENTINEL)
    journey.learn(Acme.order_number, "A-118")
    return journey


@pytest.fixture
def reference(references, journey):
    """
    Where billing finds it.
    """
    return references.put(journey, "billing")


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
        } == response.json()

    def test_the_same_call_may_ask_again(self, ask, reference):
        """
        Platforms ask twice; another call, or another client's, gets nothing.
        """
        question = {"call": "C1", "reference": str(reference)}
        ask(question)

        assert ask(question).json()["replayed"] is True
        assert (404, "reference_used") == code_of(ask({**question, "call": "C2"}))

    def test_a_department_gets_its_own_only(self, ask, reference, references, journey):
        """
        With the IVR's key billing's reference leads nowhere, and the IVR's own shows
        contact.
        """
        question = {"call": "C1", "reference": str(reference)}
        mine = str(references.put(journey, "ivr"))
        seen = ask({"call": "C1", "reference": mine}, key=STUDIO).json()

        assert (404, "wrong_audience") == code_of(ask(question, key=STUDIO))
        assert {"full_name": SENTINEL} == seen["known"]
        assert "order_number" not in json.dumps(seen)

    def test_a_trusted_road(self, server, resolver, ask, billing, references, journey):
        """
        Where no caller can put a reference there, it arrives as a delivery.
        """
        server.app = Resolver(
            [ResolverClient("genesys", key=GENESYS, department=billing)],
            references=AsyncReferences(
                InThreads(references._store), keys=KEYS, pepper=PEPPER
            ),
            arrival=cx.Arrival.DELIVERY,
        )
        text = str(references.put(journey, "billing"))
        seen = ask({"call": "C1", "reference": text}).json()

        assert "A-118" == seen["known"]["order_number"]

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("CX", "reference_malformed"),
            ("CX" + "A" * 46, "reference_forged"),
            ("é" * 48, "reference_malformed"),
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

    def test_it_is_redeemed_once(self, ask, reference, codes):
        """
        The call that typed it gets the journey, also a second time; another does not.
        """
        code = str(codes.issue(reference, line=LINE, caller=CALLER))
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
        question = {"call": "C1", "code": "123", "line": LINE}
        seen = [code_of(ask(question)) for _ in range(4)]

        assert [(404, "code_mistyped")] * 3 + [(403, "tries_exhausted")] == seen

    def test_a_line_of_nothing(self, ask):
        """
        Blanks are no line.
        """
        question = {"call": "C1", "code": "123456788", "line": " "}

        assert (404, "no_such_line") == code_of(ask(question))


class TestCallIds:
    """
    What both legs know.
    """

    @pytest.fixture
    def noted(self, correlations, reference):
        """
        The dialog that the transfer replaced.
        """
        key = CallKey("sip", "dialog", "a84b4c76e66710")
        correlations.note(key, reference=reference, expires_at=reference.expires_at)
        return {"platform": "sip", "kind": "dialog", "value": "a84b4c76e66710"}

    def test_any_of_them_will_do(self, ask, noted):
        """
        One that is known among others finds the journey.
        """
        keys = [{**noted, "value": "other"}, noted]

        assert 200 == ask({"call": "C1", "keys": keys}).status_code

    def test_none_is_known(self, ask, noted):
        """
        Nothing is nothing.
        """
        keys = [{**noted, "kind": "call"}]

        assert (404, "not_found") == code_of(ask({"call": "C1", "keys": keys}))

    def test_two_journeys(self, ask, noted, references, correlations, sales):
        """
        Two that lead to different journeys, or one that leads to two: neither is taken.
        """
        other = references.put(sales.begin(channel="chat"), "billing")
        second = CallKey("sip", "dialog", "second")
        correlations.note(second, reference=other, expires_at=other.expires_at)
        keys = [noted, {**noted, "value": "second"}]
        two = code_of(ask({"call": "C1", "keys": keys}))
        correlations.note(
            CallKey(**noted), reference=other, expires_at=other.expires_at
        )

        assert (409, "conflict") == two
        assert (409, "conflict") == code_of(ask({"call": "C1", "keys": [noted]}))


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
            {"call": "C1"},
            {"reference": "CX"},
            {"call": "", "reference": "CX"},
            {"call": 1, "reference": "CX"},
            {"call": "C1", "reference": None},
            {"call": "C1", "reference": "a" * 257},
            {"call": "C1", "reference": "CX", "code": "1", "line": "1"},
            {"call": "C1", "reference": "CX", "line": "1"},
            {"call": "C1", "reference": "CX", "other": 1},
            {"call": "C1", "code": "1"},
            {"call": "C1", "keys": []},
            {"call": "C1", "keys": [{}]},
            {"call": "C1", "keys": "a"},
            {"call": "C1", "reference": "CX", "fields": []},
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

    def test_a_store_that_cannot_be_reached(self, ask, store, reference):
        """
        503, and to be tried again.
        """

        def claim(*_, **__):
            raise UnavailableError("the store")

        store.claim = claim
        response = ask({"call": "C1", "reference": str(reference)})

        assert (503, "unavailable") == code_of(response)
        assert "1" == response.headers["retry-after"]

    def test_what_is_not_set_up(self, server, ask, billing, references):
        """
        Without codes and correlations these questions are refused.
        """
        server.app = Resolver(
            [ResolverClient("genesys", key=GENESYS, department=billing)],
            references=references,
        )
        by_code = ask({"call": "C1", "code": "1", "line": "1"})
        key = {"platform": "sip", "kind": "call", "value": "1"}

        assert (404, "no_codes_here") == code_of(by_code)
        assert (404, "no_call_ids_here") == code_of(ask({"call": "C", "keys": [key]}))

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
    def test_short_keys(self, billing, key):
        """
        A key that can be guessed is none.
        """
        with pytest.raises(UsageError):
            ResolverClient("genesys", key=key, department=billing)

    def test_clients(self, billing, references):
        """
        One at least, and no two of one name; one request a minute at least.
        """
        client = ResolverClient("genesys", key=GENESYS, department=billing)

        for clients in ([], [client, client]):
            with pytest.raises(UsageError):
                Resolver(clients, references=references)
        with pytest.raises(UsageError):
            Resolver([client], references=references, requests_per_minute=0)


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

    def test_it_is_what_happens(self, server, resolver, steady, codes, store):
        """
        Whatever schemathesis makes of it, the answers are those that it describes.
        """
        server.app = Resolver(
            resolver._clients,
            references=References(store, keys=KEYS, pepper=PEPPER),
            codes=codes,
            correlations=Correlations(store, pepper=PEPPER),
            requests_per_minute=10**6,
        )
        schema = schemathesis.openapi.from_url(f"{server.origin}/openapi.json")
        operation = schema["/v1/resolve"]["post"]

        @settings(
            max_examples=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def run(case):
            case.call_and_validate(headers={"Authorization": f"Bearer {GENESYS}"})

        run()

    @given(body=st.binary(max_size=300))
    @settings(max_examples=50, deadline=None)
    def test_hostile_bodies(self, body):
        """
        No bytes do anything but be refused.
        """
        from cxcontext.telephony.resolver_request import (  # noqa: PLC0415
            BadRequest,
            parse,
        )

        with pytest.raises(BadRequest):
            parse(body, vocabulary=Acme)
