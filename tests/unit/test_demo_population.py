"""The demo is believable, the same every time, and its rows belong together."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from ingestion.loaders.demo.activity import API_METRICS, INTERVIEW_METRICS, USER_EVENTS
from ingestion.loaders.demo.load import Slice, slices
from ingestion.loaders.demo.population import Demo
from ingestion.loaders.reference import plan_limits, reference_rows
from stores.event_bus.rows import API_METRIC, INTERVIEW_METRIC, USER_EVENT

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
REFERENCES = [
    ("user_roles", "user_id", "users"),
    ("user_roles", "role_id", "roles"),
    ("subscriptions", "user_id", "users"),
    ("subscriptions", "plan_id", "subscription_plans"),
    ("interviews", "created_by", "users"),
    ("interview_templates", "created_by", "users"),
    ("questions", "interview_id", "interviews"),
    ("candidate_sessions", "interview_id", "interviews"),
    ("candidate_responses", "session_id", "candidate_sessions"),
    ("candidate_responses", "question_id", "questions"),
    ("candidate_responses", "media_file_id", "media_files"),
    ("media_files", "session_id", "candidate_sessions"),
    ("processing_jobs", "media_file_id", "media_files"),
    ("analysis_results", "session_id", "candidate_sessions"),
    ("usage_tracking", "user_id", "users"),
    ("usage_tracking", "subscription_id", "subscriptions"),
]


def make(users: int = 250, seed: int = 7, at_once: int = 1_000, days: int = 90) -> Slice:
    demo = Demo(users, days, seed, NOW)
    whole = Slice({table: list(rows) for table, rows in reference_rows().items()})
    for part in slices(demo, at_once):
        for table, rows in part.tables.items():
            whole.tables.setdefault(table, []).extend(rows)
        for endpoint, events in part.events.items():
            whole.events.setdefault(endpoint, []).extend(events)
    return whole


@cache
def made() -> Slice:
    return make()


def times(kind: str | None = None) -> list[datetime]:
    return [
        datetime.fromisoformat(event.fields["timestamp"])
        for event in made().events[USER_EVENTS]
        if kind in (None, event.fields["event_type"])
    ]


def test_the_same_seed_makes_the_same_rows_however_they_are_cut() -> None:
    first, second = make(users=20), make(users=20, at_once=3)
    assert first == second
    assert make(users=20, seed=8).tables["users"] != first.tables["users"]


@pytest.mark.parametrize(("table", "column", "target"), REFERENCES)
def test_every_reference_has_its_row(table: str, column: str, target: str) -> None:
    ids = {row["id"] for row in made().tables[target]}
    assert {row[column] for row in made().tables[table]} <= ids


def test_every_id_is_used_once() -> None:
    for table, rows in made().tables.items():
        if table != "user_roles":
            assert len({row["id"] for row in rows}) == len(rows), table
    for events in made().events.values():
        assert len({event.id for event in events}) == len(events)


def test_nothing_happens_in_the_future_or_before_the_window() -> None:
    assert max(times()) <= NOW
    assert min(times()) >= NOW - timedelta(days=91)
    columns = ("created_at", "started_at", "completed_at", "recorded_at", "timestamp")
    for table, rows in made().tables.items():
        for column in columns:
            found = [row[column] for row in rows if row.get(column)]
            assert max(found, default=NOW) <= NOW, (table, column)


def test_workdays_are_busy_and_weekends_quiet() -> None:
    logins = Counter(at.weekday() for at in times("login"))
    assert min(logins[day] for day in range(5)) > 5 * max(logins[5], logins[6])
    hours = Counter(at.hour for at in times("login"))
    assert hours[10] > 5 * hours[19]


def test_the_platform_grows() -> None:
    first_half = sum(at < NOW - timedelta(days=45) for at in times())
    assert len(times()) - first_half > 1.3 * first_half
    joined = [row["created_at"] for row in made().tables["users"]]
    recent = [at for at in joined if at > NOW - timedelta(days=90)]
    assert sum(at > NOW - timedelta(days=45) for at in recent) > len(recent) / 2


def test_some_customers_leave_and_do_nothing_afterwards() -> None:
    cancelled = {
        str(row["user_id"]): row["updated_at"]
        for row in made().tables["subscriptions"]
        if row["status"] == "cancelled"
    }
    assert 0.03 < len(cancelled) / 250 < 0.25
    for event in made().events[USER_EVENTS]:
        left_at = cancelled.get(event.fields["user_id"])
        if left_at and event.fields["event_type"] == "login":
            assert datetime.fromisoformat(event.fields["timestamp"]) < left_at


def test_everybody_who_has_not_left_has_exactly_one_active_subscription() -> None:
    active = Counter(
        row["user_id"] for row in made().tables["subscriptions"] if row["status"] == "active"
    )
    for user in made().tables["users"]:
        assert active[user["id"]] == (user["status"] == "active")


def test_the_funnel_narrows_at_every_step() -> None:
    tables = made().tables
    started = {row["id"] for row in tables["candidate_sessions"]}
    answered = {row["session_id"] for row in tables["candidate_responses"]}
    completed = {row["id"] for row in tables["candidate_sessions"] if row["status"] == "completed"}
    analysed = {row["session_id"] for row in tables["analysis_results"]}
    assert started > answered > completed > analysed
    assert 0.5 < len(completed) / len(started) < 0.9


def test_a_completed_session_has_an_answer_to_every_question() -> None:
    questions = Counter(row["interview_id"] for row in made().tables["questions"])
    answers = Counter(row["session_id"] for row in made().tables["candidate_responses"])
    for session in made().tables["candidate_sessions"]:
        if session["status"] == "completed":
            assert answers[session["id"]] == questions[session["interview_id"]]


def test_some_jobs_fail_and_say_why() -> None:
    jobs = made().tables["processing_jobs"]
    failed = [job for job in jobs if job["status"] == "failed"]
    assert 0.003 < len(failed) / len(jobs) < 0.03
    assert all(job["error_message"] for job in failed)
    files = {row["id"]: row["status"] for row in made().tables["media_files"]}
    assert all(files[job["media_file_id"]] == "failed" for job in failed)


def test_some_plan_limits_are_exceeded_but_most_are_not() -> None:
    plans = {row["id"]: row["name"] for row in reference_rows()["subscription_plans"]}
    plan_of = {row["id"]: plans[row["plan_id"]] for row in made().tables["subscriptions"]}
    used: dict[tuple[object, int, str], int] = defaultdict(int)
    for row in made().tables["usage_tracking"]:
        used[row["subscription_id"], row["date"].month, row["resource_type"]] += row["count"]
    over = Counter(
        resource
        for (subscription, _, resource), count in used.items()
        if count > plan_limits(plan_of[subscription]).get(resource, count)
    )
    assert set(over) == {"interviews", "analysis", "storage"}
    assert 0.02 < sum(over.values()) / len(used) < 0.3


def test_usage_is_what_was_made() -> None:
    counts: Counter[str] = Counter()
    for row in made().tables["usage_tracking"]:
        counts[row["resource_type"]] += row["count"]
    assert counts["interviews"] == len(made().tables["interviews"])
    assert counts["analysis"] == len(made().tables["analysis_results"])


def test_versions_of_an_aggregate_count_up_from_one() -> None:
    versions: dict[object, list[int]] = defaultdict(list)
    for row in made().tables["event_store"]:
        versions[row["aggregate_id"]].append(row["version"])
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())


def test_all_three_kinds_of_event_are_there() -> None:
    assert all(made().events[each] for each in (USER_EVENTS, INTERVIEW_METRICS, API_METRICS))


def test_of_a_year_nothing_is_posted_that_would_be_refused_as_too_old() -> None:
    posted = make(users=40, days=400).events
    for endpoint, kind in (
        (USER_EVENTS, USER_EVENT),
        (INTERVIEW_METRICS, INTERVIEW_METRIC),
        (API_METRICS, API_METRIC),
    ):
        first = min(datetime.fromisoformat(each.fields["timestamp"]) for each in posted[endpoint])
        ago = NOW - first
        assert ago < timedelta(days=kind.retention_days), kind.name
        # All of what is kept is there.
        assert ago > timedelta(days=min(kind.retention_days, 400) - 30), kind.name


def test_a_busier_product_has_the_same_customers_and_so_many_times_their_visits() -> None:
    busy = next(iter(slices(Demo(250, 90, 7, NOW, activity=6), 250)))
    logins = [
        sum(event.fields["event_type"] == "login" for event in part.events[USER_EVENTS])
        for part in (made(), busy)
    ]
    assert 5.5 < logins[1] / logins[0] < 6.5
    for table in ("users", "interviews", "usage_tracking"):
        assert len(busy.tables[table]) == len(made().tables[table])
