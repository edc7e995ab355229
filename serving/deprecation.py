"""How a route is taken out of `/v1`: announced for half a year, by headers that clients can watch.

Belongs here: the announcement. The policy is in docs/how_to/use_the_api.md.

    @router.get("/old", **deprecated(date(2027, 1, 1), date(2027, 8, 1), "/docs#read_new"))
"""

from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from fastapi import Depends, Response

NOTICE = timedelta(days=180)


def deprecated(since: date, gone_from: date, instead: str) -> dict[str, Any]:
    """Options of a route: its answers carry Deprecation, Sunset and a Link to what comes instead.

    Raises ValueError where the notice is too short.
    """
    if gone_from - since < NOTICE:
        raise ValueError(f"a route is announced for at least {NOTICE.days} days; move gone_from")
    headers = {
        "Deprecation": f"@{int(_midnight(since).timestamp())}",
        "Sunset": format_datetime(_midnight(gone_from), usegmt=True),
        "Link": f'<{instead}>; rel="deprecation"',
    }

    async def announce(response: Response) -> None:
        response.headers.update(headers)

    return {"deprecated": True, "dependencies": [Depends(announce)]}


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
