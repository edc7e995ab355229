"""A request's body becomes lines for the bus and a list of what was refused, and why.

Belongs here: JSON arrays, NDJSON, the limit on their number and how a broken rule is named.
The whole body is validated in one call; only a body with something wrong in it is read twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from stores.errors import InputInvalid
from stores.event_bus.contracts import RULES
from stores.event_bus.rows import Kind, RowInvalid, utc_text

EVENT_COUNT_LIMIT = 10_000


class TooManyEvents(InputInvalid):
    """More events in one request than are taken at once."""


@dataclass(frozen=True)
class Rejection:
    """One broken rule: the event's place in its batch, its field and what that must be."""

    index: int
    field: str
    rule: str


@dataclass
class Batch:
    """What is left of a body: the lines to publish, what was repeated, what was refused."""

    lines: list[bytes] = field(default_factory=list)
    duplicate_count: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    rejected_count: int = 0


def parse_array(kind: Kind, body: bytes) -> Batch:
    """Read a JSON array. Raises InputInvalid where the body is none, TooManyEvents."""
    if not _may_hold_inf_or_nan(body):
        try:
            return _batch(kind, enumerate(kind.events.validate_json(body)), [])
        except ValidationError:
            pass
    try:
        items = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InputInvalid("body", f"is not JSON: {error}") from None
    if not isinstance(items, list):
        raise InputInvalid("body", "must be a JSON array of events, or NDJSON")
    return _sift(kind, dict(enumerate(items)), [])


def parse_lines(kind: Kind, body: bytes) -> Batch:
    """Read NDJSON; empty lines are skipped, and an index is that of the line. As parse_array."""
    lines = {index: line for index, line in enumerate(body.splitlines()) if line.strip()}
    _check_count(len(lines))
    if not _may_hold_inf_or_nan(body):
        try:
            events = kind.events.validate_json(b"[" + b",".join(lines.values()) + b"]")
        except ValidationError:
            events = []
        if len(events) == len(lines):
            return _batch(kind, zip(lines, events, strict=True), [])
    items: dict[int, Any] = {}
    rejected: list[Rejection] = []
    for index, line in lines.items():
        try:
            items[index] = from_json(line, allow_inf_nan=False)
        except ValueError as error:
            rejected.append(Rejection(index, "", f"the line is not JSON: {error}"))
    return _sift(kind, items, rejected)


def _may_hold_inf_or_nan(body: bytes) -> bool:
    """Words that the validator reads as numbers, though JSON has none of them."""
    return b"NaN" in body or b"Infinity" in body


def _sift(kind: Kind, items: dict[int, Any], rejected: list[Rejection]) -> Batch:
    """Name each broken rule of `items`, and go on with the events that break none."""
    _check_count(len(items) + len(rejected))
    try:
        events = kind.events.validate_json(to_json(list(items.values())))
    except ValidationError as error:
        places = list(items)
        found = list(_rejections(places, error))
        bad = {rejection.index for rejection in found}
        good = {index: item for index, item in items.items() if index not in bad}
        return _sift(kind, good, rejected + found)
    return _batch(kind, zip(items, events, strict=True), rejected)


def _rejections(places: list[int], error: ValidationError) -> Iterable[Rejection]:
    seen: set[tuple[int, str]] = set()
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        place, *path = item["loc"]
        name = str(path[0]) if path else ""
        if (int(place), name) not in seen:
            seen.add((int(place), name))
            yield Rejection(places[int(place)], name[:100], _rule(name, item["type"]))


def _rule(name: str, kind: str) -> str:
    if not name:
        return "must be a JSON object"
    if kind == "extra_forbidden":
        return "is not a field of this kind of event"
    if kind == "missing":
        return f"is required: {RULES[name]}"
    return RULES[name]


def _batch(kind: Kind, events: Iterable[tuple[int, Any]], rejected: list[Rejection]) -> Batch:
    received_at = utc_text(datetime.now(UTC))
    lines: dict[str, bytes] = {}
    count = 0
    for index, event in events:
        try:
            identity, line = kind.line(event, received_at)
        except RowInvalid as error:
            rejected.append(Rejection(index, error.field, RULES[error.field]))
            continue
        count += 1
        lines.setdefault(identity, line)
    _check_count(count + len(rejected))
    rejected.sort(key=lambda rejection: rejection.index)
    bad = len({rejection.index for rejection in rejected})
    return Batch(list(lines.values()), count - len(lines), rejected, bad)


def _check_count(count: int) -> None:
    if count > EVENT_COUNT_LIMIT:
        raise TooManyEvents("body", f"holds more than {EVENT_COUNT_LIMIT} events; send fewer")
