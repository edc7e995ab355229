from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.api_healths import ApiHealths
from ...models.problem import Problem
from ...types import UNSET, Unset
from typing import cast
import datetime


def _get_kwargs(
    *,
    hour_gte: datetime.datetime | None | Unset = UNSET,
    hour_lt: datetime.datetime | None | Unset = UNSET,
    service_name: str | Unset = "",
    server_error_count_gte: int | Unset = 0,
    limit: int | Unset = 100,
    cursor: None | str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_hour_gte: None | str | Unset
    if isinstance(hour_gte, Unset):
        json_hour_gte = UNSET
    elif isinstance(hour_gte, datetime.datetime):
        json_hour_gte = hour_gte.isoformat()
    else:
        json_hour_gte = hour_gte
    params["hour.gte"] = json_hour_gte

    json_hour_lt: None | str | Unset
    if isinstance(hour_lt, Unset):
        json_hour_lt = UNSET
    elif isinstance(hour_lt, datetime.datetime):
        json_hour_lt = hour_lt.isoformat()
    else:
        json_hour_lt = hour_lt
    params["hour.lt"] = json_hour_lt

    params["service_name"] = service_name

    params["server_error_count.gte"] = server_error_count_gte

    params["limit"] = limit

    json_cursor: None | str | Unset
    if isinstance(cursor, Unset):
        json_cursor = UNSET
    else:
        json_cursor = cursor
    params["cursor"] = json_cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/analytics/api-health",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ApiHealths | Problem | None:
    if response.status_code == 200:
        response_200 = ApiHealths.from_dict(response.json())

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
) -> Response[ApiHealths | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    hour_gte: datetime.datetime | None | Unset = UNSET,
    hour_lt: datetime.datetime | None | Unset = UNSET,
    service_name: str | Unset = "",
    server_error_count_gte: int | Unset = 0,
    limit: int | Unset = 100,
    cursor: None | str | Unset = UNSET,
) -> Response[ApiHealths | Problem]:
    """How APIs answered, by hour

     Of all services, so a customer's credentials get 403. Needs `analytics:read`.

    Args:
        hour_gte (datetime.datetime | None | Unset): That hour or later.
        hour_lt (datetime.datetime | None | Unset): Before that hour.
        service_name (str | Unset): Of this service alone. Default: ''.
        server_error_count_gte (int | Unset): At least so many. Default: 0.
        limit (int | Unset): How many at most. Default: 100.
        cursor (None | str | Unset): `next_cursor` of the part before; give the same filters with
            it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ApiHealths | Problem]
    """

    kwargs = _get_kwargs(
        hour_gte=hour_gte,
        hour_lt=hour_lt,
        service_name=service_name,
        server_error_count_gte=server_error_count_gte,
        limit=limit,
        cursor=cursor,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    hour_gte: datetime.datetime | None | Unset = UNSET,
    hour_lt: datetime.datetime | None | Unset = UNSET,
    service_name: str | Unset = "",
    server_error_count_gte: int | Unset = 0,
    limit: int | Unset = 100,
    cursor: None | str | Unset = UNSET,
) -> ApiHealths | Problem | None:
    """How APIs answered, by hour

     Of all services, so a customer's credentials get 403. Needs `analytics:read`.

    Args:
        hour_gte (datetime.datetime | None | Unset): That hour or later.
        hour_lt (datetime.datetime | None | Unset): Before that hour.
        service_name (str | Unset): Of this service alone. Default: ''.
        server_error_count_gte (int | Unset): At least so many. Default: 0.
        limit (int | Unset): How many at most. Default: 100.
        cursor (None | str | Unset): `next_cursor` of the part before; give the same filters with
            it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ApiHealths | Problem
    """

    return sync_detailed(
        client=client,
        hour_gte=hour_gte,
        hour_lt=hour_lt,
        service_name=service_name,
        server_error_count_gte=server_error_count_gte,
        limit=limit,
        cursor=cursor,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    hour_gte: datetime.datetime | None | Unset = UNSET,
    hour_lt: datetime.datetime | None | Unset = UNSET,
    service_name: str | Unset = "",
    server_error_count_gte: int | Unset = 0,
    limit: int | Unset = 100,
    cursor: None | str | Unset = UNSET,
) -> Response[ApiHealths | Problem]:
    """How APIs answered, by hour

     Of all services, so a customer's credentials get 403. Needs `analytics:read`.

    Args:
        hour_gte (datetime.datetime | None | Unset): That hour or later.
        hour_lt (datetime.datetime | None | Unset): Before that hour.
        service_name (str | Unset): Of this service alone. Default: ''.
        server_error_count_gte (int | Unset): At least so many. Default: 0.
        limit (int | Unset): How many at most. Default: 100.
        cursor (None | str | Unset): `next_cursor` of the part before; give the same filters with
            it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ApiHealths | Problem]
    """

    kwargs = _get_kwargs(
        hour_gte=hour_gte,
        hour_lt=hour_lt,
        service_name=service_name,
        server_error_count_gte=server_error_count_gte,
        limit=limit,
        cursor=cursor,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    hour_gte: datetime.datetime | None | Unset = UNSET,
    hour_lt: datetime.datetime | None | Unset = UNSET,
    service_name: str | Unset = "",
    server_error_count_gte: int | Unset = 0,
    limit: int | Unset = 100,
    cursor: None | str | Unset = UNSET,
) -> ApiHealths | Problem | None:
    """How APIs answered, by hour

     Of all services, so a customer's credentials get 403. Needs `analytics:read`.

    Args:
        hour_gte (datetime.datetime | None | Unset): That hour or later.
        hour_lt (datetime.datetime | None | Unset): Before that hour.
        service_name (str | Unset): Of this service alone. Default: ''.
        server_error_count_gte (int | Unset): At least so many. Default: 0.
        limit (int | Unset): How many at most. Default: 100.
        cursor (None | str | Unset): `next_cursor` of the part before; give the same filters with
            it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ApiHealths | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            hour_gte=hour_gte,
            hour_lt=hour_lt,
            service_name=service_name,
            server_error_count_gte=server_error_count_gte,
            limit=limit,
            cursor=cursor,
        )
    ).parsed
