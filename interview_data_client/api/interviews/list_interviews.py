from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.interview_overviews import InterviewOverviews
from ...models.problem import Problem
from ...types import UNSET, Unset
from typing import cast
from uuid import UUID
import datetime


def _get_kwargs(
    user_id: UUID,
    *,
    status: None | str | Unset = UNSET,
    created_at_gte: datetime.datetime | None | Unset = UNSET,
    created_at_lt: datetime.datetime | None | Unset = UNSET,
    session_count_gte: int | None | Unset = UNSET,
    limit: int | Unset = 50,
    cursor: None | str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_status: None | str | Unset
    if isinstance(status, Unset):
        json_status = UNSET
    else:
        json_status = status
    params["status"] = json_status

    json_created_at_gte: None | str | Unset
    if isinstance(created_at_gte, Unset):
        json_created_at_gte = UNSET
    elif isinstance(created_at_gte, datetime.datetime):
        json_created_at_gte = created_at_gte.isoformat()
    else:
        json_created_at_gte = created_at_gte
    params["created_at.gte"] = json_created_at_gte

    json_created_at_lt: None | str | Unset
    if isinstance(created_at_lt, Unset):
        json_created_at_lt = UNSET
    elif isinstance(created_at_lt, datetime.datetime):
        json_created_at_lt = created_at_lt.isoformat()
    else:
        json_created_at_lt = created_at_lt
    params["created_at.lt"] = json_created_at_lt

    json_session_count_gte: int | None | Unset
    if isinstance(session_count_gte, Unset):
        json_session_count_gte = UNSET
    else:
        json_session_count_gte = session_count_gte
    params["session_count.gte"] = json_session_count_gte

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
        "url": "/v1/users/{user_id}/interviews".format(
            user_id=quote(str(user_id), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> InterviewOverviews | Problem | None:
    if response.status_code == 200:
        response_200 = InterviewOverviews.from_dict(response.json())

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
) -> Response[InterviewOverviews | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    user_id: UUID,
    *,
    client: AuthenticatedClient,
    status: None | str | Unset = UNSET,
    created_at_gte: datetime.datetime | None | Unset = UNSET,
    created_at_lt: datetime.datetime | None | Unset = UNSET,
    session_count_gte: int | None | Unset = UNSET,
    limit: int | Unset = 50,
    cursor: None | str | Unset = UNSET,
) -> Response[InterviewOverviews | Problem]:
    """List a customer's interviews with how far candidates have come

     The newest first. Interviews that are made meanwhile do not move the parts that follow.

    Needs the scope `interviews:read`.

    Args:
        user_id (UUID): The customer.
        status (None | str | Unset): In this state.
        created_at_gte (datetime.datetime | None | Unset): Created then or later.
        created_at_lt (datetime.datetime | None | Unset): Created before.
        session_count_gte (int | None | Unset): Begun as often.
        limit (int | Unset): How many at most. Default: 50.
        cursor (None | str | Unset): `next_cursor` of the part before; give the same filters with
            it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[InterviewOverviews | Problem]
    """

    kwargs = _get_kwargs(
        user_id=user_id,
        status=status,
        created_at_gte=created_at_gte,
        created_at_lt=created_at_lt,
        session_count_gte=session_count_gte,
        limit=limit,
        cursor=cursor,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    user_id: UUID,
    *,
    client: AuthenticatedClient,
    status: None | str | Unset = UNSET,
    created_at_gte: datetime.datetime | None | Unset = UNSET,
    created_at_lt: datetime.datetime | None | Unset = UNSET,
    session_count_gte: int | None | Unset = UNSET,
    limit: int | Unset = 50,
    cursor: None | str | Unset = UNSET,
) -> InterviewOverviews | Problem | None:
    """List a customer's interviews with how far candidates have come

     The newest first. Interviews that are made meanwhile do not move the parts that follow.

    Needs the scope `interviews:read`.

    Args:
        user_id (UUID): The customer.
        status (None | str | Unset): In this state.
        created_at_gte (datetime.datetime | None | Unset): Created then or later.
        created_at_lt (datetime.datetime | None | Unset): Created before.
        session_count_gte (int | None | Unset): Begun as often.
        limit (int | Unset): How many at most. Default: 50.
        cursor (None | str | Unset): `next_cursor` of the part before; give the same filters with
            it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        InterviewOverviews | Problem
    """

    return sync_detailed(
        user_id=user_id,
        client=client,
        status=status,
        created_at_gte=created_at_gte,
        created_at_lt=created_at_lt,
        session_count_gte=session_count_gte,
        limit=limit,
        cursor=cursor,
    ).parsed


async def asyncio_detailed(
    user_id: UUID,
    *,
    client: AuthenticatedClient,
    status: None | str | Unset = UNSET,
    created_at_gte: datetime.datetime | None | Unset = UNSET,
    created_at_lt: datetime.datetime | None | Unset = UNSET,
    session_count_gte: int | None | Unset = UNSET,
    limit: int | Unset = 50,
    cursor: None | str | Unset = UNSET,
) -> Response[InterviewOverviews | Problem]:
    """List a customer's interviews with how far candidates have come

     The newest first. Interviews that are made meanwhile do not move the parts that follow.

    Needs the scope `interviews:read`.

    Args:
        user_id (UUID): The customer.
        status (None | str | Unset): In this state.
        created_at_gte (datetime.datetime | None | Unset): Created then or later.
        created_at_lt (datetime.datetime | None | Unset): Created before.
        session_count_gte (int | None | Unset): Begun as often.
        limit (int | Unset): How many at most. Default: 50.
        cursor (None | str | Unset): `next_cursor` of the part before; give the same filters with
            it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[InterviewOverviews | Problem]
    """

    kwargs = _get_kwargs(
        user_id=user_id,
        status=status,
        created_at_gte=created_at_gte,
        created_at_lt=created_at_lt,
        session_count_gte=session_count_gte,
        limit=limit,
        cursor=cursor,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    user_id: UUID,
    *,
    client: AuthenticatedClient,
    status: None | str | Unset = UNSET,
    created_at_gte: datetime.datetime | None | Unset = UNSET,
    created_at_lt: datetime.datetime | None | Unset = UNSET,
    session_count_gte: int | None | Unset = UNSET,
    limit: int | Unset = 50,
    cursor: None | str | Unset = UNSET,
) -> InterviewOverviews | Problem | None:
    """List a customer's interviews with how far candidates have come

     The newest first. Interviews that are made meanwhile do not move the parts that follow.

    Needs the scope `interviews:read`.

    Args:
        user_id (UUID): The customer.
        status (None | str | Unset): In this state.
        created_at_gte (datetime.datetime | None | Unset): Created then or later.
        created_at_lt (datetime.datetime | None | Unset): Created before.
        session_count_gte (int | None | Unset): Begun as often.
        limit (int | Unset): How many at most. Default: 50.
        cursor (None | str | Unset): `next_cursor` of the part before; give the same filters with
            it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        InterviewOverviews | Problem
    """

    return (
        await asyncio_detailed(
            user_id=user_id,
            client=client,
            status=status,
            created_at_gte=created_at_gte,
            created_at_lt=created_at_lt,
            session_count_gte=session_count_gte,
            limit=limit,
            cursor=cursor,
        )
    ).parsed
