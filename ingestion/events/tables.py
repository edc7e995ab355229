"""What the writer asks of ClickHouse: which ids it has, insert these, is the view in step?

Belongs here: the SQL of landing events. When each is asked is in `landing.py`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ingestion.events.batches import Line, Slice, token_of
from stores.clickhouse.client import ClickHouseClient, Error, ExternalTable
from stores.event_bus.dead_letters import DeadLetter
from stores.event_bus.topics import DEAD_LETTER_TABLE, Topic

# Errors of ClickHouse that say a value cannot be stored; all others are worth a retry.
_REFUSING_CODES = frozenset({6, 26, 27, 38, 41, 53, 69, 70, 72, 117, 131, 321, 376, 441, 675, 676})
_LETTER_COLUMNS = (
    "dead_letter_id",
    "topic",
    "source",
    "event_id",
    "field",
    "rule",
    "reason",
    "body",
    "received_at",
)

_DRIFT = """
SELECT date, toString(user_id), event_type, sum(raw) AS raw_count, sum(summed) AS summed_count
FROM (
    SELECT date, user_id, event_type, 1 AS raw, 0 AS summed
    FROM analytics.user_events
    WHERE (date, user_id, event_type) IN (SELECT date, user_id, event_type FROM slices)
    UNION ALL
    SELECT date, user_id, event_type, 0 AS raw, event_count AS summed
    FROM analytics.daily_user_activity
    WHERE (date, user_id, event_type) IN (SELECT date, user_id, event_type FROM slices)
)
GROUP BY date, user_id, event_type
HAVING raw_count > summed_count
ORDER BY date, user_id, event_type
"""


class RowsRefused(Exception):
    """At least one of the rows cannot be stored as it is."""


class Tables:
    """The tables of `analytics`, through one client."""

    def __init__(self, client: ClickHouseClient) -> None:
        self._client = client
        self._shapes: dict[str, tuple[str, str]] = {}

    def existing(self, topic: Topic, ids: Iterable[str]) -> dict[str, int]:
        """Those of `ids` that the topic's table has, each with the hash of its payload."""
        data = "\n".join(ids).encode()
        if not data:
            return {}
        wanted = ExternalTable(file_name="wanted", data=data, fmt="TSV", structure="id UUID")
        found = self._client.query(
            f"SELECT toString({topic.id_column}), payload_hash FROM {topic.table}"
            f" WHERE {topic.id_column} IN (SELECT id FROM wanted)",
            external_data=wanted,
        )
        return _by_id(found.result_rows)

    def conflicting(
        self, topic: Topic, lines: Sequence[Line], known: Mapping[str, int | None]
    ) -> list[Line]:
        """Those of `lines` of which the table holds another payload, by its hash in `known`.

        Without a hash the row was erased meanwhile: nothing can be said of it.
        """
        found: list[Line] = []
        waiting = list(lines)
        while waiting:
            # One line of each id at a time: the answer names the id only.
            asked = {line.row: line for line in reversed(waiting)}
            hashes = self._hashes(topic, [line.body for line in asked.values()])
            found += [line for row, line in asked.items() if known[row] not in (None, hashes[row])]
            waiting = [line for line in waiting if asked[line.row] is not line]
        return found

    def _hashes(self, topic: Topic, bodies: Iterable[bytes]) -> dict[str, int]:
        """What the table would hold of the lines `bodies`, by id."""
        columns, payload = self._shape(topic)
        sent = ExternalTable(
            file_name="sent", data=b"\n".join(bodies), fmt="JSONEachRow", structure=columns
        )
        found = self._client.query(
            f"SELECT toString({topic.id_column}), {payload} FROM sent", external_data=sent
        )
        return _by_id(found.result_rows)

    def _shape(self, topic: Topic) -> tuple[str, str]:
        """The columns of the table that a line has, and the expression of the payload's hash."""
        if topic.name not in self._shapes:
            database, _, table = topic.table.partition(".")
            rows = self._client.query(
                "SELECT name, type, default_kind, default_expression FROM system.columns"
                " WHERE database = {database:String} AND table = {table:String} ORDER BY position",
                parameters={"database": database, "table": table},
            ).result_rows
            columns = [f"`{name}` {kind}" for name, kind, how, _ in rows if how != "MATERIALIZED"]
            [payload] = [expression for name, *_, expression in rows if name == "payload_hash"]
            self._shapes[topic.name] = ", ".join(columns), payload
        return self._shapes[topic.name]

    def insert(
        self, topic: Topic, lines: Sequence[bytes], token: str, traces: Sequence[str] = ()
    ) -> None:
        """Insert `lines`; under the same `token` once, the view included. Raises RowsRefused.

        ClickHouse notes the `traces` with the query.
        """
        if not lines:
            return
        try:
            self._client.raw_insert(
                topic.table,
                insert_block=b"\n".join(lines),
                settings=_once(token) | _noting(traces),
                fmt="JSONEachRow",
            )
        except Error as error:
            if getattr(error, "code", None) in _REFUSING_CODES:
                raise RowsRefused(str(error).splitlines()[0][:500]) from error
            raise

    def _letters(self, ids: Iterable[str]) -> set[str]:
        """Those of the dead letters' `ids` that are kept."""
        data = "\n".join(ids).encode()
        if not data:
            return set()
        wanted = ExternalTable(file_name="wanted", data=data, fmt="TSV", structure="id UUID")
        found = self._client.query(
            f"SELECT DISTINCT toString(dead_letter_id) FROM {DEAD_LETTER_TABLE}"
            " WHERE dead_letter_id IN (SELECT id FROM wanted)",
            external_data=wanted,
        )
        return {row for (row,) in found.result_rows}

    def bury(self, topic: Topic, letters: Iterable[DeadLetter]) -> None:
        """Keep dead letters with their bytes, each once."""
        named = {str(letter.identity(topic.name)): letter for letter in letters}
        known = self._letters(named)
        fresh = {name: letter for name, letter in named.items() if name not in known}
        if not fresh:
            return
        rows = [
            [
                identity,
                topic.name,
                letter.source,
                letter.event_id,
                letter.field,
                letter.rule,
                letter.reason,
                letter.body,
                letter.received_at,
            ]
            for identity, letter in fresh.items()
        ]
        token = token_of(topic.dead_letters, fresh)
        self._client.insert(
            DEAD_LETTER_TABLE, rows, column_names=_LETTER_COLUMNS, settings=_once(token)
        )

    def repair_view(self, touched: Iterable[Slice], token: str) -> int:
        """Add to `daily_user_activity` what it lacks of the `touched` slices; how many events.

        Only its missing part: rows that a TTL or an erasure took from `user_events` are none
        of this.
        """
        data = "\n".join("\t".join(str(part) for part in item) for item in sorted(touched))
        if not data:
            return 0
        structure = "date Date, user_id UUID, event_type String"
        asked = ExternalTable(
            file_name="slices", data=data.encode(), fmt="TSV", structure=structure
        )
        drift = self._client.query(_DRIFT, external_data=asked).result_rows
        if not drift:
            return 0
        lacking = [[day, user, kind, raw - summed] for day, user, kind, raw, summed in drift]
        self._client.insert(
            "analytics.daily_user_activity",
            lacking,
            column_names=["date", "user_id", "event_type", "event_count"],
            settings=_once(token_of(token, [repr(row) for row in lacking])),
        )
        return sum(row[3] for row in lacking)


def _by_id(rows: Iterable[Sequence[Any]]) -> dict[str, int]:
    return {str(row): int(payload_hash) for row, payload_hash in rows}


def _noting(traces: Sequence[str]) -> dict[str, Any]:
    return {"log_comment": json.dumps({"traceparents": list(traces)})} if traces else {}


def _once(token: str) -> dict[str, Any]:
    return {
        "insert_deduplication_token": token,
        "deduplicate_blocks_in_dependent_materialized_views": 1,
        "async_insert": 0,
        "max_insert_threads": 1,
    }
