"""The contracts of events as JSON Schema, for tools and for those who write clients.

Belongs here: their addresses. They need no key: a contract is no secret.
"""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import BaseModel

from serving.problems import Problem, documented
from stores.event_bus.cloudevents import schema_path
from stores.event_bus.schemas import find, json_schema, published

SCHEMA_TYPE = "application/schema+json"

router = APIRouter(prefix="/v1/schemas", tags=["schemas"])


class Contract(BaseModel):
    """One version of a contract."""

    type: str
    version: int
    schema_path: str


class Contracts(BaseModel):
    """Every contract."""

    contracts: list[Contract]


@router.get("", summary="List the contracts of events")
async def list_contracts() -> Contracts:
    """Each with its version and where its schema is."""
    return Contracts(
        contracts=[
            Contract(type=kind.name, version=kind.version, schema_path=schema_path(kind))
            for kind in published()
        ]
    )


@router.get(
    "/{type}/{version}",
    summary="Read a contract as JSON Schema",
    response_class=Response,
    responses=documented(404, 422)
    | {200: {"content": {SCHEMA_TYPE: {"schema": {"type": "object"}}}}},
)
async def read_contract(
    type: Annotated[str, Path(description="Such as `user_events`.", examples=["user_events"])],  # noqa: A002  named in the path
    version: Annotated[int, Path(description="Its version.", examples=[1])],
) -> Response:
    """What an event of this kind must be. A published version is never made stricter."""
    kind = find(type, version)
    if kind is None:
        names: list[Any] = [f"{each.name}/{each.version}" for each in published()]
        raise Problem(404, f"There is no such contract; there are {', '.join(names)}.")
    return Response(orjson.dumps(json_schema(kind)), media_type=SCHEMA_TYPE)
