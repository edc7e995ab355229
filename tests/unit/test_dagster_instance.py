"""The folder of Dagster's instance."""

from pathlib import Path

from orchestration.instance import prepare


def test_the_logs_of_runs_are_closed_to_other_users(tmp_path: Path) -> None:
    assert prepare(tmp_path).stat().st_mode & 0o077 == 0
