"""Who is asking: what an API key and a user's access token have in common once they are checked.

Belongs here: the principal and what it may see. How one is recognised belongs to `security.py`.
"""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from serving.problems import Problem
from stores.postgres import api_keys


@dataclass(frozen=True)
class Principal:
    """Whoever asks. `scopes` holds every scope there is where it holds `admin`.

    `user_id` is the tenant whose objects it may see and no others; None is a service of the
    platform, or an administrator, who may see every tenant's. The limits are per minute; None
    means those of the settings. `session_id` is that of a user's device.
    """

    kind: Literal["key", "user"]
    id: UUID
    name: str
    user_id: UUID | None
    scopes: frozenset[str]
    requests_per_minute: int | None = None
    events_per_minute: int | None = None
    session_id: UUID | None = None

    def may_see(self, user_id: UUID) -> bool:
        """Whether the objects of this tenant exist for whoever asks."""
        return self.user_id is None or self.user_id == user_id


def of_key(key: api_keys.ApiKey) -> Principal:
    """The principal that a key stands for."""
    return Principal(
        "key",
        key.id,
        key.name,
        key.user_id,
        with_implied(key.scopes),
        key.requests_per_minute,
        key.events_per_minute,
    )


def with_implied(scopes: frozenset[str]) -> frozenset[str]:
    """`admin` implies every other scope, so that an endpoint names the one that it asks for."""
    return frozenset(api_keys.SCOPES) if api_keys.ADMIN in scopes else scopes


def ensure_tenant(principal: Principal, user_id: UUID, what: str) -> None:
    """Raises Problem 404 where the object is another tenant's: who may not see it, may not learn
    that it is there. Say `what` as for an unknown one: "user", "interview".
    """
    if not principal.may_see(user_id):
        raise not_found(what)


def not_found(what: str) -> Problem:
    """The one answer for what is unknown and for what is another tenant's."""
    return Problem(404, f"There is no {what} with this id.")
