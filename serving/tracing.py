"""Traces of requests, where OTEL_EXPORTER_OTLP_ENDPOINT says whom to tell.

Belongs here: the span of a request and the `traceparent` that goes on with what it asks of others.
Without the setting nothing of OpenTelemetry is loaded and a request costs one comparison more.
"""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import orjson

from serving.request_ids import request_id
from stores.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

SERVICE = "interview-data-api"
# Of the span that is being worked on, in the form of the W3C's header.
traceparent: ContextVar[str] = ContextVar("traceparent", default="")


class Tracing:
    """Makes spans and sends them in the background."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("serving")

    def begin(self, method: str, headers: list[tuple[bytes, bytes]]) -> Any:
        """The span of a request, below the caller's where it names one."""
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        given = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in headers
            if name in (b"traceparent", b"tracestate")
        }
        parent = TraceContextTextMapPropagator().extract(given)
        span = self._tracer.start_span(method, parent, SpanKind.SERVER)
        found = span.get_span_context()
        traceparent.set(f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}")
        return span

    def end(self, span: Any, method: str, route: str, status: int) -> None:
        """Name the span by the route's template; nothing in it is a caller's."""
        from opentelemetry.trace import StatusCode

        span.update_name(f"{method} {route}")
        span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "request.id": request_id.get(),
            }
        )
        if status >= 500:
            span.set_status(StatusCode.ERROR)
        span.end()

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def start(settings: Settings) -> Tracing | None:
    """None without an address to send to."""
    if settings.otel_exporter_otlp_endpoint is None:
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    address = settings.otel_exporter_otlp_endpoint.rstrip("/") + "/v1/traces"
    provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=address)))
    return Tracing(provider)


def comment() -> str:
    """For a query's `log_comment`: by this it is found among ClickHouse's queries."""
    found = {"request_id": request_id.get(), "traceparent": traceparent.get()}
    return orjson.dumps({name: value for name, value in found.items() if value}).decode()
