"""What the three kinds of event may say: one strict model each, fields named as their columns.

Belongs here: the public shape of an event and the rule of every field in words. It lives in
`stores` because the API that promises it and the writer that relies on it may not import each
other. How a request body is read is in `parsing.py`, what goes on the bus is in `rows.py`.

A field that need not be sent may also be sent as null: that says the same.

Texts are checked by patterns in pydantic's core, without a Python object per UUID or address:
that is half of the cost of a whole event.
"""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

NO_UUID = "00000000-0000-0000-0000-000000000000"
DIMENSIONS_LIMIT = 50
UINT32_LIMIT = 2**32 - 1
_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

Uuid = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
    ),
    Field(json_schema_extra={"format": "uuid"}),
]
# An address that an IPv6 socket reports for an IPv4 client is that IPv4 address.
Ipv4 = Annotated[
    str, StringConstraints(pattern=rf"^(::[fF]{{4}}:)?({_OCTET}\.){{3}}{_OCTET}$", max_length=22)
]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$")]
Dimension = Annotated[str, StringConstraints(max_length=1000)]
DimensionName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Dimensions = Annotated[dict[DimensionName, Dimension], Field(max_length=DIMENSIONS_LIMIT)]


class Event(BaseModel):
    """What every kind has in common."""

    model_config = ConfigDict(strict=True, extra="forbid")

    timestamp: AwareDatetime = Field(
        description="When it happened: RFC 3339 with a zone, kept in UTC to the millisecond."
    )


class UserEvent(Event):
    """Somebody did something in the product."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "event_id": "0192f0c1-5f7e-7cc0-98a8-3f1f0a5b7c11",
                    "user_id": "5b0f6a3e-58f4-4f0f-9c39-6a2b3f2f4a10",
                    "event_type": "interview_created",
                    "event_data": {"interview_id": "8c3f1c1e-8a53-4a3b-b0f5-0d4f4a6f2f11"},
                    "session_id": "f1d6c4b2-27a9-4f4e-b1a0-2d8d0f7f3a20",
                    "user_agent": "Mozilla/5.0",
                    "ip_address": "203.0.113.7",
                    "timestamp": "2026-11-23T09:30:00.125Z",
                }
            ]
        }
    )

    event_id: Uuid = Field(description="Counts once, however often it is sent.")
    user_id: Uuid = Field(description="Who did it.")
    event_type: Name = Field(description="What was done.")
    event_data: dict[str, Any] | None = Field(
        None, description="Details: any JSON object of at most 64 KiB."
    )
    session_id: Uuid | None = Field(None, description="The visit it belongs to, if any.")
    user_agent: Annotated[str, StringConstraints(max_length=1024)] | None = Field(
        None, description="The client's own name."
    )
    ip_address: Ipv4 | None = Field(None, description="IPv4, or IPv6-mapped IPv4.")


class InterviewMetric(Event):
    """A number measured about an interview."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "interview_id": "8c3f1c1e-8a53-4a3b-b0f5-0d4f4a6f2f11",
                    "user_id": "5b0f6a3e-58f4-4f0f-9c39-6a2b3f2f4a10",
                    "metric_name": "completion_rate",
                    "metric_value": 0.82,
                    "dimensions": {"language": "en"},
                    "timestamp": "2026-11-23T09:30:00Z",
                }
            ]
        }
    )

    interview_id: Uuid = Field(description="The interview measured.")
    user_id: Uuid = Field(description="Whose interview it is.")
    metric_name: Name = Field(description="What was measured.")
    metric_value: Annotated[float, Field(allow_inf_nan=False)] = Field(
        description="The value, a finite number."
    )
    dimensions: Dimensions | None = Field(
        None, description="Texts by which the value can be broken down."
    )
    metric_id: Uuid | None = Field(
        None, description="Counts once. If absent, derived from all other fields."
    )


class ApiMetric(Event):
    """A service answered a request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "request_id": "38101a0b-2096-447d-96ea-a692162415ae",
                    "method": "GET",
                    "endpoint": "/v1/interviews/{interview_id}",
                    "status_code": 200,
                    "response_time_ms": 42,
                    "user_id": "5b0f6a3e-58f4-4f0f-9c39-6a2b3f2f4a10",
                    "service_name": "interview-service",
                    "timestamp": "2026-11-23T09:30:00.125Z",
                }
            ]
        }
    )

    request_id: Uuid = Field(description="Counts once, however often it is sent.")
    method: Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,16}$")] = Field(
        description="HTTP method, in capitals."
    )
    endpoint: Annotated[str, StringConstraints(min_length=1, max_length=2048)] = Field(
        description="The route, best as a template without ids."
    )
    status_code: Annotated[int, Field(ge=100, le=599)] = Field(description="HTTP status.")
    response_time_ms: Annotated[int, Field(ge=0, le=UINT32_LIMIT)] = Field(
        description="How long the answer took."
    )
    user_id: Uuid | None = Field(None, description="Who asked, if known.")
    service_name: Name = Field(description="Which service answered.")


# The rule of each field as a sender reads it; a pattern's own message would not help.
_UUID_RULE = "must be a UUID written as 8-4-4-4-12 hexadecimal digits"
_NAME_RULE = "must have 1 to 100 of A-Z a-z 0-9 _ . : - and start with a letter or digit"
RULES: dict[str, str] = {
    "timestamp": (
        "must be an RFC 3339 time with a zone, such as 2026-11-23T09:30:00.125Z, from 1970 to 2099"
    ),
    "event_id": _UUID_RULE,
    "request_id": _UUID_RULE,
    "metric_id": _UUID_RULE,
    "interview_id": _UUID_RULE,
    "user_id": _UUID_RULE,
    "session_id": _UUID_RULE,
    "event_type": _NAME_RULE,
    "metric_name": _NAME_RULE,
    "service_name": _NAME_RULE,
    "event_data": "must be a JSON object of at most 64 KiB",
    "user_agent": "must be a text of at most 1024 characters",
    "ip_address": (
        "must be an IPv4 address, such as 203.0.113.7, or its IPv6-mapped form ::ffff:203.0.113.7"
    ),
    "metric_value": "must be a finite number",
    "dimensions": (
        "must be an object of at most 50 texts, each named with at most 100 characters and "
        "at most 1000 characters long"
    ),
    "method": "must be an HTTP method in capitals, such as GET",
    "endpoint": "must be a text of 1 to 2048 characters",
    "status_code": "must be a whole number from 100 to 599",
    "response_time_ms": "must be a whole number of milliseconds from 0 to 4294967295",
}
