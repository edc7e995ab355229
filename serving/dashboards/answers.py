"""Asks everything that the usage page needs, at once, and keeps what failed apart.

Belongs here: which question with which parameters. A question that fails spoils its own
panel and no other.
"""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from serving.dashboards.filters import Filters, Span
from serving.dashboards.freshness import Freshness, of_sources
from serving.dashboards.series import Windows, windows
from serving.queries.warehouse import ModelNotBuilt, Row, Warehouse, as_ids
from stores.errors import StoreUnavailable, TransientError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """The rows of a question, or why there are none."""

    rows: list[Row]
    error: TransientError | None = None

    @property
    def is_built(self) -> bool:
        """Whether the models exist."""
        return not isinstance(self.error, ModelNotBuilt)

    @property
    def has_failed(self) -> bool:
        """Whether the question could not be answered, though its models exist."""
        return self.error is not None and self.is_built


@dataclass(frozen=True)
class Answers:
    """What ClickHouse answered for one set of filters."""

    now: datetime
    filters: Filters
    freshness: Outcome
    extent: Outcome
    activity: Outcome
    active_users: Outcome
    usage: Outcome
    over_limit: Outcome
    sessions: Outcome
    resources: Outcome
    customers: Outcome
    event_types: Outcome
    plans: Outcome
    customer: Outcome

    def freshness_of(self, *sources: str) -> Freshness | None:
        """The freshness of what is made of `sources`."""
        return of_sources(self.freshness.rows, sources, self.now)

    def windows_of(self, *sources: str) -> Windows:
        """The complete and the compared days of what is made of `sources`."""
        return windows(self.filters, self.freshness_of(*sources))


async def ask_all(warehouse: Warehouse, filters: Filters, now: datetime) -> Answers:
    """Ask every question. Freshness comes first: it says which days are complete."""
    freshness = await _outcome(warehouse.ask("usage_freshness"))
    if isinstance(freshness.error, StoreUnavailable):
        # Nobody answers; ten more attempts would only make the reader wait.
        names = [field.name for field in fields(Answers) if field.type is Outcome]
        return Answers(now=now, filters=filters, **dict.fromkeys(names, freshness))
    days = _days(filters, windows(filters, of_sources(freshness.rows, ["user_events"], now)))
    everything = {"first_day": days["earliest_day"], "last_day": days["last_day"]}
    users = {"user_ids": as_ids(filters.user_id), "plan_name": filters.plan or ""}
    asked = {
        "usage_extent": {},
        "usage_activity_daily": everything | users,
        "usage_active_users": days | users,
        "usage_resources_daily": everything | users,
        "usage_over_limit_days": everything | users,
        "usage_sessions_daily": everything | users,
        "usage_top_resources": days | users,
        "usage_top_customers": days | users | {"sort": filters.sort, "row_limit": filters.rows},
        "usage_top_event_types": days | users | {"row_limit": filters.rows},
        "plan_names": {},
        "user_known": {"user_id": str(filters.user_id)},
    }
    if filters.user_id is None:
        del asked["user_known"]
    found = await asyncio.gather(
        *(_outcome(warehouse.ask(name, **parameters)) for name, parameters in asked.items())
    )
    answered = dict(zip(asked, found, strict=True))
    return Answers(
        now=now,
        filters=filters,
        freshness=freshness,
        extent=answered["usage_extent"],
        activity=answered["usage_activity_daily"],
        active_users=answered["usage_active_users"],
        usage=answered["usage_resources_daily"],
        over_limit=answered["usage_over_limit_days"],
        sessions=answered["usage_sessions_daily"],
        resources=answered["usage_top_resources"],
        customers=answered["usage_top_customers"],
        event_types=answered["usage_top_event_types"],
        plans=answered["plan_names"],
        customer=answered.get("user_known", Outcome([])),
    )


async def _outcome(answer: Awaitable[list[Row]]) -> Outcome:
    try:
        return Outcome(await answer)
    except TransientError as error:
        return Outcome([], error)


def _days(filters: Filters, spans: Windows) -> dict[str, Any]:
    """The days as bound parameters. Where nothing is compared, an empty span is."""
    nothing = Span(filters.span.first, filters.span.first - timedelta(1))
    compared = spans.compared_complete or nothing
    complete = spans.complete or nothing
    earliest = min(filters.span.first, spans.compared.first if spans.compared else compared.first)
    return {
        "first_day": filters.span.first,
        "last_day": filters.span.last,
        "complete_day": complete.last,
        "compared_first_day": compared.first,
        "compared_last_day": compared.last,
        "earliest_day": earliest,
    }
