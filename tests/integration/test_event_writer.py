"""Landing events: each id once, in the table and in its daily view, whatever breaks between."""

import json
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from fix_stack import wait_until

from ingestion.events import membership, writer
from ingestion.events.landing import Landing
from ingestion.events.membership import Membership
from ingestion.events.tables import Tables
from stores import event_bus
from stores.clickhouse.client import ClickHouseClient
from stores.clickhouse.client import connect as connect_clickhouse
from stores.errors import StateConflict, StoreUnavailable
from stores.event_bus.interface import Counts, Delivery, EventBus, Message
from stores.event_bus.parsing import parse_array
from stores.event_bus.redis_streams import RedisStreams
from stores.event_bus.rows import API_METRIC, INTERVIEW_METRIC, USER_EVENT, Kind
from stores.event_bus.topics import USER_EVENTS
from stores.postgres.event_landings import EventLandings

USER = "5b0f6a3e-58f4-4f0f-9c39-6a2b3f2f4a10"
VIEW = "analytics.daily_user_activity"


class Killed(BaseException):
    """Stands for the end of the process at this point."""


def user_event(number: int, day: int = 20, **changes: Any) -> dict[str, Any]:
    """A good one, its id made of `number`."""
    return {
        "event_id": str(uuid.UUID(int=number)),
        "user_id": USER,
        "event_type": "page_view",
        "timestamp": f"2026-11-{day:02}T10:00:00.{number % 1000:03}Z",
    } | changes


def publish(bus: EventBus, kind: Kind, *events: dict[str, Any]) -> None:
    """As one request would."""
    batch = parse_array(kind, json.dumps(events).encode())
    assert batch.rejected == []
    bus.publish(kind.topic.name, [Message(b"\n".join(batch.lines), len(batch.lines))])


@pytest.fixture
def clickhouse(clickhouse_url: str) -> Iterator[ClickHouseClient]:
    """A client; the tables of `analytics` are empty."""
    client = connect_clickhouse(clickhouse_url)
    for table in ("user_events", "interview_metrics", "api_metrics", "daily_user_activity"):
        client.command(f"TRUNCATE TABLE analytics.{table}")
    client.command("TRUNCATE TABLE platform.dead_letters")
    yield client
    client.close()


@pytest.fixture
def bus(event_bus_url: str, postgres_url: str, clickhouse: ClickHouseClient) -> Iterator[EventBus]:
    """The bus, emptied, with ClickHouse behind it emptied too, and no writer yet."""
    found = event_bus.connect(event_bus_url)
    yield found
    found.close()


@pytest.fixture
def landings(postgres_url: str) -> Iterator[EventLandings]:
    """What writers share."""
    with closing(EventLandings(postgres_url)) as found:
        yield found


def totals() -> Counts:
    """What became of the user events."""
    with closing(EventLandings()) as found:
        return found.totals().get(USER_EVENTS.name, Counts())


@contextmanager
def landing_by_hand(
    bus: EventBus, client: ClickHouseClient, landings: EventLandings
) -> Iterator[tuple[Landing, list[Delivery]]]:
    """A writer of user events, step by step: what it has read, and what lands it."""
    with Membership(bus, landings, [USER_EVENTS.name]) as member:
        member.refresh()
        landing = Landing(USER_EVENT, bus, Tables(client), landings, member)
        found: list[Delivery] = []
        while part := bus.consume(USER_EVENTS.name, 100):
            found += part
        yield landing, found


def value(client: ClickHouseClient, query: str) -> Any:
    """The one value that `query` answers."""
    return client.query(query).first_row[0]


def assert_counted(client: ClickHouseClient, count: int) -> None:
    """So many user events, each once, and the daily view says the same by slice."""
    assert value(client, "SELECT count() FROM analytics.user_events") == count
    assert value(client, "SELECT uniqExact(event_id) FROM analytics.user_events") == count
    raw = "SELECT date, user_id, event_type, count() FROM analytics.user_events GROUP BY ALL"
    summed = f"SELECT date, user_id, event_type, sum(event_count) FROM {VIEW} GROUP BY ALL"
    assert sorted(client.query(raw).result_rows) == sorted(client.query(summed).result_rows)


