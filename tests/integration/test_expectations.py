"""Suites on landed data: quiet on good rows, naming the bad ones, and keeping them out."""

from uuid import UUID, uuid4

import pytest
from fix_expectations import BAD, Landed
from fix_warehouse import Warehouse

from expectations import gate, quarantine
from expectations.checkpoint import run_suites
from expectations.suite import Report
from expectations.suites import SUITES
from stores.errors import InputInvalid

# About the table as a whole, or about pairs of rows: planted on their own below.
_OF_THE_WHOLE = {
    "columns_have_their_types",
    "something_has_landed",
    "no_day_is_empty",
    "yesterday_is_like_the_same_day_a_week_before",
    "there_are_few_types_of_events",
    "there_are_few_metrics",
}
_OF_PAIRS = {"event_id_is_unique", "metric_id_is_unique", "request_id_is_unique"}


def test_every_expectation_has_a_row_that_breaks_it() -> None:
    left_out = _OF_THE_WHOLE | _OF_PAIRS | {"email_belongs_to_one_user", "interview_id_is_given"}
    for name, suite in SUITES.items():
        assert {item.name for item in suite.expectations} - left_out == set(BAD[name]), name


@pytest.mark.long
@pytest.mark.timeout(300)
def test_good_rows_meet_every_suite_and_each_bad_one_is_named_by_the_package_and_the_gate(
    landed: Landed,
) -> None:
    client = landed.warehouse.client
    good = run_suites(SUITES.values())
    assert [result.sentence(report.suite) for report in good for result in report.unmet] == []

    planted = {
        (suite, name): landed.put(suite, **changed)
        for suite, kinds in BAD.items()
        for name, changed in kinds.items()
    }
    looks = gate.look(client, SUITES.values())
    by_gate = {
        (row.suite, row.expectation, str(row.row_id))
        for row in quarantine.listed(client, limit=500)
    }
    assert all(not look.blocked_by for look in looks), [look.blocked_by for look in looks]

    bad = {report.suite: report for report in run_suites(SUITES.values())}
    assert [r for report in bad.values() for r in report.results if r.error] == []
    for (suite, name), key in planted.items():
        [result] = [item for item in bad[suite].results if item.name == name]
        assert not result.is_met, (suite, name)
        assert key in result.breaking_keys, (suite, name, result)
    by_package = {
        (suite, result.name, key)
        for suite, report in bad.items()
        for result in report.unmet
        if result.severity == "severe"
        for key in result.breaking_keys
    }
    assert by_gate == by_package
    assert not _severe_without_a_row(bad)


def _severe_without_a_row(reports: dict[str, Report]) -> list[str]:
    return [
        result.name
        for report in reports.values()
        for result in report.unmet
        if result.severity == "severe" and not result.breaking_keys
    ]


def test_only_what_has_landed_since_is_looked_at_and_a_batch_that_was_held_up_is_found(
    landed: Landed,
) -> None:
    client, suites = landed.warehouse.client, list(SUITES.values())
    assert [look.looked_count for look in gate.look(client, suites)] == [1] * len(suites)
    # As if an hour ago: what was looked at then is not looked at again.
    client.command(
        "INSERT INTO expectations.looks SELECT * REPLACE (looked_until - INTERVAL -1 HOUR AS"
        " looked_until, 1 AS rows_until, now64(3) AS looked_at) FROM expectations.looks FINAL"
    )
    assert [look.looked_count for look in gate.look(client, suites)] == [0] * len(suites)

    client.command(
        "INSERT INTO expectations.looks SELECT * REPLACE (looked_until - INTERVAL -1 HOUR AS"
        " looked_until, 1 AS rows_until, now64(3) AS looked_at) FROM expectations.looks FINAL"
    )
    key = landed.put("user_events", event_data="[1]")
    [look] = gate.look(client, [SUITES["user_events"]])
    assert (look.looked_count, look.quarantined_count, look.blocked_by) == (2, 1, "")
    assert key in look.found[0]


def test_a_repeated_id_is_found_across_looks_and_both_rows_are_kept_out(landed: Landed) -> None:
    client, suite = landed.warehouse.client, SUITES["user_events"]
    gate.look(client, [suite])
    key = str(landed.ids["user_events"])
    landed.put("user_events", event_id=key)
    [look] = gate.look(client, [suite])
    assert f"analytics.user_events, event_id_is_unique: 2 broken, first {key}." in look.found[0]
    assert [str(row.row_id) for row in quarantine.listed(client)] == [key]


