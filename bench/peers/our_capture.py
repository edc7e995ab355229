"""Our own capture, as its command runs it."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.capture_stack import REPOSITORY, Capture, Stack, environment
from bench.peers.peer import LEFT_OUT, Peer, PeerStopped, Row, Rows, as_text, highest_mib, text_row

COMMAND = (sys.executable, "-m", "interview_data", "cdc")


class OurCapture(Peer):
    """`interview-data cdc run --follow`."""

    name = "this platform"

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._stack = stack
        self._base = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._highest = 0.0

    def open(self, source_url: str, tables: list[str]) -> None:
        """Everything in the publication."""
        del tables
        self._capture = Capture(self._stack, source_url, self._stack.name_of(source_url))
        self._log = self._base / f"{self._capture.slot}.log"
        self._log.touch()

    def start(self) -> None:
        """A process of its own."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*COMMAND, "run", "--follow", *self._capture.options],
                env=environment(self._stack.home),
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop(self) -> None:
        """As the supervisor does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """At once."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._highest = self.memory_mib()
            self._process.send_signal(number)
            self._process.wait(60)

    def close(self) -> None:
        """Drop what was brought."""
        self.kill()
        self._capture.forget()

    def count(self, table: str, condition: str) -> int:
        """Through the view."""
        if not self._types(table):
            return 0
        return int(self._query(f"SELECT count() FROM {self._view(table)} WHERE {condition}")[0][0])

    def rows(self, table: str, columns: list[str]) -> Rows:
        """The view's values; beside them those that capture recorded as adjusted."""
        types = self._types(table)
        if not types:
            raise PeerStopped(LEFT_OUT)
        texts = {name: as_text(name, types[name]) for name in columns if name in types}
        seen = ", ".join(f"{text} AS `t_{name}`" for name, text in texts.items())
        recorded = ", ".join(
            f"if(mapContains(_adjusted, '{name}'), _adjusted['{name}'], {text}) AS `t_{name}`"
            for name, text in texts.items()
        )
        names = list(texts)
        storage = f"FROM `{self._capture.slot}_log`.`{table}` FINAL WHERE _is_deleted = 0"
        return Rows(
            [
                text_row(names, row)
                for row in self._query(f"SELECT {seen} FROM {self._view(table)}")
            ],
            [text_row(names, row) for row in self._query(f"SELECT {recorded} {storage}")],
        )

    def _text_rows(self, names: list[str], sql: str) -> list[Row]:
        return [text_row(names, row) for row in self._query(sql)]

    def _view(self, table: str) -> str:
        return f"`{self._capture.slot}`.`{table}`"

    def _types(self, table: str) -> dict[str, str]:
        found = self._query(
            f"SELECT name, type FROM system.columns WHERE database = '{self._capture.slot}'"
            f" AND table = '{table}'"
        )
        return {str(name): str(kind) for name, kind in found}

    def _query(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._stack.clickhouse.query(sql).result_rows]

    def memory_mib(self) -> float:
        """Of the capture process; ClickHouse is apart."""
        if self._process is None or self._process.poll() is not None:
            return self._highest
        return highest_mib(self._process.pid)

    def complaint(self) -> str | None:
        """A table's reason, or the error it ended with."""
        said = json.loads(self._stack.command("cdc", "status", "--json", *self._capture.options))
        errors = [row["last_error"] for row in said["tables"] if row.get("last_error")]
        if errors:
            return str(errors[0])
        if self._process is not None and self._process.poll() is not None:
            return self._log.read_text().strip().splitlines()[-1]
        return None

    def resync(self, table: str) -> None:
        """By its command."""
        self._stack.command("cdc", "resync", table, *self._capture.options)
