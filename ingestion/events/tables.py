"""What the writer asks of ClickHouse: which ids it has, insert these, is the view in step?

Belongs here: the SQL of landing events. When each is asked is in `landing.py`.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from ingestion.events.batches import DeadLetter, Slice, token_of
from stores.clickhouse.client import ClickHouseClient, Error, ExternalTable
from stores.event_bus.topics import DEAD_LETTER_TABLE, Topic

# Errors of ClickHouse that say a value cannot be stored; all others are worth a retry.
_REFUSING_CODES = frozenset({6, 26, 27, 38, 41, 53, 69, 70, 72, 117, 131, 321, 376, 441, 675, 676})
_DEAD_LETTER_NAMESPACE = uuid.UUID("7ab1c0de-58a3-5a0f-8f0e-2f1f9f0d5a01")

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

    def existing(self, topic: Topic, ids: Iterable[str]) -> set[str]:
        """Those of `ids` that the topic's table has."""
        data = "\n".join(ids).encode()
        if not data:
            return set()
        wanted = ExternalTable(file_name="wanted", data=data, fmt="TSV", structure="id UUID")
        found = self._client.query(
            f"SELECT DISTINCT toString({topic.id_column}) FROM {topic.table}"
            f" WHERE {topic.id_column} IN (SELECT id FROM wanted)",
            external_data=wanted,
        )
        return {row[0] for row in found.result_rows}

    def insert(self, topic: Topic, lines: Sequence[bytes], token: str) -> None:
        """Insert `lines`; under the same `token` once, the view included. Raises RowsRefused."""
        if not lines:
            return
        try:
            self._client.raw_insert(
                topic.table,
                insert_block=b"\n".join(lines),
                settings=_once(token),
                fmt="JSONEachRow",
            )
        except Error as error:
            if getattr(error, "code", None) in _REFUSING_CODES:
                raise RowsRefused(str(error).splitlines()[0][:500]) from error
            raise

    def bury(self, topic: Topic, letters: Sequence[DeadLetter], token: str) -> None:
        """Keep dead letters with their bytes and their reason; under the same `token` once."""
        if not letters:
            return
        rows = [_letter_row(topic, letter) for letter in letters]
        names = ["dead_letter_id", "topic", "source", "field", "rule", "body", "received_at"]
        self._client.insert(DEAD_LETTER_TABLE, rows, column_names=names, settings=_once(token))

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


def _once(token: str) -> dict[str, Any]:
    return {
        "insert_deduplication_token": token,
        "deduplicate_blocks_in_dependent_materialized_views": 1,
        "async_insert": 0,
        "max_insert_threads": 1,
    }


def _letter_row(topic: Topic, letter: DeadLetter) -> list[Any]:
    """Its id comes from its place on the bus; its time from the message's position."""
    identity = uuid.uuid5(_DEAD_LETTER_NAMESPACE, f"{topic.name}/{letter.source}")
    return [
        identity,
        topic.name,
        letter.source,
        letter.field,
        letter.rule,
        letter.body,
        _taken(letter),
    ]


def _taken(letter: DeadLetter) -> datetime:
    milliseconds = letter.source.partition("-")[0]
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
