"""Start Dagster for a home: `python -m orchestration.serve --port 3000`.

Belongs here: what must be ready before it starts, namely its configuration, the parsed dbt
projects and the connections dbt reads from its environment. The process then becomes
`dagster dev`, so whoever started it watches Dagster itself.
"""

import argparse
import os
import shutil
import signal
import sys
from pathlib import Path

from orchestration.dbt_projects import PROJECTS, connection_environment
from orchestration.instance import prepare, prepare_storage, storage_environment
from stores.settings import REPOSITORY, Settings, inherited_environment, load_settings

# The kernel takes 107 bytes for a socket's path; Python's own below TMPDIR have up to 32.
LONGEST_TEMPORARY_FOLDER = 107 - 32


def temporary_folder(home: Path) -> dict[str, str]:
    """TMPDIR, emptied: what Dagster leaves behind when it is stopped stays in the home.

    Nothing where the path is too long for the sockets in it: then they are in /tmp.
    """
    folder = home / "dagster" / "tmp"
    shutil.rmtree(folder, ignore_errors=True)
    if len(os.fsencode(folder)) > LONGEST_TEMPORARY_FOLDER:
        return {}
    folder.mkdir(mode=0o700, parents=True)
    return {"TMPDIR": str(folder)}


def prepared_environment(settings: Settings) -> dict[str, str]:
    """For a process of Dagster's: everything that it finds is made. Raises StoreUnavailable."""
    home = settings.interview_data_home
    for project in PROJECTS.values():
        project.ensure_manifest()
    prepare_storage()
    return {
        **inherited_environment(home),
        **connection_environment(settings),
        **storage_environment(settings.require("database_url")),
        "DAGSTER_HOME": str(prepare(home)),
    }


def main() -> None:
    """Prepare, then become Dagster's web server, daemon and code server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    settings = load_settings()
    environment = prepared_environment(settings)
    environment |= temporary_folder(settings.interview_data_home)
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(REPOSITORY / "workspace.yaml")]
    command += ["--host", given.host, "--port", str(given.port), "--log-level", "warning"]
    os.chdir(REPOSITORY)
    # A process started in the background ignores SIGINT, and Dagster then also ignores SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # No shell on purpose: whoever started this process goes on to watch the very same one.
    os.execve(command[0], command, environment)  # noqa: S606


if __name__ == "__main__":
    main()
