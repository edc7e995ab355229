"""The API's log as JSON, one object a line, for machines that read logs.

Belongs here: the form of a line. What is said is said by whoever logs, and holds no personal data:
routes by their template, callers not at all, errors by their type.
"""

import logging
from datetime import UTC, datetime

import orjson

from serving.request_ids import request_id

REQUESTS = logging.getLogger("serving.requests")


class JsonLines(logging.Formatter):
    """A record as one line."""

    def format(self, record: logging.LogRecord) -> str:
        """With the request's id, and the `fields` that were given as `extra`."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if found := request_id.get():
            line["request_id"] = found
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0] is not None:
            # Its type and not its words, which may be somebody's.
            line["error"] = record.exc_info[0].__name__
        return orjson.dumps(line, default=str).decode()


def configure() -> None:
    """Let every logger of this process write such lines, uvicorn's too."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # It tells of every request to the search server, by address; a failed one is told by us.
    logging.getLogger("elastic_transport").setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"


def log_request(method: str, route: str, status: int, seconds: float) -> None:
    """One request served."""
    fields = {"method": method, "route": route, "status": status, "seconds": round(seconds, 6)}
    REQUESTS.info("request", extra={"fields": fields})
