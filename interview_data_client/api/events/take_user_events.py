from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.problem import Problem
from ...models.receipt import Receipt
from ...models.take_user_events_user_event import TakeUserEventsUserEvent
from ...types import UNSET, Unset
from typing import cast


def _get_kwargs(
    *,
    body: list[TakeUserEventsUserEvent],
    schema_version: int | Unset = UNSET,
    prefer: str | Unset = UNSET,
    content_encoding: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(prefer, Unset):
        headers["Prefer"] = prefer

    if not isinstance(content_encoding, Unset):
        headers["Content-Encoding"] = content_encoding

    params: dict[str, Any] = {}

    params["schema_version"] = schema_version

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/events",
        "params": params,
    }

    _kwargs["json"] = []
    for body_item_data in body:
        body_item = body_item_data.to_dict()
        _kwargs["json"].append(body_item)

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | Receipt | None:
    if response.status_code == 202:
        response_202 = Receipt.from_dict(response.json())

        return response_202

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
) -> Response[Problem | Receipt]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: list[TakeUserEventsUserEvent],
    schema_version: int | Unset = UNSET,
    prefer: str | Unset = UNSET,
    content_encoding: str | Unset = UNSET,
) -> Response[Problem | Receipt]:
    """Send user events

     Takes up to 10,000 events or 10 MiB. A bad event is reported and rejects no other.

    On 503 nothing may be assumed: send the same batch again, its ids count once.
    Needs the scope `events:write`.

    Args:
        schema_version (int | Unset):
        prefer (str | Unset):
        content_encoding (str | Unset):
        body (list[TakeUserEventsUserEvent]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Receipt]
    """

    kwargs = _get_kwargs(
        body=body,
        schema_version=schema_version,
        prefer=prefer,
        content_encoding=content_encoding,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: list[TakeUserEventsUserEvent],
    schema_version: int | Unset = UNSET,
    prefer: str | Unset = UNSET,
    content_encoding: str | Unset = UNSET,
) -> Problem | Receipt | None:
    """Send user events

     Takes up to 10,000 events or 10 MiB. A bad event is reported and rejects no other.

    On 503 nothing may be assumed: send the same batch again, its ids count once.
    Needs the scope `events:write`.

    Args:
        schema_version (int | Unset):
        prefer (str | Unset):
        content_encoding (str | Unset):
        body (list[TakeUserEventsUserEvent]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Receipt
    """

    return sync_detailed(
        client=client,
        body=body,
        schema_version=schema_version,
        prefer=prefer,
        content_encoding=content_encoding,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: list[TakeUserEventsUserEvent],
    schema_version: int | Unset = UNSET,
    prefer: str | Unset = UNSET,
    content_encoding: str | Unset = UNSET,
) -> Response[Problem | Receipt]:
    """Send user events

     Takes up to 10,000 events or 10 MiB. A bad event is reported and rejects no other.

    On 503 nothing may be assumed: send the same batch again, its ids count once.
    Needs the scope `events:write`.

    Args:
        schema_version (int | Unset):
        prefer (str | Unset):
        content_encoding (str | Unset):
        body (list[TakeUserEventsUserEvent]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Receipt]
    """

    kwargs = _get_kwargs(
        body=body,
        schema_version=schema_version,
        prefer=prefer,
        content_encoding=content_encoding,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: list[TakeUserEventsUserEvent],
    schema_version: int | Unset = UNSET,
    prefer: str | Unset = UNSET,
    content_encoding: str | Unset = UNSET,
) -> Problem | Receipt | None:
    """Send user events

     Takes up to 10,000 events or 10 MiB. A bad event is reported and rejects no other.

    On 503 nothing may be assumed: send the same batch again, its ids count once.
    Needs the scope `events:write`.

    Args:
        schema_version (int | Unset):
        prefer (str | Unset):
        content_encoding (str | Unset):
        body (list[TakeUserEventsUserEvent]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Receipt
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            schema_version=schema_version,
            prefer=prefer,
            content_encoding=content_encoding,
        )
    ).parsed
