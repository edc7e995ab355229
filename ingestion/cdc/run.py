"""How capture is run by others: followed until stopped, or drained to the present.

Belongs here: repeating sessions over passing failures, and when to return. A session itself
belongs to `capture`.
"""

import logging
import threading
import time
from dataclasses import dataclass

from ingestion.cdc.apply import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, StopAsked, first_line
from ingestion.cdc.capture import Options, Session
from ingestion.cdc.catalog import published_oids
from ingestion.cdc.positions import format_lsn
from ingestion.cdc.source import SlotBusy, SourceDatabase
from ingestion.cdc.status import unread_tables
from ingestion.cdc.treatments import EXCLUDE, HASH, KEEP, parse_treatments
from stores.clickhouse.client import Error as ClickHouseError
from stores.errors import StoreUnavailable, TransientError
from stores.postgres.client import Error as PostgresError
from stores.settings import load_settings, set_in_environment

logger = logging.getLogger(__name__)

TURN_SECONDS = 1.0
_WAIT_SECONDS = 0.05


@dataclass(frozen=True)
class DrainReport:
    """What a bounded run reached. `was_following` where another process did the work."""

    target_lsn: str
    applied_lsn: str
    was_following: bool
    duration_seconds: float


def options(
    *,
    source_url: str | None = None,
    clickhouse_url: str | None = None,
    publication: str | None = None,
    slot: str | None = None,
    target_database: str = "oltp",
    exclude_columns: tuple[str, ...] = (),
    hash_columns: tuple[str, ...] = (),
    keep_columns: tuple[str, ...] = (),
) -> Options:
    """Options from the settings, what is given here first.

    CAPTURE_COLUMNS is about the tables of DATABASE_URL and CAPTURE_PUBLICATION; what else is
    captured has columns of its own. What the local stack says of its own tables is no mistake
    where another database has none of them.
    """
    settings = load_settings()
    is_ours = source_url in (None, settings.database_url)
    is_ours = is_ours and publication in (None, settings.capture_publication)
    is_asked_for = bool(set_in_environment(("capture_columns",)))
    columns = parse_treatments(
        settings.capture_columns if is_ours else "", is_required=is_asked_for
    ) + parse_treatments(
        ",".join(
            [f"{name}={EXCLUDE}" for name in exclude_columns]
            + [f"{name}={HASH}" for name in hash_columns]
            + [f"{name}={KEEP}" for name in keep_columns]
        )
    )
    return Options(
        source_url or settings.require("database_url"),
        clickhouse_url or settings.require("clickhouse_url"),
        publication or settings.capture_publication,
        slot or settings.capture_slot,
        target_database,
        settings.capture_spill_folder or settings.interview_data_home / "capture-spill",
        columns,
    )


def follow(chosen: Options, stop: threading.Event) -> None:
    """Capture until `stop` is set; passing failures are waited out, another capture too."""
    pause = FIRST_PAUSE_SECONDS
    while not stop.is_set():
        session = None
        try:
            session = Session(chosen, stop)
            session.open()
            pause = FIRST_PAUSE_SECONDS
            while not stop.is_set():
                session.step()
            session.finish()
        except StopAsked:
            logger.warning("stopped while a write was failing; it will be repeated")
        except SlotBusy as error:
            logger.info("waiting for a turn: %s", error)
            stop.wait(TURN_SECONDS)
        except (TransientError, ClickHouseError, PostgresError) as error:
            logger.warning("capture paused for %.1f s: %s", pause, first_line(error))
            stop.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        finally:
            if session is not None:
                session.close()


def drain(timeout_seconds: float = 300.0, chosen: Options | None = None) -> DrainReport:
    """Bring ClickHouse to where the source is now, every snapshot included.

    Where a following capture holds the slot, waits until that one has got there.
    Raises StoreUnavailable where time runs out.
    """
    chosen = chosen or options()
    started = time.monotonic()
    stop = threading.Event()
    session = Session(chosen, stop)
    try:
        session.open()
    except SlotBusy:
        session.close()
        return _wait_for_follower(chosen, started, timeout_seconds)
    except BaseException:
        session.close()
        raise
    try:
        target = session.current_lsn()
        while not session.is_drained(target):
            _check_time(started, timeout_seconds, target, session.applied_lsn)
            session.step()
        session.finish()
        return _report(target, session.applied_lsn, started, was_following=False)
    finally:
        stop.set()
        session.close()


def _wait_for_follower(chosen: Options, started: float, timeout_seconds: float) -> DrainReport:
    database = SourceDatabase(chosen.source_url)
    try:
        target, reached = database.current_lsn(), 0
        published = published_oids(database.connection, chosen.publication)
        while reached < target or unread_tables(chosen, published):
            slot = database.slot(chosen.slot)
            reached = slot.confirmed_lsn if slot else 0
            _check_time(started, timeout_seconds, target, reached)
            time.sleep(_WAIT_SECONDS)
        return _report(target, reached, started, was_following=True)
    finally:
        database.close()


def _check_time(started: float, timeout_seconds: float, target: int, reached: int) -> None:
    if time.monotonic() - started > timeout_seconds:
        raise StoreUnavailable(
            f"change capture reached {format_lsn(reached)} of {format_lsn(target)} in"
            f" {timeout_seconds:.0f} s; see `interview-data cdc status`"
        )


def _report(target: int, reached: int, started: float, *, was_following: bool) -> DrainReport:
    return DrainReport(
        format_lsn(target), format_lsn(reached), was_following, time.monotonic() - started
    )
