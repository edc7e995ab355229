from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.wanted_reservation_resource import WantedReservationResource
from ..types import UNSET, Unset
from typing import cast
from uuid import UUID


T = TypeVar("T", bound="WantedReservation")


@_attrs_define
class WantedReservation:
    """An amount to hold for a while.

    Attributes:
        user_id (UUID):
        resource (WantedReservationResource):
        amount (int | Unset):  Default: 1.
        ttl_seconds (int | None | Unset): How long it holds; by default what QUOTA_RESERVATION_SECONDS says.
    """

    user_id: UUID
    resource: WantedReservationResource
    amount: int | Unset = 1
    ttl_seconds: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        user_id = str(self.user_id)

        resource = self.resource.value

        amount = self.amount

        ttl_seconds: int | None | Unset
        if isinstance(self.ttl_seconds, Unset):
            ttl_seconds = UNSET
        else:
            ttl_seconds = self.ttl_seconds

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "user_id": user_id,
                "resource": resource,
            }
        )
        if amount is not UNSET:
            field_dict["amount"] = amount
        if ttl_seconds is not UNSET:
            field_dict["ttl_seconds"] = ttl_seconds

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        user_id = UUID(d.pop("user_id"))

        resource = WantedReservationResource(d.pop("resource"))

        amount = d.pop("amount", UNSET)

        def _parse_ttl_seconds(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        ttl_seconds = _parse_ttl_seconds(d.pop("ttl_seconds", UNSET))

        wanted_reservation = cls(
            user_id=user_id,
            resource=resource,
            amount=amount,
            ttl_seconds=ttl_seconds,
        )

        return wanted_reservation
