"""Lists in parts: `limit`, an opaque `cursor`, and how filters are called.

Belongs here: what every list of the API has in common. A cursor holds the last row's place in the
order, so that rows which come meanwhile neither repeat nor hide others. It is bound to the address,
the filters and whoever asked by a fingerprint: with others it is refused, and not misunderstood.

A filter is `field` (equal), or `field.gte`, `field.gt`, `field.lte`, `field.lt`; each is declared
and typed by its endpoint, and what is not declared is refused.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from fastapi import Query, Request
from pydantic import AwareDatetime, BeforeValidator, PlainSerializer, WithJsonSchema

from serving.problems import Problem

LIMIT = 200
_FINGERPRINT_BYTES = 9
_CURSOR_LENGTH_LIMIT = 1024


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC, as every time that the API says."""
    at = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    text = at.isoformat(timespec="microseconds" if at.microsecond % 1000 else "milliseconds")
    return text.replace("+00:00", "Z")


# A moment in an answer, and one in a parameter, which must say its zone.
Moment = Annotated[
    datetime,
    PlainSerializer(utc_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]


def _as_text(given: object) -> object:
    # A number, which pydantic would take for seconds since 1970, is a date to nobody who reads it.
    if not isinstance(given, datetime) and not (isinstance(given, str) and "-" in given[1:]):
        raise ValueError("must be a date and time of RFC 3339, such as 2030-01-01T00:00:00Z")
    return given


MomentGiven = Annotated[AwareDatetime, BeforeValidator(_as_text)]

Limit = Annotated[int, Query(ge=1, le=LIMIT, description="How many at most.")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=_CURSOR_LENGTH_LIMIT,
        description="`next_cursor` of the part before; give the same filters with it.",
    ),
]


def next_cursor(request: Request, asker: object, place: Mapping[str, Any]) -> str:
    """What leads to the rows after `place`, the last row's values in the order's columns."""
    body = orjson.dumps(dict(place), option=orjson.OPT_NAIVE_UTC)
    return base64.urlsafe_b64encode(_fingerprint(request, asker) + body).decode().rstrip("=")


def place_of(
    request: Request, asker: object, cursor: str | None, columns: Mapping[str, type]
) -> dict[str, Any]:
    """The values that a cursor holds, each None without one. Raises Problem 422."""
    if cursor is None:
        return dict.fromkeys(columns)
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        if raw[:_FINGERPRINT_BYTES] != _fingerprint(request, asker):
            raise ValueError("of another request")
        found = orjson.loads(raw[_FINGERPRINT_BYTES:])
        return {name: _as(found[name], kind) for name, kind in columns.items()}
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError):
        raise Problem(
            422,
            "The cursor is not one of this address with these filters; begin again without it.",
            kind="invalid-cursor",
        ) from None


def _as(value: Any, kind: type) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(value)
    if type(value) is not kind:
        raise ValueError("of another type")
    return value


def _fingerprint(request: Request, asker: object) -> bytes:
    filters = sorted(
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in ("cursor", "limit")
    )
    text = orjson.dumps([request.url.path, str(asker), filters])
    return hashlib.blake2b(text, digest_size=_FINGERPRINT_BYTES).digest()
