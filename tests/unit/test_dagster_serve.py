"""What Dagster is started with."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.serve import LONGEST_TEMPORARY_FOLDER, temporary_folder


@pytest.fixture
def short_home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    yield folder
    shutil.rmtree(folder)


def test_what_dagster_leaves_is_in_the_home_and_gone_at_the_next_start(short_home: Path) -> None:
    folder = Path(temporary_folder(short_home)["TMPDIR"])
    assert folder.is_relative_to(short_home)
    (folder / "left.socket").touch()
    assert temporary_folder(short_home) == {"TMPDIR": str(folder)}
    assert list(folder.iterdir()) == []


def test_a_home_too_deep_for_a_socket_keeps_the_temporary_folder_of_the_system(
    short_home: Path,
) -> None:
    deep = short_home / ("é" * ((LONGEST_TEMPORARY_FOLDER - len(os.fsencode(short_home))) // 2))
    assert temporary_folder(deep) == {}
