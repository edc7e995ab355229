"""The metrics of the usage page, each declared once.

Belongs here: names, units and the sources whose freshness a metric shares. Numbers do not.
"""

from dataclasses import dataclass

from serving.dashboards.formatting import Unit


@dataclass(frozen=True)
class Metric:
    """A number that the page can show as a card and as a daily chart.

    `sources` are names in rollups.rollup_freshness; `is_additive` says whether the days
    add up to the range; `is_more_better` colours the change.
    """

    name: str
    label: str
    description: str
    sources: tuple[str, ...]
    unit: Unit = "count"
    resource_type: str | None = None
    is_additive: bool = True
    is_more_better: bool = True


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "active_users",
            "Active users",
            "Different users with at least one event. A user counts once in the range.",
            ("user_events",),
            is_additive=False,
        ),
        Metric("events", "Events", "User events of every type.", ("user_events",)),
        Metric(
            "interviews",
            "Interviews used",
            "Interviews counted against plans.",
            ("usage_tracking",),
            resource_type="interviews",
        ),
        Metric(
            "analysis",
            "AI analyses",
            "AI analyses counted against plans.",
            ("usage_tracking",),
            resource_type="analysis",
        ),
        Metric(
            "storage",
            "Storage added",
            "Storage counted against plans, in binary units.",
            ("usage_tracking",),
            unit="mebibytes",
            resource_type="storage",
        ),
        Metric(
            "sessions_completed",
            "Sessions completed",
            "Candidate sessions that were finished.",
            ("candidate_sessions",),
        ),
        Metric(
            "customers_over_limit",
            "Over plan limit",
            "Customers who, by that day, had used more in the month than their plan allows.",
            ("usage_tracking",),
            is_additive=False,
            is_more_better=False,
        ),
    )
}
