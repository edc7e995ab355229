"""What has landed, and when that is worth telling."""

from orchestration.staleness import changed, due


def test_only_what_has_moved_is_stale() -> None:
    before = {"users": "10", "user_events": "5"}
    assert changed(before, before) == []
    assert changed(before, {"users": "10", "user_events": "6"}) == ["user_events"]
    assert changed({}, before) == ["user_events", "users"]


def test_a_change_is_told_at_once_but_the_platforms_own_requests_wait() -> None:
    assert due(["api_metrics", "users"], {"api_metrics": 39.0, "users": 1.0}) == ["users"]
    assert due(["api_metrics"], {"api_metrics": 41.0}) == ["api_metrics"]
    assert due(["api_metrics", "users"], {}) == ["api_metrics", "users"]
    assert due([], {}) == []
