"""`python -m stores.local.clickhouse_http`: the endpoint as a process.

Belongs here: its arguments, its log, its signals. The password comes from a file or from
CLICKHOUSE_LOCAL_PASSWORD, never from the command line, which every user of the machine can read.
"""

import logging
import os
import signal
import sys
import threading
from pathlib import Path

import click

from stores.errors import SettingInvalid
from stores.settings import clickhouse_local_password, set_process_time_zone

log = logging.getLogger(__name__)

DEFAULT_MAX_QUERIES = 64


def _password(password_file: Path | None) -> str:
    if password_file is not None:
        return password_file.read_text().rstrip("\n")
    password = clickhouse_local_password()
    if not password:
        raise SettingInvalid(
            "CLICKHOUSE_LOCAL_PASSWORD", "is not set.", "Set it, or give --password-file."
        )
    return password


@click.command()
@click.option("--path", type=click.Path(path_type=Path), required=True, help="Data directory.")
@click.option("--port", type=click.IntRange(0, 65535), default=8123, help="0 finds a free one.")
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--config-file", type=click.Path(path_type=Path, exists=True), help="config.xml")
@click.option("--user", default="default", help="The one user.")
@click.option("--password-file", type=click.Path(path_type=Path, exists=True))
@click.option("--max-queries", type=click.IntRange(1), default=DEFAULT_MAX_QUERIES)
def main(  # noqa: PLR0917  click gives them by name
    path: Path,
    port: int,
    host: str,
    config_file: Path | None,
    user: str,
    password_file: Path | None,
    max_queries: int,
) -> None:
    """Serve ClickHouse's HTTP interface over chDB."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # Times without a zone mean the same on every machine; the engine reads this when loaded.
    set_process_time_zone("UTC")
    from stores.local.clickhouse_http.engine import Engine
    from stores.local.clickhouse_http.handler import Service
    from stores.local.clickhouse_http.running import Running
    from stores.local.clickhouse_http.server import Server
    from stores.local.clickhouse_http.sessions import Sessions

    path.mkdir(parents=True, exist_ok=True)
    path = path.resolve()
    spool = path / "http_spool"
    spool.mkdir(exist_ok=True)
    password = _password(password_file)
    configuration = config_file.resolve() if config_file else None
    if configuration:
        # The engine looks for the users file, which the configuration names, from here.
        os.chdir(configuration.parent)
    engine = Engine(path, configuration, max_queries)
    service = Service(engine, Sessions(engine.connect), Running(engine.kill), spool, user, password)
    server = Server(service, host, port)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server.start()
    log.info("ClickHouse %s answers on http://%s:%s", engine.version, host, server.port)
    stop.wait()
    log.info("stopping")
    server.stop()
    log.info("stopped")
    logging.shutdown()
    # The engine's threads outlive the interpreter and would touch it while it is taken down.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
