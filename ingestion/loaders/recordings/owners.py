"""The accounts behind the recordings: users, roles, subscriptions, and what was consumed.

Belongs here: rows that span recordings. A subscription has begun with its user's first
recording, and its current period is the month of the newest.
"""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from ingestion.loaders.ids import email_of, stable_id
from ingestion.loaders.recordings.interview import NOBODY_NAMED, Interview
from ingestion.loaders.reference import NO_PASSWORD, plan_id, role_id, user_id, user_row
from ingestion.loaders.rows import Row
from stores.postgres.client import Connection

PLAN = "pro"


def known_times(connection: Connection) -> dict[str, list[datetime]]:
    """When earlier loads saw their users first, and last, so that a load of a part of the
    recordings makes nobody younger. Loaded users are those without a password."""
    rows = connection.execute(
        "SELECT u.email, array_remove(array_agg(s.updated_at) || min(u.created_at), NULL)"
        " FROM users u LEFT JOIN subscriptions s ON s.user_id = u.id"
        " WHERE u.password_hash = %s GROUP BY u.email",
        [NO_PASSWORD],
    )
    return dict(rows.fetchall())


def owner_rows(
    interviews: Sequence[Interview], known: Mapping[str, list[datetime]]
) -> dict[str, list[Row]]:
    """A user per interviewer, each a recruiter; a subscription for each who owns a recording."""
    seen: dict[str, list[datetime]] = defaultdict(list)
    owners: set[str] = set()
    names: dict[str, str | None] = {NOBODY_NAMED: None}
    for interview in interviews:
        owners.add(interview.owner_email)
        seen[interview.owner_email].append(interview.held_at)
        for name in interview.conversation.interviewers:
            names[email_of(name)] = name
            seen[email_of(name)].append(interview.held_at)
    people = sorted(seen)
    for email in people:
        seen[email].extend(known.get(email, ()))
    return {
        "users": [
            user_row(
                email=email,
                full_name=names[email],
                company_name=None,
                created_at=min(seen[email]),
            )
            for email in people
        ],
        "user_roles": [
            {
                "user_id": user_id(email),
                "role_id": role_id("recruiter"),
                "assigned_at": min(seen[email]),
            }
            for email in people
        ],
        "subscriptions": [_subscription(email, seen[email]) for email in sorted(owners)],
    }


def usage_rows(interview: Interview, used: dict[str, int]) -> list[Row]:
    """A row per resource that the interview consumed, on its day."""
    day = interview.held_at.date()
    return [
        {
            "id": stable_id("usage", interview.id, resource),
            "user_id": user_id(interview.owner_email),
            "subscription_id": _subscription_id(interview.owner_email),
            "resource_type": resource,
            "count": count,
            "date": day,
            "reset_date": next_month(day),
            "metadata": {"interview_id": str(interview.id)},
        }
        for resource, count in used.items()
    ]


def next_month(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1]) + timedelta(days=1)


def _subscription_id(email: str) -> UUID:
    return stable_id("subscription", email, PLAN)


def _subscription(email: str, times: list[datetime]) -> Row:
    newest = max(times).date()
    return {
        "id": _subscription_id(email),
        "user_id": user_id(email),
        "plan_id": plan_id(PLAN),
        "stripe_subscription_id": None,
        "status": "active",
        "current_period_start": _midnight(newest.replace(day=1)),
        "current_period_end": _midnight(next_month(newest)),
        "cancel_at_period_end": False,
        "created_at": min(times),
        "updated_at": max(times),
    }


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)