def test_an_event_lands_with_every_column(bus: EventBus, clickhouse: ClickHouseClient) -> None:
    sent = user_event(
        1,
        event_data={"a": "ü", "b": [1]},
        session_id=str(uuid.UUID(int=9)),
        user_agent='Moz"illa\t',
        ip_address="::ffff:203.0.113.7",
        timestamp="2026-11-01T01:30:00.125+03:00",
    )
    publish(bus, USER_EVENT, sent)
    before = datetime.now(UTC)
    [report, *_] = writer.drain(30)
    assert (report.topic, report.landed_count, report.lag_count) == ("user-events", 1, 0)
    row = next(iter(clickhouse.query("SELECT * FROM analytics.user_events").named_results()))
    assert str(row["event_id"]) == sent["event_id"]
    assert json.loads(row["event_data"]) == sent["event_data"]
    assert (str(row["session_id"]), row["user_agent"]) == (sent["session_id"], sent["user_agent"])
    assert str(row["ip_address"]) == "203.0.113.7"
    text = "SELECT toString(timestamp), date, received_at FROM analytics.user_events"
    at, day, received_at = clickhouse.query(text).first_row
    # The date is that of UTC, whatever the zone of the sender or of the server.
    assert (at, day) == ("2026-10-31 22:30:00.125", date(2026, 10, 31))
    assert abs((received_at.replace(tzinfo=UTC) - before).total_seconds()) < 60


def test_metrics_land_and_a_resent_one_counts_once(
    bus: EventBus, clickhouse: ClickHouseClient
) -> None:
    metric = INTERVIEW_METRIC.event.model_json_schema()["examples"][0]
    request = API_METRIC.event.model_json_schema()["examples"][0]
    for _ in range(2):
        publish(bus, INTERVIEW_METRIC, metric, metric | {"metric_value": 0.5})
        publish(bus, API_METRIC, request)
        writer.drain(30)
    assert value(clickhouse, "SELECT count() FROM analytics.interview_metrics") == 2
    assert value(clickhouse, "SELECT count() FROM analytics.api_metrics") == 1
    found = "SELECT dimensions['language'] FROM analytics.interview_metrics LIMIT 1"
    assert value(clickhouse, found) == "en"


def test_an_id_sent_again_counts_once_even_with_another_time_and_payload(
    bus: EventBus, clickhouse: ClickHouseClient
) -> None:
    publish(bus, USER_EVENT, *[user_event(n) for n in range(10)])
    publish(bus, USER_EVENT, *[user_event(n, day=21) for n in range(5, 15)])
    writer.drain(30)
    again = [user_event(n, day=22) for n in range(10)]
    publish(bus, USER_EVENT, *again, *[user_event(n, event_type="login") for n in range(10, 20)])
    [report, *_] = writer.drain(30)
    found = (report.landed_count, report.duplicate_count, report.conflict_count)
    # From 10 to 14 they came before as another event, which counts.
    assert found == (5, 10, 5)
    assert_counted(clickhouse, 20)


def test_an_id_with_another_payload_is_a_conflict_and_kept(
    bus: EventBus, clickhouse: ClickHouseClient
) -> None:
    publish(bus, USER_EVENT, user_event(1), user_event(2))
    writer.drain(30)
    # Later than the first, and two in one batch; another time alone is no conflict.
    other = user_event(1, event_data={"a": 1})
    publish(bus, USER_EVENT, other, user_event(3), user_event(2, day=21))
    publish(bus, USER_EVENT, user_event(3, event_type="login"))
    [report, *_] = writer.drain(30)
    assert (report.landed_count, report.duplicate_count) == (1, 1)
    assert (report.conflict_count, report.dead_letter_count, report.lag_count) == (2, 0, 0)
    letters = clickhouse.query(
        "SELECT topic, event_id, field, rule, body, reason FROM platform.dead_letter_status"
        " WHERE replayed_at IS NULL ORDER BY event_id"
    ).result_rows
    assert [(row[0], row[1], row[2], row[3]) for row in letters] == [
        ("user-events", str(uuid.UUID(int=n)), "event_id", "conflict") for n in (1, 3)
    ]
    assert json.loads(letters[0][4])["event_data"] == '{"a":1}'
    assert "before" in letters[0][5]
    assert_counted(clickhouse, 3)


