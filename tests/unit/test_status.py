"""What `status` says of a process."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from interview_data.status import print_status, started_at


def test_the_start_of_a_process_is_a_moment_in_utc() -> None:
    moment = datetime.fromisoformat(started_at(os.getpid()))
    assert timedelta(0) <= datetime.now(UTC) - moment < timedelta(hours=1)


def test_the_table_says_since_when_a_process_runs(capsys: pytest.CaptureFixture[str]) -> None:
    service = {
        "name": "redis",
        "state": "ready",
        "since": "2026-01-02T03:04:05Z",
        "pid": 7,
        "restart_count": 0,
        "memory_bytes": 0,
        "url": "redis://127.0.0.1:6379",
        "last_exit": "",
    }
    print_status({"home": "x", "is_running": True, "services": [service]})
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.index("since") == row.index("01-02 03:04")
