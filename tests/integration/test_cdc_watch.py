"""What a following capture tells of itself, and what it does for a source that is idle."""

import logging
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fix_capture import Capture
from fix_stack import wait_until
from fix_stranger import Stranger
from prometheus_client.parser import text_string_to_metric_families

from ingestion.cdc import watch as watching
from ingestion.cdc.heartbeat import PREFIX, Heartbeat
from ingestion.cdc.metrics import served
from ingestion.cdc.source import SourceDatabase
from ingestion.cdc.status import SlotStatus, capture_status, slot_status
from ingestion.cdc.watch import Watch
from stores.errors import StateConflict
from stores.local.ports import PortReservations
from stores.postgres.client import connect

Samples = dict[tuple[str, ...], float]


@pytest.fixture
def items(capture: Capture) -> Capture:
    """A table that streams and one that is put aside."""
    capture.sql(
        "CREATE TABLE items (id int PRIMARY KEY, name text)",
        "INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 100) n",
        "CREATE TABLE heap (a int)",
    )
    capture.publish("items", "heap")
    capture.start()
    capture.wait_state("items", "streaming")
    return capture


@pytest.fixture
def watch(items: Capture) -> Iterator[Watch]:
    """Beside the capture; it is asked, its thread not started."""
    stop = threading.Event()
    yield Watch(items.options, stop, look_seconds=0.05)
    stop.set()


