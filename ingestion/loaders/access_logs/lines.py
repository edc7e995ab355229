"""What the log formats have in common: a line is an event, or is left out for a reason.

Belongs here: the shape that every format is read into, and reading a file line by line.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from ingestion.loaders.ids import stable_id
from stores.errors import InputInvalid


@dataclass(frozen=True)
class Event:
    """One line as the API takes it, but for its time, which is not yet moved."""

    id: str
    at: datetime
    fields: dict[str, Any]
    note: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """A line that is no event. `is_expected` where the format has such lines by design."""

    reason: str
    is_expected: bool = False


# Called with the text of a line and its number.
LineReader = Callable[[str, int], Event | LeftOut]


@dataclass(frozen=True)
class Format:
    """A log format: where its events go, and how a reader of one log's lines is made.

    `make_reader` is called with the log's identity, from which it derives missing ids.
    """

    name: str
    endpoint: str
    table: str
    id_field: str
    make_reader: Callable[[str], LineReader]


def identity_of(path: Path) -> str:
    """What tells a log from any other: its first line. It stays as it is while the log grows."""
    try:
        with path.open("rb") as file:
            return hashlib.sha256(file.readline().rstrip(b"\r\n")).hexdigest()
    except OSError as error:
        raise InputInvalid("FILE", f"{path} must be a file that can be read") from error


def line_id(identity: str, number: int, line: str) -> UUID:
    """The id of a line: two equal lines of a log differ, a line of a log that grew does not."""
    return stable_id("access-log", identity, number, line)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines. A byte that is not UTF-8 is kept as a backslash escape, never lost."""
    try:
        with path.open(encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                yield number, line.rstrip("\r\n")
    except OSError as error:
        raise InputInvalid("FILE", f"{path} must be a file that can be read") from error
