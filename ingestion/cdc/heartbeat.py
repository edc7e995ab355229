"""Moves the slot of an idle database on while others on the server write.

Belongs here: when a message is put into the source's log, and that it may not be. It is a few bytes
that no table ever sees: written only where the log has grown and our slot has not moved for the
whole interval though capture reads it, so a server at rest stays at rest.
"""

import logging
import time

from ingestion.cdc.source import SourceDatabase
from ingestion.cdc.status import SlotStatus
from stores.postgres.client import Error

logger = logging.getLogger(__name__)

PREFIX = "interview_data.heartbeat"
_NOT_ALLOWED = ("42501", "25006")


class Heartbeat:
    """Call `beat` now and then with what the slot looks like."""

    def __init__(self, database: SourceDatabase, interval_seconds: float) -> None:
        self._database = database
        self._interval_seconds = interval_seconds
        self._confirmed_lsn = ""
        self._since = time.monotonic()
        self.sent_count = 0

    def beat(self, slot: SlotStatus | None) -> bool:
        """Whether a message was written. Stops for good where the role may not write one."""
        now = time.monotonic()
        is_moving = slot is None or slot.confirmed_lsn != self._confirmed_lsn
        if is_moving or slot is None or not slot.is_read or not slot.lag_bytes:
            self._confirmed_lsn = slot.confirmed_lsn if slot else ""
            self._since = now
            return False
        if not self._interval_seconds or now - self._since < self._interval_seconds:
            return False
        self._since = now
        try:
            self._database.query("SELECT pg_logical_emit_message(false, %s, '')::text", [PREFIX])
        except Error as error:
            if error.sqlstate not in _NOT_ALLOWED:
                raise
            logger.warning("no heartbeat from now on: %s", error.diag.message_primary)
            self._interval_seconds = 0.0
            return False
        self.sent_count += 1
        return True
