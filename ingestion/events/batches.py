"""Deliveries of the bus become a batch: rows by id, and dead letters with their reason.

Belongs here: reading and checking lines, and what a batch is called. The same deliveries make
the same batch at any time, on which repeating an insert depends.
"""

import hashlib
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice, repeat
from typing import NamedTuple

import orjson
from pydantic import ValidationError

from stores.event_bus import fast_lane
from stores.event_bus.dead_letters import INVALID, DeadLetter
from stores.event_bus.interface import Delivery, Span, spans_of
from stores.event_bus.rows import USER_EVENT, Kind, payload_digest

# Checked together: so many that a call pays, so few that what it makes on the way stays small.
_CHECKED_LINES = 1000
_TRACES_LIMIT = 20
# Of each line its delivery, its number in it from 0, and itself.
_Places = list[tuple[Delivery, int, bytes]]


class Slice(NamedTuple):
    """One row of `daily_user_activity`, by its key."""

    date: date
    user_id: str
    event_type: str


class Line(NamedTuple):
    """A line with the id it is about, and where it came from: a delivery's line, from 0."""

    row: str
    delivery: Delivery
    number: int
    body: bytes

    def letter(self, rule: str, reason: str, at: str = "") -> DeadLetter:
        """What it becomes if it is not to be landed."""
        source = f"bus:{self.delivery.place}/{self.number}"
        return DeadLetter(source, at, rule, reason, self.body, self.delivery.taken, self.row)


@dataclass
class Batch:
    """What one insert lands: `rows` by id, the first line of each; `repeated` are the others."""

    token: str
    spans: list[Span]
    rows: dict[str, Line] = field(default_factory=dict)
    repeated: list[Line] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    # Of requests whose events are in it, for whoever looks for them among ClickHouse's queries.
    traces: list[str] = field(default_factory=list)

    def bodies(self, rows: Iterable[str]) -> dict[str, bytes]:
        """The lines of `rows` as they are inserted."""
        return {row: self.rows[row].body for row in rows}

    def resent(self, known: Container[str]) -> list[Line]:
        """Lines of ids that the table had before this batch."""
        return [line for line in (*self.rows.values(), *self.repeated) if line.row in known]

    def contradicting(self, known: Container[str]) -> list[Line]:
        """Repeated lines of new ids that say something else than the first one does."""
        return [
            line
            for line in self.repeated
            if line.row not in known
            and payload_digest(line.body) != payload_digest(self.rows[line.row].body)
        ]


def read_batch(kind: Kind, deliveries: Sequence[Delivery]) -> Batch:
    """All lines of `deliveries`, checked."""
    token = token_of(kind.topic.name, [delivery.place for delivery in deliveries])
    batch = Batch(token, spans_of(deliveries))
    traced = (delivery.trace for delivery in deliveries if delivery.trace)
    batch.traces = list(islice(traced, _TRACES_LIMIT))
    for part in _parts(deliveries):
        _check(kind, part, batch)
    return batch


def _parts(deliveries: Iterable[Delivery]) -> Iterator[_Places]:
    """The lines of `deliveries`, about as many at a time as are checked together."""
    part: _Places = []
    for delivery in deliveries:
        lines = delivery.body.split(b"\n")
        part += zip(repeat(delivery), range(len(lines)), lines)
        if len(part) >= _CHECKED_LINES:
            yield part
            part = []
    if part:
        yield part


def _check(kind: Kind, places: _Places, batch: Batch) -> None:
    """Add the lines at `places` to `batch`, each to where it belongs."""
    ids = _ids(kind, [line for _, _, line in places])
    if ids is None:
        letters, places = _sift(kind, places)
        batch.dead_letters += letters
        ids = (_ids(kind, [line for _, _, line in places]) if places else None) or ()
    for identity, (delivery, number, body) in zip(ids, places, strict=True):
        item = Line(identity, delivery, number, body)
        if batch.rows.setdefault(identity, item) is not item:
            batch.repeated.append(item)


def token_of(name: str, parts: Iterable[str]) -> str:
    """The name by which ClickHouse recognises that an insert is repeated."""
    digest = hashlib.sha256(name.encode())
    for part in parts:
        digest.update(b"\n" + part.encode())
    return digest.hexdigest()[:40]


def slices(rows: Iterable[bytes]) -> set[Slice]:
    """The slices of `daily_user_activity` that lines of user events count in."""
    found = (orjson.loads(row) for row in rows)
    return {
        Slice(date.fromisoformat(row["timestamp"][:10]), row["user_id"], row["event_type"])
        for row in found
    }


def _ids(kind: Kind, lines: list[bytes]) -> Sequence[str] | None:
    """The id of each of `lines`, checked in one call; None where any of them is bad."""
    if kind is USER_EVENT and (plain := fast_lane.row_ids(lines)):
        return plain
    try:
        rows = kind.rows.validate_json(b"[" + b",".join(lines) + b"]")
    except ValidationError:
        return None
    if len(rows) != len(lines):
        return None
    return [getattr(row, kind.topic.id_column).lower() for row in rows]


def _sift(kind: Kind, places: _Places) -> tuple[list[DeadLetter], _Places]:
    """Check line by line: the dead letters, and the places of good lines."""
    letters, good = [], []
    for place in places:
        try:
            [_] = kind.rows.validate_json(b"[" + place[2] + b"]")
        except (ValidationError, ValueError) as error:
            name, reason = _broken_rule(error)
            letters.append(Line("", *place).letter(INVALID, reason, name))
        else:
            good.append(place)
    return letters, good


def _broken_rule(error: Exception) -> tuple[str, str]:
    if not isinstance(error, ValidationError):
        return "", "is not one row"
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return ".".join(str(part) for part in first["loc"][1:]), first["msg"]
