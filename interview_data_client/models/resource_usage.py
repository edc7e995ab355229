from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
    from ..models.day_of_use import DayOfUse


T = TypeVar("T", bound="ResourceUsage")


@_attrs_define
class ResourceUsage:
    """One resource in the month. Storage is counted in mebibytes, the others in pieces.

    Attributes:
        resource_type (str):
        used_count (int):
        limit_count (int | None): Null where the plan sets no limit.
        remaining_count (int | None): What is left of the limit, never below zero; null without a limit.
        overage_count (int): What was used over the limit.
        previous_used_count (int | None | Unset): In the month before; only where `compare` asks for it.
        change_percent (None | str | Unset): Against the month before, null where nothing was used in it; likewise.
        days (list[DayOfUse] | None | Unset): Days with usage, in UTC; only where `grain=day` asks for them.
    """

    resource_type: str
    used_count: int
    limit_count: int | None
    remaining_count: int | None
    overage_count: int
    previous_used_count: int | None | Unset = UNSET
    change_percent: None | str | Unset = UNSET
    days: list[DayOfUse] | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.day_of_use import DayOfUse  # noqa: PLC0415

        resource_type = self.resource_type

        used_count = self.used_count

        limit_count: int | None
        limit_count = self.limit_count

        remaining_count: int | None
        remaining_count = self.remaining_count

        overage_count = self.overage_count

        previous_used_count: int | None | Unset
        if isinstance(self.previous_used_count, Unset):
            previous_used_count = UNSET
        else:
            previous_used_count = self.previous_used_count

        change_percent: None | str | Unset
        if isinstance(self.change_percent, Unset):
            change_percent = UNSET
        else:
            change_percent = self.change_percent

        days: list[dict[str, Any]] | None | Unset
        if isinstance(self.days, Unset):
            days = UNSET
        elif isinstance(self.days, list):
            days = []
            for days_type_0_item_data in self.days:
                days_type_0_item = days_type_0_item_data.to_dict()
                days.append(days_type_0_item)

        else:
            days = self.days

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "resource_type": resource_type,
                "used_count": used_count,
                "limit_count": limit_count,
                "remaining_count": remaining_count,
                "overage_count": overage_count,
            }
        )
        if previous_used_count is not UNSET:
            field_dict["previous_used_count"] = previous_used_count
        if change_percent is not UNSET:
            field_dict["change_percent"] = change_percent
        if days is not UNSET:
            field_dict["days"] = days

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.day_of_use import DayOfUse  # noqa: PLC0415

        d = dict(src_dict)
        resource_type = d.pop("resource_type")

        used_count = d.pop("used_count")

        def _parse_limit_count(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        limit_count = _parse_limit_count(d.pop("limit_count"))

        def _parse_remaining_count(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        remaining_count = _parse_remaining_count(d.pop("remaining_count"))

        overage_count = d.pop("overage_count")

        def _parse_previous_used_count(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        previous_used_count = _parse_previous_used_count(d.pop("previous_used_count", UNSET))

        def _parse_change_percent(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        change_percent = _parse_change_percent(d.pop("change_percent", UNSET))

        def _parse_days(data: object) -> list[DayOfUse] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                days_type_0 = []
                _days_type_0 = data
                for days_type_0_item_data in _days_type_0:
                    days_type_0_item = DayOfUse.from_dict(days_type_0_item_data)

                    days_type_0.append(days_type_0_item)

                return days_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[DayOfUse] | None | Unset, data)

        days = _parse_days(d.pop("days", UNSET))

        resource_usage = cls(
            resource_type=resource_type,
            used_count=used_count,
            limit_count=limit_count,
            remaining_count=remaining_count,
            overage_count=overage_count,
            previous_used_count=previous_used_count,
            change_percent=change_percent,
            days=days,
        )

        resource_usage.additional_properties = d
        return resource_usage

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
