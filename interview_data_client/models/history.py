from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID

if TYPE_CHECKING:
    from ..models.stored_event import StoredEvent


T = TypeVar("T", bound="History")


@_attrs_define
class History:
    """A part of a history, in order.

    Attributes:
        aggregate_type (str):
        aggregate_id (UUID):
        events (list[StoredEvent]):
        next_after_version (int | None): Give this as `after_version` for the next part; null at the end.
    """

    aggregate_type: str
    aggregate_id: UUID
    events: list[StoredEvent]
    next_after_version: int | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.stored_event import StoredEvent  # noqa: PLC0415

        aggregate_type = self.aggregate_type

        aggregate_id = str(self.aggregate_id)

        events = []
        for events_item_data in self.events:
            events_item = events_item_data.to_dict()
            events.append(events_item)

        next_after_version: int | None
        next_after_version = self.next_after_version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "aggregate_type": aggregate_type,
                "aggregate_id": aggregate_id,
                "events": events,
                "next_after_version": next_after_version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.stored_event import StoredEvent  # noqa: PLC0415

        d = dict(src_dict)
        aggregate_type = d.pop("aggregate_type")

        aggregate_id = UUID(d.pop("aggregate_id"))

        events = []
        _events = d.pop("events")
        for events_item_data in _events:
            events_item = StoredEvent.from_dict(events_item_data)

            events.append(events_item)

        def _parse_next_after_version(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        next_after_version = _parse_next_after_version(d.pop("next_after_version"))

        history = cls(
            aggregate_type=aggregate_type,
            aggregate_id=aggregate_id,
            events=events,
            next_after_version=next_after_version,
        )

        history.additional_properties = d
        return history

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
