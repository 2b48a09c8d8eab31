"""Spans by OpenTelemetry, exported by OTLP over HTTP to where `OTEL_EXPORTER_OTLP_ENDPOINT` says.

https://opentelemetry.io/docs/specs/otel/trace/api/. Attributes come from fixed lists: never an identifier, a body or a URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.domain.observability.meter import ProcessMeter

_PROPAGATOR: Final = TraceContextTextMapPropagator()


class TracingMeter(ProcessMeter):
    """Counts as every process does, and makes spans. `exporter` defaults to OTLP."""

    def __init__(self, exporter: SpanExporter | None = None) -> None:
        super().__init__()
        self._provider = TracerProvider(resource=Resource.create({"service.name": "galen"}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("galen")

    @contextmanager
    def span(self, name: str, parent: str = "", **attributes: str) -> Iterator[None]:
        """A span; an exception inside is marked by its class alone."""
        context = _PROPAGATOR.extract({"traceparent": parent}) if parent else None
        with self._tracer.start_as_current_span(
            name, context, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as current:
            try:
                yield
            except Exception as failure:
                current.set_status(trace.Status(trace.StatusCode.ERROR, type(failure).__name__))
                raise

    def flush(self) -> None:
        """Send what has not been sent."""
        self._provider.force_flush()
