"""
Events counted and noted on spans, in OpenTelemetry's own SDK.
"""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import cxcontext as cx
from cxcontext.observing.opentelemetry import COUNTER, TraceEvents
from cxcontext.testing.imports import ImportContract

REJECTED = cx.events.Rejected(
    department="billing", code="expired", claimed_key_id="5e7", journey_id="70a"
)


class TestImports(ImportContract):
    """
    Nobody who does not use it needs OpenTelemetry.
    """

    module = "cxcontext.observing.opentelemetry"
    library = "opentelemetry"


@pytest.fixture
def reader():
    """
    Where the counters are read.
    """
    return InMemoryMetricReader()


@pytest.fixture
def observe(reader):
    """
    The observer, with a meter of its own.
    """
    return TraceEvents(MeterProvider([reader]))


def counted(reader):
    """
    Return what the counter has, by its attributes.
    """
    (resource,) = reader.get_metrics_data().resource_metrics
    (metric,) = resource.scope_metrics[0].metrics
    assert COUNTER == metric.name
    return {
        frozenset(point.attributes.items()): point.value
        for point in metric.data.data_points
    }


def test_events_are_counted_by_code_and_department(observe, reader):
    """
    A refusal is told from others by its code; no id is an attribute.
    """
    for _ in range(2):
        observe(REJECTED)
    observe(cx.events.Sent(department="sales", destination="billing", size_bytes=700))

    assert {
        frozenset(
            {
                ("cxcontext.event", "rejected"),
                ("cxcontext.department", "billing"),
                ("cxcontext.code", "expired"),
            }
        ): 2,
        frozenset(
            {
                ("cxcontext.event", "sent"),
                ("cxcontext.department", "sales"),
                ("cxcontext.destination", "billing"),
            }
        ): 1,
    } == counted(reader)


def test_events_are_noted_on_the_span(observe):
    """
    With all that may be shown; without the journey.
    """
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("tests").start_as_current_span("request"):
        observe(REJECTED)
        observe(cx.events.Unsent(department="billing", fields=(1, 2)))
    (span,) = exporter.get_finished_spans()

    assert [
        (
            "cxcontext.rejected",
            {
                "cxcontext.department": "billing",
                "cxcontext.code": "expired",
                "cxcontext.claimed_key_id": "5e7",
            },
        ),
        (
            "cxcontext.unsent",
            {"cxcontext.department": "billing", "cxcontext.fields": (1, 2)},
        ),
    ] == [(event.name, dict(event.attributes)) for event in span.events]


def test_without_a_span_or_an_sdk_nothing_happens():
    """
    The API alone takes events and does nothing with them.
    """
    TraceEvents()(REJECTED)
