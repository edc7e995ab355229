from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.problem import Problem
from ...models.reservation_state import ReservationState
from ...models.wanted_commit import WantedCommit
from ...types import UNSET, Unset
from typing import cast
from uuid import UUID


def _get_kwargs(
    reservation_id: UUID,
    *,
    body: None | Unset | WantedCommit = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/quota/reservations/{reservation_id}/commit".format(
            reservation_id=quote(str(reservation_id), safe=""),
        ),
    }

    if isinstance(body, WantedCommit):
        _kwargs["json"] = body.to_dict()
    else:
        _kwargs["json"] = body

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | ReservationState | None:
    if response.status_code == 200:
        response_200 = ReservationState.from_dict(response.json())

        return response_200

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
) -> Response[Problem | ReservationState]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    reservation_id: UUID,
    *,
    client: AuthenticatedClient,
    body: None | Unset | WantedCommit = UNSET,
) -> Response[Problem | ReservationState]:
    """Use what was reserved, or a part of it

     What is not used of it is free again. The same commit again answers the same.

    Needs the scope `quota:consume`.

    Args:
        reservation_id (UUID): The reservation's id.
        body (None | Unset | WantedCommit):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | ReservationState]
    """

    kwargs = _get_kwargs(
        reservation_id=reservation_id,
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    reservation_id: UUID,
    *,
    client: AuthenticatedClient,
    body: None | Unset | WantedCommit = UNSET,
) -> Problem | ReservationState | None:
    """Use what was reserved, or a part of it

     What is not used of it is free again. The same commit again answers the same.

    Needs the scope `quota:consume`.

    Args:
        reservation_id (UUID): The reservation's id.
        body (None | Unset | WantedCommit):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | ReservationState
    """

    return sync_detailed(
        reservation_id=reservation_id,
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    reservation_id: UUID,
    *,
    client: AuthenticatedClient,
    body: None | Unset | WantedCommit = UNSET,
) -> Response[Problem | ReservationState]:
    """Use what was reserved, or a part of it

     What is not used of it is free again. The same commit again answers the same.

    Needs the scope `quota:consume`.

    Args:
        reservation_id (UUID): The reservation's id.
        body (None | Unset | WantedCommit):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | ReservationState]
    """

    kwargs = _get_kwargs(
        reservation_id=reservation_id,
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    reservation_id: UUID,
    *,
    client: AuthenticatedClient,
    body: None | Unset | WantedCommit = UNSET,
) -> Problem | ReservationState | None:
    """Use what was reserved, or a part of it

     What is not used of it is free again. The same commit again answers the same.

    Needs the scope `quota:consume`.

    Args:
        reservation_id (UUID): The reservation's id.
        body (None | Unset | WantedCommit):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | ReservationState
    """

    return (
        await asyncio_detailed(
            reservation_id=reservation_id,
            client=client,
            body=body,
        )
    ).parsed
