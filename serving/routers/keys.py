"""API keys over HTTP, for administrators: listed, made, rotated, revoked.

Belongs here: addresses, shapes and status codes. How a key is kept is in
`stores.postgres.api_keys`.

No `Idempotency-Key` here: it would keep the answer, and the answer holds the key. A name is what
makes a repetition known: it is refused while a key of that name works.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar
from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from serving.paging import MomentGiven
from serving.problems import Problem, documented, invalid_parameter
from serving.security import Principal, not_found, require_scope
from serving.small_json import SmallJson
from stores.errors import InputInvalid, StateConflict, StoreUnavailable
from stores.postgres import api_keys, client

PAGE_LIMIT = 1000
OVERLAP_SECONDS_LIMIT = 30 * 24 * 3600
_NO_CONTROL = r"^[^\x00-\x1f\x7f]+$"

logger = logging.getLogger(__name__)
router = APIRouter(prefix="/v1/admin/keys", tags=["keys"], route_class=SmallJson)

Administrator = Annotated[Principal, Depends(require_scope(api_keys.ADMIN))]
KeyId = Annotated[UUID, Path(description="As listed.")]
Answer = TypeVar("Answer")


class NewKey(BaseModel):
    """What a key is to be."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "billing-service", "scopes": ["usage:read", "quota:consume"]}]
        },
    )
    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=api_keys.NAME_LENGTH_LIMIT, pattern=_NO_CONTROL),
    ] = Field(description="Of the service that has it.", examples=["billing-service"])
    scopes: list[api_keys.Scope] = Field(
        min_length=1,
        max_length=len(api_keys.SCOPES),
        description="`admin` implies all others.",
        examples=[["usage:read", "quota:consume"]],
    )
    user_id: UUID | None = Field(
        None,
        description="Whose objects it may see; null: every user's, for a service of the platform."
        f" A user's key may have {', '.join(f'`{scope}`' for scope in api_keys.TENANT_SCOPES)}.",
    )
    expires_at: MomentGiven | None = Field(
        None, description="Null: never.", examples=["2030-01-01T00:00:00Z"]
    )
    requests_per_minute: int | None = Field(None, strict=True, ge=1, le=10**9)
    events_per_minute: int | None = Field(None, strict=True, ge=10_000, le=10**9)


