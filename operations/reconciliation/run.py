"""One reconciliation, from reading to history.

Belongs here: what is reconciled together, and the record of it in ClickHouse.
"""

import json
from datetime import UTC, date, datetime
from uuid import uuid4

from operations.reconciliation.activity import reconcile_activity
from operations.reconciliation.report import Report
from operations.reconciliation.usage import reconcile_usage
from stores.clickhouse import client as clickhouse_client
from stores.clickhouse.client import ClickHouseClient
from stores.errors import StateConflict
from stores.postgres import client as postgres_client

_UNKNOWN_TABLE = ("UNKNOWN_TABLE", "UNKNOWN_DATABASE")


def reconcile(month: date | None = None, patience_seconds: float = 0.0) -> Report:
    """Compare all places, write down what was found, and tell it.

    Raises StoreUnavailable where a store does not answer, StateConflict before the first build.
    """
    clickhouse = clickhouse_client.connect()
    started = datetime.now(UTC)
    try:
        # Every statement sees what was committed when it began: a second look must see more.
        with postgres_client.connect(autocommit=True) as postgres:
            usage = tuple(reconcile_usage(postgres, clickhouse, month, patience_seconds))
        report = Report(started, (*usage, *reconcile_activity(clickhouse, month)))
    except clickhouse_client.Error as error:
        if any(name in str(error) for name in _UNKNOWN_TABLE):
            raise StateConflict(
                "Nothing to reconcile yet: a table is not there. Capture must have read"
                " usage_tracking, and `interview-data dbt warehouse build` have built the rollups."
            ) from error
        raise
    record(clickhouse, report)
    return report


def record(clickhouse: ClickHouseClient, report: Report) -> None:
    """Keep it: one row for each subject and month, with what was listed of the differences."""
    run_id = uuid4()
    rows = [
        [
            run_id,
            report.reconciled_at,
            item.subject,
            item.month,
            item.compared_count,
            json.dumps(item.totals),
            item.differing_count,
            [
                f"{each.user_id} {each.detail}: {'; '.join(each.reasons)}"
                for each in item.differences
            ],
        ]
        for item in report.items
    ]
    names = ["run_id", "reconciled_at", "subject", "month", "compared_count", "totals_json"]
    names += ["differing_count", "differences"]
    if rows:
        clickhouse.insert("platform.reconciliations", rows, column_names=names)
