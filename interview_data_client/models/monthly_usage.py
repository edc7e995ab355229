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
    from ..models.resource_usage import ResourceUsage


T = TypeVar("T", bound="MonthlyUsage")


@_attrs_define
class MonthlyUsage:
    """What a user used in a calendar month (UTC) against the plan in force in it.

    Attributes:
        user_id (UUID):
        month (str):
        plan_name (None | str): Null where no subscription was in force.
        resources (list[ResourceUsage]): Every resource of the plan or used.
        fresh_as_of (datetime.datetime | None): When the newest usage counted here was captured; null before any was.
        refreshed_at (datetime.datetime | None): When the numbers were last brought up to date.
    """

    user_id: UUID
    month: str
    plan_name: None | str
    resources: list[ResourceUsage]
    fresh_as_of: datetime.datetime | None
    refreshed_at: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.resource_usage import ResourceUsage  # noqa: PLC0415

        user_id = str(self.user_id)

        month = self.month

        plan_name: None | str
        plan_name = self.plan_name

        resources = []
        for resources_item_data in self.resources:
            resources_item = resources_item_data.to_dict()
            resources.append(resources_item)

        fresh_as_of: None | str
        if isinstance(self.fresh_as_of, datetime.datetime):
            fresh_as_of = self.fresh_as_of.isoformat()
        else:
            fresh_as_of = self.fresh_as_of

        refreshed_at: None | str
        if isinstance(self.refreshed_at, datetime.datetime):
            refreshed_at = self.refreshed_at.isoformat()
        else:
            refreshed_at = self.refreshed_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "user_id": user_id,
                "month": month,
                "plan_name": plan_name,
                "resources": resources,
                "fresh_as_of": fresh_as_of,
                "refreshed_at": refreshed_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.resource_usage import ResourceUsage  # noqa: PLC0415

        d = dict(src_dict)
        user_id = UUID(d.pop("user_id"))

        month = d.pop("month")

        def _parse_plan_name(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        plan_name = _parse_plan_name(d.pop("plan_name"))

        resources = []
        _resources = d.pop("resources")
        for resources_item_data in _resources:
            resources_item = ResourceUsage.from_dict(resources_item_data)

            resources.append(resources_item)

        def _parse_fresh_as_of(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                fresh_as_of_type_0 = datetime.datetime.fromisoformat(data)

                return fresh_as_of_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        fresh_as_of = _parse_fresh_as_of(d.pop("fresh_as_of"))

        def _parse_refreshed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                refreshed_at_type_0 = datetime.datetime.fromisoformat(data)

                return refreshed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        refreshed_at = _parse_refreshed_at(d.pop("refreshed_at"))

        monthly_usage = cls(
            user_id=user_id,
            month=month,
            plan_name=plan_name,
            resources=resources,
            fresh_as_of=fresh_as_of,
            refreshed_at=refreshed_at,
        )

        monthly_usage.additional_properties = d
        return monthly_usage

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
