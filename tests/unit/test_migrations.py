"""Migrations are numbered, frozen text."""

from pathlib import Path

import pytest

from stores.clickhouse.client import statements
from stores.errors import StateConflict
from stores.migrations import Migration, pending, read_migrations


def test_migrations_are_read_in_number_order(tmp_path: Path) -> None:
    (tmp_path / "0002_b.sql").write_text("SELECT 2")
    (tmp_path / "0001_a.sql").write_text("SELECT 1")
    assert [migration.name for migration in read_migrations(tmp_path)] == [
        "0001_a.sql",
        "0002_b.sql",
    ]


def test_a_badly_named_migration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "add_users.sql").write_text("SELECT 1")
    with pytest.raises(StateConflict, match=r"add_users\.sql.*0001_what_it_does"):
        read_migrations(tmp_path)


def test_two_migrations_of_one_number_are_refused(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_text("SELECT 1")
    (tmp_path / "0001_b.sql").write_text("SELECT 1")
    with pytest.raises(StateConflict, match=r"0001_b\.sql.*taken"):
        read_migrations(tmp_path)


def test_only_what_has_not_run_is_pending() -> None:
    first, second = Migration("0001_a.sql", "", "x"), Migration("0002_b.sql", "", "y")
    assert pending([first, second], {"0001_a.sql": "x"}) == [second]


def test_an_edited_migration_is_refused() -> None:
    with pytest.raises(StateConflict, match=r"0001_a\.sql was changed"):
        pending([Migration("0001_a.sql", "", "new")], {"0001_a.sql": "old"})


def test_a_migration_from_a_newer_version_is_refused() -> None:
    with pytest.raises(StateConflict, match=r"0009_z\.sql.*not in this version"):
        pending([], {"0009_z.sql": "x"})


def test_statements_are_split_where_a_semicolon_ends_a_line() -> None:
    assert statements("SELECT ';' AS a;\n\nSELECT 2;\n") == ["SELECT ';' AS a", "SELECT 2"]
