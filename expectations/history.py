"""What came of suites: the newest answer to each expectation.

Belongs here: reading what `checkpoint.py` keeps. The page of results reads the same table by
queries of its own, in `serving/queries`.
"""

from dataclasses import dataclass
from datetime import datetime

from stores.clickhouse.client import ClickHouseClient


@dataclass(frozen=True)
class Answer:
    """The newest answer to one expectation."""

    suite: str
    expectation: str
    severity: str
    is_met: bool
    breaking_count: int
    first_breaking: str
    observed: str
    error: str
    why: str
    checked_at: datetime


def newest(client: ClickHouseClient, suite: str = "") -> list[Answer]:
    """Of each suite the last run, in the order it was asked; an empty `suite` is every one."""
    rows = client.query(
        "SELECT suite, expectation, severity, is_met, breaking_count,"
        " arrayStringConcat(arraySlice(breaking_keys, 1, 3), ', '),"
        " observed, error, why, checked_at"
        " FROM expectations.results WHERE (suite, run_id) IN"
        " (SELECT suite, argMax(run_id, checked_at) FROM expectations.results GROUP BY suite)"
        " AND ({suite:String} = '' OR suite = {suite:String})"
        " ORDER BY suite, is_met, severity, expectation",
        parameters={"suite": suite},
    ).result_rows
    return [Answer(*row) for row in rows]
