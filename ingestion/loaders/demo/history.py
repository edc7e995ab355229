"""The event store of one customer: the facts that their interviews and sessions went through.

Belongs here: rows of `event_store`, versions counted up from 1 per aggregate.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from ingestion.loaders.demo.billing import subscription_id
from ingestion.loaders.demo.hiring import Hiring
from ingestion.loaders.demo.population import Demo, midnight
from ingestion.loaders.rows import Row

# What happened to an aggregate: event type, data, time.
_Fact = tuple[str, dict[str, Any], datetime]


def event_store_rows(hiring: Hiring) -> list[Row]:
    demo = hiring.customer.demo
    rows: list[Row] = []
    for interview in hiring.interviews:
        rows += _aggregate(demo, "interview", interview["id"], list(_interview(interview)))
    for session in hiring.sessions:
        rows += _aggregate(demo, "candidate_session", session["id"], list(_session(session)))
    for since, plan in hiring.customer.plans:
        is_first = since == hiring.customer.plans[0][0]
        at = hiring.customer.joined_at if is_first else midnight(since)
        kind = "subscription_started" if is_first else "subscription_upgraded"
        subscription = subscription_id(hiring.customer, since)
        rows += _aggregate(demo, "subscription", subscription, [(kind, {"plan": plan}, at)])
    return rows


def _interview(interview: Row) -> Iterator[_Fact]:
    yield "interview_created", {"title": interview["title"]}, interview["created_at"]
    if interview["status"] != "draft":
        yield "interview_published", {}, interview["created_at"]
    if interview["status"] == "closed":
        yield "interview_closed", {}, interview["expires_at"]


def _session(session: Row) -> Iterator[_Fact]:
    interview = {"interview_id": str(session["interview_id"])}
    yield "session_started", interview, session["started_at"]
    if session["status"] == "completed":
        yield "session_completed", interview, session["completed_at"]


def _aggregate(demo: Demo, kind: str, aggregate_id: UUID, facts: list[_Fact]) -> list[Row]:
    return [
        {
            "id": demo.id("fact", aggregate_id, version),
            "aggregate_id": aggregate_id,
            "aggregate_type": kind,
            "event_type": event_type,
            "event_data": data,
            "version": version,
            "timestamp": at,
        }
        for version, (event_type, data, at) in enumerate(facts, start=1)
    ]
