"""The rows of the page's tables: resources, customers, types of event.

Belongs here: one row each, made of an answer's row, with the texts that a person reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from serving.dashboards import formatting
from serving.dashboards.formatting import Change
from serving.dashboards.metrics import METRICS

RESOURCE_TYPES = {
    metric.resource_type: metric for metric in METRICS.values() if metric.resource_type
}


@dataclass(frozen=True)
class ResourceRow:
    """One resource over all customers."""

    resource_type: str
    label: str
    range_used: int
    month_used: int
    limited_used: int
    limit: int
    overage: int
    customer_count: int
    unlimited_customer_count: int
    over_limit_customer_count: int
    unit: formatting.Unit

    @property
    def share_text(self) -> str:
        """How much of the sum of the limits is used by those who have one."""
        return formatting.share(self.limited_used, self.limit)

    @property
    def bar_percent(self) -> float:
        """The length of the bar."""
        return _bar(self.limited_used, self.limit)

    def text(self, value: int) -> str:
        """A value in this resource's unit."""
        return formatting.number(value, self.unit)


@dataclass(frozen=True)
class ResourceUse:
    """One customer's use of one resource."""

    used: int
    limit: int | None
    overage: int
    unit: formatting.Unit

    @property
    def used_text(self) -> str:
        """What was used."""
        return formatting.number(self.used, self.unit)

    @property
    def limit_text(self) -> str:
        """What the plan allows."""
        return (
            "no limit" if self.limit is None else f"of {formatting.number(self.limit, self.unit)}"
        )


@dataclass(frozen=True)
class CustomerRow:
    """One customer in the month."""

    user_id: UUID
    name: str
    plan_name: str
    uses: Mapping[str, ResourceUse]
    limit_share: float | None
    over_limit_resource_count: int

    @property
    def short_id(self) -> str:
        """Tells apart customers of one company."""
        return short_id(self.user_id)

    @property
    def share_text(self) -> str:
        """The highest share of a limit."""
        return "no limit" if self.limit_share is None else formatting.share(self.limit_share, 1)

    @property
    def bar_percent(self) -> float:
        """The length of the bar."""
        return _bar(self.limit_share or 0, 1)


@dataclass(frozen=True)
class EventTypeRow:
    """One type of event."""

    event_type: str
    event_count: int
    user_count: int
    bar_percent: float
    change: Change | None


def _bar(part: float, whole: float) -> float:
    return round(min(100.0, 100 * part / whole), 1) if whole > 0 else 0.0


def _unit(resource_type: str) -> formatting.Unit:
    metric = RESOURCE_TYPES.get(resource_type)
    return metric.unit if metric else "count"


def short_id(user_id: UUID) -> str:
    """Enough of an identifier to tell apart customers of one company."""
    return str(user_id)[:8]


def resource_label(resource_type: str) -> str:
    """A resource's name for people."""
    return formatting.title(resource_type)


def customer_name(row: Mapping[str, Any]) -> str:
    """What a customer is called."""
    return row["company_name"] or "Customer"


def resource_row(row: Mapping[str, Any]) -> ResourceRow:
    """One resource."""
    return ResourceRow(
        resource_type=row["resource_type"],
        label=resource_label(row["resource_type"]),
        range_used=row["range_used_count"],
        month_used=row["month_used_count"],
        limited_used=row["limited_used_count"],
        limit=row["limit_count"],
        overage=row["overage_count"],
        customer_count=row["customer_count"],
        unlimited_customer_count=row["unlimited_customer_count"],
        over_limit_customer_count=row["over_limit_customer_count"],
        unit=_unit(row["resource_type"]),
    )


def customer_row(row: Mapping[str, Any]) -> CustomerRow:
    """One customer."""
    return CustomerRow(
        user_id=row["user_id"],
        name=customer_name(row),
        plan_name=row["plan_name"] or "none",
        uses={
            name: ResourceUse(used, limit, overage, _unit(name))
            for name, used, limit, overage in sorted(row["resources"])
        },
        limit_share=row["limit_share"],
        over_limit_resource_count=row["over_limit_resource_count"],
    )


def event_type_row(row: Mapping[str, Any], highest: int, has_comparison: bool) -> EventTypeRow:
    """One type of event."""
    return EventTypeRow(
        event_type=row["event_type"],
        event_count=row["event_count"],
        user_count=row["user_count"],
        bar_percent=_bar(row["event_count"], highest),
        change=formatting.change(row["comparable_event_count"], row["compared_event_count"])
        if has_comparison
        else None,
    )
