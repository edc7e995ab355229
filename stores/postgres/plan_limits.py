"""What a user's plan allows, from `subscription_plans.limits`.

Belongs here: reading that JSONB and the subscription that it comes from. Its forms, by resource:

    absent or null                                            unlimited
    {"interviews": 100}                                       100 a month, refused beyond
    {"interviews": {"limit": 100, "mode": "soft"}}            used beyond it, and told
    {"interviews": {"limit": 100, "mode": "soft", "grace_percent": 10}}   refused beyond 110
    {"analysis": {"limit": 50, "event_type": "analysis_requested"}}
                                                              counts also such events
    {"rate_limits": {"minute": 60, "hour": 1000, "day": 9000}}   requests of one endpoint

A limit that cannot be read allows nothing: a plan must not become unlimited by a slip.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from stores.postgres.pool import AsyncConnection
from stores.redis_store.keys import RateWindow

log = logging.getLogger(__name__)

RESOURCES = ("analysis", "interviews", "storage")
RATE_LIMITS = "rate_limits"
# What a counter and the ledger's column can hold.
LIMIT_CEILING = 2**53
_PLANS = """
SELECT users.id, subscribed.id, subscribed.current_period_end, plans.name, plans.limits
FROM users
LEFT JOIN LATERAL (
    SELECT id, plan_id, current_period_end FROM subscriptions
    WHERE user_id = users.id AND status = 'active'
    ORDER BY current_period_start DESC, id LIMIT 1
) AS subscribed ON true
LEFT JOIN subscription_plans AS plans ON plans.id = subscribed.plan_id
WHERE users.id = ANY(%s)
"""


@dataclass(frozen=True)
class Limit:
    """How much of a resource a month allows; `limit` None: as much as one likes."""

    limit: int | None = None
    mode: Literal["hard", "soft"] = "hard"
    grace_percent: int | None = None
    event_type: str = ""

    @property
    def cap(self) -> int | None:
        """Where it is refused: a hard limit, a soft one and its grace, or never."""
        if self.limit is None or self.mode == "hard":
            return self.limit
        if self.grace_percent is None:
            return None
        return self.limit + self.limit * self.grace_percent // 100


NOTHING = Limit(0)


@dataclass(frozen=True)
class Plan:
    """What one user may. Without an active subscription the names are None: nothing is allowed."""

    user_id: UUID
    subscription_id: UUID | None = None
    name: str | None = None
    period_ends_at: datetime | None = None
    limits: Mapping[str, Limit] = field(default_factory=dict)
    rates: Mapping[RateWindow, int] = field(default_factory=dict)

    def limit_of(self, resource: str) -> Limit:
        """The limit of a resource."""
        return NOTHING if self.name is None else self.limits.get(resource, Limit())


async def plans_of(connection: AsyncConnection, user_ids: Sequence[UUID]) -> dict[UUID, Plan]:
    """The plans of those users that there are."""
    found = await connection.execute(_PLANS, [list(user_ids)])
    return {
        user_id: Plan(
            user_id,
            subscription_id,
            name,
            ends_at,
            *read_limits({} if limits is None else limits, name),
        )
        async for user_id, subscription_id, ends_at, name, limits in found
    }


def read_limits(
    limits: Any, plan: str | None = None
) -> tuple[dict[str, Limit], dict[RateWindow, int]]:
    """The limits by resource, and the rates; none at all where there is no plan.

    What `plan` says and cannot be meant is logged once.
    """
    if limits is None:
        return {}, {}
    if not isinstance(limits, dict):
        _warn(plan, "its limits are no object: it allows nothing")
        return dict.fromkeys(RESOURCES, NOTHING), {}
    for name in limits.keys() - {*RESOURCES, RATE_LIMITS}:
        known = ", ".join((*RESOURCES, RATE_LIMITS))
        _warn(plan, f"it limits {name!r}, which is none of {known}: that limits nothing")
    rates = limits.get(RATE_LIMITS) or {}
    return (
        {name: _limit(name, value, plan) for name, value in limits.items() if name in RESOURCES},
        {
            window: rates[window]
            for window in RateWindow
            if isinstance(rates, dict) and _is_count(rates.get(window)) and rates[window] > 0
        },
    )


def _limit(name: str, value: Any, plan: str | None) -> Limit:
    if value is None:
        return Limit()
    if _is_count(value):
        return Limit(value)
    if isinstance(value, dict):
        limit, grace = value.get("limit"), value.get("grace_percent")
        mode, event_type = value.get("mode", "hard"), value.get("event_type", "")
        if (
            (limit is None or _is_count(limit))
            and (grace is None or _is_count(grace))
            and mode in ("hard", "soft")
            and isinstance(event_type, str)
        ):
            return Limit(limit, mode, grace, event_type)
    _warn(plan, f"its limit of {name} cannot be read: it allows nothing")
    return NOTHING


@lru_cache(maxsize=1000)
def _warn(plan: str | None, problem: str) -> None:
    """Once: a plan is read again for every customer."""
    log.warning("the plan %s: %s", plan, problem)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LIMIT_CEILING
