"""A year of events and captured rows, made inside ClickHouse.

Belongs here: what the rows are like. Few users do most, workdays are busy, the platform grows;
the counts of captured rows are to the events as in the demo of a year.
"""

from dataclasses import dataclass

from stores.clickhouse.client import ClickHouseClient

DAYS = 365
# The days of the increment, which is 1 % of the events.
NEW_DAYS = 4
_TYPES = (
    "['page_view', 'page_view', 'page_view', 'login', 'response_submitted', 'session_started',"
    " 'session_completed', 'interview_created']"
)


def _id(kind: str, number: str) -> str:
    return f"reinterpretAsUUID(sipHash128('{kind}', toUInt64({number})))"


@dataclass(frozen=True)
class Part:
    """A stretch of days with its share of all rows: the history, or what comes after it."""

    events: int
    first_number: int
    newest_day: int
    days: int

    @property
    def ago(self) -> str:
        """So many days ago, fewer of them long ago, and fewer rows at weekends."""
        spread = f"toUInt16({self.days} * (1 - sqrt(rand32(1) / 4294967296.)))"
        day = f"({self.newest_day} + {spread})"
        return (
            f"least({day} + (toDayOfWeek(today() - {day}) > 5) * (rand32(2) % 3 > 0) * 2, {DAYS})"
        )

    def numbers(self, each: float) -> str:
        """As many numbers as there are rows where one comes with `each` events."""
        first, count = int(self.first_number / each), max(1, int(self.events / each))
        return f"numbers({first}, {count})"


