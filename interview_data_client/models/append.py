from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast

if TYPE_CHECKING:
    from ..models.new_event import NewEvent


T = TypeVar("T", bound="Append")


@_attrs_define
class Append:
    """Facts to append together, all or none.

    Attributes:
        expected_version (int): Where the aggregate is; 0: there is none yet.
        events (list[NewEvent]):
    """

    expected_version: int
    events: list[NewEvent]

    def to_dict(self) -> dict[str, Any]:
        from ..models.new_event import NewEvent  # noqa: PLC0415

        expected_version = self.expected_version

        events = []
        for events_item_data in self.events:
            events_item = events_item_data.to_dict()
            events.append(events_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "expected_version": expected_version,
                "events": events,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.new_event import NewEvent  # noqa: PLC0415

        d = dict(src_dict)
        expected_version = d.pop("expected_version")

        events = []
        _events = d.pop("events")
        for events_item_data in _events:
            events_item = NewEvent.from_dict(events_item_data)

            events.append(events_item)

        append = cls(
            expected_version=expected_version,
            events=events,
        )

        return append
