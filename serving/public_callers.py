"""How often somebody without credentials may ask, by their address.

Belongs here: the dependency. Counting itself is the intake's, as for everybody else; where Redis is
away nobody is counted.
"""

import hashlib
import uuid

from fastapi import Request, Response

from serving.ingest.intake import Intake, rate_limit_headers
from serving.principals import Principal
from stores.settings import Settings

_NAMESPACE = uuid.UUID("2f9c5d7e-8f86-4b3e-9d0c-6c1f7a3e5b21")


async def limit_public(request: Request, response: Response) -> None:
    """Raises Problem 429. An address is counted by its hash and is written nowhere."""
    intake: Intake | None = getattr(request.app.state, "intake", None)
    if intake is None:
        return
    settings: Settings = request.app.state.settings
    address = request.client.host if request.client else ""
    identity = uuid.uuid5(_NAMESPACE, hashlib.sha256(address.encode()).hexdigest())
    caller = Principal(
        "key", identity, "public", None, frozenset(), settings.api_public_requests_per_minute
    )
    admission = await intake.admit(caller, 0, "", b"")
    for name, value in rate_limit_headers(admission):
        response.headers[name] = value
