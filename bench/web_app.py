"""
The servers' side: one route, without anything, with our middleware, with OpenTelemetry.

``BENCH_VARIANT`` is plain, ours or otel, and ``BENCH_KEYS`` the directory with the keys.
OpenTelemetry samples every request and exports in batches, to an exporter that drops
them: less than any that is used.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from flask import Flask
from opentelemetry import trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.starlette import StarletteInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import cxcontext as cx
from bench.payload import NOW, Shop
from cxcontext.web import asgi, wsgi

VARIANT: Final = os.environ["BENCH_VARIANT"]


class Dropped(SpanExporter):
    """
    An exporter that is done at once.
    """

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """
        Drop what was recorded.
        """
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """
        Do nothing.
        """


def _propagator() -> cx.Propagator[Shop]:
    keys = Path(os.environ["BENCH_KEYS"])
    public = cx.KeySet.load(keys / "public.json")
    # That of those who signed: no envelope ends while it is measured.
    domain = cx.TrustDomain("shop.example", Shop, keys=public, clock=lambda: NOW)
    private = cx.PrivateKeys.load(keys / "billing.json")
    return cx.Propagator(domain.department("billing", keys=private))


async def hello(_request: Request) -> PlainTextResponse:
    """
    Answer, and read nothing.
    """
    return PlainTextResponse("hello")


starlette = Starlette(routes=[Route("/", hello)])
flask = Flask("bench")
flask.add_url_rule("/", "hello", lambda: "hello")

if VARIANT == "ours":
    # Whatever is refused would be quicker, and is counted as an error.
    starlette.add_middleware(
        asgi.CustomerContextMiddleware,
        propagator=_propagator(),
        required=lambda scope: scope["type"] == "http",
    )
    flask.wsgi_app = wsgi.CustomerContextMiddleware(  # type: ignore[method-assign]
        flask.wsgi_app, _propagator(), required=lambda environ: True
    )
elif VARIANT == "otel":
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Dropped()))
    trace.set_tracer_provider(provider)
    StarletteInstrumentor.instrument_app(starlette)
    FlaskInstrumentor().instrument_app(flask)  # type: ignore[no-untyped-call]
