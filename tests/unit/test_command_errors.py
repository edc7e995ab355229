"""What the command line says of a machine that refuses."""

import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest

from interview_data import status
from interview_data.cli import main


@pytest.mark.parametrize("command", [["status"], ["down"], ["env"], ["up"], ["reset", "--yes"]])
def test_a_home_that_cannot_be_read_is_named_in_one_line(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("INTERVIEW_DATA_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code != 0
    message = capsys.readouterr().err
    assert message.startswith("Error: ")
    assert str(tmp_path / "file" / "home") in message
    assert message.count("\n") == 1


def test_a_full_disk_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def write(_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(status, "read_status", write)
    with pytest.raises(SystemExit) as ended:
        main(["status"])
    assert ended.value.code == 1
    assert capsys.readouterr().err == "Error: No space left on device\n"
