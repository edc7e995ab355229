"""The page's panels as CSV: what is displayed, in plain numbers.

Belongs here: columns and rows of each download. Sizes are in mebibytes as the column says,
because a spreadsheet cannot add up '1.5 GiB'.
"""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

from serving.dashboards.metrics import Metric
from serving.dashboards.tables import RESOURCE_TYPES
from serving.dashboards.usage_page import State, UsagePage

Table = tuple[State, Sequence[str], list[list[Any]]]

# A text that begins like this would be run as a formula by a spreadsheet.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_text(header: Sequence[str], rows: list[list[Any]]) -> str:
    """The table as RFC 4180 has it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    if isinstance(value, bool):
        return str(value).lower()
    return value


def column(metric: Metric) -> str:
    """The name of a metric's column, with its unit where that is not a count."""
    return metric.name + ("_mebibytes" if metric.unit == "mebibytes" else "")


def totals(page: UsagePage) -> Table:
    """The cards."""
    header = ["metric", "total", "complete_days_total", "compared_total", "from", "to"]
    span = page.filters.span
    rows: list[list[Any]] = []
    for card in page.cards:
        if card.series is not None:
            found = card.series
            values = [found.total, found.comparable, found.compared]
            rows.append([column(card.metric), *values, span.first, span.last])
    states = [card.state for card in page.cards]
    return ("failed" if "failed" in states else "ready"), header, rows


def daily(page: UsagePage) -> Table:
    """The chart of the selected metric."""
    name = column(page.selected.metric)
    header = ["date", name, "is_complete", "compared_date", f"compared_{name}"]
    series = page.selected.series
    rows = [
        [day.day, day.value, day.is_complete, day.compared_day, day.compared_value]
        for day in (series.days if series else [])
    ]
    return page.selected.state, header, rows


def resources(page: UsagePage) -> Table:
    """Resources against limits."""
    header = ["resource_type", "range_used_count", "month_used_count", "limited_used_count"]
    header += ["limit_count", "overage_count", "customer_count", "unlimited_customer_count"]
    header += ["over_limit_customer_count", "month"]
    state, rows = page.resources
    month = f"{page.filters.span.last:%Y-%m}"
    cells: list[list[Any]] = []
    for row in rows:
        used = [row.range_used, row.month_used, row.limited_used, row.limit, row.overage]
        customer_counts = [row.customer_count, row.unlimited_customer_count]
        over = row.over_limit_customer_count
        cells.append([row.resource_type, *used, *customer_counts, over, month])
    return state, header, cells


def customers(page: UsagePage) -> Table:
    """Customers against limits."""
    header = ["user_id", "company_name", "plan_name"]
    for metric in RESOURCE_TYPES.values():
        header += [f"{column(metric)}_used", f"{column(metric)}_limit"]
    header += ["highest_limit_share", "over_limit_resource_count", "month"]
    state, found = page.customers
    rows = []
    for row in found:
        cells: list[Any] = [row.user_id, row.name, row.plan_name]
        for name in RESOURCE_TYPES:
            use = row.uses.get(name)
            cells += [use.used, use.limit] if use else [0, None]
        share = None if row.limit_share is None else round(row.limit_share, 4)
        cells += [share, row.over_limit_resource_count, f"{page.filters.span.last:%Y-%m}"]
        rows.append(cells)
    return state, header, rows


def event_types(page: UsagePage) -> Table:
    """Types of event."""
    state, rows = page.event_types
    return (
        state,
        ["event_type", "event_count", "user_count"],
        [[row.event_type, row.event_count, row.user_count] for row in rows],
    )


PANELS: dict[str, Callable[[UsagePage], Table]] = {
    "totals": totals,
    "daily": daily,
    "resources": resources,
    "customers": customers,
    "event_types": event_types,
}
