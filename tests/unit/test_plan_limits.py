"""What a plan's limits say, and what is told of those that cannot be meant."""

import logging

import pytest

from stores.postgres.plan_limits import NOTHING, Limit, read_limits


def test_each_form_of_a_limit_is_read() -> None:
    limits, _ = read_limits(
        {"interviews": 5, "analysis": {"limit": 9, "mode": "soft", "grace_percent": 50}}
    )
    assert limits == {"interviews": Limit(5), "analysis": Limit(9, "soft", 50)}
    assert [limits[name].cap for name in ("interviews", "analysis")] == [5, 13]


def test_a_slip_is_told_once_and_names_the_plan(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    for _ in range(3):
        limits, _ = read_limits({"storge": 5, "interviews": "many"}, "slipped")
    assert limits == {"interviews": NOTHING}, "what cannot be read allows nothing"
    told = sorted(record.getMessage() for record in caplog.records)
    assert told == [
        "the plan slipped: it limits 'storge', which is none of analysis, interviews, storage,"
        " rate_limits: that limits nothing",
        "the plan slipped: its limit of interviews cannot be read: it allows nothing",
    ]
