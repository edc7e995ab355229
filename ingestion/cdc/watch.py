"""What a following capture does beside capturing: looks at itself, raises alarms, keeps an idle
slot moving.

Belongs here: the thread that does so every few seconds, and what it last saw. The rules are in
`alerts`; who asks from outside is answered by `metrics`.
"""

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ingestion.cdc.apply import first_line
from ingestion.cdc.heartbeat import Heartbeat
from ingestion.cdc.source import SourceDatabase
from ingestion.cdc.status import CaptureStatus, capture_status
from stores.clickhouse.client import Error as ClickHouseError
from stores.errors import PlatformError
from stores.postgres.client import Error as PostgresError
from stores.settings import load_settings

if TYPE_CHECKING:
    from ingestion.cdc.capture import Options

logger = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
# An alarm that lasts is repeated so often.
REPEAT_SECONDS = 600.0
FRESH_SECONDS = 2.0
# A store is away for a moment now and then; that alone alarms nobody.
_PROBLEMS = ("source_problem", "target_problem")


class Watch(threading.Thread):
    """Looks until `stop` is set."""

    def __init__(
        self, chosen: "Options", stop: threading.Event, look_seconds: float = LOOK_SECONDS
    ) -> None:
        super().__init__(name="cdc-watch", daemon=True)
        settings = load_settings()
        self._chosen = chosen
        self._stop_asked = stop
        self._look_seconds = look_seconds
        self._alert_seconds = settings.capture_alert_seconds
        self._database = SourceDatabase(chosen.source_url)
        self.heartbeat = Heartbeat(self._database, settings.capture_heartbeat_seconds)
        self._lock = threading.Lock()
        self._seen: CaptureStatus | None = None
        self._seen_at = 0.0
        self._away_since: dict[str, float] = {}
        self._told: dict[str, float] = {}

    def run(self) -> None:
        """Look, and sleep; what fails is told and tried again."""
        while not self._stop_asked.wait(self._look_seconds):
            try:
                self._look()
            except (PlatformError, ClickHouseError, PostgresError) as error:
                logger.warning("capture could not look at itself: %s", first_line(error))
        self._database.close()

    def status(self) -> CaptureStatus:
        """As of now, or of a moment ago: scrapers that come together share one look."""
        with self._lock:
            if self._seen is None or time.monotonic() - self._seen_at > FRESH_SECONDS:
                self._seen = self._judged(capture_status(self._chosen))
                self._seen_at = time.monotonic()
            return self._seen

    def _look(self) -> None:
        found = self.status()
        self._raise_alarms(found.alerts)
        if found.source_problem is None and found.target_problem is None:
            self.heartbeat.beat(found.slot)

    def _judged(self, found: CaptureStatus) -> CaptureStatus:
        """A store that does not answer alarms once it has been away for long."""
        now, alerts = time.monotonic(), list(found.alerts)
        for name in _PROBLEMS:
            problem = getattr(found, name)
            if problem is None:
                self._away_since.pop(name, None)
                continue
            away = now - self._away_since.setdefault(name, now)
            alerts.remove(problem)
            if away >= self._alert_seconds:
                alerts.append(f"for {away:.0f} s: {problem}")
        return replace(found, alerts=alerts)

    def _raise_alarms(self, alerts: list[str]) -> None:
        now = time.monotonic()
        # Figures change all the time; the first words are what an alarm is about.
        subjects = {_subject(alert): alert for alert in alerts}
        for gone in self._told.keys() - subjects.keys():
            del self._told[gone]
            logger.info("over: %s", gone)
        for subject, alert in subjects.items():
            if now - self._told.get(subject, -REPEAT_SECONDS) >= REPEAT_SECONDS:
                self._told[subject] = now
                logger.error("alert: %s", alert)


def _subject(alert: str) -> str:
    """Without its figures."""
    return " ".join(word for word in alert.split() if not any(map(str.isdigit, word)))[:80]
