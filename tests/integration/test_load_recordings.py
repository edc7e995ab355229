"""Recordings become rows once, however often they are loaded."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fix_stack import RunningStack, as_json, interview_data
from real_data import real

from ingestion.loaders.ids import stable_id
from ingestion.loaders.recordings.load import load_recordings
from ingestion.loaders.report import LoadReport, Written
from ingestion.loaders.rows import ORDER
from stores.errors import InputInvalid, StateConflict
from stores.postgres.client import connect

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
TIMED = """# Transcript of a talk with Ana Lopez

## Details

Interview took place on Dec 6, 2022. Interviewer is Max Maier.

## Transcript

Max Maier  0:10
Who are you?

Ana Lopez  0:20
I am Ana.

Max Maier  1:00
And you?

Bo Berg  1:05
I am Bo.

Max Maier  1:30
Thank you.
"""
WHISPER = {"segments": [{"start": 0.0, "end": 60.0, "text": " hello", "avg_logprob": -0.1}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two recordings, and a picture that is none."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    (folder / "timed.md").write_text(TIMED)
    (folder / "heard.whisper.json").write_text(json.dumps(WHISPER))
    (folder / "poster.png").write_bytes(b"\x89PNG")
    return folder


def rows(url: str) -> dict[str, list[str]]:
    """Every row of the product's tables as text."""
    with connect(url) as connection:
        return {
            table: [
                row[0] for row in connection.execute(f"SELECT t::text FROM {table} t ORDER BY 1")
            ]
            for table in ORDER
        }


def load(folder: Path, **options: object) -> LoadReport:
    return load_recordings(folder, **{"now": NOW, **options})  # type: ignore[arg-type]


def test_a_folder_of_recordings_becomes_interviews_with_everything_below(
    postgres_url: str, folder: Path
) -> None:
    report = load(folder)
    counts = {table: len(found) for table, found in rows(postgres_url).items() if found}
    assert counts == {
        "roles": 3,
        "users": 2,
        "user_roles": 2,
        "ai_models": 6,
        "subscription_plans": 4,
        "subscriptions": 2,
        "interviews": 2,
        "questions": 4,
        "candidate_sessions": 3,
        "media_files": 3,
        "candidate_responses": 3,
        "processing_jobs": 9,
        "analysis_results": 3,
        "usage_tracking": 6,
    }
    assert report.skipped_by_reason.total() == 1
    assert "not a transcript" in report.skipped[0].reason
    with connect(postgres_url) as connection:
        durations = connection.execute(
            "SELECT s.candidate_name, r.duration_seconds FROM candidate_responses r"
            " JOIN candidate_sessions s ON s.id = r.session_id ORDER BY 1 NULLS LAST"
        ).fetchall()
        heard = connection.execute(
            "SELECT transcription_text, round(confidence_score::numeric, 4)::text"
            " FROM analysis_results WHERE ai_model_version = 'whisper'"
        ).fetchone()
    assert durations == [("Ana Lopez", 40), ("Bo Berg", 25), (None, 60)]
    assert heard == ("hello", "0.9048")


def test_a_second_load_changes_nothing_even_weeks_later(postgres_url: str, folder: Path) -> None:
    first = load(folder)
    before = rows(postgres_url)
    second = load(folder, now=NOW + timedelta(weeks=9))
    assert rows(postgres_url) == before
    assert second.is_repeat
    assert second.shift_weeks == first.shift_weeks
    assert all(
        (written.inserted, written.updated, written.deleted) == (0, 0, 0)
        for written in second.tables.values()
    )


def test_times_move_by_whole_weeks_into_the_last_one(postgres_url: str, folder: Path) -> None:
    report = load(folder)
    with connect(postgres_url) as connection:
        [(newest,)] = connection.execute("SELECT max(created_at) FROM analysis_results").fetchall()
        [(held_at,)] = connection.execute(
            "SELECT created_at FROM interviews WHERE title LIKE 'A talk%'"
        ).fetchall()
    assert NOW - timedelta(weeks=1) < newest <= NOW
    stated = datetime(2022, 12, 6, 12, tzinfo=UTC)
    assert held_at - stated == timedelta(weeks=report.shift_weeks)


def test_times_are_kept_on_request(postgres_url: str, folder: Path) -> None:
    assert load(folder, keep_times=True).shift_weeks == 0
    with connect(postgres_url) as connection:
        [(held_at,)] = connection.execute("SELECT max(created_at) FROM interviews").fetchall()
    assert held_at == datetime(2022, 12, 6, 12, tzinfo=UTC)


def test_keeping_times_that_were_moved_before_is_refused(postgres_url: str, folder: Path) -> None:
    load(folder)
    before = rows(postgres_url)
    with pytest.raises(StateConflict, match="--keep-times"):
        load(folder, keep_times=True)
    assert rows(postgres_url) == before


