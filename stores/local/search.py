"""The search server as a process: osmem, which keeps its indexes in memory.

It knows no users and no passwords, so it listens on the loopback only. After each start
the platform's indexer fills it again from PostgreSQL, where the transcripts are kept.
"""

from collections.abc import Mapping
from pathlib import Path

from stores.local.binaries import program
from stores.local.service import Service, check_http, set_up_command


def service(
    *, log_file: Path, port: int, env: Mapping[str, str], set_up_env: Mapping[str, str]
) -> Service:
    """The server, ready once its index is there."""
    return Service(
        name="search",
        argv=(
            str(program("osmem_server", "bin/osmem-server")),
            "-addr",
            f"127.0.0.1:{port}",
            "-no-stdin-watch",
            "-no-ja",
        ),
        env=env,
        log_file=log_file,
        check=lambda: check_http(port, "/"),
        after_start=set_up_command("search"),
        after_start_env=set_up_env,
        port=port,
        url=f"http://127.0.0.1:{port}",
    )
