"""When the rollups are worth a refresh."""

from orchestration.staleness import changed, is_due


def test_only_what_has_moved_is_stale() -> None:
    before = {"users": "10", "user_events": "5"}
    assert changed(before, before) == []
    assert changed(before, {"users": "10", "user_events": "6"}) == ["user_events"]
    assert changed({}, before) == ["user_events", "users"]


def test_a_change_is_due_at_once_but_our_own_requests_wait() -> None:
    assert is_due(["users"], seconds_since_last=0)
    assert is_due(["api_metrics", "users"], seconds_since_last=0)
    assert not is_due(["api_metrics"], seconds_since_last=39)
    assert is_due(["api_metrics"], seconds_since_last=41)
    assert not is_due([], seconds_since_last=1000)
