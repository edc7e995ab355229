"""What must hold of `analytics.user_events`.

Belongs here: the suite, one sentence of reason each. Conditions that ClickHouse's dialect
cannot express through the package's own classes are queries for the rows that break them.
"""

from expectations.suite import Expectation, Severity, Suite

# A row is looked at on each day of the week after it was received: late landings included.
ROWS = "SELECT * FROM analytics.user_events WHERE received_at > now() - INTERVAL 7 DAY"


def _no_row(name: str, why: str, severity: Severity, condition: str) -> Expectation:
    # The package takes a single brace for a placeholder of its own.
    condition = condition.replace("{", "{{").replace("}", "}}")
    query = f"SELECT event_id, event_type, timestamp FROM {{batch}} WHERE {condition} LIMIT 20"
    return Expectation(
        name, why, severity, "UnexpectedRowsExpectation", {"unexpected_rows_query": query}
    )


SUITE = Suite(
    name="user_events",
    rows=ROWS,
    expectations=(
        Expectation(
            "event_id_is_unique",
            "A repeated event would count twice in everything that is built on this.",
            "severe",
            "ExpectColumnValuesToBeUnique",
            {"column": "event_id"},
        ),
        _no_row(
            "event_id_is_given",
            "Without an id of its own a resent event cannot be recognised.",
            "severe",
            "event_id = toUUID('00000000-0000-0000-0000-000000000000')",
        ),
        _no_row(
            "event_type_is_a_plain_name",
            "Charts are drawn by type; a free text in its place would be a line of its own.",
            "severe",
            "NOT match(event_type, '^[a-z][a-z0-9_.:-]{0,99}$')",
        ),
        _no_row(
            "date_is_the_day_of_the_timestamp",
            "Rollups are restated by date; a row under another day would be missed there.",
            "severe",
            "date != toDate(timestamp)",
        ),
        _no_row(
            "timestamp_is_not_in_the_future",
            "An event of tomorrow stands on the dashboard before its day has come.",
            "severe",
            "timestamp > received_at + INTERVAL 1 DAY",
        ),
        _no_row(
            "event_data_is_a_json_object",
            "Readers take fields out of it; anything else reads as empty.",
            "severe",
            "JSONType(event_data) != 'Object'",
        ),
        _no_row(
            "session_is_given",
            "Visits are counted by session; events without one fall into a single visit.",
            "warning",
            "session_id = toUUID('00000000-0000-0000-0000-000000000000')",
        ),
        Expectation(
            "there_are_few_types_of_events",
            "A type per user or page means that a sender put an identifier into the type.",
            "warning",
            "ExpectColumnUniqueValueCountToBeBetween",
            {"column": "event_type", "max_value": 200},
        ),
        Expectation(
            "something_has_landed",
            "A week without any event means that a sender or the way here is broken.",
            "warning",
            "ExpectTableRowCountToBeBetween",
            {"min_value": 1},
        ),
    ),
)
