"""A valid event as it travels: one line of JSON per row, columns named as in its table.

Belongs here: how an event becomes its line, and what a line must be to be inserted. The API
writes these lines, the writer checks them and hands them to ClickHouse as they are.
"""

import json
import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid5

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from stores.event_bus.contracts import (
    NO_UUID,
    ApiMetric,
    DimensionName,
    Event,
    InterviewMetric,
    Ipv4,
    Name,
    UserEvent,
    Uuid,
)
from stores.event_bus.topics import API_METRICS, INTERVIEW_METRICS, USER_EVENTS, Topic

EVENT_DATA_LIMIT_BYTES = 64 * 1024
NO_ADDRESS = "0.0.0.0"  # noqa: S104  the column's value for "not known", nothing is bound
# The namespace in which the id of a metric without one is derived from its content.
_METRIC_NAMESPACE = UUID("5a3b4bd4-9fd1-5d7b-8d2c-3f0f3c0f7a55")
_FIRST_YEAR, _LAST_YEAR = 1970, 2099

_Time = Annotated[
    str,
    StringConstraints(
        pattern=r"^(19[7-9]\d|20\d{2})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
        r" ([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}$"
    ),
]


class RowInvalid(ValueError):
    """A rule of `field` that the model cannot express."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(field)


class _Row(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    timestamp: _Time
    received_at: _Time


class UserEventRow(_Row):
    """A line of `user-events`."""

    event_id: Uuid
    user_id: Uuid
    event_type: Name
    event_data: str
    session_id: Uuid
    user_agent: str
    ip_address: Ipv4


class InterviewMetricRow(_Row):
    """A line of `interview-metrics`."""

    interview_id: Uuid
    user_id: Uuid
    metric_name: Name
    metric_value: Annotated[float, Field(allow_inf_nan=False)]
    dimensions: dict[DimensionName, str]
    metric_id: Uuid


class ApiMetricRow(_Row):
    """A line of `api-metrics`."""

    request_id: Uuid
    method: str
    endpoint: str
    status_code: Annotated[int, Field(ge=0, le=2**16 - 1)]
    response_time_ms: Annotated[int, Field(ge=0, le=2**32 - 1)]
    user_id: Uuid
    service_name: Name


@dataclass(frozen=True)
class Kind:
    """One kind of event: what is sent, what travels, and where it goes.

    `retention_days` is how long a row is kept and counted: the TTL of its table, at its shortest.
    """

    name: str
    version: int
    retention_days: int
    topic: Topic
    event: type[Event]
    row: type[_Row]
    events: TypeAdapter[list[Any]]
    rows: TypeAdapter[list[Any]]
    to_row: Callable[[Any, str], dict[str, Any]]

    def line(self, event: Event, received_at: str) -> tuple[str, bytes]:
        """The id and the line of `event`. Raises RowInvalid."""
        row = self.to_row(event, received_at)
        return row[self.topic.id_column], orjson.dumps(row)


def utc_text(moment: datetime) -> str:
    """`moment` in UTC, to the millisecond, as ClickHouse reads it. Raises RowInvalid."""
    # The first and last years that there are cannot be moved to another zone.
    if not _FIRST_YEAR - 1 <= moment.year <= _LAST_YEAR + 1:
        raise RowInvalid("timestamp")
    utc = moment.astimezone(UTC)
    if not _FIRST_YEAR <= utc.year <= _LAST_YEAR:
        raise RowInvalid("timestamp")
    # Written without its zone: asking the zone for its name takes longer than all the rest.
    return utc.replace(tzinfo=None).isoformat(" ", "milliseconds")


# Every line ends in its two times, each of 23 characters, and so at fixed places.
_TIMES_LENGTH = 79
_TIMES_BEGIN = b',"timestamp":"'
_TIMESTAMP = slice(-65, -42)
_PAYLOAD = slice(None, -_TIMES_LENGTH)
DIGEST_BYTES = 8
_pack_digest = struct.Struct(">II").pack


def timestamp_of(line: bytes) -> bytes:
    """The event's own time in a line of ours, as `utc_text` wrote it."""
    return line[_TIMESTAMP]


def is_same_event(line: bytes, other: bytes) -> bool:
    """Whether two lines of ours say the same, apart from their times."""
    return line[_PAYLOAD] == other[_PAYLOAD]