@pytest.mark.parametrize("kind", [INTERVIEW_METRIC, API_METRIC], ids=["interview", "api"])
def test_a_metric_with_another_value_is_a_conflict_and_with_another_time_is_not(
    bus: EventBus, clickhouse: ClickHouseClient, kind: Kind
) -> None:
    example = kind.event.model_json_schema()["examples"][0]
    name = kind.topic.id_column
    sent = example | {name: str(uuid.uuid4())}
    value_name = "metric_value" if kind is INTERVIEW_METRIC else "status_code"
    if kind is INTERVIEW_METRIC:
        sent |= {"dimensions": {"b": "1", "a": "2"}}
    publish(bus, kind, sent)
    writer.drain(30)
    later = datetime.fromisoformat(sent["timestamp"]) + timedelta(seconds=1)
    publish(bus, kind, dict(reversed(sent.items())) | {"timestamp": later.isoformat()})
    publish(bus, kind, sent | {value_name: 500})
    reports = {report.topic: report for report in writer.drain(30)}
    report = reports[kind.topic.name]
    assert (report.duplicate_count, report.conflict_count) == (1, 1)
    assert value(clickhouse, f"SELECT count() FROM {kind.topic.table}") == 1


def test_what_cannot_be_a_row_becomes_a_dead_letter_with_its_bytes(
    bus: EventBus, clickhouse: ClickHouseClient
) -> None:
    good = parse_array(USER_EVENT, json.dumps([user_event(1), user_event(2)]).encode()).lines
    wrong = good[0].replace(b"page_view", b"page view")
    body = b"\n".join([good[0], b"\x00\xff not JSON", wrong, good[1]])
    bus.publish(USER_EVENTS.name, [Message(body, 4)])
    [report, *_] = writer.drain(30)
    assert (report.landed_count, report.dead_letter_count, report.lag_count) == (2, 2, 0)
    letters = clickhouse.query(
        "SELECT topic, field, hex(body), reason, rule FROM platform.dead_letters ORDER BY source"
    ).result_rows
    assert [(row[0], row[1], bytes.fromhex(row[2])) for row in letters] == [
        ("user-events", "", b"\x00\xff not JSON"),
        ("user-events", "event_type", wrong),
    ]
    assert all(row[3] and row[4] == "invalid" for row in letters)
    assert_counted(clickhouse, 2)


