from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.new_endpoint import NewEndpoint
from ...models.problem import Problem
from ...models.wanted_endpoint import WantedEndpoint
from ...types import UNSET, Unset
from typing import cast


def _get_kwargs(
    *,
    body: WantedEndpoint,
    idempotency_key: None | str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/webhooks",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> NewEndpoint | Problem | None:
    if response.status_code == 201:
        response_201 = NewEndpoint.from_dict(response.json())

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
) -> Response[NewEndpoint | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: WantedEndpoint,
    idempotency_key: None | str | Unset = UNSET,
) -> Response[NewEndpoint | Problem]:
    """Be told of events

     The answer shows the secret, once. A tenant's key makes endpoints of that tenant alone.

    Needs the scope `webhooks:manage`.

    Args:
        idempotency_key (None | str | Unset): Made anew for each new request, such as a UUID. The
            same request with the same key is done once and answered the same for 24 hours.
        body (WantedEndpoint): Where to tell, and of what.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[NewEndpoint | Problem]
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
    body: WantedEndpoint,
    idempotency_key: None | str | Unset = UNSET,
) -> NewEndpoint | Problem | None:
    """Be told of events

     The answer shows the secret, once. A tenant's key makes endpoints of that tenant alone.

    Needs the scope `webhooks:manage`.

    Args:
        idempotency_key (None | str | Unset): Made anew for each new request, such as a UUID. The
            same request with the same key is done once and answered the same for 24 hours.
        body (WantedEndpoint): Where to tell, and of what.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        NewEndpoint | Problem
    """

    return sync_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: WantedEndpoint,
    idempotency_key: None | str | Unset = UNSET,
) -> Response[NewEndpoint | Problem]:
    """Be told of events

     The answer shows the secret, once. A tenant's key makes endpoints of that tenant alone.

    Needs the scope `webhooks:manage`.

    Args:
        idempotency_key (None | str | Unset): Made anew for each new request, such as a UUID. The
            same request with the same key is done once and answered the same for 24 hours.
        body (WantedEndpoint): Where to tell, and of what.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[NewEndpoint | Problem]
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
    body: WantedEndpoint,
    idempotency_key: None | str | Unset = UNSET,
) -> NewEndpoint | Problem | None:
    """Be told of events

     The answer shows the secret, once. A tenant's key makes endpoints of that tenant alone.

    Needs the scope `webhooks:manage`.

    Args:
        idempotency_key (None | str | Unset): Made anew for each new request, such as a UUID. The
            same request with the same key is done once and answered the same for 24 hours.
        body (WantedEndpoint): Where to tell, and of what.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        NewEndpoint | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
