"""What Prometheus reads of the API: how many requests, how long they took, what was dropped.

Belongs here: the metrics, and noting a request. Labels are the route's template, a known method and
the class of the status, so their number is bounded whatever is asked for.

With several workers each has its own numbers; with PROMETHEUS_MULTIPROC_DIR they are added up.
"""

from functools import lru_cache

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from stores.settings import Settings

_LABELS = ("method", "route", "status")
# Around the aims: a cached read within 10 ms, a usage read within 50.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})

_SECONDS = Histogram(
    "api_request_seconds", "Time to the end of an answer, and how many.", _LABELS, buckets=_BUCKETS
)
RUNNING = Gauge("api_requests_running", "Requests being worked on.", multiprocess_mode="livesum")
UNMEASURED = Gauge(
    "api_unmeasured_requests",
    "Requests since the start that could not be written to api_metrics.",
    multiprocess_mode="livesum",
)
INTERVIEW_READS = Counter(
    "api_interview_reads", "Interviews read, by where they came from.", ("source",)
)


def note(method: str, route: str, status: int, seconds: float) -> None:
    """One request served."""
    _child(method if method in _METHODS else "OTHER", route, status // 100).observe(seconds)


@lru_cache(maxsize=4096)
def _child(method: str, route: str, status_class: int) -> Histogram:
    return _SECONDS.labels(method, route, f"{status_class}xx")


def exposition(settings: Settings) -> bytes:
    """Everything, in Prometheus' text format."""
    if settings.prometheus_multiproc_dir is None:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    multiprocess.MultiProcessCollector(together, str(settings.prometheus_multiproc_dir))  # type: ignore[no-untyped-call]
    return generate_latest(together)
