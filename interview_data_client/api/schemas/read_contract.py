from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.problem import Problem
from ...models.read_contract_response_200 import ReadContractResponse200
from typing import cast


def _get_kwargs(
    type_: str,
    version: int,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/schemas/{type_}/{version}".format(
            type_=quote(str(type_), safe=""),
            version=quote(str(version), safe=""),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | ReadContractResponse200 | None:
    if response.status_code == 200:
        response_200 = ReadContractResponse200.from_dict(response.json())

        return response_200

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

    if response.status_code == 422:
        response_422 = Problem.from_dict(response.json())

        return response_422

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
) -> Response[Problem | ReadContractResponse200]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    type_: str,
    version: int,
    *,
    client: AuthenticatedClient | Client,
) -> Response[Problem | ReadContractResponse200]:
    """Read a contract as JSON Schema

     What an event of this kind must be. A published version is never made stricter.

    Args:
        type_ (str): Such as `user_events`.
        version (int): Its version.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | ReadContractResponse200]
    """

    kwargs = _get_kwargs(
        type_=type_,
        version=version,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    type_: str,
    version: int,
    *,
    client: AuthenticatedClient | Client,
) -> Problem | ReadContractResponse200 | None:
    """Read a contract as JSON Schema

     What an event of this kind must be. A published version is never made stricter.

    Args:
        type_ (str): Such as `user_events`.
        version (int): Its version.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | ReadContractResponse200
    """

    return sync_detailed(
        type_=type_,
        version=version,
        client=client,
    ).parsed


async def asyncio_detailed(
    type_: str,
    version: int,
    *,
    client: AuthenticatedClient | Client,
) -> Response[Problem | ReadContractResponse200]:
    """Read a contract as JSON Schema

     What an event of this kind must be. A published version is never made stricter.

    Args:
        type_ (str): Such as `user_events`.
        version (int): Its version.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | ReadContractResponse200]
    """

    kwargs = _get_kwargs(
        type_=type_,
        version=version,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    type_: str,
    version: int,
    *,
    client: AuthenticatedClient | Client,
) -> Problem | ReadContractResponse200 | None:
    """Read a contract as JSON Schema

     What an event of this kind must be. A published version is never made stricter.

    Args:
        type_ (str): Such as `user_events`.
        version (int): Its version.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | ReadContractResponse200
    """

    return (
        await asyncio_detailed(
            type_=type_,
            version=version,
            client=client,
        )
    ).parsed
