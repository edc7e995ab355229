"""What customers and their candidates do in the product, as events for the API.

Belongs here: user events, interview metrics and API metrics of one customer. Candidates have
no account: what they do is an event of the customer whose interview it is.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import fmean
from typing import Any
from uuid import UUID

from ingestion.loaders.api import Outgoing
from ingestion.loaders.demo import words
from ingestion.loaders.demo.chance import WORKING_HOURS, WORKING_WEEK, moment, poisson
from ingestion.loaders.demo.hiring import Hiring
from ingestion.loaders.demo.population import Customer
from ingestion.loaders.rows import Row
from stores.event_bus.rows import API_METRIC, INTERVIEW_METRIC, Kind

USER_EVENTS, INTERVIEW_METRICS, API_METRICS = (
    "/v1/events",
    "/v1/interview-metrics",
    "/v1/api-metrics",
)
_VISITS_A_WORKDAY = 0.32
_REQUEST_IS_SAMPLED = 0.25
_ONLY_LOOKS_BESIDE_ONE_WHO_BEGINS = 0.22
# What the warehouse knows as the opening of a link (`opening_event_type` in dbt_project.yml).
OPENED = "interview_opened"
_SERVICES = {"/interviews": "interview-service", "/candidates": "response-service"}


def events(hiring: Hiring) -> dict[str, list[Outgoing]]:
    """All events of the customer, by endpoint."""
    visits = list(_visits(hiring.customer))
    return {
        USER_EVENTS: [*visits, *_hiring_events(hiring), *_openings(hiring)],
        INTERVIEW_METRICS: list(_metrics(hiring)),
        API_METRICS: list(_requests(hiring.customer, visits)),
    }


def _visits(customer: Customer) -> Iterator[Outgoing]:
    """The customer logs in on some days, and looks at some pages."""
    for number, (begun_at, chance) in enumerate(_visit_times(customer)):
        session_id = customer.demo.id("visit", customer.index, number)
        client = {
            "user_agent": words.USER_AGENTS[customer.index % 3],
            "ip_address": f"203.0.113.{customer.index % 254 + 1}",
        }
        at = begun_at
        pages = ["", *(chance.choice(words.PAGES) for _ in range(1 + poisson(chance, 3)))]
        for step, page in enumerate(pages):
            kind, data = ("page_view", {"path": page}) if page else ("login", {})
            yield _event(customer, kind, at, (session_id, step), data, client=client)
            at += timedelta(seconds=chance.randint(4, 240))
            if at > customer.demo.now:
                break


def _visit_times(customer: Customer) -> Iterator[tuple[datetime, Random]]:
    demo, chance = customer.demo, customer.chance("visits")
    often = _VISITS_A_WORKDAY * min(2.0, 0.5 + customer.diligence / 2)
    for ahead in range(demo.days + 1):
        day = demo.first_day + timedelta(days=ahead)
        if not customer.is_active_on(day):
            continue
        for _ in range(_visits_on(chance, often * WORKING_WEEK[day.weekday()], demo.activity)):
            at = moment(chance, day, WORKING_HOURS)
            if customer.joined_at < at <= demo.now:
                yield at, chance


def _visits_on(chance: Random, mean: float, activity: int) -> int:
    """One or none on a usual day; of a busier product as many as it happens."""
    return int(chance.random() < mean) if activity == 1 else poisson(chance, mean * activity)


def _hiring_events(hiring: Hiring) -> Iterator[Outgoing]:
    customer = hiring.customer
    for interview in hiring.interviews:
        data = {"interview_id": str(interview["id"])}
        created_at = interview["created_at"]
        yield _event(customer, "interview_created", created_at, (interview["id"], 0), data)
        if interview["status"] != "draft":
            yield _event(customer, "interview_published", created_at, (interview["id"], 1), data)
    sessions = {session["id"]: session for session in hiring.sessions}
    for session in hiring.sessions:
        yield _candidate(customer, session, "session_started", session["started_at"], 0)
        if session["completed_at"]:
            yield _candidate(customer, session, "session_completed", session["completed_at"], 1)
    for step, response in enumerate(hiring.responses):
        session = sessions[response["session_id"]]
        yield _candidate(customer, session, "response_submitted", response["recorded_at"], step + 2)


def _openings(hiring: Hiring) -> Iterator[Outgoing]:
    """Links that candidates opened: who began, and who only looked. With luck of its own, so that
    the demo is otherwise the same as without."""
    customer = hiring.customer
    chance = customer.chance("openings")
    begun_by_interview: dict[UUID, list[Row]] = {}
    for session in hiring.sessions:
        begun_by_interview.setdefault(session["interview_id"], []).append(session)
    for interview in hiring.interviews:
        begun = begun_by_interview.get(interview["id"], [])
        lookers = [
            {**session, "id": customer.demo.id("looker", session["id"])}
            for session in begun
            if chance.random() < _ONLY_LOOKS_BESIDE_ONE_WHO_BEGINS
        ]
        for session in [*begun, *lookers]:
            seconds_before = chance.randint(5, 180)
            at = session["started_at"] - timedelta(seconds=seconds_before)
            yield _candidate(customer, session, OPENED, max(at, interview["created_at"]), -1)


def _candidate(customer: Customer, session: Row, kind: str, at: datetime, step: int) -> Outgoing:
    client = {"user_agent": session["user_agent"], "ip_address": session["ip_address"]}
    data = {"interview_id": str(session["interview_id"])}
    return _event(customer, kind, at, (session["id"], step), data, client=client)


def _event(
    customer: Customer,
    kind: str,
    at: datetime,
    place: tuple[UUID, int],
    data: dict[str, Any],
    *,
    client: dict[str, str] | None = None,
) -> Outgoing:
    """`place` is the session, and the event's number in it: that is what its id is made of."""
    event_id = str(customer.demo.id("event", *place))
    fields = {
        "event_id": event_id,
        "user_id": str(customer.id),
        "event_type": kind,
        "event_data": data,
        "session_id": str(place[0]),
        "timestamp": stamp(at),
        **(client or {}),
    }
    return Outgoing(f"customer {customer.index}", event_id, fields)