class Rotation(BaseModel):
    """How the former key ends."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"overlap_seconds": 86400}]}
    )
    overlap_seconds: int = Field(
        24 * 3600,
        strict=True,
        ge=0,
        le=OVERLAP_SECONDS_LIMIT,
        description="For how long the former key works too.",
    )


class Key(BaseModel):
    """What is known of a key; the key itself is not."""

    id: UUID
    name: str = Field(examples=["billing-service"])
    scopes: list[str] = Field(examples=[["quota:consume", "usage:read"]])
    user_id: UUID | None
    state: Literal["works", "expired", "revoked"]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="Right to about a minute.")
    former_key_works_until: datetime | None = Field(description="Of a key that was rotated.")
    requests_per_minute: int | None
    events_per_minute: int | None


class MadeKey(Key):
    """A key, this once."""

    key: str = Field(examples=["idp_p3T1h6mQw0y1VQnJ8xkq2mXj8b9rYwQmN4u0aZcVd5E"])


class Keys(BaseModel):
    """A part of the keys, by name."""

    keys: list[Key]
    next_after_name: str | None = Field(
        description="Give this as `after_name` for the next part; null at the end."
    )


@router.get("", summary="List API keys", responses=documented(401, 403, 422, 429, 503))
async def list_keys(
    _: Administrator,
    after_name: Annotated[
        str,
        Query(
            max_length=api_keys.NAME_LENGTH_LIMIT,
            description="`next_after_name` of the part before.",
        ),
    ] = "",
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT, description="How many at most.")] = 100,
) -> Keys:
    """Also those that are expired or revoked. Needs the scope `admin`, as all of these."""
    if "\x00" in after_name:
        return Keys(keys=[], next_after_name=None)
    found = await _in_postgres(
        lambda connection: api_keys.list_keys(connection, after_name, limit + 1)
    )
    return Keys(
        keys=[Key(**_shown(key)) for key in found[:limit]],
        next_after_name=found[limit - 1].name if len(found) > limit else None,
    )


@router.post(
    "",
    status_code=201,
    summary="Make an API key",
    responses=documented(400, 401, 403, 409, 413, 415, 422, 429, 503),
)
async def make_key(wanted: NewKey, administrator: Administrator) -> MadeKey:
    """The answer is the only one with the key. 409 where a key of that name works."""
    if wanted.expires_at is not None and wanted.expires_at <= datetime.now(UTC):
        raise invalid_parameter("expires_at", "must be ahead")
    limits = api_keys.Limits(wanted.requests_per_minute, wanted.events_per_minute)

    def make(connection: client.Connection) -> tuple[str, api_keys.ApiKey | None]:
        made = api_keys.create(
            connection,
            wanted.name,
            wanted.scopes,
            expires_at=wanted.expires_at,
            limits=limits,
            user_id=wanted.user_id,
            must_be_new=True,
        )
        return made, api_keys.named(connection, wanted.name)

    try:
        made, found = await _in_postgres(make)
    except InputInvalid as error:
        raise invalid_parameter(error.field, error.rule) from None
    return _made(made, found, administrator, "made")


@router.post(
    "/{key_id}/rotate",
    summary="Replace an API key",
    responses=documented(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
)
async def rotate_key(key_id: KeyId, wanted: Rotation, administrator: Administrator) -> MadeKey:
    """Another key with the same rights; the former one works for a while, so that none is missed.

    A former key that still worked from an earlier rotation ends now.
    """

    def rotate(connection: client.Connection) -> tuple[str, api_keys.ApiKey | None]:
        if api_keys.get(connection, key_id) is None:
            raise not_found("key")
        made = api_keys.rotate(connection, key_id, wanted.overlap_seconds)
        return made, api_keys.get(connection, key_id)

    made, found = await _in_postgres(rotate)
    return _made(made, found, administrator, "rotated")


@router.delete(
    "/{key_id}",
    status_code=204,
    summary="Revoke an API key",
    responses=documented(401, 403, 404, 422, 429, 503),
)
async def revoke_key(key_id: KeyId, administrator: Administrator) -> None:
    """It ends within 15 seconds, a former one of a rotation with it. Again changes nothing."""

    def revoke(connection: client.Connection) -> None:
        found = api_keys.get(connection, key_id)
        if found is None:
            raise not_found("key")
        api_keys.revoke(connection, found.name)

    await _in_postgres(revoke)
    _log("revoked", key_id, administrator)


async def _in_postgres(work: Callable[[client.Connection], Answer]) -> Answer:
    """Run `work` in a transaction, in a thread. Raises Problem 409, StoreUnavailable."""

    def run() -> Answer:
        try:
            with client.connect() as connection:
                return work(connection)
        except client.OperationalError as error:
            raise StoreUnavailable("DATABASE_URL: PostgreSQL went away") from error

    try:
        return await to_thread.run_sync(run)
    except StateConflict as error:
        text = str(error)
        raise Problem(409, f"{text[:1].upper()}{text[1:]}.") from None


def _made(made: str, found: api_keys.ApiKey | None, administrator: Principal, what: str) -> MadeKey:
    assert found is not None  # noqa: S101  made in the same transaction
    _log(what, found.id, administrator)
    return MadeKey(key=made, **_shown(found))


def _log(what: str, key_id: UUID, administrator: Principal) -> None:
    logger.info("key %s was %s by %s %s", key_id, what, administrator.kind, administrator.id)


def _shown(key: api_keys.ApiKey) -> dict[str, object]:
    is_overlapping = key.previous_until is not None and key.previous_until > datetime.now(UTC)
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "user_id": key.user_id,
        "state": key.state,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
        "former_key_works_until": key.previous_until if is_overlapping else None,
        "requests_per_minute": key.requests_per_minute,
        "events_per_minute": key.events_per_minute,
    }
