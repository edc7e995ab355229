"""The layout of turns under headings: `Speaker Name  12:34` (or `1:02:34`, or no time at all).

Belongs here: reading that layout. A heading ends with two blanks in most files; people who
edited a transcript by hand left one or none, so a name that is known from a proper heading
is believed without them.
"""

import re
from dataclasses import replace
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
    is_timed = bool(timed_names(body))
    offset, latest = 0.0, 0.0
    heading: Turn | None = None
    collected: list[str] = []
    turns: list[Turn] = []

    def finish(next_start_is_known: bool = True) -> None:
        nonlocal heading, collected
        text = tidy(collected)
        if heading is not None:
            turns.append(replace(heading, text=text))
            if not next_start_is_known:
                turns.append(replace(heading, speaker=None, text="", start_seconds=None))
        elif text:
            reading.skip(first_line, "text before the first heading: nobody is named for it")
        heading, collected = None, []

    for number, line in enumerate(body.split("\n"), start=first_line):
        found = _heading(line, names, is_timed)
        if found:
            finish()
            name, stamp = found
            start = offset + seconds_of(stamp) if stamp else None
            latest = start if start is not None else latest
            heading = Turn(name, "", number, start)
        elif _TIMER_RESET.match(line):
            finish(next_start_is_known=False)
            offset = latest
            reading.note(number, "the timer was reset; later times count on from the last one")
        elif _FOOTER.match(line.strip()):
            reading.skip(number, "the footer of the transcription service")
        else:
            collected.append(line)
    finish()
    for turn in close_turns(_without_disorder(reading, turns)):
        if turn.speaker is not None:
            reading.add(turn)
    return "stated" if is_timed else "none"


def _heading(line: str, names: set[str], is_timed: bool) -> tuple[str, str | None] | None:
    match = (_LENIENT if is_timed else _BARE).match(line)
    if is_timed:
        return (match["name"], match["stamp"]) if match and match["name"] in names else None
    return (line.strip(), None) if line.strip() in names else None


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
