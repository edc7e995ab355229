"""Sessions: connections that outlive a request, by `session_id`.

Belongs here: finding, locking, and ending them. A session serves one request at a time; a
second one is told so at once (code 373). It waits only where the first has been answered
already: a client may ask again before we have let go of its session.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from stores.local.clickhouse_http.engine import DEFAULT_DATABASE, Connection
from stores.local.clickhouse_http.exceptions import ClickHouseException, Code

DEFAULT_TIMEOUT_SECONDS = 60
MAX_TIMEOUT_SECONDS = 3600
LET_GO_SECONDS = 10


@dataclass
class Session:
    """A connection, what its user has SET in it, and when it may be forgotten."""

    connection: Connection
    assignments: dict[str, bytes] = field(default_factory=dict)
    database: str = DEFAULT_DATABASE
    is_busy: bool = True
    is_answered: bool = False
    expires_at: float = 0.0
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS


class Sessions:
    """All sessions of one server."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Condition()

    def acquire(self, session_id: str, timeout_seconds: int, must_exist: bool) -> Session:
        """Lock the session, making it where it is new."""
        if not 0 < timeout_seconds <= MAX_TIMEOUT_SECONDS:
            raise ClickHouseException(
                Code.INVALID_SESSION_TIMEOUT,
                f"Session timeout '{timeout_seconds}' must be between 1"
                f" and max_session_timeout: {MAX_TIMEOUT_SECONDS}",
            )
        with self._lock:
            session = self._sessions.get(session_id)
            if session is None:
                if must_exist:
                    raise ClickHouseException(Code.SESSION_NOT_FOUND, "Session not found")
                session = Session(self._connect())
                self._sessions[session_id] = session
            elif session.is_busy and not self._is_let_go(session):
                raise ClickHouseException(
                    Code.SESSION_IS_LOCKED, "Session is locked by a concurrent client"
                )
            session.is_busy = True
            session.is_answered = False
            session.timeout_seconds = timeout_seconds
            return session

    def _is_let_go(self, session: Session) -> bool:
        return session.is_answered and self._lock.wait_for(
            lambda: not session.is_busy, LET_GO_SECONDS
        )

    def release(self, session: Session) -> None:
        """Unlock; from now the time to its end runs."""
        with self._lock:
            session.expires_at = time.monotonic() + session.timeout_seconds
            session.is_busy = False
            self._lock.notify_all()

    def forget(self, session: Session) -> None:
        """End a session now."""
        with self._lock:
            self._sessions = {
                name: known for name, known in self._sessions.items() if known is not session
            }
        session.connection.close()

    def expire(self) -> None:
        """End the sessions whose time is over."""
        now = time.monotonic()
        with self._lock:
            over = [
                name
                for name, session in self._sessions.items()
                if not session.is_busy and session.expires_at <= now
            ]
            ended = [self._sessions.pop(name) for name in over]
        for session in ended:
            session.connection.close()

    def close(self) -> None:
        """End all that are idle."""
        with self._lock:
            sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            if not session.is_busy:
                session.connection.close()
