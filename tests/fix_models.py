"""What dbt knows of its models: the manifests of both projects, parsed once for all workers.

Belongs here: reading them. What must hold of them is in `architecture/test_models.py`.
"""

import fcntl
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestration.dbt_projects import PROJECTS, WAREHOUSE

Manifests = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="session")
def parsed_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which both projects are parsed; no store is needed for it."""
    base = tmp_path_factory.getbasetemp()
    home = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "parsed-home"
    home.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch, (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        patch.setenv("INTERVIEW_DATA_HOME", str(home))
        for project in PROJECTS.values():
            project.ensure_manifest()
    return home


def take_parsed(parsed_home: Path, home: Path) -> None:
    """Spare a home the parse of the project that names no database."""
    kept = Path("dbt") / WAREHOUSE.name
    if not (home / kept).exists():
        shutil.copytree(parsed_home / kept, home / kept)


@pytest.fixture(scope="session")
def manifests(parsed_home: Path) -> Manifests:
    """By the project's name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTERVIEW_DATA_HOME", str(parsed_home))
        return {name: project.ensure_manifest() for name, project in PROJECTS.items()}
