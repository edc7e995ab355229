from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.ai_costs import AiCosts
from ...models.problem import Problem
from ...types import UNSET, Unset
from typing import cast
from uuid import UUID
import datetime


def _get_kwargs(
    *,
    user_id: None | Unset | UUID = UNSET,
    date_gte: datetime.date | Unset = datetime.date.fromisoformat("1970-01-02"),
    date_lt: datetime.date | Unset = datetime.date.fromisoformat("2100-01-01"),
    model_name: str | Unset = "",
    limit: int | Unset = 100,
    cursor: None | str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_user_id: None | str | Unset
    if isinstance(user_id, Unset):
        json_user_id = UNSET
    elif isinstance(user_id, UUID):
        json_user_id = str(user_id)
    else:
        json_user_id = user_id
    params["user_id"] = json_user_id

    json_date_gte: str | Unset = UNSET
    if not isinstance(date_gte, Unset):
        json_date_gte = date_gte.isoformat()
    params["date.gte"] = json_date_gte

    json_date_lt: str | Unset = UNSET
    if not isinstance(date_lt, Unset):
        json_date_lt = date_lt.isoformat()
    params["date.lt"] = json_date_lt

    params["model_name"] = model_name

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
        "url": "/v1/analytics/ai-cost",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> AiCosts | Problem | None:
    if response.status_code == 200:
        response_200 = AiCosts.from_dict(response.json())

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
) -> Response[AiCosts | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    user_id: None | Unset | UUID = UNSET,
    date_gte: datetime.date | Unset = datetime.date.fromisoformat("1970-01-02"),
    date_lt: datetime.date | Unset = datetime.date.fromisoformat("2100-01-01"),
    model_name: str | Unset = "",
    limit: int | Unset = 100,
    cursor: None | str | Unset = UNSET,
) -> Response[AiCosts | Problem]:
    """What AI models cost, by day

     A customer sees its own. Needs `analytics:read`.

    Args:
        user_id (None | Unset | UUID): Of this customer alone.
        date_gte (datetime.date | Unset): That day or later. Default:
            datetime.date.fromisoformat('1970-01-02').
        date_lt (datetime.date | Unset): Before that day. Default:
            datetime.date.fromisoformat('2100-01-01').
        model_name (str | Unset): Of this model alone. Default: ''.
        limit (int | Unset): How many at most. Default: 100.
        cursor (None | str | Unset): `next_cursor` of the part before; give the same filters with
            it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AiCosts | Problem]
    """

    kwargs = _get_kwargs(
        user_id=user_id,
        date_gte=date_gte,
        date_lt=date_lt,
        model_name=model_name,
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
    user_id: None | Unset | UUID = UNSET,
    date_gte: datetime.date | Unset = datetime.date.fromisoformat("1970-01-02"),
    date_lt: datetime.date | Unset = datetime.date.fromisoformat("2100-01-01"),
    model_name: str | Unset = "",
    limit: int | Unset = 100,
    cursor: None | str | Unset = UNSET,
) -> AiCosts | Problem | None:
    """What AI models cost, by day

     A customer sees its own. Needs `analytics:read`.

    Args:
        user_id (None | Unset | UUID): Of this customer alone.
        date_gte (datetime.date | Unset): That day or later. Default:
            datetime.date.fromisoformat('1970-01-02').
        date_lt (datetime.date | Unset): Before that day. Default:
            datetime.date.fromisoformat('2100-01-01').
        model_name (str | Unset): Of this model alone. Default: ''.
        limit (int | Unset): How many at most. Default: 100.
        cursor (None | str | Unset): `next_cursor` of the part before; give the same filters with
            it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AiCosts | Problem
    """

    return sync_detailed(
        client=client,
        user_id=user_id,
        date_gte=date_gte,
        date_lt=date_lt,
        model_name=model_name,
        limit=limit,
        cursor=cursor,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    user_id: None | Unset | UUID = UNSET,
    date_gte: datetime.date | Unset = datetime.date.fromisoformat("1970-01-02"),
    date_lt: datetime.date | Unset = datetime.date.fromisoformat("2100-01-01"),
    model_name: str | Unset = "",
    limit: int | Unset = 100,
    cursor: None | str | Unset = UNSET,
) -> Response[AiCosts | Problem]:
    """What AI models cost, by day

     A customer sees its own. Needs `analytics:read`.

    Args:
        user_id (None | Unset | UUID): Of this customer alone.
        date_gte (datetime.date | Unset): That day or later. Default:
            datetime.date.fromisoformat('1970-01-02').
        date_lt (datetime.date | Unset): Before that day. Default:
            datetime.date.fromisoformat('2100-01-01').
        model_name (str | Unset): Of this model alone. Default: ''.
        limit (int | Unset): How many at most. Default: 100.
        cursor (None | str | Unset): `next_cursor` of the part before; give the same filters with
            it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AiCosts | Problem]
    """

    kwargs = _get_kwargs(
        user_id=user_id,
        date_gte=date_gte,
        date_lt=date_lt,
        model_name=model_name,
        limit=limit,
        cursor=cursor,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    user_id: None | Unset | UUID = UNSET,
    date_gte: datetime.date | Unset = datetime.date.fromisoformat("1970-01-02"),
    date_lt: datetime.date | Unset = datetime.date.fromisoformat("2100-01-01"),
    model_name: str | Unset = "",
    limit: int | Unset = 100,
    cursor: None | str | Unset = UNSET,
) -> AiCosts | Problem | None:
    """What AI models cost, by day

     A customer sees its own. Needs `analytics:read`.

    Args:
        user_id (None | Unset | UUID): Of this customer alone.
        date_gte (datetime.date | Unset): That day or later. Default:
            datetime.date.fromisoformat('1970-01-02').
        date_lt (datetime.date | Unset): Before that day. Default:
            datetime.date.fromisoformat('2100-01-01').
        model_name (str | Unset): Of this model alone. Default: ''.
        limit (int | Unset): How many at most. Default: 100.
        cursor (None | str | Unset): `next_cursor` of the part before; give the same filters with
            it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AiCosts | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            user_id=user_id,
            date_gte=date_gte,
            date_lt=date_lt,
            model_name=model_name,
            limit=limit,
            cursor=cursor,
        )
    ).parsed
