"""The process that sends: what was reached is told, what is due is tried, what failed waits.

Belongs here: the loop, how long to wait between tries, and when to give up. Run by
`interview-data webhooks deliver`; any number of them may run.
"""

import logging
import random
import threading
from concurrent.futures import ThreadPoolExecutor

from serving.webhooks.sending import Sent, Verdict, send
from stores.errors import TransientError
from stores.postgres import webhook_queue
from stores.postgres.client import Connection, Error, connect
from stores.postgres.webhook_queue import Due
from stores.settings import Settings, load_settings

log = logging.getLogger(__name__)

# Between the first tries seconds, so that a restart is survived; then hours: with eight tries
# about a day altogether.
WAITS_SECONDS = (5, 30, 120, 600, 3600, 4 * 3600, 12 * 3600)
# What failed together must not come back together.
JITTER = 0.2
AT_A_TIME = 16
POLL_SECONDS = 1.0
AWAY_SECONDS = 3.0


def wait_seconds(number: int, chance: float) -> float:
    """How long to wait after the attempt `number`; `chance` is between 0 and 1."""
    wait = WAITS_SECONDS[min(number, len(WAITS_SECONDS)) - 1]
    return wait * (1 - JITTER + 2 * JITTER * chance)


def follow(stop: threading.Event) -> None:
    """Until `stop` is set. A PostgreSQL that is away is waited for."""
    settings = load_settings()
    with ThreadPoolExecutor(AT_A_TIME, "webhook") as threads:
        while not stop.is_set():
            try:
                with connect(autocommit=True) as connection:
                    while not stop.is_set():
                        if not work(connection, settings, threads):
                            stop.wait(POLL_SECONDS)
            except (TransientError, Error) as error:
                log.warning("webhooks wait: %s", type(error).__name__)
                stop.wait(AWAY_SECONDS)


def drain(settings: Settings) -> int:
    """Tell and try what is due now; how many attempts were made."""
    count = 0
    with (
        ThreadPoolExecutor(AT_A_TIME, "webhook") as threads,
        connect(autocommit=True) as connection,
    ):
        while done := work(connection, settings, threads):
            count += done
    return count


def work(connection: Connection, settings: Settings, threads: ThreadPoolExecutor) -> int:
    """One round; how many attempts were made."""
    while webhook_queue.tell(connection, settings.webhook_attempts):
        pass
    due = webhook_queue.take(connection, AT_A_TIME)
    for each, sent in zip(due, threads.map(lambda one: _send(one, settings), due), strict=True):
        _settle(connection, each, sent)
    return len(due)


def _send(due: Due, settings: Settings) -> Sent:
    return send(
        due,
        settings.webhook_timeout_seconds,
        is_private_allowed=settings.webhook_private_targets,
    )


def _settle(connection: Connection, due: Due, sent: Sent) -> None:
    state = "delivered"
    if sent.verdict is not Verdict.DELIVERED:
        is_over = due.tries_left <= 0 or sent.verdict is Verdict.GONE
        state = "dead" if is_over else "pending"
        log.warning("webhook %s: attempt %d %s, %s", due.id, due.number, sent.problem, state)
    webhook_queue.settle(
        connection,
        due,
        state,
        wait_seconds=wait_seconds(due.number, random.random()),  # noqa: S311  it hides nothing
        duration_ms=sent.duration_ms,
        status_code=sent.status_code,
        problem=sent.problem,
    )
    if sent.verdict is Verdict.GONE:
        webhook_queue.stop_endpoint(connection, due.endpoint_id)
