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
    from ..models.entitlement import Entitlement


T = TypeVar("T", bound="Entitlements")


@_attrs_define
class Entitlements:
    """What the user's plan allows this calendar month (UTC), and what is left of it.

    Attributes:
        user_id (UUID):
        month (str):
        plan_name (None | str): Null without an active subscription.
        subscription_id (None | UUID):
        subscription_ends_at (datetime.datetime | None): When the paid period ends.
        resources (list[Entitlement]):
        as_of (datetime.datetime): When this was true.
        is_plan_stale (bool): The plan is the one remembered, because PostgreSQL is away.
    """

    user_id: UUID
    month: str
    plan_name: None | str
    subscription_id: None | UUID
    subscription_ends_at: datetime.datetime | None
    resources: list[Entitlement]
    as_of: datetime.datetime
    is_plan_stale: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.entitlement import Entitlement  # noqa: PLC0415

        user_id = str(self.user_id)

        month = self.month

        plan_name: None | str
        plan_name = self.plan_name

        subscription_id: None | str
        if isinstance(self.subscription_id, UUID):
            subscription_id = str(self.subscription_id)
        else:
            subscription_id = self.subscription_id

        subscription_ends_at: None | str
        if isinstance(self.subscription_ends_at, datetime.datetime):
            subscription_ends_at = self.subscription_ends_at.isoformat()
        else:
            subscription_ends_at = self.subscription_ends_at

        resources = []
        for resources_item_data in self.resources:
            resources_item = resources_item_data.to_dict()
            resources.append(resources_item)

        as_of = self.as_of.isoformat()

        is_plan_stale = self.is_plan_stale

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "user_id": user_id,
                "month": month,
                "plan_name": plan_name,
                "subscription_id": subscription_id,
                "subscription_ends_at": subscription_ends_at,
                "resources": resources,
                "as_of": as_of,
                "is_plan_stale": is_plan_stale,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.entitlement import Entitlement  # noqa: PLC0415

        d = dict(src_dict)
        user_id = UUID(d.pop("user_id"))

        month = d.pop("month")

        def _parse_plan_name(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        plan_name = _parse_plan_name(d.pop("plan_name"))

        def _parse_subscription_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                subscription_id_type_0 = UUID(data)

                return subscription_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        subscription_id = _parse_subscription_id(d.pop("subscription_id"))

        def _parse_subscription_ends_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                subscription_ends_at_type_0 = datetime.datetime.fromisoformat(data)

                return subscription_ends_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        subscription_ends_at = _parse_subscription_ends_at(d.pop("subscription_ends_at"))

        resources = []
        _resources = d.pop("resources")
        for resources_item_data in _resources:
            resources_item = Entitlement.from_dict(resources_item_data)

            resources.append(resources_item)

        as_of = datetime.datetime.fromisoformat(d.pop("as_of"))

        is_plan_stale = d.pop("is_plan_stale")

        entitlements = cls(
            user_id=user_id,
            month=month,
            plan_name=plan_name,
            subscription_id=subscription_id,
            subscription_ends_at=subscription_ends_at,
            resources=resources,
            as_of=as_of,
            is_plan_stale=is_plan_stale,
        )

        entitlements.additional_properties = d
        return entitlements

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
