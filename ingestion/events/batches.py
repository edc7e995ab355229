"""Deliveries of the bus become a batch: rows by id, and dead letters with their reason.

Belongs here: reading and checking lines, and what a batch is called. The same deliveries make
the same batch at any time, on which repeating an insert depends.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
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
    broken = {at: letter for at, letter in _check(kind, places, lines)}  # noqa: C416  names the pair
    batch.dead_letters = list(broken.values())
    good = [line for at, line in enumerate(lines) if at not in broken]
    for row, line in zip(_validated(kind, good), good, strict=True):
        batch.rows.setdefault(getattr(row, kind.topic.id_column).lower(), line)
    batch.duplicate_count = len(good) - len(batch.rows)
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


def _validated(kind: Kind, lines: list[bytes]) -> list[Any]:
    return kind.rows.validate_json(b"[" + b",".join(lines) + b"]")


def _check(kind: Kind, places: list[str], lines: list[bytes]) -> Iterator[tuple[int, DeadLetter]]:
    """Nothing where all lines are good, which one call finds out; else the bad, one by one."""
    try:
        if len(_validated(kind, lines)) == len(lines):
            return
    except ValidationError:
        pass
    for at, line in enumerate(lines):
        try:
            kind.rows.validate_json(b"[" + line + b"]")
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            name = ".".join(str(part) for part in first["loc"][1:])
            yield at, DeadLetter(places[at], name, first["msg"], line)
