"""Capture as a guest in somebody else's database, by the commands that a stranger would type."""

import json
import os
import signal
import socket

import pytest
from click.testing import CliRunner, Result
from fix_stranger import PASSWORD, Stranger

from ingestion.cdc.capture import Options
from ingestion.cdc.doctor import examine
from ingestion.cdc.findings import Finding
from interview_data.cli import main
from interview_data.commands.cdc import _until_signalled
from stores.clickhouse.client import connect as connect_clickhouse
from stores.postgres.client import connect

SHOP = (
    "CREATE SCHEMA shop",
    'CREATE TABLE shop."Order Lines" (id uuid PRIMARY KEY DEFAULT gen_random_uuid(),'
    ' "Unit €" numeric(12, 2), note text)',
    'INSERT INTO shop."Order Lines" ("Unit €", note) SELECT n, \'note \' || n'
    " FROM generate_series(1, 500) n",
    'CREATE PUBLICATION "The Shop" FOR TABLE shop."Order Lines"',
)


def _cdc(stranger: Stranger, command: str, *arguments: str, slot: str = "") -> Result:
    """Run a command; whatever it says, the password is not in it."""
    name = slot or stranger.name
    given = ["--source", stranger.url, "--publication", "The Shop", "--slot", name]
    done = CliRunner().invoke(main, ["cdc", command, *given, "--target-database", name, *arguments])
    said = done.output + str(done.exception)
    assert PASSWORD not in said
    assert stranger.url not in said
    return done


def _grant(stranger: Stranger) -> None:
    stranger.sql(
        f"GRANT USAGE ON SCHEMA shop TO {stranger.name}",
        f'GRANT SELECT ON shop."Order Lines" TO {stranger.name}',
    )


def _options(stranger: Stranger, clickhouse_url: str) -> Options:
    return Options(stranger.url, clickhouse_url, "The Shop", stranger.name, stranger.name)


def _found(stranger: Stranger, clickhouse_url: str) -> dict[str, list[Finding]]:
    by_subject: dict[str, list[Finding]] = {}
    for finding in examine(_options(stranger, clickhouse_url)):
        by_subject.setdefault(finding.subject, []).append(finding)
    return by_subject


def test_any_database_is_captured_with_nothing_but_the_right_to_read_and_replicate(
    stranger: Stranger, clickhouse_url: str
) -> None:
    stranger.sql(*SHOP)
    _grant(stranger)
    assert _cdc(stranger, "doctor").exit_code == 0
    first = _cdc(stranger, "run")
    assert first.exit_code == 0, first.output
    stranger.sql(
        'UPDATE shop."Order Lines" SET note = \'changed\' WHERE "Unit €" < 10',
        'DELETE FROM shop."Order Lines" WHERE "Unit €" > 490',
    )
    # Another capture beside it, into the same ClickHouse.
    assert _cdc(stranger, "run", slot=f"{stranger.name}_too").exit_code == 0
    assert _cdc(stranger, "run").exit_code == 0
    client = connect_clickhouse(clickhouse_url)
    for database in (stranger.name, f"{stranger.name}_too"):
        rows = client.query(
            f"SELECT count(), countIf(note = 'changed') FROM {database}.`shop__Order Lines`"
        ).result_rows
        assert rows == [(490, 9)]
    verified = _cdc(stranger, "verify", "--json")
    assert verified.exit_code == 0, verified.output
    assert [table["is_equal"] for table in json.loads(verified.stdout)] == [True]
    assert "equal" in _cdc(stranger, "verify", "--history").output
    assert "shop__Order Lines" in _cdc(stranger, "status").output
    assert _cdc(stranger, "doctor").exit_code == 0


def test_what_a_slot_was_made_for_need_not_be_said_again(
    stranger: Stranger, clickhouse_url: str
) -> None:
    stranger.sql(*SHOP)
    _grant(stranger)
    assert _cdc(stranger, "run").exit_code == 0

    def cdc(*arguments: str, source: str = stranger.url) -> Result:
        return CliRunner().invoke(main, ["cdc", *arguments, "--source", source])

    assert "equal" in cdc("verify", "--slot", stranger.name).output
    assert f"The Shop -> {stranger.name}." in cdc("status", "--slot", stranger.name).output
    assert f"--slot {stranger.name}" in cdc("resync", "x", "--slot", "mistyped").output
    other = stranger.owner_url.removesuffix(stranger.name) + "postgres"
    elsewhere = cdc("verify", "--slot", stranger.name, source=other)
    assert f"captures database {stranger.name}, not postgres; give its" in elsewhere.output
    past = json.loads(cdc("verify", "--slot", stranger.name, "--history", "--json").stdout)
    assert [one["is_equal"] for one in past] == [True], "nothing was compared with a stranger"


