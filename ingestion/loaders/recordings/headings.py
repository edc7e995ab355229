"""The layout of turns under headings: `Speaker Name  12:34` (or `1:02:34`, or no time at all).

Belongs here: reading that layout. A heading ends with two blanks in most files; people who
edited a transcript by hand left one or none, so a name that is known from a proper heading
is believed without them.
"""

import re
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ingestion.loaders.recordings.turns import (
    Timing,
    Turn,
    TurnsBeingRead,
    close_turns,
    seconds_of,
    tidy,
)

_NAME = r"(?P<name>[^\W\d_][\w.'’-]*(?: [\w.'’-]+){0,3})"
_PROPER = re.compile(rf"^{_NAME}  +(?P<stamp>(?:\d+:)?\d{{1,2}}:\d{{2}})\s*$")
_LENIENT = re.compile(rf"^{_NAME}\s+(?P<stamp>(?:\d+:)?\d{{1,2}}:\d{{2}})\s*$")
_BARE = re.compile(rf"^{_NAME}  +$")
_TIMER_RESET = re.compile(r"^\W*timer reset\W*$", re.IGNORECASE)
_FOOTER = re.compile(r"^Transcribed by (?:https?://)?\S+$")


def timed_names(body: str) -> set[str]:
    """Who is named in headings that carry a time."""
    return {
        match["name"]
        for line in body.split("\n")
        if (match := _PROPER.match(line)) and _is_name(match["name"])
    }


def bare_names(body: str) -> set[str]:
    """Who is named, twice at least, in headings without a time."""
    lines = ["", *body.split("\n")]
    found = [
        match["name"]
        for before, line in pairwise(lines)
        if not before.strip() and (match := _BARE.match(line)) and _is_name(match["name"])
    ]
    return {name for name in found if found.count(name) > 1}


def read_turns(reading: TurnsBeingRead, body: str, first_line: int, names: set[str]) -> Timing:
    """Read the turns of `body` into `reading`; `names` are the speakers known from headings."""
    walk = _Walk(reading, names, is_timed=bool(timed_names(body)))
    for number, line in enumerate(body.split("\n"), start=first_line):
        walk.take(number, line)
    walk.finish_turn()
    for turn in close_turns(_without_disorder(reading, walk.turns)):
        if turn.speaker is not None:
            reading.add(turn)
    return "stated" if walk.is_timed else "none"


# Nobody's turn: stands where the following turn does not say when the one before it ended.
_BREAK = Turn(None, "", 0)


@dataclass
class _Walk:
    """Goes through the lines, and keeps the turn that is being read."""

    reading: TurnsBeingRead
    names: set[str]
    is_timed: bool
    turns: list[Turn] = field(default_factory=list)
    heading: Turn | None = None
    collected: list[str] = field(default_factory=list)
    # The clock began again at this many seconds; the last time seen.
    offset: float = 0.0
    latest: float = 0.0

    def take(self, number: int, line: str) -> None:
        if heading := self._heading(number, line):
            self.finish_turn()
            self.heading = heading
        elif _TIMER_RESET.match(line):
            self.finish_turn()
            self.turns.append(_BREAK)
            self.offset = self.latest
            note = "the timer was reset; later times count on from the last one"
            self.reading.note(number, note)
        elif _FOOTER.match(line.strip()):
            self.reading.skip(number, "the footer of the transcription service")
        else:
            self._collect(number, line)

    def finish_turn(self) -> None:
        if self.heading is not None:
            self.turns.append(replace(self.heading, text=tidy(self.collected)))
        self.heading, self.collected = None, []

    def _collect(self, number: int, line: str) -> None:
        if self.heading is not None:
            self.collected.append(line)
        elif line.strip():
            self.reading.skip(number, "a line under no heading: nobody is named for it")

    def _heading(self, number: int, line: str) -> Turn | None:
        if not self.is_timed:
            name = line.strip()
            return Turn(name, "", number) if name in self.names else None
        match = _LENIENT.match(line)
        if not match or match["name"] not in self.names:
            return None
        self.latest = self.offset + seconds_of(match["stamp"])
        return Turn(match["name"], "", number, self.latest)


def _without_disorder(reading: TurnsBeingRead, turns: list[Turn]) -> list[Turn]:
    """Drop each time that is later than the one after it: one of the two is a slip.

    The earlier is taken for the slip unless it would put the later one before what came first.
    """
    kept = list(turns)
    latest = 0.0
    for index, turn in enumerate(kept):
        if turn.start_seconds is None:
            continue
        after = next(
            (t.start_seconds for t in kept[index + 1 :] if t.start_seconds is not None), None
        )
        if turn.start_seconds < latest or (
            after is not None and latest <= after < turn.start_seconds
        ):
            kept[index] = replace(turn, start_seconds=None)
            reading.note(turn.line, "the time stamp is out of order, so it is not used")
        else:
            latest = turn.start_seconds
    return kept


def _is_name(text: str) -> bool:
    return all(word[0].isupper() for word in text.split())