def parts(events: int) -> tuple[Part, Part]:
    """The history of so many events, and one percent of new ones."""
    new = max(1, events // 100)
    history = Part(events, 0, NEW_DAYS, DAYS - NEW_DAYS)
    return history, Part(new, events, 0, NEW_DAYS)


def fill(client: ClickHouseClient, part: Part, users: int) -> None:
    """Insert the rows of `part`."""
    for statement in _statements(part, users):
        client.command(statement, settings={"max_execution_time": 1_200})


def _statements(part: Part, users: int) -> list[str]:
    user = _id("user", f"floor({users} * pow(rand32(4) / 4294967296., 2.5))")
    # The time of a day that is not over must not lie in the future.
    at = (
        f"least(toDateTime64(today() - {part.ago}, 3, 'UTC')"
        " + toIntervalSecond(rand32(3) % 86400), now64(3, 'UTC'))"
    )
    known = "now64(3, 'UTC')"
    version = "toUInt128(toUnixTimestamp64Micro(now64(6)))"
    seen = "_version, _is_deleted, _captured_at"
    end = f"{version}, 0, {known}"
    session = _id("session", "number")
    interview = _id("interview", "intDiv(number * 4, 10)")
    statements = [
        "INSERT INTO analytics.user_events"
        " (event_id, user_id, event_type, event_data, session_id, user_agent, ip_address,"
        " timestamp)"
        f" SELECT {_id('event', 'number')}, {user} AS u, {_TYPES}[1 + rand32(5) % 8],"
        f" concat('{{\"path\": \"/interviews/', toString(rand32(6) % 1000), '\"}}'),"
        " reinterpretAsUUID(sipHash128(u, toDate(t), rand32(7) % 3)), 'Mozilla/5.0 (X11)',"
        f" toIPv4('203.0.113.7'), {at} AS t FROM {part.numbers(1)}",
        "INSERT INTO analytics.api_metrics"
        " (request_id, method, endpoint, status_code, response_time_ms, user_id, service_name,"
        " timestamp)"
        f" SELECT {_id('request', 'number')}, 'GET',"
        " concat('/interviews/', toString(rand32(8) % 20)),"
        " [200, 200, 200, 200, 200, 200, 304, 404, 200, 500][1 + rand32(9) % 10],"
        " toUInt32(exp(3 + 2 * rand32(10) / 4294967296.)), u, 'web',"
        f" t FROM (SELECT number, {user} AS u, {at} AS t FROM {part.numbers(6)})",
        "INSERT INTO oltp_log.candidate_sessions"
        f" (id, interview_id, status, started_at, completed_at, candidate_email, {seen})"
        f" SELECT {session}, {interview}, if(number % 4 = 0, 'abandoned', 'completed'), {at} AS t,"
        f" if(number % 4 = 0, null, t + toIntervalMinute(9)), 'c@example.com', {end}"
        f" FROM {part.numbers(40)}",
        "INSERT INTO oltp_log.candidate_responses"
        f" (id, session_id, question_id, duration_seconds, recorded_at, {seen})"
        f" SELECT {_id('response', 'number')}, {_id('session', 'number / 4')},"
        f" {_id('question', 'intDiv(intDiv(number, 4) * 4, 10) * 4 + number % 4')},"
        f" 60, {at}, {end} FROM {part.numbers(10)}",
        "INSERT INTO oltp_log.media_files"
        " (id, interview_id, session_id, original_filename, content_type, file_size_bytes,"
        f" original_path, status, metadata, created_at, {seen})"
        f" SELECT {_id('media', 'number')}, {_id('interview', 'number / 10')},"
        f" {_id('session', 'number / 4')}, 'original.webm', 'video/webm',"
        " 1000000 + rand32(11) % 9000000, 'media/raw/i/s/q/original.webm', 'processed', '{}',"
        f" {at}, {end} FROM {part.numbers(10)}",
        "INSERT INTO oltp_log.analysis_results"
        " (id, interview_id, session_id, ai_model_version, processing_cost_usd, created_at,"
        f" {seen})"
        f" SELECT {_id('analysis', 'number')}, {interview}, {session}, 'assessor-1.4', 0.05,"
        f" {at}, {end} FROM {part.numbers(50)}",
        f"INSERT INTO oltp_log.usage_tracking (id, user_id, resource_type, count, date, {seen})"
        f" SELECT {_id('usage', 'number')}, {user},"
        f" ['interviews', 'analysis', 'storage'][1 + rand32(12) % 3], 1 + rand32(13) % 3,"
        f" toDate({at}), {end} FROM {part.numbers(25)}",
        f"INSERT INTO oltp_log.interviews (id, title, created_by, status, created_at, {seen})"
        f" SELECT {_id('interview', 'number')}, 'Engineer', {user}, 'active', {at}, {end}"
        f" FROM {part.numbers(100)}",
        f"INSERT INTO oltp_log.questions (id, interview_id, text, type, order_index, {seen})"
        f" SELECT {_id('question', 'number')}, {_id('interview', 'number / 4')}, 'Why?', 'video',"
        f" number % 4, {end} FROM {part.numbers(25)}",
    ]
    if part.first_number == 0:
        statements += _customers(users, seen, end)
    return statements


def _customers(users: int, seen: str, end: str) -> list[str]:
    plans = "['starter', 'pro', 'enterprise'][number + 1]"
    limits = (
        '[\'{"interviews": 40, "analysis": 150, "storage": 1024}\','
        ' \'{"interviews": 150, "analysis": 600, "storage": 8192}\', \'{}\'][number + 1]'
    )
    began = "now64(6, 'UTC') - toIntervalDay(30 + number % 500)"
    return [
        f"INSERT INTO oltp_log.users (id, email, created_at, {seen})"
        f" SELECT {_id('user', 'number')}, concat('u', toString(number), '@example.com'),"
        f" now64(6, 'UTC') - toIntervalDay(number % 500), {end} FROM numbers({users})",
        "INSERT INTO oltp_log.subscription_plans"
        f" (id, name, price, currency, billing_interval, limits, features, {seen})"
        f" SELECT {_id('plan', 'number')}, {plans}, [29, 99, 499][number + 1], 'USD', 'month',"
        f" {limits}, '[]', {end} FROM numbers(3)",
        "INSERT INTO oltp_log.subscriptions (id, user_id, plan_id, status, current_period_start,"
        f" current_period_end, created_at, {seen})"
        f" SELECT {_id('subscription', 'number')}, {_id('user', 'number')},"
        f" {_id('plan', 'number % 3')}, if(number % 10 = 0, 'cancelled', 'active'), {began} AS b,"
        f" b + toIntervalDay(30 + number % 300), b, {end} FROM numbers({users})",
    ]
