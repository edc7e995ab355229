"""ClickHouse's own MaterializedPostgreSQL database engine, in the engine of this platform.

An experimental feature of ClickHouse. It runs in an endpoint of its own, so that it can be killed
alone; ClickHouse and the capture are one process here.
"""

import logging
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bench.clickhouse_http import connect, start_endpoint
from bench.peers.peer import LEFT_OUT, Peer, PeerStopped, Rows, as_text, highest_mib, text_row
from stores.clickhouse.client import Error as ClickHouseError

UNKNOWN_TABLE = "ode: 60."
SETTINGS = {"allow_experimental_database_materialized_postgresql": 1}


class Materialized(Peer):
    """A database of ClickHouse that follows one of PostgreSQL."""

    name = "MaterializedPostgreSQL 26.9"

    def __init__(self, folder: Path) -> None:
        self._base = folder
        self._process: subprocess.Popen[bytes] | None = None

    def open(self, source_url: str, tables: list[str]) -> None:
        """Makes its own publication of these tables."""
        self._parts = urlsplit(source_url)
        self._tables = tables
        self._database = self._parts.path[1:]
        self._folder = Path(tempfile.mkdtemp(prefix="materialized-", dir=self._base))
        self._is_made = False

    def start(self) -> None:
        """The endpoint, and the database the first time."""
        # The client would log every try until the endpoint answers.
        logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)
        self._process, url = start_endpoint(self._folder)
        self._client: Any = connect(url)
        if self._is_made:
            return
        self._is_made = True
        parts = self._parts
        tables = ",".join(self._tables)
        self._client.command(
            f"CREATE DATABASE `{self._database}` ENGINE = MaterializedPostgreSQL("
            f"'{parts.hostname}:{parts.port}', '{self._database}', '{parts.username}',"
            f" '{unquote(parts.password or '')}')"
            f" SETTINGS materialized_postgresql_tables_list = '{tables}'",
            settings=SETTINGS,
        )

    def stop(self) -> None:
        """The whole ClickHouse."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """The whole ClickHouse, at once."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(60)

    def close(self) -> None:
        """The endpoint's data go with the folder."""
        self.kill()

    def count(self, table: str, condition: str) -> int:
        """With FINAL and without what is deleted."""
        try:
            return int(self._query(f"SELECT count() {self._from(table)} AND {condition}")[0][0])
        except ClickHouseError as error:
            if UNKNOWN_TABLE in str(error):
                return 0
            raise

    def rows(self, table: str, columns: list[str]) -> Rows:
        """With FINAL and without what is deleted."""
        if table not in self._shown():
            raise PeerStopped(LEFT_OUT)
        types = {str(row[0]): str(row[1]) for row in self._query(self._describe(table))}
        names = [name for name in columns if name in types]
        texts = ", ".join(f"{as_text(name, types[name])} AS `t_{name}`" for name in names)
        try:
            found = self._query(f"SELECT {texts} {self._from(table)}")
        except ClickHouseError as error:
            # A table whose form has changed is taken away, also between two questions.
            if UNKNOWN_TABLE in str(error):
                raise PeerStopped(LEFT_OUT) from error
            raise
        return Rows([text_row(names, row) for row in found])

    def memory_mib(self) -> float:
        """Of ClickHouse with the capture in it."""
        if self._process is None or self._process.poll() is not None:
            return 0.0
        return highest_mib(self._process.pid)

    def complaint(self) -> str | None:
        """It logs and says nothing to whoever reads the table."""
        return None

    def add_table(self, table: str) -> None:
        """As its manual says."""
        self._client.command(f"ATTACH TABLE `{self._database}`.`{table}`", settings=SETTINGS)

    def resync(self, table: str) -> None:
        """Detached for good, attached again."""
        name = f"`{self._database}`.`{table}`"
        self._client.command(f"DETACH TABLE {name} PERMANENTLY", settings=SETTINGS)
        self._client.command(f"ATTACH TABLE {name}", settings=SETTINGS)

    def _from(self, table: str) -> str:
        return f"FROM `{self._database}`.`{table}` FINAL WHERE _sign = 1"

    def _describe(self, table: str) -> str:
        return (
            f"SELECT name, type FROM system.columns WHERE database = '{self._database}'"
            f" AND table = '{table}'"
        )

    def _shown(self) -> list[str]:
        return [str(row[0]) for row in self._query(f"SHOW TABLES FROM `{self._database}`")]

    def _query(self, sql: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._client.query(sql).result_rows
        return rows
