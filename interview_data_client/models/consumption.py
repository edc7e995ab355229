from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.consumption_enforcement import ConsumptionEnforcement
from ..models.consumption_mode import ConsumptionMode
from ..models.consumption_resource import ConsumptionResource
from ..models.consumption_source import ConsumptionSource
from typing import cast
from uuid import UUID
import datetime


T = TypeVar("T", bound="Consumption")


@_attrs_define
class Consumption:
    """What was used, and where the user stands after it.

    Attributes:
        resource (ConsumptionResource):
        plan_name (None | str): Null without an active subscription.
        mode (ConsumptionMode): Hard: refused beyond the limit. Soft: told, and refused beyond its grace.
        limit_count (int | None): Null where the plan sets no limit.
        used_count (int):
        reserved_count (int): Held by reservations that have not ended.
        remaining_count (int | None): Null without a limit; never below zero.
        is_over_limit (bool):
        resets_at (datetime.datetime): When the month ends, in UTC.
        source (ConsumptionSource): The counter in Redis, or the ledger while Redis is away.
        counted_at (datetime.datetime): When the counter was last counted from the ledger.
        enforcement (ConsumptionEnforcement): Unchecked: recorded while Redis was away, as QUOTA_FAILS_OPEN allows.
        is_complete (bool): False: the plan counts events too, and ClickHouse, which has them, is away.
        id (UUID): The entry in usage_tracking.
        user_id (UUID):
        amount (int):
        is_repeat (bool): The same request was answered before; nothing was used.
    """

    resource: ConsumptionResource
    plan_name: None | str
    mode: ConsumptionMode
    limit_count: int | None
    used_count: int
    reserved_count: int
    remaining_count: int | None
    is_over_limit: bool
    resets_at: datetime.datetime
    source: ConsumptionSource
    counted_at: datetime.datetime
    enforcement: ConsumptionEnforcement
    is_complete: bool
    id: UUID
    user_id: UUID
    amount: int
    is_repeat: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        resource = self.resource.value

        plan_name: None | str
        plan_name = self.plan_name

        mode = self.mode.value

        limit_count: int | None
        limit_count = self.limit_count

        used_count = self.used_count

        reserved_count = self.reserved_count

        remaining_count: int | None
        remaining_count = self.remaining_count

        is_over_limit = self.is_over_limit

        resets_at = self.resets_at.isoformat()

        source = self.source.value

        counted_at = self.counted_at.isoformat()

        enforcement = self.enforcement.value

        is_complete = self.is_complete

        id = str(self.id)

        user_id = str(self.user_id)

        amount = self.amount

        is_repeat = self.is_repeat

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "resource": resource,
                "plan_name": plan_name,
                "mode": mode,
                "limit_count": limit_count,
                "used_count": used_count,
                "reserved_count": reserved_count,
                "remaining_count": remaining_count,
                "is_over_limit": is_over_limit,
                "resets_at": resets_at,
                "source": source,
                "counted_at": counted_at,
                "enforcement": enforcement,
                "is_complete": is_complete,
                "id": id,
                "user_id": user_id,
                "amount": amount,
                "is_repeat": is_repeat,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        resource = ConsumptionResource(d.pop("resource"))

        def _parse_plan_name(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        plan_name = _parse_plan_name(d.pop("plan_name"))

        mode = ConsumptionMode(d.pop("mode"))

        def _parse_limit_count(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        limit_count = _parse_limit_count(d.pop("limit_count"))

        used_count = d.pop("used_count")

        reserved_count = d.pop("reserved_count")

        def _parse_remaining_count(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        remaining_count = _parse_remaining_count(d.pop("remaining_count"))

        is_over_limit = d.pop("is_over_limit")

        resets_at = datetime.datetime.fromisoformat(d.pop("resets_at"))

        source = ConsumptionSource(d.pop("source"))

        counted_at = datetime.datetime.fromisoformat(d.pop("counted_at"))

        enforcement = ConsumptionEnforcement(d.pop("enforcement"))

        is_complete = d.pop("is_complete")

        id = UUID(d.pop("id"))

        user_id = UUID(d.pop("user_id"))

        amount = d.pop("amount")

        is_repeat = d.pop("is_repeat")

        consumption = cls(
            resource=resource,
            plan_name=plan_name,
            mode=mode,
            limit_count=limit_count,
            used_count=used_count,
            reserved_count=reserved_count,
            remaining_count=remaining_count,
            is_over_limit=is_over_limit,
            resets_at=resets_at,
            source=source,
            counted_at=counted_at,
            enforcement=enforcement,
            is_complete=is_complete,
            id=id,
            user_id=user_id,
            amount=amount,
            is_repeat=is_repeat,
        )

        consumption.additional_properties = d
        return consumption

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