def test_an_edited_recording_replaces_what_it_was(postgres_url: str, folder: Path) -> None:
    load(folder)
    edited = TIMED.replace("I am Ana.", "I am Anna.").split("Max Maier  1:00")[0]
    (folder / "timed.md").write_text(edited)
    report = load(folder)
    assert report.tables["candidate_sessions"].deleted == 1
    assert report.tables["questions"].deleted == 2
    assert report.tables["processing_jobs"].deleted == 3
    with connect(postgres_url) as connection:
        texts = connection.execute(
            "SELECT transcription_text FROM analysis_results ORDER BY 1"
        ).fetchall()
    assert texts == [("I am Anna.",), ("hello",)]


def test_a_recording_that_comes_later_moves_with_the_others(
    postgres_url: str, folder: Path
) -> None:
    first = load(folder)
    (folder / "later.md").write_text(TIMED.replace("Dec 6, 2022", "Nov 8, 2022"))
    second = load(folder, now=NOW + timedelta(weeks=3))
    assert second.shift_weeks == first.shift_weeks
    assert second.tables["interviews"] == Written(inserted=1, unchanged=2)


def test_a_load_of_some_recordings_makes_nobody_younger(
    postgres_url: str, folder: Path, tmp_path: Path
) -> None:
    (folder / "early.md").write_text(TIMED.replace("Dec 6, 2022", "Nov 8, 2022"))
    load(folder)
    before = rows(postgres_url)
    only = tmp_path / "only"
    only.mkdir()
    (only / "timed.md").write_text(TIMED)
    load(only)
    assert rows(postgres_url) == before


def test_a_file_that_cannot_be_read_is_reported_and_the_others_are_loaded(
    postgres_url: str, folder: Path
) -> None:
    (folder / "broken.md").write_text("Nothing of a transcript.\n")
    report = load(folder)
    assert len(rows(postgres_url)["interviews"]) == 2
    assert any(
        skipped.where == "broken.md" and "layouts" in skipped.reason for skipped in report.skipped
    )


def test_each_recording_is_a_transaction_of_its_own(postgres_url: str, folder: Path) -> None:
    (folder / "zz_last.md").write_text(TIMED)
    token = stable_id("link", stable_id("recording", "zz_last"))
    with connect(postgres_url) as connection:
        connection.execute(
            "WITH owner AS (INSERT INTO users (email, password_hash) VALUES ('x@x.example', '!')"
            " RETURNING id) INSERT INTO interviews (title, created_by, public_link_token)"
            " SELECT 'taken', id, %s FROM owner",
            [token],
        )
    with pytest.raises(StateConflict, match="interviews: rows of the load contradict"):
        load(folder)
    with connect(postgres_url) as connection:
        [(there, loads)] = connection.execute(
            "SELECT (SELECT count(*) FROM interviews), (SELECT count(*) FROM platform.loads)"
        ).fetchall()
    assert (there, loads) == (3, 2)


@pytest.mark.parametrize("name", ["nowhere", "recordings/timed.md", "empty"])
def test_a_folder_without_transcripts_is_an_error_that_names_it(
    postgres_url: str, folder: Path, name: str
) -> None:
    (folder.parent / "empty").mkdir()
    with pytest.raises(InputInvalid, match=r"DIR: .*must"):
        load(folder.parent / name)


def test_the_command_reports_as_json(stack: RunningStack, postgres_url: str, folder: Path) -> None:
    done = interview_data(
        "load", "recordings", str(folder), "--json", home=stack.home, DATABASE_URL=postgres_url
    )
    assert done.returncode == 0, done.stderr
    report = as_json(done)
    assert report["tables"]["interviews"]["inserted"] == 2
    assert report["skipped"][0]["where"] == "poster.png"


def test_the_real_recordings_load_whole_and_twice_the_same(postgres_url: str) -> None:
    folder = real("interviews")
    load(folder)
    before = rows(postgres_url)
    counts = {table: len(found) for table, found in before.items()}
    assert counts["interviews"] == len(list(folder.iterdir())) == 11
    assert (counts["candidate_sessions"], counts["analysis_results"]) == (17, 17)
    assert counts["candidate_responses"] == counts["media_files"] == 495
    assert counts["processing_jobs"] == 3 * 495
    assert counts["questions"] == 374
    digest = hashlib.sha256(repr(before).encode()).hexdigest()
    load(folder, now=NOW + timedelta(days=40))
    assert hashlib.sha256(repr(rows(postgres_url)).encode()).hexdigest() == digest


def test_the_command_tells_a_person_what_was_loaded_and_what_was_not(
    stack: RunningStack, postgres_url: str, folder: Path
) -> None:
    load(folder)
    done = interview_data(
        "load", "recordings", str(folder), home=stack.home, DATABASE_URL=postgres_url
    )
    assert done.returncode == 0, done.stderr
    assert "loaded before" in done.stdout
    assert "Skipped 1: not a transcript" in done.stdout
    assert "Note: heard: names no speakers" in done.stdout
    assert done.stderr.splitlines() == ["reading ...", "writing ..."]


def test_the_command_ends_with_one_line_on_bad_input(
    stack: RunningStack, postgres_url: str, tmp_path: Path
) -> None:
    done = interview_data(
        "load", "recordings", str(tmp_path), home=stack.home, DATABASE_URL=postgres_url
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: DIR: ")
    assert len(done.stderr.splitlines()) == 1
