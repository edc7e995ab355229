"""Transactions that PostgreSQL streams before they have ended, kept until they do.

Belongs here: their bytes, in memory up to a budget over all of them, beyond it in one file per
transaction. What the bytes mean belongs to `assembler`.

The files need not survive anything: PostgreSQL sends again what was not confirmed. So they are
never synced, and what a killed predecessor left is removed.
"""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from stores.errors import CaptureStopped

logger = logging.getLogger(__name__)

MEMORY_BYTES = 16 << 20
PIECE_BYTES = 1 << 20


class OpenTransaction:
    """One transaction's messages so far, and which of its subtransactions were rolled back."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts: list[bytes] = []
        self.memory_bytes = 0
        self.file_bytes = 0
        self.aborted: set[int] = set()

    def append(self, data: bytes) -> None:
        """More of it."""
        self._parts.append(data)
        self.memory_bytes += len(data)

    def write_out(self) -> None:
        """Move what is in memory to the file."""
        try:
            with self._path.open("ab") as file:
                file.writelines(self._parts)
        except OSError as error:
            raise CaptureStopped(
                f"cannot keep an open transaction in {self._path.parent}: {error.strerror}."
                " Nothing is lost: PostgreSQL sends it again. Make room there, or choose another"
                " folder with CAPTURE_SPILL_FOLDER"
            ) from error
        self.file_bytes += self.memory_bytes
        self._parts, self.memory_bytes = [], 0

    def pieces(self) -> Iterator[bytes]:
        """All of it, in order, in pieces of bounded size cut anywhere."""
        if self.file_bytes:
            with self._path.open("rb", buffering=0) as file:
                while piece := file.read(PIECE_BYTES):
                    yield piece
        yield from self._parts

    def remove(self) -> None:
        """Forget it."""
        self._parts, self.memory_bytes = [], 0
        self._path.unlink(missing_ok=True)


class OpenTransactions:
    """Every streamed transaction that has not ended. One thread at a time."""

    def __init__(self, folder: Path | None = None, memory_bytes: int | None = None) -> None:
        self._folder = folder
        self._is_ours = folder is None
        self._is_ready = False
        self._limit = MEMORY_BYTES if memory_bytes is None else memory_bytes
        self._open: dict[int, OpenTransaction] = {}
        if folder is not None and folder.exists():
            shutil.rmtree(folder)

    def __len__(self) -> int:
        return len(self._open)

    def append(self, transaction_id: int, data: bytes) -> None:
        """Keep messages. Raises CaptureStopped where the folder takes no more."""
        found = self._open.get(transaction_id)
        if found is None:
            found = OpenTransaction(self.prepared() / f"{transaction_id}.messages")
            self._open[transaction_id] = found
        found.append(data)
        while sum(item.memory_bytes for item in self._open.values()) > self._limit:
            largest = max(self._open.values(), key=lambda item: item.memory_bytes)
            largest.write_out()

    def abort(self, transaction_id: int, subtransaction_id: int) -> None:
        """A rollback: of a savepoint, or where both are the same, of everything."""
        if transaction_id == subtransaction_id:
            found = self._open.pop(transaction_id, None)
            if found is not None:
                found.remove()
        elif transaction_id in self._open:
            self._open[transaction_id].aborted.add(subtransaction_id)

    def take(self, transaction_id: int) -> OpenTransaction | None:
        """Hand over a transaction that has ended; whoever takes it removes it."""
        return self._open.pop(transaction_id, None)

    def close(self) -> None:
        """Forget everything."""
        for found in self._open.values():
            found.remove()
        self._open.clear()
        if self._is_ready and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._is_ready = False

    def prepared(self) -> Path:
        """The folder, made when it is first needed."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="capture-spill-"))
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise CaptureStopped(
                f"cannot make {self._folder} for open transactions: {error.strerror};"
                " choose another folder with CAPTURE_SPILL_FOLDER"
            ) from error
        self._is_ready = True
        return self._folder
