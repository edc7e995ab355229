"""A capture of a test's own: its database and slot in PostgreSQL, its target in ClickHouse.

Belongs here: starting, stopping and waiting for it. What is captured is the test's.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fix_stack import wait_until

from ingestion.cdc.capture import Options
from ingestion.cdc.run import drain, follow
from ingestion.cdc.run import options as capture_options
from ingestion.cdc.state import CapturedTable, StateStore
from ingestion.cdc.verify import TableVerification, verify
from stores.clickhouse.client import ClickHouseClient
from stores.clickhouse.client import connect as connect_clickhouse
from stores.postgres.client import connect as connect_postgres
from stores.settings import REPOSITORY

PUBLICATION = "cases"


@dataclass
class Capture:
    """A source database and what follows it."""

    options: Options
    clickhouse: ClickHouseClient
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def sql(self, *statements: str) -> None:
        """Run statements, each its own transaction unless it says otherwise."""
        with connect_postgres(self.options.source_url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def transaction(self, *statements: str) -> None:
        """Run statements as one transaction."""
        with connect_postgres(self.options.source_url) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def source_value(self, query: str) -> Any:
        """The first value of a query of PostgreSQL."""
        with connect_postgres(self.options.source_url) as connection:
            row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None

    def publish(self, *tables: str) -> None:
        """Make the publication of these tables."""
        self.sql(f"CREATE PUBLICATION {PUBLICATION} FOR TABLE {', '.join(tables)}")

    def start(self) -> None:
        """Follow in a thread."""
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=follow, args=(self.options, self._stop), name="capture-under-test", daemon=True
        )
        self._thread.start()

    def spawn(self, log: Path, **urls: str) -> "subprocess.Popen[bytes]":
        """Follow in a process of its own, which a test may kill; it adds to `log`.

        `urls` (`source_url`, `clickhouse_url`) may lead there by another way.
        """
        options = self.options
        return subprocess.Popen(
            [
                sys.executable, "-m", "interview_data", "cdc", "run", "--follow",
                "--source", urls.get("source_url", options.source_url),
                "--publication", options.publication, "--slot", options.slot,
                "--target-database", options.target_database,
            ],
            env={
                **os.environ,
                "CLICKHOUSE_URL": urls.get("clickhouse_url", options.clickhouse_url),
                "PYTHONFAULTHANDLER": "1",
            },
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=log.open("ab"),
        )  # fmt: skip

    def stop(self) -> None:
        """Stop following, as SIGTERM would."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)
            assert not self._thread.is_alive(), "capture does not stop"
            self._thread = None

    def settle(self, timeout_seconds: float = 30) -> None:
        """Until everything committed by now is in ClickHouse."""
        drain(timeout_seconds, self.options)

    def table(self, target: str) -> CapturedTable:
        """What capture remembers of a table."""
        store = StateStore(self.clickhouse, self.options.slot)
        return next(table for table in store.tables() if table.target == target)

    def tables(self) -> list[CapturedTable]:
        """What capture remembers of every table."""
        return StateStore(self.clickhouse, self.options.slot).tables()

    def wait_state(self, target: str, state: str) -> CapturedTable:
        """Until a table is in this state."""

        def found() -> CapturedTable | None:
            store = StateStore(self.clickhouse, self.options.slot)
            tables = [table for table in store.tables() if table.target == target]
            return tables[0] if tables and tables[0].state == state else None

        table: CapturedTable = wait_until(found, 60, f"{target} is {state}")
        return table

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """A query of ClickHouse; `oltp.` and `oltp_log.` mean this capture's."""
        target = self.options.target_database
        text = query.replace("oltp_log.", f"{target}_log.").replace("oltp.", f"{target}.")
        return [tuple(row) for row in self.clickhouse.query(text).result_rows]

    def verify(self) -> dict[str, TableVerification]:
        """Each streaming table on both sides."""
        return {found.table: found for found in verify(self.options)}

    def assert_equal(self, *tables: str) -> None:
        """These tables, or all, stream and hold what PostgreSQL holds, every row and column."""
        found = self.verify()
        store = StateStore(self.clickhouse, self.options.slot)
        aside = {table.target: table.reason for table in store.tables() if table.reason}
        assert found or tables, f"nothing streams: {aside}"
        assert not set(tables) - set(found), f"not streaming: {aside}"
        for name in tables or found:
            assert found[name].is_equal, found[name]


@pytest.fixture
def capture(postgres_url: str, clickhouse_url: str) -> Iterator[Capture]:
    """A capture of the publication `cases`, which the test makes; not yet started."""
    name = postgres_url.rsplit("/", 1)[1]
    chosen = capture_options(
        source_url=postgres_url,
        clickhouse_url=clickhouse_url,
        publication=PUBLICATION,
        slot=name,
        target_database=name,
    )
    client = connect_clickhouse(clickhouse_url)
    # Tests ask for a table's state before the first capture of this ClickHouse has made any.
    StateStore(client, name).prepare()
    running = Capture(chosen, client)
    yield running
    running.stop()
    for database in (name, f"{name}_log"):
        client.command(f"DROP DATABASE IF EXISTS {database} SYNC")
