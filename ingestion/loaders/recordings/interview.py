"""One recording as the rows that the product would have written.

Belongs here: the mapping from questions and answers to tables. Two things no transcript has
are reckoned and marked in `metadata`: the size of a media file, from its length at a usual bit
rate, and that length, from the number of words, where the layout has no times.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from ingestion.loaders.ids import email_of, stable_id
from ingestion.loaders.media import job_rows, mebibytes, media_row
from ingestion.loaders.recordings.roles import Answer, Conversation
from ingestion.loaders.recordings.turns import Recording
from ingestion.loaders.reference import user_id
from ingestion.loaders.rows import Row

WORDS_PER_SECOND = 2.5
# The owner of recordings that name no interviewer.
NOBODY_NAMED = "unnamed.interviewer@example.com"
_KEYWORDS_AT_MOST = 10
_KEYWORD_LETTERS = 7
# Long words that every conversation is full of.
_FILLERS = """
    actually already another anything basically because between certain completely definitely
    different everybody everyone everything exactly getting interesting literally looking
    obviously particular particularly pretty probably personally question remember several someone
    something sometimes started talking through thinking thought together totally trying
    ultimately usually whatever without working
"""


@dataclass(frozen=True)
class Interview:
    """A recording with everything decided that turns it into rows."""

    recording: Recording
    conversation: Conversation
    held_at: datetime

    @property
    def id(self) -> UUID:
        return stable_id("recording", self.recording.name)

    @property
    def owner_email(self) -> str:
        interviewers = self.conversation.interviewers
        return email_of(interviewers[0]) if interviewers else NOBODY_NAMED

    @property
    def ended_at(self) -> datetime:
        """The last time the transcript knows of; the start, where it knows of none."""
        return self.held_at + timedelta(seconds=round(self.recording.end_seconds or 0))

    def at(self, seconds: float | None) -> datetime:
        return self.held_at + timedelta(seconds=round(seconds or 0))


def interview_rows(interview: Interview) -> dict[str, list[Row]]:
    """The rows of every table that belong to this interview alone."""
    tables: dict[str, list[Row]] = {
        "interviews": [_interview(interview)],
        "questions": list(_questions(interview)),
    }
    for name, answers in interview.conversation.answers.items():
        for table, rows in _session(interview, name, answers).items():
            tables.setdefault(table, []).extend(rows)
    return tables


def _interview(interview: Interview) -> Row:
    recording = interview.recording
    return {
        "id": interview.id,
        "title": recording.title[:255],
        "description": f"Loaded from the recording {recording.name}.",
        "created_by": user_id(interview.owner_email),
        "status": "closed",
        "public_link_token": stable_id("link", interview.id),
        "expires_at": None,
        "settings": {
            "source": recording.name,
            "url": recording.url,
            "layout": recording.layout,
            "timing": recording.timing,
            "interviewers": interview.conversation.interviewers,
        },
        "created_at": interview.held_at,
        "updated_at": interview.ended_at,
    }


def _question_id(interview: Interview, index: int) -> UUID:
    return stable_id("question", interview.id, index)


def _questions(interview: Interview) -> Iterator[Row]:
    for index, text in enumerate(interview.conversation.questions):
        yield {
            "id": _question_id(interview, index),
            "interview_id": interview.id,
            "text": text,
            "type": interview.recording.medium,
            "order_index": index,
            "time_limit_seconds": None,
            "is_required": False,
            "created_at": interview.held_at,
        }


def _session(interview: Interview, name: str | None, answers: list[Answer]) -> dict[str, list[Row]]:
    session_id = stable_id("session", interview.id, name or "")
    media: list[Row] = []
    jobs: list[Row] = []
    responses: list[Row] = []
    for answer in answers:
        response, file, its_jobs = _response(interview, session_id, answer)
        responses.append(response)
        media.append(file)
        jobs.extend(its_jobs)
    return {
        "candidate_sessions": [_session_row(interview, session_id, name)],
        "media_files": media,
        "candidate_responses": responses,
        "processing_jobs": jobs,
        "analysis_results": [_analysis(interview, session_id, answers, media)],
    }


def _session_row(interview: Interview, session_id: UUID, name: str | None) -> Row:
    # Where no time is known, that it has ended is known all the same; when is not.
    is_timed = interview.recording.end_seconds is not None
    return {
        "id": session_id,
        "interview_id": interview.id,
        "candidate_email": email_of(name) if name else None,
        "candidate_name": name,
        "status": "completed",
        "started_at": interview.held_at,
        "completed_at": interview.ended_at if is_timed else None,
        "user_agent": None,
        "ip_address": None,
        "metadata": {"timing": interview.recording.timing},
    }


def _response(interview: Interview, session_id: UUID, answer: Answer) -> tuple[Row, Row, list[Row]]:
    question_id = _question_id(interview, answer.question_index)
    response_id = stable_id("response", session_id, answer.question_index)
    seconds = answer.duration_seconds
    length = seconds if seconds is not None else len(answer.text.split()) / WORDS_PER_SECOND
    file = media_row(
        response_id=response_id,
        interview_id=interview.id,
        session_id=session_id,
        question_id=question_id,
        medium=interview.recording.medium,
        seconds=length,
        created_at=interview.at(answer.start_seconds),
        metadata={
            "size": "reckoned from the length",
            "length": "stated" if seconds is not None else "reckoned from the words",
        },
    )
    response = {
        "id": response_id,
        "session_id": session_id,
        "question_id": question_id,
        "media_file_id": file["id"],
        "duration_seconds": None if seconds is None else round(seconds),
        "recorded_at": interview.at(answer.start_seconds),
        "metadata": {
            "timing": interview.recording.timing if seconds is not None else "none",
            "turns": len(answer.turns),
            "words": len(answer.text.split()),
        },
    }
    return response, file, list(job_rows(file, length))


def _analysis(
    interview: Interview, session_id: UUID, answers: list[Answer], media: list[Row]
) -> Row:
    text = "\n\n".join(answer.text for answer in answers)
    transcribed_by = interview.recording.transcribed_by
    return {
        "id": stable_id("analysis", session_id),
        "interview_id": interview.id,
        "session_id": session_id,
        "media_file_id": media[0]["id"] if len(media) == 1 else None,
        "transcription_text": text,
        "confidence_score": interview.recording.confidence,
        "sentiment_analysis": None,
        "keywords": _keywords(text),
        "skills_assessment": None,
        "overall_score": None,
        "ai_model_version": transcribed_by,
        "processing_cost_usd": None,
        "created_at": max(file["processing_completed_at"] for file in media),
    }


def _keywords(text: str) -> list[str]:
    """The words of some length that are said most; equal counts in the order of the alphabet."""
    words = (word.strip(".,!?;:\"'()[]_*").casefold() for word in text.split())
    counts = Counter(word for word in words if _is_keyword(word))
    return sorted(counts, key=lambda word: (-counts[word], word))[:_KEYWORDS_AT_MOST]


def _is_keyword(word: str) -> bool:
    return len(word) >= _KEYWORD_LETTERS and word.isalpha() and word not in _FILLERS.split()


def usage_of(tables: dict[str, list[Row]]) -> dict[str, int]:
    """What an interview with these rows consumed of its owner's plan, in the plan's units."""
    size = sum(row["file_size_bytes"] for row in tables["media_files"])
    return {
        "interviews": 1,
        "analysis": len(tables["analysis_results"]),
        "storage": mebibytes(size),
    }


def newest_time(tables: dict[str, list[Row]]) -> datetime:
    """The latest time in any row: what must not lie in the future."""
    values = (value for rows in tables.values() for row in rows for value in row.values())
    return max(value for value in values if isinstance(value, datetime))
