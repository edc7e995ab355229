from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.new_key_scopes_item import NewKeyScopesItem
from ..types import UNSET, Unset
from typing import cast
from uuid import UUID
import datetime


T = TypeVar("T", bound="NewKey")


@_attrs_define
class NewKey:
    """What a key is to be.

    Attributes:
        name (str): Of the service that has it.
        scopes (list[NewKeyScopesItem]): `admin` implies all others.
        user_id (None | Unset | UUID): Whose objects it may see; null: every user's, for a service of the platform. A
            user's key may have `usage:read`, `quota:consume`, `search:read`, `media:write`, `interviews:read`,
            `analytics:read`, `webhooks:manage`.
        expires_at (datetime.datetime | None | Unset): Null: never.
        requests_per_minute (int | None | Unset):
        events_per_minute (int | None | Unset):
    """

    name: str
    scopes: list[NewKeyScopesItem]
    user_id: None | Unset | UUID = UNSET
    expires_at: datetime.datetime | None | Unset = UNSET
    requests_per_minute: int | None | Unset = UNSET
    events_per_minute: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        scopes = []
        for scopes_item_data in self.scopes:
            scopes_item = scopes_item_data.value
            scopes.append(scopes_item)

        user_id: None | str | Unset
        if isinstance(self.user_id, Unset):
            user_id = UNSET
        elif isinstance(self.user_id, UUID):
            user_id = str(self.user_id)
        else:
            user_id = self.user_id

        expires_at: None | str | Unset
        if isinstance(self.expires_at, Unset):
            expires_at = UNSET
        elif isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        requests_per_minute: int | None | Unset
        if isinstance(self.requests_per_minute, Unset):
            requests_per_minute = UNSET
        else:
            requests_per_minute = self.requests_per_minute

        events_per_minute: int | None | Unset
        if isinstance(self.events_per_minute, Unset):
            events_per_minute = UNSET
        else:
            events_per_minute = self.events_per_minute

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "scopes": scopes,
            }
        )
        if user_id is not UNSET:
            field_dict["user_id"] = user_id
        if expires_at is not UNSET:
            field_dict["expires_at"] = expires_at
        if requests_per_minute is not UNSET:
            field_dict["requests_per_minute"] = requests_per_minute
        if events_per_minute is not UNSET:
            field_dict["events_per_minute"] = events_per_minute

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        scopes = []
        _scopes = d.pop("scopes")
        for scopes_item_data in _scopes:
            scopes_item = NewKeyScopesItem(scopes_item_data)

            scopes.append(scopes_item)

        def _parse_user_id(data: object) -> None | Unset | UUID:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                user_id_type_0 = UUID(data)

                return user_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | UUID, data)

        user_id = _parse_user_id(d.pop("user_id", UNSET))

        def _parse_expires_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expires_at_type_0 = datetime.datetime.fromisoformat(data)

                return expires_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        expires_at = _parse_expires_at(d.pop("expires_at", UNSET))

        def _parse_requests_per_minute(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        requests_per_minute = _parse_requests_per_minute(d.pop("requests_per_minute", UNSET))

        def _parse_events_per_minute(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        events_per_minute = _parse_events_per_minute(d.pop("events_per_minute", UNSET))

        new_key = cls(
            name=name,
            scopes=scopes,
            user_id=user_id,
            expires_at=expires_at,
            requests_per_minute=requests_per_minute,
            events_per_minute=events_per_minute,
        )

        return new_key
