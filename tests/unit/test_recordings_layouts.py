"""Every layout of a transcript is read as it stands, and what cannot be read is reported."""

import json
from datetime import date
from pathlib import Path

import pytest
from real_data import real

from ingestion.loaders.recordings.layouts import read_recording
from ingestion.loaders.recordings.turns import Recording
from stores.errors import InputInvalid

HEAD = """# Transcript of interview with interview with Ana Lopez

## Details

Interview took place on Dec 6, 2022. Interviewer is Max Maier.
Full interview available at https://video.example/watch?v=1.
Transcription is provided by https://otter.ai.

## Transcript

"""


def read(folder: Path, text: str, name: str = "talk.md") -> Recording:
    path = folder / name
    path.write_text(text)
    return read_recording(path)


def said(recording: Recording) -> list[tuple[str | None, str, float | None, float | None]]:
    return [
        (turn.speaker, turn.text, turn.start_seconds, turn.duration_seconds)
        for turn in recording.turns
    ]


def test_a_heading_with_a_time_begins_a_turn_that_lasts_until_the_next(tmp_path: Path) -> None:
    text = HEAD + "Max Maier  0:22  \nHello.\n\nAna Lopez  1:05  \nHi.\n\nAgain.\n\n"
    text += "Max Maier  1:02:05  \nBye.\n"
    recording = read(tmp_path, text)
    assert said(recording) == [
        ("Max Maier", "Hello.", 22, 43),
        ("Ana Lopez", "Hi.\n\nAgain.", 65, 3660),
        ("Max Maier", "Bye.", 3725, None),
    ]
    assert recording.timing == "stated"
    assert recording.end_seconds == 3725


def test_the_head_gives_day_interviewer_source_and_a_clean_title(tmp_path: Path) -> None:
    recording = read(tmp_path, HEAD + "Max Maier  0:22  \nHello.\n\nAna Lopez  1:05  \nHi.\n")
    assert recording.held_on == date(2022, 12, 6)
    assert recording.interviewers == ("Max Maier",)
    assert recording.url == "https://video.example/watch?v=1"
    assert recording.transcribed_by == "otter.ai"
    assert recording.title == "Interview with Ana Lopez"


def test_a_heading_edited_to_one_blank_is_believed_for_a_known_name(tmp_path: Path) -> None:
    text = HEAD + "Max Maier  0:22  \nHello.\n\nAna Lopez  1:05  \nHi.\n\nMax Maier 1:10\nSee you"
    text += " at\nSeven 8:00\n"
    recording = read(tmp_path, text)
    assert said(recording)[1:] == [
        ("Ana Lopez", "Hi.", 65, 5),
        ("Max Maier", "See you at\nSeven 8:00", 70, None),
    ]


def test_a_time_out_of_order_gives_no_duration_on_either_side(tmp_path: Path) -> None:
    stamps = ["22:56", "23:57", "23:13", "24:00"]
    text = HEAD + "\n\n".join(f"Max Maier  {stamp}  \nText {stamp}" for stamp in stamps)
    recording = read(tmp_path, text)
    assert [turn.duration_seconds for turn in recording.turns] == [None, None, 47, None]
    assert "out of order" in recording.notes[0]
    assert "line 14" in recording.notes[0]


def test_times_count_on_after_a_reset_of_the_timer(tmp_path: Path) -> None:
    text = HEAD + "Max Maier  0:10  \nA.\n\nAna Lopez  5:00  \nB.\n\n-- TIMER RESET --\n\n"
    text += "Max Maier  0:00  \nC.\n\nAna Lopez  0:30  \nD.\n"
    recording = read(tmp_path, text)
    assert [(turn.start_seconds, turn.duration_seconds) for turn in recording.turns] == [
        (10, 290),
        (300, None),
        (300, 30),
        (330, None),
    ]
    assert "timer was reset" in recording.notes[0]


def test_headings_without_times_give_turns_without_durations(tmp_path: Path) -> None:
    text = HEAD + "\nMax Maier  \nHello.\n\nAna Lopez  \nHi. \n\nMax Maier\nWell.\n\n"
    text += "Ana Lopez  \nWell well.\n\nMax Maier  \nBye.\n\nTranscribed by https://otter.ai\n"
    recording = read(tmp_path, text)
    assert [(turn.speaker, turn.text) for turn in recording.turns] == [
        ("Max Maier", "Hello."),
        ("Ana Lopez", "Hi."),
        ("Max Maier", "Well."),
        ("Ana Lopez", "Well well."),
        ("Max Maier", "Bye."),
    ]
    assert recording.timing == "none"
    assert recording.end_seconds is None
    assert [skipped.reason for skipped in recording.skipped] == [
        "the footer of the transcription service"
    ]


def test_bold_names_are_timed_between_the_minute_marks(tmp_path: Path) -> None:
    text = "# Talk\n\n**Max Maier:** [00:00:00] Hello there.\n\n**Ana Lopez:** Hi.\n\nStill"
    text += " me [00:01:00] talking.\n\n**Max Maier:** [00:02:00] Bye.\n"
    recording = read(tmp_path, text)
    first, second, third = recording.turns
    assert (first.start_seconds, third.start_seconds) == (0, 120)
    assert second.text == "Hi.\n\nStill me talking."
    assert second.start_seconds is not None
    assert 0 < second.start_seconds < 60
    assert recording.timing == "interpolated"
    assert recording.title == "Talk"


