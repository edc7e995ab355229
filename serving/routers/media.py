"""Media that waits to be processed, or failed.

Belongs here: the address and the shape of the answer. What counts as waiting belongs to dbt.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from serving import paging
from serving.database import of_application
from serving.paging import Moment
from serving.principals import Principal
from serving.problems import documented
from serving.read_models import ask_postgres, tenant_filter
from serving.security import require_scope
from stores.postgres.pool import AsyncPool

router = APIRouter(prefix="/v1/media", tags=["media"])


class WaitingFile(BaseModel):
    """A file that is not processed yet, or failed."""

    media_file_id: UUID
    interview_id: UUID
    user_id: UUID = Field(description="The customer whose interview it is.")
    media_file_status: str | None
    content_type: str
    file_size_bytes: int
    created_at: Moment | None
    waiting_seconds: int | None
    pending_job_count: int
    running_job_count: int
    failed_job_count: int
    completed_job_count: int
    failed_job_type: str | None
    is_failed: bool = Field(description="Whether somebody has to act.")


class Backlog(BaseModel):
    """A part of the backlog, the oldest file first."""

    files: list[WaitingFile]
    next_cursor: str | None = Field(description="Null at the end.")


@router.get(
    "/backlog",
    summary="List media that waits to be processed, or failed",
    responses=documented(401, 403, 404, "invalid-parameter", "invalid-cursor", 429)
    | documented("store-unavailable", "not-built-yet"),
)
async def read_backlog(
    *,
    request: Request,
    reader: Annotated[Principal, Depends(require_scope("interviews:read"))],
    pool: Annotated[AsyncPool, Depends(of_application)],
    user_id: Annotated[UUID | None, Query(description="Of this customer alone.")] = None,
    is_failed: Annotated[bool | None, Query(description="Only failed ones, or none.")] = None,
    waiting_from: Annotated[
        int | None,
        Query(alias="waiting_seconds.gte", ge=0, le=2**31, description="Waiting for as long."),
    ] = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> Backlog:
    """As PostgreSQL has it now. Needs `interviews:read`."""
    owner = tenant_filter(reader, user_id)
    place = paging.place_of(request, reader.id, cursor, {"created_at": datetime, "id": str})
    rows = await ask_postgres(
        pool,
        "media_backlog",
        user_id=owner,
        is_failed=is_failed,
        waiting_from=waiting_from,
        after_created_at=place["created_at"],
        after_id=place["id"],
        row_limit=limit + 1,
    )
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    return Backlog(
        files=[WaitingFile(**row) for row in shown],
        next_cursor=last
        and paging.next_cursor(
            request,
            reader.id,
            {"created_at": last["sorted_at"], "id": str(last["media_file_id"])},
        ),
    )
