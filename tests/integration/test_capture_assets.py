"""Capture as Dagster sees it: assets, what the running capture reports, the proof as a check."""

from collections.abc import Iterator

import dagster as dg
import pytest
from fix_stranger import Stranger

from ingestion.cdc.run import drain
from orchestration.assets.capture import capture_assets
from orchestration.checks.capture import capture_checks
from orchestration.sensors_capture import capture_sensor
from stores.clickhouse.client import ClickHouseClient
from stores.clickhouse.client import connect as connect_clickhouse


@pytest.fixture
def table(
    stranger: Stranger, clickhouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A published table of a name nobody else has, beside one without a key; the settings lead
    to them."""
    name = f"parts_{stranger.name}"
    stranger.sql(
        f"CREATE TABLE {name} (id int PRIMARY KEY, note text)",
        f"INSERT INTO {name} SELECT n, 'part ' || n FROM generate_series(1, 50) n",
        f"CREATE TABLE {name}_heap (a int)",
        f"CREATE PUBLICATION p FOR TABLE {name}, {name}_heap",
        f"GRANT SELECT ON {name}, {name}_heap TO {stranger.name}",
    )
    monkeypatch.setenv("DATABASE_URL", stranger.url)
    monkeypatch.setenv("CLICKHOUSE_URL", clickhouse_url)
    monkeypatch.setenv("CAPTURE_PUBLICATION", "p")
    monkeypatch.setenv("CAPTURE_SLOT", stranger.name)
    # What the local stack leaves out is of our own schema.
    monkeypatch.setenv("CAPTURE_COLUMNS", "")
    yield name
    client = connect_clickhouse(clickhouse_url)
    client.command(f"DROP VIEW IF EXISTS oltp.{name}")
    client.command(f"DROP TABLE IF EXISTS oltp_log.{name} SYNC")


@pytest.fixture
def clickhouse(clickhouse_url: str) -> ClickHouseClient:
    """A client of the shared ClickHouse."""
    return connect_clickhouse(clickhouse_url)


def _facts(found: dict[str, dg.MetadataValue]) -> dict[str, object]:
    return {name: value.value for name, value in found.items()}


def _checked(table: str, instance: dg.DagsterInstance) -> dg.AssetCheckEvaluation:
    checks = capture_checks({table: "Parts."})
    result = (
        dg.Definitions(assets=[capture_assets({table: "Parts."})], asset_checks=[checks])
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(
            instance=instance,
            op_selection=["captured_tables_equal_postgres"],
        )
    )
    [evaluation] = result.get_asset_check_evaluations()
    return evaluation


def _tick(table: str, cursor: str | None) -> dg.SensorResult:
    with dg.build_sensor_context(cursor=cursor) as context:
        result = capture_sensor([table], {})(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_a_run_materializes_the_tables_and_the_running_capture_reports_them(
    table: str, stranger: Stranger
) -> None:
    result = dg.materialize([capture_assets({table: "Parts."})])
    [made] = result.asset_materializations_for_node("capture")
    first = _facts(dict(made.metadata))
    assert made.asset_key == dg.AssetKey(["oltp", table])
    assert (first["snapshot_rows_count"], first["from_lsn"]) == (50, "the snapshot")

    told = _tick(table, None)
    assert len(told.asset_events) == 1
    assert not _tick(table, told.cursor).asset_events, "nothing has moved"

    stranger.sql(
        f"UPDATE {table} SET note = 'x' WHERE id <= 7", f"DELETE FROM {table} WHERE id > 48"
    )
    drain(30)
    again = _tick(table, told.cursor)
    [event] = again.asset_events
    assert event.asset_key == dg.AssetKey(["oltp", table])
    second = _facts(dict(event.metadata))
    assert second["rows_applied_count"] == 9
    assert second["from_lsn"] == "the snapshot"
    assert "/" in str(second["last_lsn"])
    assert float(str(second["lag_seconds"])) >= 0


def test_the_check_is_green_while_tables_are_equal_and_red_with_the_reason_otherwise(
    table: str, stranger: Stranger, clickhouse: ClickHouseClient
) -> None:
    instance = dg.DagsterInstance.ephemeral()
    drain(30)
    green = _checked(table, instance)
    assert green.passed
    facts = _facts(dict(green.metadata))
    assert (facts["postgres_rows_count"], facts["clickhouse_rows_count"]) == (50, 50)
    assert "/" in str(facts["lsn"])

    clickhouse.command(
        f"ALTER TABLE oltp_log.{table} DELETE WHERE id = 3", settings={"mutations_sync": 2}
    )
    red = _checked(table, instance)
    assert not red.passed
    assert _facts(dict(red.metadata))["differing_rows"] == "missing in ClickHouse"

    aside = _checked(f"{table}_heap", instance)
    assert not aside.passed
    assert "quarantined" in str(aside.description)
    assert "add a primary key" in str(aside.description)

    stranger.sql(f"ALTER PUBLICATION p DROP TABLE {table}_heap")
    drain(30)
    assert _checked(table, instance).metadata["lsn"], "others are compared all the same"
    gone = _checked(f"{table}_heap", instance)
    assert not gone.passed
    assert "no longer in the publication" in str(gone.description)
