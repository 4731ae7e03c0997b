"""
A shop in which everything that can log, report or trace does, told what it may not say.

    python canary.py starlette|flask|django [bare]

Serves billing on a real server, asks it with every client, and prints all that was
logged, reported, traced and answered, as JSON: first as it was, then as it is with the
recipes of docs/howto/logging-and-tracing.md. With ``bare``, Django and OpenTelemetry are
set up without theirs, which no filter can make good later.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import threading
import traceback
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from types import ModuleType
from typing import Any, ClassVar

import attrs
import httpx
import requests
import rich.console
import rich.traceback
import sentry_sdk
from opentelemetry import metrics, trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import cxcontext as cx
from cxcontext.core.keygen import generate_keys
from cxcontext.observing.logging import LogEvents, RedactingFilter
from cxcontext.observing.opentelemetry import TraceEvents
from cxcontext.observing.redaction import redact, redacted
from cxcontext.web import http
from cxcontext.web.httpx import CustomerContextTransport
from cxcontext.web.requests import CustomerContextAdapter

# Nowhere in one piece: debug pages show the lines of this file.
WORD = "Ezebede"[1:] + "e"
NUMBER = int("7351902" + "468135")
CARD = "41111111" + "11111111"
PATIENCE_S = 30.0
HIDING = "bare" not in sys.argv
# Before any instrumentation is imported: they read it then.
for kind in ("SERVER", "CLIENT"):
    for part in ("REQUEST", "RESPONSE"):
        os.environ[f"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_{kind}_{part}"] = ".*"
if HIDING:
    os.environ["OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS"] = (
        "customer.context"
    )
READERS = {"sales", "billing"}
log = logging.getLogger("shop")


@attrs.frozen
class Address:
    """
    A value with parts.
    """

    street: str
    number: int


class Canary(cx.Vocabulary, revision=1):
    """
    A field of every kind.
    """

    contact = cx.Scope(1, readers=READERS)
    name = cx.Field(1, str, scope=contact)
    address = cx.Field(2, Address, scope=contact)
    orders = cx.Field(3, tuple[str, ...], scope=contact)
    notes = cx.Field(4, dict[str, str], scope=contact)
    total = cx.Field(5, Decimal, scope=contact)
    account = cx.Field(6, int, scope=contact)
    seats = cx.Field(7, str, scope=contact, many=True)
    email = cx.Field(8, str, scope=contact)
    phone = cx.Field(9, str, scope=contact)
    promised = cx.standard.promise(scope=contact)


KEYS = (
    Canary.name,
    Canary.address,
    Canary.orders,
    Canary.notes,
    Canary.total,
    Canary.account,
    Canary.email,
)


def learn_all(journey):
    """
    Put a canary into everything.
    """
    journey.learn(Canary.name, f"Ada {WORD}")
    journey.learn(Canary.address, Address(f"{WORD} Street", NUMBER))
    journey.learn(Canary.orders, (f"A-{WORD}", f"B-{NUMBER}"))
    journey.learn(Canary.notes, {f"{WORD} key": f"{WORD} value"})
    journey.learn(Canary.total, Decimal(NUMBER) / 100)
    journey.learn(Canary.account, NUMBER)
    journey.learn(Canary.seats, f"{WORD} 12A", qualifier=f"{WORD} flight")
    journey.promise(f"call-{WORD}", wording=f"We call {WORD} back")


# --- what collects -----------------------------------------------------------


class Everything(logging.Handler):
    """
    Keeps each record as text: message, arguments, attributes, traceback with locals.
    """

    def __init__(self):
        super().__init__(level=0)
        self.lines = []
        self.tracebacks = []

    def emit(self, record):
        """
        Keep a record.
        """
        self.lines.append(self.format(record))
        self.lines.append(repr({**vars(record), "exc_info": None}))
        if record.exc_info and record.exc_info[0]:
            self.tracebacks.append(with_locals(record.exc_info[1]))


def with_locals(problem):
    """
    Return a report with the locals of every frame, by Python and by rich.
    """
    plain = traceback.TracebackException.from_exception(problem, capture_locals=True)
    # rich takes seconds for one, so only the one with everything at hand is shown.
    return "".join(plain.format()) + (
        by_rich(problem) if isinstance(problem, RuntimeError) else ""
    )


def by_rich(problem):
    """
    Return rich's report, which shows objects by their fields.
    """
    out = io.StringIO()
    made = rich.traceback.Traceback.from_exception(
        type(problem),
        problem,
        problem.__traceback__,
        show_locals=True,
        locals_max_length=20,
        locals_max_string=400,
    )
    rich.console.Console(file=out, width=500).print(made)
    return out.getvalue()


class Collected(sentry_sdk.transport.Transport):
    """
    Sentry's transport: what would have been sent.
    """

    sent: ClassVar[list[str]] = []

    def capture_envelope(self, envelope):
        """
        Keep what is sent.
        """
        self.sent.append(envelope.serialize().decode("utf-8", "replace"))


raw_reports: list[str] = []


def before_send(event, hint):
    """
    Keep a report as it was, and send it redacted: the page's recipe.
    """
    raw_reports.append(json.dumps(event, default=repr))
    return redacted(event)


@attrs.define
class Wire:
    """
    What was on the wire: our values, all other headers, and the answers.
    """

    values: list[str] = attrs.field(factory=list)
    headers: list[str] = attrs.field(factory=list)
    answers: list[str] = attrs.field(factory=list)

    def note(self, pairs):
        """
        Keep the headers of one message, ours apart.
        """
        for pair in pairs:
            name, value = (
                part.decode("latin-1") if isinstance(part, bytes) else part
                for part in pair
            )
            ours = name.lower().replace("_", "-") == "customer-context"
            (self.values if ours else self.headers).append(value)


# --- what handlers do --------------------------------------------------------


def ok():
    """
    Read and log everything there is, as somebody does who looks for a fault.
    """
    journey = cx.require_current()
    known = journey.context
    facts = [journey.fact(key) for key in KEYS]
    log.debug("%r %s %r %s", journey, known, facts, journey.needs(Canary.email))
    assert WORD in str(journey.recall(Canary.name))
    journey.learn(Canary.email, f"{WORD}@example.com")
    log.info("learned", extra={"journey": journey, "facts": facts})
    return "served"


def fails():
    """
    Fail with everything at hand.
    """
    journey = cx.require_current()
    known = journey.context
    fact = journey.fact(Canary.name)
    facts = {key.name: journey.fact(key) for key in KEYS}
    needs = journey.needs(Canary.name, Canary.phone)
    raise RuntimeError(f"{journey} {known!r} {fact} {facts} {needs}")


def refuses():
    """
    Fail inside of a verb, with a value that only the verb has.
    """
    journey = cx.require_current()
    journey.learn(Canary.phone, f"{WORD} {CARD}")


def misuses():
    """
    As `refuses`, with a value of the wrong type.
    """
    journey = cx.require_current()
    journey.learn(Canary.account, f"{WORD} {NUMBER}")


WORK = {"ok": ok, "fails": fails, "refuses": refuses, "misuses": misuses}


# --- the servers -------------------------------------------------------------


def recording_asgi(app, wire):
    """
    Note what goes through an ASGI application.
    """

    async def recorded(scope, receive, send):
        async def sender(message):
            wire.note(message.get("headers", ()))
            await send(message)

        wire.note(scope["headers"])
        await app(scope, receive, sender)

    return recorded


def recording_wsgi(app, wire):
    """
    Note what goes through a WSGI application.
    """

    def recorded(environ, start_response):
        def start(status, pairs, exc_info=None):
            wire.note(pairs)
            return start_response(status, pairs, exc_info)

        wire.note(
            (key.removeprefix("HTTP_"), value)
            for key, value in environ.items()
            if key.startswith("HTTP_")
        )
        return app(environ, start)

    return recorded


@contextmanager
def uvicorn_of(app):
    """
    Serve an ASGI application with uvicorn, which tells of every message.
    """
    from loopback import Server  # noqa: PLC0415

    with Server() as server:
        server.app = app
        yield server.origin


@contextmanager
def starlette(propagator, wire):
    """
    Starlette's debug page, under uvicorn.
    """
    from opentelemetry.instrumentation.starlette import (  # noqa: PLC0415
        StarletteInstrumentor,
    )
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.responses import PlainTextResponse  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    from cxcontext.web.asgi import CustomerContextMiddleware  # noqa: PLC0415

    def handler(work):
        async def handle(request):
            return PlainTextResponse(work())

        return handle

    routes = [Route(f"/{name}", handler(work)) for name, work in WORK.items()]
    app = Starlette(routes=routes, debug=True)
    app.add_middleware(CustomerContextMiddleware, propagator=propagator, returns=True)
    StarletteInstrumentor.instrument_app(app)
    with uvicorn_of(recording_asgi(app, wire)) as origin:
        yield origin


@contextmanager
def serving(server):
    """
    Run a server of the standard library's kind in a thread.
    """
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def flask(propagator, wire):
    """
    Flask under Werkzeug with its debugger.
    """
    from flask import Flask, got_request_exception  # noqa: PLC0415
    from opentelemetry.instrumentation.flask import FlaskInstrumentor  # noqa: PLC0415
    from werkzeug.debug import DebuggedApplication  # noqa: PLC0415
    from werkzeug.serving import make_server  # noqa: PLC0415

    from cxcontext.web.wsgi import CustomerContextMiddleware  # noqa: PLC0415

    app = Flask("canary")
    app.debug = True
    for name, work in WORK.items():
        app.add_url_rule(f"/{name}", name, work)
    app.wsgi_app = CustomerContextMiddleware(app.wsgi_app, propagator, returns=True)
    FlaskInstrumentor().instrument_app(app)

    @got_request_exception.connect_via(app)
    def failed(sender, exception):
        log.error("failed", exc_info=exception)

    outer = recording_wsgi(DebuggedApplication(app, evalex=False), wire)
    with serving(make_server("127.0.0.1", 0, outer, threaded=True)) as origin:
        yield origin


@contextmanager
def django(propagator, wire):
    """
    Django's debug page, on its own server.
    """
    import re  # noqa: PLC0415

    from django import setup  # noqa: PLC0415
    from django.conf import settings  # noqa: PLC0415
    from django.core.handlers.wsgi import WSGIHandler  # noqa: PLC0415
    from django.core.servers.basehttp import (  # noqa: PLC0415
        ThreadedWSGIServer,
        WSGIRequestHandler,
    )
    from django.http import HttpResponse  # noqa: PLC0415
    from django.urls import path  # noqa: PLC0415
    from django.views.debug import SafeExceptionReporterFilter  # noqa: PLC0415
    from opentelemetry.instrumentation.django import DjangoInstrumentor  # noqa: PLC0415

    class Hiding(SafeExceptionReporterFilter):
        hidden_settings = re.compile(
            SafeExceptionReporterFilter.hidden_settings.pattern + "|CUSTOMER_CONTEXT",
            re.IGNORECASE,
        )

    reporting, urls = ModuleType("reporting"), ModuleType("urls")
    reporting.Hiding = Hiding
    sys.modules["reporting"] = reporting

    def view(work):
        return lambda request: HttpResponse(work())

    urls.urlpatterns = [path(name, view(work)) for name, work in WORK.items()]
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        CXCONTEXT={"PROPAGATOR": propagator, "RETURNS": True},
        DEBUG=True,
        DEFAULT_EXCEPTION_REPORTER_FILTER="reporting.Hiding"
        if HIDING
        else "django.views.debug.SafeExceptionReporterFilter",
        LOGGING_CONFIG=None,
        MIDDLEWARE=["cxcontext.web.django.CustomerContextMiddleware"],
        ROOT_URLCONF=urls,
        SECRET_KEY="of the tests",
        USE_TZ=True,
    )
    DjangoInstrumentor().instrument()
    setup(set_prefix=False)
    server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
    server.daemon_threads = True
    server.set_app(recording_wsgi(WSGIHandler(), wire))
    with serving(server) as origin:
        yield origin


# --- the program -------------------------------------------------------------


def main(framework):
    """
    Let it all happen, and print what was said.
    """
    before, after, wire = Everything(), Everything(), Wire()
    after.addFilter(RedactingFilter())
    logging.basicConfig(level=1, handlers=[before, after])
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([reader]))
    HTTPXClientInstrumentor().instrument()
    RequestsInstrumentor().instrument()
    sentry_sdk.init(
        "http://key@127.0.0.1:9/1",
        transport=Collected,
        traces_sample_rate=1.0,
        send_default_pii=True,
        before_send=before_send,
        before_send_transaction=before_send,
    )

    ring = generate_keys(
        domain="shop.example",
        departments=dict.fromkeys(READERS, False),
        readers={1: READERS},
        now=datetime.now(UTC),
    )
    logged, traced = LogEvents(), TraceEvents()

    def department(name):
        domain = cx.TrustDomain(
            "shop.example", Canary, keys=ring.public, on_event=logged
        )
        return domain.department(name, keys=ring.private[name], on_event=traced)

    sales, billing = department("sales"), department("billing")
    start = {"starlette": starlette, "flask": flask, "django": django}[framework]
    with start(cx.Propagator(billing), wire) as origin:
        to_billing = cx.Destination("billing", origins=[origin], returns=True)
        propagator = cx.Propagator(sales, [to_billing])
        with sentry_sdk.start_transaction(name="ask"):
            ask(sales, propagator, origin, wire)
    sentry_sdk.flush()
    print(
        json.dumps(
            {
                "values": wire.values,
                "before": {
                    "logs": before.lines,
                    "tracebacks": before.tracebacks,
                    "sentry": raw_reports,
                },
                "after": {
                    "logs": after.lines,
                    "tracebacks": [redact(text) for text in after.tracebacks],
                    "sentry": Collected.sent,
                    "answers": wire.answers,
                    "headers": wire.headers,
                    "spans": [span.to_json() for span in spans.get_finished_spans()],
                    "metrics": [reader.get_metrics_data().to_json()],
                },
            }
        )
    )


def ask(sales, propagator, origin, wire):
    """
    Ask for everything with every client, well and badly.
    """
    journey = sales.begin(channel="chat")
    learn_all(journey)
    session = requests.Session()
    session.mount("http://", CustomerContextAdapter(propagator))
    client = httpx.Client(
        transport=CustomerContextTransport(propagator), timeout=PATIENCE_S
    )
    with cx.bound(journey), session, client:
        for name in WORK:
            for answer in (
                client.get(f"{origin}/{name}"),
                session.get(f"{origin}/{name}"),
            ):
                keep(wire, answer, session, client)
        bad = str(journey.hand_over("billing"))
        for value in (
            bad[:-3] + "AAA",
            bad + "," + bad,
            str(journey.hand_over("sales")),
        ):
            wire.values.append(value)
            keep(wire, httpx.get(f"{origin}/ok", headers={http.FIELD: value}))
        try:
            client.get("http://127.0.0.1:9/nobody")
        except httpx.HTTPError:
            log.exception("nobody answered")
        with suppress(requests.RequestException):
            session.get("http://127.0.0.1:9/nobody")


def keep(wire, answer, *shown: Any):
    """
    Note an answer, and log what was asked and answered, with what it hangs on.
    """
    wire.answers.append(f"{answer.headers} {answer.text}")
    log.debug("%r %r %r", answer, answer.request, shown)


if __name__ == "__main__":
    main(sys.argv[1])
