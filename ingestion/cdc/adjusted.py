"""`capture.adjusted_values`: where ClickHouse shows another value than PostgreSQL has.

Belongs here: the view that lists such columns, with counts and the rule. What is adjusted is
decided in `types`; each value's own text is in the row's `_adjusted`.
"""

import re

from ingestion.cdc.layout import log_database
from ingestion.cdc.state import DATABASE
from ingestion.cdc.types import quote_text
from stores.clickhouse.client import ClickHouseClient

VIEW = f"{DATABASE}.adjusted_values"
# A storage that is being read anew beside the one that readers see.
_SHADOW = "__resync_"
_RULES = (
    ("Array(", "the elements in a row, each as near as its type comes; NULL is shown as empty"),
    ("Date", "the first or the last moment that the type has"),
    ("Decimal", "NaN is shown as NULL, or as 0 where NULL is not allowed"),
    ("String", "a key: its text is stored, the view shows the nearest value of the type"),
)


def publish_adjusted_values(client: ClickHouseClient) -> None:
    """Make the view over every storage there is; the last one published must exist."""
    rows = client.query(
        f"SELECT DISTINCT target_database FROM {DATABASE}.sources FINAL"
    ).result_rows
    logs = "|".join(sorted(re.escape(log_database(str(row[0]))) for row in rows))
    of_storages = quote_text(f"^({logs})$")
    rules = ", ".join(
        f"position(c.type, {quote_text(part)}) > 0, {quote_text(rule)}" for part, rule in _RULES
    )
    client.command(
        f"CREATE OR REPLACE VIEW {VIEW} AS"
        " SELECT found.database AS database, found.table AS table, found.column AS column,"
        f" found.value_count AS value_count, multiIf({rules}, '') AS rule FROM ("
        " SELECT toString(_database) AS database, toString(_table) AS table,"
        " arrayJoin(mapKeys(_adjusted)) AS column, count() AS value_count"
        f" FROM merge(REGEXP({of_storages}), '') FINAL"
        f" WHERE notEmpty(_adjusted) AND _is_deleted = 0 AND position(_table, '{_SHADOW}') = 0"
        " GROUP BY database, table, column) AS found"
        " LEFT JOIN system.columns AS c ON c.database = found.database AND c.table = found.table"
        " AND c.name = found.column ORDER BY database, table, column"
    )
