"""Dead letters that were kept: finding them, and sending them again after a fix.

Belongs here: the questions to `platform.dead_letter_status`, and what a replay does with a letter.
How a letter gets there is in `letters.py`.
"""

import base64
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from pydantic import ValidationError

from stores import event_bus
from stores.clickhouse.client import ClickHouseClient
from stores.errors import InputInvalid
from stores.event_bus.dead_letters import CONFLICT
from stores.event_bus.interface import EventBus, Message
from stores.event_bus.parsing import parse_array
from stores.event_bus.rows import KINDS, Kind

REPLAYED = "replayed"
_PAGE_LETTERS = 500
_COLUMNS = (
    "toString(dead_letter_id), topic, source, event_id, field, rule, reason,"
    " received_at, dead_at, replayed_at, outcome, length(body)"
)
_KINDS = {kind.topic.name: kind for kind in KINDS}


@dataclass(frozen=True)
class Letter:
    """A kept letter without its bytes. Times are in UTC."""

    dead_letter_id: str
    topic: str
    source: str
    event_id: str
    field: str
    rule: str
    reason: str
    received_at: datetime
    dead_at: datetime
    replayed_at: datetime | None
    outcome: str
    body_bytes: int


@dataclass(frozen=True)
class Filter:
    """Which letters: those that match all that is given."""

    topic: str = ""
    rule: str = ""
    source: str = ""
    event_id: str = ""
    since: datetime | None = None
    is_open_only: bool = True
    ids: tuple[str, ...] = ()

    def condition(self) -> tuple[str, dict[str, object]]:
        """For a WHERE, with its parameters."""
        given = {"topic": self.topic, "rule": self.rule, "event_id": self.event_id}
        parts = [f"{name} = {{{name}:String}}" for name, value in given.items() if value]
        values: dict[str, object] = {name: value for name, value in given.items() if value}
        if self.source:
            parts.append("startsWith(source, {source:String})")
            values["source"] = self.source
        if self.since is not None:
            parts.append("dead_at >= fromUnixTimestamp64Milli({since:Int64})")
            values["since"] = int(self.since.timestamp() * 1000)
        if self.ids:
            parts.append("toString(dead_letter_id) IN {ids:Array(String)}")
            values["ids"] = list(self.ids)
        if self.is_open_only:
            parts.append("replayed_at IS NULL")
        return " AND ".join(parts) or "1", values


@dataclass(frozen=True)
class Backlog:
    """Letters of a topic that nobody has dealt with."""

    topic: str
    open_count: int
    oldest_hours: float


@dataclass
class ReplayReport:
    """What a replay did: letters by outcome, and why some stay."""

    replayed_count: int = 0
    skipped_count: int = 0
    still_invalid_count: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


def find(client: ClickHouseClient, wanted: Filter, limit: int) -> list[Letter]:
    """The newest `limit` letters."""
    condition, values = wanted.condition()
    rows = client.query(
        f"SELECT {_COLUMNS} FROM platform.dead_letter_status WHERE {condition}"
        " ORDER BY dead_at DESC, dead_letter_id LIMIT {limit:UInt32}",
        parameters={**values, "limit": limit},
    ).result_rows
    return [Letter(*row) for row in rows]


def body_of(client: ClickHouseClient, dead_letter_id: str) -> bytes:
    """A letter's bytes, as they were. Raises InputInvalid."""
    try:
        identity = str(UUID(dead_letter_id))
    except ValueError:
        raise InputInvalid("ID", "must be a dead letter's id, as `list` shows it") from None
    rows = client.query(
        "SELECT base64Encode(body) FROM platform.dead_letters"
        " WHERE dead_letter_id = {id:UUID} LIMIT 1",
        parameters={"id": identity},
    ).result_rows
    if not rows:
        raise InputInvalid("ID", f"no dead letter has the id {identity}")
    return base64.b64decode(rows[0][0])


def backlog(client: ClickHouseClient) -> list[Backlog]:
    """Open letters by topic; topics without any are left out."""
    rows = client.query(
        "SELECT topic, count(), dateDiff('second', min(dead_at), now64(3)) / 3600"
        " FROM platform.dead_letter_status WHERE replayed_at IS NULL GROUP BY topic ORDER BY topic"
    ).result_rows
    return [Backlog(str(topic), int(count), round(float(age), 2)) for topic, count, age in rows]


def replay(client: ClickHouseClient, wanted: Filter, limit: int) -> ReplayReport:
    """Check the open letters again and publish the good ones as any event is.

    Repeating it is safe: an event counts once by its id. A conflict is replayed only where its
    rule or id is asked for by name, for its id has been given to another event.
    """
    report = ReplayReport()
    with closing(event_bus.connect()) as bus:
        found = find(client, wanted, limit)
        for start in range(0, len(found), _PAGE_LETTERS):
            page = found[start : start + _PAGE_LETTERS]
            done = [letter for letter in page if _replay_one(client, bus, letter, wanted, report)]
            _mark(client, [letter.dead_letter_id for letter in done])
    return report


def _replay_one(
    client: ClickHouseClient,
    bus: EventBus,
    letter: Letter,
    wanted: Filter,
    report: ReplayReport,
) -> bool:
    kind = _KINDS.get(letter.topic)
    is_named = wanted.rule == CONFLICT or bool(wanted.ids)
    if kind is None or (letter.rule == CONFLICT and not is_named):
        report.skipped_count += 1
        report.reasons[f"{letter.topic}: {letter.rule}"] += 1
        return False
    line, reason = line_of(kind, body_of(client, letter.dead_letter_id))
    if line is None:
        report.still_invalid_count += 1
        report.reasons[f"{letter.topic}: {reason}"] += 1
        return False
    bus.publish(letter.topic, [Message(line, 1)])
    report.replayed_count += 1
    return True


def line_of(kind: Kind, body: bytes) -> tuple[bytes | None, str]:
    """`body` as it goes on the bus: a line as it is, an event as the API takes it; or why not.

    How old an event is does not matter here: whoever replays it has looked at it.
    """
    try:
        [_] = kind.rows.validate_json(b"[" + body + b"]")
        return body, ""
    except (ValidationError, ValueError):
        pass
    try:
        batch = parse_array(kind, b"[" + body + b"]")
    except InputInvalid as error:
        return None, error.rule
    if batch.rejected or len(batch.lines) != 1:
        first = batch.rejected[0] if batch.rejected else None
        return None, f"{first.field} {first.reason}".strip() if first else "is not one event"
    return batch.lines[0], ""


def _mark(client: ClickHouseClient, ids: Sequence[str]) -> None:
    if ids:
        now = datetime.now(UTC)
        client.insert(
            "platform.dead_letter_replays",
            [[identity, now, REPLAYED] for identity in ids],
            column_names=["dead_letter_id", "replayed_at", "outcome"],
        )
