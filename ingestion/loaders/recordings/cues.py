"""The layout of subtitle cues: `00:28.000 --> 00:35.280` and the text below; no speakers.

Belongs here: reading WebVTT and what looks like it. Header, notes and cue numbers are no text.
"""

import re

from ingestion.loaders.recordings.turns import Timing, Turn, TurnsBeingRead, seconds_of, tidy

_STAMP = r"(?:\d+:)?\d{2}:\d{2}[.,]\d{3}"
_CUE = re.compile(rf"^(?P<start>{_STAMP}) --> (?P<end>{_STAMP})(?:\s.*)?$")
_BLOCK_WITHOUT_TEXT = re.compile(r"^(?:WEBVTT|NOTE|STYLE|REGION)\b")


def is_cues(body: str) -> bool:
    return any(_CUE.match(line) for line in body.split("\n"))


def read_turns(reading: TurnsBeingRead, body: str, first_line: int) -> Timing:
    """Read each cue of `body` as a turn of nobody's into `reading`."""
    number = first_line
    for block in re.split(r"(?<=\n)\n+", body):
        lines = block.strip("\n").split("\n")
        at = next((index for index, line in enumerate(lines) if _CUE.match(line)), None)
        if at is None:
            if block.strip() and not _BLOCK_WITHOUT_TEXT.match(block.lstrip("\ufeff")):
                reading.skip(number, "text outside of any cue")
        else:
            cue = _CUE.match(lines[at])
            assert cue is not None  # noqa: S101 - `at` was found by this very pattern.
            start, end = (seconds_of(cue[name].replace(",", ".")) for name in ("start", "end"))
            _add(reading, Turn(None, tidy(lines[at + 1 :]), number + at, start, end))
        number += block.count("\n")
    return "stated"


def _add(reading: TurnsBeingRead, turn: Turn) -> None:
    if turn.duration_seconds is not None and turn.duration_seconds < 0:
        reading.skip(turn.line, "a cue that ends before it starts")
    elif not turn.text:
        reading.skip(turn.line, "a cue without text")
    else:
        reading.add(turn)
