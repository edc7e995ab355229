"""Rows kept by what changed are those that the query over all captured rows gives."""

import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from dbt.adapters.clickhouse.httpclient import ChHttpClient
from fix_warehouse import Warehouse, make_customer

_MODELS = (
    "int_candidates__session_progress",
    "int_ai_cost__analyses",
    "int_storage__objects",
    "int_usage__entries",
)
_CHECKS = (
    "the_progress_kept_of_sessions_is_what_was_captured",
    "the_analyses_kept_for_costs_are_those_captured",
    "the_objects_kept_of_files_are_those_captured",
    "the_entries_kept_of_usage_are_those_captured",
)
# The captured tables below them whose rows may come into quarantine.
_GUARDED = (
    "candidate_sessions",
    "candidate_responses",
    "media_files",
    "analysis_results",
    "usage_tracking",
)
_ROUNDS = 5
_CHANGES_IN_A_ROUND = 8


def _refresh(warehouse: Warehouse) -> None:
    warehouse.build("int_landed", *_MODELS)


def _quarantine(warehouse: Warehouse, table: str, row_id: UUID, state: str) -> None:
    """A row is left out of the models while its state is open."""
    row = {"suite": table, "row_id": row_id, "expectation": "e", "state": state}
    names = list(row)
    warehouse.client.insert("expectations.quarantine", [list(row.values())], column_names=names)


def _differing(warehouse: Warehouse) -> dict[str, list[Any]]:
    """By model: rows that the table has and its query has not, or the other way round."""
    found = {}
    for model in _MODELS:
        query = re.sub(
            r"\(select count\(\) from \S+__changed\S*\) = 0", "1 = 1", warehouse.compiled[model]
        )
        assert query != warehouse.compiled[model]
        query = re.sub(r"settings [^\n]*\s*$", "", query)
        # The ids that a row was made of are in no order.
        replaced = "REPLACE (arraySort(made_of) AS made_of)" if "made_of" in query else ""
        both = (
            f"SELECT * {replaced}, 1 AS times FROM ({query}) UNION ALL"
            f" SELECT * {replaced}, -1 AS times FROM staging.{model}"
        )
        rows = warehouse.rows(
            f"SELECT * EXCEPT (times), sum(times) AS more FROM ({both})"
            " GROUP BY ALL HAVING more != 0"
        )
        if rows:
            found[model] = rows
    return found


