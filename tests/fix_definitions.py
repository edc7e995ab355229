"""Dagster's code location, loaded once for all tests: dbt is parsed for it."""

import dagster as dg
import pytest


@pytest.fixture(scope="session")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """As Dagster loads it, with an empty home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTERVIEW_DATA_HOME", str(tmp_path_factory.mktemp("home")))
        from orchestration.definitions import definitions

        return definitions