def test_a_row_that_only_clickhouse_refuses_does_not_hold_up_the_others(
    bus: EventBus, clickhouse: ClickHouseClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def renamed(tables: Tables, topic: Any, lines: Any, token: str, *_: Any) -> None:
        # A value of which our contract knows nothing: here a number too wide for its column.
        real(
            tables,
            topic,
            [
                line.replace(b'"0.0.0.0"', b'"0.0.0.999"') if b"bad" in line else line
                for line in lines
            ],
            token,
        )

    real = Tables.insert
    monkeypatch.setattr(Tables, "insert", renamed)
    events = [user_event(n, user_agent="bad" if n == 3 else "") for n in range(8)]
    publish(bus, USER_EVENT, *events)
    [report, *_] = writer.drain(30)
    assert (report.landed_count, report.dead_letter_count) == (7, 1)
    assert_counted(clickhouse, 7)


Break = Callable[[pytest.MonkeyPatch, ClickHouseClient], None]


def _before_the_insert(patch: pytest.MonkeyPatch, _: ClickHouseClient) -> None:
    def killed(*_: object) -> None:
        raise Killed

    patch.setattr(Tables, "insert", killed)


def _before_the_note(patch: pytest.MonkeyPatch, _: ClickHouseClient) -> None:
    def killed(*_: object) -> None:
        raise Killed

    patch.setattr(Tables, "existing", killed)


def _after(patch: pytest.MonkeyPatch, damage: Callable[[], None]) -> None:
    """Kill after the insert, then take from ClickHouse what the kill would have prevented."""
    real = Tables.insert

    def killed(tables: Tables, topic: Any, lines: Any, token: str, *_: Any) -> None:
        real(tables, topic, lines, token)
        damage()
        raise Killed

    patch.setattr(Tables, "insert", killed)


def _after_the_insert(patch: pytest.MonkeyPatch, _: ClickHouseClient) -> None:
    _after(patch, lambda: None)


def _inner(client: ClickHouseClient) -> str:
    query = "SELECT name FROM system.tables WHERE database = 'analytics' AND name LIKE '.inner%'"
    return f"analytics.`{value(client, query)}`"


def _between_table_and_view(patch: pytest.MonkeyPatch, client: ClickHouseClient) -> None:
    # Truncating forgets the token too, as if the view's part had never been there.
    _after(patch, lambda: _truncate(client, _inner(client)))


def _truncate(client: ClickHouseClient, table: str) -> None:
    client.command(f"TRUNCATE TABLE {table}")


def _token_noted_but_view_part_lost(patch: pytest.MonkeyPatch, client: ClickHouseClient) -> None:
    delete = f"ALTER TABLE {_inner(client)} DELETE WHERE 1 SETTINGS mutations_sync = 2"
    _after(patch, lambda: client.command(delete) and None)


def _token_noted_but_part_lost(patch: pytest.MonkeyPatch, client: ClickHouseClient) -> None:
    delete = "ALTER TABLE analytics.user_events DELETE WHERE date > '2026-11-01' {}"
    view = f"ALTER TABLE {_inner(client)} DELETE WHERE date > '2026-11-01' {{}}"
    sync = "SETTINGS mutations_sync = 2"
    _after(patch, lambda: [client.command(q.format(sync)) for q in (delete, view)] and None)


def _before_the_bus_was_told(patch: pytest.MonkeyPatch, _: ClickHouseClient) -> None:
    def killed(*_: object) -> None:
        raise Killed

    patch.setattr(RedisStreams, "settle", killed)


@pytest.mark.parametrize(
    "breaks",
    [
        _before_the_note,
        _before_the_insert,
        _after_the_insert,
        _between_table_and_view,
        _token_noted_but_view_part_lost,
        _token_noted_but_part_lost,
        _before_the_bus_was_told,
    ],
    ids=lambda item: item.__name__.strip("_"),
)
def test_a_kill_at_any_step_leaves_every_id_counted_once(
    bus: EventBus,
    clickhouse: ClickHouseClient,
    landings: EventLandings,
    monkeypatch: pytest.MonkeyPatch,
    breaks: Break,
) -> None:
    # Some ids are there before, and the batch spans two partitions.
    publish(bus, USER_EVENT, *[user_event(n) for n in range(0, 40, 4)])
    writer.drain(30)
    for start in (0, 20):
        events = [user_event(n, timestamp=_spread(n)) for n in range(start, start + 20)]
        publish(bus, USER_EVENT, *events)
        publish(bus, USER_EVENT, events[0] | {"event_type": "other"})
    # What the view held of earlier batches is put back by hand where a case empties it.
    with landing_by_hand(bus, clickhouse, landings) as (landing, deliveries):
        assert len(deliveries) == 4
        with monkeypatch.context() as patch:
            breaks(patch, clickhouse)
            with pytest.raises(Killed):
                landing.land(deliveries, 0)
    if breaks in (_between_table_and_view, _token_noted_but_view_part_lost):
        _restore_view_of_earlier(clickhouse)
    if breaks is _token_noted_but_part_lost:
        _restore_earlier(clickhouse)
    writer.drain(30)
    assert_counted(clickhouse, 40)
    counts = totals()
    assert (counts.landed_count, bus.lag(USER_EVENTS.name)) == (40, 0)
    # All that was sent, each once: 10 first, 20 twice with one of them changed.
    assert counts.settled_count == 10 + 2 * 21


def _spread(number: int) -> str:
    month = "10" if number % 3 == 0 else "11"
    return f"2026-{month}-20T10:00:00.{number:03}Z"


def _restore_view_of_earlier(client: ClickHouseClient) -> None:
    client.insert(
        VIEW,
        [[date(2026, 11, 20), USER, "page_view", 10]],
        column_names=["date", "user_id", "event_type", "event_count"],
    )


def _restore_earlier(client: ClickHouseClient) -> None:
    rows = [
        [str(uuid.UUID(int=n)), USER, "page_view", datetime(2026, 11, 20, 10, tzinfo=UTC)]
        for n in range(0, 40, 4)
    ]
    client.insert(
        "analytics.user_events",
        rows,
        column_names=["event_id", "user_id", "event_type", "timestamp"],
    )


def test_a_lost_answer_of_clickhouse_is_settled_without_doubling(
    bus: EventBus, clickhouse: ClickHouseClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Tables.insert
    failures = iter([True, True, False])

    def answer_lost(tables: Tables, topic: Any, lines: Any, token: str, *_: Any) -> None:
        real(tables, topic, lines, token)
        if next(failures, False):
            raise StoreUnavailable("the answer was lost")

    monkeypatch.setattr(Tables, "insert", answer_lost)
    publish(bus, USER_EVENT, *[user_event(n) for n in range(30)])
    [report, *_] = writer.drain(30)
    assert (report.landed_count, report.lag_count) == (30, 0)
    assert_counted(clickhouse, 30)


def test_while_clickhouse_is_away_events_wait_on_the_bus(
    bus: EventBus, clickhouse: ClickHouseClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(bus, USER_EVENT, *[user_event(n) for n in range(5)])
    with monkeypatch.context() as away:
        away.setenv("CLICKHOUSE_URL", "clickhouse://nobody@127.0.0.1:1/default")
        with pytest.raises(StoreUnavailable, match="CLICKHOUSE_URL"):
            writer.drain(1)
        assert bus.lag(USER_EVENTS.name) == 5
    writer.drain(30)
    assert_counted(clickhouse, 5)


def holders() -> set[str]:
    """Who reads partitions of user events."""
    with closing(EventLandings()) as found:
        held = found.holders()
    return {who for name, who in held.items() if name.startswith(f"{USER_EVENTS.name}/")}


@contextmanager
def following() -> Iterator[None]:
    """A following writer in a thread."""
    stop = threading.Event()
    thread = threading.Thread(target=writer.follow, args=[stop])
    thread.start()
    yield
    stop.set()
    thread.join(30)
    assert not thread.is_alive()


def test_a_following_writer_lands_an_event_within_two_seconds(
    bus: EventBus, clickhouse: ClickHouseClient
) -> None:
    with following():
        wait_until(holders)
        publish(bus, USER_EVENT, user_event(1))
        counted = "SELECT count() = {} FROM analytics.user_events"
        wait_until(lambda: value(clickhouse, counted.format(1)), seconds=3)
        publish(bus, USER_EVENT, user_event(2))
        wait_until(lambda: value(clickhouse, counted.format(2)), seconds=3)


def test_two_writers_share_the_partitions_and_a_drain_waits_for_them(
    bus: EventBus, clickhouse: ClickHouseClient
) -> None:
    with following():
        first = wait_until(holders)
        assert len(first) == 1
        with following():
            both = wait_until(lambda: len(found := holders()) == 2 and found, 20)
            assert first < both
            for start in range(0, 100, 10):
                # Each id goes through whichever partition, some through two.
                publish(bus, USER_EVENT, *[user_event(n) for n in range(start, start + 15)])
            [report, *_] = writer.drain(30)
            assert holders() == both
        wait_until(lambda: len(holders()) == 1, 20)
    assert report.lag_count == 0
    counts = totals()
    assert (counts.landed_count, counts.duplicate_count) == (105, 45)
    assert_counted(clickhouse, 105)


def test_the_partitions_of_a_dead_process_are_taken_at_once_and_of_a_living_one_not(
    bus: EventBus, clickhouse: ClickHouseClient, landings: EventLandings
) -> None:
    names = [membership.lease_name(USER_EVENTS.name, number) for number in range(4)]
    publish(bus, USER_EVENT, user_event(1))
    dead = f"{socket.gethostname()}:999999999:1.00:abc"
    assert landings.hold(names, dead, 60) == set(names)
    assert landings.take_turn(USER_EVENTS.name, dead, 60)
    assert writer.drain(5)[0].landed_count == 1
    publish(bus, USER_EVENT, user_event(2))
    for living in (membership.new_holder(), "another-host:1:1.00:abc"):
        assert landings.hold(names, living, 60) == set(names)
        assert writer.drain(0.5)[0].lag_count == 1
        landings.release_all(living)
    assert landings.take_turn(USER_EVENTS.name, "another-host:1:1.00:abc", 60)
    assert writer.drain(0.5)[0].lag_count == 1
    landings.release_all("another-host:1:1.00:abc")
    assert writer.drain(30)[0].landed_count == 1


def _pause_at(patch: pytest.MonkeyPatch, name: str, meanwhile: Callable[[], Any]) -> None:
    """As if the process was stopped before its next call of `name`, and went on afterwards."""
    owner: Any = EventLandings if name == "remember" else Tables
    real = getattr(owner, name)
    paused = threading.local()

    def call(*arguments: Any) -> Any:
        if not getattr(paused, "is_over", False):
            paused.is_over = True
            meanwhile()
        return real(*arguments)

    patch.setattr(owner, name, call)


@pytest.mark.parametrize("where", ["remember", "insert"])
def test_a_writer_that_was_paused_until_another_took_over_doubles_nothing(
    bus: EventBus,
    clickhouse: ClickHouseClient,
    landings: EventLandings,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    publish(bus, USER_EVENT, *[user_event(n) for n in range(10)])

    def another_takes_over() -> None:
        # Its leases ended, and the same ids come by another message too.
        with closing(event_bus.connect()) as other:
            with closing(EventLandings()) as shared:
                shared.release_all(landing_rights.holder)
            publish(other, USER_EVENT, *[user_event(n) for n in range(5, 15)])
            assert sum(report.landed_count for report in writer.drain(30)) == 15

    with (
        landing_by_hand(bus, clickhouse, landings) as (landing, deliveries),
        monkeypatch.context() as patch,
    ):
        landing_rights = landing._rights
        _pause_at(patch, where, another_takes_over)
        with pytest.raises(StateConflict):
            landing.land(deliveries, 0)
    writer.drain(30)
    assert_counted(clickhouse, 15)
    counts = totals()
    assert (counts.landed_count, counts.settled_count) == (15, 20)


def test_inserts_of_one_table_are_a_second_apart_at_load(
    bus: EventBus, clickhouse: ClickHouseClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BATCH_LIMIT_EVENTS", 20)
    times: list[float] = []
    sizes: list[int] = []
    real = Tables.insert

    def timed(tables: Tables, topic: Any, lines: Any, token: str, *_: Any) -> None:
        times.append(datetime.now(UTC).timestamp())
        sizes.append(len(lines))
        real(tables, topic, lines, token)

    monkeypatch.setattr(Tables, "insert", timed)
    for start in range(0, 60, 5):
        publish(bus, USER_EVENT, *[user_event(n) for n in range(start, start + 5)])
    assert writer.drain(30)[0].landed_count == 60
    assert (sizes, len(times)) == ([20, 20, 20], 3)
    assert all(later - earlier > 0.95 for earlier, later in pairwise(times))
