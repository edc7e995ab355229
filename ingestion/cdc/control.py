"""What people ask of capture; a running one does it, or the next that starts.

Belongs here: checking and leaving a wish. Fulfilling it belongs to `capture`.
"""

from datetime import UTC, datetime

from ingestion.cdc.capture import Options
from ingestion.cdc.state import Request, StateStore
from stores.clickhouse.client import connect as connect_clickhouse
from stores.errors import InputInvalid


def ask_for_resync(chosen: Options, target: str) -> None:
    """Ask for one table to be read anew, or `*` for all.

    Raises InputInvalid where nothing of that name is captured.
    """
    state = StateStore(connect_clickhouse(chosen.clickhouse_url), chosen.slot)
    state.prepare()
    known = sorted(table.target for table in state.tables() if table.state != "removed")
    if target != "*" and target not in known:
        raise InputInvalid(
            "TABLE", f"must be one of {', '.join(known) or '(none is captured yet)'}"
        )
    state.save_request(Request(target, "resync", datetime.now(UTC)), is_handled=False)
