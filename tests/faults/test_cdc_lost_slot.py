"""The source throws away the log that capture still needed: it stops and names the way out."""

import threading
import time
from collections.abc import Iterator

import pytest
from fix_capture import PUBLICATION, Capture
from fix_stack import StartDisposable, wait_until

from ingestion.cdc.control import ask_for_resync
from ingestion.cdc.doctor import examine
from ingestion.cdc.run import follow
from ingestion.cdc.run import options as capture_options
from ingestion.cdc.state import StateStore
from ingestion.cdc.status import capture_status, slot_status
from stores.clickhouse.client import connect as connect_clickhouse
from stores.errors import CaptureStopped

WAY_OUT = "interview-data cdc resync --all"


@pytest.fixture
def guest(disposable_stack: StartDisposable, clickhouse_url: str) -> Iterator[Capture]:
    """A table captured from a server of the test's own, whose settings it may change."""
    source = disposable_stack("postgres").environment["DATABASE_URL"]
    name = f"lost_{time.monotonic_ns()}"
    chosen = capture_options(
        source_url=source,
        clickhouse_url=clickhouse_url,
        publication=PUBLICATION,
        slot=name,
        target_database=name,
    )
    client = connect_clickhouse(clickhouse_url)
    StateStore(client, name).prepare()
    running = Capture(chosen, client)
    running.sql(
        "CREATE TABLE items (id int PRIMARY KEY, name text)",
        "INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 100) n",
    )
    running.publish("items")
    running.settle()
    yield running
    running.stop()
    for database in (name, f"{name}_log"):
        client.command(f"DROP DATABASE IF EXISTS {database} SYNC")


def _write_log(guest: Capture, megabytes: int) -> None:
    for _ in range(megabytes // 16):
        guest.sql(
            "SELECT pg_logical_emit_message(false, 'noise', repeat('x', 1000000))",
            "SELECT pg_switch_wal()",
        )


def _errors(guest: Capture) -> list[str]:
    return [one.meaning + one.remedy for one in examine(guest.options) if one.level == "error"]


def test_a_slot_whose_log_was_thrown_away_is_told_before_and_after(guest: Capture) -> None:
    guest.sql("ALTER SYSTEM SET max_slot_wal_keep_size = '64MB'", "SELECT pg_reload_conf()")
    assert not _errors(guest)

    def is_close() -> bool:
        _write_log(guest, 16)
        return any("close to being lost" in alert for alert in capture_status(guest.options).alerts)

    wait_until(is_close, 10, f"an alert: {capture_status(guest.options)}")
    assert any("close to being thrown away" in error for error in _errors(guest))

    guest.sql("UPDATE items SET name = 'written after' WHERE id = 1")

    def is_lost() -> bool:
        _write_log(guest, 16)
        guest.sql("CHECKPOINT")
        slot = capture_status(guest.options).slot
        return slot is not None and slot.wal_status == "lost"

    wait_until(is_lost, 20, "the slot is lost")
    assert any(WAY_OUT in alert for alert in capture_status(guest.options).alerts)
    assert any(WAY_OUT in error for error in _errors(guest))
    with pytest.raises(CaptureStopped, match=WAY_OUT):
        guest.settle()
    assert guest.rows("SELECT count() FROM oltp.items WHERE name = 'written after'") == [(0,)]
    ask_for_resync(guest.options, "*")
    guest.settle()
    guest.assert_equal("items")


def test_a_slot_that_is_dropped_while_capture_runs_ends_it_with_the_way_out(
    guest: Capture,
) -> None:
    ended: list[BaseException] = []

    def run() -> None:
        try:
            follow(guest.options, threading.Event())
        except CaptureStopped as error:
            ended.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    slot = guest.options.slot

    def is_followed() -> bool:
        found = slot_status(guest.options.source_url, slot)
        return found is not None and found.is_read

    wait_until(is_followed, 10, "it follows")
    # Capture comes back within a moment: drop the slot in the same breath.
    guest.sql(
        "DO $$ BEGIN LOOP BEGIN"
        " PERFORM pg_terminate_backend(active_pid) FROM pg_replication_slots"
        f" WHERE slot_name = '{slot}' AND active;"
        f" PERFORM pg_drop_replication_slot('{slot}'); EXIT;"
        " EXCEPTION WHEN object_in_use THEN NULL; END; END LOOP; END $$"
    )
    thread.join(30)
    assert not thread.is_alive()
    assert "does not exist any more" in str(ended[0])
    assert WAY_OUT in str(ended[0])
    guest.sql("UPDATE items SET name = 'afterwards'")
    ask_for_resync(guest.options, "*")
    guest.settle()
    guest.assert_equal("items")
