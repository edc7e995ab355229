from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.keys import Keys
from ...models.problem import Problem
from ...types import UNSET, Unset
from typing import cast


def _get_kwargs(
    *,
    after_name: str | Unset = "",
    limit: int | Unset = 100,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["after_name"] = after_name

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/admin/keys",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Keys | Problem | None:
    if response.status_code == 200:
        response_200 = Keys.from_dict(response.json())

        return response_200

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

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
) -> Response[Keys | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    after_name: str | Unset = "",
    limit: int | Unset = 100,
) -> Response[Keys | Problem]:
    """List API keys

     Also those that are expired or revoked. Needs the scope `admin`, as all of these.

    Args:
        after_name (str | Unset): `next_after_name` of the part before. Default: ''.
        limit (int | Unset): How many at most. Default: 100.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Keys | Problem]
    """

    kwargs = _get_kwargs(
        after_name=after_name,
        limit=limit,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    after_name: str | Unset = "",
    limit: int | Unset = 100,
) -> Keys | Problem | None:
    """List API keys

     Also those that are expired or revoked. Needs the scope `admin`, as all of these.

    Args:
        after_name (str | Unset): `next_after_name` of the part before. Default: ''.
        limit (int | Unset): How many at most. Default: 100.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Keys | Problem
    """

    return sync_detailed(
        client=client,
        after_name=after_name,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    after_name: str | Unset = "",
    limit: int | Unset = 100,
) -> Response[Keys | Problem]:
    """List API keys

     Also those that are expired or revoked. Needs the scope `admin`, as all of these.

    Args:
        after_name (str | Unset): `next_after_name` of the part before. Default: ''.
        limit (int | Unset): How many at most. Default: 100.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Keys | Problem]
    """

    kwargs = _get_kwargs(
        after_name=after_name,
        limit=limit,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    after_name: str | Unset = "",
    limit: int | Unset = 100,
) -> Keys | Problem | None:
    """List API keys

     Also those that are expired or revoked. Needs the scope `admin`, as all of these.

    Args:
        after_name (str | Unset): `next_after_name` of the part before. Default: ''.
        limit (int | Unset): How many at most. Default: 100.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Keys | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            after_name=after_name,
            limit=limit,
        )
    ).parsed
