from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.deliveries import Deliveries
from ...models.list_deliveries_state_type_0 import ListDeliveriesStateType0
from ...models.problem import Problem
from ...types import UNSET, Unset
from typing import cast
from uuid import UUID


def _get_kwargs(
    endpoint_id: UUID,
    *,
    state: ListDeliveriesStateType0 | None | Unset = UNSET,
    before: None | Unset | UUID = UNSET,
    limit: int | Unset = 50,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_state: None | str | Unset
    if isinstance(state, Unset):
        json_state = UNSET
    elif isinstance(state, ListDeliveriesStateType0):
        json_state = state.value
    else:
        json_state = state
    params["state"] = json_state

    json_before: None | str | Unset
    if isinstance(before, Unset):
        json_before = UNSET
    elif isinstance(before, UUID):
        json_before = str(before)
    else:
        json_before = before
    params["before"] = json_before

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/webhooks/{endpoint_id}/deliveries".format(
            endpoint_id=quote(str(endpoint_id), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Deliveries | Problem | None:
    if response.status_code == 200:
        response_200 = Deliveries.from_dict(response.json())

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
) -> Response[Deliveries | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    endpoint_id: UUID,
    *,
    client: AuthenticatedClient,
    state: ListDeliveriesStateType0 | None | Unset = UNSET,
    before: None | Unset | UUID = UNSET,
    limit: int | Unset = 50,
) -> Response[Deliveries | Problem]:
    """What was told to an endpoint

     The newest first. `dead` are those that were given up, and wait for a replay.

    Needs the scope `webhooks:manage`.

    Args:
        endpoint_id (UUID): The endpoint's id.
        state (ListDeliveriesStateType0 | None | Unset): In this state alone.
        before (None | Unset | UUID): `next_before` of the part before.
        limit (int | Unset): How many at most. Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Deliveries | Problem]
    """

    kwargs = _get_kwargs(
        endpoint_id=endpoint_id,
        state=state,
        before=before,
        limit=limit,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    endpoint_id: UUID,
    *,
    client: AuthenticatedClient,
    state: ListDeliveriesStateType0 | None | Unset = UNSET,
    before: None | Unset | UUID = UNSET,
    limit: int | Unset = 50,
) -> Deliveries | Problem | None:
    """What was told to an endpoint

     The newest first. `dead` are those that were given up, and wait for a replay.

    Needs the scope `webhooks:manage`.

    Args:
        endpoint_id (UUID): The endpoint's id.
        state (ListDeliveriesStateType0 | None | Unset): In this state alone.
        before (None | Unset | UUID): `next_before` of the part before.
        limit (int | Unset): How many at most. Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Deliveries | Problem
    """

    return sync_detailed(
        endpoint_id=endpoint_id,
        client=client,
        state=state,
        before=before,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    endpoint_id: UUID,
    *,
    client: AuthenticatedClient,
    state: ListDeliveriesStateType0 | None | Unset = UNSET,
    before: None | Unset | UUID = UNSET,
    limit: int | Unset = 50,
) -> Response[Deliveries | Problem]:
    """What was told to an endpoint

     The newest first. `dead` are those that were given up, and wait for a replay.

    Needs the scope `webhooks:manage`.

    Args:
        endpoint_id (UUID): The endpoint's id.
        state (ListDeliveriesStateType0 | None | Unset): In this state alone.
        before (None | Unset | UUID): `next_before` of the part before.
        limit (int | Unset): How many at most. Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Deliveries | Problem]
    """

    kwargs = _get_kwargs(
        endpoint_id=endpoint_id,
        state=state,
        before=before,
        limit=limit,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    endpoint_id: UUID,
    *,
    client: AuthenticatedClient,
    state: ListDeliveriesStateType0 | None | Unset = UNSET,
    before: None | Unset | UUID = UNSET,
    limit: int | Unset = 50,
) -> Deliveries | Problem | None:
    """What was told to an endpoint

     The newest first. `dead` are those that were given up, and wait for a replay.

    Needs the scope `webhooks:manage`.

    Args:
        endpoint_id (UUID): The endpoint's id.
        state (ListDeliveriesStateType0 | None | Unset): In this state alone.
        before (None | Unset | UUID): `next_before` of the part before.
        limit (int | Unset): How many at most. Default: 50.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Deliveries | Problem
    """

    return (
        await asyncio_detailed(
            endpoint_id=endpoint_id,
            client=client,
            state=state,
            before=before,
            limit=limit,
        )
    ).parsed
