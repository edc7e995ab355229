from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.interview import Interview
from ...models.problem import Problem
from typing import cast
from uuid import UUID


def _get_kwargs(
    interview_id: UUID,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/interviews/{interview_id}".format(
            interview_id=quote(str(interview_id), safe=""),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Any | Interview | Problem | None:
    if response.status_code == 200:
        response_200 = Interview.from_dict(response.json())

        return response_200

    if response.status_code == 304:
        response_304 = cast(Any, None)
        return response_304

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
) -> Response[Any | Interview | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    interview_id: UUID,
    *,
    client: AuthenticatedClient,
) -> Response[Any | Interview | Problem]:
    """Read an interview with its questions

     From the cache, which holds no change longer than a second after it was committed.

    Needs the scope `interviews:read`. Ask again with `If-None-Match`.

    Args:
        interview_id (UUID): The interview's id.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Interview | Problem]
    """

    kwargs = _get_kwargs(
        interview_id=interview_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    interview_id: UUID,
    *,
    client: AuthenticatedClient,
) -> Any | Interview | Problem | None:
    """Read an interview with its questions

     From the cache, which holds no change longer than a second after it was committed.

    Needs the scope `interviews:read`. Ask again with `If-None-Match`.

    Args:
        interview_id (UUID): The interview's id.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Interview | Problem
    """

    return sync_detailed(
        interview_id=interview_id,
        client=client,
    ).parsed


async def asyncio_detailed(
    interview_id: UUID,
    *,
    client: AuthenticatedClient,
) -> Response[Any | Interview | Problem]:
    """Read an interview with its questions

     From the cache, which holds no change longer than a second after it was committed.

    Needs the scope `interviews:read`. Ask again with `If-None-Match`.

    Args:
        interview_id (UUID): The interview's id.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Interview | Problem]
    """

    kwargs = _get_kwargs(
        interview_id=interview_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    interview_id: UUID,
    *,
    client: AuthenticatedClient,
) -> Any | Interview | Problem | None:
    """Read an interview with its questions

     From the cache, which holds no change longer than a second after it was committed.

    Needs the scope `interviews:read`. Ask again with `If-None-Match`.

    Args:
        interview_id (UUID): The interview's id.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Interview | Problem
    """

    return (
        await asyncio_detailed(
            interview_id=interview_id,
            client=client,
        )
    ).parsed
