"""What people ask of capture; a running one does it, or the next that starts.

Belongs here: checking and leaving a wish, and waiting for what becomes of it. Fulfilling it
belongs to `table_life`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from ingestion.cdc.capture import Options
from ingestion.cdc.slots import others
from ingestion.cdc.state import CapturedTable, Request, StateStore
from stores.clickhouse.client import connect as connect_clickhouse
from stores.errors import InputInvalid, StateConflict, StoreUnavailable

Action = Literal["pause", "resume", "resync"]

_WAIT_SECONDS = 0.1


@dataclass(frozen=True)
class TableOutcome:
    """Where one table is after a wish; `rows` were read anew for it."""

    table: str
    state: str
    rows: int
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What became of a wish. Not `is_done` where nobody waited for it."""

    action: str
    is_done: bool
    tables: tuple[TableOutcome, ...]


def ask(chosen: Options, target: str, action: Action) -> Request:
    """Leave a wish for one table, or `*` for all.

    Raises InputInvalid where nothing of that name is captured, StateConflict where a table that
    is to be resumed is not paused.
    """
    client = connect_clickhouse(chosen.clickhouse_url)
    state = StateStore(client, chosen.slot)
    state.prepare()
    tables = {table.target: table for table in _captured(state)}
    if target != "*" and target not in tables:
        known = ", ".join(sorted(tables)) or "(none is captured yet)"
        hint = others(client, chosen.slot)
        raise InputInvalid("TABLE", f"must be one of {known}; there is no {target}{hint}")
    if action == "resume" and target != "*" and tables[target].state != "paused":
        raise StateConflict(
            f"table {target} is not paused but {tables[target].state};"
            f" to read it anew: interview-data cdc resync {target}"
        )
    request = Request(target, action, datetime.now(UTC))
    state.save_request(request, is_handled=False)
    return request


def ask_for_resync(chosen: Options, target: str) -> None:
    """Ask for one table to be read anew, or `*` for all.

    Raises InputInvalid where nothing of that name is captured.
    """
    ask(chosen, target, "resync")


def wait_until_done(chosen: Options, request: Request, timeout_seconds: float) -> Outcome:
    """Until a capture has done it; a table that is read anew must be shown to readers again.

    Raises StoreUnavailable where time runs out (the wish stays), StateConflict where it was
    refused or a table ended in quarantine.
    """
    state = StateStore(connect_clickhouse(chosen.clickhouse_url), chosen.slot)
    deadline = time.monotonic() + timeout_seconds
    _wait(lambda: state.outcome(request) is not None, deadline, _nobody_did(request))
    refusal = state.outcome(request)
    if refusal:
        raise StateConflict(refusal)

    def settled() -> bool:
        return not any(table.is_unpublished for table in _named(state, request.target))

    _wait(settled, deadline, "reading it anew is not finished; it goes on by itself")
    tables = _named(state, request.target)
    for table in tables:
        if table.state == "quarantined":
            raise StateConflict(f"table {table.target} is quarantined: {table.reason}")
    outcomes = (
        TableOutcome(table.target, table.state, table.snapshot_row_count, table.reason)
        for table in tables
    )
    return Outcome(request.action, True, tuple(outcomes))


def _captured(state: StateStore) -> list[CapturedTable]:
    return [table for table in state.tables() if table.state != "removed"]


def _named(state: StateStore, target: str) -> list[CapturedTable]:
    return [table for table in _captured(state) if target in ("*", table.target)]


def _nobody_did(request: Request) -> str:
    return (
        f"no capture has taken the wish to {request.action} up yet; it stays, and the one that"
        " runs next will (interview-data cdc run)"
    )


def _wait(is_over: Callable[[], bool], deadline: float, problem: str) -> None:
    while not is_over():
        if time.monotonic() > deadline:
            raise StoreUnavailable(f"time ran out: {problem}; see interview-data cdc status")
        time.sleep(_WAIT_SECONDS)
