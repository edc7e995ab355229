"""What customers hire with: interviews, questions, candidates' sessions, responses, analyses.

Belongs here: the hiring side of one customer, as rows of PostgreSQL. A step that would happen
after `now` has not happened: a session stays in progress, a job is still running.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from ingestion.loaders.demo import words
from ingestion.loaders.demo.chance import (
    CANDIDATE_HOURS,
    CANDIDATE_WEEK,
    WORKING_HOURS,
    WORKING_WEEK,
    day_after,
    moment,
    poisson,
)
from ingestion.loaders.demo.population import Customer
from ingestion.loaders.media import job_rows, media_row
from ingestion.loaders.rows import Row

_ABANDONS_AT_A_QUESTION = 0.075
_JOB_FAILS = 0.012
_OPEN_FOR_DAYS = 21
_NEW_MODEL_SINCE_DAYS = 30


@dataclass
class Hiring:
    """The rows of one customer's hiring, by table."""

    customer: Customer
    chance: Random
    interviews: list[Row] = field(default_factory=list)
    questions: list[Row] = field(default_factory=list)
    templates: list[Row] = field(default_factory=list)
    sessions: list[Row] = field(default_factory=list)
    responses: list[Row] = field(default_factory=list)
    media: list[Row] = field(default_factory=list)
    jobs: list[Row] = field(default_factory=list)
    analyses: list[Row] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return self.customer.demo.now

    def tables(self) -> dict[str, list[Row]]:
        return {
            "interview_templates": self.templates,
            "interviews": self.interviews,
            "questions": self.questions,
            "candidate_sessions": self.sessions,
            "candidate_responses": self.responses,
            "media_files": self.media,
            "processing_jobs": self.jobs,
            "analysis_results": self.analyses,
        }


def hire(customer: Customer) -> Hiring:
    """Live through the window day by day."""
    hiring = Hiring(customer, customer.chance("hiring"))
    _templates(hiring)
    demo = customer.demo
    for ahead in range(demo.days + 1):
        day = demo.first_day + timedelta(days=ahead)
        if not customer.is_active_on(day):
            continue
        mean = customer.interviews_a_day(day) * WORKING_WEEK[day.weekday()]
        for _ in range(poisson(hiring.chance, mean)):
            created_at = moment(hiring.chance, day, WORKING_HOURS)
            if customer.joined_at < created_at <= hiring.now:
                _interview(hiring, created_at)
    return hiring


def _templates(hiring: Hiring) -> None:
    customer, chance = hiring.customer, hiring.chance
    for number in range(chance.choices((0, 1, 2), (6, 3, 1))[0]):
        position = chance.choice(words.POSITIONS)
        hiring.templates.append(
            {
                "id": customer.demo.id("template", customer.index, number),
                "name": f"{position}, first round",
                "description": None,
                "created_by": customer.id,
                "questions": chance.sample(words.QUESTIONS, 4),
                "is_public": chance.random() < 0.1,
                "created_at": customer.joined_at + timedelta(minutes=30 * (number + 1)),
            }
        )


def _interview(hiring: Hiring, created_at: datetime) -> None:
    customer, chance = hiring.customer, hiring.chance
    interview_id = customer.demo.id("interview", customer.index, len(hiring.interviews))
    expires_at = created_at + timedelta(days=_OPEN_FOR_DAYS)
    is_draft = chance.random() < 0.07
    is_closed = expires_at <= hiring.now
    status = "draft" if is_draft else "closed" if is_closed else "active"
    interview = {
        "id": interview_id,
        "title": f"{chance.choice(words.POSITIONS)} at {customer.company}",
        "description": None,
        "created_by": customer.id,
        "status": status,
        "public_link_token": customer.demo.id("link", interview_id),
        "expires_at": expires_at,
        "settings": {"language": chance.choices(("en", "ru"), (3, 1))[0]},
        "created_at": created_at,
        "updated_at": expires_at if is_closed and not is_draft else created_at,
    }
    hiring.interviews.append(interview)
    questions = list(_questions(hiring, interview))
    hiring.questions.extend(questions)
    if not is_draft:
        for number in range(1 + poisson(chance, 2.2)):
            _session(hiring, interview, questions, number)


def _questions(hiring: Hiring, interview: Row) -> Iterator[dict[str, Any]]:
    chance = hiring.chance
    kind = "video" if chance.random() < 0.8 else "audio"
    for index, text in enumerate(chance.sample(words.QUESTIONS, chance.randint(3, 6))):
        yield {
            "id": hiring.customer.demo.id("question", interview["id"], index),
            "interview_id": interview["id"],
            "text": text,
            "type": kind,
            "order_index": index,
            "time_limit_seconds": 120,
            "is_required": index < 3,
            "created_at": interview["created_at"],
        }


