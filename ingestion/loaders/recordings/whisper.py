"""The JSON that the speech-to-text model Whisper writes: segments with times, no speakers.

Belongs here: reading that JSON. The confidence of a recording is the probability that the
model gave its words: the exponential of the segments' mean log-probability, weighted by length.
"""

import json
import math
from typing import Any

from ingestion.loaders.recordings.turns import Turn, TurnsBeingRead
from stores.errors import InputInvalid

# Above this the model itself says that it heard no speech.
NO_SPEECH_PROBABILITY = 0.9


def read_turns(reading: TurnsBeingRead, text: str) -> float | None:
    """Read each segment as a turn of nobody's into `reading`. Returns the confidence."""
    weighted = heard_seconds = 0.0
    for index, segment in enumerate(_segments(reading.name, text)):
        try:
            start, end = float(segment["start"]), float(segment["end"])
            said = str(segment["text"]).strip()
            log_probability = float(segment["avg_logprob"])
            no_speech = float(segment.get("no_speech_prob", 0.0))
        except (KeyError, TypeError, ValueError):
            reading.skip(index + 1, "a segment without start, end, text or avg_logprob")
            continue
        if not said or end < start:
            reading.skip(index + 1, "a segment without text, or one that ends before it starts")
        elif no_speech > NO_SPEECH_PROBABILITY:
            reading.skip(index + 1, "a segment in which the model heard no speech")
        else:
            reading.add(Turn(None, said, index + 1, start, end))
            weighted += log_probability * (end - start)
            heard_seconds += end - start
    return round(math.exp(weighted / heard_seconds), 4) if heard_seconds else None


def _segments(name: str, text: str) -> list[dict[str, Any]]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InputInvalid(name, f"must be JSON ({error})") from error
    segments = document.get("segments") if isinstance(document, dict) else None
    if not isinstance(segments, list):
        raise InputInvalid(name, "must be Whisper's output: an object with a list `segments`")
    return [segment if isinstance(segment, dict) else {} for segment in segments]