def test_cues_become_turns_of_nobody_with_their_own_ends(tmp_path: Path) -> None:
    text = "WEBVTT\n\n1\n00:00.000 --> 00:27.640\nHello,\neveryone.\n\n"
    text += "01:26:17.520 --> 01:26:22.520\nBye.\n\n00:05.000 --> 00:04.000\nWrong.\n"
    recording = read(tmp_path, text, "talk.vtt")
    assert said(recording) == [
        (None, "Hello,\neveryone.", 0, 27.64),
        (None, "Bye.", 5177.52, 5.0),
    ]
    assert [skipped.reason for skipped in recording.skipped] == ["a cue that ends before it starts"]


def test_whisper_segments_give_times_and_a_weighted_confidence(tmp_path: Path) -> None:
    segments = [
        {"start": 0.0, "end": 3.0, "text": " hello", "avg_logprob": -0.1, "no_speech_prob": 0.0},
        {"start": 3.0, "end": 4.0, "text": " bye", "avg_logprob": -0.5, "no_speech_prob": 0.0},
        {"start": 4.0, "end": 9.0, "text": " hm", "avg_logprob": -9.0, "no_speech_prob": 0.95},
        {"start": 9.0, "text": "cut"},
    ]
    recording = read(tmp_path, json.dumps({"segments": segments}), "talk.whisper.json")
    assert said(recording) == [(None, "hello", 0, 3), (None, "bye", 3, 1)]
    assert recording.confidence == pytest.approx(0.8187, abs=1e-4)
    assert (recording.name, recording.medium) == ("talk", "audio")
    assert len(recording.skipped) == 2


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("talk.md", "Just a text.\n", "must have one of the layouts"),
        ("talk.json", "{]", "must be JSON"),
        ("talk.json", '{"segments": 1}', "a list `segments`"),
        ("talk.json", '{"segments": []}', "at least one turn"),
    ],
)
def test_what_is_no_transcript_is_refused_with_the_rule(
    tmp_path: Path, name: str, text: str, rule: str
) -> None:
    with pytest.raises(InputInvalid, match=rule):
        read(tmp_path, text, name)


# Turns, speakers, turns without a duration, notes and skips: counted by hand with grep.
REAL = {
    "Dawn_of_the_Monsters_interview_with_Alex_Rushdy_13AM_Games.md": (75, 2, 1, 0, 0),
    "Get_A_Grip_Chip_transcription.md": (192, 4, 192, 0, 1),
    "GigaSword_Interview_with_Jack_Breen.md": (84, 3, 1, 0, 0),
    "Interview_with_Danny_Silvers_of_Lantana_Games_2020_11_19.md": (59, 2, 2, 1, 1),
    "Interview_with_Matthew_Brelsford_creator_of_Betty_Earl.md": (54, 2, 1, 0, 0),
    "Legends_of_Astravia_Interview_with_Jaiden_Alemni_Studio_Alemni.md": (123, 2, 3, 1, 0),
    "Q_Cubed_Interview_with_Carolyn_Lu_at_Cludosian_Games.md": (53, 2, 1, 0, 0),
    "Super_Marxist_Twins_Interview_with_Eric_Kesterson_Saun_Conlin_Jim_Bochanski_and_"
    "Nick_Zaleski.md": (213, 6, 1, 0, 0),
    "Wintermoor_Tactics_Club_interview_transcription.md": (290, 4, 1, 0, 0),
    "interview_with_artemio_urbina.md": (1087, 1, 0, 0, 0),
    "keitai_update_2025.whisper.json": (762, 1, 0, 0, 0),
}


@pytest.mark.parametrize("name", REAL)
def test_each_real_recording_is_read_whole(name: str) -> None:
    recording = read_recording(real(f"interviews/{name}"))
    turns = recording.turns
    assert (
        len(turns),
        len({turn.speaker for turn in turns}),
        sum(turn.duration_seconds is None for turn in turns),
        len(recording.notes),
        len(recording.skipped),
    ) == REAL[name]
    assert all((turn.duration_seconds or 0) >= 0 for turn in turns)


@pytest.mark.parametrize("name", [name for name in REAL if name.endswith(".md")])
def test_no_word_of_a_real_recording_is_lost(name: str) -> None:
    """What is not in a turn is a heading, a time, or the head of the file."""
    path = real(f"interviews/{name}")
    recording = read_recording(path)
    kept = sum(len(turn.text.split()) for turn in recording.turns)
    text = path.read_text()
    body = text.split("## Transcript")[-1]
    headings = 3 * len(recording.turns) + 2 * text.count("[0")
    assert kept >= len(body.split()) - headings - 8


def test_text_under_no_heading_and_a_heading_over_no_text_are_reported(tmp_path: Path) -> None:
    text = HEAD + "A stray line.\n\nMax Maier  0:10  \nHello.\n\nAna Lopez  0:20  \n\n"
    text += "Max Maier  0:30  \nBye.\n"
    recording = read(tmp_path, text)
    assert said(recording) == [("Max Maier", "Hello.", 10, 10), ("Max Maier", "Bye.", 30, None)]
    assert [(each.where, each.reason) for each in recording.skipped] == [
        ("talk.md, line 11", "a line under no heading: nobody is named for it"),
        ("talk.md, line 16", "a heading without any text under it"),
    ]
