from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.history import History
from ...models.problem import Problem
from ...types import UNSET, Unset
from typing import cast
from uuid import UUID


def _get_kwargs(
    aggregate_type: str,
    aggregate_id: UUID,
    *,
    after_version: int | Unset = 0,
    limit: int | Unset = 100,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["after_version"] = after_version

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/aggregates/{aggregate_type}/{aggregate_id}/events".format(
            aggregate_type=quote(str(aggregate_type), safe=""),
            aggregate_id=quote(str(aggregate_id), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> History | Problem | None:
    if response.status_code == 200:
        response_200 = History.from_dict(response.json())

        return response_200

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

    if response.status_code == 422:
        response_422 = Problem.from_dict(response.json())

        return response_422

    if response.status_code == 429:
        response_429 = Problem.from_dict(response.json())

        return response_429

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    if response.status_code == 504:
        response_504 = Problem.from_dict(response.json())

        return response_504

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[History | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    aggregate_type: str,
    aggregate_id: UUID,
    *,
    client: AuthenticatedClient,
    after_version: int | Unset = 0,
    limit: int | Unset = 100,
) -> Response[History | Problem]:
    """Read the history of an aggregate

     In order, from the version after `after_version`; what was read never changes.

    Needs the scope `aggregates:read`.

    Args:
        aggregate_type (str): Such as `interview`.
        aggregate_id (UUID): The aggregate; an id belongs to one type.
        after_version (int | Unset): `next_after_version` of the part before. Default: 0.
        limit (int | Unset): How many at most. Default: 100.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[History | Problem]
    """

    kwargs = _get_kwargs(
        aggregate_type=aggregate_type,
        aggregate_id=aggregate_id,
        after_version=after_version,
        limit=limit,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    aggregate_type: str,
    aggregate_id: UUID,
    *,
    client: AuthenticatedClient,
    after_version: int | Unset = 0,
    limit: int | Unset = 100,
) -> History | Problem | None:
    """Read the history of an aggregate

     In order, from the version after `after_version`; what was read never changes.

    Needs the scope `aggregates:read`.

    Args:
        aggregate_type (str): Such as `interview`.
        aggregate_id (UUID): The aggregate; an id belongs to one type.
        after_version (int | Unset): `next_after_version` of the part before. Default: 0.
        limit (int | Unset): How many at most. Default: 100.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        History | Problem
    """

    return sync_detailed(
        aggregate_type=aggregate_type,
        aggregate_id=aggregate_id,
        client=client,
        after_version=after_version,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    aggregate_type: str,
    aggregate_id: UUID,
    *,
    client: AuthenticatedClient,
    after_version: int | Unset = 0,
    limit: int | Unset = 100,
) -> Response[History | Problem]:
    """Read the history of an aggregate

     In order, from the version after `after_version`; what was read never changes.

    Needs the scope `aggregates:read`.

    Args:
        aggregate_type (str): Such as `interview`.
        aggregate_id (UUID): The aggregate; an id belongs to one type.
        after_version (int | Unset): `next_after_version` of the part before. Default: 0.
        limit (int | Unset): How many at most. Default: 100.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[History | Problem]
    """

    kwargs = _get_kwargs(
        aggregate_type=aggregate_type,
        aggregate_id=aggregate_id,
        after_version=after_version,
        limit=limit,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    aggregate_type: str,
    aggregate_id: UUID,
    *,
    client: AuthenticatedClient,
    after_version: int | Unset = 0,
    limit: int | Unset = 100,
) -> History | Problem | None:
    """Read the history of an aggregate

     In order, from the version after `after_version`; what was read never changes.

    Needs the scope `aggregates:read`.

    Args:
        aggregate_type (str): Such as `interview`.
        aggregate_id (UUID): The aggregate; an id belongs to one type.
        after_version (int | Unset): `next_after_version` of the part before. Default: 0.
        limit (int | Unset): How many at most. Default: 100.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        History | Problem
    """

    return (
        await asyncio_detailed(
            aggregate_type=aggregate_type,
            aggregate_id=aggregate_id,
            client=client,
            after_version=after_version,
            limit=limit,
        )
    ).parsed
