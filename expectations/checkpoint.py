"""Ask a whole suite with Great Expectations, keep the answers, put the broken rows aside.

Belongs here: the package's machinery and the table of results. Everything is asked in SQL,
so that the rows stay where they are. The package is imported on use: it takes seconds.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

from expectations import quarantine
from expectations.suite import Expectation, Report, Result, Suite
from stores.clickhouse.client import ClickHouseClient, Error, connect
from stores.settings import load_settings

KEYS_KEPT = 20
_COLUMNS = ("suite", "expectation", "why", "severity", "is_met", "observed", "error")


def run_suite(suite: Suite, url: str | None = None) -> Report:
    """Ask every expectation of `suite`, keep the answers in `expectations.results`.

    Rows that break a severe one are put in quarantine.
    """
    [report] = run_suites([suite], url)
    return report


def run_suites(
    suites: Iterable[Suite],
    url: str | None = None,
    tell: Callable[[Suite], None] = lambda _suite: None,
) -> list[Report]:
    """The same for several, which share one start of the package. `tell` hears of each begun."""
    target = url or load_settings().require("clickhouse_url")
    client = connect(target)
    source = _source(target)
    reports = []
    for suite in suites:
        tell(suite)
        report = Report(suite.name, tuple(_ask(suite, source, client)))
        _put_aside(client, suite, report)
        _keep(client, report)
        reports.append(report)
    return reports


def _source(url: str) -> Any:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context.data_sources.add_sql("clickhouse", connection_string=_dialect_url(url))


def _dialect_url(url: str) -> str:
    """The same server for SQLAlchemy, by clickhouse-connect's own dialect."""
    return "clickhousedb://" + url.split("://", 1)[1]


def _ask(suite: Suite, source: Any, client: ClickHouseClient) -> list[Result]:
    """All of them at once, so that the package asks for what they share only once."""
    from great_expectations import ExpectationSuite
    from great_expectations import expectations as kinds

    asset = source.add_query_asset(suite.name, query=suite.rows)
    wanted = [
        getattr(kinds, item.kind)(**_arguments(suite, item), meta={"name": item.name})
        for item in suite.expectations
    ]
    try:
        batch = asset.add_batch_definition_whole_table("all").get_batch()
        found = batch.validate(ExpectationSuite(suite.name, expectations=wanted)).to_json_dict()
        answers = {
            answer["expectation_config"]["meta"]["name"]: answer for answer in found["results"]
        }
    except Exception as error:
        # The package lets through whatever the driver raises.
        answers = {}
        unasked = {"success": False, "exception_info": _raised(error)}
    return [
        _result(suite, item, answers.get(item.name) or unasked, client)
        for item in suite.expectations
    ]


def _raised(error: Exception) -> dict[str, Any]:
    return {"raised_exception": True, "exception_message": str(error)}


def _arguments(suite: Suite, item: Expectation) -> dict[str, Any]:
    """The package's arguments; for an expectation of rows, the query for those that break it."""
    if item.kind != "UnexpectedRowsExpectation":
        return dict(item.arguments)
    # About the whole table, and yet it must name the batch: else the package prints a warning.
    query = f"{item.query} /* {{batch}} */"
    if item.broken_by:
        query = (
            f"SELECT toString({suite.key}) AS key FROM {{batch}}"
            f" WHERE {suite.condition(item, suite.rows)} LIMIT {KEYS_KEPT}"
        )
    return {"unexpected_rows_query": _escaped(query)}


def _escaped(query: str) -> str:
    """The package takes a single brace for a placeholder of its own, and knows only {batch}."""
    doubled = query.replace("{", "{{").replace("}", "}}")
    return doubled.replace("{{batch}}", "{batch}")


def _result(
    suite: Suite, item: Expectation, answer: dict[str, Any], client: ClickHouseClient
) -> Result:
    """An expectation that could not be asked is not met, and says so apart."""
    errors = _exceptions(answer.get("exception_info") or {})
    is_met = bool(answer["success"]) and not errors
    count, keys = (0, ()) if is_met or errors else _breaking(client, suite, item)
    return Result(
        name=item.name,
        why=item.why,
        severity=item.severity,
        is_met=is_met,
        observed=json.dumps(_observed(answer.get("result") or {}), default=str),
        error="; ".join(errors),
        breaking_count=count,
        breaking_keys=keys,
    )


def _exceptions(info: dict[str, Any]) -> list[str]:
    """The package gives one exception, or one per metric under its name."""
    if "raised_exception" in info:
        found = [info]
    else:
        found = [value for value in info.values() if isinstance(value, dict)]
    return [str(item["exception_message"]) for item in found if item.get("raised_exception")]


def _observed(result: dict[str, Any]) -> dict[str, Any]:
    kept = ("observed_value", "element_count", "unexpected_count", "unexpected_rows_count")
    return {name: result[name] for name in kept if name in result}


def _breaking(
    client: ClickHouseClient, suite: Suite, item: Expectation
) -> tuple[int, tuple[str, ...]]:
    """How many break it, and the first keys: what is asked of rows names them."""
    if item.broken_by:
        query = f"SELECT toString({suite.key}) FROM ({suite.rows})"
        query += f" WHERE {suite.condition(item, suite.rows)}"
    elif item.query:
        query = item.query
    else:
        return 0, ()
    try:
        [(count,)] = client.query(f"SELECT count() FROM ({query})").result_rows
        rows = client.query(f"{query} LIMIT {KEYS_KEPT}").result_rows
    except Error:
        return 0, ()
    return int(count), tuple(" ".join(str(value) for value in row) for row in rows)


def _put_aside(client: ClickHouseClient, suite: Suite, report: Report) -> None:
    broken = {item.name for item in report.unmet if item.severity == "severe" and not item.error}
    for item in suite.severe:
        if item.name in broken and item.broken_by:
            quarantine.put_aside(client, suite, item, suite.rows)


def _keep(client: ClickHouseClient, report: Report) -> None:
    run_id = uuid4()
    client.insert(
        "expectations.results",
        [(run_id, *_row(report.suite, item)) for item in report.results],
        column_names=["run_id", *_COLUMNS, "breaking_count", "breaking_keys"],
    )


def _row(suite: str, item: Result) -> tuple[object, ...]:
    values = (suite, item.name, item.why, item.severity, item.is_met, item.observed, item.error)
    return (*values, item.breaking_count, list(item.breaking_keys))
