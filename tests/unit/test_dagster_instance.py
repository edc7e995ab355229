"""The folder of Dagster's instance, and where its runs are kept."""

from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from orchestration.instance import STORAGE_URL, prepare, storage_environment


def test_the_logs_of_runs_are_closed_to_other_users(tmp_path: Path) -> None:
    assert prepare(tmp_path).stat().st_mode & 0o077 == 0


def test_the_password_of_the_storage_is_not_in_the_configuration(tmp_path: Path) -> None:
    given = storage_environment("postgresql://u:secret@127.0.0.1:5432/db?sslmode=require")
    assert "secret" not in (prepare(tmp_path) / "dagster.yaml").read_text()
    assert STORAGE_URL in (tmp_path / "dagster" / "dagster.yaml").read_text()
    parts = conninfo_to_dict(given[STORAGE_URL].replace("postgresql+psycopg2", "postgresql"))
    assert parts["options"] == "-csearch_path=dagster"
    assert (parts["sslmode"], parts["password"]) == ("require", "secret")


def test_options_of_the_database_are_kept() -> None:
    given = storage_environment("postgresql://h/db?options=-c%20statement_timeout%3D5000")
    parts = conninfo_to_dict(given[STORAGE_URL].replace("postgresql+psycopg2", "postgresql"))
    assert parts["options"] == "-c statement_timeout=5000 -csearch_path=dagster"
