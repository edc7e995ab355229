"""Large values that an update leaves alone are found, many at once, and never become NULL."""

import pytest
from fix_capture import Capture

from ingestion.cdc import unchanged


def test_many_large_values_are_looked_up_at_once_and_written_once(
    capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a key of two columns, one with a quote in its ClickHouse type; some rows move, some go."""
    monkeypatch.setattr(unchanged, "FIRST_KEYS", 150)
    monkeypatch.setattr(unchanged, "ANSWER_BYTES", 200_000)
    capture.sql(
        "CREATE TABLE said (at timestamptz, part int, score int, words text, notes text,"
        " PRIMARY KEY (at, part))",
        "ALTER TABLE said ALTER words SET STORAGE EXTERNAL, ALTER notes SET STORAGE EXTERNAL",
        "INSERT INTO said SELECT '2026-01-01'::timestamptz + n * interval '1.5 s', n % 3, 0,"
        " repeat(md5(n::text), 100), CASE WHEN n % 4 > 0 THEN repeat('n', 3000) END"
        " FROM generate_series(1, 600) n",
    )
    capture.publish("said")
    capture.settle()
    capture.transaction(
        "UPDATE said SET score = 1",
        "UPDATE said SET score = 2 WHERE part > 0",
        "UPDATE said SET notes = 'short' WHERE part = 1",
        "UPDATE said SET part = part + 10 WHERE part = 2",
        "UPDATE said SET score = 3 WHERE part = 12",
        "DELETE FROM said WHERE part = 0 AND extract(second FROM at) < 20",
    )
    capture.settle()
    capture.assert_equal("said")
    written = capture.rows("SELECT count() FROM oltp_log.said WHERE NOT _is_deleted AND score > 0")
    # 600 rows, each written once more although most changed three times.
    assert written[0][0] <= 600
    capture.sql("UPDATE said SET score = 4")
    capture.settle()
    capture.assert_equal("said")
