"""A candidate's session, moment by moment.

Belongs here: the address and the shape of the answer. PostgreSQL is asked, so that support sees
what the candidate has just done.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from serving import paging
from serving.database import of_application
from serving.paging import Moment
from serving.principals import Principal, ensure_tenant, not_found
from serving.problems import documented
from serving.read_models import ask_postgres
from serving.security import require_scope
from stores.postgres.pool import AsyncPool

router = APIRouter(prefix="/v1/candidate-sessions", tags=["interviews"])


class TimelineEntry(BaseModel):
    """Something that happened in a session."""

    at: Moment
    kind: str = Field(
        description="`session_started`, `response_recorded`, `media_uploaded`, `job_started`,"
        " `job_completed`, `job_failed`, `analysis_completed` or `session_completed`."
    )
    subject_id: UUID = Field(description="The session, response, file, job or analysis.")
    details: dict[str, Any]


class Timeline(BaseModel):
    """A part of a session's timeline, in order. It names no candidate."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session_id": "0192f0c1-5f7e-7cc0-98a8-3f1f0a5b7c31",
                    "interview_id": "0192f0c1-5f7e-7cc0-98a8-3f1f0a5b7c11",
                    "status": "in_progress",
                    "entries": [
                        {
                            "at": "2026-11-23T14:03:20.120Z",
                            "kind": "response_recorded",
                            "subject_id": "0192f0c1-5f7e-7cc0-98a8-3f1f0a5b7c41",
                            "details": {"duration_seconds": 74},
                        }
                    ],
                    "next_cursor": None,
                }
            ]
        }
    )

    session_id: UUID
    interview_id: UUID
    status: str | None
    entries: list[TimelineEntry]
    next_cursor: str | None = Field(description="Null at the end.")


@router.get(
    "/{session_id}/timeline",
    summary="What happened in a candidate's session",
    responses=documented(401, 403, 404, "invalid-parameter", "invalid-cursor", 429, 503),
)
async def read_timeline(
    *,
    request: Request,
    reader: Annotated[Principal, Depends(require_scope("interviews:read"))],
    pool: Annotated[AsyncPool, Depends(of_application)],
    session_id: Annotated[UUID, Path(description="The session's id.")],
    limit: paging.Limit = 100,
    cursor: paging.Cursor = None,
) -> Timeline:
    """The oldest first: answers, uploads, processing and analyses. Needs `interviews:read`."""
    place = paging.place_of(request, reader.id, cursor, {"at": datetime, "kind": str, "id": str})
    sessions = await ask_postgres(pool, "candidate_session", session_id=session_id)
    if not sessions:
        raise not_found("session")
    ensure_tenant(reader, sessions[0]["user_id"], "session")
    rows = await ask_postgres(
        pool,
        "session_timeline",
        session_id=session_id,
        after_at=place["at"],
        after_kind=place["kind"],
        after_id=place["id"],
        row_limit=limit + 1,
    )
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    return Timeline(
        session_id=session_id,
        interview_id=sessions[0]["interview_id"],
        status=sessions[0]["status"],
        entries=[TimelineEntry(**row) for row in shown],
        next_cursor=last
        and paging.next_cursor(
            request,
            reader.id,
            {"at": last["at"], "kind": last["kind"], "id": str(last["subject_id"])},
        ),
    )
