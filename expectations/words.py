"""The words that suites are written in: each makes an expectation twice over from one statement.

Belongs here: what stands for an expectation in the package, and in SQL the condition of the rows
that break it. Both say the same, and a test asks both. Conditions that the package's classes
cannot express on ClickHouse's dialect (regular expressions, JSON) are queries for it, too.
"""

from collections.abc import Mapping, Sequence

from expectations.suite import Expectation, Severity, Suite

NO_UUID = "toUUID('00000000-0000-0000-0000-000000000000')"
_ROWS = "UnexpectedRowsExpectation"


def events(
    table: str, key: str, shown: Sequence[str], expectations: Sequence[Expectation]
) -> Suite:
    """The suite of an event table."""
    name = f"analytics.{table}"
    return Suite(table, name, key, tuple(shown), tuple(expectations), name, "received_at")


def captured(table: str, shown: Sequence[str], expectations: Sequence[Expectation]) -> Suite:
    """The suite of a captured table."""
    return Suite(
        table,
        f"oltp.{table}",
        "id",
        tuple(shown),
        tuple(expectations),
        f"oltp_log.{table}",
        "_captured_at",
    )


def no_row(name: str, why: str, severity: Severity, condition: str) -> Expectation:
    """No row is such that `condition`."""
    return Expectation(name, why, severity, _ROWS, broken_by=condition)


def id_is_given(column: str, why: str) -> Expectation:
    """An id that is not nil."""
    return no_row(f"{column}_is_given", why, "severe", f"{column} = {NO_UUID}")


def given(column: str, why: str, severity: Severity = "warning") -> Expectation:
    """No value is missing."""
    return Expectation(
        f"{column}_is_given",
        why,
        severity,
        "ExpectColumnValuesToNotBeNull",
        {"column": column},
        f"isNull({column})",
    )


def known(column: str, values: Sequence[str], why: str) -> Expectation:
    """No value but these; missing ones are another matter. A new one shows, and stops nothing."""
    listed = ", ".join(f"'{value}'" for value in values)
    return Expectation(
        f"{column}_is_known",
        why,
        "warning",
        "ExpectColumnValuesToBeInSet",
        {"column": column, "value_set": list(values)},
        f"ifNull({column} NOT IN ({listed}), false)",
    )


def within(
    column: str, low: float, high: float | None, why: str, severity: Severity = "severe"
) -> Expectation:
    """Every number that is given lies in a range."""
    above = "" if high is None else f" OR {column} > {high}"
    return Expectation(
        f"{column}_is_{'possible' if severity == 'severe' else 'likely'}",
        why,
        severity,
        "ExpectColumnValuesToBeBetween",
        {"column": column, "min_value": low} | ({} if high is None else {"max_value": high}),
        f"ifNull({column} < {low}{above}, false)",
    )


def unique(column: str, why: str, severity: Severity = "severe") -> Expectation:
    """No value occurs twice, in the whole table."""
    return no_row(
        f"{column}_is_unique",
        why,
        severity,
        f"{column} IN (SELECT {column} FROM {{table}} WHERE {column} IN"
        f" (SELECT {column} FROM {{looked}}) GROUP BY {column} HAVING count() > 1)",
    )


def in_order(first: str, then: str, why: str) -> Expectation:
    """What ends does not end before it began."""
    return no_row(
        f"{then}_is_not_before_{first}", why, "severe", f"ifNull({then} < {first}, false)"
    )


def not_ahead(column: str, why: str) -> Expectation:
    """A time of the past lies in the past; a clock may be a day wrong."""
    condition = f"ifNull({column} > now() + INTERVAL 1 DAY, false)"
    return no_row(f"{column}_is_not_in_the_future", why, "warning", condition)


def is_json(column: str, why: str, severity: Severity = "severe") -> Expectation:
    """What is given parses as JSON."""
    return no_row(f"{column}_is_json", why, severity, f"ifNull(NOT isValidJSON({column}), false)")


def leads_to(column: str, table: str, why: str) -> Expectation:
    """Every reference that is given leads to a row; one on its way may be a second behind."""
    return no_row(
        f"{column}_leads_to_{table}",
        why,
        "warning",
        f"isNotNull({column}) AND {column} NOT IN (SELECT id FROM oltp.{table})",
    )


def some(table: str) -> Expectation:
    """The table is not empty."""
    return Expectation(
        "something_has_landed",
        f"Without any row of {table}, everything built on it is empty too: it was emptied at the"
        " source, or the way here is broken.",
        "warning",
        "ExpectTableRowCountToBeBetween",
        {"min_value": 1},
    )


def typed(table: str, columns: Mapping[str, str]) -> Expectation:
    """The columns that are read are there and have types that begin so, NULL or not.

    Asked first of all: on a column of another type the other questions fail or lie.
    """
    listed = ", ".join(f"('{name}', '{kind}')" for name, kind in columns.items())
    database, name = table.split(".")
    return Expectation(
        "columns_have_their_types",
        "A column that went or changed its type at the source breaks every model that reads it.",
        "severe",
        _ROWS,
        query=(
            "SELECT wanted.1 AS key, wanted.2 AS wanted_type, found.type AS found_type"
            f" FROM (SELECT arrayJoin([{listed}]) AS wanted) AS expected"
            " LEFT JOIN (SELECT name, type FROM system.columns"
            f" WHERE database = '{database}' AND table = '{name}') AS found"
            " ON found.name = wanted.1"
            " WHERE NOT startsWith("
            "replaceRegexpAll(found.type, '(Nullable|LowCardinality)[(]', ''), wanted.2)"
        ),
    )


def like_a_week_before(table: str) -> Expectation:
    """Yesterday brought about as many rows as the same weekday before; few are not compared."""
    return Expectation(
        "yesterday_is_like_the_same_day_a_week_before",
        "Half as many or three times as many as on the same weekday before is rarely the customers'"
        " doing: a sender is silent, or sends twice under new ids.",
        "warning",
        _ROWS,
        query=(
            "SELECT toString(today() - 1) AS key, countIf(date = today() - 1) AS yesterday_count,"
            f" countIf(date = today() - 8) AS before_count FROM {table}"
            " WHERE date IN (today() - 1, today() - 8)"
            " HAVING before_count >= 200 AND NOT"
            " (yesterday_count BETWEEN before_count / 2 AND before_count * 3)"
        ),
    )


def no_day_without(table: str) -> Expectation:
    """No day of the last week lies empty between days that do not."""
    return Expectation(
        "no_day_is_empty",
        "A day without a row between days with many is a hole in every chart: its rows are still"
        " held up somewhere, or lost.",
        "warning",
        _ROWS,
        query=(
            "SELECT toString(day) AS key FROM (SELECT arrayJoin(arrayMap(n -> today() - n,"
            f" range(1, 8))) AS day) AS days WHERE day NOT IN (SELECT date FROM {table}"
            " WHERE date > today() - 9)"
            f" AND day > (SELECT min(date) FROM {table} WHERE date > today() - 30)"
        ),
    )
