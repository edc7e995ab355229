"""The media file of one response, and the jobs that process it.

Belongs here: what recordings and the demo have in common about media: where a file lies, how
big a video of some length is, in which order the jobs run.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from ingestion.loaders.ids import stable_id
from stores.object_store import layout

# A 720p video call, and speech; what a browser's recorder makes of them.
BYTES_PER_SECOND = {"video": 187_500, "audio": 8_000}
CONTENT_TYPES = {"video": ("video/webm", "webm"), "audio": ("audio/ogg", "ogg")}
JOB_TYPES = ("compression", "thumbnail", "transcription")
# How long each kind of job takes, as a share of the media's length.
_JOB_SHARES = {"compression": 0.5, "thumbnail": 0.02, "transcription": 0.25}
MEBIBYTE = 1 << 20


def media_size_bytes(medium: Literal["video", "audio"], seconds: float) -> int:
    return max(1, round(BYTES_PER_SECOND[medium] * seconds))


def mebibytes(size_bytes: int) -> int:
    """Whole mebibytes, rounded up, as usage is counted."""
    return -(-size_bytes // MEBIBYTE)


def media_row(
    *,
    response_id: UUID,
    interview_id: UUID,
    session_id: UUID,
    question_id: UUID,
    medium: Literal["video", "audio"],
    seconds: float,
    created_at: datetime,
    metadata: dict[str, Any],
) -> dict[str, Any]:
    """The file behind a response, processed. `seconds` gives its size."""
    content_type, suffix = CONTENT_TYPES[medium]
    place = (interview_id, session_id, question_id)
    is_video = medium == "video"
    return {
        "id": stable_id("media", response_id),
        "interview_id": interview_id,
        "session_id": session_id,
        "question_id": question_id,
        "original_filename": f"original.{suffix}",
        "content_type": content_type,
        "file_size_bytes": media_size_bytes(medium, seconds),
        "original_path": layout.raw_media(*place, suffix),
        "processed_path": (layout.compressed_video if is_video else layout.audio)(*place),
        "thumbnail_path": layout.thumbnail(*place) if is_video else None,
        "status": "processed",
        "processing_started_at": created_at + timedelta(seconds=5),
        "processing_completed_at": _job_times(created_at, seconds)[-1][2],
        "metadata": metadata,
        "created_at": created_at,
    }


def job_rows(media: dict[str, Any], seconds: float) -> Iterator[dict[str, Any]]:
    """The three jobs of a processed media file, one after the other."""
    for job_type, started_at, completed_at in _job_times(media["created_at"], seconds):
        yield {
            "id": stable_id("job", media["id"], job_type),
            "media_file_id": media["id"],
            "job_type": job_type,
            "status": "completed",
            "progress": 1.0,
            "started_at": started_at,
            "completed_at": completed_at,
            "error_message": None,
            "result_data": {},
        }


def _job_times(created_at: datetime, seconds: float) -> list[tuple[str, datetime, datetime]]:
    at = created_at + timedelta(seconds=5)
    times = []
    for job_type in JOB_TYPES:
        done = at + timedelta(seconds=2 + round(seconds * _JOB_SHARES[job_type]))
        times.append((job_type, at, done))
        at = done
    return times
