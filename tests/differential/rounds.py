"""A round: many stories at once, one capture process that is killed, and the judgement.

Belongs here: who runs when, what is killed, and what must be so at the end. What a story does
belongs to `story`, what is equal to `oracle`.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlsplit, urlunsplit

from fix_stack import RunningStack

from differential.oracle import Difference, compare
from differential.outline import Outline
from differential.story import Story
from ingestion.cdc.capture import Options
from ingestion.cdc.control import ask, ask_for_resync
from ingestion.cdc.run import drain
from ingestion.cdc.run import options as capture_options
from ingestion.cdc.status import table_statuses
from ingestion.cdc.verify import verify
from stores.clickhouse.client import ClickHouseClient
from stores.clickhouse.client import connect as connect_clickhouse
from stores.errors import CaptureStopped, InputInvalid, StoreUnavailable
from stores.postgres.client import OperationalError, connect
from stores.settings import REPOSITORY

PUBLICATION = "differential"
WORKERS = 3
JUDGES = 4
# What dies in a round, in order; a store that is started again takes seconds. A pause kills
# nothing: some tables are paused, and resumed when everything is told.
KILLS = (
    ("capture", "capture", "capture"),
    ("capture", "clickhouse", "capture"),
    ("connections", "pause", "capture", "connections"),
    ("capture", "postgres", "pause", "capture"),
)
PAUSED_COUNT = 4
STORY_SECONDS = 120.0
HASH_KEY = "the key of the differential test"


class Different(AssertionError):
    """A table is not what it should be; says how to see it again."""

    def __init__(self, what: str, tables: Sequence[tuple[Story, str]] = ()) -> None:
        super().__init__(what)
        self.tables = tuple(tables)


@dataclass
class Round:
    """Stories that share a database and a capture. `kills` names what is killed, in order."""

    stack: RunningStack
    outlines: Sequence[Outline]
    kills: Sequence[str] = ("capture", "capture")
    settle_seconds: float = 180.0
    capture_count: int = 0
    table_count: int = 0
    quarantined_count: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    _capture: "subprocess.Popen[bytes] | None" = None
    _errors: list[BaseException] = field(default_factory=list)

    def run(self) -> None:
        """Raises Different where something is not as it should be."""
        self.seeds = [outline.seed for outline in self.outlines]
        self._chance = Random(self.seeds[0])
        self.name = f"diff_{self.seeds[0]}_{time.monotonic_ns() % 10**9}"
        self._has_paused = False
        self._make_database()
        try:
            for part in (self._tell_stories, self._settle, self._judge, self._stop_capture):
                started = time.monotonic()
                part()
                self.seconds[part.__name__.strip("_")] = round(time.monotonic() - started, 1)
        finally:
            if self._capture is not None and self._capture.poll() is None:
                self._capture.kill()
                self._capture.wait(10)
            self._drop()

    def _make_database(self) -> None:
        server = self.stack.environment["DATABASE_URL"]
        self.url = urlunsplit(urlsplit(server)._replace(path=f"/{self.name}"))
        with connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {self.name}".encode())
            if self._chance.random() < 0.7:
                # Large transactions are then streamed before they are committed.
                connection.execute(
                    f"ALTER DATABASE {self.name} SET logical_decoding_work_mem = '64kB'".encode()
                )
        with connect(self.url, autocommit=True) as connection:
            connection.execute(
                f"CREATE PUBLICATION {PUBLICATION} WITH (publish_via_partition_root)".encode()
            )

    def _options(self) -> Options:
        return capture_options(
            source_url=self.url,
            clickhouse_url=self.stack.environment["CLICKHOUSE_URL"],
            publication=PUBLICATION,
            slot=self.name,
            target_database=self.name,
            exclude_columns=self._hidden("exclude"),
            hash_columns=self._hidden("hash"),
        )

    def _hidden(self, how: str) -> tuple[str, ...]:
        """Columns treated so. Capture must find them when it starts, so not of late tables."""
        return tuple(
            f"{table.name}.hidden"
            for story in self.stories
            if self._treatment(story) == how
            for table in story.tables
        )

    def _treatment(self, story: Story) -> str:
        return "" if story.outline.is_late else story.outline.hidden

    def _tell_stories(self) -> None:
        self.stories = [Story(outline, self.url) for outline in self.outlines]
        self.options = self._options()
        for story in self.stories:
            if not story.outline.is_late:
                story.begin(PUBLICATION)
        self._start_capture()
        # It is made between transactions; what comes before it is the snapshot's.
        self._wait_for_slot("confirmed_flush_lsn IS NOT NULL")
        shares = [self.stories[number::WORKERS] for number in range(WORKERS)]
        self._begun = threading.Semaphore(0)
        workers = [
            threading.Thread(target=self._work, args=(share, Random(number)), daemon=True)
            for number, share in enumerate(shares)
        ]
        for worker in workers:
            worker.start()
        self._break_things(workers)
        for worker in workers:
            worker.join(STORY_SECONDS)
            if worker.is_alive():
                raise Different(f"the stories of {self.seeds} do not end")
        if self._errors:
            raise self._errors[0]

    def _wait_for_slot(self, condition: str) -> None:
        """Until the slot is there and so."""
        deadline = time.monotonic() + self.settle_seconds
        query = f"SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s AND {condition}"
        with connect(self.url, autocommit=True) as connection:
            while not connection.execute(query.encode(), [self.name]).fetchall()[0][0]:
                self._check_capture()
                if time.monotonic() > deadline:
                    raise Different(f"no slot where {condition}: {self._log_end()}")
                time.sleep(0.02)

    def _work(self, stories: list[Story], chance: Random) -> None:
        try:
            for story in stories:
                if story.outline.is_late:
                    story.begin(PUBLICATION)
            self._begun.release()
            going = list(stories)
            while going:
                story = chance.choice(going)
                story.step()
                if story.is_over:
                    story.finish()
                    going.remove(story)
        except BaseException as error:
            self._errors.append(error)
            self._begun.release()

    def _break_things(self, workers: list[threading.Thread]) -> None:
        # Tables that are added live are made by then: what makes them does not try again.
        for _ in range(WORKERS):
            self._begun.acquire(timeout=STORY_SECONDS)
        for kill in self.kills:
            deadline = time.monotonic() + self._chance.uniform(1.0, 3.0)
            while time.monotonic() < deadline and any(worker.is_alive() for worker in workers):
                time.sleep(0.02)
            if kill == "capture":
                self._kill_capture()
            elif kill == "connections":
                self._cut_connections()
            elif kill == "pause":
                self._pause_some()
            else:
                found = self.stack.service(kill)
                os.kill(found["pid"], signal.SIGKILL)
                self.stack.wait_restarted(kill, found["restart_count"])

    def _start_capture(self) -> None:
        self.capture_count += 1
        self._capture = subprocess.Popen(
            [
                sys.executable, "-m", "interview_data", "cdc", "run", "--follow",
                "--source", self.url, "--publication", PUBLICATION,
                "--slot", self.name, "--target-database", self.name,
                *(f"--exclude-column={name}" for name in self._hidden("exclude")),
                *(f"--hash-column={name}" for name in self._hidden("hash")),
            ],
            env={
                **os.environ,
                "INTERVIEW_DATA_HOME": str(self.stack.home.path),
                "PYTHONFAULTHANDLER": "1",
            },
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=self._log().open("ab"),
        )  # fmt: skip

    def _log(self):  # type: ignore[no-untyped-def]
        return self.stack.home.log_file(f"capture-{self.name}")

    def _kill_capture(self) -> None:
        assert self._capture is not None
        self._check_capture()
        self._capture.kill()
        self._capture.wait(10)
        self._start_capture()

    def _check_capture(self) -> None:
        if self._capture is not None and self._capture.poll() is not None:
            raise Different(
                f"seeds {list(self.seeds)}: capture ended by itself with"
                f" {self._capture.returncode}: {self._log_end()}{self._what_was_done()}"
            )

    def _what_was_done(self) -> str:
        """Of a round of one story; of many nobody could tell which it was."""
        if len(self.stories) > 1:
            return ""
        return "\n  what was done:\n" + "\n".join(f"    {line}" for line in self.stories[0].log)

    def _log_end(self) -> str:
        return self._log().read_text(errors="replace")[-6000:]

    def _stop_capture(self) -> None:
        assert self._capture is not None
        self._check_capture()
        self._capture.terminate()
        try:
            code = self._capture.wait(20)
        except subprocess.TimeoutExpired:
            self._capture.send_signal(signal.SIGABRT)
            self._capture.wait(5)
            raise Different(f"capture does not stop: {self._log_end()}") from None
        if code != 0:
            raise Different(f"capture ended with {code}: {self._log_end()}")

    def _cut_connections(self) -> None:
        with connect(self.stack.environment["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(
                b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [self.name],
            )

    def _pause_some(self) -> None:
        """Tables that are not captured yet stay as they are."""
        names = [table.name for story in self.stories for table in story.tables]
        for name in self._chance.sample(names, min(PAUSED_COUNT, len(names))):
            with suppress(InputInvalid):
                ask(self.options, name, "pause")
        self._has_paused = True

    def _settle(self) -> None:
        """Until everything is stored, the capture process doing it; then nothing is under way."""
        if self._has_paused:
            ask(self.options, "*", "resume")
        # Whoever comes first reads: a bounded run would take the turn of a capture that starts.
        self._wait_for_slot("active")
        deadline = time.monotonic() + self.settle_seconds
        while True:
            self._check_capture()
            try:
                report = drain(min(10, self.settle_seconds), self.options)
            except (StoreUnavailable, CaptureStopped, OperationalError) as error:
                self._check_capture()
                if time.monotonic() > deadline:
                    raise Different(
                        f"seeds {list(self.seeds)}: does not settle: {error};"
                        f" {self._states()} {self._log_end()}{self._what_was_done()}"
                    ) from error
                continue
            if report.was_following and not self._unsettled():
                return
            if time.monotonic() > deadline:
                raise Different(
                    f"seeds {list(self.seeds)}: does not settle: {self._unsettled()}"
                    f" {self._log_end()}{self._what_was_done()}"
                )
            time.sleep(0.05)

    def _states(self) -> dict[str, tuple[str, str | None]]:
        return {row.table: (row.state, row.last_error) for row in table_statuses(self.options)}

    def _unsettled(self) -> list[str]:
        """Tables that are neither streaming nor put aside."""
        states = self._states()
        names = [table.name for story in self.stories for table in story.tables]
        done = ("streaming", "quarantined")
        return [
            f"{name} is {states.get(name, ('unknown',))[0]}"
            for name in names
            if states.get(name, ("unknown",))[0] not in done
        ]

    def _judge(self) -> None:
        self._free_quarantined()
        client = connect_clickhouse(self.options.clickhouse_url)
        states = self._states()
        found = {row.table: row for row in verify(self.options)}
        failures, different = [], []
        with ThreadPoolExecutor(JUDGES) as judges:
            compared = {
                table.name: judges.submit(self._compared, story, table.name, client)
                for story in self.stories
                for table in story.tables
            }
        for story in self.stories:
            for table in story.tables:
                self.table_count += 1
                difference = compared[table.name].result()
                if states[table.name][0] != "streaming":
                    difference = Difference([], [], f"is {states[table.name]}")
                verified = found.get(table.name)
                if difference is None and (verified is None or not verified.is_equal):
                    difference = Difference([], [], f"equal, but verify says {verified}")
                elif difference is not None and verified is not None and verified.is_equal:
                    difference = Difference(
                        difference.only_source,
                        difference.only_target,
                        f"{difference.what} AND verify calls it equal",
                    )
                if difference is not None:
                    failures.append(self._describe(story, table.name, difference))
                    different.append((story, table.name))
        if failures:
            raise Different("\n\n".join(failures), different)

    def _compared(self, story: Story, table: str, client: ClickHouseClient) -> Difference | None:
        """An ALTER that no row follows is not in the log: capture sees it when it next looks."""
        deadline = time.monotonic() + self.settle_seconds
        while True:
            difference = compare(
                self.url, table, client, self.options.target_database,
                hidden=self._treatment(story), hash_key=HASH_KEY,
            )  # fmt: skip
            if difference is None or not difference.is_form or time.monotonic() > deadline:
                return difference
            self._check_capture()
            time.sleep(0.1)

    def _free_quarantined(self) -> None:
        """Only a narrowing may put a table aside, and a resync must bring it back."""
        aside = {
            name: why for name, (state, why) in self._states().items() if state == "quarantined"
        }
        if not aside:
            return
        for story in self.stories:
            for table in story.tables:
                if table.name not in aside:
                    continue
                if table.name not in story.was_narrowed:
                    what = Difference([], [], f"quarantined: {aside[table.name]}")
                    raise Different(self._describe(story, table.name, what))
                self.quarantined_count += 1
                ask_for_resync(self.options, table.name)
        deadline = time.monotonic() + self.settle_seconds
        while any(state != "streaming" for state, _ in self._states().values()):
            self._check_capture()
            if time.monotonic() > deadline:
                raise Different(f"a resync does not help: {self._states()}")
            time.sleep(0.1)

    def _describe(self, story: Story, table: str, difference: Difference) -> str:
        log = "\n".join(f"    {line[:600]}" for line in story.log)
        return (
            f"seed {story.outline.seed}, table {table}: {difference}\n"
            f"  again: make test-differential STORY='{story.outline}'\n  what was done:\n{log}"
        )

    def _drop(self) -> None:
        client = connect_clickhouse(self.options.clickhouse_url)
        for database in (self.name, f"{self.name}_log"):
            client.command(f"DROP DATABASE IF EXISTS `{database}` SYNC")
        with connect(self.stack.environment["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(
                b"SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots"
                b" WHERE database = %s AND active",
                [self.name],
            )
            connection.execute(
                b"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                b" WHERE database = %s",
                [self.name],
            )
            connection.execute(f"DROP DATABASE {self.name} WITH (FORCE)".encode())
