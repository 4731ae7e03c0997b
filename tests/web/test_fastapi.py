"""
FastAPI's dependencies: what routes get, what they refuse, and what they say.
"""

# No `from __future__ import annotations`: FastAPI reads those of inner functions, too.
import asyncio
import logging
from contextlib import contextmanager
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, WebSocket
from loopback import Server

import cxcontext as cx
from cxcontext.errors import UsageError
from cxcontext.testing.contract import Process, Shop
from cxcontext.web.asgi import CustomerContextMiddleware
from cxcontext.web.fastapi import (
    current_journey,
    required_fields,
    required_journey,
    setup,
)

Current = Annotated[cx.Journey[Shop] | None, Depends(current_journey)]
Required = Annotated[cx.Journey[Shop], Depends(required_journey)]
Knowing = Annotated[
    cx.Journey[Shop], Depends(required_fields(Shop.name, Shop.email, Shop.note))
]


def app_of(*, wrapped=True, answering=True):
    """
    Return an application with a route for each dependency.
    """
    app = FastAPI()
    if wrapped:
        billing = Process().department("billing")
        app.add_middleware(CustomerContextMiddleware, propagator=cx.Propagator(billing))
    if answering:
        setup(app)

    def named(journey):
        return {"name": journey and journey.recall(Shop.name)}

    @app.get("/current")
    async def current(journey: Current):
        return named(journey)

    @app.get("/required")
    def required(journey: Required):
        return named(journey)

    @app.get("/knowing")
    async def knowing(journey: Knowing):
        return named(journey)

    return app


@contextmanager
def served(app):
    """
    Serve an application by uvicorn; give a function that asks it.
    """
    with Server() as server, httpx.Client(trust_env=False) as client:
        server.app = app

        def ask(path, *values):
            headers = [("Customer-Context", str(value)) for value in values]
            return client.get(server.origin + path, headers=headers)

        yield ask


@pytest.fixture(scope="module")
def ask():
    """
    Ask an application that has all there is.
    """
    with served(app_of()) as ask:
        yield ask


async def never():
    """
    Receive nothing: a request without a body.
    """
    return {"type": "http.request"}


async def ignore(message):
    """
    Send to nobody.
    """


def handed(journey=None):
    """
    Return a value for billing, of a journey that knows a name.
    """
    return (journey or Process().begin()).hand_over("billing")


class TestServing:
    """
    What routes get.
    """

    @pytest.mark.parametrize("path", ["/current", "/required"])
    def test_a_route_gets_the_journey(self, ask, path):
        """
        A coroutine and a function are given the customer's journey.
        """
        assert {"name": "Ada Zebedee Lovelace"} == ask(path, handed()).json()

    def test_without_one_a_route_gets_none(self, ask):
        """
        Where nothing came and nothing is required, the journey is None.
        """
        assert {"name": None} == ask("/current").json()

    def test_a_route_gets_a_journey_that_knows_enough(self, ask):
        """
        Where all fields are known the route is served.
        """
        journey = Process().begin()
        journey.learn(Shop.email, "ada@shop.example")
        journey.learn(Shop.note, "rings at noon")

        assert 200 == ask("/knowing", handed(journey)).status_code


class TestRefusing:
    """
    What routes refuse.
    """

    @pytest.mark.parametrize("path", ["/required", "/knowing"])
    @pytest.mark.parametrize(
        ("values", "code"),
        [((), "absent"), (("cx1.AA",), "malformed")],
        ids=["absent", "refused"],
    )
    def test_without_a_valid_journey(self, ask, path, values, code):
        """
        The answer is 400 with RFC 9457 details that say why, and nobody keeps it.
        """
        response = ask(path, *values)

        assert (
            400,
            "application/problem+json",
            "private, no-store",
            {
                "type": "about:blank",
                "title": "A valid Customer-Context is required",
                "status": 400,
                "code": code,
            },
        ) == (
            response.status_code,
            response.headers["content-type"],
            response.headers["cache-control"],
            response.json(),
        )

    def test_without_a_required_field(self, ask, caplog):
        """
        The answer is 422 and names each gap with its remedy: never a value.
        """
        journey = Process().begin()
        journey.refused(Shop.email)
        with caplog.at_level(logging.DEBUG):
            response = ask("/knowing", handed(journey))
        gaps = [
            ("email", "refused", "do_not_ask"),
            ("note", "never_stated", "ask"),
        ]

        assert (422, "application/problem+json", "gaps", gaps, False) == (
            response.status_code,
            response.headers["content-type"],
            response.json()["code"],
            [
                (gap["field"], gap["reason"], gap["remedy"])
                for gap in response.json()["gaps"]
            ],
            "Ada" in response.text + caplog.text,
        )

    def test_without_setup_the_form_is_fastapis(self):
        """
        Whoever forgets `setup` has the same status and details in another form.
        """
        with served(app_of(answering=False)) as ask:
            response = ask("/required")

        assert (400, "absent", "private, no-store") == (
            response.status_code,
            response.json()["detail"]["code"],
            response.headers["cache-control"],
        )

    @pytest.mark.parametrize("extensions", [{}, None], ids=["empty", "none"])
    def test_a_socket_is_closed_where_no_answer_can_be_sent(self, extensions):
        """
        On a server that cannot deny a handshake with details, it is closed.
        """
        sent = []
        app = FastAPI(dependencies=[Depends(required_journey)])
        billing = Process().department("billing")
        app.add_middleware(CustomerContextMiddleware, propagator=cx.Propagator(billing))
        setup(app)

        @app.websocket("/chat")
        async def chat(socket: WebSocket):
            await socket.accept()

        async def receive():
            return {"type": "websocket.connect"}

        async def send(message):
            sent.append(message["type"])

        scope = {
            "type": "websocket",
            "path": "/chat",
            "headers": [],
            "query_string": b"",
            "extensions": extensions,
        }
        asyncio.run(app(scope, receive, send))

        assert ["websocket.close"] == sent

    def test_an_application_without_the_middleware_is_wrong(self):
        """
        A route cannot require what nobody looks for: the error says what to add.
        """
        with pytest.raises(UsageError, match="add CustomerContextMiddleware"):
            asyncio.run(
                app_of(wrapped=False)(
                    {
                        "type": "http",
                        "method": "GET",
                        "path": "/required",
                        "headers": [],
                        "query_string": b"",
                    },
                    never,
                    ignore,
                )
            )
