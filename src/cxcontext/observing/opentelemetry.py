"""
OpenTelemetry: events counted, and noted on the span in which they happened.

Needs the API only; without an SDK nothing happens. No journey goes into baggage: that
is sent to everybody.
"""

from __future__ import annotations

from typing import Any, Final

from opentelemetry import trace
from opentelemetry.metrics import MeterProvider, get_meter

from cxcontext import events
from cxcontext.observing.attributes import attributes_of, kind_of

COUNTER: Final = "cxcontext.events"
# Sets of values that are known beforehand, so that no counter has too many.
_COUNTED: Final = frozenset(
    {"action", "code", "department", "destination", "field", "reason", "sender"}
)


class TraceEvents:
    """
    An observer that counts events and adds them to the current span.

    ``TrustDomain(on_event=TraceEvents())``. The counter is ``cxcontext.events``, by
    event, department, code or reason, field, and the other department. The span's
    events are named ``cxcontext.rejected`` and so on. No journey is named, no value,
    no envelope.

    Args:
        meter_provider: Whose meter counts; the global one, unless given.

    .. versionadded:: 0.1.0
    """

    def __init__(self, meter_provider: MeterProvider | None = None) -> None:
        self._counter = get_meter(
            "cxcontext", meter_provider=meter_provider
        ).create_counter(
            COUNTER, unit="{event}", description="What happened to journeys."
        )

    def __call__(self, event: events.Event) -> None:
        """
        Count one event, and note it on the span.
        """
        kind, shown = kind_of(event), attributes_of(event)
        named: dict[str, Any] = {f"cxcontext.{k}": v for k, v in shown.items()}
        counted = {k: v for k, v in named.items() if k[10:] in _COUNTED}
        self._counter.add(1, {"cxcontext.event": kind, **counted})
        trace.get_current_span().add_event(f"cxcontext.{kind}", named)
