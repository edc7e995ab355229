"""What the API says of an interview, to its owner and to a candidate, read from PostgreSQL.

Belongs here: the two shapes and the questions that fill them. When PostgreSQL is asked is decided
in `serving.interviews`.
"""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from serving.paging import Moment
from serving.queries.warehouse import question
from stores.postgres.pool import AsyncPool

_QUESTION: JsonDict = {
    "id": "0192f0c1-5f7e-7cc0-98a8-3f1f0a5b7c21",
    "text": "Tell us about a service that you have built.",
    "type": "video",
    "order_index": 1,
    "time_limit_seconds": 120,
    "is_required": True,
}


class Question(BaseModel):
    """One question, in the order in which candidates get them."""

    id: UUID
    text: str
    type: str = Field(description="`video` or `audio`.")
    order_index: int
    time_limit_seconds: int | None
    is_required: bool | None


class Interview(BaseModel):
    """An interview with its questions."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0192f0c1-5f7e-7cc0-98a8-3f1f0a5b7c11",
                    "user_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
                    "title": "Backend engineer",
                    "description": None,
                    "status": "active",
                    "expires_at": "2026-12-31T00:00:00.000Z",
                    "settings": {"language": "en"},
                    "questions": [_QUESTION],
                    "created_at": "2026-11-20T09:30:00.000Z",
                    "updated_at": "2026-11-23T14:03:20.120Z",
                }
            ]
        }
    )

    id: UUID
    user_id: UUID = Field(description="The customer who made it.")
    title: str
    description: str | None
    status: str | None = Field(description="Such as `draft`, `active` or `closed`.")
    expires_at: Moment | None = Field(description="When its public link ends; null: it does not.")
    settings: dict[str, Any] | None
    questions: list[Question]
    created_at: Moment | None
    updated_at: Moment | None


class PublicInterview(BaseModel):
    """What a candidate sees before they begin."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "Backend engineer",
                    "description": None,
                    "expires_at": "2026-12-31T00:00:00.000Z",
                    "questions": [_QUESTION],
                }
            ]
        }
    )

    title: str
    description: str | None
    expires_at: Moment | None
    questions: list[Question]


async def read_interview(pool: AsyncPool, identity: UUID) -> bytes | None:
    """The answer's bytes, or None where there is no such interview. Raises TransientError."""
    rows = await pool.rows(question("postgres/interview"), {"interview_id": identity})
    return Interview(**rows[0]).model_dump_json().encode() if rows else None


async def read_public(pool: AsyncPool, token: UUID) -> dict[str, Any] | None:
    """The row behind a public link, with `status` and `is_expired`. Raises TransientError."""
    rows = await pool.rows(question("postgres/public_interview"), {"token": token})
    return rows[0] if rows else None
