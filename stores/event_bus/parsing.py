"""A request's body becomes lines for the bus and a list of what was refused, and why.

Belongs here: JSON arrays, NDJSON, the limit on their number, how old an event may be and how a
broken rule is named. CloudEvents are turned into plain events in `cloudevents.py`.
The whole body is validated in one call; only a body with something wrong in it is read twice.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from stores.errors import InputInvalid
from stores.event_bus import fast_lane
from stores.event_bus.contracts import RULES
from stores.event_bus.rows import (
    USER_EVENT,
    Kind,
    RowInvalid,
    is_same_event,
    timestamp_of,
    utc_text,
)

EVENT_COUNT_LIMIT = 10_000
CONFLICT = "conflict"
CONFLICT_REASON = "this id was given to an event that says something else; the first one counts"
_FIELD_LENGTH_LIMIT = 100
_ID_LENGTH_LIMIT = 36


class TooManyEvents(InputInvalid):
    """More events in one request than are taken at once."""


@dataclass(frozen=True)
class Rejection:
    """One broken rule: the event's place in its batch, its field and what that must be.

    `rule` is a short name for programs, `reason` a sentence for people. `id` is what the event
    gave as its id, `body` the event as JSON; both are empty where there is none.
    """

    index: int
    field: str
    rule: str
    reason: str
    id: str = ""
    body: bytes = b""


class Line(NamedTuple):
    """An accepted event: its place in the batch, its id and what goes on the bus."""

    place: int
    id: str
    line: bytes


@dataclass
class Batch:
    """What is left of a body: what to publish, what was repeated, what was refused."""

    accepted: list[Line] = field(default_factory=list)
    duplicates: list[Line] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)

    @property
    def lines(self) -> list[bytes]:
        """What to publish."""
        return [each.line for each in self.accepted]

    @property
    def duplicate_count(self) -> int:
        """Events that say what another one with the same id says."""
        return len(self.duplicates)

    @property
    def rejected_count(self) -> int:
        """Events that break a rule, however many rules each breaks."""
        return len({rejection.index for rejection in self.rejected})

    @property
    def event_count(self) -> int:
        """All of them."""
        return len(self.accepted) + self.duplicate_count + self.rejected_count


@dataclass(frozen=True)
class Window:
    """The times an event may have, `earliest` and `latest` as on the bus, and why no others."""

    earliest: bytes
    latest: bytes
    too_early: tuple[str, str]
    too_late: tuple[str, str]

    def broken(self, line: bytes) -> tuple[str, str] | None:
        """The rule that the event's time breaks, and its reason."""
        timestamp = timestamp_of(line)
        if timestamp < self.earliest:
            return self.too_early
        return self.too_late if timestamp > self.latest else None

    def holds_all(self, lines: Iterable[bytes]) -> bool:
        """Whether no line breaks a rule; there must be at least one."""
        times = [timestamp_of(line) for line in lines]
        return self.earliest <= min(times) and max(times) <= self.latest


def live_window(kind: Kind, now: datetime, late_days: int, early_minutes: int) -> Window:
    """What may be sent while it happens, or a little later."""
    return Window(
        _bound(now - timedelta(days=min(late_days, kind.retention_days))),
        _bound(now + timedelta(minutes=early_minutes)),
        (
            "too_old",
            f"must be of the last {late_days} days; the backfill endpoint takes older ones",
        ),
        (
            "too_early",
            f"must be at most {early_minutes} minutes ahead of the server's clock; the backfill"
            " endpoint takes later ones",
        ),
    )


def backfill_window(kind: Kind, now: datetime) -> Window:
    """What is kept at all: an older event would be deleted before it was counted."""
    reason = f"must be of the last {kind.retention_days} days: older ones are not kept"
    last = datetime(2099, 12, 31, 23, 59, 59, 999000, UTC)
    earliest = _bound(now - timedelta(days=kind.retention_days))
    return Window(earliest, _bound(last), ("not_kept", reason), ("format", RULES["timestamp"]))


def _bound(moment: datetime) -> bytes:
    return utc_text(moment).encode()


def parse_array(kind: Kind, body: bytes, window: Window | None = None) -> Batch:
    """Read a JSON array. Raises InputInvalid where the body is none, TooManyEvents."""
    if kind is USER_EVENT and (plain := _plain(body, window)):
        return plain
    if not _may_hold_inf_or_nan(body):
        try:
            return _batch(kind, enumerate(kind.events.validate_json(body)), [], window)
        except ValidationError:
            pass
    items = from_json_body(body)
    if not isinstance(items, list):
        raise InputInvalid("body", "must be a JSON array of events, or NDJSON")
    return sift(kind, dict(enumerate(items)), [], window)


def _plain(body: bytes, window: Window | None) -> Batch | None:
    """The batch where nothing about it needs a second look."""
    lines = fast_lane.read(body, utc_text(datetime.now(UTC)), EVENT_COUNT_LIMIT)
    if not lines:
        return None
    if window is not None and not window.holds_all(lines.values()):
        return None
    pairs = zip(range(len(lines)), lines, lines.values(), strict=True)
    return Batch(list(map(Line._make, pairs)))


