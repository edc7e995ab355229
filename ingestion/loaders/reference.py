"""The rows that every other row refers to: roles, plans, models.

Belongs here: what the product ships with, with the same ids in every load, so that the
recordings and the demo share them. Who has which role or plan belongs to each loader.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from ingestion.loaders.ids import stable_id
from ingestion.loaders.rows import Tables

# Reference rows are older than anything that refers to them.
SINCE = datetime(2020, 1, 1, tzinfo=UTC)
# No password has this hash, so nobody logs in as a loaded user.
NO_PASSWORD = "!"  # noqa: S105

_ROLES: dict[str, dict[str, Any]] = {
    "admin": {"users": "write", "billing": "write", "interviews": "write"},
    "recruiter": {"interviews": "write", "responses": "read", "billing": "read"},
    "reviewer": {"interviews": "read", "responses": "read"},
}
# name: price a month, limits a month (storage in mebibytes; absent means unlimited), features
_PLANS: dict[str, tuple[str, dict[str, int], list[str]]] = {
    "free": ("0.00", {"interviews": 2, "analysis": 4, "storage": 256}, ["transcription"]),
    "starter": (
        "29.00",
        {"interviews": 4, "analysis": 15, "storage": 1_024},
        ["transcription", "sentiment"],
    ),
    "pro": (
        "99.00",
        {"interviews": 15, "analysis": 60, "storage": 8_192},
        ["transcription", "sentiment", "skills", "reports"],
    ),
    "enterprise": (
        "499.00",
        {},
        ["transcription", "sentiment", "skills", "reports", "single_sign_on"],
    ),
}
# (name, version): type, price of a request
_MODELS: dict[tuple[str, str], tuple[str, str | None]] = {
    ("whisper", "unstated"): ("transcription", None),
    ("otter.ai", "unstated"): ("transcription", None),
    ("transcriber", "2.1"): ("transcription", "0.0120"),
    ("assessor", "1.3"): ("analysis", "0.0450"),
    ("assessor", "1.4"): ("analysis", "0.0400"),
    ("tone", "1.0"): ("sentiment", "0.0050"),
}
PLAN_NAMES = tuple(_PLANS)


def role_id(name: str) -> UUID:
    return stable_id("role", name)


def plan_id(name: str) -> UUID:
    return stable_id("plan", name)


def plan_limits(name: str) -> dict[str, int]:
    return _PLANS[name][1]


def reference_rows() -> Tables:
    """Roles, plans and models, the same every time."""
    return {
        "roles": [
            {
                "id": role_id(name),
                "name": name,
                "permissions": permissions,
                "created_at": SINCE,
            }
            for name, permissions in _ROLES.items()
        ],
        "subscription_plans": [
            {
                "id": plan_id(name),
                "name": name,
                "description": f"The {name} plan, billed monthly.",
                "price": Decimal(price),
                "currency": "USD",
                "billing_interval": "month",
                "limits": limits,
                "features": features,
                "is_active": True,
                "created_at": SINCE,
            }
            for name, (price, limits, features) in _PLANS.items()
        ],
        "ai_models": [
            {
                "id": stable_id("model", name, version),
                "name": name,
                "version": version,
                "type": kind,
                "config": {"language": "en"},
                "is_active": (name, version) != ("assessor", "1.3"),
                "cost_per_request": None if cost is None else Decimal(cost),
                "created_at": SINCE,
            }
            for (name, version), (kind, cost) in _MODELS.items()
        ],
    }


def user_row(
    *,
    email: str,
    full_name: str | None,
    company_name: str | None,
    created_at: datetime,
    status: str = "active",
    email_verified: bool = True,
    phone: str | None = None,
    updated_at: datetime | None = None,
) -> dict[str, Any]:
    """A user who cannot log in: the loaded people never chose a password here."""
    return {
        "id": user_id(email),
        "email": email,
        "password_hash": NO_PASSWORD,
        "full_name": full_name,
        "company_name": company_name,
        "phone": phone,
        "status": status,
        "email_verified": email_verified,
        "created_at": created_at,
        "updated_at": updated_at or created_at,
    }


def user_id(email: str) -> UUID:
    return stable_id("user", email)
