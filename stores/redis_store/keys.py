"""Every key that Redis holds: its name, its database, its shape, how long it lives.

Belongs here: the declarations. Reading and writing a key belongs to whom it serves, with
the names and lifetimes of this module and no others.
"""

from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, TypedDict
from uuid import UUID


class Database(IntEnum):
    """Which of the instance's databases holds what."""

    SESSIONS = 0
    CACHE = 1
    RATE_LIMITS = 2
    TEMPORARY_TOKENS = 3
    # Counters of quota use live beside the rate limits: both count what a customer does.
    USAGE = 2


class Session(TypedDict):
    """The JSON of a device at `session_key`; times are RFC 3339.

    `refresh_token` is the SHA-256 of the one that works, `former_token` of the one before it.
    """

    refresh_token: str
    former_token: str
    created_at: str
    expires_at: str
    device_info: str
    last_activity: str


SESSION_SECONDS = 30 * 24 * 3600


def session_key(user_id: UUID) -> str:
    """Where a user is signed in: a hash with a field of JSON for each device's session."""
    return f"user:session:{user_id}"


ATTEMPT_SECONDS = 15 * 60


def attempts_key(what: str, of_whom: str) -> str:
    """How often something was tried that may be guessing, an integer, beside the rate limits.

    `of_whom` is a hash: neither an address nor an account is named in Redis.
    """
    return f"rate_limit:auth:{what}:{of_whom}"


class CachedInterview(TypedDict):
    """The JSON at `interview_key`: of what the API answers, what others may rely on."""

    id: str
    user_id: str
    title: str
    questions: list[dict[str, Any]]
    status: str
    expires_at: str | None


INTERVIEW_SECONDS = 3600


def interview_key(interview_id: UUID | str) -> str:
    """A cached interview, a string of JSON."""
    return f"interview:{interview_id}"


# How long one reader may take to fill what others wait for.
INTERVIEW_LEASE_SECONDS = 5
# After a change; what is filled meanwhile is kept for a second only, because the log may tell of a
# commit before other sessions see it.
INTERVIEW_CHANGED_SECONDS = 5
# Set while every committed change is known to have been taken out of the cache.
INTERVIEWS_WATCHED_KEY = "interview:watched"
INTERVIEWS_WATCHED_SECONDS = 5


def interview_lease_key(interview_id: UUID | str) -> str:
    """Who fills `interview_key` now, a random token; gone with any change."""
    return f"interview:{interview_id}:lease"


def interview_changed_key(interview_id: UUID | str) -> str:
    """There for a while after a change."""
    return f"interview:{interview_id}:changed"


class RateWindow(StrEnum):
    """For how long a rate is counted."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


RATE_LIMIT_SECONDS: dict[RateWindow, int] = {
    RateWindow.MINUTE: 60,
    RateWindow.HOUR: 3600,
    RateWindow.DAY: 24 * 3600,
}


def rate_limit_key(
    user_id: UUID | str, endpoint: str, window: RateWindow = RateWindow.MINUTE
) -> str:
    """How often a user, or an API key, has called an endpoint in a window, an integer.

    The API counts a key's `requests` and `events` under these words.

    The shortest window has the plain name; the longer ones add theirs, for each has a
    lifetime of its own.
    """
    name = f"rate_limit:api:{user_id}:{endpoint}"
    return name if window is RateWindow.MINUTE else f"{name}:{window}"


def recent_events_prefix(kind: str) -> str:
    """The ids of events sent lately, beside the rate limits: strings of fixed records.

    A number from 0 to 255 follows. They live as long as RECENT_EVENT_SECONDS says.
    """
    return f"events:recent:{kind}:"


def usage_key(user_id: UUID, resource: str, moment: datetime) -> str:
    """How much of a resource a user has used in the month of `moment`, an integer."""
    return f"usage:{user_id}:{resource}:{moment.astimezone(UTC):%Y-%m}"


def quota_state_key(counter: str) -> str:
    """What is known of the counter of that `usage_key`, a hash that ends with it."""
    return f"{counter}:state"


def quota_holds_key(counter: str) -> str:
    """Reservations and operations under way of that counter, a sorted set by deadline."""
    return f"{counter}:holds"


def usage_expires_at(moment: datetime) -> datetime:
    """When the counter of the month of `moment` ends: as the next month begins, in UTC."""
    first = moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


class TemporaryToken(TypedDict):
    """The JSON at `temporary_token_key`."""

    user_id: str
    purpose: str
    data: dict[str, Any]


TEMPORARY_TOKEN_SECONDS = 24 * 3600


def temporary_token_key(token: str) -> str:
    """What a token sent to a user is for, a string of JSON."""
    return f"temp_token:{token}"


class DashboardSession(TypedDict):
    """The JSON at `dashboard_session_key`; times are seconds since 1970."""

    key_id: str
    ends_at: float
    checked_at: float


DASHBOARD_SESSION_SECONDS = 12 * 3600


def dashboard_session_key(token_digest: str) -> str:
    """Who is signed in to the dashboards, a string of JSON, by the hash of their cookie."""
    return f"dashboard:session:{token_digest}"
