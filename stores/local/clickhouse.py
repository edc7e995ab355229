"""ClickHouse as a process: our HTTP endpoint over the engine in chDB.

Belongs here: how it is started and watched. The endpoint is the package `clickhouse_http`.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from stores.local.home import write_private
from stores.local.service import Service, check_http, set_up_command

CONFIGURATION = Path(__file__).resolve().parent.parent / "clickhouse" / "config.xml"
USER = "default"


def service(
    *, folder: Path, log_file: Path, port: int, password: str, env: Mapping[str, str]
) -> Service:
    """The endpoint, its data in `folder`/data."""
    password_file = folder / "password"

    def prepare() -> None:
        write_private(password_file, password)
        (folder / "data").mkdir(mode=0o700, exist_ok=True)

    return Service(
        name="clickhouse",
        argv=_argv(folder, port, password_file),
        env=env,
        log_file=log_file,
        check=lambda: check_http(port, "/ping", b"Ok."),
        prepare=prepare,
        after_start=set_up_command("clickhouse"),
        after_start_env=env,
        data_folder=folder,
        port=port,
        url=f"http://127.0.0.1:{port}",
        stop_seconds=30,
    )


def _argv(folder: Path, port: int, password_file: Path) -> tuple[str, ...]:
    options = {
        "--path": folder / "data",
        "--port": port,
        "--config-file": CONFIGURATION,
        "--user": USER,
        "--password-file": password_file,
    }
    given = [str(part) for pair in options.items() for part in pair]
    return (sys.executable, "-m", "stores.local.clickhouse_http", *given)
