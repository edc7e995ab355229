from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast
from uuid import UUID

if TYPE_CHECKING:
    from ..models.new_event_event_data import NewEventEventData


T = TypeVar("T", bound="NewEvent")


@_attrs_define
class NewEvent:
    """A fact to append.

    Attributes:
        event_id (UUID): Made once for each fact: a repeated append is recognised.
        event_type (str):
        event_data (NewEventEventData | Unset): At most 64 KiB.
    """

    event_id: UUID
    event_type: str
    event_data: NewEventEventData | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.new_event_event_data import NewEventEventData  # noqa: PLC0415

        event_id = str(self.event_id)

        event_type = self.event_type

        event_data: dict[str, Any] | Unset = UNSET
        if not isinstance(self.event_data, Unset):
            event_data = self.event_data.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "event_id": event_id,
                "event_type": event_type,
            }
        )
        if event_data is not UNSET:
            field_dict["event_data"] = event_data

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.new_event_event_data import NewEventEventData  # noqa: PLC0415

        d = dict(src_dict)
        event_id = UUID(d.pop("event_id"))

        event_type = d.pop("event_type")

        _event_data = d.pop("event_data", UNSET)
        event_data: NewEventEventData | Unset
        if isinstance(_event_data, Unset):
            event_data = UNSET
        else:
            event_data = NewEventEventData.from_dict(_event_data)

        new_event = cls(
            event_id=event_id,
            event_type=event_type,
            event_data=event_data,
        )

        return new_event
