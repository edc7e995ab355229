"""The S3 server as a process: ministack, in its own environment, because it pins botocore.

It would take any signature for a good one, so it runs behind `object_store_gate.py`, in
the same process. The gate gets the key pair in a file that only its owner may read.
"""

from collections.abc import Mapping
from pathlib import Path

from stores.errors import SettingInvalid
from stores.local.home import write_json
from stores.local.service import Service, check_http, set_up_command
from stores.settings import REPOSITORY

PYTHON = REPOSITORY / ".venv-object-store" / "bin" / "python"
_GATE = Path(__file__).with_name("object_store_gate.py")


def service(
    *,
    folder: Path,
    log_file: Path,
    port: int,
    access_key: str,
    secret_key: str,
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
    key_file = folder / "keys.json"

    def prepare() -> None:
        for name in ("objects", "state"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        write_json(key_file, {"access_key": access_key, "secret_key": secret_key})

    return Service(
        name="object-store",
        argv=(str(PYTHON), "-I", str(_GATE), str(port), str(key_file)),
        env={**env, **_environment(folder)},
        log_file=log_file,
        check=lambda: check_http(port, "/_ministack/health", b'"s3": "available"'),
        prepare=prepare,
        after_start=set_up_command("object-store"),
        after_start_env=set_up_env,
        data_folder=folder,
        port=port,
        url=f"http://127.0.0.1:{port}",
        cwd=folder,
    )


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
