from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast
from typing import Literal, cast
from uuid import UUID


T = TypeVar("T", bound="WantedEndpoint")


@_attrs_define
class WantedEndpoint:
    """Where to tell, and of what.

    Attributes:
        url (str): https, and in the public network.
        user_id (None | Unset | UUID): Whose events; a service of the platform may leave it out: everybody's.
        description (str | Unset):  Default: ''.
        event_types (list[Literal['quota.threshold_reached']] | Unset):
    """

    url: str
    user_id: None | Unset | UUID = UNSET
    description: str | Unset = ""
    event_types: list[Literal["quota.threshold_reached"]] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        url = self.url

        user_id: None | str | Unset
        if isinstance(self.user_id, Unset):
            user_id = UNSET
        elif isinstance(self.user_id, UUID):
            user_id = str(self.user_id)
        else:
            user_id = self.user_id

        description = self.description

        event_types: list[Literal["quota.threshold_reached"]] | Unset = UNSET
        if not isinstance(self.event_types, Unset):
            event_types = self.event_types

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "url": url,
            }
        )
        if user_id is not UNSET:
            field_dict["user_id"] = user_id
        if description is not UNSET:
            field_dict["description"] = description
        if event_types is not UNSET:
            field_dict["event_types"] = event_types

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        url = d.pop("url")

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

        description = d.pop("description", UNSET)

        _event_types = d.pop("event_types", UNSET)
        event_types: list[Literal["quota.threshold_reached"]] | Unset = UNSET
        if _event_types is not UNSET:
            event_types = []
            for event_types_item_data in _event_types:
                event_types_item = cast(Literal["quota.threshold_reached"], event_types_item_data)
                if event_types_item != "quota.threshold_reached":
                    raise ValueError(
                        f"event_types_item must match const 'quota.threshold_reached', got '{event_types_item}'"
                    )
                event_types.append(event_types_item)

        wanted_endpoint = cls(
            url=url,
            user_id=user_id,
            description=description,
            event_types=event_types,
        )

        return wanted_endpoint
