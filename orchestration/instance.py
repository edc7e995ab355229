"""Dagster's own state: where its instance lives and how it is configured.

Belongs here: `dagster.yaml`, and the schema of PostgreSQL that holds runs, events and
schedules. Imports no dagster, so that whoever starts it stays light.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from stores.postgres.client import connect

SCHEMA = "dagster"
STORAGE_URL = "DAGSTER_STORAGE_URL"

CONFIGURATION = """\
# Written at every start by orchestration/instance.py; changes here are lost.
telemetry:
  enabled: false

# Beside the product's tables and not among them: a schema of its own, which is not captured.
# The URL has the password, so it is in the environment and not in this file.
storage:
  postgres:
    postgres_url:
      env: DAGSTER_STORAGE_URL

# A run starts 2 seconds sooner than through a queue. What must not overlap is kept apart by
# the sensors and by the pools below.
run_coordinator:
  module: dagster.core.run_coordinator
  class: DefaultRunCoordinator

concurrency:
  pools:
    default_limit: 1
    granularity: op

# A run whose process was killed is found and marked as failed; until then it would keep the
# sensors from starting another.
run_monitoring:
  enabled: true
  poll_interval_seconds: 30
  start_timeout_seconds: 120

retention:
  schedule:
    purge_after_days: 7
  sensor:
    purge_after_days:
      skipped: 1
      failure: 7
      success: 3
"""


def storage_environment(database_url: str) -> Mapping[str, str]:
    """Where Dagster keeps its runs, for its environment.

    The driver is named, because the default one fails on every event with SQLAlchemy 2.1.
    """
    parts = urlsplit(database_url)
    # libpq takes the options of all the URL's settings that it knows; ours come last and win.
    given = parse_qsl(parts.query)
    options = " ".join(
        [value for name, value in given if name == "options"] + [f"-csearch_path={SCHEMA}"]
    )
    others = [(name, value) for name, value in given if name != "options"]
    query = urlencode([*others, ("options", options)], quote_via=quote)
    return {STORAGE_URL: urlunsplit(parts._replace(scheme="postgresql+psycopg2", query=query))}


def prepare_storage() -> None:
    """Make the schema. Raises StoreUnavailable where PostgreSQL does not answer."""
    with connect(autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")


def prepare(home: Path) -> Path:
    """Write `<home>/dagster/dagster.yaml` and return its folder, the DAGSTER_HOME."""
    folder = home / "dagster"
    # The logs of runs may show what failed; the home itself lets others pass.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "dagster.yaml"
    if not file.exists() or file.read_text() != CONFIGURATION:
        file.write_text(CONFIGURATION)
    return folder
