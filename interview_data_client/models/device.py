from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime


T = TypeVar("T", bound="Device")


@_attrs_define
class Device:
    """Where the user is signed in.

    Attributes:
        session_id (UUID):
        device (str):
        created_at (datetime.datetime):
        last_activity (datetime.datetime): When tokens were last given out.
        expires_at (datetime.datetime):
        is_current (bool): The one that asks.
    """

    session_id: UUID
    device: str
    created_at: datetime.datetime
    last_activity: datetime.datetime
    expires_at: datetime.datetime
    is_current: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        session_id = str(self.session_id)

        device = self.device

        created_at = self.created_at.isoformat()

        last_activity = self.last_activity.isoformat()

        expires_at = self.expires_at.isoformat()

        is_current = self.is_current

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "session_id": session_id,
                "device": device,
                "created_at": created_at,
                "last_activity": last_activity,
                "expires_at": expires_at,
                "is_current": is_current,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        session_id = UUID(d.pop("session_id"))

        device = d.pop("device")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        last_activity = datetime.datetime.fromisoformat(d.pop("last_activity"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        is_current = d.pop("is_current")

        device = cls(
            session_id=session_id,
            device=device,
            created_at=created_at,
            last_activity=last_activity,
            expires_at=expires_at,
            is_current=is_current,
        )

        device.additional_properties = d
        return device

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
