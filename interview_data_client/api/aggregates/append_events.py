from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.append import Append
from ...models.appended import Appended
from ...models.problem import Problem
from typing import cast
from uuid import UUID


def _get_kwargs(
    aggregate_type: str,
    aggregate_id: UUID,
    *,
    body: Append,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/aggregates/{aggregate_type}/{aggregate_id}/events".format(
            aggregate_type=quote(str(aggregate_type), safe=""),
            aggregate_id=quote(str(aggregate_id), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Appended | Problem | None:
    if response.status_code == 200:
        response_200 = Appended.from_dict(response.json())

        return response_200

    if response.status_code == 201:
        response_201 = Appended.from_dict(response.json())

        return response_201

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

    if response.status_code == 408:
        response_408 = Problem.from_dict(response.json())

        return response_408

    if response.status_code == 409:
        response_409 = Problem.from_dict(response.json())

        return response_409

    if response.status_code == 413:
        response_413 = Problem.from_dict(response.json())

        return response_413

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
) -> Response[Appended | Problem]:
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
    body: Append,
) -> Response[Appended | Problem]:
    """Append to an aggregate

     All of the events or none, at the version expected, or 409 with `current_version`.

    After 503 or no answer send the same again: ids that are stored answer 200 with their versions.

    Needs the scope `aggregates:write`.

    Args:
        aggregate_type (str): Such as `interview`.
        aggregate_id (UUID): The aggregate; an id belongs to one type.
        body (Append): Facts to append together, all or none.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Appended | Problem]
    """

    kwargs = _get_kwargs(
        aggregate_type=aggregate_type,
        aggregate_id=aggregate_id,
        body=body,
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
    body: Append,
) -> Appended | Problem | None:
    """Append to an aggregate

     All of the events or none, at the version expected, or 409 with `current_version`.

    After 503 or no answer send the same again: ids that are stored answer 200 with their versions.

    Needs the scope `aggregates:write`.

    Args:
        aggregate_type (str): Such as `interview`.
        aggregate_id (UUID): The aggregate; an id belongs to one type.
        body (Append): Facts to append together, all or none.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Appended | Problem
    """

    return sync_detailed(
        aggregate_type=aggregate_type,
        aggregate_id=aggregate_id,
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    aggregate_type: str,
    aggregate_id: UUID,
    *,
    client: AuthenticatedClient,
    body: Append,
) -> Response[Appended | Problem]:
    """Append to an aggregate

     All of the events or none, at the version expected, or 409 with `current_version`.

    After 503 or no answer send the same again: ids that are stored answer 200 with their versions.

    Needs the scope `aggregates:write`.

    Args:
        aggregate_type (str): Such as `interview`.
        aggregate_id (UUID): The aggregate; an id belongs to one type.
        body (Append): Facts to append together, all or none.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Appended | Problem]
    """

    kwargs = _get_kwargs(
        aggregate_type=aggregate_type,
        aggregate_id=aggregate_id,
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    aggregate_type: str,
    aggregate_id: UUID,
    *,
    client: AuthenticatedClient,
    body: Append,
) -> Appended | Problem | None:
    """Append to an aggregate

     All of the events or none, at the version expected, or 409 with `current_version`.

    After 503 or no answer send the same again: ids that are stored answer 200 with their versions.

    Needs the scope `aggregates:write`.

    Args:
        aggregate_type (str): Such as `interview`.
        aggregate_id (UUID): The aggregate; an id belongs to one type.
        body (Append): Facts to append together, all or none.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Appended | Problem
    """

    return (
        await asyncio_detailed(
            aggregate_type=aggregate_type,
            aggregate_id=aggregate_id,
            client=client,
            body=body,
        )
    ).parsed
