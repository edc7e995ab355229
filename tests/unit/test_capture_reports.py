"""When Dagster is told again of a captured table."""

from datetime import UTC, datetime

from ingestion.cdc.status import TableStatus
from orchestration.capture_reports import Cursor, Told, metadata, to_tell, told_of


def _status(
    rows: int = 10, lsn: str | None = "0/10", state: str = "streaming", lag: float | None = 0.5
) -> TableStatus:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return TableStatus("users", state, rows, 3, lsn, at, 0, lag, None)


def _is_told(status: TableStatus, before: Told, now: float = 100.0) -> bool:
    cursor = Cursor({"users": before} if before.at else {})
    return bool(to_tell([status], cursor, now=now, repeat_seconds=600, late_seconds=300))


def test_a_table_is_told_at_first_and_whenever_it_has_moved() -> None:
    before = told_of(_status(), 50.0)
    assert _is_told(_status(), Told())
    assert not _is_told(_status(), before)
    assert _is_told(_status(rows=11, lsn="0/20"), before)


def test_a_table_nobody_changes_stays_fresh_while_capture_is_well() -> None:
    before = told_of(_status(), 50.0)
    assert _is_told(_status(), before, now=651)
    assert not _is_told(_status(lag=301), before, now=651)
    assert not _is_told(_status(lag=None), before, now=651)


def test_a_table_that_is_put_aside_is_not_told() -> None:
    for state in ("quarantined", "paused", "snapshotting", "resyncing", "removed"):
        assert not _is_told(_status(state=state), Told())


def test_a_materialization_tells_rows_since_the_last_and_the_range_of_the_log() -> None:
    found = metadata(_status(rows=15, lsn="0/20"), told_of(_status(), 50.0))
    assert (found["from_lsn"], found["last_lsn"]) == ("0/10", "0/20")
    assert (found["rows_applied_count"], found["rows_applied_ever_count"]) == (5, 15)
    assert found["lag_seconds"] == 0.5
    assert metadata(_status(lsn=None, rows=0), Told())["from_lsn"] == "the snapshot"


def test_a_cursor_survives_being_written_down() -> None:
    cursor = Cursor({"users": Told("0/10", 10, 3, 50.0)})
    assert Cursor.parse(cursor.dump()) == cursor
    assert Cursor.parse(None) == Cursor()
