"""The search server as a process: osmem, which keeps its indexes in memory.

It knows no users and no passwords, so it listens on the loopback only. Each start fills
the index again from PostgreSQL: that is where the transcripts are kept.
"""

from collections.abc import Mapping
from pathlib import Path

from stores.local.binaries import program
from stores.local.service import Service, check_http, set_up_command


def service(
    *, log_file: Path, port: int, env: Mapping[str, str], set_up_env: Mapping[str, str]
) -> Service:
    """The server, which becomes ready once its index is filled."""
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
        depends_on=("postgres",),
        port=port,
        url=f"http://127.0.0.1:{port}",
    )
