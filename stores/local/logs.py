"""The log file of each process: opened for it, kept from growing, read back.

Belongs here: the files under logs/. What stands in them is each process's own.
"""

import os
import shutil
from pathlib import Path
from typing import IO

LARGEST_BYTES = 10 * 1024 * 1024
_TAIL_BYTES = 8192


def open_log(path: Path) -> IO[bytes]:
    """For appending, readable by its owner alone."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def rotate(path: Path, largest_bytes: int = LARGEST_BYTES) -> bool:
    """Move what is in a large log to `<name>.log.1`; True where it was large.

    The process keeps its file open, so the text is copied and the file cut. Lines
    written between the two are lost: a log is for reading, not a record.
    """
    try:
        if path.stat().st_size <= largest_bytes:
            return False
    except FileNotFoundError:
        return False
    previous = path.with_name(path.name + ".1")
    shutil.copyfile(path, previous)
    previous.chmod(0o600)
    os.truncate(path, 0)
    return True


def tail(path: Path, line_count: int) -> list[str]:
    """The last lines of a log."""
    size_bytes = max(_TAIL_BYTES, line_count * 400)
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size_bytes))
            text = file.read()
    except FileNotFoundError:
        return []
    return text.decode(errors="replace").splitlines()[-line_count:]


def last_line(path: Path) -> str:
    """The last line that says something, for a message."""
    lines = [line.strip() for line in tail(path, 20) if line.strip()]
    return lines[-1] if lines else "its log is empty"
