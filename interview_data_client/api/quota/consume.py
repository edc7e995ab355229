from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.consumption import Consumption
from ...models.problem import Problem
from ...models.wanted import Wanted
from typing import cast


def _get_kwargs(
    *,
    body: Wanted,
    idempotency_key: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["idempotency-key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/quota/consume",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Consumption | Problem | None:
    if response.status_code == 200:
        response_200 = Consumption.from_dict(response.json())

        return response_200

    if response.status_code == 201:
        response_201 = Consumption.from_dict(response.json())

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

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

    if response.status_code == 408:
        response_408 = Problem.from_dict(response.json())

        return response_408

    if response.status_code == 409:
        response_409 = Problem.from_dict(response.json())

        return response_409

    if response.status_code == 413:
        response_413 = Problem.from_dict(response.json())

        return response_413

    if response.status_code == 415:
        response_415 = Problem.from_dict(response.json())

        return response_415

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
) -> Response[Consumption | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: Wanted,
    idempotency_key: str,
) -> Response[Consumption | Problem]:
    """Use an amount now

     All of the amount or none of it: 409 `quota-exceeded` with the numbers where it is too much.

    After 503 or no answer send the same again with the same key: it counts once.

    Needs the scope `quota:consume`.

    Args:
        idempotency_key (str): Made anew for each new operation: the same request with it counts
            once.
        body (Wanted): An amount of a resource, for a user. Storage is counted in mebibytes.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Consumption | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: Wanted,
    idempotency_key: str,
) -> Consumption | Problem | None:
    """Use an amount now

     All of the amount or none of it: 409 `quota-exceeded` with the numbers where it is too much.

    After 503 or no answer send the same again with the same key: it counts once.

    Needs the scope `quota:consume`.

    Args:
        idempotency_key (str): Made anew for each new operation: the same request with it counts
            once.
        body (Wanted): An amount of a resource, for a user. Storage is counted in mebibytes.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Consumption | Problem
    """

    return sync_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: Wanted,
    idempotency_key: str,
) -> Response[Consumption | Problem]:
    """Use an amount now

     All of the amount or none of it: 409 `quota-exceeded` with the numbers where it is too much.

    After 503 or no answer send the same again with the same key: it counts once.

    Needs the scope `quota:consume`.

    Args:
        idempotency_key (str): Made anew for each new operation: the same request with it counts
            once.
        body (Wanted): An amount of a resource, for a user. Storage is counted in mebibytes.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Consumption | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: Wanted,
    idempotency_key: str,
) -> Consumption | Problem | None:
    """Use an amount now

     All of the amount or none of it: 409 `quota-exceeded` with the numbers where it is too much.

    After 503 or no answer send the same again with the same key: it counts once.

    Needs the scope `quota:consume`.

    Args:
        idempotency_key (str): Made anew for each new operation: the same request with it counts
            once.
        body (Wanted): An amount of a resource, for a user. Storage is counted in mebibytes.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Consumption | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
