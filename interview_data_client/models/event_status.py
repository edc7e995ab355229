from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.event_status_status import EventStatusStatus
from ..types import UNSET, Unset
from typing import cast
from uuid import UUID
import datetime

if TYPE_CHECKING:
    from ..models.refusal import Refusal
    from ..models.slice_ import Slice
    from ..models.watermark import Watermark


T = TypeVar("T", bound="EventStatus")


@_attrs_define
class EventStatus:
    """What became of an event.

    Attributes:
        event_id (UUID):
        type_ (str):
        status (EventStatusStatus): received: on disk on the bus. stored: a row in ClickHouse. counted: in its slice of
            the rollup. rejected: none of it, see `refusals`.
        refusals (list[Refusal]): What was refused under this id; beside a stored event, a conflicting one.
        event_time (datetime.datetime | None | Unset): The event's own time.
        received_at (datetime.datetime | None | Unset):
        slice_ (None | Slice | Unset):
        watermark (None | Unset | Watermark):
    """

    event_id: UUID
    type_: str
    status: EventStatusStatus
    refusals: list[Refusal]
    event_time: datetime.datetime | None | Unset = UNSET
    received_at: datetime.datetime | None | Unset = UNSET
    slice_: None | Slice | Unset = UNSET
    watermark: None | Unset | Watermark = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.refusal import Refusal  # noqa: PLC0415
        from ..models.slice_ import Slice  # noqa: PLC0415
        from ..models.watermark import Watermark  # noqa: PLC0415

        event_id = str(self.event_id)

        type_ = self.type_

        status = self.status.value

        refusals = []
        for refusals_item_data in self.refusals:
            refusals_item = refusals_item_data.to_dict()
            refusals.append(refusals_item)

        event_time: None | str | Unset
        if isinstance(self.event_time, Unset):
            event_time = UNSET
        elif isinstance(self.event_time, datetime.datetime):
            event_time = self.event_time.isoformat()
        else:
            event_time = self.event_time

        received_at: None | str | Unset
        if isinstance(self.received_at, Unset):
            received_at = UNSET
        elif isinstance(self.received_at, datetime.datetime):
            received_at = self.received_at.isoformat()
        else:
            received_at = self.received_at

        slice_: dict[str, Any] | None | Unset
        if isinstance(self.slice_, Unset):
            slice_ = UNSET
        elif isinstance(self.slice_, Slice):
            slice_ = self.slice_.to_dict()
        else:
            slice_ = self.slice_

        watermark: dict[str, Any] | None | Unset
        if isinstance(self.watermark, Unset):
            watermark = UNSET
        elif isinstance(self.watermark, Watermark):
            watermark = self.watermark.to_dict()
        else:
            watermark = self.watermark

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "event_id": event_id,
                "type": type_,
                "status": status,
                "refusals": refusals,
            }
        )
        if event_time is not UNSET:
            field_dict["event_time"] = event_time
        if received_at is not UNSET:
            field_dict["received_at"] = received_at
        if slice_ is not UNSET:
            field_dict["slice"] = slice_
        if watermark is not UNSET:
            field_dict["watermark"] = watermark

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.refusal import Refusal  # noqa: PLC0415
        from ..models.slice_ import Slice  # noqa: PLC0415
        from ..models.watermark import Watermark  # noqa: PLC0415

        d = dict(src_dict)
        event_id = UUID(d.pop("event_id"))

        type_ = d.pop("type")

        status = EventStatusStatus(d.pop("status"))

        refusals = []
        _refusals = d.pop("refusals")
        for refusals_item_data in _refusals:
            refusals_item = Refusal.from_dict(refusals_item_data)

            refusals.append(refusals_item)

        def _parse_event_time(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                event_time_type_0 = datetime.datetime.fromisoformat(data)

                return event_time_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        event_time = _parse_event_time(d.pop("event_time", UNSET))

        def _parse_received_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                received_at_type_0 = datetime.datetime.fromisoformat(data)

                return received_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        received_at = _parse_received_at(d.pop("received_at", UNSET))

        def _parse_slice_(data: object) -> None | Slice | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                slice_type_0 = Slice.from_dict(data)

                return slice_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Slice | Unset, data)

        slice_ = _parse_slice_(d.pop("slice", UNSET))

        def _parse_watermark(data: object) -> None | Unset | Watermark:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                watermark_type_0 = Watermark.from_dict(data)

                return watermark_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | Watermark, data)

        watermark = _parse_watermark(d.pop("watermark", UNSET))

        event_status = cls(
            event_id=event_id,
            type_=type_,
            status=status,
            refusals=refusals,
            event_time=event_time,
            received_at=received_at,
            slice_=slice_,
            watermark=watermark,
        )

        event_status.additional_properties = d
        return event_status

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
