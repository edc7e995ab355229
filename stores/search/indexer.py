"""`python -m stores.search.indexer`: keeps the index of transcripts like PostgreSQL.

Belongs here: when to index anew. A change of any analysis result, an index that has gone
with the memory of a local server: either is noticed within seconds. It indexes everything
each time, which for what one machine holds takes seconds and cannot drift.
"""

import logging
import signal
import sys
import threading
import time

from stores.errors import PlatformError, TransientError
from stores.postgres.client import connect as connect_postgres
from stores.search.transcripts import current_index, rebuild
from stores.settings import load_settings

log = logging.getLogger(__name__)

POLL_SECONDS = 5.0
# Of the time, at most a fifth goes into indexing, however large the table is.
PAUSE_PER_SECOND_OF_WORK = 4.0


def follow(stop: threading.Event) -> None:
    """Until `stop` is set. A store that is away for a while is waited for."""
    indexed: tuple[str | None, str | None] = (None, None)
    while not stop.is_set():
        pause = POLL_SECONDS
        try:
            found = (current_index(), fingerprint())
            if found != indexed or found[0] is None:
                started = time.monotonic()
                count = rebuild()
                seconds = time.monotonic() - started
                # The state before the work: what changed meanwhile is noticed next time.
                indexed = (current_index(), found[1])
                pause = max(pause, seconds * PAUSE_PER_SECOND_OF_WORK)
                log.info("indexed %d transcripts in %.1f s", count, seconds)
        except TransientError as error:
            log.warning("%s", error)
        stop.wait(pause)


def fingerprint() -> str:
    """Changes with every change of an analysis result or of its media file."""
    with connect_postgres(load_settings().require("database_url")) as connection:
        row = connection.execute(
            "SELECT string_agg(concat_ws(':', relname, n_tup_ins, n_tup_upd, n_tup_del), ' '"
            " ORDER BY relname) FROM pg_stat_user_tables"
            " WHERE schemaname = 'public' AND relname IN ('analysis_results', 'media_files')"
        ).fetchone()
    return str(row[0]) if row else ""


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # The client would log each request.
    logging.getLogger("elastic_transport").setLevel(logging.WARNING)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        follow(stop)
    except PlatformError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
