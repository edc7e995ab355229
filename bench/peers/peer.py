"""What the harness asks of each road from PostgreSQL to ClickHouse, ours included.

Belongs here: the questions. The answers are in `platform`, `materialized` and `debezium`.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LEFT_OUT = "there is no such table for readers"
Row = dict[str, str | None]


class PeerStopped(Exception):
    """It does not go on, and says why."""


@dataclass
class Rows:
    """A table as a reader sees it, values as text. `exact` has what was recorded beside values
    that could not be held."""

    seen: list[Row]
    exact: list[Row] | None = None


class Peer(ABC):
    """One road. `open` is called once for each source database."""

    name: str

    @abstractmethod
    def open(self, source_url: str, tables: list[str]) -> None:
        """Follow these tables, their present rows included; `start` has it run."""

    @abstractmethod
    def start(self) -> None:
        """Start, or start again after `stop` or `kill`."""

    @abstractmethod
    def stop(self) -> None:
        """An orderly stop."""

    @abstractmethod
    def kill(self) -> None:
        """kill -9."""

    @abstractmethod
    def close(self) -> None:
        """Leave nothing of this source behind."""

    @abstractmethod
    def count(self, table: str, condition: str) -> int:
        """How many rows a reader sees for which `condition` is true: `id`, =, > or >=, a number."""

    def has_marker(self, number: int) -> bool:
        """Whether the row of this number has come to table `marker`."""
        return self.count("marker", f"id = {number}") > 0

    @abstractmethod
    def rows(self, table: str, columns: list[str]) -> Rows:
        """All rows a reader sees."""

    @abstractmethod
    def memory_mib(self) -> float:
        """Highest resident memory of the process since it started."""

    @abstractmethod
    def complaint(self) -> str | None:
        """Why it has stopped, or stopped a table; None where nothing is said."""

    def add_table(self, table: str) -> None:  # noqa: B027 - most need not be told.
        """What its manual says to do for a table published later; nothing where it notices."""

    @abstractmethod
    def resync(self, table: str) -> None:
        """Have a table read anew."""


def as_text(name: str, kind: str) -> str:
    """A ClickHouse column as text; arrays as JSON."""
    return f"toJSONString(`{name}`)" if kind.startswith("Array") else f"toString(`{name}`)"


def text_row(names: list[str], values: tuple[object, ...]) -> Row:
    """What ClickHouse answered, by name."""
    return {
        name: None if value is None else str(value)
        for name, value in zip(names, values, strict=True)
    }


def highest_mib(pid: int) -> float:
    """A process's highest resident memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) / 1024, 1)


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()