def payload_digest(line: bytes) -> bytes:
    """Eight bytes that are the same for lines that say the same, apart from their times.

    Also of lines whose fields stand in another order, as earlier versions wrote them.
    """
    if not line.startswith(_TIMES_BEGIN, -_TIMES_LENGTH):
        row = orjson.loads(line)
        for name in ("timestamp", "received_at"):
            row.pop(name, None)
        if "metric_id" in row:
            row["metric_id"] = row.pop("metric_id")
        return _digest(orjson.dumps(row)[:-1])
    return _digest(line[_PAYLOAD])


def payload_digests(lines: Iterable[bytes]) -> list[bytes]:
    """`payload_digest` of each line, without a call for each that is written as now."""
    crc, pack, length = zlib.crc32, _pack_digest, _TIMES_LENGTH
    return [
        pack(crc(line[:-length]), len(line) - length)
        if line.startswith(_TIMES_BEGIN, -length)
        else payload_digest(line)
        for line in lines
    ]


def _digest(payload: bytes) -> bytes:
    """A checksum and the length. Two payloads of one id that share both, once in four thousand
    million, are taken for a repetition; either way only the first one counts. A cryptographic
    hash would take as long as writing the line.
    """
    return _pack_digest(zlib.crc32(payload), len(payload))


def canonical(value: object) -> str:
    """`value` as the one JSON text that equal values share."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        # orjson stops at 64 bits; JSON does not.
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _user_event(event: UserEvent, received_at: str) -> dict[str, Any]:
    details = canonical(event.event_data) if event.event_data else "{}"
    if len(details) * 4 > EVENT_DATA_LIMIT_BYTES and len(details.encode()) > EVENT_DATA_LIMIT_BYTES:
        raise RowInvalid("event_data")
    return {
        "event_id": event.event_id.lower(),
        "user_id": event.user_id.lower(),
        "event_type": event.event_type,
        "event_data": details,
        "session_id": event.session_id.lower() if event.session_id else NO_UUID,
        "user_agent": event.user_agent or "",
        "ip_address": event.ip_address.rpartition(":")[2] if event.ip_address else NO_ADDRESS,
        "timestamp": utc_text(event.timestamp),
        "received_at": received_at,
    }


def _interview_metric(event: InterviewMetric, received_at: str) -> dict[str, Any]:
    row = {
        "interview_id": event.interview_id.lower(),
        "user_id": event.user_id.lower(),
        "metric_name": event.metric_name,
        "metric_value": event.metric_value,
        "dimensions": event.dimensions or {},
    }
    timestamp = {"timestamp": utc_text(event.timestamp)}
    derived = event.metric_id or str(uuid5(_METRIC_NAMESPACE, canonical(row | timestamp)))
    return row | {"metric_id": derived.lower()} | timestamp | {"received_at": received_at}


def _api_metric(event: ApiMetric, received_at: str) -> dict[str, Any]:
    return {
        "request_id": event.request_id.lower(),
        "method": event.method,
        "endpoint": event.endpoint,
        "status_code": event.status_code,
        "response_time_ms": event.response_time_ms,
        "user_id": event.user_id.lower() if event.user_id else NO_UUID,
        "service_name": event.service_name,
        "timestamp": utc_text(event.timestamp),
        "received_at": received_at,
    }


def _kind(
    retention_days: int,
    topic: Topic,
    event: type[Event],
    row: type[_Row],
    to_row: Callable[[Any, str], dict[str, Any]],
) -> Kind:
    name = topic.table.partition(".")[2]
    events: TypeAdapter[list[Any]] = TypeAdapter(list[event])  # type: ignore[valid-type]
    rows: TypeAdapter[list[Any]] = TypeAdapter(list[row])  # type: ignore[valid-type]
    return Kind(name, 1, retention_days, topic, event, row, events, rows, to_row)


USER_EVENT = _kind(730, USER_EVENTS, UserEvent, UserEventRow, _user_event)
INTERVIEW_METRIC = _kind(
    365, INTERVIEW_METRICS, InterviewMetric, InterviewMetricRow, _interview_metric
)
API_METRIC = _kind(180, API_METRICS, ApiMetric, ApiMetricRow, _api_metric)
KINDS = (USER_EVENT, INTERVIEW_METRIC, API_METRIC)
