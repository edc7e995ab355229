"""Each embedded store answers its own client, is configured as declared, and asks who comes."""

import os
import stat
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
import pytest
import redis
from fix_stack import RunningStack
from fix_transcripts import insert_transcripts

from stores.clickhouse.client import connect as connect_clickhouse
from stores.errors import StoreUnavailable
from stores.object_store.client import connect as connect_object_store
from stores.postgres import api_keys
from stores.postgres.client import connect as connect_postgres
from stores.redis_store.client import connect as connect_redis
from stores.redis_store.keys import Database
from stores.search.client import connect as connect_search
from stores.search.transcripts import ALIAS, rebuild
from stores.settings import Settings


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    place = f"{parts.username or ''}:wrong@{parts.hostname}:{parts.port}"
    return urlunsplit(parts._replace(netloc=place))


def test_postgres_is_tuned_and_ready_for_change_capture(stack: RunningStack) -> None:
    with connect_postgres() as connection:
        rows = dict(connection.execute("SELECT name, setting FROM pg_settings").fetchall())
    expected = {
        "wal_level": "logical",
        "shared_buffers": "32768",
        "effective_cache_size": "131072",
        "work_mem": "4096",
        "maintenance_work_mem": "65536",
        "wal_buffers": "2048",
        "checkpoint_completion_target": "0.9",
        "default_statistics_target": "100",
        "random_page_cost": "1.1",
        "effective_io_concurrency": "200",
        "log_min_duration_statement": "1000",
        "track_activities": "on",
        "track_counts": "on",
        "track_functions": "all",
        "log_statement": "ddl",
        "listen_addresses": "127.0.0.1",
        "fsync": "on",
    }
    assert {name: rows[name] for name in expected} == expected


def test_postgres_writes_no_values_of_rows_into_its_log(
    stack: RunningStack, postgres_url: str
) -> None:
    secret = "somebody@example.org"
    before = len(stack.log("postgres"))
    with connect_postgres(autocommit=True) as connection:
        insert = "INSERT INTO users (email, password_hash) VALUES (%s, 'x')"
        connection.execute(insert, [secret])
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(insert, [secret])
        with pytest.raises(psycopg.errors.DataError):
            connection.execute(f"SELECT '{secret}'::integer")
    # What other tests made is in it too, partitions FOR VALUES among them.
    log = stack.log("postgres")[before:]
    assert "duplicate key" in log
    assert f"users WHERE email = {secret}" not in log
    assert f"({secret})" not in log
    assert "VALUES" not in log


def test_wrong_passwords_are_refused(stack: RunningStack) -> None:
    values = stack.environment
    with pytest.raises(StoreUnavailable, match="DATABASE_URL"):
        connect_postgres(_without_password(values["DATABASE_URL"]))
    for name in ("REDIS_URL", "EVENT_BUS_URL"):
        with (
            redis.Redis.from_url(_without_password(values[name])) as client,
            pytest.raises(redis.AuthenticationError),
        ):
            client.ping()
    with pytest.raises(Exception, match=r"(?i)authentication|password"):
        connect_clickhouse(_without_password(values["CLICKHOUSE_URL"]))