def _session(hiring: Hiring, interview: Row, questions: Sequence[Row], number: int) -> None:
    chance = hiring.chance
    day = day_after(chance, interview["created_at"].date(), _OPEN_FOR_DAYS, CANDIDATE_WEEK)
    started_at = moment(chance, day, CANDIDATE_HOURS)
    if not interview["created_at"] < started_at <= min(hiring.now, interview["expires_at"]):
        return
    given, family = chance.choice(words.GIVEN_NAMES), chance.choice(words.FAMILY_NAMES)
    session = {
        "id": hiring.customer.demo.id("session", interview["id"], number),
        "interview_id": interview["id"],
        "candidate_email": f"{given}.{family}{number}@{interview['id'].hex[:8]}.example".lower(),
        "candidate_name": f"{given} {family}",
        "status": "in_progress",
        "started_at": started_at,
        "completed_at": None,
        "user_agent": chance.choice(words.USER_AGENTS),
        "ip_address": f"198.51.100.{chance.randrange(1, 255)}",
        "metadata": {"language": interview["settings"]["language"]},
    }
    answered, at = 0, started_at + timedelta(seconds=chance.randint(20, 90))
    is_abandoned, done_at = False, at
    for question in questions:
        is_abandoned = chance.random() < _ABANDONS_AT_A_QUESTION
        seconds = min(120, max(8, round(chance.lognormvariate(4.2, 0.45))))
        done_at = at + timedelta(seconds=seconds)
        if is_abandoned or done_at > hiring.now:
            break
        _response(hiring, session, question, seconds, done_at)
        answered += 1
        at = done_at + timedelta(seconds=chance.randint(5, 60))
    if answered == len(questions):
        session |= {"status": "completed", "completed_at": done_at}
        _analysis(hiring, session, answered)
    elif is_abandoned and hiring.now - at > timedelta(hours=1):
        session["status"] = "abandoned"
    hiring.sessions.append(session)


def _response(hiring: Hiring, session: Row, question: Row, seconds: int, done_at: datetime) -> None:
    response_id = hiring.customer.demo.id("response", session["id"], question["order_index"])
    file = media_row(
        response_id=response_id,
        interview_id=session["interview_id"],
        session_id=session["id"],
        question_id=question["id"],
        medium=question["type"],
        seconds=seconds,
        created_at=done_at,
        metadata={},
    )
    jobs = list(_happened(hiring, file, seconds))
    hiring.jobs.extend(jobs)
    hiring.media.append(_after(file, jobs))
    hiring.responses.append(
        {
            "id": response_id,
            "session_id": session["id"],
            "question_id": question["id"],
            "media_file_id": file["id"],
            "duration_seconds": seconds,
            "recorded_at": done_at,
            "metadata": {},
        }
    )


def _happened(hiring: Hiring, file: dict[str, Any], seconds: int) -> Iterator[dict[str, Any]]:
    """The jobs of a file as far as they have come. After one that failed none is started."""
    has_failed = False
    for job in job_rows(file, seconds):
        fails = hiring.chance.random() < _JOB_FAILS
        if has_failed or job["started_at"] > hiring.now:
            job |= {"status": "pending", "progress": 0.0, "started_at": None, "completed_at": None}
        elif job["completed_at"] > hiring.now:
            job |= {"status": "running", "progress": 0.5, "completed_at": None}
        elif fails:
            error = words.JOB_ERRORS[job["job_type"]]
            job |= {"status": "failed", "progress": 0.4, "error_message": error}
            has_failed = True
        yield job


def _after(file: dict[str, Any], jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """The file as its jobs have left it."""
    states = {job["status"] for job in jobs}
    if states == {"completed"}:
        return file
    undone = {"processed_path": None, "thumbnail_path": None, "processing_completed_at": None}
    status = "failed" if "failed" in states else "processing"
    if jobs[0]["started_at"] is None:
        status, undone = "uploading", undone | {"processing_started_at": None}
    return file | undone | {"status": status}


def _label(sentiment: float) -> str:
    return "positive" if sentiment > 0.6 else "neutral" if sentiment > 0.4 else "negative"


def _analysis(hiring: Hiring, session: Row, answered: int) -> None:
    """The verdict of the models on a completed session, unless it is still to come."""
    chance = hiring.chance
    created_at = session["completed_at"] + timedelta(seconds=chance.randint(180, 1_200))
    has_failed = chance.random() < 0.02
    score = round(min(99.0, max(5.0, chance.gauss(67, 14))), 1)
    is_russian = session["metadata"]["language"] == "ru"
    sentences = words.SENTENCES_RU if is_russian else words.SENTENCES_EN
    is_new_model = (hiring.now - created_at).days < _NEW_MODEL_SINCE_DAYS
    assessor = (
        ("assessor-1.4", Decimal("0.0400"))
        if is_new_model
        else (
            "assessor-1.3",
            Decimal("0.0450"),
        )
    )
    sentiment = round(min(0.99, max(0.01, chance.gauss(score / 100, 0.12))), 2)
    row = {
        "id": hiring.customer.demo.id("analysis", session["id"]),
        "interview_id": session["interview_id"],
        "session_id": session["id"],
        "media_file_id": None,
        "transcription_text": "\n\n".join(
            " ".join(chance.sample(sentences, 3)) for _ in range(answered)
        ),
        "confidence_score": round(chance.uniform(0.78, 0.98), 3),
        "sentiment_analysis": {
            "label": _label(sentiment),
            "score": sentiment,
        },
        "keywords": chance.sample(words.KEYWORDS, 4),
        "skills_assessment": {
            skill: round(min(100.0, max(0.0, chance.gauss(score, 9)))) for skill in words.SKILLS
        },
        "overall_score": score,
        "ai_model_version": assessor[0],
        "processing_cost_usd": assessor[1] + Decimal("0.0120") * answered,
        "created_at": created_at,
    }
    if created_at <= hiring.now and not has_failed:
        hiring.analyses.append(row)