class _Product:
    """Rows of the captured tables, changed at random in all the ways of a product."""

    def __init__(self, warehouse: Warehouse, seed: int) -> None:
        self.warehouse = warehouse
        self.random = random.Random(seed)
        self.rows: dict[str, dict[UUID, dict[str, Any]]] = {}
        self.customers = [make_customer(warehouse, {"interviews": 5}) for _ in range(2)]
        model = {"name": "assessor", "version": "1.4", "type": "scoring", "config": "{}"}
        self.write("ai_models", uuid4(), model)
        for _ in range(3):
            self.add_interview()
        for _ in range(12):
            self.change()

    def write(self, table: str, row_id: UUID, row: dict[str, Any]) -> None:
        self.rows.setdefault(table, {})[row_id] = row
        self.warehouse.capture(table, id=row_id, **row)

    def moment(self) -> datetime:
        noon = datetime.combine(self.warehouse.day(self.random.randrange(9)), datetime.min.time())
        return noon.replace(tzinfo=UTC) + timedelta(seconds=self.random.randrange(80_000))

    def one(self, table: str) -> UUID:
        # A row may be of something that is not there, or no longer.
        return self.random.choice([*self.rows.get(table, {}), uuid4()])

    def add_interview(self) -> None:
        interview_id = uuid4()
        self.write("interviews", interview_id, self.made("interviews"))
        for place in range(3):
            asked = {"interview_id": interview_id, "order_index": place}
            self.write("questions", uuid4(), self.made("questions") | asked)

    def made(self, table: str) -> dict[str, Any]:
        """A row as it may be."""
        chance, at = self.random, self.moment()
        rows: dict[str, dict[str, Any]] = {
            "interviews": {"title": "Engineer", "created_by": chance.choice(self.customers)},
            "questions": {
                "interview_id": self.one("interviews"),
                "text": "Why?",
                "type": "video",
                "order_index": chance.randrange(4),
            },
            "candidate_sessions": {
                "interview_id": self.one("interviews"),
                "status": chance.choice(["in_progress", "abandoned"]),
                "started_at": chance.choice([at, at, at, None]),
                "completed_at": chance.choice([at + timedelta(minutes=9), None]),
            },
            "candidate_responses": {
                "session_id": self.one("candidate_sessions"),
                "question_id": self.one("questions"),
                "recorded_at": at,
            },
            "media_files": {
                "interview_id": self.one("interviews"),
                "original_filename": "original.webm",
                "content_type": "video/webm",
                "file_size_bytes": chance.randrange(1_000),
                "original_path": "media/raw/i/s/q/original.webm",
                "processed_path": chance.choice([None, "media/processed/i/s/q/compressed.mp4"]),
                "status": chance.choice(["processed", "uploading"]),
                "created_at": at,
            },
            "analysis_results": {
                "interview_id": self.one("interviews"),
                "session_id": uuid4(),
                "ai_model_version": "assessor-1.4",
                "processing_cost_usd": chance.choice([None, 0.5, 0.25]),
                "created_at": at,
            },
            "usage_tracking": {
                "user_id": chance.choice(self.customers),
                "resource_type": chance.choice(["interviews", "analysis", "storage"]),
                "count": chance.randrange(-1, 5),
                "date": at.date(),
            },
        }
        return rows[table]

    def change(self) -> None:
        table = self.random.choice([*_GUARDED, *_GUARDED, "questions", "interviews"])
        known = list(self.rows.get(table, {}))
        if known and table in _GUARDED and self.random.random() < 0.15:
            state = self.random.choice(["open", "open", "released"])
            _quarantine(self.warehouse, table, self.random.choice(known), state)
            return
        kind = self.random.random() if known else 0.0
        if kind < 0.5:
            self.write(table, uuid4(), self.made(table))
        elif kind < 0.8:
            # All of it may be another: the day, the session it belongs to, the owner.
            self.write(table, self.random.choice(known), self.made(table))
        else:
            gone = self.random.choice(known)
            del self.rows[table][gone]
            self.warehouse.delete(table, gone)

    def merge(self) -> None:
        for table in self.random.sample(sorted(self.rows), 3):
            self.warehouse.client.command(f"OPTIMIZE TABLE oltp_log.{table} FINAL")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_rows_follow_whatever_changes(warehouse: Warehouse, seed: int) -> None:
    product = _Product(warehouse, seed)
    warehouse.build(*(f"+{model}" for model in _MODELS))
    assert _differing(warehouse) == {}
    changed = dict.fromkeys(_MODELS, 0)
    for _ in range(_ROUNDS):
        for _ in range(_CHANGES_IN_A_ROUND):
            product.change()
        if product.random.random() < 0.4:
            product.merge()
        _refresh(warehouse)
        assert _differing(warehouse) == {}
        for model in _MODELS:
            [(count,)] = warehouse.rows(f"SELECT count() FROM staging.{model}__changed")
            changed[model] += count
    # Everything made anew would be right too, and has no changed keys.
    assert all(changed.values()), changed

    assert set(warehouse.dbt("test", "--select", *_CHECKS).values()) == {"pass"}
    for model in _MODELS:
        table = f"staging.{model}"
        warehouse.client.command(f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1")
    became = warehouse.dbt("test", "--select", *_CHECKS)
    assert became == dict.fromkeys(_CHECKS, "fail"), "a difference of one"


def _changed_in_place(warehouse: Warehouse) -> None:
    warehouse.client.command(
        "ALTER TABLE oltp_log.usage_tracking UPDATE count = 7 WHERE true",
        settings={"mutations_sync": 2},
    )


def _emptied(warehouse: Warehouse) -> None:
    warehouse.client.command("TRUNCATE TABLE oltp_log.usage_tracking")


def _exchanged(warehouse: Warehouse) -> None:
    client = warehouse.client
    client.command("CREATE TABLE oltp_log.usage_read_anew AS oltp_log.usage_tracking")
    client.command(
        "INSERT INTO oltp_log.usage_read_anew SELECT * FROM oltp_log.usage_tracking LIMIT 1"
    )
    client.command("EXCHANGE TABLES oltp_log.usage_read_anew AND oltp_log.usage_tracking")


def _meddled_with(warehouse: Warehouse) -> None:
    warehouse.client.command(
        "INSERT INTO staging.int_usage__entries SELECT * FROM staging.int_usage__entries LIMIT 1"
    )


@pytest.mark.long
@pytest.mark.timeout(300)
def test_what_no_insert_tells_makes_everything_anew(warehouse: Warehouse) -> None:
    customer = make_customer(warehouse, {"interviews": 5})
    for days_ago in range(4):
        warehouse.use(customer, days_ago, 3)
    warehouse.build(*(f"+{model}" for model in _MODELS))
    done: list[Callable[[Warehouse], None]] = [
        _changed_in_place,
        _meddled_with,
        _exchanged,
        _emptied,
    ]
    for happens in done:
        before = warehouse.rows("SELECT * FROM staging.int_usage__entries ORDER BY ALL")
        happens(warehouse)
        _refresh(warehouse)
        assert _differing(warehouse) == {}, happens.__name__
        if happens is not _meddled_with:
            after = warehouse.rows("SELECT * FROM staging.int_usage__entries ORDER BY ALL")
            assert after != before, happens.__name__
    warehouse.use(customer, 2, 5)
    _refresh(warehouse)
    assert warehouse.rows("SELECT sum(used_count) FROM staging.int_usage__entries") == [(5,)]


@pytest.mark.timeout(300)
def test_a_refresh_that_was_killed_is_made_up_for(warehouse: Warehouse) -> None:
    """What was seen is noted last; before that, days are either old or new."""
    customer = make_customer(warehouse, {"interviews": 5})
    entry = warehouse.use(customer, 3, 3)
    warehouse.use(customer, 2, 4)
    warehouse.build("+int_usage__entries")
    client = warehouse.client
    client.command("CREATE TABLE staging.seen_before AS staging.int_usage__entries__seen")
    client.command("INSERT INTO staging.seen_before SELECT * FROM staging.int_usage__entries__seen")
    [(noted,)] = warehouse.rows(
        "SELECT comment FROM system.tables WHERE name = 'int_usage__entries__seen'"
    )
    # The entry moves from one day to another.
    row = {"user_id": customer, "resource_type": "interviews", "count": 3}
    warehouse.capture("usage_tracking", id=entry, date=warehouse.day(1), **row)
    warehouse.build("int_landed", "int_usage__entries")
    # As if it had been killed after the new day was replaced, and before the old one was.
    old_day = warehouse.day(3)
    client.command(
        "INSERT INTO staging.int_usage__entries SELECT toDate({day:Date}), * EXCEPT (date)"
        " FROM staging.int_usage__entries WHERE usage_id = {id:UUID}",
        parameters={"day": old_day, "id": entry},
    )
    client.command(f"ALTER TABLE staging.seen_before MODIFY COMMENT '3 {noted.split()[1]}'")
    client.command("EXCHANGE TABLES staging.seen_before AND staging.int_usage__entries__seen")
    assert warehouse.rows("SELECT count() FROM staging.int_usage__entries") == [(3,)]
    warehouse.build("int_landed", "int_usage__entries")
    assert warehouse.rows(
        "SELECT date, used_count FROM staging.int_usage__entries ORDER BY date"
    ) == [
        (warehouse.day(2), 4),
        (warehouse.day(1), 3),
    ]


@pytest.mark.timeout(300)
def test_of_two_runs_at_once_one_stops_before_it_replaces_anything(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = make_customer(warehouse, {"interviews": 5})
    warehouse.use(customer, 2, 4)
    warehouse.build("+int_usage__entries")
    kept = "SELECT * FROM staging.int_usage__entries ORDER BY ALL"
    before = warehouse.rows(kept)
    plain = ChHttpClient.command

    def command(self: Any, sql: str, *options: Any, **named: Any) -> Any:
        if "insert into `staging`.`int_usage__entries__restated_" in sql:
            # The other run begins, and takes other keys for the changed ones.
            changed = "staging.int_usage__entries__changed"
            warehouse.client.command(f"DROP TABLE {changed}")
            warehouse.client.command(f"CREATE TABLE {changed} (key UUID) ORDER BY key")
        return plain(self, sql, *options, **named)

    warehouse.use(customer, 2, 5)
    with monkeypatch.context() as patch:
        patch.setattr(ChHttpClient, "command", command)
        became = warehouse.dbt("run", "--select", "int_usage__entries")
    assert became == {"int_usage__entries": "error"}
    assert "another run of dbt" in warehouse.messages["int_usage__entries"]
    assert warehouse.rows(kept) == before
    warehouse.build("int_landed", "int_usage__entries")
    assert warehouse.rows("SELECT sum(used_count) FROM staging.int_usage__entries") == [(9,)]


@pytest.mark.timeout(300)
def test_one_changed_row_among_many_is_found_without_reading_them(warehouse: Warehouse) -> None:
    customer = make_customer(warehouse, {"interviews": 5})
    warehouse.client.command(
        "INSERT INTO oltp_log.usage_tracking"
        " (id, user_id, resource_type, count, date, _version, _is_deleted, _captured_at)"
        f" SELECT generateUUIDv4(), '{customer}', 'interviews', 1,"
        " today() - toIntervalDay(number % 40), 1, 0, now64(3) FROM numbers(200000)"
    )
    warehouse.build("+rollup_usage_daily")
    warehouse.use(customer, 7, 5)
    [(before,)] = warehouse.rows("SELECT now64(6)")
    warehouse.build("int_landed", "int_usage__entries", "rollup_usage_daily")
    warehouse.client.command("SYSTEM FLUSH LOGS")
    read = dict(
        warehouse.rows(
            "SELECT extract(query, 'into `[a-z]+`.`([a-z_]+__(?:changed|touched|restated))')"
            " AS target, sum(read_rows) FROM system.query_log WHERE type = 'QueryFinish'"
            " AND target != '' AND event_time_microseconds >= {before:DateTime64(6)}"
            " GROUP BY target",
            before=before,
        )
    )
    # One granule of captured rows and one day of kept ones.
    assert read["int_usage__entries__changed"] < 10, read
    assert read["int_usage__entries__restated"] < 40_000, read
    assert read["rollup_usage_daily__touched"] < 40_000, read
    assert read["rollup_usage_daily__restated"] < 40_000, read
    assert warehouse.touched("rollup_usage_daily") == [warehouse.day(7)]
    assert warehouse.rows(
        "SELECT used_count FROM rollups.rollup_usage_daily WHERE date = {day:Date}",
        day=warehouse.day(7),
    ) == [(5_005,)]
