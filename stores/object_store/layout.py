"""Every key in the bucket. Its lifetime follows from its prefix, in `lifecycle.json`.

Belongs here: names. A part that comes from outside is checked, for a key with a slash too
many would be another object.
"""

import re
from datetime import date
from uuid import UUID

from stores.errors import InputInvalid

RAW_MEDIA = "media/raw/"
PROCESSED_MEDIA = "media/processed/"
REPORTS = "reports/"
BACKUPS = "backups/"
TEMPORARY = "temp/"

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def raw_media(interview_id: UUID, session_id: UUID, question_id: UUID, extension: str) -> str:
    """A recorded answer as it was received; `extension` is without a dot."""
    part = _checked("extension", extension)
    return f"{RAW_MEDIA}{interview_id}/{session_id}/{question_id}/original.{part}"


def raw_metadata(interview_id: UUID, session_id: UUID, question_id: UUID) -> str:
    """What is known of a recorded answer."""
    return f"{RAW_MEDIA}{interview_id}/{session_id}/{question_id}/metadata.json"


def compressed_video(interview_id: UUID, session_id: UUID, question_id: UUID) -> str:
    """A recorded answer made small."""
    return f"{PROCESSED_MEDIA}{interview_id}/{session_id}/{question_id}/compressed.mp4"


def audio(interview_id: UUID, session_id: UUID, question_id: UUID) -> str:
    """Its sound, for transcription."""
    return f"{PROCESSED_MEDIA}{interview_id}/{session_id}/{question_id}/audio.wav"


def thumbnail(interview_id: UUID, session_id: UUID, question_id: UUID) -> str:
    """A picture of it."""
    return f"{PROCESSED_MEDIA}{interview_id}/{session_id}/{question_id}/thumbnail.jpg"


def candidate_report(interview_id: UUID, session_id: UUID) -> str:
    """The report on one candidate."""
    return f"{REPORTS}{interview_id}/candidate_{session_id}_report.pdf"


def summary_report(interview_id: UUID) -> str:
    """The report on all candidates of an interview."""
    return f"{REPORTS}{interview_id}/summary_report.pdf"


def database_backup(day: date) -> str:
    """A day's dump of PostgreSQL."""
    return f"{BACKUPS}database/{day.isoformat()}/postgresql_dump.sql.gz"


def configuration_backup(day: date) -> str:
    """A day's configuration."""
    return f"{BACKUPS}config/{day.isoformat()}/config_backup.tar.gz"


def upload_chunk(upload_id: str, number: int) -> str:
    """One part of an upload that is not complete."""
    if number < 0:
        raise InputInvalid("number", "must not be negative")
    return f"{TEMPORARY}uploads/{_checked('upload_id', upload_id)}/chunk_{number}"


def upload_metadata(upload_id: str) -> str:
    """What is known of an upload that is not complete."""
    return f"{TEMPORARY}uploads/{_checked('upload_id', upload_id)}/metadata.json"


def _checked(field: str, part: str) -> str:
    if not _PART.fullmatch(part):
        raise InputInvalid(
            field, "must be 1 to 128 letters, digits, '.', '_' and '-', and begin with neither"
        )
    return part
