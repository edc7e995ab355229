"""The event store: what happened to an aggregate, in order, each step at the version expected.

Belongs here: the one function that appends, and reading a history. Nothing else in the platform
inserts into `event_store`, but for the demo, which writes whole histories at once.

`UNIQUE (aggregate_id, version)` decides between two appends at the same time, whoever makes them;
the lock only spares this function's callers the error. An event's id is given by the sender, so
an append can be repeated: the same ids with the same content answer with the versions they have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from stores.errors import StateConflict

_INSERT = (
    "INSERT INTO event_store (id, aggregate_id, aggregate_type, event_type, event_data, version)"
    " VALUES (%s, %s, %s, %s, %s, %s)"
)


@dataclass(frozen=True)
class NewEvent:
    """A fact to append; its id is made by the sender, once for each fact."""

    id: UUID
    event_type: str
    event_data: dict[str, Any]


@dataclass(frozen=True)
class StoredEvent:
    """A fact as it is kept. Versions count from 1 without gaps."""

    id: UUID
    event_type: str
    event_data: dict[str, Any]
    version: int
    timestamp: datetime


@dataclass(frozen=True)
class Appended:
    """The versions that the events have, in their order; `is_repeat` where they had them before."""

    versions: list[int]
    is_repeat: bool


class VersionConflict(StateConflict):
    """The aggregate is not at the version expected; `current_version` is where it is."""

    def __init__(self, current_version: int) -> None:
        self.current_version = current_version
        super().__init__(
            f"the aggregate is at version {current_version}; read its history and decide again"
        )


class TypeConflict(StateConflict):
    """The aggregate's id belongs to another type."""


class IdConflict(StateConflict):
    """An event's id is that of another fact."""


def append(
    connection: psycopg.Connection[Any],
    aggregate_type: str,
    aggregate_id: UUID,
    events: Sequence[NewEvent],
    expected_version: int,
) -> Appended:
    """Append `events` after `expected_version` (0: the aggregate is new), all or none.

    Raises VersionConflict, TypeConflict or IdConflict, and then has changed nothing.
    """
    try:
        with connection.transaction():
            return _append(connection, aggregate_type, aggregate_id, events, expected_version)
    except psycopg.errors.UniqueViolation as error:
        if error.diag.constraint_name == "event_store_pkey":
            raise IdConflict("an event's id was taken at the same moment; send it again") from None
        raise VersionConflict(_state(connection, aggregate_id)[0]) from None


def _append(
    connection: psycopg.Connection[Any],
    aggregate_type: str,
    aggregate_id: UUID,
    events: Sequence[NewEvent],
    expected_version: int,
) -> Appended:
    connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"aggregate {aggregate_id}"]
    )
    version, kind = _state(connection, aggregate_id)
    if kind not in (None, aggregate_type):
        raise TypeConflict(f"the id {aggregate_id} belongs to an aggregate of the type {kind}")
    known = _known(connection, aggregate_id, aggregate_type, events)
    if known:
        if len(known) < len(events):
            raise IdConflict("some of the events are stored already and others are not")
        return Appended([known[event.id] for event in events], is_repeat=True)
    if version != expected_version:
        raise VersionConflict(version)
    versions = list(range(version + 1, version + 1 + len(events)))
    with connection.cursor() as cursor:
        cursor.executemany(
            _INSERT,
            [
                (
                    event.id,
                    aggregate_id,
                    aggregate_type,
                    event.event_type,
                    Jsonb(event.event_data),
                    number,
                )
                for event, number in zip(events, versions, strict=True)
            ],
        )
    return Appended(versions, is_repeat=False)


def _state(connection: psycopg.Connection[Any], aggregate_id: UUID) -> tuple[int, str | None]:
    """The version of the aggregate, 0 where there is none, and its type."""
    row = connection.execute(
        "SELECT version, aggregate_type FROM event_store WHERE aggregate_id = %s"
        " ORDER BY version DESC LIMIT 1",
        [aggregate_id],
    ).fetchone()
    return (row[0], row[1]) if row else (0, None)


def _known(
    connection: psycopg.Connection[Any],
    aggregate_id: UUID,
    aggregate_type: str,
    events: Sequence[NewEvent],
) -> dict[UUID, int]:
    """The versions of those events that are stored. Raises IdConflict where one says otherwise."""
    rows = connection.execute(
        "SELECT id, aggregate_id, aggregate_type, event_type, event_data, version"
        " FROM event_store WHERE id = ANY(%s)",
        [[event.id for event in events]],
    ).fetchall()
    given = {event.id: event for event in events}
    for identity, its_aggregate, its_type, event_type, event_data, _ in rows:
        event = given[identity]
        if (its_aggregate, its_type, event_type, event_data) != (
            aggregate_id,
            aggregate_type,
            event.event_type,
            event.event_data,
        ):
            raise IdConflict(f"the id {identity} is that of another fact")
    return {row[0]: row[5] for row in rows}


def history(
    connection: psycopg.Connection[Any],
    aggregate_type: str,
    aggregate_id: UUID,
    after_version: int = 0,
    limit: int = 100,
) -> list[StoredEvent]:
    """Up to `limit` events after `after_version`, in order; none of an unknown aggregate."""
    rows = connection.execute(
        "SELECT id, event_type, event_data, version, timestamp FROM event_store"
        " WHERE aggregate_id = %s AND aggregate_type = %s AND version > %s"
        " ORDER BY version LIMIT %s",
        [aggregate_id, aggregate_type, after_version, limit],
    ).fetchall()
    return [StoredEvent(*row) for row in rows]


def current_version(connection: psycopg.Connection[Any], aggregate_id: UUID) -> int:
    """Where the aggregate is; 0 where there is none."""
    return _state(connection, aggregate_id)[0]
