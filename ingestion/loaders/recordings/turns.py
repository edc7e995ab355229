"""What every layout is read into: who said what, from when to when.

Belongs here: the types and what all layouts share. One module per layout does the reading.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from typing import Literal

from ingestion.loaders.report import Skipped

# stated: the layout gives the time. interpolated: it gives marks at other places, and the time
# is reckoned between them. none: it gives no times.
Timing = Literal["stated", "interpolated", "none"]
UNKNOWN_SPEAKER = "Unknown Speaker"


@dataclass(frozen=True)
class Turn:
    """One uninterrupted contribution. `line` is where it starts in the file."""

    speaker: str | None
    text: str
    line: int
    start_seconds: float | None = None
    end_seconds: float | None = None

    @property
    def duration_seconds(self) -> float | None:
        if self.start_seconds is None or self.end_seconds is None:
            return None
        return self.end_seconds - self.start_seconds


@dataclass(frozen=True)
class Recording:
    """One transcript, read. `interviewers` are those it names; `held_on` the day it states."""

    name: str
    title: str
    layout: str
    timing: Timing
    turns: tuple[Turn, ...]
    interviewers: tuple[str, ...] = ()
    held_on: date | None = None
    url: str | None = None
    transcribed_by: str | None = None
    confidence: float | None = None
    medium: Literal["video", "audio"] = "video"
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def end_seconds(self) -> float | None:
        """The last time the transcript knows of."""
        known = [
            seconds
            for turn in self.turns
            for seconds in (turn.start_seconds, turn.end_seconds)
            if seconds is not None
        ]
        return max(known, default=None)


@dataclass
class TurnsBeingRead:
    """The turns collected so far, with what had to be left out on the way."""

    name: str
    turns: list[Turn] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def skip(self, line: int, reason: str) -> None:
        self.skipped.append(Skipped(f"{self.name}, line {line}", reason))

    def note(self, line: int, what: str) -> None:
        self.notes.append(f"{self.name}, line {line}: {what}")

    def add(self, turn: Turn) -> None:
        """Take a turn that says something; report one that does not."""
        if turn.text:
            self.turns.append(turn)
        else:
            self.skip(turn.line, "a heading without any text under it")


def seconds_of(stamp: str) -> float:
    """Seconds of `MM:SS`, `H:MM:SS` or either with a decimal fraction."""
    seconds = 0.0
    for part in stamp.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def tidy(lines: list[str]) -> str:
    """Paragraphs of a turn: inner line breaks kept, white space at the ends of lines not."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.strip() for line in lines)).strip()


def close_turns(turns: list[Turn]) -> list[Turn]:
    """Give every turn without an end of its own the start of the next as its end."""
    closed = [
        replace(turn, end_seconds=following.start_seconds) if turn.end_seconds is None else turn
        for turn, following in pairwise(turns)
    ]
    return closed + turns[-1:]