def test_everything_listens_on_the_loopback_only(stack: RunningStack) -> None:
    listening = [
        connection.laddr
        for identity in stack.processes()
        for connection in psutil.Process(identity.pid).net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 6
    assert {address.ip for address in listening} == {"127.0.0.1"}


def test_no_password_is_on_a_command_line_or_open_to_others(stack: RunningStack) -> None:
    values = stack.environment
    secrets = [urlsplit(url).password for url in values.values()]
    secrets += [values["API_KEY"], values["AWS_SECRET_ACCESS_KEY"]]
    lines = [" ".join(psutil.Process(entry.pid).cmdline()) for entry in stack.processes()]
    assert not [line for line in lines for secret in secrets if secret and secret in line]
    for path in (stack.home.environment_file, stack.home.credentials_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not [path for path in _readable_by_others(stack.home.path) if _holds(path, secrets)]


def _readable_by_others(folder: Path) -> list[Path]:
    """Files that another user could open: their mode allows it, and every folder above."""
    found: list[Path] = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if (Path(parent) / name).stat().st_mode & 0o001]
        found += [path for name in files if (path := Path(parent) / name).stat().st_mode & 0o004]
    return found


def _holds(path: Path, secrets: list[str | None]) -> bool:
    text = path.read_bytes()
    return any(secret and secret.encode() in text for secret in secrets)


def test_redis_is_configured_as_a_cache_and_the_bus_as_a_log(stack: RunningStack) -> None:
    with connect_redis(Database.CACHE) as client:
        cache = client.config_get()
    with redis.Redis.from_url(stack.environment["EVENT_BUS_URL"], decode_responses=True) as client:
        bus = client.config_get()
    assert cache["maxmemory"] == str(512 * 2**20)
    assert cache["maxmemory-policy"] == "allkeys-lru"
    assert cache["save"] == "900 1 300 10 60 10000"
    assert (cache["tcp-keepalive"], cache["timeout"], cache["databases"]) == ("300", "0", "16")
    assert bus["maxmemory-policy"] == "noeviction"
    assert (bus["appendonly"], bus["appendfsync"]) == ("yes", "always")


def test_the_bucket_has_its_lifecycle_rules(settings: Settings) -> None:
    client = connect_object_store(settings)
    rules = client.get_bucket_lifecycle_configuration(Bucket=settings.s3_bucket)["Rules"]
    assert {rule["ID"] for rule in rules} == {
        "RawMediaRetention",
        "TempCleanup",
        "ReportsRetention",
    }
    client.put_object(Bucket=settings.s3_bucket, Key="temp/uploads/x/chunk_0", Body=b"\x00\n\xff")
    stored = client.get_object(Bucket=settings.s3_bucket, Key="temp/uploads/x/chunk_0")
    assert stored["Body"].read() == b"\x00\n\xff"


def test_the_key_of_the_local_stack_works_and_is_not_kept(stack: RunningStack) -> None:
    key = stack.environment["API_KEY"]
    with connect_postgres() as connection:
        found = api_keys.verify(connection, key)
        assert found is not None
        assert found.scopes == set(api_keys.SCOPES)
        assert api_keys.verify(connection, key + "x") is None
        row = connection.execute("SELECT key_hash FROM platform.api_keys").fetchone()
    assert row is not None
    assert key.encode() not in bytes(row[0])


def test_migrations_have_run_in_both_databases(stack: RunningStack) -> None:
    with connect_postgres() as connection:
        tables = connection.execute(
            "SELECT count(*) FROM pg_publication_tables WHERE pubname = 'interview_data'"
        ).fetchone()
    assert tables == (16,)
    found = connect_clickhouse().query(
        "SELECT name FROM system.tables WHERE database = 'analytics' AND name NOT LIKE '.%'"
    )
    names = {name for (name,) in found.result_rows}
    assert {"user_events", "interview_metrics", "api_metrics", "daily_user_activity"} <= names


def test_transcripts_are_found_in_either_language_and_only_once(
    stack: RunningStack, postgres_url: str
) -> None:
    with connect_postgres() as connection:
        insert_transcripts(connection, "Мы разрабатываем сервисы", "I was running tests")
    client = connect_search()
    assert rebuild() == 2
    assert rebuild() == 2
    assert len(client.indices.get_alias(name=ALIAS).body) == 1
    for field, words in (("russian", "разрабатывать сервис"), ("english", "run test")):
        query = {"match": {f"transcription_text.{field}": words}}
        hits = client.search(index=ALIAS, query=query)["hits"]["hits"]
        assert len(hits) == 1, field
        source = hits[0]["_source"]
        assert source["sentiment"] == "positive"
        assert source["keywords"] == ["testing"]
        assert source["question_id"] is not None
