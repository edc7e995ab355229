"""Rows that moved to a key within the transaction under way, told apart by what they were.

Belongs here: remembering them in bounded memory. Why they must be known is told in `batch`.

Of a row only a digest is kept: two rows are told apart by it, and its values are needed no more.
Beyond a number of rows they lie in a file, which need not survive anything and is never synced.
"""

import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

from ingestion.cdc.messages import UNCHANGED, Tuple, Value
from stores.errors import CaptureStopped

# About 20 MB; a transaction that changes more keys than this is slow whatever we do.
MEMORY_ROWS = 100_000
_DIGEST_BYTES = 16
_SCHEMA = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
DROP TABLE IF EXISTS moved;
CREATE TABLE moved (place BLOB PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID;
"""


class Arrived:
    """Which row came to a key. One thread at a time."""

    def __init__(self, file: Callable[[], Path], memory_rows: int | None = None) -> None:
        self._file = file
        self._limit = MEMORY_ROWS if memory_rows is None else memory_rows
        self._rows: dict[bytes, bytes] = {}
        self._spilled: sqlite3.Connection | None = None
        self._commit_lsn = 0

    def begin(self, commit_lsn: int) -> None:
        """Rows of another transaction are no concern of this one."""
        if commit_lsn != self._commit_lsn:
            self._commit_lsn = commit_lsn
            self.close()

    def is_any(self, commit_lsn: int) -> bool:
        """Whether some row of this transaction has moved."""
        return commit_lsn == self._commit_lsn and bool(self._rows or self._spilled)

    def note(self, oid: int, key: tuple[Value, ...], row: Tuple) -> None:
        """This row has the key now. Raises CaptureStopped where the folder takes no more."""
        self._rows[_digest(oid, key)] = _digest(oid, row)
        if len(self._rows) > self._limit:
            try:
                self._write_out()
            except (sqlite3.Error, OSError) as error:
                raise CaptureStopped(
                    f"cannot keep a transaction's moved rows in {self._file().parent}: {error}."
                    " Nothing is lost: PostgreSQL sends it again. Make room there, or choose"
                    " another folder with CAPTURE_SPILL_FOLDER"
                ) from error

    def is_taken(self, oid: int, key: tuple[Value, ...], leaving: Tuple | None) -> bool:
        """Whether another row than the one that is `leaving` has the key; if not, it is free."""
        place = _digest(oid, key)
        found = self._rows.get(place) or self._in_file(place)
        if found is None:
            return False
        if leaving is not None and found != _digest(oid, leaving):
            return True
        self._rows.pop(place, None)
        if self._spilled is not None:
            self._spilled.execute("DELETE FROM moved WHERE place = ?", [place])
        return False

    def close(self) -> None:
        """Forget all of them."""
        self._rows.clear()
        if self._spilled is not None:
            self._spilled.close()
            self._spilled = None
            self._file().unlink(missing_ok=True)

    def _in_file(self, place: bytes) -> bytes | None:
        if self._spilled is None:
            return None
        row = self._spilled.execute("SELECT row FROM moved WHERE place = ?", [place]).fetchone()
        return row[0] if row else None

    def _write_out(self) -> None:
        if self._spilled is None:
            self._spilled = sqlite3.connect(self._file(), isolation_level=None)
            self._spilled.executescript(_SCHEMA)
        self._spilled.execute("BEGIN")
        # In the order of the file: pages are then written once each.
        self._spilled.executemany(
            "INSERT OR REPLACE INTO moved VALUES (?, ?)", sorted(self._rows.items())
        )
        self._spilled.execute("COMMIT")
        self._rows.clear()


def _digest(oid: int, values: tuple[Value, ...] | Tuple) -> bytes:
    digest = hashlib.blake2b(oid.to_bytes(4, "little"), digest_size=_DIGEST_BYTES)
    for value in values:
        if value is None or value is UNCHANGED:
            digest.update(b"n" if value is None else b"u")
        else:
            digest.update(b"t%d:" % len(value))
            digest.update(value)
    return digest.digest()
