"""Start Dagster for a home: `python -m orchestration.serve --port 3000`.

Belongs here: what must be ready before it starts, namely its configuration, the parsed dbt
projects and the connections dbt reads from its environment. The process then becomes
`dagster dev`, so whoever started it watches Dagster itself.
"""

import argparse
import os
import signal
import sys

from orchestration.dbt_projects import PROJECTS, connection_environment
from orchestration.instance import prepare
from stores.settings import REPOSITORY, inherited_environment, load_settings


def main() -> None:
    """Prepare, then become Dagster's web server, daemon and code server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    settings = load_settings()
    home = settings.interview_data_home
    for project in PROJECTS.values():
        project.ensure_manifest()
    environment = {
        **inherited_environment(home),
        **connection_environment(settings),
        "DAGSTER_HOME": str(prepare(home)),
    }
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(REPOSITORY / "workspace.yaml")]
    command += ["--host", given.host, "--port", str(given.port), "--log-level", "warning"]
    os.chdir(REPOSITORY)
    # A process started in the background ignores SIGINT, and Dagster then also ignores SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # No shell on purpose: whoever started this process goes on to watch the very same one.
    os.execve(command[0], command, environment)  # noqa: S606


if __name__ == "__main__":
    main()
