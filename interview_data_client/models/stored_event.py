from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime

if TYPE_CHECKING:
    from ..models.stored_event_event_data import StoredEventEventData


T = TypeVar("T", bound="StoredEvent")


@_attrs_define
class StoredEvent:
    """A fact of the history.

    Attributes:
        event_id (UUID):
        event_type (str):
        event_data (StoredEventEventData):
        version (int):
        timestamp (datetime.datetime):
    """

    event_id: UUID
    event_type: str
    event_data: StoredEventEventData
    version: int
    timestamp: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.stored_event_event_data import StoredEventEventData  # noqa: PLC0415

        event_id = str(self.event_id)

        event_type = self.event_type

        event_data = self.event_data.to_dict()

        version = self.version

        timestamp = self.timestamp.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "event_id": event_id,
                "event_type": event_type,
                "event_data": event_data,
                "version": version,
                "timestamp": timestamp,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.stored_event_event_data import StoredEventEventData  # noqa: PLC0415

        d = dict(src_dict)
        event_id = UUID(d.pop("event_id"))

        event_type = d.pop("event_type")

        event_data = StoredEventEventData.from_dict(d.pop("event_data"))

        version = d.pop("version")

        timestamp = datetime.datetime.fromisoformat(d.pop("timestamp"))

        stored_event = cls(
            event_id=event_id,
            event_type=event_type,
            event_data=event_data,
            version=version,
            timestamp=timestamp,
        )

        stored_event.additional_properties = d
        return stored_event

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
