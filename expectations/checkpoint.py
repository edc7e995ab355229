"""Ask a suite of ClickHouse, and keep the answers.

Belongs here: the package's machinery and the table of results. Everything is asked in SQL,
so that the rows stay where they are. The package is imported on use: it takes seconds.
"""

import json
from typing import Any
from uuid import uuid4

from expectations.suite import Expectation, Report, Result, Suite
from stores.clickhouse.client import connect
from stores.settings import load_settings

_TABLE = """
CREATE TABLE IF NOT EXISTS expectations.results (
    run_id UUID,
    suite LowCardinality(String),
    expectation LowCardinality(String),
    why String,
    severity LowCardinality(String),
    is_met Bool,
    observed String,
    error String,
    checked_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = MergeTree ORDER BY (suite, checked_at, expectation)
"""


def run_suite(suite: Suite, url: str | None = None) -> Report:
    """Ask every expectation of `suite`, keep the answers in `expectations.results`."""
    target = url or load_settings().require("clickhouse_url")
    results = _ask(suite, target)
    report = Report(suite.name, tuple(results))
    _keep(report, target)
    return report


def _ask(suite: Suite, url: str) -> list[Result]:
    import great_expectations as gx
    from great_expectations import expectations as kinds
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_sql("clickhouse", connection_string=_dialect_url(url))
    asset = source.add_query_asset(suite.name, query=suite.rows)
    batch = asset.add_batch_definition_whole_table("all").get_batch()
    answers = []
    for expectation in suite.expectations:
        wanted = getattr(kinds, expectation.kind)(**expectation.arguments)
        answers.append(_result(expectation, batch.validate(wanted).to_json_dict()))
    return answers


def _dialect_url(url: str) -> str:
    """The same server for SQLAlchemy, by clickhouse-connect's own dialect."""
    return "clickhousedb://" + url.split("://", 1)[1]


def _result(expectation: Expectation, answer: dict[str, Any]) -> Result:
    """An expectation that could not be asked is not met, and says so apart."""
    errors = _exceptions(answer.get("exception_info") or {})
    return Result(
        name=expectation.name,
        why=expectation.why,
        severity=expectation.severity,
        is_met=bool(answer["success"]) and not errors,
        observed=json.dumps(_observed(answer.get("result") or {}), default=str),
        error="; ".join(errors),
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


def _keep(report: Report, url: str) -> None:
    client = connect(url)
    client.command("CREATE DATABASE IF NOT EXISTS expectations ENGINE = Atomic")
    client.command(_TABLE)
    run_id = uuid4()
    columns = ["suite", "expectation", "why", "severity", "is_met", "observed", "error"]
    client.insert(
        "expectations.results",
        [(run_id, *_row(report.suite, item)) for item in report.results],
        column_names=["run_id", *columns],
    )


def _row(suite: str, item: Result) -> tuple[str | bool, ...]:
    return suite, item.name, item.why, item.severity, item.is_met, item.observed, item.error
