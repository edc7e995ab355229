"""Where the real input lies that the project does not contain: beside the repository."""

from pathlib import Path

import pytest

from stores.settings import REPOSITORY

FOLDER = REPOSITORY.parent / "shared" / "data"


def real(path: str) -> Path:
    """The file or folder of that name; the test is skipped where it is absent."""
    found = FOLDER / path
    if not found.exists():
        pytest.skip(f"the real input {path} is not beside the repository, in {FOLDER}")
    return found
