"""The search server as a process: osmem, which keeps its indexes in memory.

It knows no users and no passwords, so it is a child of `search_gate.py`, which asks for them.
After each start the platform's indexer fills it again from PostgreSQL, where the transcripts
are kept.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from stores.local.home import write_private
from stores.local.service import Service, check_http, set_up_command

USER = "elastic"


def service(
    *, folder: Path, log_file: Path, port: int, password: str, env: Mapping[str, str]
) -> Service:
    """The server, ready once its index is there."""
    password_file = folder / "password"
    options = ("--port", str(port), "--user", USER, "--password-file", str(password_file))
    return Service(
        name="search",
        argv=(sys.executable, "-m", "stores.local.search_gate", *options),
        env=env,
        log_file=log_file,
        check=lambda: check_http(port, "/", credentials=(USER, password)),
        prepare=lambda: write_private(password_file, password),
        after_start=set_up_command("search"),
        after_start_env=env,
        port=port,
        url=f"http://127.0.0.1:{port}",
    )