def parse_lines(kind: Kind, body: bytes, window: Window | None = None) -> Batch:
    """Read NDJSON; empty lines are skipped, and an index is that of the line. As parse_array."""
    # Not splitlines(): that also splits at characters that JSON may hold in a text.
    numbered = enumerate(body.split(b"\n"))
    lines = {index: line for index, line in numbered if line.strip()}
    check_count(len(lines))
    if not _may_hold_inf_or_nan(body):
        whole = b"[" + b",".join(lines.values()) + b"]"
        if kind is USER_EVENT and (plain := _plain(whole, window)) and _is_one_each(plain, lines):
            return plain
        try:
            events = kind.events.validate_json(whole)
        except ValidationError:
            events = []
        if len(events) == len(lines):
            return _batch(kind, zip(lines, events, strict=True), [], window)
    items: dict[int, Any] = {}
    rejected: list[Rejection] = []
    for index, line in lines.items():
        try:
            items[index] = from_json(line, allow_inf_nan=False)
        except ValueError as error:
            reason = f"the line is not JSON: {error}"
            rejected.append(Rejection(index, "", "not_json", reason, body=line))
    return sift(kind, items, rejected, window, lines.__getitem__)


def _is_one_each(batch: Batch, lines: Mapping[int, bytes]) -> bool:
    """Whether each line is one event, and none is empty: then an index is a line's number."""
    return len(batch.accepted) == len(lines) and max(lines, default=-1) == len(lines) - 1


def from_json_body(body: bytes) -> Any:
    """What the body says. Raises InputInvalid where it is no JSON."""
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InputInvalid("body", f"is not JSON: {error}") from None


def check_count(count: int) -> None:
    """Raises TooManyEvents."""
    if count > EVENT_COUNT_LIMIT:
        raise TooManyEvents("body", f"holds more than {EVENT_COUNT_LIMIT} events; send fewer")


def _may_hold_inf_or_nan(body: bytes) -> bool:
    """Words that the validator reads as numbers, though JSON has none of them."""
    return b"NaN" in body or b"Infinity" in body


def sift(
    kind: Kind,
    items: Mapping[int, Any],
    rejected: list[Rejection],
    window: Window | None,
    original: Callable[[int], bytes] | None = None,
) -> Batch:
    """Name each broken rule of `items`, and go on with the events that break none.

    `items` are events by their index; `original` gives what was sent for one.
    """
    check_count(len(items) + len({rejection.index for rejection in rejected}))
    try:
        events = kind.events.validate_json(to_json(list(items.values())))
    except ValidationError as error:
        bodies = original or (lambda index: to_json(items[index]))
        found = [
            replace(each, id=_id_of(kind, items[each.index]), body=bodies(each.index))
            for each in _rejections(list(items), error)
        ]
        bad = {rejection.index for rejection in found}
        good = {index: item for index, item in items.items() if index not in bad}
        return sift(kind, good, rejected + found, window, original)
    return _batch(kind, zip(items, events, strict=True), rejected, window)


def _id_of(kind: Kind, item: Any) -> str:
    found = item.get(kind.topic.id_column) if isinstance(item, dict) else None
    return found.lower()[:_ID_LENGTH_LIMIT] if isinstance(found, str) else ""


def _rejections(places: list[int], error: ValidationError) -> Iterable[Rejection]:
    seen: set[tuple[int, str]] = set()
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        place, *path = item["loc"]
        name = str(path[0]) if path else ""
        if (int(place), name) not in seen:
            seen.add((int(place), name))
            rule, reason = _rule(name, item["type"])
            yield Rejection(places[int(place)], name[:_FIELD_LENGTH_LIMIT], rule, reason)


def _rule(name: str, kind: str) -> tuple[str, str]:
    if not name:
        return "not_an_object", "must be a JSON object"
    if kind == "extra_forbidden":
        return "unknown_field", "is not a field of this kind of event"
    if kind == "missing":
        return "missing", f"is required: {RULES[name]}"
    return "format", RULES[name]


def _batch(
    kind: Kind,
    events: Iterable[tuple[int, Any]],
    rejected: list[Rejection],
    window: Window | None,
) -> Batch:
    received_at = utc_text(datetime.now(UTC))
    first: dict[str, Line] = {}
    batch = Batch(rejected=rejected)
    for index, event in events:
        try:
            identity, line = kind.line(event, received_at)
        except RowInvalid as error:
            reason = RULES[error.field]
            rejected.append(_refused(kind, index, event, error.field, ("format", reason)))
            continue
        if window is not None and (broken := window.broken(line)):
            rejected.append(_refused(kind, index, event, "timestamp", broken))
            continue
        found = Line(index, identity, line)
        earlier = first.setdefault(identity, found)
        if earlier is found:
            continue
        if is_same_event(earlier.line, line):
            batch.duplicates.append(found)
        else:
            field_name = kind.topic.id_column
            rejected.append(_refused(kind, index, event, field_name, (CONFLICT, CONFLICT_REASON)))
    batch.accepted = list(first.values())
    rejected.sort(key=lambda rejection: rejection.index)
    check_count(batch.event_count)
    return batch


def _refused(
    kind: Kind, index: int, event: Any, field_name: str, broken: tuple[str, str]
) -> Rejection:
    """A refusal of an event whose shape is right; its body is what it said, written anew."""
    identity = getattr(event, kind.topic.id_column) or ""
    body = to_json(event.model_dump(exclude_unset=True))
    return Rejection(index, field_name, *broken, identity.lower(), body)
