"""What customers have subscribed to, and what they consumed of it.

Belongs here: users, subscriptions and the usage ledger of one customer. Limits are not
enforced: a customer who is over one is what the rollups have to show.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from ingestion.loaders.demo.hiring import Hiring
from ingestion.loaders.demo.population import Customer, midnight
from ingestion.loaders.media import mebibytes
from ingestion.loaders.recordings.owners import next_month
from ingestion.loaders.reference import plan_id, role_id, user_row
from ingestion.loaders.rows import Row

_PERIOD = timedelta(days=30)


def account_rows(customer: Customer) -> dict[str, list[Row]]:
    """The customer as a user with a role and every subscription they have had."""
    chance = customer.chance("account")
    is_gone = customer.left_on is not None
    last_change = customer.left_on or customer.plans[-1][0]
    role = "admin" if customer.index % 3 == 0 else chance.choice(("recruiter", "reviewer"))
    return {
        "users": [
            user_row(
                email=customer.email,
                full_name=f"{customer.given_name} {customer.family_name}",
                company_name=customer.company,
                phone=None,
                status="inactive" if is_gone else "active",
                email_verified=chance.random() < 0.93,
                created_at=customer.joined_at,
                updated_at=max(customer.joined_at, midnight(last_change)),
            )
        ],
        "user_roles": [
            {
                "user_id": customer.id,
                "role_id": role_id(role),
                "assigned_at": customer.joined_at,
            }
        ],
        "subscriptions": list(_subscriptions(customer)),
    }


def _subscriptions(customer: Customer) -> Iterator[dict[str, Any]]:
    """One row a plan. The last is active, unless the customer left."""
    ends = [*(since for since, _ in customer.plans[1:]), customer.left_on]
    for (since, plan), until in zip(customer.plans, ends, strict=True):
        is_over = until is not None
        has_left = is_over and until == customer.left_on
        begun = customer.joined_at if since == customer.plans[0][0] else midnight(since)
        start, end = _current_period(begun, midnight(until) if until else customer.demo.now)
        yield {
            "id": subscription_id(customer, since),
            "user_id": customer.id,
            "plan_id": plan_id(plan),
            "stripe_subscription_id": f"sub_{subscription_id(customer, since).hex}",
            "status": "cancelled" if has_left else "expired" if is_over else "active",
            "current_period_start": start,
            "current_period_end": end,
            "cancel_at_period_end": has_left,
            "created_at": begun,
            "updated_at": midnight(until) if until else start,
        }


def _current_period(begun: datetime, at: datetime) -> tuple[datetime, datetime]:
    start = begun + max(0, (at - begun) // _PERIOD) * _PERIOD
    return start, start + _PERIOD


def subscription_id(customer: Customer, since: date) -> UUID:
    return customer.demo.id("subscription", customer.index, since)


def usage_rows(hiring: Hiring) -> list[Row]:
    """What was consumed, by day and resource, on the subscription of that day."""
    customer = hiring.customer
    counts: Counter[tuple[date, str]] = Counter()
    for interview in hiring.interviews:
        counts[interview["created_at"].date(), "interviews"] += 1
    for analysis in hiring.analyses:
        counts[analysis["created_at"].date(), "analysis"] += 1
    stored: Counter[date] = Counter()
    for file in hiring.media:
        stored[file["created_at"].date()] += file["file_size_bytes"]
    for day, size in stored.items():
        counts[day, "storage"] = mebibytes(size)
    return [
        {
            "id": customer.demo.id("usage", customer.index, day, resource),
            "user_id": customer.id,
            "subscription_id": subscription_id(customer, customer.plan_on(day)[0]),
            "resource_type": resource,
            "count": count,
            "date": day,
            "reset_date": next_month(day),
            "metadata": {},
        }
        for (day, resource), count in sorted(counts.items())
    ]
