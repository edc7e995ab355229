"""The layout `**Speaker Name:** text`, with a mark such as [00:02:00] at every whole minute.

Belongs here: reading that layout. Marks stand wherever the minute fell, mostly inside a turn,
so the start of a turn is reckoned between the marks around it, in proportion to the letters.
"""

import re
from bisect import bisect_right

from ingestion.loaders.recordings.turns import (
    Timing,
    Turn,
    TurnsBeingRead,
    close_turns,
    seconds_of,
    tidy,
)

_SPEAKER = re.compile(r"^\*\*(?P<name>[^*\n]+?):\*\*", re.MULTILINE)
_MARK = re.compile(r"\[(?P<stamp>\d{2}:\d{2}:\d{2})\]")


def is_bold_names(body: str) -> bool:
    return len(_SPEAKER.findall(body)) > 1


def read_turns(reading: TurnsBeingRead, body: str, first_line: int) -> Timing:
    """Read the turns of `body` into `reading`."""
    marks = [(match.start(), seconds_of(match["stamp"])) for match in _MARK.finditer(body)]
    speakers = list(_SPEAKER.finditer(body))
    if body[: speakers[0].start()].strip():
        reading.skip(first_line, "text before the first speaker: nobody is named for it")
    ends = [match.start() for match in speakers[1:]] + [len(body)]
    turns = [
        Turn(
            speaker=match["name"].strip(),
            text=_text(body[match.end() : end]),
            line=first_line + body.count("\n", 0, match.start()),
            start_seconds=_reckon(marks, match.end() + 1),
        )
        for match, end in zip(speakers, ends, strict=True)
    ]
    for turn in close_turns(turns):
        reading.add(turn)
    return "interpolated" if marks else "none"


def _text(raw: str) -> str:
    return tidy(re.sub(r"[ \t]{2,}", " ", _MARK.sub(" ", raw)).split("\n"))


def _reckon(marks: list[tuple[int, float]], position: int) -> float | None:
    """The time at `position`; None where no mark precedes or none follows it."""
    following = bisect_right(marks, position, key=lambda mark: mark[0])
    if following == 0 or (following == len(marks) and marks[-1][0] != position):
        return None
    at, seconds = marks[following - 1]
    if at == position:
        return seconds
    next_at, next_seconds = marks[following]
    return round(seconds + (next_seconds - seconds) * (position - at) / (next_at - at), 1)
