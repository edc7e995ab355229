"""`interview-data export` and `profile`: a model's rows as a file that is whole or not there."""

import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from fix_expectations import Landed

from interview_data.cli import main


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments], catch_exceptions=False)


@pytest.fixture
def built(landed: Landed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Landed:
    """Some marts, and a folder to write into."""
    landed.warehouse.build("+fct_analysis_results", "+fct_usage", "stg_oltp__users")
    monkeypatch.chdir(tmp_path)
    return landed


@pytest.mark.timeout(300)
def test_a_file_holds_every_row_with_its_types_and_no_personal_data(
    built: Landed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        built.put("analysis_results", processing_cost_usd=Decimal("0.0123"))
    done = _run("export", "fct_analysis_results")
    assert done.exit_code == 0, done.output
    table = pq.read_table(tmp_path / "fct_analysis_results.parquet")
    assert table.num_rows == 4
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds["analysis_result_id"] == "string"
    assert kinds["processing_cost_usd"] == "decimal128(10, 4)"
    assert kinds["created_at"] == "timestamp[us, tz=UTC]"
    assert Decimal("0.0123") in table["processing_cost_usd"].to_pylist()
    assert "4 rows" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["fct_analysis_results.parquet"]

    # The same rows as CSV, on standard output.
    chosen = ("--columns", "analysis_result_id,created_at,processing_cost_usd")
    csv = CliRunner().invoke(
        main, ["export", "fct_analysis_results", "--format", "csv", *chosen, "--output", "-"]
    )
    frame = pl.read_csv(io.BytesIO(csv.stdout_bytes), try_parse_dates=True)
    assert frame.columns == ["analysis_result_id", "created_at", "processing_cost_usd"]
    assert set(frame["analysis_result_id"]) == set(table["analysis_result_id"].to_pylist())
    assert csv.stdout.splitlines()[1].split(",")[1].endswith("Z")

    # Personal data is left out unless it is asked for twice over.
    _run("export", "stg_oltp__users", "--output", "users.parquet")
    names = pq.read_schema(tmp_path / "users.parquet").names
    assert "user_id" in names
    assert not {"email", "full_name", "phone"} & set(names)
    refused = _run("export", "stg_oltp__users", "--columns", "email")
    assert "email holds personal data" in refused.output
    _run(
        "export",
        "stg_oltp__users",
        "--columns",
        "email",
        "--with-personal-data",
        "--output",
        "e.parquet",
    )
    assert pq.read_schema(tmp_path / "e.parquet").names == ["email"]

    _spans_are_half_open(built, tmp_path)


def _spans_are_half_open(built: Landed, tmp_path: Path) -> None:
    for hour in (0, 1, 2):
        built.put("analysis_results", created_at=datetime(2026, 1, 2, hour, tzinfo=UTC))
    span = ("--since", "2026-01-02T01:00:00", "--until", "2026-01-02T02:00:00")
    _run("export", "fct_analysis_results", *span)
    table = pq.read_table(tmp_path / "fct_analysis_results.parquet")
    assert table["created_at"].to_pylist() == [datetime(2026, 1, 2, 1, tzinfo=UTC)]
    _run("export", "fct_analysis_results", "--since", "2100-01-01")
    table = pq.read_table(tmp_path / "fct_analysis_results.parquet")
    assert (table.num_rows, "created_at" in table.column_names) == (0, True)
    kept = _run("profile", "fct_analysis_results", "--rows", "2", "--json")
    said = json.loads(kept.stdout)
    assert (said["rows_count"], said["looked_at_count"]) == (7, 2)
    [score] = [row for row in said["columns"] if row["column"] == "overall_score"]
    assert (score["p50"], score["nulls"]) == (70.0, 0)


@pytest.mark.timeout(300)
def test_what_cannot_be_written_says_why_and_leaves_nothing(
    built: Landed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {
        ("fct_usages",): "did you mean fct_usage",
        ("fct_processing_jobs",): "is not built yet",
        ("fct_usage", "--columns", "resource_typ"): "did you mean resource_type",
        ("fct_usage", "--by", "dates"): "did you mean date",
        ("fct_usage", "--since", "2026-02-02", "--until", "2026-02-01"): "later than --since",
        ("fct_usage", "--output", "nowhere/x.parquet"): "No such file or directory",
    }
    for arguments, said in wrong.items():
        done = _run("export", *arguments)
        assert done.exit_code == 1, arguments
        assert said in done.output, done.output

    before = tmp_path / "fct_usage.parquet"
    before.write_bytes(b"before")

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    done = _run("export", "fct_usage")
    assert (done.exit_code, "No space left on device" in done.output) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["fct_usage.parquet"]
    assert before.read_bytes() == b"before"

    # Without a day there is nothing to cut by.
    client = built.warehouse.client
    client.command("DROP VIEW marts.fct_usage")
    client.command("CREATE VIEW marts.fct_usage AS SELECT 'x' AS usage_id")
    done = _run("export", "fct_usage", "--since", "2026-01-01", "--output", "-")
    assert "fct_usage has no column with a day or a time; leave it out" in done.output
