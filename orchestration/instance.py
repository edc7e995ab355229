"""Dagster's own state: where its instance lives and how it is configured.

Belongs here: `dagster.yaml`. Imports no dagster, so that whoever starts it stays light.
"""

from pathlib import Path

CONFIGURATION = """\
# Written at every start by orchestration/instance.py; changes here are lost.
telemetry:
  enabled: false

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


def prepare(home: Path) -> Path:
    """Write `<home>/dagster/dagster.yaml` and return its folder, the DAGSTER_HOME."""
    folder = home / "dagster"
    # The logs of runs may show what failed; the home itself lets others pass.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "dagster.yaml"
    if not file.exists() or file.read_text() != CONFIGURATION:
        file.write_text(CONFIGURATION)
    return folder
