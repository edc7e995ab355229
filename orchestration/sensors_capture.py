"""Tells Dagster what the running capture has applied: it materializes its tables by itself.

Belongs here: the sensor. What is told, and when, is in `capture_reports`.
"""

import time
from collections.abc import Iterable

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG

from orchestration.capture_reports import Cursor, data_version, metadata, to_tell, told_of
from orchestration.checks_again import told_again
from orchestration.landed_columns import Words, column_metadata
from stores.errors import TransientError
from stores.settings import load_settings

TICK_SECONDS = 10
# A table nobody changes is told this often; well within the freshness policy of its asset.
REPEAT_SECONDS = 600


def capture_sensor(captured: Iterable[str], words: Words) -> dg.SensorDefinition:
    """Reports materializations without runs, a table at a time, with `words` of their columns."""
    names = frozenset(captured)

    @dg.sensor(
        name="report_captured_tables",
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="What the running change capture has applied since, table by table.",
    )
    def report_captured_tables(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return _tick(context, names, words)

    return report_captured_tables


def _tick(
    context: dg.SensorEvaluationContext, names: frozenset[str], words: Words
) -> dg.SensorResult:
    from ingestion.cdc.status import table_statuses
    from stores.clickhouse.client import Error, connect

    text, now = context.cursor, time.time()
    cursor = Cursor.parse(text)
    try:
        statuses = [status for status in table_statuses() if status.table in names]
    except (TransientError, Error) as error:
        return dg.SensorResult(skip_reason=dg.SkipReason(_line(error)), cursor=text)
    found = to_tell(
        statuses,
        cursor,
        now=now,
        repeat_seconds=REPEAT_SECONDS,
        late_seconds=load_settings().capture_alert_seconds,
    )
    if not found:
        return dg.SensorResult(skip_reason=dg.SkipReason("nothing has moved"), cursor=text)
    try:
        columns = column_metadata(connect(), "oltp", words)
    except (TransientError, Error) as error:
        return dg.SensorResult(skip_reason=dg.SkipReason(_line(error)), cursor=text)
    told = {**cursor.tables, **{status.table: told_of(status, now) for status, _ in found}}
    still = [
        dg.AssetKey(["oltp", status.table])
        for status, before in found
        if told_of(status, before.at) == before
    ]
    return dg.SensorResult(
        asset_events=[
            *(
                dg.AssetMaterialization(
                    asset_key=["oltp", status.table],
                    metadata={**metadata(status, before), **columns.get(status.table, {})},
                    tags={DATA_VERSION_TAG: data_version(status)},
                )
                for status, before in found
            ),
            *(told_again(context.instance, context.repository_def, still) if still else ()),
        ],
        cursor=Cursor(told).dump(),
    )


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]
