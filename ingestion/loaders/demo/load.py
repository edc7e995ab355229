"""The demo into PostgreSQL and through the API, some customers at a time.

Belongs here: the order of things, and the anchor that a second load starts from.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import monotonic

from ingestion.loaders import landed
from ingestion.loaders.api import Api, Outgoing
from ingestion.loaders.demo.activity import API_METRICS, INTERVIEW_METRICS, USER_EVENTS, events
from ingestion.loaders.demo.billing import account_rows, usage_rows
from ingestion.loaders.demo.hiring import hire
from ingestion.loaders.demo.history import event_store_rows
from ingestion.loaders.demo.population import Demo, make_customer
from ingestion.loaders.ids import stable_id
from ingestion.loaders.reference import reference_rows
from ingestion.loaders.report import LoadReport, Progress, Written, no_progress
from ingestion.loaders.rows import Row, Tables, write
from ingestion.loaders.shift import Load, recall, remember
from stores.errors import InputInvalid
from stores.postgres import client
from stores.postgres.client import Connection

KIND = "demo"
_CUSTOMERS_AT_ONCE = 50
_EVENTS_AT_ONCE = 5_000
# endpoint: the table its events land in.
_LANDS_IN = {
    USER_EVENTS: "user_events",
    INTERVIEW_METRICS: "interview_metrics",
    API_METRICS: "api_metrics",
}


@dataclass
class Slice:
    """Everything of some customers: rows by table, events by endpoint."""

    tables: dict[str, list[Row]] = field(default_factory=dict)
    events: dict[str, list[Outgoing]] = field(default_factory=dict)


def load_demo(
    users: int = 500,
    days: int = 90,
    seed: int = 7,
    *,
    activity: int = 1,
    again: bool = False,
    with_events: bool = True,
    wait_seconds: float = 0.0,
    now: datetime | None = None,
    progress: Progress = no_progress,
) -> LoadReport:
    """Load the demo. A demo that is complete is left alone, unless `again`."""
    started = monotonic()
    _check(users, days, activity)
    asked = Demo(users, days, seed, now or datetime.now(UTC), activity)
    report = LoadReport(KIND, _words(asked))
    api = Api() if with_events else None
    with client.connect(autocommit=True) as connection:
        load, demo = _anchored(connection, asked)
        report.is_repeat = load.is_complete
        if load.is_complete and not again:
            report.notes.append("loaded before, nothing was done; --again writes and posts it anew")
            return report
        if api:
            api.check()
            if wait_seconds:
                landed.check()
        remember(connection, load)
        posting = _Posting(api, report, demo, progress)
        _load(connection, demo, report, posting, progress)
        posting.finish(wait_seconds)
        if api:
            done = {"is_complete": True, "rows": {k: vars(v) for k, v in report.tables.items()}}
            remember(connection, Load(**{**vars(load), "report": done}))
    report.seconds = round(monotonic() - started, 2)
    return report


def slices(demo: Demo, customers_at_once: int = _CUSTOMERS_AT_ONCE) -> Iterator[Slice]:
    """The whole demo, some customers at a time, so that its size is no matter for memory."""
    for first in range(0, demo.users, customers_at_once):
        part = Slice()
        for index in range(first, min(first + customers_at_once, demo.users)):
            customer = make_customer(demo, index)
            hiring = hire(customer)
            rows = {
                **account_rows(customer),
                **hiring.tables(),
                "usage_tracking": usage_rows(hiring),
                "event_store": event_store_rows(hiring),
            }
            for table, its_rows in rows.items():
                part.tables.setdefault(table, []).extend(its_rows)
            for endpoint, its_events in events(hiring).items():
                part.events.setdefault(endpoint, []).extend(its_events)
        yield part


def _check(users: int, days: int, activity: int) -> None:
    if users < 1:
        raise InputInvalid("--users", "must be 1 or more")
    if not 1 <= days <= 700:
        # user_events are deleted two years after their day.
        raise InputInvalid("--days", "must be from 1 to 700")
    if not 1 <= activity <= 100:
        raise InputInvalid("--activity", "must be from 1 to 100")


def _words(demo: Demo) -> str:
    activity = "" if demo.activity == 1 else f", activity {demo.activity}"
    return f"users {demo.users}, days {demo.days}, seed {demo.seed}{activity}"


def _anchored(connection: Connection, asked: Demo) -> tuple[Load, Demo]:
    """The demo as it was anchored by its first load; as it is asked for, if this is the first."""
    parts = [asked.users, asked.days, asked.seed, *([asked.activity] if asked.activity > 1 else [])]
    source_id = stable_id("load", KIND, *parts)
    load = recall(connection, [source_id]).get(source_id)
    if load is None:
        parameters = {"anchor": asked.now.replace(microsecond=0).isoformat()}
        name = f"demo of {asked.users} users, {asked.days} days, seed {asked.seed}"
        load = Load(source_id, KIND, name, 0, parameters)
    return load, replace(asked, now=datetime.fromisoformat(load.parameters["anchor"]))


def _load(
    connection: Connection,
    demo: Demo,
    report: LoadReport,
    posting: "_Posting",
    progress: Progress,
) -> None:
    report.add_written(_write(connection, reference_rows()))
    done = 0
    for part in slices(demo):
        report.add_written(_write(connection, part.tables))
        for endpoint, its_events in part.events.items():
            posting.take(endpoint, its_events)
        done = min(done + _CUSTOMERS_AT_ONCE, demo.users)
        progress("loading customers", done, demo.users)


def _write(connection: Connection, tables: Tables) -> dict[str, Written]:
    with connection.transaction():
        return write(connection, tables)


class _Posting:
    """Collects events into full batches, posts them, and waits for what was taken.

    What landed is counted by the customers, whose ids are this demo's alone: ten million ids of
    events would be a gigabyte to remember, and minutes to ask for.
    """

    def __init__(self, api: Api | None, report: LoadReport, demo: Demo, progress: Progress) -> None:
        self._api, self._report, self._demo, self._progress = api, report, demo, progress
        self._waiting: dict[str, list[Outgoing]] = {endpoint: [] for endpoint in _LANDS_IN}

    def take(self, endpoint: str, its_events: list[Outgoing]) -> None:
        if self._api is None:
            return
        waiting = self._waiting[endpoint]
        waiting.extend(its_events)
        while len(waiting) >= _EVENTS_AT_ONCE:
            self._post(self._api, endpoint, waiting[:_EVENTS_AT_ONCE])
            del waiting[:_EVENTS_AT_ONCE]

    def finish(self, wait_seconds: float) -> None:
        """Post what is left, and wait until everything is visible."""
        if self._api is None:
            return
        for endpoint, left in self._waiting.items():
            if left:
                self._post(self._api, endpoint, left)
        if wait_seconds:
            for endpoint, posted in self._report.posted.items():
                posted.landed = self._wait(endpoint, posted.taken, wait_seconds)

    def _post(self, api: Api, endpoint: str, batch: list[Outgoing]) -> None:
        api.post(endpoint, batch, self._report)

    def _wait(self, endpoint: str, taken: int, seconds: float) -> int:
        return landed.wait_until_counted(
            _LANDS_IN[endpoint],
            [str(make_customer(self._demo, index).id) for index in range(self._demo.users)],
            (self._demo.first_day, self._demo.last_day),
            taken,
            timeout_seconds=seconds,
            progress=self._progress,
        )