def _metrics(hiring: Hiring) -> Iterator[Outgoing]:
    """Of every interview that anybody began: how many came, how many finished, how well."""
    scores: dict[UUID, list[float]] = {}
    for analysis in hiring.analyses:
        scores.setdefault(analysis["interview_id"], []).append(analysis["overall_score"])
    for interview in hiring.interviews:
        sessions = [each for each in hiring.sessions if each["interview_id"] == interview["id"]]
        if not sessions:
            continue
        done = sum(each["status"] == "completed" for each in sessions)
        values = {"candidate_count": len(sessions), "completion_rate": done / len(sessions)}
        if interview["id"] in scores:
            values["average_score"] = fmean(scores[interview["id"]])
        at = min(hiring.now, max(each["started_at"] for each in sessions) + timedelta(hours=2))
        if at < _kept_from(INTERVIEW_METRIC, hiring.now):
            continue
        for name, value in values.items():
            yield _metric(hiring, interview, name, value, at)


def _metric(hiring: Hiring, interview: Row, name: str, value: float, at: datetime) -> Outgoing:
    metric_id = str(hiring.customer.demo.id("metric", interview["id"], name))
    fields = {
        "metric_id": metric_id,
        "interview_id": str(interview["id"]),
        "user_id": str(hiring.customer.id),
        "metric_name": name,
        "metric_value": round(float(value), 4),
        "dimensions": {"language": interview["settings"]["language"]},
        "timestamp": stamp(at),
    }
    return Outgoing(f"customer {hiring.customer.index}", metric_id, fields)


def _kept_from(kind: Kind, now: datetime) -> datetime:
    """Older ones are refused, for they would be deleted at once; a day is left for loading."""
    return now - timedelta(days=kind.retention_days - 1)


def _requests(customer: Customer, viewed: list[Outgoing]) -> Iterator[Outgoing]:
    """A sample of the requests behind the page views, a few of them slow, fewer failed."""
    chance = customer.chance("requests")
    earliest = stamp(_kept_from(API_METRIC, customer.demo.now))
    for view in viewed:
        path = view.fields["event_data"].get("path")
        if path is None or chance.random() > _REQUEST_IS_SAMPLED:
            continue
        if view.fields["timestamp"] < earliest:
            continue
        request_id = str(customer.demo.id("request", view.id))
        fields = {
            "request_id": request_id,
            "method": "GET",
            "endpoint": path,
            "status_code": chance.choices((200, 304, 404, 500), (90, 6, 3, 1))[0],
            "response_time_ms": round(chance.lognormvariate(4.0, 0.6)),
            "user_id": str(customer.id),
            "service_name": _SERVICES.get(path.removesuffix("/{id}"), "web"),
            "timestamp": view.fields["timestamp"],
        }
        yield Outgoing(view.where, request_id, fields)


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
