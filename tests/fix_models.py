"""What dbt knows of its models: the manifests of both projects, parsed once a session.

Belongs here: reading them. What must hold of them is in `architecture/test_models.py`.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from orchestration.dbt_projects import PROJECTS

Manifests = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="session")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    """By the project's name; no store is needed for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTERVIEW_DATA_HOME", str(tmp_path_factory.mktemp("manifests")))
        return {name: project.ensure_manifest() for name, project in PROJECTS.items()}
