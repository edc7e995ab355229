"""Deliveries of the bus become a batch: rows by id, and dead letters with their reason.

Belongs here: reading and checking lines, and what a batch is called. The same deliveries make
the same batch at any time, on which repeating an insert depends.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from stores.event_bus.interface import Delivery
from stores.event_bus.rows import Kind


class Slice(NamedTuple):
    """One row of `daily_user_activity`, by its key."""

    date: date
    user_id: str
    event_type: str


@dataclass(frozen=True)
class DeadLetter:
    """A line that cannot become a row. `source` is its place on the bus: message and line."""

    source: str
    field: str
    rule: str
    body: bytes


@dataclass
class Batch:
    """What one insert lands. `rows` maps each id to its line; the first line of an id wins."""

    token: str
    positions: list[str]
    rows: dict[str, bytes] = field(default_factory=dict)
    duplicate_count: int = 0
    dead_letters: list[DeadLetter] = field(default_factory=list)


def read_batch(kind: Kind, deliveries: Sequence[Delivery]) -> Batch:
    """All lines of `deliveries`, checked."""
    positions = [delivery.position for delivery in deliveries]
    batch = Batch(token_of(kind.topic.name, positions), positions)
    places, lines = [], []
    for delivery in deliveries:
        for number, line in enumerate(delivery.body.split(b"\n")):
            places.append(f"{delivery.position}/{number}")
            lines.append(line)
    rows = _validated(kind, lines)
    if rows is None:
        batch.dead_letters, lines = _sift(kind, places, lines)
        rows = _validated(kind, lines) or []
    ids = [getattr(row, kind.topic.id_column).lower() for row in rows]
    # Backwards, so that the first line of an id is the one that stays; then in order again.
    last_first = dict(zip(reversed(ids), reversed(lines), strict=True))
    batch.rows = dict(reversed(last_first.items()))
    batch.duplicate_count = len(lines) - len(batch.rows)
    return batch


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


def _validated(kind: Kind, lines: list[bytes]) -> list[Any] | None:
    """The rows of `lines`, checked in one call; None where any of them is bad."""
    try:
        rows = kind.rows.validate_json(b"[" + b",".join(lines) + b"]")
    except ValidationError:
        return None
    return rows if len(rows) == len(lines) else None


def _sift(
    kind: Kind, places: list[str], lines: list[bytes]
) -> tuple[list[DeadLetter], list[bytes]]:
    """Check line by line: the dead letters, and the good lines."""
    letters, good = [], []
    for place, line in zip(places, lines, strict=True):
        try:
            kind.rows.validate_json(b"[" + line + b"]")
            good.append(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            name = ".".join(str(part) for part in first["loc"][1:])
            letters.append(DeadLetter(place, name, first["msg"], line))
    return letters, good