def test_a_row_comes_back_once_it_is_corrected_gone_or_released(landed: Landed) -> None:
    client, suite = landed.warehouse.client, SUITES["media_files"]
    corrected, deleted, released = (
        landed.put("media_files", file_size_bytes=-size) for size in (1, 2, 3)
    )
    gate.look(client, [suite])
    assert quarantine.open_count(client, suite) == 3
    [row] = [row for row in quarantine.listed(client) if str(row.row_id) == released]
    assert '"file_size_bytes":"-3"' in row.content
    assert "original_filename" not in row.content

    landed.put("media_files", id=corrected, file_size_bytes=1)
    landed.warehouse.delete("media_files", UUID(deleted))
    quarantine.release(client, suite, [released])
    gate.look(client, [suite])
    states = {
        str(row.row_id): row.state
        for row in quarantine.listed(client, states=("open", "released", "corrected", "gone"))
    }
    assert states == {corrected: "corrected", deleted: "gone", released: "released"}
    with pytest.raises(InputInvalid, match="is not in quarantine"):
        quarantine.release(client, suite, [released])

    # A release is of the row as it was: changed and still wrong, it is kept out again.
    landed.put("media_files", id=released, file_size_bytes=-4)
    gate.look(client, [suite])
    assert [str(row.row_id) for row in quarantine.listed(client)] == [released]


def test_a_changed_type_a_lost_column_and_a_lost_table_block_by_name(landed: Landed) -> None:
    client = landed.warehouse.client
    client.command("DROP VIEW oltp.usage_tracking")
    client.command("DROP VIEW oltp.candidate_responses")
    client.command(
        "CREATE VIEW oltp.candidate_responses AS SELECT id, session_id, question_id, recorded_at,"
        " media_file_id, toString(duration_seconds) AS duration_seconds"
        " FROM oltp_log.candidate_responses"
    )
    suites = [SUITES[name] for name in ("candidate_responses", "usage_tracking", "users")]
    responses, usage, users = gate.look(client, suites)
    assert "duration_seconds Int Nullable(String)" in responses.blocked_by
    assert "oltp.candidate_responses, columns_have_their_types" in responses.blocked_by
    assert "count Int" in usage.blocked_by
    assert users.blocked_by == ""

    # The package says so too, and of what it could not ask, why.
    [report] = run_suites([SUITES["candidate_responses"]])
    unmet = {result.name: result for result in report.unmet}
    assert unmet["columns_have_their_types"].breaking_keys == (
        "duration_seconds Int Nullable(String)",
    )
    assert "metadata" in unmet["metadata_is_json"].error


def test_rows_wrong_by_the_dozen_block_instead_of_being_left_out(landed: Landed) -> None:
    client, suite = landed.warehouse.client, SUITES["usage_tracking"]
    for _ in range(quarantine.FEW + 1):
        landed.put("usage_tracking", count=-1)
    [look] = gate.look(client, [suite])
    assert "11 of 12 rows are in quarantine" in look.blocked_by
    assert not look.could_not_be_asked


def test_an_empty_source_and_an_empty_day_are_warnings_and_block_nothing(
    warehouse: Warehouse,
) -> None:
    looks = gate.look(warehouse.client, SUITES.values())
    assert [look.blocked_by for look in looks if look.blocked_by] == []
    for days_ago in (1, 3):
        warehouse.events(uuid4(), days_ago, count=300)
    warehouse.events(uuid4(), 8, count=1000)
    chosen = [SUITES["user_events"], SUITES["users"]]
    events, users = run_suites(chosen)
    assert not events.has_severe_failure
    assert not users.has_severe_failure
    unmet = {result.name: result for result in (*events.unmet, *users.unmet)}
    assert "oltp.users, something_has_landed" in unmet["something_has_landed"].sentence(
        "oltp.users"
    )
    assert str(warehouse.day(2)) in unmet["no_day_is_empty"].breaking_keys
    assert unmet["yesterday_is_like_the_same_day_a_week_before"].breaking_keys == (
        f"{warehouse.day(1)} 300 1000",
    )
