"""Takes interviews out of Redis as their changes are committed.

Belongs here: reading the log for two tables and telling the cache. What the cache does with it is
in `stores.redis_store.interview_cache`; capture into ClickHouse is another matter and goes on
without it, and it without ClickHouse.

The slot is a temporary one: it ends with the connection, so nothing of the log is kept while nobody
reads it. In return every beginning empties the whole cache, and so does a Redis that was away,
because what changed meanwhile is not known.

A commit is known to be taken out once the stream has reached a position that the log had later.
Only then the watch is renewed; a reader who finds none asks PostgreSQL. So a cached interview is
older than a second only while this hangs, and never by more than INTERVIEWS_WATCHED_SECONDS.
"""

import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator

from ingestion.cdc.messages import Change, Commit, Relation, Truncate, decode
from ingestion.cdc.source import SourceDatabase
from stores.errors import PermanentError, TransientError
from stores.postgres.client import Error as PostgresError
from stores.postgres.frames import MESSAGE_OFFSET, Frames
from stores.postgres.replication import ReplicationConnection
from stores.redis_store.interview_cache import ChangedInterviews
from stores.settings import load_settings

logger = logging.getLogger(__name__)

PUBLICATION = "interview_cache"
# Which column of a row names the interview.
COLUMNS = {"interviews": "id", "questions": "interview_id"}
POLL_SECONDS = 0.2
WATCH_SECONDS = 1.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0


class InterviewCacheWatch(threading.Thread):
    """Follows the log until `stop` is set; passing failures are waited out."""

    def __init__(
        self,
        stop: threading.Event,
        postgres_url: str | None = None,
        redis_url: str | None = None,
    ) -> None:
        super().__init__(name="interview-cache", daemon=True)
        self._stop_asked = stop
        self._postgres_url = postgres_url
        self._cache = ChangedInterviews(redis_url)

    def run(self) -> None:
        """Session after session."""
        pause = FIRST_PAUSE_SECONDS
        while not self._stop_asked.is_set():
            started = time.monotonic()
            try:
                _Session(self._cache, self._postgres_url).follow(self._stop_asked)
            except (TransientError, PostgresError, PermanentError) as error:
                if time.monotonic() - started > LONGEST_PAUSE_SECONDS:
                    pause = FIRST_PAUSE_SECONDS
                logger.warning(
                    "interviews are not cached for %.1f s: %s", pause, type(error).__name__
                )
                self._stop_asked.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        self._cache.close()


class _Session:
    """One stream, from an empty cache on."""

    def __init__(self, cache: ChangedInterviews, postgres_url: str | None) -> None:
        self._cache = cache
        self._url = postgres_url
        # Of each table, where in a row the interview is named.
        self._places: dict[int, int] = {}
        self._changed: set[str] = set()
        self._is_all_changed = False

    def follow(self, stop: threading.Event) -> None:
        """Until `stop` is set. Raises TransientError."""
        source = SourceDatabase(self._url or load_settings().require("database_url"))
        stream = ReplicationConnection(self._url)
        try:
            # Parts of open transactions would be of no use here.
            stream.is_streaming = False
            slot = f"interview_cache_{os.getpid()}_{secrets.token_hex(4)}"
            start = stream.make_temporary_slot(slot)
            self._cache.forget_all()
            stream.start(slot, PUBLICATION, start)
            self._read(stream, source, stop)
        finally:
            stream.close()
            source.close()

    def _read(
        self, stream: ReplicationConnection, source: SourceDatabase, stop: threading.Event
    ) -> None:
        aim, aimed_at = 0, -WATCH_SECONDS
        while not stop.is_set():
            stream.poll(POLL_SECONDS, self._take)
            now = time.monotonic()
            if aim and stream.sent_lsn >= aim:
                self._cache.watched(now - aimed_at)
                stream.confirm(aim)
                aim = 0
            if not aim and now - aimed_at >= WATCH_SECONDS:
                aim, aimed_at = source.current_lsn(), now

    def _take(self, frames: Frames) -> None:
        for message in _messages(frames):
            if isinstance(message, Relation):
                names = [column.name for column in message.columns]
                self._places[message.oid] = names.index(COLUMNS[message.name])
            elif isinstance(message, Change):
                self._note(message)
            elif isinstance(message, Truncate):
                self._is_all_changed = True
            elif isinstance(message, Commit):
                self._tell()

    def _note(self, change: Change) -> None:
        place = self._places[change.oid]
        for row in (change.old, change.new):
            # An interview's old row may be its key alone; that is all that is asked of it.
            value = row[place] if row is not None else None
            if isinstance(value, bytes):
                self._changed.add(value.decode())

    def _tell(self) -> None:
        if self._is_all_changed:
            self._cache.forget_all()
        elif self._changed:
            self._cache.forget(self._changed)
        self._changed, self._is_all_changed = set(), False


def _messages(frames: Frames) -> Iterator[object]:
    for start, end in zip(frames.starts.tolist(), frames.ends.tolist(), strict=True):
        yield decode(bytes(frames.data[start + MESSAGE_OFFSET : end]))
