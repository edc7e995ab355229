"""The S3 server as a process: ministack, in its own environment, because it pins botocore.

It does not check signatures: whoever reaches the port may read and write. So it listens
on the loopback only, and the generated keys are what a real server would ask for.
"""

from collections.abc import Mapping
from pathlib import Path

from stores.errors import SettingInvalid
from stores.local.service import Service, check_http, set_up_command
from stores.settings import REPOSITORY

PYTHON = REPOSITORY / ".venv-object-store" / "bin" / "python"


def service(
    *,
    folder: Path,
    log_file: Path,
    port: int,
    env: Mapping[str, str],
    set_up_env: Mapping[str, str],
) -> Service:
    """The server, its objects and its configuration in `folder`."""
    if not PYTHON.exists():
        raise SettingInvalid(
            "S3_ENDPOINT_URL",
            f"is not set, and the embedded S3 server is not installed in {PYTHON.parent.parent}.",
            "Run `make install`, or name a server.",
        )
    return Service(
        name="object-store",
        argv=(str(PYTHON), "-m", "hypercorn", "ministack.app:app", "-b", f"127.0.0.1:{port}"),
        env={**env, **_environment(folder)},
        log_file=log_file,
        check=lambda: check_http(port, "/_ministack/health", b'"s3": "available"'),
        prepare=lambda: _make_folders(folder),
        after_start=set_up_command("object-store"),
        after_start_env=set_up_env,
        data_folder=folder,
        port=port,
        url=f"http://127.0.0.1:{port}",
        cwd=folder,
    )


def _make_folders(folder: Path) -> None:
    for name in ("objects", "state"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)


def _environment(folder: Path) -> dict[str, str]:
    return {
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder / "objects"),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / "state"),
        "SERVICES": "s3",
        # Both would listen on every address.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
