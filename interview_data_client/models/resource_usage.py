from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast


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
    """

    resource_type: str
    used_count: int
    limit_count: int | None
    remaining_count: int | None
    overage_count: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        resource_type = self.resource_type

        used_count = self.used_count

        limit_count: int | None
        limit_count = self.limit_count

        remaining_count: int | None
        remaining_count = self.remaining_count

        overage_count = self.overage_count

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

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
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

        resource_usage = cls(
            resource_type=resource_type,
            used_count=used_count,
            limit_count=limit_count,
            remaining_count=remaining_count,
            overage_count=overage_count,
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
