"""From a file to a recording: which layout it has, and what it says of itself.

Belongs here: choosing the reader. The readers are one module per layout.
"""

from dataclasses import dataclass
from pathlib import Path

from ingestion.loaders.recordings import bold_names, cues, headings, whisper
from ingestion.loaders.recordings.details import read_details, split_head, title_from_name
from ingestion.loaders.recordings.turns import Recording, Timing, TurnsBeingRead
from stores.errors import InputInvalid

SUFFIXES = (".md", ".txt", ".vtt", ".json")
LAYOUTS = (
    "`Speaker Name  MM:SS` headings, `Speaker Name` headings, `**Speaker Name:**` with minute"
    " marks, WebVTT cues, or Whisper's JSON"
)


@dataclass(frozen=True)
class _Reader:
    layout: str
    timing: Timing


def read_recording(path: Path) -> Recording:
    """Read one transcript. Raises InputInvalid where no layout fits or no turn is found."""
    try:
        text = path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputInvalid(path.name, f"must be a readable UTF-8 text ({error})") from error
    recording = (_whisper if path.suffix == ".json" else _text)(path, text)
    if not recording.turns:
        raise InputInvalid(path.name, "must contain at least one turn with text")
    return recording


def recording_name(path: Path) -> str:
    """What a recording is known by: its file's name up to the first dot."""
    return path.name.split(".", 1)[0]


def _whisper(path: Path, text: str) -> Recording:
    reading = TurnsBeingRead(path.name)
    confidence = whisper.read_turns(reading, text)
    name = recording_name(path)
    return Recording(
        name=name,
        title=title_from_name(name),
        layout="whisper",
        timing="stated",
        turns=tuple(reading.turns),
        transcribed_by="whisper",
        confidence=confidence,
        medium="audio",
        skipped=tuple(reading.skipped),
        notes=tuple(reading.notes),
    )


def _text(path: Path, text: str) -> Recording:
    head, at = split_head(text)
    details, name = read_details(head), recording_name(path)
    reading = TurnsBeingRead(path.name)
    read = _read_body(reading, text[at:], 1 + text.count("\n", 0, at))
    return Recording(
        name=name,
        title=details.title or title_from_name(name),
        layout=read.layout,
        timing=read.timing,
        turns=tuple(reading.turns),
        interviewers=details.interviewers,
        held_on=details.held_on,
        url=details.url,
        transcribed_by=details.transcribed_by,
        skipped=tuple(reading.skipped),
        notes=tuple(reading.notes),
    )


def _read_body(reading: TurnsBeingRead, body: str, first_line: int) -> _Reader:
    if cues.is_cues(body):
        return _Reader("cues", cues.read_turns(reading, body, first_line))
    if bold_names.is_bold_names(body):
        return _Reader("bold names", bold_names.read_turns(reading, body, first_line))
    names = headings.timed_names(body) or headings.bare_names(body)
    if names:
        return _Reader("headings", headings.read_turns(reading, body, first_line, names))
    raise InputInvalid(reading.name, f"must have one of the layouts: {LAYOUTS}")
