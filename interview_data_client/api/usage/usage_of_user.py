from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.compare import Compare
from ...models.grain import Grain
from ...models.monthly_usage import MonthlyUsage
from ...models.problem import Problem
from ...models.resource import Resource
from ...types import UNSET, Unset
from typing import cast
from uuid import UUID


def _get_kwargs(
    user_id: UUID,
    *,
    month: None | str | Unset = UNSET,
    resource: None | Resource | Unset = UNSET,
    grain: Grain | Unset = UNSET,
    compare: Compare | None | Unset = UNSET,
    time_zone: str | Unset = "UTC",
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_month: None | str | Unset
    if isinstance(month, Unset):
        json_month = UNSET
    else:
        json_month = month
    params["month"] = json_month

    json_resource: None | str | Unset
    if isinstance(resource, Unset):
        json_resource = UNSET
    elif isinstance(resource, Resource):
        json_resource = resource.value
    else:
        json_resource = resource
    params["resource"] = json_resource

    json_grain: str | Unset = UNSET
    if not isinstance(grain, Unset):
        json_grain = grain.value

    params["grain"] = json_grain

    json_compare: None | str | Unset
    if isinstance(compare, Unset):
        json_compare = UNSET
    elif isinstance(compare, Compare):
        json_compare = compare.value
    else:
        json_compare = compare
    params["compare"] = json_compare

    params["time_zone"] = time_zone

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/usage/{user_id}".format(
            user_id=quote(str(user_id), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> MonthlyUsage | Problem | None:
    if response.status_code == 200:
        response_200 = MonthlyUsage.from_dict(response.json())

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
) -> Response[MonthlyUsage | Problem]:
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
    month: None | str | Unset = UNSET,
    resource: None | Resource | Unset = UNSET,
    grain: Grain | Unset = UNSET,
    compare: Compare | None | Unset = UNSET,
    time_zone: str | Unset = "UTC",
) -> Response[MonthlyUsage | Problem]:
    """What a user used in a month

     Used, limit, remaining and overage of each resource, and how fresh the numbers are.

    Needs the scope `usage:read`.

    Args:
        user_id (UUID): The user's id.
        month (None | str | Unset): YYYY-MM, by default this month in `time_zone`.
        resource (None | Resource | Unset): This one alone.
        grain (Grain | Unset): How finely an answer tells.
        compare (Compare | None | Unset): `previous` tells the month before beside it.
        time_zone (str | Unset): An IANA time zone: which month is this month, and the last to be
            asked for. Usage itself is kept by days in UTC. Default: 'UTC'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[MonthlyUsage | Problem]
    """

    kwargs = _get_kwargs(
        user_id=user_id,
        month=month,
        resource=resource,
        grain=grain,
        compare=compare,
        time_zone=time_zone,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    user_id: UUID,
    *,
    client: AuthenticatedClient,
    month: None | str | Unset = UNSET,
    resource: None | Resource | Unset = UNSET,
    grain: Grain | Unset = UNSET,
    compare: Compare | None | Unset = UNSET,
    time_zone: str | Unset = "UTC",
) -> MonthlyUsage | Problem | None:
    """What a user used in a month

     Used, limit, remaining and overage of each resource, and how fresh the numbers are.

    Needs the scope `usage:read`.

    Args:
        user_id (UUID): The user's id.
        month (None | str | Unset): YYYY-MM, by default this month in `time_zone`.
        resource (None | Resource | Unset): This one alone.
        grain (Grain | Unset): How finely an answer tells.
        compare (Compare | None | Unset): `previous` tells the month before beside it.
        time_zone (str | Unset): An IANA time zone: which month is this month, and the last to be
            asked for. Usage itself is kept by days in UTC. Default: 'UTC'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        MonthlyUsage | Problem
    """

    return sync_detailed(
        user_id=user_id,
        client=client,
        month=month,
        resource=resource,
        grain=grain,
        compare=compare,
        time_zone=time_zone,
    ).parsed


async def asyncio_detailed(
    user_id: UUID,
    *,
    client: AuthenticatedClient,
    month: None | str | Unset = UNSET,
    resource: None | Resource | Unset = UNSET,
    grain: Grain | Unset = UNSET,
    compare: Compare | None | Unset = UNSET,
    time_zone: str | Unset = "UTC",
) -> Response[MonthlyUsage | Problem]:
    """What a user used in a month

     Used, limit, remaining and overage of each resource, and how fresh the numbers are.

    Needs the scope `usage:read`.

    Args:
        user_id (UUID): The user's id.
        month (None | str | Unset): YYYY-MM, by default this month in `time_zone`.
        resource (None | Resource | Unset): This one alone.
        grain (Grain | Unset): How finely an answer tells.
        compare (Compare | None | Unset): `previous` tells the month before beside it.
        time_zone (str | Unset): An IANA time zone: which month is this month, and the last to be
            asked for. Usage itself is kept by days in UTC. Default: 'UTC'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[MonthlyUsage | Problem]
    """

    kwargs = _get_kwargs(
        user_id=user_id,
        month=month,
        resource=resource,
        grain=grain,
        compare=compare,
        time_zone=time_zone,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    user_id: UUID,
    *,
    client: AuthenticatedClient,
    month: None | str | Unset = UNSET,
    resource: None | Resource | Unset = UNSET,
    grain: Grain | Unset = UNSET,
    compare: Compare | None | Unset = UNSET,
    time_zone: str | Unset = "UTC",
) -> MonthlyUsage | Problem | None:
    """What a user used in a month

     Used, limit, remaining and overage of each resource, and how fresh the numbers are.

    Needs the scope `usage:read`.

    Args:
        user_id (UUID): The user's id.
        month (None | str | Unset): YYYY-MM, by default this month in `time_zone`.
        resource (None | Resource | Unset): This one alone.
        grain (Grain | Unset): How finely an answer tells.
        compare (Compare | None | Unset): `previous` tells the month before beside it.
        time_zone (str | Unset): An IANA time zone: which month is this month, and the last to be
            asked for. Usage itself is kept by days in UTC. Default: 'UTC'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        MonthlyUsage | Problem
    """

    return (
        await asyncio_detailed(
            user_id=user_id,
            client=client,
            month=month,
            resource=resource,
            grain=grain,
            compare=compare,
            time_zone=time_zone,
        )
    ).parsed