def _scraped(address: str) -> Samples:
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310  our own
        text = answer.read().decode()
    return {
        (
            sample.name.removeprefix("interview_data_capture_"),
            *(sample.labels[name] for name in sorted(sample.labels, reverse=True)),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_metrics_are_the_figures_of_the_status(items: Capture, watch: Watch) -> None:
    items.sql("UPDATE items SET name = 'changed'")
    items.settle()
    slot = items.options.slot
    port = PortReservations().choose(18500)
    with served(watch, port) as address, served(watch, port) as beside:
        assert address == f"http://127.0.0.1:{port}/metrics"
        assert beside != address, "a port that is taken is left to whoever has it"
        found, status = _scraped(address), capture_status(items.options)
    tables = {table.table: table for table in status.tables}
    assert found["table_rows_applied_total", "items", slot] == tables["items"].rows_applied == 100
    assert found["table_snapshot_rows", "items", slot] == tables["items"].snapshot_rows == 100
    assert found["table_state", "items", "streaming", slot] == 1
    assert found["table_state", "heap", "quarantined", slot] == 1
    assert found["slot_is_read", slot] == 1
    assert found["slot_is_lost", slot] == 0
    assert found["slot_retained_bytes", slot] > 0
    assert found["lag_bytes", slot] >= 0
    assert found["spilled_bytes", slot] == status.spilled_bytes == 0
    assert found["source_is_up", slot] == found["target_is_up", slot] == 1
    assert found["alerts", slot] == len(status.alerts) == 1
    assert found["process_resident_memory_bytes",] > 0
    assert "heap is quarantined" in status.alerts[0]


def test_what_is_spilled_to_disk_is_counted(items: Capture, tmp_path: Path) -> None:
    folder = tmp_path / f"{items.options.slot}-of-this-cluster"
    folder.mkdir()
    (folder / "742").write_bytes(b"x" * 1000)
    (tmp_path / "another-slot").mkdir()
    (tmp_path / "another-slot" / "1").write_bytes(b"x")
    assert capture_status(replace(items.options, spill_folder=tmp_path)).spilled_bytes == 1000


def test_an_alarm_is_logged_once_with_the_way_out_and_taken_back(
    items: Capture, watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    watch.start()
    with caplog.at_level(logging.INFO, watching.__name__):
        wait_until(lambda: "heap is quarantined" in caplog.text, 10, "the alarm")
        items.sql("ALTER PUBLICATION cases DROP TABLE heap")
        wait_until(lambda: "over: table heap" in caplog.text, 10, "the alarm is over")
    assert caplog.text.count("alert: table heap") == 1


def test_a_store_that_is_away_alarms_only_after_a_while(
    items: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = items.options.__class__(
        items.options.source_url, "clickhouse://nobody:hush@127.0.0.1:1/x", "cases",
        items.options.slot, items.options.target_database,
    )  # fmt: skip
    assert "does not answer" in capture_status(away).alerts[0]
    assert Watch(away, threading.Event()).status().alerts == []
    monkeypatch.setenv("CAPTURE_ALERT_SECONDS", "0.001")
    impatient = Watch(away, threading.Event())
    impatient.status()
    monkeypatch.setattr(watching, "FRESH_SECONDS", 0.0)
    wait_until(lambda: impatient.status().alerts, 10, "the alarm")
    [alert] = impatient.status().alerts
    assert "does not answer" in alert
    assert "hush" not in alert


def test_a_slot_that_nobody_reads_or_that_is_gone_is_an_alert(items: Capture) -> None:
    items.stop()
    assert any("nobody reads" in alert for alert in capture_status(items.options).alerts)
    items.sql(f"SELECT pg_drop_replication_slot('{items.options.slot}')")
    assert any("does not exist any more" in one for one in capture_status(items.options).alerts)


def _slot(lsn: str, *, lag_bytes: int, is_read: bool = True) -> SlotStatus:
    return SlotStatus(is_read, "reserved", 0, None, None, lsn, lag_bytes, 0, False)


def test_the_heart_beats_only_where_the_log_grows_and_the_slot_stands(items: Capture) -> None:
    database = SourceDatabase(items.options.source_url)
    heart = Heartbeat(database, 0.01)
    still = _slot("0/1", lag_bytes=100)
    assert not heart.beat(still), "it has just got here"
    wait_until(lambda: heart.beat(still), 5, "a beat")
    assert not heart.beat(_slot("0/2", lag_bytes=100)), "it moves"
    for _ in range(3):
        assert not heart.beat(_slot("0/2", lag_bytes=0)), "the server is at rest"
        assert not heart.beat(_slot("0/2", lag_bytes=100, is_read=False)), "nobody would read it"
    assert not Heartbeat(database, 0).beat(still)
    database.close()
    items.sql("UPDATE items SET name = 'after the beat'")
    items.settle()
    items.assert_equal("items")


def test_a_beat_moves_the_slot(items: Capture) -> None:
    before = slot_status(items.options.source_url, items.options.slot)
    assert before is not None
    with connect(items.options.source_url, autocommit=True) as connection:
        connection.execute("SELECT pg_logical_emit_message(false, %s, '')", [PREFIX])

    def has_moved() -> bool:
        found = slot_status(items.options.source_url, items.options.slot)
        return found is not None and found.confirmed_lsn != before.confirmed_lsn

    wait_until(has_moved, 10, "the slot has moved on")


def test_a_role_that_may_not_write_into_the_log_goes_on_without(
    stranger: Stranger, caplog: pytest.LogCaptureFixture
) -> None:
    beat = "pg_logical_emit_message(boolean, text, text, boolean)"
    stranger.sql(f"REVOKE EXECUTE ON FUNCTION {beat} FROM PUBLIC")
    database = SourceDatabase(stranger.url)
    heart, still = Heartbeat(database, 0.001), _slot("0/1", lag_bytes=1)

    def has_given_up() -> bool:
        assert not heart.beat(still)
        return "no heartbeat from now on" in caplog.text

    wait_until(has_given_up, 5, "it gives up")
    database.close()


def test_a_slot_is_made_so_that_standbys_get_it_too(items: Capture) -> None:
    found = slot_status(items.options.source_url, items.options.slot)
    assert found is not None
    assert found.is_failover


def test_no_free_port_is_said(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingestion.cdc import metrics

    monkeypatch.setattr(metrics, "_TRIES", 1)
    port = PortReservations().choose(18600)
    with (
        served(watch, port),
        pytest.raises(StateConflict, match="CAPTURE_METRICS_PORT"),
        served(watch, port),
    ):
        pass
