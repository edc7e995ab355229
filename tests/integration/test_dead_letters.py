"""Dead letters as an operator meets them: listed, shown, replayed after a fix; and replays."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from ingestion.events import writer
from interview_data.cli import main
from stores import event_bus
from stores.clickhouse.client import ClickHouseClient, connect
from stores.event_bus import dead_letters
from stores.event_bus.dead_letters import DeadLetter, NotADeadLetter
from stores.event_bus.interface import EventBus, Message
from stores.event_bus.topics import USER_EVENTS

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.fixture
def clickhouse(clickhouse_url: str, postgres_url: str) -> Iterator[ClickHouseClient]:
    """No events, no letters."""
    client = connect(clickhouse_url)
    for table in ("analytics.user_events", "analytics.daily_user_activity"):
        client.command(f"TRUNCATE TABLE {table}")
    for table in ("dead_letters", "dead_letter_replays"):
        client.command(f"TRUNCATE TABLE platform.{table}")
    yield client
    client.close()


@pytest.fixture
def bus(event_bus_url: str, clickhouse: ClickHouseClient) -> Iterator[EventBus]:
    """Emptied."""
    found = event_bus.connect(event_bus_url)
    yield found
    found.close()


def run(*arguments: str) -> Any:
    """What `interview-data events …` prints, read as JSON where it is."""
    done = CliRunner().invoke(main, ["events", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.output) if "--json" in arguments else done.stdout_bytes


def event(number: int, **changes: Any) -> bytes:
    """As a sender gives it."""
    return orjson.dumps(
        {
            "event_id": str(uuid.UUID(int=number)),
            "user_id": str(uuid.UUID(int=1)),
            "event_type": "login",
            "timestamp": "2026-11-20T10:00:00Z",
        }
        | changes
    )


def letter(body: bytes, rule: str = "too_old", source: str = "key:1") -> DeadLetter:
    """As the API makes one."""
    return DeadLetter(source, "timestamp", rule, "must be newer", body, NOW, "")


def publish(bus: EventBus, *letters: DeadLetter) -> None:
    """As the API does, and land them."""
    bus.publish(USER_EVENTS.dead_letters, list(dead_letters.messages(letters)))
    writer.drain(30)


def count(client: ClickHouseClient, table: str) -> int:
    """Rows."""
    return int(client.query(f"SELECT count() FROM {table}").first_row[0])


def test_letters_published_twice_are_kept_once_and_shown_byte_by_byte(
    bus: EventBus, clickhouse: ClickHouseClient
) -> None:
    bodies = [event(1), bytes(range(256)), b""]
    for _ in range(2):
        publish(bus, *(letter(body) for body in bodies))
    bus.publish(USER_EVENTS.dead_letters, [Message(b"not a letter", 1)])
    writer.drain(30)
    found = run("dead-letters", "list", "--json")
    assert len(found) == 4
    assert {run("dead-letters", "show", item["dead_letter_id"]) for item in found} == {
        *bodies,
        b"not a letter",
    }
    kept = next(item for item in found if item["source"] == "key:1")
    assert (kept["topic"], kept["rule"], kept["field"]) == ("user-events", "too_old", "timestamp")
    assert kept["received_at"] == "2026-11-20T10:00:00.000Z"
    assert len(run("dead-letters", "list", "--json", "--source", "key:", "--limit", "2")) == 2
    assert len(run("dead-letters", "list", "--json", "--rule", "invalid")) == 1
    assert run("dead-letters", "list", "--json", "--topic", "api-metrics") == []
    assert b"\n    too_old of timestamp: must be newer\n    from key:1\n" in run(
        "dead-letters", "list"
    )
    [status, *_] = run("status", "--json")
    assert (status["open_letter_count"], status["oldest_letter_hours"] < 1) == (4, True)


def test_a_replay_sends_what_is_good_now_once_and_keeps_the_rest(
    bus: EventBus, clickhouse: ClickHouseClient
) -> None:
    # An event as the API takes it, one as it lies on the bus, a bad one, and a conflict.
    publish(bus, letter(event(1)), letter(event(2)), letter(b"{}"))
    publish(bus, letter(event(1, event_type="logout"), rule="conflict"))
    report = run("dead-letters", "replay", "--json")
    assert (report["replayed_count"], report["still_invalid_count"]) == (2, 1)
    assert report["skipped_count"] == 1
    writer.drain(30)
    assert count(clickhouse, "analytics.user_events") == 2
    again = run("dead-letters", "replay", "--json")
    assert (again["replayed_count"], again["still_invalid_count"]) == (0, 1)
    assert len(run("dead-letters", "list", "--json")) == 2
    replayed = run("dead-letters", "list", "--json", "--all")
    assert sorted(item["outcome"] for item in replayed) == ["", "", "replayed", "replayed"]
    # Told by name, a conflict is sent, and is one still: the first counts.
    forced = run("dead-letters", "replay", "--rule", "conflict", "--json")
    assert forced["replayed_count"] == 1
    writer.drain(30)
    assert count(clickhouse, "analytics.user_events") == 2
    assert len(run("dead-letters", "list", "--rule", "conflict", "--json")) == 1


def test_a_replay_can_be_of_one_letter(bus: EventBus, clickhouse: ClickHouseClient) -> None:
    publish(bus, *(letter(event(number)) for number in range(3)))
    [first, *_] = run("dead-letters", "list", "--json")
    report = run("dead-letters", "replay", first["dead_letter_id"], "--json")
    assert report["replayed_count"] == 1
    assert len(run("dead-letters", "list", "--json")) == 2


@pytest.mark.parametrize("arguments", [("show", "x"), ("show", str(uuid.uuid4()))])
def test_a_letter_that_is_not_there_is_named(
    clickhouse: ClickHouseClient, arguments: tuple[str, ...]
) -> None:
    done = CliRunner().invoke(main, ["events", "dead-letters", *arguments])
    assert done.exit_code == 1
    assert "ID" in done.output


def test_the_view_of_a_period_is_counted_anew_from_raw(
    bus: EventBus, clickhouse: ClickHouseClient
) -> None:
    days = [datetime(2026, month, 15, tzinfo=UTC) for month in (9, 10, 11)]
    columns = ["event_id", "user_id", "event_type", "timestamp"]
    rows = [[uuid.uuid4(), uuid.UUID(int=1), "login", day] for day in days for _ in range(3)]
    clickhouse.insert("analytics.user_events", rows, column_names=columns)
    view = "analytics.daily_user_activity"
    # Too many in two months and too few in one; September is not asked for.
    extra = [[day.date(), uuid.UUID(int=1), "login", 5] for day in days[:2]]
    clickhouse.insert(view, extra, column_names=["date", "user_id", "event_type", "event_count"])
    clickhouse.command(
        "ALTER TABLE analytics.user_events DELETE WHERE toMonth(date) = 11 AND event_id ="
        f" '{rows[-1][0]}' SETTINGS mutations_sync = 2"
    )
    for _ in range(2):
        done = run("replay", "--from", "2026-10-01", "--source", "raw", "--json")
        assert [item["event_count"] for item in done] == [3, 2]
        summed = f"SELECT sum(event_count) FROM {view} GROUP BY date ORDER BY date"
        assert [row[0] for row in clickhouse.query(summed).result_rows] == [8, 3, 2]
    # The view goes on from there.
    clickhouse.insert(
        "analytics.user_events", [[uuid.uuid4(), *rows[-1][1:]]], column_names=columns
    )
    assert clickhouse.query(summed).result_rows[-1][0] == 3


def test_a_replay_from_the_bus_lands_what_was_lost_and_doubles_nothing(
    bus: EventBus, clickhouse: ClickHouseClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_BUS_KEEP_HOURS", "1")
    publish(bus, letter(event(1)), letter(event(2)))
    run("dead-letters", "replay")
    writer.drain(30)
    delete = f"ALTER TABLE analytics.user_events DELETE WHERE event_id = '{uuid.UUID(int=1)}'"
    clickhouse.command(f"{delete} SETTINGS mutations_sync = 2")
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    run("replay", "--from", hour_ago, "--json")
    assert count(clickhouse, "analytics.user_events") == 2
    summed = "SELECT sum(event_count) FROM analytics.daily_user_activity"
    assert clickhouse.query(summed).first_row[0] == 2


def test_a_line_that_is_no_letter_is_told_apart() -> None:
    [message] = dead_letters.messages([letter(b"\x00\xff")])
    assert dead_letters.read_line(message.body) == letter(b"\x00\xff")
    long = letter(b"x" * (dead_letters.BODY_LIMIT_BYTES + 1))
    assert "cut from" in dead_letters.read_line(long.line()).reason
    for line in (b"", b"{}", b"[]", b'{"source": 1}', b"\xff"):
        with pytest.raises(NotADeadLetter):
            dead_letters.read_line(line)
