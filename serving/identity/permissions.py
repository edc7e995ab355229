"""What the permissions of a role allow: from its JSONB to scopes.

Belongs here: the translation. A role's permissions name a resource and `read` or `write`, which
includes reading; `scopes` may name scopes themselves. What is not known here allows nothing.

    {"interviews": "write", "billing": "read"}
    {"scopes": ["usage:read", "admin"]}
"""

from collections.abc import Iterable
from typing import Any

from stores.postgres import api_keys

_READ: dict[str, tuple[str, ...]] = {
    "interviews": ("interviews:read", "analytics:read"),
    "responses": ("interviews:read", "search:read"),
    "billing": ("usage:read",),
}
_WRITE: dict[str, tuple[str, ...]] = {
    "interviews": ("media:write", "quota:consume"),
    "responses": ("media:write",),
    "billing": ("quota:consume", "webhooks:manage"),
}
# What a role may give: a user acts within their own objects, or is an administrator.
_GIVEN = frozenset(api_keys.TENANT_SCOPES) | {api_keys.ADMIN}


def scopes_of(permissions: Iterable[Any]) -> frozenset[str]:
    """The scopes of somebody whose roles have these permissions."""
    return frozenset(scope for each in permissions for scope in _of_role(each)) & _GIVEN


def _of_role(permissions: Any) -> Iterable[str]:
    if not isinstance(permissions, dict):
        return
    for name, access in permissions.items():
        if name == "scopes" and isinstance(access, list):
            yield from (scope for scope in access if isinstance(scope, str))
        if access in ("read", "write"):
            yield from _READ.get(name, ())
        if access == "write":
            yield from _WRITE.get(name, ())
