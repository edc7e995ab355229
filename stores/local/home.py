"""The folder of all local state: where everything in it is, and what may be done with it.

Belongs here: paths, the files of secrets and ports, and emptying the folder. What a store
keeps in its own folder is the store's affair.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from stores.errors import SettingInvalid, StateConflict
from stores.local.processes import Identity, identify
from stores.settings import environment_file

_MARKER = ".interview-data-home"
_MARKER_TEXT = "This folder is managed by interview-data; `interview-data reset` empties it.\n"


@dataclass(frozen=True)
class Home:
    """One home. Two of them never share anything."""

    path: Path

    @property
    def environment_file(self) -> Path:
        """The URLs of what runs here, with their credentials."""
        return environment_file(self.path)

    @property
    def credentials_file(self) -> Path:
        """The generated secrets; they stay the same as long as the data does."""
        return self.path / "credentials.json"

    @property
    def ports_file(self) -> Path:
        """The ports last used, so that URLs stay the same over restarts."""
        return self.path / "ports.json"

    @property
    def status_file(self) -> Path:
        """What the supervisor last said of its processes."""
        return self.path / "run" / "status.json"

    @property
    def lock_file(self) -> Path:
        """Held by the supervisor, whose pid and start time it contains."""
        return self.path / "run" / "lock"

    def log_file(self, name: str) -> Path:
        """Where the process `name` writes."""
        return self.path / "logs" / f"{name}.log"

    def folder(self, name: str) -> Path:
        """The folder of one store's data, made if it is not there."""
        path = self.path / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def prepare(self) -> None:
        """Make the folder, or say why this one cannot be used."""
        path = self.path
        try:
            path.mkdir(parents=True, exist_ok=True)
            entries = {entry.name for entry in path.iterdir()}
            if entries and _MARKER not in entries:
                raise SettingInvalid(
                    "INTERVIEW_DATA_HOME",
                    f"{path} holds something else already.",
                    "Name a new or an empty folder.",
                )
            (path / _MARKER).write_text(_MARKER_TEXT)
            # PostgreSQL refuses root, so root starts it as another user, who must pass through.
            path.chmod(0o711 if os.geteuid() == 0 else 0o700)
        except OSError as error:
            raise SettingInvalid(
                "INTERVIEW_DATA_HOME", f"{path} cannot be used: {error.strerror}."
            ) from error
        self.folder("run")
        self.folder("logs")

    def empty(self) -> None:
        """Delete everything in the folder. Raises StateConflict where it is not ours."""
        if not self.path.exists() or not any(self.path.iterdir()):
            return
        if not (self.path / _MARKER).exists():
            raise StateConflict(f"{self.path} was not made by interview-data; nothing is deleted.")
        # The marker goes last: an interrupted reset can be repeated.
        for entry in self.path.iterdir():
            if entry.name == _MARKER:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        (self.path / _MARKER).unlink()

    def lock(self) -> IO[str] | None:
        """The lock that a supervisor holds for its life; None while another one has it.

        The kernel drops it with its holder, so it is never stale.
        """
        file = self.lock_file.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        file.truncate(0)
        file.write(" ".join(map(str, identify(os.getpid()) or ())))
        file.flush()
        return file

    def supervisor(self) -> Identity | None:
        """The supervisor that runs here now; None where none does."""
        try:
            with self.lock_file.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            return _identity(self.lock_file.read_text())
        return None


def _identity(text: str) -> Identity:
    """Of the lock file; a holder that has not yet written is anybody's guess, so nobody's."""
    parts = text.split()
    return Identity(int(parts[0]), int(parts[1])) if len(parts) == 2 else Identity(0, 0)


def read_json(path: Path) -> dict[str, Any]:
    """The object in `path`, empty where there is no such file."""
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise StateConflict(f"{path} is not JSON; delete it, or restore it: {error}") from error


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Replace `path` at once, readable by its owner alone."""
    write_private(path, json.dumps(values, indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Replace `path` by `text` at once, readable by its owner alone.

    Readers see the old text or the new one, never a part; a crash leaves the old one.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
