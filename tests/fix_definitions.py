"""Dagster's code location, loaded once for all tests of a worker."""

from pathlib import Path

import dagster as dg
import pytest


@pytest.fixture(scope="session")
def definitions(parsed_home: Path) -> dg.Definitions:
    """As Dagster loads it, with a home that has no store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTERVIEW_DATA_HOME", str(parsed_home))
        from orchestration.definitions import definitions

        return definitions
