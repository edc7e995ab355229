"""Messages of a replication stream as they lie in memory: framed, not yet understood.

Belongs here: where one message begins and ends. Where the bytes come from belongs to
`replication`; what they mean belongs to `ingestion.cdc`.

Each frame is `d`, its length, and then either a piece of the log (`w`, three positions and times,
one message of the output plugin) or a keepalive (`k`).
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]

# From the start of a frame to its payload, and from there to the plugin's message.
FRAME_HEADER, LOG_HEADER = 5, 25
MESSAGE_OFFSET = FRAME_HEADER + LOG_HEADER
# Readers may look this far beyond the last frame.
PADDING = 64

_LENGTH = struct.Struct(">I")
_NO_POSITIONS = bytes(LOG_HEADER - 1)


@dataclass(frozen=True, slots=True)
class Frames:
    """Pieces of the log, in order. `data` belongs to whoever takes them until they return.

    `starts` and `ends` are positions in `data`, whose length exceeds the last by PADDING.
    """

    data: bytearray
    starts: Positions
    ends: Positions


def find_frames(data: bytearray, position: int, limit: int) -> tuple[list[int], int]:
    """Where the whole frames between `position` and `limit` start, and where the last ends."""
    starts: list[int] = []
    append, unpack, last = starts.append, _LENGTH.unpack_from, limit - FRAME_HEADER
    while position <= last:
        end = position + 1 + unpack(data, position + 1)[0]
        if end > limit:
            break
        append(position)
        position = end
    return starts, position


def frames_between(data: bytearray, starts: list[int], end: int) -> Frames:
    """Frames that lie back to back, the last one ending at `end`."""
    positions = np.array(starts, dtype=np.int64)
    return Frames(data, positions, np.append(positions[1:], end))


def framed(payload: bytes) -> bytes:
    """One frame of a payload that came without."""
    return b"d" + _LENGTH.pack(len(payload) + 4) + payload


def frames_of(messages: Iterable[bytes]) -> Frames:
    """Messages of the output plugin as if they had just come."""
    data, starts = bytearray(), []
    for message in messages:
        starts.append(len(data))
        data += framed(b"w" + _NO_POSITIONS + message)
    end = len(data)
    return frames_between(data + bytes(PADDING), starts, end)
