"""When the dbt projects are parsed anew."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestration.dbt_projects import OPERATIONAL, WAREHOUSE, Project


def test_another_database_parses_only_what_names_it_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    parsed: list[str] = []

    def parse(project: Project, _: Mapping[str, str]) -> None:
        parsed.append(project.name)
        project.manifest_path.write_text("{}")

    monkeypatch.setattr(Project, "_parse", parse)
    monkeypatch.setenv("INTERVIEW_DATA_HOME", str(tmp_path))
    for database in ("one", "one", "other"):
        monkeypatch.setenv("DATABASE_URL", f"postgresql://127.0.0.1/{database}")
        for project in (WAREHOUSE, OPERATIONAL):
            assert project.ensure_manifest() == {}
    assert parsed == ["warehouse", "operational", "operational"]