@pytest.mark.parametrize("target", ["a`b", "capture", "system", "two words"])
def test_a_target_database_that_cannot_be_is_refused_before_anything_is_made(
    stranger: Stranger, clickhouse_url: str, target: str
) -> None:
    stranger.sql(*SHOP)
    for command in ("run", "doctor"):
        refused = _cdc(stranger, command, "--target-database", target)
        assert refused.exit_code == 1
        assert "--target-database: must be" in refused.output
    with connect(stranger.owner_url) as connection:
        slots = "SELECT slot_name FROM pg_replication_slots WHERE slot_name = %s"
        assert not connection.execute(slots, [stranger.name]).fetchall()


def test_a_clickhouse_that_hangs_is_told_and_not_waited_for(
    stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("slots", "status"):
        monkeypatch.setattr(f"ingestion.cdc.{module}.ANSWER_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setenv("CLICKHOUSE_URL", f"clickhouse://u:hush@127.0.0.1:{port}/default")
        done = CliRunner().invoke(
            main, ["cdc", "status", "--source", stranger.url, "--slot", stranger.name]
        )
    assert "ALERT CLICKHOUSE_URL: ClickHouse does not answer" in done.output
    assert "hush" not in done.output


def test_a_second_interrupt_does_not_wait_for_what_is_being_written() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        stop = _until_signalled()
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(5)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_comparison_lets_nothing_in_that_capture_keeps_out(
    stranger: Stranger, clickhouse_url: str
) -> None:
    stranger.sql(*SHOP)
    _grant(stranger)
    column = ("--exclude-column", 'shop."Order Lines".note')
    assert _cdc(stranger, "run", *column).exit_code == 0
    stranger.sql('UPDATE shop."Order Lines" SET "Unit €" = 0, note = \'secret\'')
    # No capture runs, and nobody says again what is left out.
    assert _cdc(stranger, "verify").exit_code == 0
    names = connect_clickhouse(clickhouse_url).query(
        "SELECT name FROM system.columns WHERE database = {d:String} AND name != 'id'",
        parameters={"d": stranger.name},
    )
    assert names.result_rows == [("Unit €",)]
    refused = _cdc(stranger, "run")
    assert refused.exit_code != 0
    assert f"--keep-column {column[1]}" in refused.output.replace("\n", " ")
    assert _cdc(stranger, "run", "--keep-column", column[1]).exit_code == 0
    assert _cdc(stranger, "run").exit_code == 0, "once is enough"


def test_what_is_missing_is_named_with_what_to_run(stranger: Stranger, clickhouse_url: str) -> None:
    found = _found(stranger, clickhouse_url)
    assert found["publication"][0].level == "error"
    assert 'CREATE PUBLICATION "The Shop"' in found["publication"][0].remedy
    refused = _cdc(stranger, "run")
    assert refused.exit_code != 0
    assert "no publication The Shop" in refused.output

    stranger.sql(*SHOP)
    subject = "table shop.Order Lines"
    remedies = [one.remedy for one in _found(stranger, clickhouse_url)[subject]]
    assert any(remedy.startswith('GRANT USAGE ON SCHEMA "shop"') for remedy in remedies)
    assert any(remedy.startswith('GRANT SELECT ON "shop"."Order Lines"') for remedy in remedies)
    assert _cdc(stranger, "doctor").exit_code == 1
    # The others are captured meanwhile, and the one that may not be read says why.
    stranger.sql(
        "CREATE TABLE free (id int PRIMARY KEY)",
        "INSERT INTO free VALUES (1)",
        f"GRANT SELECT ON free TO {stranger.name}",
        'ALTER PUBLICATION "The Shop" ADD TABLE free',
    )
    assert _cdc(stranger, "run", "--timeout", "30").exit_code == 0
    status = json.loads(_cdc(stranger, "status", "--json").stdout)
    states = {table["table"]: table for table in status["tables"]}
    assert states["free"]["state"] == "streaming"
    assert states["shop__Order Lines"]["state"] == "quarantined"
    assert 'GRANT SELECT ON "shop"."Order Lines"' in states["shop__Order Lines"]["last_error"]
    assert _cdc(stranger, "verify").exit_code == 1, "a table that is put aside is not proven"
    for remedy in remedies:
        if remedy.startswith("GRANT"):
            stranger.sql(remedy)
    assert _cdc(stranger, "resync", "shop__Order Lines", "--no-wait").exit_code == 0
    assert _cdc(stranger, "run").exit_code == 0
    assert _cdc(stranger, "verify").exit_code == 0
    assert _cdc(stranger, "doctor").exit_code == 0


def test_a_source_without_a_free_slot_or_the_right_to_replicate_is_told_so(
    stranger: Stranger,
) -> None:
    stranger.sql(*SHOP, f"ALTER ROLE {stranger.name} NOREPLICATION")
    refused = _cdc(stranger, "run")
    assert refused.exit_code != 0
    assert f'ALTER ROLE "{stranger.name}" REPLICATION' in refused.output
    stranger.sql(f"ALTER ROLE {stranger.name} REPLICATION")
    free = "current_setting('max_replication_slots')::int - (SELECT count(*) FROM"
    free += " pg_replication_slots)::int"
    with connect(stranger.owner_url, autocommit=True) as connection:
        names = connection.execute(
            f"SELECT slot_name::text FROM generate_series(1, {free}) n CROSS JOIN LATERAL"
            f" pg_create_physical_replication_slot('{stranger.name}_' || n)".encode()
        ).fetchall()
        try:
            refused = _cdc(stranger, "run")
        finally:
            for (name,) in names:
                connection.execute("SELECT pg_drop_replication_slot(%s)", [name])
    assert refused.exit_code != 0
    assert "no replication slot left" in refused.output


def test_tables_that_would_be_wrong_or_put_aside_are_told_before(
    stranger: Stranger, clickhouse_url: str
) -> None:
    stranger.sql(
        "CREATE TABLE heap (a int)",
        "CREATE TABLE nothing (id int PRIMARY KEY)",
        "ALTER TABLE nothing REPLICA IDENTITY NOTHING",
        "CREATE TABLE later (id int PRIMARY KEY DEFERRABLE)",
        "CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY)",
        "CREATE TABLE doubled (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED)",
        "CREATE TABLE talks (id int PRIMARY KEY, said text)",
        "CREATE TABLE whole (id int PRIMARY KEY, said text)",
        "ALTER TABLE whole REPLICA IDENTITY FULL",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {stranger.name}",
        "CREATE PUBLICATION \"The Shop\" FOR ALL TABLES WITH (publish = 'insert, update')",
    )
    found = _found(stranger, clickhouse_url)
    assert "delete, truncate" in found["publication"][0].meaning
    assert found["publication"][0].level == "error"
    told = {
        subject: (one.level, one.meaning)
        for subject, (one, *_) in found.items()
        if "table" in subject
    }
    assert told["table public.heap"][0] == "error"
    assert told["table public.nothing"][0] == "error"
    assert told["table public.later"][0] == "error"
    assert told["table public.fleeting"][0] == "warning"
    assert told["table public.doubled"][0] == "warning"
    assert "said" in told["table public.talks"][1]
    assert "FULL" in told["table public.whole"][1]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("postgresql://nobody:hush@127.0.0.1:1/none", "does not answer"),
        ("mysql://nobody:hush@127.0.0.1:1/none", "postgresql://"),
    ],
)
def test_a_source_that_cannot_be_reached_is_named_without_its_password(
    stranger: Stranger, clickhouse_url: str, source: str, said: str
) -> None:
    given = ["--source", source, "--publication", "p", "--slot", stranger.name]
    for command in ("run", "doctor", "verify", "status"):
        done = CliRunner().invoke(main, ["cdc", command, *given])
        assert done.exit_code != 0 or command == "status", command
        assert said in done.output, command
        assert "hush" not in done.output
        assert "DATABASE_URL: " not in done.output, "--source was given"
        assert not done.exception or isinstance(done.exception, SystemExit), command
