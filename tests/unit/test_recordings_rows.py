"""A conversation becomes the rows that the product would have written."""

from dataclasses import replace
from datetime import UTC, date, datetime

from ingestion.loaders.ids import email_of
from ingestion.loaders.recordings.dated import held_on
from ingestion.loaders.recordings.interview import Interview, interview_rows, usage_of
from ingestion.loaders.recordings.roles import FULL_CONVERSATION, OPENING, attribute
from ingestion.loaders.recordings.turns import Recording, Turn

HELD_AT = datetime(2026, 11, 17, 12, tzinfo=UTC)


def recording(*turns: tuple[str | None, str, float | None], **more: object) -> Recording:
    ends = [start for _, _, start in turns[1:]] + [None]
    made = tuple(
        Turn(speaker, text, line, start, end)
        for line, ((speaker, text, start), end) in enumerate(zip(turns, ends, strict=True), 1)
    )
    base = Recording("talk", "A talk", "headings", "stated", made)
    return replace(base, **more)  # type: ignore[arg-type]


TALK = recording(
    ("Max Maier", "Who are you?", 0.0),
    ("Ana Lopez", "I am Ana.", 5.0),
    ("Bo Berg", "I am Bo.", 15.0),
    ("Ana Lopez", "And we are friends.", 20.0),
    ("Rich McGrath", "Since when?", 30.0),
    ("Unknown Speaker", "Ha.", 40.0),
    ("Bo Berg", "Always.", 45.0),
    ("Max Maier", "Thank you.", 60.0),
    interviewers=("Max Maier", "Rich W McGrath"),
)


def test_every_turn_of_an_interviewer_is_a_question() -> None:
    conversation = attribute(TALK)
    assert conversation.interviewers == ["Max Maier", "Rich McGrath"]
    assert conversation.questions == ["Who are you?", "Since when?", "Thank you."]


def test_what_is_said_until_the_next_question_is_one_answer_per_person() -> None:
    answers = attribute(TALK).answers
    assert [
        (each.question_index, each.text, each.duration_seconds) for each in answers["Ana Lopez"]
    ] == [(0, "I am Ana.\n\nAnd we are friends.", 20)]
    assert [(each.question_index, each.duration_seconds) for each in answers["Bo Berg"]] == [
        (0, 5),
        (1, 15),
    ]


def test_a_turn_of_an_unknown_speaker_is_reported_and_given_to_nobody() -> None:
    conversation = attribute(TALK)
    assert [each.where for each in conversation.skipped] == ["talk, line 6"]
    assert set(conversation.answers) == {"Ana Lopez", "Bo Berg"}


def test_without_a_named_interviewer_the_first_speaker_asks() -> None:
    assert attribute(replace(TALK, interviewers=())).interviewers == ["Max Maier"]
    assert attribute(replace(TALK, interviewers=("Somebody Else",))).interviewers == ["Max Maier"]


def test_an_answer_before_the_first_question_has_a_question_of_its_own() -> None:
    talk = recording(
        ("Ana Lopez", "Hi.", 0.0), ("Max Maier", "Hello.", 2.0), interviewers=("Max Maier",)
    )
    assert attribute(talk).questions == [OPENING, "Hello."]


def test_a_transcript_without_speakers_is_one_question_with_one_answer() -> None:
    talk = recording((None, "Hi?", 0.0), (None, "Yes.", 2.0), name="interview_with_ana_lopez")
    conversation = attribute(talk)
    assert conversation.questions == [FULL_CONVERSATION]
    assert list(conversation.answers) == ["Ana Lopez"]
    assert attribute(replace(talk, name="keitai_update_2025")).answers.keys() == {None}


def test_rows_refer_to_each_other_and_are_the_same_every_time() -> None:
    interview = Interview(TALK, attribute(TALK), HELD_AT)
    tables = interview_rows(interview)
    assert tables == interview_rows(Interview(TALK, attribute(TALK), HELD_AT))
    counts = {table: len(rows) for table, rows in tables.items()}
    assert counts == {
        "interviews": 1,
        "questions": 3,
        "candidate_sessions": 2,
        "media_files": 3,
        "candidate_responses": 3,
        "processing_jobs": 9,
        "analysis_results": 2,
    }
    media = {row["id"]: row for row in tables["media_files"]}
    for response in tables["candidate_responses"]:
        file = media[response["media_file_id"]]
        assert file["session_id"] == response["session_id"]
        assert file["question_id"] == response["question_id"]
        assert str(file["question_id"]) in file["original_path"]


def test_durations_are_null_where_no_time_is_stated() -> None:
    talk = recording(
        ("Max Maier", "Who?", None), ("Ana Lopez", "Me, of course.", None), timing="none"
    )
    tables = interview_rows(Interview(talk, attribute(talk), HELD_AT))
    response = tables["candidate_responses"][0]
    assert response["duration_seconds"] is None
    assert response["metadata"]["timing"] == "none"
    assert tables["candidate_sessions"][0]["completed_at"] is None
    assert tables["media_files"][0]["metadata"]["length"] == "reckoned from the words"


def test_usage_is_counted_in_the_units_of_the_plans() -> None:
    tables = interview_rows(Interview(TALK, attribute(TALK), HELD_AT))
    size = sum(row["file_size_bytes"] for row in tables["media_files"])
    assert usage_of(tables) == {"interviews": 1, "analysis": 2, "storage": -(-size // 2**20)}


def test_a_day_is_stated_or_remembered_or_in_the_name_or_the_folders_newest() -> None:
    newest, today = date(2022, 12, 6), date(2026, 11, 23)
    stated = replace(TALK, held_on=date(2021, 1, 2))
    assert held_on(stated, None, newest, today) == (date(2021, 1, 2), None)
    assert held_on(TALK, date(2020, 2, 2), newest, today)[0] == date(2020, 2, 2)
    named = replace(TALK, name="talk_2020_11_19")
    assert held_on(named, None, newest, today)[0] == date(2020, 11, 19)
    assert held_on(replace(TALK, name="talk_2025"), None, newest, today)[0] == date(2025, 7, 1)
    assert held_on(TALK, None, newest, today)[0] == newest
    assert held_on(TALK, None, None, today)[0] == today


def test_addresses_are_derived_from_names_in_any_script() -> None:
    assert email_of("Ana López") == "ana.lopez@example.com"
    russian = email_of("Анна Иванова")
    assert russian.endswith("@example.com")
    assert russian == email_of("Анна Иванова") != email_of("Борис Иванов")
