"""`interview-data events` and `interview-data keys`, as a person or a script uses them."""

import json
import uuid

import pytest
from click.testing import CliRunner
from fix_stack import RunningStack

from interview_data.cli import main
from stores import event_bus
from stores.event_bus.interface import Message
from stores.event_bus.parsing import parse_array
from stores.event_bus.rows import USER_EVENT
from stores.postgres import api_keys
from stores.postgres.client import connect


def run(*arguments: str) -> str:
    """What the command prints."""
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_what_is_on_the_bus_shows_in_the_status_until_it_is_consumed(
    stack: RunningStack, event_bus_url: str, clickhouse_url: str
) -> None:
    bus = event_bus.connect(event_bus_url)
    example = USER_EVENT.event.model_json_schema()["examples"][0]
    events = [example | {"event_id": str(uuid.uuid4())} for _ in range(3)]
    lines = parse_array(USER_EVENT, json.dumps(events).encode()).lines
    bus.publish(USER_EVENT.topic.name, [Message(b"\n".join(lines), 3)])
    bus.close()
    [waiting, *_] = json.loads(run("events", "status", "--json"))
    assert (waiting["topic"], waiting["lag_count"]) == ("user-events", 3)
    [landed, *_] = json.loads(run("events", "consume", "--json"))
    assert (landed["landed_count"], landed["lag_count"]) == (3, 0)
    assert "user-events" in run("events", "status")


def test_a_key_is_made_listed_and_revoked_by_name(postgres_url: str) -> None:
    key = run("keys", "create", "importer", "--scope", "events:write", "--days", "30").strip()
    with connect(postgres_url) as connection:
        found = api_keys.verify(connection, key)
    assert found is not None
    assert found.scopes == {"events:write"}
    [listed] = json.loads(run("keys", "list", "--json"))
    assert (listed["name"], listed["scopes"]) == ("importer", ["events:write"])
    assert listed["state"] == "works"
    assert key not in run("keys", "list")
    run("keys", "revoke", "importer")
    with connect(postgres_url) as connection:
        assert api_keys.verify(connection, key) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("keys", "create", "importer"), "revoke it first"),
        (("keys", "create", "other", "--scope", "everything"), "events:write"),
        (("keys", "revoke", "nobody"), "keys list"),
    ],
)
def test_a_refused_request_says_what_to_do(
    postgres_url: str, arguments: tuple[str, ...], words: str
) -> None:
    run("keys", "create", "importer")
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1
    assert words in done.output
